//! The node's own entries: `greenroom/…`, ordinary actors that come with it.

use std::future::Future;
use std::pin::Pin;

use super::{Context, router, supervisor};
use crate::address::quoted;
use crate::message::Message;
use crate::refusal::{Refusal, RefusalKind};

/// What stands before the name of such an entry.
pub(crate) const PREFIX: &str = "greenroom/";

/// An entry's behavior: what it does with its arguments.
pub(crate) type Behavior = fn(Context, Message) -> Pin<Box<dyn Future<Output = Result<Message, Message>> + Send>>;

/// One of the node's own entries.
pub(crate) struct Builtin {
    name: &'static str,
    pub(crate) behavior: Behavior,
    /// From its first moment, as by the option of a spawn: whoever asks it to end before it has begun is heard too.
    pub(crate) traps_exits: bool,
}

const ENTRIES: &[Builtin] = &[
    Builtin { name: "supervisor", behavior: supervisor::run, traps_exits: true },
    Builtin { name: "router", behavior: router::run, traps_exits: false },
];

/// Finds `greenroom/ENTRY`.
///
/// # Errors
///
/// `no-such-entry`, with those there are.
pub(crate) fn find(entry: &str) -> Result<&'static Builtin, Refusal> {
    ENTRIES.iter().find(|own| own.name == entry).ok_or_else(|| {
        let names: Vec<&str> = ENTRIES.iter().map(|own| own.name).collect();
        let message = format!("`greenroom` has no entry `{}`; it has {}", quoted(entry), names.join(", "));
        Refusal::new(RefusalKind::NoSuchEntry, message).with("entries", names)
    })
}
