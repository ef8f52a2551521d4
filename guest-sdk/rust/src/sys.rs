//! The two calls every message passes, by hand: they keep one buffer each for what comes in and for what goes out.
//!
//! Generated bindings allocate and free a string for every message; a buffer that is used again saves a tenth of a hop.

#[cfg(target_family = "wasm")]
mod wasm;
#[cfg(target_family = "wasm")]
use wasm as target;

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(not(target_family = "wasm"))]
use native as target;

use crate::{Error, Pattern};
use alloc::vec::Vec;
use serde::Serialize;
pub(crate) use target::{in_actor, incoming_put, receive, send};

/// A string as the canonical ABI passes it: where it begins, and its length in bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Slice(pub(crate) *const u8, pub(crate) usize);

/// A message as the node lowered it; `text` is UTF-8.
pub(crate) struct Taken {
    pub(crate) pattern: u32,
    pub(crate) from_host: bool,
    pub(crate) text: Vec<u8>,
}

/// How many patterns are passed without an allocation. Nobody has been seen to use more.
const PATTERNS_ON_STACK: usize = 8;

/// As `receive`, with patterns instead of the ABI's slices.
pub(crate) fn receive_matching<'a>(
    patterns: impl ExactSizeIterator<Item = &'a Pattern>,
    timeout_ms: Option<u32>,
) -> Result<Option<Taken>, Error> {
    let count = patterns.len();
    let slices = patterns.map(|pattern| Slice(pattern.text().as_ptr(), pattern.text().len()));
    if count > PATTERNS_ON_STACK {
        return receive(&slices.collect::<Vec<_>>(), timeout_ms);
    }
    let mut array = [Slice(core::ptr::null(), 0); PATTERNS_ON_STACK];
    for (place, slice) in array.iter_mut().zip(slices) {
        *place = slice;
    }
    receive(&array[..count], timeout_ms)
}

/// Calls `use_text` with the value as JSON, written into the buffer for what goes out.
#[cfg(feature = "std")]
pub(crate) fn with_json<T: Serialize + ?Sized>(
    value: &T,
    use_text: impl FnOnce(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut text = target::outgoing_take();
    let done = match serde_json::to_writer(&mut text, value) {
        Ok(()) => use_text(&text),
        Err(error) => Err(Error::from(error)),
    };
    target::outgoing_put(text);
    done
}

/// As above, in a buffer of its own: without std serde_json writes into no other.
#[cfg(not(feature = "std"))]
pub(crate) fn with_json<T: Serialize + ?Sized>(
    value: &T,
    use_text: impl FnOnce(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    use_text(&serde_json::to_vec(value)?)
}
