//! A behavior in Rust: an actor of the embedding program's or the node's own, with all that a guest can do and nothing
//! more.

pub(crate) mod builtin;
pub(crate) mod call;
pub(crate) mod supervisor;
pub(crate) mod router;
mod call_out;
mod groups;
mod nodes;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::spawner::{Home, Spawner};
use crate::actor::{self, context};
use crate::address::Address;
use crate::clock::Clock;
use crate::grants::Grants;
use crate::mailbox::Mailbox;
use crate::message::{IntoMessage, Message};
use crate::node::Kernel;
use crate::node::enter::{Brings, Parent};
use crate::outcome::Outcome;
use crate::pattern::Pattern;
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::SpawnOptions;
pub use call_out::CallError;

/// What an actor written in Rust may do. It is its behavior's own: there is one for each actor.
///
/// The future that holds it runs on the node's threads, so it must not block: no call that waits but those of this
/// type, and no long computation without a wait in it.
///
/// # Example
///
/// ```
/// use greenroom::{Message, Mesh, Node, Refusal};
/// use serde_json::json;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let node = Node::start(&Mesh::new(), "cookie@127.0.0.1:0").await?;
/// let doubles = node.spawn_native(|mut context| async move {
///     let received = context.receive_any(None).await.expect("no timeout");
///     let n = received.message.to_value().as_i64().unwrap_or(0);
///     Ok::<_, Refusal>(json!(2 * n))
/// })?;
/// node.send(&doubles, json!(21))?;
/// assert_eq!(node.wait(&doubles).await?, json!(42));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Context {
    actor: context::Context,
    /// Messages that were taken since others had a turn.
    in_a_row: u32,
}

/// How many messages an actor takes before others get a turn, though more are waiting: a guest's time slice ends that, and
/// nothing else would end this.
const TAKEN_IN_A_ROW: u32 = 64;

/// A message that an actor took.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Received {
    /// Which pattern matched it, from 0.
    pub pattern: usize,
    /// The node made it: an end, a down. Nobody can forge that.
    pub from_host: bool,
    /// The narrowed address of this actor's that it was sent to; none: the actor's own address.
    pub via: Option<Address>,
    /// The message.
    pub message: Message,
}

/// Where a new actor comes from.
pub(crate) struct Origin<'a> {
    pub parent: Parent<'a>,
    /// What its bare entries mean.
    pub home: Option<Home>,
    /// Which of the node's own entries it is, if it is one.
    pub entry: Option<Arc<str>>,
    pub grants: Arc<Grants>,
    /// What is charged to its tree until it ends.
    pub bytes: u64,
}

/// Starts an actor whose behavior is a future.
pub(crate) fn spawn<B, F, V, E>(
    spawner: &Arc<dyn Spawner>,
    kernel: &Arc<Kernel>,
    origin: Origin<'_>,
    options: &SpawnOptions,
    behavior: B,
) -> Result<Arc<Mailbox>, Refusal>
where
    B: FnOnce(Context) -> F + Send + 'static,
    F: Future<Output = Result<V, E>> + Send + 'static,
    V: IntoMessage,
    E: IntoMessage,
{
    let Origin { parent, home, entry, grants, bytes } = origin;
    let mailbox = kernel.enter(parent, options, Brings { grants, module: None, bytes })?;
    entry.iter().for_each(|entry| mailbox.runs(entry.clone()));
    let actor = context::Context::new(kernel.clone(), mailbox.clone(), spawner.clone(), home);
    let context = Context { actor, in_a_row: 0 };
    let admission = mailbox.level().admission();
    // The behavior is called on the actor's own task: if it panics, that is this actor's end.
    let behavior = async move {
        let returned = behavior(context).await.map(IntoMessage::into_text).map_err(IntoMessage::into_text);
        (Outcome::returned(returned, admission), ())
    };
    spawner.executor().spawn(actor::live(kernel.clone(), mailbox.clone(), entry, behavior));
    Ok(mailbox)
}

impl Context {
    /// This actor keeps so many bytes of what others have sent it, at the expense of its tree.
    ///
    /// # Errors
    ///
    /// `limit`, `memory`.
    fn keeps(&self, bytes: u64) -> Result<(), Refusal> {
        self.actor.noted(self.actor.mailbox().take_memory(bytes).map_err(|full| full.refusal("cannot keep this")))
    }

    /// What was charged by [`Context::keeps`] goes back.
    fn keeps_no_more(&self, bytes: u64) {
        self.actor.mailbox().give_memory_back(bytes);
    }

    /// This actor's address.
    pub fn address(&self) -> &Address {
        self.actor.address()
    }

    /// Who spawned it; none: the embedding program.
    pub fn parent(&self) -> Option<&Address> {
        self.actor.parent()
    }

    /// What this actor may do at all. One of the embedding program's own has all that a profile grants.
    pub fn grants(&self) -> &Grants {
        self.actor.grants()
    }

    /// The node's clock.
    pub fn clock(&self) -> &Clock {
        self.actor.clock()
    }

    /// Spawns an entry of a loaded module, `module/entry`, or one of the node's own, `greenroom/entry`, as a child of this
    /// actor.
    ///
    /// # Errors
    ///
    /// As [`Node::spawn_with`](crate::Node::spawn_with), but an actor can link and monitor its child.
    pub fn spawn(&mut self, entry: &str, args: impl IntoMessage, options: &SpawnOptions) -> Result<Address, Refusal> {
        self.actor.spawn(entry, args.into_text(), options)
    }

    /// Spawns an actor written in Rust, as a child of this one.
    ///
    /// # Errors
    ///
    /// `name-taken`, `limit`, `stopping`; `not-permitted`, if it is to have what this actor has not. There is no actor
    /// then.
    pub fn spawn_native<B, F, V, E>(&mut self, options: &SpawnOptions, behavior: B) -> Result<Address, Refusal>
    where
        B: FnOnce(Context) -> F + Send + 'static,
        F: Future<Output = Result<V, E>> + Send + 'static,
        V: IntoMessage,
        E: IntoMessage,
    {
        self.actor.goes_on()?;
        if options.node.is_some() {
            let message = "cannot spawn: a behavior in Rust does not travel to another node";
            return Err(Refusal::new(RefusalKind::BadArgument, message));
        }
        let grants = Grants::of_child(Some(self.actor.grants()), None, options.grants.as_deref())?;
        let (parent, home) = (Parent::Here(self.actor.mailbox()), self.actor.home().cloned());
        let origin = Origin { parent, home, entry: None, grants, bytes: 0 };
        let child = spawn(self.actor.spawner(), self.actor.kernel(), origin, options, behavior)?;
        Ok(self.actor.kernel().address(child.id()))
    }

    /// Puts a message into an actor's mailbox. Never waits.
    ///
    /// # Errors
    ///
    /// `no-such-actor`, `mailbox-full`, `too-large`, `not-permitted`, `not-connected`. Nothing was delivered then.
    pub fn send(&mut self, to: &Address, message: impl IntoMessage) -> Result<(), Refusal> {
        self.actor.send(&to.to_string(), message.into_text())
    }

    /// As [`Context::send`], but waits for room.
    ///
    /// Cancel-safe: the message is in the mailbox only if this answers `Ok`. For an actor of another node `Ok` says the same,
    /// but the message may also have arrived if this is dropped, or answers `timeout` or `not-connected`.
    ///
    /// # Errors
    ///
    /// `timeout`, if there was no room for so long; else as `send`, without `mailbox-full`.
    pub async fn send_wait(
        &mut self,
        to: &Address,
        message: impl IntoMessage,
        timeout: Duration,
    ) -> Result<(), Refusal> {
        let text = message.into_text();
        self.actor.send_wait(&to.to_string(), text, timeout).await
    }

    /// Takes the oldest message that one of the patterns matches. None: the time was up.
    ///
    /// Cancel-safe: a message leaves the mailbox only in the poll that returns it.
    ///
    /// ```
    /// use greenroom::{Context, Pattern};
    /// use serde_json::json;
    ///
    /// async fn next_event(context: &mut Context) -> Option<String> {
    ///     let patterns = [Pattern::new(&json!({"event": {"$type": "string"}})).expect("a pattern")];
    ///     let received = context.receive(&patterns, None).await?;
    ///     Some(received.message.to_value()["event"].as_str()?.to_owned())
    /// }
    /// ```
    pub async fn receive(&mut self, patterns: &[Pattern], timeout: Option<Duration>) -> Option<Received> {
        self.in_a_row += 1;
        if self.in_a_row > TAKEN_IN_A_ROW {
            self.in_a_row = 0;
            tokio::task::yield_now().await;
        }
        let taken = self.actor.receive(patterns, timeout).await?;
        let via = taken.source.via().map(|via| self.actor.kernel().address(via));
        Some(Received { pattern: taken.pattern, from_host: taken.source.is_host(), via, message: taken.message })
    }

    /// Takes the oldest message. None: the time was up. Cancel-safe as [`Context::receive`] is.
    pub async fn receive_any(&mut self, timeout: Option<Duration>) -> Option<Received> {
        self.receive(&[], timeout).await
    }

    /// Waits for an actor's end, here or on another node. None: the time was up. Cancel-safe.
    ///
    /// # Errors
    ///
    /// `bad-argument` for oneself, `not-permitted` for a narrowed address without the right, `too-large` for an outcome over
    /// 32 MiB on another node. An actor that nobody knows is an outcome, `noproc`, and so is a node that is lost or not
    /// there: `noconnection`.
    pub async fn wait(&mut self, actor: &Address, timeout: Option<Duration>) -> Result<Option<Outcome>, Refusal> {
        let outcome = self.actor.wait(&actor.to_string(), timeout).await?;
        Ok(outcome.map(|outcome| Outcome::clone(&outcome)))
    }

    /// Ends a descendant at once; it cannot prevent it.
    ///
    /// # Errors
    ///
    /// `not-permitted` for an actor that is none, `no-such-actor`, `bad-address` for a name.
    pub fn kill(&mut self, actor: &Address) -> Result<(), Refusal> {
        self.actor.kill(&actor.to_string())
    }

    /// Asks a descendant to end: with an exception of type `shutdown` and this reason, or, if it traps exits, by the
    /// host message `{"address": CALLER, "shutdown": REASON}`.
    ///
    /// # Errors
    ///
    /// As [`Context::kill`].
    pub fn exit(&mut self, actor: &Address, reason: impl IntoMessage) -> Result<(), Refusal> {
        self.actor.exit(&actor.to_string(), reason.into_text())
    }

    /// From now on this actor hears of the other's end: one with an exception takes this actor with it, unless it traps
    /// exits. The other hears of this one's end only if it is its descendant, or has linked it too.
    ///
    /// # Errors
    ///
    /// `bad-address` for a name, `limit`. An actor that is not there is no error: its end (`noproc`) comes at once.
    pub fn link(&mut self, actor: &Address) -> Result<(), Refusal> {
        self.actor.link(&actor.to_string())
    }

    /// Ends all that this actor hears of the other's end by links. Also a message of it that waits is never received.
    ///
    /// # Errors
    ///
    /// `bad-address` for a name.
    pub fn unlink(&mut self, actor: &Address) -> Result<(), Refusal> {
        self.actor.unlink(&actor.to_string())
    }

    /// Asks for exactly one message at an actor's end: `{"address", "exit" or "exception", "monitor": REFERENCE}`.
    /// Answers the reference.
    ///
    /// # Errors
    ///
    /// `limit`. An actor that is not there is no error: its end (`noproc`) comes at once.
    pub fn monitor(&mut self, actor: &Address) -> Result<String, Refusal> {
        self.actor.monitor(&actor.to_string())
    }

    /// Ends a monitor; its message is not received any more.
    ///
    /// # Errors
    ///
    /// `bad-argument`, if the text cannot be a reference.
    pub fn demonitor(&mut self, reference: &str) -> Result<(), Refusal> {
        self.actor.demonitor(reference)
    }

    /// Whether the end of a linked actor is a message to this one instead of its own end. Answers the setting before.
    pub fn trap_exit(&mut self, on: bool) -> bool {
        self.actor.trap_exit(on)
    }

    /// Gives this actor a name on its node.
    ///
    /// # Errors
    ///
    /// `name-taken`, `limit`, `bad-argument` for a text that can be no name.
    pub fn register(&mut self, name: &str) -> Result<(), Refusal> {
        self.actor.register(name)
    }

    /// Takes a name from this actor.
    ///
    /// # Errors
    ///
    /// `no-such-name`, if it does not have it.
    pub fn unregister(&mut self, name: &str) -> Result<(), Refusal> {
        self.actor.unregister(name)
    }

    /// The actor that has a name on this node. [`Context::whereis_at`] asks another.
    ///
    /// # Errors
    ///
    /// `no-such-name`, `not-permitted`.
    pub fn whereis(&self, name: &str) -> Result<Address, Refusal> {
        self.actor.whereis(name)
    }

    /// Sends this actor a message after a time, of at most 4 KiB. Answers a reference for [`Context::cancel`].
    ///
    /// # Errors
    ///
    /// `too-large`, `limit`.
    pub fn send_after(&mut self, message: impl IntoMessage, delay: Duration) -> Result<String, Refusal> {
        self.actor.send_after(message.into_text(), delay)
    }

    /// Stops a timer. True: it had not fired, and will not.
    ///
    /// # Errors
    ///
    /// `bad-argument`, if the text cannot be a reference.
    pub fn cancel(&mut self, reference: &str) -> Result<bool, Refusal> {
        self.actor.cancel(reference)
    }

    /// A new address for an actor with fewer rights; `options` as the contract has them: `{"rights", "uses",
    /// "expires_ms"}`.
    ///
    /// # Errors
    ///
    /// `bad-argument`, `no-such-actor`, `limit`, `unsupported` for an actor of another node: only its own can.
    pub fn narrow(&mut self, actor: &Address, options: impl IntoMessage) -> Result<Address, Refusal> {
        self.actor.narrow(&actor.to_string(), &options.into_text())
    }

    /// Takes a narrowed address back: whatever was sent to it and not yet received never will be.
    ///
    /// # Errors
    ///
    /// `not-permitted` for one that another actor made.
    pub fn revoke(&mut self, narrowed: &Address) -> Result<(), Refusal> {
        self.actor.revoke(&narrowed.to_string())
    }
}
