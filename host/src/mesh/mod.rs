//! The nodes that can reach each other: today, those of one process.

#[allow(dead_code)]
pub(crate) mod engine;
pub(crate) mod wire;

use std::collections::HashMap;
use std::sync::{Arc, RwLock, Weak};

use thiserror::Error;

use crate::address::{Cookie, Id, NodeName, Place};
use crate::lock::{read, write};
use crate::node::Kernel;
use crate::node::uplink::{Asking, Boxed, Question, Uplink};
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, To};

/// A mesh of nodes that share a cookie. This one joins the nodes of one process: every signal between two of them
/// crosses as bytes, as it will over a network.
///
/// A handle; clones are the same mesh.
#[derive(Clone, Default)]
pub struct Mesh(Arc<RwLock<Members>>);

#[derive(Default)]
struct Members {
    /// The first node's; whoever joins later must know it.
    cookie: Option<Cookie>,
    nodes: HashMap<Place, Weak<Kernel>>,
}

/// A node that may not join a mesh.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The mesh has another cookie.
    #[error("cannot join the mesh as {0}: its nodes have another cookie")]
    WrongCookie(Place),
    /// A node of that name is there.
    #[error("cannot join the mesh as {0}: a node of that name is running")]
    NameTaken(Place),
    /// Every port number from 49152 on is taken by a node of this host name.
    #[error("cannot find a free port number for {0} in this mesh")]
    NoPort(Place),
}

/// Where the numbers for nodes that ask for port 0 begin: the range that IANA keeps for private use (RFC 6335).
const PORTS: std::ops::RangeInclusive<u16> = 49152..=65535;

impl Mesh {
    /// A mesh without nodes.
    pub fn new() -> Mesh {
        Mesh::default()
    }

    /// Enters a node. `make` builds it for the place that it gets: the one it asked for, or, for port 0, a free one.
    pub(crate) fn join(
        &self,
        name: &NodeName,
        make: impl FnOnce(Place, Box<dyn Uplink>) -> Arc<Kernel>,
    ) -> Result<Arc<Kernel>, JoinError> {
        let mut members = write(&self.0);
        let Members { cookie, nodes } = &mut *members;
        nodes.retain(|_, node| node.strong_count() > 0);
        if nodes.is_empty() {
            // The last node took its cookie with it.
            *cookie = Some(name.cookie().clone());
        } else if cookie.as_ref() != Some(name.cookie()) {
            return Err(JoinError::WrongCookie(name.place().clone()));
        }
        let place = match name.place().port() {
            0 => PORTS.map(|port| name.place().with_port(port)).find(|place| !nodes.contains_key(place)),
            _ => Some(name.place().clone()),
        };
        let place = place.ok_or_else(|| JoinError::NoPort(name.place().clone()))?;
        if nodes.contains_key(&place) {
            return Err(JoinError::NameTaken(place));
        }
        let kernel = make(place.clone(), Box::new(Local { here: place.clone(), members: Arc::downgrade(&self.0) }));
        nodes.insert(place, Arc::downgrade(&kernel));
        Ok(kernel)
    }

    /// Takes a node out, so that its name is free and nothing reaches it any more; the others hear that it is lost.
    pub(crate) fn leave(&self, place: &Place) {
        let mut members = write(&self.0);
        members.nodes.remove(place);
        let left: Vec<Arc<Kernel>> = members.nodes.values().filter_map(Weak::upgrade).collect();
        drop(members);
        left.iter().for_each(|node| node.lost(place));
    }
}

/// A node's link to the others of its process.
struct Local {
    here: Place,
    members: Weak<RwLock<Members>>,
}

impl Uplink for Local {
    fn carry(&self, place: &Place, to: &To, envelope: Envelope) -> Result<(), Refusal> {
        let peer = self.members.upgrade().and_then(|mesh| read(&mesh).nodes.get(place).and_then(Weak::upgrade));
        let (Some(peer), To::Id(id)) = (peer, to) else {
            return Err(not_connected(place));
        };
        let bytes = wire::encode(*id, &envelope);
        let (id, envelope) = wire::decode(&bytes, peer.root().admission())?;
        peer.arrive(&self.here, id, envelope)
    }
    fn ask(&self, place: &Place, _: Option<Id>, _: Question) -> Result<Asking, Refusal> {
        Err(not_connected(place))
    }

    fn room(&self, _: &Place, _: &To) -> Boxed<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn peers(&self) -> Vec<Place> {
        let Some(mesh) = self.members.upgrade() else { return Vec::new() };
        let mut peers: Vec<Place> = read(&mesh).nodes.keys().filter(|place| **place != self.here).cloned().collect();
        peers.sort();
        peers
    }
}

fn not_connected(place: &Place) -> Refusal {
    let message = format!("cannot reach {place}: no node of that name is in the mesh");
    Refusal::new(RefusalKind::NotConnected, message)
}
