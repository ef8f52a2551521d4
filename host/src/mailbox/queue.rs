//! The messages that wait for one actor, and the selective take. Pure: no lock, no waker, no clock.

use std::collections::VecDeque;

use crate::message::Message;
use crate::pattern::Pattern;

/// How much may wait in one mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub messages_max: usize,
    pub bytes_max: usize,
}

/// A message that was taken, with the index of the pattern that matched it.
#[derive(Debug, PartialEq)]
pub(crate) struct Taken {
    pub pattern: usize,
    pub from_host: bool,
    pub message: Message,
}

/// What a scan came to.
#[derive(Debug, PartialEq)]
pub(crate) enum Scan {
    Taken(Taken),
    /// No message that waits now matches.
    Nothing,
    /// The budget is used up and there is more to look at.
    Unfinished,
}

/// The waiting messages, oldest first.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    bounds: Bounds,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    from_host: bool,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Queue {
        Queue { waiting: VecDeque::new(), bytes: 0, bounds }
    }

    /// Appends a message, or gives it back if there is no room.
    pub(crate) fn push(&mut self, message: Message) -> Result<(), Message> {
        let full = self.waiting.len() >= self.bounds.messages_max;
        if full || self.bytes + message.len() > self.bounds.bytes_max {
            return Err(message);
        }
        self.bytes += message.len();
        self.waiting.push_back(Waiting { message, from_host: false });
        Ok(())
    }

    /// Takes the oldest message that one of the patterns matches; without patterns, the oldest.
    ///
    /// Messages before `checked` are known to match none and are skipped; `checked` moves past those that were looked
    /// at, so that a wait looks at each message once. It holds as long as the patterns are the same and nothing else is
    /// taken. One pattern tried on one byte of a message costs one of `budget`.
    pub(crate) fn take(&mut self, patterns: &[Pattern], checked: &mut usize, budget: usize) -> Scan {
        if patterns.is_empty() {
            return self.remove(0).map_or(Scan::Nothing, |waiting| Scan::Taken(waiting.taken_by(0)));
        }
        let mut spent = 0;
        while let Some(waiting) = self.waiting.get(*checked) {
            if spent >= budget {
                return Scan::Unfinished;
            }
            let text = waiting.message.as_str();
            let hit = patterns.iter().position(|pattern| pattern.matches(text, waiting.from_host));
            if let Some(pattern) = hit {
                let waiting = self.remove(*checked).expect("it was just looked at");
                return Scan::Taken(waiting.taken_by(pattern));
            }
            spent += text.len() * patterns.len();
            *checked += 1;
        }
        Scan::Nothing
    }

    /// Whether an ordinary message of this size would find room.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.waiting.len() < self.bounds.messages_max && self.bytes + bytes <= self.bounds.bytes_max
    }

    /// Empties the queue and gives back its memory.
    pub(crate) fn clear(&mut self) -> usize {
        self.bytes = 0;
        std::mem::take(&mut self.waiting).len()
    }

    fn remove(&mut self, index: usize) -> Option<Waiting> {
        let waiting = self.waiting.remove(index)?;
        self.bytes -= waiting.message.len();
        Some(waiting)
    }
}

impl Waiting {
    fn taken_by(self, pattern: usize) -> Taken {
        Taken { pattern, from_host: self.from_host, message: self.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { messages_max: 4, bytes_max: 20 };

    fn message(text: &str) -> Message {
        Message::admit(text.to_owned(), usize::MAX).expect("a JSON text")
    }

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::compile(text).expect("a pattern")).collect()
    }

    fn queue(texts: &[&str]) -> Queue {
        let mut queue = Queue::new(Bounds { messages_max: 100, bytes_max: 1000 });
        texts.iter().for_each(|text| queue.push(message(text)).expect("room"));
        queue
    }

    fn take(queue: &mut Queue, texts: &[&str]) -> Option<(usize, String)> {
        match queue.take(&patterns(texts), &mut 0, usize::MAX) {
            Scan::Taken(taken) => Some((taken.pattern, taken.message.to_string())),
            Scan::Nothing => None,
            Scan::Unfinished => panic!("the budget is endless"),
        }
    }

    #[test]
    fn messages_match_in_arrival_order_and_patterns_in_argument_order() {
        let mut queue = queue(&["1", "2", "\"a\""]);
        let any_or_two = [r#"{"$type":"string"}"#, "2", r#"{"$type":"any"}"#];
        assert_eq!(take(&mut queue, &any_or_two), Some((2, "1".into())));
        assert_eq!(take(&mut queue, &any_or_two), Some((1, "2".into())));
        assert_eq!(take(&mut queue, &any_or_two), Some((0, "\"a\"".into())));
        assert_eq!(take(&mut queue, &any_or_two), None);
    }

    #[test]
    fn a_message_that_matches_none_keeps_its_place() {
        let mut queue = queue(&["1", "2", "3"]);
        assert_eq!(take(&mut queue, &["2"]), Some((0, "2".into())));
        assert_eq!(take(&mut queue, &[]), Some((0, "1".into())));
        assert_eq!(take(&mut queue, &[]), Some((0, "3".into())));
    }

    #[test]
    fn a_full_queue_gives_the_message_back_and_room_comes_with_a_take() {
        let mut queue = Queue::new(BOUNDS);
        (0..4).for_each(|n| queue.push(message(&n.to_string())).expect("room"));
        assert_eq!(queue.push(message("4")), Err(message("4")));
        assert!(!queue.has_room(1));
        queue.take(&[], &mut 0, 1);
        assert!(queue.has_room(1));
        assert_eq!(queue.push(message("4")), Ok(()));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut queue = Queue::new(BOUNDS);
        let long = format!("\"{}\"", "x".repeat(15));
        queue.push(message(&long)).expect("17 of 20 bytes");
        assert!(queue.push(message("1234")).is_err());
        assert!(queue.push(message("123")).is_ok());
        assert_eq!(take(&mut queue, &["123"]), Some((0, "123".into())));
        assert!(queue.push(message("321")).is_ok());
    }

    #[test]
    fn a_scan_stops_at_its_budget_and_goes_on_where_it_stopped() {
        let mut queue = queue(&["10", "11", "12"]);
        let (twelve, mut checked) = (patterns(&["12"]), 0);
        assert_eq!(queue.take(&twelve, &mut checked, 1), Scan::Unfinished);
        assert_eq!(checked, 1);
        assert_eq!(queue.take(&twelve, &mut checked, 2), Scan::Unfinished);
        assert!(matches!(queue.take(&twelve, &mut checked, 3), Scan::Taken(_)));
        assert_eq!(queue.take(&twelve, &mut checked, 3), Scan::Nothing);
    }
}
