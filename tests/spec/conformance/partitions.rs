//! Networks that fall apart and come together again.

use std::slice;
use std::thread;
use std::time::Instant;

use greenroom::{Address, Node, Place};
use serde_json::{Value, json};

use super::far::{Far, with_processes};
use super::leaving::{each_once, ends, watches};
use super::networks::Network;
use super::processes::{DOWN_WITHIN, UP_WITHIN, loses_nothing_in_a_second};
use super::traffic::{Traffic, floods, one_end_after_all};
use super::world::{PAUSE, World, rounds};
use crate::puppet::Puppet;

/// What a watcher has heard of actors' ends.
fn of_ends(heard: &[Value]) -> Vec<Value> {
    heard.iter().filter(|told| !told["address"].is_null()).cloned().collect()
}

/// What a watcher has heard of a node, in order.
fn of_node(heard: &[Value], node: &Place) -> Vec<bool> {
    heard.iter().filter(|told| told["node"] == node.as_str()).map(|told| told["up"] == true).collect()
}

/// A message and its answer's worth of proof that two nodes reach each other, both ways, in order and whole.
fn talk(near: &Node, far: &Far) {
    let mut traffic = Traffic::default();
    let (here, there) = (traffic.receiver(near), far.receiver());
    traffic.takes(near, Some(far.sender(&here, 100)), Some(there.clone()));
    traffic.sender(near, &there, 100, &[10, 1000]);
    let count = traffic.ends();
    assert_eq!((count.came, count.missing), (count.sent, 0));
}

#[test]
fn a_node_that_is_cut_off_is_lost_within_5_seconds_and_healed_it_is_there_again_within_3() {
    with_processes(|processes| {
        let Some(network) = Network::new(1) else { return };
        let near = World::of_the_network().node_named(&network.place(0), &[]);
        let far = processes.node_in(Some(&network.namespace(1)), &network.place(1), &near);
        // Not by events: of those a loss of thousands of messages makes too many.
        let nodes = Puppet::new(&near);
        nodes.does(|context| context.monitor_nodes(true)).expect("it may");
        for _ in 0..rounds() / 2 {
            let (watcher, actors) = (Puppet::trapping(&near), far.sitters(5));
            watches(&watcher, &actors);
            let there = far.watcher(&watcher.address);
            far.heard(&there);
            let listener = Puppet::trapping(&near);
            let speakers = [far.floods(&listener.address)];
            listener.link(&speakers[0]);
            listener.monitor(&speakers[0]);
            let mut heard: Vec<Value> = (0..200).map(|_| listener.hears()).collect();
            let back = floods(&near, &actors[0]);
            network.cut(1);
            let cut = Instant::now();
            assert_eq!(of_node(&[nodes.hears()], &far.place), [false]);
            let took = cut.elapsed();
            assert!(took < DOWN_WITHIN, "{took:?}");
            let told: Vec<Value> = (0..2 * actors.len()).map(|_| watcher.hears()).collect();
            assert_eq!(ends(&told), each_once(&actors, "noconnection"));
            while of_ends(&heard).len() < 2 {
                heard.push(listener.hears());
            }
            assert!(listener.hears_now().is_empty(), "nothing comes after the news");
            near.kill(&back).expect("it lives");
            network.heal(1);
            let healed = Instant::now();
            assert_eq!(of_node(&[nodes.hears()], &far.place), [true]);
            let took = healed.elapsed();
            assert!(took < UP_WITHIN, "{took:?}");
            talk(&near, &far);
            // One that speaks on is heard in the new connection, but its end was told.
            one_end_after_all(&heard, &speakers[0]);
            assert_eq!(
                ends(&of_ends(&far.heard(&there))),
                each_once(std::slice::from_ref(&watcher.address), "noconnection")
            );
            assert!(watcher.hears_now().is_empty(), "no link has come back");
            listener.returns(json!("enough"));
        }
    });
}

#[test]
fn an_outage_of_a_second_under_load_loses_nobody_and_no_message() {
    with_processes(|processes| {
        let Some(network) = Network::new(1) else { return };
        let near = World::of_the_network().node_named(&network.place(0), &[]);
        let far = processes.node_in(Some(&network.namespace(1)), &network.place(1), &near);
        loses_nothing_in_a_second(&near, &far, |is_cut| if is_cut { network.cut(1) } else { network.heal(1) });
    });
}

#[test]
fn of_three_nodes_only_the_two_that_are_kept_apart_lose_each_other() {
    with_processes(|processes| {
        let Some(network) = Network::new(2) else { return };
        let near = World::of_the_network().node_named(&network.place(0), &[]);
        let start = |port| processes.node_in(Some(&network.namespace(port)), &network.place(port), &near);
        let fars = [start(1), start(2)];
        // By this node alone they hear of each other.
        let watcher = Puppet::trapping(&near);
        let actors: Vec<Address> = fars.iter().flat_map(|far| far.sitters(1)).collect();
        actors.iter().for_each(|actor| watches(&watcher, slice::from_ref(actor)));
        // Connected, a watcher hears nothing at first; else noconnection at once.
        let connected = |far: &Far, of: &Address| {
            let since = Instant::now();
            loop {
                let watcher = far.watcher(of);
                if far.heard(&watcher).is_empty() {
                    return watcher;
                }
                assert!(since.elapsed() < UP_WITHIN, "they do not meet");
                thread::sleep(PAUSE);
            }
        };
        let watchers = [connected(&fars[0], &actors[1]), connected(&fars[1], &actors[0])];
        network.part([1, 2], true);
        let cut = Instant::now();
        for (place, watcher) in [1, 0].into_iter().zip(&watchers) {
            let far = &fars[1 - place];
            while of_node(&far.heard(watcher), &fars[place].place) != [false] {
                assert!(cut.elapsed() < DOWN_WITHIN, "{:?}", far.heard(watcher));
                thread::sleep(PAUSE);
            }
            assert_eq!(ends(&of_ends(&far.heard(watcher))), each_once(&actors[place..=place], "noconnection"));
            talk(&near, far);
        }
        network.part([1, 2], false);
        let healed = Instant::now();
        for (place, watcher) in [1, 0].into_iter().zip(&watchers) {
            let far = &fars[1 - place];
            while of_node(&far.heard(watcher), &fars[place].place) != [false, true] {
                assert!(healed.elapsed() < UP_WITHIN, "{:?}", far.heard(watcher));
                thread::sleep(PAUSE);
            }
        }
        assert!(watcher.hears_now().is_empty(), "the third has lost nobody");
    });
}
