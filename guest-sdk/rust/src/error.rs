//! Why something could not be done, as a value that an actor may end with.

use crate::call_error::FailedCall;
use crate::{Address, CallError, Json, json};
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

/// What a function of an actor returns.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why something could not be done.
///
/// Comes from a refusal of the node, from any other error by `?`, from a text ([`Error::new`], [`bail!`](crate::bail)) or
/// from a value ([`Error::value`]). An actor that returns one ends with it: a refusal and a value as they are, any
/// other as a JSON string of its text.
///
/// It does not implement `core::error::Error` itself; that is what lets `?` turn every such error into one.
pub struct Error(Box<Inner>);

enum Inner {
    /// What the node answered: its text, and the two keys that it always has.
    Refusal {
        text: String,
        kind: String,
        message: String,
    },
    Value(Json),
    Text(String),
    Call(FailedCall),
    InvalidMethod,
}

/// What is said of a method that a server does not have.
const INVALID_METHOD: &str = "there is no such method";

impl Error {
    /// An error that is a text.
    #[must_use]
    pub fn new(message: impl fmt::Display) -> Self {
        Self(Box::new(Inner::Text(message.to_string())))
    }

    /// An error that is a value, for whoever waits for this actor to look into.
    #[must_use]
    pub fn value(value: Json) -> Self {
        Self(Box::new(Inner::Value(value)))
    }

    /// What a server's [`handle`](crate::Server::handle) returns for a method that it does not have.
    #[must_use]
    pub fn invalid_method() -> Self {
        Self(Box::new(Inner::InvalidMethod))
    }

    /// A call that has no answer.
    #[must_use]
    #[cold]
    pub(crate) fn call(method: &str, callee: &Address, why: CallError) -> Self {
        Self(Box::new(Inner::Call(FailedCall { method: method.into(), callee: callee.clone(), why })))
    }

    /// That an actor has not ended in time.
    #[must_use]
    #[cold]
    pub(crate) fn timeout(actor: &Address) -> Self {
        let message = alloc::format!("cannot wait any longer for the end of {actor}");
        Self::refusal(json!({"type": "timeout", "message": message}).to_string())
    }

    /// Why a call has no answer, if that is what went wrong.
    #[must_use]
    pub fn call_error(&self) -> Option<&CallError> {
        match &*self.0 {
            Inner::Call(call) => Some(&call.why),
            _ => None,
        }
    }

    /// Whether it is [`invalid_method`](Self::invalid_method), and not that of somebody else who was called.
    pub(crate) fn is_invalid_method(&self) -> bool {
        matches!(&*self.0, Inner::InvalidMethod)
    }

    /// What a caller is told of it: an object with `type` and `message`, like any exception.
    pub(crate) fn to_exception(&self) -> Json {
        match &*self.0 {
            Inner::Value(value) => json!({"type": "error", "message": self.message(), "value": value}),
            Inner::Text(text) => json!({"type": "error", "message": text}),
            Inner::Refusal { .. } | Inner::Call(_) | Inner::InvalidMethod => self.to_json(),
        }
    }

    /// A refusal of the node, from its JSON text.
    #[must_use]
    #[cold]
    pub(crate) fn refusal(text: String) -> Self {
        let object: Json = serde_json::from_str(&text).unwrap_or(Json::Null);
        let get = |key: &str, missing: &str| object[key].as_str().unwrap_or(missing).to_owned();
        let (kind, message) = (get("type", "error"), get("message", &text));
        Self(Box::new(Inner::Refusal { text, kind, message }))
    }

    /// What kind of failure it is: a refusal's `type`, such as `no-such-actor`; that of a [`CallError`]; `error` for all
    /// else.
    ///
    /// The node may have kinds that you do not know: treat them as a failure.
    #[must_use]
    pub fn kind(&self) -> &str {
        match &*self.0 {
            Inner::Refusal { kind, .. } => kind,
            Inner::Value(_) | Inner::Text(_) => "error",
            Inner::Call(call) => call.why.kind(),
            Inner::InvalidMethod => "invalid-method",
        }
    }

    /// What went wrong, for people.
    #[must_use]
    pub fn message(&self) -> String {
        match &*self.0 {
            Inner::Refusal { message, .. } | Inner::Text(message) => message.clone(),
            Inner::Value(value) => value.to_string(),
            Inner::Call(call) => call.message(),
            Inner::InvalidMethod => INVALID_METHOD.to_owned(),
        }
    }

    /// What an actor that returns it ends with: a refusal's object, with all that the node said beside `type` and
    /// `message`; a value; or a string.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match &*self.0 {
            Inner::Refusal { text, .. } => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone())),
            Inner::Value(value) => value.clone(),
            Inner::Text(text) => Json::String(text.clone()),
            Inner::Call(call) => call.to_json(),
            Inner::InvalidMethod => json!({"type": self.kind(), "message": INVALID_METHOD}),
        }
    }

    /// The JSON text that the actor ends with.
    #[cfg_attr(not(any(test, target_family = "wasm")), expect(dead_code, reason = "only a node hears of an end"))]
    pub(crate) fn into_json(self) -> String {
        match *self.0 {
            Inner::Refusal { text, .. } => text,
            _ => self.to_json().to_string(),
        }
    }
}

impl<E: core::error::Error> From<E> for Error {
    /// The error's text, and after a colon each that it came from.
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self(Box::new(Inner::Text(text)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Refusal { message, .. } | Inner::Text(message) => f.write_str(message),
            Inner::Value(value) => write!(f, "{value}"),
            Inner::Call(_) | Inner::InvalidMethod => f.write_str(&self.message()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.kind())
    }
}

/// Returns an [`Error`] with a text, written as for `format!`.
#[macro_export]
macro_rules! bail {
    ($($text:tt)+) => { return ::core::result::Result::Err($crate::Error::new(::core::format_args!($($text)+))) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exception, Outcome};

    #[test]
    fn a_refusal_goes_on_as_it_came() {
        let text = r#"{ "type": "mailbox-full", "message": "full", "big": 123456789012345678901234567890 }"#;
        let error = Error::refusal(text.to_owned());
        assert_eq!((error.kind(), error.message().as_str()), ("mailbox-full", "full"));
        assert_eq!(error.to_json()["type"], "mailbox-full");
        assert_eq!(error.into_json(), text);
    }

    #[test]
    fn an_error_of_others_becomes_a_string_of_its_text() {
        fn parse() -> Result<u32> {
            Ok("x".parse::<u32>()?)
        }
        let error = parse().unwrap_err();
        assert_eq!(error.kind(), "error");
        assert_eq!(error.into_json(), r#""invalid digit found in string""#);
    }

    #[test]
    fn a_value_and_a_text_are_what_the_actor_ends_with() {
        fn text(n: u8) -> Result<()> {
            bail!("no {n}\n")
        }
        assert_eq!(Error::value(json!({"a": 1})).into_json(), r#"{"a":1}"#);
        assert_eq!(text(7).unwrap_err().into_json(), r#""no 7\n""#);
    }

    #[test]
    fn a_call_without_an_answer_says_which_and_why() {
        let callee: Address = "a@b:1".parse().unwrap();
        let killed: Exception = serde_json::from_value(json!({"type": "killed", "message": "by b"})).unwrap();
        let error = Error::call("add", &callee, CallError::Ended(Outcome::Exception(killed.clone())));
        assert_eq!(error.to_string(), "cannot call `add` of a@b:1: it ended: killed: by b");
        assert_eq!(error.kind(), "ended");
        assert_eq!(error.to_json()["outcome"]["exception"]["type"], "killed");
        let error = Error::call("add", &callee, CallError::Exception(killed.clone()));
        assert_eq!(error.call_error(), Some(&CallError::Exception(killed)));
        assert_eq!(
            error.into_json(),
            r#"{"exception":{"message":"by b","type":"killed"},"message":"cannot call `add` of a@b:1: killed: by b","type":"exception"}"#
        );
    }

    #[test]
    fn what_a_caller_is_told_has_the_shape_of_an_exception() {
        assert_eq!(Error::new("no").to_exception(), json!({"type": "error", "message": "no"}));
        let value = Error::value(json!([1])).to_exception();
        assert_eq!(value, json!({"type": "error", "message": "[1]", "value": [1]}));
        let refusal = r#"{"type":"limit","message":"too many","max":1}"#;
        assert_eq!(Error::refusal(refusal.to_owned()).to_exception()["max"], 1);
        let foreign = Error::call("add", &"a@b:1".parse().unwrap(), CallError::InvalidMethod);
        assert!(Error::invalid_method().is_invalid_method() && !foreign.is_invalid_method());
    }
}
