//! A panic inside a lock, at will: what a bug in any critical section would be to all who share it.

use std::cell::Cell;

thread_local! {
    /// How many locks this thread takes before the one in which it panics.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// This thread shall panic while it holds a lock, once: the next if `locks` is 0.
pub(crate) fn panic_after(locks: usize) {
    LEFT.set(Some(locks));
}

/// It shall not. Answers whether it has panicked since it was told to.
pub(crate) fn spent() -> bool {
    LEFT.take().is_none()
}

/// A lock was taken and is held.
pub(super) fn taken() {
    match LEFT.get() {
        None => {}
        Some(0) => {
            LEFT.set(None);
            panic!("the test provokes a panic inside a lock");
        }
        Some(locks) => LEFT.set(Some(locks - 1)),
    }
}
