//! The page below a stack that must not be touched.

use std::io;

use super::pages::{self, Chunk};
use super::slab::{NoSlot, Slot};
use crate::guest::mappings::{self, Mappings};

/// What a guard costs where it must be a mapping of its own: itself, and the stack that it cuts off from the next.
const MAPPINGS_PER_GUARD: usize = 2;

/// How the lowest page of a slot is guarded.
#[derive(Clone, Copy)]
pub(super) enum Guards {
    /// It is not: an ordinary page.
    None,
    /// By a mark in the page table.
    Within,
    /// As a mapping of its own.
    Apart,
}

impl Guards {
    /// The better kind that this system has: marks from Linux 6.13 on.
    pub(super) fn here() -> Guards {
        let page_bytes = rustix::param::page_size();
        let marked = Chunk::map(page_bytes, 0).and_then(|page| {
            // SAFETY: a page that nobody has heard of, unmapped at the end of this block.
            unsafe { pages::guard_within(page.at(0), page_bytes) }
        });
        if marked.is_ok() { Guards::Within } else { Guards::Apart }
    }

    /// Guards a slot, for as long as it is mapped: so long its mappings are taken.
    ///
    /// # Errors
    ///
    /// The process has no mapping left; the slot is as it was.
    pub(super) fn install(self, slot: &Slot) -> Result<Option<Mappings>, NoSlot> {
        let page_bytes = rustix::param::page_size();
        let (install, mappings): (unsafe fn(_, _) -> io::Result<()>, _) = match self {
            Guards::None => return Ok(None),
            Guards::Within => (pages::guard_within, None),
            Guards::Apart => (pages::guard_apart, Some(mappings::reserve(MAPPINGS_PER_GUARD)?)),
        };
        // SAFETY: the lowest page of a slot that nobody else has.
        unsafe { install(slot.base(), page_bytes) }?;
        Ok(mappings)
    }
}
