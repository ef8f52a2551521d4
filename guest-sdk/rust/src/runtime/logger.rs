//! The `log` crate's macros, written through the node's log.

use alloc::string::ToString;
use log::{LevelFilter, Log, Metadata, Record};

struct Logger;

/// Makes the macros of the `log` crate work. What a level is worth to show is the node's choice.
#[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "only a node has a log"))]
pub(super) fn install() {
    // Refused only if the guest has set a logger of its own, which then counts.
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(LevelFilter::Trace);
    }
}

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            log::Level::Error => crate::log::Level::Error,
            log::Level::Warn => crate::log::Level::Warn,
            log::Level::Info => crate::log::Level::Info,
            log::Level::Debug => crate::log::Level::Debug,
            log::Level::Trace => crate::log::Level::Trace,
        };
        match record.args().as_str() {
            Some(text) => crate::log::line(level, text),
            None => crate::log::line(level, &record.args().to_string()),
        }
    }

    fn flush(&self) {}
}
