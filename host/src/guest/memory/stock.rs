//! The stand-in for slots where the system is not Linux: the engine maps each memory and stack by itself.

use thiserror::Error;
use wasmtime::Config;

use crate::refusal::Refusal;

/// Nothing: the engine has its own ways.
pub(in crate::guest) struct Slabs;

/// Nothing is set aside.
pub(in crate::guest) struct Place;

/// The memories of a new instance.
#[derive(Clone, Copy)]
#[expect(dead_code, reason = "the engine finds out by itself")]
pub(in crate::guest) struct Needs {
    /// How many.
    pub(in crate::guest) memories: usize,
    /// How large the largest of them is.
    pub(in crate::guest) bytes: usize,
}

/// Why a memory could not be grown, though its actor may have it. It is never told: the engine has its own errors.
#[derive(Debug, Error)]
pub(in crate::guest) enum NoMemory {}

impl Slabs {
    pub(in crate::guest) fn new(_stack_bytes: usize) -> Slabs {
        Slabs
    }

    pub(in crate::guest) fn serve(&self, config: &mut Config) {
        config.memory_init_cow(false);
    }

    /// # Errors
    ///
    /// None here.
    pub(in crate::guest) fn reserve(&self, _needs: Needs, _stack_bytes: usize) -> Result<Place, Refusal> {
        Ok(Place)
    }
}
