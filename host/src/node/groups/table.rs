//! Who is in which group, here and on other nodes: a table, without lock or link.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::MEMBERSHIPS_MAX;
use crate::address::{Id, Place};
use crate::level::Exceeded;
use crate::limits::Limit;
use crate::mailbox::Mailbox;
use crate::node::actor_table::IdMap;
use crate::node::uplink::Membership;

/// All groups that have members.
#[derive(Default)]
pub(super) struct Table {
    groups: HashMap<Arc<str>, Group>,
    /// Of each actor here and of each peer: where it, or an actor of it, is in.
    actors: IdMap<Joined>,
    peers: HashMap<Place, Joined>,
    /// Memberships of actors here.
    here: u64,
    /// Counts what changes.
    changes: u64,
}

/// One group. It is in the table as long as it has members.
#[derive(Default)]
struct Group {
    here: BTreeMap<Id, Member>,
    /// By the peers' names, with room for no more than there are: a peer that makes many groups would otherwise take twice
    /// the memory.
    there: Vec<(Place, BTreeMap<Id, u32>)>,
    /// The last change of it.
    changed: u64,
}

struct Member {
    mailbox: Arc<Mailbox>,
    times: u32,
}

#[derive(Default)]
struct Joined {
    groups: BTreeSet<Arc<str>>,
    memberships: u64,
}

/// Why an actor did not join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotJoined {
    /// The actor, or its tree, has as many memberships as it may have.
    TooMany(Exceeded),
    /// The actors of the node have as many as peers would take.
    NodeFull,
}

/// A peer says that it has more memberships than it may have here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Table {
    /// Makes an actor once more a member.
    pub(super) fn join(&mut self, group: &str, actor: &Arc<Mailbox>) -> Result<Membership, NotJoined> {
        let (id, level) = (actor.id(), actor.level());
        let used = self.actors.get(&id).map_or(0, |joined| joined.memberships);
        if let Some(max) = level.each(Limit::Groups).filter(|max| used >= *max) {
            return Err(NotJoined::TooMany(Exceeded { limit: Limit::Groups, used, max }));
        }
        if self.here >= MEMBERSHIPS_MAX {
            return Err(NotJoined::NodeFull);
        }
        level.take(Limit::Groups, 1).map_err(NotJoined::TooMany)?;
        let name = self.name(group);
        self.changes += 1;
        let group = self.groups.entry(name.clone()).or_default();
        group.changed = self.changes;
        let member = group.here.entry(id).or_insert_with(|| Member { mailbox: actor.clone(), times: 0 });
        let before = member.times;
        member.times += 1;
        self.here += 1;
        note(&mut self.actors, id, &name, true, [before, member.times]);
        Ok(Membership { group: name, actor: id, before, now: before + 1 })
    }

    /// How often an actor here is a member; none: it is not.
    pub(super) fn membership(&self, group: &str, actor: Id) -> Option<Membership> {
        let (name, group) = self.groups.get_key_value(group)?;
        let times = group.here.get(&actor)?.times;
        Some(Membership { group: name.clone(), actor, before: times, now: times })
    }

    /// All memberships of an actor here.
    pub(super) fn memberships_of(&self, actor: Id) -> Vec<Membership> {
        let groups = self.actors.get(&actor).into_iter().flat_map(|joined| &joined.groups);
        groups.filter_map(|group| self.membership(group, actor)).collect()
    }

    /// All memberships of actors here.
    pub(super) fn memberships(&self) -> impl Iterator<Item = Membership> {
        self.groups.iter().flat_map(|(name, group)| {
            let member = |(id, member): (&Id, &Member)| {
                let (group, actor) = (name.clone(), *id);
                Membership { group, actor, before: member.times, now: member.times }
            };
            group.here.iter().map(member)
        })
    }

    /// An actor here is a member less often now, or not any more.
    pub(super) fn lessen(&mut self, less: &Membership) {
        let Some(group) = self.groups.get_mut(&less.group) else { return };
        let Some(member) = group.here.get_mut(&less.actor) else { return };
        let given_back = u64::from(member.times - less.now);
        member.mailbox.level().give_back(Limit::Groups, given_back);
        self.here -= given_back;
        note(&mut self.actors, less.actor, &less.group, less.now > 0, [member.times, less.now]);
        member.times = less.now;
        if less.now == 0 {
            group.here.remove(&less.actor);
        }
        self.changed(&less.group);
    }

    /// A peer says how often an actor of it is a member.
    pub(super) fn told(&mut self, peer: &Place, group: &str, actor: Id, now: u32) -> Result<(), TooMany> {
        let known = self.groups.get(group).and_then(|group| Some(&group.there[group.place_of(peer).ok()?].1));
        let before = known.and_then(|of_peer| of_peer.get(&actor).copied()).unwrap_or(0);
        if before == now {
            return Ok(());
        }
        let has = self.peers.get(peer).map_or(0, |joined| joined.memberships);
        if has - u64::from(before) + u64::from(now) > MEMBERSHIPS_MAX {
            return Err(TooMany);
        }
        let name = self.name(group);
        let group = self.groups.entry(name.clone()).or_default();
        let place = group.place_of(peer).unwrap_or_else(|place| {
            group.there.reserve_exact(1);
            group.there.insert(place, (peer.clone(), BTreeMap::new()));
            place
        });
        let (_, of_peer) = &mut group.there[place];
        if now == 0 {
            of_peer.remove(&actor);
        } else {
            of_peer.insert(actor, now);
        }
        let is_in = !of_peer.is_empty();
        if !is_in {
            group.there.remove(place);
        }
        note(&mut self.peers, peer.clone(), &name, is_in, [before, now]);
        self.changed(&name);
        Ok(())
    }

    /// A peer is lost: nobody of it is a member any more.
    pub(super) fn lost(&mut self, peer: &Place) {
        for name in self.peers.remove(peer).unwrap_or_default().groups {
            if let Some(group) = self.groups.get_mut(&name) {
                group.there.retain(|(other, _)| other != peer);
            }
            self.changed(&name);
        }
    }

    /// The members here, each with how often it is one, in the order of their IDs.
    pub(super) fn members_here(&self, group: &str) -> impl Iterator<Item = (&Arc<Mailbox>, u32)> {
        let group = self.groups.get(group).into_iter();
        group.flat_map(|group| group.here.values().map(|member| (&member.mailbox, member.times)))
    }

    /// The members on each peer that has some, in the order of their names.
    pub(super) fn members_there(&self, group: &str) -> impl Iterator<Item = (&Place, &BTreeMap<Id, u32>)> {
        self.groups.get(group).into_iter().flat_map(|group| group.there.iter().map(|(peer, members)| (peer, members)))
    }

    /// A number that is another after each change.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// A number that is another after each change of this group.
    pub(super) fn changes_of(&self, group: &str) -> u64 {
        self.groups.get(group).map_or(0, |group| group.changed)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.actors.is_empty() && self.peers.is_empty() && self.here == 0
    }

    /// A group's name, one text for all who are in it.
    fn name(&self, group: &str) -> Arc<str> {
        self.groups.get_key_value(group).map_or_else(|| group.into(), |(name, _)| name.clone())
    }

    fn changed(&mut self, name: &Arc<str>) {
        self.changes += 1;
        let Entry::Occupied(mut group) = self.groups.entry(name.clone()) else { return };
        group.get_mut().changed = self.changes;
        if group.get().here.is_empty() && group.get().there.is_empty() {
            group.remove();
        }
    }
}

impl Group {
    /// Where a peer's members stand, or would.
    fn place_of(&self, peer: &Place) -> Result<usize, usize> {
        self.there.binary_search_by(|(other, _)| other.cmp(peer))
    }
}

/// Somebody had so many memberships in a group before, has so many now, and is still in it or not. Who is in none is
/// forgotten.
fn note<K: Eq + Hash, S: BuildHasher>(
    all: &mut HashMap<K, Joined, S>,
    who: K,
    group: &Arc<str>,
    is_in: bool,
    [before, now]: [u32; 2],
) {
    let mut entry = match all.entry(who) {
        Entry::Occupied(entry) => entry,
        Entry::Vacant(entry) => entry.insert_entry(Joined::default()),
    };
    let joined = entry.get_mut();
    joined.memberships = joined.memberships - u64::from(before) + u64::from(now);
    if is_in {
        joined.groups.insert(group.clone());
    } else {
        joined.groups.remove(group);
    }
    if joined.groups.is_empty() {
        entry.remove();
    }
}
