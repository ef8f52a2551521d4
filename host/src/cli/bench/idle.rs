//! What an actor costs that only waits.

use std::time::{Duration, Instant};

use serde_json::json;

use super::line::{Line, line, us};
use crate::address::{Address, Id};
use crate::cli::exit::Failure;
use crate::embed::Node;
use crate::guest::library::Module;

pub(super) async fn idle(node: &Node, module: &Module, n: u32) -> Result<Line, Failure> {
    // The first brings what is made once.
    let nobody = waiting(node, module, None).await?;
    settled().await;
    let (start, before) = (Instant::now(), rss_bytes());
    let mut actors = Vec::new();
    for _ in 0..n {
        actors.push(waiting(node, module, Some(&nobody)).await?);
    }
    let quiet = settled().await;
    let bytes = (rss_bytes() - before) / f64::from(n.max(1));
    let spawn_us = us(quiet.duration_since(start)) / f64::from(n.max(1));
    Ok(line([("n", n.into()), ("bytes_per", bytes.into()), ("spawn_us", spawn_us.into())]))
}

/// An actor that waits for a message to pass on.
pub(super) async fn waiting(node: &Node, module: &Module, to: Option<&Address>) -> Result<Address, Failure> {
    let to = to.map_or_else(|| json!({"$address": format!("{}@{}", Id::random(), node.place())}), |to| json!(to));
    Ok(node.spawn(module, "forward", json!([to])).await?)
}

/// Waits until this process has used no processor time for a while: all that was spawned waits. Answers since when.
async fn settled() -> Instant {
    const QUIET: Duration = Duration::from_millis(100);
    let mut before = (Instant::now(), cpu_ticks());
    loop {
        std::thread::sleep(QUIET);
        let now = cpu_ticks();
        if now.abs_diff(before.1) <= 1 {
            return before.0;
        }
        before = (Instant::now(), now);
    }
}

/// User and system time of this process in clock ticks (`/proc/self/stat`, fields 14 and 15).
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Resident memory (`/proc/self/statm`, second field, in pages).
fn rss_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    pages * rustix::param::page_size() as f64
}
