//! The way to other nodes, as the kernel sees it: what it hands over, what it asks, and what it is asked.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::spawning::{SpawnRequest, Starts};
use crate::address::{Id, Place};
use crate::message::Message;
use crate::module_hash::ModuleHash;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::signal::{Envelope, To};

/// A future that is boxed, since a trait object answers it.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The way to other nodes. It never waits.
pub(crate) trait Uplink: Send + Sync {
    /// Hands one signal to the link to a peer.
    ///
    /// # Errors
    ///
    /// `not-connected`; `mailbox-full` if the receiver's mailbox there, or the link, takes no more now. Signals that end
    /// something are never refused for want of room.
    fn carry(&self, peer: &Place, to: &To, envelope: Envelope) -> Result<(), Refusal>;

    /// Asks a peer something on behalf of an actor, or of the operator.
    ///
    /// # Errors
    ///
    /// As [`Uplink::carry`].
    fn ask(&self, peer: &Place, from: Option<Id>, question: Question) -> Result<Asking, Refusal>;

    /// As [`Uplink::ask`], with something to do when the answer comes: in the mesh's own thread, which must not wait.
    ///
    /// # Errors
    ///
    /// As [`Uplink::carry`].
    fn ask_then(&self, peer: &Place, from: Option<Id>, question: Question, then: Then) -> Result<(), Refusal>;

    /// Ends when a receiver on a peer may have room again after a `mailbox-full`, or the peer is lost. Cancel-safe.
    fn room(&self, peer: &Place, to: &To) -> Boxed<'static, ()>;

    /// The peers that this node is connected with, in the order of their names.
    fn peers(&self) -> Vec<Place>;

    /// Hands a message for all members of a group that a peer has to the link.
    ///
    /// # Errors
    ///
    /// `not-connected`; `mailbox-full` if the link takes no more now.
    fn cast(&self, peer: &Place, from: Option<Id>, group: &str, message: &Message) -> Result<(), Refusal>;

    /// All peers shall know how often an actor here is in a group now. Of what they have not heard yet the latest counts.
    fn tell(&self, membership: &Membership);

    /// A peer that knows nothing yet shall know of all these.
    fn introduce(&self, peer: &Place, memberships: Vec<Membership>);
}

/// How often an actor here is in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub group: Arc<str>,
    pub actor: Id,
    /// Before the change that is told.
    pub before: u32,
    /// 0: not any more.
    pub now: u32,
}

/// What a node asks a peer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    /// Take this message in, and say whether it was. If it is lost on its way, who asks counts that, not the link.
    Take(To, Message),
    /// How did this actor end? Answered when it has.
    Wait(To),
    /// Who has this name?
    WhereIs(Box<str>),
    /// Are you there?
    Ping,
    /// Start this.
    Spawn(Box<SpawnRequest>),
    /// What are the bytes of this module, from here on?
    Chunk(ModuleHash, u64),
}

/// What it answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Yes.
    Done,
    /// How the actor ended.
    Ended(Arc<Outcome>),
    /// Who has the name.
    Is(Id),
    /// Why not.
    Refused(Refusal),
    /// The actor that was started.
    Spawned(Id),
    /// Some of a module's bytes.
    Bytes(Bytes),
}

/// What is done with the answer to a question, before anything else of that peer is taken in. Dropped, there is none: the
/// peer was lost.
pub(crate) type Then = Box<dyn FnOnce(Answer) + Send>;

/// What becomes of a question.
pub(crate) enum Reply {
    Answer(Answer),
    /// An actor is started, and its ID is the answer.
    Starts(Starts),
}

/// A question on its way. Dropped, nobody waits for the answer any more, and the peer hears of that.
pub(crate) struct Asking {
    answer: oneshot::Receiver<Answer>,
    _withdraw: Withdraw,
}

/// Runs when a question is dropped.
struct Withdraw(Option<Box<dyn FnOnce() + Send>>);

impl Asking {
    /// Where the answer comes from: if its other end is dropped, the peer was lost. `withdraw` runs when nobody asks any
    /// more, answered or not.
    pub(crate) fn new(answer: oneshot::Receiver<Answer>, withdraw: impl FnOnce() + Send + 'static) -> Asking {
        Asking { answer, _withdraw: Withdraw(Some(Box::new(withdraw))) }
    }
}

impl Future for Asking {
    /// None: the peer was lost before it answered.
    type Output = Option<Answer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        Pin::new(&mut self.answer).poll(cx).map(Result::ok)
    }
}

impl Drop for Withdraw {
    fn drop(&mut self) {
        if let Some(withdraw) = self.0.take() {
            withdraw();
        }
    }
}
