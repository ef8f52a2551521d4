//! A node inside somebody's program: what an embedder holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::actor::context;
use crate::actor::executor::Executor;
use crate::address::{Address, AddressError, NodeName, Place};
use crate::clock::Clock;
use crate::guest::Guests;
use crate::guest::cache::{Cache, CacheError};
use crate::guest::library::{LoadError, Module};
use crate::limits::Limits;
use crate::mailbox::Ending;
use crate::mesh::{JoinError, Mesh};
use crate::message::{IntoMessage, Message};
use crate::node::Kernel;
use crate::outcome::{Exception, Outcome};
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Signal};

/// A running node: it loads modules and hosts actors.
///
/// A handle; clones are the same node. When the last is dropped the node's actors end at their next pause, without
/// being asked; [`Node::shutdown`] ends them in order. A node brings its own threads and takes nothing from its
/// embedder: it can be started, used and dropped inside or outside of any async runtime.
///
/// # Example
///
/// ```
/// use greenroom::{Mesh, Node};
/// use serde_json::json;
///
/// # const ECHO: &str = include_str!("guest/echo.wat");
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let mesh = Mesh::new();
/// let node = Node::start(&mesh, "cookie@127.0.0.1:3433").await?;
/// let echo = node.load_bytes("echo", ECHO).await?;
/// let actor = node.spawn(&echo, "main", json!(["hello"])).await?;
/// assert_eq!(node.wait(&actor).await?, json!(["hello"]));
/// node.shutdown().await;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    guests: Arc<Guests>,
    mesh: Mesh,
    executor: Executor,
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

/// Why [`Node::wait`] has no value.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The actor ended with an exception.
    #[error("{0}")]
    Exception(Exception),
    /// The call was not done.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// How a node is to be, before it starts. See [`Node::builder`].
#[derive(Clone, Debug, Default)]
pub struct NodeBuilder {
    threads: Option<usize>,
    limits: Limits,
    clock: Clock,
    cache: Option<PathBuf>,
}

/// How much compiled code a cache keeps on disk, in bytes: 2 GiB, oldest first to go.
const CACHE_BYTES_MAX: u64 = 2 << 30;

/// How long a shutdown waits for its actors to end before it kills what is left.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

impl NodeBuilder {
    /// How many threads run actors: as many as the machine has cores, unless this says otherwise. At least one.
    pub fn threads(mut self, threads: usize) -> NodeBuilder {
        self.threads = Some(threads.max(1));
        self
    }

    /// What each actor may use.
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

    /// Starts the node as a member of `mesh`, under the name `COOKIE@HOST:PORT`; port 0 takes a free number.
    ///
    /// Cancel-safe: it does all of its work in the first poll.
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
        let make = |place, uplink| Arc::new(Kernel::new(place, self.clock, self.limits, uplink));
        let kernel = mesh.join(&name, make)?;
        let started = Executor::start(threads).map_err(StartError::from).and_then(|executor| {
            let guests = Guests::new(kernel.clone(), executor.clone(), threads, cache);
            match guests {
                Ok(guests) => Ok((guests, executor)),
                Err(why) => {
                    executor.close();
                    Err(StartError::Engine(format!("{why:#}")))
                }
            }
        });
        let (guests, executor) = started.inspect_err(|_| mesh.leave(kernel.place()))?;
        Ok(Node(Arc::new(Inner { guests: Arc::new(guests), mesh: mesh.clone(), executor })))
    }
}

impl Node {
    /// Starts a node with everything as it comes. See [`NodeBuilder::start`].
    ///
    /// # Errors
    ///
    /// As [`NodeBuilder::start`].
    pub async fn start(mesh: &Mesh, name: &str) -> Result<Node, StartError> {
        Node::builder().start(mesh, name).await
    }

    /// Settings for a node, to be started with [`NodeBuilder::start`].
    pub fn builder() -> NodeBuilder {
        NodeBuilder::default()
    }

    /// The node's name without its cookie.
    pub fn place(&self) -> &Place {
        self.kernel().place()
    }

    /// How many actors live here.
    pub fn actors(&self) -> usize {
        self.kernel().living()
    }

    /// Loads a module from a file: a component, its text form (`.wat`), or a core module that speaks the contract.
    /// Its name is the file's without the ending; a module of that name that was loaded before is replaced.
    ///
    /// Compiles on a thread of its own; actors and timers run on meanwhile. Cancel-safe: the load itself is finished
    /// even if nobody waits for it.
    ///
    /// # Errors
    ///
    /// See [`LoadError`]. Nothing of the module ran.
    pub async fn load(&self, path: impl AsRef<Path>) -> Result<Module, LoadError> {
        let path = path.as_ref().to_owned();
        let name = path.display().to_string();
        self.off_thread(name, move |guests| guests.library().load_file(&path)).await
    }

    /// Loads a module from bytes under a name. See [`Node::load`].
    ///
    /// # Errors
    ///
    /// As [`Node::load`].
    pub async fn load_bytes(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<Module, LoadError> {
        let (name, bytes) = (name.to_owned(), bytes.as_ref().to_owned());
        self.off_thread(name.clone(), move |guests| guests.library().load(&name, &name, &bytes)).await
    }

    async fn off_thread(
        &self,
        name: String,
        load: impl FnOnce(&Guests) -> Result<Module, LoadError> + Send + 'static,
    ) -> Result<Module, LoadError> {
        let guests = self.0.guests.clone();
        let (sender, loaded) = oneshot::channel();
        let work = move || {
            // Nobody waits any more if it fails; the module is loaded all the same.
            let _ = sender.send(load(&guests));
        };
        let thread = thread::Builder::new().name("greenroom-loader".into()).spawn(work);
        thread.map_err(|source| LoadError::NoThread { name: name.clone(), source })?;
        let panicked = || LoadError::Compile { name, message: "the compiler panicked".into() };
        loaded.await.unwrap_or_else(|_| Err(panicked()))
    }

    /// Starts an actor and answers its address. `args` is an array (positional) or an object (named). `entry` means
    /// one in `module`, or, with a slash, in another that is loaded.
    ///
    /// The actor's outcome stays readable as long as this address, or a clone of it, is kept.
    ///
    /// Cancel-safe: it does all of its work in the first poll. A future that is dropped before leaves no actor.
    ///
    /// # Errors
    ///
    /// `no-such-module`, `no-such-entry`, `bad-argument`, `too-large`, `limit`, `stopping`. There is no actor then.
    pub async fn spawn(&self, module: &Module, entry: &str, args: impl IntoMessage) -> Result<Address, Refusal> {
        let args = self.admit(args)?;
        let mailbox = self.0.guests.spawn(module, entry, args, None)?;
        Ok(self.kernel().address(mailbox.id()).keeping(mailbox))
    }

    /// Puts a message into an actor's mailbox, here or on another node of the mesh. Never waits.
    ///
    /// # Errors
    ///
    /// `no-such-actor`, `mailbox-full`, `too-large`, `not-connected`. Nothing was delivered then.
    pub fn send(&self, to: &Address, message: impl IntoMessage) -> Result<(), Refusal> {
        let message = self.admit(message)?;
        let target = self.kernel().resolve(&to.to_string())?;
        self.kernel().deliver(&target, Envelope { from: None, signal: Signal::Message(message) })
    }

    /// Waits for an actor's end and answers the value it returned. Works also when it has ended before.
    ///
    /// Cancel-safe: nothing is taken from anybody, and the outcome can be asked for again.
    ///
    /// # Errors
    ///
    /// If the actor ended with an exception, or the node has no such actor (`noproc`).
    pub async fn wait(&self, actor: &Address) -> Result<Value, WaitError> {
        match self.outcome(actor).await? {
            Outcome::Exit(value) => Ok(value.to_value()),
            Outcome::Exception(exception) => Err(WaitError::Exception(exception)),
        }
    }

    /// As [`Node::wait`], but answers the outcome as it is, with the value's very text.
    ///
    /// Cancel-safe as [`Node::wait`] is.
    ///
    /// # Errors
    ///
    /// `unsupported` for an actor of another node. An actor that nobody knows is an outcome: `noproc`.
    pub async fn outcome(&self, actor: &Address) -> Result<Outcome, Refusal> {
        let outcome = match actor.kept() {
            Some(mailbox) => mailbox.wait().await,
            None => context::wait(self.kernel(), actor).await?,
        };
        Ok(Outcome::clone(&outcome))
    }

    /// Ends an actor of this node at once; it cannot prevent it. Returns before it has ended: [`Node::wait`] tells.
    ///
    /// # Errors
    ///
    /// `no-such-actor`, also for one that has ended; `unsupported` for an actor of another node.
    pub fn kill(&self, actor: &Address) -> Result<(), Refusal> {
        match self.kernel().resolve(&actor.to_string())? {
            crate::node::Target::Here(mailbox) => {
                mailbox.request_end(Ending::Kill);
                Ok(())
            }
            crate::node::Target::There(_) => {
                let message = format!("cannot kill {actor}: killing an actor of another node is not built yet");
                Err(Refusal::new(RefusalKind::Unsupported, message))
            }
        }
    }

    /// Ends all actors and takes the node out of its mesh. Spawns are refused from the first poll on; each actor ends
    /// with an exception of type `shutdown`, at the latest when its time slice is over. Answers when the last has ended.
    ///
    /// Cancel-safe: what it began goes on; call it again to wait for the rest.
    pub async fn shutdown(&self) {
        let kernel = self.kernel();
        kernel.stop();
        self.0.mesh.leave(kernel.place());
        kernel.actors().iter().for_each(|actor| actor.request_end(Ending::Shutdown));
        // Real time, whatever the node's clock says: a shutdown must end.
        let clock = Clock::real();
        let ended = clock.timeout(clock.deadline(SHUTDOWN_TIMEOUT), kernel.emptied()).await;
        if ended.is_none() {
            tracing::warn!(target: "greenroom", "{} actors did not end within {SHUTDOWN_TIMEOUT:?}", kernel.living());
        }
    }

    /// Waits until no actor lives here. Cancel-safe.
    pub async fn emptied(&self) {
        self.kernel().emptied().await;
    }

    fn admit(&self, message: impl IntoMessage) -> Result<Message, Refusal> {
        self.kernel().admit(message.into_text())
    }

    fn kernel(&self) -> &Kernel {
        &self.0.guests.kernel
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({}, {} actors)", self.place(), self.actors())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let kernel = &self.guests.kernel;
        kernel.stop();
        self.mesh.leave(kernel.place());
        kernel.actors().iter().for_each(|actor| actor.request_end(Ending::Shutdown));
        self.executor.close();
    }
}
