//! The other nodes, for an actor in Rust.

use super::Context;
use crate::address::{Address, Place};
use crate::message::IntoMessage;
use crate::refusal::Refusal;
use crate::spawn_options::SpawnOptions;

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

    /// As [`Context::spawn`], on the node that [`SpawnOptions::node`] names: then it waits until the actor is there, which takes
    /// as long as its module does to come and to be compiled, if that node lacks it. Address, name, link and monitor stand when
    /// this answers.
    ///
    /// Dropped before, it leaves no actor.
    ///
    /// # Errors
    ///
    /// As [`Context::spawn`]; `not-permitted` without the grant `remote-spawn`, and if that node's owner does not permit it;
    /// `not-connected`, also if that node is lost before it has answered; `timeout` and `no-such-module`, if the module does
    /// not come whole.
    pub async fn spawn_at(
        &mut self,
        entry: &str,
        args: impl IntoMessage,
        options: &SpawnOptions,
    ) -> Result<Address, Refusal> {
        let args = args.into_text();
        self.actor.spawn_at(entry, args, options).await
    }
}
