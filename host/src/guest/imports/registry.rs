//! `greenroom:actor/registry`: names and nodes. Not built yet.

use super::{Guest, unsupported};
use crate::guest::bindings::greenroom::actor::registry::Host;

impl Host for Guest {
    fn register(&mut self, _name: String) -> Result<(), String> {
        unsupported("register")
    }

    fn unregister(&mut self, _name: String) -> Result<(), String> {
        unsupported("unregister")
    }

    fn whereis(&mut self, _name: String) -> Result<String, String> {
        unsupported("whereis")
    }

    fn nodes(&mut self) -> Result<String, String> {
        unsupported("nodes")
    }

    fn monitor_nodes(&mut self, _on: bool) -> Result<bool, String> {
        unsupported("monitor-nodes")
    }
}
