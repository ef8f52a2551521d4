//! Dials: the seeds, and every node that was ever heard of and cannot be reached now.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ::zenoh::internal::runtime::{Runtime, ZRuntime};
use tokio::time::timeout;

use super::config::locator;
use super::places::{Places, engine_id};
use super::presences::Presences;
use super::probe::Probe;
use crate::address::Place;
use crate::lock::lock;
use crate::mesh::engine::{ConnectError, Presence};

/// How often it looks who is missing.
const TICK: Duration = Duration::from_millis(500);

/// How long a link may take from the handshake to its node's token.
pub(super) const LINKING: Duration = Duration::from_secs(5);

/// The same while this node joins: of two that join at once, each waits for the other's token in vain.
pub(super) const LINKING_AT_FIRST: Duration = Duration::from_millis(500);

pub(super) struct Mender {
    me: Presence,
    runtime: Runtime,
    presences: Arc<Presences>,
    probe: Probe,
    places: Mutex<Places>,
}

impl Mender {
    pub fn new(me: Presence, runtime: Runtime, presences: Arc<Presences>, probe: Probe) -> Mender {
        let places = Mutex::new(Places::new(me.clone()));
        Mender { me, runtime, presences, probe, places }
    }

    /// Remembers a place that somebody named.
    pub fn seed(&self, place: &Place) {
        lock(&self.places).seed(place);
    }

    /// Remembers somebody who is there.
    pub fn heard(&self, presence: &Presence) {
        lock(&self.places).heard(presence);
    }

    /// Somebody is there, a peer says.
    pub fn rumour(&self, presence: &Presence) {
        lock(&self.places).rumour(presence);
    }

    /// Forgets somebody who left of its own will, unless it is a seed.
    pub fn left(&self, place: &Place) {
        lock(&self.places).left(place);
    }

    /// Looks after the mesh until it is aborted. A dial is a task of its own that nobody aborts: the engine would never
    /// dial that node again.
    pub async fn run(self: Arc<Mender>) {
        let mut ticks = tokio::time::interval(TICK);
        for tick in 1.. {
            ticks.tick().await;
            let due = lock(&self.places).due(tick, Instant::now(), |presence| self.presences.is_here(presence));
            for place in due {
                let mender = Arc::clone(&self);
                ZRuntime::Application.spawn(async move { mender.mend(&place).await });
            }
        }
    }

    async fn mend(&self, place: &Place) {
        let result = self.dial(place, LINKING).await;
        let warns = lock(&self.places).dialled(place, result.as_ref().map(|_| ()), Instant::now());
        if let (true, Err(why)) = (warns, result) {
            tracing::warn!(target: "greenroom", "cannot connect with {place}: {why}");
        }
    }

    /// One try. Answers who answered, when its token is here.
    pub async fn dial(&self, place: &Place, linking: Duration) -> Result<Presence, ConnectError> {
        let unreachable = |why: String| ConnectError::Unreachable { place: place.clone(), why };
        let found = tokio::net::lookup_host(place.as_str()).await.map_err(|why| unreachable(why.to_string()))?.next();
        let address = found.ok_or_else(|| unreachable("the host name has no address".into()))?;
        let presence = self.probe.ask(place, address).await?;
        lock(&self.places).answered(place, &presence);
        if presence == self.me {
            return Ok(presence);
        }
        self.link(&presence, address).await;
        match timeout(linking, self.arrives(&presence)).await {
            Ok(()) => Ok(presence),
            Err(_) => Err(unreachable(format!("it answers, but does not link within {linking:?}"))),
        }
    }

    /// Never aborted, see [`Mender::run`]; bounded by the engine's own time for opening a link.
    async fn link(&self, presence: &Presence, address: SocketAddr) {
        let locator = to_dial(address).parse().expect("a socket address is one of the engine's locators");
        // Whether it worked is seen by its token.
        _ = self.runtime.connect_peer(&engine_id(presence).into(), &[locator]).await;
    }

    async fn arrives(&self, presence: &Presence) {
        let mut changes = self.presences.changes();
        while !self.presences.is_here(presence) {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

/// Where it is dialled, in the engine's words. It takes all before the last colon for a host name that TLS may check, and
/// with brackets an IPv6 address is none.
fn to_dial(address: SocketAddr) -> String {
    locator(&format!("{}:{}", address.ip(), address.port()))
}
