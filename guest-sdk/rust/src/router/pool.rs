//! The workers that a router keeps.

use crate::address::milliseconds;
use crate::{Backoff, Json, Restart};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use serde::Serialize;

/// Workers of a [`Router`](crate::Router)'s own: so many of an entry, which a [`Supervisor`](crate::Supervisor) of the
/// router's starts anew when they end. They come and go by [`Router::resize`](crate::Router::resize).
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # #[actor]
/// # fn printer(tray: u32) -> Result<()> { loop { receive_as::<Request>()?.respond(&tray)?; } }
/// # #[actor]
/// # fn example() -> Result<()> {
/// let printers = Pool::new("printer", 2)
///     .args(json!([1]))
///     .intensity(100, Duration::from_secs(60))
///     .backoff(Backoff::new(Duration::from_millis(10), Duration::from_secs(1)));
/// let router = Router::least_loaded().pool(printers).start()?;
/// # assert_eq!(router.call("print", "me", Duration::from_secs(5))?, 1);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Serialize)]
#[must_use = "it is for `Router::pool`"]
pub struct Pool {
    entry: String,
    size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<Restart>,
    /// None inside: as long as it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_ms: Option<Option<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    node: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intensity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backoff: Option<Backoff>,
}

impl Pool {
    /// So many workers of an entry: one of this module, or `module/entry`.
    pub fn new(entry: &str, size: u32) -> Self {
        Self {
            entry: entry.to_string(),
            size,
            args: None,
            restart: None,
            shutdown_ms: None,
            limits: None,
            grants: None,
            node: Vec::new(),
            intensity: None,
            period_ms: None,
            backoff: None,
        }
    }

    /// What each is started with: an array or an object.
    pub fn args(mut self, args: Json) -> Self {
        self.args = Some(args);
        self
    }

    /// When one is started anew: see [`Child::restart`](crate::Child::restart).
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = Some(restart);
        self
    }

    /// How long one may take to end: see [`Child::shutdown_after`](crate::Child::shutdown_after).
    pub fn shutdown_after(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.shutdown_ms = Some(time.into().map(milliseconds));
        self
    }

    /// What each and all below it may use: see [`Spawn::limits`](crate::Spawn::limits).
    pub fn limits(mut self, limits: Json) -> Self {
        self.limits = Some(limits);
        self
    }

    /// What each is granted: see [`Spawn::grants`](crate::Spawn::grants).
    pub fn grants(mut self, grants: &[&str]) -> Self {
        self.grants = Some(grants.iter().map(ToString::to_string).collect());
        self
    }

    /// On which nodes they run: each on the first that takes it. See [`Child::node`](crate::Child::node).
    pub fn node(mut self, nodes: &[&str]) -> Self {
        self.node = nodes.iter().map(ToString::to_string).collect();
        self
    }

    /// How many restarts of all together are borne: see [`Supervisor::intensity`](crate::Supervisor::intensity). One more,
    /// and the router ends with its workers.
    pub fn intensity(mut self, restarts: u32, period: Duration) -> Self {
        (self.intensity, self.period_ms) = (Some(restarts), Some(milliseconds(period)));
        self
    }

    /// How long to wait before a restart.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }
}
