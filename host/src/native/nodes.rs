//! The other nodes, for an actor in Rust.

use super::Context;
use crate::address::{Address, Place};
use crate::refusal::Refusal;

impl Context {
    /// The nodes that this one is connected with, in the order of their names.
    ///
    /// # Errors
    ///
    /// `not-permitted` without the grant `names`.
    pub fn nodes(&self) -> Result<Vec<Place>, Refusal> {
        self.actor.nodes()
    }

    /// Whether this actor hears of nodes that come and go from now on: host messages `{"node": "HOST:PORT", "up": true}` and
    /// `{"node": …, "up": false, "reason": …}`. Of each node at most the latest waits to be received; once it is off, none is.
    /// Answers the setting before.
    ///
    /// # Errors
    ///
    /// `not-permitted` without the grant `names`.
    pub fn monitor_nodes(&mut self, on: bool) -> Result<bool, Refusal> {
        self.actor.monitor_nodes(on)
    }

    /// The actor that has a name on another node, or on this one. Cancel-safe.
    ///
    /// # Errors
    ///
    /// `no-such-name`, `not-connected`, `not-permitted`; `timeout` after five seconds.
    pub async fn whereis_at(&self, name: &str, place: &Place) -> Result<Address, Refusal> {
        self.actor.whereis_at(name, place).await
    }
}
