//! Which pages instances of one kind are used to touch, learned by looking at some.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use super::pages;

/// One in so many memories is looked at.
const LOOK_EVERY: u32 = 16;

/// What is usual for one kind of memory. A guess: right or wrong, no byte is different.
#[derive(Default)]
pub(super) struct Habit {
    /// The pages that the last two memories looked at both had, the first in the lowest bit.
    usual: AtomicU64,
    last: AtomicU64,
    taken: AtomicU32,
    /// A memory that was taken some time ago, by now probably at work. Null at first.
    earlier: AtomicPtr<u8>,
}

impl Habit {
    pub(super) fn usual(&self) -> u64 {
        self.usual.load(Ordering::Relaxed)
    }

    /// A memory without any page begins at `base`.
    ///
    /// # Safety
    ///
    /// It has `pages` pages, and what was given before is still mapped, as is all of a slab while the slab is there.
    pub(super) unsafe fn taken(&self, base: NonNull<u8>, pages: usize, page_bytes: usize) {
        if !self.taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            return;
        }
        let earlier = self.earlier.swap(base.as_ptr(), Ordering::Relaxed);
        if let Some(earlier) = NonNull::new(earlier) {
            // SAFETY: the caller's promise.
            self.learn(unsafe { pages::resident(earlier, pages, page_bytes) });
        }
    }

    /// One of them had these pages.
    pub(super) fn learn(&self, pages: u64) {
        // None: it has ended, or has not begun.
        if pages != 0 {
            let last = self.last.swap(pages, Ordering::Relaxed);
            self.usual.store(last & pages, Ordering::Relaxed);
        }
    }
}

/// The runs of ones among the lowest `pages` bits, and the runs of zeros between them, from the lowest: whether it is
/// one of ones, its first bit, and how many.
pub(super) fn runs(bits: u64, pages: usize) -> impl Iterator<Item = (bool, usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= pages {
            return None;
        }
        let rest = bits.checked_shr(at as u32).unwrap_or(0);
        let ones = rest & 1 == 1;
        let length = if ones { rest.trailing_ones() } else { rest.trailing_zeros() } as usize;
        let run = (ones, at, length.min(pages - at));
        at += length;
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_each_page_once_and_in_order() {
        let of = |bits, pages| runs(bits, pages).collect::<Vec<_>>();
        assert_eq!(of(0b0110_0111, 8), [(true, 0, 3), (false, 3, 2), (true, 5, 2), (false, 7, 1)]);
        assert_eq!(of(u64::MAX, 64), [(true, 0, 64)]);
        assert_eq!(of(0, 64), [(false, 0, 64)]);
        assert_eq!(of(0b100, 2), [(false, 0, 2)]);
        assert_eq!(of(1 << 63, 70), [(false, 0, 63), (true, 63, 1), (false, 64, 6)]);
        assert_eq!(of(1, 0), []);
    }

    #[test]
    fn usual_is_what_two_in_a_row_had() {
        let habit = Habit::default();
        habit.learn(0b0111);
        assert_eq!(habit.usual(), 0);
        habit.learn(0b1110);
        assert_eq!(habit.usual(), 0b0110);
        habit.learn(0);
        assert_eq!(habit.usual(), 0b0110);
        habit.learn(0b1000);
        assert_eq!(habit.usual(), 0b1000);
    }
}
