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

/// The entries, by name.
const ENTRIES: &[(&str, Behavior)] = &[("supervisor", supervisor::run), ("router", router::route)];

/// The behavior of `greenroom/ENTRY`.
///
/// # Errors
///
/// `no-such-entry`, with those there are.
pub(crate) fn find(entry: &str) -> Result<Behavior, Refusal> {
    let found = ENTRIES.iter().find(|(name, _)| *name == entry);
    found.map(|(_, behavior)| *behavior).ok_or_else(|| {
        let names: Vec<&str> = ENTRIES.iter().map(|(name, _)| *name).collect();
        let message = format!("`greenroom` has no entry `{}`; it has {}", quoted(entry), names.join(", "));
        Refusal::new(RefusalKind::NoSuchEntry, message).with("entries", names)
    })
}
