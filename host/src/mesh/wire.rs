//! A frame's bytes: a signal, a question or its answer, word of a full mailbox, or what concerns a group.

mod spawning;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::spawning::{Bytes, Spawning};
use super::packet::Broken;
use crate::address::Id;
use crate::mailbox::host_message;
use crate::message::{Admission, Message, NotAdmitted};
use crate::module_hash::ModuleHash;
use crate::node::uplink::{Answer, Question};
use crate::outcome::{Exception, Outcome};
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Reference, Signal, To};

/// What crosses between two nodes.
#[derive(Debug, PartialEq)]
pub(super) enum Content {
    Signal(To, Envelope),
    /// A question by this number, by an actor or by the operator.
    Ask(u64, Option<Id>, Question),
    /// Nobody waits for the answer any more.
    Withdraw(u64),
    Answer(u64, Answer),
    /// This receiver takes no more messages, until there is room.
    Full(To),
    Room(To),
    /// From now on an actor of the sender's is so many times in this group; 0: not any more. The last word counts.
    Member(Box<str>, Id, u32),
    /// A message for all members of this group on the receiver's node.
    Cast(Option<Id>, Box<str>, Message),
}

/// Why a frame is not one for this node.
#[derive(Debug, PartialEq)]
pub(super) enum NotRead {
    Broken(Broken),
    /// A message that this node does not take, though the other did.
    NotAdmitted {
        to: To,
        from: Option<Id>,
        bytes: usize,
        why: NotAdmitted,
        question: Option<u64>,
    },
    /// A question that this node cannot do.
    Refused {
        question: u64,
        why: Box<Refusal>,
    },
}

/// Its own type, so that the inner ones can change without changing the wire. Whatever is added stands last: postcard
/// counts the variants.
#[derive(Serialize, Deserialize)]
enum Frame<'a> {
    Signal(#[serde(borrow)] Whom<'a>, Option<Bits>, #[serde(borrow)] Body<'a>),
    Ask(u64, Option<Bits>, #[serde(borrow)] Asked<'a>),
    Withdraw(u64),
    Answer(u64, #[serde(borrow)] Answered<'a>),
    Full(#[serde(borrow)] Whom<'a>),
    Room(#[serde(borrow)] Whom<'a>),
    Member(&'a str, Bits, u32),
    Cast(Option<Bits>, &'a str, &'a str),
}

/// An ID. Random, so as many bytes as it has are the fewest.
type Bits = [u8; 16];

#[derive(Serialize, Deserialize)]
enum Whom<'a> {
    Id(Bits),
    Name(&'a str),
}

#[derive(Serialize, Deserialize)]
enum Body<'a> {
    Message(&'a str),
    Link,
    Unlink,
    Monitor(Mark),
    Demonitor(Mark),
    #[serde(borrow)]
    Exit(End<'a>),
    Down(Mark, #[serde(borrow)] End<'a>),
    Kill,
    Shutdown(&'a str),
}

#[derive(Serialize, Deserialize)]
enum Mark {
    Random(Bits),
    Child(Bits),
}

#[derive(Serialize, Deserialize)]
enum End<'a> {
    Exit(&'a str),
    /// It returned more than anybody is told.
    LargeExit,
    /// As JSON, so that keys which this version does not know arrive too.
    #[serde(borrow)]
    Exception(Cow<'a, str>),
}

#[derive(Serialize, Deserialize)]
enum Asked<'a> {
    Take(#[serde(borrow)] Whom<'a>, &'a str),
    Wait(#[serde(borrow)] Whom<'a>),
    WhereIs(&'a str),
    Ping,
    Spawn(#[serde(borrow)] Spawning<'a>),
    Chunk([u8; 32], u64),
}

#[derive(Serialize, Deserialize)]
enum Answered<'a> {
    Done,
    #[serde(borrow)]
    Ended(End<'a>),
    Is(Bits),
    /// As JSON.
    Refused(Cow<'a, str>),
    Spawned(Bits),
    Bytes(#[serde(borrow)] Bytes<'a>),
}

pub(super) fn signal(to: &To, envelope: &Envelope) -> Vec<u8> {
    let body = match &envelope.signal {
        Signal::Message(message) => Body::Message(message.as_str()),
        Signal::Link => Body::Link,
        Signal::Unlink => Body::Unlink,
        Signal::Monitor(reference) => Body::Monitor(reference.into()),
        Signal::Demonitor(reference) => Body::Demonitor(reference.into()),
        Signal::Exit(outcome) => Body::Exit(End::told(outcome)),
        Signal::Down(reference, outcome) => Body::Down(reference.into(), End::told(outcome)),
        Signal::Kill => Body::Kill,
        Signal::Shutdown(reason) => Body::Shutdown(reason.as_str()),
    };
    Frame::Signal(to.into(), envelope.from.map(bits), body).write()
}

pub(super) fn ask(id: u64, from: Option<Id>, question: &Question) -> Vec<u8> {
    let asked = match question {
        Question::Take(to, message) => Asked::Take(to.into(), message.as_str()),
        Question::Wait(to) => Asked::Wait(to.into()),
        Question::WhereIs(name) => Asked::WhereIs(name),
        Question::Ping => Asked::Ping,
        Question::Spawn(request) => Asked::Spawn((&**request).into()),
        Question::Chunk(module, at) => Asked::Chunk(*module.as_bytes(), *at),
    };
    Frame::Ask(id, from.map(bits), asked).write()
}

pub(super) fn answer(id: u64, answer: &Answer) -> Vec<u8> {
    let answered = match answer {
        Answer::Done => Answered::Done,
        Answer::Is(id) => Answered::Is(bits(*id)),
        Answer::Refused(refusal) => Answered::Refused(refusal.to_json().into()),
        Answer::Ended(outcome) => Answered::Ended(End::whole(outcome)),
        Answer::Spawned(id) => Answered::Spawned(bits(*id)),
        Answer::Bytes(bytes) => Answered::Bytes(Bytes(bytes)),
    };
    Frame::Answer(id, answered).write()
}

pub(super) fn withdraw(id: u64) -> Vec<u8> {
    Frame::Withdraw(id).write()
}

pub(super) fn full(to: &To) -> Vec<u8> {
    Frame::Full(to.into()).write()
}

pub(super) fn room(to: &To) -> Vec<u8> {
    Frame::Room(to.into()).write()
}

pub(super) fn member(group: &str, actor: Id, times: u32) -> Vec<u8> {
    Frame::Member(group, bits(actor), times).write()
}

pub(super) fn cast(from: Option<Id>, group: &str, message: &Message) -> Vec<u8> {
    Frame::Cast(from.map(bits), group, message.as_str()).write()
}

/// Reads what a peer sent, and admits every text of it again: a peer's word is not enough.
pub(super) fn read(bytes: &[u8], admission: Admission) -> Result<Content, NotRead> {
    let broken = |_| NotRead::Broken(Broken::Frame);
    let (frame, rest) = postcard::take_from_bytes::<Frame<'_>>(bytes).map_err(broken)?;
    if !rest.is_empty() {
        return Err(NotRead::Broken(Broken::Frame));
    }
    Ok(match frame {
        Frame::Signal(to, from, Body::Message(text)) => {
            let (to, from) = (to.owned()?, from.map(id));
            let message = of_actor(text, &to, from, None, admission)?;
            Content::Signal(to, Envelope { from, signal: Signal::Message(message) })
        }
        Frame::Signal(to, from, body) => {
            Content::Signal(to.owned()?, Envelope { from: from.map(id), signal: body.owned()? })
        }
        Frame::Ask(number, from, Asked::Take(to, text)) => {
            let (to, from) = (to.owned()?, from.map(id));
            let message = of_actor(text, &to, from, Some(number), admission)?;
            Content::Ask(number, from, Question::Take(to, message))
        }
        Frame::Ask(number, from, Asked::Spawn(spawning)) => {
            let from = from.map(id);
            Content::Ask(number, from, spawning.read(number, from, admission)?)
        }
        Frame::Ask(number, from, asked) => Content::Ask(number, from.map(id), asked.owned()?),
        Frame::Withdraw(number) => Content::Withdraw(number),
        Frame::Answer(number, answered) => Content::Answer(number, answered.owned()?),
        Frame::Full(to) => Content::Full(to.owned()?),
        Frame::Room(to) => Content::Room(to.owned()?),
        Frame::Member(group, actor, times) => Content::Member(name(group)?, id(actor), times),
        Frame::Cast(from, group, text) => {
            let (from, group) = (from.map(id), name(group)?);
            // One that is not admitted is counted as one to a name is.
            let message = of_actor(text, &To::Name(group.clone()), from, None, admission)?;
            Content::Cast(from, group, message)
        }
    })
}

fn name(text: &str) -> Result<Box<str>, NotRead> {
    crate::spawn_options::check_name(text).map_err(|_| NotRead::Broken(Broken::Frame))?;
    Ok(text.into())
}

/// A message that an actor sends. One that is JSON but over our bounds is no fault of the other node.
fn of_actor(
    text: &str,
    to: &To,
    from: Option<Id>,
    question: Option<u64>,
    admission: Admission,
) -> Result<Message, NotRead> {
    Message::admit(text.to_owned(), admission).map_err(|why| match why {
        NotAdmitted::TooLarge { .. } | NotAdmitted::TooDeep { .. } | NotAdmitted::TooManyValues { .. } => {
            NotRead::NotAdmitted { to: to.clone(), from, bytes: text.len(), why, question }
        }
        _ => NotRead::Broken(Broken::Frame),
    })
}

/// A text that is taken whatever its size: there is no other way to hear of it.
fn of_node(text: &str) -> Result<Message, NotRead> {
    Message::admit(text.to_owned(), Admission::default()).map_err(|_| NotRead::Broken(Broken::Frame))
}

impl Frame<'_> {
    fn write(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a frame has no map and no unsized sequence, the only things postcard refuses")
    }
}

impl Whom<'_> {
    fn owned(&self) -> Result<To, NotRead> {
        match self {
            Whom::Id(bits) => Ok(To::Id(id(*bits))),
            Whom::Name(text) => Ok(To::Name(name(text)?)),
        }
    }
}

impl Body<'_> {
    fn owned(self) -> Result<Signal, NotRead> {
        Ok(match self {
            Body::Message(text) => Signal::Message(of_node(text)?),
            Body::Link => Signal::Link,
            Body::Unlink => Signal::Unlink,
            Body::Monitor(mark) => Signal::Monitor(mark.into()),
            Body::Demonitor(mark) => Signal::Demonitor(mark.into()),
            Body::Exit(end) => Signal::Exit(end.owned()?),
            Body::Down(mark, end) => Signal::Down(mark.into(), end.owned()?),
            Body::Kill => Signal::Kill,
            Body::Shutdown(text) => Signal::Shutdown(of_node(text)?),
        })
    }
}

impl Asked<'_> {
    fn owned(self) -> Result<Question, NotRead> {
        Ok(match self {
            Asked::Take(to, text) => Question::Take(to.owned()?, of_node(text)?),
            Asked::Wait(to) => Question::Wait(to.owned()?),
            Asked::WhereIs(text) => Question::WhereIs(name(text)?),
            Asked::Ping => Question::Ping,
            Asked::Chunk(module, at) => Question::Chunk(ModuleHash::from_bytes(module), at),
            // Read where its number is known.
            Asked::Spawn(_) => return Err(NotRead::Broken(Broken::Frame)),
        })
    }
}

impl Answered<'_> {
    fn owned(self) -> Result<Answer, NotRead> {
        Ok(match self {
            Answered::Done => Answer::Done,
            Answered::Ended(end) => Answer::Ended(end.owned()?),
            Answered::Is(bits) => Answer::Is(id(bits)),
            Answered::Spawned(bits) => Answer::Spawned(id(bits)),
            Answered::Bytes(Bytes(bytes)) => Answer::Bytes(bytes.to_vec().into()),
            Answered::Refused(text) => Answer::Refused(Refusal::parse(&text).ok_or(NotRead::Broken(Broken::Frame))?),
        })
    }
}

impl<'a> End<'a> {
    /// As links and monitors tell it: no more than they will tell.
    fn told(outcome: &'a Outcome) -> End<'a> {
        match outcome {
            Outcome::Exit(value) if value.len() > host_message::VALUE_BYTES_MAX => End::LargeExit,
            Outcome::Exit(value) => End::Exit(value.as_str()),
            Outcome::Exception(exception) => {
                End::Exception(host_message::cut(exception, host_message::VALUE_BYTES_MAX).into())
            }
        }
    }

    fn whole(outcome: &'a Outcome) -> End<'a> {
        match outcome {
            Outcome::Exit(value) => End::Exit(value.as_str()),
            Outcome::Exception(exception) => End::Exception(exception.to_json().into()),
        }
    }

    /// Of any size: an end must be heard of also where messages may be smaller than at its own node.
    fn owned(self) -> Result<Arc<Outcome>, NotRead> {
        Ok(Arc::new(match self {
            End::Exit(text) => Outcome::Exit(of_node(text)?),
            End::LargeExit => Outcome::Exit(host_message::too_large_to_tell()),
            End::Exception(text) => {
                let exception = Exception::parse(&text).map_err(|_| NotRead::Broken(Broken::Frame))?;
                Outcome::Exception(exception)
            }
        }))
    }
}

impl<'a> From<&'a To> for Whom<'a> {
    fn from(to: &'a To) -> Whom<'a> {
        match to {
            To::Id(id) => Whom::Id(bits(*id)),
            To::Name(name) => Whom::Name(name),
        }
    }
}

impl From<&Reference> for Mark {
    fn from(reference: &Reference) -> Mark {
        match reference {
            Reference::Random(id) => Mark::Random(bits(*id)),
            Reference::Child(id) => Mark::Child(bits(*id)),
        }
    }
}

impl From<Mark> for Reference {
    fn from(mark: Mark) -> Reference {
        match mark {
            Mark::Random(bits) => Reference::Random(id(bits)),
            Mark::Child(bits) => Reference::Child(id(bits)),
        }
    }
}

fn bits(id: Id) -> Bits {
    id.bits().to_le_bytes()
}

fn id(bits: Bits) -> Id {
    Id::from_bits(u128::from_le_bytes(bits))
}

/// A refusal as another node wrote it.
impl Refusal {
    fn parse(text: &str) -> Option<Refusal> {
        let Value::Object(mut object) = serde_json::from_str(text).ok()? else { return None };
        let (Value::String(kind), Value::String(message)) = (object.remove("type")?, object.remove("message")?) else {
            return None;
        };
        let kind = RefusalKind::ALL.iter().find(|known| known.as_str() == kind)?;
        Some(object.into_iter().fold(Refusal::new(*kind, message), |refusal, (key, value)| refusal.with(&key, value)))
    }
}
