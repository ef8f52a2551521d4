//! An actor that is spawned on another node: its module travels, its ties stand on both, and what is not permitted is refused.

use std::pin::pin;
use std::sync::mpsc;

use greenroom::{Address, Event, Events, ExceptionKind, Node, Outcome, Place, RefusalKind, RemoteSpawn, SpawnOptions};
use serde_json::{Value, json};

use super::leaving::nobody;
use super::world::{PATIENCE, World, block_on, hears_of, rounds};
use crate::puppet::Puppet;
use crate::stage;

over_each_engine! {
    a_module_travels_once_and_its_actor_is_the_spawner_s_child,
    a_module_that_several_nodes_want_run_comes_although_the_first_of_them_leaves,
    an_actor_s_child_on_another_node_is_linked_and_monitored_from_the_first,
    an_end_at_once_is_heard_of_after_the_spawn,
    who_may_not_spawn_there_is_told_why,
    a_spawn_that_nobody_waits_for_any_more_leaves_no_actor,
    a_spawner_that_ends_meanwhile_takes_a_linked_child_along_and_no_other,
    the_program_ends_what_it_has_spawned_there_and_nothing_else,
    children_of_children_go_on_to_other_nodes,
}

pub fn on(node: &Node) -> SpawnOptions {
    SpawnOptions::default().node(node.place().clone())
}

pub fn with_scenarios(node: &Node) -> greenroom::Module {
    block_on(node.load(stage::guest("scenarios"))).expect("the scenarios load")
}

/// A puppet of a node with the scenarios, which spawns there.
fn spawns(puppet: &Puppet, entry: &str, args: Value, options: SpawnOptions) -> Result<Address, RefusalKind> {
    let entry = format!("scenarios/{entry}");
    let spawned = puppet.ends(move |context| Box::pin(async move { context.spawn_at(&entry, args, &options).await }));
    spawned.map_err(|refusal| refusal.kind())
}

/// Waits until an actor starts on that node.
pub fn starts(events: &mut Events) -> Address {
    block_on(async {
        loop {
            if let Event::Spawned { actor, .. } = events.next().await.expect("the node is there") {
                return actor;
            }
        }
    })
}

/// Waits until that actor has ended on its node.
pub fn ends(events: &mut Events, meant: &Address) -> Outcome {
    block_on(async {
        loop {
            match events.next().await.expect("the node is there") {
                Event::Ended { actor, outcome } if actor == *meant => return outcome,
                _ => {}
            }
        }
    })
}

fn a_module_travels_once_and_its_actor_is_the_spawner_s_child(world: &World) {
    let [near, far] = world.pair();
    let module = with_scenarios(&near);
    let value = json!({"any": ["value", 1.0]});
    for _ in 0..3 {
        let actor = block_on(near.spawn_with(&module, "returns", json!([value]), &on(&far))).expect("it starts");
        assert_eq!(actor.place(), far.place());
        assert_eq!(block_on(near.wait(&actor)).expect("it returns"), value);
    }
    let modules = far.modules_of_peers();
    assert_eq!(modules.len(), 1);
    assert_eq!((modules[0].hash.to_string().as_str(), modules[0].name.as_str()), (module.hash(), "scenarios"));
    assert_eq!((&modules[0].from, modules[0].bytes), (near.place(), module.size()));
    // The same node, by its own name, is a spawn like any other.
    let actor = block_on(near.spawn_with(&module, "returns", json!([1]), &on(&near))).expect("it starts");
    assert_eq!(actor.place(), near.place());
    assert!(far.forget_module(&modules[0].hash) && far.modules_of_peers().is_empty());
    let actor = block_on(near.spawn_with(&module, "returns", json!([2]), &on(&far))).expect("it starts");
    assert_eq!(block_on(near.wait(&actor)).expect("it returns"), json!(2));
}

fn a_module_that_several_nodes_want_run_comes_although_the_first_of_them_leaves(world: &World) {
    let far = world.node(&[]);
    let near: Vec<_> = (0..3).map(|_| world.node(&[&far])).collect();
    let modules: Vec<_> = near.iter().map(with_scenarios).collect();
    let options = on(&far);
    let mut spawns: Vec<_> = near
        .iter()
        .zip(&modules)
        .map(|(node, module)| Box::pin(node.spawn_with(module, "takes_one", json!([]), &options)))
        .collect();
    // All ask before the module has come, and it is the first that is asked for it.
    for spawn in &mut spawns {
        _ = block_on(stage::polled_once(spawn.as_mut()));
    }
    drop(spawns.remove(0));
    block_on(near[0].shutdown());
    for spawn in spawns {
        assert_eq!(block_on(spawn).expect("it starts").place(), far.place());
    }
    assert_eq!(far.modules_of_peers().len(), 1);
}

fn an_actor_s_child_on_another_node_is_linked_and_monitored_from_the_first(world: &World) {
    let [near, far] = world.pair();
    with_scenarios(&near);
    let boss = Puppet::trapping(&near);
    let child = spawns(&boss, "takes_one", json!([]), on(&far).link().monitor()).expect("it starts");
    let listed = far.list(9);
    assert_eq!((&listed[0].address, listed[0].parent.as_ref()), (&child, Some(&boss.address)));
    boss.send(&child, json!("one")).expect("it is there");
    let mut heard = [boss.hears(), boss.hears()];
    heard.sort_by_key(|told| told["monitor"].is_string());
    let told = json!({"address": child.to_string(), "exit": "one"});
    assert_eq!(heard[0], told);
    assert_eq!((&heard[1]["exit"], &heard[1]["monitor"]), (&json!("one"), &json!(child.to_string())));
    // An ancestor may end it, and its own end takes a linked one along.
    let (one, other) = (
        spawns(&boss, "takes_one", json!([]), on(&far).monitor()).expect("it starts"),
        spawns(&boss, "takes_one", json!([]), on(&far).link()).expect("it starts"),
    );
    boss.kill(&one).expect("it is on its way");
    assert_eq!(boss.hears()["exception"]["type"], "killed");
    let mut events = far.events();
    boss.fails(json!("enough"));
    assert!(matches!(ends(&mut events, &other), Outcome::Exception(why) if why.kind() == ExceptionKind::Linked));
}

fn an_end_at_once_is_heard_of_after_the_spawn(world: &World) {
    let [near, far] = world.pair();
    with_scenarios(&near);
    let boss = Puppet::trapping(&near);
    for round in 0..rounds() {
        let child = spawns(&boss, "returns", json!([round]), on(&far).link().monitor()).expect("it starts");
        let heard = [boss.hears(), boss.hears()];
        assert!(heard.iter().all(|told| told["address"] == child.to_string() && told["exit"] == round), "{heard:?}");
    }
}

fn who_may_not_spawn_there_is_told_why(world: &World) {
    let near = world.node(&[]);
    let module = with_scenarios(&near);
    let other = block_on(near.load(stage::guest("ring"))).expect("the ring loads");
    let terms = |terms: RemoteSpawn| world.node_with(Node::builder().remote_spawn(terms), &[&near]);
    let hash = module.hash().parse().expect("a hash");
    let (none, listed) = (terms(RemoteSpawn::no()), terms(RemoteSpawn::listed([hash])));
    let small = terms(RemoteSpawn::yes().module_bytes_max(1000));
    let spawn = |module, node: &Place| {
        let options = SpawnOptions::default().node(node.clone());
        block_on(near.spawn_with(module, "takes_one", json!([]), &options)).map_err(|why| why.kind())
    };
    assert_eq!(spawn(&module, none.place()), Err(RefusalKind::NotPermitted));
    assert_eq!(spawn(&other, listed.place()).err(), Some(RefusalKind::NoSuchEntry), "its own node knows that already");
    let ring = block_on(near.spawn_with(&other, "build", json!([1]), &on(&listed))).map_err(|why| why.kind());
    assert_eq!(ring, Err(RefusalKind::NotPermitted));
    assert!(spawn(&module, listed.place()).is_ok());
    assert_eq!(spawn(&module, small.place()), Err(RefusalKind::TooLarge));
    assert_eq!(spawn(&module, nobody("127.0.0.1:1").place()), Err(RefusalKind::NotConnected));
    // Who lacks the grant, and who asks for more than the node's owner gives.
    let poor = Puppet::with(&near, &SpawnOptions::default().grants([]));
    assert_eq!(spawns(&poor, "takes_one", json!([]), on(&listed)), Err(RefusalKind::NotPermitted));
    let boss = Puppet::new(&near);
    let names = on(&listed).grants(["names".parse().expect("a grant")]);
    assert_eq!(spawns(&boss, "takes_one", json!([]), names), Err(RefusalKind::NotPermitted));
    assert_eq!(spawns(&boss, "takes_one", json!([]), on(&listed).name("clerk")), Err(RefusalKind::NotPermitted));
    assert_eq!(small.modules_of_peers().len() + none.modules_of_peers().len(), 0);
}

fn a_spawn_that_nobody_waits_for_any_more_leaves_no_actor(world: &World) {
    let [near, far] = world.pair();
    let module = with_scenarios(&near);
    let mut events = far.events();
    given_up(&mut events, || {
        let options = on(&far);
        let mut spawn = pin!(near.spawn_with(&module, "takes_one", json!([]), &options));
        let spawned = block_on(stage::polled_once(spawn.as_mut()));
        spawned.map(|child| near.kill(&child.expect("it starts")).expect("it is on its way")).is_none()
    });
    let boss = Puppet::new(&near);
    given_up(&mut events, || {
        let options = on(&far);
        let spawned = boss.ends(move |context| {
            Box::pin(async move {
                let mut spawn = pin!(context.spawn_at("scenarios/takes_one", json!([]), &options));
                stage::polled_once(spawn.as_mut()).await
            })
        });
        spawned.map(|child| boss.kill(&child.expect("it starts")).expect("it is on its way")).is_none()
    });
}

/// Spawns until one was given up before it had answered, which is nearly always the first; each is killed.
fn given_up(events: &mut Events, mut spawns: impl FnMut() -> bool) {
    loop {
        let was_given_up = spawns();
        let child = starts(events);
        assert!(matches!(ends(events, &child), Outcome::Exception(why) if why.kind() == ExceptionKind::Killed));
        if was_given_up {
            return;
        }
    }
}

fn a_spawner_that_ends_meanwhile_takes_a_linked_child_along_and_no_other(world: &World) {
    let [near, far] = world.pair();
    with_scenarios(&near);
    let mut events = far.events();
    for (options, lives) in [(on(&far).link(), false), (on(&far), true)] {
        let boss = Puppet::new(&near);
        let (tell, begun) = mpsc::channel();
        let spawned = boss.begins(move |context| {
            Box::pin(async move {
                let mut spawn = pin!(context.spawn_at("scenarios/takes_one", json!([]), &options));
                let early = stage::polled_once(spawn.as_mut()).await;
                tell.send(()).expect("the test waits");
                match early {
                    Some(early) => early,
                    None => spawn.await,
                }
            })
        });
        begun.recv_timeout(PATIENCE).expect("the spawn is on its way");
        near.kill(&boss.address).expect("it lives");
        // It may have been told of its child before it ended.
        _ = spawned.recv_timeout(PATIENCE);
        let child = starts(&mut events);
        if lives {
            near.send(&child, json!("still there?")).expect("it is on its way");
            assert!(matches!(ends(&mut events, &child), Outcome::Exit(value) if value.as_str() == "\"still there?\""));
        } else {
            assert!(matches!(ends(&mut events, &child), Outcome::Exception(_)));
        }
    }
}

fn the_program_ends_what_it_has_spawned_there_and_nothing_else(world: &World) {
    let [near, far] = world.pair();
    let module = with_scenarios(&near);
    let own = block_on(near.spawn_with(&module, "takes_one", json!([]), &on(&far))).expect("it starts");
    let stranger = Puppet::new(&far);
    assert_eq!(near.kill(&stranger.address).map_err(|why| why.kind()), Err(RefusalKind::NotPermitted));
    near.exit(&own, json!("done")).expect("it is on its way");
    let outcome = block_on(near.outcome(&own)).expect("an outcome");
    assert!(matches!(outcome, Outcome::Exception(why) if why.kind() == ExceptionKind::Shutdown));
    let own = block_on(near.spawn_with(&module, "takes_one", json!([]), &on(&far))).expect("it starts");
    near.kill(&own).expect("it is on its way");
    let outcome = block_on(near.outcome(&own)).expect("an outcome");
    assert!(matches!(outcome, Outcome::Exception(why) if why.kind() == ExceptionKind::Killed));
}

fn children_of_children_go_on_to_other_nodes(world: &World) {
    let near = world.node(&[]);
    let module = with_scenarios(&near);
    let terms = RemoteSpawn::yes().options(greenroom::LoadOptions::local());
    let middle = world.node_with(Node::builder().remote_spawn(terms), &[&near]);
    let last = world.node(&[&near, &middle]);
    let mut events = last.events();
    // A script on the node in the middle spawns one more on the last, which fetches the module from there.
    let steps = json!([[{"spawn-with": ["returns", [7], {"node": last.place().as_str()}]}, {"wait": ["0", null]}]]);
    let script = block_on(near.spawn_with(&module, "script", steps, &on(&middle))).expect("it starts");
    let told = block_on(near.wait(&script)).expect("it ends well");
    let child = starts(&mut events);
    assert_eq!((child.place(), told), (last.place(), json!([child.to_string(), {"exit": 7}])));
    assert_eq!(last.modules_of_peers()[0].from, *middle.place());
    hears_nothing_more(&near, &last);
}

/// What was started on the way is gone with its end.
fn hears_nothing_more(near: &Node, last: &Node) {
    let mut events = near.events();
    let place = last.place().clone();
    block_on(last.shutdown());
    hears_of(&mut events, &place, false);
    assert_eq!(last.actors(), 0);
}
