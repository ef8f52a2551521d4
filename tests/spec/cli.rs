//! Bad input to the command line: each with its own message and exit code.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

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
fn a_message_over_the_limit_and_an_address_of_nobody_end_the_actor_with_that_refusal() {
    fails(&["run", &wat("sends-17-mib"), "main"], 1, &["explain too-large", "16777216"]);
    let nobody = r#"{"$address": "aaaaaaaaaaaaaaaaaaaaaaaaaa@127.0.0.1:3433"}"#;
    fails(&["run", &scenarios(), "sends_to", nobody], 1, &["explain no-such-actor"]);
}

#[test]
fn an_interrupt_ends_even_a_start_function_that_loops() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut command = greenroom(&["run", &wat("start-loops"), "main"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        // When the actor has said something, there is an actor to interrupt.
        let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let started = lines.map_while(Result::ok).find(|line| line.contains("has begun"));
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("there is kill");
        assert!(killed.success() && started.is_some());
        let output = Ran::from(child.wait_with_output().expect("it ends"));
        assert_eq!(output.code, Some(code));
    }
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

/// In a process of its own, since the limit is the process's.
#[test]
fn one_actor_more_than_the_machine_s_mappings_allow_is_refused_with_6() {
    fails(
        &["run", &guest("ring-lean").display().to_string(), "build", "40000"],
        6,
        &["limit", "mappings", "max_map_count"],
    );
}
