//! Names for actors, and which nodes there are.

use crate::{Address, Error, Result, bindings::greenroom::actor::registry, sys};
use alloc::string::String;
use alloc::vec::Vec;

/// Gives this actor a name on its node. `NAME@HOST:PORT` is then an address of it, for sending, monitoring and waiting.
///
/// A name begins with a letter, has only `a-z`, `0-9`, `.`, `_` and `-`, at most 64 of them, and is either shorter than 20
/// or contains one of `.`, `_`, `-`: so none looks like an ID. It is free again as soon as the actor ends, before anybody
/// hears of that end.
///
/// # Errors
///
/// `name-taken` if another actor has it, `limit` if this one has as many names as it may have, `bad-argument` if it is no
/// name.
pub fn register(name: &str) -> Result<()> {
    sys::in_actor();
    registry::register(name).map_err(Error::refusal)
}

/// Takes a name from this actor.
///
/// # Errors
///
/// `no-such-name` if this actor does not have it.
pub fn unregister(name: &str) -> Result<()> {
    sys::in_actor();
    registry::unregister(name).map_err(Error::refusal)
}

/// The ID address of the actor that has this name: `name` on this node, `name@host:port` on another.
///
/// The answer is one actor, whoever has the name later; what is sent to the name reaches whoever has it then.
///
/// # Errors
///
/// `no-such-name` if nobody has it; for another node `not-connected`, and `timeout` if it has not answered within five
/// seconds.
///
/// # Example
///
/// ```no_run
/// # use greenroom_guest::*;
/// # #[actor]
/// # fn example() -> Result<()> {
/// for node in nodes()? {
///     whereis(&format!("printer@{node}"))?.send("hello")?;
/// }
/// # Ok(()) }
/// ```
pub fn whereis(name: &str) -> Result<Address> {
    sys::in_actor();
    registry::whereis(name).map(Address::of_node).map_err(Error::refusal)
}

/// The other nodes that this one is connected with, as `HOST:PORT`, sorted.
///
/// # Errors
///
/// `not-permitted` without the grant `names`.
pub fn nodes() -> Result<Vec<String>> {
    sys::in_actor();
    let nodes = registry::nodes().map_err(Error::refusal)?;
    serde_json::from_str(&nodes).map_err(Error::from)
}

/// Whether this actor hears of nodes that come and go from now on, by the host messages [`NodeUp`](crate::NodeUp) and
/// [`NodeDown`](crate::NodeDown). Answers the setting before.
///
/// Of each node at most the latest message waits to be received. Once it is off none is received any more, also none that
/// waited.
///
/// # Errors
///
/// `not-permitted` without the grant `names`.
///
/// # Example
///
/// ```no_run
/// # use greenroom_guest::*;
/// # #[actor]
/// # fn example() -> Result<()> {
/// let before = monitor_nodes(true)?;
/// # assert!(!before);
/// # if false {
/// let gone: NodeDown = receive_as()?;
/// println!("{} is gone: {}", gone.node, gone.reason);
/// # }
/// # assert!(monitor_nodes(false)?);
/// # Ok(()) }
/// ```
pub fn monitor_nodes(on: bool) -> Result<bool> {
    sys::in_actor();
    registry::monitor_nodes(on).map_err(Error::refusal)
}
