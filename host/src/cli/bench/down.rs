//! How long a child's whole life takes: it is spawned, ends at once, and its parent hears of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::line::{Line, line, ms, timed, until_end, us};
use crate::cli::exit::Failure;
use crate::embed::Node;
use crate::native::Context;
use crate::refusal::Refusal;
use crate::spawn_options::SpawnOptions;

/// A parent and its children, as small as can be, so that what is measured is the node's work.
const DOWN: &str = include_str!("down.wat");

/// Lets a guest have `n` children, one after the other, and monitor each; or only wait for it, which is less work.
pub(super) async fn down(node: &Node, n: u32, wait: bool) -> Result<Line, Failure> {
    let module = node.load_bytes("down", DOWN).await?;
    let entry = if wait { "wait" } else { "monitor" };
    let took = timed(node, &module, entry, json!([n])).await?;
    Ok(per_child(n, took))
}

/// As [`down`], with actors in Rust.
pub(super) async fn down_native(node: &Node, n: u32, wait: bool) -> Result<Line, Failure> {
    let start = Instant::now();
    let parent = node.spawn_native(move |context| parent(context, n, wait))?;
    Ok(per_child(n, until_end(node, &parent, start).await?))
}

async fn parent(mut context: Context, n: u32, wait: bool) -> Result<Value, Refusal> {
    let options = if wait { SpawnOptions::default() } else { SpawnOptions::default().monitor() };
    for _ in 0..n {
        let child = context.spawn_native(&options, async |_| Ok::<_, Refusal>(json!(null)))?;
        if wait {
            context.wait(&child, None).await?;
        } else {
            context.receive_any(None).await;
        }
    }
    Ok(json!(null))
}

fn per_child(n: u32, took: Duration) -> Line {
    line([("n", n.into()), ("per_us", (us(took) / f64::from(n.max(1))).into()), ("total_ms", ms(took))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::Mesh;
    use crate::node::events::Event;

    /// Runs a measurement on a node of its own; answers how many actors that took.
    fn spawned(measure: impl AsyncFnOnce(&Node) -> Result<Line, Failure>) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let node = Node::start(&Mesh::new(), "cookie@127.0.0.1:0").await.expect("a node");
            let mut events = node.events();
            let line = measure(&node).await.map_err(|why| why.message).expect("every child ends");
            assert_eq!(line["n"], 12);
            drop(node);
            let mut spawned = 0;
            while let Some(event) = events.next().await {
                spawned += usize::from(matches!(event, Event::Spawned { .. }));
            }
            spawned
        })
    }

    #[test]
    fn a_parent_has_as_many_children_as_it_was_told() {
        for wait in [false, true] {
            assert_eq!(spawned(async |node| down(node, 12, wait).await), 13);
            assert_eq!(spawned(async |node| down_native(node, 12, wait).await), 13);
        }
    }
}
