//! Two nodes as two programs: how they meet, what crosses, and why they do not meet.

use std::fs;
use std::net::UdpSocket;

use serde_json::json;

use crate::home::{Home, until};
use crate::stage::guest;

#[test]
fn a_second_node_joins_in_one_command_and_actors_do_not_care_where_they_are() {
    let home = Home::with_cookie();
    let first = home.node();
    let mut second = home.node_with(&["--join", &first.name, "--events"]);
    assert_eq!(second.up["peers"], json!([first.name]));
    let name = second.name.clone();
    let (here, there) = (["--node", &first.name], ["--node", &name]);
    let at = |node: &[&str], args: &[&str]| home.does(&[args, node].concat());
    until(|| at(&here, &["mesh", "peers"]) == name);
    assert!(at(&here, &["mesh", "ping", &name]).ends_with(" ms"));
    let taker = at(&there, &["spawn", "scenarios/takes_one"]);
    at(&here, &["send", &taker, "123456789012345678901234567890"]);
    let ended = second.until("\"ended\"");
    assert!(ended.contains("\"exit\":123456789012345678901234567890"), "{ended}");
    let listens = at(&there, &["spawn", "scenarios/script", r#"[{"receive": [["never"], null]}]"#]);
    let sum = ["spawn", "scenarios/sum", &json!({"$address": listens}).to_string(), "--name", "sum"];
    at(&there, &sum);
    assert_eq!(at(&here, &["call", &format!("sum@{}", name), "add", "2"]), "2");
    home.fails(&[&["kill", &listens][..], &here].concat(), 5, &["operator of its own node"]);
    at(&there, &["kill", &listens]);
    home.fails(&[&["call", &listens, "m"][..], &here].concat(), 3, &[]);
}

#[test]
fn a_run_may_be_a_node_of_the_mesh() {
    let home = Home::with_cookie();
    let mut node = home.node_with(&["--events"]);
    let taker = home.does(&["spawn", "scenarios/takes_one"]);
    let module = guest("scenarios").display().to_string();
    let whom = json!({"$address": taker}).to_string();
    home.does(&["run", &module, "sends_to", &whom, "--join", &node.name]);
    node.until("\"ended\"");
}

#[test]
fn a_wrong_cookie_is_5_and_neither_is_shown() {
    let (home, other) = (Home::with_cookie(), Home::with_cookie());
    let node = home.node();
    let ran = other.fails(&["node", "--name", "127.0.0.1:0", "--join", &node.name], 5, &[&node.name, "cookie"]);
    for cookie in [home.cookie(), other.cookie()] {
        assert!(!ran.stderr.contains(fs::read_to_string(cookie).expect("a cookie").trim()));
    }
    assert_eq!(home.tells(&["mesh", "peers"])["peers"], json!([]));
}

#[test]
fn something_else_on_the_port_is_7() {
    let home = Home::with_cookie();
    // It is there, and never answers.
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let place = silent.local_addr().expect("its address").to_string();
    home.fails(&["node", "--name", "127.0.0.1:0", "--join", &place], 7, &[&place]);
}

#[test]
fn a_taken_name_is_2_also_where_its_control_socket_is_not_seen() {
    let (home, other) = (Home::with_cookie(), Home::with_cookie());
    fs::copy(home.cookie(), other.cookie()).expect("it is copied");
    let node = home.node();
    other.fails(&["node", "--name", &node.name], 2, &[&node.name]);
    let free = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").to_string();
    let taken = ["node", "--name", &node.name, "--listen", &free, "--join", &node.name];
    other.fails(&taken, 2, &[&node.name]);
    assert_eq!(home.tells(&["mesh", "peers"])["peers"], json!([]));
}
