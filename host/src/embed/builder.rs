//! How a node is to be, and how it starts.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use super::{Inner, Node};
use crate::actor::executor::Executor;
use crate::address::{AddressError, NodeName};
use crate::clock::Clock;
use crate::guest::Guests;
use crate::guest::cache::{Cache, CacheError};
use crate::limits::Limits;
use crate::mesh::{JoinError, Mesh};
use crate::node::Kernel;
use crate::remote_spawn::RemoteSpawn;

/// How a node is to be, before it starts. See [`Node::builder`].
#[derive(Clone, Debug, Default)]
pub struct NodeBuilder {
    threads: Option<usize>,
    limits: Limits,
    clock: Clock,
    cache: Option<PathBuf>,
    remote_spawn: RemoteSpawn,
}

/// How much compiled code a cache keeps on disk, in bytes: 2 GiB, oldest first to go.
const CACHE_BYTES_MAX: u64 = 2 << 30;

impl NodeBuilder {
    /// How many threads run actors: as many as the machine has cores, unless this says otherwise. At least one.
    pub fn threads(mut self, threads: usize) -> NodeBuilder {
        self.threads = Some(threads.max(1));
        self
    }

    /// What all actors of the node may use together, and each of them. Goes before the node's own bounds.
    pub fn limits(mut self, limits: Limits) -> NodeBuilder {
        self.limits = limits;
        self
    }

    /// Where time comes from: [`Clock::paused`] in tests.
    pub fn clock(mut self, clock: Clock) -> NodeBuilder {
        self.clock = clock;
        self
    }

    /// A folder for compiled code, so that a module is compiled once on this machine. Made if it is not there; without
    /// it every load compiles.
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> NodeBuilder {
        self.cache = Some(folder.into());
        self
    }

    /// What this node starts when its peers ask for it, and under which terms. Any module, unless this says otherwise, as code
    /// that one would rather not trust.
    pub fn remote_spawn(mut self, terms: RemoteSpawn) -> NodeBuilder {
        self.remote_spawn = terms;
        self
    }

    /// Starts the node as a member of `mesh`, under the name `COOKIE@HOST:PORT`; port 0 takes a free number. When it answers,
    /// the node is connected with those that the mesh was to be joined by.
    ///
    /// Cancel-safe: no node is left behind.
    ///
    /// # Errors
    ///
    /// If the name is none, or taken, or the cookie is another than the mesh's; if the cache folder cannot be used; if
    /// the system gives no threads. No node is left behind.
    pub async fn start(self, mesh: &Mesh, name: &str) -> Result<Node, StartError> {
        let name: NodeName = name.parse()?;
        let cache = self.cache.map(|folder| Cache::open(folder, CACHE_BYTES_MAX)).transpose()?;
        let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let threads = self.threads.unwrap_or_else(cores);
        let executor = Closing(Executor::start(threads)?, true);
        let mut guests = None;
        // All of it before the first peer is met, who may want something at once.
        let make = |place, uplink| {
            let kernel = Arc::new(Kernel::new(place, self.clock, &self.limits, uplink));
            guests = Some(Guests::new(kernel.clone(), executor.0.clone(), threads, cache, self.remote_spawn));
            kernel
        };
        let (_, member) = mesh.enter(&name, &executor.0, make).await?;
        let guests = guests.expect("whoever enters is made");
        let guests = guests.map_err(|why| StartError::Engine(format!("{why:#}")))?;
        Ok(Node(Arc::new(Inner { guests, member, executor: executor.keep() })))
    }
}

/// Threads that end unless a node starts on them.
struct Closing(Executor, bool);

impl Closing {
    fn keep(mut self) -> Executor {
        self.1 = false;
        self.0.clone()
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if self.1 {
            self.0.close();
        }
    }
}

/// Why a node did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The name is not `COOKIE@HOST:PORT`.
    #[error("cannot start a node: {0}")]
    Name(#[from] AddressError),
    /// The mesh does not take it.
    #[error("cannot start a node: {0}")]
    Join(#[from] JoinError),
    /// The folder for compiled code cannot be used.
    #[error("cannot start a node: {0}")]
    Cache(#[from] CacheError),
    /// The system gave no threads.
    #[error("cannot start a node: its threads do not start: {0}")]
    Threads(#[from] std::io::Error),
    /// The WebAssembly engine does not run on this machine.
    #[error("cannot start a node: the engine does not start: {0}")]
    Engine(String),
}
