//! How much an actor may use.

/// Bounds for each actor of a node, in numbers and bytes. [`Limits::default`] is the profile `local` of one's own code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Linear memory and tables of one actor, in bytes: 64 MiB. Growth beyond it is refused to the guest, whose
    /// allocator then usually traps (`out-of-memory`).
    pub memory_bytes: usize,
    /// One message, or the arguments of a spawn, in bytes: 16 MiB. A larger one is refused (`too-large`).
    pub message_bytes: usize,
    /// Messages that wait in one mailbox: 1,000,000. One more is refused (`mailbox-full`).
    pub mailbox_messages: usize,
    /// Bytes of the messages that wait in one mailbox: 64 MiB. More is refused (`mailbox-full`).
    pub mailbox_bytes: usize,
    /// Links, and as many monitors, that one actor makes, and as many again that others make of it: 1,000,000. One more
    /// is refused (`limit`). Those whose message is not received yet are counted.
    pub links: usize,
    /// Timers of one actor: 100,000, those counted whose message is not received yet. One more is refused (`limit`).
    pub timers: usize,
    /// Names of one actor: 1,000. One more is refused (`limit`).
    pub names: usize,
    /// Narrowed addresses that one actor has made, and answers that it expects at such: 100,000 each. One more is refused
    /// (`limit`).
    pub narrowed: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory_bytes: 64 << 20,
            message_bytes: 16 << 20,
            mailbox_messages: 1_000_000,
            mailbox_bytes: 64 << 20,
            links: 1_000_000,
            timers: 100_000,
            names: 1000,
            narrowed: 100_000,
        }
    }
}
