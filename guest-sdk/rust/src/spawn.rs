//! Starting actors.

use crate::{Address, Error, Json, Result, bindings::greenroom::actor::host, sys};
use alloc::string::ToString;
use serde::Serialize;
use serde_json::Map;

/// Starts an actor and answers its address.
///
/// `entry` is a name in this module (`counter`), or one in another that the node has loaded (`module/counter`). `args`
/// must be a JSON array (positional) or an object (named). `forward::spawn(…)`, which [`actor`](macro@crate::actor)
/// makes, does the same with types.
///
/// # Errors
///
/// The node's refusals `no-such-entry`, `no-such-module`, `bad-argument`, `too-large`, `limit`, `stopping`. What goes
/// wrong after that is how the actor ends.
pub fn spawn<T: Serialize + ?Sized>(entry: &str, args: &T) -> Result<Address> {
    start(entry, args, "{}")
}

/// Starts an actor with options.
///
/// The node refuses (`unsupported-option`) what it does not have yet, and ignores nothing.
///
/// ```no_run
/// # use greenroom_guest::*;
/// # fn f() -> Result<()> {
/// let clerk = Spawn::new().name("clerk").monitor().start("counter", &json!([0]))?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is started before `start`"]
pub struct Spawn(Map<alloc::string::String, Json>);

impl Spawn {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the actor a name on its node.
    pub fn name(self, name: &str) -> Self {
        self.option("name", name.into())
    }

    /// Links the two: an end by exception of one takes the other with it.
    pub fn link(self) -> Self {
        self.option("link", true.into())
    }

    /// Asks for one message when the actor ends.
    pub fn monitor(self) -> Self {
        self.option("monitor", true.into())
    }

    /// Lets the actor have the end of linked ones as a message.
    pub fn trap_exit(self) -> Self {
        self.option("trap-exit", true.into())
    }

    /// Sets any key of the contract: `node`, `limits`, `grants`, and what later nodes add.
    pub fn option(mut self, key: &str, value: Json) -> Self {
        self.0.insert(key.to_string(), value);
        self
    }

    /// Starts the actor, as [`spawn`] does.
    ///
    /// # Errors
    ///
    /// As for [`spawn`], and `unsupported-option`.
    pub fn start<T: Serialize + ?Sized>(&self, entry: &str, args: &T) -> Result<Address> {
        start(entry, args, &serde_json::to_string(&self.0)?)
    }
}

fn start<T: Serialize + ?Sized>(entry: &str, args: &T, options: &str) -> Result<Address> {
    sys::in_actor();
    let args = serde_json::to_string(args)?;
    host::spawn(entry, &args, options).map(Address::of_node).map_err(Error::refusal)
}
