//! Files and sockets that are granted: who is reached, and what a slow or broken one does to others.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::grants::{granted, outcomes, tries};
use crate::stage::Stage;

const DENIED: &str = "PermissionDenied";

/// Answers every connection with what it has sent, in capitals; its port.
fn shouts() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("it ends");
            // Whoever asked may be gone.
            _ = stream.write_all(text.to_uppercase().as_bytes());
        }
    });
    port
}

/// Answers every datagram so; its port.
fn shouts_datagrams() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("its address").port();
    thread::spawn(move || {
        let mut bytes = [0; 64];
        loop {
            let (length, from) = socket.recv_from(&mut bytes).expect("a datagram");
            bytes[..length].make_ascii_uppercase();
            socket.send_to(&bytes[..length], from).expect("it is sent");
        }
    });
    port
}

#[test]
fn a_connection_goes_where_it_is_granted_and_nowhere_else() {
    let stage = Stage::new();
    let (there, elsewhere) = (shouts(), shouts());
    let to = |host: &str, port: u16| json!({"tcp": format!("{host}:{port}")});
    let attempts = json!([to("127.0.0.1", there), to("127.0.0.1", elsewhere), to("127.0.0.2", there), to("[::1]", there),
        to("localhost", there), {"look-up": "localhost"}, {"look-up": "127.0.0.1"}, {"look-up": "example.org"}]);
    let found = tries(&stage, &granted(&stage, &format!("net=127.0.0.1:{there}")), attempts.clone());
    let expected = ["PING", DENIED, DENIED, DENIED, DENIED, DENIED].map(Value::from);
    assert_eq!((&found[..6], &found[6], &found[7]), (&expected[..], &json!(["127.0.0.1"]), &json!(DENIED)));
    let every = tries(&stage, &granted(&stage, "net=127.0.0.1:*"), attempts);
    assert_eq!(every[..3], ["PING", "PING", DENIED]);
}

#[test]
fn an_address_of_ipv4_written_as_one_of_ipv6_gets_nobody_further() {
    let stage = Stage::new();
    let port = shouts();
    let attempts: Vec<Value> =
        ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "0.0.0.0", "[::]"]
            .iter()
            .map(|host| json!({"tcp": format!("{host}:{port}")}))
            .collect();
    for grants in ["net=127.0.0.9:*".to_owned(), format!("net=127.0.0.1:{port}"), format!("net=localhost:{port}")] {
        let found = tries(&stage, &granted(&stage, &grants), json!(attempts));
        assert!(
            found.iter().all(|found| [DENIED, "InvalidInput"].map(Value::from).contains(found)),
            "{grants}: {found:?}"
        );
    }
    let found = tries(
        &stage,
        &granted(&stage, &format!("net=[::ffff:127.0.0.1]:{port}")),
        json!([{"tcp": format!("127.0.0.1:{port}")}]),
    );
    assert_eq!(found, ["PING"], "granted so, it is the address that it is");
}

#[test]
fn a_name_that_is_granted_is_looked_up_and_then_reached() {
    let stage = Stage::new();
    let (there, elsewhere) = (shouts(), shouts());
    let module = granted(&stage, &format!("net=localhost:{there}"));
    let direct = json!({"tcp": format!("127.0.0.1:{there}")});
    let attempts = json!([direct, {"tcp": format!("LOCALHOST.:{there}")}, direct, {"tcp": format!("localhost:{elsewhere}")},
        {"look-up": "localhost.example.org"}, {"look-up": "2130706433"}, {"look-up": "0x7f.1"}, {"look-up": "127.1"}]);
    let found = tries(&stage, &module, attempts);
    assert_eq!(found[..4], [DENIED, "PING", "PING", DENIED], "an address is reached as what the name stands for");
    assert_eq!(found[4..], [DENIED; 4]);
    assert_eq!(tries(&stage, &module, json!([direct])), [DENIED], "what one actor was told another was not");
}

#[test]
fn datagrams_go_where_they_are_granted_and_come_from_there_alone() {
    let stage = Stage::new();
    let (there, elsewhere) = (shouts_datagrams(), shouts_datagrams());
    let (to, other) = (format!("127.0.0.1:{there}"), format!("127.0.0.1:{elsewhere}"));
    let attempts = json!([{"udp": to}, {"udp": other}, {"udp-and": [to, other]}]);
    let found = tries(&stage, &granted(&stage, &format!("net={to}")), attempts);
    assert_eq!(found, [json!("PING"), json!(DENIED), json!([{"Err": DENIED}, "PING"])]);
}

#[test]
fn nobody_listens() {
    let stage = Stage::new();
    let attempts =
        json!([{"listen": "127.0.0.1:0"}, {"listen": "127.0.0.1:1"}, {"listen": "0.0.0.0:0"}, {"listen": "[::1]:0"}]);
    assert_eq!(tries(&stage, &granted(&stage, "net=127.0.0.1:*,net=[::1]:*,net=localhost:*"), attempts), [DENIED; 4]);
}

#[test]
fn a_child_reaches_at_most_what_its_parent_does() {
    let stage = Stage::new();
    let (one, two) = (shouts(), shouts());
    let module = granted(&stage, &format!("net=127.0.0.1:{one},net=127.0.0.1:{two}"));
    let attempts = json!([{"tcp": format!("127.0.0.1:{one}")}, {"tcp": format!("127.0.0.1:{two}")}]);
    let child = |grants: Value| {
        let steps = json!([[{"spawn-with": ["tries", [attempts], {"grants": grants}]}, {"wait": ["0", null]}]]);
        stage.value(&stage.spawn_of(&module, "script", steps))
    };
    let less = child(json!([format!("net=127.0.0.1:{two}")]));
    assert_eq!(outcomes(&less[1]["exit"]), [DENIED, "PING"]);
    assert_eq!(child(json!(["net=127.0.0.1:*"]))[0]["refused"], "not-permitted");
}

/// A pipe in the folder: to open it waits for its other end, which never comes.
#[test]
fn who_waits_for_a_file_holds_up_nobody_and_can_be_ended() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    std::fs::write(folder.path().join("a"), "text").expect("a file");
    let module = granted(&stage, &format!("dir={}::/data", folder.path().display()));
    // More than the node has threads for actors.
    let stuck: Vec<_> = (0..8)
        .map(|_| stage.spawn_of(&module, "tries", json!([[{"read": "/data/a"}, {"read": "/data/pipe"}]])))
        .collect();
    assert_eq!(tries(&stage, &module, json!([{"read": "/data/a"}])), ["text"]);
    assert_eq!(stage.play(json!([{"spawn": ["returns", [1]]}, {"wait": ["0", null]}]))[1], json!({"exit": 1}));
    for stuck in &stuck {
        stage.node.kill(stuck).expect("it lives");
        assert_eq!(stage.exception(stuck).kind().as_str(), "killed");
    }
    assert_eq!(stage.node.host_faults(), 0);
    // So that the threads which wait go on, and end.
    drop(std::fs::OpenOptions::new().read(true).write(true).open(&pipe).expect("the other end"));
}

#[test]
fn actors_that_share_a_folder_do_not_share_places_in_files() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().expect("a folder");
    let module = granted(&stage, &format!("dir={}::/data:rw", folder.path().display()));
    let actors: Vec<_> = (0..50)
        .map(|n| {
            let (file, text) = (format!("/data/{n}"), format!("text {n}"));
            stage.spawn_of(
                &module,
                "tries",
                json!([[{"write": [file, text]}, {"append": [file, "!"]}, {"read": file}]]),
            )
        })
        .collect();
    for (n, actor) in actors.iter().enumerate() {
        assert_eq!(outcomes(&stage.value(actor))[2], format!("text {n}!"));
    }
    assert_eq!(names(folder.path()), 50);
}

fn names(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("a folder").count()
}

/// Ended in the middle of reads, writes and connections, by a shutdown and then by the node's end.
#[test]
fn a_node_that_ends_in_the_middle_of_files_and_sockets_has_no_fault() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().expect("a folder");
    let port = shouts();
    let module = granted(&stage, &format!("dir={}::/data:rw,net=localhost:{port}", folder.path().display()));
    let actors: Vec<_> = (0..20)
        .map(|n| {
            let file = format!("/data/{n}");
            let round = [
                json!({"write": [file, "x"]}),
                json!({"read": file}),
                json!({"tcp": format!("localhost:{port}")}),
                json!({"list": "/data"}),
            ];
            let rounds: Vec<Value> = round.iter().cycle().take(4000).cloned().collect();
            stage.spawn_of(&module, "tries", json!([rounds]))
        })
        .collect();
    until(|| names(folder.path()) == actors.len());
    stage.block_on(stage.node.shutdown());
    assert_eq!((stage.node.host_faults(), stage.node.actors()), (0, 0));
    assert!(actors.iter().any(|actor| stage.exception(actor).kind().as_str() == "shutdown"));
}

/// A hundred rounds of opening and ending, by return and by kill, leave no descriptor open.
#[test]
#[cfg(target_os = "linux")]
fn an_actor_s_end_closes_what_it_had_open() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a"), "text").expect("a file");
    let module = granted(&stage, &format!("dir={}::/data", folder.path().display()));
    let marked = folder.path().canonicalize().expect("a path");
    let open = || {
        let entries = std::fs::read_dir("/proc/self/fd").expect("Linux has it");
        entries
            .filter(|entry| {
                entry.as_ref().is_ok_and(|entry| entry.path().read_link().is_ok_and(|to| to.starts_with(&marked)))
            })
            .count()
    };
    let before = open();
    for round in 0..100 {
        let actor = stage.spawn_of(&module, "tries", json!([[{"open-many": ["/data/a", 10]}]]));
        if round % 2 == 0 {
            assert_eq!(outcomes(&stage.value(&actor)), [10]);
        } else {
            // It may have ended already.
            _ = stage.node.kill(&actor);
            stage.outcome(&actor);
        }
    }
    // An end is told before the instance is taken down.
    stage.block_on(stage.node.shutdown());
    until(|| open() <= before);
}

/// Waits until it is so.
fn until(so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !so() {
        assert!(Instant::now() < patience, "it is not so in time");
        thread::yield_now();
    }
}
