//! Narrowed addresses: what each still permits, for how long, and what is seen of them.

use std::time::Duration;

use greenroom::{Address, Clock, Limit, Limits, Node, RefusalKind, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

fn refused(answer: &Value) -> Option<&str> {
    answer["refused"].as_str()
}

/// What a guest is refused that uses an address in the four ways, in the order send, monitor, wait, link.
fn refusals(stage: &Stage, address: &Address) -> [Option<String>; 4] {
    let address = address.to_string();
    let answers = stage.play(json!([
        {"send": [address, "hello"]},
        {"monitor": address},
        {"wait": [address, 0]},
        {"trap-exit": true},
        {"link": address},
    ]));
    [0, 1, 2, 4].map(|step| refused(&answers[step]).map(str::to_owned))
}

fn send(stage: &Stage, to: &Address, message: Value) -> Result<(), RefusalKind> {
    stage.node.send(to, message).map_err(|refusal| refusal.kind())
}

fn revoke(by: &Puppet, address: &Address) -> Result<(), RefusalKind> {
    let address = address.clone();
    by.does(move |context| context.revoke(&address)).map_err(|refusal| refusal.kind())
}

#[test]
fn an_address_permits_what_it_was_made_for_and_nothing_else() {
    let stage = Stage::new();
    let owner = Puppet::new(&stage.node);
    let words = ["send", "monitor", "wait", "link"];
    for right in words {
        let address = owner.narrow(&owner.address, json!({"rights": [right]}));
        let expected = words.map(|word| (word != right).then(|| "not-permitted".to_owned()));
        assert_eq!(refusals(&stage, &address), expected, "only {right}");
    }
    let all = owner.narrow(&owner.address, json!({}));
    assert_eq!(refusals(&stage, &all), [None, None, None, None]);
    let none = owner.narrow(&owner.address, json!({"rights": []}));
    assert!(refusals(&stage, &none).iter().all(|refusal| refusal.as_deref() == Some("not-permitted")));
    assert_eq!(owner.hears_now(), ["hello", "hello"], "one by `send`, one by `all`");
}

#[test]
fn no_address_gives_the_right_to_end_its_actor() {
    let stage = Stage::new();
    let owner = Puppet::new(&stage.node);
    let address = owner.narrow(&owner.address, json!({})).to_string();
    let answers = stage.play(json!([{"kill": address}, {"exit": [address, 1]}]));
    assert_eq!([refused(&answers[0]), refused(&answers[1])], [Some("not-permitted"); 2]);
    assert!(owner.hears_now().is_empty(), "it lives");
}

#[test]
fn an_address_made_from_a_narrowed_one_permits_no_more() {
    let stage = Stage::new();
    let (owner, other) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    let first = owner.narrow(&owner.address, json!({"rights": ["send", "monitor"], "uses": 2}));
    let second = other.narrow(&first, json!({"rights": ["send", "wait", "link"], "uses": 100}));
    let denied = || Some("not-permitted".to_owned());
    assert_eq!(refusals(&stage, &second), [None, denied(), denied(), denied()]);
    assert_eq!(send(&stage, &second, json!(2)), Ok(()));
    assert_eq!(send(&stage, &second, json!(3)), Err(RefusalKind::NoSuchActor), "the first is used up");
    let third = other.narrow(&owner.address, json!({}));
    let fourth = other.narrow(&third, json!({}));
    assert_eq!(revoke(&other, &third), Ok(()));
    assert_eq!(send(&stage, &fourth, json!(4)), Err(RefusalKind::NoSuchActor), "what was made of it ends with it");
    assert_eq!(owner.hears_now(), [json!("hello"), json!(2)]);
}

#[test]
fn a_chain_of_narrowed_addresses_has_an_end() {
    let stage = Stage::new();
    let owner = Puppet::new(&stage.node);
    let last = (0..16).fold(owner.address.clone(), |last, _| owner.narrow(&last, json!({})));
    let refused = owner.does(move |context| context.narrow(&last, json!({}))).expect_err("it is the 17th");
    assert_eq!((refused.kind(), &refused.details()["limit"]), (RefusalKind::Limit, &json!("narrowed-depth")));
}

#[test]
fn an_address_is_used_up_by_messages_that_arrive() {
    let limits = Limits::default().with(Limit::Mailbox, 1);
    let stage = Stage::with(Node::builder().limits(limits));
    let (owner, other) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    // Made by somebody else, so that its messages have no places of their own.
    let twice = other.narrow(&owner.address, json!({"uses": 2}));
    assert_eq!(send(&stage, &twice, json!(1)), Ok(()));
    assert_eq!(send(&stage, &twice, json!("none")), Err(RefusalKind::MailboxFull));
    owner.hears();
    assert_eq!(send(&stage, &twice, json!(2)), Ok(()), "what was refused has not used it up");
    owner.hears();
    assert_eq!(send(&stage, &twice, json!(3)), Err(RefusalKind::NoSuchActor));
    assert!(refusals(&stage, &twice)[0].as_deref() == Some("no-such-actor"));
}

#[test]
fn an_address_ends_at_its_time() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let owner = Puppet::new(&stage.node);
    let address = owner.narrow(&owner.address, json!({"expires_ms": 1000}));
    clock.advance(Duration::from_millis(999));
    assert_eq!(send(&stage, &address, json!("in time")), Ok(()));
    clock.advance(Duration::from_millis(1));
    assert_eq!(send(&stage, &address, json!("late")), Err(RefusalKind::NoSuchActor));
    let answers = stage.play(json!([
        {"wait": [address.to_string(), null]},
        {"monitor": address.to_string()},
        {"receive": [[], 0]},
        {"narrow": [address.to_string(), {}]},
    ]));
    let noproc = |answer: &Value| answer["exception"]["type"] == "noproc";
    assert!(noproc(&answers[0]) && noproc(&answers[2]["message"]), "it is as if its actor had ended: {answers}");
    assert_eq!(refused(&answers[3]), Some("no-such-actor"));
    assert_eq!(owner.hears_now(), ["in time"], "what came before stays");
}

#[test]
fn what_was_sent_to_a_revoked_address_is_never_received_though_it_waited() {
    let stage = Stage::new();
    let (owner, other) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    for options in [json!({}), json!({"uses": 3})] {
        let address = owner.narrow(&owner.address, options);
        assert_eq!(send(&stage, &owner.address, json!("before")), Ok(()));
        assert_eq!(send(&stage, &address, json!("taken back")), Ok(()));
        assert_eq!(send(&stage, &owner.address, json!("after")), Ok(()));
        assert_eq!(revoke(&other, &address), Err(RefusalKind::NotPermitted), "it is another's");
        assert_eq!([revoke(&owner, &address), revoke(&owner, &address)], [Ok(()), Ok(())]);
        assert_eq!(send(&stage, &address, json!("late")), Err(RefusalKind::NoSuchActor));
        assert_eq!(owner.hears_now(), ["before", "after"]);
    }
    assert_eq!(revoke(&owner, &owner.address), Err(RefusalKind::NotPermitted), "one's own is no narrowed one");
}

#[test]
fn a_sender_that_waits_for_room_is_told_that_its_address_was_revoked() {
    let limits = Limits::default().with(Limit::Mailbox, 1);
    let stage = Stage::with(Node::builder().limits(limits));
    let (owner, other) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    let address = other.narrow(&owner.address, json!({}));
    assert_eq!(send(&stage, &owner.address, json!("full")), Ok(()));
    let telling = [
        json!({"send": [other.address.to_string(), "waits"]}),
        json!({"send-wait": [address.to_string(), 1, 4_000_000_000u32]}),
    ];
    let sender = stage.script(Value::from(telling.to_vec()));
    assert_eq!(other.hears(), "waits");
    assert_eq!(revoke(&other, &address), Ok(()));
    owner.hears();
    assert_eq!(refused(&stage.value(&sender)[1]), Some("no-such-actor"));
    assert!(owner.hears_now().is_empty());
}

#[test]
fn an_answer_to_a_one_shot_address_has_a_place_in_a_full_mailbox() {
    let limits = Limits::default().with(Limit::Mailbox, 1);
    let stage = Stage::with(Node::builder().limits(limits));
    let owner = Puppet::new(&stage.node);
    let reply = owner.narrow(&owner.address, json!({"rights": ["send"], "uses": 2}));
    assert_eq!(send(&stage, &owner.address, json!("full")), Ok(()));
    assert_eq!(send(&stage, &owner.address, json!("too many")), Err(RefusalKind::MailboxFull));
    assert_eq!(send(&stage, &reply, json!("x".repeat(4095))), Err(RefusalKind::MailboxFull), "a place has 4 KiB");
    assert_eq!(send(&stage, &reply, json!("answer")), Ok(()));
    assert_eq!(send(&stage, &reply, json!("second answer")), Ok(()));
    assert_eq!(send(&stage, &reply, json!("third")), Err(RefusalKind::NoSuchActor));
    assert_eq!(owner.hears_now(), ["full", "answer", "second answer"]);
}

#[test]
fn places_for_answers_are_limited_and_addresses_too() {
    let limits = Limits::default().with(Limit::Narrowed, 3);
    let stage = Stage::with(Node::builder().limits(limits));
    let me = Puppet::new(&stage.node);
    let narrow = |options: Value| {
        let address = me.address.clone();
        me.does(move |context| context.narrow(&address, options)).map_err(|refusal| refusal.kind())
    };
    assert_eq!(narrow(json!({"uses": 4})), Err(RefusalKind::Limit), "four places");
    let reply = narrow(json!({"uses": 3})).expect("three places");
    assert_eq!(narrow(json!({"uses": 1})), Err(RefusalKind::Limit));
    assert!(narrow(json!({})).is_ok() && narrow(json!({})).is_ok());
    assert_eq!(narrow(json!({})), Err(RefusalKind::Limit), "three addresses");
    (0..3).for_each(|number| assert_eq!(send(&stage, &reply, json!(number)), Ok(())));
    assert_eq!(narrow(json!({"uses": 1})), Err(RefusalKind::Limit), "answers that wait keep their places");
    assert_eq!(me.hears_now().len(), 3);
    assert!(narrow(json!({"uses": 3})).is_ok(), "one that is used up is none");
}

#[test]
fn a_narrowed_address_ends_with_its_maker_and_with_its_target() {
    let stage = Stage::new();
    let (owner, maker) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    let of_maker = maker.narrow(&owner.address, json!({}));
    let of_owner = owner.narrow(&owner.address, json!({}));
    assert_eq!(send(&stage, &of_maker, json!("queued")), Ok(()));
    maker.returns(json!(1));
    stage.value(&maker.address);
    assert_eq!(send(&stage, &of_maker, json!(2)), Err(RefusalKind::NoSuchActor));
    assert!(owner.hears_now().is_empty(), "what was sent to it went with it");
    owner.returns(json!(1));
    stage.value(&owner.address);
    assert_eq!(send(&stage, &of_owner, json!(3)), Err(RefusalKind::NoSuchActor));
}

#[test]
fn options_that_are_none_are_refused() {
    let stage = Stage::new();
    let options =
        [json!({"rights": ["kill"]}), json!({"uses": -1}), json!({"limit": 1}), json!([]), json!({"rights": "send"})];
    let steps: Vec<Value> = options.iter().map(|options| json!({"narrow": ["me", options]})).collect();
    let answers = stage.play(Value::from(steps));
    let kinds: Vec<Option<&str>> = answers.as_array().expect("answers").iter().map(refused).collect();
    assert_eq!(kinds, [Some("bad-argument"); 5]);
}

#[test]
fn a_guest_uses_addresses_of_less_worth() {
    let answers = Stage::new().run("narrows", json!([]));
    assert_eq!(answers, json!(["not-permitted", null, "no-such-actor", "no-such-actor", null]));
}

#[test]
fn a_message_that_is_taken_back_leaves_the_others_as_they_were() {
    let stage = Stage::new();
    let owner = Puppet::new(&stage.node);
    let child = owner.guest(
        "script",
        json!([[{"narrow": ["me", {"uses": 5}]}, {"tell": ["parent", "0"]},
        {"receive": [["go"], null]}, {"revoke": "0"}, {"receive": [[], null]}]]),
        SpawnOptions::default(),
    );
    let narrowed: Address = owner.hears()["$address"].as_str().expect("an address").parse().expect("an address");
    (0..3).for_each(|number| assert_eq!(send(&stage, &narrowed, json!(number)), Ok(())));
    assert_eq!(send(&stage, &child, json!("go")), Ok(()));
    assert_eq!(send(&stage, &child, json!("last")), Ok(()));
    let answers = stage.value(&child);
    assert_eq!(answers[4]["message"], "last", "none of those that waited");
}
