//! Groups over nodes: each node comes to know of all members, whatever joins, leaves, ends or is lost.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use greenroom::{Address, Context, Faults, Limit, Limits, Loss, Node, Refusal, RouterSpec, SpawnOptions};
use serde_json::{Value, json};

use super::world::{PATIENCE, PAUSE, World, block_on, hears_of, lost, lost_in_all, rounds};
use crate::puppet::Puppet;

over_each_engine! {
    who_joins_on_one_node_is_a_member_on_the_other_until_it_leaves_or_ends,
    a_node_that_comes_later_hears_of_all_members,
    a_node_that_goes_takes_its_members_with_it,
    a_broadcast_reaches_all_members_on_three_nodes_in_order,
    a_broadcast_that_finds_a_full_mailbox_is_lost_where_that_is,
    a_router_goes_round_the_members_on_two_nodes,
}

fn join(puppet: &Puppet, group: &str) {
    let group = group.to_owned();
    puppet.does(move |context| context.join(&group)).expect("it may join");
}

fn leave(puppet: &Puppet, group: &str) {
    let group = group.to_owned();
    puppet.does(move |context| context.leave(&group)).expect("it is in");
}

fn broadcast(puppet: &Puppet, group: &'static str, what: Value) -> usize {
    puppet.ends(move |context| Box::pin(context.broadcast(group, what))).expect("it may")
}

/// The members that a node knows of, in an order that is the same on each.
fn members(node: &Node, group: &str) -> Vec<String> {
    let members = node.members(group).expect("a name");
    let mut members: Vec<String> = members.iter().map(Address::to_string).collect();
    members.sort();
    members
}

fn texts<'a>(puppets: impl IntoIterator<Item = &'a Puppet>) -> Vec<String> {
    let mut texts: Vec<String> = puppets.into_iter().map(|puppet| puppet.address.to_string()).collect();
    texts.sort();
    texts
}

/// Waits until each of the nodes knows of just these members.
fn knows<'a>(nodes: &[&Node], group: &str, expected: impl IntoIterator<Item = &'a Puppet>) {
    let (expected, since) = (texts(expected), Instant::now());
    for node in nodes {
        loop {
            let known = members(node, group);
            if known == expected {
                break;
            }
            assert!(since.elapsed() < PATIENCE, "{} knows {known:?}, not {expected:?}", node.place());
            thread::sleep(PAUSE);
        }
    }
}

fn who_joins_on_one_node_is_a_member_on_the_other_until_it_leaves_or_ends(world: &World) {
    let [near, far] = world.pair();
    let (one, other) = (Puppet::new(&near), Puppet::new(&far));
    for _ in 0..rounds() {
        join(&one, "crowd");
        knows(&[&near, &far], "crowd", [&one]);
        join(&other, "crowd");
        join(&other, "crowd");
        knows(&[&near, &far], "crowd", [&one, &other, &other]);
        assert_eq!(far.local_members("crowd").expect("a name"), [other.address.clone(), other.address.clone()]);
        assert_eq!(near.members("crowd").expect("a name")[0], one.address, "one's own node's come first");
        leave(&one, "crowd");
        leave(&other, "crowd");
        knows(&[&near, &far], "crowd", [&other]);
        leave(&other, "crowd");
        let brief = Puppet::new(&far);
        join(&brief, "crowd");
        join(&brief, "crowd");
        join(&brief, "others");
        knows(&[&near, &far], "crowd", [&brief, &brief]);
        brief.returns(json!(1));
        block_on(far.wait(&brief.address)).expect("it ends well");
        assert_eq!(members(&far, "crowd"), Vec::<String>::new(), "on its node it was gone before that was told");
        knows(&[&near], "crowd", []);
        knows(&[&near], "others", []);
    }
}

fn a_node_that_comes_later_hears_of_all_members(world: &World) {
    let [near, far] = world.pair();
    let puppets: Vec<Puppet> = [&near, &far, &near].map(Puppet::new).into();
    for puppet in &puppets {
        (0..300).for_each(|number| join(puppet, &format!("group-{number}")));
    }
    let late = world.node(&[&near, &far]);
    for group in ["group-0", "group-150", "group-299"] {
        knows(&[&late, &near, &far], group, &puppets);
    }
    let own = Puppet::new(&late);
    join(&own, "group-0");
    knows(&[&late, &near, &far], "group-0", puppets.iter().chain([&own]));
}

fn a_node_that_goes_takes_its_members_with_it(world: &World) {
    let near = world.node(&[]);
    let stays = Puppet::new(&near);
    join(&stays, "crowd");
    for round in 0..rounds() {
        let far = world.node(&[&near]);
        let goes = [Puppet::new(&far), Puppet::new(&far)];
        goes.iter().for_each(|puppet| join(puppet, "crowd"));
        knows(&[&near, &far], "crowd", goes.iter().chain([&stays]));
        let watcher = Puppet::new(&near);
        watcher.monitor(&goes[0].address);
        if round % 2 == 0 {
            block_on(far.shutdown());
        }
        let mut events = near.events();
        drop(far);
        if round % 2 == 0 {
            watcher.hears();
        } else {
            hears_of(&mut events, goes[0].address.place(), false);
            assert_eq!(watcher.hears()["exception"]["type"], "noconnection");
            assert_eq!(members(&near, "crowd"), texts([&stays]), "who hears of it finds them gone");
        }
        knows(&[&near], "crowd", [&stays]);
    }
}

fn a_broadcast_reaches_all_members_on_three_nodes_in_order(world: &World) {
    let first = world.node(&[]);
    let second = world.node(&[&first]);
    let third = world.node(&[&first, &second]);
    let nodes = [&first, &second, &third];
    let members: Vec<Puppet> = (0..9).map(|number| Puppet::new(nodes[number % 3])).collect();
    members.iter().for_each(|member| join(member, "crowd"));
    // It is in twice, and hears all once.
    join(&members[4], "crowd");
    knows(&nodes, "crowd", members.iter().chain([&members[4]]));
    let outside = Puppet::new(&second);
    let speakers = [&members[0], &outside];
    for number in 0..200 {
        // Large ones leave in parts.
        let pad = "x".repeat([10, 10, 100_000][number % 3]);
        for (speaker, puppet) in speakers.iter().enumerate() {
            assert_eq!(broadcast(puppet, "crowd", json!([speaker, number, pad])), 9);
        }
    }
    assert_eq!(third.broadcast("crowd", json!([2, 0, ""])).expect("a name"), 9);
    for member in &members {
        let mut next = [0; 3];
        for _ in 0..401 {
            let heard = member.hears();
            let speaker = heard[0].as_u64().expect("a number") as usize;
            assert_eq!(heard[1], next[speaker], "of {speaker}");
            next[speaker] += 1;
        }
        assert_eq!(next, [200, 200, 1]);
        assert!(member.hears_now().is_empty());
    }
    assert!(outside.hears_now().is_empty());
    assert_eq!(lost_in_all(nodes), 0);
}

fn a_broadcast_that_finds_a_full_mailbox_is_lost_where_that_is(world: &World) {
    let [near, far] = world.pair();
    let limits = Limits::default().with(Limit::Mailbox, 2);
    let full = Puppet::with(&far, &SpawnOptions::default().limits(limits));
    let (other, speaker) = (Puppet::new(&far), Puppet::new(&near));
    [&full, &other].iter().for_each(|member| join(member, "crowd"));
    knows(&[&near], "crowd", [&full, &other]);
    for number in 0..5 {
        assert_eq!(broadcast(&speaker, "crowd", json!(number)), 2, "it is handed to the link");
    }
    (0..5).for_each(|number| assert_eq!(other.hears(), number));
    // The last may have come to the one before it was tried with the other.
    let since = Instant::now();
    while lost(&far, Loss::MailboxFull) < 3 {
        assert!(since.elapsed() < PATIENCE, "it is never lost");
        thread::sleep(PAUSE);
    }
    assert_eq!([full.hears(), full.hears()], [0, 1]);
    assert_eq!((lost_in_all([&far]), lost_in_all([&near])), (3, 0));
    assert_eq!(broadcast(&speaker, "crowd", json!(5)), 2, "its node has not been told that it is full");
    assert_eq!((other.hears(), full.hears()), (json!(5), json!(5)));
}

/// A member that answers who it is, until it is told to leave or to end.
async fn answers(mut context: Context) -> Result<Value, Value> {
    context.join("crew").expect("it may");
    loop {
        let request = context.receive_any(None).await.expect("there is no timeout").message.to_value();
        let response = json!({"response": request["call"], "message": context.address().to_string()});
        let caller = serde_json::from_value::<Address>(request["address"].clone()).expect("an address");
        match request["method"].as_str() {
            Some("leave") => context.leave("crew").expect("it is in"),
            Some("end") => return Ok(json!("done")),
            _ => {}
        }
        context.send(&caller, response).expect("the caller waits");
    }
}

fn a_router_goes_round_the_members_on_two_nodes(world: &World) {
    let [near, far] = world.pair();
    let router = near.route(RouterSpec::round_robin().group("crew")).expect("it starts");
    let call = |to: &Address, method: &str| block_on(near.call(to, method, json!(null), PATIENCE));
    assert!(call(&router, "who").is_err(), "nobody is there");
    let mut crew: Vec<Address> = Vec::new();
    for node in [&near, &far, &far] {
        crew.push(node.spawn_native(answers).expect("it starts"));
    }
    let goes_round = |crew: &[Address]| {
        let crew: BTreeSet<String> = crew.iter().map(Address::to_string).collect();
        let since = Instant::now();
        loop {
            // As often as there should be members: each answers once, or there are others.
            let answered = crew.iter().filter_map(|_| call(&router, "who").ok());
            let answered: BTreeSet<String> = answered.map(|who| who.as_str().expect("an address").to_owned()).collect();
            if answered == crew {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{answered:?}, not {crew:?}");
            thread::sleep(PAUSE);
        }
    };
    goes_round(&crew);
    let left = crew.remove(1);
    call(&left, "leave").expect("it answers");
    goes_round(&crew);
    assert!(call(&crew[1], "end").is_err(), "it has ended before it answers");
    goes_round(&crew[..1]);
    let refused = call(&router, "$router/add").expect_err("its routees are the group's");
    assert!(refused.to_string().contains("join and leave"), "{refused}");
    // The same node, after it was lost.
    if let Some(faults) = world.faults() {
        let back = far.spawn_native(answers).expect("it starts");
        crew = vec![crew[0].clone(), back];
        for _ in 0..rounds() {
            goes_round(&crew);
            flaps(&faults, &near, &far);
        }
        goes_round(&crew);
    }
}

/// A link breaks, and is there again.
fn flaps(faults: &Faults, near: &Node, far: &Node) {
    // Not by events: of those thousands of actors make too many.
    let watchers = [near, far].map(Puppet::new);
    watchers.iter().for_each(|watcher| _ = watcher.does(|context| context.monitor_nodes(true)).expect("it may"));
    faults.cut(near.place(), far.place());
    watchers.iter().for_each(|watcher| assert_eq!(watcher.hears()["up"], false));
    faults.heal(near.place(), far.place());
    watchers.iter().for_each(|watcher| assert_eq!(watcher.hears()["up"], true));
    watchers.iter().for_each(|watcher| watcher.returns(json!(null)));
}

#[test]
fn members_beyond_a_link_that_is_cut_are_none_until_it_is_healed() {
    let world = World::of_one_process();
    let [near, far] = world.pair();
    let faults = world.faults().expect("an engine with faults");
    let (one, other) = (Puppet::new(&near), Puppet::new(&far));
    [&one, &other].iter().for_each(|puppet| join(puppet, "crowd"));
    for round in 0..rounds() {
        knows(&[&near, &far], "crowd", [&one, &other]);
        let watcher = Puppet::new(&near);
        watcher.monitor(&other.address);
        faults.cut(near.place(), far.place());
        watcher.hears();
        assert_eq!(members(&near, "crowd"), texts([&one]), "who hears of it finds them gone");
        knows(&[&far], "crowd", [&other]);
        assert_eq!(broadcast(&one, "crowd", json!(round)), 1);
        assert_eq!(one.hears(), round);
        // What happens meanwhile is known after it.
        let new = Puppet::new(&far);
        join(&new, "crowd");
        leave(&one, "crowd");
        faults.heal(near.place(), far.place());
        knows(&[&near, &far], "crowd", [&other, &new]);
        join(&one, "crowd");
        new.returns(json!(1));
    }
    assert!(other.hears_now().is_empty(), "nothing was kept for it");
}

/// How many members join while a link fails.
const MEMBERS: usize = 10_000;

#[test]
fn ten_thousand_members_that_join_and_end_while_a_link_fails_are_known_in_the_end() {
    let world = World::of_one_process();
    let [near, far] = world.pair();
    let faults = world.faults().expect("an engine with faults");
    let over = AtomicBool::new(false);
    let (stay, times) = thread::scope(|scope| {
        let breaks = scope.spawn(|| {
            let mut times = 0;
            while !over.load(Ordering::SeqCst) {
                flaps(&faults, &near, &far);
                times += 1;
            }
            times
        });
        let joins = |number: usize| {
            near.spawn_native(move |mut context: Context| async move {
                context.join("crowd")?;
                context.join("crowd")?;
                context.leave("crowd")?;
                if number.is_multiple_of(2) {
                    context.receive_any(None).await;
                }
                Ok::<_, Refusal>(json!(null))
            })
            .expect("it starts")
        };
        let members: Vec<Address> = (0..MEMBERS).map(joins).collect();
        members.iter().skip(1).step_by(2).for_each(|brief| _ = block_on(near.wait(brief)).expect("it ends well"));
        over.store(true, Ordering::SeqCst);
        let stay: BTreeSet<String> = members.iter().step_by(2).map(Address::to_string).collect();
        (stay, breaks.join().expect("each is seen"))
    });
    let since = Instant::now();
    while members(&far, "crowd") != stay.iter().cloned().collect::<Vec<_>>() {
        assert!(since.elapsed() < PATIENCE, "{} of {}", members(&far, "crowd").len(), stay.len());
        thread::sleep(PAUSE);
    }
    println!("figures: {times} faults, {:?} after the last until all were known", since.elapsed());
    assert!(times > 0 && members(&near, "crowd").len() == MEMBERS / 2);
}
