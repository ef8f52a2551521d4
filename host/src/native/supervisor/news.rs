//! What the node tells a supervisor, as far as that concerns it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::restarts::Cause;
use crate::address::Address;
use crate::message::Message;
use crate::native::call::present;
use crate::outcome::ExceptionKind;

pub(super) enum News {
    /// Somebody who may asks it to end.
    Shutdown,
    Ended(Ended),
}

pub(super) struct Ended {
    pub(super) address: Address,
    pub(super) cause: Cause,
    /// For people: why.
    pub(super) words: String,
    /// And where: a line for each function.
    pub(super) frames: String,
    pub(super) exception: Option<Message>,
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

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "type")]
    kind: String,
    message: String,
    #[serde(default)]
    backtrace: Vec<String>,
}

impl News {
    /// Reads a host message; none if it is about something else.
    pub(super) fn parse(message: &Message) -> Option<News> {
        let told: HostMessage<'_> = serde_json::from_str(message.as_str()).ok()?;
        if told.shutdown.is_some() {
            return Some(News::Shutdown);
        }
        let address = told.address?.parse().ok()?;
        let Some(text) = told.exception else {
            let (words, frames) = ("it returned a value".to_owned(), String::new());
            return Some(News::Ended(Ended { address, cause: Cause::Normal, words, frames, exception: None }));
        };
        let exception: Exception = serde_json::from_str(text.get()).ok()?;
        let cause = if exception.kind == ExceptionKind::Shutdown.as_str() { Cause::Shutdown } else { Cause::Failed };
        let frames = exception.backtrace.iter().map(|frame| format!("\n  at {frame}")).collect();
        let words = format!("{}: {}", exception.kind, exception.message);
        let exception = Some(Message::trusted(text.get().to_owned()));
        Some(News::Ended(Ended { address, cause, words, frames, exception }))
    }
}
