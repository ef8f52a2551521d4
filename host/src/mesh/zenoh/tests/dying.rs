//! What a node's peers see of a process that is killed or frozen.

use rustix::process::Signal;

use super::process::{Process, presence};
use super::*;

/// As that of the nodes in this process.
const LEASE: Duration = Duration::from_secs(1);

#[test]
fn who_is_killed_is_lost_after_its_lease_and_another_when_started_again() {
    let one = start(&[]);
    let old = presence(1);
    let process = Process::start(&old, &[&one], LEASE);
    one.log.wait(|heard| *heard == Heard::Up(old.clone()), 1);
    let began = Instant::now();
    process.signal(Signal::KILL);
    let new = Presence { incarnation: 2, ..old.clone() };
    let _again = Process::start(&new, &[&one], LEASE);
    let heard = one.log.wait(|heard| *heard == Heard::Up(new.clone()), 1);
    // A lease is a second.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let down = Heard::Down(old.clone(), "the link to it broke".into());
    assert_eq!(heard, [Heard::Up(old.clone()), down, Heard::Up(new)]);
    assert!(one.send(&old, vec![1]).is_err());
}

#[test]
fn who_is_frozen_is_lost_after_its_lease_and_met_again_when_it_thaws() {
    let one = start(&[]);
    let two = presence(1);
    let process = Process::start(&two, &[&one], LEASE);
    one.log.wait(|heard| *heard == Heard::Up(two.clone()), 1);
    let began = Instant::now();
    process.signal(Signal::STOP);
    one.log.wait(|heard| matches!(heard, Heard::Down(..)), 1);
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    let began = Instant::now();
    process.signal(Signal::CONT);
    one.log.wait(|heard| *heard == Heard::Up(two.clone()), 2);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn who_is_lost_while_much_waits_for_it_keeps_no_other_from_hearing() {
    let (one, two) = pair();
    let lost = presence(1);
    let process = Process::start(&lost, &[&one], LEASE);
    one.log.wait(|heard| *heard == Heard::Up(lost.clone()), 1);
    process.signal(Signal::STOP);
    // Until there is no room, and then until there never will be.
    while one.send(&lost, vec![0; 60_000]).is_ok() {}
    one.log.wait(|heard| matches!(heard, Heard::Down(presence, _) if *presence == lost), 1);
    // If nothing came from this one, the other would lose it in that time.
    let (until, mut sent) = (Instant::now() + 2 * LEASE, 0);
    while Instant::now() < until {
        send(&one, &two, &sent.to_string());
        sent += 1;
        two.log.packets(sent);
    }
    let heard = two.log.take();
    assert!(!heard.iter().any(|heard| matches!(heard, Heard::Down(presence, _) if *presence == one.presence)));
}
