//! The line that a measurement prints, and the clock for it.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value};

use crate::address::Address;
use crate::cli::exit::{Code, Failure};
use crate::embed::Node;
use crate::guest::library::Module;
use crate::outcome::Outcome;

/// What was measured, by name.
pub(super) type Line = Map<String, Value>;

pub(super) fn line<const N: usize>(pairs: [(&str, Value); N]) -> Line {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

pub(super) fn ms(time: Duration) -> Value {
    (time.as_secs_f64() * 1e3).into()
}

pub(super) fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Processor time of this process so far.
pub(super) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.try_into().expect("no time is before its beginning")
}

/// Runs an entry to its end; answers how long that took.
pub(super) async fn timed(node: &Node, module: &Module, entry: &str, args: Value) -> Result<Duration, Failure> {
    let start = Instant::now();
    let actor = node.spawn(module, entry, args).await?;
    until_end(node, &actor, start).await
}

/// Waits until an actor has returned; answers how long it is then since `start`.
pub(super) async fn until_end(node: &Node, actor: &Address, start: Instant) -> Result<Duration, Failure> {
    let outcome = node.outcome(actor).await?;
    let took = start.elapsed();
    match outcome {
        Outcome::Exit(_) => Ok(took),
        Outcome::Exception(exception) => Err(Failure::new(Code::Failed, exception)),
    }
}
