//! A mailbox has bounds, and who meets them is told or waits.

use std::time::Duration;

use greenroom::{Clock, Limit, Limits, Node, NodeBuilder, RefusalKind};
use serde_json::{Value, json};

use crate::settings::on_one_and_two_nodes;
use crate::stage::Stage;

on_one_and_two_nodes![send_wait_waits_for_room_and_is_woken_by_it, send_wait_ends_when_its_receiver_does];

fn room_for(messages: usize) -> NodeBuilder {
    let limits = Limits::default().with(Limit::Mailbox, messages as u64);
    Node::builder().limits(limits).clock(Clock::paused())
}

#[test]
fn a_full_mailbox_refuses_and_keeps_what_it_has() {
    let stage = Stage::with(room_for(2));
    let gate = stage.spawn("takes_one", json!([]));
    let receive = json!({"receive": [[], null]});
    let actor = stage.script(json!([{"wait": [gate.to_string(), null]}, receive, receive]));
    stage.send(&actor, json!(1));
    stage.send(&actor, json!(2));
    assert_eq!(stage.node.send(&actor, json!(3)).unwrap_err().kind(), RefusalKind::MailboxFull);
    let refused = stage.play(json!([{"send": [actor.to_string(), 3]}]));
    assert_eq!(refused[0]["refused"], "mailbox-full");
    stage.send(&gate, json!("open"));
    let answers = stage.value(&actor);
    assert_eq!((&answers[1]["message"], &answers[2]["message"]), (&json!(1), &json!(2)));
}

#[test]
fn a_mailbox_is_bounded_in_bytes_too() {
    let limits = Limits::default().with(Limit::MailboxBytes, 10);
    let stage = Stage::with(Node::builder().limits(limits));
    let actor = stage.script(json!([{"receive": [["never"], null]}]));
    stage.send(&actor, json!("12345678"));
    assert_eq!(stage.node.send(&actor, json!(0)).unwrap_err().kind(), RefusalKind::MailboxFull);
}

fn send_wait_waits_for_room_and_is_woken_by_it(near: &Stage, far: &Stage) {
    let gate = far.spawn("takes_one", json!([]));
    let receive = json!({"receive": [[], null]});
    let steps = json!([[{"wait": [gate.to_string(), null]}, receive, receive, receive]]);
    let actor = far.limited("mailbox=1", "script", steps);
    let first_is_in = near.spawn("takes_one", json!([]));
    let send = |number: u32| json!({"send-wait": [actor.to_string(), number, 3_600_000]});
    let sender = near.script(json!([send(1), {"send": [first_is_in.to_string(), null]}, send(2), send(3)]));
    near.value(&first_is_in);
    // The mailbox is full now and nobody takes anything before the gate opens.
    assert_eq!(far.node.send(&actor, json!(0)).unwrap_err().kind(), RefusalKind::MailboxFull);
    far.send(&gate, json!("open"));
    assert_eq!(near.value(&sender), json!([null, null, null, null]));
    let answers = far.value(&actor);
    assert_eq!([1, 2, 3].map(|step| answers[step]["message"].clone()), [json!(1), json!(2), json!(3)]);
}

fn send_wait_ends_when_its_receiver_does(near: &Stage, far: &Stage) {
    let actor = far.limited("mailbox=1", "script", json!([[{"receive": [["never"], null]}]]));
    far.send(&actor, json!(1));
    let waits = near.spawn("takes_one", json!([]));
    let send = json!({"send-wait": [actor.to_string(), 2, 3_600_000]});
    let sender = near.script(json!([{"send": [waits.to_string(), null]}, send]));
    near.value(&waits);
    far.node.kill(&actor).expect("it lives");
    assert_eq!(near.value(&sender)[1]["refused"], "no-such-actor");
}

#[test]
fn a_cycle_of_send_wait_ends_by_its_time() {
    let clock = Clock::paused();
    let stage = Stage::with(room_for(1).clock(clock.clone()));
    // Each fills the other's mailbox, and then waits for room there while nobody takes anything.
    let fill = json!({"send-wait": ["told", "fills it", 3_600_000]});
    let wait = json!({"send-wait": ["told", "has no room", 1000]});
    let address = json!({"receive": [[{"$type": "address"}], null]});
    let right = stage.script(json!([address, {"tell": ["told", "me"]}, fill, wait]));
    let left = stage.script(json!([{"tell": [right.to_string(), "me"]}, address, fill, wait]));
    let answers = stage.advance_until_end(&clock, &left, Duration::from_millis(100), || ());
    let ended_after = stage.advance_until_end(&clock, &right, Duration::from_millis(100), || ());
    let refused = |answers: &Value| answers[3]["refused"].as_str().map(str::to_owned);
    let how = [refused(&answers), refused(&ended_after)];
    // The first to give up ends, and then the other may have found room or nobody.
    assert!(how.contains(&Some("timeout".into())), "{how:?}");
}
