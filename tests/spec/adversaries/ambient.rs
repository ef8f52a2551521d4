//! What nobody has granted, and what an earlier actor has left.

use std::collections::BTreeSet;

use serde_json::json;

use super::siege::besieged;
use crate::command::run;
use crate::stage::{guest, text};

#[test]
fn an_actor_sees_nothing_of_the_machine() {
    besieged(|siege| {
        let seen = siege.value("looks_around", json!([]));
        assert_eq!(
            seen,
            json!({
                "environment": 0, "arguments": 0, "home": false, "stdin": 0, "files": 0, "folders": 0,
                "connections": false, "listeners": false, "datagrams": false, "hosts": false,
            })
        );
    });
}

#[test]
fn honest_components_of_each_language_run_with_no_grant_at_all() {
    let hello = r#"{"text":"hello around the ring"}"#;
    for (path, entry, args, value) in [
        (guest("ring"), "build", "100", hello),
        (guest("ring-lean"), "build", "100", hello),
        (text("c/honest").with_extension("wasm"), "main", r#""in C""#, r#"["in C"]"#),
    ] {
        let ran = run(&["run", "--profile", "untrusted", &path.display().to_string(), entry, args]);
        assert_eq!((ran.code, ran.stdout.trim_end()), (Some(0), value), "{}", ran.stderr);
    }
}

#[test]
fn sockets_that_lead_nowhere_take_no_descriptors() {
    besieged(|siege| {
        let actors: Vec<_> = (0..20).map(|_| siege.spawn("makes_sockets", json!([100]))).collect();
        for actor in &actors {
            let _sockets = siege.stage.value(actor);
        }
    });
}

#[test]
fn no_two_actors_share_what_they_draw_and_none_draws_without_end() {
    besieged(|siege| {
        let actors: Vec<_> = (0..200).map(|_| siege.spawn("rolls_dice", json!([]))).collect();
        let mut drawn = BTreeSet::new();
        for actor in &actors {
            let [bytes, seed]: [String; 2] = serde_json::from_value(siege.stage.value(actor)).expect("two");
            assert!(drawn.insert(bytes) && drawn.insert(seed));
        }
        let exception = siege.exception("asks_for_randomness", json!([64 << 20]));
        assert!(exception.message().contains("65536") || exception.detail("trap").is_some(), "{exception}");
    });
}

#[test]
fn ten_thousand_actors_find_nothing_of_those_before_them() {
    besieged(|siege| {
        let canary = siege.text("canary");
        for _ in 0..50 {
            let actors: Vec<_> = (0..100).map(|_| siege.stage.spawn_of(&canary, "main", json!([]))).collect();
            actors.iter().for_each(|actor| assert_eq!(siege.stage.value(actor), 1));
        }
    });
}

/// The bytes of a terminal's control sequences and of a second line.
const STEERS: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\u{9b}31m\u{202e}two\nlines<script>";

#[test]
fn what_a_stranger_says_steers_no_terminal() {
    let adversaries = guest("adversaries").display().to_string();
    let argument = serde_json::to_string(STEERS).expect("JSON");
    for format in ["text", "json"] {
        let options = ["run", "--profile", "untrusted", "--events", "--format", format, &adversaries];
        let ran = run(&[&options[..], &["steers_terminals", &argument]].concat());
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let steering = |text: &str| text.chars().find(|character| character.is_control() && *character != '\n');
        assert_eq!((steering(&ran.stdout), steering(&ran.stderr)), (None, None), "{}{}", ran.stdout, ran.stderr);
        assert!(!ran.stderr.contains('\u{202e}') && !ran.stdout.contains('\u{202e}'), "{}", ran.stderr);
        assert!(ran.stderr.contains("owned"), "it is said all the same: {}", ran.stderr);
        assert!(!ran.stderr.lines().any(|line| line.starts_with("lines<script>")), "{}", ran.stderr);
    }
}

#[test]
fn of_a_flood_of_lines_little_is_printed_and_the_rest_is_counted() {
    let adversaries = guest("adversaries").display().to_string();
    let ran = run(&["run", "--profile", "untrusted", &adversaries, "talks", "1000", "10000"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.len() < 1 << 20, "{} bytes of 30 MB", ran.stderr.len());
    let printed = ran.stderr.lines().filter(|line| line.contains("] xxxx")).count();
    let left_out = |line: &str| line.split_once(" lines ")?.0.rsplit(' ').next()?.parse::<usize>().ok();
    assert_eq!(printed + ran.stderr.lines().filter_map(left_out).sum::<usize>(), 3000);
}

#[test]
fn a_line_without_an_end_is_cut() {
    let adversaries = guest("adversaries").display().to_string();
    let ran = run(&["run", "--profile", "untrusted", "-L", "burst=1m", &adversaries, "mumbles", "100"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "null\n"));
    assert!((8 << 10..9 << 10).contains(&ran.stderr.len()), "{} bytes", ran.stderr.len());
}
