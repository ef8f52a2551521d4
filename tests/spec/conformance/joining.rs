//! Nodes join a mesh, and who may not does not.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::thread;

use greenroom::{JoinError, Node, StartError};
use serde_json::{Value, json};

use super::traffic::Traffic;
use super::world::{COOKIE, World, block_on, free_address, hears_of};
use crate::puppet::Puppet;

over_each_engine! {
    who_has_another_cookie_does_not_join_and_disturbs_nobody,
    a_name_that_is_taken_is_refused_and_its_holder_stays,
    a_mesh_grows_from_three_nodes_to_six_while_its_actors_talk,
}

fn refused(started: Result<Node, StartError>) -> JoinError {
    match started {
        Err(StartError::Join(why)) => why,
        other => panic!("it must not join: {other:?}"),
    }
}

/// Fails unless two actors of two nodes hear each other.
fn talk(one: &Puppet, other: &Puppet) {
    for (from, to) in [(one, other), (other, one)] {
        from.send(&to.address, json!(from.address.to_string())).expect("they are connected");
        assert_eq!(to.hears(), from.address.to_string());
    }
}

fn who_has_another_cookie_does_not_join_and_disturbs_nobody(world: &World) {
    let [near, far] = world.pair();
    let (one, other) = (Puppet::trapping(&near), Puppet::new(&far));
    one.monitor(&other.address);
    let stranger = "another-of-tests-0123456789abcdefghijklmnopq@127.0.0.1:0";
    for _ in 0..3 {
        let why = refused(world.start(stranger, &[near.place().as_str()]));
        assert!(matches!(why, JoinError::WrongCookie(_)), "{why}");
        let said = why.to_string();
        assert!(!said.contains(COOKIE) && !said.contains("another-of-tests"), "{said}");
    }
    talk(&one, &other);
    assert!(one.hears_now().is_empty(), "nobody was lost");
}

fn a_name_that_is_taken_is_refused_and_its_holder_stays(world: &World) {
    let [near, far] = world.pair();
    let (one, other) = (Puppet::trapping(&near), Puppet::new(&far));
    one.monitor(&other.address);
    let again = format!("{COOKIE}@{}", far.place());
    let why = refused(world.start_elsewhere(&again, &[near.place().as_str()]));
    assert!(matches!(why, JoinError::NameTaken(_)), "{why}");
    assert!(why.to_string().contains(far.place().as_str()), "{why}");
    talk(&one, &other);
    assert!(one.hears_now().is_empty(), "nobody was lost");
}

fn a_mesh_grows_from_three_nodes_to_six_while_its_actors_talk(world: &World) {
    let mut nodes: Vec<Node> = Vec::new();
    for _ in 0..3 {
        nodes.push(world.node(&nodes.iter().collect::<Vec<_>>()));
    }
    let mut traffic = Traffic::default();
    let receivers: Vec<_> = nodes.iter().map(|node| traffic.receiver(node)).collect();
    for from in &nodes {
        receivers.iter().for_each(|to| traffic.sender(from, to, 400, &[0, 1000]));
    }
    // By one alone: it hears of the others, and they of it.
    for _ in 3..6 {
        let mut events: Vec<_> = nodes.iter().map(Node::events).collect();
        let new = world.node(&[&nodes[0]]);
        events.iter_mut().for_each(|events| hears_of(events, new.place(), true));
        // They hear of it when they may send to it; it may send to them when it has heard of them too.
        nodes.iter().for_each(|node| block_on(new.connect(node.place())).expect("it is there"));
        nodes.push(new);
    }
    traffic.ends_whole();
    let puppets: Vec<Puppet> = nodes.iter().map(Puppet::new).collect();
    for from in &puppets {
        let me = from.address.to_string();
        puppets.iter().for_each(|to| from.send(&to.address, json!(me)).expect("all are connected"));
    }
    let all: BTreeSet<String> = puppets.iter().map(|puppet| puppet.address.to_string()).collect();
    for to in &puppets {
        let heard = puppets.iter().map(|_| to.hears().as_str().expect("an address").to_owned());
        assert_eq!(heard.collect::<BTreeSet<_>>(), all);
    }
    let mut left = nodes.split_off(3);
    let mut events = nodes[0].events();
    while let Some(node) = left.pop() {
        block_on(node.shutdown());
        hears_of(&mut events, node.place(), false);
    }
    talk(&puppets[0], &puppets[2]);
    let nothing: Vec<Value> = puppets[..3].iter().flat_map(Puppet::hears_now).collect();
    assert!(nothing.is_empty(), "{nothing:?}");
}

#[test]
fn nobody_at_a_place_and_another_program_there_are_two_errors_and_a_wrong_cookie_is_a_third() {
    let world = World::of_the_network();
    let near = world.node(&[]);
    let socket = || UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let nobody = socket().local_addr().expect("its address").to_string();
    let start = |cookie: &str, place: &str| {
        let why = refused(world.start(&format!("{cookie}@127.0.0.1:0"), &[place]));
        assert!(why.to_string().contains(place) && !why.to_string().contains(cookie), "{why}");
        why
    };
    assert!(matches!(start(COOKIE, &nobody), JoinError::Unreachable { .. }));
    let answers = socket();
    let something = answers.local_addr().expect("its address").to_string();
    let echo = thread::spawn(move || {
        let mut packet = [0; 2048];
        while let Ok((length, from)) = answers.recv_from(&mut packet)
            && packet[..length] != *b"enough"
        {
            answers.send_to(&packet[..length], from).expect("it is there");
        }
    });
    let why = start(COOKIE, &something);
    assert!(matches!(why, JoinError::NotANode(_)), "{why}");
    socket().send_to(b"enough", &something).expect("it is there");
    echo.join().expect("it does not panic");
    let why = start("another-of-tests-0123456789abcdefghijklmnopq", near.place().as_str());
    assert!(matches!(why, JoinError::WrongCookie(_)), "{why}");
}

#[test]
fn a_node_is_found_by_one_that_started_before_it() {
    let world = World::of_the_network();
    let place = free_address().to_string();
    let first = world.node(&[]);
    let mut events = [first.events(), first.events()];
    // Knows of nobody, and is told of nobody.
    let second = world.node_named(&place, &[]);
    let third = world.node(&[&first, &second]);
    let places = [second.place(), third.place()];
    events.iter_mut().zip(places).for_each(|(events, place)| hears_of(events, place, true));
    talk(&Puppet::new(&first), &Puppet::new(&second));
}
