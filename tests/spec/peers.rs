//! Links, monitors, kill and exit between two nodes: the same as on one, and a node that goes is told once.

use greenroom::{Address, ExceptionKind, Node, RefusalKind, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::{Stage, cache, guest};

/// Two nodes of one mesh.
fn pair() -> (Stage, Node) {
    let stage = Stage::new();
    let there = stage.block_on(async {
        let node = Node::builder().threads(1).cache(cache()).start(&stage.mesh, "cookie@127.0.0.1:0").await;
        let node = node.expect("it starts");
        node.load(guest("scenarios")).await.expect("it loads");
        node
    });
    (stage, there)
}

fn kind(stage: &Stage, node: &Node, actor: &Address) -> ExceptionKind {
    match stage.block_on(node.outcome(actor)).expect("an actor of that node") {
        greenroom::Outcome::Exception(exception) => exception.kind(),
        greenroom::Outcome::Exit(value) => panic!("it ended well, with {value}"),
    }
}

#[test]
fn a_monitor_and_a_link_tell_of_an_end_on_another_node() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    let near = Puppet::trapping(&stage.node);
    near.link(&far.address);
    let reference = near.monitor(&far.address);
    far.fails(json!("far away"));
    let heard = [near.hears_host(), near.hears_host()];
    let exception = json!({"type": "error", "message": "far away", "value": "far away"});
    let address = far.address.to_string();
    let (link, down): (Vec<&Value>, Vec<&Value>) = heard.iter().partition(|told| told["monitor"].is_null());
    assert_eq!(link, [&json!({"address": address, "exception": exception})]);
    assert_eq!(down, [&json!({"address": address, "exception": exception, "monitor": reference})]);
}

#[test]
fn a_failure_takes_a_linked_actor_on_another_node_along_and_no_other() {
    let (stage, there) = pair();
    let (far, stranger) = (Puppet::new(&there), Puppet::new(&there));
    let near = Puppet::new(&stage.node);
    near.link(&stranger.address);
    far.link(&near.address);
    near.fails(json!(1));
    assert_eq!(kind(&stage, &there, &far.address), ExceptionKind::Linked);
    assert!(stranger.hears_now().is_empty(), "it did not agree, and lives");
}

#[test]
fn an_unlink_and_a_demonitor_reach_the_other_node() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    let near = Puppet::trapping(&stage.node);
    near.link(&far.address);
    let reference = near.monitor(&far.address);
    near.unlink(&far.address);
    near.demonitor(&reference);
    far.fails(json!(1));
    kind(&stage, &there, &far.address);
    assert!(near.hears_now().is_empty());
}

#[test]
fn a_guest_hears_of_a_guest_on_another_node() {
    let (stage, there) = pair();
    let module = stage.block_on(there.load(guest("scenarios"))).expect("it loads");
    let far = stage.block_on(there.spawn(&module, "takes_one", json!([]))).expect("it starts");
    let address = far.to_string();
    let answers = stage.play(json!([
        {"monitor": address},
        {"send": [address, "hello"]},
        {"receive": [[{"$host": {"$type": "any"}}], null]},
    ]));
    assert_eq!(answers[2]["message"], json!({"address": address, "exit": "hello", "monitor": answers[0]}));
}

#[test]
fn the_dead_of_another_node_are_noproc() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    far.returns(json!(1));
    stage.block_on(there.wait(&far.address)).expect("it ends well");
    let near = Puppet::trapping(&stage.node);
    near.link(&far.address);
    near.monitor(&far.address);
    let heard = near.hears_now();
    assert_eq!(heard.len(), 2);
    assert!(heard.iter().all(|told| told["exception"]["type"] == "noproc"), "{heard:?}");
}

#[test]
fn a_node_that_is_not_there_is_noconnection() {
    let stage = Stage::new();
    let nowhere: Address = format!("{}@127.0.0.1:1", "a".repeat(26)).parse().expect("an address");
    let near = Puppet::trapping(&stage.node);
    near.link(&nowhere);
    near.monitor(&nowhere);
    let heard = near.hears_now();
    assert_eq!(heard.len(), 2);
    assert!(heard.iter().all(|told| told["exception"]["type"] == "noconnection"), "{heard:?}");
    let follower = Puppet::new(&stage.node);
    follower.link(&nowhere);
    let cause = stage.exception(&follower.address).detail("cause").expect("why").to_value();
    assert_eq!(cause["type"], "noconnection");
}

#[test]
fn nobody_but_an_ancestor_ends_an_actor_of_another_node() {
    let (stage, there) = pair();
    let far = Puppet::trapping(&there);
    let near = Puppet::new(&stage.node);
    assert!(near.kill(&far.address).is_ok(), "it is handed over, and refused there");
    assert!(near.exit(&far.address, json!("now")).is_ok());
    assert!(far.hears_now().is_empty(), "it lives, and heard nothing");
    let operator = [stage.node.kill(&far.address), stage.node.exit(&far.address, json!("now"))];
    assert_eq!(
        operator.map(|answer| answer.map_err(|refusal| refusal.kind())),
        [const { Err(RefusalKind::NotPermitted) }; 2]
    );
    assert!(far.hears_now().is_empty());
}

#[test]
fn what_was_sent_before_an_end_comes_before_it_over_nodes_too() {
    let (stage, there) = pair();
    let near = Puppet::trapping(&stage.node);
    for _ in 0..50 {
        let far = Puppet::new(&there);
        near.link(&far.address);
        let to = near.address.clone();
        far.does(move |context| (0..3).try_for_each(|number| context.send(&to, json!(number)))).expect("it is sent");
        far.returns(json!("end"));
        let heard: Vec<Value> = (0..4).map(|_| near.hears()).collect();
        assert_eq!(heard[..3], [json!(0), json!(1), json!(2)]);
        assert_eq!(heard[3]["exit"], "end");
    }
}

#[test]
fn a_node_that_shuts_down_tells_how_its_actors_really_ended_once() {
    let (stage, there) = pair();
    let near = Puppet::trapping(&stage.node);
    let far: Vec<Puppet> = (0..10).map(|_| Puppet::new(&there)).collect();
    for actor in &far {
        near.link(&actor.address);
        near.monitor(&actor.address);
    }
    stage.block_on(there.shutdown());
    let heard = near.hears_now();
    assert_eq!(heard.len(), 20);
    assert!(heard.iter().all(|told| told["exception"]["type"] == "shutdown"), "{heard:?}");
}

#[test]
fn a_node_that_is_gone_is_noconnection_once_for_each_link_and_monitor() {
    let (stage, there) = pair();
    let (near, follower) = (Puppet::trapping(&stage.node), Puppet::new(&stage.node));
    let far: Vec<Puppet> = (0..10).map(|_| Puppet::new(&there)).collect();
    for actor in &far {
        near.link(&actor.address);
        near.monitor(&actor.address);
    }
    follower.link(&far[0].address);
    near.link(&follower.address);
    let mut events = there.events();
    drop(there);
    while stage.block_on(events.next()).is_some() {}
    let end = stage.exception(&follower.address);
    let cause = end.detail("cause").expect("why").to_value();
    assert_eq!((end.kind(), &cause["type"]), (ExceptionKind::Linked, &json!("noconnection")));
    let heard = near.hears_now();
    let lost = heard.iter().filter(|told| told["exception"]["type"] == "noconnection").count();
    assert_eq!((heard.len(), lost), (21, 20), "and of the follower");
    let refused = near.send(&far[0].address, json!(1)).expect_err("nobody is there");
    assert_eq!(refused.kind(), RefusalKind::NotConnected);
}

#[test]
fn an_actor_whose_watcher_s_node_is_gone_ends_as_if_nobody_watched() {
    let (stage, there) = pair();
    let near = Puppet::new(&stage.node);
    let far = Puppet::trapping(&there);
    far.link(&near.address);
    far.monitor(&near.address);
    drop(there);
    assert!(near.hears_now().is_empty(), "who linked nobody hears nothing");
    near.returns(json!(1));
    assert_eq!(stage.value(&near.address), 1);
}

#[test]
fn names_and_narrowed_addresses_of_another_node_are_not_there_yet() {
    let (stage, there) = pair();
    let far = Puppet::with(&there, &SpawnOptions::default().name("far"));
    let (address, name) = (far.address.to_string(), format!("far@{}", there.place()));
    let answers = stage.play(json!([
        {"send": [name, 1]},
        {"monitor": name},
        {"whereis": name},
        {"narrow": [address, {}]},
        {"wait": [address, 0]},
    ]));
    let refused: Vec<&str> = (0..5).filter_map(|step| answers[step]["refused"].as_str()).collect();
    assert_eq!(refused, ["unsupported"; 5]);
}

#[test]
fn a_narrowed_address_is_used_from_another_node() {
    let (stage, there) = pair();
    let near = Puppet::new(&stage.node);
    let narrowed = near.narrow(&near.address, json!({"rights": ["send"], "uses": 1}));
    let far = Puppet::trapping(&there);
    assert!(far.send(&narrowed, json!("hello")).is_ok());
    assert_eq!(near.hears(), "hello");
    far.monitor(&narrowed);
    assert_eq!(far.hears()["exception"]["type"], "noproc", "used up, it is as if its actor had ended");
}

#[test]
fn a_message_from_a_peer_to_nobody_is_lost_where_it_arrives_under_its_sender_s_address() {
    let (stage, there) = pair();
    let near = Puppet::new(&stage.node);
    let mut events = there.events();
    let nobody: Address = format!("{}@{}", "a".repeat(26), there.place()).parse().expect("an address");
    assert!(near.send(&nobody, json!(1)).is_err());
    let event = stage.block_on(events.next()).expect("the node is there").to_json();
    let from = &near.address;
    assert_eq!(event, format!(r#"{{"event":"lost","why":"no-such-actor","to":"{nobody}","from":"{from}","bytes":1}}"#));
}
