//! Names: one holder each, an address like any other, and free before anybody hears of their holder's end.

use std::time::{Duration, Instant};

use greenroom::{Address, Limit, Limits, Node, RefusalKind, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::settings::on_one_and_two_nodes;
use crate::stage::Stage;

on_one_and_two_nodes![
    a_name_is_an_address_of_its_holder,
    a_holder_can_be_waited_for_by_its_name,
    links_kill_and_exit_take_no_name,
    a_name_is_free_before_its_holder_s_end_is_heard,
];

/// Asks again and again, until it is so.
fn until(what: &str, is: impl Fn() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(60), "it never happens that {what}");
    }
}

fn refused(answer: &Value) -> &str {
    answer["refused"].as_str().expect("a refusal")
}

fn a_name_is_an_address_of_its_holder(near: &Stage, far: &Stage) {
    let holder = far.script(json!([{"register": "addressed"}, {"receive": [[], null]}, {"return": "it has heard"}]));
    let name = format!("addressed@{}", far.node.place());
    // It may not have begun to run yet.
    until("it has its name", || far.node.whereis("addressed").is_ok());
    let answers = near.play(json!([
        {"whereis": name},
        {"monitor": name},
        {"send": [name, "hello"]},
        {"receive": [[], null]},
        {"wait": [holder.to_string(), null]},
        {"whereis": name},
        {"wait": [name, null]},
    ]));
    assert_eq!(answers[0], holder.to_string(), "the ID");
    assert_eq!(answers[3]["message"], json!({"address": name, "exit": "it has heard", "monitor": answers[1]}));
    assert_eq!(answers[4]["exit"], "it has heard");
    assert_eq!(refused(&answers[5]), "no-such-name");
    assert_eq!(answers[6]["exception"]["type"], "noproc", "a name is looked up when the wait begins");
}

#[test]
fn nobody_s_name_takes_no_message() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"whereis": "taker"},
        {"spawn-with": ["takes_one", [], {"name": "taker"}]},
        {"whereis": "taker"},
        {"send": ["taker@", "hello"]},
        {"wait": ["1", null]},
        {"send": ["taker@", "hello"]},
    ]));
    assert_eq!([refused(&answers[0]), refused(&answers[5])], ["no-such-name", "no-such-actor"]);
    assert_eq!((&answers[2], &answers[4]["exit"]), (&answers[1], &json!("hello")));
}

fn a_holder_can_be_waited_for_by_its_name(near: &Stage, far: &Stage) {
    let holder = Puppet::with(&far.node, &SpawnOptions::default().name("awaited"));
    let name: Address = format!("awaited@{}", far.node.place()).parse().expect("an address");
    let waits = near.script(json!([{"wait": [name.to_string(), null]}]));
    near.send(&name, json!("by name"));
    assert_eq!(holder.hears(), "by name");
    holder.returns(json!("over"));
    let waited = near.value(&waits);
    // It may have begun after the end.
    assert!(waited[0]["exit"] == "over" || waited[0]["exception"]["type"] == "noproc", "{waited}");
}

fn links_kill_and_exit_take_no_name(near: &Stage, far: &Stage) {
    let holder = Puppet::with(&far.node, &SpawnOptions::default().name("untouched"));
    let name = format!("untouched@{}", far.node.place());
    let answers = near.play(json!([{"link": name}, {"unlink": name}, {"kill": name}, {"exit": [name, 1]}]));
    for step in 0..4 {
        assert_eq!(refused(&answers[step]), "bad-address", "step {step}");
    }
    assert!(holder.hears_all_from(near).is_empty(), "it lives");
}

/// Of one's own child too.
#[test]
fn links_kill_and_exit_take_no_name_of_a_child() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.child(SpawnOptions::default().name("child"));
    let name: Address = format!("child@{}", stage.node.place()).parse().expect("an address");
    let refused = parent.does(move |context| {
        [context.link(&name), context.unlink(&name), context.kill(&name), context.exit(&name, json!(1))]
    });
    assert_eq!(refused.map(|answer| answer.unwrap_err().kind()), [RefusalKind::BadAddress; 4]);
    assert!(child.hears_now().is_empty(), "it lives");
}

#[test]
fn a_name_that_is_taken_is_refused_with_its_address() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"register": "first"},
        {"register": "first"},
        {"spawn-with": ["takes_one", [], {"name": "first"}]},
        {"spawn": ["script", [[{"register": "first"}, {"unregister": "first"}]]]},
        {"wait": ["3", null]},
    ]));
    let address = format!("first@{}", stage.node.place());
    assert_eq!((&answers[0], &answers[1]), (&Value::Null, &Value::Null), "one's own name is one's own");
    let of_other = &answers[4]["exit"];
    for taken in [&answers[2], &of_other[0]] {
        assert_eq!((refused(taken), &taken["address"]), ("name-taken", &json!(address)));
    }
    assert_eq!(refused(&of_other[1]), "no-such-name", "nobody takes away another's");
    assert_eq!(stage.node.actors(), 0, "with a taken name nothing is spawned");
}

#[test]
fn a_name_can_be_given_back() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"register": "mine"},
        {"register": "mine-too"},
        {"unregister": "mine"},
        {"whereis": "mine"},
        {"whereis": "mine-too"},
        {"unregister": "mine"},
        "curaddr",
    ]));
    assert_eq!([refused(&answers[3]), refused(&answers[5])], ["no-such-name"; 2]);
    assert_eq!(answers[4], answers[6]);
    let other = Puppet::new(&stage.node);
    assert_eq!([other.register("mine"), other.register("mine-too")], [Ok(()), Ok(())], "an end gives all of them back");
}

#[test]
fn what_can_be_no_name_is_refused() {
    let stage = Stage::new();
    let long = "a".repeat(20);
    let longest = format!("{}.", "a".repeat(63));
    let too_long = format!("{longest}a");
    let bad = ["", "A", "1a", "-a", "a b", "ä", "a@b", "$a", &long, &too_long];
    let puppet = Puppet::new(&stage.node);
    for name in bad {
        assert_eq!(puppet.register(name).expect_err(name).kind(), RefusalKind::BadArgument, "{name}");
        let child = puppet.try_child(SpawnOptions::default().name(name));
        assert_eq!(child.err().map(|refusal| refusal.kind()), Some(RefusalKind::BadArgument), "{name}");
    }
    for name in ["a", "a1._-", "nineteen-characters", &longest] {
        assert_eq!(puppet.register(name), Ok(()), "{name}");
    }
    assert_eq!(stage.node.actors(), 1);
}

#[test]
fn one_name_more_than_the_limit_is_refused() {
    let limits = Limits::default().with(Limit::Names, 2);
    let stage = Stage::with(Node::builder().limits(limits));
    let answers = stage
        .play(json!([{"register": "a"}, {"register": "b"}, {"register": "c"}, {"unregister": "a"}, {"register": "c"}]));
    assert_eq!((refused(&answers[2]), &answers[2]["limit"]), ("limit", &json!("names")));
    assert_eq!(answers[4], Value::Null);
}

fn a_name_is_free_before_its_holder_s_end_is_heard(near: &Stage, far: &Stage) {
    let (linked, monitors, heir) = (Puppet::trapping(&near.node), Puppet::new(&near.node), Puppet::new(&far.node));
    for round in 0..200 {
        let name = format!("name-{round}");
        let holder = Puppet::with(&far.node, &SpawnOptions::default().name(&name));
        let hears = if round % 2 == 0 { &linked } else { &monitors };
        if round % 2 == 0 {
            hears.link(&holder.address);
        } else {
            hears.monitor(&holder.address);
        }
        hears.reaches(&holder);
        holder.fails(json!(round));
        assert_eq!(hears.hears_host()["exception"]["value"], round);
        assert_eq!(heir.register(&name), Ok(()), "round {round}");
    }
}

/// The same in one step of the heir's own, with no time between hearing and taking.
#[test]
fn whoever_hears_of_an_end_can_take_over_at_once() {
    let stage = Stage::new();
    for _ in 0..50 {
        let answers = stage.play(json!([
            {"spawn-with": ["script", [[{"receive": [["go"], null]}, "trap"]], {"name": "post", "monitor": true}]},
            {"send": ["post@", "go"]},
            {"receive": [[{"$host": {"$type": "any"}}], null]},
            {"register": "post"},
            {"send": ["0", "are you there?"]},
        ]));
        assert_eq!((&answers[3], refused(&answers[4])), (&Value::Null, "no-such-actor"), "{answers}");
    }
}

#[test]
fn of_twenty_that_spawn_one_name_at_once_one_does_and_the_others_hear_where_it_is() {
    let stage = Stage::new();
    for round in 0..10 {
        let name = format!("only-{round}");
        let spawns = json!([[{"spawn-with": ["takes_one", [], {"name": name}]}]]);
        let spawners: Vec<Address> = (0..20).map(|_| stage.spawn("script", spawns.clone())).collect();
        let answers: Vec<Value> = spawners.iter().map(|spawner| stage.value(spawner)[0].clone()).collect();
        let (won, lost): (Vec<&Value>, Vec<&Value>) = answers.iter().partition(|answer| answer.is_string());
        assert_eq!(won.len(), 1, "{answers:?}");
        let address = json!(format!("{name}@{}", stage.node.place()));
        assert!(lost.iter().all(|answer| refused(answer) == "name-taken" && answer["address"] == address), "{lost:?}");
        assert_eq!(stage.node.whereis(&name).expect("it lives").to_string(), *won[0]);
        assert_eq!(stage.node.actors(), round + 1);
    }
    assert_eq!(stage.run("all_find", json!(["found", 20])), 1);
}

#[test]
fn names_of_nodes_that_are_not_there_are_not_connected_and_bad_ones_are_nobody_s() {
    let stage = Stage::new();
    let answers =
        stage.play(json!([{"whereis": "a@elsewhere:1"}, {"whereis": "A"}, {"whereis": "a@elsewhere"}, "nodes"]));
    let refused = [refused(&answers[0]), refused(&answers[1]), refused(&answers[2])];
    assert_eq!(refused, ["not-connected", "no-such-name", "bad-address"]);
    assert_eq!(answers[3], json!([]));
}
