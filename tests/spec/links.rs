//! Links: who hears of whose end, and whom it takes along.

use greenroom::{Address, ExceptionKind, Limit, Limits, Node, RefusalKind, SpawnOptions};
use serde_json::json;

use crate::puppet::Puppet;
use crate::settings::on_one_and_two_nodes;
use crate::stage::Stage;

on_one_and_two_nodes![
    a_link_to_the_dead_tells_who_traps_that_there_is_nobody,
    a_link_to_the_dead_ends_who_does_not_trap,
    a_failure_takes_those_along_who_linked_the_actor,
    a_normal_end_harms_no_linked_actor,
    a_normal_end_is_a_message_to_who_traps_exits,
    a_failure_is_a_message_to_who_traps_exits,
    to_link_twice_is_to_link_once,
    one_unlink_ends_two_links,
    after_unlink_no_message_of_the_end_is_received_though_it_waited_already,
    a_link_takes_nobody_along_who_did_not_agree,
    a_link_sends_nothing_to_who_traps_exits_and_did_not_agree,
    two_that_have_linked_each_other_take_each_other_along,
    who_unlinks_hears_no_more_and_the_other_goes_on_hearing_if_it_linked_too,
    one_link_more_than_the_limit_is_refused_and_one_that_has_ended_counts_until_it_is_read,
];

fn kind(stage: &Stage, actor: &Address) -> ExceptionKind {
    stage.exception(actor).kind()
}

fn a_link_to_the_dead_tells_who_traps_that_there_is_nobody(near: &Stage, far: &Stage) {
    let dead = far.spawn("returns", json!([1]));
    far.value(&dead);
    let answers = near.play(json!([
        {"trap-exit": true},
        {"link": dead.to_string()},
        {"receive": [[{"$host": {"$type": "any"}}], null]},
        {"tell": [far.marker().to_string(), "me"]},
        {"receive": [[], null]},
    ]));
    assert_eq!(answers[2]["from_host"], true);
    assert_eq!(answers[2]["message"]["address"], dead.to_string());
    assert_eq!(answers[2]["message"]["exception"]["type"], "noproc", "also after an end that was none of failure");
    assert_eq!(answers[4]["message"], "mark", "it is told once");
}

fn a_link_to_the_dead_ends_who_does_not_trap(near: &Stage, far: &Stage) {
    let dead = far.spawn("returns", json!([1]));
    far.value(&dead);
    let end = near.exception(&near.script(json!([{"link": dead.to_string()}, {"receive": [[], null]}])));
    assert_eq!(end.kind(), ExceptionKind::Linked);
    assert_eq!(end.detail("address").expect("whom").to_value(), dead.to_string());
    assert_eq!(end.detail("cause").expect("why").to_value()["type"], "noproc");
}

fn a_failure_takes_those_along_who_linked_the_actor(near: &Stage, far: &Stage) {
    let leader = far.script(json!([{"receive": [[], null]}, "trap"]));
    let link = json!([{"link": leader.to_string()}, {"send": [leader.to_string(), "go"]}, {"receive": [[], null]}]);
    let end = near.exception(&near.script(link));
    let cause = end.detail("cause").expect("why").to_value();
    assert_eq!((end.kind(), &cause["type"]), (ExceptionKind::Linked, &json!("trap")));
    let whom = end.detail("address").expect("whom").to_value();
    assert_eq!(whom, leader.to_string(), "it names the one that failed");
    assert_eq!(kind(far, &leader), ExceptionKind::Trap);
}

fn a_normal_end_harms_no_linked_actor(near: &Stage, far: &Stage) {
    let other = far.spawn("takes_one", json!([])).to_string();
    let answers = near.play(json!([
        {"link": other},
        {"monitor": other},
        {"send": [other, "go"]},
        {"receive": [[], null]},
        {"tell": [far.marker().to_string(), "me"]},
        {"receive": [[], null]},
    ]));
    assert_eq!(answers[3]["message"], json!({"address": other, "exit": "go", "monitor": answers[1]}));
    assert_eq!(answers[5]["message"], "mark", "who does not trap exits hears nothing of it by the link");
}

fn a_normal_end_is_a_message_to_who_traps_exits(near: &Stage, far: &Stage) {
    let other = far.spawn("takes_one", json!([])).to_string();
    let answers = near.play(json!([
        {"trap-exit": true},
        {"link": other},
        {"send": [other, {"n": 1.0}]},
        {"receive": [[{"$host": {"exit": {"$type": "any"}}}], null]},
        {"trap-exit": false},
    ]));
    assert_eq!(answers[3]["message"], json!({"address": other, "exit": {"n": 1.0}}));
    assert_eq!([&answers[0], &answers[4]], [false, true], "it answers the setting before");
}

fn a_failure_is_a_message_to_who_traps_exits(near: &Stage, far: &Stage) {
    let other = far.script(json!([{"receive": [[], null]}, {"fail": "no luck"}])).to_string();
    let answers = near.play(json!([
        {"trap-exit": true},
        {"link": other},
        {"send": [other, "go"]},
        {"receive": [[], null]},
    ]));
    let told = &answers[3];
    assert_eq!(told["from_host"], true);
    let exception = json!({"type": "error", "message": "no luck", "value": "no luck"});
    assert_eq!(told["message"], json!({"address": other, "exception": exception}));
}

fn to_link_twice_is_to_link_once(near: &Stage, far: &Stage) {
    let (a, b) = (Puppet::trapping(&near.node), Puppet::new(&far.node));
    a.link(&b.address);
    a.link(&b.address);
    a.reaches(&b);
    b.fails_and_all_hear(far);
    assert_eq!(a.hears()["address"], b.address.to_string());
    assert!(a.hears_all_from(far).is_empty());
}

fn one_unlink_ends_two_links(near: &Stage, far: &Stage) {
    let (a, b) = (Puppet::new(&near.node), Puppet::new(&far.node));
    a.link(&b.address);
    a.link(&b.address);
    a.unlink(&b.address);
    a.reaches(&b);
    b.fails_and_all_hear(far);
    assert!(a.hears_all_from(far).is_empty(), "it lives, and hears nothing");
}

fn after_unlink_no_message_of_the_end_is_received_though_it_waited_already(near: &Stage, far: &Stage) {
    let (a, b) = (Puppet::trapping(&near.node), Puppet::new(&far.node));
    a.link(&b.address);
    let reference = a.monitor(&b.address);
    a.reaches(&b);
    b.fails_and_all_hear(far);
    a.has_all_from(far);
    a.unlink(&b.address);
    let heard = a.hears_now();
    assert_eq!((heard.len(), &heard[0]["monitor"]), (1, &json!(reference)), "only the monitor's message is left");
}

fn a_link_takes_nobody_along_who_did_not_agree(near: &Stage, far: &Stage) {
    let stranger = far.spawn("takes_one", json!([]));
    let attacker = near.script(json!([{"link": stranger.to_string()}, {"receive": [[], null]}, "trap"]));
    near.ends(&attacker, || near.send(&attacker, json!("now")));
    near.send(&stranger, json!("still there?"));
    assert_eq!(far.value(&stranger), "still there?");
}

fn a_link_sends_nothing_to_who_traps_exits_and_did_not_agree(near: &Stage, far: &Stage) {
    let stranger = Puppet::trapping(&far.node);
    let attacker = near.script(json!([{"link": stranger.address.to_string()}, {"receive": [[], null]}, "trap"]));
    near.ends(&attacker, || near.send(&attacker, json!("now")));
    assert!(stranger.hears_all_from(near).is_empty());
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

fn two_that_have_linked_each_other_take_each_other_along(near: &Stage, far: &Stage) {
    for first_to_fail in [0, 1] {
        let stages = [near, far];
        let pair = stages.map(|stage| Puppet::new(&stage.node));
        for one in [0, 1] {
            pair[one].link(&pair[1 - one].address);
            pair[one].reaches(&pair[1 - one]);
        }
        pair[first_to_fail].fails(json!(1));
        let other = 1 - first_to_fail;
        assert_eq!(kind(stages[other], &pair[other].address), ExceptionKind::Linked);
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

fn who_unlinks_hears_no_more_and_the_other_goes_on_hearing_if_it_linked_too(near: &Stage, far: &Stage) {
    for first_to_fail in [0, 1] {
        let (a, b) = (Puppet::new(&near.node), Puppet::new(&far.node));
        b.link(&a.address);
        b.reaches(&a);
        a.link(&b.address);
        a.unlink(&b.address);
        a.reaches(&b);
        if first_to_fail == 0 {
            a.fails(json!(1));
            assert_eq!(kind(far, &b.address), ExceptionKind::Linked, "it has linked the other itself");
        } else {
            b.fails_and_all_hear(far);
            assert!(a.hears_all_from(far).is_empty(), "it lives");
        }
    }
}

#[test]
fn a_child_spawned_with_a_link_has_linked_its_parent() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.child(SpawnOptions::default().link());
    parent.unlink(&child.address);
    child.fails_and_all_hear(&stage);
    assert!(parent.hears_now().is_empty(), "it lives");
    let child = parent.child(SpawnOptions::default().link());
    parent.unlink(&child.address);
    parent.fails(json!(1));
    assert_eq!(kind(&stage, &child.address), ExceptionKind::Linked, "whatever its parent has unlinked");
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

fn one_link_more_than_the_limit_is_refused_and_one_that_has_ended_counts_until_it_is_read(near: &Stage, far: &Stage) {
    let options = SpawnOptions::default().trap_exit().limits(Limits::default().with(Limit::Links, 2));
    let a = Puppet::with(&near.node, &options);
    let others: Vec<Puppet> = (0..3).map(|_| Puppet::new(&far.node)).collect();
    let link = |other: &Puppet| {
        let other = other.address.clone();
        a.does(move |context| context.link(&other))
            .map_err(|refusal| (refusal.kind(), refusal.details()["limit"].clone()))
    };
    assert_eq!([link(&others[0]), link(&others[1])], [Ok(()), Ok(())]);
    let refused = Err((RefusalKind::Limit, json!("links")));
    assert_eq!(link(&others[2]), refused);
    a.reaches(&others[0]);
    others[0].fails_and_all_hear(far);
    a.has_all_from(far);
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
