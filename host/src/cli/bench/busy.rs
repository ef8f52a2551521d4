//! How the others fare beside actors that never pause.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::line::{Line, line, ms, timed};
use crate::cli::exit::{Code, Failure};
use crate::embed::Node;
use crate::guest::library::Module;
use crate::refusal::Refusal;

/// An actor in an endless loop.
const BUSY: &str = include_str!("busy.wat");

/// Wakes that are measured beside busy actors: enough for a 99th percentile.
const WAKES: usize = 2000;

/// A pause between two, so that each finds its actor waiting and its thread asleep.
const BETWEEN_WAKES: Duration = Duration::from_millis(2);

/// How long a wake may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn busy(node: &Node, module: &Module, n: u32) -> Result<Line, Failure> {
    let alone = timed(node, module, "build", json!([1000])).await?;
    let loops = node.load_bytes("busy", BUSY).await?;
    let mut busy = Vec::new();
    for _ in 0..n {
        busy.push(node.spawn(&loops, "main", json!([])).await?);
    }
    let mut wakes = wakes(node, module).await?;
    let beside = timed(node, module, "build", json!([1000])).await?;
    let mut kills = Vec::new();
    for actor in &busy {
        let start = Instant::now();
        node.kill(actor)?;
        node.outcome(actor).await?;
        kills.push(start.elapsed());
    }
    let factor = beside.as_secs_f64() / alone.as_secs_f64();
    Ok(line([
        ("n", n.into()),
        ("wake_ms", spread(&mut wakes)),
        ("kill_ms", spread(&mut kills)),
        ("ring_1000_alone_ms", ms(alone)),
        ("ring_1000_beside_ms", ms(beside)),
        ("ring_factor", factor.into()),
    ]))
}

/// How long a message from outside takes to an actor that waits, from there to another one, and out again.
async fn wakes(node: &Node, module: &Module) -> Result<Vec<Duration>, Failure> {
    let (tell, told) = mpsc::channel();
    let ear = node.spawn_native(|mut context| async move {
        while let Some(received) = context.receive_any(None).await {
            if tell.send(received.message).is_err() {
                break;
            }
        }
        Ok::<_, Refusal>(Value::Null)
    })?;
    let relay = node.spawn(module, "relay", json!([ear, WAKES + 1])).await?;
    let mut wakes = Vec::new();
    // The first message finds an actor that is only just starting.
    for _ in 0..=WAKES {
        thread::sleep(BETWEEN_WAKES);
        let start = Instant::now();
        node.send(&relay, json!({"text": "hello around the ring"}))?;
        // Blocks this thread, which has nothing else to do.
        if told.recv_timeout(PATIENCE).is_err() {
            return Err(Failure::new(Code::Failed, "a message that was sent through an actor did not come out"));
        }
        wakes.push(start.elapsed());
    }
    node.kill(&ear)?;
    wakes.remove(0);
    Ok(wakes)
}

/// Median, 99th percentile and maximum, in milliseconds.
fn spread(times: &mut [Duration]) -> Value {
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)));
    let shown = |share| at(share).map_or(Value::Null, |time| ms(*time));
    json!({"median": shown(0.5), "p99": shown(0.99), "max": shown(1.0)})
}
