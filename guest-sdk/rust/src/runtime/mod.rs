//! What runs before and after an entry: finding it, its arguments, its end.

mod arguments;
mod entry;
#[cfg(feature = "log")]
mod logger;
#[cfg(target_family = "wasm")]
mod panic;

pub use arguments::Arguments;
pub use entry::{Entry, exit, exit_result};

/// Runs an entry: the whole life of an actor.
#[cfg(target_family = "wasm")]
pub(crate) fn run(name: &str, args: &str) -> Result<alloc::string::String, alloc::string::String> {
    #[cfg(feature = "std")]
    panic::install();
    #[cfg(feature = "log")]
    logger::install();
    entry::call(name, args).map_err(crate::Error::into_json)
}
