//! Calls from Rust: by the embedding program, and by native actors. An end is told at once, and nothing is left behind.

use std::future::Future;
use std::sync::mpsc;
use std::task::{Context as Polled, Waker};
use std::time::Duration;

use greenroom::{Address, CallError, Context, Event, Refusal};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::settings::on_one_and_two_nodes;
use crate::stage::Stage;

on_one_and_two_nodes![
    each_kind_of_answer_is_the_caller_s,
    a_call_says_what_is_wanted_and_where_the_answer_goes,
    a_callee_that_ends_or_has_ended_is_an_error_at_once,
];

/// Longer than any test may take: a call that ends so has hung.
const NEVER: Duration = Duration::from_secs(3600);

/// A call that somebody has heard, to be answered by the test.
struct Heard(Value);

impl Heard {
    fn by(puppet: &Puppet) -> Heard {
        Heard(puppet.hears())
    }

    /// Whether the answer was delivered.
    fn answer(&self, puppet: &Puppet, key: &str, value: Value) -> Result<(), Refusal> {
        let reply_to: Address =
            self.0["address"]["$address"].as_str().and_then(|text| text.parse().ok()).expect("a call");
        puppet.send(&reply_to, json!({"response": self.0["call"], key: value}))
    }
}

/// How a call of the embedding program's ends, when the callee does this meanwhile.
fn call(stage: &Stage, callee: &Puppet, meanwhile: impl FnOnce()) -> Result<Value, CallError> {
    let mut call = Box::pin(stage.node.call(&callee.address, "work", json!({"n": 1}), NEVER));
    assert!(call.as_mut().poll(&mut Polled::from_waker(Waker::noop())).is_pending());
    meanwhile();
    stage.block_on(call)
}

fn each_kind_of_answer_is_the_caller_s(near: &Stage, far: &Stage) {
    let callee = Puppet::new(&far.node);
    let answered = |key: &'static str, value: Value| {
        call(near, &callee, || Heard::by(&callee).answer(&callee, key, value).expect("the caller waits"))
    };
    assert_eq!(answered("message", json!([1.0, "x"])).expect("an answer"), json!([1.0, "x"]));
    let failed = answered("exception", json!({"type": "error", "message": "no"}));
    assert!(matches!(&failed, Err(CallError::Exception(exception)) if exception["message"] == "no"), "{failed:?}");
    let unknown = answered("invalid_method", json!("work"));
    assert!(matches!(&unknown, Err(CallError::InvalidMethod(method)) if method == "work"), "{unknown:?}");
}

fn a_call_says_what_is_wanted_and_where_the_answer_goes(near: &Stage, far: &Stage) {
    let callee = Puppet::new(&far.node);
    let answer = call(near, &callee, || {
        let heard = Heard::by(&callee);
        assert_eq!((&heard.0["method"], &heard.0["message"]), (&json!("work"), &json!({"n": 1})));
        heard.answer(&callee, "message", json!(1)).expect("the caller waits");
    });
    assert_eq!(answer.expect("an answer"), 1);
}

fn a_callee_that_ends_or_has_ended_is_an_error_at_once(near: &Stage, far: &Stage) {
    let callee = Puppet::new(&far.node);
    let ended = call(near, &callee, || {
        Heard::by(&callee);
        callee.returns(json!("over"));
    });
    assert!(matches!(&ended, Err(CallError::Ended(outcome)) if *outcome == json!({"exit": "over"})), "{ended:?}");
    far.outcome(&callee.address);
    match near.block_on(near.node.call(&callee.address, "work", Value::Null, NEVER)) {
        // Its own node does not take the call at all.
        Err(CallError::Refused(why)) => assert_eq!(why.kind().as_str(), "no-such-actor"),
        Err(CallError::Ended(outcome)) => assert_eq!(outcome["exception"]["type"], "noproc"),
        other => panic!("it had ended: {other:?}"),
    }
}

#[test]
fn a_second_answer_has_nowhere_to_go() {
    let stage = Stage::new();
    let callee = Puppet::new(&stage.node);
    let answer = call(&stage, &callee, || {
        let heard = Heard::by(&callee);
        heard.answer(&callee, "message", json!(1)).expect("the caller waits");
        heard.answer(&callee, "message", json!(2)).expect_err("one answer is all there is");
    });
    assert_eq!(answer.expect("an answer"), 1);
}

#[test]
fn a_call_from_outside_that_is_dropped_leaves_nothing() {
    let stage = Stage::new();
    let callee = Puppet::new(&stage.node);
    let mut call = Box::pin(stage.node.call(&callee.address, "work", Value::Null, NEVER));
    assert!(call.as_mut().poll(&mut Polled::from_waker(Waker::noop())).is_pending());
    let heard = Heard::by(&callee);
    let mut events = stage.node.events();
    drop(call);
    let ended = stage.block_on(events.next());
    assert!(matches!(ended, Some(Event::Ended { .. })), "the actor that made the call: {ended:?}");
    heard.answer(&callee, "message", json!(1)).expect_err("nobody waits");
}

/// Calls with a short time and then with a long one. Answers what is in its mailbox at last.
async fn calls_twice(mut context: Context, callee: Address, tell: mpsc::Sender<()>) -> Result<Value, Value> {
    let late = context.call(&callee, "slow", Value::Null, Duration::from_millis(1)).await;
    assert!(matches!(late, Err(CallError::Timeout)), "{late:?}");
    tell.send(()).expect("the test waits");
    let answer = context.call(&callee, "quick", Value::Null, NEVER).await.expect("an answer");
    callee_is_no_concern(&mut context, &callee).await;
    let mut left = Vec::new();
    while let Some(received) = context.receive_any(Some(Duration::ZERO)).await {
        left.push(received.message.to_value());
    }
    Ok(json!([answer, left]))
}

/// Waits for its end, which must not be told by a monitor that a call has left.
async fn callee_is_no_concern(context: &mut Context, callee: &Address) {
    context.wait(callee, None).await.expect("it is no mistake to wait").expect("there is no timeout");
}

#[test]
fn a_call_leaves_no_late_answer_and_no_end_in_its_actor_s_mailbox() {
    let stage = Stage::new();
    let callee = Puppet::new(&stage.node);
    let (tell, told) = mpsc::channel();
    let address = callee.address.clone();
    let caller = stage.node.spawn_native(move |context| calls_twice(context, address, tell)).expect("it starts");
    let slow = Heard::by(&callee);
    told.recv_timeout(Duration::from_secs(60)).expect("the time is up");
    slow.answer(&callee, "message", json!("late")).expect_err("nobody waits for it, though its caller lives");
    let quick = Heard::by(&callee);
    quick.answer(&callee, "message", json!("in time")).expect("the caller waits");
    quick.answer(&callee, "message", json!("again")).expect_err("it was good for one");
    callee.returns(Value::Null);
    assert_eq!(stage.value(&caller), json!(["in time", []]));
}
