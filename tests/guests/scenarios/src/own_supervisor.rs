//! A one-for-one supervisor, written with nothing but the crate for guests: it has no privilege, so anybody could.

use greenroom_guest::*;
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
struct OwnSupervisor {
    children: Vec<OwnChild>,
    intensity: usize,
    period_ms: u64,
    /// When there were restarts, as far as the period reaches back.
    #[serde(skip)]
    restarts: Vec<Duration>,
}

#[derive(Deserialize)]
struct OwnChild {
    id: String,
    entry: String,
    args: Json,
    restart: String,
    shutdown_ms: u64,
    #[serde(skip)]
    address: Option<Address>,
}

impl OwnChild {
    /// Linked: it ends with its supervisor, whatever that ends by.
    fn start(&mut self) -> Result<()> {
        self.address = Some(Spawn::new().link().start(&self.entry, &self.args)?);
        Ok(())
    }
}

impl Server for OwnSupervisor {
    type Args = Self;

    fn start(mut spec: Self) -> Result<Self> {
        spec.children.iter_mut().try_for_each(OwnChild::start)?;
        Ok(spec)
    }

    fn ended(&mut self, ended: Ended) -> Result<()> {
        let whose = |child: &&mut OwnChild| child.address.as_ref() == Some(&ended.address);
        let Some(child) = self.children.iter_mut().find(whose) else { return Ok(()) };
        child.address = None;
        let failed = matches!(&ended.outcome, Outcome::Exception(exception) if exception.kind() != "shutdown");
        if child.restart == "temporary" || (child.restart == "transient" && !failed) {
            return Ok(());
        }
        let now = clock::monotonic();
        self.restarts.retain(|then| now - *then < Duration::from_millis(self.period_ms));
        self.restarts.push(now);
        if self.restarts.len() > self.intensity {
            bail!("child `{}` ends too often", child.id);
        }
        child.start()
    }

    /// Brings the children down, the last first, each in its time.
    fn stop(&mut self, _: &Stop) {
        for child in self.children.iter().rev() {
            let Some(address) = &child.address else { continue };
            _ = address.exit(&"shutdown");
            if let Ok(None) = address.wait(Some(Duration::from_millis(child.shutdown_ms))) {
                _ = address.kill();
            }
        }
    }

    fn handle(&mut self, _: &str, _: Json) -> Result<Json> {
        Ok(self.children.iter().map(|child| json!({"id": child.id, "address": child.address})).collect())
    }
}

/// Runs the supervisor that this is the spec of.
#[actor]
fn own_supervisor(spec: Json) -> Result<Json> {
    serve::<OwnSupervisor>(OwnSupervisor::deserialize(spec)?)
}

/// Tells that it is there and what is asked of it; ends as it is told, and with its supervisor. `slow`: asked to end, it
/// does not.
#[actor]
fn supervised_child(tell: Address, id: String, slow: bool) -> Result<Json> {
    trap_exit(true)?;
    tell.send(&json!({"up": id, "address": curaddr()}))?;
    loop {
        match receive_or_host::<Json>()? {
            Incoming::Message(message) if message == "end" => return Ok(Json::Null),
            Incoming::Message(_) => bail!("told to fail"),
            Incoming::Host(HostMessage::Shutdown(_)) => {
                tell.send(&json!({"down": id}))?;
                if !slow {
                    return Ok(Json::Null);
                }
            }
            Incoming::Host(HostMessage::Ended(_)) => return Ok("orphaned".into()),
            Incoming::Host(_) => {}
        }
    }
}
