//! Attacks: a peer that comes and goes.

use std::thread::JoinHandle;

use super::enemy::{Enemy, message};
use super::fight::Fight;
use crate::mesh::zenoh::tests::free_place;

/// How often a node comes and goes.
const TIMES: usize = 50;

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
    let place = free_place();
    let (mut times, mut leaving) = (0, Vec::new());
    while times < TIMES || fight.goes_on() {
        leaving.push(comes_and_goes(fight, Enemy::meet_as(place.clone(), &fight.enemy.victim.place)));
        times += 1;
    }
    leaving.into_iter().for_each(|leaving| leaving.join().expect("no panic"));
    while fight.is_told("it left") < times as u64 {}
}

pub(super) fn many_names(fight: &mut Fight) {
    let (mut times, mut leaving) = (0, Vec::new());
    while times < TIMES || fight.goes_on() {
        leaving.push(comes_and_goes(fight, Enemy::meet(&fight.enemy.victim.place)));
        times += 1;
    }
    leaving.into_iter().for_each(|leaving| leaving.join().expect("no panic"));
    while fight.is_told("it left") < times as u64 {}
}

/// Its last words take the engine up to four seconds, which nobody waits for.
fn comes_and_goes(fight: &Fight, mut enemy: Enemy) -> JoinHandle<()> {
    enemy.says([message(&fight.to("echo"), None, "1".to_owned())]);
    std::thread::spawn(|| enemy.leaves())
}
