//! `--remote-…` and `greenroom mesh modules`: what other nodes may start on a node, as its owner decides and sees it.

use serde_json::{Value, json};

use crate::command::root;
use crate::home::{Home, Running};
use crate::stage::guest;

fn scenarios() -> String {
    guest("scenarios").display().to_string()
}

/// The arguments that run steps on a node.
fn on(node: &Running, steps: &Value) -> Vec<String> {
    ["run", &scenarios(), "script", &steps.to_string(), "--on", &node.name].map(str::to_owned).to_vec()
}

/// What the steps answer there.
fn answers(home: &Home, node: &Running, steps: Value) -> Value {
    let args = on(node, &steps);
    home.tells(&args.iter().map(String::as_str).collect::<Vec<_>>())["exit"].take()
}

/// Nothing of a module runs there, and why not is said on both sides.
fn is_refused(home: &Home, node: &Running, code: i32, words: &[&str]) {
    let args = on(node, &json!([]));
    home.fails(&args.iter().map(String::as_str).collect::<Vec<_>>(), code, words);
    assert_eq!(home.tells(&["mesh", "modules", "--node", &node.name])["modules"], json!([]));
}

fn hash_of(home: &Home, path: &str) -> String {
    home.tells(&["inspect", path])["hash"].as_str().expect("a hash").to_owned()
}

#[test]
fn a_node_that_starts_nothing_for_others_says_so() {
    let home = Home::with_cookie();
    is_refused(&home, &home.bare_node(&["--remote-spawn", "no"]), 5, &["starts nothing for other nodes", "explain"]);
}

#[test]
fn a_node_may_start_listed_modules_only_and_those_that_it_has_loaded() {
    let home = Home::with_cookie();
    let (hash, other) = (hash_of(&home, &scenarios()), hash_of(&home, &guest("ring").display().to_string()));
    is_refused(&home, &home.bare_node(&["--remote-module", &other]), 5, &[&hash, "none of them"]);
    is_refused(&home, &home.bare_node(&["--remote-spawn", "listed"]), 5, &[&hash]);
    let listed = home.bare_node(&["--remote-module", &other, "--remote-module", &hash]);
    assert_eq!(answers(&home, &listed, json!([{"return": 1}])), 1);
    let loaded = home.node_with(&["--remote-spawn", "listed"]);
    assert_eq!(answers(&home, &loaded, json!([{"return": 1}])), 1);
}

#[test]
fn a_module_may_be_too_large() {
    let home = Home::with_cookie();
    is_refused(&home, &home.bare_node(&["--remote-module-size", "1KiB"]), 1, &["one may have 1024", "too-large"]);
}

#[test]
fn limits_hold_for_what_a_node_starts_and_profile_and_grants_say_what_it_may() {
    let home = Home::with_cookie();
    let spawns = json!([{"spawn": ["returns", [1]]}, {"register": "clerk"}]);
    let refused = |answer: &Value| answer["refused"].as_str().map(str::to_owned);
    let plain = answers(&home, &home.bare_node(&[]), spawns.clone());
    assert_eq!((refused(&plain[0]), refused(&plain[1]).as_deref()), (None, Some("not-permitted")));
    let few = home.bare_node(&["--remote-limit", "actors=9", "--remote-limit", "children=0"]);
    assert_eq!(refused(&answers(&home, &few, spawns.clone())[0]).as_deref(), Some("limit"));
    let friend = home.bare_node(&["--remote-profile", "local"]);
    assert_eq!(refused(&answers(&home, &friend, spawns.clone())[1]), None);
    let named = home.bare_node(&["--remote-allow", "names"]);
    assert_eq!(refused(&answers(&home, &named, spawns)[1]), None);
}

#[test]
fn what_one_node_starts_counts_together() {
    let home = Home::with_cookie();
    let far = home.bare_node(&["--remote-limit", "actors=2"]);
    let near = home.node_with(&["--join", &far.name]);
    let stays = json!([{"receive": [["never"], null]}]).to_string();
    let spawn = ["spawn", "scenarios/script", &stays, "--on", &far.name, "--node", &near.name];
    home.does(&spawn);
    home.does(&spawn);
    home.fails(&spawn, 6, &["actors"]);
    assert_eq!(answers(&home, &far, json!([{"return": 1}])), 1, "another node has a tree of its own");
}

#[test]
fn the_documentation_s_examples_do_what_they_say() {
    let home = Home::with_cookie();
    let node = home.bare_node(&[]);
    for page in ["README.md", "docs/mesh.md"] {
        let page = std::fs::read_to_string(root().join(page)).expect("it is there");
        let lines: Vec<&str> = page.lines().collect();
        let is_run =
            |line: &str| line.starts_with("$ greenroom run examples/ring ") && line.contains(" --on 127.0.0.1:3433");
        let at = lines.iter().position(|line| is_run(line)).expect("an example");
        let ring = guest("ring").display().to_string();
        let words = lines[at].split(' ').skip(2).map(|word| match word {
            "examples/ring" => &ring,
            "127.0.0.1:3433" => &node.name,
            word => word,
        });
        assert_eq!(home.does(&words.collect::<Vec<_>>()), lines[at + 1]);
    }
}

#[test]
fn modules_of_other_nodes_are_listed_and_forgotten() {
    let home = Home::with_cookie();
    let node = home.bare_node(&[]);
    assert_eq!(home.does(&["mesh", "modules"]), "");
    assert!(home.run(&["mesh", "modules"]).stderr.contains("has no module of another one"));
    answers(&home, &node, json!([]));
    let hash = hash_of(&home, &scenarios());
    let told = home.tells(&["mesh", "modules"]);
    let module = &told["modules"][0];
    assert_eq!(
        (&told["node"], &module["hash"], &module["name"]),
        (&json!(node.name), &json!(hash), &json!("scenarios"))
    );
    let size = std::fs::metadata(guest("scenarios")).expect("it is there").len();
    assert_eq!((&module["bytes"], &module["used"]), (&json!(size), &json!(false)));
    assert!(module["from"].as_str().is_some_and(|from| from.starts_with("127.0.0.1:")), "{module}");
    assert!(module["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{module}");
    let table = home.does(&["mesh", "modules"]);
    assert!(table.starts_with("HASH ") && table.contains(&format!("\n{}  scenarios", &hash[..16])), "{table}");
    for bad in ["", "1234567", "no hash!", &format!("{hash}0")] {
        home.fails(&["mesh", "forget", bad], 2, &["is no hash"]);
    }
    let other = if hash.starts_with('0') { "11111111" } else { "00000000" };
    home.fails(&["mesh", "forget", other], 3, &[other, "mesh modules"]);
    assert_eq!(home.does(&["mesh", "forget", &hash[..8].to_uppercase()]), hash);
    home.fails(&["mesh", "forget", &hash], 3, &[&hash]);
    assert_eq!(home.tells(&["mesh", "modules"])["modules"], json!([]));
    answers(&home, &node, json!([]));
    assert_eq!(home.tells(&["mesh", "forget", &hash]), json!({"forgot": hash}));
}

#[test]
fn bad_input_of_each_flag_is_2() {
    let home = Home::with_cookie();
    let hash = "0".repeat(64);
    for (flags, words) in [
        (&["--remote-spawn", "some"][..], &["--remote-spawn", "some"][..]),
        (&["--remote-module", "0123"], &["0123", "is no module's hash"]),
        (&["--remote-profile", "stranger"], &["--remote-profile", "local and untrusted"]),
        (&["--remote-limit", "memroy=1"], &["no limit `memroy`", "-L help"]),
        (&["--remote-allow", "everything"], &["--remote-allow", "everything"]),
        (&["--remote-module-size", "large"], &["--remote-module-size", "such as 32MiB"]),
        (&["--remote-module", &hash, "--remote-spawn", "yes"], &["--remote-spawn listed"]),
        (&["--remote-module", &hash, "--remote-spawn", "no"], &["--remote-spawn listed"]),
    ] {
        home.fails(&[&["node", "--name", "127.0.0.1:0"], flags].concat(), 2, words);
    }
    for flags in [
        ["--remote-spawn", "no"],
        ["--remote-module", &hash],
        ["--remote-profile", "local"],
        ["--remote-limit", "actors=1"],
        ["--remote-allow", "names"],
        ["--remote-module-size", "1MiB"],
    ] {
        home.fails(&[&["run", "nowhere", "main"][..], &flags].concat(), 2, &[flags[0], "node of a mesh", "--name"]);
    }
    assert!(home.does(&["node", "--remote-limit", "help"]).contains("`spawn-rate`"));
}
