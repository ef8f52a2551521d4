//! What `std` would bring: an allocator and a panic handler.

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    crate::log::panicked(info.location(), info.message());
    core::arch::wasm32::unreachable()
}
