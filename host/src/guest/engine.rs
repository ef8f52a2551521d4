//! The wasmtime engine that runs actors, and what is linked to them.

use std::num::NonZeroUsize;

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, Result, WasmBacktraceDetails};

use super::bindings;
use super::ending::FRAMES_MAX;
use super::memory::Slabs;
use super::state::Guest;
use super::wasi;

/// The version of wasmtime that runs here: what to look up when a fault in it becomes known.
#[cfg(feature = "cli")]
pub(crate) const VERSION: &str = wasmtime_environ::VERSION;

/// WebAssembly's own stack for one actor, in bytes. A Rust frame is some 100 bytes: room for thousands of calls. Pages
/// that are never touched cost nothing.
pub(super) const WASM_STACK_BYTES: usize = 512 << 10;

/// One fiber's stack, in bytes. What WebAssembly may not use of it is the host's: its functions run on the actor's
/// fiber, and overrunning that ends the process. They do not recurse over a guest's data; 64 KiB were enough to parse
/// JSON in a release build, a debug build needs four times that.
const FIBER_STACK_BYTES: usize = 1 << 20;

/// The engine for modules that start from plain data.
///
/// Its memories have exact bounds: nothing is reserved and nothing guarded, so they can lie side by side in `slabs`, and
/// how many actors there can be is not a matter of `vm.max_map_count`. The price is a bounds check at each access: none
/// to be seen in hashing, 1.1 times in sorting, 1.9 times in a tight loop over a matrix.
pub(super) fn new() -> Result<(Engine, Slabs)> {
    let mut config = Config::new();
    let slabs = Slabs::new(FIBER_STACK_BYTES);
    slabs.serve(&mut config);
    config
        // Blocking imports need no concurrency inside a component; without it a hop is 0.2 µs cheaper.
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_reservation(0)
        .memory_reservation_for_growth(0)
        .memory_guard_size(0)
        .guard_before_linear_memory(false)
        .memory_may_move(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .wasm_backtrace_max_frames(NonZeroUsize::new(FRAMES_MAX))
        // We read lines ourselves, within bounds; the environment shall not change that.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // Proposals that no toolchain we know needs: each is code that a stranger's module could reach.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false);
    Ok((Engine::new(&config)?, slabs))
}

/// All that an actor can import: the contract, and WASI, which gives what the actor is granted.
pub(super) fn linker(engine: &Engine) -> Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    bindings::Actor::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    Ok(linker)
}
