//! What stands for the imports where there is no node: a panic that says so.

use super::{Slice, Taken};
use crate::Error;
use alloc::vec::Vec;

/// Panics: off WebAssembly there is no node to call.
pub(crate) fn in_actor() {
    panic!("this runs only inside an actor: build the crate for wasm32-wasip2 and start it with `greenroom run`");
}

pub(crate) fn receive(_patterns: &[Slice], _timeout_ms: Option<u32>) -> Result<Option<Taken>, Error> {
    in_actor();
    Ok(None)
}

pub(crate) fn send(_to: &str, _text: &[u8]) -> Result<(), Error> {
    in_actor();
    Ok(())
}

pub(crate) fn incoming_put(_buffer: Vec<u8>) {}

#[cfg(feature = "std")]
pub(crate) fn outgoing_take() -> Vec<u8> {
    Vec::new()
}

#[cfg(feature = "std")]
pub(crate) fn outgoing_put(_buffer: Vec<u8>) {}
