//! What `greenroom run` prints of a crash.

use serde_json::{Value, json};

use crate::command::{Ran, run};
use crate::stage::guest;

/// Runs `script` with these steps until all actors have ended.
fn plays(steps: &Value, flags: &[&str]) -> Ran {
    let (module, steps) = (guest("scenarios").display().to_string(), steps.to_string());
    run(&[&["run", "--linger", &module, "script", &steps], flags].concat())
}

/// A message of a word and the control characters that JSON leaves as they are, and a panic at it.
fn panics_at(word: &str) -> Value {
    json!([{"send": ["me", format!("{word}\u{7f}\u{9b}")]}, {"receive": [[], null]}, "trap"])
}

/// Such an actor under a supervisor, which starts it once more.
fn supervised() -> Value {
    let child = json!({"id": "b\u{7f}", "entry": "script", "args": [panics_at("word")], "name": "clerk"});
    let supervisor = json!({"strategy": "one-for-one", "children": [child], "intensity": 1});
    json!([{"spawn": ["greenroom/supervisor", [supervisor]]}])
}

#[test]
fn for_programs_a_crash_is_one_line_of_json() {
    let ran = plays(&supervised(), &["--format", "json"]);
    let crashes: Vec<Value> =
        ran.stderr.lines().map(|line| serde_json::from_str(line).expect("nothing but JSON")).collect();
    let supervisor = serde_json::from_str::<Value>(&ran.stdout).expect("JSON")["exit"][0].clone();
    assert_eq!(crashes.len(), 3, "twice the child, and at last its supervisor: {crashes:#?}");
    for (crash, decision) in [
        (&crashes[0]["crash"], json!({"decision": "restart", "after_ms": 0})),
        (&crashes[1]["crash"], json!({"decision": "give-up", "restarts_max": 1, "period_ms": 5000})),
    ] {
        let mut expected = decision;
        (expected["address"], expected["child"]) = (supervisor.clone(), json!("b\u{7f}"));
        assert_eq!(crash["supervisor"], expected);
        assert_eq!((&crash["entry"], &crash["names"]), (&json!("scenarios/script"), &json!(["clerk"])));
        assert_eq!(crash["exception"]["trap"], "unreachable");
        let frames = crash["exception"]["backtrace"].as_array().expect("a backtrace");
        assert!(frames.iter().any(|frame| frame.as_str().is_some_and(|frame| frame.contains("abort"))), "{frames:?}");
        assert_eq!(crash["handling"], json!({"text": "\"word\u{7f}\u{9b}\"", "bytes": 9}));
    }
    let last = &crashes[2]["crash"];
    assert_eq!((&last["actor"], &last["entry"]), (&supervisor, &json!("greenroom/supervisor")));
    assert_eq!((&last["supervisor"], &last["exception"]["value"]["type"]), (&Value::Null, &json!("too-many-restarts")));
}

#[test]
fn for_people_a_crash_is_some_lines_that_nobody_can_forge() {
    let ran = plays(&supervised(), &[]);
    let reports: Vec<&str> = ran.stderr.split("warning: ").skip(1).collect();
    assert_eq!(reports.len(), 3, "{}", ran.stderr);
    assert!(reports[0].starts_with("child `b\\u{7f}` failed and is started again: "), "{}", ran.stderr);
    for fact in [
        "\n  entry      scenarios/script\n",
        "\n  names      clerk\n",
        "\n  supervisor ",
        "\n  type       trap (unreachable)\n",
        "\n  handling   \"word\\u{7f}\\u{9b}\"\n",
        "\n  backtrace  ",
    ] {
        assert!(reports[0].contains(fact), "`{fact}` is not in:\n{}", reports[0]);
    }
    assert!(reports[1].starts_with("child `b\\u{7f}` failed and takes its supervisor down"), "{}", ran.stderr);
    assert!(reports[2].starts_with("`greenroom/supervisor` failed, and nobody waits for it: "), "{}", ran.stderr);
    assert_eq!(plays(&supervised(), &["--quiet"]).stderr, "");
}

#[test]
fn the_first_actor_s_own_failure_is_told_once_with_what_it_handled() {
    let ran = plays(&panics_at("word"), &[]);
    assert_eq!((ran.code, ran.stderr.matches("failed").count()), (Some(1), 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n  handling   \"word\\u{7f}\\u{9b}\"\n"), "{}", ran.stderr);
    let ran = plays(&panics_at("word"), &["--format", "json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    let told: Value = serde_json::from_str(&ran.stdout).expect("one value");
    assert_eq!(told["handling"], json!({"text": "\"word\u{7f}\u{9b}\"", "bytes": 9}));
    assert_eq!(told["exception"].get("handling"), None, "that is what an actor may see");
}

#[test]
fn with_events_a_crash_is_told_once_and_its_end_says_what_was_handled() {
    let steps = json!([{"spawn": ["script", [panics_at("word")]]}]);
    let ran = plays(&steps, &["--events", "--format", "json"]);
    let lines: Vec<Value> =
        ran.stderr.lines().map(|line| serde_json::from_str(line).expect("nothing but JSON")).collect();
    assert_eq!(lines.iter().filter(|line| !line["crash"].is_null()).count(), 1, "{lines:#?}");
    assert!(lines.iter().all(|line| line["event"] != "crashed"), "{lines:#?}");
    let ended: Vec<&Value> =
        lines.iter().filter(|line| line["event"] == "ended" && !line["exception"].is_null()).collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0]["handling"]["bytes"], 9);
}
