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
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { memory_bytes: 64 << 20, message_bytes: 16 << 20, mailbox_messages: 1_000_000, mailbox_bytes: 64 << 20 }
    }
}
