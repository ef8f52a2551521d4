//! What a supervisor can be asked by call: children are listed, counted, started, stopped, and forgotten.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Supervisor;
use super::child::{ChildSpec, Start};
use super::restarts::{Goal, Key, State};
use super::spec::bad;
use crate::address::{Address, quoted};
use crate::message::Message;
use crate::native::call::Request;
use crate::refusal::{Refusal, RefusalKind};

/// How many callers may wait for the same child.
const WAITING_MAX: usize = 16;

/// What a supervisor keeps of a child and of those who wait for it, beside what it was sent, about.
const CHILD_BYTES: u64 = 16 << 10;

/// A caller that is answered later.
pub(super) struct Waiting {
    request: Request,
    until: Until,
}

#[derive(PartialEq)]
enum Until {
    Up,
    Down,
}

/// What was asked for is done all the same.
fn too_many_wait() -> Refusal {
    Refusal::at_limit("callers", WAITING_MAX, format!("{WAITING_MAX} callers wait for this child already"))
}

/// How a caller names a child.
#[derive(Deserialize)]
#[serde(untagged)]
enum Which {
    Id(String),
    Address(Address),
}

impl Supervisor {
    /// A message that is no call is somebody's mistake, and is dropped.
    pub(super) fn hear_call(&mut self, message: &Message) {
        let Some(request) = Request::parse(message) else { return };
        let later = match request.method.as_str() {
            "which-children" => {
                let children: Vec<Value> = self.children.keys().map(|key| self.child_json(*key)).collect();
                return request.respond(&mut self.context, Value::from(children));
            }
            "count-children" => {
                let running = self.children.values().filter(|child| child.address.is_some()).count();
                let (children, restarts) = (self.children.len(), self.restarts.restarts());
                let counts = json!({"children": children, "running": running, "restarts": restarts});
                return request.respond(&mut self.context, counts);
            }
            "start-child" => self.start_child(&request.message),
            "stop-child" => self.stop_child(&request.message),
            "restart-child" => self.restart_child(&request.message),
            "delete-child" => self.delete_child(&request.message),
            _ => return request.respond_invalid_method(&mut self.context),
        };
        match later {
            Ok(Some((key, until))) => match self.waiting.entry(key).or_default() {
                all if all.len() < WAITING_MAX => all.push(Waiting { request, until }),
                _ => request.respond_exception(&mut self.context, too_many_wait()),
            },
            Ok(None) => request.respond(&mut self.context, Value::Null),
            Err(refusal) => request.respond_exception(&mut self.context, refusal),
        }
    }

    fn child_json(&self, key: Key) -> Value {
        let child = &self.children[&key];
        let state = match self.restarts.state(key) {
            Some((State::Up, Goal::Run)) => "running",
            Some((State::Down | State::Starting, Goal::Run) | (_, Goal::Again)) => "restarting",
            Some((State::Down, Goal::Stop)) => "stopped",
            Some((_, Goal::Run | Goal::Stop | Goal::Forget)) | None => "stopping",
        };
        let entry = match &child.spec.start {
            Start::Entry { entry, .. } => Some(entry),
            Start::Native(_) => None,
        };
        let (id, restart) = (&child.spec.id, child.spec.restart);
        json!({"id": id, "address": child.address, "state": state, "entry": entry, "restart": restart})
    }

    fn start_child(&mut self, message: &Message) -> Result<Option<(Key, Until)>, Refusal> {
        let spec = match (&self.template, serde_json::from_str(message.as_str())) {
            (Some(template), Ok(id)) => template.clone().with_id(id),
            _ => ChildSpec::parse(message)?,
        };
        if self.restarts.why().is_some() {
            return Err(Refusal::new(RefusalKind::Stopping, "cannot start a child: the supervisor is about to end"));
        }
        if let Some(key) = self.by_id.get(&spec.id) {
            let message = format!("this supervisor has a child `{}` already", quoted(&spec.id));
            let address = serde_json::to_value(&self.children[key].address).unwrap_or_default();
            return Err(Refusal::new(RefusalKind::NameTaken, message).with("address", address));
        }
        if let Some(most) = self.most.filter(|most| self.children.len() >= *most as usize) {
            let message = format!("this supervisor may have {most} children");
            let refusal = Refusal::new(RefusalKind::Limit, message);
            return Err(refusal.with("limit", "children").with("used", self.children.len()).with("max", most));
        }
        // Twice: the spec, and the request that waits until the child is up.
        let charged = CHILD_BYTES + 2 * message.len() as u64;
        self.context.keeps(charged)?;
        let now = self.now();
        let key = self.restarts.add(&spec, now);
        self.know(key, spec, charged);
        Ok(Some((key, Until::Up)))
    }

    fn stop_child(&mut self, message: &Message) -> Result<Option<(Key, Until)>, Refusal> {
        let key = self.named(message)?;
        let now = self.now();
        self.restarts.stop(key, now);
        let Some((State::Down, _)) = self.restarts.state(key) else { return Ok(Some((key, Until::Down))) };
        self.is_down(key);
        Ok(None)
    }

    fn restart_child(&mut self, message: &Message) -> Result<Option<(Key, Until)>, Refusal> {
        let key = self.stopped(message, "restart")?;
        let now = self.now();
        self.restarts.start(key, now);
        Ok(Some((key, Until::Up)))
    }

    fn delete_child(&mut self, message: &Message) -> Result<Option<(Key, Until)>, Refusal> {
        let key = self.stopped(message, "delete")?;
        let now = self.now();
        self.restarts.forget(key, now);
        Ok(Some((key, Until::Down)))
    }

    fn named(&self, message: &Message) -> Result<Key, Refusal> {
        let which = serde_json::from_str(message.as_str()).map_err(|_| bad("a child's ID or address is wanted"))?;
        let (key, shown) = match &which {
            Which::Id(id) => (self.by_id.get(id), quoted(id)),
            Which::Address(address) => (self.by_address.get(address), address.to_string()),
        };
        key.copied()
            .ok_or_else(|| Refusal::new(RefusalKind::NoSuchName, format!("this supervisor has no child `{shown}`")))
    }

    /// A child that is down, and stays so.
    fn stopped(&self, message: &Message, verb: &str) -> Result<Key, Refusal> {
        let key = self.named(message)?;
        match self.restarts.state(key) {
            Some((State::Down, Goal::Stop)) => Ok(key),
            _ => {
                let id = quoted(&self.children[&key].spec.id);
                Err(bad(format!("cannot {verb} child `{id}`: it is not stopped; `stop-child` does that")))
            }
        }
    }

    /// It lives.
    pub(super) fn is_up(&mut self, key: Key, address: &Address) {
        let address = json!(address);
        for waiting in self.take_waiting(key, |until| *until == Until::Up) {
            waiting.request.respond(&mut self.context, &address);
        }
    }

    /// Its start was refused.
    pub(super) fn is_not_up(&mut self, key: Key, refusal: &Refusal) {
        for waiting in self.take_waiting(key, |until| *until == Until::Up) {
            waiting.request.respond_exception(&mut self.context, refusal.clone());
        }
    }

    /// It does not live, or not any more.
    pub(super) fn is_down(&mut self, key: Key) {
        for waiting in self.take_waiting(key, |until| *until == Until::Down) {
            waiting.request.respond(&mut self.context, Value::Null);
        }
        // Stopped before it was started: who waits for that waits in vain.
        if self.restarts.state(key).is_none_or(|(_, goal)| goal == Goal::Stop) {
            self.is_not_up(key, &Refusal::new(RefusalKind::Stopping, "the child was stopped before it was started"));
        }
    }

    fn take_waiting(&mut self, key: Key, which: impl Fn(&Until) -> bool) -> Vec<Waiting> {
        let Some(all) = self.waiting.get_mut(&key) else { return Vec::new() };
        let taken = all.extract_if(.., |waiting| which(&waiting.until)).collect();
        if all.is_empty() {
            self.waiting.remove(&key);
        }
        taken
    }
}
