//! Supervisors in the families they live in: guests that have them, calls to them, and trees of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use greenroom::{
    Address, Backoff, CallError, ChildSpec, Context, ExceptionKind, Refusal, RefusalKind, SpawnOptions, SupervisorSpec,
};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

/// Longer than any test may take: a call that ends so has hung.
const NEVER: Duration = Duration::from_secs(3600);

fn call(stage: &Stage, supervisor: &Address, method: &str, message: Value) -> Value {
    match stage.block_on(stage.node.call(supervisor, method, message, NEVER)) {
        Ok(answer) => answer,
        Err(CallError::Exception(exception)) => json!({"exception": exception}),
        Err(error) => json!({"error": error.to_string()}),
    }
}

async fn waits(mut context: Context) -> Result<Value, Refusal> {
    context.receive_any(None).await.expect("there is no timeout");
    Ok(json!(null))
}

async fn fails(_: Context) -> Result<Value, Value> {
    Err(json!("hopeless"))
}

fn address(json: &Value) -> Address {
    json["$address"].as_str().expect("an address").parse().expect("an address")
}

/// A guest's supervisor with children of the guest's own module, by bare names.
fn of_a_guest(stage: &Stage, hears: &Puppet, link: bool) -> (Address, Address) {
    let tell = json!({"$address": hears.address.to_string()});
    let child = |id: &str| json!({"id": id, "entry": "orderly", "args": [tell, id]});
    let inner = json!({"strategy": "one-for-all", "children": [child("b")]});
    let spec = json!({"strategy": "one-for-one", "children": [
        child("a"), {"id": "inner", "entry": "greenroom/supervisor", "args": inner},
    ]});
    let parent = stage.spawn("has_supervisor", json!([tell, spec, link]));
    let mut supervisor = None;
    for _ in 0..3 {
        let news = hears.hears();
        if !news["supervisor"].is_null() {
            supervisor = Some(address(&news["supervisor"]));
        }
    }
    (parent, supervisor.expect("it told"))
}

#[test]
fn a_bare_entry_is_one_of_the_module_of_whoever_spawned_the_supervisor_also_two_supervisors_down() {
    let stage = Stage::new();
    let hears = Puppet::new(&stage.node);
    let (_, supervisor) = of_a_guest(&stage, &hears, false);
    let children = call(&stage, &supervisor, "which-children", json!(null));
    let told: Vec<_> =
        children.as_array().expect("a list").iter().map(|child| (&child["id"], &child["entry"])).collect();
    assert_eq!(told, [(&json!("a"), &json!("orderly")), (&json!("inner"), &json!("greenroom/supervisor"))]);
    stage.node.exit(&supervisor, json!("over")).expect("it lives");
    assert_eq!(stage.value(&supervisor), json!(null));
    assert_eq!((hears.hears(), hears.hears()), (json!({"down": "b"}), json!({"down": "a"})), "the tree's last first");
}

#[test]
fn a_supervisor_that_is_linked_with_its_parent_goes_where_that_goes() {
    let stage = Stage::new();
    for link in [true, false] {
        let hears = Puppet::new(&stage.node);
        let (parent, supervisor) = of_a_guest(&stage, &hears, link);
        stage.send(&parent, json!("return"));
        stage.value(&parent);
        if !link {
            let counts = call(&stage, &supervisor, "count-children", json!(null));
            assert_eq!(counts["running"], 2, "it lives on");
            stage.node.exit(&supervisor, json!("over")).expect("it lives");
        }
        assert_eq!(stage.value(&supervisor), json!(null));
        assert_eq!((hears.hears(), hears.hears()), (json!({"down": "b"}), json!({"down": "a"})));
    }
}

#[test]
fn a_supervisor_that_is_killed_takes_its_whole_tree_along() {
    let stage = Stage::new();
    let hears = Puppet::new(&stage.node);
    let (parent, supervisor) = of_a_guest(&stage, &hears, false);
    stage.node.kill(&supervisor).expect("it lives");
    stage.send(&parent, json!("return"));
    // `b`, whose supervisor is told in order; `a` traps exits itself, hears of the end, and is left to itself.
    assert_eq!(hears.hears(), json!({"down": "b"}));
    assert_eq!(stage.exception(&supervisor).kind(), ExceptionKind::Killed);
}

#[test]
fn children_come_and_go_by_call() {
    let stage = Stage::new();
    let supervisor = stage.node.supervise(SupervisorSpec::dynamic().most(2)).expect("it starts");
    let start = |id: &str| {
        call(
            &stage,
            &supervisor,
            "start-child",
            json!({"id": id, "entry": "scenarios/script", "args": [[{"receive": [[], null]}]]}),
        )
    };
    let (one, two) = (address(&start("one")), start("two"));
    assert!(start("three").to_string().contains("limit"));
    assert!(
        call(&stage, &supervisor, "start-child", json!({"id": "x", "entry": "e", "colour": 1}))
            .to_string()
            .contains("colour")
    );
    let counts = call(&stage, &supervisor, "count-children", json!(null));
    assert_eq!(counts, json!({"children": 2, "running": 2, "restarts": 0}));
    stage.node.kill(&one).expect("it lives");
    stage.outcome(&one);
    let children = call(&stage, &supervisor, "which-children", json!(null));
    assert_eq!((&children[0]["id"], &children[0]["state"]), (&json!("one"), &json!("running")));
    assert_ne!(address(&children[0]["address"]), one, "it was started again");
    assert_eq!(call(&stage, &supervisor, "stop-child", two), json!(null));
    assert_eq!(call(&stage, &supervisor, "stop-child", json!("one")), json!(null));
    assert!(call(&stage, &supervisor, "stop-child", json!("one")).to_string().contains("no-such-name"));
    let counts = call(&stage, &supervisor, "count-children", json!(null));
    assert_eq!(counts, json!({"children": 0, "running": 0, "restarts": 1}));
    stage.node.exit(&supervisor, json!("over")).expect("it lives");
    stage.block_on(stage.node.emptied());
}

#[test]
fn a_guest_sets_and_asks_by_types_all_that_supervisors_and_routers_know() {
    let stage = Stage::new();
    let hears = Puppet::new(&stage.node);
    stage.run("has_every_setting", json!([{"$address": hears.address.to_string()}]));
}

#[test]
fn a_stopped_child_stays_known_until_it_is_deleted() {
    let stage = Stage::new();
    let spec = SupervisorSpec::one_for_one().child(ChildSpec::native("a", waits));
    let supervisor = stage.node.supervise(spec).expect("it starts");
    let does = |method: &str, message: Value| call(&stage, &supervisor, method, message);
    assert!(does("restart-child", json!("a")).to_string().contains("not stopped"));
    assert!(does("delete-child", json!("a")).to_string().contains("not stopped"));
    assert_eq!(does("stop-child", json!("a")), json!(null));
    assert_eq!(does("which-children", json!(null))[0]["state"], "stopped");
    assert!(does("start-child", json!({"id": "a", "entry": "scenarios/script"})).to_string().contains("name-taken"));
    address(&does("restart-child", json!("a")));
    assert_eq!(does("which-children", json!(null))[0]["state"], "running");
    assert_eq!((does("stop-child", json!("a")), does("delete-child", json!("a"))), (json!(null), json!(null)));
    assert_eq!(does("which-children", json!(null)), json!([]));
    assert!(does("paint-child", json!("a")).to_string().contains("paint-child"), "there is no such method");
    assert!(does("stop-child", json!(7)).to_string().contains("bad-argument"));
    assert!(does("start-child", json!({"id": "b", "entry": "scenarios/none"})).to_string().contains("no-such-entry"));
    stage.send(&supervisor, json!({"call": "me"}));
    assert_eq!(
        does("which-children", json!(null)),
        json!([]),
        "what is no call is dropped, and so is a child that did not start"
    );
}

#[test]
fn a_supervisor_that_is_asked_to_end_before_it_has_begun_ends_as_any_that_is_asked() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    for _ in 0..200 {
        let office = SupervisorSpec::one_for_one().child(ChildSpec::native("clerk", waits));
        let own = stage.node.supervise(office).expect("a supervisor");
        stage.node.exit(&own, json!("closing time")).expect("it is there");
        let spawned = parent.does(|context| {
            let args = json!({"strategy": "one-for-one", "children": []});
            let supervisor = context.spawn("greenroom/supervisor", args, &SpawnOptions::default())?;
            context.exit(&supervisor, json!("closing time")).map(|()| supervisor)
        });
        assert_eq!(stage.value(&own), json!(null));
        let outcome = parent.waits(&spawned.expect("it is there"));
        assert_eq!(outcome.to_json(), r#"{"exit":null}"#);
    }
}

#[test]
fn a_wrong_spec_is_how_a_supervisor_ends() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let supervisor =
        parent.does(|context| context.spawn("greenroom/supervisor", json!({"strategy": "none"}), &Default::default()));
    let end = stage.exception(&supervisor.expect("it starts"));
    assert_eq!(end.detail("value").expect("the refusal").to_value()["type"], RefusalKind::BadArgument.as_str());
    assert!(end.message().contains("one-for-one"), "it says what there is: {end}");
}

/// A tree with so many levels of supervisors, each of which has three of the next.
fn tree(levels: u32) -> SupervisorSpec {
    let spec = SupervisorSpec::one_for_one();
    (0..3).map(|n| n.to_string()).fold(spec, |spec, id| match levels {
        0 => spec.child(ChildSpec::new(id, "scenarios/script").args(json!([[{"receive": [[], null]}]]))),
        _ => spec.child(ChildSpec::supervisor(id, tree(levels - 1))),
    })
}

#[test]
fn a_deep_tree_that_is_brought_down_leaves_nothing() {
    let stage = Stage::new();
    // 1 + 3 + 9 + 27 + 81 supervisors, and 243 guests.
    for killed in [false, true] {
        let root = stage.node.supervise(tree(4)).expect("it starts");
        stage.block_on(async {
            while stage.node.actors() < 364 {
                tokio::task::yield_now().await;
            }
        });
        if killed {
            stage.node.kill(&root).expect("it lives");
        } else {
            stage.node.exit(&root, json!("over")).expect("it lives");
            assert_eq!(stage.value(&root), json!(null));
            assert_eq!(stage.node.actors(), 0, "its children were down before it");
        }
        stage.block_on(stage.node.emptied());
    }
}

#[test]
fn a_supervisor_that_is_killed_while_it_restarts_leaves_nothing() {
    let stage = Stage::new();
    for round in 1..=30 {
        let starts = Arc::new(AtomicU32::new(0));
        let counted = starts.clone();
        let crashes = move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Err::<Value, _>(json!("again")))
        };
        let spec = SupervisorSpec::rest_for_one()
            .child(ChildSpec::native("crashes", crashes))
            .child(ChildSpec::new("guest", "scenarios/script").args(json!([[{"receive": [[], null]}]])))
            .intensity(100_000, Duration::from_secs(3600))
            .backoff(Backoff::none());
        let supervisor = stage.node.supervise(spec).expect("it starts");
        stage.block_on(async {
            while starts.load(Ordering::Relaxed) < 7 * round {
                tokio::task::yield_now().await;
            }
        });
        stage.node.kill(&supervisor).expect("it lives");
        stage.block_on(stage.node.emptied());
        assert_eq!(stage.exception(&supervisor).kind(), ExceptionKind::Killed);
    }
}

/// What a process holds: resident KiB, descriptors, mappings.
fn held() -> [usize; 3] {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    let resident = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    let mappings = std::fs::read_to_string("/proc/self/maps").expect("Linux").lines().count();
    [resident, std::fs::read_dir("/proc/self/fd").expect("Linux").count(), mappings]
}

/// In a process of its own, in which no other test takes memory meanwhile.
#[test]
fn ten_thousand_crashes_and_restarts_take_no_memory_descriptors_or_mappings() {
    const ALONE: &str = "GREENROOM_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "supervisor_trees::ten_thousand_crashes_and_restarts_take_no_memory_descriptors_or_mappings";
        let mut alone = std::process::Command::new(std::env::current_exe().expect("this program"));
        let ran = alone.args(["--exact", name]).env(ALONE, "1").output().expect("it runs once more");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
        return;
    }
    let stage = Stage::new();
    let churn = |restarts: u32| {
        let spec = SupervisorSpec::one_for_one()
            .child(ChildSpec::native("churn", fails))
            .intensity(restarts, Duration::from_secs(3600))
            .backoff(Backoff::none());
        let end = stage.exception(&stage.node.supervise(spec).expect("it starts"));
        assert!(end.message().contains("hopeless"), "{end}");
        let guests = stage.run("has_churn", json!([restarts / 5]));
        assert_eq!(guests, restarts / 5);
        stage.block_on(stage.node.emptied());
    };
    // The node remembers the last 4,096 outcomes: until those are there, it grows.
    churn(5_000);
    let before = held();
    churn(10_000);
    let after = held();
    let grown: Vec<usize> = after.iter().zip(before).map(|(after, before)| after.saturating_sub(before)).collect();
    assert!(
        grown[0] < 2_048 && grown[1] < 4 && grown[2] < 16,
        "KiB, descriptors, mappings: {before:?}, then {after:?}"
    );
}
