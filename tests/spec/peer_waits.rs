//! Waits over two nodes: for an end, for room, for an answer.

use std::future::Future;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::task::{Context as Polled, Waker};
use std::time::Duration;

use greenroom::{
    Address, CallError, ExceptionKind, Limit, Limits, Loss, Node, Outcome, Refusal, RefusalKind, RouterSpec,
    SpawnOptions,
};
use serde_json::{Value, json};

use crate::peers::pair;
use crate::puppet::Puppet;
use crate::stage::Stage;

/// Longer than any test may take.
const NEVER: Duration = Duration::from_secs(3600);

const PATIENCE: Duration = Duration::from_secs(60);

fn kind(outcome: Outcome) -> ExceptionKind {
    match outcome {
        Outcome::Exception(exception) => exception.kind(),
        Outcome::Exit(value) => panic!("it ended well, with {value}"),
    }
}

/// A puppet waits for an actor's end. The answer, when there is one.
fn waits(puppet: &Puppet, other: &Address, timeout: Option<Duration>) -> Receiver<Result<Option<Outcome>, Refusal>> {
    let other = other.clone();
    puppet.begins(move |context| Box::pin(async move { context.wait(&other, timeout).await }))
}

#[test]
fn whoever_waits_for_an_actor_of_another_node_has_its_outcome() {
    let (stage, there) = pair();
    let far = Puppet::with(&there, &SpawnOptions::default().name("far"));
    let near = Puppet::new(&stage.node);
    let guest = stage.script(json!([{"wait": [far.address.to_string(), null]}]));
    let by_name = stage.script(json!([{"wait": [format!("far@{}", there.place()), 3_600_000]}]));
    let waits = waits(&near, &far.address, None);
    far.returns(json!([1.0]));
    let native = waits.recv_timeout(PATIENCE).expect("it hears").expect("no mistake").expect("no timeout");
    assert_eq!(native.to_json(), r#"{"exit":[1.0]}"#);
    assert_eq!(stage.value(&guest), json!([{"exit": [1.0]}]));
    let named = stage.value(&by_name);
    // It may have begun after the end.
    assert!(named[0]["exit"] == json!([1.0]) || named[0]["exception"]["type"] == "noproc", "{named}");
    assert_eq!(stage.value(&far.address), json!([1.0]), "also when it has ended, and for the operator");
}

#[test]
fn a_guest_waits_for_many_on_two_nodes_also_for_one_that_has_ended() {
    let (stage, there) = pair();
    let (early, late, near) = (Puppet::new(&there), Puppet::new(&there), Puppet::new(&stage.node));
    early.returns(json!(1));
    stage.block_on(there.outcome(&early.address)).expect("it is known there");
    let these = json!([[early.address, late.address, near.address]]);
    let guest = stage.spawn("waits_for_these", these);
    late.returns(json!("x".repeat(5000)));
    near.returns(json!(3));
    let ends = stage.value(&guest);
    let (first, last) = (json!({"answer": 1}), json!({"answer": 3}));
    assert_eq!((&ends[0], &ends[1]["answer"], &ends[2]), (&first, &json!("x".repeat(5000)), &last));
}

#[test]
fn an_exception_comes_whole_and_nobody_is_noproc() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    far.fails(json!("x".repeat(10_000)));
    let exception = stage.exception(&far.address);
    let value = exception.detail("value").expect("what it returned").to_value();
    assert_eq!((exception.kind(), value), (ExceptionKind::Error, json!("x".repeat(10_000))));
    let nobody: Address = format!("{}@{}", "a".repeat(26), there.place()).parse().expect("an address");
    assert_eq!(kind(stage.outcome(&nobody)), ExceptionKind::Noproc);
}

#[test]
fn a_wait_for_an_actor_of_another_node_has_its_time() {
    let (stage, there) = pair();
    let far = Puppet::new(&there);
    let answers = stage.play(json!([{"wait": [far.address.to_string(), 0]}, {"wait": [far.address.to_string(), 20]}]));
    assert_eq!(answers, json!([null, null]));
}

#[test]
fn a_node_that_is_lost_or_not_there_is_noconnection_to_who_waits() {
    let (stage, there) = pair();
    let (near, far) = (Puppet::new(&stage.node), Puppet::new(&there));
    let asked = waits(&near, &far.address, None);
    assert_eq!(asked.recv_timeout(Duration::from_millis(20)).unwrap_err(), RecvTimeoutError::Timeout);
    drop(there);
    let outcome = asked.recv_timeout(PATIENCE).expect("it hears").expect("no mistake").expect("no timeout");
    assert_eq!(kind(outcome), ExceptionKind::Noconnection);
    let nowhere: Address = format!("{}@127.0.0.1:1", "a".repeat(26)).parse().expect("an address");
    assert_eq!(kind(near.waits(&nowhere)), ExceptionKind::Noconnection);
    assert_eq!(kind(stage.outcome(&nowhere)), ExceptionKind::Noconnection);
}

#[test]
fn an_outcome_that_is_too_large_for_another_node_says_so() {
    let stage = Stage::new();
    let message_bytes = 40 << 20;
    let limits = Limits::default().with(Limit::Message, message_bytes);
    let there = stage.neighbour_with(Node::builder().limits(limits));
    let far = there.spawn_native(|mut context| async move {
        context.receive_any(None).await;
        Ok::<_, Value>(json!("x".repeat(33 << 20)))
    });
    let far = far.expect("it starts");
    let mut asked = Box::pin(stage.node.outcome(&far));
    assert!(asked.as_mut().poll(&mut Polled::from_waker(Waker::noop())).is_pending());
    stage.send(&far, json!("end"));
    let refused = stage.block_on(asked).unwrap_err();
    assert_eq!(refused.kind(), RefusalKind::TooLarge, "{refused}");
}

/// Another node whose mailboxes take two messages.
fn narrow_neighbour() -> (Stage, Node) {
    let stage = Stage::new();
    let there = stage.neighbour_with(Node::builder().limits(Limits::default().with(Limit::Mailbox, 2)));
    (stage, there)
}

/// A puppet sends and waits for room. The answer, when there is one.
fn sends(puppet: &Puppet, to: &Address, what: Value, timeout: Duration) -> Receiver<Result<(), Refusal>> {
    let to = to.clone();
    puppet.begins(move |context| Box::pin(async move { context.send_wait(&to, what, timeout).await }))
}

fn fill(near: &Puppet, far: &Address) {
    for number in 0..2 {
        let sent = sends(near, far, json!(number), NEVER);
        assert_eq!(sent.recv_timeout(PATIENCE).expect("an answer"), Ok(()), "there is room");
    }
}

#[test]
fn send_wait_waits_for_room_in_a_mailbox_of_another_node() {
    let (stage, there) = narrow_neighbour();
    let (near, far) = (Puppet::new(&stage.node), Puppet::new(&there));
    fill(&near, &far.address);
    let third = sends(&near, &far.address, json!(2), NEVER);
    assert_eq!(third.recv_timeout(Duration::from_millis(20)).unwrap_err(), RecvTimeoutError::Timeout);
    assert_eq!(far.hears(), 0);
    assert_eq!(third.recv_timeout(PATIENCE).expect("an answer"), Ok(()));
    assert_eq!([far.hears(), far.hears()], [1, 2]);
    let lost: u64 = there.lost().iter().chain(&stage.node.lost()).map(|(_, count)| count).sum();
    assert_eq!(lost, 0);
}

#[test]
fn send_wait_ends_with_its_time_its_receiver_or_its_receiver_s_node() {
    let (stage, there) = narrow_neighbour();
    let near = Puppet::new(&stage.node);
    let (far, other) = (Puppet::new(&there), Puppet::new(&there));
    fill(&near, &far.address);
    fill(&near, &other.address);
    let refused = |answer: Receiver<Result<(), Refusal>>| {
        answer.recv_timeout(PATIENCE).expect("an answer").expect_err("there is no room").kind()
    };
    assert_eq!(refused(sends(&near, &far.address, json!(2), Duration::from_millis(20))), RefusalKind::Timeout);
    let ends = sends(&near, &far.address, json!(2), NEVER);
    assert_eq!(ends.recv_timeout(Duration::from_millis(20)).unwrap_err(), RecvTimeoutError::Timeout);
    far.returns(json!(null));
    assert_eq!(refused(ends), RefusalKind::NoSuchActor);
    let goes = sends(&near, &other.address, json!(2), NEVER);
    assert_eq!(goes.recv_timeout(Duration::from_millis(20)).unwrap_err(), RecvTimeoutError::Timeout);
    drop(there);
    assert_eq!(refused(goes), RefusalKind::NotConnected);
}

#[test]
fn a_guest_waits_for_room_on_another_node_too() {
    let (stage, there) = narrow_neighbour();
    let far = Puppet::new(&there);
    let send = |number: u32| json!({"send-wait": [far.address.to_string(), number, 3_600_000]});
    let guest = stage.script(json!([send(0), send(1), send(2), send(3)]));
    assert_eq!([0, 1, 2, 3].map(|_| far.hears()), [0, 1, 2, 3]);
    assert_eq!(stage.value(&guest), json!([null, null, null, null]));
}

#[test]
fn a_message_that_is_only_sent_to_a_full_mailbox_of_another_node_is_lost_there() {
    let (stage, there) = narrow_neighbour();
    let (near, far) = (Puppet::new(&stage.node), Puppet::new(&there));
    fill(&near, &far.address);
    let mut events = there.events();
    _ = near.send(&far.address, json!(2));
    let loss = stage.event(&mut events, |event| match event {
        greenroom::Event::Lost { loss, .. } => Some(*loss),
        _ => None,
    });
    assert_eq!(loss, Loss::MailboxFull);
}

/// Answers each call with its method.
async fn answers(mut context: greenroom::Context) -> Result<Value, Refusal> {
    loop {
        let call = context.receive_any(None).await.expect("no timeout").message.to_value();
        let answer = json!({"response": call["call"], "message": call["method"]});
        context.send(&serde_json::from_value(call["address"].clone()).expect("a call"), answer)?;
    }
}

#[test]
fn a_name_of_another_node_is_called_and_so_is_an_actor_behind_a_router() {
    let (stage, there) = pair();
    let far = there.spawn_native_with(&SpawnOptions::default().name("far"), answers).expect("it starts");
    let name: Address = format!("far@{}", there.place()).parse().expect("an address");
    let call = |to: &Address| stage.block_on(stage.node.call(to, "who", Value::Null, NEVER));
    assert_eq!(call(&name).expect("an answer"), "who");
    let router = stage.node.route(RouterSpec::round_robin().routee(far.clone())).expect("it starts");
    assert_eq!(call(&router).expect("an answer"), "who");
    there.kill(&far).expect("it lives");
    stage.block_on(there.outcome(&far)).expect("it ends");
    match call(&name) {
        Err(CallError::Ended(end)) => assert_eq!(end["exception"]["type"], "noproc"),
        // If its own node knows already.
        Err(CallError::Refused(why)) => assert_eq!(why.kind(), RefusalKind::NoSuchActor),
        other => panic!("nobody is there: {other:?}"),
    }
}

#[test]
fn a_ping_is_answered_by_who_is_there() {
    let (stage, there) = pair();
    let ping = |place| stage.block_on(stage.node.ping(place, PATIENCE));
    assert!(ping(there.place()).expect("it is there") > Duration::ZERO);
    assert!(ping(stage.node.place()).is_ok(), "oneself is there");
    assert_eq!(ping(&"127.0.0.1:1".parse().expect("a place")).unwrap_err().kind(), RefusalKind::NotConnected);
    assert_eq!(stage.node.peers(), [there.place().clone()]);
}
