//! `greenroom:actor/log`: lines for the people who run the node.

use super::Guest;
use crate::guest::bindings::greenroom::actor::log::{Host, Level};
use crate::guest::ending;

/// How a language's runtime marks the text of its panic (see `wit/log.wit`).
const PANIC: &str = "panicked at ";

impl Host for Guest {
    fn log(&mut self, level: Level, line: String) {
        let level = match level {
            Level::Error if line.starts_with(PANIC) => {
                self.panic = Some(ending::panic_text(&line));
                return;
            }
            Level::Error => tracing::Level::ERROR,
            Level::Warn => tracing::Level::WARN,
            Level::Info => tracing::Level::INFO,
            Level::Debug => tracing::Level::DEBUG,
            Level::Trace => tracing::Level::TRACE,
        };
        self.speaker.say(level, "log", &line);
    }
}
