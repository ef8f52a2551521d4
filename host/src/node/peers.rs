//! What the nodes that this one is connected with do here: the mesh calls this room, and nobody else.

use std::sync::Arc;

use super::aliases::Known;
use super::events::{Event, Loss};
use super::uplink::{Answer, Boxed, Question, Reply};
use super::waiting::Found;
use super::{Kernel, Target, mailbox_full, no_such_actor};
use crate::address::{Id, Place};
use crate::level::Tree;
use crate::lock::lock;
use crate::mailbox::narrowed::Rights;
use crate::mailbox::{Mailbox, NotDelivered, links};
use crate::message::Message;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Party, Signal, To};

/// The largest outcome that another node is told, in bytes: twice the largest message, and what a link carries well.
const OUTCOME_BYTES_MAX: usize = 32 << 20;

/// An actor here that a peer means.
struct Meant {
    actor: Arc<Mailbox>,
    /// The ID it is known by, if not its own.
    via: Option<Id>,
}

impl Kernel {
    /// A signal from a peer, for an actor here.
    ///
    /// # Errors
    ///
    /// As [`Kernel::deliver`], and the loss of a message is counted; after `mailbox-full` the mesh tells the sender's node,
    /// and later that there is room. `not-permitted` for what only a node's own operator may.
    pub(crate) fn arrive(&self, peer: &Place, to: &To, envelope: Envelope) -> Result<(), Refusal> {
        let from = match envelope.signal {
            Signal::Kill | Signal::Shutdown(_) => Some(envelope.from.unwrap_or(Id::OPERATOR)),
            _ => envelope.from,
        };
        let from = from.map(|id| Party::there(id, peer.clone()));
        match (envelope.signal, from) {
            (Signal::Message(message), from) => self.take_in(peer, to, from.as_ref(), message, true),
            (signal, Some(from)) => {
                self.signal_arrives(peer, to, from, signal);
                Ok(())
            }
            (_, None) => {
                let message =
                    format!("the operator of {peer} may only end an actor of another node, if it has spawned it");
                Err(Refusal::new(RefusalKind::NotPermitted, message))
            }
        }
    }

    /// A question of a peer's; `from` is an actor there, or none for its operator. Takes effect in this call, in its place
    /// among the signals of that peer. The mesh runs the future on the node's executor, and drops it when the asker withdraws
    /// or the peer is lost.
    pub(crate) fn asked(self: &Arc<Self>, peer: &Place, from: Option<Id>, question: Question) -> Boxed<'static, Reply> {
        let answer = match question {
            Question::Ping => Ok(Answer::Done),
            Question::WhereIs(name) => self.whereis(&name).map(Answer::Is),
            Question::Take(to, message) => {
                let from = from.map(|id| Party::there(id, peer.clone()));
                self.take_in(peer, &to, from.as_ref(), message, false).map(|()| Answer::Done)
            }
            Question::Wait(to) => match self.awaited_here(&to) {
                Ok(found) => {
                    let outcome = self.clone().outcome_for(to, found);
                    return Box::pin(async move { Reply::Answer(outcome.await) });
                }
                Err(why) => Err(why),
            },
            Question::Chunk(module, at) => self.chunk(module, at),
            Question::Spawn(request) => match self.host() {
                Ok(host) => {
                    let prepared = host.prepare(peer.clone(), self.as_seen_here(peer, from, *request));
                    return Box::pin(async move {
                        prepared.await.map_or_else(|why| Reply::Answer(Answer::Refused(why)), Reply::Starts)
                    });
                }
                Err(why) => Err(why),
            },
        };
        Box::pin(std::future::ready(Reply::Answer(answer.unwrap_or_else(Answer::Refused))))
    }

    /// Ends when the mailbox of `to` has room again for somebody of that peer, or there is no such mailbox any more. To be
    /// called after [`Kernel::arrive`] has answered `mailbox-full`. Cancel-safe.
    pub(crate) fn room_for(self: &Arc<Self>, peer: &Place, to: &To) -> Boxed<'static, ()> {
        let (mailbox, from) = (self.mailbox_of(to).map(|(mailbox, _)| mailbox), Tree::of_peer(peer));
        Box::pin(async move {
            if let Some(mailbox) = mailbox {
                mailbox.room_for(from).await;
            }
        })
    }

    /// A peer can be reached from now on.
    pub(crate) fn up(&self, peer: &Place) {
        self.introduce_groups(peer);
        self.table.all().iter().for_each(|actor| actor.node_up(peer));
        self.events.tell(|| Event::NodeUp { node: peer.clone() });
    }

    /// A peer cannot be reached any more: whoever has something to do with an actor there hears of it, once. The mesh sees
    /// to it that nothing of that connection arrives afterwards; `why` is for people.
    pub(crate) fn lost(&self, peer: &Place, why: &str) {
        lock(&self.aliases).lost(peer);
        // First gone, then told: whoever hears of it finds nobody of that node among a group's members.
        self.lost_groups(peer);
        for actor in self.table.all() {
            actor.lost(peer, &self.place);
            actor.node_down(peer, why);
        }
        self.events.tell(|| Event::NodeDown { node: peer.clone(), reason: why.to_owned() });
    }

    /// A message to a peer was lost on its way out. One that a question carried ([`Question::Take`]) is none: who asks
    /// hears of it.
    pub(crate) fn lost_message(&self, peer: &Place, to: &To, from: Option<Id>, loss: Loss, bytes: usize) {
        let from = from.map(Party::here);
        self.count_lost(&to.address(peer), from.as_ref(), loss, bytes);
    }

    /// Whose mailbox a message for `to` goes into, and through which narrowed address.
    fn mailbox_of(&self, to: &To) -> Option<(Arc<Mailbox>, Option<Id>)> {
        match to {
            To::Name(name) => self.registry.find(name).map(|holder| (holder, None)),
            To::Id(id) => match self.find_living(*id)? {
                Target::Here(mailbox) => Some((mailbox, None)),
                Target::Narrowed(mailbox, via) => Some((mailbox, Some(via))),
                Target::There(_) => None,
            },
        }
    }

    /// A message from a peer. One that finds no room is lost, unless its sender waits for room.
    fn take_in(
        &self,
        peer: &Place,
        to: &To,
        from: Option<&Party>,
        message: Message,
        or_lost: bool,
    ) -> Result<(), Refusal> {
        let bytes = message.len();
        let Some((mailbox, via)) = self.mailbox_of(to) else {
            let to = to.address(&self.place).to_string();
            return Err(self.not_resolved(&to, from, bytes, no_such_actor(&to)));
        };
        self.push(&mailbox, via, Tree::of_peer(peer), message).map_err(|why| {
            match &why {
                NotDelivered::Full(_) => mailbox.had_no_room(bytes),
                // Its sender was not told, as one on this node is.
                NotDelivered::NotPermitted if or_lost => {
                    self.count_lost(&to.address(&self.place), from, Loss::NotAdmitted, bytes);
                }
                NotDelivered::NotPermitted | NotDelivered::Closed => {}
            }
            match why {
                NotDelivered::Full(_) if !or_lost => mailbox_full(&to.address(&self.place)),
                why => self.not_delivered(&mailbox, via, from, bytes, &why),
            }
        })
    }

    fn signal_arrives(&self, peer: &Place, to: &To, from: Party, signal: Signal) {
        // Whom the sender takes for the one it talks with.
        let as_ = match (to, &signal) {
            (To::Id(id), _) => *id,
            (To::Name(_), Signal::Monitor(reference)) if let Some(alias) = reference.alias() => alias,
            // Nothing else goes by a name.
            (To::Name(_), _) => return,
        };
        let meant = self.meant(peer, to, as_, &signal);
        let ends = matches!(signal, Signal::Kill | Signal::Shutdown(_));
        if ends && !meant.as_ref().is_some_and(|meant| meant.actor.descends_from(Some(&from))) {
            let message = format!("cannot end {}: only its ancestors may", to.address(&self.place));
            return self.note_refused_to(from.address(&self.place), RefusalKind::NotPermitted.as_str(), &message);
        }
        let Some(Meant { actor, via }) = meant else {
            return self.answer(&from, as_, links::answer_for_the_dead(&signal));
        };
        let Some(via) = via else {
            self.effect(&actor, Some(&from), signal);
            return;
        };
        let known = |by| Known { as_: via, to: from.id, by };
        let (begins, over) = match &signal {
            Signal::Link => (Some(known(None)), None),
            Signal::Monitor(reference) => (Some(known(Some(*reference))), None),
            Signal::Unlink | Signal::Exit(_) => (None, Some(known(None))),
            Signal::Demonitor(reference) => (None, Some(known(Some(*reference)))),
            Signal::Message(_) | Signal::Down(..) | Signal::Kill | Signal::Shutdown(_) => (None, None),
        };
        // Entered before it takes effect: an actor that ends in between finds it here and takes it out.
        if let Some(known) = begins
            && !lock(&self.aliases).add(peer, known, actor.id())
        {
            return self.answer(&from, as_, links::answer_for_the_dead(&signal));
        }
        let from = Party { via: Some(Box::new(via)), ..from };
        let taken = self.effect(&actor, Some(&from), signal);
        if let Some(known) = over.or(begins.filter(|_| !taken)) {
            lock(&self.aliases).remove(peer, known);
        }
    }

    /// Which actor a signal is for: by its own ID, a name, a narrowed address that permits what is asked, or, to end what
    /// stands, whatever that stands by.
    fn meant(&self, peer: &Place, to: &To, as_: Id, signal: &Signal) -> Option<Meant> {
        let id = match to {
            To::Name(name) => return self.registry.find(name).map(|actor| Meant { actor, via: Some(as_) }),
            To::Id(id) => *id,
        };
        if let Some(actor) = self.table.find(id) {
            return Some(Meant { actor, via: None });
        }
        let asks = match signal {
            Signal::Link => Some(Rights::LINK),
            Signal::Monitor(_) => Some(Rights::MONITOR),
            Signal::Kill | Signal::Shutdown(_) => Some(Rights::NONE),
            Signal::Unlink | Signal::Demonitor(_) | Signal::Exit(_) => None,
            Signal::Message(_) | Signal::Down(..) => return None,
        };
        let Some(right) = asks else {
            let actor = lock(&self.aliases).find(peer, id)?;
            return self.table.find(actor).map(|actor| Meant { actor, via: Some(id) });
        };
        let actor = self.narrowed.find(id)?;
        let permits = actor.permits(id, right, self.clock.monotonic()).is_ok();
        permits.then_some(Meant { actor, via: Some(id) })
    }

    /// How an actor here ended, for a peer.
    async fn outcome_for(self: Arc<Self>, to: To, found: Found) -> Answer {
        let address = to.address(&self.place).to_string();
        let outcome = self.ended(found, &address).await;
        let bytes = outcome.bytes();
        if bytes > OUTCOME_BYTES_MAX {
            let message = format!(
                "cannot tell another node the outcome of {address}: {bytes} bytes are more than the {OUTCOME_BYTES_MAX} \
                 that one may have"
            );
            return Answer::Refused(Refusal::new(RefusalKind::TooLarge, message));
        }
        Answer::Ended(outcome)
    }

    /// Those who knew an actor by another ID are told of its end: nothing of them is looked up any more.
    pub(super) fn forget_aliases(&self, farewell: &links::Farewell) {
        let linked = farewell.linked.iter().map(|party| (party, None));
        let watched = farewell.watchers.iter().map(|(party, reference)| (party, Some(*reference)));
        for (party, by) in linked.chain(watched) {
            if let (Some(peer), Some(via)) = (&party.place, &party.via) {
                lock(&self.aliases).remove(peer, Known { as_: **via, to: party.id, by });
            }
        }
    }
}

#[cfg(test)]
mod tests;
