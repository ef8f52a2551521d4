//! A call by an actor in Rust: the caller's side of the call protocol.

use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;

use super::call::{Answer, Request, Text};
use super::{Context, Received};
use crate::address::{Address, Id};
use crate::message::{IntoMessage, Message};
use crate::pattern::Pattern;
use crate::refusal::Refusal;

/// Why a call has no answer, or which answer was none that was hoped for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The callee answered with an exception: an object with `type` and `message`, unless it speaks a dialect of its own.
    #[error("the call failed: {0}")]
    Exception(Value),
    /// The callee has no method of that name.
    #[error("it has no method `{0}`")]
    InvalidMethod(String),
    /// The callee ended before it answered: its outcome, `{"exit": …}` or `{"exception": …}`. Whether it did what it was
    /// asked for is not known.
    #[error("it ended before it answered: {0}")]
    Ended(Value),
    /// The time was up. What is answered later reaches nobody.
    #[error("no answer in time")]
    Timeout,
    /// The call was not made.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

impl Context {
    /// Calls a method of another actor and waits for the answer. The other is monitored meanwhile, and answers to an
    /// address that is good for one message: its end is an error at once, and a late answer reaches nobody.
    ///
    /// Cancel-safe: when it is dropped, the answer is no longer waited for and never will be received.
    ///
    /// # Errors
    ///
    /// See [`CallError`]. A narrowed address needs the rights `send` and `monitor`.
    ///
    /// ```
    /// use greenroom::{Address, CallError, Context};
    /// use serde_json::{Value, json};
    /// use std::time::Duration;
    ///
    /// async fn total(context: &mut Context, counter: &Address) -> Result<Value, CallError> {
    ///     context.call(counter, "add", json!(2), Duration::from_secs(5)).await
    /// }
    /// ```
    pub async fn call(
        &mut self,
        to: &Address,
        method: &str,
        message: impl IntoMessage,
        timeout: Duration,
    ) -> Result<Value, CallError> {
        self.call_text(to, method, message, timeout).await.map(|answer| answer.to_value())
    }

    /// As [`Context::call`], with the answer's very text.
    pub(crate) async fn call_text(
        &mut self,
        to: &Address,
        method: &str,
        message: impl IntoMessage,
        timeout: Duration,
    ) -> Result<Message, CallError> {
        let message = self.actor.admit(message.into_text())?;
        Outgoing::start(self, to, method, &message)?.answer(timeout).await
    }
}

/// A call that is made and not yet answered. What it needs of its actor is given back when it is dropped.
struct Outgoing<'a> {
    context: &'a mut Context,
    id: String,
    monitor: String,
    reply_to: Option<Address>,
}

impl<'a> Outgoing<'a> {
    fn start(context: &'a mut Context, to: &Address, method: &str, message: &Message) -> Result<Outgoing<'a>, Refusal> {
        let monitor = context.monitor(to)?;
        let mut call = Outgoing { context, id: Id::random().to_string(), monitor, reply_to: None };
        let reply_to = call.context.one_shot()?;
        let text = Request::text(&call.id, method, &reply_to, message);
        call.reply_to = Some(reply_to);
        call.context.send(to, Text(text))?;
        Ok(call)
    }

    async fn answer(self, timeout: Duration) -> Result<Message, CallError> {
        let answer = Pattern::new(json!({"response": self.id}))?;
        let end = Pattern::new(json!({"$host": {"monitor": self.monitor}}))?;
        let received = self.context.receive(&[answer, end], Some(timeout)).await;
        let Received { pattern, message, .. } = received.ok_or(CallError::Timeout)?;
        match Answer::parse(&message) {
            _ if pattern == 1 => Err(CallError::Ended(outcome(message.to_value()))),
            Some((_, Answer::Message(value))) => Ok(value),
            Some((_, Answer::Exception(exception))) => Err(CallError::Exception(exception.to_value())),
            Some((_, Answer::InvalidMethod(method))) => Err(CallError::InvalidMethod(method)),
            None => Err(CallError::Exception(json!({"type": "error", "message": "it answered with something else"}))),
        }
    }
}

impl Drop for Outgoing<'_> {
    fn drop(&mut self) {
        // Neither fails for one's own, also when it is used up.
        _ = self.context.demonitor(&self.monitor);
        if let Some(reply_to) = &self.reply_to {
            _ = self.context.revoke(reply_to);
        }
    }
}

impl Context {
    /// An address of this actor's that is good for one message. The message has a place of its own, so that a full mailbox
    /// does not lose it.
    pub(super) fn one_shot(&mut self) -> Result<Address, Refusal> {
        let me = self.address().clone();
        self.narrow(&me, Message::trusted(r#"{"rights":["send"],"uses":1}"#.to_owned()))
    }
}

/// What a host message says of an end, without whom it is about.
fn outcome(mut told: Value) -> Value {
    if let Some(told) = told.as_object_mut() {
        told.retain(|key, _| !["address", "monitor"].contains(&key.as_str()));
    }
    told
}
