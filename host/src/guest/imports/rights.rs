//! `greenroom:actor/rights`: weaker addresses.

use super::{Guest, told};
use crate::guest::bindings::greenroom::actor::rights::Host;

impl Host for Guest {
    fn narrow(&mut self, actor: String, options: String) -> Result<String, String> {
        self.told(self.context.narrow(&actor, &options).map(|narrowed| narrowed.to_string()))
    }

    fn revoke(&mut self, narrowed: String) -> Result<(), String> {
        told(self.context.revoke(&narrowed))
    }

    fn via(&mut self) -> Option<String> {
        self.via.map(|via| self.context.kernel().address(via).to_string())
    }
}
