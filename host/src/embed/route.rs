//! A router of an embedding program's own.

use super::Node;
use crate::address::Address;
use crate::native::router::{RouterSpec, route};
use crate::refusal::Refusal;

impl Node {
    /// Starts a router, with its pool if it has one. The entry of a pool's workers is written `module/entry`.
    ///
    /// It is called and sent to as any actor; the methods `$router/routees`, `$router/add`, `$router/remove` (with an
    /// address) and `$router/resize` (with a number) are its own. It ends when [`Node::exit`] asks it to, at a shutdown of the
    /// node, or with its pool, if that gives up.
    ///
    /// # Errors
    ///
    /// `limit`, `stopping`. There is no actor then. A spec that makes no sense is how the router ended.
    ///
    /// # Example
    ///
    /// ```
    /// use greenroom::{ChildSpec, Context, Mesh, Node, PoolSpec, Refusal, RouterSpec};
    /// use serde_json::{Value, json};
    /// use std::time::Duration;
    ///
    /// async fn clerk(mut context: Context) -> Result<Value, Refusal> {
    ///     loop {
    ///         let call = context.receive_any(None).await.expect("no timeout").message.to_value();
    ///         let answer = json!({"response": call["call"], "message": "at your service"});
    ///         context.send(&serde_json::from_value(call["address"].clone()).expect("a call"), answer)?;
    ///     }
    /// }
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let node = Node::start(&Mesh::new(), "cookie@127.0.0.1:0").await?;
    /// let pool = PoolSpec::new(ChildSpec::native("clerk", clerk), 3);
    /// let office = node.route(RouterSpec::least_loaded().pool(pool))?;
    /// let answer = node.call(&office, "anybody", json!(null), Duration::from_secs(60)).await?;
    /// assert_eq!(answer, json!("at your service"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn route(&self, spec: RouterSpec) -> Result<Address, Refusal> {
        self.spawn_native(move |context| route(context, spec))
    }
}
