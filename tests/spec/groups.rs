//! Groups as guests have them: who is in, who hears a broadcast, and what is refused.

use std::time::{Duration, Instant};

use greenroom::{Limit, Limits, LoadOptions, Node, RefusalKind};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::settings::on_one_and_two_nodes;
use crate::stage::{Stage, guest};

on_one_and_two_nodes![guests_join_hear_what_is_broadcast_and_leave];

fn guests_join_hear_what_is_broadcast_and_leave(near: &Stage, far: &Stage) {
    let tell = Puppet::new(&near.node);
    let there = far.script(json!([
        {"join": "guests"},
        {"local-members": "guests"},
        {"receive": [[], null]},
        {"receive": [[], null]},
        {"leave": "guests"},
        {"report": tell.address.to_string()},
        {"receive": [["end"], null]},
    ]));
    let began = Instant::now();
    while near.node.members("guests").expect("a name") != [there.clone()] {
        assert!(began.elapsed() < Duration::from_secs(60), "it never joins");
    }
    let here = near.script(json!([
        {"join": "guests"},
        {"members": "guests"},
        {"broadcast": ["guests", [1, 1.0]]},
        {"broadcast": ["guests", "over"]},
        {"receive": [[], null]},
        {"receive": [[], null]},
    ]));
    let answers = near.value(&here);
    let members = answers[1].as_array().expect("addresses");
    assert!(members.len() == 2 && members.contains(&json!(here.to_string())), "{answers}");
    assert_eq!((&answers[2], &answers[3]), (&json!(2), &json!(2)));
    let heard = tell.hears();
    assert!(heard[1].as_array().expect("addresses").contains(&json!(there.to_string())), "{heard}");
    for heard in [[&answers[4], &answers[5]], [&heard[2], &heard[3]]] {
        assert_eq!(heard.map(|heard| heard["message"].clone()), [json!([1, 1.0]), json!("over")]);
        assert_eq!(heard[0]["from_host"], false);
    }
    let began = Instant::now();
    while !near.node.members("guests").expect("a name").is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never leaves");
    }
    far.send(&there, json!("end"));
    far.value(&there);
}

fn refused(answer: &Value) -> &str {
    answer["refused"].as_str().expect("a refusal")
}

#[test]
fn what_can_be_no_group_and_what_one_is_not_in_is_refused() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"join": "No Group"}, {"members": ""}, {"local-members": "a b"}, {"broadcast": ["A", 1]},
        {"leave": "nobody-s"}, {"members": "nobody-s"}, {"broadcast": ["nobody-s", 1]},
    ]));
    assert!((0..5).all(|step| refused(&answers[step]) == "bad-argument"), "{answers}");
    assert_eq!((&answers[5], &answers[6]), (&json!([]), &json!(0)));
    let refusals =
        [stage.node.members("A").err(), stage.node.local_members("A").err(), stage.node.broadcast("A", json!(1)).err()];
    assert_eq!(refusals.map(|why| why.map(|why| why.kind())), [const { Some(RefusalKind::BadArgument) }; 3]);
}

#[test]
fn one_membership_more_than_the_limit_is_refused_and_who_ends_gives_its_own_back() {
    let stage = Stage::with(Node::builder().limits(Limits::default().with(Limit::Groups, 3)));
    let steps = json!([{"join": "a"}, {"join": "a"}, {"join": "b"}, {"join": "c"}, {"leave": "a"}, {"join": "c"}]);
    for _ in 0..3 {
        let answers = stage.play(steps.clone());
        assert_eq!(
            (refused(&answers[3]), &answers[3]["limit"], &answers[3]["max"]),
            ("limit", &json!("groups"), &json!(3))
        );
        assert_eq!((&answers[4], &answers[5]), (&Value::Null, &Value::Null));
    }
}

#[test]
fn without_the_grant_names_an_actor_has_no_groups_and_no_router_of_one() {
    let stage = Stage::new();
    let untrusted = stage.block_on(stage.node.load_with(guest("scenarios"), &LoadOptions::untrusted()));
    let steps = json!([[
        {"join": "a"}, {"members": "a"}, {"local-members": "a"}, {"broadcast": ["a", 1]}, {"leave": "a"},
        {"spawn": ["greenroom/router", {"strategy": "random", "group": "a"}]},
        {"wait": ["5", null]},
    ]]);
    let answers = stage.value(&stage.spawn_of(&untrusted.expect("it loads"), "script", steps));
    for step in 0..4 {
        assert_eq!((refused(&answers[step]), &answers[step]["grant"]), ("not-permitted", &json!("names")), "{answers}");
    }
    assert_eq!(refused(&answers[4]), "bad-argument", "to leave needs no grant");
    assert_eq!(answers[6]["exception"]["value"]["type"], "not-permitted", "{answers}");
}

#[test]
fn a_list_of_members_that_is_larger_than_a_message_is_refused() {
    let stage = Stage::new();
    let crowd = Puppet::new(&stage.node);
    crowd.does(|context| (0..100).try_for_each(|_| context.join("crowd"))).expect("it may");
    let small = stage.limited("message=1KiB", "script", json!([[{"members": "crowd"}, {"local-members": "crowd"}]]));
    let answers = stage.value(&small);
    assert_eq!([refused(&answers[0]), refused(&answers[1])], ["too-large"; 2]);
}

#[test]
fn a_router_of_a_group_has_its_members_as_they_come_and_go() {
    let stage = Stage::new();
    let boss = Puppet::new(&stage.node);
    let router = boss.does(|context| {
        context.spawn("greenroom/router", json!({"strategy": "broadcast", "group": "crew"}), &Default::default())
    });
    let router = router.expect("it starts");
    let crew = [Puppet::new(&stage.node), Puppet::new(&stage.node)];
    for member in &crew {
        member.does(|context| context.join("crew").and_then(|()| context.join("crew"))).expect("it may");
    }
    boss.send(&router, json!("all hands")).expect("it lives");
    for member in &crew {
        assert_eq!(member.hears(), "all hands");
    }
    crew[0].does(|context| context.leave("crew").and_then(|()| context.leave("crew"))).expect("it is in");
    boss.send(&router, json!("once more")).expect("it lives");
    assert_eq!(crew[1].hears(), "once more");
    let patience = Duration::from_secs(60);
    let routees =
        stage.block_on(stage.node.call(&router, "$router/routees", json!(null), patience)).expect("an answer");
    assert_eq!(routees, json!([{"$address": crew[1].address.to_string()}]), "in twice, and a routee once");
    assert!(crew[0].hears_now().is_empty() && crew[1].hears_now().is_empty());
    for method in ["$router/add", "$router/remove"] {
        let address = json!({"$address": crew[0].address.to_string()});
        assert!(stage.block_on(stage.node.call(&router, method, address, patience)).is_err(), "{method}");
    }
}
