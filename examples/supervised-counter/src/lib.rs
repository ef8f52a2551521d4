//! A counter that fails at what it does not understand, and a supervisor that starts it anew.

use greenroom_guest::*;
use serde::Serialize;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

struct Counter(u64);

impl Server for Counter {
    type Args = ();

    fn start((): ()) -> Result<Self> {
        Ok(Counter(0))
    }

    /// What goes wrong here is told to the caller, and the counter goes on.
    fn handle(&mut self, method: &str, message: Json) -> Result<Json> {
        match method {
            "add" => self.0 += message.as_u64().ok_or_else(|| Error::new("`add` takes a number"))?,
            _ => return Err(Error::invalid_method()),
        }
        Ok(self.0.into())
    }

    /// Nobody waits for an answer to this, so nobody would hear of a mistake: the counter fails.
    fn message(&mut self, message: Json) -> Result<()> {
        bail!("a counter cannot do anything with {message}")
    }
}

/// Counts from 0.
#[actor]
fn counter() -> Result<Json> {
    serve::<Counter>(())
}

/// What it came to.
#[derive(Serialize)]
struct Report {
    before: Json,
    restarts: u64,
    after: Json,
}

/// Counts to 2, sends something that no counter understands, and counts again.
#[actor]
fn main() -> Result<Report> {
    let supervisor = Supervisor::one_for_one().child(Child::new("counter", "counter").name("counter")).start()?;
    // It answers when it has started its children, so that the name is there.
    Supervisor::count_children(&supervisor, PATIENCE)?;

    let counter = whereis("counter")?;
    counter.call("add", &1, PATIENCE)?;
    let before = counter.call("add", &1, PATIENCE)?;
    counter.send(&"nonsense")?;
    counter.wait(None)?;

    // Another counter has the name now, and starts from 0.
    let restarts = Supervisor::count_children(&supervisor, PATIENCE)?.restarts;
    let after = whereis("counter")?.call("add", &1, PATIENCE)?;
    Ok(Report { before, restarts, after })
}
