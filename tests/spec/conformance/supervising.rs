//! Supervisors whose children run on other nodes: where they start, what follows a lost node, and in which order they go down.

use std::time::{Duration, Instant};

use greenroom::{
    Address, Backoff, ChildSpec, ExceptionKind, Node, Outcome, Place, PoolSpec, RemoteSpawn, RouterSpec, SpawnOptions,
    SupervisorSpec,
};
use serde_json::{Value, json};

use super::far::{Far, with_processes};
use super::leaving::nobody;
use super::spawning::{ends, on, starts, with_scenarios};
use super::world::{PATIENCE, World, block_on, hears_of, rounds};
use crate::home::until;
use crate::puppet::Puppet;
use crate::supervisor::{child, up};

over_each_engine! {
    at_each_start_the_first_node_that_takes_a_child_has_it,
    a_supervisor_whose_child_no_node_takes_fails_and_says_which_were_asked,
    a_child_on_another_node_that_fails_comes_back_there_until_the_budget_is_spent,
    while_no_node_is_there_a_start_is_counted_and_tried_again,
    one_for_all_goes_down_and_comes_up_in_order_on_two_nodes,
    a_supervisor_that_ends_takes_its_children_on_other_nodes_down_in_order,
    a_pool_s_workers_and_a_router_s_routees_may_be_on_other_nodes,
    a_guest_s_children_may_be_on_other_nodes,
}

/// How long a child of a killed node may take to be up on another: the lease, and what a busy machine needs beyond.
const UP_AGAIN_WITHIN: Duration = Duration::from_secs(20);

fn asks(node: &Node, whom: &Address, method: &str) -> Value {
    block_on(node.call(whom, method, Value::Null, PATIENCE)).expect("it answers")
}

fn restarts(node: &Node, supervisor: &Address) -> u64 {
    asks(node, supervisor, "count-children")["restarts"].as_u64().expect("a number")
}

/// Where the only child lives, as the supervisor says.
fn only_child(node: &Node, supervisor: &Address) -> Address {
    let children = asks(node, supervisor, "which-children");
    assert_eq!((children.as_array().map(Vec::len), &children[0]["state"]), (Some(1), &json!("running")));
    serde_json::from_value(children[0]["address"].clone()).expect("an address")
}

/// The next child that tells that it is up.
fn next_up(hears: &Puppet) -> Address {
    up(hears, 1).remove(0).1
}

fn places<const N: usize>(nodes: [&Node; N]) -> [Place; N] {
    nodes.map(|node| node.place().clone())
}

/// The next so many that tell that they were asked to end.
fn downs(hears: &Puppet, children: usize) -> Vec<Value> {
    (0..children).map(|_| hears.hears()["down"].take()).collect()
}

/// The error that a supervisor gave up with.
fn failure(node: &Node, supervisor: &Address) -> Value {
    match block_on(node.outcome(supervisor)).expect("an outcome") {
        Outcome::Exception(why) if why.kind() == ExceptionKind::Error => {
            why.detail("value").expect("what it failed with").to_value()
        }
        other => panic!("it ended otherwise: {other:?}"),
    }
}

fn at_each_start_the_first_node_that_takes_a_child_has_it(world: &World) {
    let near = world.node(&[]);
    with_scenarios(&near);
    let refuses = world.node_with(Node::builder().remote_spawn(RemoteSpawn::no()), &[&near]);
    let [first, second] = [world.node(&[&near]), world.node(&[&near])];
    let hears = Puppet::new(&near);
    let mut nodes = vec![nobody("127.0.0.1:1").place().clone()];
    nodes.extend(places([&refuses, &first, &second, &near]));
    let spec = SupervisorSpec::one_for_one().child(child(&hears, "a", "plain").node(nodes));
    let supervisor = near.supervise(spec).expect("it starts");
    for (count, node) in [&first, &second, &near].into_iter().enumerate() {
        let started = next_up(&hears);
        assert_eq!((&only_child(&near, &supervisor), started.place()), (&started, node.place()));
        assert_eq!(restarts(&near, &supervisor), count as u64);
        if node.place() != near.place() {
            block_on(node.shutdown());
        }
    }
    assert_eq!(hears.hears_now(), [] as [Value; 0]);
}

fn a_supervisor_whose_child_no_node_takes_fails_and_says_which_were_asked(world: &World) {
    let near = world.node(&[]);
    with_scenarios(&near);
    let refuses = world.node_with(Node::builder().remote_spawn(RemoteSpawn::no()), &[&near]);
    let hears = Puppet::new(&near);
    let nodes = [nobody("127.0.0.1:1").place().clone(), refuses.place().clone()];
    let spec = SupervisorSpec::one_for_one().child(child(&hears, "a", "plain").node(nodes.clone()));
    let why = failure(&near, &near.supervise(spec).expect("it starts"));
    assert_eq!((&why["type"], &why["child"]), (&json!("not-permitted"), &json!("a")));
    let words = why["message"].as_str().expect("words");
    assert!(nodes.iter().all(|node| words.contains(node.as_str())), "{words}");
}

fn a_child_on_another_node_that_fails_comes_back_there_until_the_budget_is_spent(world: &World) {
    let [near, far] = world.pair();
    with_scenarios(&near);
    let hears = Puppet::new(&near);
    let spec = SupervisorSpec::one_for_one().backoff(Backoff::none()).intensity(2, PATIENCE);
    let spec = spec.child(child(&hears, "a", "plain").node(far.place().clone()));
    let supervisor = near.supervise(spec).expect("it starts");
    for count in 0..3 {
        let child = next_up(&hears);
        assert_eq!((child.place(), restarts(&near, &supervisor)), (far.place(), count));
        near.send(&child, json!("fail")).expect("it is on its way");
    }
    let why = failure(&near, &supervisor);
    assert_eq!((&why["type"], &why["cause"]["type"]), (&json!("too-many-restarts"), &json!("error")));
    assert_eq!(hears.hears_now(), [] as [Value; 0]);
    until(|| far.actors() == 0);
}

fn while_no_node_is_there_a_start_is_counted_and_tried_again(world: &World) {
    let [near, far] = world.pair();
    with_scenarios(&near);
    let hears = Puppet::new(&near);
    // A try each tenth of a second, as long as any test may take.
    let spec = SupervisorSpec::one_for_one().backoff(Backoff::none()).intensity(600, Duration::from_secs(60));
    let one = spec.child(child(&hears, "a", "plain").node(far.place().clone()));
    let few = SupervisorSpec::one_for_one().backoff(Backoff::none()).intensity(2, Duration::from_millis(200));
    let few = few.child(child(&hears, "b", "plain").node(far.place().clone()));
    let (patient, hasty) = (near.supervise(one).expect("it starts"), near.supervise(few).expect("it starts"));
    up(&hears, 2);
    let began = Instant::now();
    block_on(far.shutdown());
    let why = failure(&near, &hasty);
    assert_eq!((&why["type"], &why["cause"]["type"]), (&json!("too-many-restarts"), &json!("not-connected")));
    assert!(began.elapsed() >= Duration::from_millis(100), "one wait between the two that are allowed");
    until(|| restarts(&near, &patient) >= 2);
    let listed = asks(&near, &patient, "which-children");
    assert_eq!((&listed[0]["state"], &listed[0]["address"]), (&json!("restarting"), &Value::Null));
    let far = world.node_named(far.place().as_str(), &[&near]);
    assert_eq!(next_up(&hears).place(), far.place());
    let (tries, most) = (restarts(&near, &patient), 2 + began.elapsed().as_millis() / 100);
    assert!(u128::from(tries) <= most, "{tries} tries are more than {most}");
}

/// `a` and `c` on other nodes, `b` here.
fn three(near: &Node, hears: &Puppet, nodes: &[Node; 2], spec: SupervisorSpec) -> Address {
    let spec = spec
        .child(child(hears, "a", "orderly").node(nodes[0].place().clone()))
        .child(child(hears, "b", "plain").node(near.place().clone()))
        .child(child(hears, "c", "orderly").node(nodes[1].place().clone()));
    near.supervise(spec).expect("it starts")
}

fn one_for_all_goes_down_and_comes_up_in_order_on_two_nodes(world: &World) {
    let near = world.node(&[]);
    with_scenarios(&near);
    let nodes = [world.node(&[&near]), world.node(&[&near])];
    let hears = Puppet::new(&near);
    let supervisor = three(&near, &hears, &nodes, SupervisorSpec::one_for_all());
    let before = up(&hears, 3);
    near.send(&before[1].1, json!("fail")).expect("it lives");
    assert_eq!(downs(&hears, 2), ["c", "a"]);
    let after = up(&hears, 3);
    for ((name, old), (same, new)) in before.iter().zip(&after) {
        assert_eq!((name, old.place()), (same, new.place()));
        assert_ne!(old, new);
    }
    assert_eq!(restarts(&near, &supervisor), 1);
    // The node of the last is lost: its child comes up nowhere else, since it has no other.
    block_on(nodes[1].shutdown());
    assert_eq!(downs(&hears, 2), ["c", "a"]);
}

fn a_supervisor_that_ends_takes_its_children_on_other_nodes_down_in_order(world: &World) {
    let near = world.node(&[]);
    with_scenarios(&near);
    let nodes = [world.node(&[&near]), world.node(&[&near])];
    let hears = Puppet::new(&near);
    let supervisor = three(&near, &hears, &nodes, SupervisorSpec::one_for_one());
    up(&hears, 3);
    near.exit(&supervisor, json!("closing time")).expect("it lives");
    assert_eq!(block_on(near.wait(&supervisor)).expect("in order"), Value::Null);
    assert_eq!(downs(&hears, 2), ["c", "a"]);
    until(|| nodes.each_ref().map(Node::actors) == [0, 0]);
    // One that is killed takes along those that do not trap exits.
    let plain = |id: &str, node: &Node| child(&hears, id, "plain").node(node.place().clone());
    let spec = SupervisorSpec::one_for_one().child(plain("a", &nodes[0])).child(plain("b", &nodes[1]));
    let supervisor = near.supervise(spec).expect("it starts");
    up(&hears, 2);
    near.kill(&supervisor).expect("it lives");
    until(|| (near.actors(), nodes.each_ref().map(Node::actors)) == (1, [0, 0]));
}

fn a_pool_s_workers_and_a_router_s_routees_may_be_on_other_nodes(world: &World) {
    let near = world.node(&[]);
    let module = with_scenarios(&near);
    let [first, second] = [world.node(&[&near]), world.node(&[&near])];
    let worker = ChildSpec::new("worker", "scenarios/routed").node(places([&first, &second]));
    let pool = PoolSpec::new(worker, 2).intensity(10, PATIENCE);
    let router = near.route(RouterSpec::round_robin().pool(pool)).expect("it starts");
    let who = |router: &Address| -> Address { serde_json::from_value(asks(&near, router, "who")).expect("an address") };
    let workers = [who(&router), who(&router)];
    assert!(workers[0] != workers[1] && workers.iter().all(|worker| worker.place() == first.place()), "{workers:?}");
    let routee = |node: &Node| block_on(near.spawn_with(&module, "routed", json!([]), &on(node))).expect("it starts");
    let routees = [routee(&first), routee(&second)];
    let spec = routees.iter().cloned().fold(RouterSpec::round_robin(), RouterSpec::routee);
    let over_two = near.route(spec).expect("it starts");
    let mut answered = [who(&over_two), who(&over_two)];
    answered.sort_by_key(|routee| routee.place() == second.place());
    assert_eq!(answered, routees);
    block_on(first.shutdown());
    until(|| asks(&near, &over_two, "$router/routees").as_array().map(Vec::len) == Some(1));
    assert_eq!([who(&over_two), who(&over_two)], [routees[1].clone(), routees[1].clone()]);
    until(|| asks(&near, &router, "$router/routees").as_array().map(Vec::len) == Some(2));
    assert_eq!([who(&router), who(&router)].map(|worker| worker.place().clone()), places([&second, &second]));
}

fn a_guest_s_children_may_be_on_other_nodes(world: &World) {
    let [near, far] = world.pair();
    let module = with_scenarios(&near);
    let nodes = [nobody("127.0.0.1:1").place().to_string(), far.place().to_string()];
    let actor = block_on(near.spawn(&module, "has_children_on", json!([nodes]))).expect("it starts");
    let children = block_on(near.wait(&actor)).expect("it ends well");
    let at = |child: &Value| serde_json::from_value::<Address>(child.clone()).expect("an address").place().clone();
    let children = children.as_array().expect("a list");
    assert_eq!(children.iter().map(at).collect::<Vec<_>>(), vec![far.place().clone(); 3]);
}

#[test]
fn a_child_that_is_cut_off_ends_and_the_next_node_has_the_only_one() {
    let world = World::of_one_process();
    let faults = world.faults().expect("an engine with faults");
    let near = world.node(&[]);
    with_scenarios(&near);
    let nodes = [world.node(&[]), world.node(&[])];
    let hears = Puppet::new(&near);
    let spec = SupervisorSpec::one_for_one().intensity(100, PATIENCE).backoff(Backoff::none());
    let spec = spec.child(child(&hears, "a", "plain").node(places([&nodes[0], &nodes[1]])));
    let supervisor = near.supervise(spec).expect("it starts");
    let mut child = next_up(&hears);
    for round in 0..rounds() as u64 {
        let there = nodes.iter().find(|node| node.place() == child.place()).expect("one of the two");
        let mut events = there.events();
        faults.cut(near.place(), there.place());
        let outcome = ends(&mut events, &child);
        assert!(matches!(outcome, Outcome::Exception(why) if why.kind() == ExceptionKind::Linked));
        child = next_up(&hears);
        assert_ne!(child.place(), there.place());
        assert_eq!((restarts(&near, &supervisor), only_child(&near, &supervisor)), (round + 1, child.clone()));
        let mut back = near.events();
        faults.heal(near.place(), there.place());
        hears_of(&mut back, there.place(), true);
        // Nothing comes back to life.
        until(|| (there.actors(), nodes[0].actors() + nodes[1].actors()) == (0, 1));
    }
}

#[test]
fn a_supervisor_that_is_killed_while_it_starts_a_child_leaves_none() {
    let world = World::of_one_process();
    let [near, far] = world.pair();
    let module = with_scenarios(&near);
    let faults = world.faults().expect("an engine with faults");
    let hears = Puppet::new(&near);
    // The module is there.
    let actor = block_on(near.spawn_with(&module, "returns", json!([1]), &on(&far))).expect("it starts");
    assert_eq!(block_on(near.wait(&actor)).expect("it returns"), 1);
    let (mut events, mut news) = (far.events(), near.events());
    // The answer to the spawn is on its way when the supervisor is killed.
    faults.delay(far.place(), near.place(), Duration::from_millis(300));
    let spec = SupervisorSpec::one_for_one().child(child(&hears, "a", "plain").node(far.place().clone()));
    let supervisor = near.supervise(spec).expect("it starts");
    let child = starts(&mut events);
    near.kill(&supervisor).expect("it lives");
    assert!(matches!(ends(&mut news, &supervisor), Outcome::Exception(why) if why.kind() == ExceptionKind::Killed));
    assert!(matches!(ends(&mut events, &child), Outcome::Exception(_)));
    until(|| far.actors() == 0);
}

#[test]
fn a_child_of_a_killed_node_is_up_on_another_within_seconds_and_each_loss_is_one_restart() {
    with_processes(|processes| {
        let near = World::of_the_network().node(&[]);
        let module = with_scenarios(&near);
        // Compiled there before anything is measured.
        let ready = |far: Far| {
            let options = SpawnOptions::default().node(far.place.clone());
            let actor = block_on(near.spawn_with(&module, "returns", json!([1]), &options)).expect("it starts");
            assert_eq!(block_on(near.wait(&actor)).expect("it returns"), 1);
            far
        };
        let mut fars = [ready(processes.node(&near)), ready(processes.node(&near))];
        let hears = Puppet::new(&near);
        let spec = SupervisorSpec::one_for_one().backoff(Backoff::none()).intensity(1_000, PATIENCE);
        let nodes = fars.each_ref().map(|far| far.place.clone());
        let supervisor = near.supervise(spec.child(child(&hears, "a", "plain").node(nodes))).expect("it starts");
        let mut lives = next_up(&hears);
        for round in 0..rounds().div_ceil(4) as u64 {
            let at = usize::from(*lives.place() == fars[1].place);
            let mut events = near.events();
            fars[at].killed();
            let killed = Instant::now();
            lives = next_up(&hears);
            let took = killed.elapsed();
            println!("up on another node {took:?} after the kill");
            assert!(took < UP_AGAIN_WITHIN, "{took:?}");
            assert_eq!(lives.place(), &fars[1 - at].place);
            assert_eq!((restarts(&near, &supervisor), only_child(&near, &supervisor)), (round + 1, lives.clone()));
            assert_eq!(hears.hears_now(), [] as [Value; 0], "and no other has started");
            hears_of(&mut events, &fars[at].place.clone(), false);
            fars[at] = ready(processes.node_in(None, fars[at].place.as_str(), &near));
        }
    });
}
