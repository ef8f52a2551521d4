//! Why a call was not done: the closed list of refusals.

use std::fmt;

use serde_json::{Map, Value};

use crate::address::AddressError;
use crate::codes::codes;

/// A call that was not done, and why. Nothing has happened then.
///
/// Guests see it as the JSON object that [`Refusal::to_json`] writes: `{"type", "message", …}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    kind: RefusalKind,
    message: String,
    details: Map<String, Value>,
}

impl Refusal {
    pub(crate) fn new(kind: RefusalKind, message: impl Into<String>) -> Refusal {
        Refusal { kind, message: message.into(), details: Map::new() }
    }

    /// The type `limit`: there are as many as there may be.
    pub(crate) fn at_limit(limit: &str, max: usize, message: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Limit, message).with("limit", limit).with("used", max).with("max", max)
    }

    /// Adds a key for programs, such as the limit that was reached.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Refusal {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Which one of the list it is.
    pub fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// What was tried and why it was refused, for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What else programs may want to know, by key.
    pub fn details(&self) -> &Map<String, Value> {
        &self.details
    }

    /// The JSON object that a guest gets: `{"type", "message", …}`.
    pub fn to_json(&self) -> String {
        let mut object = Map::new();
        object.insert("type".into(), self.kind.as_str().into());
        object.insert("message".into(), self.message.as_str().into());
        object.extend(self.details.clone());
        Value::Object(object).to_string()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<AddressError> for Refusal {
    fn from(why: AddressError) -> Refusal {
        Refusal::new(RefusalKind::BadAddress, why.to_string())
    }
}

codes! {
    /// The types of refusals. The list is closed for this version and may grow in the next.
    RefusalKind {
        /// Nobody has this address, or not any more.
        NoSuchActor = "no-such-actor",
        /// The module has no entry of this name.
        NoSuchEntry = "no-such-entry",
        /// No module of this name or hash is loaded.
        NoSuchModule = "no-such-module",
        /// No actor has registered this name.
        NoSuchName = "no-such-name",
        /// A text that is not JSON, or JSON that is not admitted.
        BadJson = "bad-json",
        /// A pattern that is none.
        BadPattern = "bad-pattern",
        /// A text that is no address.
        BadAddress = "bad-address",
        /// Any other argument that does not fit.
        BadArgument = "bad-argument",
        /// A message, or arguments, over the size limit.
        TooLarge = "too-large",
        /// The receiver's mailbox has no room.
        MailboxFull = "mailbox-full",
        /// The time was up.
        Timeout = "timeout",
        /// The caller may not do this.
        NotPermitted = "not-permitted",
        /// Somebody else has this name.
        NameTaken = "name-taken",
        /// A limit was reached.
        Limit = "limit",
        /// There is no such peer, or no link to it.
        NotConnected = "not-connected",
        /// Part of the contract, but not built in this version.
        Unsupported = "unsupported",
        /// A spawn option that this node does not know or does not have.
        UnsupportedOption = "unsupported-option",
        /// The node is shutting down.
        Stopping = "stopping",
    }
}
