//! Routers: who gets what, and that every call ends, whatever becomes of those who should answer it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use greenroom::{Address, CallError, Clock, Context, Event, Limit, Limits, Loss, Node, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::settings::on_one_and_two_nodes;
use crate::stage::Stage;

on_one_and_two_nodes![
    round_robin_goes_round_with_calls_and_messages,
    random_asks_all_of_them_in_the_end,
    broadcast_reaches_all_and_the_first_answer_counts,
    hash_keeps_a_key_with_one_until_that_ends_and_the_others_keep_theirs,
    least_loaded_asks_those_who_have_nothing_to_answer,
    every_kind_of_answer_is_passed_on_under_the_caller_s_own_id,
    the_end_of_a_routee_is_told_at_once_to_those_it_has_not_answered,
    routees_come_and_go_by_call,
    a_routee_that_was_removed_still_answers_and_its_end_is_still_told,
    who_has_a_narrowed_address_uses_a_router_and_does_not_control_it,
    what_strangers_send_does_no_harm,
];

/// Longer than any test may take: a call that ends so has hung.
const NEVER: Duration = Duration::from_secs(3600);

/// A worker: answers calls with its name, and tells what else it hears. It never answers `wait`, ends on `end`, and fails
/// on `fail`.
async fn works(mut context: Context, name: u32, tell: mpsc::Sender<(u32, Value)>) -> Result<Value, Value> {
    loop {
        let received = context.receive_any(None).await.expect("there is no timeout");
        let request = received.message.to_value();
        let Some(id) = request.get("call") else {
            // The test may have heard enough.
            _ = tell.send((name, request));
            continue;
        };
        let answer = match request["method"].as_str() {
            Some("wait") => continue,
            Some("end") => return Ok(json!("done")),
            Some("fail") => return Err(json!("broken")),
            Some("garbage") => json!("no answer at all"),
            Some("refuse") => json!({"response": id, "exception": {"type": "error", "message": "no"}}),
            Some("who") => json!({"response": id, "message": name}),
            _ => json!({"response": id, "invalid_method": request["method"]}),
        };
        let reply_to = address(&request["address"]);
        // Its caller may have given up.
        _ = context.send(&reply_to, answer);
    }
}

fn address(json: &Value) -> Address {
    json["$address"].as_str().expect("an address").parse().expect("an address")
}

/// A router on one node, with native workers behind it on another or the same.
struct Cast<'a> {
    stage: &'a Stage,
    far: &'a Stage,
    boss: Puppet,
    workers: Vec<Address>,
    router: Address,
    heard: mpsc::Receiver<(u32, Value)>,
}

impl<'a> Cast<'a> {
    fn on(stage: &'a Stage, workers: u32, spec: Value) -> Cast<'a> {
        Cast::new(stage, stage, workers, spec)
    }

    fn new(stage: &'a Stage, far: &'a Stage, workers: u32, mut spec: Value) -> Cast<'a> {
        let boss = Puppet::new(&stage.node);
        let (tell, heard) = mpsc::channel();
        let worker = |name| {
            let tell = tell.clone();
            far.node.spawn_native(move |context| works(context, name, tell)).expect("the worker starts")
        };
        let workers: Vec<Address> = (0..workers).map(worker).collect();
        spec["routees"] = serde_json::to_value(&workers).expect("addresses are JSON");
        let router = routes(&boss, spec);
        Cast { stage, far, boss, workers, router, heard }
    }

    fn call(&self, method: &str, message: Value) -> Result<Value, CallError> {
        call(self.stage, &self.router, method, message)
    }

    fn who(&self) -> Value {
        self.call("who", Value::Null).expect("an answer")
    }

    fn send(&self, message: Value) {
        self.stage.send(&self.router, message);
    }

    /// The next that a worker hears which is no call.
    fn hears(&self) -> (u32, Value) {
        self.heard.recv_timeout(Duration::from_secs(60)).expect("a worker hears something")
    }

    /// Ends a worker, and returns when the router knows.
    fn ends(&self, worker: usize) {
        let worker = &self.workers[worker];
        self.far.node.kill(worker).expect("it lives");
        self.far.exception(worker);
        let started = Instant::now();
        while self
            .call("$router/routees", Value::Null)
            .expect("the router answers")
            .to_string()
            .contains(&worker.to_string())
        {
            assert!(started.elapsed() < Duration::from_secs(60), "the router does not hear of the end");
        }
    }
}

fn call(stage: &Stage, to: &Address, method: &str, message: Value) -> Result<Value, CallError> {
    stage.block_on(stage.node.call(to, method, message, NEVER))
}

fn routes(boss: &Puppet, spec: Value) -> Address {
    let options = SpawnOptions::default();
    boss.does(move |context| context.spawn("greenroom/router", spec, &options)).expect("the router starts")
}

fn exception(answer: Result<Value, CallError>) -> String {
    match answer {
        Err(CallError::Exception(exception)) => exception["type"].as_str().expect("a type").to_owned(),
        other => panic!("not an exception: {other:?}"),
    }
}

fn round_robin_goes_round_with_calls_and_messages(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 3, json!({"strategy": "round-robin"}));
    assert_eq!([cast.who(), cast.who()], [0, 1]);
    cast.send(json!("a"));
    cast.send(json!("b"));
    let heard: BTreeMap<u32, Value> = [cast.hears(), cast.hears()].into();
    assert_eq!(heard, [(2, json!("a")), (0, json!("b"))].into());
    assert_eq!(cast.who(), 1);
}

fn random_asks_all_of_them_in_the_end(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 3, json!({"strategy": "random"}));
    let mut left = BTreeSet::from([0, 1, 2]);
    while !left.is_empty() {
        left.remove(&cast.who().as_u64().expect("a name"));
    }
}

fn broadcast_reaches_all_and_the_first_answer_counts(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 3, json!({"strategy": "broadcast"}));
    cast.send(json!("all of you"));
    let heard: BTreeSet<u32> = (0..3).map(|_| cast.hears().0).collect();
    assert_eq!(heard, [0, 1, 2].into());
    assert!(cast.who().as_u64().is_some_and(|name| name < 3));
    assert_eq!(exception(cast.call("end", Value::Null)), "noproc", "only when the last has ended");
}

fn hash_keeps_a_key_with_one_until_that_ends_and_the_others_keep_theirs(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 4, json!({"strategy": "hash", "key": "/user/id"}));
    let who = |user: u32| cast.call("who", json!({"user": {"id": user}})).expect("an answer");
    let keepers: Vec<Value> = (0..40).map(who).collect();
    assert_eq!((0..40).map(who).collect::<Vec<_>>(), keepers);
    assert!((0..4).all(|name| keepers.contains(&json!(name))));
    cast.send(json!({"user": {"id": 7}, "text": "for the keeper of 7"}));
    assert_eq!(cast.hears().0, keepers[7]);
    cast.ends(2);
    for (user, keeper) in (0..40).zip(&keepers) {
        let now = who(user);
        assert!(if keeper == 2 { now != 2 } else { now == *keeper });
    }
}

fn least_loaded_asks_those_who_have_nothing_to_answer(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 3, json!({"strategy": "least-loaded"}));
    // Two of them are busy for good.
    for _ in 0..2 {
        let call = json!({"call": 1, "method": "wait", "address": cast.boss.address});
        cast.send(call);
    }
    let free = cast.who();
    assert!((0..10).all(|_| cast.who() == free));
    let heard: BTreeSet<u32> = (0..3).map(|_| (cast.send(json!("a")), cast.hears().0).1).collect();
    assert_eq!(heard.len(), 3, "what is no call goes round");
}

fn every_kind_of_answer_is_passed_on_under_the_caller_s_own_id(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 1, json!({"strategy": "round-robin"}));
    let id = json!({"of": ["the caller's", 1.0]});
    let asks = |method: &str| {
        cast.send(json!({"call": id, "method": method, "address": cast.boss.address, "message": 1}));
        cast.boss.hears()
    };
    assert_eq!(asks("who"), json!({"response": id, "message": 0}));
    assert_eq!(asks("refuse"), json!({"response": id, "exception": {"type": "error", "message": "no"}}));
    assert_eq!(asks("dance"), json!({"response": id, "invalid_method": "dance"}));
    assert_eq!(asks("garbage")["exception"]["type"], "error", "a caller hears that there will be no answer");
}

fn the_end_of_a_routee_is_told_at_once_to_those_it_has_not_answered(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 2, json!({"strategy": "round-robin"}));
    assert_eq!(exception(cast.call("fail", Value::Null)), "noproc");
    assert_eq!((cast.who(), cast.who()), (json!(1), json!(1)), "and it is not asked again");
    assert_eq!(exception(cast.call("end", Value::Null)), "noproc");
    assert_eq!(exception(cast.call("who", Value::Null)), "noproc", "nobody is left");
}

#[test]
fn what_no_routee_can_take_is_a_dead_letter() {
    let stage = Stage::new();
    let cast = Cast::on(&stage, 0, json!({"strategy": "random"}));
    let mut events = cast.stage.node.events();
    cast.send(json!("to nobody"));
    let lost = cast.stage.block_on(async {
        loop {
            if let Some(Event::Lost { to, loss, bytes, .. }) = events.next().await {
                return (to, loss, bytes);
            }
        }
    });
    assert_eq!(lost, (cast.router.clone(), Loss::NoSuchActor, "\"to nobody\"".len()));
}

fn routees_come_and_go_by_call(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 2, json!({"strategy": "round-robin"}));
    let own = |method: &str, whom: &Address| cast.call(&format!("$router/{method}"), json!(whom));
    own("remove", &cast.workers[0]).expect("it is done");
    assert_eq!((cast.who(), cast.who()), (json!(1), json!(1)));
    own("add", &cast.workers[0]).expect("it is done");
    own("add", &cast.workers[0]).expect("twice is once");
    let routees = cast.call("$router/routees", Value::Null).expect("an answer");
    assert_eq!(routees, json!([cast.workers[1], cast.workers[0]]));
    assert_eq!(exception(own("add", &cast.router)), "bad-argument", "no circle of one");
    assert_eq!(exception(cast.call("$router/add", json!("x"))), "bad-argument");
    assert_eq!(exception(cast.call("$router/resize", json!(1))), "bad-argument", "there is no pool");
    assert!(matches!(cast.call("$router/dance", Value::Null), Err(CallError::InvalidMethod(_))));
}

fn a_routee_that_was_removed_still_answers_and_its_end_is_still_told(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 2, json!({"strategy": "round-robin"}));
    cast.send(json!({"call": 1, "method": "wait", "address": cast.boss.address}));
    cast.call("$router/remove", json!(cast.workers[0])).expect("it is done");
    cast.ends(0);
    assert_eq!(cast.boss.hears()["exception"]["type"], "noproc");
}

fn who_has_a_narrowed_address_uses_a_router_and_does_not_control_it(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 1, json!({"strategy": "round-robin"}));
    let use_only = cast.boss.narrow(&cast.router, json!({"rights": ["send", "monitor"]}));
    let call = |method: &str| call(near, &use_only, method, json!(cast.boss.address));
    assert_eq!(call("who").expect("an answer"), 0);
    for method in ["add", "remove", "routees", "resize"] {
        assert_eq!(exception(call(&format!("$router/{method}"))), "not-permitted");
    }
}

/// Whoever knew a routee's address could use it without the router.
#[test]
fn a_caller_never_learns_who_the_routees_are() {
    let limits = Limits::default().with(Limit::Mailbox, 1);
    let stage = Stage::with(Node::builder().limits(limits));
    let cast = Cast::on(&stage, 0, json!({"strategy": "random"}));
    let deaf = Puppet::new(&cast.stage.node);
    cast.stage.send(&deaf.address, json!("the only one that fits"));
    cast.call("$router/add", json!(deaf.address)).expect("it is done");
    let told = cast.call("anything", Value::Null).expect_err("there is no room").to_string();
    assert!(told.contains("mailbox-full") && !told.contains('@'), "{told}");
    deaf.returns(Value::Null);
    cast.stage.outcome(&deaf.address);
    let told = cast.call("anything", Value::Null).expect_err("nobody is there").to_string();
    assert!(told.contains("noproc") && !told.contains('@'), "{told}");
}

#[test]
fn a_full_mailbox_is_passed_by() {
    let limits = Limits::default().with(Limit::Mailbox, 2);
    let stage = Stage::with(Node::builder().limits(limits));
    let cast = Cast::on(&stage, 2, json!({"strategy": "round-robin"}));
    let deaf = Puppet::new(&cast.stage.node);
    (0..2).for_each(|n| cast.stage.send(&deaf.address, json!(n)));
    cast.call("$router/add", json!(deaf.address)).expect("it is done");
    let answered: Vec<Value> = (0..6).map(|_| cast.who()).collect();
    assert_eq!(answered, [0, 1, 0, 0, 1, 0], "the third is passed by");
}

#[test]
fn what_is_outstanding_has_bounds_in_number_and_time() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    let cast = Cast::on(&stage, 1, json!({"strategy": "random", "calls_max": 2, "call_timeout_ms": 100}));
    let waits = |id: u32| cast.send(json!({"call": id, "method": "wait", "address": cast.boss.address}));
    waits(1);
    cast.call("$router/routees", Value::Null).expect("it has taken the first");
    clock.advance(Duration::from_millis(50));
    waits(2);
    waits(3);
    let refused = cast.boss.hears();
    assert_eq!((&refused["response"], &refused["exception"]["limit"]), (&json!(3), &json!("calls")));
    clock.advance(Duration::from_millis(60));
    let late = cast.boss.hears();
    assert_eq!((&late["response"], &late["exception"]["type"]), (&json!(1), &json!("timeout")));
    assert_eq!(cast.who(), 0, "there is room again");
}

fn what_strangers_send_does_no_harm(near: &Stage, far: &Stage) {
    let cast = Cast::new(near, far, 1, json!({"strategy": "round-robin"}));
    let me = &cast.router;
    for odd in [
        json!({"call": 1, "method": "$router/resize", "address": me, "message": -1}),
        json!({"call": 1, "method": "who", "address": me}),
        json!({"call": 1, "method": "who", "address": {"$address": "nobody@127.0.0.1:1"}}),
        json!({"response": "no call's", "message": 1}),
        json!({"response": me.to_string(), "message": 1}),
        json!({"address": me.to_string(), "exit": 1, "monitor": "x"}),
        json!({"address": null, "shutdown": "please"}),
    ] {
        cast.send(odd);
    }
    assert_eq!(cast.who(), 0);
    assert_eq!(cast.stage.node.host_faults(), 0);
}

#[test]
fn a_router_that_is_spawned_wrong_says_what_is_wrong() {
    let stage = Stage::new();
    let boss = Puppet::new(&stage.node);
    for (spec, words) in [
        (json!({"strategy": "random", "routes": []}), "unknown field `routes`"),
        (json!({"strategy": "hash"}), "`hash` needs it"),
        (json!([]), "expected an object with `strategy`"),
    ] {
        let router = routes(&boss, spec);
        let end = stage.exception(&router);
        assert!(end.message().contains(words), "{end}");
    }
}

#[test]
fn a_router_that_traps_exits_ends_when_it_is_asked_to() {
    let stage = Stage::new();
    let boss = Puppet::new(&stage.node);
    let options = SpawnOptions::default().trap_exit();
    let router = boss.does(move |context| context.spawn("greenroom/router", json!({"strategy": "random"}), &options));
    let router = router.expect("it starts");
    boss.exit(&router, json!("enough")).expect("its parent may");
    assert_eq!(stage.value(&router), Value::Null);
}
