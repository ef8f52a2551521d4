//! Faults on the links between nodes of one process, for tests.

use std::sync::Arc;
use std::time::Duration;

use super::lane::Lane;
use super::{Entry, Hub};
use crate::address::Place;
use crate::lock::lock;
use crate::mesh::engine::Presence;

/// Makes the links between the nodes of one process fail, for tests of programs that must stand it. See
/// [`Mesh::faults`](crate::Mesh::faults).
#[derive(Clone)]
pub struct Faults(pub(in crate::mesh) Hub);

impl Faults {
    /// Cuts the link between two nodes, both ways: each is lost to the other, and what is on its way is lost.
    pub fn cut(&self, a: &Place, b: &Place) {
        let [there, back] = [self.lane(a, b), self.lane(b, a)];
        if there.is_cut() {
            return;
        }
        there.cut(true);
        back.cut(true);
        let news = self.both(a, b);
        news.into_iter().for_each(|(to, presence)| to.inbox.down(&presence, "the link was cut"));
    }

    /// Mends a link that was cut.
    pub fn heal(&self, a: &Place, b: &Place) {
        let [there, back] = [self.lane(a, b), self.lane(b, a)];
        if !there.is_cut() {
            return;
        }
        there.cut(false);
        back.cut(false);
        let members = lock(&self.0.0);
        let both = members.nodes.get(a).zip(members.nodes.get(b));
        members.introduce(both.into_iter());
    }

    /// What one node sends to another arrives later by so much, from now on.
    pub fn delay(&self, from: &Place, to: &Place, delay: Duration) {
        self.lane(from, to).delay(delay);
    }

    /// The next packets from one node to another get lost.
    pub fn lose_next(&self, from: &Place, to: &Place, packets: usize) {
        self.lane(from, to).lose_next(packets);
    }

    /// The next packet from one node to another arrives after the one that follows it.
    pub fn swap_next(&self, from: &Place, to: &Place) {
        self.lane(from, to).swap_next();
    }

    fn lane(&self, from: &Place, to: &Place) -> Arc<Lane> {
        lock(&self.0.0).lanes.entry((from.clone(), to.clone())).or_default().clone()
    }

    /// Each of two nodes, with the other's presence.
    fn both(&self, a: &Place, b: &Place) -> Vec<(Entry, Presence)> {
        let members = lock(&self.0.0);
        match (members.nodes.get(a), members.nodes.get(b)) {
            (Some(a), Some(b)) => vec![(a.clone(), b.presence.clone()), (b.clone(), a.presence.clone())],
            _ => Vec::new(),
        }
    }
}
