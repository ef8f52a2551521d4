//! How the last actors ended, for those who ask late.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::address::Id;
use crate::mailbox::Mailbox;
use crate::node::actor_table::IdMap;
use crate::outcome::Outcome;

/// How many outcomes stay readable (DESIGN §3).
const OUTCOMES_MAX: usize = 4096;

/// How many bytes all readable outcomes may have together (DESIGN §3). One over that is told only to those who wait.
const BYTES_MAX: usize = 16 << 20;

/// The remembered outcomes; the oldest is forgotten first.
#[derive(Default)]
pub(crate) struct Outcomes {
    by_id: IdMap<Arc<Outcome>>,
    /// Actors that have ended and whose links and monitors are being told: who waits for one hears after them.
    ending: IdMap<(Arc<Mailbox>, Arc<Outcome>)>,
    oldest_first: VecDeque<Id>,
    bytes: usize,
}

impl Outcomes {
    /// The end of an actor is about to be told.
    pub(crate) fn begin(&mut self, mailbox: Arc<Mailbox>, outcome: Arc<Outcome>) {
        self.ending.insert(mailbox.id(), (mailbox, outcome));
    }

    /// The actor whose end is being told.
    pub(crate) fn ending(&self, id: Id) -> Option<Arc<Mailbox>> {
        self.ending.get(&id).map(|(mailbox, _)| mailbox.clone())
    }

    /// For who has been told of an end: all that is known of it.
    pub(crate) fn heard(&self, id: Id) -> Option<Arc<Outcome>> {
        self.ending.get(&id).map(|(_, outcome)| outcome.clone()).or_else(|| self.find(id))
    }

    /// All have been told of an actor's end.
    pub(crate) fn told(&mut self, id: Id) {
        self.ending.remove(&id);
    }

    /// Keeps an outcome. While the end is being told, [`Outcomes::ending`] counts more.
    pub(crate) fn remember(&mut self, id: Id, outcome: Arc<Outcome>) {
        if outcome.bytes() > BYTES_MAX {
            return;
        }
        let bytes = outcome.bytes();
        if self.by_id.insert(id, outcome).is_none() {
            self.bytes += bytes;
            self.oldest_first.push_back(id);
        }
        while self.oldest_first.len() > OUTCOMES_MAX || self.bytes > BYTES_MAX {
            let oldest = self.oldest_first.pop_front().expect("over a bound means not empty");
            let forgotten = self.by_id.remove(&oldest).expect("both hold the same IDs");
            self.bytes -= forgotten.bytes();
        }
    }

    pub(crate) fn find(&self, id: Id) -> Option<Arc<Outcome>> {
        self.by_id.get(&id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn exit(text: String) -> Arc<Outcome> {
        Arc::new(Outcome::Exit(Message::trusted(text)))
    }

    #[test]
    fn the_oldest_outcome_is_forgotten_first() {
        let mut outcomes = Outcomes::default();
        let ids: Vec<Id> = (0..=OUTCOMES_MAX).map(|_| Id::random()).collect();
        for id in &ids {
            outcomes.remember(*id, exit("1".into()));
        }
        assert!(outcomes.find(ids[0]).is_none());
        assert!(ids[1..].iter().all(|id| outcomes.find(*id).is_some()));
    }

    #[test]
    fn bytes_are_bounded_and_one_over_all_is_not_remembered() {
        let mut outcomes = Outcomes::default();
        let string = |bytes: usize| exit(format!("\"{}\"", "x".repeat(bytes - 2)));
        let (first, second, third) = (Id::random(), Id::random(), Id::random());
        outcomes.remember(first, string(BYTES_MAX / 2));
        outcomes.remember(second, string(BYTES_MAX / 2));
        assert!(outcomes.find(first).is_some());
        outcomes.remember(third, string(BYTES_MAX + 1));
        assert!(outcomes.find(third).is_none() && outcomes.find(first).is_some());
        outcomes.remember(third, string(2));
        assert!(outcomes.find(first).is_none() && outcomes.find(second).is_some());
        assert_eq!(outcomes.bytes, BYTES_MAX / 2 + 2);
    }
}
