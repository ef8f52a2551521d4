//! What the node tells a supervisor, as far as that concerns it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::restarts::Cause;
use crate::address::Address;
use crate::message::Message;
use crate::native::call::present;
use crate::outcome::{Exception, ExceptionKind};

pub(super) enum News {
    /// Somebody who may asks it to end.
    Shutdown,
    Ended(Ended),
}

pub(super) struct Ended {
    pub(super) address: Address,
    /// None: it returned a value.
    pub(super) exception: Option<Exception>,
}

#[derive(Deserialize)]
struct HostMessage<'a> {
    #[serde(borrow)]
    address: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    shutdown: Option<&'a RawValue>,
    #[serde(borrow)]
    exception: Option<&'a RawValue>,
}

impl News {
    /// Reads a host message; none if it is about something else.
    pub(super) fn parse(message: &Message) -> Option<News> {
        let told: HostMessage<'_> = serde_json::from_str(message.as_str()).ok()?;
        if told.shutdown.is_some() {
            return Some(News::Shutdown);
        }
        let address = told.address?.parse().ok()?;
        let exception = told.exception.map(|text| Exception::parse(text.get())).transpose().ok()?;
        Some(News::Ended(Ended { address, exception }))
    }
}

impl Ended {
    pub(super) fn cause(&self) -> Cause {
        match self.exception.as_ref().map(Exception::kind) {
            None => Cause::Normal,
            Some(ExceptionKind::Shutdown) => Cause::Shutdown,
            Some(_) => Cause::Failed,
        }
    }

    /// Why, for people.
    pub(super) fn words(&self) -> String {
        self.exception.as_ref().map_or_else(|| "it returned a value".to_owned(), Exception::to_string)
    }
}
