//! What only two nodes have: one that is not there or goes, and what one refuses the other. The rest is as on one node.

use greenroom::{Address, Event, ExceptionKind, Node, RefusalKind};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

/// Two nodes of one mesh.
pub fn pair() -> (Stage, Node) {
    let stage = Stage::new();
    let there = stage.neighbour();
    (stage, there)
}

/// What a puppet hears next, so many messages; and it has heard all there is.
pub fn all(puppet: &Puppet, count: usize) -> Vec<Value> {
    let heard = (0..count).map(|_| puppet.hears()).collect();
    assert_eq!(puppet.hears_now(), Vec::<Value>::new());
    heard
}

#[test]
fn a_node_that_is_not_there_is_noconnection() {
    let stage = Stage::new();
    let nowhere: Address = format!("{}@127.0.0.1:1", "a".repeat(26)).parse().expect("an address");
    let near = Puppet::trapping(&stage.node);
    near.link(&nowhere);
    near.monitor(&nowhere);
    let heard = all(&near, 2);
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
    assert!(near.send(&far.address, json!("after it")).is_ok());
    assert_eq!(all(&far, 1), ["after it"], "it lives, and heard nothing else");
    let operator = [stage.node.kill(&far.address), stage.node.exit(&far.address, json!("now"))];
    assert_eq!(
        operator.map(|answer| answer.map_err(|refusal| refusal.kind())),
        [const { Err(RefusalKind::NotPermitted) }; 2]
    );
    assert!(far.hears_now().is_empty());
}

#[test]
fn a_node_that_shuts_down_tells_how_its_actors_really_ended_once() {
    let (stage, there) = pair();
    let near = Puppet::trapping(&stage.node);
    let far: Vec<Puppet> = (0..10).map(|_| Puppet::new(&there)).collect();
    for actor in &far {
        near.link(&actor.address);
        near.monitor(&actor.address);
        near.reaches(actor);
    }
    stage.block_on(there.shutdown());
    let heard = all(&near, 20);
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
    let heard = all(&near, 21);
    let lost = heard.iter().filter(|told| told["exception"]["type"] == "noconnection").count();
    assert_eq!(lost, 20, "and the follower's own end");
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
    let mut events = stage.node.events();
    drop(there);
    stage.event(&mut events, |event| matches!(event, Event::NodeDown { .. }).then_some(()));
    assert!(near.hears_now().is_empty(), "who linked nobody hears nothing");
    near.returns(json!(1));
    assert_eq!(stage.value(&near.address), 1);
}

#[test]
fn a_message_from_a_peer_to_nobody_is_lost_where_it_arrives_under_its_sender_s_address() {
    is_lost_where_it_arrives(&"a".repeat(26));
}

/// Of a message to a node that has nobody under that ID or name, that node tells who sent it.
pub fn is_lost_where_it_arrives(nobody: &str) {
    let (stage, there) = pair();
    let near = Puppet::new(&stage.node);
    let mut events = there.events();
    let nobody: Address = format!("{nobody}@{}", there.place()).parse().expect("an address");
    // Whether its own node knows already is another matter.
    _ = near.send(&nobody, json!(1));
    let event = stage.event(&mut events, |event| matches!(event, Event::Lost { .. }).then(|| event.to_json()));
    let from = &near.address;
    assert_eq!(event, format!(r#"{{"event":"lost","why":"no-such-actor","to":"{nobody}","from":"{from}","bytes":1}}"#));
}

#[test]
fn what_a_node_refuses_its_peers_it_tells_who_runs_it() {
    let (stage, there) = pair();
    let (near, far) = (Puppet::new(&stage.node), Puppet::trapping(&there));
    let mut events = there.events();
    assert!(near.kill(&far.address).is_ok(), "it is handed over");
    let (actor, what, message) = stage.event(&mut events, |event| match event {
        Event::Refused { actor, what, message, .. } => Some((actor.clone(), what.clone(), message.clone())),
        _ => None,
    });
    assert_eq!((actor, &*what), (near.address.clone(), "not-permitted"));
    assert!(message.contains(&far.address.to_string()), "{message}");
    assert!(stage.node.refused().is_empty(), "nobody here was refused anything");
}
