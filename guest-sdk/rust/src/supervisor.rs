//! Supervisors: what to start, and what to do when it ends, written down for the node's own `greenroom/supervisor`.

use crate::address::milliseconds;
use crate::{Address, Json, Result, Spawn};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use serde::Serialize;

/// What a supervisor keeps running. It is an actor of the node's, which starts these children and starts anew what
/// ends.
///
/// It answers the calls `which-children`, `count-children`, `start-child`, `stop-child`, `restart-child` and
/// `delete-child`.
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # fn f() -> Result<()> {
/// let supervisor = Supervisor::one_for_one()
///     .child(Child::new("clock", "clock"))
///     .child(Child::new("store", "store").args(json!(["books"])).shutdown_after(Duration::from_secs(2)))
///     .intensity(3, Duration::from_secs(5))
///     .start()?;
/// println!("{}", supervisor.call("which-children", &(), Duration::from_secs(1))?);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Serialize)]
#[must_use = "nothing is started before `start`"]
pub struct Supervisor {
    strategy: &'static str,
    children: Vec<Child>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intensity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backoff: Option<Backoff>,
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<u32>,
}

#[derive(Debug, Clone, Serialize)]
struct Backoff {
    first_ms: u32,
    most_ms: u32,
}

impl Supervisor {
    fn new(strategy: &'static str) -> Self {
        Self { strategy, children: Vec::new(), intensity: None, period_ms: None, backoff: None, most: None }
    }

    /// Only the child that ended is started anew.
    pub fn one_for_one() -> Self {
        Self::new("one-for-one")
    }

    /// All are, the others being ended first: they do not work without each other.
    pub fn one_for_all() -> Self {
        Self::new("one-for-all")
    }

    /// The one that ended is, and those after it in the list: each stands on those before it.
    pub fn rest_for_one() -> Self {
        Self::new("rest-for-one")
    }

    /// As one for one, with children that come and go: they are started and stopped by the calls `start-child` (with a
    /// [`Child`]) and `stop-child` (with its id).
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # use std::time::Duration;
    /// # fn f() -> Result<()> {
    /// let sessions = Supervisor::dynamic().most(1000).start()?;
    /// let child = Child::new("joe", "session").args(json!(["joe"])).temporary();
    /// sessions.call("start-child", &child, Duration::from_secs(1))?;
    /// # Ok(()) }
    /// ```
    pub fn dynamic() -> Self {
        Self::new("dynamic")
    }

    /// Adds a child. They are started in this order, and ended in the reverse.
    pub fn child(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }

    /// So many restarts within a period are borne, 3 in 5 s if nothing else is said; one more, and the supervisor gives up:
    /// it brings its children down and fails.
    pub fn intensity(mut self, restarts: u32, period: Duration) -> Self {
        (self.intensity, self.period_ms) = (Some(restarts), Some(milliseconds(period)));
        self
    }

    /// How long to wait before a restart. The first is at once. For a child that ends again before it has run for a whole
    /// period the next waits for `first`, each further one twice as long, at most for `most`; chance takes off a part of
    /// it. 100 ms and 30 s, if nothing else is said.
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.backoff = Some(Backoff { first_ms: milliseconds(first), most_ms: milliseconds(most) });
        self
    }

    /// How many children a [dynamic](Self::dynamic) supervisor may have at a time.
    pub fn most(mut self, children: u32) -> Self {
        self.most = Some(children);
        self
    }

    /// Starts the supervisor, linked: it takes its children down when this actor ends, and this actor with it when it gives
    /// up.
    ///
    /// # Errors
    ///
    /// As for [`spawn`](crate::spawn). What is wrong with a child is how the supervisor ends.
    pub fn start(&self) -> Result<Address> {
        self.start_with(&Spawn::new().link())
    }

    /// Starts the supervisor with other options.
    ///
    /// # Errors
    ///
    /// As for [`Spawn::start`].
    pub fn start_with(&self, options: &Spawn) -> Result<Address> {
        options.start("greenroom/supervisor", self)
    }
}

/// A child of a [`Supervisor`]: an entry, and what to do when it ends. A supervisor is one too, with the entry
/// `greenroom/supervisor`.
#[derive(Debug, Clone, Serialize)]
#[must_use = "it is started by a supervisor"]
pub struct Child {
    id: String,
    entry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<Vec<String>>,
}

impl Child {
    /// A child that goes by this id at its supervisor. The entry is one of this module, or `module/entry`.
    pub fn new(id: &str, entry: &str) -> Self {
        let (id, entry) = (id.to_string(), entry.to_string());
        Self { id, entry, args: None, restart: None, shutdown_ms: None, name: None, grants: None }
    }

    /// What the entry is started with: an array or an object.
    pub fn args(mut self, args: Json) -> Self {
        self.args = Some(args);
        self
    }

    /// Is started anew however it ends. That is what a child is if nothing else is said.
    pub fn permanent(self) -> Self {
        self.restart("permanent")
    }

    /// Is started anew when it fails, not when it ends well.
    pub fn transient(self) -> Self {
        self.restart("transient")
    }

    /// Is never started anew.
    pub fn temporary(self) -> Self {
        self.restart("temporary")
    }

    fn restart(mut self, restart: &'static str) -> Self {
        self.restart = Some(restart);
        self
    }

    /// How long it may take to end when it is asked to, before it is killed: 5 s, if nothing else is said; for a supervisor
    /// as long as its children need.
    pub fn shutdown_after(mut self, time: Duration) -> Self {
        self.shutdown_ms = Some(milliseconds(time));
        self
    }

    /// Gives the child a name on its node, each time that it is started: see [`register`](crate::register).
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_string());
        self
    }

    /// Grants the child exactly these, of what the supervisor has: see [`Spawn::grants`].
    pub fn grants(mut self, grants: &[&str]) -> Self {
        self.grants = Some(grants.iter().map(ToString::to_string).collect());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn a_supervisor_is_written_as_the_node_reads_it() {
        let child =
            Child::new("a", "b/c").args(json!([1])).transient().shutdown_after(Duration::from_secs(1)).name("n");
        let supervisor = Supervisor::rest_for_one()
            .child(Child::new("x", "y"))
            .child(child)
            .intensity(3, Duration::from_secs(5))
            .backoff(Duration::from_millis(100), Duration::from_secs(30))
            .most(7);
        assert_eq!(
            serde_json::to_value(supervisor).unwrap(),
            json!({
                "strategy": "rest-for-one",
                "children": [
                    {"id": "x", "entry": "y"},
                    {"id": "a", "entry": "b/c", "args": [1], "restart": "transient", "shutdown_ms": 1000, "name": "n"},
                ],
                "intensity": 3,
                "period_ms": 5000,
                "backoff": {"first_ms": 100, "most_ms": 30000},
                "most": 7,
            })
        );
        let dynamic = serde_json::to_value(Supervisor::dynamic()).unwrap();
        assert_eq!(dynamic, json!({"strategy": "dynamic", "children": []}));
    }
}
