//! Limits: how much an actor and all below it may use, and what happens beyond.

use greenroom::{Address, Clock, Event, Exception, ExceptionKind, Limit, LoadOptions, Node};
use serde_json::{Value, json};
use std::time::Duration;

use crate::stage::{Stage, guest};

/// The answers of an actor that has these limits and does these steps.
fn plays(stage: &Stage, limits: &str, steps: Value) -> Value {
    stage.value(&stage.limited(limits, "script", json!([steps])))
}

/// Spawns an actor that waits for a message.
fn waits() -> Value {
    json!({"spawn": ["takes_one", []]})
}

fn refused(answer: &Value) -> (&str, &Value) {
    assert_eq!(answer["refused"], "limit", "{answer}");
    (answer["limit"].as_str().expect("which"), &answer["max"])
}

fn limit(exception: &Exception) -> String {
    let limit = exception.detail("limit").unwrap_or_else(|| panic!("no limit: {exception}"));
    limit.to_value().as_str().expect("a name").to_owned()
}

fn until_ended(stage: &Stage, actors: usize) {
    stage.block_on(async {
        while stage.node.actors() > actors {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn one_thing_more_than_a_limit_is_refused_with_its_name_and_amount() {
    let stage = Stage::new();
    let other = stage.spawn("takes_one", json!([])).to_string();
    let cases = [
        ("children", waits()),
        ("links", json!({"link": other})),
        ("monitors", json!({"monitor": other})),
        ("timers", json!({"send-after": [1, 1_000_000]})),
        ("narrowed", json!({"narrow": ["me", {}]})),
    ];
    for (name, step) in cases {
        let answers = plays(&stage, &format!("{name}=2"), json!([step, step, step]));
        // To link twice is to link once.
        let made = if name == "links" { 1 } else { 2 };
        assert!(answers[1].get("refused").is_none(), "{name}: {answers}");
        if made == 2 {
            assert_eq!(refused(&answers[2]), (name, &json!(2)), "{answers}");
        }
    }
    let answers =
        plays(&stage, "names=1", json!([{"register": "a"}, {"register": "b"}, {"unregister": "a"}, {"register": "b"}]));
    assert_eq!(refused(&answers[1]), ("names", &json!(1)));
    assert_eq!(answers[3], json!(null), "a name that is given up makes room");
}

#[test]
fn a_tree_has_its_things_together_and_an_end_makes_room() {
    let stage = Stage::new();
    let grandchild =
        json!({"spawn": ["script", [[{"spawn": ["takes_one", []]}, {"report": "parent"}, {"receive": [[], null]}]]]});
    let steps = json!([grandchild, {"receive": [[], null]}, waits(), waits()]);
    let answers = plays(&stage, "actors=4", steps);
    assert!(answers[2].is_string(), "it, its child, its grandchild and one more: {answers}");
    assert_eq!(refused(&answers[3]), ("actors", &json!(4)));
    let steps = json!([waits(), waits(), {"kill": "0"}, {"wait": ["0", null]}, waits(), waits()]);
    let answers = plays(&stage, "children=1", steps);
    assert_eq!(refused(&answers[1]), ("children", &json!(1)));
    assert!(answers[4].is_string(), "its place is free when its end is told: {answers}");
    assert_eq!(refused(&answers[5]).0, "children");
}

#[test]
fn a_child_gets_no_more_than_its_tree_has() {
    let stage = Stage::new();
    let generous = json!({"spawn-with": ["script", [[{"send-after": [1, 1_000_000]}, {"send-after": [1, 1_000_000]}]], {"limits": {"timers": 100}}]});
    let answers = plays(&stage, "timers=1", json!([generous, {"wait": ["0", null]}]));
    assert_eq!(refused(&answers[1]["exit"][1]), ("timers", &json!(1)));
    let modest = json!({"spawn-with": ["script", [[waits(), waits()]], {"limits": {"children": 1}}]});
    let answers = plays(&stage, "children=10", json!([modest, {"wait": ["0", null]}]));
    assert_eq!(refused(&answers[1]["exit"][1]), ("children", &json!(1)));
}

#[test]
fn an_actor_cannot_go_beyond_the_node_s_own_bounds_for_its_child() {
    let stage = Stage::new();
    stage.text("sends-17-mib");
    let child = json!({"spawn-with": ["sends-17-mib/main", [], {"limits": {"message": "1GiB"}}]});
    let answers = stage.play(json!([child, {"wait": ["0", null]}]));
    assert_eq!(answers[1]["exception"]["value"]["type"], "too-large", "{answers}");
}

#[test]
fn a_tree_s_limits_bind_its_actors_after_the_one_that_they_were_set_for_has_ended() {
    let stage = Stage::new();
    let tell = crate::puppet::Puppet::new(&stage.node);
    let steps = json!([{"spawn": ["obeys", [{"$address": tell.address.to_string()}]]}]);
    let orphan: Address = plays(&stage, "actors=2", steps)[0].as_str().expect("an address").parse().expect("one");
    until_ended(&stage, 2);
    stage.send(&orphan, json!({"order": [1, waits()]}));
    assert!(tell.hears()[1].is_string(), "two may live, and the first of them is gone");
    stage.send(&orphan, json!({"order": [2, waits()]}));
    assert_eq!(refused(&tell.hears()[1]), ("actors", &json!(2)));
}

#[test]
fn a_memory_that_is_refused_ends_the_guest_with_the_limit_and_is_free_for_the_next() {
    let stage = Stage::new();
    for _ in 0..3 {
        let exception = stage.exception(&stage.limited("memory=4MiB", "eats_memory", json!([])));
        assert_eq!((exception.kind(), limit(&exception).as_str()), (ExceptionKind::Trap, "memory"));
        assert_eq!(exception.detail("max").expect("how much").as_str(), (4 << 20).to_string());
    }
    let eats = json!({"spawn": ["eats_memory", []]});
    let answers = plays(&stage, "memory=8MiB", json!([eats, {"wait": ["0", null]}, eats, {"wait": ["2", null]}]));
    for ended in [1, 3] {
        let exception = &answers[ended]["exception"];
        assert_eq!([&exception["trap"], &exception["limit"]], ["out-of-memory", "memory"]);
        assert!(exception["used"].as_u64() > Some(4 << 20), "what the first had is free for the second: {exception}");
    }
}

#[test]
fn messages_that_wait_are_memory_of_the_receiver_s_tree() {
    let stage = Stage::new();
    let long = "x".repeat(1 << 20);
    let receiver = stage.limited("memory=4MiB", "takes_one", json!([]));
    let full = (0..10).position(|_| stage.node.send(&receiver, json!([long])).is_err());
    // The first is taken at once, or not yet.
    assert!(matches!(full, Some(1..=4)), "{full:?}");
}

#[test]
fn who_computes_for_too_long_between_two_receives_ends_and_a_receive_starts_anew() {
    let stage = Stage::new();
    let exception = stage.exception(&stage.limited("burst=50ms", "spins", json!([])));
    assert_eq!((exception.kind(), limit(&exception).as_str()), (ExceptionKind::Limit, "burst"));
    assert!(!exception.backtrace().is_empty(), "it says where");
    let rests = stage.limited("burst=100ms", "spins_and_receives", json!([20, 20]));
    for _ in 0..20 {
        stage.send(&rests, json!("go on"));
    }
    assert_eq!(stage.value(&rests), json!(20));
}

#[test]
fn an_actor_ends_when_it_is_as_old_as_it_may_be_by_the_node_s_clock() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let actor = stage.limited("lifetime=10s", "takes_one", json!([]));
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(stage.node.actors(), 1);
    clock.advance(Duration::from_millis(1));
    let exception = stage.exception(&actor);
    assert_eq!((exception.kind(), limit(&exception).as_str()), (ExceptionKind::Limit, "lifetime"));
}

#[test]
fn spawns_come_in_by_the_node_s_clock_after_a_burst() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let spawns =
        json!([waits(), waits(), waits(), waits(), waits(), waits(), waits(), waits(), waits(), waits(), waits()]);
    let answers = plays(&stage, "spawn-rate=1", spawns);
    assert!(answers[9].is_string(), "ten seconds' worth at once: {answers}");
    assert_eq!(refused(&answers[10]), ("spawn-rate", &json!(1)));
}

#[test]
fn no_more_living_ancestors_than_the_tree_may_be_deep() {
    let stage = Stage::new();
    let below = |steps: Value| json!([{"spawn": ["script", [steps]]}, {"wait": ["0", null]}]);
    let answers = plays(&stage, "depth=2", below(below(below(json!([])))));
    let refusal = &answers[1]["exit"][1]["exit"][0];
    assert_eq!(refused(refusal), ("depth", &json!(2)), "{answers}");
}

#[test]
fn the_ring_of_ten_thousand_runs_under_local_and_is_refused_its_children_under_untrusted() {
    let stage = Stage::new();
    let ring = stage.guest("ring");
    let value = stage.value(&stage.spawn_of(&ring, "build", json!([10_000])));
    assert_eq!(value, json!({"text": "hello around the ring"}));
    let options = LoadOptions::untrusted();
    let ring = stage.block_on(stage.node.load_with(guest("ring"), &options)).expect("it loads");
    let exception = stage.exception(&stage.spawn_of(&ring, "build", json!([10_000])));
    let refusal = exception.detail("value").expect("a refusal").to_value();
    assert_eq!((exception.kind(), &refusal["type"]), (ExceptionKind::Error, &json!("limit")));
    assert_eq!([&refusal["limit"], &refusal["max"]], [&json!("children"), &json!(1000)]);
    assert_eq!(ring.limits().get(Limit::Children), Some(1000));
}

#[test]
fn a_limit_that_is_none_is_refused_and_says_which_there_are() {
    let stage = Stage::new();
    for (limits, says) in [
        (json!({"memroy": 1}), "there is no limit `memroy`"),
        (json!({"memory": "much"}), "bytes, such as 16MiB"),
        (json!([]), "`limits` must be an object"),
    ] {
        let answers = stage.play(json!([{"spawn-with": ["returns", [1], {"limits": limits}]}]));
        assert_eq!(answers[0]["refused"], "bad-argument", "{answers}");
        assert!(answers[0]["message"].as_str().expect("words").contains(says), "{answers}");
    }
}

#[test]
fn what_is_refused_is_counted_and_told_with_whom_and_why() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let actor = stage.limited("children=0", "script", json!([[waits(), waits(), waits()]]));
    stage.value(&actor);
    let refused = &stage.node.refused()[0];
    assert_eq!((refused.what.as_str(), refused.times, &refused.first), ("children", 3, &actor));
    let told = stage.block_on(async {
        loop {
            if let Event::Refused { actor, what, times, .. } = events.next().await.expect("the node lives") {
                break (actor, what, times);
            }
        }
    });
    assert_eq!(told, (actor, "children".to_owned(), 1));
}

#[test]
fn a_message_of_too_many_values_or_levels_is_refused_to_who_is_limited() {
    let stage = Stage::new();
    let deep = |levels: usize| (0..levels).fold(json!(1), |value, _| json!([value]));
    let send = |message: Value| json!({"send": ["me", message]});
    let steps = json!([send(json!(vec![1; 29])), send(json!(vec![1; 30])), send(deep(4)), send(deep(5))]);
    let limits = json!({"json-values": 30, "json-depth": 4});
    let child = json!({"spawn-with": ["script", [steps], {"limits": limits}]});
    let answers = stage.play(json!([child, {"wait": ["0", null]}]));
    let exits = &answers[1]["exit"];
    assert_eq!((&exits[0], &exits[2]), (&json!(null), &json!(null)), "{answers}");
    for refused in [1, 3] {
        assert_eq!(exits[refused]["refused"], "bad-json", "{answers}");
    }
    assert!(exits[1]["message"].as_str().expect("words").contains("more than 30 values"), "{answers}");
    assert!(exits[3]["message"].as_str().expect("words").contains("more than 4 deep"), "{answers}");
}

#[test]
fn more_patterns_than_one_receive_may_have_are_refused() {
    let stage = Stage::new();
    let receive = |patterns: usize| json!({"receive": [vec![json!(1); patterns], 0]});
    let answers = plays(&stage, "patterns=2", json!([receive(2), receive(3)]));
    assert_eq!((&answers[0], refused(&answers[1])), (&json!(null), ("patterns", &json!(2))));
}
