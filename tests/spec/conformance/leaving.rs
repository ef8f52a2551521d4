//! A node that goes is told once, and one that comes back is a new one.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use greenroom::{Address, ExceptionKind, Loss, Outcome, RefusalKind};
use serde_json::{Value, json};

use super::traffic::{floods, one_end_after_all};
use super::world::{PATIENCE, World, block_on, hears_of, lost, rounds};
use crate::puppet::Puppet;

over_each_engine! {
    a_shutdown_tells_how_each_actor_ended_once,
    a_node_that_is_gone_ends_each_link_monitor_and_wait_once_with_noconnection,
    a_node_that_starts_again_under_its_name_is_a_new_one,
    who_leaves_under_load_is_lost_once_and_nothing_comes_after,
}

/// How often each address ended as what, as an actor has heard it by links (`false`) and monitors (`true`).
pub fn ends(heard: &[Value]) -> BTreeMap<(String, bool, String), usize> {
    let mut ends = BTreeMap::new();
    for told in heard {
        let address = told["address"].as_str().expect("an end").to_owned();
        let kind = told["exception"]["type"].as_str().unwrap_or("exit").to_owned();
        *ends.entry((address, told["monitor"].is_string(), kind)).or_default() += 1;
    }
    ends
}

/// Each of the actors, by a link and by a monitor, once.
pub fn each_once(actors: &[Address], kind: &str) -> BTreeMap<(String, bool, String), usize> {
    let keys = actors.iter().flat_map(|actor| [false, true].map(|monitor| (actor.to_string(), monitor)));
    keys.map(|(address, monitor)| ((address, monitor, kind.to_owned()), 1)).collect()
}

pub fn watches(watcher: &Puppet, actors: &[Address]) {
    for actor in actors {
        watcher.link(actor);
        watcher.monitor(actor);
    }
    // An answer from there shows that what was said before has come.
    let reference = watcher.monitor(&nobody(actors[0].place().as_str()));
    assert_eq!(watcher.hears()["monitor"], reference);
}

/// Waits for an actor's end while the test goes on.
pub fn waits(waiter: &Puppet, actor: &Address) -> Receiver<Outcome> {
    let actor = actor.clone();
    waiter.begins(move |context| {
        Box::pin(async move { context.wait(&actor, None).await.expect("no mistake").expect("no timeout") })
    })
}

pub fn nobody(place: &str) -> Address {
    format!("{}@{place}", "a".repeat(26)).parse().expect("an address")
}

fn a_shutdown_tells_how_each_actor_ended_once(world: &World) {
    let [near, far] = world.pair();
    let watcher = Puppet::trapping(&near);
    let actors: Vec<Address> = (0..20).map(|_| Puppet::new(&far).address).collect();
    watches(&watcher, &actors);
    let mut events = near.events();
    block_on(far.shutdown());
    hears_of(&mut events, far.place(), false);
    assert_eq!(ends(&watcher.hears_now()), each_once(&actors, "shutdown"));
}

fn a_node_that_is_gone_ends_each_link_monitor_and_wait_once_with_noconnection(world: &World) {
    let [near, far] = world.pair();
    let (watcher, follower) = (Puppet::trapping(&near), Puppet::new(&near));
    let actors: Vec<Address> = (0..20).map(|_| Puppet::new(&far).address).collect();
    watches(&watcher, &actors);
    follower.link(&actors[0]);
    let waiters: Vec<Puppet> = actors.iter().map(|_| Puppet::new(&near)).collect();
    let waits = waiters.iter().zip(&actors).map(|(waiter, actor)| waits(waiter, actor));
    let waits: Vec<Receiver<Outcome>> = waits.collect();
    let mut events = near.events();
    let place = far.place().clone();
    drop(far);
    hears_of(&mut events, &place, false);
    let Outcome::Exception(end) = block_on(near.outcome(&follower.address)).expect("known") else { panic!("linked") };
    let cause = end.detail("cause").expect("why").to_value();
    assert_eq!((end.kind(), &cause["type"]), (ExceptionKind::Linked, &json!("noconnection")));
    assert_eq!(ends(&watcher.hears_now()), each_once(&actors, "noconnection"));
    for wait in waits {
        let Outcome::Exception(end) = wait.recv_timeout(PATIENCE).expect("it ends") else { panic!("nobody returned") };
        assert_eq!(end.kind(), ExceptionKind::Noconnection);
    }
    let refused = watcher.send(&actors[0], json!(1)).expect_err("nobody is there");
    assert_eq!(refused.kind(), RefusalKind::NotConnected);
    watcher.link(&actors[0]);
    assert_eq!(watcher.hears()["exception"]["type"], "noconnection", "a new link is told at once");
}

fn a_node_that_starts_again_under_its_name_is_a_new_one(world: &World) {
    let near = world.node(&[]);
    let watcher = Puppet::trapping(&near);
    let mut far = world.node(&[&near]);
    for round in 0..rounds() {
        let old = [Puppet::new(&far).address];
        watches(&watcher, &old);
        let mut events = near.events();
        let place = far.place().clone();
        // Either way of going.
        if round % 2 == 0 {
            block_on(far.shutdown());
        }
        drop(far);
        far = world.node_named(place.as_str(), &[&near]);
        hears_of(&mut events, &place, false);
        hears_of(&mut events, &place, true);
        assert_eq!(ends(&watcher.hears_now()), each_once(&old, ["shutdown", "noconnection"][round % 2]));
        watcher.send(&old[0], json!("to the old one")).expect("it is handed over");
        watcher.link(&old[0]);
        assert_eq!(watcher.hears()["exception"]["type"], "noproc", "nobody of the old one is there");
        assert_eq!(lost(&far, Loss::NoSuchActor), 1, "where it arrived, it was lost");
        let new = Puppet::new(&far);
        watcher.send(&new.address, json!(round)).expect("they are connected");
        assert_eq!(new.hears(), round);
        new.returns(json!(1));
        near.send(&watcher.address, json!("still here")).expect("it lives");
        assert_eq!(watcher.hears(), "still here", "and nothing else");
    }
}

fn who_leaves_under_load_is_lost_once_and_nothing_comes_after(world: &World) {
    for round in 0..rounds() {
        let [near, far] = world.pair();
        let watcher = Puppet::trapping(&near);
        let speakers: Vec<Address> = (0..4).map(|_| floods(&far, &watcher.address)).collect();
        speakers.iter().for_each(|speaker| {
            watcher.link(speaker);
            watcher.monitor(speaker);
        });
        let mut heard: Vec<Value> = (0..500).map(|_| watcher.hears()).collect();
        let mut events = near.events();
        let place = far.place().clone();
        if round % 2 == 0 {
            block_on(far.shutdown());
        }
        drop(far);
        hears_of(&mut events, &place, false);
        heard.extend(watcher.hears_now());
        speakers.iter().for_each(|speaker| one_end_after_all(&heard, speaker));
    }
}
