//! `greenroom:actor/rights`: weaker addresses. Not built yet.

use super::{Guest, unsupported};
use crate::guest::bindings::greenroom::actor::rights::Host;

impl Host for Guest {
    fn narrow(&mut self, _actor: String, _options: String) -> Result<String, String> {
        unsupported("narrow")
    }

    fn revoke(&mut self, _narrowed: String) -> Result<(), String> {
        unsupported("revoke")
    }
}
