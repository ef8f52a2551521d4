//! Routers whose workers end: pools that are supervised and resized, and what becomes of many calls meanwhile.

use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use greenroom::{
    Address, Backoff, CallError, ChildSpec, Context, ExceptionKind, PoolSpec, RouterSpec, SpawnOptions, SupervisorSpec,
};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

/// Longer than any test may take: a call that ends so has hung.
const NEVER: Duration = Duration::from_secs(3600);

/// A router with a pool of guests.
struct Crew {
    stage: Stage,
    boss: Puppet,
    router: Address,
}

impl Crew {
    fn new(pool: Value) -> Crew {
        let stage = Stage::new();
        let boss = Puppet::new(&stage.node);
        let spec = json!({"strategy": "round-robin", "pool": pool});
        let options = SpawnOptions::default();
        let router = boss.does(move |context| context.spawn("greenroom/router", spec, &options));
        Crew { stage, boss, router: router.expect("the router starts") }
    }

    fn call(&self, method: &str, message: Value) -> Result<Value, CallError> {
        self.stage.block_on(self.stage.node.call(&self.router, method, message, NEVER))
    }

    fn workers(&self) -> Vec<Value> {
        let workers = self.call("$router/routees", Value::Null).expect("the router answers");
        workers.as_array().expect("a list").clone()
    }

    fn resize(&self, size: i64) -> Result<Value, CallError> {
        self.call("$router/resize", json!(size))
    }

    /// Asks again and again, until it is so.
    fn until(&self, what: &str, is: impl Fn() -> bool) {
        let started = Instant::now();
        while !is() {
            assert!(started.elapsed() < Duration::from_secs(60), "it never happens that {what}");
        }
    }

    /// Who lives, without those that make the calls here.
    fn living(&self, actors: usize) {
        self.until("so many live", || self.stage.node.actors() == actors);
    }
}

/// A pool whose workers come back at once, as often as they like.
fn pool(size: u32) -> Value {
    json!({"entry": "scenarios/routed", "size": size, "intensity": 1000, "backoff": {"first_ms": 0, "most_ms": 0}})
}

fn kind(answer: Result<Value, CallError>) -> String {
    match answer {
        Err(CallError::Exception(exception)) => exception["type"].as_str().expect("a type").to_owned(),
        other => panic!("not an exception: {other:?}"),
    }
}

#[test]
fn the_first_call_finds_the_workers_there() {
    let crew = Crew::new(pool(3));
    let who = crew.call("who", Value::Null).expect("an answer");
    let workers = crew.workers();
    assert!(workers.len() == 3 && workers.contains(&who), "{who} of {workers:?}");
}

#[test]
fn a_worker_that_ends_is_told_of_and_another_takes_its_place() {
    let crew = Crew::new(pool(2));
    let before = crew.workers();
    for _ in 0..3 {
        assert_eq!(kind(crew.call("crash", Value::Null)), "noproc");
        crew.until("both are there again", || crew.workers().len() == 2);
    }
    assert!(crew.workers() != before);
    crew.call("who", Value::Null).expect("an answer");
}

#[test]
fn a_worker_that_is_started_again_later_is_found_then() {
    let mut pool = pool(1);
    pool["backoff"] = json!({"first_ms": 30, "most_ms": 30, "jitter": 0.0});
    let crew = Crew::new(pool);
    // The first restart is at once, the second is not.
    for _ in 0..2 {
        crew.until("it is there", || crew.workers().len() == 1);
        assert_eq!(kind(crew.call("crash", Value::Null)), "noproc");
    }
    crew.until("it is there again", || crew.workers().len() == 1);
    crew.call("who", Value::Null).expect("an answer");
}

#[test]
fn a_pool_is_resized_by_call_and_answers_when_it_is_done() {
    let crew = Crew::new(pool(2));
    let first = crew.workers();
    for (size, living) in [(5, 8), (1, 4), (1, 4), (0, 3), (2, 5)] {
        assert_eq!(crew.resize(size).expect("it is done"), size);
        assert_eq!(crew.workers().len() as i64, size);
        // The boss, the router, its supervisor, and the workers.
        crew.living(living);
        if size == 0 {
            assert_eq!(kind(crew.call("who", Value::Null)), "noproc");
        } else {
            crew.call("who", Value::Null).expect("an answer");
        }
    }
    assert!(!crew.workers().contains(&first[0]), "all of the first were let go");
    for (wrong, why) in [(-1, "bad-argument"), (10_001, "limit")] {
        assert_eq!(kind(crew.resize(wrong)), why);
    }
    assert_eq!(kind(crew.call("$router/add", json!(crew.boss.address))), "bad-argument", "the pool decides");
    assert_eq!(crew.workers().len(), 2);
}

#[test]
fn a_worker_that_cannot_be_started_is_the_answer_of_the_resize() {
    let crew = Crew::new(json!({"entry": "scenarios/nobody", "size": 0}));
    assert_eq!(kind(crew.resize(3)), "no-such-entry");
    assert_eq!(crew.resize(0).expect("it is done"), 0);
    assert_eq!(crew.workers().len(), 0);
}

#[test]
fn a_pool_ends_with_its_router_however_that_ends() {
    let crew = Crew::new(pool(3));
    crew.workers();
    crew.boss.kill(&crew.router).expect("its parent may");
    crew.living(1);
    let crew = Crew::new(pool(3));
    crew.workers();
    crew.boss.exit(&crew.router, json!("enough")).expect("its parent may");
    crew.living(1);
    let crew = Crew::new(pool(3));
    crew.workers();
    crew.stage.block_on(crew.stage.node.shutdown());
    assert_eq!(crew.stage.node.actors(), 0);
}

#[test]
fn a_router_ends_with_its_pool_and_says_why() {
    let mut hopeless = pool(2);
    hopeless["intensity"] = json!(0);
    let crew = Crew::new(hopeless);
    let asked = crew.call("crash", Value::Null).expect_err("it ends");
    assert!(matches!(asked, CallError::Exception(_) | CallError::Ended(_)), "{asked:?}");
    let end = crew.stage.exception(&crew.router);
    assert_eq!(end.kind(), ExceptionKind::Linked);
    crew.living(1);
    let mut wrong = pool(2);
    wrong["restart"] = json!("sometimes");
    let crew = Crew::new(wrong);
    let end = crew.stage.exception(&crew.router);
    assert!(end.message().contains("sometimes"), "{end}");
}

#[test]
fn a_guest_has_a_pool_of_its_own_module_and_every_call_ends() {
    let stage = Stage::new();
    let value = stage.run("has_a_pool", json!([600, 4, 20]));
    let ends = value["ends"].as_object().expect("counts");
    let count = |end: &str| ends.get(end).and_then(Value::as_u64).unwrap_or(0);
    assert_eq!(count("answered") + count("noproc"), 600, "{value}");
    assert!(count("noproc") >= 30, "{value}");
    assert!(value["workers"].as_u64() > Some(4), "those that crashed were replaced: {value}");
}

#[test]
fn a_pool_of_behaviors_in_rust_is_resized_and_supervised_like_any() {
    let stage = Stage::new();
    let given = Arc::new(AtomicU64::new(0));
    let worker = ChildSpec::native("clerk", move |context| answers(context, given.clone()));
    let pool = RouterSpec::random().pool(PoolSpec::new(worker.clone(), 1));
    let supervisor = stage.node.supervise(SupervisorSpec::one_for_one().child(ChildSpec::router("office", pool)));
    let supervisor = supervisor.expect("it starts");
    let call = |to: &Address, method: &str, message: Value| {
        stage.block_on(stage.node.call(to, method, message, NEVER)).expect("an answer")
    };
    let children = call(&supervisor, "which-children", Value::Null);
    let router: Address = serde_json::from_value(children[0]["address"].clone()).expect("an address");
    assert_eq!(call(&router, "$router/resize", json!(5)), 5);
    assert_eq!(routees(&stage, &router).len(), 5);
    call(&router, "work", Value::Null);
    stage.node.exit(&supervisor, json!("closing time")).expect("it lives");
    stage.block_on(stage.node.emptied());

    let named = RouterSpec::random().pool(PoolSpec::new(worker.name("clerk"), 2));
    let end = stage.exception(&stage.node.route(named).expect("it starts"));
    assert!(end.message().contains("one name"), "{end}");
}

const WORKERS: usize = 8;
const CALLERS: usize = 16;
const CALLS: u64 = 100_000;
const KILL_EVERY: Duration = Duration::from_millis(100);

/// Counts its answers, as far as they were delivered.
async fn answers(mut context: Context, given: Arc<AtomicU64>) -> Result<Value, Value> {
    loop {
        let request = context.receive_any(None).await.expect("there is no timeout").message.to_value();
        let reply_to: Address =
            request["address"]["$address"].as_str().and_then(|text| text.parse().ok()).expect("a call");
        if context.send(&reply_to, json!({"response": request["call"], "message": null})).is_ok() {
            given.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Calls so many times, one call after the other, and counts how they end.
async fn calls(mut context: Context, router: Address, calls: u64) -> Result<Value, Value> {
    let (mut answered, mut failed) = (0, 0);
    for _ in 0..calls {
        match context.call(&router, "work", Value::Null, NEVER).await {
            Ok(_) => answered += 1,
            Err(CallError::Exception(exception)) if exception["type"] == "noproc" => failed += 1,
            Err(other) => return Err(json!(other.to_string())),
        }
    }
    Ok(json!([answered, failed]))
}

#[test]
fn of_100_000_calls_each_ends_and_the_counts_add_up_while_a_worker_is_killed_every_100_ms() {
    let stage = Stage::new();
    let given = Arc::new(AtomicU64::new(0));
    let counted = given.clone();
    let worker = ChildSpec::native("worker", move |context| answers(context, counted.clone()));
    let pool = PoolSpec::new(worker, WORKERS).intensity(100_000, NEVER).backoff(Backoff::none());
    // No more calls than there are callers: if one were forgotten when it ends, the next would be refused.
    let spec = RouterSpec::least_loaded().pool(pool).calls_max(CALLERS);
    let router = stage.node.route(spec).expect("the router starts");
    let start = |_| {
        let router = router.clone();
        let caller = move |context| calls(context, router, CALLS / CALLERS as u64);
        stage.node.spawn_native(caller).expect("the caller starts")
    };
    let callers: Vec<Address> = (0..CALLERS).map(start).collect();
    let mut over = pin!(async {
        let (mut answered, mut failed) = (0, 0);
        for caller in &callers {
            let counts = stage.node.wait(caller).await.expect("it has counted");
            answered += counts[0].as_u64().expect("a count");
            failed += counts[1].as_u64().expect("a count");
        }
        (answered, failed)
    });
    let (started, mut killed) = (Instant::now(), 0);
    let (answered, failed) = loop {
        // Each turn has its own patience; all together may be slow beside other tests.
        match stage.block_on(async { tokio::time::timeout(KILL_EVERY, &mut over).await }) {
            Ok(counts) => break counts,
            Err(_) => killed += u64::from(kill_any(&stage, &router)),
        }
        assert!(started.elapsed() < Duration::from_secs(300), "calls hang");
    };
    assert_eq!(answered + failed, CALLS, "every call ends");
    assert_eq!(answered, given.load(Ordering::Relaxed), "with the answer that was given, or none was");
    assert!(killed > 0 && failed > 0, "{killed} killed, {failed} calls failed");
    assert!(failed <= killed * CALLERS as u64, "only calls of those that were killed: {failed}");
    // The last that was killed may just be on its way back.
    while routees(&stage, &router).len() < WORKERS {
        assert!(started.elapsed() < Duration::from_secs(300), "a worker was not started again");
    }
}

fn routees(stage: &Stage, router: &Address) -> Vec<Address> {
    let routees = stage.block_on(stage.node.call(router, "$router/routees", Value::Null, NEVER)).expect("it lives");
    serde_json::from_value(routees).expect("addresses")
}

/// Kills a worker of a router, chance says which. Answers whether it lived.
fn kill_any(stage: &Stage, router: &Address) -> bool {
    let workers = routees(stage, router);
    let chance = RandomState::new().hash_one(()) as usize;
    !workers.is_empty() && stage.node.kill(&workers[chance % workers.len()]).is_ok()
}
