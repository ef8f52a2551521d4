//! A node that does no harm, beside one that does: its actor plays ping-pong with the victim's, and notes what goes wrong.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::enemy::wait;
use super::process::{say, told};
use crate::address::{Address, Place};
use crate::lock::lock;
use crate::mesh::Mesh;
use crate::native::Context;
use crate::node::events::Event;
use crate::spawn_options::SpawnOptions;

/// How long it waits for an answer before it says that there is none.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it rests between an answer and the next question.
const REST: Duration = Duration::from_millis(2);

#[derive(Default)]
struct Seen {
    rounds: u64,
    longest: Duration,
    wrong: Vec<String>,
}

type Record = Arc<(Mutex<Seen>, Condvar)>;

/// How many answers it has before it tells what it has seen: the first may be the end of a round that began before.
const ROUNDS: u64 = 2;

/// Runs until the input ends. Tells at each line what it has seen since the last, when it has had answers since.
pub(super) fn be(victim: &Place) {
    let mesh = Mesh::join([victim.as_str()]).expect("a place");
    let node = wait(crate::Node::builder().threads(1).start(&mesh, "cookie@127.0.0.1:0")).expect("a node");
    let echo = wait(node.whereis_at("echo", victim, PATIENCE)).expect("it is there");
    let seen = Record::default();
    std::thread::spawn({
        let (mut events, seen, victim) = (node.events(), seen.clone(), victim.clone());
        move || {
            while let Some(event) = wait(events.next()) {
                match event {
                    Event::NodeDown { node, reason } if node == victim => {
                        lock(&seen.0).wrong.push(format!("lost the victim: {reason}"));
                    }
                    Event::Lost { to, loss, .. } => {
                        lock(&seen.0).wrong.push(format!("a message to {to} is lost: {loss}"))
                    }
                    _ => {}
                }
            }
        }
    });
    let player = node.spawn_native_with(&SpawnOptions::default().name("player"), {
        let seen = seen.clone();
        move |context| play(context, echo, seen)
    });
    say(&json!({"player": player.expect("an actor").to_string()}));
    for _ in told() {
        let goes_on = |seen: &mut Seen| seen.rounds < ROUNDS && seen.wrong.is_empty();
        let waited = seen.1.wait_while(lock(&seen.0), goes_on);
        let Seen { rounds, longest, wrong } = std::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner));
        say(&json!({"rounds": rounds, "longest_ms": longest.as_millis() as u64, "wrong": wrong}));
    }
}

async fn play(mut context: Context, echo: Address, seen: Record) -> Result<Value, Value> {
    let me = context.address().to_string();
    context.trap_exit(true);
    context.link(&echo).and_then(|()| context.monitor(&echo)).expect("there are no others");
    let wrong = |what: String| lock(&seen.0).wrong.push(what);
    for n in 1u64.. {
        let began = Instant::now();
        if let Err(why) = context.send(&echo, json!({"from": me, "n": n})) {
            wrong(why.to_string());
        }
        match context.receive_any(Some(PATIENCE)).await {
            Some(received) if received.message.to_value() == json!({"n": n}) => {}
            Some(received) => wrong(format!("{} instead of {n}", received.message)),
            None => wrong(format!("no answer to {n}")),
        }
        {
            let mut seen = lock(&seen.0);
            seen.rounds += 1;
            seen.longest = seen.longest.max(began.elapsed());
        }
        seen.1.notify_all();
        if let Some(more) = context.receive_any(Some(REST)).await {
            wrong(format!("{} after {n}", more.message));
        }
    }
    unreachable!("a count of 64 bits has no end")
}
