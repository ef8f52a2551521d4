//! Every interleaving of a few operations by three actors, held against the promises.
//!
//! An own explorer, not a general one: what makes the search small is particular to actors. One actor's step depends on
//! nothing but its own state and one signal, so each distinct step of [`Links`] runs once (some 140,000 of them), and a
//! state of the whole (some 4,500,000) is a few small numbers. An operation that changes nothing leads to a state that
//! was seen with more operations to go.

/// Fails with a sentence that says which promise is broken.
macro_rules! promised {
    ($holds:expr, $($broken:tt)*) => {
        if !$holds {
            return Err(format!($($broken)*));
        }
    };
}

mod promise;
mod actor;
mod search;

use std::collections::BTreeSet;

use super::*;
use crate::address::Id;
use actor::Actor;
use search::Search;

const ACTORS: usize = 3;

/// Who spawned whom: the ancestors of each actor.
#[derive(Clone, Copy)]
struct Family([&'static [usize]; ACTORS]);

/// 0 has spawned 1; 2 is a stranger.
const A_CHILD_AND_A_STRANGER: Family = Family([&[], &[0], &[]]);
/// 0 has spawned 1, and 1 has spawned 2.
const THREE_GENERATIONS: Family = Family([&[], &[0], &[0, 1]]);
/// 0 has spawned both others.
const TWO_CHILDREN: Family = Family([&[], &[0], &[0]]);

fn party(actor: usize) -> Party {
    Party::here(Id::from_bits(actor as u128))
}

fn number(party: &Party) -> usize {
    usize::try_from(party.id.bits()).expect("made from a small number")
}

fn here() -> Place {
    "here:1".parse().expect("a place")
}

/// The actors as they stand before the first operation.
fn strangers() -> [Actor; ACTORS] {
    [Actor::new(0), Actor::new(1), Actor::new(2)]
}

/// 0 spawns 1 with a link and a monitor.
fn spawned_with_link_and_monitor() -> [Actor; ACTORS] {
    let mut actors = strangers();
    let [parent, child, _] = &mut actors;
    parent.spawns(child);
    actors
}

/// Every sequence of so many operations in all, under every order of arrival that keeps the order of each pair.
fn explore(family: Family, actors: [Actor; ACTORS], operations: usize) {
    let found = Search::new(family, false).run(actors.clone(), operations);
    let ends = found.unwrap_or_else(|broken| {
        // Once more, for the way there.
        panic!("{}", Search::new(family, true).run(actors, operations).expect_err(&broken))
    });
    // A search that met nothing would break no promise.
    for end in ["exit", "error", "killed", "shutdown", "linked error", "linked killed", "linked noproc"] {
        assert!(ends.contains(end), "nobody ended as {end}: {ends:?}");
    }
}

#[test]
fn every_interleaving_of_a_child_and_a_stranger_keeps_the_promises() {
    explore(A_CHILD_AND_A_STRANGER, strangers(), 5);
}

#[test]
fn every_interleaving_of_three_generations_keeps_the_promises() {
    explore(THREE_GENERATIONS, strangers(), 5);
}

/// With the spawn it is five again.
#[test]
fn every_interleaving_after_a_spawn_with_link_and_monitor_keeps_the_promises() {
    explore(A_CHILD_AND_A_STRANGER, spawned_with_link_and_monitor(), 4);
}

/// Siblings: what three generations do not have.
#[test]
fn every_interleaving_of_two_children_keeps_the_promises() {
    explore(TWO_CHILDREN, strangers(), 4);
}
