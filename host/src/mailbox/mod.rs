//! Where signals for one actor arrive.

pub(crate) mod queue;
pub(crate) mod links;
pub(crate) mod narrowed;
pub(crate) mod host_message;
mod charges;
mod shares;
pub(crate) mod ending;
mod listing;
mod nodes;
mod places;
mod room;
mod state;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Waker};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use tokio::sync::Notify;

use crate::address::{Id, Place};
use crate::clock::Alarm;
use crate::grants::Grants;
use crate::level::{Exceeded, Level, Tree};
use crate::limits::Limit;
use crate::lock::lock;
use crate::message::Message;
use crate::outcome::Handling;
use crate::pattern::Pattern;
use crate::signal::{Party, Reference, Signal};
use ending::Told;
use links::{Bounds, Farewell, Full, Links, Reaction, Standing, Watched};
use narrowed::{Denied, Rights};
use queue::{Checked, Scan, Source};
use state::State;

/// One actor's mailbox, and what others must know of its life: whose descendant it is, whether it shall end, and how it
/// ended.
///
/// A closed mailbox is how senders learn that an actor has ended, so whoever holds on to one (a remembered target, an
/// embedder's address) needs no second look into a table.
pub(crate) struct Mailbox {
    id: Id,
    /// Which actor of its node it is, counted from the first.
    number: u64,
    /// What it runs, once that is known.
    entry: OnceLock<Arc<str>>,
    /// Its spawner, and those of that one's ancestors that lived when it was spawned; the nearest first.
    ancestors: Box<[Party]>,
    /// What limits it.
    level: Arc<Level>,
    /// Living ones.
    children: AtomicU64,
    /// Whether it counts as one of its parent's and its tree's.
    seated: AtomicBool,
    /// What it may do at all.
    grants: Arc<Grants>,
    state: Mutex<State>,
    /// Senders that wait for room, in the order they came.
    room: Notify,
    /// Nodes on which somebody waits for room: all are told of all that may be some.
    room_for_peers: Notify,
    /// Who shall be told that `outcome` is known.
    ended: Notify,
    outcome: Mutex<Told>,
    /// How many wait for the outcome.
    waiting: AtomicUsize,
    /// Whether the state has an `ending`: asked at every turn of the actor.
    ends: AtomicBool,
    /// The actor's task, to be woken when it shall end.
    task: AtomicWaker,
}

/// A message that was not taken in.
#[derive(Debug, PartialEq)]
pub(crate) enum NotDelivered {
    Full(Message),
    Closed,
    /// The address it was sent to does not permit it.
    NotPermitted,
}

/// A child that did not get the ties which its spawn was to give it.
#[derive(Debug, PartialEq)]
pub(crate) enum NotAdopted {
    /// The spawner has ended.
    Closed,
    Limit(Exceeded),
    Full(Full),
}

/// What a mailbox leaves when it is closed.
#[derive(Default)]
pub(crate) struct Closed {
    pub unread: Vec<Message>,
    pub handling: Handling,
    pub farewell: Farewell,
    pub alarms: Vec<Alarm>,
    /// The weaker addresses of the actor.
    pub narrowed: Vec<Id>,
    /// Those that it had made of others.
    pub made: Vec<(Id, Arc<Mailbox>)>,
}

/// How many bytes of messages one poll of a receive looks at under the lock, each counted once for each pattern:
/// about 50 µs. A sender never waits longer than that for the lock.
const SCAN_BYTES: usize = 64 << 10;

/// The bytes of a message that has a place of its own (DESIGN §4).
pub(crate) const PLACE_BYTES: usize = 4096;

impl Mailbox {
    pub(crate) fn new(
        id: Id,
        number: u64,
        ancestors: Box<[Party]>,
        grants: Arc<Grants>,
        level: Arc<Level>,
        links: Links,
    ) -> Mailbox {
        Mailbox {
            id,
            number,
            entry: OnceLock::new(),
            ancestors,
            grants,
            children: AtomicU64::new(0),
            seated: AtomicBool::new(true),
            state: Mutex::new(State::new(&level, links)),
            level,
            room: Notify::new(),
            room_for_peers: Notify::new(),
            ended: Notify::new(),
            outcome: Mutex::default(),
            waiting: AtomicUsize::new(0),
            ends: AtomicBool::new(false),
            task: AtomicWaker::new(),
        }
    }

    pub(crate) fn id(&self) -> Id {
        self.id
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn ancestors(&self) -> &[Party] {
        &self.ancestors
    }

    /// Its spawner, alive or not; none: the operator of some node.
    pub(crate) fn parent(&self) -> Option<&Party> {
        self.ancestors.first().filter(|parent| !parent.is_operator())
    }

    pub(crate) fn level(&self) -> &Arc<Level> {
        &self.level
    }

    pub(crate) fn grants(&self) -> &Arc<Grants> {
        &self.grants
    }

    /// Whether a signal's sender may end this actor. Without a sender it is the operator's.
    pub(crate) fn descends_from(&self, from: Option<&Party>) -> bool {
        from.is_none_or(|from| self.ancestors.iter().any(|ancestor| ancestor.is(from)))
    }

    /// Puts a message in and wakes the receiver.
    pub(crate) fn push(&self, message: Message, from: Tree) -> Result<(), NotDelivered> {
        self.put(|state| state.push(message, Source::Actor, from))
    }

    /// As [`Mailbox::push`], through a narrowed address.
    pub(crate) fn push_narrowed(
        &self,
        message: Message,
        from: Tree,
        via: Id,
        now: Duration,
    ) -> Result<(), NotDelivered> {
        self.put(|state| {
            let has_place = message.len() <= PLACE_BYTES && state.narrowed.has_place(via);
            state.narrowed.pass(via, Rights::SEND, now)?;
            let source = if has_place { Source::Reply(via) } else { Source::Narrowed(via) };
            state.push(message, source, from).inspect_err(|_| state.narrowed.give_back(via))?;
            state.replies_unread += usize::from(has_place);
            state.settle();
            Ok(())
        })
    }

    fn put(&self, push: impl FnOnce(&mut State) -> Result<(), NotDelivered>) -> Result<(), NotDelivered> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(NotDelivered::Closed);
        }
        push(&mut state)?;
        let receiver = state.receiver.take();
        drop(state);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(())
    }

    /// Any signal but a message: takes effect here and now. Answers the signal that the sender is to get back, if any.
    ///
    /// # Errors
    ///
    /// Gives the signal back if the mailbox is closed.
    pub(crate) fn signal(
        &self,
        from: Option<&Party>,
        signal: Signal,
        standing: Standing<'_>,
    ) -> Result<Option<Signal>, Signal> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(signal);
        }
        let reaction = state.links.react(from, signal, standing);
        state.settle();
        match reaction {
            Reaction::Nothing => {}
            Reaction::Answer(answer) => return Ok(Some(answer)),
            Reaction::End(exception) => {
                let ends = state.end(exception);
                drop(state);
                self.told_to_end(ends);
            }
            Reaction::Tell(about, message) => {
                state.tell(about, message);
                let receiver = state.receiver.take();
                drop(state);
                receiver.into_iter().for_each(Waker::wake);
            }
            Reaction::Take(message) => {
                drop(state);
                // The door sends messages another way, where the sender hears of a full mailbox.
                _ = self.push(message, Tree::default());
            }
        }
        Ok(None)
    }

    /// A node cannot be reached any more: as if all there had ended.
    pub(crate) fn lost(&self, place: &Place, here: &Place) {
        let mut state = lock(&self.state);
        let mut ends = false;
        for reaction in state.links.lost(place, here) {
            match reaction {
                Reaction::Tell(about, message) => state.tell(about, message),
                Reaction::End(exception) => ends |= state.end(exception),
                Reaction::Nothing | Reaction::Take(_) | Reaction::Answer(_) => {}
            }
        }
        state.settle();
        let receiver = state.receiver.take();
        drop(state);
        self.told_to_end(ends);
        receiver.into_iter().for_each(Waker::wake);
    }

    /// Takes a message that matches; if nothing does, registers the waker. `checked` is new for each receive. After
    /// `Unfinished` nothing is registered: the caller must poll again.
    ///
    /// Cancel-safe: a message leaves the queue only in the call that returns it.
    pub(crate) fn take(&self, cx: &mut Context<'_>, patterns: &[Pattern], checked: &mut Checked) -> Scan {
        let mut state = lock(&self.state);
        let scan = state.queue.take(patterns, checked, SCAN_BYTES);
        match &scan {
            Scan::Unfinished => {}
            Scan::Nothing => match &mut state.receiver {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            },
            Scan::Taken(taken) => {
                state.left(&taken.source);
                if !matches!(taken.source, Source::Reply(_)) {
                    state.handling.note(&taken.message);
                }
                let (senders_wait, peers_wait) = (state.senders_waiting > 0, state.peers_waiting > 0);
                drop(state);
                if senders_wait {
                    self.room.notify_one();
                }
                if peers_wait {
                    self.room_for_peers.notify_waiters();
                }
            }
        }
        scan
    }

    /// What the actor itself does to its links. Under the lock, so short.
    pub(crate) fn links<R>(&self, change: impl FnOnce(&mut Links) -> R) -> R {
        let mut state = lock(&self.state);
        let result = change(&mut state.links);
        state.settle();
        result
    }

    /// As [`Mailbox::links`], for a change that makes one link or monitor more.
    ///
    /// # Errors
    ///
    /// If the actor's tree has as many as it may have; nothing has changed then.
    pub(crate) fn links_more<R>(&self, more: Limit, change: impl FnOnce(&mut Links) -> R) -> Result<R, Exceeded> {
        let mut state = lock(&self.state);
        let [links, monitors] = state.links.made();
        let has = if more == Limit::Links { links } else { monitors };
        state.charges.take(more, has, 1)?;
        let changed = change(&mut state.links);
        state.settle();
        Ok(changed)
    }

    /// As [`Mailbox::links_more`], for the ties with a child, on any node: both or none, and only while the actor can still hear
    /// of the child's end.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed then.
    pub(crate) fn adopt(&self, child: &Party, link: bool, monitor: Option<Watched>) -> Result<(), NotAdopted> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(NotAdopted::Closed);
        }
        let adopted = state.adopt(child, link, monitor, Bounds::of(&self.level));
        if adopted.is_err() && link {
            state.links.unlink(child);
        }
        state.settle();
        adopted
    }

    /// Takes back what waits from a source.
    pub(crate) fn flush(&self, source: &Source) {
        lock(&self.state).flush(source);
    }
}

impl State {
    fn adopt(&mut self, child: &Party, link: bool, monitor: Option<Watched>, bounds: Bounds) -> Result<(), NotAdopted> {
        let [links, monitors] = self.links.made();
        if link {
            self.charges.take(Limit::Links, links, 1)?;
            self.links.link_by_spawn(child.clone(), bounds)?;
        }
        if let Some(watched) = monitor {
            self.charges.take(Limit::Monitors, monitors, 1)?;
            self.links.monitor(Reference::Child(child.id), watched, bounds)?;
        }
        Ok(())
    }
}

impl From<Exceeded> for NotAdopted {
    fn from(full: Exceeded) -> NotAdopted {
        NotAdopted::Limit(full)
    }
}

impl From<Full> for NotAdopted {
    fn from(full: Full) -> NotAdopted {
        NotAdopted::Full(full)
    }
}

impl From<Denied> for NotDelivered {
    fn from(denied: Denied) -> NotDelivered {
        match denied {
            Denied::Gone => NotDelivered::Closed,
            Denied::Right => NotDelivered::NotPermitted,
        }
    }
}
