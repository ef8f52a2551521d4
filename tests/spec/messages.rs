//! What a message is and how it is taken.

use std::time::Duration;

use greenroom::{Clock, Node, RefusalKind};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::settings::on_one_and_two_nodes;
use crate::stage::Stage;

on_one_and_two_nodes![
    every_kind_of_json_passes_byte_for_byte,
    a_thousand_messages_are_taken_in_reverse,
    what_is_not_admitted_is_refused_at_the_sender,
    two_senders_each_keep_their_own_order,
];

/// What a `receive` step answers.
fn taken(pattern: u32, message: impl Into<Value>) -> Value {
    json!({"pattern": pattern, "from_host": false, "message": message.into()})
}

fn every_kind_of_json_passes_byte_for_byte(near: &Stage, far: &Stage) {
    for text in [
        "null",
        "true",
        "-0",
        "1.0",
        "1e3",
        "123456789012345678901234567890123456789",
        r#""é \u00e9 \n \ud83c\udfad 🎭""#,
        r#"[1,1.0,[],{}]"#,
        r#"{"a":1,"a":2,"":{"$address":"x"}}"#,
        r#"{"$binary":"AAECAw=="}"#,
    ] {
        let taker = far.spawn("takes_one", json!([]));
        let step = format!(r#"[[{{"send":["{taker}",{text}]}}]]"#);
        let message = greenroom::Message::admit(step, greenroom::Admission::default()).expect("a JSON text");
        assert_eq!(near.run("script", message), json!([null]), "{text} is sent");
        assert_eq!(far.text_of(&taker), text);
    }
}

#[test]
fn messages_match_in_the_order_they_came_and_patterns_in_the_order_they_stand() {
    let stage = Stage::new();
    let string = json!({"$type": "string"});
    let answers = stage.play(json!([
        {"send": ["me", "first"]},
        {"send": ["me", "second"]},
        {"receive": [["second", string, "first"], null]},
        {"receive": [["second", string], null]},
    ]));
    assert_eq!(answers[2], taken(1, "first"), "the oldest message wins, with its first pattern that matches");
    assert_eq!(answers[3], taken(0, "second"));
}

#[test]
fn a_message_that_does_not_match_keeps_its_place() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"send": ["me", 1]},
        {"send": ["me", "wanted"]},
        {"send": ["me", 2]},
        {"receive": [["wanted"], null]},
        {"receive": [[], null]},
        {"receive": [[], null]},
    ]));
    assert_eq!(answers.as_array().expect("answers")[3..], [taken(0, "wanted"), taken(0, 1), taken(0, 2)]);
}

fn a_thousand_messages_are_taken_in_reverse(near: &Stage, far: &Stage) {
    let actor = far.spawn("takes_in_reverse", json!([1000]));
    (0..1000).for_each(|number| near.send(&actor, json!(number)));
    near.send(&actor, json!("go"));
    assert_eq!(far.value(&actor), Value::from_iter((0..1000).rev()));
}

#[test]
fn a_timeout_of_zero_polls() {
    // The clock stands still, so that a wait of any length would never end.
    let stage = Stage::with(Node::builder().clock(Clock::paused()));
    let answers = stage.play(json!([
        {"receive": [[], 0]},
        {"send": ["me", 1]},
        {"receive": [["other"], 0]},
        {"receive": [[], 0]},
    ]));
    assert_eq!(answers, json!([null, null, null, taken(0, 1)]));
}

#[test]
fn a_timeout_is_the_total_time_however_many_messages_do_not_match() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let actor = stage.script(json!(["monotonic", {"receive": [["never"], 10_000]}, "monotonic"]));
    let disturb = || stage.send(&actor, json!("something else"));
    let answers = stage.advance_until_end(&clock, &actor, Duration::from_secs(1), disturb);
    assert_eq!(answers[1], Value::Null);
    let waited = answers[2].as_f64().expect("a time") - answers[0].as_f64().expect("a time");
    assert!(waited >= 10_000.0, "it waited {waited} ms");
}

#[test]
fn without_a_timeout_a_receive_waits_for_ever() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let actor = stage.script(json!([{"receive": [[], null]}]));
    clock.advance(Duration::from_secs(100 * 365 * 24 * 3600));
    stage.send(&actor, json!("at last"));
    assert_eq!(stage.value(&actor), json!([taken(0, "at last")]));
}

#[test]
fn a_message_is_copied_when_it_is_sent_and_arguments_when_they_are_given() {
    let first = json!({"mind": "first"});
    assert_eq!(Stage::new().run("changes_its_mind", json!([])), json!([first, first]));
}

fn two_senders_each_keep_their_own_order(near: &Stage, far: &Stage) {
    let hears = Puppet::new(&far.node);
    let me = json!({"$address": hears.address.to_string()});
    near.spawn("sends", json!([me, "here", 500]));
    far.spawn("sends", json!([me, "there", 500]));
    let heard: Vec<Value> = (0..1000).map(|_| hears.hears()).collect();
    for name in ["here", "there"] {
        let of_one = heard.iter().filter(|message| message[0] == name).map(|message| message[1].clone());
        assert!(of_one.eq((0..500).map(Value::from)), "{name}");
    }
}

fn what_is_not_admitted_is_refused_at_the_sender(near: &Stage, far: &Stage) {
    let actor = far.script(json!([{"receive": [[], null]}]));
    let too_large = "x".repeat(16 << 20);
    assert_eq!(near.node.send(&actor, json!(too_large)).unwrap_err().kind(), RefusalKind::TooLarge);
    let mut deep = json!(1);
    for _ in 0..65 {
        deep = json!([deep]);
    }
    assert_eq!(near.node.send(&actor, deep).unwrap_err().kind(), RefusalKind::BadJson);
    near.send(&actor, json!("nothing came before me"));
    assert_eq!(far.value(&actor), json!([taken(0, "nothing came before me")]));
}

#[test]
fn a_guest_is_refused_what_is_too_large_or_for_nobody() {
    let stage = Stage::new();
    let sender = stage.spawn_of(&stage.text("sends-17-mib"), "main", json!([]));
    assert_eq!(refusal_in(&stage, &sender), "too-large");
    let nobody = stage.spawn("takes_one", json!([]));
    stage.send(&nobody, json!(1));
    stage.value(&nobody);
    let sender = stage.spawn("sends_to", json!([{"$address": nobody.to_string()}]));
    assert_eq!(refusal_in(&stage, &sender), "no-such-actor");
    let sender = stage.spawn("sends_to", json!([{"$address": "no address"}]));
    assert_eq!(refusal_in(&stage, &sender), "bad-address");
}

fn refusal_in(stage: &Stage, actor: &greenroom::Address) -> String {
    let exception = stage.exception(actor);
    let Some(value) = exception.detail("value") else { panic!("no error: {exception}") };
    let value = value.to_value();
    value["type"].as_str().expect("a refusal has a type").to_owned()
}
