//! One attack after the other: how the victim, and an honest node beside, come through each.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::enemy::{Enemy, PATIENCE};
use super::process::{Process, resident_bytes, threads};
use super::victim;
use crate::address::{Address, Id};
use crate::mesh::random_number;
use crate::signal::To;

/// Something that a peer who knows the cookie can try.
pub(super) struct Attack {
    pub name: &'static str,
    pub run: fn(&mut Fight),
}

/// What the victim may hold, over what it held before the first attack, while one goes on: frames that do not end have 64 MiB.
/// Measured: 74 MiB.
const MEMORY_MAX: usize = 128 << 20;

/// What it may still hold afterwards: the engine keeps some of each node that came and went. Measured: 52 MiB after all attacks.
const MEMORY_LEFT_MAX: usize = 96 << 20;

/// Threads that may be left. The engine keeps some of those that it once needed.
const THREADS_LEFT_MAX: usize = 60;

/// What the honest node may wait for an answer. Measured: 0.15 s, and 3.9 s while the machine had four times its work to do:
/// all peers come in by one socket, and what finds no room there is sent again after a while.
const STALL_MAX: Duration = Duration::from_secs(10);

/// How often the victim is weighed.
const WEIGHING: Duration = Duration::from_millis(5);

pub(super) struct Fight {
    pub victim: Process,
    honest: Process,
    pub enemy: Enemy,
    /// When an attack that can take any time ends.
    until: Instant,
    /// Why the victim has lost nodes since this attack began, and how often.
    downs: BTreeMap<String, u64>,
    pub random: Random,
}

impl Fight {
    /// Runs all attacks, or those whose names contain `only`; those that can take any time take `time` together.
    pub fn all(attacks: &[Attack], time: Duration, only: Option<&str>) {
        let attacks = || attacks.iter().filter(|attack| only.is_none_or(|only| attack.name.contains(only)));
        let victim = Process::start("victim");
        let place = victim::place(&victim.ready);
        let honest = Process::start(&format!("honest {place}"));
        let enemy = Enemy::meet(&place);
        let random = Random(random_number());
        let mut fight = Fight { victim, honest, enemy, until: Instant::now(), downs: BTreeMap::new(), random };
        say(&format!("random from {}", fight.random.0));
        fight.others_go_on();
        let (before, threads_before) = (resident_bytes(fight.victim.id()), threads(fight.victim.id()));
        let each = time / attacks().count().max(1) as u32;
        for attack in attacks() {
            fight.run(attack, each, before);
        }
        let left = threads(fight.victim.id());
        say(&format!("the victim had {threads_before} threads and has {left}"));
        assert!(left <= threads_before + THREADS_LEFT_MAX, "threads are left");
    }

    fn run(&mut self, attack: &Attack, time: Duration, before: usize) {
        let began = Instant::now();
        self.until = began + time;
        self.state();
        self.downs.clear();
        let (done, waits) = channel::<()>();
        let process = self.victim.id();
        let scale = std::thread::spawn(move || {
            let mut most = 0;
            while waits.recv_timeout(WEIGHING) == Err(RecvTimeoutError::Timeout) {
                most = most.max(resident_bytes(process));
            }
            most
        });
        (attack.run)(self);
        self.enemy.tells(None);
        assert!(self.enemy.is_answered(), "{}: the victim does not listen to the enemy any more", attack.name);
        let took = began.elapsed();
        let (rounds, longest) = self.others_go_on();
        let state = self.state();
        drop(done);
        let most = scale.join().expect("no panic").saturating_sub(before);
        let left = resident_bytes(process).saturating_sub(before);
        say(&format!(
            "{}: {took:?}; memory +{} KiB, then +{} KiB, over {} KiB; others had {rounds} answers, the longest after \
             {longest:?}; lost nodes: {:?}; {state}",
            attack.name,
            most >> 10,
            left >> 10,
            before >> 10,
            self.downs,
        ));
        assert_eq!(state["faults"], 0, "{}: the host has panicked", attack.name);
        assert!(most < MEMORY_MAX, "{}: {most} bytes", attack.name);
        assert!(left < MEMORY_LEFT_MAX, "{}: {left} bytes are left", attack.name);
        assert!(longest < STALL_MAX, "{}: an answer took {longest:?}", attack.name);
    }

    /// Whether an attack that can take any time goes on.
    pub fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    /// How long it does.
    pub fn time_left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// How many answers the honest node has had since it was asked last, two at least, and how long the longest took.
    fn others_go_on(&mut self) -> (u64, Duration) {
        let seen = self.honest.asks("state");
        let wrong = seen["wrong"].as_array().expect("a list");
        assert!(wrong.is_empty(), "others are disturbed: {wrong:?}");
        let number = |key: &str| seen[key].as_u64().expect("a number");
        (number("rounds"), Duration::from_millis(number("longest_ms")))
    }

    /// What the victim has seen since it was asked last.
    pub fn state(&mut self) -> Value {
        let state = self.victim.asks("state");
        for (why, times) in state["downs"].as_object().expect("an object") {
            *self.downs.entry(why.clone()).or_default() += times.as_u64().expect("a number");
        }
        state
    }

    /// How many messages the victim has lost so far, for this reason.
    pub fn lost(&mut self, why: &str) -> u64 {
        self.state()["lost"][why].as_u64().expect("a number")
    }

    /// How often the victim has refused this so far.
    pub fn refused(&mut self, what: &str) -> u64 {
        self.state()["refused"][what].as_u64().unwrap_or(0)
    }

    /// The victim has cut the connection with the enemy for this reason, and takes a new one.
    pub fn is_cut_for(&mut self, reason: &str) {
        self.is_cut_for_one_of(&[reason]);
    }

    /// As [`Fight::is_cut_for`], where it may be one of several.
    pub fn is_cut_for_one_of(&mut self, reasons: &[&str]) {
        assert!(self.enemy.is_cut_within(PATIENCE), "the victim does not cut what should be cut: {reasons:?}");
        self.is_told_one_of(reasons);
        self.downs.clear();
        self.enemy.connects();
    }

    /// Waits until the victim's actors were told that a node is lost for this reason, and answers how often they were.
    pub fn is_told(&mut self, reason: &str) -> u64 {
        self.is_told_one_of(&[reason])
    }

    fn is_told_one_of(&mut self, reasons: &[&str]) -> u64 {
        let until = Instant::now() + PATIENCE;
        loop {
            self.state();
            if let Some(times) = reasons.iter().find_map(|reason| self.downs.get(*reason)) {
                return *times;
            }
            assert!(Instant::now() < until, "not {reasons:?}, but {:?}", self.downs);
        }
    }

    /// One of the victim's actors.
    pub fn actor(&self, name: &str) -> Id {
        id(&self.victim.ready[name])
    }

    pub fn to(&self, name: &str) -> To {
        To::Id(self.actor(name))
    }

    /// The honest node's actor.
    pub fn player(&self) -> Address {
        self.honest.ready["player"].as_str().expect("a text").parse().expect("an address")
    }
}

pub(super) fn id(address: &Value) -> Id {
    address.as_str().expect("a text").parse::<Address>().expect("an address").id().expect("no name")
}

/// Numbers that are the same again if an attack is to be.
pub(super) struct Random(u64);

impl Random {
    /// `splitmix64`.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    pub fn id(&mut self) -> Id {
        Id::from_bits(u128::from(self.number()) << 64 | u128::from(self.number()))
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }
}

fn say(figures: &str) {
    writeln!(std::io::stderr(), "{figures}").expect("stderr is there");
}
