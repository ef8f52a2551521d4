//! A call from the embedding program: an actor that lives for this one call.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use super::Node;
use crate::address::Address;
use crate::message::{IntoMessage, Message};
use crate::native::CallError;
use crate::refusal::{Refusal, RefusalKind};

impl Node {
    /// Calls a method of an actor, here or on another node, and waits for the answer. The actor's end is an error at once,
    /// and an answer that comes after the time reaches nobody.
    ///
    /// The call is made by an actor that lives as long as it: it is spawned, told of and counted like any.
    ///
    /// Cancel-safe: nothing is left behind when it is dropped. What the actor was asked for it may do all the same.
    ///
    /// # Errors
    ///
    /// See [`CallError`]. A narrowed address needs the rights `send` and `monitor`.
    ///
    /// # Example
    ///
    /// ```
    /// use greenroom::{CallError, Mesh, Node};
    /// use serde_json::json;
    /// use std::time::Duration;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let node = Node::start(&Mesh::new(), "cookie@127.0.0.1:0").await?;
    /// let echo = node.load_bytes("echo", include_str!("../guest/echo.wat")).await?;
    /// let ended = node.spawn(&echo, "main", json!([])).await?;
    /// node.wait(&ended).await?;
    /// let call = node.call(&ended, "anything", json!(null), Duration::from_secs(60));
    /// assert!(matches!(call.await, Err(CallError::Refused(_))), "there is nobody, and that is known at once");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub async fn call(
        &self,
        to: &Address,
        method: &str,
        message: impl IntoMessage,
        timeout: Duration,
    ) -> Result<Value, CallError> {
        self.call_text(to, method, message, timeout).await.map(|answer| answer.to_value())
    }

    /// As [`Node::call`], with the answer's very text.
    pub(crate) async fn call_text(
        &self,
        to: &Address,
        method: &str,
        message: impl IntoMessage,
        timeout: Duration,
    ) -> Result<Message, CallError> {
        let (to, method, message) = (to.clone(), method.to_owned(), self.admit(message)?);
        let (tell, answer) = oneshot::channel();
        let caller = self.spawn_native(move |mut context| async move {
            let answer = context.call_text(&to, &method, message, timeout).await;
            // Whoever called may have given up.
            _ = tell.send(answer);
            Ok::<_, Value>(Value::Null)
        })?;
        let mut caller = Caller { node: self, address: Some(caller) };
        let answer = answer.await.unwrap_or_else(|_| {
            Err(Refusal::new(RefusalKind::Stopping, "the node ended the call: it is shutting down").into())
        });
        // It ends by itself now.
        caller.address = None;
        answer
    }
}

/// The actor that makes a call, as long as the call is waited for.
struct Caller<'a> {
    node: &'a Node,
    address: Option<Address>,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if let Some(address) = &self.address {
            // It may just have ended.
            _ = self.node.kill(address);
        }
    }
}
