//! Links and monitors by a narrowed address: that address is what is told, and what ends them.

use greenroom::ExceptionKind;
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::settings::on_one_and_two_nodes;
use crate::stage::Stage;

on_one_and_two_nodes![
    who_monitors_or_links_by_a_narrowed_address_is_told_of_that_one,
    a_guest_hears_which_of_its_addresses_a_message_was_sent_to,
    who_goes_with_an_actor_linked_by_a_narrowed_address_names_that_one,
    a_link_by_a_narrowed_address_can_be_ended_by_it_also_when_that_has_ended,
    what_waits_of_a_link_by_a_narrowed_address_is_taken_back_by_it,
];

fn who_monitors_or_links_by_a_narrowed_address_is_told_of_that_one(near: &Stage, far: &Stage) {
    let owner = Puppet::new(&far.node);
    let narrowed = owner.narrow(&owner.address, json!({})).to_string();
    let ready = Puppet::new(&far.node);
    let actor = near.script(json!([
        {"trap-exit": true},
        {"monitor": narrowed},
        {"link": narrowed},
        {"send": [ready.address.to_string(), "ready"]},
        {"receive": [[], null]},
        {"receive": [[], null]},
        {"tell": [far.marker().to_string(), "me"]},
        {"receive": [[], null]},
    ]));
    assert_eq!(ready.hears(), "ready");
    owner.fails(json!(1));
    let answers = near.value(&actor);
    for told in [4, 5].map(|step| &answers[step]["message"]) {
        assert_eq!([&told["address"], &told["exception"]["type"]], [&json!(narrowed), &json!("error")]);
    }
    assert_eq!(answers[7]["message"], "mark");
    let real = owner.address.to_string();
    assert!(!answers.to_string().contains(&real), "nothing tells the real address");
}

fn a_guest_hears_which_of_its_addresses_a_message_was_sent_to(near: &Stage, far: &Stage) {
    let owner = Puppet::new(&far.node);
    let me = owner.address.to_string();
    let actor = near.script(json!([
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
        far.send(&to.as_str().expect("an address").parse().expect("an address"), json!(message));
    }
    owner.returns(Value::Null);
    let answers = near.value(&actor);
    let via: Vec<&Value> = [2, 6, 8, 10, 12, 14].iter().map(|step| &answers[*step]).collect();
    assert_eq!(via, [&Value::Null, &report[0], &report[0], &Value::Null, &report[1], &Value::Null]);
}

fn who_goes_with_an_actor_linked_by_a_narrowed_address_names_that_one(near: &Stage, far: &Stage) {
    let (owner, follower) = (Puppet::new(&far.node), Puppet::new(&near.node));
    let narrowed = owner.narrow(&owner.address, json!({"rights": ["link", "send"]}));
    follower.link(&narrowed);
    follower.reaches_by(&narrowed, &owner);
    owner.fails(json!(1));
    let end = near.exception(&follower.address);
    assert_eq!(end.kind(), ExceptionKind::Linked);
    assert_eq!(end.detail("address").expect("whom").to_value(), narrowed.to_string());
    assert_eq!(end.detail("cause").expect("why").to_value()["type"], "error");
    assert!(!end.to_json().contains(&owner.address.to_string()));
}

fn a_link_by_a_narrowed_address_can_be_ended_by_it_also_when_that_has_ended(near: &Stage, far: &Stage) {
    let (owner, follower) = (Puppet::new(&far.node), Puppet::new(&near.node));
    let narrowed = owner.narrow(&owner.address, json!({}));
    follower.link(&narrowed);
    follower.reaches_by(&narrowed, &owner);
    let revoked = narrowed.clone();
    owner.does(move |context| context.revoke(&revoked)).expect("its maker takes it back");
    follower.unlink(&narrowed);
    owner.fails_and_all_hear(far);
    assert!(follower.hears_all_from(far).is_empty(), "it lives");
}

fn what_waits_of_a_link_by_a_narrowed_address_is_taken_back_by_it(near: &Stage, far: &Stage) {
    let (owner, follower) = (Puppet::new(&far.node), Puppet::trapping(&near.node));
    let narrowed = owner.narrow(&owner.address, json!({}));
    follower.link(&narrowed);
    follower.reaches_by(&narrowed, &owner);
    owner.fails_and_all_hear(far);
    follower.has_all_from(far);
    follower.unlink(&narrowed);
    assert!(follower.hears_now().is_empty());
}
