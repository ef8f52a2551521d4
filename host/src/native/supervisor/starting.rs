//! How a child is started: here, or on the first of its nodes that takes it.

use super::child::{ChildSpec, Start};
use super::restarts::{Decision, Key, Obstacle, Why};
use super::{Supervisor, text};
use crate::address::{Address, Place, quoted};
use crate::message::Message;
use crate::native::call::Text;
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::SpawnOptions;

/// Why a child was not started.
enum NotStarted {
    /// This actor, or its node, is about to end: no start will succeed any more.
    Stopping,
    Refused(Refusal, Obstacle),
}

impl Supervisor {
    /// Starts a child and waits for that, as long as it takes: what others say meanwhile waits. If this actor is killed
    /// before, there is no child.
    pub(super) async fn start(&mut self, key: Key) {
        let Some(child) = self.children.get(&key) else { return };
        let spec = child.spec.clone();
        match self.started(&spec).await {
            Ok(address) => {
                self.children.get_mut(&key).expect("nobody has forgotten it meanwhile").address = Some(address.clone());
                self.by_address.insert(address.clone(), key);
                let now = self.now();
                self.restarts.started(key, now);
                self.is_up(key, &address);
            }
            Err(NotStarted::Stopping) => self.wind_down(),
            Err(NotStarted::Refused(refusal, obstacle)) => self.not_started(key, &about(&spec, &refusal), obstacle),
        }
    }

    async fn started(&mut self, spec: &ChildSpec) -> Result<Address, NotStarted> {
        let (name, limits, grants) = (spec.name.clone(), spec.limits.clone(), spec.grants.clone());
        let options = SpawnOptions { name, link: true, limits, grants, ..SpawnOptions::default() };
        let (entry, args) = match &spec.start {
            Start::Entry { entry, args } => (entry, args),
            Start::Native(start) => return start(&mut self.context, &options).map_err(NotStarted::here),
        };
        let Some(nodes) = &spec.nodes else {
            return self.context.spawn(entry, Text(args.clone()), &options).map_err(NotStarted::here);
        };
        let mut obstacle = Obstacle::NoNode;
        let mut last = None;
        for node in nodes {
            let options = SpawnOptions { node: Some(node.clone()), ..options.clone() };
            let refusal = match self.context.spawn_at(entry, Text(args.clone()), &options).await {
                Ok(address) => return Ok(address),
                Err(refusal) => refusal,
            };
            let is_here = node == self.context.address().place() || self.context.actor.goes_on().is_err();
            match refusal.kind() {
                RefusalKind::Stopping if is_here => return Err(NotStarted::Stopping),
                // One that is about to end is as good as gone.
                RefusalKind::Stopping | RefusalKind::NotConnected => {}
                _ => obstacle = Obstacle::Other,
            }
            last = Some(refusal);
        }
        Err(NotStarted::Refused(last.expect("a child names at least one node"), obstacle))
    }

    fn not_started(&mut self, key: Key, refusal: &Refusal, obstacle: Obstacle) {
        let Some(child) = self.children.get(&key) else { return };
        let id = child.spec.id.clone();
        let moment = self.moment();
        let decision = self.restarts.refused(key, obstacle, moment);
        self.report(&id, refusal, decision);
        if decision == Decision::GiveUp {
            self.failure = Some(match self.restarts.why() {
                Some(Why::TooManyRestarts(_)) => {
                    self.too_many(&id, refusal, Some(&Message::trusted(refusal.to_json())))
                }
                _ => text(refusal.clone()),
            });
        }
        self.is_not_up(key, refusal);
    }
}

impl NotStarted {
    /// What this node has answered.
    fn here(refusal: Refusal) -> NotStarted {
        match refusal.kind() {
            RefusalKind::Stopping => NotStarted::Stopping,
            _ => NotStarted::Refused(refusal, Obstacle::Other),
        }
    }
}

/// A refusal, told of a child; if there are nodes of which each has refused, it is the last one's.
fn about(spec: &ChildSpec, refusal: &Refusal) -> Refusal {
    let on = match spec.nodes.as_deref() {
        None | Some([]) => String::new(),
        Some([node]) => format!(" on {node}"),
        Some(nodes) => {
            let names: Vec<&str> = nodes.iter().map(Place::as_str).collect();
            format!(" on any of {}; the last", names.join(", "))
        }
    };
    let message = format!("cannot start child `{}`{on}: {}", quoted(&spec.id), refusal.message());
    let told = refusal
        .details()
        .iter()
        .fold(Refusal::new(refusal.kind(), message), |told, (key, value)| told.with(key, value.clone()));
    told.with("child", spec.id.as_str())
}
