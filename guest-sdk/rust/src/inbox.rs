//! The buffer that messages arrive in, and the allocator's door for everything else that the host passes.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::fmt;
use core::ops::Deref;

use crate::error::{Error, Result};
use crate::sys::raw::{self, Answer, Slice};

/// A text that the host passed, in the buffer that the next one will use: it goes back when this is dropped.
pub struct Text(Vec<u8>);

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        // SAFETY: the canonical ABI passes strings as UTF-8, and the host has checked that these are.
        unsafe { core::str::from_utf8_unchecked(&self.0) }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        INBOX.with(|inbox| {
            // The larger of the two is kept: a nested receive may have made another.
            if inbox.buffer.capacity() < self.0.capacity() {
                inbox.buffer = core::mem::take(&mut self.0);
            }
        });
    }
}

/// One pattern's index, whether the host sent it, and the text.
pub(crate) struct Arrived {
    pub pattern: u32,
    pub from_host: bool,
    pub text: Text,
}

pub(crate) fn receive(patterns: &[Slice], timeout_ms: Option<u32>) -> Result<Option<Arrived>> {
    INBOX.with(|inbox| inbox.armed = true);
    // SAFETY: whoever holds the slices holds the texts; see `Pattern::slice`.
    let answer = unsafe { raw::receive(patterns, timeout_ms) };
    // Nothing may have been passed (the time was up): the next string must not land here unasked.
    INBOX.with(|inbox| inbox.armed = false);
    match answer {
        Answer::Nothing => Ok(None),
        Answer::Refusal { len } => Err(Error::refusal(String::from(filled(len).as_str()))),
        Answer::Message { pattern, from_host, len } => Ok(Some(Arrived { pattern, from_host, text: filled(len) })),
    }
}

pub(crate) fn send(to: &str, text: &[u8]) -> Result<()> {
    INBOX.with(|inbox| inbox.armed = true);
    let sent = raw::send(to, text);
    INBOX.with(|inbox| inbox.armed = false);
    sent.map_err(|len| Error::refusal(String::from(filled(len).as_str())))
}

/// The buffer, which the host has just filled.
fn filled(len: usize) -> Text {
    INBOX.with(|inbox| {
        let mut buffer = core::mem::take(&mut inbox.buffer);
        // SAFETY: `cabi_realloc` made room for `len` bytes, and the host wrote them.
        unsafe { buffer.set_len(len) };
        Text(buffer)
    })
}

struct Inbox {
    buffer: Vec<u8>,
    /// The next string belongs into the buffer.
    armed: bool,
}

struct Shared(UnsafeCell<Inbox>);

// SAFETY: a component has one thread.
#[cfg(target_family = "wasm")]
unsafe impl Sync for Shared {}

#[cfg(target_family = "wasm")]
static INBOX: Shared = Shared(UnsafeCell::new(Inbox { buffer: Vec::new(), armed: false }));

// Elsewhere nothing ever arrives, and each use is its own.
#[cfg(not(target_family = "wasm"))]
const INBOX: Shared = Shared(UnsafeCell::new(Inbox { buffer: Vec::new(), armed: false }));

impl Shared {
    /// None of its users calls another of them, or anything of the user's.
    fn with<R>(&self, use_it: impl FnOnce(&mut Inbox) -> R) -> R {
        // SAFETY: one thread, and no use inside another.
        use_it(unsafe { &mut *self.0.get() })
    }
}

/// The smallest buffer: most messages fit, and growing costs a copy.
#[cfg(target_family = "wasm")]
const BUFFER_BYTES_MIN: usize = 256;

/// Where the host asks for room for what it passes (canonical ABI). Takes the place of wit-bindgen's.
///
/// # Safety
///
/// As `realloc`; the host keeps to it.
#[cfg(target_family = "wasm")]
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_len: usize, align: usize, len: usize) -> *mut u8 {
    use alloc::alloc::{Layout, alloc, handle_alloc_error, realloc};
    if old_len == 0 && align == 1 && INBOX.with(|inbox| core::mem::take(&mut inbox.armed)) {
        return INBOX.with(|inbox| {
            inbox.buffer.clear();
            inbox.buffer.reserve(len.next_power_of_two().max(BUFFER_BYTES_MIN));
            inbox.buffer.as_mut_ptr()
        });
    }
    // SAFETY: the host passes layouts that it was given or that the ABI defines.
    unsafe {
        let layout = Layout::from_size_align_unchecked(len, align);
        let place = match (old_len, len) {
            (0, 0) => return align as *mut u8,
            (0, _) => alloc(layout),
            _ => realloc(old, Layout::from_size_align_unchecked(old_len, align), len),
        };
        if place.is_null() {
            handle_alloc_error(layout);
        }
        place
    }
}
