//! A guest's time is its node's.

use std::time::Duration;

use greenroom::{Clock, Node};
use serde_json::{Value, json};

use crate::stage::Stage;

#[test]
fn a_guest_that_sleeps_by_its_language_sleeps_by_the_nodes_clock() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let hour = 3_600_000;
    let actor = stage.script(json!(["monotonic", {"sleep": hour}, "monotonic"]));
    let answers = stage.advance_until_end(&clock, &actor, Duration::from_secs(600), || ());
    let slept = answers[2].as_f64().expect("a time") - answers[0].as_f64().expect("a time");
    assert!(slept >= f64::from(hour), "it slept {slept} ms");
}

#[test]
fn a_wait_ends_by_the_nodes_clock() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let never = stage.spawn("takes_one", json!([]));
    let actor = stage.script(json!([{"wait": [never.to_string(), 60_000]}]));
    assert_eq!(stage.advance_until_end(&clock, &actor, Duration::from_secs(10), || ()), json!([Value::Null]));
}

#[test]
fn a_clock_that_stands_still_stands_still_for_guests() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    clock.advance(Duration::from_millis(1500));
    assert_eq!(stage.play(json!(["monotonic", "monotonic"])), json!([1500.0, 1500.0]));
}
