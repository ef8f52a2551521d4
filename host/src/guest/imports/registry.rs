//! `greenroom:actor/registry`: names, and which nodes there are.

use super::{Guest, told};
use crate::address::Place;
use crate::guest::bindings::greenroom::actor::registry::Host;
use crate::refusal::Refusal;

impl Host for Guest {
    fn register(&mut self, name: String) -> Result<(), String> {
        self.told(self.context.register(&name))
    }

    fn unregister(&mut self, name: String) -> Result<(), String> {
        told(self.context.unregister(&name))
    }

    async fn whereis(&mut self, name: String) -> Result<String, String> {
        let address = match name.split_once('@').map(|(name, place)| (name, place.parse::<Place>())) {
            None => self.context.whereis(&name),
            Some((name, Ok(place))) => self.context.whereis_at(name, &place).await,
            Some((_, Err(why))) => Err(Refusal::from(why)),
        };
        self.told(address.map(|address| address.to_string()))
    }

    fn nodes(&mut self) -> Result<String, String> {
        let nodes = self.context.nodes();
        self.told(nodes.map(|nodes| serde_json::Value::from_iter(nodes.iter().map(Place::as_str)).to_string()))
    }

    fn monitor_nodes(&mut self, on: bool) -> Result<bool, String> {
        self.told(self.context.monitor_nodes(on))
    }
}
