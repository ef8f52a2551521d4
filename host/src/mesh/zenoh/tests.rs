//! The engine between nodes on loopback: the promises of `engine.rs`, and what we lean on in Zenoh.

mod cable;
mod dying;
mod losing;
mod meeting;
mod process;
#[cfg(target_os = "linux")]
mod strangers;

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::address::NodeName;
use crate::lock::lock;
use crate::mesh::engine::Engine;

/// What an inbox was told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    Up(Presence),
    Down(Presence, String),
    Packet(Presence, String),
}

/// An inbox that keeps all that it is told.
#[derive(Default)]
pub(super) struct Log {
    heard: Mutex<Vec<Heard>>,
    more: Condvar,
}

impl Log {
    fn put(&self, heard: Heard) {
        lock(&self.heard).push(heard);
        self.more.notify_all();
    }

    pub fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut lock(&self.heard))
    }
}

impl Inbox for Log {
    fn up(&self, peer: Presence) {
        self.put(Heard::Up(peer));
    }

    fn down(&self, peer: &Presence, why: &str) {
        self.put(Heard::Down(peer.clone(), why.to_owned()));
    }

    fn packet(&self, from: &Presence, packet: &[u8]) {
        self.put(Heard::Packet(from.clone(), String::from_utf8_lossy(packet).into_owned()));
    }
}

impl Log {
    /// Waits until that many of something were heard; answers all that was.
    fn wait(&self, what: impl Fn(&Heard) -> bool, many: usize) -> Vec<Heard> {
        let until = Instant::now() + LONG;
        let mut heard = lock(&self.heard);
        while heard.iter().filter(|heard| what(heard)).count() < many {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "heard only {heard:?}");
            heard = self.more.wait_timeout(heard, left).expect("no poison").0;
        }
        heard.clone()
    }

    fn up(&self, node: &Node) {
        self.wait(|heard| *heard == Heard::Up(node.presence.clone()), 1);
    }

    fn down(&self, node: &Node) -> String {
        let is = |heard: &Heard| matches!(heard, Heard::Down(presence, _) if *presence == node.presence);
        let heard = self.wait(is, 1);
        let Some(Heard::Down(_, why)) = heard.into_iter().find(|heard| is(heard)) else { panic!("it was there") };
        why
    }

    fn packets(&self, many: usize) -> Vec<(Presence, String)> {
        let heard = self.wait(|heard| matches!(heard, Heard::Packet(..)), many);
        let packet = |heard| if let Heard::Packet(from, text) = heard { Some((from, text)) } else { None };
        heard.into_iter().filter_map(packet).collect()
    }
}

/// How long anything here may take.
const LONG: Duration = Duration::from_secs(20);

struct Node {
    engine: Arc<Zenoh>,
    presence: Presence,
    log: Arc<Log>,
}

impl std::ops::Deref for Node {
    type Target = Zenoh;

    fn deref(&self) -> &Zenoh {
        &self.engine
    }
}

/// Waits for a future on a thread that has no runtime: the engine needs none.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let wakes = Arc::new(Parked(std::thread::current()));
    let (waker, mut future) = (wakes.into(), std::pin::pin!(future));
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::park();
    }
}

struct Parked(std::thread::Thread);

impl std::task::Wake for Parked {
    fn wake(self: Arc<Parked>) {
        self.0.unpark();
    }
}

/// Where nobody listens.
pub(in crate::mesh) fn free_place() -> Place {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("its address").to_string().parse().expect("a place")
}

fn cookie(text: &str) -> Cookie {
    format!("{text}@a:1").parse::<NodeName>().expect("a name").cookie().clone()
}

fn settings(place: Place, seeds: &[&Node]) -> Settings {
    let seeds = seeds.iter().map(|node| node.presence.place.clone()).collect();
    Settings { place, cookie: cookie("cookie"), listen: None, seeds, lease: Duration::from_secs(1) }
}

fn try_start(settings: Settings, incarnation: u64) -> Result<Node, OpenError> {
    let log = Arc::new(Log::default());
    let presence = Presence { place: settings.place.clone(), incarnation };
    let engine = wait(open(settings, incarnation, log.clone()))?;
    Ok(Node { engine, presence, log })
}

fn start(seeds: &[&Node]) -> Node {
    try_start(settings(free_place(), seeds), 1).expect("a node")
}

fn pair() -> (Node, Node) {
    let one = start(&[]);
    let two = start(&[&one]);
    one.log.up(&two);
    two.log.up(&one);
    (one, two)
}

fn send(from: &Node, to: &Node, text: &str) {
    from.send(&to.presence, text.into()).expect("it is there");
}

#[test]
fn two_nodes_meet_and_exchange_packets() {
    let (one, two) = pair();
    send(&one, &two, "hello");
    send(&two, &one, "hello yourself");
    assert_eq!(two.log.packets(1), [(one.presence.clone(), "hello".into())]);
    assert_eq!(one.log.packets(1), [(two.presence.clone(), "hello yourself".into())]);
}

#[test]
fn packets_arrive_in_order_and_once() {
    let (one, two) = pair();
    let sent: Vec<String> = (0..20_000).map(|n| format!("{n}{}", "x".repeat(n % 500))).collect();
    sent.iter().for_each(|text| send(&one, &two, text));
    let got: Vec<String> = two.log.packets(sent.len()).into_iter().map(|(_, text)| text).collect();
    assert!(got == sent);
}

#[test]
fn a_packet_of_64_kib_arrives_whole() {
    let (one, two) = pair();
    let text = "x".repeat((64 << 10) + 200);
    send(&one, &two, &text);
    assert!(two.log.packets(1)[0].1 == text);
}
