//! How much memory one actor may have: all its linear memories and tables together.

use std::sync::Arc;

use wasmtime::{Error, ResourceLimiter, Result, Store};

use super::memory::NoMemory;
use super::state::Guest;
use crate::level::{Exceeded, Level};
use crate::limits::Limit;
use crate::mailbox::Mailbox;
use crate::node::Kernel;

/// The bytes of a table's element in the host: a pointer.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// What an actor takes of the host from the start, beside its stack: its store, its mailbox, its entries in tables.
pub(super) const ACTOR_BYTES: u64 = 16 << 10;

/// Handles of resources that one actor may have at once. Each takes some 24 bytes of the host.
const HANDLES_MAX: usize = 4096;

/// So many times a message's limit may one call pass to the host, before the host looks at any of it: room for a message
/// that is refused as too large, and for lists.
const PASSED_MESSAGES: usize = 4;

/// What one call may pass to the host in any case, in bytes.
const PASSED_BYTES_MIN: usize = 1 << 20;

/// Bounds what a guest makes the host keep or copy, before anything of it runs.
pub(super) fn bound(store: &mut Store<Guest>) {
    let passed_max = passed_max(store.data().context.mailbox().level());
    store.limiter(|guest| &mut guest.memory);
    store.set_hostcall_fuel(passed_max);
    store.set_max_component_handles(HANDLES_MAX);
}

/// How many bytes one call of an actor on this level may pass to the host.
pub(super) fn passed_max(level: &Level) -> usize {
    level.each_count(Limit::Message).saturating_mul(PASSED_MESSAGES).max(PASSED_BYTES_MIN)
}

/// Adds up what an instance has, charges its tree for it, and refuses what goes beyond.
pub(super) struct Memory {
    kernel: Arc<Kernel>,
    mailbox: Arc<Mailbox>,
    used: usize,
    /// What the last growth has added: taken back if the machine does not have it.
    last: usize,
    max: usize,
    refused: Option<Exceeded>,
}

impl Memory {
    pub(super) fn new(kernel: Arc<Kernel>, mailbox: Arc<Mailbox>) -> Memory {
        let max = mailbox.level().each_count(Limit::Memory);
        Memory { kernel, mailbox, used: 0, last: 0, max, refused: None }
    }

    /// The last growth that was refused, if any was: what a guest's allocator then does is trap.
    pub(super) fn refused(&self) -> Option<Exceeded> {
        self.refused
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        // Beyond its own maximum the growth fails without us: it is not charged.
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.last = 0;
            return true;
        }
        let more = desired.saturating_sub(current);
        let charged = self.charge(more);
        self.last = if charged.is_ok() { more } else { 0 };
        self.used += self.last;
        if let Err(exceeded) = charged {
            self.refused = Some(exceeded);
            self.kernel.note_refused(&self.mailbox, exceeded.limit.as_str(), &exceeded.words("no more memory"));
        }
        charged.is_ok()
    }

    fn charge(&self, bytes: usize) -> Result<(), Exceeded> {
        if self.used.saturating_add(bytes) > self.max {
            return Err(Exceeded { limit: Limit::Memory, used: self.used as u64, max: self.max as u64 });
        }
        self.mailbox.take_memory(bytes as u64)
    }

    fn failed(&mut self, error: &Error) {
        let last = std::mem::take(&mut self.last);
        self.used -= last;
        self.mailbox.give_memory_back(last as u64);
        // The actor may have had it, the machine had not: to the guest it is the same.
        if error.is::<NoMemory>() {
            let used = self.used as u64;
            self.refused = Some(Exceeded { limit: Limit::Memory, used, max: used });
        }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        Ok(self.grow(current, desired, maximum))
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed(&error);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let bytes = |elements: usize| elements.saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(self.grow(bytes(current), bytes(desired), maximum.map(bytes)))
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed(&error);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Id;
    use crate::grants::Grants;
    use crate::level::{Author, Level};
    use crate::limits::Limits;
    use crate::mailbox::links::Links;

    fn actor(level: Arc<Level>) -> Memory {
        let grants = Arc::new(Grants::none());
        let mailbox = Mailbox::new(Id::random(), 0, Box::default(), grants, level, Links::default());
        Memory::new(Kernel::alone(&Limits::default()), Arc::new(mailbox))
    }

    fn limited(bytes: u64) -> Arc<Level> {
        Level::root(&Limits::default().with(Limit::Memory, bytes))
    }

    #[test]
    fn memories_and_tables_are_added_up_and_one_byte_more_is_refused() {
        let mut memory = actor(limited(1000));
        assert!(memory.memory_growing(0, 600, None).unwrap());
        assert!(memory.table_growing(0, 50, None).unwrap());
        assert_eq!(memory.refused(), None);
        assert!(!memory.memory_growing(600, 601, None).unwrap());
        assert_eq!(memory.refused(), Some(Exceeded { limit: Limit::Memory, used: 1000, max: 1000 }));
    }

    #[test]
    fn a_tree_has_its_memory_together_and_gets_it_back() {
        let tree = limited(1 << 20).below(&Limits::default().with(Limit::Memory, 1000), Author::Actor, 0).unwrap();
        let (mut one, mut other) = (actor(tree.clone()), actor(tree.clone()));
        assert!(one.memory_growing(0, 600, None).unwrap());
        assert!(!other.memory_growing(0, 600, None).unwrap());
        assert_eq!(other.refused(), Some(Exceeded { limit: Limit::Memory, used: 600, max: 1000 }));
        one.mailbox.close();
        assert!(other.memory_growing(0, 600, None).unwrap());
    }

    #[test]
    fn growth_that_fails_by_the_module_s_own_maximum_is_not_charged() {
        let mut memory = actor(limited(1000));
        assert!(memory.memory_growing(0, 900, Some(800)).unwrap());
        memory.memory_grow_failed(Error::msg("maximum size exceeded")).unwrap();
        assert_eq!(memory.refused(), None);
        assert!(memory.memory_growing(0, 1000, None).unwrap());
    }

    #[test]
    fn growth_that_fails_for_want_of_the_machine_s_memory_counts_as_refused_and_is_given_back() {
        let mut memory = actor(limited(1000));
        assert!(memory.memory_growing(0, 900, None).unwrap());
        memory.memory_grow_failed(NoMemory::Budget(900, 1 << 30).into()).unwrap();
        assert!(memory.refused().is_some());
        assert!(memory.memory_growing(0, 1000, None).unwrap());
    }
}
