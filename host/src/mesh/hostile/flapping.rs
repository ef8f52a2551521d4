//! Attacks: a peer that comes and goes.

use std::collections::VecDeque;

use super::enemy::{Enemy, message};
use super::fight::Fight;
use crate::address::Place;
use crate::mesh::zenoh;

/// How often a node comes and goes.
const TIMES: usize = 50;

/// How many of them may be leaving at once: their last words take the engine up to four seconds, and with many more of them in one
/// process it never ends them, so that they keep their links.
const LEAVING_MAX: usize = 8;

/// A new connection with each packet: all that stood in the one before has ended.
pub(super) fn connections(fight: &mut Fight) {
    let to = fight.to("echo");
    let mut times = 0;
    while times < 10_000 || fight.goes_on() {
        fight.enemy.begins();
        fight.enemy.says([message(&to, None, "1".to_owned())]);
        times += 1;
    }
    fight.enemy.connects_again();
    fight.is_told("it has begun a new connection");
}

/// It meets the victim, says hello and something more, and leaves.
pub(super) fn one_name(fight: &mut Fight) {
    let place = zenoh::tests::free_place();
    come_and_go(fight, |victim| Enemy::meet_as(place.clone(), victim));
}

pub(super) fn many_names(fight: &mut Fight) {
    come_and_go(fight, Enemy::meet);
}

fn come_and_go(fight: &mut Fight, meet: impl Fn(&Place) -> Enemy) {
    let (mut times, mut leaving) = (0, VecDeque::new());
    while times < TIMES || fight.goes_on() {
        let mut enemy = meet(&fight.enemy.victim.place);
        enemy.says([message(&fight.to("echo"), None, "1".to_owned())]);
        leaving.push_back(std::thread::spawn(|| enemy.leaves()));
        times += 1;
        if leaving.len() > LEAVING_MAX
            && let Some(first) = leaving.pop_front()
        {
            first.join().expect("no panic");
        }
    }
    leaving.into_iter().for_each(|leaving| leaving.join().expect("no panic"));
    while fight.is_told("it left") < times as u64 {}
}
