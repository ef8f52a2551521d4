//! What who runs the node sees of it.

use super::Kernel;
use crate::address::Address;
use crate::mailbox::Mailbox;

/// A living actor, as who runs the node sees it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ActorInfo {
    /// Its address, with all rights.
    pub address: Address,
    /// What it runs, as `module/entry`; none: a behavior in Rust.
    pub entry: Option<String>,
    /// Who spawned it, alive or not; none: the embedding program.
    pub parent: Option<Address>,
    /// The names it has.
    pub names: Vec<String>,
    /// How many messages wait in its mailbox, those of the host's among them.
    pub messages: usize,
    /// The bytes of those that are counted against the limit of its mailbox.
    pub bytes: usize,
    /// How many of its children live.
    pub children: u64,
}

impl Kernel {
    /// Those that live, the oldest first, at most so many.
    pub(crate) fn list(&self, actors_max: usize) -> Vec<ActorInfo> {
        let mut actors = self.table.all();
        actors.sort_unstable_by_key(|actor| actor.number());
        actors.iter().take(actors_max).map(|actor| self.info(actor)).collect()
    }

    fn info(&self, actor: &Mailbox) -> ActorInfo {
        let (messages, bytes) = actor.waits();
        ActorInfo {
            address: self.address(actor.id()),
            entry: actor.entry().map(str::to_owned),
            parent: actor.parent().map(|parent| parent.address(&self.place)),
            names: self.registry.names_of(actor.id()).iter().map(ToString::to_string).collect(),
            messages,
            bytes,
            children: actor.children(),
        }
    }
}
