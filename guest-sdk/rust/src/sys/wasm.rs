//! The imports in the canonical ABI's flat form, and the two buffers.

use super::{Slice, Taken};
use crate::Error;
use alloc::alloc::{Layout, alloc, handle_alloc_error, realloc};
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;

#[link(wasm_import_module = "greenroom:actor/host@0.1.0")]
unsafe extern "C" {
    #[link_name = "receive"]
    fn raw_receive(patterns: *const Slice, count: usize, has_timeout: i32, timeout_ms: u32, out: *mut Answer);
    #[link_name = "send"]
    fn raw_send(to: *const u8, to_len: usize, text: *const u8, len: usize, out: *mut Sent);
}

/// `result<_, string>`.
#[repr(C)]
struct Sent {
    refused: u8,
    refusal: Slice,
}

/// `result<option<received>, string>`: after the tag of the result either the refusal's string (in the first two words)
/// or the tag of the option and the record.
#[repr(C)]
struct Answer {
    refused: u8,
    some_or_refusal: u32,
    pattern_or_length: u32,
    from_host: u8,
    message: Slice,
}

/// A buffer that waits to be used again. Whoever uses it takes it out, so a nested use finds none and makes one.
struct Spare(UnsafeCell<Vec<u8>>);

// SAFETY: an instance has one thread, and no reference to the content outlives a method.
unsafe impl Sync for Spare {}

impl Spare {
    const fn new() -> Self {
        Self(UnsafeCell::new(Vec::new()))
    }

    fn take(&self) -> Vec<u8> {
        // SAFETY: see above; `take` runs no code of anybody else's.
        core::mem::take(unsafe { &mut *self.0.get() })
    }

    /// Keeps the larger of the buffer that is here and the one that comes.
    fn put(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        // SAFETY: see above; dropping a `Vec<u8>` runs no code of anybody else's.
        let here = unsafe { &mut *self.0.get() };
        if buffer.capacity() > here.capacity() {
            *here = buffer;
        }
    }
}

/// Whether the next string that the node lowers goes into `INCOMING`.
struct Armed(Cell<bool>);

// SAFETY: an instance has one thread.
unsafe impl Sync for Armed {}

static INCOMING: Spare = Spare::new();
#[cfg(feature = "std")]
static OUTGOING: Spare = Spare::new();
static ARMED: Armed = Armed(Cell::new(false));

/// The smallest buffer for a message, in bytes: most messages are shorter, so most actors allocate once.
const INCOMING_BYTES_MIN: usize = 256;

/// Where the node asks for room for what it lowers. A strong symbol, which takes the place of wit-bindgen's weak one.
///
/// # Safety
///
/// As the canonical ABI has it: `old` is null, or came from here with `old_size` and `align`.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
    if ARMED.0.get() && old_size == 0 && align == 1 {
        ARMED.0.set(false);
        let mut buffer = INCOMING.take();
        if size > buffer.capacity() {
            buffer = Vec::with_capacity(size.next_power_of_two().max(INCOMING_BYTES_MIN));
        }
        let at = buffer.as_mut_ptr();
        INCOMING.put(buffer);
        return at;
    }
    if size == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    // SAFETY: the size is not 0, and the caller keeps the rest of the contract.
    unsafe {
        let layout = Layout::from_size_align_unchecked(size, align);
        let at = match old_size {
            0 => alloc(layout),
            _ => realloc(old, Layout::from_size_align_unchecked(old_size, align), size),
        };
        if at.is_null() {
            handle_alloc_error(layout);
        }
        at
    }
}

/// Nothing to check: a wasm module's imports are there.
#[inline(always)]
pub(crate) fn in_actor() {}

#[inline]
pub(crate) fn receive(patterns: &[Slice], timeout_ms: Option<u32>) -> Result<Option<Taken>, Error> {
    let mut answer = MaybeUninit::<Answer>::zeroed();
    ARMED.0.set(true);
    // SAFETY: the slices point to strings that outlive the call, and `answer` has the layout of the ABI.
    let answer = unsafe {
        let (has, ms) = (i32::from(timeout_ms.is_some()), timeout_ms.unwrap_or(0));
        raw_receive(patterns.as_ptr(), patterns.len(), has, ms, answer.as_mut_ptr());
        answer.assume_init()
    };
    // A timeout lowers no string, and the next one that is lowered must not land in the buffer.
    ARMED.0.set(false);
    if answer.refused != 0 {
        // SAFETY: the refusal is the one string that was lowered.
        return Err(refusal(unsafe { lowered(answer.pattern_or_length as usize) }));
    }
    // The option's tag is the lowest byte of its word; what pads it is not defined.
    if answer.some_or_refusal as u8 == 0 {
        return Ok(None);
    }
    // SAFETY: the message is the one string that was lowered.
    let text = unsafe { lowered(answer.message.1) };
    Ok(Some(Taken { pattern: answer.pattern_or_length, from_host: answer.from_host != 0, text }))
}

#[inline]
pub(crate) fn send(to: &str, text: &[u8]) -> Result<(), Error> {
    let mut sent = MaybeUninit::<Sent>::zeroed();
    // SAFETY: both strings outlive the call, and `sent` has the layout of the ABI.
    let sent = unsafe {
        raw_send(to.as_ptr(), to.len(), text.as_ptr(), text.len(), sent.as_mut_ptr());
        sent.assume_init()
    };
    if sent.refused == 0 {
        return Ok(());
    }
    let Slice(at, length) = sent.refusal;
    // SAFETY: the node lowered the refusal into an allocation of exactly its length, which nobody else owns.
    Err(refusal(unsafe { Vec::from_raw_parts(at.cast_mut(), length, length) }))
}

/// The string that was lowered into the buffer: takes the buffer out.
///
/// # Safety
///
/// The node has just written `length` bytes into it.
unsafe fn lowered(length: usize) -> Vec<u8> {
    let mut buffer = INCOMING.take();
    // SAFETY: by the caller's word, and `cabi_realloc` made room for them.
    unsafe { buffer.set_len(length) };
    buffer
}

#[cold]
fn refusal(text: Vec<u8>) -> Error {
    // SAFETY: the node lowers only UTF-8.
    Error::refusal(unsafe { String::from_utf8_unchecked(text) })
}

pub(crate) fn incoming_put(buffer: Vec<u8>) {
    INCOMING.put(buffer);
}

#[cfg(feature = "std")]
pub(crate) fn outgoing_take() -> Vec<u8> {
    OUTGOING.take()
}

#[cfg(feature = "std")]
pub(crate) fn outgoing_put(buffer: Vec<u8>) {
    OUTGOING.put(buffer);
}
