//! How an actor ended.

use crate::{Json, Result};
use alloc::string::{String, ToString};
use core::fmt;
use serde::Deserialize;

/// How an actor ended, as [`Address::wait`](crate::Address::wait) tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Its entry returned this value.
    Exit(Json),
    /// It did not.
    Exception(Exception),
}

impl Outcome {
    pub(crate) fn read(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    /// The value that the entry returned.
    ///
    /// # Errors
    ///
    /// The exception, as an error with the exception's object as its value.
    pub fn into_value(self) -> Result<Json> {
        match self {
            Self::Exit(value) => Ok(value),
            Self::Exception(exception) => Err(crate::Error::value(exception.0)),
        }
    }
}

/// Why an actor ended without a value: a JSON object with at least `type` and `message`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Exception(Json);

impl Exception {
    /// What kind of end it was: `error`, `trap`, `limit`, `killed`, `noproc`, … Types may be added.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0["type"].as_str().unwrap_or("error")
    }

    /// What went wrong, for people.
    #[must_use]
    pub fn message(&self) -> String {
        self.0["message"].as_str().map_or_else(|| self.0.to_string(), ToString::to_string)
    }

    /// The whole object: an `error` has what the entry returned under `value`.
    #[must_use]
    pub fn as_json(&self) -> &Json {
        &self.0
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind(), self.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn both_kinds_of_end_are_read() {
        assert_eq!(Outcome::read(r#"{"exit":null}"#).unwrap(), Outcome::Exit(Json::Null));
        let Outcome::Exception(exception) =
            Outcome::read(r#"{"exception":{"type":"trap","message":"unreachable","trap":"unreachable"}}"#).unwrap()
        else {
            panic!("an exception is no exit")
        };
        assert_eq!(exception.to_string(), "trap: unreachable");
        assert_eq!(exception.as_json()["trap"], json!("unreachable"));
    }
}
