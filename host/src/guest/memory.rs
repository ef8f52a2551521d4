//! Where the memories and stacks of actors come from: a few large mappings, cut into slots.
//!
//! An actor of its own mappings would take three of the 65,530 that Linux gives a process, and six system calls. A slot
//! takes none, and one that was in use before hardly faults. The bounds of a memory stay exact: compiled code checks
//! each access against the bytes the guest has, so slots need nothing unmapped between them.
//!
//! This room and its inner rooms are where the host's `unsafe` is. What they promise: a slot has one owner, and is all
//! zero when somebody gets it, whoever had it before.

mod budget;
mod guards;
mod habits;
mod pages;
mod slab;
mod stacks;

use std::ptr::NonNull;
use std::sync::Arc;

use thiserror::Error;
use wasmtime::{Config, LinearMemory, MemoryCreator, MemoryType, Result};

use crate::refusal::Refusal;
use budget::{BUDGET, Promise};
use guards::Guards;
use habits::{Habit, runs};
use slab::{NoSlot, Slab, Slot};
use stacks::StackSlabs;

/// Sizes of the slots for memories. One begins in the smallest that holds it and moves up when it outgrows it. The
/// first is what a small guest needs; eight of them share one page of the page table. The last is all that 32 bits
/// can address.
const CLASS_BYTES: [usize; 7] = [256 << 10, 2 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30, 4 << 30];

/// WebAssembly's page.
const WASM_PAGE_BYTES: usize = 64 << 10;

/// The slots of one engine. They belong to it and not to the process, so that all goes back to the system when a node
/// is dropped.
pub(super) struct Slabs {
    memories: Arc<Memories>,
    stacks: Arc<Slab>,
}

/// What one actor needs to begin, set aside until it is dropped.
pub(super) struct Place {
    _promise: Promise<'static>,
    _stack: slab::Place,
    _memories: slab::Place,
}

/// The memories of a new instance.
#[derive(Clone, Copy)]
pub(super) struct Needs {
    /// How many.
    pub(super) memories: usize,
    /// How large the largest of them is.
    pub(super) bytes: usize,
}

impl Slabs {
    /// For fibers with stacks of so many bytes, which are whole pages.
    pub(super) fn new(stack_bytes: usize) -> Slabs {
        let page_bytes = rustix::param::page_size();
        Slabs {
            memories: Arc::new(Memories::new(page_bytes)),
            stacks: Arc::new(Slab::new(stack_bytes + page_bytes, Guards::here())),
        }
    }

    /// Has an engine take its memories and stacks from here.
    pub(super) fn serve(&self, config: &mut Config) {
        config
            // An image would have to be mapped over a memory.
            .memory_init_cow(false)
            .with_host_memory(Arc::new(MemorySlabs(self.memories.clone())))
            .with_host_stack(Arc::new(StackSlabs(self.stacks.clone())));
    }

    /// Sets aside what one actor needs to begin, so that it does not fail where nobody is told. `stack_bytes` of its
    /// stack are counted as if it had used them: nobody is asked when it does.
    ///
    /// # Errors
    ///
    /// `limit`: the machine has not enough for one more.
    pub(super) fn reserve(&self, needs: Needs, stack_bytes: usize) -> Result<Place, Refusal> {
        let promise = BUDGET.check_actor(stack_bytes)?;
        let stack = self.stacks.reserve(1).map_err(|why| self.refusal(why))?;
        // A module that asks for more than there can be is told so when it begins.
        let class = class(needs.bytes).unwrap_or(0);
        let memories = self.memories.slabs[class].reserve(needs.memories).map_err(|why| self.refusal(why))?;
        Ok(Place { _promise: promise, _stack: stack, _memories: memories })
    }

    fn refusal(&self, why: NoSlot) -> Refusal {
        let why = match why {
            NoSlot::Mappings(refusal) => return refusal,
            NoSlot::AddressSpace(why) => why,
        };
        let actors = self.stacks.promised();
        let message = format!(
            "cannot spawn: with {actors} actors this process gets no address space for one more ({why}); `ulimit -v` or \
             vm.overcommit_memory=2 may be the reason"
        );
        Refusal::at_limit("address-space", actors, message)
    }
}

/// The smallest class whose slots hold so many bytes.
fn class(bytes: usize) -> Option<usize> {
    CLASS_BYTES.iter().position(|slot_bytes| *slot_bytes >= bytes)
}

/// Why a memory could not be made or grown, though its actor may have it.
#[derive(Debug, Error)]
pub(super) enum NoMemory {
    #[error("cannot give a memory {0} bytes: 32 bits do not address as many")]
    TooLarge(usize),
    #[error("cannot give a memory {0} bytes: {1}")]
    Slot(usize, NoSlot),
    #[error("cannot give a memory {0} bytes: this process has {1} resident, and that is all it may have")]
    Budget(usize, usize),
}

/// A slab for each class.
struct Memories {
    slabs: [Arc<Slab>; CLASS_BYTES.len()],
    page_bytes: usize,
    /// Of memories in the first class, by how many of WebAssembly's pages they begin with: much the same as by module.
    habits: [Habit; CLASS_BYTES[0] / WASM_PAGE_BYTES + 1],
}

impl Memories {
    fn new(page_bytes: usize) -> Memories {
        let slabs = CLASS_BYTES.map(|slot_bytes| Arc::new(Slab::new(slot_bytes, Guards::None)));
        Memories { slabs, page_bytes, habits: Default::default() }
    }

    /// The pages of a first-class slot, as far as a bit each can tell them.
    fn pages(&self) -> usize {
        CLASS_BYTES[0] / self.page_bytes
    }

    /// A slot for a new memory, with the pages that such a one usually touches.
    fn begin(self: &Arc<Self>, bytes: usize) -> Result<SlabMemory, NoMemory> {
        BUDGET.check(bytes).map_err(|resident| NoMemory::Budget(bytes, resident))?;
        let class = class(bytes).ok_or(NoMemory::TooLarge(bytes))?;
        let (slot, warm) = self.slabs[class].take().map_err(|why| NoMemory::Slot(bytes, why))?;
        let habit = (class == 0).then_some(bytes / WASM_PAGE_BYTES);
        if let (Some(habit), false) = (habit, warm) {
            let habit = &self.habits[habit];
            // SAFETY: a habit is told of slots of the first class, which all have these pages and stay mapped with us.
            unsafe { habit.taken(slot.base(), self.pages(), self.page_bytes) };
            for (_, first, count) in runs(habit.usual(), self.pages()).filter(|(usual, ..)| *usual) {
                // SAFETY: within the slot.
                unsafe { pages::populate(self.page(&slot, first), count * self.page_bytes) };
            }
        }
        Ok(SlabMemory { memories: self.clone(), class, slot, bytes, habit, _place: None })
    }

    fn page(&self, slot: &Slot, page: usize) -> NonNull<u8> {
        // SAFETY: who asks counts at most the pages of the slot.
        unsafe { slot.base().add(page * self.page_bytes) }
    }
}

/// Hands out memories.
struct MemorySlabs(Arc<Memories>);

// SAFETY: each memory is a slot that nobody else has, mapped readable and writable over all its capacity, and zero.
unsafe impl MemoryCreator for MemorySlabs {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved_size_in_bytes: Option<usize>,
        guard_size_in_bytes: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        // With either, compiled code would leave out checks that nothing here makes up for.
        if reserved_size_in_bytes.unwrap_or(0) != 0 || guard_size_in_bytes != 0 {
            return Err("slots serve memories with exact bounds only".to_owned());
        }
        let memory = self.0.begin(minimum).map_err(|error| error.to_string())?;
        Ok(Box::new(memory))
    }
}

/// The memory of an instance.
struct SlabMemory {
    memories: Arc<Memories>,
    class: usize,
    slot: Slot,
    /// What the guest can address. It never shrinks, so that beyond it nobody has written.
    bytes: usize,
    /// Which habit it has, if one is known.
    habit: Option<usize>,
    /// For the slot, once it is not the one that was set aside for the actor.
    _place: Option<slab::Place>,
}

// SAFETY: `as_ptr` is mapped for `byte_capacity`, and changes only in `grow_to`, and only beyond the capacity.
unsafe impl LinearMemory for SlabMemory {
    fn byte_size(&self) -> usize {
        self.bytes
    }

    fn byte_capacity(&self) -> usize {
        CLASS_BYTES[self.class]
    }

    fn grow_to(&mut self, new_size: usize) -> Result<()> {
        let more = new_size.saturating_sub(self.bytes);
        BUDGET.check(more).map_err(|resident| NoMemory::Budget(new_size, resident))?;
        if new_size > self.byte_capacity() {
            self.move_up(new_size)?;
        }
        self.bytes = new_size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.slot.base().as_ptr()
    }
}

impl SlabMemory {
    fn move_up(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let class = class(bytes).ok_or(NoMemory::TooLarge(bytes))?;
        let slab = &self.memories.slabs[class];
        let place = slab.reserve(1).map_err(|why| NoMemory::Slot(bytes, why))?;
        let (slot, _) = slab.take().map_err(|why| NoMemory::Slot(bytes, why))?;
        let page_bytes = self.memories.page_bytes;
        for offset in (0..self.bytes).step_by(page_bytes) {
            // SAFETY: the engine has stopped the guest to grow its memory, so nobody writes to the old slot; the new
            // one is ours alone. Both have these bytes.
            unsafe {
                let old = std::slice::from_raw_parts(self.slot.base().add(offset).as_ptr(), page_bytes);
                // A page that is zero may be one that nobody touched; in the new slot it would become resident.
                if old.iter().fold(0, |sum, byte| sum | byte) != 0 {
                    slot.base().add(offset).copy_from_nonoverlapping(NonNull::from(old).cast(), page_bytes);
                }
            }
        }
        self.release();
        (self.class, self.slot, self.habit, self._place) = (class, slot, None, Some(place));
        Ok(())
    }

    /// Gives the slot back, zero. It must not be used afterwards.
    fn release(&mut self) {
        let (memories, slab) = (&self.memories, &self.memories.slabs[self.class]);
        let warm = self.habit.is_some_and(|habit| self.tidy(&memories.habits[habit]));
        if !warm {
            // What was populated and never used lies beyond the guest's bytes.
            let touched = if self.class == 0 { slab.slot_bytes() } else { self.bytes };
            // SAFETY: of our slot, which nobody uses any more.
            unsafe { pages::discard(self.slot.base(), touched) };
        }
        // SAFETY: zero now, and from this slab; whoever calls us does not use it again.
        unsafe { slab.give(self.slot.base(), warm) };
    }

    /// Makes the slot zero and keeps its usual pages, if there are any and room for them.
    fn tidy(&self, habit: &Habit) -> bool {
        let memories = &self.memories;
        if habit.usual() == 0 {
            // SAFETY: a slot of the first class has these pages.
            habit.learn(unsafe { pages::resident(self.slot.base(), memories.pages(), memories.page_bytes) });
        }
        let usual = habit.usual();
        if usual == 0 || !memories.slabs[self.class].wants_warm() {
            return false;
        }
        for (keep, first, count) in runs(usual, self.bytes / memories.page_bytes) {
            let (at, bytes) = (memories.page(&self.slot, first), count * memories.page_bytes);
            // SAFETY: of our slot, which nobody uses any more.
            unsafe { if keep { pages::zero(at, bytes) } else { pages::discard(at, bytes) } };
        }
        true
    }
}

impl Drop for SlabMemory {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests;
