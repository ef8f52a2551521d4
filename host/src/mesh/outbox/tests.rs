//! What leaves, in which order, how much of it at once, and what is lost.

use proptest::prelude::*;

use super::*;
use crate::mesh::packet::Assembly;

fn pair(from: u128, to: u128) -> Pair {
    Pair { from: Some(Id::from_bits(from)), to: Some(To::Id(Id::from_bits(to))) }
}

/// A peer that takes packets in and puts frames together.
#[derive(Default)]
struct Taker {
    assembly: Assembly,
    frames: Vec<Vec<u8>>,
    number: u64,
}

impl Taker {
    /// Takes one packet, if one may leave. Answers its bytes.
    fn take(&mut self, outbox: &mut Outbox) -> usize {
        let mut packet = Vec::new();
        self.number += 1;
        if !outbox.fill(&mut packet, self.number) {
            self.number -= 1;
            return 0;
        }
        let frames = &mut self.frames;
        let keep = |frame: &[u8]| {
            frames.push(frame.to_vec());
            Ok(())
        };
        self.assembly.read(&packet, keep).expect("our own packet");
        packet.len()
    }

    /// Takes all that leaves, and says so at once.
    fn take_all(&mut self, outbox: &mut Outbox) {
        while self.take(outbox) > 0 {
            outbox.taken(self.number);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push { from: u128, to: u128, bytes: usize, kind: Kind },
    Take,
    Taken,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kinds = prop_oneof![
        Just(Kind::Message(1)),
        Just(Kind::Refusable),
        Just(Kind::Order),
        Just(Kind::Kept),
        Just(Kind::Free)
    ];
    let bytes = prop_oneof![8..200usize, CHUNK_BYTES - 2..CHUNK_BYTES + 2, 100_000..400_000usize];
    let push =
        (0..3u128, 0..3u128, bytes, kinds).prop_map(|(from, to, bytes, kind)| Step::Push { from, to, bytes, kind });
    prop::collection::vec(prop_oneof![4 => push, 2 => Just(Step::Take), 1 => Just(Step::Taken)], 1..120)
}

proptest! {
    /// Each frame arrives once, whole, and those of a pair in order, whatever is taken in when.
    #[test]
    fn each_pair_keeps_its_order(steps in steps()) {
        let (mut outbox, mut taker) = (Outbox::default(), Taker::default());
        let mut pushed: HashMap<(u128, u128), Vec<Vec<u8>>> = HashMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push { from, to, bytes, kind } => {
                    let mut frame = vec![number as u8; bytes];
                    frame[0] = from as u8;
                    frame[1] = to as u8;
                    frame[2..6].copy_from_slice(&(number as u32).to_le_bytes());
                    if outbox.push(pair(from, to), frame.clone(), kind).is_ok() {
                        pushed.entry((from, to)).or_default().push(frame);
                    } else {
                        prop_assert!(matches!(kind, Kind::Message(_) | Kind::Refusable | Kind::Order));
                    }
                }
                Step::Take => {
                    let bytes = taker.take(&mut outbox);
                    prop_assert!(bytes <= PACKET_BYTES + CHUNK_BYTES + 8);
                    prop_assert!(outbox.on_their_way.count <= WINDOW_CHUNKS);
                    prop_assert!(outbox.on_their_way.bytes <= WINDOW_BYTES + CHUNK_BYTES + 8);
                }
                Step::Taken => _ = outbox.taken(taker.number),
            }
        }
        outbox.taken(taker.number);
        taker.take_all(&mut outbox);
        let mut arrived: HashMap<(u128, u128), Vec<Vec<u8>>> = HashMap::new();
        for frame in taker.frames {
            arrived.entry((frame[0].into(), frame[1].into())).or_default().push(frame);
        }
        prop_assert_eq!(arrived, pushed);
        prop_assert!(outbox.is_idle() && outbox.by_pair.is_empty() && outbox.shares.is_empty());
        prop_assert_eq!((outbox.waiting, outbox.on_their_way, outbox.parts), Default::default());
    }

    /// Each message is taken in, or counted as lost, once.
    #[test]
    fn each_message_arrives_or_is_counted(steps in steps()) {
        let (mut outbox, mut taker, mut messages) = (Outbox::default(), Taker::default(), 0);
        let mut confirmed = 0;
        for step in steps {
            match step {
                Step::Push { from, to, bytes, kind: Kind::Message(_) } => {
                    messages += usize::from(outbox.push(pair(from, to), vec![0; bytes], Kind::Message(bytes)).is_ok());
                }
                Step::Push { .. } => {}
                Step::Take => _ = taker.take(&mut outbox),
                Step::Taken => {
                    outbox.taken(taker.number);
                    confirmed = taker.frames.len();
                }
            }
        }
        let lost = outbox.lose();
        prop_assert_eq!(confirmed + lost.len(), messages);
        let unconfirmed = lost.iter().filter(|lost| lost.unconfirmed).count();
        prop_assert_eq!(unconfirmed, taker.frames.len() - confirmed + taker.assembly.under_way());
        prop_assert!(outbox.is_idle());
    }
}

#[test]
fn a_large_frame_delays_those_of_others_by_one_chunk() {
    let (mut outbox, mut taker) = (Outbox::default(), Taker::default());
    outbox.push(pair(1, 9), vec![1; 2 << 20], Kind::Message(1)).expect("room");
    taker.take(&mut outbox);
    outbox.push(pair(2, 9), vec![2; 10], Kind::Message(1)).expect("room");
    let bytes = taker.take(&mut outbox) + taker.take(&mut outbox);
    assert_eq!(taker.frames, [vec![2; 10]], "and at most so much of the other left before it: {bytes}");
    assert!(bytes <= 2 * (PACKET_BYTES + 8) + 14, "{bytes}");
}

#[test]
fn an_end_needs_no_room_in_the_window_and_stays_behind_what_its_sender_said_before() {
    let (mut outbox, mut taker) = (Outbox::default(), Taker::default());
    for _ in 0..WINDOW_CHUNKS + 1 {
        outbox.push(pair(1, 9), vec![1; 8], Kind::Message(1)).expect("room");
    }
    while taker.take(&mut outbox) > 0 {}
    assert_eq!(taker.frames.len(), WINDOW_CHUNKS, "the window is used up");
    outbox.push(pair(2, 9), vec![2], Kind::Free).expect("never refused");
    outbox.push(pair(1, 9), vec![3], Kind::Free).expect("never refused");
    taker.take(&mut outbox);
    assert_eq!(taker.frames.last(), Some(&vec![2]));
    assert_eq!(taker.take(&mut outbox), 0);
    assert!(outbox.taken(taker.number));
    taker.take_all(&mut outbox);
    assert_eq!(taker.frames[WINDOW_CHUNKS + 1..], [vec![1; 8], vec![3]]);
}

#[test]
fn a_full_queue_refuses_who_floods_and_takes_others() {
    let mut outbox = Outbox::default();
    let taken = (0..2 * QUEUE_FRAMES).take_while(|_| outbox.push(pair(1, 9), vec![1; 8], Kind::Message(1)).is_ok());
    assert_eq!(taken.count(), QUEUE_FRAMES, "alone it may use all of it");
    let mut outbox = Outbox::default();
    outbox.push(pair(2, 9), vec![2; 8], Kind::Message(1)).expect("room");
    let taken = (0..2 * QUEUE_FRAMES).take_while(|_| outbox.push(pair(1, 9), vec![1; 8], Kind::Message(1)).is_ok());
    assert!(taken.count() <= QUEUE_FRAMES / 2 + 1);
    for _ in 0..QUEUE_FRAMES / 4 {
        outbox.push(pair(2, 8), vec![2; 8], Kind::Message(1)).expect("it has not had its share");
        outbox.push(pair(3, 8), vec![2; 8], Kind::Free).expect("never refused");
    }
}

#[test]
fn one_message_over_the_queue_s_bytes_is_taken_when_nothing_else_waits() {
    let mut outbox = Outbox::default();
    outbox.push(pair(1, 9), vec![1; 2 * QUEUE_BYTES], Kind::Message(1)).expect("alone it is taken");
    assert_eq!(outbox.push(pair(1, 9), vec![1], Kind::Message(1)), Err(QueueFull));
    let mut taker = Taker::default();
    taker.take_all(&mut outbox);
    assert_eq!(taker.frames[0].len(), 2 * QUEUE_BYTES);
}

#[test]
fn an_order_waits_behind_nobody_s_flood_and_orders_do_not_pile_up() {
    let mut outbox = Outbox::default();
    while outbox.push(pair(1, 9), vec![1; 8], Kind::Message(1)).is_ok() {}
    outbox.push(pair(2, 9), vec![2], Kind::Order).expect("it has nothing waiting");
    let taken = (0..4 * QUEUE_FRAMES).take_while(|_| outbox.push(pair(1, 9), vec![1; 8], Kind::Order).is_ok());
    assert!(taken.count() <= QUEUE_FRAMES, "who has filled the queue does not fill another");
    // Not even if each of many has little.
    let mut senders = (10..).take(4 * QUEUE_FRAMES);
    let refused = senders.find(|from| outbox.push(pair(*from, 9), vec![3], Kind::Order).is_err());
    assert!(refused.is_some() && outbox.waiting.count <= 2 * QUEUE_FRAMES);
}
