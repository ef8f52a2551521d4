//! What a supervisor that runs is asked, as functions: its children are listed, counted, started, stopped, forgotten.

use super::{Child, Restart};
use crate::{Address, Result, Supervisor};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// Of a supervisor that runs, by its address. They are calls, and fail as such: see [`Address::call`]. What the supervisor
/// refuses is a [`CallError::Exception`](crate::CallError::Exception) with the refusal's kind.
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # #[actor]
/// # fn session(user: String) { receive_any().unwrap(); }
/// # #[actor]
/// # fn example() -> Result<()> {
/// const PATIENCE: Duration = Duration::from_secs(5);
///
/// let sessions = Supervisor::dynamic().most(1000).start()?;
/// let joe = Child::new("joe", "session").args(json!(["joe"])).restart(Restart::Temporary);
/// let address = Supervisor::start_child(&sessions, &joe, PATIENCE)?;
///
/// let children = Supervisor::which_children(&sessions, PATIENCE)?;
/// assert_eq!((children[0].state, &children[0].address), (ChildState::Running, &Some(address)));
///
/// Supervisor::stop_child(&sessions, "joe", PATIENCE)?;
/// assert_eq!(Supervisor::count_children(&sessions, PATIENCE)?.children, 0);
/// # Ok(()) }
/// ```
impl Supervisor {
    /// The children, in the order of their start.
    ///
    /// # Errors
    ///
    /// Those of a call.
    pub fn which_children(supervisor: &Address, timeout: impl Into<Option<Duration>>) -> Result<Vec<ChildStatus>> {
        supervisor.call_as("which-children", &(), timeout)
    }

    /// How many children there are, how many run, and how many restarts there were.
    ///
    /// # Errors
    ///
    /// Those of a call.
    pub fn count_children(supervisor: &Address, timeout: impl Into<Option<Duration>>) -> Result<ChildCounts> {
        supervisor.call_as("count-children", &(), timeout)
    }

    /// Starts one more child, after those there are, and answers its address.
    ///
    /// # Errors
    ///
    /// Those of a call: `name-taken` if there is a child of that id, `limit` if there are [as many](Self::most) as there may
    /// be, and those of [`spawn`](crate::spawn); the supervisor does not know the child then.
    pub fn start_child(supervisor: &Address, child: &Child, timeout: impl Into<Option<Duration>>) -> Result<Address> {
        supervisor.call_as("start-child", child, timeout)
    }

    /// Stops a child, and returns when it is down. It stays known, unless it is temporary or the supervisor
    /// [dynamic](Self::dynamic).
    ///
    /// # Errors
    ///
    /// Those of a call: `no-such-name` if there is no such child.
    pub fn stop_child<'a>(
        supervisor: &Address,
        child: impl Into<ChildName<'a>>,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<()> {
        supervisor.call_as("stop-child", &child.into(), timeout)
    }

    /// Starts a child again that was stopped, and answers its new address.
    ///
    /// # Errors
    ///
    /// Those of a call: `no-such-name`; `bad-argument` if it is not stopped; and those of [`spawn`](crate::spawn), upon which
    /// it stays stopped.
    pub fn restart_child<'a>(
        supervisor: &Address,
        child: impl Into<ChildName<'a>>,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Address> {
        supervisor.call_as("restart-child", &child.into(), timeout)
    }

    /// Forgets a child that was stopped.
    ///
    /// # Errors
    ///
    /// Those of a call: `no-such-name`; `bad-argument` if it is not stopped.
    pub fn delete_child<'a>(
        supervisor: &Address,
        child: impl Into<ChildName<'a>>,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<()> {
        supervisor.call_as("delete-child", &child.into(), timeout)
    }
}

/// A child, named by its id or its address.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum ChildName<'a> {
    /// By the id that it has at its supervisor.
    Id(&'a str),
    /// By its address, as long as it lives.
    Address(&'a Address),
}

impl<'a> From<&'a str> for ChildName<'a> {
    fn from(id: &'a str) -> Self {
        Self::Id(id)
    }
}

impl<'a> From<&'a Address> for ChildName<'a> {
    fn from(address: &'a Address) -> Self {
        Self::Address(address)
    }
}

/// A child as its supervisor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ChildStatus {
    /// What it goes by.
    pub id: String,
    /// While it lives.
    pub address: Option<Address>,
    /// How it is.
    pub state: ChildState,
    /// What it runs; `None` for a child of the embedding program's that is written in Rust.
    pub entry: Option<String>,
    /// When it is started anew.
    pub restart: Restart,
}

/// How a child is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChildState {
    /// It lives.
    Running,
    /// It has ended, or is to, and will be started anew.
    Restarting,
    /// It was asked to end.
    Stopping,
    /// It is down until somebody [restarts](Supervisor::restart_child) it.
    Stopped,
}

/// How many children a supervisor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ChildCounts {
    /// All that it knows.
    pub children: u32,
    /// Those that live.
    pub running: u32,
    /// Restarts since it was started.
    pub restarts: u64,
}
