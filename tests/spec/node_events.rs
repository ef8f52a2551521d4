//! Nodes that come and go: who is told, and what of it waits.

use greenroom::{Event, Limit, Limits, LoadOptions, Node};
use serde_json::json;

use crate::puppet::Puppet;
use crate::stage::{Stage, guest};

fn watches(node: &Node) -> Puppet {
    let watcher = Puppet::new(node);
    assert_eq!(watcher.does(|context| context.monitor_nodes(true)), Ok(false));
    watcher
}

#[test]
fn who_monitors_nodes_hears_of_each_that_comes_and_goes_and_nobody_else() {
    let stage = Stage::new();
    let (watcher, other) = (watches(&stage.node), Puppet::trapping(&stage.node));
    let there = stage.neighbour();
    let place = there.place().to_string();
    assert_eq!(watcher.hears_host(), json!({"node": place, "up": true}));
    assert_eq!(watcher.does(|context| context.nodes()), Ok(vec![there.place().clone()]));
    stage.block_on(there.shutdown());
    let down = watcher.hears_host();
    assert_eq!((&down["node"], &down["up"]), (&json!(place), &json!(false)));
    assert!(down["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{down}");
    assert_eq!(watcher.does(|context| context.nodes()), Ok(vec![]));
    assert!(other.hears_now().is_empty());
}

#[test]
fn a_guest_hears_of_nodes() {
    let stage = Stage::new();
    let is_on = stage.spawn("takes_one", json!([]));
    let guest = stage.script(json!([
        {"monitor-nodes": true},
        {"send": [is_on.to_string(), null]},
        {"receive": [[{"$host": {"node": {"$type": "string"}}}], null]},
        "nodes",
        {"monitor-nodes": false},
    ]));
    stage.value(&is_on);
    let there = stage.neighbour();
    let answers = stage.value(&guest);
    let place = there.place().to_string();
    assert_eq!((&answers[0], &answers[4]), (&json!(false), &json!(true)));
    assert_eq!(answers[2]["message"], json!({"node": place, "up": true}));
    assert_eq!(answers[3], json!([place]));
}

#[test]
fn of_a_node_that_comes_and_goes_the_latest_waits_also_in_a_full_mailbox() {
    let stage = Stage::with(Node::builder().limits(Limits::default().with(Limit::Mailbox, 1)));
    let watcher = watches(&stage.node);
    stage.send(&watcher.address, json!("it is full"));
    let mut events = stage.node.events();
    let there = stage.neighbour();
    stage.block_on(there.shutdown());
    stage.event(&mut events, |event| matches!(event, Event::NodeDown { .. }).then_some(()));
    let heard = watcher.hears_now();
    assert_eq!((heard.len(), &heard[0], &heard[1]["up"]), (2, &json!("it is full"), &json!(false)));
}

#[test]
fn the_ends_of_what_stood_with_a_node_are_told_before_it_is_said_to_be_down() {
    let stage = Stage::new();
    let watcher = watches(&stage.node);
    let there = stage.neighbour();
    assert_eq!(watcher.hears_host()["up"], true);
    let far = Puppet::new(&there);
    watcher.monitor(&far.address);
    drop(there);
    assert_eq!(watcher.hears_host()["exception"]["type"], "noconnection");
    assert_eq!(watcher.hears_host()["up"], false);
}

#[test]
fn nodes_are_an_event_for_who_runs_one() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let there = stage.neighbour();
    let place = there.place().clone();
    let up = stage.event(&mut events, |event| matches!(event, Event::NodeUp { .. }).then(|| event.to_json()));
    assert_eq!(up, format!(r#"{{"event":"node-up","node":"{place}"}}"#));
    assert_eq!(stage.node.peers(), vec![place.clone()]);
    drop(there);
    let reason = stage.event(&mut events, |event| match event {
        Event::NodeDown { node, reason } if *node == place => Some(reason.clone()),
        _ => None,
    });
    assert!(!reason.is_empty());
    assert_eq!(stage.node.peers(), []);
}

#[test]
fn without_the_grant_of_names_nodes_are_no_business_of_an_actor_s() {
    let stage = Stage::new();
    let module = stage.block_on(stage.node.load_with(guest("scenarios"), &LoadOptions::untrusted())).expect("it loads");
    let guest = stage.spawn_of(&module, "script", json!([["nodes", {"monitor-nodes": true}]]));
    let answers = stage.value(&guest);
    for answer in [&answers[0], &answers[1]] {
        assert_eq!((&answer["refused"], &answer["grant"]), (&json!("not-permitted"), &json!("names")), "{answers}");
    }
}
