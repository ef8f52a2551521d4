//! How the others fare beside actors that never pause.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::idle::waiting;
use super::line::{Line, line, ms, timed};
use crate::cli::exit::Failure;
use crate::embed::Node;
use crate::guest::library::Module;

/// An actor in an endless loop.
const BUSY: &str = include_str!("busy.wat");

/// Wakes that are measured beside busy actors: enough for a 99th percentile.
const WAKES: usize = 500;

pub(super) async fn busy(node: &Node, module: &Module, n: u32) -> Result<Line, Failure> {
    let alone = timed(node, module, "build", json!([1000])).await?;
    let loops = node.load_bytes("busy", BUSY).await?;
    let mut busy = Vec::new();
    for _ in 0..n {
        busy.push(node.spawn(&loops, "main", json!([])).await?);
    }
    let mut wakes = Vec::new();
    for _ in 0..WAKES {
        wakes.push(wake(node, module).await?);
    }
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

/// How long a message from outside takes to and through an actor that waits: until its end is seen here.
async fn wake(node: &Node, module: &Module) -> Result<Duration, Failure> {
    let last = waiting(node, module, None).await?;
    let first = waiting(node, module, Some(&last)).await?;
    // Both are in `receive` when something sent through them comes out: not known from here, so they get some time.
    std::thread::sleep(Duration::from_millis(20));
    let start = Instant::now();
    node.send(&first, json!({"text": "hello around the ring"}))?;
    node.outcome(&first).await?;
    let took = start.elapsed();
    node.outcome(&last).await?;
    Ok(took)
}

/// Median, 99th percentile and maximum, in milliseconds.
fn spread(times: &mut [Duration]) -> Value {
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)));
    let shown = |share| at(share).map_or(Value::Null, |time| ms(*time));
    json!({"median": shown(0.5), "p99": shown(0.99), "max": shown(1.0)})
}
