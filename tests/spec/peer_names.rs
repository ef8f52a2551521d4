//! Names of another node: an address of whoever has one there when the signal arrives.

use greenroom::{Address, RefusalKind, SpawnOptions};
use serde_json::json;

use crate::peers::{all, is_lost_where_it_arrives, pair};
use crate::puppet::Puppet;

fn named(name: &str, node: &greenroom::Node) -> Address {
    format!("{name}@{}", node.place()).parse().expect("an address")
}

#[test]
fn a_name_of_another_node_reaches_who_has_it_when_the_message_arrives() {
    let (stage, there) = pair();
    let near = Puppet::new(&stage.node);
    let post = named("post", &there);
    for round in 0..3 {
        let far = Puppet::with(&there, &SpawnOptions::default().name("post"));
        assert!(near.send(&post, json!(round)).is_ok());
        stage.node.send(&post, json!([round])).expect("from the operator too");
        assert_eq!((far.hears(), far.hears()), (json!(round), json!([round])));
        far.returns(json!(null));
        stage.block_on(there.wait(&far.address)).expect("it ends well");
    }
}

#[test]
fn a_message_to_a_name_that_nobody_has_there_is_lost_where_it_arrives() {
    is_lost_where_it_arrives("nobody");
}

#[test]
fn a_monitor_of_a_name_of_another_node_gives_one_message_under_that_name() {
    let (stage, there) = pair();
    let far = Puppet::with(&there, &SpawnOptions::default().name("far"));
    let name = named("far", &there);
    let near = Puppet::new(&stage.node);
    let by_name = [near.monitor(&name), near.monitor(&name)];
    let by_id = near.monitor(&far.address);
    near.reaches_by(&name, &far);
    near.reaches(&far);
    far.fails(json!("over"));
    let mut heard = all(&near, 3);
    heard.sort_by_key(|told| told["address"] != json!(name.to_string()));
    let exception = json!({"type": "error", "message": "over", "value": "over"});
    let references = [&heard[0], &heard[1]].map(|told| told["monitor"].as_str().expect("a reference").to_owned());
    assert!(references == by_name || references == [by_name[1].clone(), by_name[0].clone()], "{references:?}");
    assert_eq!(heard[0]["exception"], exception);
    assert_eq!(heard[2], json!({"address": far.address.to_string(), "exception": exception, "monitor": by_id}));
}

#[test]
fn a_monitor_of_a_name_of_another_node_can_be_ended() {
    let (stage, there) = pair();
    let far = Puppet::with(&there, &SpawnOptions::default().name("far"));
    let name = named("far", &there);
    let near = Puppet::new(&stage.node);
    let (ended, stands) = (near.monitor(&name), near.monitor(&name));
    near.demonitor(&ended);
    near.reaches_by(&name, &far);
    far.returns(json!(1));
    assert_eq!(all(&near, 1), [json!({"address": name.to_string(), "exit": 1, "monitor": stands})]);
    near.demonitor(&stands);
}

#[test]
fn a_monitor_of_a_name_that_nobody_has_there_or_of_a_node_that_goes_is_told_once() {
    let (stage, there) = pair();
    let far = Puppet::with(&there, &SpawnOptions::default().name("far"));
    let near = Puppet::new(&stage.node);
    near.monitor(&named("nobody", &there));
    assert_eq!(all(&near, 1)[0]["exception"]["type"], "noproc");
    near.monitor(&named("far", &there));
    assert!(near.send(&far.address, json!("after it")).is_ok());
    assert_eq!(far.hears(), "after it");
    drop(there);
    assert_eq!(all(&near, 1)[0]["exception"]["type"], "noconnection");
    near.monitor(&named("far", &stage.node));
    near.monitor(&"far@127.0.0.1:1".parse().expect("an address"));
    let mut heard = all(&near, 2);
    heard.sort_by_key(|told| told["exception"]["type"].to_string());
    assert_eq!([&heard[0]["exception"]["type"], &heard[1]["exception"]["type"]], ["noconnection", "noproc"]);
}

#[test]
fn a_watcher_by_name_that_ends_is_forgotten() {
    let (stage, there) = pair();
    let far = Puppet::with(&there, &SpawnOptions::default().name("far"));
    let (near, other) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    near.monitor(&named("far", &there));
    other.monitor(&named("far", &there));
    other.reaches_by(&named("far", &there), &far);
    near.returns(json!(1));
    stage.outcome(&near.address);
    far.returns(json!(2));
    assert_eq!(all(&other, 1)[0]["exit"], 2);
}

#[test]
fn links_kill_and_exit_take_no_name_of_another_node_either() {
    let (stage, there) = pair();
    let far = Puppet::with(&there, &SpawnOptions::default().name("far"));
    let name = named("far", &there);
    let near = Puppet::new(&stage.node);
    let refused = near.does(move |context| {
        [context.link(&name), context.unlink(&name), context.kill(&name), context.exit(&name, json!(1))]
    });
    assert_eq!(refused.map(|answer| answer.unwrap_err().kind()), [RefusalKind::BadAddress; 4]);
    assert!(far.hears_now().is_empty());
}

#[test]
fn whereis_asks_the_other_node() {
    let (stage, there) = pair();
    let far = Puppet::with(&there, &SpawnOptions::default().name("far"));
    let (name, nobody) = (named("far", &there).to_string(), named("nobody", &there).to_string());
    let answers = stage.play(json!([{"whereis": name}, {"whereis": nobody}, {"whereis": "far@127.0.0.1:1"}]));
    assert_eq!(answers[0], far.address.to_string());
    assert_eq!((&answers[1]["refused"], &answers[2]["refused"]), (&json!("no-such-name"), &json!("not-connected")));
    let near = Puppet::new(&stage.node);
    let (place, own) = (there.place().clone(), stage.node.place().clone());
    let found = near.ends(move |context| Box::pin(async move { context.whereis_at("far", &place).await }));
    assert_eq!(found, Ok(far.address.clone()));
    let unknown = near.ends(move |context| Box::pin(async move { context.whereis_at("far", &own).await }));
    assert_eq!(unknown.unwrap_err().kind(), RefusalKind::NoSuchName);
    let patience = std::time::Duration::from_secs(60);
    let found = stage.block_on(stage.node.whereis_at("far", there.place(), patience));
    assert_eq!(found, Ok(far.address.clone()));
    let bad = stage.block_on(stage.node.whereis_at("No Name", there.place(), patience));
    assert_eq!(bad.unwrap_err().kind(), RefusalKind::NoSuchName);
}
