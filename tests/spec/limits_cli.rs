//! Limits on the command line.

use serde_json::{Value, json};

use crate::command::{Ran, run};
use crate::stage::guest;

fn of(name: &str) -> String {
    guest(name).display().to_string()
}

fn ended(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{}", ran.stderr);
    words.iter().for_each(|word| assert!(ran.stderr.contains(word), "`{word}` is not said:\n{}", ran.stderr));
}

#[test]
fn a_stranger_s_ring_of_ten_thousand_ends_with_6_and_says_what_was_refused_how_often_and_to_whom() {
    let ran = run(&["run", "--profile", "untrusted", &of("ring"), "build", "10000"]);
    ended(
        &ran,
        6,
        &["error (limit)", "the limit `children`", "\nrefused: children 1 times, the first time to ", "1000"],
    );
    let ran = run(&["run", "--format", "json", "--profile", "untrusted", &of("ring"), "build", "10000"]);
    let outcome: Value = serde_json::from_str(&ran.stdout).expect("the outcome");
    assert_eq!((ran.code, &outcome["exception"]["value"]["limit"]), (Some(6), &json!("children")));
    let refused = ran.stderr.lines().find(|line| line.starts_with(r#"{"refused""#)).expect("a line of it");
    let refused: Value = serde_json::from_str(refused).expect("JSON");
    assert_eq!([&refused["refused"]["what"], &refused["refused"]["times"]], [&json!("children"), &json!(1)]);
}

#[test]
fn a_limit_that_ends_an_actor_is_6_however_it_ends() {
    let scenarios = of("scenarios");
    ended(&run(&["run", "-L", "burst=20ms", &scenarios, "spins"]), 6, &["limit      \"burst\"", "max        20"]);
    ended(&run(&["run", "-L", "lifetime=20ms", &scenarios, "spins"]), 6, &["limit      \"lifetime\""]);
    let ran = run(&["run", "-L", "memory=16MiB", &scenarios, "eats_memory"]);
    ended(&ran, 6, &["trap (out-of-memory)", "limit      \"memory\"", "16777216", "refused: memory"]);
}

#[test]
fn limits_of_one_s_own_go_before_those_of_a_profile_and_beyond_the_node_s_bounds() {
    let ran = run(&[
        "run",
        "--profile",
        "untrusted",
        "-L",
        "children=2000",
        "-L",
        "spawn-rate=2000",
        &of("ring"),
        "build",
        "1500",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = run(&["run", "-L", "memory=100MiB", &of("scenarios"), "eats_memory"]);
    ended(&ran, 6, &["max        104857600"]);
}

#[test]
fn the_limits_are_listed_and_what_is_none_is_told_with_those_there_are() {
    let ran = run(&["run", "-L", "help"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("| `children` | - | 1000 |"), "{}", ran.stdout);
    for (limit, says) in
        [("memroy=1", "there is no limit `memroy`"), ("memory", "NAME=AMOUNT"), ("burst=1", "such as 500ms or 2s")]
    {
        ended(&run(&["run", "-L", limit, "a.wasm", "main"]), 2, &[says, "greenroom run -L help"]);
    }
    ended(&run(&["run", "--profile", "friendly", "a.wasm", "main"]), 2, &["local and untrusted"]);
}

#[test]
fn a_flood_of_lines_is_cut_and_the_rest_is_counted() {
    let ran = run(&["run", "-L", "log-rate=1KiB", &of("scenarios"), "prints_often", "2000"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let printed = ran.stderr.lines().filter(|line| line.contains("] line ")).count();
    let left_out: usize = ran
        .stderr
        .lines()
        .filter_map(|line| line.split_once(" lines ")?.0.rsplit(' ').next()?.parse::<usize>().ok())
        .sum();
    assert_eq!(printed + left_out, 2000, "{}", ran.stderr);
    assert!((50..200).contains(&printed), "{printed}");
}
