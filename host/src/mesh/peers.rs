//! All peers of one node: what the kernel hands over goes to the right one, and what the engine brings comes from the right
//! one.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, OnceLock, RwLock, Weak};

use tokio::sync::Notify;

use super::engine::{Engine, Inbox, Presence};
use super::packet::Version;
use super::peer::{NotSent, Peer};
use crate::actor::executor::Executor;
use crate::address::{Id, Place};
use crate::lock::{read, write};
use crate::message::Message;
use crate::node::uplink::{Asking, Boxed, Membership, Question, Then, Uplink};
use crate::node::{Kernel, mailbox_full};
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, To};

/// What the peers of a node share.
pub(super) struct Node {
    kernel: OnceLock<Weak<Kernel>>,
    engine: OnceLock<Arc<dyn Engine>>,
    executor: Executor,
    /// Told when a peer is connected, or is not any more.
    changed: Notify,
}

/// All peers of one node.
pub(super) struct Peers {
    node: Arc<Node>,
    peers: RwLock<BTreeMap<Place, Arc<Peer>>>,
}

/// The kernel's handle.
pub(super) struct Link(pub(super) Arc<Peers>);

/// What an engine has of them. Weak: they have the engine, and neither would ever go.
pub(super) struct Ears(Weak<Peers>);

/// How it stands with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Connected,
    NotConnected,
    OtherVersion(Version),
}

impl Node {
    pub(super) fn kernel(&self) -> Option<Arc<Kernel>> {
        self.kernel.get()?.upgrade()
    }

    /// Waits for it, since an engine may bring the first peer before it has said that it runs.
    pub(super) fn engine(&self) -> &Arc<dyn Engine> {
        self.engine.wait()
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(task);
    }

    pub(super) fn changed(&self) {
        self.changed.notify_waiters();
    }
}

impl Peers {
    pub(super) fn new(executor: Executor) -> Arc<Peers> {
        let node = Node { kernel: OnceLock::new(), engine: OnceLock::new(), executor, changed: Notify::new() };
        Arc::new(Peers { node: Arc::new(node), peers: RwLock::default() })
    }

    /// For the engine.
    pub(super) fn ears(self: &Arc<Self>) -> Arc<dyn Inbox> {
        Arc::new(Ears(Arc::downgrade(self)))
    }

    /// Whose peers they are. Before the engine brings anything.
    pub(super) fn of(&self, kernel: &Arc<Kernel>) {
        _ = self.node.kernel.set(Arc::downgrade(kernel));
    }

    /// By which engine.
    pub(super) fn by(&self, engine: Arc<dyn Engine>) {
        _ = self.node.engine.set(engine);
    }

    pub(super) fn engine(&self) -> Option<&Arc<dyn Engine>> {
        self.node.engine.get()
    }

    fn find(&self, place: &Place) -> Option<Arc<Peer>> {
        read(&self.peers).get(place).cloned()
    }

    pub(super) fn stand(&self, place: &Place) -> Stand {
        match self.find(place) {
            Some(peer) if peer.is_confirmed() => Stand::Connected,
            Some(peer) => peer.other_version().map_or(Stand::NotConnected, Stand::OtherVersion),
            None => Stand::NotConnected,
        }
    }

    /// Waits until all peers have what was said to them. Cancel-safe.
    pub(super) async fn until_idle(&self) {
        let peers: Vec<Arc<Peer>> = read(&self.peers).values().cloned().collect();
        for peer in peers {
            peer.until_idle().await;
        }
    }

    /// Waits until a peer is connected, and this node with it, or is of another version. Cancel-safe.
    pub(super) async fn settled(&self, place: &Place) -> Stand {
        loop {
            let changed = self.node.changed.notified();
            match self.stand(place) {
                Stand::NotConnected => changed.await,
                stand => return stand,
            }
        }
    }

    /// The node leaves: all peers are lost to it.
    pub(super) fn end(&self) {
        let peers = std::mem::take(&mut *write(&self.peers));
        peers.into_values().for_each(|peer| peer.end("this node has left the mesh"));
    }
}

impl Link {
    /// Does something with a peer. `to` is whom a message is for.
    fn with<T>(
        &self,
        place: &Place,
        to: Option<&To>,
        act: impl FnOnce(Arc<Peer>) -> Result<T, NotSent>,
    ) -> Result<T, Refusal> {
        self.0.find(place).map_or(Err(NotSent::NotConnected), act).map_err(|why| refusal(why, place, to))
    }
}

impl Uplink for Link {
    fn carry(&self, place: &Place, to: &To, envelope: Envelope) -> Result<(), Refusal> {
        self.with(place, Some(to), |peer| peer.carry(to, &envelope))
    }

    fn ask(&self, place: &Place, from: Option<Id>, question: Question) -> Result<Asking, Refusal> {
        self.with(place, None, |peer| peer.ask(from, &question))
    }

    fn ask_then(&self, place: &Place, from: Option<Id>, question: Question, then: Then) -> Result<(), Refusal> {
        self.with(place, None, |peer| peer.ask_then(from, &question, then))
    }

    fn room(&self, place: &Place, to: &To) -> Boxed<'static, ()> {
        match self.0.find(place) {
            Some(peer) => peer.room(to),
            None => Box::pin(std::future::ready(())),
        }
    }

    fn peers(&self) -> Vec<Place> {
        let peers = read(&self.0.peers);
        peers.iter().filter(|(_, peer)| peer.is_connected()).map(|(place, _)| place.clone()).collect()
    }

    fn cast(&self, place: &Place, from: Option<Id>, group: &str, message: &Message) -> Result<(), Refusal> {
        self.with(place, None, |peer| peer.cast(from, group, message))
    }

    fn tell(&self, membership: &Membership) {
        read(&self.0.peers).values().for_each(|peer| peer.tell(membership));
    }

    fn introduce(&self, place: &Place, memberships: Vec<Membership>) {
        if let Some(peer) = self.0.find(place) {
            peer.introduce(memberships);
        }
    }
}

fn refusal(why: NotSent, place: &Place, to: Option<&To>) -> Refusal {
    let to = to.map(|to| to.address(place));
    match (why, to) {
        (NotSent::NotConnected, _) => {
            let message = format!("cannot reach {place}: this node is not connected with a node of that name");
            Refusal::new(RefusalKind::NotConnected, message)
        }
        (NotSent::Busy, Some(to)) => mailbox_full(&to),
        (NotSent::TooOld, _) => {
            let message = format!("{place} runs an older version of Greenroom, which starts nothing for others");
            Refusal::new(RefusalKind::Unsupported, message)
        }
        (NotSent::Busy | NotSent::Full, _) => {
            let message = format!("as much waits on the way to {place} as may");
            Refusal::new(RefusalKind::MailboxFull, message)
        }
    }
}

impl Inbox for Ears {
    fn up(&self, peer: Presence) {
        self.0.upgrade().iter().for_each(|peers| peers.up(peer.clone()));
    }

    fn down(&self, peer: &Presence, why: &str) {
        self.0.upgrade().iter().for_each(|peers| peers.down(peer, why));
    }

    fn packet(&self, from: &Presence, packet: &[u8]) {
        self.0.upgrade().iter().for_each(|peers| peers.packet(from, packet));
    }
}

impl Peers {
    fn up(&self, presence: Presence) {
        let place = presence.place.clone();
        match self.find(&place) {
            Some(peer) if *peer.presence() == presence => return,
            // First told as lost, then as another.
            Some(peer) => peer.end("it was started again"),
            None => {}
        }
        match Peer::start(&self.node, presence) {
            Ok(peer) => drop(write(&self.peers).insert(place, peer)),
            Err(why) => tracing::error!(target: "greenroom", "cannot talk to {place}: no thread for it: {why}"),
        }
    }

    fn down(&self, presence: &Presence, why: &str) {
        let Some(peer) = self.find(&presence.place).filter(|peer| peer.presence() == presence) else { return };
        peer.end(why);
        let mut peers = write(&self.peers);
        if peers.get(&presence.place).is_some_and(|known| Arc::ptr_eq(known, &peer)) {
            peers.remove(&presence.place);
        }
    }

    fn packet(&self, from: &Presence, packet: &[u8]) {
        if let Some(peer) = self.find(&from.place).filter(|peer| peer.presence() == from) {
            peer.packet(packet);
        }
    }
}
