//! Narrowed addresses of another node: what they permit is decided there, and the actor's own ID stays unknown here.

use greenroom::{Event, ExceptionKind, Loss, RefusalKind};
use serde_json::json;

use crate::peers::{all, pair};
use crate::puppet::Puppet;

const TIES: &str = r#"{"rights": ["monitor", "link", "wait"]}"#;

fn ties() -> serde_json::Value {
    serde_json::from_str(TIES).expect("JSON")
}

#[test]
fn an_end_is_told_under_the_narrowed_address_that_was_linked_and_monitored() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    let narrowed = far.narrow(&far.address, json!({"rights": ["monitor", "link", "send"]}));
    let near = Puppet::trapping(&stage.node);
    near.link(&narrowed);
    let reference = near.monitor(&narrowed);
    near.reaches_by(&narrowed, &far);
    far.returns(json!(7));
    let mut heard = all(&near, 2);
    heard.sort_by_key(|told| told["monitor"].is_string());
    let address = narrowed.to_string();
    assert_eq!(
        heard,
        [json!({"address": address, "exit": 7}), json!({"address": address, "exit": 7, "monitor": reference})]
    );
}

#[test]
fn what_stands_outlives_the_address_it_was_made_by_and_can_be_ended() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    let (first, second) = (far.narrow(&far.address, ties()), far.narrow(&far.address, ties()));
    let near = Puppet::trapping(&stage.node);
    near.link(&first);
    let (ended, stands) = (near.monitor(&first), near.monitor(&first));
    near.link(&second);
    // They are made there before the addresses end.
    assert!(near.send(&far.address, json!("after it")).is_ok());
    assert_eq!(far.hears(), "after it");
    let revoked = [first.clone(), second.clone()];
    far.does(move |context| revoked.iter().try_for_each(|narrowed| context.revoke(narrowed))).expect("its own");
    near.unlink(&first);
    near.demonitor(&ended);
    far.returns(json!(7));
    let mut heard = all(&near, 2);
    heard.sort_by_key(|told| told["monitor"].is_string());
    let (link, monitor) = (json!({"address": second.to_string(), "exit": 7}), json!(first.to_string()));
    assert_eq!((&heard[0], &heard[1]["address"], &heard[1]["monitor"]), (&link, &monitor, &json!(stands)));
}

#[test]
fn a_right_that_it_lacks_is_noproc_for_links_and_monitors_and_refused_for_waits() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    let narrowed = far.narrow(&far.address, json!({"rights": ["send"]}));
    let near = Puppet::trapping(&stage.node);
    near.link(&narrowed);
    near.monitor(&narrowed);
    assert!(all(&near, 2).iter().all(|told| told["exception"]["type"] == "noproc"));
    let to = narrowed.clone();
    let waits = near.ends(move |context| Box::pin(async move { context.wait(&to, None).await }));
    assert_eq!(waits.unwrap_err().kind(), RefusalKind::NotPermitted);
    let refused = stage.block_on(stage.node.outcome(&narrowed)).unwrap_err();
    assert_eq!(refused.kind(), RefusalKind::NotPermitted);
    assert!(!refused.message().contains(&far.address.to_string()), "{refused}");
}

#[test]
fn a_message_that_it_does_not_permit_is_lost_there() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    let narrowed = far.narrow(&far.address, ties());
    let near = Puppet::new(&stage.node);
    let mut events = there.events();
    _ = near.send(&narrowed, json!(1));
    let lost = stage.event(&mut events, |event| match event {
        Event::Lost { to, loss, .. } => Some((to.clone(), *loss)),
        _ => None,
    });
    assert_eq!(lost, (narrowed, Loss::NotAdmitted));
    assert!(far.hears_now().is_empty());
}

#[test]
fn a_link_by_a_narrowed_address_takes_down_who_made_it_and_nobody_else() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    let narrowed = far.narrow(&far.address, ties());
    let (near, follower) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    near.link(&narrowed);
    follower.link(&narrowed);
    near.fails(json!(1));
    stage.exception(&near.address);
    assert!(stage.node.send(&far.address, json!("are you there?")).is_ok());
    assert_eq!(far.hears(), "are you there?", "it did not agree");
    far.fails(json!("over"));
    let end = stage.exception(&follower.address);
    assert_eq!(end.kind(), ExceptionKind::Linked);
    assert_eq!(end.detail("address").expect("whom").to_value(), json!(narrowed.to_string()));
}

#[test]
fn two_who_have_linked_each_other_one_by_a_narrowed_address_follow_each_other() {
    for near_fails in [true, false] {
        let (stage, there) = pair();
        let (near, far) = (Puppet::new(&stage.node), Puppet::new(&there));
        let narrowed = far.narrow(&far.address, ties());
        near.link(&narrowed);
        far.link(&near.address);
        // What the two do to each other arrives in order, so both links stand now.
        assert!(near.send(&far.address, json!(1)).is_ok() && far.hears() == json!(1));
        assert!(far.send(&near.address, json!(1)).is_ok() && near.hears() == json!(1));
        let (fails, follows, node) = if near_fails { (&near, &far, &there) } else { (&far, &near, &stage.node) };
        fails.fails(json!("over"));
        let outcome = stage.block_on(node.outcome(&follows.address)).expect("it ends");
        assert!(outcome.to_json().contains(r#""type":"linked""#), "{}", outcome.to_json());
    }
}

#[test]
fn an_actor_of_another_node_cannot_be_narrowed_here() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    let answers = stage.play(json!([{"narrow": [far.address.to_string(), {}]}]));
    assert_eq!(answers[0]["refused"], "unsupported");
    assert!(answers[0]["message"].as_str().expect("words").contains("only its own node can"), "{answers}");
}
