//! Who is slow costs those who send to it, and nobody else; nothing piles up without end.

use std::time::Duration;

use greenroom::{Address, Loss, Refusal, RefusalKind, SpawnOptions};
use serde_json::json;

use super::traffic::{Text, Traffic, insist};
use super::world::{PAUSE, World, block_on, lost, lost_in_all};
use crate::puppet::Puppet;

over_each_engine! {
    a_full_mailbox_refuses_its_senders_until_it_has_room_and_delays_nobody_else,
    an_actor_that_reads_slowly_gets_all_that_its_mailbox_takes,
}

/// Sends until it is refused; how many were taken, and the refusal.
fn until_refused(from: &Puppet, to: &Address, text: impl Fn(usize) -> String + Send + 'static) -> (usize, Refusal) {
    let to = to.clone();
    from.does(move |context| {
        (0..).find_map(|number| Some((number, context.send(&to, Text(text(number))).err()?))).expect("it has an end")
    })
}

fn a_full_mailbox_refuses_its_senders_until_it_has_room_and_delays_nobody_else(world: &World) {
    let [near, far] = world.pair();
    let options = SpawnOptions::default().limits("mailbox=100".parse().expect("limits"));
    let slow = Puppet::with(&far, &options);
    let (quick, sender, other) = (Puppet::new(&far), Puppet::new(&near), Puppet::new(&near));
    let (taken, refusal) = until_refused(&sender, &slow.address, |number| number.to_string());
    assert_eq!(refusal.kind(), RefusalKind::MailboxFull);
    assert_eq!(refusal.details()["address"], slow.address.to_string(), "it says whose");
    for round in 0..200 {
        other.send(&quick.address, json!(round)).expect("the quick one has room");
        assert_eq!(quick.hears(), round);
        quick.send(&other.address, json!(round)).expect("it has room");
        assert_eq!(other.hears(), round);
    }
    let still = other.send(&slow.address, json!("me too")).expect_err("for all, until there is room");
    assert_eq!(still.kind(), RefusalKind::MailboxFull);
    // Those of one node do not get all of the room. What was on its way when the word came is lost, and counted where it was.
    let heard = slow.hears_now();
    assert!((50..=100).contains(&heard.len()), "{}", heard.len());
    assert_eq!(heard, (0..heard.len()).map(|number| json!(number)).collect::<Vec<_>>());
    assert_eq!(lost(&far, Loss::MailboxFull), (taken - heard.len()) as u64);
    insists(&sender, &slow.address, json!("room").to_string());
    assert_eq!(slow.hears(), "room");
    assert_eq!(lost_in_all([&near]), 0);
}

/// Sends as soon as there is room, and waits until it is sent.
pub fn insists(from: &Puppet, to: &Address, text: String) {
    let to = to.clone();
    let sent = from.ends(move |context| Box::pin(async move { insist(context, &to, || text.clone()).await }));
    sent.expect("there is room");
}

fn an_actor_that_reads_slowly_gets_all_that_its_mailbox_takes(world: &World) {
    let [near, far] = world.pair();
    let options = SpawnOptions::default().limits("mailbox=1000000".parse().expect("limits"));
    let slow = far.spawn_native_with(&options, |mut context| async move {
        let mut next = 0;
        let never = [greenroom::Pattern::new(json!("a pause")).expect("a pattern")];
        while next < 300 {
            let number = context.receive_any(None).await.expect("no timeout").message.to_value();
            if number != next {
                return Err(json!({"came": number, "next": next}));
            }
            next += 1;
            _ = context.receive(&never, Some(3 * PAUSE)).await;
        }
        Ok(json!(next))
    });
    let slow = slow.expect("it starts");
    let (to, from) = (slow.clone(), Puppet::new(&near));
    from.does(move |context| (0..300).try_for_each(|number| context.send(&to, json!(number)))).expect("all are taken");
    let mut beside = Traffic::default();
    let quick = beside.receiver(&far);
    beside.sender(&near, &quick, 500, &[10]);
    beside.ends_whole();
    assert_eq!(block_on(far.wait(&slow)).expect("all in order"), 300);
    assert_eq!(lost_in_all([&near, &far]), 0);
}

/// Bytes that a node keeps for a peer which does not read, and as many as may be on their way, in messages; some more for
/// what stands around them.
const KEPT_BYTES: usize = (8 + 4) << 20;

#[test]
fn what_waits_for_a_peer_that_does_not_read_is_bounded_and_arrives_when_it_does() {
    let world = World::of_one_process();
    let [near, far] = world.pair();
    let faults = world.faults().expect("links that can be slow");
    faults.delay(near.place(), far.place(), Duration::from_secs(3));
    let mut traffic = Traffic::default();
    let to = traffic.receiver(&far);
    let from = Puppet::new(&near);
    let me = from.address.to_string();
    let pad = "x".repeat(16 << 10);
    let (taken, refusal) = until_refused(&from, &to, move |number| format!(r#"["{me}",{number},"{pad}"]"#));
    assert_eq!(refusal.kind(), RefusalKind::MailboxFull);
    assert!(refusal.details().is_empty(), "it is the link that is full: {refusal}");
    assert!(refusal.message().contains(far.place().as_str()), "{refusal}");
    assert!(taken * (16 << 10) < KEPT_BYTES + (64 << 10), "{taken}");
    assert!(taken * (16 << 10) > KEPT_BYTES / 2, "{taken}");
    faults.delay(near.place(), far.place(), Duration::ZERO);
    traffic.sender(&near, &to, 0, &[0]);
    let last = format!(r#"["{}",{taken},null]"#, from.address);
    let too = to.clone();
    // There is room as soon as the first have arrived; what has arrived is answered.
    insists(&from, &too, last);
    assert_eq!(from.hears(), taken);
    let count = traffic.ends();
    assert_eq!((count.came, count.missing), (count.sent + taken as u64, 0));
    assert_eq!(lost_in_all([&near, &far]), 0);
}
