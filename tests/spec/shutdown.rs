//! A node that shuts down: who is asked to end, in which order, and what becomes of those who do not.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use greenroom::{Address, Clock, Context, Event, Events, ExceptionKind, Node, Refusal, RefusalKind, SpawnOptions};
use serde_json::json;

use crate::puppet::Puppet;
use crate::stage::Stage;

fn kind(stage: &Stage, actor: &Address) -> ExceptionKind {
    stage.exception(actor).kind()
}

/// A parent that takes its three children down at a shutdown, the second one first. Answers all four.
fn orderly_parent(stage: &Stage) -> (Address, Vec<Address>) {
    let (tell, told) = mpsc::channel();
    let parent = stage.node.spawn_native_with(&SpawnOptions::default().trap_exit(), |mut context| async move {
        let takes_one = |_| context.spawn("scenarios/takes_one", json!([]), &SpawnOptions::default().monitor());
        let children = (0..3).map(takes_one).collect::<Result<Vec<_>, _>>()?;
        tell.send(children.clone()).expect("the test waits");
        let asked = context.receive_any(None).await.expect("no timeout");
        for child in [1, 0, 2] {
            context.exit(&children[child], json!("in order"))?;
            context.receive_any(None).await;
        }
        Ok::<_, Refusal>(json!(asked.from_host))
    });
    (parent.expect("it starts"), told.recv().expect("its children"))
}

/// Who ended, in order, as the events say.
fn ended(stage: &Stage, events: &mut Events, count: usize) -> Vec<Address> {
    let mut ended = Vec::new();
    while ended.len() < count {
        if let Some(Event::Ended { actor, .. }) = stage.block_on(events.next()) {
            ended.push(actor);
        }
    }
    ended
}

#[test]
fn a_shutdown_lets_a_parent_that_traps_exits_take_its_children_down_in_its_order() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let (parent, children) = orderly_parent(&stage);
    stage.block_on(stage.node.shutdown());
    assert_eq!(stage.value(&parent), true);
    let order = [&children[1], &children[0], &children[2], &parent].map(Address::to_string);
    assert_eq!(ended(&stage, &mut events, 4).iter().map(Address::to_string).collect::<Vec<_>>(), order);
    for child in &children {
        assert_eq!(stage.exception(child).detail("reason").expect("the parent's").to_value(), "in order");
    }
}

#[test]
fn a_shutdown_asks_children_when_their_parent_has_ended() {
    let stage = Stage::new();
    let parent = Puppet::new(&stage.node);
    let child = parent.child(SpawnOptions::default());
    let grandchild = child.guest("takes_one", json!([]), SpawnOptions::default());
    stage.block_on(stage.node.shutdown());
    for actor in [&parent.address, &child.address, &grandchild] {
        assert_eq!(kind(&stage, actor), ExceptionKind::Shutdown);
    }
}

/// In real time: a shutdown must end, whatever the node's clock says.
#[test]
fn a_shutdown_kills_who_ignores_it_after_5_seconds() {
    let stage = Stage::with(Node::builder().clock(Clock::paused()));
    let ignores: Vec<Puppet> = (0..3).map(|_| Puppet::trapping(&stage.node)).collect();
    let start = Instant::now();
    stage.block_on(stage.node.shutdown());
    assert!(start.elapsed() >= Duration::from_secs(5));
    let kinds: Vec<ExceptionKind> = ignores.iter().map(|actor| kind(&stage, &actor.address)).collect();
    assert_eq!(kinds, [ExceptionKind::Killed; 3]);
}

#[test]
fn a_shutdown_refuses_an_actor_s_spawns() {
    let stage = Stage::new();
    let (tell, told) = mpsc::channel();
    let behavior = |mut context: Context| async move {
        context.receive_any(None).await;
        let refused = context.spawn_native(&SpawnOptions::default(), |_| async { Ok::<_, Refusal>(json!(1)) });
        tell.send(refused.map_err(|refusal| refusal.kind())).expect("the test waits");
        Ok::<_, Refusal>(json!(1))
    };
    stage.node.spawn_native_with(&SpawnOptions::default().trap_exit(), behavior).expect("it starts");
    stage.block_on(stage.node.shutdown());
    assert_eq!(told.recv().expect("it was asked").err(), Some(RefusalKind::Stopping));
}
