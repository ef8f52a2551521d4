//! Who has how much of a mailbox that is more than half full.

use std::collections::{BTreeMap, VecDeque};

use super::queue::Waiting;
use crate::level::Tree;

/// What waits, by whose it is. Counted when it is asked for the first time, then kept up to date until it is forgotten.
#[derive(Debug, Default)]
pub(super) struct Shares(Option<BTreeMap<Tree, Share>>);

/// Messages and bytes of one tree.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    messages: usize,
    bytes: usize,
}

impl Shares {
    /// Counts what waits, unless it is counted.
    pub(super) fn count(&mut self, waiting: &VecDeque<Waiting>) {
        if self.0.is_none() {
            self.0 = Some(BTreeMap::new());
            let competing = waiting.iter().filter(|waiting| waiting.source.competes());
            competing.for_each(|waiting| self.came(waiting.tree, waiting.message.len()));
        }
    }

    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    pub(super) fn came(&mut self, tree: Tree, bytes: usize) {
        let share = self.0.as_mut().map(|shares| shares.entry(tree).or_default());
        if let Some(share) = share {
            share.messages += 1;
            share.bytes += bytes;
        }
    }

    pub(super) fn went(&mut self, tree: Tree, bytes: usize) {
        let Some(shares) = &mut self.0 else { return };
        let share = shares.get_mut(&tree).expect("what waits was counted");
        share.messages -= 1;
        share.bytes -= bytes;
        if share.messages == 0 {
            shares.remove(&tree);
        }
    }

    /// Messages and bytes of a tree, and how many trees of strangers there are with it. `own` is the receiver's tree.
    pub(super) fn of(&self, tree: Tree, own: Tree) -> (usize, usize, usize) {
        let Some(shares) = &self.0 else { return (0, 0, 1) };
        let share = shares.get(&tree).copied().unwrap_or_default();
        let there = |tree: Tree| usize::from(shares.contains_key(&tree));
        let no_strangers = there(own) + if own.is_own() { 0 } else { there(Tree::default()) };
        (share.messages, share.bytes, shares.len() - no_strangers + 1 - there(tree))
    }
}
