//! What one for one means: the same for the node's own supervisor, and for one that a guest has written itself.

use std::collections::BTreeMap;
use std::time::Duration;

use greenroom::{Address, Clock, Context, ExceptionKind, Node, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

/// Both kinds of supervisors do the same with the same spec.
const KINDS: [&str; 2] = ["own_supervisor", "greenroom/supervisor"];

/// A supervisor, and what its children tell.
struct Family {
    supervisor: Address,
    /// The supervisor's parent: it may ask it to end.
    parent: Puppet,
    listener: Puppet,
}

/// A child: its ID, its type of restart, whether it is slow to end, and how long it has.
type Child = (&'static str, &'static str, bool, u64);

impl Family {
    fn new(stage: &Stage, kind: &str, intensity: u32, children: &[Child]) -> Family {
        let listener = Puppet::new(&stage.node);
        let tell = json!({"$address": listener.address.to_string()});
        let children = children.iter().map(|(id, restart, slow, shutdown_ms)| {
            let args = json!([tell, id, slow]);
            json!({"id": id, "entry": "scenarios/supervised_child", "args": args, "restart": restart, "shutdown_ms": shutdown_ms})
        });
        let children: Vec<Value> = children.collect();
        let spec = json!({"strategy": "one-for-one", "children": children, "intensity": intensity, "period_ms": 5000});
        let parent = Puppet::trapping(&stage.node);
        let entry = if kind.contains('/') { kind.to_owned() } else { format!("scenarios/{kind}") };
        let spawn = move |context: &mut Context| context.spawn(&entry, json!([spec]), &SpawnOptions::default());
        let supervisor = parent.does(spawn).expect("the supervisor starts");
        Family { supervisor, parent, listener }
    }

    /// Waits until the child of this ID says that it is there.
    fn up(&self, id: &str) -> Address {
        let [address] = self.all_up([id]);
        address
    }

    /// Waits until all of these say so. They were started in this order, but each runs on its own from there on.
    fn all_up<const N: usize>(&self, ids: [&str; N]) -> [Address; N] {
        let mut up: BTreeMap<String, Address> = BTreeMap::new();
        while up.len() < N {
            let told = self.listener.hears();
            let address = told["address"]["$address"].as_str().expect("an address").parse().expect("an address");
            up.insert(told["up"].as_str().expect("an ID").to_owned(), address);
        }
        ids.map(|id| up.remove(id).expect("it is up"))
    }

    fn down(&self, id: &str) {
        assert_eq!(self.listener.hears(), json!({"down": id}));
    }

    /// The IDs of the children that live.
    fn living(&self, stage: &Stage) -> Vec<String> {
        let whom = json!({"$address": self.supervisor.to_string()});
        let answer = stage.run("calls", json!([whom, "which-children", null, null]));
        let children = answer["answer"].as_array().unwrap_or_else(|| panic!("no children: {answer}"));
        let living = children.iter().filter(|child| !child["address"].is_null());
        living.map(|child| child["id"].as_str().expect("an ID").to_owned()).collect()
    }
}

#[test]
fn only_the_child_that_ended_is_started_anew() {
    let stage = Stage::new();
    for kind in KINDS {
        let family = Family::new(&stage, kind, 3, &[("a", "permanent", false, 1000), ("b", "permanent", false, 1000)]);
        let [a, b] = family.all_up(["a", "b"]);
        stage.send(&a, json!("fail"));
        assert_eq!(stage.exception(&a).kind(), ExceptionKind::Error);
        let again = family.up("a");
        assert_ne!(a, again, "{kind}");
        assert_eq!(family.living(&stage), ["a", "b"], "{kind}");
        stage.send(&b, json!("end"));
        family.up("b");
    }
}

#[test]
fn the_type_of_restart_decides_by_how_a_child_ended() {
    let stage = Stage::new();
    let table = [
        ("permanent", "end", true),
        ("permanent", "fail", true),
        ("transient", "end", false),
        ("transient", "fail", true),
        ("temporary", "end", false),
        ("temporary", "fail", false),
    ];
    for kind in KINDS {
        for (restart, how, again) in table {
            let family =
                Family::new(&stage, kind, 3, &[("a", restart, false, 1000), ("last", "permanent", false, 1000)]);
            let [a, _] = family.all_up(["a", "last"]);
            stage.send(&a, json!(how));
            _ = stage.outcome(&a);
            if again {
                family.up("a");
            }
            let living: &[&str] = if again { &["a", "last"] } else { &["last"] };
            assert_eq!(family.living(&stage), living, "{kind}: {restart}, {how}");
            assert_eq!(family.listener.hears_now(), [] as [Value; 0], "{kind}: {restart}, {how}");
        }
    }
}

#[test]
fn children_end_in_the_reverse_order_and_the_slow_are_killed() {
    let clock = Clock::paused();
    let stage = Stage::with(Node::builder().clock(clock.clone()));
    for kind in KINDS {
        let children =
            [("a", "permanent", false, 1000), ("b", "permanent", true, 1000), ("c", "permanent", false, 1000)];
        let family = Family::new(&stage, kind, 3, &children);
        let [_, b, _] = family.all_up(["a", "b", "c"]);
        family.parent.exit(&family.supervisor, json!("enough")).expect("its parent may ask");
        family.down("c");
        family.down("b");
        assert_eq!(family.listener.hears_now(), [] as [Value; 0], "{kind}: a is asked when b is gone");
        let ended = stage.advance_until_end(&clock, &family.supervisor, Duration::from_millis(100), || {});
        assert_eq!(ended, json!(null));
        family.down("a");
        assert_eq!(stage.exception(&b).kind(), ExceptionKind::Killed, "{kind}");
    }
}

#[test]
fn a_supervisor_gives_up_when_children_end_too_often_and_takes_the_others_down() {
    let stage = Stage::new();
    for kind in KINDS {
        let family = Family::new(&stage, kind, 2, &[("a", "permanent", false, 1000), ("b", "permanent", false, 1000)]);
        let [mut a, b] = family.all_up(["a", "b"]);
        for _ in 0..2 {
            stage.send(&a, json!("fail"));
            a = family.up("a");
        }
        stage.send(&a, json!("fail"));
        family.down("b");
        assert_eq!(stage.exception(&family.supervisor).kind(), ExceptionKind::Error, "{kind}");
        _ = stage.outcome(&b);
    }
}

#[test]
fn a_supervisor_that_is_killed_takes_its_children_along() {
    let stage = Stage::new();
    for kind in KINDS {
        let family = Family::new(&stage, kind, 3, &[("a", "permanent", true, 1000)]);
        let a = family.up("a");
        family.parent.kill(&family.supervisor).expect("its parent may");
        assert_eq!(stage.exception(&family.supervisor).kind(), ExceptionKind::Killed, "{kind}");
        assert_eq!(stage.value(&a), json!("orphaned"), "{kind}");
    }
}
