//! What the slots promise, tried on memories and stacks without an engine.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Mutex;

use wasmtime::{StackCreator, StackMemory};

use super::*;
use crate::refusal::RefusalKind;

/// Small enough to fill and read often.
const STACK_BYTES: usize = 128 << 10;

const KIB: usize = 1 << 10;

fn memories() -> Arc<Memories> {
    Arc::new(Memories::new(rustix::param::page_size()))
}

/// All that is mapped for a memory, beyond what a guest could read, too.
fn whole(memory: &mut SlabMemory) -> &mut [u8] {
    // SAFETY: the slot is the memory's, and mapped over all its capacity.
    unsafe { std::slice::from_raw_parts_mut(memory.as_ptr(), memory.byte_capacity()) }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// Writes to all that the guest has.
fn fill(memory: &mut SlabMemory) {
    let bytes = memory.bytes;
    whole(memory)[..bytes].fill(0xa5);
}

/// Makes the pages from 64 to 128 KiB the usual ones.
fn teach(memories: &Arc<Memories>, bytes: usize) {
    for _ in 0..2 {
        let mut memory = memories.begin(bytes).unwrap();
        whole(&mut memory)[64 * KIB..128 * KIB].fill(1);
    }
    assert_ne!(memories.habits[bytes / WASM_PAGE_BYTES].usual(), 0, "there are usual pages");
}

#[test]
fn nobody_sees_what_another_wrote_whether_the_slot_stays_warm_or_not() {
    for warm in [false, true] {
        let memories = memories();
        if warm {
            teach(&memories, 128 * KIB);
        }
        let mut bases = Vec::new();
        for round in 0..20 {
            // Another kind of memory each time, which grows or not, and has other habits.
            let mut memory = memories.begin((round % 5) * WASM_PAGE_BYTES).unwrap();
            assert!(is_zero(whole(&mut memory)), "round {round}");
            fill(&mut memory);
            if round % 2 == 0 {
                memory.grow_to(CLASS_BYTES[0]).unwrap();
                fill(&mut memory);
            }
            bases.push(memory.as_ptr());
        }
        bases.dedup();
        assert_eq!(bases.len(), 1, "it was one slot all the time");
    }
}

#[test]
fn a_warm_slot_keeps_its_usual_pages() {
    let memories = memories();
    teach(&memories, 128 * KIB);
    let mut memory = memories.begin(128 * KIB).unwrap();
    fill(&mut memory);
    let slot = memory.slot.base();
    drop(memory);
    let page_bytes = memories.page_bytes;
    // SAFETY: the slot is mapped as long as the slab.
    let resident = unsafe { pages::resident(slot, memories.pages(), page_bytes) };
    assert_eq!(resident, memories.habits[2].usual());
    assert_eq!(resident.count_ones() as usize, 64 * KIB / page_bytes);
}

#[test]
fn new_memories_begin_with_the_pages_that_earlier_ones_touched() {
    let memories = memories();
    let mut alive = Vec::new();
    for _ in 0..40 {
        let mut memory = memories.begin(128 * KIB).unwrap();
        whole(&mut memory)[..64 * KIB].fill(1);
        alive.push(memory);
    }
    let memory = memories.begin(128 * KIB).unwrap();
    // SAFETY: as the memory's whole slot.
    let resident = unsafe { pages::resident(memory.slot.base(), memories.pages(), memories.page_bytes) };
    assert_eq!(resident.count_ones() as usize, 64 * KIB / memories.page_bytes);
}

#[test]
fn a_memory_that_outgrows_its_slot_moves_with_all_it_has() {
    let memories = memories();
    let mut memory = memories.begin(192 * KIB).unwrap();
    let first = memory.as_ptr();
    // Only two pages are not zero.
    whole(&mut memory)[5] = 7;
    whole(&mut memory)[192 * KIB - 1] = 9;
    for bytes in [256 * KIB, 257 * KIB, 3 << 20, 17 << 20] {
        memory.grow_to(bytes).unwrap();
        assert_eq!(memory.byte_size(), bytes);
        assert!(memory.byte_capacity() >= bytes);
        let bytes = &whole(&mut memory)[..bytes];
        assert_eq!((bytes[5], bytes[192 * KIB - 1]), (7, 9));
        assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), 2);
    }
    assert_ne!(memory.as_ptr(), first);
    // Where it was is free, and zero.
    for bytes in [100 * KIB, 1 << 20, 3 << 20] {
        let mut other = memories.begin(bytes).unwrap();
        assert!(is_zero(&whole(&mut other)[..bytes]));
        assert!(bytes > 100 * KIB || other.as_ptr() == first);
    }
}

#[test]
fn what_32_bits_cannot_address_is_an_error_and_changes_nothing() {
    let mut memory = memories().begin(64 * KIB).unwrap();
    let error = memory.grow_to((4 << 30) + 1).expect_err("too large");
    assert!(error.is::<NoMemory>(), "{error}");
    assert_eq!((memory.byte_size(), memory.byte_capacity()), (64 * KIB, CLASS_BYTES[0]));
}

#[test]
fn an_engine_that_would_leave_out_checks_gets_no_memory() {
    let slabs = MemorySlabs(memories());
    let new = |reserved, guard| {
        let memory_type = wasmtime::MemoryType::new(1, None);
        slabs.new_memory(memory_type, 64 * KIB, None, reserved, guard).map(|memory| memory.byte_size())
    };
    assert_eq!(new(Some(0), 0), Ok(64 * KIB));
    assert!(new(Some(4 << 30), 0).is_err());
    assert!(new(None, 4096).is_err());
}

fn stacks(stack_bytes: usize, guards: Guards) -> Arc<Slab> {
    Arc::new(Slab::new(stack_bytes + rustix::param::page_size(), guards))
}

fn new_stack(stacks: &Arc<Slab>) -> Box<dyn StackMemory> {
    StackSlabs(stacks.clone()).new_stack(STACK_BYTES, false).unwrap()
}

/// Whether the system can read a byte there; a fault of ours would end the test program.
fn readable(at: *const u8) -> bool {
    let (_reader, mut writer) = std::io::pipe().expect("a pipe");
    // SAFETY: nothing of ours reads it: the system does, and answers with an error if it cannot.
    writer.write(unsafe { std::slice::from_raw_parts(at, 1) }).is_ok()
}

#[test]
fn a_stack_is_zero_whoever_had_it_and_has_a_guard_below() {
    for guards in [Guards::here(), Guards::Apart] {
        let stacks = stacks(STACK_BYTES, guards);
        let mut tops = Vec::new();
        for _ in 0..3 {
            let _place = stacks.reserve(1).unwrap();
            let stack = new_stack(&stacks);
            let range = stack.range();
            assert_eq!((range.len(), range.end), (STACK_BYTES, stack.top() as usize));
            // SAFETY: the stack is ours, and no fiber runs on it.
            let bytes = unsafe { std::slice::from_raw_parts_mut(stack.guard_range().end, STACK_BYTES) };
            assert!(is_zero(bytes));
            bytes.fill(0xa5);
            assert!(readable(bytes.as_ptr()));
            assert!(!readable(stack.guard_range().end.wrapping_sub(1)) && !readable(stack.guard_range().start));
            tops.push(stack.top());
        }
        tops.dedup();
        assert_eq!(tops.len(), 1, "it was one slot all the time");
    }
}

#[test]
fn whoever_has_a_place_finds_a_stack_and_no_two_have_the_same() {
    let stacks = stacks(STACK_BYTES, Guards::Apart);
    let tops = Mutex::new(HashSet::new());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (stacks, tops) = (&stacks, &tops);
            scope.spawn(move || {
                for round in 0..200 {
                    let places: Vec<_> = (0..round % 7).map(|_| stacks.reserve(1).unwrap()).collect();
                    let mine: Vec<_> = places.iter().map(|_| new_stack(stacks)).collect();
                    let marks = || (0u8..).map(|stack| thread * 16 + stack).zip(&mine);
                    for (mark, stack) in marks() {
                        // SAFETY: the stack is ours.
                        unsafe { stack.top().wrapping_sub(1).write_volatile(mark) };
                    }
                    std::thread::yield_now();
                    for (mark, stack) in marks() {
                        // SAFETY: as above.
                        assert_eq!(unsafe { stack.top().wrapping_sub(1).read_volatile() }, mark);
                    }
                    tops.lock().unwrap().extend(mine.iter().map(|stack| stack.top() as usize));
                }
            });
        }
    });
    assert!(tops.into_inner().unwrap().len() <= 4 * 6, "slots are used again");
}

#[test]
fn an_actor_for_which_there_is_no_address_space_is_refused_and_nothing_is_lost() {
    // Two of them are beyond what a process can address.
    let slabs = Slabs { memories: memories(), stacks: stacks(1 << 47, Guards::None) };
    for _ in 0..3 {
        let refusal =
            slabs.reserve(Needs { memories: 1, bytes: 0 }, 0).err().expect("no processor of ours addresses it");
        assert_eq!(refusal.kind(), RefusalKind::Limit);
        assert_eq!((&refusal.details()["limit"], &refusal.details()["used"]), (&"address-space".into(), &0.into()));
    }
}

#[test]
fn places_are_for_slots_and_are_given_back() {
    let slabs = Slabs::new(STACK_BYTES);
    let needs = Needs { memories: 3, bytes: 1 << 20 };
    let places: Vec<_> = (0..5).map(|_| slabs.reserve(needs, 0).unwrap()).collect();
    assert_eq!((slabs.stacks.promised(), slabs.memories.slabs[1].promised()), (5, 15));
    let mut memory = slabs.memories.begin(64 * KIB).unwrap();
    memory.grow_to(1 << 20).unwrap();
    assert_eq!(slabs.memories.slabs[1].promised(), 16);
    drop((places, memory));
    assert_eq!((slabs.stacks.promised(), slabs.memories.slabs[1].promised()), (0, 0));
}
