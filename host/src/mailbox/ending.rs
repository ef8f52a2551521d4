//! The end of an actor, as its mailbox knows it: that it shall come, that it has come, and who waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use super::{Closed, Mailbox, PLACE_BYTES, State};
use crate::address::Id;
use crate::clock::Alarm;
use crate::level::Exceeded;
use crate::limits::Limit;
use crate::lock::lock;
use crate::outcome::{Exception, Outcome};

/// How an actor ended, as far as its mailbox knows.
#[derive(Default)]
pub(super) enum Told {
    #[default]
    NotYet,
    So(Arc<Outcome>),
    /// It has ended, and how is for the node to remember.
    Forgotten,
}

impl Mailbox {
    /// The actor shall end so. The first who says so decides how, and an actor that has ended hears nothing.
    pub(crate) fn request_end(&self, exception: Exception) {
        let ends = lock(&self.state).end(exception);
        self.told_to_end(ends);
    }

    pub(super) fn told_to_end(&self, ends: bool) {
        if ends {
            self.ends.store(true, Ordering::Release);
            self.task.wake();
        }
    }

    /// Whether the actor shall end. Asked before each of its turns and by each of its calls.
    pub(crate) fn shall_end(&self) -> bool {
        self.ends.load(Ordering::Acquire)
    }

    /// How it shall end, if it shall.
    pub(crate) fn ending(&self) -> Option<Exception> {
        self.shall_end().then(|| lock(&self.state).ending.clone()).flatten()
    }

    /// Keeps the alarm of its last moment, to take it back when the actor ends before.
    pub(crate) fn lives_until(&self, alarm: Alarm) {
        lock(&self.state).lifetime = Some(alarm);
    }

    /// Charges its tree for memory of its instance. Given back when it ends.
    ///
    /// # Errors
    ///
    /// If the tree has as much as it may have.
    pub(crate) fn take_memory(&self, bytes: u64) -> Result<(), Exceeded> {
        lock(&self.state).charges.take_memory(bytes)
    }

    /// Takes back what was charged for memory that there is not.
    pub(crate) fn give_memory_back(&self, bytes: u64) {
        lock(&self.state).charges.give_memory_back(bytes);
    }

    /// One child more.
    ///
    /// # Errors
    ///
    /// If it has as many as it may have.
    pub(crate) fn child_comes(&self) -> Result<(), Exceeded> {
        let (limit, max) = (Limit::Children, self.level.each(Limit::Children).unwrap_or(u64::MAX));
        let one_more = |children| (children < max).then_some(children + 1);
        let children = self.children.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        children.map(|_| ()).map_err(|used| Exceeded { limit, used, max })
    }

    /// Answers whether it had not left it before.
    pub(crate) fn leaves_its_seat(&self) -> bool {
        self.seated.swap(false, Ordering::Relaxed)
    }

    /// One child less.
    pub(crate) fn child_goes(&self) {
        self.children.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whom [`Mailbox::request_end`] wakes.
    pub(crate) fn register_task(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// Nothing comes in any more, and no signal has any effect. Answers what is left to do.
    pub(crate) fn close(&self) -> Closed {
        let mut state = lock(&self.state);
        state.closed = true;
        state.receiver = None;
        state.charges.release();
        let lifetime = state.lifetime.take();
        let timers = std::mem::take(&mut state.timers);
        let closed = Closed {
            unread: state.queue.clear(),
            handling: std::mem::take(&mut state.handling),
            farewell: state.links.farewell(),
            alarms: timers.into_values().flatten().chain(lifetime).collect(),
            narrowed: state.narrowed.ids(),
            made: std::mem::take(&mut state.made).into_iter().collect(),
        };
        drop(state);
        // A waker keeps its task's memory, and an embedder may keep this mailbox.
        self.task.take();
        self.room.notify_waiters();
        self.room_for_peers.notify_waiters();
        closed
    }

    /// Tells all who wait how the actor ended. The mailbox must be closed.
    pub(crate) fn tell(&self, outcome: Arc<Outcome>) {
        let keeps = self.keeps(&outcome) || self.is_awaited();
        *lock(&self.outcome) = if keeps { Told::So(outcome) } else { Told::Forgotten };
        self.ended.notify_waiters();
    }

    /// Whether an outcome stays as long as the mailbox. Actors can hold on to mailboxes without being charged for it, so
    /// only what is small, and what the operator has spawned and may ask for at any time.
    fn keeps(&self, outcome: &Outcome) -> bool {
        self.ancestors.is_empty() || outcome.bytes() <= PLACE_BYTES
    }

    /// Whether anybody waits for the outcome.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Whoever spawned the actor is going to wait.
    pub(crate) fn is_awaited_by_its_spawner(&self) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts somebody who is going to wait, until it is dropped.
    pub(crate) fn await_end(self: &Arc<Self>) -> Awaits {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        Awaits(self.clone())
    }
}

impl State {
    /// Answers whether this decided it.
    pub(super) fn end(&mut self, exception: Exception) -> bool {
        let first = self.ending.is_none() && !self.closed;
        if first {
            self.ending = Some(exception);
        }
        first
    }
}

/// Somebody who waits for an actor's end.
pub(crate) struct Awaits(Arc<Mailbox>);

impl Awaits {
    pub(crate) fn id(&self) -> Id {
        self.0.id
    }

    /// Waits for it. None: the node remembers it, if anybody; it ended in the moment between being found and being waited
    /// for. Cancel-safe: nothing is taken from anybody.
    pub(crate) async fn outcome(&self) -> Option<Arc<Outcome>> {
        loop {
            // `notified` sees every `notify_waiters` after its making, also before its first poll.
            let told = self.0.ended.notified();
            match &*lock(&self.0.outcome) {
                Told::NotYet => {}
                Told::So(outcome) => return Some(outcome.clone()),
                Told::Forgotten => return None,
            }
            told.await;
        }
    }
}

impl Drop for Awaits {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let mut told = lock(&self.0.outcome);
        if let Told::So(outcome) = &*told
            && !self.0.keeps(outcome)
        {
            *told = Told::Forgotten;
        }
    }
}
