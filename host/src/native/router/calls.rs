//! The calls that a router has passed on and that are not answered yet. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::super::call::Request;
use super::rotation::Seat;
use crate::address::Address;

/// A call that is not answered yet.
#[derive(Debug)]
pub(super) struct Call {
    /// Whom its answer goes to.
    pub(super) request: Request,
    /// The one-shot address at which its answer arrives.
    pub(super) reply_to: Address,
    /// Who may still answer it.
    pub(super) asked: BTreeSet<Seat>,
    /// On the node's clock.
    pub(super) deadline: Duration,
}

/// The calls outstanding, each under the text of its reply address, which is its ID as well: nobody can guess it who was
/// not asked.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// In order of their numbers, which is that of their deadlines: all have the same time.
    by_number: BTreeMap<u64, Call>,
    numbers: HashMap<String, u64>,
    so_far: u64,
}

impl Calls {
    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }

    pub(super) fn insert(&mut self, call: Call) {
        self.so_far += 1;
        self.numbers.insert(call.reply_to.to_string(), self.so_far);
        self.by_number.insert(self.so_far, call);
    }

    /// Takes the call of that ID out.
    pub(super) fn take(&mut self, id: &str) -> Option<Call> {
        let number = self.numbers.remove(id)?;
        self.by_number.remove(&number)
    }

    /// When the oldest has waited long enough.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.by_number.first_key_value().map(|(_, call)| call.deadline)
    }

    /// Takes the oldest out if it has waited long enough.
    pub(super) fn take_overdue(&mut self, now: Duration) -> Option<Call> {
        let (number, _) = self.by_number.first_key_value().filter(|(_, call)| call.deadline <= now)?;
        let number = *number;
        self.take_number(number)
    }

    /// A routee answers no more. Takes out the calls that nobody is left to answer.
    ///
    /// Looks at all calls: a routee ends far less often than it is called.
    pub(super) fn take_lost(&mut self, seat: Seat) -> Vec<Call> {
        let lost = |call: &mut Call| call.asked.remove(&seat) && call.asked.is_empty();
        let lost: Vec<u64> =
            self.by_number.iter_mut().filter_map(|(number, call)| lost(call).then_some(*number)).collect();
        lost.into_iter().filter_map(|number| self.take_number(number)).collect()
    }

    fn take_number(&mut self, number: u64) -> Option<Call> {
        let call = self.by_number.remove(&number)?;
        self.numbers.remove(&call.reply_to.to_string());
        Some(call)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rotation::{Rotation, Strategy};
    use super::*;
    use crate::message::Message;

    fn address(name: &str) -> Address {
        format!("{name}@h:1").parse().expect("an address")
    }

    fn call(name: &str, asked: &[Seat], seconds: u64) -> Call {
        let text = r#"{"call":1,"method":"m","address":{"$address":"a@h:1"}}"#;
        let request = Request::parse(&Message::trusted(text.to_owned()));
        Call {
            request: request.expect("a request"),
            reply_to: address(name),
            asked: asked.iter().copied().collect(),
            deadline: Duration::from_secs(seconds),
        }
    }

    fn names(calls: impl IntoIterator<Item = Call>) -> Vec<String> {
        calls.into_iter().map(|call| call.reply_to.to_string()).collect()
    }

    #[test]
    fn a_call_is_taken_out_once() {
        let mut calls = Calls::default();
        calls.insert(call("a", &[], 1));
        assert!(calls.take("b@h:1").is_none());
        assert!(calls.take("a@h:1").is_some() && calls.take("a@h:1").is_none());
        assert_eq!((calls.len(), calls.next_deadline()), (0, None));
    }

    #[test]
    fn a_call_is_lost_with_the_last_who_could_answer_it() {
        let mut rotation = Rotation::new(Strategy::RoundRobin);
        let (one, other) = (rotation.add("one"), rotation.add("other"));
        let mut calls = Calls::default();
        calls.insert(call("a", &[one], 1));
        calls.insert(call("b", &[one, other], 1));
        calls.insert(call("c", &[other], 1));
        assert_eq!(names(calls.take_lost(one)), ["a@h:1"]);
        assert!(calls.take_lost(one).is_empty());
        assert_eq!(names(calls.take_lost(other)), ["b@h:1", "c@h:1"]);
        assert!(calls.take("b@h:1").is_none());
    }

    #[test]
    fn the_overdue_are_taken_out_oldest_first() {
        let mut calls = Calls::default();
        (1..=3).for_each(|second| calls.insert(call(&format!("call-{second}"), &[], second)));
        calls.take("call-1@h:1");
        assert_eq!(calls.next_deadline(), Some(Duration::from_secs(2)));
        let now = Duration::from_secs(2);
        let overdue = std::iter::from_fn(|| calls.take_overdue(now));
        assert_eq!(names(overdue), ["call-2@h:1"]);
        assert!(calls.take("call-2@h:1").is_none());
        assert_eq!(calls.len(), 1);
    }
}
