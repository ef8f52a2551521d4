//! What who runs a node can ask of it: who lives there, and which modules of other nodes are there.

use super::Node;
use crate::guest::arrivals::ModuleInfo;
use crate::module_hash::ModuleHash;
use crate::node::listing::ActorInfo;

impl Node {
    /// The actors that live here, the oldest first, at most so many.
    ///
    /// Looks at one after the other while they run on, so it is no picture of one moment.
    ///
    /// # Example
    ///
    /// ```
    /// use greenroom::{Context, Mesh, Node, SpawnOptions};
    /// use serde_json::{Value, json};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let node = Node::start(&Mesh::new(), "cookie@127.0.0.1:0").await?;
    /// let waits = async |mut context: Context| {
    ///     context.receive_any(None).await;
    ///     Ok::<_, Value>(json!(null))
    /// };
    /// let clerk = node.spawn_native_with(&SpawnOptions::default().name("clerk"), waits)?;
    /// let actors = node.list(100);
    /// assert_eq!((actors.len(), &actors[0].address, actors[0].names[0].as_str()), (1, &clerk, "clerk"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self, actors_max: usize) -> Vec<ActorInfo> {
        self.kernel().list(actors_max)
    }

    /// The modules that came from other nodes, for spawns of theirs, in the order they came.
    pub fn modules_of_peers(&self) -> Vec<ModuleInfo> {
        self.0.guests.modules_of_peers()
    }

    /// Forgets a module that came from another node: the next spawn of it fetches it anew. Actors of it live on. Answers whether
    /// there was one.
    pub fn forget_module(&self, hash: &ModuleHash) -> bool {
        self.0.guests.forget(hash)
    }
}
