//! `greenroom:actor/registry`: names. Which nodes there are is not built yet.

use super::{Guest, told, unsupported};
use crate::guest::bindings::greenroom::actor::registry::Host;

impl Host for Guest {
    fn register(&mut self, name: String) -> Result<(), String> {
        self.told(self.context.register(&name))
    }

    fn unregister(&mut self, name: String) -> Result<(), String> {
        told(self.context.unregister(&name))
    }

    fn whereis(&mut self, name: String) -> Result<String, String> {
        self.told(self.context.whereis(&name).map(|address| address.to_string()))
    }

    fn nodes(&mut self) -> Result<String, String> {
        unsupported("nodes")
    }

    fn monitor_nodes(&mut self, _on: bool) -> Result<bool, String> {
        unsupported("monitor-nodes")
    }
}
