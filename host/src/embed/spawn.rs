//! How an embedding program starts actors of its modules: here, or on another node.

use super::Node;
use crate::actor::spawner::Spawner;
use crate::address::Address;
use crate::guest::library::Module;
use crate::message::IntoMessage;
use crate::node::spawning::SpawnRequest;
use crate::refusal::Refusal;
use crate::spawn_options::SpawnOptions;

impl Node {
    /// Starts an actor and answers its address. `args` is an array (positional) or an object (named). `entry` means
    /// one in `module`, or, with a slash, in another that is loaded.
    ///
    /// The actor's outcome stays readable as long as this address, or a clone of it, is kept.
    ///
    /// Cancel-safe: a future that is dropped before it has answered leaves no actor.
    ///
    /// # Errors
    ///
    /// `no-such-module`, `no-such-entry`, `bad-argument`, `too-large`, `limit`, `stopping`. There is no actor then.
    pub async fn spawn(&self, module: &Module, entry: &str, args: impl IntoMessage) -> Result<Address, Refusal> {
        self.spawn_with(module, entry, args, &SpawnOptions::default()).await
    }

    /// As [`Node::spawn`], with options; with [`SpawnOptions::node`] on another node, which fetches the module if it lacks it.
    /// What was started there this program can also end, and it lives on if this node does not.
    ///
    /// # Errors
    ///
    /// As [`Node::spawn`]; `name-taken`; `bad-argument` for `link` and `monitor`, which only an actor can want;
    /// `not-permitted`, if it is to have what the module was not loaded with, or another node's owner does not permit it;
    /// `not-connected`, also if that node is lost before it has answered.
    pub async fn spawn_with(
        &self,
        module: &Module,
        entry: &str,
        args: impl IntoMessage,
        options: &SpawnOptions,
    ) -> Result<Address, Refusal> {
        let (args, home, guests) = (self.admit(args)?, module.as_home(), self.0.guests.clone());
        if let Some(place) = options.elsewhere(self.place()) {
            let (module, entry) = guests.travels(Some(&home), entry, None)?;
            let request = SpawnRequest { module, entry, args, options: options.clone(), ancestors: Box::default() };
            let id = guests.kernel.spawn_there(None, place, request).await?;
            return Ok(Address::of_id(id, place.clone()));
        }
        let mailbox = guests.spawn(Some(&home), entry, args, None, options)?;
        Ok(self.kernel().address(mailbox.id()).keeping(mailbox))
    }
}
