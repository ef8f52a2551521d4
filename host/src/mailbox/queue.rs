//! The messages that wait for one actor, and the selective take. Pure: no lock, no waker, no clock.

use std::collections::VecDeque;

use super::links::About;
use super::shares::Shares;
use crate::address::Id;
use crate::level::Tree;
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
    /// The tree of whom it belongs to.
    tree: Tree,
    shares: Shares,
    flushes: u64,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) message: Message,
    pub(super) source: Source,
    /// Whose message it is.
    pub(super) tree: Tree,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds, tree: Tree) -> Queue {
        let (waiting, shares) = (VecDeque::new(), Shares::default());
        Queue { waiting, messages: 0, bytes: 0, bounds, tree, shares, flushes: 0 }
    }

    /// Appends a message from an actor of a tree, or gives it back if there is no room for it.
    pub(crate) fn push(&mut self, message: Message, source: Source, tree: Tree) -> Result<(), Message> {
        if source.competes() {
            if !self.has_room(message.len(), tree) {
                return Err(message);
            }
            self.messages += 1;
            self.bytes += message.len();
            if self.is_half_full() {
                self.shares.count(&self.waiting);
            }
            self.shares.came(tree, message.len());
        }
        self.waiting.push_back(Waiting { message, source, tree });
        Ok(())
    }

    fn is_half_full(&self) -> bool {
        self.messages > self.bounds.messages_max / 2 || self.bytes > self.bounds.bytes_max / 2
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
        self.flush_all(|waiting| waiting == source)
    }

    /// As [`Queue::flush`], from each source that is meant.
    pub(crate) fn flush_all(&mut self, is_meant: impl Fn(&Source) -> bool) -> usize {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| !is_meant(&waiting.source));
        let flushed = before - self.waiting.len();
        if flushed > 0 {
            self.flushes += 1;
            let competing = || self.waiting.iter().filter(|waiting| waiting.source.competes());
            (self.messages, self.bytes) = (competing().count(), competing().map(|waiting| waiting.message.len()).sum());
            self.shares.forget();
        }
        flushed
    }

    /// Whether an ordinary message of this size from an actor of this tree would find room.
    ///
    /// Once the mailbox is half full, strangers have a fair share of it: as much as each would have if one tree more were
    /// there, so that there is room for who has not come yet. The receiver's own tree and the node's have what is left.
    pub(crate) fn has_room(&mut self, bytes: usize, tree: Tree) -> bool {
        let Bounds { messages_max, bytes_max } = self.bounds;
        if self.messages >= messages_max || self.bytes + bytes > bytes_max {
            return false;
        }
        if !self.is_stranger(tree) || !self.is_half_full() {
            return true;
        }
        self.shares.count(&self.waiting);
        let (messages, waiting_bytes, trees) = self.shares.of(tree, self.tree);
        messages < messages_max / (trees + 1) && waiting_bytes + bytes <= bytes_max / (trees + 1)
    }

    /// Whether a tree is neither the receiver's nor the node's.
    pub(crate) fn is_stranger(&self, tree: Tree) -> bool {
        !tree.is_own() && tree != self.tree
    }

    /// What waits in places of no one's own: messages and bytes.
    pub(crate) fn competing(&self) -> (usize, usize) {
        (self.messages, self.bytes)
    }

    /// How many wait, those with places of their own among them.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Empties the queue and gives back its memory.
    pub(crate) fn clear(&mut self) -> Vec<Message> {
        (self.messages, self.bytes) = (0, 0);
        self.shares.forget();
        std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.message).collect()
    }

    fn remove(&mut self, index: usize) -> Option<Waiting> {
        let waiting = self.waiting.remove(index)?;
        if waiting.source.competes() {
            self.messages -= 1;
            self.bytes -= waiting.message.len();
            self.shares.went(waiting.tree, waiting.message.len());
            if self.messages < self.bounds.messages_max / 4 && self.bytes < self.bounds.bytes_max / 4 {
                self.shares.forget();
            }
        }
        Some(waiting)
    }
}

impl Source {
    pub(crate) fn is_host(&self) -> bool {
        matches!(self, Source::Host(_))
    }

    /// The narrowed address that it was sent to.
    pub(crate) fn via(&self) -> Option<Id> {
        match self {
            Source::Narrowed(via) | Source::Reply(via) => Some(*via),
            Source::Actor | Source::Timer | Source::Host(_) => None,
        }
    }

    pub(super) fn competes(&self) -> bool {
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
    use crate::level::{Author, Level};
    use crate::limits::{Limit, Limits};

    const BOUNDS: Bounds = Bounds { messages_max: 4, bytes_max: 20 };

    fn message(text: &str) -> Message {
        Message::trusted(text.to_owned())
    }

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::new(message(text)).expect("a pattern")).collect()
    }

    fn queue(texts: &[&str]) -> Queue {
        let mut queue = Queue::new(Bounds { messages_max: 100, bytes_max: 1000 }, Tree::default());
        texts.iter().for_each(|text| queue.push(message(text), Source::Actor, Tree::default()).expect("room"));
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
        let mut queue = Queue::new(BOUNDS, Tree::default());
        (0..4).for_each(|n| queue.push(message(&n.to_string()), Source::Actor, Tree::default()).expect("room"));
        assert_eq!(queue.push(message("4"), Source::Actor, Tree::default()), Err(message("4")));
        assert!(!queue.has_room(1, Tree::default()));
        queue.take(&[], &mut Checked::default(), 1);
        assert!(queue.has_room(1, Tree::default()));
        assert_eq!(queue.push(message("4"), Source::Actor, Tree::default()), Ok(()));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut queue = Queue::new(BOUNDS, Tree::default());
        let long = format!("\"{}\"", "x".repeat(15));
        queue.push(message(&long), Source::Actor, Tree::default()).expect("17 of 20 bytes");
        assert!(queue.push(message("1234"), Source::Actor, Tree::default()).is_err());
        assert!(queue.push(message("123"), Source::Actor, Tree::default()).is_ok());
        assert_eq!(take(&mut queue, &["123"]), Some((0, "123".into())));
        assert!(queue.push(message("321"), Source::Actor, Tree::default()).is_ok());
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
        let mut queue = Queue::new(BOUNDS, Tree::default());
        (0..4).for_each(|n| queue.push(message(&n.to_string()), Source::Actor, Tree::default()).expect("room"));
        let about = About::Shutdown(None);
        assert_eq!(queue.push(message("4"), Source::Host(Box::new(about)), Tree::default()), Ok(()));
        assert_eq!(queue.push(message("5"), Source::Timer, Tree::default()), Ok(()));
        assert_eq!(take(&mut queue, &["0"]), Some((0, "0".into())));
        assert_eq!(queue.push(message("6"), Source::Actor, Tree::default()), Ok(()));
        assert_eq!(take(&mut queue, &[r#"{"$host":4}"#, "5"]), Some((0, "4".into())));
        assert_eq!(queue.push(message("7"), Source::Actor, Tree::default()), Err(message("7")));
    }

    #[test]
    fn what_is_flushed_is_not_taken_and_its_room_is_free() {
        let mut queue = Queue::new(BOUNDS, Tree::default());
        let narrowed = Source::Narrowed(Id::random());
        for (text, source) in [("1", &Source::Actor), ("2", &narrowed), ("3", &Source::Actor), ("4", &narrowed)] {
            queue.push(message(text), source.clone(), Tree::default()).expect("room");
        }
        let (three, mut checked) = (patterns(&["3"]), Checked::default());
        assert_eq!(queue.take(&three, &mut checked, 1), Scan::Unfinished);
        assert_eq!(queue.take(&three, &mut checked, 1), Scan::Unfinished);
        assert_eq!(queue.flush(&narrowed), 2);
        assert!(matches!(queue.take(&three, &mut checked, 100), Scan::Taken(_)), "the scan skips nothing");
        (0..3).for_each(|n| queue.push(message(&n.to_string()), Source::Actor, Tree::default()).expect("room"));
        assert_eq!(queue.flush(&narrowed), 0);
    }

    #[test]
    fn strangers_share_the_second_half_and_leave_room_for_one_more() {
        let trees: Vec<Tree> = (0..4).map(|_| tree()).collect();
        let mut queue = Queue::new(Bounds { messages_max: 60, bytes_max: 1000 }, trees[0]);
        let mut push =
            |from: Tree| (0..100).take_while(|_| queue.push(message("1"), Source::Actor, from).is_ok()).count();
        assert_eq!(push(trees[1]), 31, "one alone has half of it, and the message that finds it half full");
        assert_eq!(push(trees[2]), 20, "a third, as if there were one more");
        assert_eq!(push(trees[1]), 0);
        assert_eq!(push(trees[3]), 9, "what is left");
        assert_eq!(queue.competing().0, 60);
        assert_eq!(take(&mut queue, &[]), Some((0, "1".into())));
        let mut push = |from: Tree| queue.push(message("1"), Source::Actor, from).is_ok();
        assert!(!push(trees[1]) && push(trees[0]), "the receiver's own tree is not bound by it");
    }

    #[test]
    fn shares_are_right_whatever_comes_and_goes() {
        let (own, stranger) = (tree(), tree());
        let mut queue = Queue::new(Bounds { messages_max: 8, bytes_max: 1000 }, own);
        for round in 0..200 {
            let from = if round % 3 == 0 { own } else { stranger };
            _ = queue.push(message("1"), Source::Actor, from);
            if round % 7 > 3 {
                queue.take(&[], &mut Checked::default(), 1);
            }
            let waits = queue.waiting.iter().filter(|waiting| waiting.tree == stranger).count();
            queue.shares.count(&queue.waiting);
            assert_eq!(queue.shares.of(stranger, own).0, waits);
        }
    }

    fn tree() -> Tree {
        let limits = Limits::default().with(Limit::Timers, 1);
        Level::root(&Limits::default()).below(&limits, Author::Actor, 0).expect("a level").tree()
    }
}
