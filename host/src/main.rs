//! The program `greenroom`: parse, call, print the error.

use std::process::ExitCode;

/// Each actor is some twenty small allocations, made on one thread and freed on another. glibc extends the heap of a
/// thread page by page, one `mprotect` each: five for every actor.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    greenroom::cli::main()
}
