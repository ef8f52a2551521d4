//! Links and monitors by a narrowed address: that address is what is told, and what ends them.

use greenroom::ExceptionKind;
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

#[test]
fn who_monitors_or_links_by_a_narrowed_address_is_told_of_that_one() {
    let stage = Stage::new();
    let owner = Puppet::new(&stage.node);
    let narrowed = owner.narrow(&owner.address, json!({})).to_string();
    let ready = Puppet::new(&stage.node);
    let actor = stage.script(json!([
        {"trap-exit": true},
        {"monitor": narrowed},
        {"link": narrowed},
        {"send": [ready.address.to_string(), "ready"]},
        {"receive": [[], null]},
        {"receive": [[], null]},
        {"receive": [[], 0]},
    ]));
    assert_eq!(ready.hears(), "ready");
    owner.fails(json!(1));
    let answers = stage.value(&actor);
    assert!([4, 5].iter().all(|step| answers[*step]["message"]["address"] == narrowed), "{answers}");
    assert_eq!(answers[6], Value::Null);
    let real = owner.address.to_string();
    assert!(!answers.to_string().contains(&real), "nothing tells the real address");
}

#[test]
fn a_guest_hears_which_of_its_addresses_a_message_was_sent_to() {
    let stage = Stage::new();
    let owner = Puppet::new(&stage.node);
    let me = owner.address.to_string();
    let actor = stage.script(json!([
        {"narrow": ["me", {}]},
        {"narrow": ["me", {"uses": 1}]},
        "via",
        {"monitor": me},
        {"report": me},
        {"receive": [["many"], null]}, "via",
        {"receive": [["never"], 0]}, "via",
        {"receive": [["own"], null]}, "via",
        {"receive": [["once"], null]}, "via",
        {"receive": [[{"$host": {}}], null]}, "via",
    ]));
    let report = owner.hears();
    for (to, message) in [(&report[0], "many"), (&report[1], "once"), (&json!(actor.to_string()), "own")] {
        stage.send(&to.as_str().expect("an address").parse().expect("an address"), json!(message));
    }
    owner.returns(Value::Null);
    let answers = stage.value(&actor);
    let via: Vec<&Value> = [2, 6, 8, 10, 12, 14].iter().map(|step| &answers[*step]).collect();
    assert_eq!(via, [&Value::Null, &report[0], &report[0], &Value::Null, &report[1], &Value::Null]);
}

#[test]
fn who_goes_with_an_actor_linked_by_a_narrowed_address_names_that_one() {
    let stage = Stage::new();
    let (owner, follower) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    let narrowed = owner.narrow(&owner.address, json!({"rights": ["link"]}));
    follower.link(&narrowed);
    owner.fails(json!(1));
    let end = stage.exception(&follower.address);
    assert_eq!(end.kind(), ExceptionKind::Linked);
    assert_eq!(end.detail("address").expect("whom").to_value(), narrowed.to_string());
    assert!(!end.to_json().contains(&owner.address.to_string()));
}

#[test]
fn a_link_by_a_narrowed_address_can_be_ended_by_it_also_when_that_has_ended() {
    let stage = Stage::new();
    let (owner, follower) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    let narrowed = owner.narrow(&owner.address, json!({}));
    follower.link(&narrowed);
    let revoked = narrowed.clone();
    owner.does(move |context| context.revoke(&revoked)).expect("its maker takes it back");
    follower.unlink(&narrowed);
    owner.fails(json!(1));
    stage.exception(&owner.address);
    assert!(follower.hears_now().is_empty(), "it lives");
}

#[test]
fn what_waits_of_a_link_by_a_narrowed_address_is_taken_back_by_it() {
    let stage = Stage::new();
    let (owner, follower) = (Puppet::new(&stage.node), Puppet::trapping(&stage.node));
    let narrowed = owner.narrow(&owner.address, json!({}));
    follower.link(&narrowed);
    owner.fails(json!(1));
    stage.exception(&owner.address);
    follower.unlink(&narrowed);
    assert!(follower.hears_now().is_empty());
}
