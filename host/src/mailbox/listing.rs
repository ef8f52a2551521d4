//! What a mailbox tells who runs the node.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Mailbox;
use crate::lock::lock;

impl Mailbox {
    /// The actor runs this, as `module/entry`. Said once, before it runs.
    pub(crate) fn runs(&self, entry: Arc<str>) {
        _ = self.entry.set(entry);
    }

    /// What the actor runs; none: a behavior in Rust.
    pub(crate) fn entry(&self) -> Option<&str> {
        self.entry.get().map(|entry| &**entry)
    }

    /// Living children.
    pub(crate) fn children(&self) -> u64 {
        self.children.load(Ordering::Relaxed)
    }

    /// What waits: messages, and the bytes of those without a place of their own.
    pub(crate) fn waits(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.queue.len(), state.queue.competing().1)
    }
}
