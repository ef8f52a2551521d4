//! A panic's text and place, told to the node before the trap; and what std would bring, for guests without it.

use crate::log::{Level, line};
use alloc::format;
use core::fmt::Display;
use core::panic::Location;

/// The form that the node takes for the message of the trap that follows.
fn tell(place: Option<&Location<'_>>, text: impl Display) {
    match place {
        Some(place) => line(Level::Error, &format!("panicked at {place}: {text}")),
        None => line(Level::Error, &format!("panicked at an unknown place: {text}")),
    }
}

/// Lets std's panics tell the node.
#[cfg(feature = "std")]
pub(super) fn install() {
    std::panic::set_hook(std::boxed::Box::new(|info| {
        tell(info.location(), info.payload_as_str().unwrap_or("a value that is no text"));
    }));
}

#[cfg(not(feature = "std"))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    tell(info.location(), info.message());
    core::arch::wasm32::unreachable()
}

#[cfg(not(feature = "std"))]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

// The compiler calls `memcpy`, `memcmp` and the like, which on this target are the C library's; std would link it.
#[cfg(not(feature = "std"))]
#[link(name = "c")]
unsafe extern "C" {}
