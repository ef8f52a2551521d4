//! Links of many actors: fans, chains and circles, each link told once.

use std::sync::mpsc;

use greenroom::{Address, Context, ExceptionKind, SpawnOptions};
use serde_json::json;

use crate::puppet::Puppet;
use crate::stage::{Stage, text};

/// A child that ends in its first instruction, or before it, cannot end before its link stands.
#[test]
fn no_link_of_a_spawn_comes_too_late_however_early_the_child_ends() {
    let stage = Stage::new();
    stage.block_on(stage.node.load(text("start-traps"))).expect("it loads");
    let parent = Puppet::trapping(&stage.node);
    for (entry, args) in [("start-traps/main", json!([])), ("scenarios/script", json!([["trap"]]))] {
        for _ in 0..200 {
            let args = args.clone();
            let options = SpawnOptions::default().link();
            let child = parent.does(move |context| context.spawn(entry, args, &options)).expect("it starts");
            let told = parent.hears();
            assert_eq!((&told["address"], &told["exception"]["type"]), (&json!(child.to_string()), &json!("trap")));
        }
    }
    let answers = stage.exception(&stage.script(json!([
        {"spawn-with": ["start-traps/main", [], {"link": true}]},
        {"receive": [[], null]},
    ])));
    assert_eq!(answers.kind(), ExceptionKind::Linked, "and a guest that does not trap exits goes with it");
}

#[test]
fn a_thousand_links_with_one_actor_are_told_once_each() {
    assert_eq!(Stage::new().run("fans_out", json!([1000])), json!([1000, 0]));
}

#[test]
fn each_of_many_links_and_monitors_of_children_is_heard_once() {
    let heard = Stage::new().run("hears_all", json!([500]));
    assert_eq!(heard, json!({"links": 500, "monitors": 500, "more": false}));
}

#[test]
fn the_end_of_one_goes_down_a_chain_and_says_how_it_began() {
    let stage = Stage::new();
    let last = stage.run("chains", json!([200]));
    assert_eq!(
        (&last["type"], &last["cause"]["type"], &last["cause"]["value"]),
        (&json!("linked"), &json!("error"), &json!("gone"))
    );
}

#[test]
fn a_chain_of_a_hundred_thousand_goes_down_without_recursion() {
    const LENGTH: usize = 100_000;
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let (linked, links) = mpsc::channel();
    let (first, last) = parent.does(move |context| {
        let mut spawn = |before: Option<Address>| {
            let linked = linked.clone();
            let behavior = |mut context: Context| async move {
                before.map(|before| context.link(&before)).transpose()?;
                linked.send(()).expect("the test counts");
                context.receive_any(None).await;
                context.unregister("none").map(|()| json!(null))
            };
            context.spawn_native(&SpawnOptions::default(), behavior).expect("it starts")
        };
        let first = spawn(None);
        let last = (0..LENGTH).fold(first.clone(), |before, _| spawn(Some(before)));
        (first, last)
    });
    assert_eq!(links.iter().take(LENGTH + 1).count(), LENGTH + 1, "all have linked and wait");
    stage.send(&first, json!("go"));
    let end = stage.exception(&last);
    let cause = end.detail("cause").expect("why").to_value();
    assert_eq!((end.kind(), &cause["value"]["type"]), (ExceptionKind::Linked, &json!("no-such-name")));
    assert!(parent.hears_now().is_empty(), "the parent has linked nobody, and lives");
    parent.returns(json!(1));
    stage.block_on(stage.node.emptied());
}

#[test]
fn links_in_a_circle_end_each_actor_once() {
    let stage = Stage::new();
    let circle: Vec<Puppet> = (0..10).map(|_| Puppet::new(&stage.node)).collect();
    for (one, next) in circle.iter().zip(circle.iter().cycle().skip(1)) {
        one.link(&next.address);
    }
    circle[3].fails(json!("first"));
    let causes = circle.iter().map(|one| match stage.exception(&one.address) {
        end if end.kind() == ExceptionKind::Linked => end.detail("cause").expect("why").to_value()["value"].clone(),
        end => end.detail("value").expect("the one that failed").to_value(),
    });
    assert!(causes.eq(vec![json!("first"); 10]));
}
