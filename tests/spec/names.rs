//! Names: one holder each, an address like any other, and free before anybody hears of their holder's end.

use greenroom::{Address, Limit, Limits, Node, RefusalKind, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

fn refused(answer: &Value) -> &str {
    answer["refused"].as_str().expect("a refusal")
}

#[test]
fn a_name_is_an_address_of_its_holder() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"spawn-with": ["takes_one", [], {"name": "taker"}]},
        {"whereis": "taker"},
        {"monitor": "taker@"},
        {"send": ["taker@", "hello"]},
        {"receive": [[], null]},
        {"wait": ["0", null]},
        {"whereis": "taker"},
        {"send": ["taker@", "hello"]},
        {"wait": ["taker@", 0]},
    ]));
    let name = format!("taker@{}", stage.node.place());
    assert_eq!(answers[1], answers[0], "the ID");
    assert_eq!(answers[4]["message"], json!({"address": name, "exit": "hello", "monitor": answers[2]}));
    assert_eq!([refused(&answers[6]), refused(&answers[7])], ["no-such-name", "no-such-actor"]);
    assert_eq!(answers[8]["exception"]["type"], "noproc", "a name is looked up when the wait begins");
}

#[test]
fn a_holder_can_be_waited_for_by_its_name() {
    let stage = Stage::new();
    let options = SpawnOptions::default().name("taker");
    let taker = stage.node.spawn_with(&stage.scenarios, "takes_one", json!([]), &options);
    let taker = stage.block_on(taker).expect("it starts");
    let name = format!("taker@{}", stage.node.place());
    let waits = stage.script(json!([{"wait": [name, null]}]));
    let named: Address = name.parse().expect("an address");
    assert_eq!(stage.node.whereis("taker").expect("it has the name"), taker);
    stage.send(&named, json!("by name"));
    assert_eq!(stage.value(&taker), "by name");
    let waited = stage.value(&waits);
    // It may have begun before the send or after the end.
    assert!(waited[0]["exit"] == "by name" || waited[0]["exception"]["type"] == "noproc", "{waited}");
}

#[test]
fn links_kill_and_exit_take_no_name() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"spawn-with": ["takes_one", [], {"name": "child"}]},
        {"link": "child@"},
        {"unlink": "child@"},
        {"kill": "child@"},
        {"exit": ["child@", 1]},
        {"send": ["0", "alive"]},
        {"wait": ["0", null]},
    ]));
    for step in 1..5 {
        assert_eq!(refused(&answers[step]), "bad-address", "step {step}");
    }
    assert_eq!(answers[6], json!({"exit": "alive"}));
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

/// Two who hear of an end at once: each finds the name free of the dead, and one of them gets it.
#[test]
fn a_name_is_free_before_its_holder_s_end_is_heard() {
    let stage = Stage::new();
    let (linked, monitors) = (Puppet::trapping(&stage.node), Puppet::new(&stage.node));
    for round in 0..200 {
        let name = format!("name-{round}");
        let holder = Puppet::with(&stage.node, &SpawnOptions::default().name(&name));
        let heir = if round % 2 == 0 { &linked } else { &monitors };
        if round % 2 == 0 {
            heir.link(&holder.address);
        } else {
            heir.monitor(&holder.address);
        }
        holder.fails(json!(round));
        let told = heir.receives(None, None).expect("no timeout");
        assert!(told.from_host);
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
fn names_of_other_nodes_are_unsupported_and_bad_addresses_say_so() {
    let stage = Stage::new();
    let answers = stage.play(json!([{"whereis": "a@elsewhere:1"}, {"whereis": "A"}, "nodes"]));
    assert_eq!(
        [refused(&answers[0]), refused(&answers[1]), refused(&answers[2])],
        ["unsupported", "no-such-name", "unsupported"]
    );
}
