//! A node inside somebody's program: what an embedder holds.

mod builder;
mod call;
mod groups;
mod look;
mod native;
mod peers;
mod route;
mod spawn;
mod supervise;

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::actor::executor::Executor;
use crate::address::{Address, Place};
use crate::clock::Clock;
use crate::guest::Guests;
use crate::guest::library::{LoadError, Module};
use crate::load_options::LoadOptions;
use crate::mesh::{Member, Mesh};
use crate::message::{IntoMessage, Message};
use crate::node::Kernel;
use crate::node::events::{Events, Loss};
use crate::node::refusals::Refused;
use crate::outcome::{Exception, ExceptionKind, Outcome};
use crate::refusal::Refusal;
use crate::signal::Signal;
pub use builder::{NodeBuilder, StartError};

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
    member: Member,
    executor: Executor,
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

/// How long a shutdown waits for its actors to end before it kills what is left.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// Its name is the file's without the ending; a module of that name that was loaded before is replaced. It is one's own
    /// code: see [`Node::load_with`] for what is not.
    ///
    /// Compiles on a thread of its own; actors and timers run on meanwhile. Cancel-safe: the load itself is finished
    /// even if nobody waits for it.
    ///
    /// # Errors
    ///
    /// See [`LoadError`]. Nothing of the module ran.
    pub async fn load(&self, path: impl AsRef<Path>) -> Result<Module, LoadError> {
        self.load_with(path, &LoadOptions::local()).await
    }

    /// As [`Node::load`], with what the module's actors may do and how much they may use. The same bytes loaded with other
    /// options are another module.
    ///
    /// # Errors
    ///
    /// As [`Node::load`].
    pub async fn load_with(&self, path: impl AsRef<Path>, options: &LoadOptions) -> Result<Module, LoadError> {
        let (path, options) = (path.as_ref().to_owned(), options.clone());
        let name = path.display().to_string();
        self.off_thread(name, move |guests| guests.library().load_file(&path, &options)).await
    }

    /// Loads a module from bytes under a name. See [`Node::load`].
    ///
    /// # Errors
    ///
    /// As [`Node::load`].
    pub async fn load_bytes(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<Module, LoadError> {
        self.load_bytes_with(name, bytes, &LoadOptions::local()).await
    }

    /// Loads a module from bytes under a name. See [`Node::load_with`].
    ///
    /// # Errors
    ///
    /// As [`Node::load`].
    pub async fn load_bytes_with(
        &self,
        name: &str,
        bytes: impl AsRef<[u8]>,
        options: &LoadOptions,
    ) -> Result<Module, LoadError> {
        let (name, bytes, options) = (name.to_owned(), bytes.as_ref().to_owned(), options.clone());
        self.off_thread(name.clone(), move |guests| guests.library().load(&name, &name, &bytes, &options)).await
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

    /// Puts a message into an actor's mailbox, here or on another node of the mesh. Never waits.
    ///
    /// # Errors
    ///
    /// `no-such-actor`, `mailbox-full`, `too-large`, `not-connected`. Nothing was delivered then.
    pub fn send(&self, to: &Address, message: impl IntoMessage) -> Result<(), Refusal> {
        let message = self.admit(message)?;
        let (kernel, to) = (self.kernel(), to.to_string());
        let target = kernel.resolve(&to).map_err(|why| kernel.not_resolved(&to, None, message.len(), why))?;
        kernel.deliver(&target, None, message)
    }

    /// Waits for an actor's end and answers the value it returned. Works also when it has ended before.
    ///
    /// Cancel-safe: nothing is taken from anybody, and the outcome can be asked for again.
    ///
    /// # Errors
    ///
    /// If the actor ended with an exception, there is no such actor (`noproc`), or its node is lost (`noconnection`).
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
    /// `too-large` for one over 32 MiB on another node. An actor that nobody knows is an outcome, `noproc`, and so is a node
    /// that is lost or not there: `noconnection`.
    pub async fn outcome(&self, actor: &Address) -> Result<Outcome, Refusal> {
        let kept = match actor.kept() {
            // One of another node in this process is asked for as if it were far away.
            Some(mailbox) if actor.place() == self.place() => mailbox.await_end().outcome().await,
            _ => None,
        };
        let outcome = match kept {
            Some(outcome) => outcome,
            None => self.kernel().wait(&actor.to_string()).await?,
        };
        Ok(Outcome::clone(&outcome))
    }

    /// Ends an actor of this node, or one that this program has spawned on another, at once; it cannot prevent it. Returns
    /// before it has ended: [`Node::wait`] tells.
    ///
    /// # Errors
    ///
    /// `no-such-actor`, also for one that has ended; `not-permitted` for any other actor of another node.
    pub fn kill(&self, actor: &Address) -> Result<(), Refusal> {
        self.kernel().end(None, &actor.to_string(), Signal::Kill)
    }

    /// Asks an actor to end, which may be the same as with [`Node::kill`]. One that traps exits gets the host message `{"address": null, "shutdown": …}`
    /// and decides; any other ends with an exception of type `shutdown` and this reason.
    ///
    /// # Errors
    ///
    /// As [`Node::kill`], and `too-large`.
    pub fn exit(&self, actor: &Address, reason: impl IntoMessage) -> Result<(), Refusal> {
        let reason = self.admit(reason)?;
        self.kernel().end(None, &actor.to_string(), Signal::Shutdown(reason))
    }

    /// The actor that has a name on this node. [`Node::whereis_at`] asks another.
    ///
    /// # Errors
    ///
    /// `no-such-name`.
    pub fn whereis(&self, name: &str) -> Result<Address, Refusal> {
        self.kernel().whereis(name).map(|id| self.kernel().address(id))
    }

    /// What happens on this node from now on. A reader that is too slow misses events, and is told how many.
    pub fn events(&self) -> Events {
        self.kernel().events.subscribe()
    }

    /// How many messages were lost since the node started, by why.
    pub fn lost(&self) -> Vec<(Loss, u64)> {
        self.kernel().events.lost_so_far()
    }

    /// What was refused to actors since the node started because of a limit or for want of a right.
    pub fn refused(&self) -> Vec<Refused> {
        self.kernel().refused()
    }

    /// How often the node's own code, or a native actor, has panicked since the node started. Each ended one actor at most,
    /// with an exception of type `host`; any that is not a native actor's own is a bug of ours.
    pub fn host_faults(&self) -> u64 {
        self.kernel().host_faults()
    }

    /// Ends all actors and takes the node out of its mesh. Spawns are refused from the first poll on. Every actor whose
    /// parent does not live is asked to end (type `shutdown`), and again as parents end, so that one that traps exits
    /// takes its children down in its own order. What is left after five seconds is killed, the newest first.
    ///
    /// Cancel-safe: who was asked was asked; call it again for the rest.
    pub async fn shutdown(&self) {
        let kernel = self.kernel();
        kernel.stop();
        // Real time, whatever the node's clock says: a shutdown must end.
        let clock = Clock::real();
        if clock.timeout(clock.deadline(SHUTDOWN_TIMEOUT), kernel.wind_down()).await.is_none() {
            kernel.end_all(ExceptionKind::Killed);
            if clock.timeout(clock.deadline(SHUTDOWN_TIMEOUT), kernel.emptied()).await.is_none() {
                tracing::warn!(target: "greenroom", "{} actors did not end in time", kernel.living());
            }
        }
        self.0.member.flush().await;
        self.0.member.leave();
    }

    /// Waits until no actor lives here. Cancel-safe.
    pub async fn emptied(&self) {
        self.kernel().emptied().await;
    }

    fn admit(&self, message: impl IntoMessage) -> Result<Message, Refusal> {
        self.kernel().admit(message.into_text(), self.kernel().root())
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
        self.member.leave();
        kernel.end_all(ExceptionKind::Shutdown);
        self.executor.close();
    }
}
