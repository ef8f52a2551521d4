//! A call as the one who is called sees it.

use crate::{Address, Error, Json, Result};
use alloc::boxed::Box;
use alloc::string::String;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A call that this actor has received. It may be answered at once or later, once.
///
/// ```no_run
/// # use greenroom_guest::*;
/// #[actor]
/// fn doubler() -> Result<()> {
///     loop {
///         let request: Request = receive_as()?;
///         match (request.method(), request.message().as_i64()) {
///             ("double", Some(n)) => request.respond(&(n * 2))?,
///             ("double", None) => request.respond_exception(&json!({"type": "error", "message": "only numbers"}))?,
///             _ => request.respond_invalid_method()?,
///         }
///     }
/// }
/// # #[actor]
/// # fn example() -> Result<()> {
/// # let doubler = doubler::spawn()?;
/// # assert_eq!(doubler.call("double", &21, None)?, 42);
/// # assert_eq!(doubler.call("double", "a", None).unwrap_err().kind(), "exception");
/// # assert_eq!(doubler.call("halve", &2, None).unwrap_err().kind(), "invalid-method");
/// # Ok(()) }
/// ```
///
/// A request that is dropped is never answered: the caller waits until its time is up or this actor has ended.
#[derive(Debug, Deserialize)]
#[must_use = "the caller waits for an answer"]
pub struct Request {
    /// The caller's, and given back byte for byte.
    call: Box<RawValue>,
    method: String,
    address: Address,
    #[serde(default)]
    message: Json,
}

impl Request {
    /// What is to be done.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// With what.
    #[must_use]
    pub fn message(&self) -> &Json {
        &self.message
    }

    /// As [`message`](Self::message), taken out: null stays behind.
    #[must_use]
    pub fn take_message(&mut self) -> Json {
        self.message.take()
    }

    /// Where the answer goes. It takes one message; to monitor the caller by it, it must allow that.
    #[must_use]
    pub fn reply_to(&self) -> &Address {
        &self.address
    }

    /// Answers the call.
    ///
    /// That the caller has ended, does not wait any more, or has no room, is the caller's matter and no error here: nobody
    /// can harm this actor by how it asks.
    ///
    /// # Errors
    ///
    /// `too-large`, or the answer cannot be written as JSON. The caller has heard nothing then.
    pub fn respond<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        self.send(Content::Message(value)).or_else(unless_the_callers)
    }

    /// Answers that it failed. The custom is an object with `type` and `message`, as the node has it.
    ///
    /// # Errors
    ///
    /// As for [`respond`](Self::respond).
    pub fn respond_exception<T: Serialize + ?Sized>(self, exception: &T) -> Result<()> {
        self.send(Content::Exception(exception)).or_else(unless_the_callers)
    }

    /// Answers that there is no such method.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn respond_invalid_method(self) -> Result<()> {
        self.send(Content::<str>::InvalidMethod(&self.method)).or_else(unless_the_callers)
    }

    /// Answers what a method came to: its value, its error as an exception, or that there is
    /// [no such method](Error::invalid_method). That an answer cannot be delivered is told as an exception; if not even
    /// that is possible, the caller hears nothing.
    pub fn answer<T: Serialize>(self, outcome: Result<T>) {
        let delivered = match outcome {
            Ok(value) => self.send(Content::Message(&value)),
            Err(error) if error.is_invalid_method() => self.send(Content::<str>::InvalidMethod(&self.method)),
            Err(error) => self.send(Content::Exception(&error.to_exception())),
        };
        if let Err(refusal) = delivered {
            // The caller has not left a way to hear even this.
            _ = self.send(Content::Exception(&refusal.to_exception()));
        }
    }

    fn send<T: Serialize + ?Sized>(&self, content: Content<'_, T>) -> Result<()> {
        self.address.send(&Answer { response: &self.call, content })
    }
}

/// Whether a refusal is about the caller's address or mailbox, and not about the answer.
fn unless_the_callers(refusal: Error) -> Result<()> {
    match refusal.kind() {
        "no-such-actor" | "mailbox-full" | "not-connected" | "not-permitted" | "bad-address" => Ok(()),
        _ => Err(refusal),
    }
}

/// An answer as the protocol has it.
#[derive(Serialize)]
struct Answer<'a, T: Serialize + ?Sized> {
    response: &'a RawValue,
    #[serde(flatten)]
    content: Content<'a, T>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Content<'a, T: ?Sized> {
    Message(&'a T),
    Exception(&'a T),
    InvalidMethod(&'a str),
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_answer_gives_the_id_back_as_it_came() {
        let text =
            r#"{"call": 1234567890123456789012345678901234567890, "method": "m", "address": {"$address": "a@b:1"}}"#;
        let request: Request = serde_json::from_str(text).unwrap();
        assert_eq!((request.method(), request.message(), request.reply_to().as_str()), ("m", &Json::Null, "a@b:1"));
        let text = |content: Content<'_, [u8]>| {
            serde_json::to_string(&Answer { response: &request.call, content }).unwrap().to_string()
        };
        let id = "1234567890123456789012345678901234567890";
        assert_eq!(text(Content::Message(&[1, 2])), [r#"{"response":"#, id, r#","message":[1,2]}"#].concat());
        assert_eq!(text(Content::Exception(&[])), [r#"{"response":"#, id, r#","exception":[]}"#].concat());
        assert_eq!(text(Content::InvalidMethod("m")), [r#"{"response":"#, id, r#","invalid_method":"m"}"#].concat());
    }

    #[test]
    fn only_what_is_wrong_with_the_answer_is_an_error() {
        let refusal = |kind: &str| Error::refusal(crate::json!({"type": kind, "message": ""}).to_string());
        assert!(unless_the_callers(refusal("no-such-actor")).is_ok());
        assert!(unless_the_callers(refusal("too-large")).is_err());
    }
}
