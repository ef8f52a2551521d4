//! Attacks: bytes that no node sends.

use std::time::Duration;

use super::enemy::{message, signal};
use super::fight::Fight;
use crate::mesh::packet::{CHUNK_BYTES, Epochs, Head, VERSION, Version, put_part, put_whole};
use crate::mesh::wire;
use crate::signal::{Signal, To};

const NO_PACKET: &str = "it sent a packet that cannot be read";
const NO_FRAME: &str = "it sent a frame that cannot be read";
const TOO_MUCH: &str = "it sent more of large messages at once than it may";
const GAP: &str = "some of what it sent was lost";

/// Bytes of one packet, where nodes send 64 KiB at most.
const ENORMOUS: usize = 256 << 20;

/// Random bytes, of which the first says that they are no packet.
pub(super) fn no_packets(fight: &mut Fight) {
    loop {
        for _ in 0..1000 {
            let count = fight.random.below(300);
            let mut packet = fight.random.bytes(count);
            packet.insert(0, 3 + fight.random.below(250) as u8);
            fight.enemy.sends(packet);
        }
        fight.is_cut_for(NO_PACKET);
        if !fight.goes_on() {
            return;
        }
    }
}

/// Each of these is cut off with its reason, and may come again.
pub(super) fn each_breaks_the_connection(fight: &mut Fight) {
    let whole = |frame: &[u8]| {
        let mut chunks = Vec::new();
        put_whole(&mut chunks, frame);
        chunks
    };
    let to = fight.to("idle");
    let valid = message(&to, None, "[1]".to_owned());
    let no_json = valid.iter().map(|byte| if *byte == b'[' { b'{' } else { *byte }).collect::<Vec<u8>>();
    let mut parts = Vec::new();
    (0..5).for_each(|flow| put_part(&mut parts, flow, b"x", false));
    let broken: [(&str, Vec<u8>, &str); 13] = [
        (
            "a whole frame of 2^30-1 bytes that are not there",
            [&0x3fff_ffffu32.to_le_bytes()[..], b"x"].concat(),
            NO_PACKET,
        ),
        ("a part of as many", [&0xbfff_ffffu32.to_le_bytes()[..], &[0; 5]].concat(), NO_PACKET),
        ("a whole frame that says it is a last part", [&0x4000_0001u32.to_le_bytes()[..], b"x"].concat(), NO_PACKET),
        ("a chunk without a whole length", vec![1, 0], NO_PACKET),
        ("a part without a flow", 0x8000_0001u32.to_le_bytes().to_vec(), NO_PACKET),
        ("an empty frame", whole(b""), NO_FRAME),
        ("a frame of a kind that is not there", whole(&[9, 9, 9]), NO_FRAME),
        ("a byte behind a frame", whole(&[wire::withdraw(1), vec![0]].concat()), NO_FRAME),
        ("a frame without its last byte", whole(&valid[..valid.len() - 1]), NO_FRAME),
        ("a message that is no JSON", whole(&no_json), NO_FRAME),
        ("a name that is none", whole(&wire::full(&To::Name("No Name".into()))), NO_FRAME),
        ("a text longer than its frame", whole(&[0, 1, 1, b'a', 0, 0, 0xff, 0xff, 0xff, 0x7f]), NO_FRAME),
        ("five large frames at once", parts, TOO_MUCH),
    ];
    for (what, chunks, reason) in broken {
        fight.enemy.chunks(&chunks);
        assert!(fight.enemy.is_cut_within(Duration::from_secs(20)), "the victim takes {what}");
        fight.is_cut_for(reason);
    }
    // A packet that ends in its head.
    let head = Head::Data { epochs: fight.enemy.epochs(), number: 1, taken: 0 }.packet();
    fight.enemy.sends(head[..head.len() - 1].to_vec());
    fight.is_cut_for(NO_PACKET);
}

/// What is of another connection is not looked at; a gap in this one is a lost connection.
pub(super) fn out_of_turn(fight: &mut Fight) {
    let frame = message(&fight.to("idle"), None, "1".to_owned());
    let mut chunks = Vec::new();
    put_whole(&mut chunks, &frame);
    let mut gaps = 0;
    loop {
        let Epochs { mine, yours } = fight.enemy.epochs();
        for epochs in
            [Epochs { mine: mine ^ 1, yours }, Epochs { mine, yours: yours ^ 1 }, Epochs { mine: yours, yours: mine }]
        {
            for head in [Head::Data { epochs, number: 1, taken: 9 }, Head::Taken { epochs, taken: u64::MAX }] {
                fight.enemy.sends([head.packet(), chunks.clone()].concat());
            }
        }
        assert!(fight.enemy.is_answered(), "the victim looks at what is of another connection");
        // Not the next, and then that which is gone.
        let number = [fight.enemy.number + 2, fight.enemy.number, 0, u64::MAX][gaps % 4];
        let head = Head::Data { epochs: fight.enemy.epochs(), number, taken: 0 };
        fight.enemy.sends([head.packet(), chunks.clone()].concat());
        fight.is_cut_for(GAP);
        gaps += 1;
        if gaps >= 4 && !fight.goes_on() {
            return;
        }
    }
}

/// A packet of all kinds of frames, in which up to four bits are others each time.
pub(super) fn flipped_bits(fight: &mut Fight) {
    let mut cuts = 0;
    while cuts < 3 || fight.goes_on() {
        let (to, from) = (fight.to("idle"), fight.random.id());
        let frames = [
            message(&to, Some(from), r#"{"a": [1, 2.5, "text", null]}"#.to_owned()),
            signal(&to, Some(from), Signal::Link),
            signal(&to, Some(from), Signal::Unlink),
            wire::full(&To::Id(from)),
            wire::withdraw(7),
        ];
        let mut chunks = Vec::new();
        frames.iter().for_each(|frame| put_whole(&mut chunks, frame));
        let head = Head::Data { epochs: fight.enemy.epochs(), number: fight.enemy.number + 1, taken: 0 };
        let mut packet = [head.packet(), chunks].concat();
        for _ in 0..=fight.random.below(4) {
            let bit = fight.random.below(8 * packet.len());
            packet[bit / 8] ^= 1 << (bit % 8);
        }
        fight.enemy.number += 1;
        fight.enemy.sends(packet);
        // A flipped number or epoch leaves the next in the wrong place; either way it comes to a cut, or to none.
        if !fight.enemy.is_answered() {
            cuts += 1;
            fight.enemy.connects();
        }
    }
}

/// It is not spoken with until it speaks this one.
pub(super) fn another_version(fight: &mut Fight) {
    loop {
        let yours = Some(fight.enemy.yours);
        for major in [0, VERSION.major + 1, u16::MAX] {
            let version = Version { major, minor: fight.random.number() as u16 };
            fight.enemy.sends(Head::Hello { version, mine: fight.random.number(), yours }.packet());
        }
        fight.enemy.chunks(&[0xff; 9]);
        fight.enemy.connects_again();
        fight.is_told("it speaks another version of the protocol");
        if !fight.goes_on() {
            return;
        }
    }
}

/// More than 64 MiB of frames that have begun, in one and in four.
pub(super) fn frames_without_end(fight: &mut Fight) {
    let part = vec![b' '; CHUNK_BYTES];
    for flows in [1, 4] {
        let mut number = 0;
        while !fight.enemy.is_cut_within(Duration::ZERO) && number < 4096 {
            let mut chunks = Vec::new();
            put_part(&mut chunks, number % flows, &part, false);
            fight.enemy.chunks(&chunks);
            number += 1;
        }
        fight.is_cut_for(TOO_MUCH);
    }
}

/// The engine puts a packet together before anybody looks at it, but no larger one: what follows shows that it is missing.
pub(super) fn one_enormous_packet(fight: &mut Fight) {
    fight.enemy.is_reckless = true;
    fight.enemy.chunks(&vec![0xff; ENORMOUS]);
    fight.enemy.is_reckless = false;
    assert!(!fight.enemy.is_answered(), "the victim takes it");
    fight.is_cut_for(GAP);
}

/// Then others are not kept waiting, and the rest of it is taken when it comes.
pub(super) fn half_a_frame(fight: &mut Fight) {
    let frame = message(&To::Name("nobody".into()), None, format!("\"{}\"", "x".repeat(100_000)));
    let (first, rest) = frame.split_at(50_000);
    let mut chunks = Vec::new();
    put_part(&mut chunks, 3, first, false);
    let lost = fight.lost("no-such-actor");
    fight.enemy.chunks(&chunks);
    while fight.goes_on() {
        assert!(fight.enemy.is_answered(), "the victim does not wait for the rest");
    }
    let mut chunks = Vec::new();
    put_part(&mut chunks, 3, rest, true);
    fight.enemy.chunks(&chunks);
    assert!(fight.enemy.is_answered(), "the victim does not take the rest");
    assert_eq!(fight.lost("no-such-actor"), lost + 1);
}
