//! How long a supervisor needs until a child that was killed runs again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::line::{Line, cpu, line, us};
use crate::address::Address;
use crate::cli::exit::{Code, Failure};
use crate::embed::Node;
use crate::native::Context;
use crate::native::supervisor::{Backoff, ChildSpec, SupervisorSpec};
use crate::refusal::Refusal;

/// A child as small as can be, so that what is measured is the node's work.
const BARE: &str = include_str!("restart.wat");

/// So short that the most restarts that a supervisor can allow are allowed at any rate.
const PERIOD: Duration = Duration::from_millis(100);

/// A client of the example `chat`, with std: it logs in with whoever kills it.
pub(super) async fn restart(node: &Node, n: u32) -> Result<Line, Failure> {
    measure(node, n, |me| ChildSpec::new("child", "chat/client").args(json!([me, me, "joe"]))).await
}

/// A guest written by hand.
pub(super) async fn restart_bare(node: &Node, n: u32) -> Result<Line, Failure> {
    node.load_bytes("bare", BARE).await?;
    measure(node, n, |me| ChildSpec::new("child", "bare/main").args(json!([me]))).await
}

/// An actor in Rust.
pub(super) async fn restart_native(node: &Node, n: u32) -> Result<Line, Failure> {
    let tells = |me: &Address| {
        let to = me.clone();
        ChildSpec::native("child", move |mut context| {
            let to = to.clone();
            async move {
                let me = context.address().to_string();
                context.send(&to, json!(me))?;
                context.receive_any(None).await;
                Ok::<_, Refusal>(Value::Null)
            }
        })
    };
    measure(node, n, tells).await
}

/// Kills the child as soon as it has said that it runs, `n` times.
async fn measure(node: &Node, n: u32, child: impl Fn(&Address) -> ChildSpec + Send + 'static) -> Result<Line, Failure> {
    let operator = node.clone();
    let killer = node.spawn_native(move |mut context| async move {
        let spec = SupervisorSpec::one_for_one().child(child(context.address()));
        let supervisor = operator.supervise(spec.intensity(100_000, PERIOD).backoff(Backoff::none()))?;
        let mut child = runs(&mut context).await;
        let (start, before) = (Instant::now(), cpu());
        for _ in 0..n {
            operator.kill(&child)?;
            child = runs(&mut context).await;
        }
        let each_us = |all| us(all) / f64::from(n.max(1));
        let each = json!([each_us(start.elapsed()), each_us(cpu() - before)]);
        operator.kill(&supervisor)?;
        Ok::<_, Refusal>(each)
    })?;
    let each = node.wait(&killer).await.map_err(|why| Failure::new(Code::Failed, why))?;
    Ok(line([("n", n.into()), ("restart_us", each[0].clone()), ("restart_cpu_us", each[1].clone())]))
}

/// The address of the child that says it runs.
async fn runs(context: &mut Context) -> Address {
    let said = context.receive_any(None).await.expect("there is no timeout").message.to_value();
    let address = said.pointer("/LogIn/address/$address").unwrap_or(&said);
    address.as_str().and_then(|address| address.parse().ok()).expect("a child says its address first")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::Mesh;
    use crate::node::events::Event;
    use crate::outcome::{ExceptionKind, Outcome};

    /// Runs a measurement on a node of its own; answers how many actors ended by a kill.
    fn killed(measure: impl AsyncFnOnce(&Node) -> Result<Line, Failure>) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let node = Node::start(&Mesh::new(), "cookie@127.0.0.1:0").await.expect("a node");
            let mut events = node.events();
            let line = measure(&node).await.map_err(|why| why.message).expect("every child comes back");
            assert_eq!(line["n"], 12);
            drop(node);
            let mut killed = 0;
            while let Some(event) = events.next().await {
                let is_kill = |outcome: &Outcome| matches!(outcome, Outcome::Exception(why) if why.kind() == ExceptionKind::Killed);
                killed += usize::from(matches!(&event, Event::Ended { outcome, .. } if is_kill(outcome)));
            }
            killed
        })
    }

    #[test]
    fn a_child_is_killed_as_often_as_it_was_told() {
        // The last of all is the supervisor.
        assert_eq!(killed(async |node| restart_bare(node, 12).await), 13);
        assert_eq!(killed(async |node| restart_native(node, 12).await), 13);
    }
}
