//! A supervisor of an embedding program's own.

use super::Node;
use crate::address::Address;
use crate::native::supervisor::{SupervisorSpec, supervise};
use crate::refusal::Refusal;
use crate::spawn_options::SpawnOptions;

impl Node {
    /// Starts a supervisor, which starts its children. Its children's entries are written `module/entry`.
    ///
    /// It ends when [`Node::exit`] asks it to, at a shutdown of the node, or when more restarts would be needed than it
    /// allows; its children are down then. [`Node::wait`] tells.
    ///
    /// # Errors
    ///
    /// `limit`, `stopping`. There is no actor then. A spec that makes no sense, and a child that cannot be started the
    /// first time, are how the supervisor ended.
    ///
    /// # Example
    ///
    /// ```
    /// use greenroom::{ChildSpec, Context, Mesh, Node, Refusal, SupervisorSpec};
    /// use serde_json::json;
    ///
    /// async fn clerk(mut context: Context) -> Result<serde_json::Value, Refusal> {
    ///     let received = context.receive_any(None).await.expect("no timeout");
    ///     assert_eq!(received.message.as_str(), "\"please\"", "only this clerk ends then");
    ///     Ok(json!("done"))
    /// }
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let node = Node::start(&Mesh::new(), "cookie@127.0.0.1:0").await?;
    /// let office = node.supervise(SupervisorSpec::one_for_one().child(ChildSpec::native("clerk", clerk)))?;
    /// node.exit(&office, json!("closing time"))?;
    /// assert_eq!(node.wait(&office).await?, json!(null));
    /// assert_eq!(node.actors(), 0);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn supervise(&self, spec: SupervisorSpec) -> Result<Address, Refusal> {
        self.spawn_native_with(&SpawnOptions::default().trap_exit(), move |context| supervise(context, spec))
    }
}
