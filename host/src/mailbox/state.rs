//! What is in a mailbox, in one piece under one lock, and what a message that comes or goes changes in it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use super::charges::Charges;
use super::links::{About, Links};
use super::narrowed::NarrowedAddresses;
use super::queue::{Bounds, Queue, Source};
use super::{Mailbox, NotDelivered};
use crate::address::{Id, Place};
use crate::clock::Alarm;
use crate::level::{Level, Tree};
use crate::limits::Limit;
use crate::message::Message;
use crate::outcome::{Exception, Handling};

/// All that changes under the mailbox's lock.
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) links: Links,
    /// Timers that have not fired; an alarm is there once it is armed.
    pub(super) timers: BTreeMap<Id, Option<Alarm>>,
    /// Timers' messages that wait.
    pub(super) timers_unread: usize,
    /// The weaker addresses of this actor, whoever made them.
    pub(super) narrowed: NarrowedAddresses,
    /// The weaker addresses, of this actor and of others, that it has made.
    pub(super) made: BTreeMap<Id, Arc<Mailbox>>,
    /// Answers that wait in places of their own.
    pub(super) replies_unread: usize,
    /// The last message that was taken, answers to calls aside.
    pub(super) handling: Handling,
    pub(super) charges: Charges,
    /// When it has lived for as long as it may.
    pub(super) lifetime: Option<Alarm>,
    pub(super) ending: Option<Exception>,
    pub(super) receiver: Option<Waker>,
    pub(super) senders_waiting: usize,
    pub(super) peers_waiting: usize,
    /// The smallest message of a peer's that found no room since its node was told of room last.
    pub(super) refused_bytes: Option<usize>,
    /// Whether the actor wants to hear of nodes that come and go.
    pub(super) monitors_nodes: bool,
    /// The nodes of which it has not read the latest, oldest first.
    pub(super) nodes_unread: VecDeque<Place>,
    pub(super) closed: bool,
}

impl State {
    pub(super) fn new(level: &Arc<Level>, links: Links) -> State {
        let bounds =
            Bounds { messages_max: level.each_count(Limit::Mailbox), bytes_max: level.each_count(Limit::MailboxBytes) };
        State {
            queue: Queue::new(bounds, level.tree()),
            links,
            timers: BTreeMap::new(),
            timers_unread: 0,
            narrowed: NarrowedAddresses::default(),
            made: BTreeMap::new(),
            replies_unread: 0,
            handling: Handling::default(),
            charges: Charges::new(level.clone()),
            lifetime: None,
            ending: None,
            receiver: None,
            senders_waiting: 0,
            peers_waiting: 0,
            refused_bytes: None,
            monitors_nodes: false,
            nodes_unread: VecDeque::new(),
            closed: false,
        }
    }

    /// Whether a message of that size need not wait: there is room, or there never will be.
    pub(super) fn takes_now(&mut self, bytes: usize, from: Tree) -> bool {
        if self.closed || !self.queue.has_room(bytes, from) {
            return self.closed;
        }
        let (messages, queued) = self.queue.competing();
        let is_stranger = self.queue.is_stranger(from);
        let chargeable = self.charges.queue(messages + 1, queued + bytes, is_stranger).is_ok();
        self.charges.queue(messages, queued, false).expect("what there is is charged");
        chargeable
    }

    pub(super) fn push(&mut self, message: Message, source: Source, from: Tree) -> Result<(), NotDelivered> {
        let (messages, bytes) = self.queue.competing();
        let is_stranger = self.queue.is_stranger(from);
        if self.charges.queue(messages + 1, bytes + message.len(), is_stranger).is_err() {
            return Err(NotDelivered::Full(message));
        }
        self.queue.push(message, source, from).map_err(NotDelivered::Full)
    }

    /// Gives back what is charged beyond what there is.
    pub(super) fn settle(&mut self) {
        let State { links, timers, timers_unread, narrowed, made, replies_unread, charges, .. } = self;
        charges.settle(|| {
            let [links, monitors] = links.made();
            [links, monitors, timers.len() + *timers_unread, made.len().max(narrowed.places() + *replies_unread)]
        });
    }

    /// Puts a host message in. Somebody who asks twice for an end is told once, with the latest reason.
    pub(super) fn tell(&mut self, about: About, message: Message) {
        let source = Source::Host(Box::new(about));
        if let Source::Host(about) = &source
            && matches!(**about, About::Shutdown(_))
        {
            self.flush(&source);
        }
        self.queue.push(message, source, Tree::default()).expect("host messages have places of their own");
    }

    pub(super) fn flush(&mut self, source: &Source) {
        (0..self.queue.flush(source)).for_each(|_| self.left(source));
    }

    /// A message has left the queue, and with it the place of its own that it may have had.
    pub(super) fn left(&mut self, source: &Source) {
        match source {
            Source::Actor | Source::Narrowed(_) => {}
            Source::Reply(_) => self.replies_unread -= 1,
            Source::Timer => self.timers_unread -= 1,
            Source::Host(about) => {
                if let About::Node(node) = &**about {
                    self.nodes_unread.retain(|unread| unread != node);
                }
                self.links.read(about);
            }
        }
        let (messages, bytes) = self.queue.competing();
        self.charges.queue(messages, bytes, false).expect("what there is is charged");
        self.settle();
    }
}
