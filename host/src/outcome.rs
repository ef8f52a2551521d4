//! How an actor ended: with a value, or with an exception.

mod scene;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use crate::codes::codes;
use crate::message::{Admission, Message};
pub use scene::Handling;
pub(crate) use scene::Scene;

/// How an actor ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Its entry returned this value.
    Exit(Message),
    /// It did not: what the node says about it.
    Exception(Exception),
}

impl Outcome {
    /// What a behavior returned: a value, or an error value. A text that is not admitted is an error of its own.
    pub(crate) fn returned(result: Result<String, String>, admission: Admission) -> Outcome {
        let (text, is_error) = match result {
            Ok(value) => (value, false),
            Err(error) => (error, true),
        };
        match Message::admit(text, admission) {
            Ok(value) if is_error => Outcome::Exception(Exception::error(value)),
            Ok(value) => Outcome::Exit(value),
            Err(why) => {
                let what = if is_error { "an error value" } else { "a value" };
                let message = format!("the entry returned {what} that is not admitted: {why}");
                Outcome::Exception(Exception::new(ExceptionKind::Error, message))
            }
        }
    }

    /// If the actor failed: with what else the node knows of it.
    pub(crate) fn at(self, scene: impl FnOnce() -> Scene) -> Outcome {
        match self {
            Outcome::Exception(exception) if exception.kind.is_crash() => {
                Outcome::Exception(Exception { scene: Some(Box::new(scene())), ..exception })
            }
            other => other,
        }
    }

    /// `{"exit": VALUE}` or `{"exception": {"type", "message", …}}`.
    pub fn to_json(&self) -> String {
        match self {
            Outcome::Exit(value) => format!("{{\"exit\":{value}}}"),
            Outcome::Exception(exception) => format!("{{\"exception\":{}}}", exception.to_json()),
        }
    }

    /// As [`Outcome::to_json`], and behind it what an actor was handling when it failed: for the people who run the node,
    /// and nobody else.
    pub(crate) fn to_json_for_people(&self) -> String {
        let mut json = self.to_json();
        if let Outcome::Exception(exception) = self
            && let Some(handling) = exception.handling()
        {
            json.pop();
            json.push_str(&format!(",\"handling\":{}}}", handling.to_json()));
        }
        json
    }

    /// How much memory it keeps, about, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Outcome::Exit(value) => value.len(),
            Outcome::Exception(exception) => exception.bytes(),
        }
    }
}

/// An end that was no return. Made by the node only: a guest cannot choose its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Exception {
    kind: ExceptionKind,
    message: String,
    details: BTreeMap<String, Message>,
    /// Only for the people who run the node, so it is in no text of the exception: those may come to any actor, and a
    /// message may hold an address, which is a right.
    scene: Option<Box<Scene>>,
}

impl Exception {
    pub(crate) fn new(kind: ExceptionKind, message: impl Into<String>) -> Exception {
        Exception { kind, message: message.into(), details: BTreeMap::new(), scene: None }
    }

    /// Reads `{"type", "message", …}`. Each further value is a text of its own: the whole may be nested one level deeper
    /// than a message.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Exception, String> {
        let mut keys: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|why| why.to_string())?;
        let mut word = |key| {
            let word = keys.remove(key).and_then(|word| serde_json::from_str::<String>(word.get()).ok());
            word.ok_or("`type` and `message` must be strings")
        };
        let (kind, message) = (word("type")?, word("message")?);
        let kind = ExceptionKind::ALL.iter().find(|known| known.as_str() == kind).ok_or("its type is not known")?;
        keys.into_iter().try_fold(Exception::new(*kind, message), |exception, (key, value)| {
            let value = Message::admit(value.get().to_owned(), Admission::default()).map_err(|why| why.to_string())?;
            Ok(exception.with(&key, value))
        })
    }

    pub(crate) fn scene(&self) -> Option<&Scene> {
        self.scene.as_deref()
    }

    pub(crate) fn with(mut self, key: &str, value: Message) -> Exception {
        self.details.insert(key.to_owned(), value);
        self
    }

    /// The type `error`: the entry returned this value as its error.
    pub(crate) fn error(value: Message) -> Exception {
        Exception::new(ExceptionKind::Error, said_by(value.as_str())).with("value", value)
    }

    /// Which one of the list it is.
    pub fn kind(&self) -> ExceptionKind {
        self.kind
    }

    /// What happened, for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A further key, as a JSON text: `value` of an `error`, `trap` and `backtrace` of a `trap`, `limit` of a `limit`.
    pub fn detail(&self, key: &str) -> Option<&Message> {
        self.details.get(key)
    }

    /// The guest's functions that were running, innermost first; empty if there are none to tell.
    pub fn backtrace(&self) -> Vec<String> {
        let frames = self.details.get("backtrace").map(Message::as_str);
        frames.and_then(|frames| serde_json::from_str(frames).ok()).unwrap_or_default()
    }

    /// The last message that the actor took before it failed, if it took one. An answer to a call of its own does not
    /// count: it was made while another message was handled.
    ///
    /// Known on the actor's own node only, and in no text of the exception: no other actor sees it.
    pub fn handling(&self) -> Option<&Handling> {
        self.scene()?.handling.as_ref()
    }

    /// `{"type", "message", …}`, as `wit/exception.schema.json` describes it.
    pub fn to_json(&self) -> String {
        let message = serde_json::Value::from(self.message.as_str());
        let mut json = format!("{{\"type\":\"{}\",\"message\":{message}", self.kind);
        for (key, value) in &self.details {
            json.push_str(&format!(",{}:{value}", serde_json::Value::from(key.as_str())));
        }
        json.push('}');
        json
    }

    fn bytes(&self) -> usize {
        let details = self.details.iter().map(|(key, value)| key.len() + value.len());
        self.message.len() + details.sum::<usize>() + self.handling().map_or(0, |handling| handling.text().len())
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Exception {}

/// The words of an error value: the string itself, an object's `message`, or the value's text. Cut at 1 KiB: the whole
/// value stands beside it.
fn said_by(value: &str) -> String {
    const BYTES_MAX: usize = 1024;
    let object = serde_json::from_str::<BTreeMap<String, &RawValue>>(value).ok();
    let message = object.as_ref().and_then(|object| object.get("message")).map_or(value, |message| message.get());
    let mut text = serde_json::from_str::<String>(message).unwrap_or_else(|_| message.to_owned());
    text.truncate(text.floor_char_boundary(BYTES_MAX));
    text
}

impl ExceptionKind {
    /// Whether the actor failed, and was not ended by somebody.
    pub(crate) fn is_crash(self) -> bool {
        match self {
            ExceptionKind::Error | ExceptionKind::Trap | ExceptionKind::Limit | ExceptionKind::Host => true,
            ExceptionKind::Killed | ExceptionKind::Shutdown | ExceptionKind::Linked => false,
            ExceptionKind::Noproc | ExceptionKind::Noconnection => false,
        }
    }
}

codes! {
    /// The types of exceptions. The list is closed for this version and may grow in the next.
    ExceptionKind {
        /// The entry returned an error; `value` is what it returned.
        Error = "error",
        /// The guest broke a rule of WebAssembly; `trap` says which, `backtrace` where.
        Trap = "trap",
        /// A limit was reached where no call could refuse; `limit`, `used` and `max` say which.
        Limit = "limit",
        /// Somebody who may killed it.
        Killed = "killed",
        /// It was asked to end; `reason` says why.
        Shutdown = "shutdown",
        /// An actor that it is linked with ended with an exception; `address` and `cause` say which and why.
        Linked = "linked",
        /// There is no such actor, or its outcome is forgotten.
        Noproc = "noproc",
        /// The link to its node is lost.
        Noconnection = "noconnection",
        /// A fault of the node's own.
        Host = "host",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message::trusted(text.to_owned())
    }

    #[test]
    fn an_error_speaks_with_the_words_of_its_value() {
        for (value, words) in [
            (r#""too late""#, "too late"),
            (r#"{"type":"limit","message":"no room"}"#, "no room"),
            (r#"{"message":7}"#, "7"),
            ("[1,2]", "[1,2]"),
        ] {
            assert_eq!(Exception::error(message(value)).message(), words);
        }
    }

    #[test]
    fn an_outcome_carries_its_value_byte_for_byte() {
        let huge = "123456789012345678901234567890";
        assert_eq!(Outcome::Exit(message(huge)).to_json(), format!("{{\"exit\":{huge}}}"));
        let error = Outcome::Exception(Exception::error(message("1.0"))).to_json();
        assert_eq!(error, r#"{"exception":{"type":"error","message":"1.0","value":1.0}}"#);
    }

    #[test]
    fn what_an_actor_was_handling_is_told_to_people_only() {
        let mut handling = Handling::default();
        handling.note(&message(r#"{"secret":1}"#));
        let scene = Scene { handling: Some(handling), ..Scene::default() };
        let outcome = Outcome::Exception(Exception::error(message("1"))).at(|| scene);
        assert!(!outcome.to_json().contains("secret"));
        let told: serde_json::Value = serde_json::from_str(&outcome.to_json_for_people()).expect("JSON");
        assert_eq!(told["handling"], serde_json::json!({"text": r#"{"secret":1}"#, "bytes": 12}));
        assert_eq!(told["exception"]["type"], "error");
    }
}
