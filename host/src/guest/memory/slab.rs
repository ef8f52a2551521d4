//! Slots of one size, cut from a few large mappings.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use thiserror::Error;

use super::guards::Guards;
use super::pages::Chunk;
use crate::guest::mappings::Mappings;
use crate::lock::lock;
use crate::refusal::Refusal;

/// The first mapping of a slab, in bytes; each further one is twice as large as the one before. So address space stays
/// within three times of what was needed at once, and the number of mappings is a matter of ten or twenty.
const CHUNK_BYTES_MIN: usize = 16 << 20;

/// At most so many bytes are mapped at once, unless one slot is larger.
const CHUNK_BYTES_MAX: usize = 1 << 30;

/// Address space in bytes that must be left when a chunk is mapped: for the allocator, threads, compiled code.
const SPARE_BYTES: usize = 256 << 20;

/// Free slots that keep pages. With 15 pages each, which is what a small guest has, they hold 60 MiB.
const WARM_MAX: usize = 1024;

/// One slot, all zero when it is taken and when it is given back. Nobody else has it meanwhile.
pub(super) struct Slot(NonNull<u8>);

// SAFETY: a slot is a range of address space that one owner has, on whatever thread it is.
unsafe impl Send for Slot {}
// SAFETY: as above; `&Slot` gives a pointer only.
unsafe impl Sync for Slot {}

impl Slot {
    pub(super) fn base(&self) -> NonNull<u8> {
        self.0
    }
}

/// Why there is no slot.
#[derive(Debug, Error)]
pub(in crate::guest) enum NoSlot {
    /// The system maps nothing more, or nothing more safely.
    #[error("this process gets no address space for it: {0}")]
    AddressSpace(#[from] io::Error),
    /// A guard would be one mapping too many.
    #[error(transparent)]
    Mappings(#[from] Refusal),
}

/// The slots. They are unmapped with it: who has a slot keeps the slab as well.
pub(super) struct Slab {
    slot_bytes: usize,
    guards: Guards,
    slots: Mutex<Slots>,
    warm: AtomicUsize,
}

#[derive(Default)]
struct Slots {
    /// How many places there are. Never more than `made`, so that whoever has a place finds a slot.
    promised: usize,
    /// Slots that can be taken or are in use, and those about to be.
    made: usize,
    /// Free, some pages resident. Last given back, first taken: those are in the processor's cache.
    warm: Vec<Slot>,
    /// Free, no page resident.
    cold: Vec<Slot>,
    /// A slot that could not get its guard: for whoever tries next.
    bare: Option<Slot>,
    /// Of the guards, if they take any. A guard stays as long as the slab.
    mappings: Vec<Mappings>,
    /// How much of the last chunk never was a slot.
    untouched_bytes: usize,
    /// Each with its size. The last one is as large as any.
    chunks: Vec<(Chunk, usize)>,
}

/// Slots set aside, without saying which, until it is dropped.
pub(super) struct Place {
    slab: Arc<Slab>,
    count: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.slab.slots).promised -= self.count;
    }
}

impl Slab {
    /// `slot_bytes` are whole pages, the guard's among them.
    pub(super) fn new(slot_bytes: usize, guards: Guards) -> Slab {
        Slab { slot_bytes, guards, slots: Mutex::default(), warm: AtomicUsize::new(0) }
    }

    pub(super) fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// How many slots are set aside or in use.
    pub(super) fn promised(&self) -> usize {
        lock(&self.slots).promised
    }

    /// Sets slots aside.
    ///
    /// # Errors
    ///
    /// There are not so many; none was set aside.
    pub(super) fn reserve(self: &Arc<Self>, count: usize) -> Result<Place, NoSlot> {
        let missing = {
            let mut slots = lock(&self.slots);
            slots.promised += count;
            let missing = slots.promised.saturating_sub(slots.made);
            slots.made += missing;
            missing
        };
        // Dropped on the way out, it takes back the promise.
        let place = Place { slab: self.clone(), count };
        for made in 0..missing {
            let slot = self.make().inspect_err(|_| lock(&self.slots).made -= missing - made)?;
            // SAFETY: new, so untouched, and forgotten here.
            unsafe { self.give(slot.base(), false) };
        }
        Ok(place)
    }

    /// A new slot with its guard.
    fn make(&self) -> Result<Slot, NoSlot> {
        let slot = lock(&self.slots).new_slot(self.slot_bytes)?;
        match self.guards.install(&slot) {
            Ok(mappings) => lock(&self.slots).mappings.extend(mappings),
            Err(why) => {
                lock(&self.slots).bare = Some(slot);
                return Err(why);
            }
        }
        Ok(slot)
    }

    /// A slot, and whether it is warm.
    ///
    /// # Errors
    ///
    /// There is none, and there is no place for which it could have been.
    pub(super) fn take(&self) -> Result<(Slot, bool), NoSlot> {
        {
            let mut slots = lock(&self.slots);
            if let Some(slot) = slots.warm.pop() {
                self.warm.store(slots.warm.len(), Ordering::Relaxed);
                return Ok((slot, true));
            }
            if let Some(slot) = slots.cold.pop() {
                return Ok((slot, false));
            }
        }
        let slot = self.make()?;
        lock(&self.slots).made += 1;
        Ok((slot, false))
    }

    /// Whether a slot that is given back had better stay warm.
    pub(super) fn wants_warm(&self) -> bool {
        self.warm.load(Ordering::Relaxed) < WARM_MAX
    }

    /// Takes back the slot that begins at `base`.
    ///
    /// # Safety
    ///
    /// It is from this slab, all zero but for its guard, its [`Slot`] is not used any more, nor any pointer into it.
    pub(super) unsafe fn give(&self, base: NonNull<u8>, warm: bool) {
        let mut slots = lock(&self.slots);
        if warm {
            slots.warm.push(Slot(base));
            self.warm.store(slots.warm.len(), Ordering::Relaxed);
        } else {
            slots.cold.push(Slot(base));
        }
    }
}

impl Slots {
    fn new_slot(&mut self, slot_bytes: usize) -> io::Result<Slot> {
        if let Some(slot) = self.bare.take() {
            return Ok(slot);
        }
        if self.untouched_bytes < slot_bytes {
            let wanted = self.chunks.last().map_or(CHUNK_BYTES_MIN, |(_, bytes)| bytes * 2);
            let wanted = wanted.min(CHUNK_BYTES_MAX).max(slot_bytes);
            let bytes = wanted - wanted % slot_bytes;
            self.chunks.push((Chunk::map(bytes, SPARE_BYTES)?, bytes));
            self.untouched_bytes = bytes;
        }
        let (chunk, bytes) = self.chunks.last().expect("a chunk was mapped before anything of it was left");
        let slot = Slot(chunk.at(bytes - self.untouched_bytes));
        self.untouched_bytes -= slot_bytes;
        Ok(slot)
    }
}
