//! Names for actors.

use crate::{Address, Error, Result, bindings::greenroom::actor::registry, sys};

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
/// `no-such-name` if nobody has it.
pub fn whereis(name: &str) -> Result<Address> {
    sys::in_actor();
    registry::whereis(name).map(Address::of_node).map_err(Error::refusal)
}
