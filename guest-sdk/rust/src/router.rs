//! Routers: one address in front of many actors, written down for the node's own `greenroom/router`.

use crate::{Address, Json, Result, Spawn};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;

/// One address in front of many actors. It is an actor of the node's, which passes on each message and each
/// [call](Address::call) to one of them. A call is answered, or fails at once if the actor that has it ends.
///
/// The calls `$router/routees`, `$router/add`, `$router/remove` and `$router/resize` are for the router itself.
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # fn f() -> Result<()> {
/// let router = Router::least_loaded().pool("worker", json!([]), 8).start()?;
/// let answer = router.call("work", &1, Duration::from_secs(1))?;
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
}

#[derive(Debug, Clone, Serialize)]
struct Pool {
    entry: String,
    args: Json,
    size: u32,
}

impl Router {
    fn new(strategy: &'static str) -> Self {
        Self { strategy, key: None, routees: Vec::new(), pool: None }
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

    /// For the same value under this key of the message, the same actor, as long as it lives.
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

    /// Lets the router have actors of its own: so many of this entry, started anew when they end.
    pub fn pool(mut self, entry: &str, args: Json, size: u32) -> Self {
        self.pool = Some(Pool { entry: entry.to_string(), args, size });
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
    use crate::json;

    #[test]
    fn a_router_is_written_as_the_node_reads_it() {
        let check = |router: Router, expected: Json| assert_eq!(serde_json::to_value(router).unwrap(), expected);
        let actor: Address = "a@b:1".parse().unwrap();
        check(Router::random().routee(actor), json!({"strategy": "random", "routees": [{"$address": "a@b:1"}]}));
        check(
            Router::hash("user").pool("worker", json!([1]), 8),
            json!({"strategy": "hash", "key": "user", "pool": {"entry": "worker", "args": [1], "size": 8}}),
        );
    }
}
