//! What a peer is told of groups: who of this node's actors is in which. Of what it has not heard yet the latest counts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{NotSent, Outgoing, State};
use crate::address::Id;
use crate::mesh::outbox::{Kind, Pair};
use crate::mesh::packet::{MINOR_WITH_GROUPS, Version};
use crate::mesh::wire;
use crate::node::uplink::Membership;

/// How many frames that tell of memberships wait in the outbox at most. The others wait here, where a newer word takes
/// their place, so that an actor that joins and leaves without end fills nothing.
const WAITING_MAX: usize = 256;

/// The flow of all of them: what the node itself says to the peer itself.
const FLOW: Pair = Pair { from: None, to: None };

/// Memberships that differ from what the peer was told, each in its turn.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    changed: HashMap<Key, Change>,
    /// Those of which the peer knows too many. They go first, so that it never knows more at once than there were.
    less: BTreeMap<u64, Key>,
    more: BTreeMap<u64, Key>,
    turns: u64,
}

/// A group and an actor.
type Key = (Arc<str>, Id);

#[derive(Clone, Copy, Debug)]
struct Change {
    told: u32,
    now: u32,
    turn: u64,
}

impl Memberships {
    /// An actor is so many times in a group now.
    fn change(&mut self, membership: &Membership) {
        let Membership { group, actor, before, now } = membership;
        let key = (group.clone(), *actor);
        let change = self.changed.remove(&key);
        let (told, turn) = match change {
            Some(Change { told, turn, .. }) => {
                self.less.remove(&turn).or_else(|| self.more.remove(&turn));
                (told, turn)
            }
            None => {
                self.turns += 1;
                (*before, self.turns)
            }
        };
        if told == *now {
            return;
        }
        let turns = if *now < told { &mut self.less } else { &mut self.more };
        turns.insert(turn, key.clone());
        self.changed.insert(key, Change { told, now: *now, turn });
    }

    /// What to tell next: how often an actor is in a group.
    fn next(&mut self) -> Option<(Key, u32)> {
        let (_, key) = self.less.pop_first().or_else(|| self.more.pop_first())?;
        let change = self.changed.remove(&key)?;
        Some((key, change.now))
    }
}

impl Outgoing {
    /// The peer speaks this version.
    pub(in super::super) fn speaks(&self, version: Version) {
        crate::lock::lock(&self.state).has_groups = version.minor >= MINOR_WITH_GROUPS;
    }

    /// Whether the peer has a word for all that this version says.
    pub(in super::super) fn knows_the_newest(&self) -> bool {
        crate::lock::lock(&self.state).has_groups
    }

    /// A peer that was told nothing yet shall know all these.
    pub(in super::super) fn introduce(&self, memberships: Vec<Membership>) {
        let Ok(mut state) = self.connected() else { return };
        if !state.has_groups {
            return;
        }
        let mut all = Memberships::default();
        memberships.into_iter().for_each(|membership| all.change(&Membership { before: 0, ..membership }));
        state.memberships = Some(all);
        self.wake(state);
    }

    /// The peer shall know that a membership has changed. Before it was introduced it need not: that will tell it.
    pub(in super::super) fn tell(&self, membership: &Membership) {
        let Ok(mut state) = self.connected() else { return };
        if let Some(memberships) = &mut state.memberships {
            memberships.change(membership);
            self.wake(state);
        }
    }

    /// Puts a message for a group on its way. Nobody can be busy who is not one receiver.
    pub(in super::super) fn cast(&self, pair: Pair, frame: Vec<u8>, bytes: usize) -> Result<(), NotSent> {
        let mut state = self.connected()?;
        state.outbox.push(pair, frame, Kind::Message(bytes)).map_err(|_| NotSent::Full)?;
        self.wake(state);
        Ok(())
    }
}

impl State {
    /// Puts as much of it into the outbox as may wait there.
    pub(super) fn say_memberships(&mut self) {
        let Some(memberships) = &mut self.memberships else { return };
        if memberships.changed.is_empty() {
            return;
        }
        for _ in self.outbox.waiting_of(&FLOW)..WAITING_MAX {
            let Some(((group, actor), times)) = memberships.next() else { return };
            let pushed = self.outbox.push(FLOW, wire::member(&group, actor, times), Kind::Kept);
            pushed.expect("what is kept is never refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(memberships: &mut Memberships, group: &str, actor: u128, before: u32, now: u32) {
        memberships.change(&Membership { group: group.into(), actor: Id::from_bits(actor), before, now });
    }

    fn told(memberships: &mut Memberships) -> Vec<(String, u128, u32)> {
        let all = std::iter::from_fn(|| memberships.next());
        all.map(|((group, actor), times)| (group.to_string(), actor.bits(), times)).collect()
    }

    #[test]
    fn of_a_membership_that_changes_the_latest_is_told_and_nothing_if_that_is_known() {
        let mut memberships = Memberships::default();
        change(&mut memberships, "a", 1, 0, 1);
        change(&mut memberships, "a", 1, 1, 2);
        change(&mut memberships, "b", 1, 0, 1);
        assert_eq!(told(&mut memberships), [("a".to_owned(), 1, 2), ("b".to_owned(), 1, 1)]);
        for round in 0..1000 {
            change(&mut memberships, "a", 2, 0, 1);
            assert_eq!(memberships.changed.len(), 1, "{round}");
            change(&mut memberships, "a", 2, 1, 0);
            assert!(memberships.changed.is_empty() && memberships.less.is_empty() && memberships.more.is_empty());
        }
        change(&mut memberships, "a", 1, 2, 1);
        change(&mut memberships, "a", 1, 1, 2);
        assert!(told(&mut memberships).is_empty());
    }

    #[test]
    fn a_peer_never_knows_more_memberships_at_once_than_there_were() {
        let mut memberships = Memberships::default();
        change(&mut memberships, "a", 1, 0, 1);
        assert_eq!(told(&mut memberships).len(), 1);
        // One leaves, another joins for it, and leaves for the first: then they change places once more.
        change(&mut memberships, "a", 2, 0, 1);
        change(&mut memberships, "a", 2, 1, 0);
        change(&mut memberships, "a", 3, 0, 1);
        change(&mut memberships, "a", 1, 1, 0);
        assert_eq!(told(&mut memberships), [("a".to_owned(), 1, 0), ("a".to_owned(), 3, 1)]);
    }

    #[test]
    fn who_changes_all_the_time_keeps_nobody_from_its_turn() {
        let mut memberships = Memberships::default();
        change(&mut memberships, "a", 1, 0, 1);
        change(&mut memberships, "b", 2, 0, 1);
        change(&mut memberships, "a", 1, 1, 0);
        change(&mut memberships, "a", 1, 0, 1);
        assert_eq!(memberships.next().map(|((_, actor), _)| actor.bits()), Some(2));
        assert_eq!(memberships.next().map(|((_, actor), _)| actor.bits()), Some(1));
    }
}
