//! Links: who hears of whose end, and whom it takes along.

use greenroom::{Address, ExceptionKind, Limit, Limits, Node, RefusalKind, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

/// The value of a step that answered an address.
fn address(answer: &Value) -> Address {
    answer.as_str().expect("an address").parse().expect("an address")
}

fn kind(stage: &Stage, actor: &Address) -> ExceptionKind {
    stage.exception(actor).kind()
}

#[test]
fn a_link_to_the_dead_tells_who_traps_that_there_is_nobody() {
    let stage = Stage::new();
    let dead = stage.spawn("returns", json!([1]));
    stage.value(&dead);
    let answers = stage.play(json!([
        {"trap-exit": true},
        {"link": dead.to_string()},
        {"receive": [[{"$host": {"$type": "any"}}], 0]},
        {"receive": [[], 0]},
    ]));
    assert_eq!(answers[2]["from_host"], true);
    assert_eq!(answers[2]["message"]["address"], dead.to_string());
    assert_eq!(answers[2]["message"]["exception"]["type"], "noproc", "also after an end that was none of failure");
    assert_eq!(answers[3], Value::Null, "it is told once");
}

#[test]
fn a_link_to_the_dead_ends_who_does_not_trap() {
    let stage = Stage::new();
    let dead = stage.spawn("returns", json!([1]));
    stage.value(&dead);
    let end = stage.exception(&stage.script(json!([{"link": dead.to_string()}, {"receive": [[], null]}])));
    assert_eq!(end.kind(), ExceptionKind::Linked);
    assert_eq!(end.detail("address").expect("whom").to_value(), dead.to_string());
    assert_eq!(end.detail("cause").expect("why").to_value()["type"], "noproc");
}

#[test]
fn a_failure_takes_those_along_who_linked_the_actor() {
    let stage = Stage::new();
    let child = json!([{"receive": [[], null]}, "trap"]);
    let follower = stage.script(json!([{"spawn-with": ["script", [child], {"link": true}]}, {"send": ["0", "go"]},
        {"receive": [[], null]}]));
    let end = stage.exception(&follower);
    let cause = end.detail("cause").expect("why").to_value();
    assert_eq!((end.kind(), &cause["type"]), (ExceptionKind::Linked, &json!("trap")));
    let whom = end.detail("address").expect("whom").to_value();
    assert_eq!(kind(&stage, &address(&whom)), ExceptionKind::Trap, "it names the one that failed");
}

#[test]
fn a_normal_end_harms_no_linked_actor() {
    let stage = Stage::new();
    let child = json!([{"receive": [[], null]}]);
    let answers = stage.play(json!([
        {"spawn-with": ["script", [child], {"link": true}]},
        {"link": "0"},
        {"send": ["0", "go"]},
        {"wait": ["0", null]},
        {"receive": [[], 0]},
    ]));
    assert_eq!(answers[3]["exit"][0]["message"], "go");
    assert_eq!(answers[4], Value::Null, "who does not trap exits hears nothing of it");
}

#[test]
fn a_normal_end_is_a_message_to_who_traps_exits() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"trap-exit": true},
        {"spawn-with": ["returns", [{"n": 1.0}], {"link": true}]},
        {"receive": [[{"$host": {"exit": {"$type": "any"}}}], null]},
        {"trap-exit": false},
    ]));
    assert_eq!(answers[2]["message"], json!({"address": answers[1], "exit": {"n": 1.0}}));
    assert_eq!([&answers[0], &answers[3]], [false, true], "it answers the setting before");
}

#[test]
fn a_failure_is_a_message_to_who_traps_exits() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"trap-exit": true},
        {"spawn-with": ["fails", ["no luck"], {"link": true}]},
        {"receive": [[], null]},
    ]));
    let told = &answers[2];
    assert_eq!(told["from_host"], true);
    let exception = json!({"type": "error", "message": "no luck", "value": "no luck"});
    assert_eq!(told["message"], json!({"address": answers[1], "exception": exception}));
}

#[test]
fn to_link_twice_is_to_link_once() {
    let stage = Stage::new();
    let follower = Puppet::trapping(&stage.node);
    let child = follower.child(SpawnOptions::default().link());
    follower.link(&child.address);
    follower.link(&child.address);
    child.fails_and_all_hear(&stage);
    assert_eq!(follower.hears_now().len(), 1);
}

#[test]
fn one_unlink_ends_two_links() {
    let stage = Stage::new();
    let (a, b) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    a.link(&b.address);
    a.link(&b.address);
    a.unlink(&b.address);
    b.fails(json!(1));
    stage.exception(&b.address);
    assert!(a.hears_now().is_empty(), "it lives, and hears nothing");
}

#[test]
fn after_unlink_no_message_of_the_end_is_received_though_it_waited_already() {
    let stage = Stage::new();
    let (a, b) = (Puppet::trapping(&stage.node), Puppet::new(&stage.node));
    a.link(&b.address);
    let reference = a.monitor(&b.address);
    b.fails(json!(1));
    stage.exception(&b.address);
    a.unlink(&b.address);
    let heard = a.hears_now();
    assert_eq!((heard.len(), &heard[0]["monitor"]), (1, &json!(reference)), "only the monitor's message is left");
}

#[test]
fn a_link_takes_nobody_along_who_did_not_agree() {
    let stage = Stage::new();
    let stranger = stage.spawn("takes_one", json!([]));
    let attacker = stage.script(json!([{"link": stranger.to_string()}, "trap"]));
    assert_eq!(kind(&stage, &attacker), ExceptionKind::Trap);
    stage.send(&stranger, json!("still there?"));
    assert_eq!(stage.value(&stranger), "still there?");
}

#[test]
fn a_link_sends_nothing_to_who_traps_exits_and_did_not_agree() {
    let stage = Stage::new();
    let stranger = Puppet::trapping(&stage.node);
    let attacker = stage.script(json!([{"link": stranger.address.to_string()}, "trap"]));
    stage.exception(&attacker);
    assert!(stranger.hears_now().is_empty());
}

#[test]
fn a_link_takes_a_descendant_along() {
    let stage = Stage::new();
    let grandparent = Puppet::new(&stage.node);
    let parent = grandparent.child(SpawnOptions::default());
    let child = parent.guest("takes_one", json!([]), SpawnOptions::default());
    grandparent.link(&child);
    grandparent.fails(json!("no more"));
    assert_eq!(kind(&stage, &child), ExceptionKind::Linked);
    assert!(parent.hears_now().is_empty(), "the one between was linked by nobody");
}

#[test]
fn a_child_that_links_its_parent_does_not_take_it_along() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.child(SpawnOptions::default());
    child.link(&parent.address);
    child.fails_and_all_hear(&stage);
    assert!(parent.hears_now().is_empty(), "it lives");
    let child = parent.child(SpawnOptions::default());
    child.link(&parent.address);
    parent.fails(json!(1));
    assert_eq!(kind(&stage, &child.address), ExceptionKind::Linked, "the other way it is what the child wanted");
}

#[test]
fn two_that_have_linked_each_other_take_each_other_along() {
    let stage = Stage::new();
    for first_to_fail in [0, 1] {
        let pair = [Puppet::new(&stage.node), Puppet::new(&stage.node)];
        pair[0].link(&pair[1].address);
        pair[1].link(&pair[0].address);
        pair[first_to_fail].fails(json!(1));
        assert_eq!(kind(&stage, &pair[1 - first_to_fail].address), ExceptionKind::Linked);
    }
}

#[test]
fn a_spawn_with_link_links_both_ways() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.guest("takes_one", json!([]), SpawnOptions::default().link());
    parent.fails(json!(1));
    assert_eq!(kind(&stage, &child), ExceptionKind::Linked);
    let parent = Puppet::new(&stage.node);
    let child = parent.guest("fails_when_told", json!([]), SpawnOptions::default().link());
    stage.send(&child, json!("go"));
    assert_eq!(kind(&stage, &parent.address), ExceptionKind::Linked);
}

#[test]
fn who_unlinks_hears_no_more_and_the_other_goes_on_hearing_if_it_linked_too() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.child(SpawnOptions::default().link());
    parent.unlink(&child.address);
    child.fails_and_all_hear(&stage);
    assert!(parent.hears_now().is_empty(), "it lives");
    let child = parent.child(SpawnOptions::default().link());
    parent.unlink(&child.address);
    parent.fails(json!(1));
    assert_eq!(kind(&stage, &child.address), ExceptionKind::Linked, "spawned with a link, it has linked its parent");
}

#[test]
fn a_descendant_can_unlink_what_an_ancestor_linked() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.child(SpawnOptions::default());
    parent.link(&child.address);
    child.unlink(&parent.address);
    parent.fails(json!(1));
    stage.exception(&parent.address);
    assert!(child.hears_now().is_empty(), "it lives");
}

#[test]
fn one_link_more_than_the_limit_is_refused_and_one_that_has_ended_counts_until_it_is_read() {
    let limits = Limits::default().with(Limit::Links, 2);
    let stage = Stage::with(Node::builder().limits(limits));
    let a = Puppet::trapping(&stage.node);
    let others: Vec<Puppet> = (0..3).map(|_| Puppet::new(&stage.node)).collect();
    let link = |other: &Puppet| {
        let other = other.address.clone();
        a.does(move |context| context.link(&other))
            .map_err(|refusal| (refusal.kind(), refusal.details()["limit"].clone()))
    };
    assert_eq!([link(&others[0]), link(&others[1])], [Ok(()), Ok(())]);
    let refused = Err((RefusalKind::Limit, json!("links")));
    assert_eq!(link(&others[2]), refused);
    others[0].fails(json!(1));
    stage.exception(&others[0].address);
    assert_eq!(link(&others[2]), refused, "its message has a place in the mailbox");
    a.hears();
    assert_eq!(link(&others[2]), Ok(()));
}

#[test]
fn a_spawn_that_may_not_link_leaves_no_child() {
    let limits = Limits::default().with(Limit::Links, 0);
    let stage = Stage::with(Node::builder().limits(limits));
    let parent = Puppet::new(&stage.node);
    let refused = parent.try_child(SpawnOptions::default().link().name("child"));
    assert_eq!(refused.err().map(|refusal| refusal.kind()), Some(RefusalKind::Limit));
    assert_eq!(stage.node.actors(), 1);
    parent.child(SpawnOptions::default().name("child"));
}

#[test]
fn a_link_with_oneself_is_nothing() {
    let stage = Stage::new();
    let answers = stage.play(json!([{"trap-exit": true}, {"link": "me"}, {"unlink": "me"}, {"receive": [[], 0]}]));
    assert_eq!(answers, json!([false, null, null, null]));
}
