//! What happens on a node, for who asks: actors that start and end, and what was lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::crash::CrashReport;
use crate::address::{Address, Place};
use crate::codes::codes;
use crate::outcome::Outcome;

/// Something that happened on a node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// An actor was spawned.
    Spawned {
        /// Its address.
        actor: Address,
        /// Who spawned it; none: the embedding program or the command line.
        parent: Option<Address>,
    },
    /// An actor has ended, and all who asked were told.
    Ended {
        /// The address it had.
        actor: Address,
        /// How.
        outcome: Outcome,
    },
    /// An actor has failed, and nobody in the program hears of it, or it is a supervisor's child: then after the decision.
    Crashed(Arc<CrashReport>),
    /// A message was lost: a dead letter.
    Lost {
        /// Whom it was for.
        to: Address,
        /// Who sent it, where that is known.
        from: Option<Address>,
        /// Why.
        loss: Loss,
        /// The message's bytes.
        bytes: usize,
    },
    /// An actor was refused something that is limited or not permitted. Told when it happens for the first time on the node,
    /// and at each doubling of the number of times.
    Refused {
        /// Who was refused it this time.
        actor: Address,
        /// A limit's name, a kind of grant, or a refusal's type.
        what: String,
        /// What the actor was told.
        message: String,
        /// How often that was refused so far, to all actors.
        times: u64,
    },
    /// Another node can be reached from now on.
    NodeUp {
        /// Its name.
        node: Place,
    },
    /// Another node cannot be reached any more. All that stood with its actors has ended with `noconnection`.
    NodeDown {
        /// Its name.
        node: Place,
        /// Why, as far as this node knows.
        reason: String,
    },
    /// So many events came too fast for this reader and were dropped.
    Missed(u64),
}

codes! {
    /// Why a message was lost.
    Loss {
        /// Nobody had the address, or not any more. Its sender was told.
        NoSuchActor = "no-such-actor",
        /// The mailbox had no room. Its sender was told.
        MailboxFull = "mailbox-full",
        /// Its receiver ended before it read it.
        Unread = "unread",
        /// It waited for its receiver's node, and that was lost, or never connected.
        NotConnected = "not-connected",
        /// It was on its way when its receiver's node was lost. Whether it arrived is not known.
        Unconfirmed = "unconfirmed",
        /// The receiver's node does not take it: it is larger than that node's own bounds allow, or it was sent to a
        /// narrowed address without the right `send`.
        NotAdmitted = "not-admitted",
    }
}

/// A reader of a node's events. See `Node::events`.
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Event>);

impl Events {
    /// The next event; none when the node is gone.
    ///
    /// Cancel-safe: an event is taken only in the poll that returns it.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(events)) => Some(Event::Missed(events)),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Event {
    /// One JSON object: `{"event": "spawned", …}`.
    pub fn to_json(&self) -> String {
        // Addresses and codes need no escapes.
        let quoted = |from: &Option<Address>| from.as_ref().map_or("null".to_owned(), |from| format!("\"{from}\""));
        match self {
            Event::Spawned { actor, parent } => {
                format!(r#"{{"event":"spawned","actor":"{actor}","parent":{}}}"#, quoted(parent))
            }
            Event::Ended { actor, outcome } => {
                format!(r#"{{"event":"ended","actor":"{actor}",{}"#, &outcome.to_json_for_people()[1..])
            }
            Event::Crashed(report) => format!(r#"{{"event":"crashed",{}"#, &report.to_json()[1..]),
            Event::Lost { to, from, loss, bytes } => {
                format!(r#"{{"event":"lost","why":"{loss}","to":"{to}","from":{},"bytes":{bytes}}}"#, quoted(from))
            }
            Event::Refused { actor, what, message, times } => {
                let message = serde_json::Value::from(message.as_str());
                format!(
                    r#"{{"event":"refused","actor":"{actor}","what":"{what}","message":{message},"times":{times}}}"#
                )
            }
            Event::NodeUp { node } => format!(r#"{{"event":"node-up","node":"{node}"}}"#),
            Event::NodeDown { node, reason } => {
                let reason = serde_json::Value::from(reason.as_str());
                format!(r#"{{"event":"node-down","node":"{node}","reason":{reason}}}"#)
            }
            Event::Missed(events) => format!(r#"{{"event":"missed","events":{events}}}"#),
        }
    }
}

/// How many events wait for a slow reader before the oldest are dropped.
const EVENTS_MAX: usize = 4096;

/// Where events come from, and how many messages were lost.
#[derive(Debug)]
pub(crate) struct EventSource {
    sender: broadcast::Sender<Event>,
    lost: [AtomicU64; Loss::ALL.len()],
}

impl EventSource {
    pub(crate) fn new() -> EventSource {
        EventSource { sender: broadcast::Sender::new(EVENTS_MAX), lost: Default::default() }
    }

    pub(crate) fn subscribe(&self) -> Events {
        Events(self.sender.subscribe())
    }

    /// Tells an event, which is made only if somebody listens.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if self.sender.receiver_count() > 0 {
            // The last reader may just have gone.
            _ = self.sender.send(event());
        }
    }

    /// Counts lost messages and tells each.
    pub(crate) fn lost(
        &self,
        to: &Address,
        from: Option<&Address>,
        loss: Loss,
        messages_bytes: impl IntoIterator<Item = usize>,
    ) {
        for bytes in messages_bytes {
            self.lost[loss as usize].fetch_add(1, Ordering::Relaxed);
            self.tell(|| Event::Lost { to: to.clone(), from: from.cloned(), loss, bytes });
        }
    }

    /// How many messages were lost so far, by why.
    pub(crate) fn lost_so_far(&self) -> Vec<(Loss, u64)> {
        Loss::ALL.iter().map(|loss| (*loss, self.lost[*loss as usize].load(Ordering::Relaxed))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    #[test]
    fn an_event_is_one_json_object() {
        let message = |text: &str| Message::trusted(text.to_owned());
        let ended = Event::Ended { actor: address("a@b:1"), outcome: Outcome::Exit(message("1.0")) };
        assert_eq!(ended.to_json(), r#"{"event":"ended","actor":"a@b:1","exit":1.0}"#);
        let lost = Event::Lost { to: address("a@b:1"), from: None, loss: Loss::Unread, bytes: 3 };
        assert_eq!(lost.to_json(), r#"{"event":"lost","why":"unread","to":"a@b:1","from":null,"bytes":3}"#);
    }

    #[test]
    fn losses_are_counted_also_when_nobody_listens() {
        let source = EventSource::new();
        source.lost(&address("a@b:1"), None, Loss::Unread, [1, 1]);
        assert_eq!(source.lost_so_far()[Loss::Unread as usize], (Loss::Unread, 2));
    }
}
