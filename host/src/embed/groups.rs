//! Groups of actors, for an embedding program.

use super::Node;
use crate::address::Address;
use crate::message::IntoMessage;
use crate::refusal::Refusal;

/// Actors join groups by [`Context::join`](crate::Context::join), guests by the contract's `join`.
impl Node {
    /// The members of a group on all nodes, as far as this one knows, each as often as it has joined. Those on this node come
    /// first.
    ///
    /// # Errors
    ///
    /// `bad-argument` for a text that can be no name.
    pub fn members(&self, group: &str) -> Result<Vec<Address>, Refusal> {
        self.kernel().members(group)
    }

    /// The members of a group on this node.
    ///
    /// # Errors
    ///
    /// As [`Node::members`].
    pub fn local_members(&self, group: &str) -> Result<Vec<Address>, Refusal> {
        self.kernel().local_members(group)
    }

    /// Sends a message to each member of a group, as [`Context::broadcast`](crate::Context::broadcast) does. Answers how many
    /// it was handed to. Blocks for as long as it takes to copy it.
    ///
    /// # Errors
    ///
    /// `bad-argument` for a text that can be no name, `too-large`. Nobody has it then.
    ///
    /// # Example
    ///
    /// ```
    /// use greenroom::{Mesh, Node};
    /// use serde_json::json;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let node = Node::start(&Mesh::new(), "cookie@127.0.0.1:0").await?;
    /// assert_eq!(node.broadcast("listeners", json!("is anybody there?"))?, 0);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn broadcast(&self, group: &str, message: impl IntoMessage) -> Result<usize, Refusal> {
        let message = self.admit(message)?;
        let mut broadcast = self.kernel().broadcast(None, group, message)?;
        loop {
            if let Some(handed) = self.kernel().go_on(None, &mut broadcast) {
                return Ok(handed);
            }
        }
    }
}
