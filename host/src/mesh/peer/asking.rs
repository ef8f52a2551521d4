//! What this node asks a peer.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Peer;
use super::out::NotSent;
use crate::address::Id;
use crate::mesh::outbox::{Kind, Pair};
use crate::mesh::wire;
use crate::node::uplink::{Asking, Question, Then};

impl Peer {
    pub(in super::super) fn ask(self: &Arc<Self>, from: Option<Id>, question: &Question) -> Result<Asking, NotSent> {
        let to = match question {
            Question::Take(to, _) | Question::Wait(to) => Some(to.clone()),
            Question::WhereIs(_) | Question::Ping | Question::Spawn(_) | Question::Chunk(..) => None,
        };
        let pair = Pair { from, to };
        let (place, answer) = oneshot::channel();
        let then = Box::new(move |answer| {
            // Who asked may just have gone.
            _ = place.send(answer);
        });
        let number = self.put_question(pair.clone(), from, question, then)?;
        let peer = Arc::downgrade(self);
        Ok(Asking::new(answer, move || {
            if let Some(peer) = peer.upgrade()
                && peer.out.forget(number)
            {
                // Lost with the connection, it need not be taken back.
                _ = peer.out.push(pair, wire::withdraw(number), Kind::Free);
            }
        }))
    }

    /// As [`Peer::ask`], with what is done with the answer.
    pub(in super::super) fn ask_then(&self, from: Option<Id>, question: &Question, then: Then) -> Result<(), NotSent> {
        if !self.out.knows_the_newest() {
            return Err(NotSent::TooOld);
        }
        self.put_question(Pair { from, to: None }, from, question, then).map(drop)
    }

    fn put_question(&self, pair: Pair, from: Option<Id>, question: &Question, then: Then) -> Result<u64, NotSent> {
        // Few are asked for at once, and a module that travels shall not end because others write much.
        let kind = if matches!(question, Question::Chunk(..)) { Kind::Kept } else { Kind::Refusable };
        self.out.ask(pair, kind, then, |number| wire::ask(number, from, question))
    }
}
