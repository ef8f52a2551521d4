//! Those who wait for room in a mailbox: senders of its node, and other nodes for theirs.

use super::{Mailbox, NotDelivered, State};
use crate::level::Tree;
use crate::lock::lock;
use crate::message::Message;

impl Mailbox {
    /// As [`Mailbox::push`], but waits while there is no room. Ends with an error only when the mailbox is closed.
    ///
    /// Cancel-safe: the message goes in during the poll that answers; a waiting sender that is dropped gives its turn
    /// to the next.
    pub(crate) async fn push_wait(
        &self,
        mut message: Message,
        from: Tree,
        push: impl Fn(Message) -> Result<(), NotDelivered>,
    ) -> Result<(), NotDelivered> {
        loop {
            match push(message) {
                Err(NotDelivered::Full(back)) => message = back,
                other => {
                    self.pass_on();
                    return other;
                }
            }
            let bytes = message.len();
            let turn = self.room.notified();
            let waiting = Waiting::enter(self, |state| &mut state.senders_waiting);
            // Room may have come between the push and the entry; then nobody would tell us.
            let room = { lock(&self.state).takes_now(bytes, from) };
            if !room {
                turn.await;
            }
            drop(waiting);
        }
    }

    /// One large message that is taken may leave room for several small ones: the next sender tries its luck too.
    fn pass_on(&self) {
        let next = {
            let mut state = lock(&self.state);
            state.senders_waiting > 0 && state.takes_now(0, Tree::default())
        };
        if next {
            self.room.notify_one();
        }
    }

    /// There was no room for a message of this size that came from a peer.
    pub(crate) fn had_no_room(&self, bytes: usize) {
        let mut state = lock(&self.state);
        state.refused_bytes = Some(state.refused_bytes.map_or(bytes, |refused| refused.min(bytes)));
    }

    /// Waits until a peer's senders should try again: there is room for as large a message as was refused to one last, or
    /// the mailbox is closed. Nothing is kept for them. Cancel-safe.
    pub(crate) async fn room_for(&self, from: Tree) {
        let bytes = lock(&self.state).refused_bytes.take().unwrap_or(0);
        let _waiting = Waiting::enter(self, |state| &mut state.peers_waiting);
        loop {
            // Sees each time it is told from here on, also before it is polled.
            let room = self.room_for_peers.notified();
            if lock(&self.state).takes_now(bytes, from) {
                return;
            }
            room.await;
        }
    }
}

/// Counts somebody who waits for room, also when that one is dropped while it waits.
struct Waiting<'a> {
    mailbox: &'a Mailbox,
    count: fn(&mut State) -> &mut usize,
}

impl<'a> Waiting<'a> {
    fn enter(mailbox: &'a Mailbox, count: fn(&mut State) -> &mut usize) -> Waiting<'a> {
        *count(&mut lock(&mailbox.state)) += 1;
        Waiting { mailbox, count }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        *(self.count)(&mut lock(&self.mailbox.state)) -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::address::Id;
    use crate::grants::Grants;
    use crate::level::{Author, Level};
    use crate::limits::{Limit, Limits};
    use crate::mailbox::links::Links;
    use crate::mailbox::queue::Checked;

    fn mailbox(level: Arc<Level>) -> Mailbox {
        Mailbox::new(Id::random(), 0, Box::default(), Arc::new(Grants::none()), level, Links::default())
    }

    fn peer() -> Tree {
        Tree::of_peer(&"there:1".parse().expect("a place"))
    }

    fn text(bytes: usize) -> Message {
        Message::trusted(format!("\"{}\"", "x".repeat(bytes - 2)))
    }

    fn take(mailbox: &Mailbox) {
        mailbox.take(&mut Context::from_waker(Waker::noop()), &[], &mut Checked::default());
    }

    #[test]
    fn a_peer_hears_of_room_for_what_was_refused_and_of_none_for_less() {
        let mailbox = mailbox(Level::root(&Limits::default().with(Limit::MailboxBytes, 100)));
        for bytes in [10, 40, 40] {
            mailbox.push(text(bytes), peer()).expect("room");
        }
        mailbox.had_no_room(80);
        mailbox.had_no_room(70);
        let mut room = pin!(mailbox.room_for(peer()));
        let mut poll = || room.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(poll(), Poll::Pending);
        take(&mailbox);
        take(&mailbox);
        assert_eq!(poll(), Poll::Pending, "60 bytes are free, and 70 were refused");
        take(&mailbox);
        assert_eq!(poll(), Poll::Ready(()));
        let mut again = pin!(mailbox.room_for(peer()));
        assert_eq!(again.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()), "nobody was refused");
    }

    #[test]
    fn a_peer_hears_of_an_end_as_of_room_and_is_counted_only_while_it_waits() {
        let mailbox = mailbox(Level::root(&Limits::default().with(Limit::Mailbox, 1)));
        mailbox.push(text(2), peer()).expect("room");
        mailbox.had_no_room(2);
        {
            let mut room = pin!(mailbox.room_for(peer()));
            let mut poll = || room.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(poll(), Poll::Pending);
            assert_eq!(lock(&mailbox.state).peers_waiting, 1);
            mailbox.close();
            assert_eq!(poll(), Poll::Ready(()));
        }
        assert_eq!(lock(&mailbox.state).peers_waiting, 0);
    }

    /// The queue has room, and the tree has no memory for it.
    #[test]
    fn a_sender_waits_also_for_memory_that_its_receiver_s_tree_has_not() {
        let root = Level::root(&Limits::default());
        let limits = Limits::default().with(Limit::Memory, 64 << 10);
        let mailbox = mailbox(root.below(&limits, Author::Operator, 0).expect("a level"));
        mailbox.push(text(100 << 10), Tree::default()).expect("a first step of memory");
        let push = |message| mailbox.push(message, Tree::default());
        let mut sends = pin!(mailbox.push_wait(text(100 << 10), Tree::default(), push));
        let mut poll = || sends.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(poll(), Poll::Pending);
        take(&mailbox);
        assert_eq!(poll(), Poll::Ready(Ok(())));
    }
}
