//! Attacks: a node says what is not so of actors that are not its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use super::enemy::{PATIENCE, signal};
use super::fight::{Fight, id};
use crate::address::{Address, Id};
use crate::mesh::wire::Content;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::signal::{Reference, Signal, To};

/// Links and monitors of one actor by senders that are not there, of each so many.
const STORM: usize = 100_000;

/// How many of them are made at once.
const BATCH: usize = 500;

/// An actor of the victim's watches one of the enemy's and one of an honest node's. The enemy may tell the end of its own,
/// once, and no other.
pub(super) fn ends_of_others(fight: &mut Fight) {
    let (listener, told) = channel();
    fight.enemy.tells(Some(listener));
    let (own, player) = (fight.random.id(), fight.player());
    for watched in [&Address::of_id(own, fight.enemy.me.place.clone()), &player] {
        fight.victim.asks(&format!("watch {watched}"));
    }
    let reference = monitored(&told, own);
    let (witness, player) = (fight.to("witness"), player.id().expect("no name"));
    let end = Arc::new(Outcome::Exit(Message::trusted(r#""a lie""#.to_owned())));
    for round in 0.. {
        let lies = (0..BATCH).flat_map(|_| {
            let (guess, other) = (Reference::Random(fight.random.id()), fight.random.id());
            let down = |from, reference| signal(&witness, Some(from), Signal::Down(reference, end.clone()));
            let exit = |from| signal(&witness, Some(from), Signal::Exit(end.clone()));
            [
                exit(other),
                exit(player),
                down(player, guess),
                down(player, Reference::Child(player)),
                down(own, guess),
                down(other, reference),
                down(player, reference),
                signal(&To::Name("echo".into()), Some(player), Signal::Exit(end.clone())),
                signal(&witness, None, Signal::Exit(end.clone())),
            ]
        });
        let lies: Vec<_> = lies.collect();
        fight.enemy.says(lies);
        if round >= 20 && !fight.goes_on() {
            break;
        }
    }
    assert!(fight.enemy.is_answered(), "a lie is not cut");
    assert_eq!(fight.state()["witness"], json!([]), "a lie is believed");
    for _ in 0..3 {
        fight.enemy.says([
            signal(&witness, Some(own), Signal::Exit(end.clone())),
            signal(&witness, Some(own), Signal::Down(reference, end.clone())),
        ]);
    }
    assert!(fight.enemy.is_answered(), "an end that was told before is not cut");
    let heard = heard(fight, 2);
    assert!(heard.iter().all(|heard| heard["from_host"] == true && heard["message"]["exit"] == "a lie"), "{heard:?}");
}

/// What the witness has heard, when it has heard so much; and no more than that.
fn heard(fight: &mut Fight, many: usize) -> Vec<Value> {
    let (mut heard, until) = (Vec::new(), std::time::Instant::now() + PATIENCE);
    while heard.len() < many {
        assert!(std::time::Instant::now() < until, "the witness has heard only {heard:?}");
        heard.extend(fight.state()["witness"].as_array().expect("a list").iter().cloned());
    }
    assert_eq!(heard.len(), many, "{heard:?}");
    heard
}

/// The reference of the victim's monitor of an actor of the enemy's.
fn monitored(told: &Receiver<Content>, actor: Id) -> Reference {
    loop {
        let content = told.recv_timeout(PATIENCE).expect("the victim's actor monitors it");
        if let Content::Signal(to, envelope) = content
            && let (true, Signal::Monitor(reference)) = (to == To::Id(actor), envelope.signal)
        {
            return reference;
        }
    }
}

/// Kills and requests to end, by whoever may seem to be an ancestor.
pub(super) fn orders(fight: &mut Fight) {
    let (refused, mut said) = (fight.refused("not-permitted"), 0);
    let player = fight.player().id();
    let actors = ["echo", "idle", "witness"].map(|name| fight.actor(name));
    let reason = Message::trusted("1".to_owned());
    while said < 20_000 || fight.goes_on() {
        let senders = [Some(fight.random.id()), player, Some(actors[0]), Some(actors[1]), Some(Id::from_bits(0))];
        let orders = actors.iter().flat_map(|to| {
            let to = To::Id(*to);
            senders.map(|from| [signal(&to, from, Signal::Kill), signal(&to, from, Signal::Shutdown(reason.clone()))])
        });
        let orders: Vec<_> = orders.flatten().collect();
        said += orders.len();
        fight.enemy.says(orders);
        // An operator of another node has a say over what it has spawned only.
        said += actors.len();
        fight.enemy.says(actors.map(|to| signal(&To::Id(to), None, Signal::Kill)));
    }
    assert!(fight.enemy.is_answered(), "who may not end somebody is not cut");
    let state = fight.state();
    assert_eq!(state["refused"]["not-permitted"].as_u64().expect("a number"), refused + said as u64);
    assert_eq!(state["actors"], 4, "somebody has ended");
}

/// Each sender is told of the end once by its link and once by its monitor.
pub(super) fn storm_and_the_target_ends(fight: &mut Fight) {
    let (listener, told) = channel();
    let senders = storm(fight);
    fight.enemy.tells(Some(listener));
    fight.victim.asks("end");
    let (mut exits, mut downs) = (BTreeSet::new(), BTreeSet::new());
    while exits.len() < senders.len() || downs.len() < senders.len() {
        let content = told.recv_timeout(PATIENCE);
        let Content::Signal(To::Id(to), envelope) = content.expect("each is told") else { continue };
        let is_new = match envelope.signal {
            Signal::Exit(_) => exits.insert(to),
            Signal::Down(Reference::Random(reference), _) => reference == to && downs.insert(to),
            other => panic!("{other:?}"),
        };
        assert!(is_new && senders.contains(&to), "{to} is told again, or was not there");
    }
    assert!(fight.enemy.is_answered(), "the victim goes on");
    assert_eq!(told.try_iter().count(), 0, "some are told twice");
}

/// The enemy begins a new connection: what stood in the old one is gone, and nobody is told of it in the new one.
pub(super) fn storm_and_the_enemy_goes(fight: &mut Fight) {
    let (listener, told) = channel();
    storm(fight);
    fight.enemy.connects_again();
    fight.enemy.tells(Some(listener));
    fight.victim.asks("end");
    assert!(fight.enemy.is_answered(), "the victim goes on");
    fight.enemy.tells(None);
    assert_eq!(told.try_iter().count(), 0, "somebody of the old connection is told");
}

/// Links and monitors a new actor of the victim's, from senders that are not there; each monitor's reference is its sender.
fn storm(fight: &mut Fight) -> BTreeSet<Id> {
    let target = To::Id(id(&fight.victim.asks("target")["target"]));
    let senders: BTreeSet<Id> = (0..STORM).map(|_| fight.random.id()).collect();
    let all: Vec<Id> = senders.iter().copied().collect();
    for some in all.chunks(BATCH) {
        let signals = some.iter().flat_map(|from| {
            let monitor = Signal::Monitor(Reference::Random(*from));
            [signal(&target, Some(*from), Signal::Link), signal(&target, Some(*from), monitor)]
        });
        fight.enemy.says(signals.collect::<Vec<_>>());
    }
    assert!(fight.enemy.is_answered(), "so many are allowed");
    senders
}
