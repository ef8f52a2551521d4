//! `greenroom:actor/source`: program texts for interpreters. Not built yet.

use super::{Guest, unsupported};
use crate::guest::bindings::greenroom::actor::source::Host;

impl Host for Guest {
    fn source(&mut self, _name: String) -> Result<String, String> {
        unsupported("source")
    }
}
