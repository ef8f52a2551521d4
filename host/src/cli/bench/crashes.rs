//! How much of a core a child takes that fails each time it is started.

use std::thread;
use std::time::Duration;

use serde_json::json;

use super::line::{Line, cpu, line, ms};
use crate::cli::exit::{Code, Failure};
use crate::embed::Node;
use crate::guest::library::Module;
use crate::native::supervisor::{ChildSpec, SupervisorSpec};

/// A worker of the example `job-queue` with a job that nobody can do: it panics. Its supervisor goes on for as long as it is
/// measured, and waits as every supervisor does.
pub(super) async fn crashes(node: &Node, module: &Module, seconds: u32) -> Result<Line, Failure> {
    let worker = ChildSpec::new("worker", format!("{}/worker", module.name())).args(json!(["poison", 3]));
    let before = cpu();
    let supervisor = node.supervise(SupervisorSpec::one_for_one().child(worker).intensity(100_000, PERIOD))?;
    // Blocks this thread, which has nothing else to do.
    thread::sleep(Duration::from_secs(seconds.into()));
    let took = cpu() - before;
    let counts = node.call(&supervisor, "count-children", json!(null), PERIOD).await;
    let counts = counts.map_err(|why| Failure::new(Code::Failed, why))?;
    let percent = took.as_secs_f64() / f64::from(seconds.max(1)) * 100.0;
    Ok(line([
        ("seconds", seconds.into()),
        ("restarts", counts["restarts"].clone()),
        ("cpu_ms", ms(took)),
        ("core_percent", percent.into()),
    ]))
}

/// Longer than anybody measures: no restart is the first again.
const PERIOD: Duration = Duration::from_secs(3600);
