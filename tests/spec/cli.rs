//! Bad input to the command line: each with its own message and exit code.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::command::{Ran, greenroom, run};
use crate::stage::{guest, text};

/// Runs the program, which must fail so, and say all of this.
fn fails(args: &[&str], code: i32, words: &[&str]) {
    let ran = run(args);
    assert_eq!(ran.code, Some(code), "greenroom {}\n{}", args.join(" "), ran.stderr);
    assert_eq!(ran.stdout, "", "a failure prints no result");
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is not said:\n{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("panicked at host"), "{}", ran.stderr);
}

fn scenarios() -> String {
    guest("scenarios").display().to_string()
}

fn wat(name: &str) -> String {
    text(name).display().to_string()
}

#[test]
fn a_value_goes_to_stdout_as_the_text_that_it_is() {
    for (word, printed) in
        [("1.0", "1.0"), ("123456789012345678901234567890", "123456789012345678901234567890"), ("a b", r#""a b""#)]
    {
        let ran = run(&["run", &scenarios(), "returns", word]);
        assert_eq!((ran.code, ran.stdout), (Some(0), format!("{printed}\n")), "{}", ran.stderr);
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn a_core_module_and_a_text_run_as_components_do() {
    for name in ["core", "echo"] {
        let ran = run(&["run", &wat(name), "main", "1", "x"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "[1,\"x\"]\n"), "{name}: {}", ran.stderr);
    }
}

#[test]
fn no_such_file_is_3() {
    fails(&["run", "nowhere.wasm", "main"], 3, &["nowhere.wasm"]);
}

#[test]
fn what_is_no_module_is_8() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let text = folder.join("text.wasm");
    std::fs::write(&text, "Dear reader,\n").expect("it can be written");
    fails(&["run", &text.display().to_string(), "main"], 8, &["text", "not WebAssembly"]);
    fails(&["run", &wat("no-run"), "main"], 8, &["no-run", "`run`"]);
    fails(&["run", &wat("unknown-import"), "main"], 8, &["acme:weather/report"]);
}

#[test]
fn an_unknown_entry_is_3_and_lists_those_there_are() {
    fails(&["run", &scenarios(), "retruns"], 3, &["retruns", "returns", "has_children", "script"]);
}

#[test]
fn no_entry_is_2_and_lists_those_there_are() {
    fails(&["run", &scenarios()], 2, &["returns", "has_children", "script"]);
}

#[test]
fn an_argument_that_must_be_json_and_is_not_is_2_and_shows_where() {
    fails(&["run", &scenarios(), "returns", "{\"a\": }"], 2, &["argument 1", "must be JSON", "^"]);
    let deep = "[".repeat(100_000);
    fails(&["run", &scenarios(), "returns", &deep], 2, &["64 deep"]);
}

#[test]
fn arguments_that_do_not_fit_are_2_and_show_what_does() {
    fails(&["run", &scenarios(), "has_children", "many"], 2, &["`has_children` takes (n: u32)"]);
}

#[test]
fn an_error_and_a_trap_are_1_and_say_why() {
    fails(&["run", &scenarios(), "fails", r#"{"message": "no flour"}"#], 1, &["no flour", "explain error"]);
    fails(
        &["run", &scenarios(), "panics", "the sky fell"],
        1,
        &["the sky fell", "trouble.rs:", "deep_down", "explain trap"],
    );
}

#[test]
fn a_crash_that_run_tells_is_not_logged_as_one_that_nobody_hears_of() {
    // One in eight was, when the wait began after the spawn.
    for _ in 0..30 {
        let ran = run(&["run", &scenarios(), "panics"]);
        assert_eq!((ran.code, ran.stderr.contains("nobody waits")), (Some(2), false), "{}", ran.stderr);
    }
}

#[test]
fn a_message_over_the_limit_and_an_address_of_nobody_end_the_actor_with_that_refusal() {
    fails(&["run", &wat("sends-17-mib"), "main"], 1, &["explain too-large", "16777216"]);
    let nobody = r#"{"$address": "aaaaaaaaaaaaaaaaaaaaaaaaaa@127.0.0.1:3433"}"#;
    fails(&["run", &scenarios(), "sends_to", nobody], 1, &["explain no-such-actor"]);
}

#[test]
fn for_programs_a_failure_is_one_line_of_json_where_the_result_would_be() {
    let (module, folder) = (scenarios(), env!("CARGO_MANIFEST_DIR"));
    for (args, code, kind, word) in [
        (&["run", "nowhere.wasm", "main"][..], 3, "exit-3", "nowhere.wasm"),
        (&["run", &wat("no-run"), "main"], 8, "exit-8", "`run`"),
        (&["run", &module, "retruns"], 3, "no-such-entry", "retruns"),
        (&["run", &module, "returns", "{"], 2, "exit-2", "must be JSON"),
        (&["inspect", "nowhere.wasm"], 3, "exit-3", "nowhere.wasm"),
        (&["build", folder], 2, "exit-2", "cdylib"),
        (&["explain", "weather"], 3, "exit-3", "weather"),
        (&["run", "--wrong"], 2, "exit-2", "--wrong"),
    ] {
        let ran = run(&[args, &["--format", "json"]].concat());
        assert_eq!((ran.code, ran.stderr.as_str(), ran.stdout.lines().count()), (Some(code), "", 1), "{args:?}");
        let told: Value = serde_json::from_str(&ran.stdout).expect("a JSON line");
        let error = &told["error"];
        assert_eq!(error["type"], kind, "{told}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(word)), "{told}");
        assert_eq!(run(&["explain", kind]).code, Some(0), "there is a page for it");
    }
    let ran = run(&["run", &module, "fails", "[1]", "--format", "json"]);
    let told: Value = serde_json::from_str(&ran.stdout).expect("a JSON line");
    assert_eq!(told, json!({"exception": {"type": "error", "message": "[1]", "value": [1]}}));
}

#[test]
fn an_error_without_words_is_told_once() {
    let ran = run(&["run", &scenarios(), "fails", r#"[{"shelf": 3}]"#]);
    assert_eq!(ran.stderr.matches("shelf").count(), 1, "{}", ran.stderr);
}

#[test]
fn with_linger_the_others_may_finish_and_without_they_are_ended() {
    let others =
        |waits: &str| format!(r#"[{{"spawn": ["script", [[{{"receive": [[], {waits}]}}, {{"print": "late"}}]]]}}]"#);
    let ran = run(&["run", &scenarios(), "script", &others("200"), "--linger"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 1), "{}", ran.stderr);
    assert!(ran.stderr.ends_with(" late\n"), "{}", ran.stderr);
    // Without it this ends at all: the other waits for ever.
    let ran = run(&["run", &scenarios(), "script", &others("null")]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn nobody_who_reads_is_no_reason_to_panic() {
    let mut child = greenroom(&["run", &scenarios(), "returns", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().expect("it ends"));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_version_names_the_engine_that_is_in_it() {
    let lock = std::fs::read_to_string(crate::command::root().join("Cargo.lock")).expect("the workspace's lock file");
    let (_, after) = lock.split_once("name = \"wasmtime\"\nversion = \"").expect("the engine is locked");
    let engine = after.split('"').next().expect("its version");
    let ran = run(&["--version"]);
    assert_eq!(
        (ran.code, ran.stdout),
        (Some(0), format!("greenroom {} (wasmtime {engine})\n", env!("CARGO_PKG_VERSION")))
    );
}
