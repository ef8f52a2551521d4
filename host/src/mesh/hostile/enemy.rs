//! A peer by hand: it has the engine and the cookie, and no other part of a node.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::address::{Cookie, Id, NodeName, Place};
use crate::lock::lock;
use crate::mesh::engine::{Engine, Inbox, Presence};
use crate::mesh::outbox::{WINDOW_BYTES, WINDOW_CHUNKS};
use crate::mesh::packet::{Assembly, Epochs, Head, PACKET_BYTES, VERSION, put_whole};
use crate::mesh::random_number;
use crate::mesh::wire::{self, Content};
use crate::mesh::zenoh;
use crate::message::{Admission, Message};
use crate::node::uplink::Question;
use crate::signal::{Envelope, Signal, To};

/// How long anything here may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a hello waits for its answer before it is said again.
const HELLO_AGAIN: Duration = Duration::from_millis(500);

/// How long a slow enemy takes for each packet.
const SLOW: Duration = Duration::from_millis(20);

/// How often it says what it has taken while it waits for an answer.
const TAKEN_AGAIN: Duration = Duration::from_millis(5);

/// Questions of the enemy's own, which are to be told from those of its attacks.
const OWN_QUESTIONS: u64 = 1 << 60;

pub(super) struct Enemy {
    engine: Arc<zenoh::Zenoh>,
    pub victim: Presence,
    ears: Arc<Ears>,
    pub me: Presence,
    /// This end's number for the connection, and the victim's.
    pub mine: u64,
    pub yours: u64,
    /// The last packet's.
    pub number: u64,
    question: u64,
    /// Whether it says what it has taken.
    pub says_taken: bool,
    /// Whether it sends more than it may.
    pub is_reckless: bool,
    /// Packets of which the victim has not said that it took them: numbers, frames and bytes.
    sent: VecDeque<(u64, usize, usize)>,
}

/// What it has heard of the victim.
struct Ears {
    victim: Place,
    heard: Mutex<Heard>,
    more: Condvar,
}

#[derive(Default)]
struct Heard {
    victim: Option<Presence>,
    /// The number that the victim said last for its end.
    hello: u64,
    /// The connection that the victim's last packet was of.
    epochs: Option<Epochs>,
    /// The number of its last with frames, and of the enemy's last that it has taken.
    number: u64,
    taken: u64,
    /// The enemy's own question that was answered last.
    answered: u64,
    assembly: Assembly,
    /// Who wants to know of all else.
    listener: Option<Sender<Content>>,
    /// It takes its time for each packet, and the link fills up.
    is_slow: bool,
    /// It takes none.
    is_deaf: bool,
}

impl Inbox for Ears {
    fn up(&self, peer: Presence) {
        if peer.place == self.victim {
            *lock(&self.heard) = Heard { victim: Some(peer), ..Heard::default() };
            self.more.notify_all();
        }
    }

    fn down(&self, peer: &Presence, _: &str) {
        let mut heard = lock(&self.heard);
        if heard.victim.as_ref() == Some(peer) {
            *heard = Heard::default();
        }
    }

    fn packet(&self, from: &Presence, packet: &[u8]) {
        let mut heard = lock(&self.heard);
        if heard.is_slow {
            heard = self.more.wait_timeout(heard, SLOW).expect("no poison").0;
        }
        heard = self.more.wait_while(heard, |heard| heard.is_deaf).expect("no poison");
        if heard.victim.as_ref() == Some(from) {
            heard.packet(packet);
            self.more.notify_all();
        }
    }
}

impl Heard {
    fn packet(&mut self, packet: &[u8]) {
        let (head, chunks) = Head::read(packet).expect("a node's packet");
        match head {
            Head::Hello { mine, .. } => self.hello = mine,
            Head::Data { epochs, taken, .. } | Head::Taken { epochs, taken } => {
                if self.epochs != Some(epochs) {
                    (self.epochs, self.number, self.assembly) = (Some(epochs), 0, Assembly::default());
                }
                self.taken = taken;
            }
        }
        let Head::Data { number, .. } = head else { return };
        self.number = number;
        let mut assembly = std::mem::take(&mut self.assembly);
        let read = assembly.read(chunks, |frame| {
            match wire::read(frame, Admission::default()).expect("a node's frame") {
                Content::Answer(number, _) if number >= OWN_QUESTIONS => self.answered = number,
                // Who wanted to know may have gone.
                content => {
                    if let Some(listener) = &self.listener {
                        _ = listener.send(content);
                    }
                }
            }
            Ok(())
        });
        read.expect("a node's chunks");
        self.assembly = assembly;
    }
}

impl Enemy {
    /// Meets the victim, and begins a connection.
    pub fn meet(victim: &Place) -> Enemy {
        Enemy::meet_as(zenoh::tests::free_place(), victim)
    }

    /// As [`Enemy::meet`], under a name. It listens elsewhere: the engine does not always leave an address in time, and one that
    /// was free may be taken a moment later.
    pub fn meet_as(place: Place, victim: &Place) -> Enemy {
        let me = Presence { place: place.clone(), incarnation: random_number() };
        let ears = Arc::new(Ears { victim: victim.clone(), heard: Mutex::default(), more: Condvar::new() });
        let opened = || {
            let (place, listen, seeds) =
                (place.clone(), zenoh::tests::free_place().as_str().parse().ok(), vec![victim.clone()]);
            let settings = zenoh::Settings { place, cookie: cookie(), listen, seeds, lease: zenoh::LEASE };
            wait(zenoh::open(settings, me.incarnation, ears.clone()))
        };
        let engine = loop {
            match opened() {
                Err(zenoh::OpenError::CannotListen { .. }) => {}
                engine => break engine.expect("it knows the cookie"),
            }
        };
        let victim = ears.until(PATIENCE, |heard| heard.victim.clone()).expect("it meets the victim");
        let mut enemy = Enemy {
            engine,
            victim,
            ears,
            me,
            mine: 0,
            yours: 0,
            number: 0,
            question: OWN_QUESTIONS,
            says_taken: true,
            is_reckless: false,
            sent: VecDeque::new(),
        };
        enemy.connects();
        enemy
    }

    /// Begins a connection when the victim has said a number that is not in use.
    pub fn connects(&mut self) {
        let used = self.yours;
        let new = |heard: &Heard| (heard.hello != 0 && heard.hello != used).then_some(heard.hello);
        self.yours = self.ears.until(PATIENCE, new).expect("the victim begins a new connection");
        self.connects_again();
    }

    /// Begins a connection with the victim's number of the last.
    pub fn connects_again(&mut self) {
        let until = Instant::now() + PATIENCE;
        self.begins();
        let epochs = Epochs { mine: self.yours, yours: self.mine };
        while self.ears.until(HELLO_AGAIN, |heard| (heard.epochs == Some(epochs)).then_some(())).is_none() {
            assert!(Instant::now() < until, "the victim does not connect");
            self.hello();
        }
    }

    /// Says a new number, and does not wait for word of it.
    pub fn begins(&mut self) {
        (self.mine, self.number) = (random_number(), 0);
        self.sent.clear();
        self.hello();
    }

    fn hello(&self) {
        self.sends(Head::Hello { version: VERSION, mine: self.mine, yours: Some(self.yours) }.packet());
    }

    /// Sends any bytes.
    pub fn sends(&self, packet: Vec<u8>) {
        let sent = self.engine.send(&self.victim, packet);
        // Who hears nothing does not hear either that the link broke.
        assert!(sent.is_ok() || self.is_reckless, "the victim is not there");
    }

    pub fn epochs(&self) -> Epochs {
        Epochs { mine: self.mine, yours: self.yours }
    }

    /// Sends any bytes as the chunks of the connection's next packet.
    pub fn chunks(&mut self, chunks: &[u8]) {
        self.packet(chunks, 1);
    }

    fn packet(&mut self, chunks: &[u8], frames: usize) {
        if !self.is_reckless {
            self.waits_for_room(frames, chunks.len());
        }
        self.number += 1;
        let taken = if self.says_taken { lock(&self.ears.heard).number } else { 0 };
        let head = Head::Data { epochs: self.epochs(), number: self.number, taken };
        self.sends([&head.packet(), chunks].concat());
    }

    /// Waits as a node does, or until it is cut off.
    fn waits_for_room(&mut self, frames: usize, bytes: usize) {
        self.sent.push_back((self.number + 1, frames, bytes));
        let (mut all_frames, mut all_bytes) = (0, 0);
        let fits = |(_, frames, bytes): &&(u64, usize, usize)| {
            all_frames += frames;
            all_bytes += bytes;
            all_frames <= WINDOW_CHUNKS && all_bytes <= WINDOW_BYTES
        };
        let fits = self.sent.iter().rev().take_while(fits).count();
        let Some(last) = (self.sent.len() - fits).checked_sub(1).map(|index| self.sent[index].0) else { return };
        let yours = self.yours;
        let over = |heard: &Heard| (heard.taken >= last || heard.hello != yours).then_some(());
        self.ears.until(PATIENCE, over).expect("the victim says that there is room");
        self.sent.drain(..self.sent.len() - fits);
    }

    /// Sends frames, in as few packets as a node would.
    pub fn says(&mut self, frames: impl IntoIterator<Item = Vec<u8>>) {
        let (mut packet, mut count) = (Vec::new(), 0);
        for frame in frames {
            if packet.len() + frame.len() > PACKET_BYTES && !packet.is_empty() {
                self.packet(&std::mem::take(&mut packet), std::mem::take(&mut count));
            }
            put_whole(&mut packet, &frame);
            count += 1;
        }
        if !packet.is_empty() {
            self.packet(&packet, count);
        }
    }

    /// Waits until the victim has taken in all that was said, and has said so. False: it has cut the connection.
    pub fn is_answered(&mut self) -> bool {
        self.question += 1;
        let (question, yours) = (self.question, self.yours);
        self.says([wire::ask(question, None, &Question::Ping)]);
        let until = Instant::now() + PATIENCE;
        loop {
            let answered = |heard: &Heard| match (heard.answered == question, heard.hello == yours) {
                (true, _) => Some(true),
                (false, false) => Some(false),
                (false, true) => None,
            };
            if let Some(answered) = self.ears.until(TAKEN_AGAIN, answered) {
                return answered;
            }
            assert!(Instant::now() < until, "the victim does not answer");
            // What it says may wait for word of what was taken.
            let taken = lock(&self.ears.heard).number;
            self.sends(Head::Taken { epochs: self.epochs(), taken }.packet());
        }
    }

    /// Whether the victim has begun another connection than this one, or does so soon.
    pub fn is_cut_within(&self, time: Duration) -> bool {
        let yours = self.yours;
        self.ears.until(time, |heard| (heard.hello != yours).then_some(())).is_some()
    }

    /// Whom all is told that the victim says.
    pub fn tells(&self, listener: Option<Sender<Content>>) {
        lock(&self.ears.heard).listener = listener;
    }

    /// Takes its time for what comes, or does no more.
    pub fn is_slow(&self, is_slow: bool) {
        lock(&self.ears.heard).is_slow = is_slow;
        self.ears.more.notify_all();
    }

    /// Takes nothing of what comes, or does again.
    pub fn is_deaf(&self, is_deaf: bool) {
        lock(&self.ears.heard).is_deaf = is_deaf;
        self.ears.more.notify_all();
    }

    /// Leaves as a node does.
    pub fn leaves(self) {
        self.engine.close();
    }
}

impl Ears {
    /// What `what` finds, if it does so in time.
    fn until<T>(&self, time: Duration, what: impl Fn(&Heard) -> Option<T>) -> Option<T> {
        let until = Instant::now() + time;
        let mut heard = lock(&self.heard);
        loop {
            if let Some(found) = what(&heard) {
                return Some(found);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            heard = self.more.wait_timeout(heard, left).expect("no poison").0;
        }
    }
}

/// A message to somebody, as a frame.
pub(super) fn message(to: &To, from: Option<Id>, text: String) -> Vec<u8> {
    signal(to, from, Signal::Message(Message::trusted(text)))
}

/// Any signal, as a frame.
pub(super) fn signal(to: &To, from: Option<Id>, signal: Signal) -> Vec<u8> {
    wire::signal(to, &Envelope { from, signal })
}

pub(super) fn cookie() -> Cookie {
    "cookie@a:1".parse::<NodeName>().expect("a name").cookie().clone()
}

pub(super) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}
