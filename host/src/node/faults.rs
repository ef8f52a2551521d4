//! Panics in the host's own code: each is counted, and none keeps an actor's end from those who wait for it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::Kernel;

impl Kernel {
    /// The host panicked while it served an actor. Counts it, says so, and answers the panic's text.
    pub(crate) fn host_fault(&self, panic: &(dyn Any + Send)) -> String {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("no text");
        self.faults.fetch_add(1, Ordering::Relaxed);
        // The subscriber is the embedder's, and may be what panicked.
        let say = || tracing::error!(target: "greenroom", "the host panicked while it served an actor: {text}");
        _ = catch_unwind(AssertUnwindSafe(say));
        text.to_owned()
    }

    /// How often the host has panicked.
    pub(crate) fn host_faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Does something that must not take anything else along: a panic in it is counted, and that is all.
    pub(crate) fn contain<T>(&self, part: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(part)).map_err(|panic| self.host_fault(&*panic)).ok()
    }

    /// Does one part of an actor's end. If it panics, does it once more, so it must be such that twice is as good as once;
    /// if it panics again, goes on without it: an end that is told is worth more than one that is tidy.
    pub(crate) fn persist<T>(&self, part: impl Fn() -> T) -> Option<T> {
        self.contain(&part).or_else(|| self.contain(&part))
    }
}
