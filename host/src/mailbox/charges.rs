//! What one actor has charged to its tree: kept beside the things themselves, under the same lock.

use std::sync::Arc;

use crate::level::{Exceeded, Level};
use crate::limits::Limit;

/// Things of an actor that are counted one by one.
const COUNTED: [Limit; 4] = [Limit::Links, Limit::Monitors, Limit::Timers, Limit::Narrowed];

/// Messages that wait are charged in steps of so many bytes, and the first step is free, so that a send to an actor that
/// keeps up touches nothing that is shared (DESIGN §7).
const STEP_BYTES: u64 = 64 << 10;

/// What a message takes beside its text, about.
const MESSAGE_BYTES: usize = 64;

/// The charges of one actor. All go back when it ends.
pub(super) struct Charges {
    level: Arc<Level>,
    /// Whether its trees limit any of what is counted, and memory: else there is nothing to do.
    counts: bool,
    counts_memory: bool,
    counted: [u64; COUNTED.len()],
    memory: u64,
    steps: u64,
}

impl Charges {
    pub(super) fn new(level: Arc<Level>) -> Charges {
        let counts = COUNTED.iter().any(|limit| level.counts(*limit));
        let counts_memory = level.counts(Limit::Memory);
        Charges { level, counts, counts_memory, counted: [0; COUNTED.len()], memory: 0, steps: 0 }
    }

    /// Charges for more of something that the actor has so many of, before it is made. [`Charges::settle`] corrects it if
    /// nothing comes of it.
    pub(super) fn take(&mut self, limit: Limit, has: usize, more: usize) -> Result<(), Exceeded> {
        let (has, count) = (has as u64, more as u64);
        if let Some(max) = self.level.each(limit).filter(|max| has + count > *max) {
            return Err(Exceeded { limit, used: has, max });
        }
        if !self.counts {
            return Ok(());
        }
        let place = COUNTED.iter().position(|counted| *counted == limit).expect("a thing that is counted");
        self.level.take(limit, count)?;
        self.counted[place] += count;
        Ok(())
    }

    /// The actor has so many of each now.
    pub(super) fn settle(&mut self, now: impl FnOnce() -> [usize; COUNTED.len()]) {
        if !self.counts {
            return;
        }
        for ((limit, before), now) in COUNTED.iter().zip(&mut self.counted).zip(now()) {
            let now = now as u64;
            self.level.give_back(*limit, before.saturating_sub(now));
            *before = now.min(*before);
        }
    }

    /// Charges for memory of the instance.
    pub(super) fn take_memory(&mut self, bytes: u64) -> Result<(), Exceeded> {
        if !self.counts_memory {
            return Ok(());
        }
        self.level.take(Limit::Memory, bytes)?;
        self.memory += bytes;
        Ok(())
    }

    /// Takes back what was charged for memory that there is not.
    pub(super) fn give_memory_back(&mut self, bytes: u64) {
        let bytes = bytes.min(self.memory);
        self.level.give_back(Limit::Memory, bytes);
        self.memory -= bytes;
    }

    /// So many messages of so many bytes are going to wait, the last of them a stranger's or not.
    pub(super) fn queue(&mut self, messages: usize, bytes: usize, is_stranger: bool) -> Result<(), Exceeded> {
        if !self.counts_memory {
            return Ok(());
        }
        let steps = (bytes + messages * MESSAGE_BYTES) as u64 / STEP_BYTES;
        if steps > self.steps {
            let more = (steps - self.steps) * STEP_BYTES;
            if is_stranger {
                self.level.take_for_stranger(Limit::Memory, more)?;
            } else {
                self.level.take(Limit::Memory, more)?;
            }
            self.steps = steps;
        } else if steps + 1 < self.steps {
            // One step stays, so that a mailbox at the edge of one does not charge at every message.
            self.level.give_back(Limit::Memory, (self.steps - steps - 1) * STEP_BYTES);
            self.steps = steps + 1;
        }
        Ok(())
    }

    /// All goes back: the actor has ended, or never began.
    pub(super) fn release(&mut self) {
        for (limit, count) in COUNTED.iter().zip(&mut self.counted) {
            self.level.give_back(*limit, std::mem::take(count));
        }
        let memory = std::mem::take(&mut self.memory) + std::mem::take(&mut self.steps) * STEP_BYTES;
        self.level.give_back(Limit::Memory, memory);
    }
}

impl Drop for Charges {
    fn drop(&mut self) {
        self.release();
    }
}
