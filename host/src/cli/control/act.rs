//! What the operator of a node may do with it from outside.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::exit::{Code, Failure};
use super::{ACTORS_MAX, Request, modules};
use crate::address::{Address, Place, quoted};
use crate::clock::Clock;
use crate::embed::Node;
use crate::guest::library::Module;
use crate::lock::lock;
use crate::message::Message;
use crate::native::CallError;
use crate::outcome::ExceptionKind;
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::SpawnOptions;

/// Who runs the node. A handle.
#[derive(Clone)]
pub(super) struct Operator {
    node: Node,
    /// By name: the last that was loaded under it.
    modules: Arc<Mutex<BTreeMap<String, Module>>>,
    clock: Clock,
}

/// How long a killed actor's end is waited for: it comes within a slice, unless the machine is very busy.
const KILLED_WITHIN: Duration = Duration::from_secs(5);

impl Operator {
    pub(super) fn of(node: Node) -> Operator {
        Operator { node, modules: Arc::default(), clock: Clock::real() }
    }

    pub(super) fn offer(&self, module: Module) {
        lock(&self.modules).insert(module.name().to_owned(), module);
    }

    /// Does it, and answers what that brought, as JSON. Cancel-safe: a call that is dropped is given up.
    ///
    /// # Errors
    ///
    /// Why it was not done.
    pub(super) async fn does(&self, request: Request) -> Result<String, Failure> {
        match request {
            Request::Ps { actors_max } => Ok(self.list(actors_max)),
            Request::Spawn { entry, args, name, on } => {
                let node = on.map(|on| on.parse()).transpose().map_err(|why| Failure::new(Code::Usage, why))?;
                self.spawn(&entry, &args, SpawnOptions { name, node, ..SpawnOptions::default() }).await
            }
            Request::Send { to, message } => {
                let to = address(&to)?;
                self.node.send(&to, text(&message)).map_err(Failure::commanded)?;
                Ok(json!({"sent": to.to_string()}).to_string())
            }
            Request::Call { to, method, message, timeout_ms } => {
                let (to, timeout) = (address(&to)?, Duration::from_millis(timeout_ms));
                let answer = self.node.call_text(&to, &method, text(&message), timeout).await;
                let answer = answer.map_err(|why| not_answered(&to, timeout, why))?;
                Ok(format!("{{\"answer\":{answer}}}"))
            }
            Request::Kill { actor } => self.kill(&actor).await,
            Request::Peers => {
                let peers = self.node.peers();
                let peers: Vec<&str> = peers.iter().map(Place::as_str).collect();
                Ok(json!({"node": self.node.place().as_str(), "peers": peers}).to_string())
            }
            Request::Modules => Ok(modules::list(&self.node)),
            Request::Forget { hash } => modules::forget(&self.node, &hash),
            Request::Ping { node, timeout_ms } => {
                let peer: Place = node.parse().map_err(|why| Failure::new(Code::Usage, why))?;
                let time = self.node.ping(&peer, Duration::from_millis(timeout_ms)).await;
                let time = time.map_err(Failure::commanded)?;
                Ok(json!({"node": peer.as_str(), "ms": time.as_secs_f64() * 1e3}).to_string())
            }
        }
    }

    fn list(&self, actors_max: usize) -> String {
        let actors = self.node.list(actors_max.min(ACTORS_MAX));
        let more = self.node.actors().saturating_sub(actors.len());
        let actors: Vec<Value> = actors
            .iter()
            .map(|actor| {
                json!({
                    "address": actor.address.to_string(),
                    "entry": actor.entry,
                    "parent": actor.parent.as_ref().map(ToString::to_string),
                    "names": actor.names,
                    "messages": actor.messages,
                    "bytes": actor.bytes,
                    "children": actor.children,
                })
            })
            .collect();
        json!({"node": self.node.place().as_str(), "actors": actors, "more": more}).to_string()
    }

    async fn spawn(&self, entry: &str, args: &RawValue, options: SpawnOptions) -> Result<String, Failure> {
        let module = self.module(entry)?;
        let spawned = self.node.spawn_with(&module, entry, text(args), &options).await;
        Ok(json!({"address": spawned.map_err(Failure::commanded)?.to_string()}).to_string())
    }

    /// The module of `module/entry`; for the node's own entries, whichever there is.
    fn module(&self, entry: &str) -> Result<Module, Failure> {
        let modules = lock(&self.modules);
        let (name, _) = entry.split_once('/').unwrap_or((entry, ""));
        let found = modules.get(name).or_else(|| modules.values().next().filter(|_| name == "greenroom"));
        found.cloned().ok_or_else(|| {
            let names: Vec<&str> = modules.keys().map(String::as_str).collect();
            let there_are = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!("the node has no module `{}`: it has loaded {there_are}", quoted(name));
            Failure::commanded(Refusal::new(RefusalKind::NoSuchModule, message))
        })
    }

    /// Kills an actor and waits for its end.
    async fn kill(&self, actor: &str) -> Result<String, Failure> {
        let mut actor = address(actor)?;
        if actor.id().is_none() && actor.place() == self.node.place() {
            let text = actor.to_string();
            let (name, _) = text.split_once('@').expect("it is an address");
            actor = self.node.whereis(name).map_err(Failure::commanded)?;
        }
        self.node.kill(&actor).map_err(Failure::commanded)?;
        let ended = self.clock.timeout(self.clock.deadline(KILLED_WITHIN), self.node.outcome(&actor)).await;
        Ok(json!({"killed": actor.to_string(), "ended": ended.is_some()}).to_string())
    }
}

fn address(text: &str) -> Result<Address, Failure> {
    text.parse().map_err(|why| Failure::commanded(Refusal::from(why)))
}

/// Admitted by the node, as an embedding program's.
fn text(json: &RawValue) -> Message {
    Message::trusted(json.get().to_owned())
}

fn not_answered(to: &Address, timeout: Duration, why: CallError) -> Failure {
    match &why {
        CallError::Refused(refusal) => Failure::commanded(refusal.clone()),
        CallError::Timeout => {
            let message = format!("no answer from {to} within {timeout:?}");
            Failure::commanded(Refusal::new(RefusalKind::Timeout, message))
        }
        CallError::InvalidMethod(method) => {
            Failure::new(Code::NotFound, format!("{to} has no method `{}`", quoted(method)))
        }
        CallError::Exception(exception) => {
            // An uncaught refusal counts as that refusal.
            let refusal = [&exception["value"], exception].into_iter().find_map(|said| Some((refusal(said)?, said)));
            let (code, said) = match refusal {
                Some((refusal, said)) => (Code::of_refusal(refusal), said),
                None => (Code::Failed, exception),
            };
            // An error that is a string says the same as its message, without the quotes.
            let words = said["value"].as_str().or(said["message"].as_str());
            let words = words.map_or_else(|| said.to_string(), str::to_owned);
            Failure::new(code, format!("the call failed: {words}")).with("exception", exception.clone())
        }
        CallError::Ended(outcome) => {
            let exception = &outcome["exception"];
            let kind = ExceptionKind::ALL.iter().find(|known| exception["type"] == known.as_str());
            let code = match kind {
                Some(ExceptionKind::Noproc) => Code::NotFound,
                Some(ExceptionKind::Noconnection) => Code::Unreachable,
                _ => Code::Failed,
            };
            let words = exception["message"].as_str().unwrap_or("it returned");
            Failure::new(code, format!("{to} ended before it answered: {words}")).with("outcome", outcome.clone())
        }
    }
}

fn refusal(said: &Value) -> Option<RefusalKind> {
    RefusalKind::ALL.iter().copied().find(|known| said["type"] == known.as_str())
}
