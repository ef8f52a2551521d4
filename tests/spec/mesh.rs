//! Several nodes of one process, on one mesh.

use greenroom::{Address, Event, JoinError, Mesh, Node, RefusalKind, StartError};
use serde_json::{Value, json};

use crate::stage::{Stage, guest};

#[test]
fn actors_of_two_nodes_exchange_messages() {
    let stage = Stage::new();
    let there = stage.neighbour();
    let module = stage.block_on(there.load(guest("scenarios"))).expect("it loads");
    let answers_back = json!([[{"receive": [[], null]}, {"send": ["told", "pong"]}]]);
    let partner = stage.block_on(there.spawn(&module, "script", answers_back)).expect("it starts");
    assert_ne!(partner.place(), stage.node.place());
    let answers = stage.play(json!([{"tell": [partner.to_string(), "me"]}, {"receive": [[], null]}]));
    assert_eq!(answers[1], json!({"pattern": 0, "from_host": false, "message": "pong"}));
    stage.block_on(there.shutdown());
}

#[test]
fn messages_to_another_node_keep_their_order_and_their_bytes() {
    let stage = Stage::new();
    let there = stage.neighbour();
    let module = stage.block_on(there.load(guest("scenarios"))).expect("it loads");
    let taker = stage.block_on(there.spawn(&module, "takes_in_reverse", json!([100]))).expect("it starts");
    (0..100).for_each(|number| stage.send(&taker, json!(number)));
    stage.send(&taker, json!("go"));
    let taken = stage.block_on(there.wait(&taker)).expect("it ends well");
    assert_eq!(taken, Value::from_iter((0..100).rev()));
    let taker = stage.block_on(there.spawn(&module, "takes_one", json!([]))).expect("it starts");
    let text = r#"{"n":123456789012345678901234567890,"f":1.0}"#;
    stage.send(
        &taker,
        greenroom::Message::admit(text.to_owned(), greenroom::Admission::default()).expect("a JSON text"),
    );
    let greenroom::Outcome::Exit(value) = stage.block_on(there.outcome(&taker)).expect("it is known") else {
        panic!("it ends well")
    };
    assert_eq!(value.as_str(), text);
}

#[test]
fn who_has_another_cookie_or_a_name_that_is_taken_does_not_join() {
    let stage = Stage::new();
    let name = |cookie: &str| format!("{cookie}@{}", stage.node.place());
    let start = |name: String| stage.block_on(Node::start(&stage.mesh, &name));
    let wrong = stage.block_on(Node::start(&stage.mesh, "other@127.0.0.1:0"));
    assert!(matches!(wrong, Err(StartError::Join(JoinError::WrongCookie(_)))), "{wrong:?}");
    assert!(matches!(start(name("cookie")), Err(StartError::Join(JoinError::NameTaken(_)))));
    stage.block_on(stage.node.shutdown());
    start(name("cookie")).expect("the name is free again");
}

#[test]
fn a_name_that_is_none_says_what_is_wrong() {
    for name in
        ["", "cookie", "cookie@127.0.0.1", "@127.0.0.1:1", "cookie@127.0.0.1:65536", "cookie@:1", "cookie@::1:1"]
    {
        let refused = crate::stage::block_on(Node::start(&Mesh::new(), name));
        let Err(StartError::Name(why)) = refused else { panic!("{name} is no name: {refused:?}") };
        assert!(!why.to_string().is_empty());
    }
    let node = crate::stage::block_on(Node::start(&Mesh::new(), "cookie@[::1]:3433")).expect("it starts");
    assert_eq!(node.place().to_string(), "[::1]:3433");
}

#[test]
fn port_0_takes_a_number_that_is_free() {
    let stage = Stage::new();
    let there = stage.neighbour();
    assert_ne!(stage.node.place(), there.place());
    assert!(stage.node.place().port() != 0 && there.place().port() != 0);
}

#[test]
fn a_node_that_left_is_not_connected() {
    let stage = Stage::new();
    let there = stage.neighbour();
    let module = stage.block_on(there.load(guest("scenarios"))).expect("it loads");
    let actor: Address = stage.block_on(there.spawn(&module, "takes_one", json!([]))).expect("it starts");
    let mut events = stage.node.events();
    stage.block_on(there.shutdown());
    stage.event(&mut events, |event| matches!(event, Event::NodeDown { .. }).then_some(()));
    assert_eq!(stage.node.send(&actor, json!(1)).unwrap_err().kind(), RefusalKind::NotConnected);
}

/// A node of the world, which has met those.
fn member(peers: &[&str]) -> Node {
    let mesh = Mesh::join(peers).expect("no place is wrong");
    crate::stage::block_on(Node::builder().threads(1).start(&mesh, "cookie@127.0.0.1:0")).expect("it starts")
}

#[test]
fn a_node_is_met_by_another_name_of_its_machine_too() {
    let here = member(&[]);
    let there = member(&[&format!("localhost:{}", here.place().port())]);
    assert_eq!(there.peers(), [here.place().clone()]);
}

#[test]
fn a_node_connects_with_another_when_it_is_told_to() {
    let (here, there) = (member(&[]), member(&[]));
    assert!(here.peers().is_empty());
    crate::stage::block_on(here.connect(there.place())).expect("it is there");
    assert_eq!((here.peers(), there.peers()), (vec![there.place().clone()], vec![here.place().clone()]));
    crate::stage::block_on(here.connect(there.place())).expect("it is connected");
    let nobody = "127.0.0.1:1".parse().expect("a place");
    let refused = crate::stage::block_on(here.connect(&nobody)).expect_err("nobody is there");
    assert!(matches!(refused, JoinError::Unreachable { .. }), "{refused}");
}
