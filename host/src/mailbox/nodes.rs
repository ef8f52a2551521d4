//! What one actor hears of nodes that come and go.

use std::task::Waker;

use super::links::About;
use super::queue::Source;
use super::{Mailbox, State, host_message};
use crate::address::Place;
use crate::lock::lock;
use crate::message::Message;

/// Of how many nodes a message may wait in one mailbox: more than a mesh has, and few enough for one that lets them lie.
/// Beyond that the oldest goes.
const NODES_UNREAD_MAX: usize = 1024;

impl Mailbox {
    /// Whether the actor hears of nodes from now on. Answers the setting before. Once it does not, it receives none of what
    /// waits either.
    pub(crate) fn monitor_nodes(&self, on: bool) -> bool {
        let mut state = lock(&self.state);
        if !on {
            let of_nodes = |source: &Source| matches!(source, Source::Host(about) if matches!(**about, About::Node(_)));
            state.queue.flush_all(of_nodes);
            state.nodes_unread.clear();
        }
        std::mem::replace(&mut state.monitors_nodes, on)
    }

    /// A node can be reached.
    pub(crate) fn node_up(&self, node: &Place) {
        self.node(node, || host_message::node_up(node));
    }

    /// A node cannot be reached any more.
    pub(crate) fn node_down(&self, node: &Place, why: &str) {
        self.node(node, || host_message::node_down(node, why));
    }

    fn node(&self, node: &Place, message: impl FnOnce() -> Message) {
        let mut state = lock(&self.state);
        if state.closed || !state.monitors_nodes {
            return;
        }
        state.tell_of_node(node, message());
        let receiver = state.receiver.take();
        drop(state);
        receiver.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn tell_of_node(&mut self, node: &Place, message: Message) {
        let is_unread = self.nodes_unread.contains(node);
        let outdated = if is_unread { Some(node) } else { self.nodes_unread.front() };
        let outdated = outdated.filter(|_| is_unread || self.nodes_unread.len() >= NODES_UNREAD_MAX);
        if let Some(outdated) = outdated.cloned() {
            self.flush(&Source::Host(Box::new(About::Node(outdated))));
        }
        self.nodes_unread.push_back(node.clone());
        self.tell(About::Node(node.clone()), message);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::address::Id;
    use crate::grants::Grants;
    use crate::level::Level;
    use crate::limits::Limits;
    use crate::mailbox::links::Links;

    fn mailbox() -> Mailbox {
        let (grants, level) = (Arc::new(Grants::none()), Level::root(&Limits::default()));
        Mailbox::new(Id::random(), 0, Box::default(), grants, level, Links::default())
    }

    fn node(number: usize) -> Place {
        format!("node-{number}:1").parse().expect("a place")
    }

    fn waiting(mailbox: &Mailbox) -> Vec<String> {
        lock(&mailbox.state).queue.clear().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn of_each_node_the_latest_waits_and_nothing_for_who_has_not_asked() {
        let mailbox = mailbox();
        mailbox.node_up(&node(1));
        assert!(!mailbox.monitor_nodes(true));
        mailbox.node_up(&node(1));
        mailbox.node_up(&node(2));
        mailbox.node_down(&node(1), "why\n");
        let down = r#"{"node":"node-1:1","up":false,"reason":"why\n"}"#;
        assert_eq!(waiting(&mailbox), [r#"{"node":"node-2:1","up":true}"#, down]);
    }

    #[test]
    fn who_asks_no_longer_receives_none_that_waited() {
        let mailbox = mailbox();
        mailbox.monitor_nodes(true);
        mailbox.node_up(&node(1));
        assert!(mailbox.monitor_nodes(false));
        mailbox.node_up(&node(2));
        assert!(waiting(&mailbox).is_empty());
    }

    #[test]
    fn one_node_more_than_a_mailbox_keeps_takes_the_place_of_the_oldest() {
        let mailbox = mailbox();
        mailbox.monitor_nodes(true);
        (0..=NODES_UNREAD_MAX).for_each(|number| mailbox.node_up(&node(number)));
        let waiting = waiting(&mailbox);
        assert_eq!(waiting.len(), NODES_UNREAD_MAX);
        assert_eq!(waiting[0], r#"{"node":"node-1:1","up":true}"#);
    }
}
