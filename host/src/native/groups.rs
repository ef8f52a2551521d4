//! Groups of actors, for an actor in Rust.

use super::Context;
use crate::address::Address;
use crate::message::IntoMessage;
use crate::refusal::Refusal;

/// A group is a name that any number of actors have at once, on any nodes. It is there as long as it has members, and each
/// node knows of those on others what it has heard so far: one that has just joined there may be missing for a moment.
impl Context {
    /// Makes this actor a member of a group, until it leaves or ends. It may join more than once, is then listed as often, and
    /// must leave as often.
    ///
    /// # Errors
    ///
    /// `not-permitted` without the grant `names`, `limit`, `bad-argument` for a text that can be no name.
    ///
    /// # Example
    ///
    /// ```
    /// use greenroom::{Mesh, Node, Refusal};
    /// use serde_json::json;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let node = Node::start(&Mesh::new(), "cookie@127.0.0.1:0").await?;
    /// let listener = node.spawn_native(|mut context| async move {
    ///     context.join("listeners")?;
    ///     let handed = context.broadcast("listeners", json!("hello, all")).await?;
    ///     let heard = context.receive_any(None).await.expect("no timeout").message.to_value();
    ///     Ok::<_, Refusal>(json!([handed, heard]))
    /// })?;
    /// assert_eq!(node.wait(&listener).await?, json!([1, "hello, all"]));
    /// assert!(node.members("listeners")?.is_empty(), "who ends leaves");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn join(&mut self, group: &str) -> Result<(), Refusal> {
        self.actor.join(group)
    }

    /// Takes one of this actor's memberships of a group back.
    ///
    /// # Errors
    ///
    /// `bad-argument` if it has none.
    pub fn leave(&mut self, group: &str) -> Result<(), Refusal> {
        self.actor.leave(group)
    }

    /// The members of a group on all nodes, as far as this one knows, each as often as it has joined. Those on this node come
    /// first.
    ///
    /// # Errors
    ///
    /// `not-permitted` without the grant `names`, `bad-argument` for a text that can be no name, `too-large` if the list has
    /// more bytes than a message of this actor may have.
    pub fn members(&self, group: &str) -> Result<Vec<Address>, Refusal> {
        self.actor.members(group)
    }

    /// The members of a group on this node.
    ///
    /// # Errors
    ///
    /// As [`Context::members`].
    pub fn local_members(&self, group: &str) -> Result<Vec<Address>, Refusal> {
        self.actor.local_members(group)
    }

    /// Sends a message to each member of a group on all nodes, once however often it has joined, to this actor too if it is
    /// one. Waits for nobody, but lets others have their turn among many. Answers how many it was handed to; those on other
    /// nodes have it on its way. A member whose mailbox is full misses it, and that is a dead letter.
    ///
    /// What one actor broadcasts to one group comes to each member in order. Over nodes there is no order between that and
    /// what is sent to the member itself. Dropped before it has answered, it may have gone to some members only.
    ///
    /// # Errors
    ///
    /// `not-permitted` without the grant `names`, `bad-argument` for a text that can be no name, `too-large`. Nobody has it
    /// then.
    pub async fn broadcast(&mut self, group: &str, message: impl IntoMessage) -> Result<usize, Refusal> {
        let text = message.into_text();
        self.actor.broadcast(group, text).await
    }
}
