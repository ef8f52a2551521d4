//! The node that is attacked, and what it can tell of itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::enemy::wait;
use super::process::{say, told};
use crate::address::{Address, Place};
use crate::limits::{Limit, Limits};
use crate::lock::lock;
use crate::mesh::Mesh;
use crate::native::Context;
use crate::node::events::{Event, Events};
use crate::spawn_options::SpawnOptions;

type Ended = Result<Value, Value>;

/// What the node has seen since it was last asked.
#[derive(Default)]
struct Seen {
    ups: u64,
    /// Why nodes were lost, and how often.
    downs: BTreeMap<String, u64>,
    /// What the witness was told by its own node, and by others.
    witness: Vec<Value>,
    /// What the talker's messages came to: sent, or a refusal's type.
    talked: BTreeMap<String, u64>,
}

type Record = Arc<Mutex<Seen>>;

/// Bounds of a node that runs what it does not trust: with the widest, a full mailbox alone is 64 MiB.
fn limits() -> Limits {
    Limits::default().with(Limit::Mailbox, 10_000).with(Limit::MailboxBytes, 8 << 20)
}

/// Runs until the input ends. `state`, `target`, `end`, `talk ADDRESS MILLISECONDS` and `watch ADDRESS` are what it does.
pub(super) fn be() {
    let builder = crate::Node::builder().threads(2).limits(limits());
    let mesh = Mesh::join([] as [&str; 0]).expect("no place is wrong");
    let node = wait(builder.start(&mesh, "cookie@127.0.0.1:0")).expect("a node");
    let seen = Record::default();
    std::thread::spawn({
        let (events, seen) = (node.events(), seen.clone());
        move || note(events, &seen)
    });
    let named = |name: &str| SpawnOptions::default().name(name);
    let echo = node.spawn_native_with(&named("echo"), echo).expect("an actor");
    let idle = node.spawn_native_with(&named("idle"), idle).expect("an actor");
    let talker = node.spawn_native({
        let seen = seen.clone();
        move |context| talk(context, seen)
    });
    let talker = talker.expect("an actor");
    let witness = node.spawn_native({
        let seen = seen.clone();
        move |context| watch(context, seen)
    });
    let witness = witness.expect("an actor");
    let mut target = idle.clone();
    say(
        &json!({"place": node.place().as_str(), "echo": echo.to_string(), "idle": idle.to_string(), "witness": witness.to_string()}),
    );
    for line in told() {
        let words: Vec<&str> = line.split(' ').collect();
        say(&match words[..] {
            ["state"] => {
                gives_back();
                state(&node, &seen)
            }
            ["target"] => {
                target = node.spawn_native(stay).expect("an actor");
                json!({"target": target.to_string()})
            }
            ["end"] => {
                node.kill(&target).expect("it lives");
                json!({"ended": wait(node.outcome(&target)).is_ok()})
            }
            ["talk", to, milliseconds] => {
                let milliseconds: u64 = milliseconds.parse().expect("a number");
                node.send(&talker, json!({"to": to, "ms": milliseconds})).expect("it lives");
                json!({})
            }
            ["watch", actor] => {
                node.send(&witness, json!({"watch": actor})).expect("it lives");
                json!({})
            }
            _ => panic!("{line}"),
        });
    }
}

/// What the allocator keeps for later is no memory that anybody holds: thousands of actors that were there leave it in pieces.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "there is no other way to ask the C library's allocator")]
fn gives_back() {
    // SAFETY: it takes no pointer, and may be called at any time.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(target_env = "gnu"))]
fn gives_back() {}

/// What it has seen, and counts that only grow.
fn state(node: &crate::Node, seen: &Record) -> Value {
    let Seen { ups, downs, witness, talked } = std::mem::take(&mut *lock(seen));
    let lost: BTreeMap<&str, u64> = node.lost().iter().map(|(loss, count)| (loss.as_str(), *count)).collect();
    let refused: BTreeMap<String, u64> =
        node.refused().into_iter().map(|refused| (refused.what, refused.times)).collect();
    json!({
        "ups": ups, "downs": downs, "witness": witness, "talked": talked, "lost": lost, "refused": refused,
        "actors": node.actors(), "faults": node.host_faults(), "peers": node.peers().len(),
    })
}

fn note(mut events: Events, seen: &Record) {
    while let Some(event) = wait(events.next()) {
        match event {
            Event::NodeUp { .. } => lock(seen).ups += 1,
            Event::NodeDown { reason, .. } => *lock(seen).downs.entry(reason).or_default() += 1,
            _ => {}
        }
    }
}

/// Answers whoever says who it is with the same number.
async fn echo(mut context: Context) -> Ended {
    loop {
        let Some(received) = context.receive_any(None).await else { continue };
        let value = received.message.to_value();
        if let Some(Ok(from)) = value["from"].as_str().map(str::parse::<Address>) {
            // Who asks and is gone needs no answer.
            _ = context.send(&from, json!({"n": value["n"]}));
        }
    }
}

/// Reads nothing but what nobody sends.
async fn idle(mut context: Context) -> Ended {
    loop {
        _ = context.receive(&[unheard()], None).await;
    }
}

/// Reads and forgets.
async fn stay(mut context: Context) -> Ended {
    loop {
        _ = context.receive_any(None).await;
    }
}

/// Says one thing after the other to whom it is told, as long as it is told.
async fn talk(mut context: Context, seen: Record) -> Ended {
    let text = "x".repeat(1000);
    loop {
        let Some(received) = context.receive_any(None).await else { continue };
        let order = received.message.to_value();
        let Some(Ok(to)) = order["to"].as_str().map(str::parse::<Address>) else { continue };
        let until = Instant::now() + Duration::from_millis(order["ms"].as_u64().unwrap_or(0));
        while Instant::now() < until {
            let sent = context.send(&to, json!(text));
            let refused = sent.is_err();
            let what = sent.map_or_else(|why| why.kind().as_str(), |()| "sent");
            *lock(&seen).talked.entry(what.to_owned()).or_default() += 1;
            if refused {
                // Others have a turn.
                _ = context.receive(&[unheard()], Some(Duration::from_millis(1))).await;
            }
        }
    }
}

fn unheard() -> crate::Pattern {
    crate::Pattern::new(json!({"never": "sent"})).expect("a pattern")
}

/// Links and monitors whom it is told, traps exits, and notes all else that it hears.
async fn watch(mut context: Context, seen: Record) -> Ended {
    context.trap_exit(true);
    loop {
        let Some(received) = context.receive_any(None).await else { continue };
        let value = received.message.to_value();
        match value["watch"].as_str().map(str::parse::<Address>) {
            Some(Ok(actor)) => {
                let watched = context.link(&actor).and_then(|()| context.monitor(&actor));
                watched.expect("there are few");
            }
            _ => lock(&seen).witness.push(json!({"from_host": received.from_host, "message": value})),
        }
    }
}

/// The place that a victim has said.
pub(super) fn place(ready: &Value) -> Place {
    ready["place"].as_str().expect("it says it").parse().expect("a place")
}
