//! Routers: one address in front of many actors, written down for the node's own `greenroom/router`.

mod control;
mod pool;

use crate::address::milliseconds;
use crate::{Address, Result, Spawn};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use serde::Serialize;

pub use pool::Pool;

/// One address in front of many actors. It is an actor of the node's, which passes on each message and each
/// [call](Address::call) to one of them. A call is answered, or fails at once if the actor that has it ends.
///
/// This type is what it is to do; one that runs is an address. Whoever has it may call and send as to any actor, and asks
/// the router itself by functions that take it, such as [`Router::resize`].
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # #[actor]
/// # fn miller() -> Result<()> { loop { receive_as::<Request>()?.respond(&1)?; } }
/// # #[actor]
/// # fn example() -> Result<()> {
/// let router = Router::least_loaded().pool(Pool::new("miller", 8)).start()?;
/// let answer = router.call("mill", "corn", Duration::from_secs(1))?;
/// # assert_eq!(answer, 1);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Serialize)]
#[must_use = "nothing is started before `start`"]
pub struct Router {
    strategy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routees: Vec<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<Pool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_timeout_ms: Option<u32>,
}

impl Router {
    fn new(strategy: &'static str) -> Self {
        Self {
            strategy,
            key: None,
            routees: Vec::new(),
            pool: None,
            group: None,
            calls_max: None,
            call_timeout_ms: None,
        }
    }

    /// Each in turn.
    pub fn round_robin() -> Self {
        Self::new("round-robin")
    }

    /// Any.
    pub fn random() -> Self {
        Self::new("random")
    }

    /// All.
    pub fn broadcast() -> Self {
        Self::new("broadcast")
    }

    /// For the same value under this key of the message (of a call: of what it is called with), the same actor, as long as
    /// it lives. The key is one of the message's own, or a JSON pointer such as `/user/id`.
    pub fn hash(key: &str) -> Self {
        Self { key: Some(key.to_string()), ..Self::new("hash") }
    }

    /// The one with the fewest calls that are not answered; plain messages go to each in turn.
    pub fn least_loaded() -> Self {
        Self::new("least-loaded")
    }

    /// Adds an actor that is there already. When it ends, it leaves.
    pub fn routee(mut self, actor: Address) -> Self {
        self.routees.push(actor);
        self
    }

    /// Lets the router have actors of its own, instead of [routees](Self::routee): started anew when they end.
    pub fn pool(mut self, pool: Pool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Lets the router have the members of a group, on this node and others, as they come and go, instead of
    /// [routees](Self::routee): see [`join`](crate::join). It needs the grant `names`.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # use std::time::Duration;
    /// # #[actor]
    /// # fn baker() -> Result<()> { join("bakers")?; parent().unwrap().send("here")?; loop { receive_as::<Request>()?.respond(&1)?; } }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # baker::spawn()?;
    /// # receive_any()?;
    /// let bakery = Router::round_robin().group("bakers").start()?;
    /// let loaf = bakery.call("bake", "rye", Duration::from_secs(1))?;
    /// # assert_eq!(loaf, 1);
    /// # Ok(()) }
    /// ```
    pub fn group(mut self, name: &str) -> Self {
        self.group = Some(name.to_string());
        self
    }

    /// How many calls may wait for their answer at a time, 10,000 if nothing else is said; one more is refused (`limit`).
    pub fn calls_max(mut self, calls: u32) -> Self {
        self.calls_max = Some(calls);
        self
    }

    /// How long the router waits for an answer, 5 minutes if nothing else is said: then the caller hears of a `timeout`, if
    /// it has not given up before.
    pub fn call_timeout(mut self, time: Duration) -> Self {
        self.call_timeout_ms = Some(milliseconds(time));
        self
    }

    /// Starts the router, linked: it ends with this actor, and this actor with it if it fails.
    ///
    /// # Errors
    ///
    /// As for [`spawn`](crate::spawn).
    pub fn start(&self) -> Result<Address> {
        self.start_with(&Spawn::new().link())
    }

    /// Starts the router with other options.
    ///
    /// # Errors
    ///
    /// As for [`Spawn::start`].
    pub fn start_with(&self, options: &Spawn) -> Result<Address> {
        options.start("greenroom/router", self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backoff, Json, Restart, json};

    #[test]
    fn a_router_is_written_as_the_node_reads_it() {
        let check = |router: Router, expected: Json| assert_eq!(serde_json::to_value(router).unwrap(), expected);
        let actor: Address = "a@b:1".parse().unwrap();
        check(
            Router::random().routee(actor).calls_max(5).call_timeout(Duration::from_secs(1)),
            json!({
                "strategy": "random",
                "routees": [{"$address": "a@b:1"}],
                "calls_max": 5,
                "call_timeout_ms": 1000,
            }),
        );
        check(
            Router::hash("user").pool(Pool::new("worker", 8)),
            json!({"strategy": "hash", "key": "user", "pool": {"entry": "worker", "size": 8}}),
        );
        check(Router::round_robin().group("crowd"), json!({"strategy": "round-robin", "group": "crowd"}));
        let whole = Pool::new("worker", 8)
            .args(json!([1]))
            .restart(Restart::Transient)
            .shutdown_after(None)
            .intensity(9, Duration::from_secs(2))
            .backoff(Backoff::none());
        check(
            Router::least_loaded().pool(whole),
            json!({
                "strategy": "least-loaded",
                "pool": {
                    "entry": "worker",
                    "size": 8,
                    "args": [1],
                    "restart": "transient",
                    "shutdown_ms": null,
                    "intensity": 9,
                    "period_ms": 2000,
                    "backoff": {"first_ms": 0, "most_ms": 0},
                },
            }),
        );
    }
}
