//! What this node asks its peers, for an actor of its own or for its operator.

use std::sync::Arc;

use super::Kernel;
use super::events::Loss;
use super::lifecycle::no_such_name;
use super::uplink::{Answer, Question};
use crate::address::{Id, Place, is_name, quoted};
use crate::mailbox::links::no_connection;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Party, Receiver};

impl Kernel {
    /// How an actor of a peer ended, when it has; `noconnection` if the peer is lost before. Cancel-safe: nothing is taken
    /// from anybody.
    ///
    /// # Errors
    ///
    /// `not-permitted` and `too-large`, as its node says.
    pub(crate) async fn wait_there(&self, from: Option<Id>, actor: &Receiver) -> Result<Arc<Outcome>, Refusal> {
        match self.ask(&actor.place, from, Question::Wait(actor.to.clone())).await {
            Ok(Some(Answer::Ended(outcome))) => Ok(outcome),
            Ok(Some(other)) => Err(refused(&actor.place, other)),
            Ok(None) => Ok(Arc::new(Outcome::Exception(no_connection(&actor.place)))),
            Err(why) if why.kind() == RefusalKind::NotConnected => {
                Ok(Arc::new(Outcome::Exception(no_connection(&actor.place))))
            }
            Err(why) => Err(why),
        }
    }

    /// Puts a message into a mailbox of a peer's, as soon as there is room. If this is dropped before it has answered, the
    /// message may have arrived all the same.
    ///
    /// # Errors
    ///
    /// `not-connected`, also if the peer was lost before it said that the message is in: then it may be. Else what its node
    /// says, and nothing is in the mailbox.
    pub(crate) async fn take_there(&self, from: Id, to: &Receiver, message: Message) -> Result<(), Refusal> {
        let Receiver { to, place } = to;
        loop {
            let refusal = match self.ask(place, Some(from), Question::Take(to.clone(), message.clone())).await {
                Ok(Some(Answer::Done)) => return Ok(()),
                Ok(Some(other)) => refused(place, other),
                Ok(None) => {
                    self.count_lost(&to.address(place), Some(&Party::here(from)), Loss::Unconfirmed, message.len());
                    let message = format!("{place} was lost before it said that the message arrived");
                    return Err(Refusal::new(RefusalKind::NotConnected, message));
                }
                Err(why) => why,
            };
            if refusal.kind() != RefusalKind::MailboxFull {
                return Err(refusal);
            }
            self.uplink.room(place, to).await;
            // There may be room at once, and none again: others get their turn.
            tokio::task::yield_now().await;
        }
    }

    /// The actor that has a name on a peer. Cancel-safe.
    ///
    /// # Errors
    ///
    /// `no-such-name`, `not-connected`.
    pub(crate) async fn whereis_there(&self, from: Option<Id>, name: &str, place: &Place) -> Result<Id, Refusal> {
        if !is_name(name) {
            return Err(no_such_name(name));
        }
        match self.ask(place, from, Question::WhereIs(name.into())).await? {
            Some(Answer::Is(id)) => Ok(id),
            Some(other) => Err(refused(place, other)),
            None => Err(lost(place, &format!("said who has the name `{}`", quoted(name)))),
        }
    }

    /// Returns when a peer has answered. Cancel-safe.
    ///
    /// # Errors
    ///
    /// `not-connected`.
    pub(crate) async fn ping(&self, place: &Place) -> Result<(), Refusal> {
        if *place == self.place {
            return Ok(());
        }
        match self.ask(place, None, Question::Ping).await? {
            Some(Answer::Done) => Ok(()),
            Some(other) => Err(refused(place, other)),
            None => Err(lost(place, "answered")),
        }
    }

    /// The peers that this node is connected with, in the order of their names.
    pub(crate) fn peers(&self) -> Vec<Place> {
        self.uplink.peers()
    }

    /// None: the peer was lost before it answered.
    async fn ask(&self, place: &Place, from: Option<Id>, question: Question) -> Result<Option<Answer>, Refusal> {
        Ok(self.uplink.ask(place, from, question)?.await)
    }
}

pub(super) fn lost(place: &Place, before: &str) -> Refusal {
    Refusal::new(RefusalKind::NotConnected, format!("{place} was lost before it {before}"))
}

/// What a peer has answered that was not asked for, or why it refuses.
pub(super) fn refused(place: &Place, answer: Answer) -> Refusal {
    match answer {
        Answer::Refused(refusal) => refusal,
        Answer::Done | Answer::Ended(_) | Answer::Is(_) | Answer::Spawned(_) | Answer::Bytes(_) => {
            let message = format!("{place} answered something that was not asked: it may be of another version");
            Refusal::new(RefusalKind::Unsupported, message)
        }
    }
}
