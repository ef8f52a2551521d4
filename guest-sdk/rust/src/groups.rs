//! Groups: names that any number of actors have at once, on any nodes.

use crate::{Address, Error, Result, bindings::greenroom::actor::groups, sys};
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Makes this actor a member of a group, until it [leaves](leave) or ends. A group is there as long as it has members.
///
/// It may join more than once: it is then listed as often, and must leave as often. A group's name is spelled as an actor's
/// is: see [`register`](crate::register).
///
/// # Errors
///
/// `not-permitted` without the grant `names`, `limit` if this actor is in as many groups as it may be, `bad-argument` if it
/// is no name.
///
/// # Example
///
/// ```no_run
/// # use greenroom_guest::*;
/// # #[actor]
/// # fn example() -> Result<()> {
/// join("listeners")?;
/// let handed = broadcast("listeners", "hello, all")?;
/// # assert_eq!(handed, 1);
/// # assert_eq!(receive_any()?, "hello, all");
/// leave("listeners")?;
/// # assert!(members("listeners")?.is_empty());
/// # Ok(()) }
/// ```
pub fn join(group: &str) -> Result<()> {
    sys::in_actor();
    groups::join(group).map_err(Error::refusal)
}

/// Takes one of this actor's memberships of a group back.
///
/// # Errors
///
/// `bad-argument` if it has none.
pub fn leave(group: &str) -> Result<()> {
    sys::in_actor();
    groups::leave(group).map_err(Error::refusal)
}

/// The members of a group on all nodes, each as often as it has joined; those on this node come first.
///
/// Of other nodes this one knows what it has heard so far: who has just joined there may be missing for a moment.
///
/// # Errors
///
/// `not-permitted` without the grant `names`, `bad-argument` if it is no name, `too-large` if the list has more bytes than a
/// message of this actor may have.
pub fn members(group: &str) -> Result<Vec<Address>> {
    sys::in_actor();
    groups::members(group).map(addresses).map_err(Error::refusal)
}

/// The members of a group on this node.
///
/// # Errors
///
/// As for [`members`].
pub fn local_members(group: &str) -> Result<Vec<Address>> {
    sys::in_actor();
    groups::local_members(group).map(addresses).map_err(Error::refusal)
}

/// Sends a message to each member of a group on all nodes, once however often it has joined; to this actor too, if it is one.
/// Waits for no receiver. Answers how many it was handed to: those on other nodes have it on its way.
///
/// A member whose mailbox is full misses it. What one actor broadcasts to one group comes to each member in order; between
/// nodes there is no order between that and what is sent to the member itself.
///
/// # Errors
///
/// `not-permitted` without the grant `names`, `bad-argument` if it is no name, `too-large`; or it cannot be written as JSON.
/// Nobody has it then.
pub fn broadcast<T: Serialize + ?Sized>(group: &str, message: &T) -> Result<u32> {
    sys::in_actor();
    let message = serde_json::to_string(message)?;
    groups::broadcast(group, &message).map_err(Error::refusal)
}

fn addresses(members: Vec<String>) -> Vec<Address> {
    members.into_iter().map(Address::of_node).collect()
}
