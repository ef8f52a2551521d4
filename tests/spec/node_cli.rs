//! `greenroom node`: how it starts, how it ends, and who can reach its control socket.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::home::{Home, Running, until};
use crate::stage::guest;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn a_node_says_when_it_is_up_and_ends_well_when_it_is_told_to() {
    let home = Home::with_cookie();
    for signal in ["-INT", "-TERM"] {
        let node = home.node();
        assert_eq!(node.up, json!({"name": node.name, "peers": [], "socket": node.socket()}));
        let waits = home.does(&["spawn", "scenarios/script", r#"[{"receive": [[], null]}]"#]);
        assert!(waits.ends_with(&format!("@{}", node.name)), "{waits}");
        let socket = node.socket();
        assert!(socket.exists());
        node.signal(signal);
        assert_eq!(node.end(), (Some(0), String::new()), "its work was to run until then");
        assert!(!socket.exists());
    }
}

#[test]
fn for_people_it_says_so_in_a_line_and_shows_events_if_it_shall() {
    let home = Home::with_cookie();
    let module = guest("scenarios").display().to_string();
    let args = ["node", "--name", "127.0.0.1:0", "--load", &module, "--events"];
    let mut child = home.command(&args).stderr(std::process::Stdio::piped()).spawn().expect("it starts");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().expect("it is piped")));
    let up = lines.next().expect("a line").expect("text");
    let name = up.strip_prefix("node ").and_then(|rest| rest.strip_suffix(" is up")).expect("its name").to_owned();
    home.does(&["spawn", "scenarios/returns", "7", "--node", &name]);
    assert!(lines.next().expect("a line").expect("text").starts_with("event: spawned "));
    assert!(lines.next().expect("a line").expect("text").ends_with(": exit 7"));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

#[test]
fn a_second_signal_ends_a_node_whose_actors_do_not_end() {
    let home = Home::with_cookie();
    let mut node = home.node();
    let stays = json!([{"trap-exit": true}, {"print": "trapped"}, {"receive": [[], null]}, {"print": "asked"},
        {"receive": [[], null]}]);
    home.does(&["spawn", "scenarios/script", &stays.to_string()]);
    node.until("trapped");
    node.signal("-INT");
    node.until("asked");
    // While it ends, it can still be looked at.
    assert_eq!(home.tells(&["ps"])["actors"].as_array().map(Vec::len), Some(1));
    node.signal("-TERM");
    assert_eq!(node.end().0, Some(143));
}

#[test]
fn a_name_is_needed_and_taken_only_once() {
    let home = Home::with_cookie();
    home.fails(&["node"], 2, &["needs a name", "--name HOST:PORT"]);
    home.fails(&["node", "--name", "nowhere"], 2, &["--name", "no `:` before a port"]);
    home.fails(&["node", "--name", "127.0.0.1:0", "--listen", "all"], 2, &["--listen", "0.0.0.0:3433"]);
    home.fails(&["node", "--join", "b.example:1"], 2, &["needs a name"]);
    home.fails(&["run", "nowhere", "main", "--join", "b.example:1"], 2, &["b.example:1", "--name"]);
    home.fails(&["run", "nowhere", "main", "--cookie-file", "c"], 2, &["--name HOST:PORT"]);
    let node = home.node();
    home.fails(&["node", "--name", &node.name], 2, &[&node.name, "running"]);
    assert_eq!(home.tells(&["ps"])["node"], node.name, "the first still has it");
}

#[test]
fn a_node_that_cannot_be_reached_is_7() {
    let home = Home::with_cookie();
    let free = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").to_string();
    home.fails(&["node", "--name", "127.0.0.1:0", "--join", &free], 7, &[&free, "nobody answers", "is it running"]);
    let module = guest("scenarios").display().to_string();
    home.fails(&["run", &module, "returns", "1", "--join", &free], 7, &[&free]);
    assert!(
        !home.sockets().exists() || fs::read_dir(home.sockets()).expect("a folder").count() <= 1,
        "no socket stays"
    );
}

#[test]
fn the_control_socket_is_its_owner_s_alone() {
    let home = Home::with_cookie();
    let node = home.node();
    assert_eq!(node.socket(), home.sockets().join(format!("{}.sock", node.name)));
    assert_eq!((mode(&home.sockets()), mode(&node.socket())), (0o700, 0o600));
    home.set_mode(&home.sockets(), 0o750);
    home.fails(&["ps"], 2, &["others can enter", "chmod 700"]);
    home.fails(&["node", "--name", "127.0.0.1:1"], 2, &["others can enter", "chmod 700"]);
    home.set_mode(&home.sockets(), 0o700);
    assert_eq!(home.tells(&["ps"])["actors"], json!([]));
    drop(node);
    fs::remove_dir_all(home.sockets()).expect("a folder");
    std::os::unix::fs::symlink("/tmp", home.sockets()).expect("a link");
    home.fails(&["node", "--name", "127.0.0.1:1"], 2, &["it is no folder"]);
}

#[test]
fn the_socket_of_a_dead_node_is_replaced() {
    let home = Home::with_cookie();
    let node = home.node();
    let (name, socket) = (node.name.clone(), node.socket());
    node.signal("-KILL");
    node.end();
    assert!(socket.exists());
    home.fails(&["ps"], 7, &["no node of yours runs"]);
    let again = home.node_named(&name, &[]);
    assert_eq!(home.tells(&["ps"])["node"], again.name);
}

#[test]
fn a_name_too_long_for_a_socket_is_told_with_what_to_do() {
    let home = Home::with_cookie();
    let name = format!("{}.example:1", ["a"; 50].join("."));
    home.fails(&["node", "--name", &name], 2, &["its path has", "XDG_RUNTIME_DIR", "shorter"]);
}

#[test]
fn without_a_folder_for_it_the_socket_is_in_one_of_the_user_s_own() {
    let home = Home::with_cookie();
    let temporary = tempfile::tempdir().expect("a folder");
    let with = |args: &[&str]| {
        let mut command = home.command(args);
        command.env_remove("XDG_RUNTIME_DIR").env("TMPDIR", temporary.path());
        command
    };
    let node = Running::new(with(&["node", "--name", "127.0.0.1:0", "--format", "json"]));
    let folder = node.socket().parent().expect("a folder").to_owned();
    assert!(folder.starts_with(temporary.path()) && mode(&folder) == 0o700, "{}", folder.display());
    assert!(with(&["ps", "--quiet"]).stdout(std::process::Stdio::null()).status().expect("it starts").success());
}

#[test]
fn a_run_that_is_a_node_of_a_mesh_can_be_looked_at_too() {
    let home = Home::with_cookie();
    let module = guest("scenarios").display().to_string();
    let script = r#"[{"receive": [[], null]}]"#;
    let args = ["run", &module, "script", script, "--name", "127.0.0.1:0", "--format", "json"];
    let child = home.command(&args).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    until(|| home.run(&["ps"]).stdout.contains("scenarios/script"));
    let actor = home.tells(&["ps"])["actors"][0]["address"].as_str().expect("an address").to_owned();
    home.does(&["send", &actor, "[1]"]);
    let output = child.wait_with_output().expect("it ends");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &told["exit"][0]["message"]), (Some(0), &json!([1])));
    let alone = home.run(&["run", &module, "returns", "1"]);
    assert_eq!(alone.code, Some(0), "one that meets nobody needs no socket: {}", alone.stderr);
}
