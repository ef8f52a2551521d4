//! The engine for nodes of one process: every packet crosses as bytes, and links can be made to fail.

mod faults;
mod lane;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::engine::{ConnectError, Engine, Gone, Inbox, Presence};
use crate::address::{Cookie, Place};
use crate::lock::lock;
use crate::node::uplink::Boxed;
pub use faults::Faults;
use lane::Lane;

/// Where the nodes of one process meet. A handle; clones are the same.
#[derive(Clone, Default)]
pub(super) struct Hub(Arc<Mutex<Members>>);

#[derive(Default)]
struct Members {
    /// The first node's; whoever joins later must know it.
    cookie: Option<Cookie>,
    nodes: HashMap<Place, Entry>,
    /// From the first to the second.
    lanes: HashMap<(Place, Place), Arc<Lane>>,
}

#[derive(Clone)]
struct Entry {
    presence: Presence,
    inbox: Arc<dyn Inbox>,
    /// Until then its place is only kept for it.
    entered: bool,
}

/// Why a node may not enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotEntered {
    WrongCookie,
    NameTaken,
    NoPort,
}

/// Where the numbers for nodes that ask for port 0 begin: the range that IANA keeps for private use (RFC 6335).
const PORTS: std::ops::RangeInclusive<u16> = 49152..=65535;

impl Hub {
    /// Reserves a place for a node: the one it asked for, or, for port 0, a free one. It is given back if the reservation
    /// is dropped.
    pub(super) fn reserve(&self, cookie: &Cookie, place: &Place) -> Result<Reserved, NotEntered> {
        let mut members = lock(&self.0);
        let Members { cookie: known, nodes, .. } = &mut *members;
        if nodes.is_empty() {
            // The last node took its cookie with it.
            *known = Some(cookie.clone());
        } else if known.as_ref() != Some(cookie) {
            return Err(NotEntered::WrongCookie);
        }
        let place = match place.port() {
            0 => PORTS.map(|port| place.with_port(port)).find(|place| !nodes.contains_key(place)),
            _ => Some(place.clone()),
        };
        let place = place.ok_or(NotEntered::NoPort)?;
        if nodes.contains_key(&place) {
            return Err(NotEntered::NameTaken);
        }
        let presence = Presence { place: place.clone(), incarnation: super::random_number() };
        nodes.insert(place, Entry { presence: presence.clone(), inbox: Arc::new(Nobody), entered: false });
        Ok(Reserved { hub: self.clone(), presence, entered: false })
    }

    fn leave(&self, presence: &Presence) {
        let mut members = lock(&self.0);
        let place = &presence.place;
        if members.nodes.get(place).is_none_or(|entry| entry.presence != *presence) {
            return;
        }
        members.nodes.remove(place);
        members.lanes.retain(|(from, to), _| from != place && to != place);
        let left: Vec<Entry> = members.nodes.values().filter(|entry| entry.entered).cloned().collect();
        drop(members);
        left.iter().for_each(|entry| entry.inbox.down(presence, "it has left the mesh"));
    }
}

impl Members {
    /// Tells nodes of each other. Under the lock that every packet needs too, so that none overtakes the news of its sender.
    fn introduce<'a>(&self, pairs: impl Iterator<Item = (&'a Entry, &'a Entry)>) {
        for (one, other) in pairs {
            one.inbox.up(other.presence.clone());
            other.inbox.up(one.presence.clone());
        }
    }

    fn is_cut(&self, a: &Place, b: &Place) -> bool {
        self.lanes.get(&(a.clone(), b.clone())).is_some_and(|lane| lane.is_cut())
    }
}

/// A place that is kept for a node which is about to enter.
pub(super) struct Reserved {
    hub: Hub,
    presence: Presence,
    entered: bool,
}

impl Reserved {
    pub(super) fn place(&self) -> &Place {
        &self.presence.place
    }

    /// The node is there: all others hear of it, and it of them, before this returns. `ready` is told the engine before
    /// that. Answers whom it meets.
    pub(super) fn enter(mut self, inbox: Arc<dyn Inbox>, ready: impl FnOnce(Arc<dyn Engine>)) -> Vec<Place> {
        self.entered = true;
        let engine = Local { presence: self.presence.clone(), hub: self.hub.clone() };
        ready(Arc::new(engine));
        let mut members = lock(&self.hub.0);
        let entry = Entry { presence: self.presence.clone(), inbox, entered: true };
        members.nodes.insert(self.presence.place.clone(), entry.clone());
        let others = members.nodes.values().filter(|other| other.presence != entry.presence);
        let others = others.filter(|other| !members.is_cut(&entry.presence.place, &other.presence.place));
        let others: Vec<Entry> = others.filter(|other| other.entered).cloned().collect();
        members.introduce(others.iter().map(|other| (other, &entry)));
        drop(members);
        others.into_iter().map(|other| other.presence.place).collect()
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.entered {
            lock(&self.hub.0).nodes.remove(&self.presence.place);
        }
    }
}

/// Stands in a reserved place.
struct Nobody;

impl Inbox for Nobody {
    fn up(&self, _: Presence) {}

    fn down(&self, _: &Presence, _: &str) {}

    fn packet(&self, _: &Presence, _: &[u8]) {}
}

/// One node's way to the others of its process.
struct Local {
    presence: Presence,
    /// The mesh lasts as long as its nodes, also if nobody has a handle of it any more.
    hub: Hub,
}

impl Engine for Local {
    fn send(&self, to: &Presence, packet: Vec<u8>) -> Result<(), Gone> {
        let (inbox, lane) = {
            let members = lock(&self.hub.0);
            let entry = members.nodes.get(&to.place).filter(|entry| entry.presence == *to).ok_or(Gone)?;
            let lane = members.lanes.get(&(self.presence.place.clone(), to.place.clone())).cloned();
            (entry.inbox.clone(), lane)
        };
        match lane {
            None => inbox.packet(&self.presence, &packet),
            Some(lane) => lane.send(&self.presence, inbox, packet),
        }
        Ok(())
    }

    fn connect(&self, place: &Place) -> Boxed<'_, Result<Place, ConnectError>> {
        let there = lock(&self.hub.0).nodes.contains_key(place);
        let why = "no node of that name is in this process".into();
        let answer =
            there.then(|| place.clone()).ok_or_else(|| ConnectError::Unreachable { place: place.clone(), why });
        Box::pin(std::future::ready(answer))
    }

    fn close(&self) {
        self.hub.leave(&self.presence);
    }
}
