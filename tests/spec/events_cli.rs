//! What `greenroom run --events` shows.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::command::{Ran, run};
use crate::stage::guest;

/// Runs `script` with these steps and flags.
fn watched(steps: &Value, flags: &[&str]) -> Ran {
    let (module, steps) = (guest("scenarios").display().to_string(), steps.to_string());
    let ran = run(&[&["run", &module, "script", &steps, "--events"], flags].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

/// The actors that such events are about, each of them once.
fn actors(events: &[Value], what: &str) -> BTreeSet<String> {
    let about: Vec<&str> =
        events.iter().filter(|event| event["event"] == what).filter_map(|event| event["actor"].as_str()).collect();
    let once: BTreeSet<String> = about.iter().map(ToString::to_string).collect();
    assert_eq!(once.len(), about.len(), "an actor is told twice");
    once
}

#[test]
fn for_programs_each_event_is_one_line_of_json_and_the_value_stays_on_stdout() {
    let steps = json!([{"spawn": ["returns", [{"a": 1}]]}, {"wait": ["0", null]}, {"send": ["me", "unread"]}]);
    let ran = watched(&steps, &["--format", "json"]);
    let value: Value = serde_json::from_str(&ran.stdout).expect("one value");
    let child = value["exit"][0].clone();
    let events: Vec<Value> =
        ran.stderr.lines().map(|line| serde_json::from_str(line).expect("nothing but JSON")).collect();
    let parent = events[0]["actor"].clone();
    assert_eq!(events[0], json!({"event": "spawned", "actor": parent, "parent": null}));
    assert_eq!(events[1], json!({"event": "spawned", "actor": child, "parent": parent}));
    assert_eq!(events[2], json!({"event": "ended", "actor": child, "exit": {"a": 1}}));
    assert_eq!(events[3], json!({"event": "lost", "why": "unread", "to": parent, "from": null, "bytes": 8}));
    assert_eq!(events[4], json!({"event": "ended", "actor": parent, "exit": value["exit"]}));
    assert_eq!(events.len(), 5);
}

#[test]
fn for_people_each_event_is_a_line_and_what_was_lost_is_summed_up() {
    let steps = json!([{"spawn": ["fails", ["no\nflour"]]}, {"wait": ["0", null]}, {"send": ["me", 1]}]);
    let ran = watched(&steps, &[]);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let parent = lines[0].strip_prefix("event: spawned ").expect("the first actor");
    let child = lines[1].strip_prefix("event: spawned ").and_then(|rest| rest.split(' ').next()).expect("its child");
    assert_eq!(lines[1], format!("event: spawned {child} by {parent}"));
    assert_eq!(lines[2], format!("event: ended {child}: error: no\\nflour"));
    assert_eq!(lines[3], format!("event: lost 1 bytes to {parent}: unread"));
    assert!(lines[4].starts_with(&format!("event: ended {parent}: exit [")), "{}", lines[4]);
    assert_eq!(lines[5..], ["messages lost: 1 unread"]);
    let quiet = watched(&steps, &["--quiet"]);
    assert_eq!(quiet.stderr.lines().count(), 5, "who asks for events gets them:\n{}", quiet.stderr);
}

#[test]
fn also_the_ends_that_the_shutdown_brings_are_shown() {
    const CHILDREN: usize = 300;
    let waits = json!({"spawn": ["script", [[{"receive": [[], null]}]]]});
    let ran = watched(&json!(vec![waits; CHILDREN]), &["--format", "json"]);
    let events: Vec<Value> =
        ran.stderr.lines().map(|line| serde_json::from_str(line).expect("nothing but JSON")).collect();
    let spawned = actors(&events, "spawned");
    assert_eq!((spawned.len(), events.len()), (1 + CHILDREN, 2 * (1 + CHILDREN)));
    assert_eq!(actors(&events, "ended"), spawned);
    let shut_down = events.iter().filter(|event| event["exception"]["type"] == "shutdown").count();
    assert_eq!(shut_down, CHILDREN);
}
