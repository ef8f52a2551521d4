//! Calls: an answer, or at once the reason why there is none; and what a server hears.

use std::time::{Duration, Instant};

use greenroom::{Address, ExceptionKind};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::settings::on_one_and_two_nodes;
use crate::stage::Stage;

on_one_and_two_nodes![
    a_call_is_answered,
    the_failure_of_a_method_is_its_callers_and_the_server_lives_on,
    an_unknown_method_is_told_by_name_and_only_to_the_one_who_called_it,
    a_call_to_the_dead_fails_at_once,
    a_callee_that_ends_without_an_answer_fails_the_call_at_once,
    calls_that_are_given_up_leave_no_addresses_and_no_monitors_behind,
    an_answer_arrives_in_a_full_mailbox,
    an_answer_that_cannot_be_delivered_is_told_as_a_failure,
    a_linked_actor_that_fails_takes_a_server_along_which_still_stops,
];

/// An address as it stands in a message.
fn marked(address: &Address) -> Value {
    json!({"$address": address.to_string()})
}

/// A server that sums up, and whom it tells.
fn sum(stage: &Stage) -> (Address, Puppet) {
    let listener = Puppet::new(&stage.node);
    (stage.spawn("sum", json!([marked(&listener.address)])), listener)
}

/// What came of a call, in an actor of its own that waits for ever.
fn call(stage: &Stage, whom: &Address, method: &str, message: Value) -> Value {
    stage.run("calls", json!([marked(whom), method, message, null]))
}

fn a_call_is_answered(near: &Stage, far: &Stage) {
    let (sum, _) = sum(far);
    assert_eq!(call(near, &sum, "add", json!(2)), json!({"answer": 2}));
    assert_eq!(call(near, &sum, "add", json!(40)), json!({"answer": 42}));
}

fn the_failure_of_a_method_is_its_callers_and_the_server_lives_on(near: &Stage, far: &Stage) {
    let (sum, _) = sum(far);
    let failed = call(near, &sum, "add", json!("x"));
    assert_eq!(failed["kind"], "exception");
    let exception = &failed["error"]["exception"];
    assert_eq!(*exception, json!({"type": "error", "message": "only integers can be added"}));
    let failed = call(near, &sum, "fail", json!({"because": 1}));
    assert_eq!(failed["error"]["exception"]["value"], json!({"because": 1}));
    assert_eq!(call(near, &sum, "add", json!(1)), json!({"answer": 1}));
}

fn an_unknown_method_is_told_by_name_and_only_to_the_one_who_called_it(near: &Stage, far: &Stage) {
    let ((sum, _), (other, _)) = (self::sum(far), self::sum(near));
    assert_eq!(call(near, &sum, "no-such", json!(1))["kind"], "invalid-method");
    // A server that calls another one's unknown method has the method that it was called by.
    let failed = call(near, &sum, "ask-further", marked(&other));
    assert_eq!(
        (&failed["kind"], &failed["error"]["exception"]["type"]),
        (&json!("exception"), &json!("invalid-method"))
    );
}

fn a_call_to_the_dead_fails_at_once(near: &Stage, far: &Stage) {
    let dead = far.spawn("returns", json!([1]));
    far.value(&dead);
    let failed = call(near, &dead, "add", json!(1));
    assert_eq!(failed["kind"], "ended");
    assert_eq!(failed["error"]["outcome"]["exception"]["type"], "noproc");
}

fn a_callee_that_ends_without_an_answer_fails_the_call_at_once(near: &Stage, far: &Stage) {
    let (sum, _) = sum(far);
    let failed = call(near, &sum, "crash", json!(null));
    assert_eq!((&failed["kind"], &failed["error"]["outcome"]["exception"]["type"]), (&json!("ended"), &json!("trap")));
    let silent = far.spawn("never_answers", json!([]));
    let caller = near.spawn("calls", json!([marked(&silent), "m", 1, null]));
    far.send(&silent, json!("now"));
    assert_eq!(near.value(&caller)["kind"], "ended", "also by a normal end");
}

#[test]
fn a_late_answer_does_not_reach_the_mailbox() {
    let stage = Stage::new();
    assert_eq!(stage.run("hears_late", json!([])), json!({"kind": "timeout", "more": null}));
    assert_eq!(stage.run("gives_up", json!([100])), json!(null));
}

fn calls_that_are_given_up_leave_no_addresses_and_no_monitors_behind(near: &Stage, far: &Stage) {
    let (sum, _) = sum(far);
    for _ in 0..20 {
        let failing = near.limited("narrowed=8,monitors=8", "calls", json!([marked(&sum), "fail", 1, null]));
        assert_eq!(near.value(&failing)["kind"], "exception");
    }
    let asks = near.limited("narrowed=8,monitors=8", "asks_often", json!([marked(&sum), 20]));
    assert_eq!(near.value(&asks), 20);
}

#[test]
fn answers_come_in_any_order_and_are_given_in_the_order_of_the_calls() {
    let stage = Stage::new();
    assert_eq!(stage.run("calls_at_once", json!([50])), json!((0..50).collect::<Vec<u32>>()));
}

fn an_answer_arrives_in_a_full_mailbox(near: &Stage, far: &Stage) {
    let (sum, _) = sum(far);
    let full = near.limited("mailbox=10", "calls_when_full", json!([marked(&sum)]));
    assert_eq!(near.value(&full), json!({"answer": 1}));
}

fn an_answer_that_cannot_be_delivered_is_told_as_a_failure(near: &Stage, far: &Stage) {
    let listener = Puppet::new(&far.node);
    let sum = far.limited("message=1MiB", "sum", json!([marked(&listener.address)]));
    let failed = call(near, &sum, "blow", json!(2 << 20));
    assert_eq!((&failed["kind"], &failed["error"]["exception"]["type"]), (&json!("exception"), &json!("too-large")));
    assert_eq!(call(near, &sum, "add", json!(1)), json!({"answer": 1}));
}

#[test]
fn what_only_looks_like_a_call_harms_no_server() {
    let stage = Stage::new();
    let (sum, listener) = sum(&stage);
    let answer_to = |address: &str| json!({"call": 1, "method": "add", "address": {"$address": address}, "message": 1});
    let deaf = listener.narrow(&listener.address, json!({"rights": []})).to_string();
    for address in ["nobody@127.0.0.1:1", &deaf] {
        stage.send(&sum, answer_to(address));
    }
    let no_method = json!({"call": 1, "method": 2});
    let no_address = json!({"call": 1, "method": "add", "address": "x"});
    for message in [answer_to(""), answer_to("x"), no_method, no_address, json!(null)] {
        stage.send(&sum, message.clone());
        assert_eq!(listener.hears(), json!({"no-call": message}));
    }
    assert_eq!(call(&stage, &sum, "add", json!(0)), json!({"answer": 2}), "two were carried out");
}

#[test]
fn a_stopped_server_runs_its_stop() {
    let stage = Stage::new();
    let (asked, listener) = sum(&stage);
    // It has answered, so it traps exits by now.
    assert_eq!(call(&stage, &asked, "add", json!(1)), json!({"answer": 1}));
    stage.node.exit(&asked, json!("enough")).expect("it is asked");
    assert_eq!(stage.value(&asked), json!(null));
    assert_eq!(listener.hears(), json!({"stopped": {"shutdown": "enough"}}));
    let (failing, listener) = sum(&stage);
    stage.send(&failing, json!("fail"));
    assert_eq!(stage.exception(&failing).detail("value").expect("a value").to_value(), "told to fail");
    assert_eq!(listener.hears(), json!({"stopped": {"failed": "told to fail"}}));
}

#[test]
fn a_server_ends_with_the_parent_that_it_is_linked_with() {
    let stage = Stage::new();
    for (how, value) in [("well", Some(json!(null))), ("fail", None)] {
        let listener = Puppet::new(&stage.node);
        let parent = stage.spawn("has_sum", json!([marked(&listener.address)]));
        let child: Address = listener.hears()["$address"].as_str().expect("an address").parse().expect("an address");
        stage.send(&parent, json!(how));
        assert_eq!(listener.hears(), json!({"stopped": "parent"}));
        match value {
            Some(value) => assert_eq!(stage.value(&child), value),
            None => assert_eq!(stage.exception(&child).detail("value").expect("why").to_value()["type"], "error"),
        }
    }
}

fn a_linked_actor_that_fails_takes_a_server_along_which_still_stops(near: &Stage, far: &Stage) {
    let (sum, listener) = sum(far);
    let other = near.spawn("fails_when_told", json!([]));
    assert_eq!(call(near, &sum, "link", marked(&other)), json!({"answer": 0}));
    near.send(&other, json!("go"));
    assert_eq!(far.exception(&sum).kind(), ExceptionKind::Error);
    assert_eq!(listener.hears()["stopped"]["failed"]["value"], "gone");
}

#[test]
fn a_server_acts_when_nothing_comes_and_ends_when_it_is_done() {
    let stage = Stage::new();
    let (sum, listener) = sum(&stage);
    stage.send(&sum, json!({"ticks": 3}));
    assert_eq!(stage.value(&sum), 300);
    assert_eq!(listener.hears(), json!({"stopped": "done"}));
}

#[test]
fn the_ends_of_many_are_told_in_their_order() {
    let stage = Stage::new();
    let ends = stage.run("waits_for_all", json!([[3, 13, 1, 2]]));
    assert_eq!((&ends[0], &ends[2], &ends[3]), (&json!({"answer": 6}), &json!({"answer": 2}), &json!({"answer": 4})));
    assert_eq!(ends[1]["error"]["value"], "not 13");
    let began = Instant::now();
    assert_eq!(stage.run("waits_in_vain", json!([]))[0]["kind"], "timeout");
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn bytes_arrive_as_bytes() {
    assert_eq!(Stage::new().run("sends_binary", json!([])), true);
}
