//! The engine for the world: Zenoh, embedded. No word of it leaves this room.

mod certificate;
mod config;
mod handle;
mod keys;
mod mender;
mod places;
mod presences;
mod probe;
#[cfg(test)]
pub(super) mod tests;

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::zenoh::internal::runtime::{Runtime, RuntimeBuilder, ZRuntime};
use ::zenoh::liveliness::LivelinessToken;
use ::zenoh::pubsub::Subscriber;
use ::zenoh::query::Queryable;
use ::zenoh::session::Session;
use thiserror::Error;
use tokio::task::{AbortHandle, JoinSet};

use self::certificate::Certificate;
use self::keys::Id;
use self::mender::{LINKING_AT_FIRST, Mender};
use self::presences::Presences;
use self::probe::Probe;
use super::engine::{Inbox, Presence};
use crate::address::{Cookie, Place};

/// How a node joins.
pub(crate) struct Settings {
    /// Its name. The port is never 0.
    pub place: Place,
    pub cookie: Cookie,
    /// Where it listens, if that is not its name.
    pub listen: Option<SocketAddr>,
    /// Whom it looks for, for ever.
    pub seeds: Vec<Place>,
    /// How long a peer may be silent before it is lost.
    pub lease: Duration,
}

/// How long a peer may be silent. A killed, frozen or cut off one is to be seen within 5 seconds.
pub(crate) const LEASE: Duration = Duration::from_secs(4);

/// Why a node could not join.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    /// Somebody else has the name.
    #[error("cannot join the mesh as {0}: a node of that name is running")]
    NameTaken(Place),
    /// The address is taken or not this machine's.
    #[error("cannot listen at {address}: {why}")]
    CannotListen { address: String, why: String },
    /// A bug of ours or the engine's.
    #[error("cannot start the mesh: {0}")]
    Engine(String),
}

/// A node's own Zenoh.
pub(crate) struct Zenoh {
    /// Taken only when this is dropped: the engine must not be dropped on a thread of its host's.
    owned: Option<Owned>,
    closed: AtomicBool,
}

#[derive(Clone)]
pub(crate) struct Owned {
    shared: Arc<Shared>,
    mender: Arc<Mender>,
}

impl std::ops::Deref for Zenoh {
    type Target = Owned;

    fn deref(&self) -> &Owned {
        self.owned.as_ref().expect("it is taken only in the drop")
    }
}

struct Shared {
    me: Presence,
    id: Id,
    listen: String,
    session: Session,
    runtime: Runtime,
    presences: Arc<Presences>,
    declared: Mutex<Option<Declared>>,
    /// What runs until the end.
    tasks: Mutex<Vec<AbortHandle>>,
}

/// What the other nodes can see of this one.
struct Declared {
    token: Option<LivelinessToken>,
    _lanes: Subscriber<()>,
    _tokens: Subscriber<()>,
    _holders: Queryable<()>,
}

/// Joins. Seeds that are not there are no error. Runs on threads of the engine's own, so on any executor.
///
/// # Errors
///
/// [`OpenError`]. Nothing is told to the inbox then, and nothing is left.
pub(crate) async fn open(settings: Settings, incarnation: u64, inbox: Arc<dyn Inbox>) -> Result<Arc<Zenoh>, OpenError> {
    let opening = ZRuntime::Application.spawn(join(settings, incarnation, inbox));
    opening.await.map_err(|why| OpenError::Engine(why.to_string()))?
}

async fn join(settings: Settings, incarnation: u64, inbox: Arc<dyn Inbox>) -> Result<Arc<Zenoh>, OpenError> {
    let Settings { place, cookie, listen, seeds, lease } = settings;
    let me = Presence { place, incarnation };
    let id = Id::of(&me);
    let listen = listen.map_or_else(|| me.place.to_string(), |address| address.to_string());
    let presence = me.clone();
    let certificate = tokio::task::spawn_blocking(move || Certificate::new(&cookie, &presence)).await;
    let certificate = certificate.map_err(engine)?.map_err(OpenError::Engine)?;
    let probe = Probe::new(&certificate).map_err(OpenError::Engine)?;
    let config = config::config(id, &listen, &certificate, lease).map_err(OpenError::Engine)?;

    let presences = Arc::new(Presences::new(me.clone(), inbox));
    let runtime = RuntimeBuilder::new(config).build().await.map_err(engine)?;
    let session = ::zenoh::session::init(runtime.clone().into()).await.map_err(engine)?;
    let mender = Arc::new(Mender::new(me.clone(), runtime.clone(), Arc::clone(&presences), probe));
    let shared = Shared {
        me,
        id,
        listen: listen.clone(),
        session,
        runtime: runtime.clone(),
        presences,
        declared: Mutex::default(),
        tasks: Mutex::default(),
    };
    let zenoh =
        Arc::new(Zenoh { owned: Some(Owned { shared: Arc::new(shared), mender }), closed: AtomicBool::new(false) });
    let started = zenoh.start(runtime, listen, seeds, lease).await;
    if let Err(why) = started {
        zenoh.undo().await;
        return Err(why);
    }
    Ok(zenoh)
}

impl Zenoh {
    async fn start(
        self: &Arc<Zenoh>,
        mut runtime: Runtime,
        listen: String,
        seeds: Vec<Place>,
        lease: Duration,
    ) -> Result<(), OpenError> {
        self.declare().map_err(engine)?;
        let started = runtime.start().await;
        started.map_err(|why| OpenError::CannotListen { address: listen, why: reason(&why.to_string()) })?;
        let mut dials = JoinSet::new();
        for seed in seeds {
            self.mender.seed(&seed);
            let mender = Arc::clone(&self.mender);
            dials.spawn(async move { mender.dial(&seed, LINKING_AT_FIRST).await });
        }
        while dials.join_next().await.is_some() {}
        self.settle(lease).await
    }
}

fn engine(why: impl std::fmt::Display) -> OpenError {
    OpenError::Engine(why.to_string())
}

/// What the system said, without the way it took through the engine.
fn reason(why: &str) -> String {
    let end = why.find(" at /").unwrap_or(why.len());
    let start = why[..end].rfind(": ").map_or(0, |colon| colon + 2);
    why[start..end].to_owned()
}
