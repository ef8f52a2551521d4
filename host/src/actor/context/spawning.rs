//! How an actor spawns: here, or on another node.

use super::Context;
use crate::address::{Address, Id, Place};
use crate::grants::Grant;
use crate::node::spawning::SpawnRequest;
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::SpawnOptions;

impl Context {
    /// Spawns an entry as a child of this actor, on this node.
    pub(crate) fn spawn(&self, entry: &str, args: String, options: &SpawnOptions) -> Result<Address, Refusal> {
        self.goes_on()?;
        if let Some(place) = options.elsewhere(self.kernel.place()) {
            let message = format!("cannot spawn on {place} without waiting for it: `spawn_at` does");
            return Err(Refusal::new(RefusalKind::UnsupportedOption, message).with("option", "node"));
        }
        let args = self.admit(args)?;
        let spawner = self.spawner.clone();
        let child = self.noted(spawner.spawn(self.home.as_ref(), entry, args, Some(&self.mailbox), options))?;
        Ok(self.kernel.address(child.id()))
    }

    /// As [`Context::spawn`], on the node that the options name, if they name another: then it waits until the actor is there.
    /// Dropped before, it leaves none.
    pub(crate) async fn spawn_at(&self, entry: &str, args: String, options: &SpawnOptions) -> Result<Address, Refusal> {
        let Some(place) = options.elsewhere(self.kernel.place()) else {
            return self.spawn(entry, args, options);
        };
        self.goes_on()?;
        let spawned = self.spawn_there(entry, args, options, place).await;
        self.noted(spawned).map(|id| Address::of_id(id, place.clone()))
    }

    async fn spawn_there(
        &self,
        entry: &str,
        args: String,
        options: &SpawnOptions,
        place: &Place,
    ) -> Result<Id, Refusal> {
        self.grants().permit(&Grant::RemoteSpawn, || format!("cannot spawn on {place}"))?;
        let (args, options) = (self.admit(args)?, options.clone());
        let (module, entry) = self.spawner.travels(self.home.as_ref(), entry, Some(self.grants()))?;
        let request = SpawnRequest { module, entry, args, options, ancestors: Box::default() };
        self.kernel.spawn_there(Some(&self.mailbox), place, request).await
    }
}
