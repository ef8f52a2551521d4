//! Each example does what its README says.

use serde_json::Value;

use crate::command::{Ran, root, run, script_of};

/// The commands of a README and what they print: an indented command, the word `prints`, an indented text.
fn documented(readme: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = readme.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(command) = line.strip_prefix("    greenroom ") else { continue };
        assert_eq!(lines[at + 1..at + 4], ["", "prints", ""], "{command}");
        let printed = lines[at + 4..].iter().map_while(|line| line.strip_prefix("    "));
        found.push((command.to_owned(), printed.map(|line| format!("{line}\n")).collect()));
    }
    found
}

fn check(example: &str) {
    let readme = root().join("examples").join(example).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("the example has a README");
    let commands = documented(&readme);
    assert!(!commands.is_empty(), "the README shows how to run it");
    for (command, printed) in commands {
        let args: Vec<&str> = command.split_whitespace().collect();
        let ran = run(&args);
        assert_eq!((ran.code, &ran.stdout), (Some(0), &printed), "greenroom {command}\n{}", ran.stderr);
    }
}

#[test]
fn ring() {
    check("ring");
}

#[test]
fn ring_lean() {
    check("ring-lean");
}

#[test]
fn chat() {
    check("chat");
}

#[test]
fn leak() {
    check("leak");
}

#[test]
fn patterns() {
    check("patterns");
}

#[test]
fn ping_pong() {
    check("ping-pong");
}

#[test]
fn supervised_counter() {
    check("supervised-counter");
}

#[test]
fn worker_pool() {
    check("worker-pool");
}

#[test]
fn rate_limiter() {
    check("rate-limiter");
}

#[test]
fn job_queue() {
    check("job-queue");
}

/// What a script of the examples prints last.
fn last_line(script: &str) -> String {
    let runtime = tempfile::tempdir().expect("a folder");
    let ran = script_of(&root().join("examples").join(script)).env("XDG_RUNTIME_DIR", runtime.path()).output();
    let ran = Ran::from(ran.expect("the script starts"));
    assert_eq!(ran.code, Some(0), "{script}: {}", ran.stderr);
    ran.stdout.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn two_nodes() {
    assert_eq!(last_line("two-nodes/run"), r#"{"text":"hello around the ring"}"#);
}

#[test]
fn chat_over_two_nodes() {
    assert_eq!(last_line("chat/two-nodes"), r#"{"delivered":1,"signed_off":["bjarne","joe"]}"#);
}

#[test]
fn failover() {
    let line = last_line("failover/run");
    let told: Value = serde_json::from_str(&line).expect("JSON");
    let nodes = [&told["before"], &told["after"]].map(|node| node.as_str().expect("a node"));
    assert!(nodes.iter().all(|node| node.starts_with("127.0.0.1:")) && nodes[0] != nodes[1], "{line}");
    assert_eq!(told["lost"], 0);
    assert_eq!(line, format!(r#"{{"before":"{}","after":"{}","lost":0}}"#, nodes[0], nodes[1]));
}
