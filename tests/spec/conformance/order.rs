//! Messages between two nodes come in order, whole, each once, and soon.

use greenroom::Node;
use serde_json::{Value, json};

use super::traffic::Traffic;
use super::world::{World, block_on, hears_of, rounds};
use crate::puppet::Puppet;

over_each_engine! {
    messages_of_all_sizes_from_many_to_many_both_ways_come_in_order_and_none_is_lost,
    ten_thousand_small_messages_come_in_order_and_none_is_lost,
    a_message_arrives_that_is_sent_right_after_the_other_node_is_seen,
    a_small_message_overtakes_a_large_one_of_others_and_none_of_its_own,
    what_was_sent_before_an_end_comes_before_it,
    a_node_sends_to_itself_what_others_send_to_it,
}

const SIZES: [usize; 6] = [0, 90, 900, 10_000, 100_000, 1_000_000];

fn messages_of_all_sizes_from_many_to_many_both_ways_come_in_order_and_none_is_lost(world: &World) {
    let nodes = world.pair();
    let mut traffic = Traffic::default();
    for [from, to] in [[0, 1], [1, 0]] {
        let receivers = [traffic.receiver(&nodes[to]), traffic.receiver(&nodes[to])];
        for _ in 0..3 {
            receivers.iter().for_each(|to| traffic.sender(&nodes[from], to, 24, &SIZES));
        }
    }
    assert!(traffic.ends_whole().sent >= 12 * 24);
}

fn ten_thousand_small_messages_come_in_order_and_none_is_lost(world: &World) {
    let [near, far] = world.pair();
    let mut traffic = Traffic::default();
    let to = traffic.receiver(&far);
    (0..4).for_each(|_| traffic.sender(&near, &to, 2500, &[0, 20]));
    assert!(traffic.ends_whole().sent >= 10_000);
}

fn a_message_arrives_that_is_sent_right_after_the_other_node_is_seen(world: &World) {
    let near = world.node(&[]);
    let listener = Puppet::new(&near);
    for round in 0..rounds() {
        let mut events = near.events();
        let far = world.node(&[&near]);
        let speaker = Puppet::new(&far);
        assert!(speaker.send(&listener.address, json!(round)).is_ok(), "who has joined is connected");
        assert_eq!(listener.hears(), round);
        let answered = Puppet::new(&far);
        hears_of(&mut events, far.place(), true);
        assert!(listener.send(&answered.address, json!(round)).is_ok(), "who was heard of can be reached");
        assert_eq!(answered.hears(), round);
        block_on(far.shutdown());
        hears_of(&mut events, far.place(), false);
    }
}

/// More than may be on its way at once, and less than may wait.
const LARGE_BYTES: usize = 6 << 20;

fn a_small_message_overtakes_a_large_one_of_others_and_none_of_its_own(world: &World) {
    let [near, far] = world.pair();
    let (large, small) = (Puppet::new(&far), Puppet::new(&far));
    let witness = Puppet::new(&far);
    let tells_when_it_hears = |puppet: &Puppet, what: &'static str| {
        let to = witness.address.clone();
        puppet.begins(move |context| {
            Box::pin(async move {
                let heard = context.receive_any(None).await.expect("there is no timeout").message;
                context.send(&to, json!([what, heard.as_str().len()])).expect("the witness lives");
            })
        });
    };
    let (speaker, other) = (Puppet::new(&near), Puppet::new(&near));
    let mut overtaken = 0;
    for _ in 0..5 {
        tells_when_it_hears(&large, "large");
        tells_when_it_hears(&large, "its own");
        tells_when_it_hears(&small, "small");
        let (to, too) = (large.address.clone(), large.address.clone());
        speaker.does(move |context| context.send(&to, json!("x".repeat(LARGE_BYTES)))).expect("it is sent");
        speaker.does(move |context| context.send(&too, json!(1))).expect("it is sent");
        other.send(&small.address, json!(1)).expect("it is sent");
        let heard: Vec<Value> = (0..3).map(|_| witness.hears()).collect();
        let place = |what: &str| heard.iter().position(|heard| heard[0] == what).expect("it is heard");
        assert_eq!(heard[place("large")][1], LARGE_BYTES + 2);
        assert!(place("large") < place("its own"), "{heard:?}");
        overtaken += usize::from(place("small") < place("large"));
    }
    // The other speaker may once be late.
    assert!(overtaken >= 3, "{overtaken} of 5");
}

fn what_was_sent_before_an_end_comes_before_it(world: &World) {
    let [near, far] = world.pair();
    let witness = Puppet::trapping(&near);
    for round in 0..10 * rounds() {
        let speaker = Puppet::new(&far);
        witness.link(&speaker.address);
        witness.send(&speaker.address, json!("speak")).expect("they are connected");
        assert_eq!(speaker.hears(), "speak", "and the link was there before");
        let to = witness.address.clone();
        let pad = "x".repeat([0, 100, 100_000][round % 3]);
        speaker
            .does(move |context| (0..3).try_for_each(|number| context.send(&to, json!([number, pad]))))
            .expect("sent");
        speaker.returns(json!("end"));
        let heard: Vec<Value> = (0..4).map(|_| witness.hears()).collect();
        assert!((0..3).all(|number| heard[number][0] == number), "{round}");
        assert_eq!(heard[3]["exit"], "end");
    }
}

fn a_node_sends_to_itself_what_others_send_to_it(world: &World) {
    let [near, far] = world.pair();
    let puppets: [(&Node, Puppet); 2] = [(&near, Puppet::new(&near)), (&far, Puppet::new(&far))];
    for (_, from) in &puppets {
        for (node, to) in &puppets {
            from.send(&to.address, json!(from.address.to_string())).expect("it is sent");
            assert_eq!(to.hears(), from.address.to_string());
            node.send(&to.address, json!(1)).expect("it is sent");
            assert_eq!(to.hears(), 1);
        }
    }
}
