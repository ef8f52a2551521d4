//! Timers: an actor's messages to itself, by the node's clock.

use std::time::Duration;

use greenroom::{Clock, Limit, Limits, Node, RefusalKind};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

const SECOND: Duration = Duration::from_secs(1);

/// A node whose time only the test moves.
fn paused() -> (Stage, Clock) {
    limited(Limits::default())
}

fn limited(limits: Limits) -> (Stage, Clock) {
    let clock = Clock::paused();
    (Stage::with(Node::builder().clock(clock.clone()).limits(limits)), clock)
}

fn cancel(puppet: &Puppet, reference: &str) -> bool {
    let reference = reference.to_owned();
    puppet.does(move |context| context.cancel(&reference)).expect("a reference")
}

#[test]
fn messages_come_in_the_order_of_their_times_and_not_before() {
    let (stage, clock) = paused();
    let puppet = Puppet::new(&stage.node);
    for seconds in [3, 1, 2, 1] {
        puppet.send_after(json!(seconds), seconds * SECOND);
    }
    clock.advance(SECOND - Duration::from_millis(1));
    assert!(puppet.hears_now().is_empty());
    clock.advance(Duration::from_millis(1));
    assert_eq!(puppet.hears_now(), [json!(1), json!(1)]);
    clock.advance(5 * SECOND);
    assert_eq!(puppet.hears_now(), [json!(2), json!(3)]);
    clock.advance(100 * SECOND);
    assert!(puppet.hears_now().is_empty(), "each comes once");
}

#[test]
fn timers_of_one_moment_come_in_the_order_they_were_made() {
    let (stage, clock) = paused();
    let puppet = Puppet::new(&stage.node);
    (0..100).for_each(|number| drop(puppet.send_after(json!(number), SECOND)));
    clock.advance(SECOND);
    assert_eq!(Value::from(puppet.hears_now()), Value::from_iter(0..100));
}

#[test]
fn a_time_of_zero_is_at_once() {
    let (stage, _clock) = paused();
    let answers = stage.play(json!([{"send-after": [{"n": 1.0}, 0]}, {"receive": [[], 0]}, {"cancel": "0"}]));
    let message = json!({"pattern": 0, "from_host": false, "message": {"n": 1.0}});
    assert_eq!((&answers[1], &answers[2]), (&message, &json!(false)), "it is the actor's own, no host message");
}

#[test]
fn a_timer_that_is_cancelled_in_time_never_fires() {
    let (stage, clock) = paused();
    let puppet = Puppet::new(&stage.node);
    let reference = puppet.send_after(json!("never"), SECOND);
    assert_eq!([cancel(&puppet, &reference), cancel(&puppet, &reference)], [true, false]);
    clock.advance(10 * SECOND);
    assert!(puppet.hears_now().is_empty());
}

#[test]
fn a_timer_that_is_cancelled_too_late_has_sent_its_message() {
    let (stage, clock) = paused();
    let puppet = Puppet::new(&stage.node);
    let reference = puppet.send_after(json!("sent"), SECOND);
    clock.advance(SECOND);
    assert!(!cancel(&puppet, &reference));
    assert_eq!(puppet.hears_now(), ["sent"], "it may wait in the mailbox");
}

/// Also when the time comes at that very moment: true and no message, or false and one.
#[test]
fn what_cancel_answers_is_what_happens() {
    let (stage, clock) = paused();
    let puppet = Puppet::new(&stage.node);
    for round in 0..500 {
        let reference = puppet.send_after(json!(round), SECOND);
        let mover = clock.clone();
        let moves = std::thread::spawn(move || mover.advance(SECOND));
        let in_time = cancel(&puppet, &reference);
        moves.join().expect("the clock moves");
        assert_eq!(puppet.hears_now().len(), usize::from(!in_time), "round {round}");
    }
}

#[test]
fn nobody_cancels_another_s_timer() {
    let (stage, clock) = paused();
    let (puppet, other) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    let reference = puppet.send_after(json!(1), SECOND);
    assert!(!cancel(&other, &reference));
    clock.advance(SECOND);
    assert_eq!(puppet.hears_now(), [json!(1)]);
}

#[test]
fn what_cannot_be_is_refused() {
    let (stage, _clock) = paused();
    let (fits, large) = ("x".repeat(4094), "x".repeat(4095));
    let answers = stage.play(json!([{"send-after": [fits, 0]}, {"send-after": [large, 0]}, {"cancel": "none"}]));
    assert!(answers[0].is_string());
    assert_eq!([&answers[1]["refused"], &answers[2]["refused"]], ["too-large", "bad-argument"]);
}

#[test]
fn one_timer_more_than_the_limit_is_refused_and_one_that_fired_counts_until_it_is_read() {
    let limits = Limits::default().with(Limit::Timers, 2);
    let (stage, clock) = limited(limits);
    let puppet = Puppet::new(&stage.node);
    let make = || {
        let made = puppet.does(|context| context.send_after(json!("ring"), SECOND));
        made.map_err(|refusal| (refusal.kind(), refusal.details()["limit"].clone()))
    };
    let refused = Err((RefusalKind::Limit, json!("timers")));
    let first = make().expect("the first");
    assert!(make().is_ok());
    assert_eq!(make(), refused);
    assert!(cancel(&puppet, &first));
    assert!(make().is_ok(), "a cancelled one is none");
    clock.advance(SECOND);
    assert_eq!(make(), refused, "their messages wait");
    puppet.hears();
    assert!(make().is_ok());
}

#[test]
fn a_full_mailbox_takes_a_timer_s_message() {
    let limits = Limits::default().with(Limit::Mailbox, 1);
    let (stage, clock) = limited(limits);
    let puppet = Puppet::new(&stage.node);
    puppet.send_after(json!("ring"), SECOND);
    stage.send(&puppet.address, json!("full"));
    assert_eq!(stage.node.send(&puppet.address, json!(2)).unwrap_err().kind(), RefusalKind::MailboxFull);
    clock.advance(SECOND);
    assert_eq!(puppet.hears_now(), ["full", "ring"]);
}

/// What a timer of an ended actor would send would be lost, and be counted as that.
#[test]
fn timers_end_with_their_actor() {
    let (stage, clock) = paused();
    let actor = stage.script(json!([{"send-after": ["late", 1000]}]));
    stage.value(&actor);
    clock.advance(10 * SECOND);
    assert!(stage.node.lost().iter().all(|(_, count)| *count == 0), "{:?}", stage.node.lost());
    let waits = stage.script(json!([{"send-after": ["in time", 1000]}, {"receive": [[], null]}]));
    assert_eq!(stage.advance_until_end(&clock, &waits, SECOND, || ())[1]["message"], "in time");
}

#[test]
fn a_guest_s_timers_fire_and_are_cancelled() {
    let (stage, clock) = paused();
    let actor = stage.spawn("has_timers", json!([10, 1_000_000_000]));
    assert_eq!(stage.advance_until_end(&clock, &actor, SECOND, || ()), json!([false, true]));
}
