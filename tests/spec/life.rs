//! From an actor's start to its end and what is known of it afterwards.

use std::time::Duration;

use greenroom::{Address, ExceptionKind, Outcome, RefusalKind};
use serde_json::json;

use crate::settings::on_one_and_two_nodes;
use crate::stage::Stage;

on_one_and_two_nodes![
    a_message_sent_before_the_first_run_is_kept,
    an_end_can_be_waited_for_after_it_came,
    a_wait_has_a_time,
    a_dropped_wait_loses_nothing,
];

#[test]
fn no_message_to_a_child_is_missed_however_early() {
    assert_eq!(Stage::new().run("has_children", json!([200])), 200);
}

#[test]
fn no_end_of_a_child_is_missed_however_early() {
    assert_eq!(Stage::new().run("outlives_children", json!([200])), 200);
}

fn a_message_sent_before_the_first_run_is_kept(near: &Stage, far: &Stage) {
    let takers: Vec<Address> = (0..200)
        .map(|number| {
            let taker = far.spawn("takes_one", json!([]));
            near.send(&taker, json!(number));
            taker
        })
        .collect();
    takers.iter().zip(0..).for_each(|(taker, number)| assert_eq!(near.value(taker), number));
}

#[test]
fn a_child_outlives_its_parent_and_knows_its_address() {
    let stage = Stage::new();
    let child = json!([{"receive": [[], null]}, "parent"]);
    let parent = stage.script(json!([{"spawn": ["script", [child]]}]));
    let answers = stage.value(&parent);
    let child: Address = answers[0].as_str().expect("an address").parse().expect("an address");
    stage.send(&child, json!("still there?"));
    let answers = stage.value(&child);
    assert_eq!(answers[0]["message"], "still there?");
    assert_eq!(answers[1], parent.to_string());
}

#[test]
fn an_actor_knows_its_address_and_its_module_and_that_nobody_spawned_it() {
    let stage = Stage::new();
    let actor = stage.script(json!(["curaddr", "parent", "own-module"]));
    assert_eq!(stage.value(&actor), json!([actor.to_string(), null, stage.scenarios.hash()]));
}

#[test]
fn an_actor_of_another_loaded_module_can_be_spawned() {
    let stage = Stage::new();
    stage.guest("ring");
    let answers = stage.play(json!([{"spawn": ["ring/build", [3]]}, {"wait": ["0", null]}]));
    assert_eq!(answers[1], json!({"exit": {"text": "hello around the ring"}}));
}

fn an_end_can_be_waited_for_after_it_came(near: &Stage, far: &Stage) {
    let actor = far.spawn("returns", json!([7]));
    assert_eq!(near.value(&actor), 7);
    assert_eq!(near.value(&actor), 7, "and again");
    assert_eq!(near.play(json!([{"wait": [actor.to_string(), null]}])), json!([{"exit": 7}]));
}

fn a_wait_has_a_time(near: &Stage, far: &Stage) {
    let actor = far.spawn("takes_one", json!([]));
    assert_eq!(near.play(json!([{"wait": [actor.to_string(), 0]}])), json!([null]));
    assert_eq!(near.play(json!([{"wait": [actor.to_string(), 1]}])), json!([null]));
}

#[test]
fn who_has_ended_is_known_at_once_and_oneself_is_not_waited_for() {
    let stage = Stage::new();
    let actor = stage.spawn("returns", json!([7]));
    assert_eq!(stage.value(&actor), 7);
    assert_eq!(stage.play(json!([{"wait": [actor.to_string(), 0]}])), json!([{"exit": 7}]));
    assert_eq!(stage.play(json!([{"wait": ["me", null]}]))[0]["refused"], "bad-argument");
}

fn a_dropped_wait_loses_nothing(near: &Stage, far: &Stage) {
    let actor = far.spawn("takes_one", json!([]));
    let early = near.block_on(async { tokio::time::timeout(Duration::from_millis(1), near.node.wait(&actor)).await });
    assert!(early.is_err(), "it waits for a message");
    near.send(&actor, json!("now"));
    assert_eq!(near.value(&actor), "now");
}

#[test]
fn a_dropped_spawn_leaves_no_actor() {
    let stage = Stage::new();
    drop(stage.node.spawn(&stage.scenarios, "takes_one", json!([])));
    assert_eq!(stage.node.actors(), 0);
}

#[test]
fn a_killed_actor_ends_so_and_is_gone() {
    let stage = Stage::new();
    let actor = stage.spawn("takes_one", json!([]));
    stage.node.kill(&actor).expect("it lives");
    assert_eq!(stage.exception(&actor).kind(), ExceptionKind::Killed);
    assert_eq!(stage.node.kill(&actor).unwrap_err().kind(), RefusalKind::NoSuchActor);
    assert_eq!(stage.node.send(&actor, json!(1)).unwrap_err().kind(), RefusalKind::NoSuchActor);
}

#[test]
fn the_last_4096_outcomes_are_remembered_and_a_kept_address_knows_its_own_for_ever() {
    let stage = Stage::new();
    let echo = stage.text("echo");
    let run = |number: u32| {
        let actor = stage.spawn_of(&echo, "main", json!([number]));
        assert_eq!(stage.value(&actor), json!([number]));
        actor
    };
    let kept = run(0);
    let not_kept: Address = kept.to_string().parse().expect("an address");
    let last: Vec<String> = (1..=4096).map(|number| run(number).to_string()).collect();
    assert_eq!(stage.exception(&not_kept).kind(), ExceptionKind::Noproc);
    assert_eq!(stage.value(&kept), json!([0]));
    let oldest: Address = last[0].parse().expect("an address");
    assert_eq!(stage.value(&oldest), json!([1]), "4,096 ends ago");
}

#[test]
fn a_node_may_be_dropped_inside_async() {
    let stage = Stage::new();
    let Stage { node, scenarios, .. } = &stage;
    let actor = stage.spawn("takes_one", json!([]));
    stage.block_on(async {
        let other = greenroom::Node::start(&greenroom::Mesh::new(), "cookie@127.0.0.1:0").await.expect("it starts");
        let echo = other.load(crate::stage::text("echo")).await.expect("it loads");
        other.spawn(&echo, "main", json!([])).await.expect("it starts");
        drop(other);
    });
    stage.send(&actor, json!("a node of its own"));
    assert_eq!(stage.value(&actor), "a node of its own");
    assert_eq!((node.actors(), scenarios.name()), (0, "scenarios"));
}

#[test]
fn a_shutdown_ends_all_and_refuses_what_comes_after() {
    let stage = Stage::new();
    let actors = [stage.spawn("spins", json!([])), stage.spawn("takes_one", json!([]))];
    stage.block_on(stage.node.shutdown());
    assert_eq!(stage.node.actors(), 0);
    for actor in &actors {
        assert!(matches!(stage.outcome(actor), Outcome::Exception(end) if end.kind() == ExceptionKind::Shutdown));
    }
    let refusal = stage.try_spawn(&stage.scenarios, "returns", json!([1])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::Stopping);
}
