//! Supervisors: what to start, and what to do when it ends, written down for the node's own `greenroom/supervisor`.

mod backoff;
mod child;
mod control;

use crate::address::milliseconds;
use crate::{Address, Result, Spawn};
use alloc::vec::Vec;
use core::time::Duration;
use serde::Serialize;

pub use backoff::Backoff;
pub use child::{Child, Restart};
pub use control::{ChildCounts, ChildName, ChildState, ChildStatus};

/// What a supervisor keeps running. It is an actor of the node's, which starts these children and starts anew what
/// ends.
///
/// This type is what it is to do; one that runs is an address, and asked by functions that take it, such as
/// [`Supervisor::which_children`].
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # #[actor]
/// # fn clock() { receive_any().unwrap(); }
/// # #[actor]
/// # fn store(what: String) { receive_any().unwrap(); }
/// # #[actor]
/// # fn example() -> Result<()> {
/// let supervisor = Supervisor::one_for_one()
///     .child(Child::new("clock", "clock"))
///     .child(Child::new("store", "store").args(json!(["books"])).shutdown_after(Duration::from_secs(2)))
///     .intensity(3, Duration::from_secs(5))
///     .start()?;
/// for child in Supervisor::which_children(&supervisor, Duration::from_secs(1))? {
///     println!("{} is {:?}", child.id, child.state);
/// }
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

    /// As one for one, with children that come and go: see [`start_child`](Self::start_child) and
    /// [`stop_child`](Self::stop_child).
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

    /// How long to wait before a restart.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn a_supervisor_is_written_as_the_node_reads_it() {
        let child = Child::new("a", "b/c")
            .args(json!([1]))
            .restart(Restart::Transient)
            .shutdown_after(Duration::from_secs(1))
            .name("n")
            .node(&["h:1", "h:2"]);
        let supervisor = Supervisor::rest_for_one()
            .child(Child::new("x", "y"))
            .child(child)
            .intensity(3, Duration::from_secs(5))
            .backoff(Backoff::new(Duration::from_millis(100), Duration::from_secs(30)).jitter(0.25))
            .most(7);
        assert_eq!(
            serde_json::to_value(supervisor).unwrap(),
            json!({
                "strategy": "rest-for-one",
                "children": [
                    {"id": "x", "entry": "y"},
                    {
                        "id": "a",
                        "entry": "b/c",
                        "args": [1],
                        "restart": "transient",
                        "shutdown_ms": 1000,
                        "name": "n",
                        "node": ["h:1", "h:2"],
                    },
                ],
                "intensity": 3,
                "period_ms": 5000,
                "backoff": {"first_ms": 100, "most_ms": 30000, "jitter": 0.25},
                "most": 7,
            })
        );
        let patient = Child::supervisor("p", &Supervisor::dynamic()).shutdown_after(None);
        assert_eq!(
            serde_json::to_value(patient).unwrap(),
            json!({
                "id": "p",
                "entry": "greenroom/supervisor",
                "args": {"strategy": "dynamic", "children": []},
                "shutdown_ms": null,
            })
        );
        assert_eq!(serde_json::to_value(Backoff::none()).unwrap(), json!({"first_ms": 0, "most_ms": 0}));
    }
}
