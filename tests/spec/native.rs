//! Actors in Rust: the same rules as for guests, and a fault of theirs is theirs alone.

use std::sync::mpsc;
use std::time::Duration;

use greenroom::{Address, Context, ExceptionKind, Outcome, Pattern, Refusal, RefusalKind, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

async fn panics(_: Context) -> Result<Value, Refusal> {
    panic!("on purpose")
}

#[test]
fn what_a_behavior_returns_is_its_outcome() {
    let stage = Stage::new();
    let returns = stage.node.spawn_native(|_| async { Ok::<_, Refusal>(json!({"n": 1.0})) }).expect("it starts");
    let fails = stage.node.spawn_native(|_| async { Err::<Value, _>(json!("no luck")) }).expect("it starts");
    assert_eq!(stage.value(&returns), json!({"n": 1.0}));
    let end = stage.exception(&fails);
    assert_eq!((end.kind(), end.message()), (ExceptionKind::Error, "no luck"));
}

#[test]
fn a_refusal_that_is_passed_on_is_the_error_s_value() {
    let stage = Stage::new();
    let actor = stage.node.spawn_native(|mut context| async move { context.unregister("none").map(|()| json!(null)) });
    let end = stage.exception(&actor.expect("it starts"));
    assert_eq!(end.detail("value").expect("the refusal").to_value()["type"], "no-such-name");
}

#[test]
fn a_panic_is_the_end_of_that_actor_alone_and_is_told_like_any() {
    let stage = Stage::new();
    let (traps, follows) = (Puppet::trapping(&stage.node), Puppet::new(&stage.node));
    let child = traps.does(|context| context.spawn_native(&SpawnOptions::default().link().monitor(), panics));
    let child = child.expect("it starts");
    follows.link(&child);
    let end = stage.exception(&child);
    assert_eq!((end.kind(), end.message()), (ExceptionKind::Host, "the host panicked: on purpose"));
    let heard = [traps.hears(), traps.hears()];
    assert!(heard.iter().all(|told| told["exception"]["type"] == "host"), "{heard:?}");
    let end = stage.exception(&follows.address);
    assert_eq!(end.kind(), ExceptionKind::Linked, "by a link to it, made before its end or after");
    assert_eq!(stage.run("returns", json!([1])), 1, "the node runs on");
}

/// Before there is a future at all.
#[test]
fn a_panic_where_the_behavior_is_called_is_its_end_too() {
    let stage = Stage::new();
    let behavior = |_: Context| -> std::future::Ready<Result<Value, Value>> { panic!("at once") };
    let actor = stage.node.spawn_native(behavior).expect("the spawner is not harmed");
    assert_eq!(stage.exception(&actor).kind(), ExceptionKind::Host);
}

#[test]
fn a_native_actor_has_guests_as_children_and_guests_hear_of_it() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let me = parent.address.to_string();
    let child = parent.guest(
        "script",
        json!([["parent", {"monitor": me}, {"tell": [me, "me"]}, {"receive": [[], null]}]]),
        SpawnOptions::default(),
    );
    assert_eq!(parent.hears(), json!({"$address": child.to_string()}));
    parent.returns(json!("done"));
    let answers = stage.value(&child);
    assert_eq!(answers[0], me);
    assert_eq!(answers[3]["message"], json!({"address": me, "exit": "done", "monitor": answers[1]}));
}

#[test]
fn an_actor_knows_who_it_is_and_who_spawned_it() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.child(SpawnOptions::default().name("child"));
    let (me, spawner) = child.does(|context| (context.address().clone(), context.parent().cloned()));
    assert_eq!((&me, spawner.as_ref()), (&child.address, Some(&parent.address)));
    assert_eq!(parent.does(|context| context.parent().cloned()), None);
    assert_eq!(parent.does(|context| context.whereis("child")), Ok(me));
}

#[test]
fn it_receives_by_pattern_as_a_guest_does() {
    let stage = Stage::new();
    let actor = stage.node.spawn_native(|mut context: Context| async move {
        let patterns = [json!({"b": {"$type": "any"}}), json!({"a": {"$type": "any"}})];
        let patterns = patterns.map(|pattern| Pattern::new(&pattern).expect("a pattern"));
        let mut taken = Vec::new();
        for timeout in [None, None, Some(Duration::ZERO)] {
            let received = context.receive(&patterns, timeout).await;
            taken.push(json!(received.map(|received| (received.pattern, received.message.to_value()))));
        }
        Ok::<_, Refusal>(Value::from(taken))
    });
    let actor = actor.expect("it starts");
    [json!(0), json!({"a": 1}), json!({"b": 2})].iter().for_each(|message| stage.send(&actor, message));
    assert_eq!(stage.value(&actor), json!([[1, {"a": 1}], [0, {"b": 2}], null]), "0 matches none and keeps its place");
}

#[test]
fn a_receive_that_is_dropped_takes_no_message() {
    let stage = Stage::new();
    let puppet = Puppet::new(&stage.node);
    assert!(puppet.does(|context| polls_once(context.receive_any(None)).is_none()), "it waits");
    stage.send(&puppet.address, json!("kept"));
    assert_eq!(puppet.hears(), "kept");
}

/// Polls a future once and lets go of it.
fn polls_once<F: Future>(future: F) -> Option<F::Output> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut cx) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn a_spawn_is_atomic_for_actors_in_rust_too() {
    let stage = Stage::new();
    let parent = Puppet::trapping(&stage.node);
    for _ in 0..200 {
        let options = SpawnOptions::default().link().monitor();
        let child =
            parent.does(move |context| context.spawn_native(&options, |_| async { Err::<Value, _>(json!("at once")) }));
        let child = child.expect("it starts").to_string();
        let heard = [parent.hears(), parent.hears()];
        assert!(
            heard.iter().all(|told| told["address"] == child && told["exception"]["value"] == "at once"),
            "{heard:?}"
        );
    }
}

#[test]
fn only_an_actor_can_link_or_monitor_what_it_spawns() {
    let stage = Stage::new();
    for options in [SpawnOptions::default().link(), SpawnOptions::default().monitor()] {
        let refused = stage.node.spawn_native_with(&options, panics).expect_err("nobody would hear");
        assert_eq!(refused.kind(), RefusalKind::BadArgument);
    }
    assert_eq!(stage.node.actors(), 0);
}

#[test]
fn what_a_killed_actor_held_is_dropped() {
    let stage = Stage::new();
    let (held, dropped) = mpsc::channel::<()>();
    let actor = stage.node.spawn_native(|mut context: Context| async move {
        let _held = held;
        context.receive_any(None).await;
        Ok::<_, Refusal>(json!(null))
    });
    let actor = actor.expect("it starts");
    stage.node.kill(&actor).expect("it lives");
    assert_eq!(stage.exception(&actor).kind(), ExceptionKind::Killed);
    let gone = dropped.recv_timeout(Duration::from_secs(60));
    assert_eq!(gone, Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn an_actor_that_waits_for_another_hears_how_it_ended() {
    let stage = Stage::new();
    let waiter = Puppet::new(&stage.node);
    let child = waiter.child(SpawnOptions::default());
    child.returns(json!(7));
    let Outcome::Exit(value) = waiter.waits(&child.address) else { panic!("it ended well") };
    assert_eq!(value.to_value(), 7);
    let address: Address = waiter.address.clone();
    let refused = stage.node.spawn_native(|mut context: Context| async move {
        let me = context.address().clone();
        let refused = context.wait(&me, None).await.expect_err("it would wait for ever");
        context.send(&address, json!(refused.kind().as_str()))?;
        Ok::<_, Refusal>(json!(null))
    });
    stage.value(&refused.expect("it starts"));
    assert_eq!(waiter.hears(), "bad-argument");
}
