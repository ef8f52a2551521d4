//! Lines for the people who run the node. The macros of the `log` crate end here too (feature `log`).

use crate::{bindings::greenroom::actor::log, sys};

pub use log::Level;

/// Writes one line, tagged with this actor.
pub fn line(level: Level, text: &str) {
    sys::in_actor();
    log::log(level, text);
}
