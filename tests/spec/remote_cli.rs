//! `greenroom run --on` and `spawn --on`: an actor on another node, and how it ends with the program that wanted it.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::home::{Home, Running, until};
use crate::stage::guest;

fn scenarios() -> String {
    guest("scenarios").display().to_string()
}

/// A program that runs these steps on a node, once the last of them, a word on the node's stderr, is said.
fn runs(home: &Home, node: &mut Running, steps: &[Value]) -> Child {
    let all: Vec<Value> = steps.iter().cloned().chain([json!({"eprint": "it runs"}), stays()]).collect();
    let args = ["run", &scenarios(), "script", &json!(all).to_string(), "--on", &node.name];
    let child = home.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    node.until("it runs");
    child
}

fn stays() -> Value {
    json!({"receive": [["never"], null]})
}

fn signal(child: &Child, name: &str) {
    let killed = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()), "the program runs");
}

fn actors(home: &Home, node: &Running) -> Vec<Value> {
    let told = home.tells(&["ps", "--node", &node.name]);
    told["actors"].as_array().expect("a list").clone()
}

fn modules(home: &Home, node: &Running) -> Vec<Value> {
    let told = home.tells(&["mesh", "modules", "--node", &node.name]);
    told["modules"].as_array().expect("a list").clone()
}

#[test]
fn an_actor_runs_on_another_node_and_its_module_travels_once() {
    let home = Home::with_cookie();
    let mut node = home.bare_node(&["--events"]);
    let ring = guest("ring").display().to_string();
    let on = ["--on", &node.name];
    let first = home.does(&[&["run", &ring, "build", "100"][..], &on].concat());
    assert_eq!(first, r#"{"text":"hello around the ring"}"#);
    let came = modules(&home, &node);
    assert_eq!(home.does(&[&["run", &ring, "build", "10"][..], &on].concat()), first);
    assert_eq!((came.len(), &came[0]["name"]), (1, &json!("ring")));
    assert_eq!(modules(&home, &node), came, "the second run needs nothing of it");
    let told = home.tells(&[&["run", &scenarios(), "returns", "[1.0]"][..], &on].concat());
    assert_eq!(told, json!({"exit": [1.0]}));
    assert!(node.until("\"spawned\"").contains(&node.name));
}

#[test]
fn what_it_prints_is_said_by_its_own_node() {
    let home = Home::with_cookie();
    let mut node = home.bare_node(&[]);
    let steps = json!([{"print": "from afar"}, {"return": 7}]).to_string();
    let ran = home.run(&["run", &scenarios(), "script", &steps, "--on", &node.name]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "7\n", ""));
    node.until("from afar");
}

#[test]
fn it_ends_with_the_exit_codes_of_a_run_on_this_node() {
    let home = Home::with_cookie();
    let node = home.bare_node(&["--remote-limit", "memory=16MiB"]);
    let (path, on) = (scenarios(), ["--on", &node.name]);
    let fails = |args: &[&str], code: i32, words: &[&str]| {
        home.fails(&[&["run", &path], args, &on].concat(), code, words);
    };
    fails(&["fails", r#"{"shelf": 3}"#], 1, &["the actor `fails` failed", r#"{"shelf":3}"#, "explain error"]);
    fails(&["panics", "no luck"], 1, &["no luck", "trap (unreachable)", "trouble::deep_down"]);
    fails(&["eats_memory"], 6, &["explain"]);
    fails(&["retruns", "1"], 3, &["has no entry `retruns`", "did you mean `returns`?"]);
    let told = home.run(&[&["run", &path, "fails", "1", "--format", "json"][..], &on].concat());
    let told = (told.code, serde_json::from_str::<Value>(&told.stdout).expect("JSON"));
    assert_eq!((told.0, &told.1["exception"]["type"]), (Some(1), &json!("error")));
    assert_eq!(actors(&home, &node), [] as [Value; 0]);
}

#[test]
fn a_node_that_is_lost_or_not_there_is_7() {
    let home = Home::with_cookie();
    let free = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let free = free.expect("a port").to_string();
    home.fails(&["run", &scenarios(), "returns", "1", "--on", &free], 7, &[&free, "nobody answers"]);
    let mut node = home.bare_node(&[]);
    let mut run = runs(&home, &mut node, &[]);
    node.signal("-KILL");
    assert_eq!(run.wait().expect("it ends").code(), Some(7));
}

#[test]
fn bad_input_is_2_and_nothing_is_met_for_it() {
    let home = Home::with_cookie();
    let fails = |flags: &[&str], words: &[&str]| {
        home.fails(&[&["run", &scenarios(), "returns", "1", "--on"], flags].concat(), 2, words);
    };
    fails(&["nowhere"], &["--on", "no `:` before a port"]);
    fails(&["b.example:1"], &["b.example:1", "--name"]);
    let secret = "s3cret@127.0.0.1:1";
    let ran = home.fails(&["run", &scenarios(), "returns", "1", "--on", secret], 2, &["--on", "cookie"]);
    assert!(!ran.stderr.contains("s3cret"));
    for flags in [&["--allow", "names"][..], &["--profile", "local"], &["--strict"], &["--linger"]] {
        fails(&[&["127.0.0.1:1"], flags].concat(), &["--on", flags[0], "cannot be used with"]);
    }
    fails(&["127.0.0.1:1", "-L", "memory=much"], &["memory", "greenroom run -L help"]);
}

#[test]
fn on_the_own_name_is_a_run_like_any_other() {
    let home = Home::with_cookie();
    let free = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let name = free.expect("a port").to_string();
    let steps = json!(["curaddr"]).to_string();
    let answered = home.tells(&["run", &scenarios(), "script", &steps, "--name", &name, "--on", &name]);
    assert!(answered["exit"][0].as_str().is_some_and(|address| address.ends_with(&name)), "{answered}");
}

#[test]
fn limits_lower_what_the_owner_of_the_node_gives() {
    let home = Home::with_cookie();
    let node = home.bare_node(&[]);
    let steps = json!([{"spawn": ["returns", [1]]}]).to_string();
    let run = |flags: &[&str]| {
        let args = ["run", &scenarios(), "script", &steps, "--on", &node.name];
        home.tells(&[&args, flags].concat())["exit"][0].clone()
    };
    assert!(run(&[]).is_string());
    assert_eq!(run(&["-L", "children=0"])["refused"], "limit");
}

#[test]
fn who_interrupts_the_run_asks_its_actor_to_end() {
    let home = Home::with_cookie();
    let mut node = home.bare_node(&["--events"]);
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut run = runs(&home, &mut node, &[]);
        signal(&run, name);
        assert_eq!(run.wait().expect("it ends").code(), Some(code));
        let ended = node.until("\"ended\"");
        assert!(ended.contains("\"shutdown\""), "{ended}");
    }
    // One that traps exits hears of it, also when it has talked to whom it knows as its parent.
    let own_end = [json!("parent"), json!({"send": ["0", "hello"]}), json!({"trap-exit": true})];
    let args =
        json!([own_end[0], own_end[1], own_end[2], {"eprint": "it runs"}, {"receive": [[], null]}, {"return": 7}]);
    let args = ["run", &scenarios(), "script", &args.to_string(), "--on", &node.name];
    let mut run = home.command(&args).stdout(Stdio::null()).spawn().expect("it starts");
    node.until("it runs");
    signal(&run, "-INT");
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    let ended = node.until("\"ended\"");
    assert!(ended.contains("\"exit\":7"), "{ended}");
}

#[test]
fn an_actor_that_does_not_end_when_it_is_asked_is_killed() {
    let home = Home::with_cookie();
    let mut node = home.bare_node(&["--events"]);
    let mut run = runs(&home, &mut node, &[json!({"trap-exit": true})]);
    signal(&run, "-INT");
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    let ended = node.until("\"ended\"");
    assert!(ended.contains("\"killed\""), "{ended}");
}

#[test]
fn an_actor_ends_with_a_run_that_is_killed() {
    let home = Home::with_cookie();
    let mut node = home.bare_node(&["--events"]);
    let mut run = runs(&home, &mut node, &[]);
    run.kill().expect("it runs");
    run.wait().expect("it ends");
    let killed = std::time::Instant::now();
    let ended = node.until("\"ended\"");
    assert!(ended.contains("\"linked\""), "{ended}");
    assert!(killed.elapsed() < std::time::Duration::from_secs(15), "a lost node is told within 5 s: {killed:?}");
    assert_eq!(actors(&home, &node), [] as [Value; 0]);
}

#[test]
fn a_running_node_starts_an_actor_on_a_peer_and_can_end_it() {
    let home = Home::with_cookie();
    let far = home.bare_node(&[]);
    let near = home.node_with(&["--join", &far.name]);
    let from = |args: &[&str]| home.does(&[args, &["--node", &near.name]].concat());
    let actor = from(&["spawn", "scenarios/script", &json!([stays()]).to_string(), "--on", &far.name]);
    assert!(actor.ends_with(&format!("@{}", far.name)), "{actor}");
    assert_eq!(actors(&home, &far)[0]["entry"], "scenarios/script");
    from(&["kill", &actor]);
    until(|| actors(&home, &far).is_empty());
    let fails = |entry: &str, flags: &[&str], code: i32, words: &[&str]| {
        home.fails(&[&["spawn", entry, "1", "--node", &near.name, "--on"], flags].concat(), code, words);
    };
    fails("scenarios/retruns", &[&far.name], 3, &["no entry `retruns`"]);
    fails("scenarios/returns", &["127.0.0.1:1"], 7, &["127.0.0.1:1"]);
    fails("scenarios/returns", &["nowhere"], 2, &["--on"]);
    fails("scenarios/returns", &[&far.name, "--name", "x"], 5, &["names"]);
    let here = from(&["spawn", "scenarios/returns", "1", "--on", &near.name]);
    assert!(here.ends_with(&format!("@{}", near.name)), "{here}");
}
