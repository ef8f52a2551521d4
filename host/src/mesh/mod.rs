//! The other nodes: the far end of the kernel's uplink.
//!
//! A signal's way out: `peers` finds the peer, `peer` writes it as a frame (`wire`) into the `outbox`, whose next `packet`
//! the peer's own thread gives to the `engine`. Its way in: the engine tells `peers`, the `peer` checks the connection,
//! puts frames together, and hands each to the kernel. `local` is the engine for nodes of one process; `zenoh` that for the
//! world.

pub(crate) mod engine;
#[cfg(feature = "mesh")]
mod cookie;
#[cfg(all(test, feature = "mesh", target_os = "linux"))]
mod hostile;
mod local;
mod outbox;
mod packet;
mod peer;
mod peers;
mod wire;
#[cfg(feature = "mesh")]
mod zenoh;

#[cfg(feature = "mesh")]
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::actor::executor::Executor;
#[cfg(feature = "mesh")]
use crate::address::AddressError;
use crate::address::{Id, NodeName, Place};
use crate::clock::Clock;
use crate::node::Kernel;
use crate::node::uplink::Uplink;
use engine::ConnectError;
#[cfg(feature = "mesh")]
use engine::{Engine, Gone, Presence};
pub use local::Faults;
use local::{Hub, NotEntered};
use packet::VERSION;
use peers::{Link, Peers, Stand};

/// Nodes that share a cookie and can reach each other. A handle; clones are the same mesh.
///
/// [`Mesh::new`] joins nodes of one process. [`Mesh::join`] is for nodes anywhere.
#[derive(Clone)]
pub struct Mesh(Kind);

#[derive(Clone)]
enum Kind {
    Local(Hub),
    #[cfg(feature = "mesh")]
    World(World),
}

/// Where to find the others.
#[cfg(feature = "mesh")]
#[derive(Clone)]
struct World {
    seeds: Vec<Place>,
    listen: Option<SocketAddr>,
}

/// A node that may not join a mesh.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The mesh, or the node that was to be met, has another cookie.
    #[error("cannot join the mesh: {0} has another cookie")]
    WrongCookie(Place),
    /// A node of that name is there.
    #[error("cannot join the mesh as {0}: a node of that name is running")]
    NameTaken(Place),
    /// Every port number from 49152 on is taken by a node of this host name.
    #[error("cannot find a free port number for {0} in this mesh")]
    NoPort(Place),
    /// Others than the programs of this machine could guess the cookie.
    #[error(
        "cannot join the mesh as {0}: its cookie has fewer than {min} characters, which only a mesh within this machine \
         may have; `greenroom cookie new` makes a long one",
        min = crate::address::COOKIE_CHARACTERS_MIN
    )]
    ShortCookie(Place),
    /// Nobody answers where a node was to be met.
    #[error("cannot join the mesh by {place}: nobody answers there: {why}")]
    Unreachable {
        /// Where.
        place: Place,
        /// What the system says.
        why: String,
    },
    /// What answers there is no node of Greenroom's.
    #[error("cannot join the mesh by {0}: what answers there is no node of Greenroom's")]
    NotANode(Place),
    /// The node there speaks another version of the protocol.
    #[error("cannot join the mesh by {place}: it speaks version {theirs} of the protocol, and this node {ours}")]
    OtherVersion {
        /// Where.
        place: Place,
        /// Its version.
        theirs: String,
        /// This node's.
        ours: String,
    },
    /// The engine that carries packets did not start.
    #[error("cannot join the mesh as {place}: {why}")]
    Engine {
        /// The node that was to start.
        place: Place,
        /// What the engine says.
        why: String,
    },
}

/// How long a node that was reached may take until both have said who they are.
const SETTLES: Duration = Duration::from_secs(5);

/// How long a node that leaves waits until its peers have all that was said to them.
const FLUSH: Duration = Duration::from_secs(1);

impl Mesh {
    /// A mesh for nodes of this process, without nodes. Every signal between two of them crosses as bytes, as it does over
    /// a network.
    pub fn new() -> Mesh {
        Mesh(Kind::Local(Hub::default()))
    }

    /// A mesh for nodes anywhere: a node that starts in it meets those at these places, each `HOST:PORT`, and by them all
    /// others. Without any, it waits to be met. What crosses is encrypted, and only who knows the cookie takes part.
    ///
    /// # Errors
    ///
    /// If one is no `HOST:PORT`.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use greenroom::{Mesh, Node};
    ///
    /// let mesh = Mesh::join(["10.0.0.1:3433"])?;
    /// let cookie = std::fs::read_to_string("cookie")?;
    /// let node = Node::start(&mesh, &format!("{}@10.0.0.2:3433", cookie.trim())).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "mesh")]
    pub fn join<P: AsRef<str>>(peers: impl IntoIterator<Item = P>) -> Result<Mesh, AddressError> {
        let seeds = peers.into_iter().map(|place| place.as_ref().parse()).collect::<Result<_, _>>()?;
        Ok(Mesh(Kind::World(World { seeds, listen: None })))
    }

    /// Where a node listens, if not at the host and port that its name says: behind a translated address, say. Without
    /// effect on nodes of one process.
    #[cfg(feature = "mesh")]
    pub fn listen(mut self, address: SocketAddr) -> Mesh {
        if let Kind::World(world) = &mut self.0 {
            world.listen = Some(address);
        }
        self
    }

    /// Faults on the links of this mesh, for tests; none if it is not one of [`Mesh::new`].
    pub fn faults(&self) -> Option<Faults> {
        match &self.0 {
            Kind::Local(hub) => Some(Faults(hub.clone())),
            #[cfg(feature = "mesh")]
            Kind::World(_) => None,
        }
    }

    /// Enters a node. `make` builds it for the place that it gets: the one it asked for, or, for port 0, a free one.
    pub(crate) async fn enter(
        &self,
        name: &NodeName,
        executor: &Executor,
        make: impl FnOnce(Place, Box<dyn Uplink>) -> Arc<Kernel>,
    ) -> Result<(Arc<Kernel>, Member), JoinError> {
        let peers = Peers::new(executor.clone());
        let make = |place: &Place| {
            let kernel = make(place.clone(), Box::new(Link(peers.clone())));
            peers.of(&kernel);
            kernel
        };
        match &self.0 {
            Kind::Local(hub) => {
                let refused = |why| match why {
                    NotEntered::WrongCookie => JoinError::WrongCookie(name.place().clone()),
                    NotEntered::NameTaken => JoinError::NameTaken(name.place().clone()),
                    NotEntered::NoPort => JoinError::NoPort(name.place().clone()),
                };
                let place = hub.reserve(name.cookie(), name.place()).map_err(refused)?;
                let kernel = make(place.place());
                let met = place.enter(peers.ears(), |engine| peers.by(engine));
                let member = Member(peers);
                for place in met {
                    // One whose link fails is met later.
                    _ = member.settled(&place).await;
                }
                Ok((kernel, member))
            }
            #[cfg(feature = "mesh")]
            Kind::World(world) => {
                cookie::check(name, world.listen, &world.seeds)?;
                let place = free_port(name.place(), world.listen)
                    .map_err(|why| JoinError::Engine { place: name.place().clone(), why: why.to_string() })?;
                let kernel = make(&place);
                let settings = zenoh::Settings {
                    place: place.clone(),
                    cookie: name.cookie().clone(),
                    listen: world.listen.map(|listen| match listen.port() {
                        0 => SocketAddr::new(listen.ip(), place.port()),
                        _ => listen,
                    }),
                    seeds: world.seeds.clone(),
                    lease: zenoh::LEASE,
                };
                let member = Member(peers);
                match zenoh::open(settings, random_number(), member.0.ears()).await {
                    Ok(engine) => member.0.by(engine),
                    Err(why) => {
                        member.0.by(Arc::new(NoEngine));
                        return Err(not_opened(why, place));
                    }
                }
                for seed in world.seeds.iter().filter(|seed| **seed != place) {
                    member.connect(seed).await?;
                }
                Ok((kernel, member))
            }
        }
    }
}

impl Default for Mesh {
    fn default() -> Mesh {
        Mesh::new()
    }
}

/// A node's place in its mesh. Dropped, the node leaves: nothing reaches it any more, and the others hear that it is lost.
pub(crate) struct Member(Arc<Peers>);

impl Member {
    /// Connects with another node.
    pub(crate) async fn connect(&self, place: &Place) -> Result<(), JoinError> {
        let Some(engine) = self.0.engine() else { return Ok(()) };
        if self.0.stand(place) == Stand::Connected {
            return Ok(());
        }
        let place = engine.connect(place).await.map_err(|why| match why {
            ConnectError::WrongCookie(place) => JoinError::WrongCookie(place),
            ConnectError::Unreachable { place, why } => JoinError::Unreachable { place, why },
            ConnectError::NotANode(place) => JoinError::NotANode(place),
        })?;
        self.settled(&place).await
    }

    async fn settled(&self, place: &Place) -> Result<(), JoinError> {
        // Real time, whatever the node's clock says: it is the other's time too.
        let clock = Clock::real();
        match clock.timeout(clock.deadline(SETTLES), self.0.settled(place)).await {
            Some(Stand::OtherVersion(theirs)) => Err(JoinError::OtherVersion {
                place: place.clone(),
                theirs: theirs.to_string(),
                ours: VERSION.to_string(),
            }),
            Some(Stand::Connected | Stand::NotConnected) => Ok(()),
            None => {
                let why = format!("it has not said who it is within {SETTLES:?}");
                Err(JoinError::Unreachable { place: place.clone(), why })
            }
        }
    }

    /// Waits, for a short time, until all peers have what was said to them. Cancel-safe.
    pub(crate) async fn flush(&self) {
        let clock = Clock::real();
        _ = clock.timeout(clock.deadline(FLUSH), self.0.until_idle()).await;
    }

    /// The node leaves. Once is enough.
    pub(crate) fn leave(&self) {
        if let Some(engine) = self.0.engine() {
            engine.close();
        }
        self.0.end();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Stands in for an engine that did not start.
#[cfg(feature = "mesh")]
struct NoEngine;

#[cfg(feature = "mesh")]
impl Engine for NoEngine {
    fn send(&self, _: &Presence, _: Vec<u8>) -> Result<(), Gone> {
        Err(Gone)
    }

    fn connect(&self, place: &Place) -> crate::node::uplink::Boxed<'_, Result<Place, ConnectError>> {
        let why = "the engine did not start".into();
        Box::pin(std::future::ready(Err(ConnectError::Unreachable { place: place.clone(), why })))
    }

    fn close(&self) {}
}

#[cfg(feature = "mesh")]
fn not_opened(why: zenoh::OpenError, place: Place) -> JoinError {
    match why {
        zenoh::OpenError::NameTaken(place) => JoinError::NameTaken(place),
        zenoh::OpenError::CannotListen { address, why } => {
            JoinError::Engine { place, why: format!("cannot listen at {address}: {why}") }
        }
        zenoh::OpenError::Engine(why) => JoinError::Engine { place, why },
    }
}

/// The place itself, or, for port 0, with a port that is free where the node will listen.
#[cfg(feature = "mesh")]
fn free_port(place: &Place, listen: Option<SocketAddr>) -> std::io::Result<Place> {
    if place.port() != 0 {
        return Ok(place.clone());
    }
    if let Some(listen) = listen.filter(|listen| listen.port() != 0) {
        return Ok(place.with_port(listen.port()));
    }
    let socket = match listen {
        Some(listen) => UdpSocket::bind(listen),
        None => UdpSocket::bind(place.as_str()),
    };
    Ok(place.with_port(socket?.local_addr()?.port()))
}

/// 64 random bits: a number that no other life of a node has, and no other connection.
fn random_number() -> u64 {
    Id::random().bits() as u64
}
