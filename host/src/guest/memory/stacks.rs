//! The stacks of the actors' fibers: one slot each, its lowest page a guard.

use std::ops::Range;
use std::sync::Arc;

use wasmtime::{Result, StackCreator, StackMemory, ensure};

use super::pages;
use super::slab::{Slab, Slot};

/// Bytes at the top of a stack that stay resident while it is free: what an actor that waits has in use.
const WARM_BYTES: usize = 8 << 10;

/// Hands out stacks.
pub(super) struct StackSlabs(pub(super) Arc<Slab>);

// SAFETY: each stack is a slot that nobody else has, page-aligned and zero, with a guard below it.
unsafe impl StackCreator for StackSlabs {
    fn new_stack(&self, size: usize, _zeroed: bool) -> Result<Box<dyn StackMemory>> {
        let slab = self.0.clone();
        let guard_bytes = rustix::param::page_size();
        ensure!(
            size + guard_bytes == slab.slot_bytes(),
            "a stack of {size} bytes was asked for, which is not our size"
        );
        let (slot, _) = slab.take()?;
        Ok(Box::new(Stack { slab, slot, guard_bytes }))
    }
}

/// One actor's stack.
struct Stack {
    slab: Arc<Slab>,
    slot: Slot,
    guard_bytes: usize,
}

// SAFETY: the addresses are those of the slot, which stays mapped as long as `self.slab`.
unsafe impl StackMemory for Stack {
    fn top(&self) -> *mut u8 {
        self.slot.base().as_ptr().wrapping_add(self.slab.slot_bytes())
    }

    fn range(&self) -> Range<usize> {
        self.guard_range().end as usize..self.top() as usize
    }

    fn guard_range(&self) -> Range<*mut u8> {
        let guard = self.slot.base().as_ptr();
        guard..guard.wrapping_add(self.guard_bytes)
    }
}

impl Drop for Stack {
    /// Nothing reads a stack before it has written it, neither WebAssembly's frames nor the host's. It is zero all the
    /// same when the next actor has it, which costs two cached pages.
    fn drop(&mut self) {
        let slab = &self.slab;
        let warm = slab.wants_warm();
        let kept = if warm { WARM_BYTES.next_multiple_of(self.guard_bytes) } else { 0 };
        let (guard, rest) = (self.guard_bytes, slab.slot_bytes() - kept);
        // SAFETY: the fiber is gone, so nobody uses its stack, whose parts these are. With them all of it is zero; its
        // slot is given back once.
        unsafe {
            pages::discard(self.slot.base().add(guard), rest - guard);
            pages::zero(self.slot.base().add(rest), kept);
            slab.give(self.slot.base(), warm);
        }
    }
}
