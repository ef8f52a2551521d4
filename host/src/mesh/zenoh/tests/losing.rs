//! How nodes lose each other, and find each other again.

use super::cable::Cable;
use super::*;
use crate::mesh::outbox::WINDOW_BYTES;
use crate::mesh::packet::PACKET_BYTES;

/// Two nodes, the second behind a cable.
fn cabled() -> (Node, Node, [Cable; 2]) {
    let cables = [Cable::new(), Cable::new()];
    let one = behind(&cables[0], &[], 1);
    let two = behind(&cables[1], &[&one], 1);
    one.log.up(&two);
    two.log.up(&one);
    (one, two, cables)
}

fn behind(cable: &Cable, seeds: &[&Node], incarnation: u64) -> Node {
    let settings = Settings { listen: Some(cable.far_end()), ..settings(cable.place.clone(), seeds) };
    try_start(settings, incarnation).expect("a node")
}

#[test]
fn who_leaves_is_seen_at_once_and_behind_all_that_it_sent() {
    let (one, two) = pair();
    (0..1000).for_each(|n| send(&one, &two, &n.to_string()));
    one.log.take();
    let began = Instant::now();
    one.close();
    assert_eq!(two.log.down(&one), "it left");
    // A lease is a second: this was no silence.
    assert!(began.elapsed() < Duration::from_millis(800), "{:?}", began.elapsed());
    let heard = two.log.take();
    assert_eq!(heard.len(), 1002, "up, all packets, down");
    assert!(matches!(heard.last(), Some(Heard::Down(..))));
    assert_eq!(two.send(&one.presence, vec![1]), Err(crate::mesh::engine::Gone));
    assert_eq!(one.log.take(), [], "nothing is told to who has left");
    one.close();
}

#[test]
fn nothing_of_a_node_is_left_when_it_has_left() {
    let (one, two) = pair();
    let left = [one, two].map(|node| {
        node.close();
        (Arc::downgrade(&node.engine.shared), Arc::downgrade(&node.engine.mender), Arc::downgrade(&node.log))
    });
    let until = Instant::now() + LONG;
    while left.iter().any(|(a, b, c)| a.strong_count() + b.strong_count() + c.strong_count() > 0) {
        let counts: Vec<_> =
            left.iter().map(|(a, b, c)| [a.strong_count(), b.strong_count(), c.strong_count()]).collect();
        assert!(Instant::now() < until, "shared, mender, inbox: {counts:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_handle_that_is_dropped_leaves() {
    let (one, two) = pair();
    drop(one.engine);
    let is_down = |heard: &Heard| *heard == Heard::Down(one.presence.clone(), "it left".into());
    two.log.wait(is_down, 1);
}

#[test]
fn a_silent_peer_is_lost_after_its_lease_and_met_again_when_the_cable_is_whole() {
    let (one, two, cables) = cabled();
    let began = Instant::now();
    cables.iter().for_each(|cable| cable.cut(true));
    assert_eq!(one.log.down(&two), "the link to it broke");
    two.log.down(&one);
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    [&one, &two].iter().for_each(|node| _ = node.log.take());
    let began = Instant::now();
    cables.iter().for_each(|cable| cable.cut(false));
    one.log.up(&two);
    two.log.up(&one);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    send(&one, &two, "again");
    send(&two, &one, "again");
    assert_eq!(two.log.packets(1)[0].1, "again");
    assert_eq!(one.log.packets(1)[0].1, "again");
}

#[test]
fn a_short_silence_loses_nothing() {
    let (one, two, cables) = cabled();
    cables.iter().for_each(|cable| cable.cut(true));
    (0..100).for_each(|n| send(&one, &two, &n.to_string()));
    // Half a lease of real time: there is no event to wait for in a silence.
    let half = Instant::now() + Duration::from_millis(500);
    while Instant::now() < half {
        std::thread::park_timeout(half.saturating_duration_since(Instant::now()));
    }
    cables.iter().for_each(|cable| cable.cut(false));
    assert_eq!(two.log.packets(100).len(), 100);
    assert_eq!(two.log.take().len(), 101, "one up, no down");
}

#[test]
fn a_peer_s_window_goes_into_a_link_that_is_silent() {
    let (one, two, cables) = cabled();
    cables.iter().for_each(|cable| cable.cut(true));
    // Who had to wait for room would have the link closed.
    let packets = WINDOW_BYTES / PACKET_BYTES;
    (0..packets).for_each(|_| one.send(&two.presence, vec![b'x'; PACKET_BYTES]).expect("there is room"));
    cables.iter().for_each(|cable| cable.cut(false));
    assert_eq!(two.log.packets(packets).len(), packets);
    assert_eq!(two.log.take().len(), packets + 1, "one up, no down");
}

#[test]
fn a_node_that_left_and_came_again_is_another() {
    let (one, two) = pair();
    two.close();
    one.log.down(&two);
    let again = try_start(settings(two.presence.place.clone(), &[&one]), 2).expect("a node");
    one.log.up(&again);
    let heard = one.log.take();
    assert_eq!(heard.last(), Some(&Heard::Up(again.presence.clone())));
    assert_eq!(heard.len(), 3, "{heard:?}");
}

#[test]
fn a_name_that_somebody_has_is_refused() {
    let (one, two) = pair();
    [&one, &two].iter().for_each(|node| _ = node.log.take());
    let listen = free_place().to_string().parse().ok();
    for seed in [&one, &two] {
        let taken = Settings { listen, ..settings(two.presence.place.clone(), &[seed]) };
        let error = try_start(taken, 2).err().expect("the name is taken");
        assert!(matches!(&error, OpenError::NameTaken(place) if *place == two.presence.place), "{error}");
    }
    assert_eq!((one.log.take(), two.log.take()), (vec![], vec![]));
    send(&one, &two, "still there");
    two.log.packets(1);
}
