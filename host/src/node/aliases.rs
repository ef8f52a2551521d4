//! Under which IDs that are not their own the actors of peers know actors of this node. Pure: no lock, no table.
//!
//! An actor of a peer may have a link or a monitor with one here without knowing its ID: it has used a name or a narrowed
//! address. The two go on by another ID then: the narrowed address's, also when that has ended since, or, for a name, the
//! bits of the monitor's reference. What ends such a link or monitor is sent to that ID, and is looked up here.

use std::collections::BTreeMap;

use crate::address::{Id, Place};
use crate::signal::Reference;

/// Which link or monitor of a peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known {
    /// Under this ID it is known,
    pub as_: Id,
    /// to this actor of the peer's,
    pub to: Id,
    /// by this monitor; none: by a link.
    pub by: Option<Reference>,
}

/// An entry for each such link and monitor, as long as it stands: there are never more than actors' own bounds allow.
#[derive(Debug, Default)]
pub(super) struct Aliases(BTreeMap<Place, BTreeMap<Known, Id>>);

impl Aliases {
    /// Adds a link or monitor of an actor here. False, and nothing is added, if the peer knows another by that ID: it has
    /// used a reference twice.
    pub(super) fn add(&mut self, peer: &Place, known: Known, actor: Id) -> bool {
        if self.find(peer, known.as_).is_some_and(|other| other != actor) {
            return false;
        }
        self.0.entry(peer.clone()).or_default().insert(known, actor);
        true
    }

    /// It has ended.
    pub(super) fn remove(&mut self, peer: &Place, known: Known) {
        if let Some(of_peer) = self.0.get_mut(peer) {
            of_peer.remove(&known);
            if of_peer.is_empty() {
                self.0.remove(peer);
            }
        }
    }

    /// All of a peer's have ended.
    pub(super) fn lost(&mut self, peer: &Place) {
        self.0.remove(peer);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which actor a peer knows by an ID.
    pub(super) fn find(&self, peer: &Place, as_: Id) -> Option<Id> {
        let first = Known { as_, to: Id::from_bits(0), by: None };
        let (known, actor) = self.0.get(peer)?.range(first..).next()?;
        (known.as_ == as_).then_some(*actor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(number: u8) -> Place {
        format!("node-{number}:1").parse().expect("a place")
    }

    fn id(number: u8) -> Id {
        Id::from_bits(number.into())
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Add(u8, Known, Id),
        Remove(u8, Known),
        Lost(u8),
    }

    fn known() -> impl Strategy<Value = Known> {
        let by = prop::option::of((0..3u8).prop_map(|number| Reference::Random(id(number))));
        (0..3u8, 0..3u8, by).prop_map(|(as_, to, by)| Known { as_: id(as_), to: id(to), by })
    }

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..2u8, known(), 0..3u8).prop_map(|(peer, known, actor)| Step::Add(peer, known, id(actor))),
            3 => (0..2u8, known()).prop_map(|(peer, known)| Step::Remove(peer, known)),
            1 => (0..2u8).prop_map(Step::Lost),
        ]
    }

    proptest! {
        /// Beside a list in which everything is searched for.
        #[test]
        fn an_id_means_one_actor_to_a_peer_as_long_as_something_stands(steps in prop::collection::vec(steps(), 0..60)) {
            let (mut aliases, mut list) = (Aliases::default(), Vec::<(u8, Known, Id)>::new());
            for step in steps {
                match step {
                    Step::Add(peer, known, actor) => {
                        let other = list.iter().any(|(of, has, is)| *of == peer && has.as_ == known.as_ && *is != actor);
                        prop_assert_eq!(aliases.add(&place(peer), known, actor), !other);
                        if !other && !list.contains(&(peer, known, actor)) {
                            list.push((peer, known, actor));
                        }
                    }
                    Step::Remove(peer, known) => {
                        aliases.remove(&place(peer), known);
                        list.retain(|(of, has, _)| (*of, *has) != (peer, known));
                    }
                    Step::Lost(peer) => {
                        aliases.lost(&place(peer));
                        list.retain(|(of, ..)| *of != peer);
                    }
                }
                for (peer, number) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
                    let there = list.iter().find(|(of, has, _)| *of == peer && has.as_ == id(number));
                    prop_assert_eq!(aliases.find(&place(peer), id(number)), there.map(|(.., actor)| *actor));
                }
            }
            let left: usize = aliases.0.values().map(BTreeMap::len).sum();
            prop_assert_eq!(left, list.len(), "nothing stays behind");
            prop_assert!(aliases.0.values().all(|of_peer| !of_peer.is_empty()));
        }
    }
}
