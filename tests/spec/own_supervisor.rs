//! What one for one means: the same for the node's own supervisor, and for one that a guest has written itself.

use std::time::Duration;

use greenroom::{Address, Backoff, ChildSpec, Clock, ExceptionKind, Node, Restart, SupervisorSpec};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;
use crate::supervisor::{address, advance_until_heard, call, child, end, up};

/// Starts a supervisor.
type Start = fn(&Stage, SupervisorSpec) -> Address;

/// Both kinds do the same with the same spec.
const KINDS: [(&str, Start); 2] = [
    ("the node's", |stage, spec| stage.node.supervise(spec).expect("it starts")),
    ("a guest's", |stage, spec| stage.spawn("own_supervisor", json!([spec]))),
];

/// The guest's is to be something that anybody writes.
const LINES_MAX: usize = 60;

/// The IDs and addresses of the children that live.
fn living(stage: &Stage, supervisor: &Address) -> Vec<(String, Address)> {
    let children = call(stage, supervisor, "which-children", Value::Null).expect("it lives");
    let children = children.as_array().expect("a list").iter().filter(|child| !child["address"].is_null());
    children.map(|child| (child["id"].as_str().expect("an ID").to_owned(), address(&child["address"]))).collect()
}

/// What a guest's own supervisor takes, code only.
#[test]
fn a_supervisor_in_a_guest_takes_60_lines() {
    let code = include_str!("../guests/scenarios/src/own_supervisor.rs");
    let lines = code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    assert!(lines.count() <= LINES_MAX);
}

#[test]
fn only_the_child_that_ended_is_started_anew() {
    let stage = Stage::new();
    for (kind, start) in KINDS {
        let hears = Puppet::new(&stage.node);
        let spec = ["a", "b", "c"].into_iter().fold(SupervisorSpec::one_for_one(), |spec, name| {
            let restart = if name == "b" { Restart::Permanent } else { Restart::Temporary };
            spec.child(child(&hears, name, "plain").restart(restart))
        });
        let supervisor = start(&stage, spec);
        let mut expected = up(&hears, 3);
        stage.send(&expected[1].1, json!("fail"));
        let again = up(&hears, 1).remove(0);
        assert!(again.0 == "b" && again.1 != expected[1].1, "{kind}: {again:?}");
        expected[1] = again;
        assert_eq!(living(&stage, &supervisor), expected, "{kind}");
        assert_eq!(hears.hears_now(), [] as [Value; 0], "{kind}");
    }
}

#[test]
fn the_type_of_restart_decides_by_how_a_child_ended() {
    use Restart::{Permanent, Temporary, Transient};
    let stage = Stage::new();
    let table = [
        // child      when it returned, was asked to end, failed, panicked, was killed
        (Permanent, [true, true, true, true, true]),
        (Transient, [false, false, true, true, true]),
        (Temporary, [false, false, false, false, false]),
    ];
    for (kind, start) in KINDS {
        for (restart, again) in table {
            for (cause, again) in ["return", "asked", "fail", "panic", "killed"].into_iter().zip(again) {
                let hears = Puppet::new(&stage.node);
                let spec = SupervisorSpec::one_for_one()
                    .child(child(&hears, "a", "plain"))
                    .child(child(&hears, "b", "plain").restart(restart));
                let supervisor = start(&stage, spec);
                let mut expected = up(&hears, 2);
                let b = expected.remove(1).1;
                end(&stage.node, &b, cause);
                // Whoever waits is told after the supervisor, so it knows.
                stage.outcome(&b);
                if again {
                    expected.extend(up(&hears, 1));
                }
                assert_eq!(living(&stage, &supervisor), expected, "{kind}: {restart:?}, {cause}");
                assert_eq!(hears.hears_now(), [] as [Value; 0], "{kind}: {restart:?}, {cause}");
            }
        }
    }
}

#[test]
fn children_end_in_the_reverse_order_and_the_slow_are_killed() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let time = Duration::from_secs(30);
    for (kind, start) in KINDS {
        let hears = Puppet::new(&stage.node);
        let spec = SupervisorSpec::one_for_one()
            // Less, and its time would be up while it is on its way.
            .child(child(&hears, "a", "orderly").shutdown(1000 * time))
            .child(child(&hears, "b", "stubborn").shutdown(time))
            .child(child(&hears, "c", "orderly"));
        let supervisor = start(&stage, spec);
        let b = up(&hears, 3)[1].1.clone();
        stage.node.exit(&supervisor, json!("enough")).expect("it lives");
        assert_eq!([hears.hears(), hears.hears()], [json!({"down": "c"}), json!({"asked": "b"})], "{kind}");
        let (waited, heard) = advance_until_heard(&clock, &hears, Duration::from_millis(100));
        assert!(waited >= time, "{kind}: {waited:?}");
        assert_eq!(heard, json!({"down": "a"}), "{kind}");
        assert_eq!(stage.value(&supervisor), json!(null), "{kind}");
        assert_eq!(stage.exception(&b).kind(), ExceptionKind::Killed, "{kind}");
    }
}

#[test]
fn a_supervisor_gives_up_when_children_end_too_often_and_takes_the_others_down() {
    let stage = Stage::new();
    for (kind, start) in KINDS {
        let hears = Puppet::new(&stage.node);
        let spec = SupervisorSpec::one_for_one()
            .child(child(&hears, "a", "orderly"))
            .child(child(&hears, "b", "plain"))
            .intensity(2, Duration::from_secs(60))
            .backoff(Backoff::none());
        let supervisor = start(&stage, spec);
        let mut b = up(&hears, 2)[1].1.clone();
        for cause in ["fail", "panic"] {
            end(&stage.node, &b, cause);
            b = up(&hears, 1)[0].1.clone();
        }
        end(&stage.node, &b, "killed");
        let why = stage.exception(&supervisor);
        assert_eq!(why.kind(), ExceptionKind::Error, "{kind}");
        assert!(why.message().contains("child `b`"), "{kind}: {why}");
        assert_eq!(hears.hears(), json!({"down": "a"}), "{kind}");
    }
}

#[test]
fn a_child_that_cannot_be_started_is_the_supervisor_s_failure() {
    let stage = Stage::new();
    for (kind, start) in KINDS {
        let hears = Puppet::new(&stage.node);
        let spec = SupervisorSpec::one_for_one()
            .child(child(&hears, "a", "plain"))
            .child(ChildSpec::new("b", "scenarios/no-such"));
        let end = stage.exception(&start(&stage, spec));
        let why = end.detail("value").expect("the refusal").to_value();
        assert_eq!(why["type"], "no-such-entry", "{kind}");
        hears.returns(Value::Null);
        stage.block_on(stage.node.emptied());
    }
}

#[test]
fn a_child_that_fails_in_its_start_is_tried_again_until_it_is_too_much() {
    let stage = Stage::new();
    stage.text("start-traps");
    for (kind, start) in KINDS {
        let spec =
            SupervisorSpec::one_for_one().child(ChildSpec::new("b", "start-traps/main")).backoff(Backoff::none());
        let end = stage.exception(&start(&stage, spec));
        assert!(end.message().contains("child `b`"), "{kind}: {end}");
        stage.block_on(stage.node.emptied());
    }
}

#[test]
fn a_supervisor_that_is_killed_takes_its_children_along() {
    let stage = Stage::new();
    for (kind, start) in KINDS {
        let hears = Puppet::new(&stage.node);
        let supervisor = start(&stage, SupervisorSpec::one_for_one().child(child(&hears, "a", "plain")));
        let a = up(&hears, 1)[0].1.clone();
        stage.node.kill(&supervisor).expect("it lives");
        assert_eq!(stage.exception(&supervisor).kind(), ExceptionKind::Killed, "{kind}");
        assert_eq!(stage.exception(&a).kind(), ExceptionKind::Linked, "{kind}");
    }
}
