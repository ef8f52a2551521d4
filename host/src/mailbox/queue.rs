//! The messages that wait for one actor, and the selective take. Pure: no lock, no waker, no clock.

use std::collections::VecDeque;

use super::links::About;
use crate::address::Id;
use crate::message::Message;
use crate::pattern::Pattern;

/// How much may wait in one mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub messages_max: usize,
    pub bytes_max: usize,
}

/// How a message got here. Only those of others compete for room; every other kind has a place of its own, and what is
/// limited is how many such places there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Actor,
    /// Through a narrowed address, which may be taken back.
    Narrowed(Id),
    /// Through a narrowed address that the receiver made for a few uses.
    Reply(Id),
    /// A timer of the receiver's own.
    Timer,
    Host(Box<About>),
}

/// A message that was taken, with the index of the pattern that matched it.
#[derive(Debug, PartialEq)]
pub(crate) struct Taken {
    pub pattern: usize,
    pub source: Source,
    pub message: Message,
}

/// What it costs to try a pattern on a message of no length, in bytes of a longer one: about 5 ns.
const TRY_BYTES: usize = 8;

/// What a scan came to.
#[derive(Debug, PartialEq)]
pub(crate) enum Scan {
    Taken(Taken),
    /// No message that waits now matches.
    Nothing,
    /// The budget is used up and there is more to look at.
    Unfinished,
}

/// How far one receive has looked. It holds as long as its patterns are the same and the actor takes nothing else.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    messages: usize,
    /// Of those that the next message is to be tried with.
    patterns: usize,
    /// The queue's when it looked.
    flushes: u64,
}

/// The waiting messages, oldest first.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: VecDeque<Waiting>,
    /// Of those without a place of their own.
    messages: usize,
    bytes: usize,
    bounds: Bounds,
    flushes: u64,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    source: Source,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Queue {
        Queue { waiting: VecDeque::new(), messages: 0, bytes: 0, bounds, flushes: 0 }
    }

    /// Appends a message, or gives it back if there is no room.
    pub(crate) fn push(&mut self, message: Message, source: Source) -> Result<(), Message> {
        if source.competes() {
            if !self.has_room(message.len()) {
                return Err(message);
            }
            self.messages += 1;
            self.bytes += message.len();
        }
        self.waiting.push_back(Waiting { message, source });
        Ok(())
    }

    /// Takes the oldest message that one of the patterns matches; without patterns, the oldest.
    ///
    /// `checked` moves past what was tried, so that a wait tries each pattern on each message once. That costs one of
    /// `budget` for each byte of the message, and [`TRY_BYTES`] more.
    pub(crate) fn take(&mut self, patterns: &[Pattern], checked: &mut Checked, budget: usize) -> Scan {
        if patterns.is_empty() {
            return self.remove(0).map_or(Scan::Nothing, |waiting| Scan::Taken(waiting.taken_by(0)));
        }
        if checked.flushes != self.flushes {
            *checked = Checked { flushes: self.flushes, ..Checked::default() };
        }
        let mut spent = 0;
        while let Some(waiting) = self.waiting.get(checked.messages) {
            let text = waiting.message.as_str();
            let from_host = waiting.source.is_host();
            while let Some(pattern) = patterns.get(checked.patterns) {
                if spent >= budget {
                    return Scan::Unfinished;
                }
                if pattern.matches(text, from_host) {
                    let waiting = self.remove(checked.messages).expect("it was just looked at");
                    return Scan::Taken(waiting.taken_by(std::mem::take(&mut checked.patterns)));
                }
                spent += text.len() + TRY_BYTES;
                checked.patterns += 1;
            }
            checked.messages += 1;
            checked.patterns = 0;
        }
        Scan::Nothing
    }

    /// Takes out what came from a source. Answers how many messages that were.
    pub(crate) fn flush(&mut self, source: &Source) -> usize {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.source != *source);
        let flushed = before - self.waiting.len();
        if flushed > 0 {
            self.flushes += 1;
            let competing = || self.waiting.iter().filter(|waiting| waiting.source.competes());
            (self.messages, self.bytes) = (competing().count(), competing().map(|waiting| waiting.message.len()).sum());
        }
        flushed
    }

    /// Whether an ordinary message of this size would find room.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.messages < self.bounds.messages_max && self.bytes + bytes <= self.bounds.bytes_max
    }

    /// Empties the queue and gives back its memory.
    pub(crate) fn clear(&mut self) -> Vec<Message> {
        (self.messages, self.bytes) = (0, 0);
        std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.message).collect()
    }

    fn remove(&mut self, index: usize) -> Option<Waiting> {
        let waiting = self.waiting.remove(index)?;
        if waiting.source.competes() {
            self.messages -= 1;
            self.bytes -= waiting.message.len();
        }
        Some(waiting)
    }
}

impl Source {
    pub(crate) fn is_host(&self) -> bool {
        matches!(self, Source::Host(_))
    }

    fn competes(&self) -> bool {
        matches!(self, Source::Actor | Source::Narrowed(_))
    }
}

impl Waiting {
    fn taken_by(self, pattern: usize) -> Taken {
        Taken { pattern, source: self.source, message: self.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { messages_max: 4, bytes_max: 20 };

    fn message(text: &str) -> Message {
        Message::trusted(text.to_owned())
    }

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::new(message(text)).expect("a pattern")).collect()
    }

    fn queue(texts: &[&str]) -> Queue {
        let mut queue = Queue::new(Bounds { messages_max: 100, bytes_max: 1000 });
        texts.iter().for_each(|text| queue.push(message(text), Source::Actor).expect("room"));
        queue
    }

    fn take(queue: &mut Queue, texts: &[&str]) -> Option<(usize, String)> {
        match queue.take(&patterns(texts), &mut Checked::default(), usize::MAX) {
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
        (0..4).for_each(|n| queue.push(message(&n.to_string()), Source::Actor).expect("room"));
        assert_eq!(queue.push(message("4"), Source::Actor), Err(message("4")));
        assert!(!queue.has_room(1));
        queue.take(&[], &mut Checked::default(), 1);
        assert!(queue.has_room(1));
        assert_eq!(queue.push(message("4"), Source::Actor), Ok(()));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut queue = Queue::new(BOUNDS);
        let long = format!("\"{}\"", "x".repeat(15));
        queue.push(message(&long), Source::Actor).expect("17 of 20 bytes");
        assert!(queue.push(message("1234"), Source::Actor).is_err());
        assert!(queue.push(message("123"), Source::Actor).is_ok());
        assert_eq!(take(&mut queue, &["123"]), Some((0, "123".into())));
        assert!(queue.push(message("321"), Source::Actor).is_ok());
    }

    #[test]
    fn a_scan_stops_at_its_budget_and_goes_on_where_it_stopped() {
        let mut queue = queue(&["10", "11", "12"]);
        let (twelve, mut checked) = (patterns(&["12"]), Checked::default());
        assert_eq!(queue.take(&twelve, &mut checked, 1), Scan::Unfinished);
        assert_eq!(checked.messages, 1);
        assert_eq!(queue.take(&twelve, &mut checked, 2), Scan::Unfinished);
        assert!(matches!(queue.take(&twelve, &mut checked, 3), Scan::Taken(_)));
        assert_eq!(queue.take(&twelve, &mut checked, 3), Scan::Nothing);
    }

    #[test]
    fn a_scan_stops_between_two_patterns_and_tries_none_twice() {
        let mut queue = queue(&["1", "2"]);
        let patterns = patterns(&["\"a\"", "\"b\"", "2"]);
        let mut checked = Checked::default();
        for (messages, tried) in [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
            assert_eq!(queue.take(&patterns, &mut checked, 1), Scan::Unfinished);
            assert_eq!((checked.messages, checked.patterns), (messages, tried));
        }
        let taken = Taken { pattern: 2, source: Source::Actor, message: message("2") };
        assert_eq!(queue.take(&patterns, &mut checked, 1), Scan::Taken(taken));
    }

    #[test]
    fn a_message_with_a_place_of_its_own_comes_into_a_full_queue_and_takes_no_room() {
        let mut queue = Queue::new(BOUNDS);
        (0..4).for_each(|n| queue.push(message(&n.to_string()), Source::Actor).expect("room"));
        let about = About::Shutdown(None);
        assert_eq!(queue.push(message("4"), Source::Host(Box::new(about))), Ok(()));
        assert_eq!(queue.push(message("5"), Source::Timer), Ok(()));
        assert_eq!(take(&mut queue, &["0"]), Some((0, "0".into())));
        assert_eq!(queue.push(message("6"), Source::Actor), Ok(()));
        assert_eq!(take(&mut queue, &[r#"{"$host":4}"#, "5"]), Some((0, "4".into())));
        assert_eq!(queue.push(message("7"), Source::Actor), Err(message("7")));
    }

    #[test]
    fn what_is_flushed_is_not_taken_and_its_room_is_free() {
        let mut queue = Queue::new(BOUNDS);
        let narrowed = Source::Narrowed(Id::random());
        for (text, source) in [("1", &Source::Actor), ("2", &narrowed), ("3", &Source::Actor), ("4", &narrowed)] {
            queue.push(message(text), source.clone()).expect("room");
        }
        let (three, mut checked) = (patterns(&["3"]), Checked::default());
        assert_eq!(queue.take(&three, &mut checked, 1), Scan::Unfinished);
        assert_eq!(queue.take(&three, &mut checked, 1), Scan::Unfinished);
        assert_eq!(queue.flush(&narrowed), 2);
        assert!(matches!(queue.take(&three, &mut checked, 100), Scan::Taken(_)), "the scan skips nothing");
        (0..3).for_each(|n| queue.push(message(&n.to_string()), Source::Actor).expect("room"));
        assert_eq!(queue.flush(&narrowed), 0);
    }
}
