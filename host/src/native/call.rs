//! The call protocol as this node speaks it: a request, and the one answer to it.
//!
//! A request is the message `{"call": ID, "method": METHOD, "address": REPLY-TO, "message": VALUE}`, an answer
//! `{"response": ID, "message": VALUE}`, `{"response": ID, "exception": E}` or `{"response": ID, "invalid_method": METHOD}`.
//! The ID is the caller's: it comes back as it was, byte for byte.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Context;
use crate::address::Address;
use crate::message::{IntoMessage, Message};

/// A call that an actor has received. It may be answered later, from anywhere in the actor.
#[derive(Debug)]
pub(crate) struct Request {
    /// As the caller wrote it.
    pub(crate) id: Message,
    pub(crate) method: String,
    pub(crate) reply_to: Address,
    /// What the method is called with; `null` if the caller left it out.
    pub(crate) message: Message,
}

/// How a call went.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// What the method answered.
    Message(Message),
    /// The method failed: an object with at least `type` and `message`.
    Exception(Message),
    /// The callee has no such method.
    InvalidMethod(String),
}

#[derive(Deserialize)]
struct RequestText<'a> {
    #[serde(borrow)]
    call: &'a RawValue,
    method: String,
    address: Address,
    #[serde(borrow, default, deserialize_with = "present")]
    message: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct AnswerText<'a> {
    #[serde(borrow)]
    response: &'a RawValue,
    #[serde(borrow, default, deserialize_with = "present")]
    message: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    exception: Option<&'a RawValue>,
    invalid_method: Option<String>,
}

/// A key that is there, also if its value is `null`.
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Reads an object. Serde would also take an array for a struct.
fn object<'de, T: Deserialize<'de>>(message: &'de Message) -> Option<T> {
    let text = message.as_str();
    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

impl Request {
    /// Reads a request; none if the message is something else. A key that stands twice makes it something else too:
    /// nobody could say which of the two was meant.
    pub(crate) fn parse(message: &Message) -> Option<Request> {
        let text: RequestText<'_> = object(message)?;
        Some(Request {
            id: part(text.call),
            method: text.method,
            reply_to: text.address,
            message: text.message.map_or_else(|| Message::trusted("null".to_owned()), part),
        })
    }

    /// The text of a request, under an ID and a reply address of the sender's own choice.
    pub(crate) fn text(id: &str, method: &str, reply_to: &Address, message: &Message) -> String {
        let (id, method) = (serde_json::Value::from(id), serde_json::Value::from(method));
        format!(r#"{{"call":{id},"method":{method},"address":{{"$address":"{reply_to}"}},"message":{message}}}"#)
    }

    /// Answers the call. A caller that is gone, or has given up, hears nothing: that is no failure of the callee's.
    pub(crate) fn answer(&self, context: &mut Context, answer: &Answer) {
        _ = context.send(&self.reply_to, Text(answer.text(&self.id)));
    }

    /// Answers what the method answered.
    pub(crate) fn respond(&self, context: &mut Context, value: impl IntoMessage) {
        _ = context.send(&self.reply_to, Text(answer_text(&self.id, "message", &value.into_text())));
    }

    /// Answers that the method failed, with an object that has at least `type` and `message`; a refusal is one.
    pub(crate) fn respond_exception(&self, context: &mut Context, exception: impl IntoMessage) {
        _ = context.send(&self.reply_to, Text(answer_text(&self.id, "exception", &exception.into_text())));
    }

    /// Answers that there is no such method.
    pub(crate) fn respond_invalid_method(&self, context: &mut Context) {
        self.answer(context, &Answer::InvalidMethod(self.method.clone()));
    }
}

impl Answer {
    /// Reads an answer, and the ID of the call that it is to; none if the message is something else.
    pub(crate) fn parse(message: &Message) -> Option<(Message, Answer)> {
        let text: AnswerText<'_> = object(message)?;
        let answer = match (text.message, text.exception, text.invalid_method) {
            (Some(value), None, None) => Answer::Message(part(value)),
            (None, Some(exception), None) => Answer::Exception(part(exception)),
            (None, None, Some(method)) => Answer::InvalidMethod(method),
            _ => return None,
        };
        Some((part(text.response), answer))
    }

    /// The text of the answer to the call of that ID.
    pub(crate) fn text(&self, id: &Message) -> String {
        match self {
            Answer::Message(value) => answer_text(id, "message", value.as_str()),
            Answer::Exception(exception) => answer_text(id, "exception", exception.as_str()),
            Answer::InvalidMethod(method) => {
                answer_text(id, "invalid_method", &serde_json::Value::from(method.as_str()).to_string())
            }
        }
    }
}

fn answer_text(id: &Message, key: &str, value: &str) -> String {
    format!(r#"{{"response":{id},"{key}":{value}}}"#)
}

/// A part of an admitted message is one.
fn part(raw: &RawValue) -> Message {
    Message::trusted(raw.get().to_owned())
}

/// A text of this file's, on its way to be admitted.
pub(super) struct Text(pub(super) String);

impl IntoMessage for Text {
    fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message::trusted(text.to_owned())
    }

    #[test]
    fn a_request_is_read_with_its_texts_as_they_are() {
        let request =
            message(r#"{"x":1,"call":1.0,"method":"a\u0062","address":{"$address":"a@b:1"},"message":{"n":1.0}}"#);
        let request = Request::parse(&request).expect("a request");
        assert_eq!((request.id.as_str(), &*request.method, request.message.as_str()), ("1.0", "ab", r#"{"n":1.0}"#));
        assert_eq!(request.reply_to.to_string(), "a@b:1");
        let text = Request::text("7", "m\"", &request.reply_to, &message("null"));
        let request = Request::parse(&message(&text)).expect("what we write we read");
        assert_eq!((request.id.as_str(), &*request.method, request.message.as_str()), ("\"7\"", "m\"", "null"));
    }

    #[test]
    fn what_lacks_something_or_says_it_twice_is_no_request() {
        for text in [
            r#"{"call":1,"method":"m","message":1}"#,
            r#"{"call":1,"method":2,"address":{"$address":"a@b:1"}}"#,
            r#"{"call":1,"method":"m","address":"a@b:1"}"#,
            r#"{"call":1,"call":1,"method":"m","address":{"$address":"a@b:1"}}"#,
            r#"[1,"m",{"$address":"a@b:1"},null]"#,
            "7",
        ] {
            assert!(Request::parse(&message(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn an_answer_says_one_thing() {
        let id = message("\"i\"");
        for answer in [
            Answer::Message(message("null")),
            Answer::Exception(message(r#"{"type":"limit","message":"full"}"#)),
            Answer::InvalidMethod("m\"".into()),
        ] {
            assert_eq!(Answer::parse(&message(&answer.text(&id))), Some((id.clone(), answer)));
        }
        for text in [r#"{"response":1}"#, r#"{"response":1,"message":1,"exception":2}"#, r#"{"message":1}"#] {
            assert_eq!(Answer::parse(&message(text)), None, "{text}");
        }
    }
}
