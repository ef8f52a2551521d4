//! What would be more than a limit allows, in the words of a refusal and of an end.

use serde_json::Value;

use crate::limits::Limit;
use crate::message::Message;
use crate::outcome::{Exception, ExceptionKind};
use crate::refusal::{Refusal, RefusalKind};

/// Something would be more than a limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub limit: Limit,
    pub used: u64,
    pub max: u64,
}

impl Exceeded {
    /// What it says to people. `doing` is what was refused.
    pub(crate) fn words(&self, doing: &str) -> String {
        let Exceeded { limit, max, .. } = self;
        let of = if limit.is_shared() { "together with its tree " } else { "" };
        format!("{doing}: the limit `{limit}` of this actor {of}is {}", limit.shown(*max))
    }

    /// The end of an actor, where no call could refuse.
    pub(crate) fn exception(&self, what: &str) -> Exception {
        self.detailed(Exception::new(ExceptionKind::Limit, self.words(what)))
    }

    /// Says in an exception which limit it was.
    pub(crate) fn detailed(&self, exception: Exception) -> Exception {
        let json = |value: Value| Message::trusted(value.to_string());
        exception
            .with("limit", json(self.limit.as_str().into()))
            .with("used", json(self.used.into()))
            .with("max", json(self.max.into()))
    }

    pub(crate) fn refusal(&self, doing: &str) -> Refusal {
        Refusal::new(RefusalKind::Limit, self.words(doing))
            .with("limit", self.limit.as_str())
            .with("used", self.used)
            .with("max", self.max)
    }
}
