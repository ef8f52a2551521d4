//! Nodes in processes that are killed, frozen and started again.

use std::thread;
use std::time::{Duration, Instant};

use greenroom::{Address, ExceptionKind, Node, Outcome, RefusalKind};
use serde_json::{Value, json};

use super::far::{Far, with_processes};
use super::full::insists;
use super::leaving::{each_once, ends, waits, watches};
use super::traffic::{Text, Traffic, one_end_after_all};
use super::world::{PATIENCE, World, free_address, hears_of, lost_in_all, rounds};
use crate::puppet::Puppet;

/// How long a node that is gone may take to be seen as lost.
pub const DOWN_WITHIN: Duration = Duration::from_secs(5);

/// How long one that is there again may take to be connected.
pub const UP_WITHIN: Duration = Duration::from_secs(3);

/// So many rounds of a race run at once.
const AT_ONCE: usize = 5;

#[test]
fn a_node_that_is_killed_is_lost_within_5_seconds_and_ends_each_link_monitor_and_wait_once() {
    with_processes(|processes| {
        let near = World::of_the_network().node(&[]);
        for _ in 0..rounds().div_ceil(AT_ONCE) {
            let mut fars: Vec<Far> = (0..AT_ONCE).map(|_| processes.node(&near)).collect();
            let mut watched = Vec::new();
            for far in &fars {
                let (watcher, actors) = (Puppet::trapping(&near), far.sitters(5));
                watches(&watcher, &actors);
                let waiter = Puppet::new(&near);
                let wait = waits(&waiter, &actors[0]);
                watched.push((watcher, actors, waiter, wait, near.events()));
            }
            fars.iter_mut().for_each(Far::killed);
            let killed = Instant::now();
            for (far, (watcher, actors, _, wait, events)) in fars.iter().zip(&mut watched) {
                hears_of(events, &far.place, false);
                let took = killed.elapsed();
                assert!(took < DOWN_WITHIN, "{took:?}");
                assert_eq!(ends(&watcher.hears_now()), each_once(actors, "noconnection"));
                let Outcome::Exception(end) = wait.recv_timeout(PATIENCE).expect("it ends") else { panic!("it ended") };
                assert_eq!(end.kind(), ExceptionKind::Noconnection);
            }
        }
    });
}

#[test]
fn a_node_that_is_killed_while_it_speaks_is_heard_in_order_until_it_is_lost_and_no_more() {
    with_processes(|processes| {
        let near = World::of_the_network().node(&[]);
        for _ in 0..rounds().div_ceil(AT_ONCE) {
            let mut fars: Vec<Far> = (0..AT_ONCE).map(|_| processes.node(&near)).collect();
            let mut listeners = Vec::new();
            for far in &fars {
                let listener = Puppet::trapping(&near);
                let speakers: Vec<Address> = (0..2).map(|_| far.floods(&listener.address)).collect();
                for speaker in &speakers {
                    listener.link(speaker);
                    listener.monitor(speaker);
                }
                let heard: Vec<Value> = (0..200).map(|_| listener.hears()).collect();
                listeners.push((listener, speakers, heard, near.events()));
            }
            fars.iter_mut().for_each(Far::killed);
            let killed = Instant::now();
            for (far, (listener, speakers, mut heard, mut events)) in fars.iter().zip(listeners) {
                hears_of(&mut events, &far.place, false);
                let took = killed.elapsed();
                assert!(took < DOWN_WITHIN, "{took:?}");
                heard.extend(listener.hears_now());
                speakers.iter().for_each(|speaker| one_end_after_all(&heard, speaker));
            }
        }
    });
}

#[test]
fn a_node_that_is_killed_and_started_again_at_once_under_its_name_is_a_new_one() {
    with_processes(|processes| {
        let near = World::of_the_network().node(&[]);
        for _ in 0..rounds().div_ceil(AT_ONCE) {
            let name = || free_address().to_string();
            let fars: Vec<Far> = (0..AT_ONCE).map(|_| processes.node_in(None, &name(), &near)).collect();
            // At once, since each takes as long as the dead one is thought to live.
            thread::scope(|scope| {
                for mut far in fars {
                    let near = &near;
                    scope.spawn(move || {
                        let (watcher, old) = (Puppet::trapping(near), far.sitters(1));
                        watches(&watcher, &old);
                        let mut events = near.events();
                        far.killed();
                        let far = processes.node_in(None, far.place.as_str(), near);
                        hears_of(&mut events, &far.place, false);
                        hears_of(&mut events, &far.place, true);
                        assert_eq!(ends(&watcher.hears_now()), each_once(&old, "noconnection"));
                        watches(&watcher, &far.sitters(1));
                        watcher.link(&old[0]);
                        let told = watcher.hears();
                        let whom = (&told["address"], &told["exception"]["type"]);
                        assert_eq!(whom, (&json!(old[0].to_string()), &json!("noproc")));
                    });
                }
            });
        }
    });
}

#[test]
fn a_node_that_is_frozen_is_lost_within_5_seconds_and_thawed_it_is_there_again_within_3() {
    with_processes(|processes| {
        let near = World::of_the_network().node(&[]);
        for _ in 0..rounds().div_ceil(AT_ONCE) {
            let mut frozen = Vec::new();
            for _ in 0..AT_ONCE {
                let far = processes.node(&near);
                let (watcher, actors) = (Puppet::trapping(&near), far.sitters(5));
                watches(&watcher, &actors);
                let there = far.watcher(&watcher.address);
                far.heard(&there);
                frozen.push((far, watcher, actors, there, near.events()));
            }
            frozen.iter().for_each(|(far, ..)| far.signal("-STOP"));
            let stopped = Instant::now();
            for (far, watcher, actors, _, events) in &mut frozen {
                hears_of(events, &far.place, false);
                let took = stopped.elapsed();
                assert!(took < DOWN_WITHIN, "{took:?}");
                assert_eq!(ends(&watcher.hears_now()), each_once(actors, "noconnection"));
            }
            frozen.iter().for_each(|(far, ..)| far.signal("-CONT"));
            let thawed = Instant::now();
            for (far, watcher, _, there, events) in &mut frozen {
                hears_of(events, &far.place, true);
                let took = thawed.elapsed();
                assert!(took < UP_WITHIN, "{took:?}");
                // It has lost this node as well, and was told in the same way.
                let heard = far.heard(there);
                let of_us: Vec<Value> = heard.iter().filter(|told| !told["address"].is_null()).cloned().collect();
                assert_eq!(ends(&of_us), each_once(std::slice::from_ref(&watcher.address), "noconnection"));
                assert!(watcher.hears_now().is_empty(), "no link has come back");
            }
        }
    });
}

#[test]
fn a_node_that_is_frozen_for_a_second_is_not_lost_and_neither_is_a_message() {
    with_processes(|processes| {
        let near = World::of_the_network().node(&[]);
        let far = processes.node(&near);
        loses_nothing_in_a_second(&near, &far, |is_cut| far.signal(if is_cut { "-STOP" } else { "-CONT" }));
    });
}

/// Two nodes under load that cannot hear each other for a second lose neither a message nor each other.
pub fn loses_nothing_in_a_second(near: &Node, far: &Far, cuts: impl Fn(bool)) {
    let watcher = Puppet::trapping(near);
    watches(&watcher, &far.sitters(1));
    let mut traffic = Traffic::default();
    let (here, there) = (traffic.receiver(near), far.receiver());
    traffic.takes(near, Some(far.sender(&here, 20_000)), Some(there.clone()));
    traffic.sender(near, &there, 20_000, &[10, 1000]);
    thread::sleep(Duration::from_millis(100));
    cuts(true);
    thread::sleep(Duration::from_secs(1));
    cuts(false);
    traffic.ends_whole();
    assert_eq!((far.lost(), lost_in_all([near]), watcher.hears_now()), (0, 0, Vec::new()));
}

#[test]
fn what_waits_for_a_node_that_is_frozen_is_bounded_and_arrives_when_it_goes_on() {
    with_processes(|processes| {
        let near = World::of_the_network().node(&[]);
        let far = processes.node(&near);
        let (from, to) = (Puppet::new(&near), far.receiver());
        far.signal("-STOP");
        let me = from.address.to_string();
        let pad = "x".repeat(16 << 10);
        let receiver = to.clone();
        let (taken, refusal) = from.does(move |context| {
            let mut send = |number| context.send(&receiver, Text(format!(r#"["{me}",{number},"{pad}"]"#)));
            (0_u64..).find_map(|number| Some((number, send(number).err()?))).expect("it has an end")
        });
        assert_eq!(refusal.kind(), RefusalKind::MailboxFull, "and not lost: {refusal}");
        // What may wait, what may be on its way, and no more.
        assert!((256..800).contains(&taken), "{taken}");
        far.signal("-CONT");
        insists(&from, &to, format!(r#"["{}",{taken},null]"#, from.address));
        assert_eq!(from.hears(), taken, "the last");
        let mut traffic = Traffic::default();
        traffic.takes(&near, None, Some(to));
        let count = traffic.ends();
        assert_eq!((count.came, count.missing), (taken + 1, 0));
        assert_eq!((far.lost(), lost_in_all([&near])), (0, 0));
    });
}
