//! A node beside a stranger that speaks the protocol by hand: another version, packets of another connection, rubbish.

mod travels;

use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Waker};

use super::*;
use crate::actor::executor::Executor;
use crate::clock::Clock;
use crate::grants::Grants;
use crate::limits::Limits;
use crate::mesh::engine::{Engine, Inbox};
use crate::mesh::outbox::{Kind, QUEUE_FRAMES, WINDOW_BYTES, WINDOW_CHUNKS};
use crate::mesh::packet::{CHUNK_BYTES, MINOR_WITH_GROUPS, PACKET_BYTES, put_whole};
use crate::mesh::{JoinError, Member, Mesh};
use crate::message::{Admission, Message};
use crate::node::enter::{Brings, Parent};
use crate::node::events::{Event, Events};
use crate::node::groups::MEMBERSHIPS_MAX;
use crate::outcome::Outcome;
use crate::spawn_options::SpawnOptions;

const PATIENCE: Duration = Duration::from_secs(60);

/// What an engine tells the stranger.
enum Told {
    Up(Presence),
    Packet(Vec<u8>),
}

struct Ears(Mutex<Sender<Told>>);

impl Inbox for Ears {
    fn up(&self, peer: Presence) {
        lock(&self.0).send(Told::Up(peer)).expect("the test listens");
    }

    fn down(&self, _: &Presence, _: &str) {}

    fn packet(&self, _: &Presence, packet: &[u8]) {
        // At the end of a test nobody listens any more.
        _ = lock(&self.0).send(Told::Packet(packet.to_vec()));
    }
}

/// Who has met a node, and says what the test wants.
struct Stranger {
    engine: Arc<dyn Engine>,
    place: Place,
    told: Receiver<Told>,
    node: Presence,
    /// Numbers that the node has said.
    heard: Vec<u64>,
}

struct Meeting {
    kernel: Arc<Kernel>,
    member: Member,
    stranger: Stranger,
    events: Events,
    executor: Executor,
}

impl Meeting {
    fn new() -> Meeting {
        let (mesh, executor) = (Mesh::new(), Executor::start(1).expect("a thread"));
        let name = "cookie@127.0.0.1:0".parse().expect("a name");
        let make = |place, uplink| Arc::new(Kernel::new(place, Clock::real(), &Limits::default(), uplink));
        let (kernel, member) = wait(mesh.enter(&name, &executor, make)).expect("it enters");
        let events = kernel.events.subscribe();
        let hub = mesh.faults().expect("an engine of one process").0;
        let reserved = hub.reserve(name.cookie(), name.place()).unwrap_or_else(|why| panic!("{why:?}"));
        let (place, (sender, told)) = (reserved.place().clone(), channel());
        let mut engine = None;
        reserved.enter(Arc::new(Ears(Mutex::new(sender))), |own| engine = Some(own));
        let Ok(Told::Up(node)) = told.recv_timeout(PATIENCE) else { panic!("it meets the node first") };
        let stranger = Stranger { engine: engine.expect("it is told"), place, told, node, heard: Vec::new() };
        Meeting { kernel, member, stranger, events, executor }
    }

    /// The stranger has made a connection with its number; answers the node's.
    fn connects(&mut self, mine: u64) -> u64 {
        self.connects_as(VERSION, mine)
    }

    /// As [`Meeting::connects`], for a stranger of this version.
    fn connects_as(&mut self, version: Version, mine: u64) -> u64 {
        let theirs = self.stranger.hears_new_hello();
        self.stranger.says(Head::Hello { version, mine, yours: Some(theirs) }, &[]);
        self.hears(|event| matches!(event, Event::NodeUp { .. }));
        theirs
    }

    /// Waits for an event of this kind, with no other of nodes and of lost messages before it.
    fn hears(&mut self, meant: impl Fn(&Event) -> bool) {
        let event = wait(self.events.next()).expect("the node is there");
        assert!(meant(&event), "{event:?}");
    }

    /// A message to nobody, as a chunk; arrived, it is lost as such.
    fn to_nobody(&self) -> Vec<u8> {
        let envelope = Envelope { from: None, signal: Signal::Message(Message::trusted("1".to_owned())) };
        let mut chunk = Vec::new();
        put_whole(&mut chunk, &wire::signal(&To::Id(Id::random()), &envelope));
        chunk
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        self.member.leave();
        self.executor.close();
        assert_eq!(self.kernel.host_faults(), 0);
    }
}

impl Stranger {
    fn says(&self, head: Head, chunks: &[u8]) {
        self.sends([head.packet(), chunks.to_vec()].concat());
    }

    fn sends(&self, packet: Vec<u8>) {
        self.engine.send(&self.node, packet).expect("the node is there");
    }

    /// The next frames that the node sends, so many.
    fn hears_frames(&mut self, count: usize) -> Vec<Content> {
        let (mut frames, mut assembly) = (Vec::new(), Assembly::default());
        while frames.len() < count {
            let Told::Packet(packet) = self.told.recv_timeout(PATIENCE).expect("it says something") else { continue };
            let Ok((Head::Data { .. }, chunks)) = Head::read(&packet) else { continue };
            let read = assembly.read(chunks, |frame| {
                frames.push(wire::read(frame, Admission::default()).expect("a frame"));
                Ok(())
            });
            read.expect("chunks");
        }
        frames
    }

    /// A number that the node has not said before: it may say one again until it is answered.
    fn hears_new_hello(&mut self) -> u64 {
        let known = self.heard.clone();
        loop {
            let number = self.hears_hello();
            if !known.contains(&number) {
                return number;
            }
        }
    }

    /// The number that the node says for its end.
    fn hears_hello(&mut self) -> u64 {
        loop {
            match self.told.recv_timeout(PATIENCE).expect("it says something") {
                Told::Packet(packet) => {
                    if let Ok((Head::Hello { mine, .. }, _)) = Head::read(&packet) {
                        self.heard.push(mine);
                        return mine;
                    }
                }
                Told::Up(other) => panic!("there is no other node: {other:?}"),
            }
        }
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    let clock = Clock::real();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(clock.timeout(clock.deadline(PATIENCE), future)).expect("the test hangs")
}

#[test]
fn a_node_of_another_major_version_is_refused_with_both_numbers_and_one_of_another_minor_is_not() {
    let meeting = Meeting::new();
    let (stranger, next) = (&meeting.stranger, VERSION.major + 1);
    stranger.says(Head::Hello { version: Version { major: next, minor: 3 }, mine: 1, yours: None }, b"and more");
    let refused = wait(meeting.member.settled(&stranger.place)).expect_err("it must not connect");
    assert!(matches!(refused, JoinError::OtherVersion { .. }), "{refused:?}");
    let (said, theirs) = (refused.to_string(), format!("{next}.3"));
    assert!(said.contains(&theirs) && said.contains(&VERSION.to_string()), "{said}");
    assert!(said.contains(stranger.place.as_str()), "{said}");

    let mut meeting = Meeting::new();
    let yours = Some(meeting.stranger.hears_hello());
    let version = Version { minor: VERSION.minor + 1, ..VERSION };
    meeting.stranger.says(Head::Hello { version, mine: 1, yours }, &[]);
    wait(meeting.member.settled(&meeting.stranger.place)).expect("they connect");
    meeting.hears(|event| matches!(event, Event::NodeUp { .. }));
}

#[test]
fn only_the_next_packet_of_the_connection_counts() {
    let mut meeting = Meeting::new();
    let yours = meeting.connects(1);
    let data = |mine, yours, number| Head::Data { epochs: Epochs { mine, yours }, number, taken: 0 };
    let chunk = meeting.to_nobody();
    // Of another connection, by either number.
    meeting.stranger.says(data(2, yours, 1), &chunk);
    meeting.stranger.says(data(1, yours ^ 1, 1), &chunk);
    assert_eq!(meeting.stranger.hears_hello(), yours, "it says its number again, which may have been lost");
    meeting.stranger.says(data(1, yours, 1), &chunk);
    meeting.hears(|event| matches!(event, Event::Lost { loss: Loss::NoSuchActor, .. }));
    // Once more, and it would come twice.
    meeting.stranger.says(data(1, yours, 1), &chunk);
    meeting.hears(|event| matches!(event, Event::NodeDown { .. }));
    meeting.hears(|event| matches!(event, Event::NodeUp { .. }));
    let next = meeting.stranger.hears_hello();
    assert_ne!(next, yours);
    meeting.stranger.says(data(1, yours, 2), &chunk);
    meeting.stranger.says(data(1, next, 1), &chunk);
    meeting.hears(|event| matches!(event, Event::Lost { .. }));
    assert_eq!(meeting.kernel.events.lost_so_far()[Loss::NoSuchActor as usize], (Loss::NoSuchActor, 2));
}

#[test]
fn who_sends_rubbish_is_cut_off_and_heard_again_after_a_while() {
    let mut meeting = Meeting::new();
    // Before there is a connection, there is none to lose; the number that was said by then is out of use.
    meeting.stranger.hears_hello();
    meeting.stranger.sends(vec![0xff; 100]);
    let mut mine = 1;
    for rubbish in [&[0xff; 9][..], &[1, 0, 0, 0], &[0, 0, 0, 0x80], &[3, 0, 0, 0, 9, 9, 9]] {
        let yours = meeting.connects(mine);
        let epochs = Epochs { mine, yours };
        meeting.stranger.says(Head::Data { epochs, number: 1, taken: u64::MAX }, rubbish);
        meeting.hears(|event| matches!(event, Event::NodeDown { .. }));
        mine += 1;
    }
    let yours = meeting.connects(mine);
    let chunk = meeting.to_nobody();
    meeting.stranger.says(Head::Data { epochs: Epochs { mine, yours }, number: 1, taken: 0 }, &chunk);
    meeting.hears(|event| matches!(event, Event::Lost { .. }));
}

#[test]
fn a_peer_that_tells_of_more_memberships_than_it_may_is_cut_off_with_that_reason() {
    let mut meeting = Meeting::new();
    let yours = meeting.connects(1);
    let epochs = Epochs { mine: 1, yours };
    let (mut number, mut told) = (0, 0u32);
    let mut tells = |stranger: &Stranger, memberships: u32| {
        for _ in 0..memberships.div_ceil(500) {
            let mut chunks = Vec::new();
            let last = memberships.min(told + 500);
            while told < last {
                told += 1;
                put_whole(&mut chunks, &wire::member("crowd", Id::from_bits(told.into()), 1));
            }
            number += 1;
            stranger.says(Head::Data { epochs, number, taken: 0 }, &chunks);
        }
        told = 0;
    };
    let max = u32::try_from(MEMBERSHIPS_MAX).expect("a small number");
    tells(&meeting.stranger, max);
    // What it has said already is no more, however often it says it.
    tells(&meeting.stranger, 1000);
    let mut chunk = meeting.to_nobody();
    put_whole(&mut chunk, &wire::member("crowd", Id::from_bits(0), 1));
    meeting.stranger.says(Head::Data { epochs, number: max.div_ceil(500) as u64 + 3, taken: 0 }, &chunk);
    meeting.hears(|event| matches!(event, Event::Lost { .. }));
    let says = Broken::Groups.to_string();
    meeting.hears(|event| matches!(event, Event::NodeDown { reason, .. } if *reason == says));
    assert_eq!(meeting.kernel.members("crowd"), Ok(Vec::new()), "with it all go of whom it told");
}

#[test]
fn a_peer_of_a_version_without_groups_is_told_of_none() {
    let brings = || Brings { grants: Arc::new(Grants::program()), module: None, bytes: 0 };
    for (minor, knows) in [(MINOR_WITH_GROUPS - 1, false), (MINOR_WITH_GROUPS, true)] {
        let mut meeting = Meeting::new();
        let actor = meeting.kernel.enter(Parent::Program, &SpawnOptions::default(), brings()).expect("an actor");
        meeting.kernel.join("crowd", &actor).expect("room");
        meeting.events = meeting.kernel.events.subscribe();
        meeting.connects_as(Version { minor, ..VERSION }, 1);
        meeting.kernel.join("crowd", &actor).expect("room");
        let member = |times| Content::Member("crowd".into(), actor.id(), times);
        if knows {
            // Both in one, if the first had not left.
            let first = meeting.stranger.hears_frames(1).remove(0);
            assert!(first == member(2) || first == member(1) && meeting.stranger.hears_frames(1) == [member(2)]);
        } else {
            let place = meeting.stranger.place.clone();
            let mut ping = pin!(meeting.kernel.ping(&place));
            assert!(ping.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(matches!(meeting.stranger.hears_frames(1)[..], [Content::Ask(..)]), "nothing came before it");
        }
        meeting.kernel.leave(&actor, None, Outcome::Exit(Message::trusted("1".into())));
    }
}

/// A connection that receives and sends packets by hand.
fn connected() -> Outgoing {
    let out = Outgoing::new(1);
    out.connect(2, false);
    out
}

#[test]
fn a_peer_may_fill_its_window_and_send_no_more_until_it_is_told_of_room() {
    for (chunks, bytes) in [(1, 0), (0, 3 * CHUNK_BYTES)] {
        let out = connected();
        assert_eq!(out.took(1, WINDOW_CHUNKS, WINDOW_BYTES), Ok(()));
        assert_eq!(out.took(2, chunks, bytes), Err(Broken::Window));
        let out = connected();
        assert_eq!(out.took(1, WINDOW_CHUNKS, WINDOW_BYTES), Ok(()));
        assert_eq!(taken(&out), 1, "it is told");
        assert_eq!(out.took(2, chunks, bytes), Ok(()));
    }
}

#[test]
fn who_takes_its_answers_slowly_is_told_of_room_when_few_are_left() {
    let out = connected();
    for number in 0..QUEUE_FRAMES as u64 {
        let pair = Pair { from: None, to: Some(To::Id(Id::from_bits(number.into()))) };
        out.push(pair, vec![0; 100], Kind::Free).expect("never refused");
    }
    assert_eq!(out.took(1, 1, 1), Ok(()));
    assert_eq!(taken(&out), 0, "much waits for it");
    let later = (0..QUEUE_FRAMES).map(|_| taken(&out)).position(|taken| taken == 1).expect("it is told in the end");
    assert!(later > QUEUE_FRAMES * 100 / PACKET_BYTES / 3, "told after {later} packets");
}

/// What the next packet says was taken.
fn taken(out: &Outgoing) -> u64 {
    loop {
        let packet = out.next().expect("it has not ended");
        match Head::read(&packet).expect("our own packet") {
            (Head::Data { taken, .. } | Head::Taken { taken, .. }, _) => return taken,
            (Head::Hello { .. }, _) => {}
        }
    }
}
