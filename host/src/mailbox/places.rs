//! What has a place in an actor's mailbox before there is a message: its timers, and the answers that it expects.

use std::sync::Arc;
use std::time::Duration;

use super::narrowed::{Denied, NotMade, Rights, Terms};
use super::queue::Source;
use super::{Mailbox, NotDelivered};
use crate::address::Id;
use crate::clock::Alarm;
use crate::level::{Exceeded, Tree};
use crate::limits::Limit;
use crate::lock::lock;
use crate::message::Message;

impl Mailbox {
    /// Enters a timer, to be armed with [`Mailbox::timer_armed`].
    ///
    /// # Errors
    ///
    /// If there are as many as there may be, those counted whose message is not received yet.
    pub(crate) fn timer_made(&self, reference: Id) -> Result<(), Exceeded> {
        let mut state = lock(&self.state);
        let has = state.timers.len() + state.timers_unread;
        state.charges.take(Limit::Timers, has, 1)?;
        state.timers.insert(reference, None);
        Ok(())
    }

    /// Keeps a timer's alarm, to take it back when the timer is cancelled. Gives it back if it has gone off already.
    pub(crate) fn timer_armed(&self, reference: Id, alarm: Alarm) {
        if let Some(place) = lock(&self.state).timers.get_mut(&reference) {
            *place = Some(alarm);
        }
    }

    /// A timer's time has come: its message goes in, unless it was cancelled.
    pub(crate) fn timer_fired(&self, reference: Id, message: Message) {
        // An actor that has ended has no timers, so nobody is told.
        _ = self.put(|state| {
            if state.timers.remove(&reference).is_some() {
                state.timers_unread += 1;
                state
                    .queue
                    .push(message, Source::Timer, Tree::default())
                    .expect("a timer's message has a place of its own");
                return Ok(());
            }
            Err(NotDelivered::Closed)
        });
    }

    /// Cancels a timer. None: there is no such timer, or it has fired.
    pub(crate) fn timer_cancelled(&self, reference: Id) -> Option<Option<Alarm>> {
        let mut state = lock(&self.state);
        let cancelled = state.timers.remove(&reference);
        state.settle();
        cancelled
    }

    /// Adds a weaker address of this actor, made by `maker`.
    pub(crate) fn narrowed(&self, id: Id, maker: Id, parent: Option<Id>, terms: Terms) -> Result<(), NotMade> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(NotMade::Gone);
        }
        state.narrowed.make(id, maker == self.id, parent, terms)
    }

    /// Whether a weaker address of this actor permits something now.
    pub(crate) fn permits(&self, via: Id, right: Rights, now: Duration) -> Result<(), Denied> {
        lock(&self.state).narrowed.pass(via, right, now)
    }

    /// Ends a weaker address of this actor; what was sent to it and waits is taken back.
    pub(crate) fn revoked(&self, id: Id) {
        let mut state = lock(&self.state);
        state.narrowed.remove(id);
        state.flush(&Source::Narrowed(id));
        state.flush(&Source::Reply(id));
        state.settle();
    }

    /// Forgets a weaker address of this actor that has ended by itself. What was sent to it stays.
    pub(crate) fn forget_narrowed(&self, id: Id) {
        let mut state = lock(&self.state);
        state.narrowed.remove(id);
        state.settle();
    }

    /// Whether nothing can be sent to a weaker address of this actor any more.
    pub(crate) fn is_over(&self, id: Id, now: Duration) -> bool {
        let state = lock(&self.state);
        state.closed || state.narrowed.is_over(id, now)
    }

    /// Notes a weaker address that this actor has made, of `target`.
    ///
    /// # Errors
    ///
    /// If it has made as many as it may, or keeps as many places for answers.
    pub(crate) fn made(&self, id: Id, target: &Arc<Mailbox>, uses: Option<u32>) -> Result<(), Exceeded> {
        let mut state = lock(&self.state);
        let places = if target.id == self.id { uses.unwrap_or(0) as usize } else { 0 };
        let kept = state.narrowed.places() + state.replies_unread;
        let has = state.made.len().max(kept);
        let more = (state.made.len() + 1).max(kept.saturating_add(places)) - has;
        state.charges.take(Limit::Narrowed, has, more)?;
        state.made.insert(id, target.clone());
        Ok(())
    }

    /// Forgets a weaker address that this actor has made; none if it has not.
    pub(crate) fn unmade(&self, id: Id) -> Option<Arc<Mailbox>> {
        let mut state = lock(&self.state);
        let target = state.made.remove(&id);
        state.settle();
        target
    }

    /// The weaker addresses that this actor has made.
    pub(crate) fn all_made(&self) -> Vec<(Id, Arc<Mailbox>)> {
        lock(&self.state).made.iter().map(|(id, target)| (*id, target.clone())).collect()
    }
}
