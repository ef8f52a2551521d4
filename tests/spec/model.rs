//! Random sequences of all that actors can do to each other, by real actors, against a model of what is promised.
//!
//! The model (`promise`) is written from the design's words and shares no line with the host: one that called the
//! host's own `links` would find what is wired wrongly, but not what `links` itself has wrong. Actors are guests and
//! native ones, mixed. One step at a time, and each waits until all whom it ends have ended, so that what must come of
//! it is known.

mod cast;
mod player;
mod promise;

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::stage::Stage;
use cast::{Cast, agrees, refused, said, settle};
use promise::{End, Options, World};

/// Actors in one sequence.
const ACTORS_MAX: usize = 6;
/// Names in one sequence: few, so that they are fought for.
const NAMES: usize = 2;
const STEPS_MAX: usize = 40;
const CASES: u32 = 256;
/// How long a failure may be made smaller, in milliseconds: one that is an actor which does not end takes its time.
const SHRINK_MS: u32 = 60_000;

/// One step. An actor is chosen among the living to do it, and among all to have it done to.
#[derive(Clone, Debug)]
enum Step {
    Spawn { by: Option<Index>, native: bool, name: Option<usize>, link: bool, monitor: bool, trap_exit: bool },
    Send(Option<Index>, Index),
    Link(Index, Index),
    Unlink(Index, Index),
    Monitor(Index, Index),
    Demonitor(Index, Index),
    TrapExit(Index, bool),
    Kill(Option<Index>, Index),
    Exit(Option<Index>, Index),
    Return(Index),
    Fail(Index),
    Trap(Index),
    Register(Index, usize),
    Unregister(Index, usize),
    Read(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let (one, flag, name) = (any::<Index>, any::<bool>, || 0..NAMES);
    let operator = || prop_oneof![6 => one().prop_map(Some), 1 => Just(None)];
    let maybe = || prop_oneof![3 => Just(None), 1 => name().prop_map(Some)];
    let options = (operator(), flag(), maybe(), flag(), flag(), flag());
    prop_oneof![
        6 => options.prop_map(|(by, native, name, link, monitor, trap_exit)| {
            Step::Spawn { by, native, name, link, monitor, trap_exit }
        }),
        3 => (operator(), one()).prop_map(|(by, to)| Step::Send(by, to)),
        5 => (one(), one()).prop_map(|(by, to)| Step::Link(by, to)),
        3 => (one(), one()).prop_map(|(by, to)| Step::Unlink(by, to)),
        4 => (one(), one()).prop_map(|(by, to)| Step::Monitor(by, to)),
        2 => (one(), one()).prop_map(|(by, which)| Step::Demonitor(by, which)),
        2 => (one(), flag()).prop_map(|(by, on)| Step::TrapExit(by, on)),
        2 => (operator(), one()).prop_map(|(by, to)| Step::Kill(by, to)),
        2 => (operator(), one()).prop_map(|(by, to)| Step::Exit(by, to)),
        1 => one().prop_map(Step::Return),
        1 => one().prop_map(Step::Fail),
        1 => one().prop_map(Step::Trap),
        1 => (one(), name()).prop_map(|(by, name)| Step::Register(by, name)),
        1 => (one(), name()).prop_map(|(by, name)| Step::Unregister(by, name)),
        1 => one().prop_map(Step::Read),
    ]
}

#[test]
fn whatever_actors_do_to_each_other_each_hears_and_ends_as_promised() {
    let stage = Stage::new();
    let config = Config { cases: CASES, failure_persistence: None, max_shrink_time: SHRINK_MS, ..Config::default() };
    let steps = prop::collection::vec(step(), 1..STEPS_MAX);
    let played = TestRunner::new(config).run(&steps, |steps| {
        Play::new(&stage).run(steps);
        Ok(())
    });
    if let Err(failure) = played {
        panic!("{failure}");
    }
}

/// One sequence, with what the model thinks of it and who plays it.
struct Play<'a> {
    stage: &'a Stage,
    world: World,
    cast: Cast<'a>,
    /// Which sequence it is: names are the node's.
    sequence: usize,
    /// The number of the next message.
    number: u64,
}

impl<'a> Play<'a> {
    fn new(stage: &'a Stage) -> Play<'a> {
        static SEQUENCE: AtomicUsize = AtomicUsize::new(0);
        let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
        Play { stage, world: World::default(), cast: Cast::new(stage), sequence, number: 0 }
    }

    fn run(mut self, steps: Vec<Step>) {
        let trap_exit = true;
        self.spawn(None, true, Options { trap_exit, ..Options::default() });
        for step in steps {
            let lived = self.world.living();
            if lived.is_empty() {
                break;
            }
            self.number += 1;
            self.step(&step, &lived);
            settle(&self.world, &mut self.cast, &lived);
        }
        for actor in self.world.living() {
            self.read(actor);
        }
        for (number, actor) in self.world.actors.iter().enumerate() {
            self.cast.compare(number, &actor.read);
        }
        for name in 0..NAMES {
            let holder = self.stage.node.whereis(&self.name(name)).ok().map(|address| address.to_string());
            assert_eq!(holder, self.world.holder(name).map(|holder| self.cast.text(holder)), "who has name {name}");
        }
        // Those who live, and who listens to them; an end is told before it is counted.
        let counted = self.world.living().len() + 1;
        self.stage.block_on(async {
            while self.stage.node.actors() != counted {
                tokio::task::yield_now().await;
            }
        });
    }

    fn step(&mut self, step: &Step, lived: &[usize]) {
        let by = |index: &Index| lived[index.index(lived.len())];
        let all = self.world.actors.len();
        let to = |index: &Index| index.index(all);
        match step {
            Step::Spawn { by: parent, native, name, link, monitor, trap_exit } if all < ACTORS_MAX => {
                let parent = parent.as_ref().map(by);
                let of_actor = parent.is_some();
                let options = Options {
                    name: *name,
                    link: *link && of_actor,
                    monitor: *monitor && of_actor,
                    trap_exit: *trap_exit,
                };
                let native = *native && parent.is_none_or(|parent| self.cast.is_native(parent));
                self.spawn(parent, native, options);
            }
            Step::Spawn { .. } => {}
            Step::Send(from, receiver) => self.send(from.as_ref().map(by), to(receiver)),
            Step::Link(actor, other) => {
                let (actor, other) = (by(actor), to(other));
                self.world.link(actor, other);
                self.does(actor, json!({"link": self.cast.text(other)}), Ok(()));
            }
            Step::Unlink(actor, other) => {
                let (actor, other) = (by(actor), to(other));
                self.world.unlink(actor, other);
                self.does(actor, json!({"unlink": self.cast.text(other)}), Ok(()));
            }
            Step::Monitor(actor, target) => {
                let (actor, target) = (by(actor), to(target));
                self.world.monitor(actor, target);
                let reference = self.does(actor, json!({"monitor": self.cast.text(target)}), Ok(()));
                self.cast.made_monitor(actor, &reference);
            }
            Step::Demonitor(actor, which) => self.demonitor(by(actor), which),
            Step::TrapExit(actor, on) => {
                let before = self.world.trap_exit(by(actor), *on);
                assert_eq!(self.does(by(actor), json!({"trap-exit": on}), Ok(())), before);
            }
            Step::Kill(from, target) => self.kill(from.as_ref().map(by), to(target)),
            Step::Exit(from, target) => self.exit(from.as_ref().map(by), to(target)),
            Step::Return(actor) => self.ends(by(actor), json!({"return": 1}), "exit"),
            Step::Fail(actor) => self.ends(by(actor), json!({"fail": 1}), "error"),
            Step::Trap(actor) => {
                let kind = if self.cast.is_native(by(actor)) { "host" } else { "trap" };
                self.ends(by(actor), json!("trap"), kind);
            }
            Step::Register(actor, name) => {
                let expected = self.world.register(by(actor), *name);
                self.does(by(actor), json!({"register": self.name(*name)}), expected);
            }
            Step::Unregister(actor, name) => {
                let expected = self.world.unregister(by(actor), *name);
                self.does(by(actor), json!({"unregister": self.name(*name)}), expected);
            }
            Step::Read(actor) => self.read(by(actor)),
        }
    }

    fn name(&self, name: usize) -> String {
        format!("s{}-{name}", self.sequence)
    }

    /// An actor does something that the model has done already. One that the model has ended by it may not answer.
    fn does(&mut self, actor: usize, step: Value, expected: Result<(), &'static str>) -> Value {
        let order = self.cast.order(actor, step);
        if !self.world.lives(actor) {
            return Value::Null;
        }
        let answer = self.cast.answer(order);
        agrees(&answer, expected);
        answer
    }

    fn spawn(&mut self, parent: Option<usize>, native: bool, options: Options) {
        let expected = self.world.spawn(parent, options).map(drop);
        let answer = self.cast.spawn(parent, native, options, options.name.map(|name| self.name(name)));
        agrees(&answer, expected);
    }

    fn send(&mut self, from: Option<usize>, to: usize) {
        let expected = self.world.send(from, to, self.number);
        let message = said(from.map(|from| self.cast.text(from)), self.number);
        match from {
            Some(from) => _ = self.does(from, json!({"send": [self.cast.text(to), message]}), expected),
            None => self.operator(self.stage.node.send(self.cast.address(to), message), expected),
        }
    }

    fn demonitor(&mut self, actor: usize, which: &Index) {
        let monitors = self.world.actors[actor].monitors.len();
        if monitors > 0 {
            let monitor = which.index(monitors);
            self.world.demonitor(actor, monitor);
            self.does(actor, json!({"demonitor": self.cast.reference(actor, monitor)}), Ok(()));
        }
    }

    fn kill(&mut self, from: Option<usize>, to: usize) {
        let expected = self.world.kill(from, to);
        match from {
            Some(from) => _ = self.does(from, json!({"kill": self.cast.text(to)}), expected),
            None => self.operator(self.stage.node.kill(self.cast.address(to)), expected),
        }
    }

    fn exit(&mut self, from: Option<usize>, to: usize) {
        let expected = self.world.exit(from, to, self.number);
        match from {
            Some(from) => _ = self.does(from, json!({"exit": [self.cast.text(to), self.number]}), expected),
            None => self.operator(self.stage.node.exit(self.cast.address(to), json!(self.number)), expected),
        }
    }

    fn operator(&self, answer: Result<(), greenroom::Refusal>, expected: Result<(), &'static str>) {
        agrees(&answer.map_or_else(|refusal| refused(&refusal), |()| Value::Null), expected);
    }

    fn ends(&mut self, actor: usize, step: Value, kind: &'static str) {
        self.world.ends(actor, End { kind, cause: None });
        self.cast.order(actor, step);
    }

    fn read(&mut self, actor: usize) {
        let count = self.world.reads(actor);
        assert_eq!(self.cast.read(actor), count, "how much actor {actor} receives");
    }
}
