//! Where signals for one actor arrive.

pub(crate) mod queue;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Waker};

use atomic_waker::AtomicWaker;
use tokio::sync::Notify;

use crate::address::Id;
use crate::lock::lock;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::pattern::Pattern;
use queue::{Bounds, Queue, Scan};

/// One actor's mailbox, and what others must know of its life: whether it shall end, and how it ended.
///
/// A closed mailbox is how senders learn that an actor has ended, so whoever holds on to one (a remembered target, an
/// embedder's address) needs no second look into a table.
pub(crate) struct Mailbox {
    id: Id,
    state: Mutex<State>,
    /// Senders that wait for room, in the order they came.
    room: Notify,
    /// Who shall be told that `outcome` is there.
    ended: Notify,
    outcome: OnceLock<Arc<Outcome>>,
    /// An [`Ending`] as a number; 0 while nobody wants the actor to end.
    ending: AtomicU8,
    /// The actor's task, to be woken when it shall end.
    task: AtomicWaker,
}

struct State {
    queue: Queue,
    receiver: Option<Waker>,
    senders_waiting: usize,
    closed: bool,
}

/// Why an actor shall end though its entry has not returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Kill = 1,
    Shutdown = 2,
}

/// A message that was not taken in.
#[derive(Debug, PartialEq)]
pub(crate) enum NotDelivered {
    Full(Message),
    Closed,
}

/// How many bytes of messages one poll of a receive looks at under the lock, each counted once for each pattern:
/// about 50 µs. A sender never waits longer than that for the lock.
const SCAN_BYTES: usize = 64 << 10;

impl Mailbox {
    pub(crate) fn new(id: Id, bounds: Bounds) -> Mailbox {
        let state = State { queue: Queue::new(bounds), receiver: None, senders_waiting: 0, closed: false };
        Mailbox {
            id,
            state: Mutex::new(state),
            room: Notify::new(),
            ended: Notify::new(),
            outcome: OnceLock::new(),
            ending: AtomicU8::new(0),
            task: AtomicWaker::new(),
        }
    }

    pub(crate) fn id(&self) -> Id {
        self.id
    }

    /// Puts a message in and wakes the receiver.
    pub(crate) fn push(&self, message: Message) -> Result<(), NotDelivered> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(NotDelivered::Closed);
        }
        state.queue.push(message).map_err(NotDelivered::Full)?;
        let receiver = state.receiver.take();
        drop(state);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(())
    }

    /// As [`Mailbox::push`], but waits while there is no room. Ends with an error only when the mailbox is closed.
    ///
    /// Cancel-safe: the message goes in during the poll that answers; a waiting sender that is dropped gives its turn
    /// to the next.
    pub(crate) async fn push_wait(&self, mut message: Message) -> Result<(), NotDelivered> {
        loop {
            match self.push(message) {
                Err(NotDelivered::Full(back)) => message = back,
                other => {
                    self.pass_on();
                    return other;
                }
            }
            let bytes = message.len();
            let turn = self.room.notified();
            let waiting = Waiting::enter(self);
            // Room may have come between the push and the entry; then nobody would tell us.
            let room = { lock(&self.state).takes_now(bytes) };
            if !room {
                turn.await;
            }
            drop(waiting);
        }
    }

    /// One large message that is taken may leave room for several small ones: the next sender tries its luck too.
    fn pass_on(&self) {
        let next = {
            let state = lock(&self.state);
            state.senders_waiting > 0 && state.takes_now(0)
        };
        if next {
            self.room.notify_one();
        }
    }

    /// Takes a message that matches; if nothing does, registers the waker. `checked` starts at 0 and belongs to one
    /// receive. After `Unfinished` nothing is registered: the caller must poll again.
    ///
    /// Cancel-safe: a message leaves the queue only in the call that returns it.
    pub(crate) fn take(&self, cx: &mut Context<'_>, patterns: &[Pattern], checked: &mut usize) -> Scan {
        let mut state = lock(&self.state);
        let scan = state.queue.take(patterns, checked, SCAN_BYTES);
        match &scan {
            Scan::Unfinished => {}
            Scan::Nothing => match &mut state.receiver {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            },
            Scan::Taken(_) => {
                let senders_wait = state.senders_waiting > 0;
                drop(state);
                if senders_wait {
                    self.room.notify_one();
                }
            }
        }
        scan
    }

    /// Nothing comes in any more; what waits is dropped. Answers how many messages that were.
    pub(crate) fn close(&self) -> usize {
        let mut state = lock(&self.state);
        state.closed = true;
        state.receiver = None;
        let unread = state.queue.clear();
        drop(state);
        self.room.notify_waiters();
        unread
    }

    /// The actor shall end. The first who says so decides how, and an actor that has ended hears nothing.
    pub(crate) fn request_end(&self, ending: Ending) {
        if self.ending.compare_exchange(0, ending as u8, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.task.wake();
        }
    }

    /// Whether the actor shall end, and how.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match self.ending.load(Ordering::Acquire) {
            0 => None,
            kill if kill == Ending::Kill as u8 => Some(Ending::Kill),
            _ => Some(Ending::Shutdown),
        }
    }

    /// Whom [`Mailbox::request_end`] wakes.
    pub(crate) fn register_task(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// Tells all who wait how the actor ended. The mailbox must be closed.
    pub(crate) fn tell(&self, outcome: Arc<Outcome>) {
        self.outcome.set(outcome).expect("an actor ends once");
        self.ended.notify_waiters();
    }

    /// How the actor ended, if it has.
    pub(crate) fn outcome(&self) -> Option<Arc<Outcome>> {
        self.outcome.get().cloned()
    }

    /// Waits for the actor's end. Cancel-safe: nothing is taken from anybody.
    pub(crate) async fn wait(&self) -> Arc<Outcome> {
        loop {
            // `notified` sees every `notify_waiters` after its making, also before its first poll.
            let told = self.ended.notified();
            if let Some(outcome) = self.outcome() {
                return outcome;
            }
            told.await;
        }
    }
}

impl State {
    /// Whether a message of that size need not wait: there is room, or there never will be.
    fn takes_now(&self, bytes: usize) -> bool {
        self.closed || self.queue.has_room(bytes)
    }
}

/// Counts a sender that waits for room, also when it is dropped while it waits.
struct Waiting<'a>(&'a Mailbox);

impl<'a> Waiting<'a> {
    fn enter(mailbox: &'a Mailbox) -> Waiting<'a> {
        lock(&mailbox.state).senders_waiting += 1;
        Waiting(mailbox)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).senders_waiting -= 1;
    }
}
