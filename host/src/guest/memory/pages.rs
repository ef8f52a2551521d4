//! Address space of our own, and what we ask of the system for it.

use std::io;
use std::ptr::{self, NonNull};

/// Leaves no page behind and takes no mapping, from Linux 6.13 on; the `libc` crate does not have it yet.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// Address space that is mapped readable and writable as long as this lives. A page of it costs nothing before it is
/// touched, and is zero then.
pub(super) struct Chunk {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a `Chunk` owns a range of address space, which belongs to no thread; it gives out pointers only.
unsafe impl Send for Chunk {}
// SAFETY: as above; nothing behind `&Chunk` changes.
unsafe impl Sync for Chunk {}

impl Chunk {
    /// Maps `bytes`, but only if there is as much again and `spare` besides: the process needs address space for other
    /// things, and does not survive not getting it.
    ///
    /// # Errors
    ///
    /// What the system said; nothing is mapped then.
    pub(super) fn map(bytes: usize, spare: usize) -> io::Result<Chunk> {
        let whole = bytes.saturating_mul(2).saturating_add(spare);
        // SAFETY: a new mapping at a place that the system chooses touches no memory that there is.
        let base = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            libc::mmap(ptr::null_mut(), whole, protection, flags, -1, 0)
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast::<u8>()).expect("the system maps nothing at zero unless it is told to");
        let chunk = Chunk { base, bytes };
        // SAFETY: the upper part of the mapping made above, which nobody has heard of.
        unsafe { libc::munmap(chunk.at(bytes).as_ptr().cast(), whole - bytes) };
        // One huge page would make the memories of eight small actors resident. No kernel support is no harm.
        // SAFETY: advice about a mapping of ours, which changes no content.
        unsafe { libc::madvise(base.as_ptr().cast(), bytes, libc::MADV_NOHUGEPAGE) };
        Ok(chunk)
    }

    /// The address `offset` bytes from the start, at most its end.
    pub(super) fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset <= self.bytes, "within the chunk");
        // SAFETY: within the mapping, or one past its end.
        unsafe { self.base.add(offset) }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: who drops a chunk has all its slots back, so no pointer into it is used any more. That it fails, no
        // reason is known for; the address space would be lost, no more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

/// Gives pages back to the system. They read as zero afterwards.
///
/// # Safety
///
/// `bytes` from `at` are whole pages of a [`Chunk`], and nobody else uses them.
pub(super) unsafe fn discard(at: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise. The mapping is private and anonymous: the next touch finds zeros.
    let refused = unsafe { libc::madvise(at.as_ptr().cast(), bytes, libc::MADV_DONTNEED) } != 0;
    if refused {
        // As for memory that the embedding program has locked. What must hold is that it is zero.
        // SAFETY: the caller's promise.
        unsafe { zero(at, bytes) };
    }
}

/// Makes pages zero that are to stay with us.
///
/// # Safety
///
/// As for [`discard`].
pub(super) unsafe fn zero(at: NonNull<u8>, bytes: usize) {
    // SAFETY: mapped writable, and the caller's promise.
    unsafe { ptr::write_bytes(at.as_ptr(), 0, bytes) };
}

/// Makes pages resident that are about to be touched, all in one call. Their content stays. A system that cannot
/// (Linux before 5.14) does it at the touch.
///
/// # Safety
///
/// `bytes` from `at` are whole pages of a [`Chunk`].
pub(super) unsafe fn populate(at: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise; no content is changed.
    unsafe { libc::madvise(at.as_ptr().cast(), bytes, libc::MADV_POPULATE_WRITE) };
}

/// Which of at most 64 pages are resident, the first in the lowest bit. For guesses only: a page that is in the swap
/// is not resident, and not zero.
///
/// # Safety
///
/// So many pages from `at` lie in a [`Chunk`].
pub(super) unsafe fn resident(at: NonNull<u8>, pages: usize, page_bytes: usize) -> u64 {
    let mut states = [0u8; u64::BITS as usize];
    let pages = pages.min(states.len());
    // SAFETY: the caller's promise; the system writes one byte for each page, and there is room for them.
    let answer = unsafe { libc::mincore(at.as_ptr().cast(), pages * page_bytes, states.as_mut_ptr()) };
    if answer != 0 {
        return 0;
    }
    states.iter().enumerate().fold(0, |bits, (page, state)| bits | (u64::from(state & 1) << page))
}

/// Makes pages a guard: touching them is a fault. They stay one when they are discarded.
///
/// # Errors
///
/// What the system said; Linux before 6.13 says that it does not know how.
///
/// # Safety
///
/// `bytes` from `at` are whole pages of a [`Chunk`], and nobody uses them.
pub(super) unsafe fn guard_within(at: NonNull<u8>, bytes: usize) -> io::Result<()> {
    // SAFETY: the caller's promise.
    done(unsafe { libc::madvise(at.as_ptr().cast(), bytes, MADV_GUARD_INSTALL) })
}

/// As [`guard_within`], on any Linux, at the price of splitting the mapping around the pages.
///
/// # Errors
///
/// What the system said.
///
/// # Safety
///
/// As for [`guard_within`].
pub(super) unsafe fn guard_apart(at: NonNull<u8>, bytes: usize) -> io::Result<()> {
    // SAFETY: the caller's promise.
    done(unsafe { libc::mprotect(at.as_ptr().cast(), bytes, libc::PROT_NONE) })
}

fn done(answer: libc::c_int) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
