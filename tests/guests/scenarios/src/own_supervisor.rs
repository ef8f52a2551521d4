//! A one-for-one supervisor, written with nothing but the crate for guests: it has no privilege, so anybody could.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Serialize, Deserialize)]
struct OneForOne {
    children: Vec<Worker>,
    intensity: usize,
    period_ms: u64,
    /// When the restarts were, as far as the period reaches back.
    #[serde(skip)]
    restarts: Vec<Duration>,
}

#[derive(Serialize, Deserialize)]
struct Worker {
    id: String,
    entry: String,
    args: Json,
    restart: Restart,
    shutdown_ms: u64,
    #[serde(skip)]
    address: Option<Address>,
}

impl Server for OneForOne {
    type Args = Self;

    fn start(mut spec: Self) -> Result<Self> {
        spec.children.iter_mut().try_for_each(start)?;
        Ok(spec)
    }

    fn ended(&mut self, ended: Ended) -> Result<()> {
        let whose = |child: &&mut Worker| child.address.as_ref() == Some(&ended.address);
        let Some(child) = self.children.iter_mut().find(whose) else { return Ok(()) };
        child.address = None;
        if !child.restart.applies_to(&ended.outcome) {
            return Ok(());
        }
        let now = clock::monotonic();
        self.restarts.retain(|then| now - *then < Duration::from_millis(self.period_ms));
        if self.restarts.len() == self.intensity {
            bail!("child `{}` ends too often", child.id);
        }
        self.restarts.push(now);
        start(child)
    }

    /// Brings the children down, the last first, each in its time.
    fn stop(&mut self, _: &Stop) {
        for child in self.children.iter().rev() {
            let Some(address) = &child.address else { continue };
            _ = address.stop("shutdown", Duration::from_millis(child.shutdown_ms));
        }
    }

    fn handle(&mut self, _: &str, _: Json) -> Result<Json> {
        Ok(self.children.iter().map(|child| json!({"id": child.id, "address": child.address})).collect())
    }
}

/// Linked: it ends with its supervisor, whatever that ends by.
fn start(child: &mut Worker) -> Result<()> {
    child.address = Some(Spawn::new().link().start(&child.entry, &child.args)?);
    Ok(())
}

/// Runs the supervisor that this is the spec of.
#[actor]
fn own_supervisor(spec: OneForOne) -> Result<Json> {
    serve::<OneForOne>(spec)
}
