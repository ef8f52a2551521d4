//! How much memory one actor may have: all its linear memories and tables together.

use wasmtime::{Error, ResourceLimiter, Result};

use super::memory::NoMemory;

/// The bytes of a table's element in the host: a pointer.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// Adds up what an instance has and refuses what goes beyond.
pub(super) struct Memory {
    used: usize,
    max: usize,
    refused: bool,
}

impl Memory {
    pub(super) fn new(bytes_max: usize) -> Memory {
        Memory { used: 0, max: bytes_max, refused: false }
    }

    /// Whether growth was refused at any time: what a guest's allocator then does is trap.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.max {
            self.refused = true;
            return false;
        }
        // Beyond its own maximum the growth fails without us: it is not charged.
        if maximum.is_none_or(|maximum| desired <= maximum) {
            self.used = used;
        }
        true
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        Ok(self.grow(current, desired, maximum))
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        // The actor may have had it, the machine had not: to the guest it is the same.
        self.refused |= error.is::<NoMemory>();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let bytes = |elements: usize| elements.saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(self.grow(bytes(current), bytes(desired), maximum.map(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_added_up_and_one_byte_more_is_refused() {
        let mut memory = Memory::new(1000);
        assert!(memory.memory_growing(0, 600, None).unwrap());
        assert!(memory.table_growing(0, 50, None).unwrap());
        assert!(!memory.refused());
        assert!(!memory.memory_growing(600, 601, None).unwrap());
        assert!(memory.refused());
        assert_eq!(memory.used(), 1000);
    }

    #[test]
    fn growth_that_fails_by_the_module_s_own_maximum_is_not_charged() {
        let mut memory = Memory::new(1000);
        assert!(memory.memory_growing(0, 900, Some(800)).unwrap());
        memory.memory_grow_failed(Error::msg("maximum size exceeded")).unwrap();
        assert_eq!(memory.used(), 0);
        assert!(!memory.refused());
    }

    #[test]
    fn growth_that_fails_for_want_of_the_machine_s_memory_counts_as_refused() {
        let mut memory = Memory::new(1000);
        memory.memory_grow_failed(NoMemory::Budget(900, 1 << 30).into()).unwrap();
        assert!(memory.refused());
    }
}
