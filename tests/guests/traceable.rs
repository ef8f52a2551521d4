//! A guest that fails in a place which its debug information names. Without the SDK, so that `rustc` alone builds it.
#![no_std]

use core::arch::wasm32::unreachable;
use core::sync::atomic::{AtomicUsize, Ordering};

#[unsafe(no_mangle)]
extern "C" fn run(_entry: usize, _entry_bytes: usize, args: *const u8, _args_bytes: usize) -> usize {
    trips(args.addr())
}

#[inline(never)]
fn trips(args: usize) -> usize {
    if args > 0 {
        unreachable();
    }
    args
}

#[unsafe(no_mangle)]
extern "C" fn cabi_realloc(_old: usize, _old_bytes: usize, _align: usize, bytes: usize) -> usize {
    static FREE: AtomicUsize = AtomicUsize::new(1024);
    FREE.fetch_add(bytes, Ordering::Relaxed)
}

#[panic_handler]
fn gives_up(_: &core::panic::PanicInfo<'_>) -> ! {
    unreachable()
}
