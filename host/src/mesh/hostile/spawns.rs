//! Attacks: actors, modules and groups without end.

use super::enemy::{PATIENCE, signal};
use super::fight::Fight;
use super::floods::flood;
use crate::address::Id;
use crate::mesh::wire::{self, Content};
use crate::message::Message;
use crate::module_hash::ModuleHash;
use crate::node::spawning::{CHUNK_BYTES, SpawnRequest, Travels};
use crate::node::uplink::{Answer, Question};
use crate::signal::{Signal, To};
use crate::spawn_options::SpawnOptions;
use std::sync::mpsc::channel;

const QUESTIONS: &str = "it asks more at once than it may";
const GROUPS: &str = "its actors have more memberships of groups than they may";

/// How many modules it says it has.
const MODULES: u64 = 5000;

fn spawn(number: u64, from: Id, entry: &str, args: &str, module: Option<Travels>) -> Vec<u8> {
    let request = SpawnRequest {
        module,
        entry: entry.into(),
        args: Message::trusted(args.to_owned()),
        options: SpawnOptions::default().link(),
        ancestors: Box::default(),
    };
    wire::ask(number, Some(from), &Question::Spawn(Box::new(request)))
}

/// Actors that would live on, as many as it can.
pub(super) fn actors_without_end(fight: &mut Fight) {
    let (refused, from) = (fight.refused("spawn-rate"), fight.random.id());
    let mut number = 0;
    flood(fight, |_| {
        number += 1;
        spawn(number, from, "greenroom/router", r#"{"strategy":"random"}"#, None)
    });
    let state = fight.state();
    let actors = state["actors"].as_u64().expect("a number");
    assert!(actors < 12_000, "a peer has at most what its tree may have, and here are {actors}");
    assert!(fight.refused("spawn-rate") > refused, "nobody was refused: {state}");
    // They are linked with somebody who is gone then.
    if fight.enemy.is_cut_within(std::time::Duration::ZERO) {
        fight.is_cut_for(QUESTIONS);
    } else {
        fight.enemy.connects_again();
    }
    let until = std::time::Instant::now() + PATIENCE;
    while fight.state()["actors"].as_u64().expect("a number") > 10 {
        assert!(std::time::Instant::now() < until, "they live on");
    }
}

/// Arguments as large as they may be, for modules that never come.
pub(super) fn modules_that_never_come(fight: &mut Fight) {
    let from = fight.random.id();
    let args = format!("[\"{}\"]", "x".repeat(200_000));
    let frames: Vec<Vec<u8>> = (0..MODULES)
        .map(|number| {
            let hash = ModuleHash::of(&fight.random.number().to_le_bytes());
            let args = if number % 10 == 0 { args.as_str() } else { "[]" };
            spawn(number, from, "main", args, Some(Travels { hash, bytes: 32 << 20, name: "x".into() }))
        })
        .collect();
    for some in frames.chunks(100) {
        fight.enemy.says(some.to_vec());
    }
    assert!(fight.enemy.is_answered(), "the others that it asks for go on");
    assert!(fight.refused("pending-spawns") > 0, "so many may not wait");
    fight.enemy.connects_again();
}

/// A module that comes, and is another than was said: each time one of its bytes.
pub(super) fn modules_that_are_others(fight: &mut Fight) {
    let (listener, told) = channel();
    fight.enemy.tells(Some(listener));
    let (from, bytes) = (fight.random.id(), 20 * CHUNK_BYTES as u64);
    let mut rounds = 0;
    while rounds < 3 || fight.goes_on() {
        rounds += 1;
        let hash = ModuleHash::of(&fight.random.number().to_le_bytes());
        let travels = Travels { hash, bytes, name: "x".into() };
        fight.enemy.says([spawn(7, from, "main", "[]", Some(travels))]);
        loop {
            match told.recv_timeout(PATIENCE).expect("the victim asks, or answers") {
                Content::Ask(number, _, Question::Chunk(..)) => {
                    let chunk = fight.random.bytes(CHUNK_BYTES);
                    fight.enemy.says([wire::answer(number, &Answer::Bytes(chunk.into()))]);
                }
                Content::Answer(7, Answer::Refused(_)) => break,
                Content::Answer(7, other) => panic!("{other:?}"),
                _ => {}
            }
        }
    }
    fight.enemy.tells(None);
}

/// Whom it says it has spawned, and has not.
pub(super) fn orders_to_others_children(fight: &mut Fight) {
    let idle = fight.to("idle");
    let mut number = 0;
    flood(fight, |fight| {
        number += 1;
        match fight.random.below(3) {
            0 => signal(&idle, None, Signal::Kill),
            1 => wire::answer(number, &Answer::Spawned(fight.random.id())),
            _ => signal(&To::Id(fight.random.id()), Some(Id::OPERATOR), Signal::Kill),
        }
    });
    assert!(fight.state()["actors"].as_u64().expect("a number") >= 4, "nobody has ended");
}

/// More memberships than one node's actors may have.
pub(super) fn memberships_without_end(fight: &mut Fight) {
    loop {
        let mut said = 0;
        while !fight.enemy.is_cut_within(std::time::Duration::ZERO) && said < 1_000_000 {
            let frames: Vec<Vec<u8>> = (0..200)
                .map(|_| wire::member(&format!("g.{:060}", fight.random.number()), fight.random.id(), 1))
                .collect();
            fight.enemy.says(frames);
            said += 200;
        }
        fight.is_cut_for(GROUPS);
        if !fight.goes_on() {
            return;
        }
    }
}

/// Messages to groups that nobody is in.
pub(super) fn casts_to_nobody(fight: &mut Fight) {
    let message = Message::trusted(format!("\"{}\"", "x".repeat(500)));
    flood(fight, |fight| wire::cast(Some(fight.random.id()), &format!("g.{}", fight.random.number()), &message));
}
