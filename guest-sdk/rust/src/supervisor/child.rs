//! What a supervisor starts, and starts anew.

use crate::address::milliseconds;
use crate::{Json, Outcome, Router, Supervisor};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// A child of a [`Supervisor`]: an entry, and what to do when it ends.
#[derive(Debug, Clone, Serialize)]
#[must_use = "it is started by a supervisor"]
pub struct Child {
    id: String,
    entry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<Restart>,
    /// None inside: as long as it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_ms: Option<Option<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    node: Vec<String>,
}

/// When a child that has ended is started anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// If it failed: if it neither returned a value nor was asked to end.
    Transient,
    /// Never. Once it has ended it is forgotten.
    Temporary,
}

impl Restart {
    /// Whether a child that ended so is started anew.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # #[actor]
    /// # fn clerk_on_duty() { receive_any().unwrap(); }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// let clerk = clerk_on_duty::spawn()?;
    /// clerk.kill()?;
    /// let outcome = clerk.wait(None)?.expect("it has ended");
    /// assert!(Restart::Transient.applies_to(&outcome) && !Restart::Temporary.applies_to(&outcome));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn applies_to(self, outcome: &Outcome) -> bool {
        match self {
            Self::Permanent => true,
            Self::Transient => matches!(outcome, Outcome::Exception(exception) if exception.kind() != "shutdown"),
            Self::Temporary => false,
        }
    }
}

impl Child {
    /// A child that goes by this id at its supervisor. The entry is one of this module, or `module/entry`. It is permanent,
    /// without arguments, and has 5 s to end when it is asked.
    pub fn new(id: &str, entry: &str) -> Self {
        let (id, entry) = (id.to_string(), entry.to_string());
        Self {
            id,
            entry,
            args: None,
            restart: None,
            shutdown_ms: None,
            name: None,
            limits: None,
            grants: None,
            node: Vec::new(),
        }
    }

    /// A supervisor below this one. It has as long to end as its children need.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # use std::time::Duration;
    /// # #[actor]
    /// # fn till() { receive_any().unwrap(); }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// let shop = Supervisor::one_for_all().child(Child::new("till", "till"));
    /// let mall = Supervisor::one_for_one().child(Child::supervisor("shop", &shop)).start()?;
    /// # assert_eq!(Supervisor::count_children(&mall, None)?.running, 1);
    /// # Ok(()) }
    /// ```
    pub fn supervisor(id: &str, supervisor: &Supervisor) -> Self {
        Self::own(id, "greenroom/supervisor", supervisor)
    }

    /// A router, of the same kind: with its pool, if it has one.
    pub fn router(id: &str, router: &Router) -> Self {
        Self::own(id, "greenroom/router", router)
    }

    /// One of the node's own actors.
    fn own(id: &str, entry: &str, spec: &impl Serialize) -> Self {
        let spec = serde_json::to_value(spec).expect("its keys are texts");
        Self { args: Some(spec), ..Self::new(id, entry) }
    }

    /// What the entry is started with: an array or an object.
    pub fn args(mut self, args: Json) -> Self {
        self.args = Some(args);
        self
    }

    /// When it is started anew.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = Some(restart);
        self
    }

    /// How long it may take to end when it is asked to. After that it is killed; at once, if this is zero. `None`: it may
    /// take as long as it likes.
    pub fn shutdown_after(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.shutdown_ms = Some(time.into().map(milliseconds));
        self
    }

    /// Gives the child a name on its node, each time that it is started: see [`register`](crate::register).
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_string());
        self
    }

    /// Limits what the child and all below it may use: see [`Spawn::limits`](crate::Spawn::limits).
    pub fn limits(mut self, limits: Json) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Grants the child exactly these, of what the supervisor has: see [`Spawn::grants`](crate::Spawn::grants).
    pub fn grants(mut self, grants: &[&str]) -> Self {
        self.grants = Some(grants.iter().map(ToString::to_string).collect());
        self
    }

    /// Starts the child on one of these nodes, at most 16: each time the first of them is asked, and whenever one refuses, the
    /// next (see [`Spawn::node`](crate::Spawn::node)). When its node is lost, the child has ended and is started anew. It may
    /// live on there until that node has seen the loss too.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # #[actor]
    /// # fn index() { receive_any().unwrap(); }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # let whole = curaddr();
    /// # let (_, second) = whole.as_str().split_once('@').unwrap();
    /// # let first = "far.example:1";
    /// let supervisor = Supervisor::one_for_one().child(Child::new("index", "index").node(&[first, second])).start()?;
    /// # let index = Supervisor::which_children(&supervisor, None)?.swap_remove(0);
    /// # assert!(index.address.is_some_and(|address| address.as_str().ends_with(second)));
    /// # Ok(()) }
    /// ```
    pub fn node(mut self, nodes: &[&str]) -> Self {
        self.node = nodes.iter().map(ToString::to_string).collect();
        self
    }
}
