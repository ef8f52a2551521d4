//! How long messages take between actors.

use std::time::Instant;

use serde_json::{Value, json};

use super::line::{Line, line, ms, timed, us};
use crate::cli::exit::Failure;
use crate::embed::Node;
use crate::guest::library::Module;

pub(super) async fn ring(node: &Node, module: &Module, n: u32) -> Result<Line, Failure> {
    let took = timed(node, module, "build", json!([n])).await?;
    let ended = Instant::now();
    node.emptied().await;
    Ok(line([("n", n.into()), ("total_ms", ms(took)), ("all_ended_ms", ms(took + ended.elapsed()))]))
}

/// The time for one lap, which is spawning and one hop each, is taken off that for all.
pub(super) async fn laps(node: &Node, module: &Module, n: u32, laps: u32) -> Result<Line, Failure> {
    let once = timed(node, module, "laps", json!([n, 1])).await?;
    let all = timed(node, module, "laps", json!([n, laps])).await?;
    let hops = f64::from(n) * f64::from(laps.saturating_sub(1).max(1));
    let hop_us = us(all.saturating_sub(once)) / hops;
    let rate = Value::from(1e6 / hop_us);
    Ok(line([
        ("n", n.into()),
        ("laps", laps.into()),
        ("hop_us", hop_us.into()),
        ("msgs_per_s", rate),
        ("total_ms", ms(all)),
    ]))
}

pub(super) async fn pingpong(node: &Node, module: &Module, rounds: u32, value: bool) -> Result<Line, Failure> {
    let entry = if value { "value" } else { "main" };
    let took = timed(node, module, entry, json!([rounds])).await?;
    let round_us = us(took) / f64::from(rounds.max(1));
    Ok(line([("k", rounds.into()), ("rt_us", round_us.into()), ("msg_us", (round_us / 2.0).into())]))
}
