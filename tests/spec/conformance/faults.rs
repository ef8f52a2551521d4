//! Links that lose, delay, swap and break: a gap is a lost connection, never a silent hole.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use greenroom::{Address, Events, Faults, Loss, Node, Place};
use serde_json::{Value, json};

use super::traffic::Traffic;
use super::world::{PAUSE, World, hears_of, lost, lost_in_all, rounds};
use crate::puppet::Puppet;

fn faulty_pair() -> (World, [Node; 2], Faults) {
    let world = World::of_one_process();
    let nodes = world.pair();
    let faults = world.faults().expect("an engine with faults");
    (world, nodes, faults)
}

/// Actors that have linked and monitor each other over a link, and what both nodes tell of it.
struct Couple {
    one: Puppet,
    other: Puppet,
    events: [Events; 2],
}

impl Couple {
    fn new(near: &Node, far: &Node) -> Couple {
        let (one, other) = (Puppet::trapping(near), Puppet::trapping(far));
        for (watcher, watched) in [(&one, &other), (&other, &one)] {
            watcher.link(&watched.address);
            watcher.monitor(&watched.address);
        }
        let couple = Couple { one, other, events: [near.events(), far.events()] };
        couple.talk();
        couple
    }

    /// Each hears what the other says, and nothing else.
    fn talk(&self) {
        for (from, to) in [(&self.other, &self.one), (&self.one, &self.other)] {
            from.send(&to.address, json!("hello")).expect("they are connected");
            assert_eq!(to.hears(), "hello");
        }
    }

    /// Both nodes hear that the other was lost.
    fn parts(&mut self) {
        let places = [self.other.address.place(), self.one.address.place()];
        self.events.iter_mut().zip(places).for_each(|(events, place)| hears_of(events, place, false));
    }

    /// Both nodes hear that the other is there again.
    fn meets(&mut self) {
        let places = [self.other.address.place(), self.one.address.place()];
        self.events.iter_mut().zip(places).for_each(|(events, place)| hears_of(events, place, true));
    }

    /// The first says something over a link that a fault waits for, until it was that which the fault has hit: a packet
    /// that only says what was taken in may be lost, and nothing breaks. Answers how often, and what the other then heard.
    fn breaks(&self, fault: impl Fn()) -> (u64, Value) {
        for times in 1.. {
            fault();
            self.one.send(&self.other.address, json!("hit")).expect("it is handed over");
            let heard = self.other.hears();
            if heard != "hit" {
                return (times, heard);
            }
        }
        unreachable!("there are more numbers than time")
    }

    /// Each was told by its link and its monitor, once, and nothing else has come.
    fn was_told_once(&self) {
        self.was_told_once_with(Vec::new());
    }

    /// So, with what the other has heard of it before.
    fn was_told_once_with(&self, before: Vec<Value>) {
        told_once(&self.one.hears_now(), &self.other);
        told_once(&[before, self.other.hears_now()].concat(), &self.one);
    }
}

/// Fails unless this is what a link and a monitor tell of an actor, once each.
fn told_once(heard: &[Value], of: &Puppet) {
    let is_end =
        |told: &Value| told["address"] == of.address.to_string() && told["exception"]["type"] == "noconnection";
    assert!(heard.iter().all(is_end), "{heard:?}");
    let monitors = heard.iter().filter(|told| told["monitor"].is_string()).count();
    assert_eq!((heard.len(), monitors), (2, 1), "{heard:?}");
}

#[test]
fn a_packet_that_is_lost_is_a_lost_connection_and_the_next_one_is_there_at_once() {
    is_broken_by(|faults, from, to| faults.lose_next(from, to, 1));
}

#[test]
fn packets_that_are_swapped_are_a_lost_connection_and_come_in_order_or_not_at_all() {
    is_broken_by(|faults, from, to| faults.swap_next(from, to));
}

/// Fails unless a message that this hits is lost and counted, and its connection with it, and the next one is there.
fn is_broken_by(fault: impl Fn(&Faults, &Place, &Place)) {
    let (_world, [near, far], faults) = faulty_pair();
    let mut said = 0;
    for _ in 0..rounds() {
        let mut couple = Couple::new(&near, &far);
        let (times, heard) = couple.breaks(|| fault(&faults, near.place(), far.place()));
        couple.parts();
        couple.meets();
        couple.was_told_once_with(vec![heard]);
        couple.talk();
        said += times + 2;
    }
    // And perhaps some of which word had not come back.
    let counted = lost(&near, Loss::Unconfirmed);
    assert!((rounds() as u64..=said).contains(&counted), "{counted}");
}

#[test]
fn a_link_that_is_cut_and_healed_is_down_then_up_and_tells_each_once() {
    let (_world, [near, far], faults) = faulty_pair();
    for _ in 0..rounds() {
        let mut couple = Couple::new(&near, &far);
        faults.cut(near.place(), far.place());
        couple.parts();
        couple.was_told_once();
        assert!(couple.one.send(&couple.other.address, json!("nobody hears")).is_err());
        couple.one.monitor(&couple.other.address);
        assert_eq!(couple.one.hears()["exception"]["type"], "noconnection", "at once");
        faults.heal(near.place(), far.place());
        couple.meets();
        couple.talk();
        assert!(couple.one.hears_now().is_empty() && couple.other.hears_now().is_empty(), "no link has come back");
    }
}

#[test]
fn of_three_nodes_only_the_two_whose_link_is_cut_lose_each_other() {
    let world = World::of_one_process();
    let nodes = [world.node(&[]), world.node(&[]), world.node(&[])];
    let faults = world.faults().expect("an engine with faults");
    for _ in 0..rounds() {
        let mut cut = Couple::new(&nodes[0], &nodes[1]);
        let (one, other) = (Couple::new(&nodes[1], &nodes[2]), Couple::new(&nodes[2], &nodes[0]));
        faults.cut(nodes[0].place(), nodes[1].place());
        cut.parts();
        cut.was_told_once();
        one.talk();
        other.talk();
        faults.heal(nodes[1].place(), nodes[0].place());
        cut.meets();
        cut.talk();
        one.talk();
        other.talk();
    }
}

#[test]
fn nothing_of_a_connection_comes_after_the_news_that_it_is_lost() {
    let (_world, [near, far], faults) = faulty_pair();
    let (late, mut came) = (Duration::from_millis(300), 0);
    for round in 0..rounds() {
        let mut couple = Couple::new(&near, &far);
        faults.delay(far.place(), near.place(), late);
        for number in 0..100 {
            couple.other.send(&couple.one.address, json!([round, number])).expect("they are connected");
        }
        faults.cut(near.place(), far.place());
        couple.parts();
        faults.heal(near.place(), far.place());
        couple.meets();
        // Who is kept from speaking for so long may have been heard before that.
        let heard = couple.one.hears_now();
        let (words, ends) = heard.split_at(heard.iter().position(Value::is_object).expect("an end"));
        assert!(words.iter().enumerate().all(|(number, word)| *word == json!([round, number])), "{words:?}");
        told_once(ends, &couple.other);
        told_once(&couple.other.hears_now(), &couple.one);
        came += words.len() as u64;
        // Late as all before: when it comes, they would have.
        couple.other.send(&couple.one.address, json!("new")).expect("they are connected");
        assert_eq!(couple.one.hears(), "new");
        faults.delay(far.place(), near.place(), Duration::ZERO);
    }
    // And in each round perhaps a greeting, of which word had not come back.
    let (lost, sent) = (lost_in_all([&far]), 100 * rounds() as u64);
    assert!(
        (sent - came..=sent + rounds() as u64).contains(&lost),
        "each is counted where it left: {lost}, {came} came"
    );
}

#[test]
fn a_slow_link_loses_nothing() {
    let (_world, [near, far], faults) = faulty_pair();
    faults.delay(near.place(), far.place(), Duration::from_millis(20));
    faults.delay(far.place(), near.place(), Duration::from_millis(50));
    let mut traffic = Traffic::default();
    let (there, back) = (traffic.receiver(&far), traffic.receiver(&near));
    traffic.sender(&near, &there, 3000, &[10, 2000, 50_000]);
    traffic.sender(&far, &back, 3000, &[10, 2000]);
    traffic.ends_whole();
}

/// How many messages cross while links fail.
const MILLION: u64 = 1_000_000;

/// Between how many pairs of actors.
const PAIRS: u64 = 4;

#[test]
fn of_a_million_messages_over_failing_links_none_comes_twice_or_out_of_order_and_each_that_is_lost_is_counted() {
    let (_world, nodes, faults) = faulty_pair();
    let mut traffic = Traffic::default();
    for [from, to] in [[0, 1], [1, 0]] {
        for _ in 0..PAIRS / 2 {
            let to = traffic.receiver(&nodes[to]);
            traffic.sender(&nodes[from], &to, MILLION / PAIRS, &[0, 10, 10, 10, 10, 200]);
        }
    }
    let over = AtomicBool::new(false);
    let (count, breaks) = thread::scope(|scope| {
        let breaks = scope.spawn(|| breaks_links(&faults, &nodes, &over));
        // Also if it panics, or the other would go on for ever.
        let count = catch_unwind(AssertUnwindSafe(|| traffic.ends()));
        over.store(true, Ordering::SeqCst);
        (count.unwrap_or_else(|panic| resume_unwind(panic)), breaks.join().expect("each is seen"))
    });
    let counted = lost_in_all(&nodes);
    let unconfirmed: u64 = nodes.iter().map(|node| lost(node, Loss::Unconfirmed)).sum();
    println!("figures: {count:?}, {breaks} faults, lost {counted}, of them unconfirmed {unconfirmed}");
    assert!(count.sent >= MILLION && breaks > 10, "{count:?}, {breaks}");
    assert!(count.came <= count.sent && count.missing <= counted, "{count:?}, {counted}");
    assert!(count.came + counted >= count.sent, "{count:?}, but lost only {counted}");
    assert!(count.came + counted <= count.sent + unconfirmed, "{count:?}, but lost {counted}");
}

/// How long a link under load takes at most until a fault shows, if it is one that breaks it.
const BREAKS_WITHIN: Duration = Duration::from_millis(200);

/// One fault after the other, each as soon as the link has come back from the one before, until it is over; how many.
fn breaks_links(faults: &Faults, nodes: &[Node; 2], over: &AtomicBool) -> usize {
    let (one, other) = (Puppet::new(&nodes[0]), Puppet::new(&nodes[1]));
    let nobody: Address = format!("{}@{}", "a".repeat(26), nodes[1].place()).parse().expect("an address");
    for breaks in 0.. {
        if over.load(Ordering::SeqCst) {
            return breaks;
        }
        let is_back = || {
            one.monitor(&nobody);
            one.hears()["exception"]["type"] == "noproc"
        };
        while !is_back() {
            thread::sleep(PAUSE);
        }
        let monitor = one.monitor(&other.address);
        let [from, to] = [nodes[breaks % 2].place(), nodes[(breaks + 1) % 2].place()];
        match breaks / 2 % 4 {
            0 => faults.lose_next(from, to, 1),
            1 => faults.swap_next(from, to),
            2 => faults.delay(from, to, Duration::from_millis(breaks as u64 / 2 % 5)),
            _ => faults.cut(from, to),
        }
        // A packet that only says what was taken in may be lost: nothing breaks then.
        match one.receives(None, Some(BREAKS_WITHIN)) {
            Some(told) => assert_eq!(told.message.to_value()["exception"]["type"], "noconnection"),
            None => one.demonitor(&monitor),
        }
        faults.heal(from, to);
    }
    0
}
