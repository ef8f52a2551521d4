//! Supervisors of guests: what each strategy does with each kind of child, whatever it ended of.

use std::time::{Duration, Instant};

use greenroom::{
    Address, Backoff, CallError, ChildSpec, Clock, ExceptionKind, Node, Restart, Strategy, SupervisorSpec,
};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

/// Longer than any test may take: a call that ends so has hung.
const NEVER: Duration = Duration::from_secs(3600);

/// A child that tells `tell` when it is up: an entry of the scenarios.
pub fn child(tell: &Puppet, name: &str, entry: &str) -> ChildSpec {
    let args = json!([{"$address": tell.address.to_string()}, name]);
    ChildSpec::new(name, format!("scenarios/{entry}")).args(args)
}

pub fn call(stage: &Stage, supervisor: &Address, method: &str, message: Value) -> Result<Value, CallError> {
    stage.block_on(stage.node.call(supervisor, method, message, NEVER))
}

/// The next so many that came up: their names, in the order of the alphabet, and their addresses.
pub fn up(hears: &Puppet, children: usize) -> Vec<(String, Address)> {
    let mut up: Vec<_> =
        (0..children).map(|_| hears.hears()).map(|news| (name(&news, "up"), address(&news["address"]))).collect();
    up.sort_by(|(one, _), (other, _)| one.cmp(other));
    up
}

fn name(news: &Value, what: &str) -> String {
    news[what].as_str().unwrap_or_else(|| panic!("`{what}` is not in {news}")).to_owned()
}

pub fn address(json: &Value) -> Address {
    json["$address"].as_str().expect("an address").parse().expect("an address")
}

/// Ends an actor in one of the ways there are.
pub fn end(node: &Node, actor: &Address, cause: &str) {
    match cause {
        "killed" => node.kill(actor),
        "asked" => node.exit(actor, json!("go home")),
        told => node.send(actor, json!(told)),
    }
    .expect("it lives");
}

/// What a supervisor of `a`, `b` and `c` does when `b` has ended: `-` a child was asked to end, in this order, and then
/// `+` those that came up.
fn what_follows(stage: &Stage, strategy: Strategy, restart: Restart, cause: &str) -> String {
    let hears = Puppet::new(&stage.node);
    let spec = SupervisorSpec::new(strategy)
        .child(child(&hears, "a", "orderly"))
        .child(child(&hears, "b", "plain").restart(restart))
        .child(child(&hears, "c", "orderly"));
    let supervisor = stage.node.supervise(spec).expect("it starts");
    let b = up(&hears, 3)[1].1.clone();
    end(&stage.node, &b, cause);
    stage.outcome(&b);
    // Whoever waits is told after the supervisor, so it knows.
    let counts = call(stage, &supervisor, "count-children", json!(null)).expect("it lives");
    let follow = match (counts["restarts"].as_u64(), strategy) {
        (Some(0), _) => 0,
        (_, Strategy::OneForAll) => 5,
        (_, Strategy::RestForOne) => 3,
        _ => 1,
    };
    let mut news: Vec<String> = (0..follow).map(|_| hears.hears()).map(|news| sign(&news)).collect();
    let downs = news.iter().take_while(|news| news.starts_with('-')).count();
    news[downs..].sort();
    stage.node.exit(&supervisor, json!("over")).expect("it lives");
    assert_eq!(stage.value(&supervisor), json!(null));
    news.join(" ")
}

fn sign(news: &Value) -> String {
    news["down"].as_str().map_or_else(|| format!("+{}", name(news, "up")), |down| format!("-{down}"))
}

#[test]
fn each_strategy_with_each_kind_of_child_and_each_end() {
    use Restart::{Permanent, Temporary, Transient};
    use Strategy::{Dynamic, OneForAll, OneForOne, RestForOne};
    let stage = Stage::new();
    #[rustfmt::skip]
    let table = [
        // strategy   child b    when it returned   was asked to end   failed, panicked, was killed
        (OneForOne,  Permanent, "+b",              "+b",              "+b"),
        (OneForOne,  Transient, "",                "",                "+b"),
        (OneForOne,  Temporary, "",                "",                ""),
        (OneForAll,  Permanent, "-c -a +a +b +c",  "-c -a +a +b +c",  "-c -a +a +b +c"),
        (OneForAll,  Transient, "",                "",                "-c -a +a +b +c"),
        (OneForAll,  Temporary, "",                "",                ""),
        (RestForOne, Permanent, "-c +b +c",        "-c +b +c",        "-c +b +c"),
        (RestForOne, Transient, "",                "",                "-c +b +c"),
        (RestForOne, Temporary, "",                "",                ""),
        (Dynamic,    Permanent, "+b",              "+b",              "+b"),
        (Dynamic,    Transient, "",                "",                "+b"),
        (Dynamic,    Temporary, "",                "",                ""),
    ];
    for (strategy, restart, returned, asked, failed) in table {
        for (cause, expected) in
            [("return", returned), ("asked", asked), ("fail", failed), ("panic", failed), ("killed", failed)]
        {
            assert_eq!(what_follows(&stage, strategy, restart, cause), expected, "{strategy:?} {restart:?} {cause}");
        }
    }
    stage.block_on(async {
        // Only those who listened live, and perhaps still a caller.
        while stage.node.actors() > 4 * 3 * 5 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn one_restart_too_many_and_the_supervisor_takes_its_children_down_and_says_why() {
    let stage = Stage::new();
    let hears = Puppet::new(&stage.node);
    let spec = SupervisorSpec::one_for_one()
        .child(child(&hears, "a", "orderly"))
        .child(child(&hears, "b", "plain"))
        .intensity(2, Duration::from_secs(60))
        .backoff(Backoff::none());
    let supervisor = stage.node.supervise(spec).expect("it starts");
    let mut b = up(&hears, 2)[1].1.clone();
    for _ in 0..2 {
        stage.send(&b, json!("fail"));
        b = up(&hears, 1)[0].1.clone();
    }
    stage.send(&b, json!("panic"));
    let end = stage.exception(&supervisor);
    assert_eq!(end.kind(), ExceptionKind::Error);
    let why = end.detail("value").expect("the error's value").to_value();
    assert_eq!(
        (&why["type"], &why["child"], &why["cause"]["type"]),
        (&json!("too-many-restarts"), &json!("b"), &json!("trap"))
    );
    assert!(end.message().contains("2 times within 60s") && end.message().contains("as told"), "{end}");
    assert_eq!(hears.hears(), json!({"down": "a"}));
    assert_eq!(stage.node.actors(), 1);
}

/// A clock is moved until something is heard; answers how far.
pub fn advance_until_heard(clock: &Clock, hears: &Puppet, step: Duration) -> (Duration, Value) {
    let (start, began) = (clock.monotonic(), Instant::now());
    loop {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is heard");
        if let Some(heard) = hears.hears_now().pop() {
            return (clock.monotonic() - start, heard);
        }
        clock.advance(step);
        // The other threads are to get their turn: a wait that is too short only costs exactness.
        std::thread::yield_now();
    }
}

#[test]
fn who_ends_quickly_again_waits_longer_for_its_restart_by_the_node_s_clock() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let hears = Puppet::new(&stage.node);
    let spec = SupervisorSpec::one_for_one()
        .child(child(&hears, "b", "plain"))
        // No child shall run for a whole one while the clock moves on.
        .intensity(10, Duration::from_secs(1_000_000))
        .backoff(Backoff::new(Duration::from_secs(100), Duration::from_secs(1_000)).jitter(0.0));
    let supervisor = stage.node.supervise(spec).expect("it starts");
    let b = up(&hears, 1)[0].1.clone();
    stage.send(&b, json!("fail"));
    let mut b = up(&hears, 1)[0].1.clone();
    for wait in [100, 200, 400, 800, 1_000].map(Duration::from_secs) {
        stage.send(&b, json!("fail"));
        stage.outcome(&b);
        let children = call(&stage, &supervisor, "which-children", json!(null)).expect("it lives");
        assert_eq!((&children[0]["state"], &children[0]["address"]), (&json!("restarting"), &json!(null)));
        let (waited, heard) = advance_until_heard(&clock, &hears, Duration::from_millis(500));
        assert!(waited >= wait, "{waited:?} is shorter than {wait:?}");
        b = address(&heard["address"]);
    }
}

#[test]
fn at_a_shutdown_each_child_has_its_time_the_last_first_and_is_killed_then() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let hears = Puppet::new(&stage.node);
    let time = Duration::from_secs(30);
    let spec = SupervisorSpec::one_for_one()
        // Its time would be up while it is on its way.
        .child(child(&hears, "a", "orderly").shutdown(None))
        .child(child(&hears, "b", "stubborn").shutdown(time))
        .child(child(&hears, "c", "orderly"))
        .child(child(&hears, "d", "orderly").shutdown(Duration::ZERO));
    let supervisor = stage.node.supervise(spec).expect("it starts");
    let children = up(&hears, 4);
    stage.node.exit(&supervisor, json!("over")).expect("it lives");
    assert_eq!((hears.hears(), hears.hears()), (json!({"down": "c"}), json!({"asked": "b"})), "`d` was killed at once");
    let (waited, heard) = advance_until_heard(&clock, &hears, Duration::from_millis(100));
    assert!(waited >= time, "{waited:?}");
    assert_eq!(heard, json!({"down": "a"}));
    assert_eq!(stage.value(&supervisor), json!(null));
    let kinds = [1, 3].map(|index| stage.exception(&children[index].1).kind());
    assert_eq!(kinds, [ExceptionKind::Killed; 2]);
    assert_eq!(stage.node.actors(), 1);
}

#[test]
fn a_child_that_cannot_be_started_is_the_supervisor_s_failure() {
    let stage = Stage::new();
    let hears = Puppet::new(&stage.node);
    let spec = SupervisorSpec::one_for_one()
        .child(child(&hears, "a", "orderly"))
        .child(ChildSpec::new("b", "scenarios/no-such"))
        .child(child(&hears, "c", "orderly"));
    let end = stage.exception(&stage.node.supervise(spec).expect("it starts"));
    let why = end.detail("value").expect("the refusal").to_value();
    assert_eq!((&why["type"], &why["child"]), (&json!("no-such-entry"), &json!("b")));
    // It may have been asked to end before it could say that it is up.
    assert!(hears.hears_now().iter().all(|news| news["up"] == "a" || news["down"] == "a"));
    assert_eq!(stage.node.actors(), 1);
}

#[test]
fn a_child_that_fails_in_its_start_is_tried_again_until_it_is_too_much() {
    let stage = Stage::new();
    stage.text("start-traps");
    let spec = SupervisorSpec::one_for_one().child(ChildSpec::new("b", "start-traps/main")).backoff(Backoff::none());
    let end = stage.exception(&stage.node.supervise(spec).expect("it starts"));
    let why = end.detail("value").expect("the error's value").to_value();
    assert_eq!((&why["type"], &why["cause"]["type"]), (&json!("too-many-restarts"), &json!("trap")));
    assert_eq!(stage.node.actors(), 0);
}

#[test]
fn a_name_is_free_for_the_child_that_comes_next() {
    let stage = Stage::new();
    let hears = Puppet::new(&stage.node);
    let spec = SupervisorSpec::one_for_one()
        .child(child(&hears, "b", "plain").name("clerk"))
        .intensity(200, Duration::from_secs(60))
        .backoff(Backoff::none());
    stage.node.supervise(spec).expect("it starts");
    for _ in 0..200 {
        let clerk = up(&hears, 1)[0].1.clone();
        assert_eq!(stage.node.whereis("clerk").expect("it has a name"), clerk);
        stage.node.kill(&clerk).expect("it lives");
    }
    up(&hears, 1);
}
