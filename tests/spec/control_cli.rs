//! What the operator of a running node can do from outside, and what nobody can do to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::home::{Home, Running, until};

/// A connection with a node's control socket.
fn connect(node: &Running) -> UnixStream {
    let stream = UnixStream::connect(node.socket()).expect("the node listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
    stream
}

/// What the node answers to these bytes.
fn answered(node: &Running, bytes: &[u8]) -> Value {
    let mut stream = connect(node);
    // It may stop listening before it has read all.
    _ = stream.write_all(bytes);
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("an answer");
    serde_json::from_str(&line).unwrap_or_else(|why| panic!("{why}: {line}"))
}

/// An actor that waits for ever, under this name. Its address.
fn clerk(home: &Home) -> String {
    home.does(&["spawn", "scenarios/script", r#"[{"receive": [["never"], null]}]"#, "--name", "clerk"])
}

#[test]
fn ps_tells_who_lives() {
    let home = Home::with_cookie();
    let mut node = home.node();
    assert_eq!(home.tells(&["ps"]), json!({"node": node.name, "actors": [], "more": 0}));
    let parent =
        json!([{"spawn": ["script", [[{"receive": [[], null]}]]]}, {"print": "ready"}, {"receive": [["never"], null]}]);
    let parent = home.does(&["spawn", "scenarios/script", &parent.to_string(), "--name", "clerk"]);
    node.until("ready");
    for message in ["1", "\"two\""] {
        home.does(&["send", "clerk", message]);
    }
    let listed = home.tells(&["ps"]);
    let first = json!({"address": parent, "entry": "scenarios/script", "parent": null, "names": ["clerk"],
        "messages": 2, "bytes": 6, "children": 1});
    assert_eq!(listed["actors"][0], first);
    let child = &listed["actors"][1];
    assert_eq!((&child["parent"], &child["messages"], &listed["more"]), (&json!(parent), &json!(0), &json!(0)));
    let table = home.does(&["ps"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[1].starts_with(&parent) && lines[1].ends_with("clerk"), "{table}");
    assert!(lines[2].contains(&parent[..8]), "{table}");
    let cut = home.run(&["ps", "--max", "1"]);
    assert_eq!((cut.stdout.lines().count(), cut.stderr.contains("1 more")), (2, true), "{}", cut.stderr);
}

#[test]
fn a_message_arrives_as_it_was_written() {
    let home = Home::with_cookie();
    let mut node = home.node_with(&["--events"]);
    for (written, arrives) in [
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.0", "1.0"),
        ("-5", "-5"),
        ("good morning", "\"good morning\""),
        ("{\"a\":\n \"\\n\"}", "{\"a\":  \"\\n\"}"),
    ] {
        let actor = home.does(&["spawn", "scenarios/takes_one"]);
        let sent = home.tells(&["send", &actor, written]);
        assert_eq!(sent, json!({"sent": actor}));
        let line = node.until("\"ended\"");
        assert!(line.contains(&format!("\"exit\":{arrives}")), "{line}");
    }
}

#[test]
fn a_call_prints_the_answer() {
    let home = Home::with_cookie();
    let node = home.node();
    let clerk = clerk(&home);
    let sum = home.does(&["spawn", "scenarios/sum", &json!({"$address": clerk}).to_string(), "--name", "sum"]);
    assert_eq!(home.does(&["call", "sum", "add", "2"]), "2");
    assert_eq!(home.does(&["call", &sum, "add", "-1"]), "1");
    assert_eq!(home.tells(&["call", &format!("sum@{}", node.name), "add", "0"]), json!({"answer": 1}));
    home.fails(&["call", "sum", "dance"], 3, &["has no method `dance`"]);
    home.fails(&["call", "sum", "fail", r#"{"type": "limit", "message": "no flour"}"#], 6, &["no flour"]);
    home.fails(&["call", "sum", "fail", "\"no flour\""], 1, &["the call failed: no flour"]);
    let json = home.run(&["call", "sum", "fail", "7", "--format", "json"]);
    let told: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((json.code, &told["error"]["exception"]["value"]), (Some(1), &json!(7)), "{told}");
    home.fails(&["call", "clerk", "x", "--timeout", "100ms"], 4, &["clerk@", "within 100ms", "explain timeout"]);
    home.fails(&["call", "sum", "crash"], 1, &["ended before it answered", "told to"]);
    home.fails(&["call", "sum", "add", "1"], 3, &["sum@"]);
    home.fails(&["call", "clerk", "x", "--timeout", "soon"], 2, &["--timeout"]);
}

#[test]
fn what_is_not_there_is_3_and_what_is_wrong_is_2() {
    let home = Home::with_cookie();
    let node = home.node();
    let nobody = format!("aaaaaaaaaaaaaaaaaaaaaaaaaa@{}", node.name);
    for args in [&["send", &nobody, "1"][..], &["call", &nobody, "m"], &["kill", &nobody], &["kill", "clerk"]] {
        home.fails(args, 3, &[]);
    }
    home.fails(&["send", "Clerk", "1"], 2, &["neither an ID"]);
    home.fails(&["send", "clerk", "{"], 2, &["must be JSON"]);
    home.fails(&["spawn", "returns", "1"], 2, &["MODULE/ENTRY"]);
    home.fails(&["spawn", "shop/clerk"], 3, &["no module `shop`", "scenarios"]);
    home.fails(&["spawn", "scenarios/retruns"], 3, &["retruns", "returns"]);
    home.fails(&["mesh", "ping", "127.0.0.1:1"], 7, &["127.0.0.1:1"]);
    clerk(&home);
    home.fails(&["spawn", "scenarios/returns", "1", "--name", "clerk"], 2, &["somebody else's name"]);
    let json = home.run(&["kill", &nobody, "--format", "json"]);
    let told: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((json.code, &told["error"]["type"]), (Some(3), &json!("no-such-actor")));
    assert_eq!(home.tells(&["mesh", "peers"]), json!({"node": node.name, "peers": []}));
    assert!(home.run(&["mesh", "peers"]).stderr.contains("no other"));
}

#[test]
fn a_killed_actor_has_ended_when_the_command_has() {
    let home = Home::with_cookie();
    let mut node = home.node_with(&["--events"]);
    for by_name in [false, true] {
        let clerk = clerk(&home);
        let killed = home.tells(&["kill", if by_name { "clerk" } else { &clerk }]);
        assert_eq!(killed, json!({"killed": clerk, "ended": true}));
        assert_eq!(home.tells(&["ps"])["actors"], json!([]));
        assert!(node.until("\"ended\"").contains("\"type\":\"killed\""));
    }
    let elsewhere = ["kill", "aaaaaaaaaaaaaaaaaaaaaaaaaa@127.0.0.1:1"];
    home.fails(&elsewhere, 5, &["operator of its own node"]);
}

#[test]
fn which_node_is_said_when_several_run() {
    let home = Home::with_cookie();
    home.fails(&["ps"], 7, &["no node of yours runs", "greenroom node --name"]);
    let first = home.node_named("127.0.0.1:0", &[]);
    let second = home.node_named("localhost:0", &[]);
    home.fails(&["ps"], 2, &["several", &first.name, &second.name, "--node"]);
    home.fails(&["send", "clerk", "1"], 2, &["several"]);
    home.fails(&["ps", "--node", "127.0.0.1:1"], 7, &["127.0.0.1:1", &first.name, &second.name]);
    assert_eq!(home.tells(&["ps", "--node", &second.name])["node"], second.name);
    let actor = home.does(&["spawn", "scenarios/takes_one", "--node", &second.name]);
    home.does(&["send", &actor, "1"]);
}

#[test]
fn who_speaks_otherwise_is_told_so_and_does_no_harm() {
    let home = Home::with_cookie();
    let node = home.node();
    let code = |answer: &Value| answer["says"]["failure"][0].as_u64();
    for line in ["\n", "hello\n", "{}\n", "{\"version\":1}\n", "{\"version\":1,\"says\":{\"dance\":1}}\n"] {
        assert_eq!(code(&answered(&node, line.as_bytes())), Some(2), "{line}");
    }
    let other = answered(&node, b"{\"version\":2,\"says\":{\"ps\":{\"actors_max\":1}},\"new\":1}\n");
    assert!(other["version"] == 1 && code(&other) == Some(7), "{other}");
    assert_eq!(code(&answered(&node, b"\xff\xfe\n")), Some(2));
    let long = answered(&node, &vec![b' '; 17 << 20]);
    assert_eq!((code(&long), &long["says"]["failure"][1]["type"]), (Some(2), &json!("too-large")));
    assert_eq!(home.tells(&["ps"])["actors"], json!([]));
}

#[test]
fn who_says_nothing_is_let_go_and_keeps_out_only_as_many() {
    let home = Home::with_cookie();
    let node = home.node();
    let mut silent: Vec<UnixStream> = (0..32).map(|_| connect(&node)).collect();
    home.fails(&["ps"], 6, &["answers 32 at once"]);
    let mut nothing = Vec::new();
    silent[0].read_to_end(&mut nothing).expect("it is closed by the node");
    assert!(nothing.is_empty());
    until(|| home.run(&["ps"]).code == Some(0));
}

#[test]
fn a_call_whose_caller_has_gone_is_given_up() {
    let home = Home::with_cookie();
    let node = home.node();
    let clerk = clerk(&home);
    let call =
        json!({"version": 1, "says": {"call": {"to": clerk, "method": "m", "message": null, "timeout_ms": 3_600_000}}});
    let calls: Vec<UnixStream> = (0..32)
        .map(|_| {
            let mut stream = connect(&node);
            stream.write_all(format!("{call}\n").as_bytes()).expect("it listens");
            stream
        })
        .collect();
    home.fails(&["kill", "clerk"], 6, &["at once"]);
    drop(calls);
    until(|| home.run(&["ps"]).code == Some(0));
    // The actors that made the calls are gone with them.
    until(|| home.tells(&["ps"])["actors"].as_array().map(Vec::len) == Some(1));
}
