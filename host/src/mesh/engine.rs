//! What carries packets between nodes: one narrow trait, in no engine's words.

use thiserror::Error;

use crate::address::Place;
use crate::node::uplink::Boxed;

/// One life of a node: a node that is started again under its name is another presence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Presence {
    pub place: Place,
    /// 64 random bits.
    pub incarnation: u64,
}

/// Carries packets to other nodes.
///
/// It promises: packets of one node to one presence arrive in order, each at most once, whole or not at all, between the
/// [`Inbox::up`] and the [`Inbox::down`] of their sender. It may lose some when a link breaks; whoever uses it counts them.
pub(crate) trait Engine: Send + Sync {
    /// Puts a packet into the one ordered lane to a peer. Blocks its thread while there is no room, so only a thread of
    /// its own may call it.
    ///
    /// # Errors
    ///
    /// If that presence is not there any more. An `Ok` is no proof that it arrives.
    fn send(&self, to: &Presence, packet: Vec<u8>) -> Result<(), Gone>;

    /// Tries to reach a node, and goes on trying by itself later if it is not there. Answers its own name, which may be
    /// another than that by which it was reached, when [`Inbox::up`] was told; or why it was not.
    fn connect(&self, place: &Place) -> Boxed<'_, Result<Place, ConnectError>>;

    /// Leaves: peers hear it at once, and nothing is told to the inbox after it has returned. Blocks for a short time.
    fn close(&self);
}

/// The presence that a packet was for is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// Where an engine puts what comes. Called by the engine's threads, so it returns soon and never waits for a peer. Calls
/// about one presence follow each other; those about two may come at once.
///
/// Its methods must never call the engine: the thread that would make room, or tell the end, is the one that calls them.
pub(crate) trait Inbox: Send + Sync {
    /// A peer can be reached, and a packet to it arrives if its link holds.
    fn up(&self, peer: Presence);

    /// It cannot be reached any more; `why` is for people.
    fn down(&self, peer: &Presence, why: &str);

    /// What it sent.
    fn packet(&self, from: &Presence, packet: &[u8]);
}

/// Why a node was not reached.
#[cfg_attr(not(feature = "mesh"), expect(dead_code, reason = "nodes of one process have one cookie, and no ports"))]
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ConnectError {
    /// Its cookie is another.
    #[error("{0} has another cookie")]
    WrongCookie(Place),
    /// Nobody answers there.
    #[error("nobody answers at {place}: {why}")]
    Unreachable { place: Place, why: String },
    /// Somebody answers there that is no node.
    #[error("what answers at {0} is no node of Greenroom's")]
    NotANode(Place),
}
