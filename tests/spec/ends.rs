//! Kill and exit: who may end whom, and what others hear of it.

use greenroom::{Address, ExceptionKind, Outcome, Refusal, RefusalKind, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::settings::on_one_and_two_nodes;
use crate::stage::Stage;

on_one_and_two_nodes![
    kill_ends_one_that_never_lets_go,
    those_who_linked_a_killed_actor_see_killed,
    who_linked_one_that_is_asked_to_end_hears_the_reason,
    who_is_no_ancestor_ends_nobody,
    nothing_that_a_killed_actor_does_follows_its_end,
];

fn kind(stage: &Stage, actor: &Address) -> ExceptionKind {
    stage.exception(actor).kind()
}

fn refused(answer: Result<(), Refusal>) -> RefusalKind {
    answer.expect_err("it is not done").kind()
}

fn plain() -> SpawnOptions {
    SpawnOptions::default()
}

#[test]
fn kill_cannot_be_trapped() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.guest("script", json!([[{"receive": [[], null]}]]), plain().trap_exit());
    parent.kill(&child).expect("it is a child");
    assert_eq!(kind(&stage, &child), ExceptionKind::Killed);
}

fn kill_ends_one_that_never_lets_go(near: &Stage, far: &Stage) {
    let (parent, watcher) = (Puppet::new(&far.node), Puppet::new(&near.node));
    let child = parent.guest("spins", json!([]), plain());
    parent.kill(&child).expect("it is a child");
    assert!(matches!(watcher.waits(&child), Outcome::Exception(end) if end.kind() == ExceptionKind::Killed));
}

fn those_who_linked_a_killed_actor_see_killed(near: &Stage, far: &Stage) {
    let parent = Puppet::new(&far.node);
    let child = parent.child(plain());
    let (traps, follows) = (Puppet::trapping(&near.node), Puppet::new(&near.node));
    for follower in [&traps, &follows] {
        follower.link(&child.address);
        follower.reaches(&child);
    }
    parent.kill(&child.address).expect("it is a child");
    let told = traps.hears();
    assert_eq!((&told["address"], &told["exception"]["type"]), (&json!(child.address.to_string()), &json!("killed")));
    let end = near.exception(&follows.address);
    assert_eq!(end.kind(), ExceptionKind::Linked, "a link cannot kill: who traps exits may survive it");
    assert_eq!(end.detail("cause").expect("why").to_value()["type"], "killed");
}

#[test]
fn exit_ends_who_does_not_trap_with_the_reason() {
    let stage = Stage::new();
    let parent = Puppet::trapping(&stage.node);
    let child = parent.guest("takes_one", json!([]), plain().link());
    parent.exit(&child, json!({"why": "enough"})).expect("it is a child");
    let end = stage.exception(&child);
    assert_eq!(end.kind(), ExceptionKind::Shutdown);
    assert_eq!(end.detail("reason").expect("the reason").to_value(), json!({"why": "enough"}));
    assert_eq!(parent.hears()["exception"]["reason"], json!({"why": "enough"}));
}

fn who_linked_one_that_is_asked_to_end_hears_the_reason(near: &Stage, far: &Stage) {
    let parent = Puppet::new(&far.node);
    let child = parent.child(plain());
    let follower = Puppet::trapping(&near.node);
    follower.link(&child.address);
    follower.reaches(&child);
    parent.exit(&child.address, json!({"why": "enough"})).expect("it is a child");
    let exception = &follower.hears()["exception"];
    assert_eq!([&exception["type"], &exception["reason"]], [&json!("shutdown"), &json!({"why": "enough"})]);
}

#[test]
fn exit_is_a_message_of_the_node_s_to_who_traps_exits() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.guest(
        "script",
        json!([[{"receive": [[{"$host": {"shutdown": {"$type": "any"}}}], null]}]]),
        plain().trap_exit(),
    );
    parent.exit(&child, json!(["enough"])).expect("it is a child");
    let caller = parent.address.to_string();
    assert_eq!(stage.value(&child)[0]["message"], json!({"address": caller, "shutdown": ["enough"]}));
}

#[test]
fn the_operator_may_end_anybody_and_has_no_address() {
    let stage = Stage::new();
    let traps = Puppet::trapping(&stage.node);
    stage.node.exit(&traps.address, json!("by hand")).expect("it lives");
    assert_eq!(traps.hears(), json!({"address": null, "shutdown": "by hand"}));
    stage.node.kill(&traps.address).expect("it lives");
    assert_eq!(kind(&stage, &traps.address), ExceptionKind::Killed);
}

#[test]
fn who_is_asked_twice_to_end_hears_the_latest_reason_once() {
    let stage = Stage::new();
    let traps = Puppet::trapping(&stage.node);
    (0..100).for_each(|number| stage.node.exit(&traps.address, json!(number)).expect("it lives"));
    assert_eq!(traps.hears_now(), [json!({"address": null, "shutdown": 99})]);
}

#[test]
fn only_ancestors_may_end_an_actor() {
    let stage = Stage::new();
    let grandparent = Puppet::new(&stage.node);
    let parent = grandparent.child(plain());
    let (child, sibling) = (parent.child(plain()), parent.child(plain()));
    let stranger = Puppet::new(&stage.node);
    let not_permitted =
        [(&stranger, &child), (&sibling, &child), (&child, &parent), (&child, &grandparent), (&child, &child)];
    for (by, of) in not_permitted {
        assert_eq!(refused(by.kill(&of.address)), RefusalKind::NotPermitted);
        assert_eq!(refused(by.exit(&of.address, json!(1))), RefusalKind::NotPermitted);
    }
    assert!(
        [&child, &parent, &grandparent].iter().all(|actor| actor.hears_now().is_empty()),
        "all live, and heard nothing"
    );
    grandparent.exit(&child.address, json!("by an ancestor two levels up")).expect("it is an ancestor");
    assert_eq!(kind(&stage, &child.address), ExceptionKind::Shutdown);
    grandparent.kill(&sibling.address).expect("it is an ancestor");
    assert_eq!(kind(&stage, &sibling.address), ExceptionKind::Killed);
}

/// On one node it is refused here, on two there.
fn who_is_no_ancestor_ends_nobody(near: &Stage, far: &Stage) {
    let (stranger, child) = (Puppet::new(&near.node), Puppet::new(&near.node).child(plain()));
    let actor = Puppet::trapping(&far.node);
    for by in [&stranger, &child] {
        _ = by.kill(&actor.address);
        _ = by.exit(&actor.address, json!(1));
        by.reaches(&actor);
    }
    assert!(actor.hears_now().is_empty(), "it lives, and heard nothing");
}

#[test]
fn a_guest_is_refused_as_anybody_is() {
    let stage = Stage::new();
    let other = stage.spawn("takes_one", json!([]));
    let answers = stage.play(json!([
        {"kill": other.to_string()},
        {"exit": [other.to_string(), "now"]},
        {"spawn": ["takes_one", []]},
        {"kill": "2"},
        {"wait": ["2", null]},
        {"kill": "2"},
        {"kill": "somebody@"},
        {"exit": ["somebody@", 1]},
    ]));
    let refused = |step: usize| answers[step]["refused"].as_str();
    assert_eq!([refused(0), refused(1)], [Some("not-permitted"); 2]);
    assert_eq!((refused(3), refused(5)), (None, Some("no-such-actor")));
    assert_eq!(
        [refused(6), refused(7)],
        [Some("bad-address"); 2],
        "names are not for this, whether they are taken or not"
    );
    assert_eq!(answers[4]["exception"]["type"], "killed");
}

#[test]
fn an_ancestor_may_end_its_grandchild_also_when_the_parent_has_ended() {
    let stage = Stage::new();
    let grandparent = Puppet::new(&stage.node);
    let parent = grandparent.child(plain());
    let child = parent.child(plain());
    parent.returns(json!(1));
    stage.value(&parent.address);
    grandparent.kill(&child.address).expect("it is still an ancestor");
    assert_eq!(kind(&stage, &child.address), ExceptionKind::Killed);
}

fn nothing_that_a_killed_actor_does_follows_its_end(near: &Stage, far: &Stage) {
    let parent = Puppet::new(&far.node);
    let mut steps = vec![json!({"receive": [[], null]})];
    steps.extend((0..1000).map(|number| json!({"send": ["told", number]})));
    steps.push(json!({"receive": [["never"], null]}));
    let (args, mut cut_short) = (json!([steps]), 0);
    for _ in 0..100 {
        let watcher = Puppet::new(&near.node);
        let child = parent.guest("script", args.clone(), plain());
        watcher.monitor(&child);
        watcher.send(&child, json!(watcher.address)).expect("it lives");
        watcher.hears();
        parent.kill(&child).expect("it is a child");
        assert_eq!(watcher.hears_host()["exception"]["type"], "killed");
        let before = watcher.hears_now().len();
        cut_short += usize::from(before < 999);
        assert_eq!(watcher.hears_all_from(far), Vec::<Value>::new(), "after {before}");
    }
    assert!(cut_short > 0, "it was never in the middle of it");
}

#[test]
fn more_than_64_living_ancestors_are_refused() {
    let stage = Stage::new();
    let mut line = vec![Puppet::new(&stage.node)];
    for _ in 0..64 {
        let child = line.last().expect("the first").child(plain());
        line.push(child);
    }
    let last = &line[64];
    let refusal = last.try_child(plain()).err().expect("65 ancestors would live");
    assert_eq!((refusal.kind(), &refusal.details()["limit"]), (RefusalKind::Limit, &json!("depth")));
    line[0].kill(&last.address).expect("64 levels up is an ancestor");
    assert_eq!(kind(&stage, &last.address), ExceptionKind::Killed);
    line[0].returns(json!(1));
    stage.value(&line[0].address);
    let child = line[63].child(plain());
    child.child(plain());
    assert!(line[1].kill(&child.address).is_ok(), "those that have ended are not counted");
}

#[test]
fn the_first_end_counts() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.child(plain());
    let address = child.address.clone();
    parent.does(move |context| {
        context.exit(&address, json!("first")).expect("it is a child");
        context.kill(&address).expect("it is a child, and its end has not begun or it is gone");
    });
    assert_eq!(kind(&stage, &child.address), ExceptionKind::Shutdown);
}
