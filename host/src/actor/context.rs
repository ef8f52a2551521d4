//! All that a running behavior may do.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::spawner::{Home, Spawner};
use crate::address::{self, Address, AddressError, Id, Place, WhoRef, quoted};
use crate::clock::Clock;
use crate::grants::{Grant, Grants};
use crate::mailbox::Mailbox;
use crate::mailbox::narrowed::{Denied, Rights};
use crate::mailbox::queue::{Checked, Scan, Taken};
use crate::message::Message;
use crate::node::{Found, Kernel, Target, not_permitted};
use crate::outcome::{Exception, ExceptionKind, Outcome};
use crate::pattern::Pattern;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Party, Signal};
use crate::spawn_options::SpawnOptions;

/// One actor's view of the world.
pub(crate) struct Context {
    kernel: Arc<Kernel>,
    mailbox: Arc<Mailbox>,
    address: Address,
    parent: Option<Address>,
    spawner: Arc<dyn Spawner>,
    /// What a bare entry means, if anything.
    home: Option<Home>,
    /// The target of the last send, by the text it was given as: most actors answer one other, and to compare a text
    /// is cheaper than to read an address and look it up (a hop of 430 ns becomes 388). Keeps at most one ended
    /// actor's empty mailbox alive.
    last: Option<(Box<str>, Target)>,
}

impl Context {
    pub(crate) fn new(
        kernel: Arc<Kernel>,
        mailbox: Arc<Mailbox>,
        parent: Option<Id>,
        spawner: Arc<dyn Spawner>,
        home: Option<Home>,
    ) -> Context {
        let address = kernel.address(mailbox.id());
        let parent = parent.map(|parent| kernel.address(parent));
        Context { kernel, mailbox, address, parent, spawner, home, last: None }
    }

    pub(crate) fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    pub(crate) fn kernel(&self) -> &Arc<Kernel> {
        &self.kernel
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    pub(crate) fn spawner(&self) -> &Arc<dyn Spawner> {
        &self.spawner
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn parent(&self) -> Option<&Address> {
        self.parent.as_ref()
    }

    pub(crate) fn grants(&self) -> &Arc<Grants> {
        self.mailbox.grants()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.kernel.clock
    }

    /// Checks a text and makes a message of it.
    pub(crate) fn admit(&self, text: String) -> Result<Message, Refusal> {
        self.noted(self.kernel.admit(text, self.mailbox.level()))
    }

    /// Whether this actor may still do something to others: what it does after its end was decided would follow that.
    ///
    /// # Errors
    ///
    /// `stopping`.
    pub(crate) fn goes_on(&self) -> Result<(), Refusal> {
        if self.mailbox.shall_end() {
            return Err(Refusal::new(RefusalKind::Stopping, "this actor is about to end"));
        }
        Ok(())
    }

    /// Who runs the node hears of what it has limited or not permitted.
    pub(crate) fn noted<T>(&self, answer: Result<T, Refusal>) -> Result<T, Refusal> {
        answer.inspect_err(|refusal| self.kernel.note_refusal(&self.mailbox, refusal))
    }

    /// Spawns an entry as a child of this actor.
    pub(crate) fn spawn(&self, entry: &str, args: String, options: &SpawnOptions) -> Result<Address, Refusal> {
        self.goes_on()?;
        let args = self.admit(args)?;
        let spawner = self.spawner.clone();
        let child = self.noted(spawner.spawn(self.home.as_ref(), entry, args, Some(&self.mailbox), options))?;
        Ok(self.kernel.address(child.id()))
    }

    /// Sends a message. Never waits.
    pub(crate) fn send(&mut self, to: &str, text: String) -> Result<(), Refusal> {
        self.goes_on()?;
        let message = self.admit(text)?;
        let target = target(&self.kernel, self.mailbox.grants(), &mut self.last, to);
        let from = || Party::here(self.mailbox.id());
        let target = target.map_err(|why| self.kernel.not_resolved(to, Some(&from()), message.len(), why));
        let sent = target.and_then(|target| self.kernel.deliver(target, Some(&self.mailbox), message));
        sent.inspect_err(|why| self.kernel.note_refusal(&self.mailbox, why))
    }

    /// Sends a message and waits for room for it. Cancel-safe: the message is in the mailbox only if this answers `Ok`.
    pub(crate) async fn send_wait(&mut self, to: &str, text: String, timeout: Duration) -> Result<(), Refusal> {
        self.goes_on()?;
        let message = self.admit(text)?;
        let deadline = self.clock().deadline(timeout);
        let from = Party::here(self.mailbox.id());
        let target = target(&self.kernel, self.mailbox.grants(), &mut self.last, to);
        let target = target.map_err(|why| self.kernel.not_resolved(to, Some(&from), message.len(), why))?;
        let delivery = self.kernel.deliver_wait(target, &self.mailbox, message);
        self.kernel.clock.timeout(deadline, delivery).await.unwrap_or_else(|| {
            let message = format!("the mailbox of {} had no room within {timeout:?}", quoted(to));
            Err(Refusal::new(RefusalKind::Timeout, message))
        })
    }

    /// Takes the oldest message that one of the patterns matches; without patterns, the oldest. None: the time was up.
    ///
    /// Cancel-safe: a message leaves the mailbox only in the poll that returns it.
    pub(crate) async fn receive(&self, patterns: &[Pattern], timeout: Option<Duration>) -> Option<Taken> {
        let mut checked = Checked::default();
        let deadline = timeout.map(|timeout| self.clock().deadline(timeout));
        let mut sleep = pin!(deadline.map(|deadline| self.clock().sleep_until(deadline)));
        poll_fn(|cx| match self.mailbox.take(cx, patterns, &mut checked) {
            Scan::Taken(taken) => Poll::Ready(Some(taken)),
            Scan::Nothing => match sleep.as_mut().as_pin_mut() {
                None => Poll::Pending,
                Some(sleep) => sleep.poll(cx).map(|()| None),
            },
            // Others get their turn, and the time is up only when all that waits was looked at.
            Scan::Unfinished => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await
    }

    /// Waits for an actor's end. None: the time was up. Cancel-safe.
    pub(crate) async fn wait(&self, actor: &str, timeout: Option<Duration>) -> Result<Option<Arc<Outcome>>, Refusal> {
        may_reach(self.grants(), "wait for", actor)?;
        let ended = match look_up(&self.kernel, actor)? {
            Found::Ended(outcome) => return Ok(Some(outcome)),
            Found::Unknown => return Ok(Some(Arc::new(noproc(actor)))),
            Found::Living(mailbox) if mailbox.id() == self.mailbox.id() => {
                let message = "cannot wait: an actor cannot wait for its own end";
                return Err(Refusal::new(RefusalKind::BadArgument, message));
            }
            Found::Living(mailbox) => mailbox.await_end(),
        };
        let outcome = match timeout {
            None => ended.outcome().await,
            Some(timeout) => match self.clock().timeout(self.clock().deadline(timeout), ended.outcome()).await {
                None => return Ok(None),
                Some(outcome) => outcome,
            },
        };
        Ok(Some(outcome.unwrap_or_else(|| remembered(&self.kernel, ended.id(), actor))))
    }

    /// Ends a descendant at once.
    pub(crate) fn kill(&self, actor: &str) -> Result<(), Refusal> {
        self.goes_on()?;
        self.noted(self.kernel.end(Some(&self.mailbox), actor, Signal::Kill))
    }

    /// Asks a descendant to end.
    pub(crate) fn exit(&self, actor: &str, reason: String) -> Result<(), Refusal> {
        self.goes_on()?;
        let reason = self.admit(reason)?;
        self.noted(self.kernel.end(Some(&self.mailbox), actor, Signal::Shutdown(reason)))
    }

    pub(crate) fn link(&self, actor: &str) -> Result<(), Refusal> {
        self.goes_on()?;
        self.noted(self.kernel.link(&self.mailbox, actor))
    }

    pub(crate) fn unlink(&self, actor: &str) -> Result<(), Refusal> {
        self.kernel.unlink(&self.mailbox, actor)
    }

    pub(crate) fn monitor(&self, actor: &str) -> Result<String, Refusal> {
        self.goes_on()?;
        self.noted(may_reach(self.grants(), "monitor", actor))?;
        self.noted(self.kernel.monitor(&self.mailbox, actor))
    }

    pub(crate) fn demonitor(&self, reference: &str) -> Result<(), Refusal> {
        self.kernel.demonitor(&self.mailbox, reference)
    }

    pub(crate) fn trap_exit(&self, on: bool) -> bool {
        self.mailbox.links(|links| links.trap_exits(on))
    }

    pub(crate) fn register(&self, name: &str) -> Result<(), Refusal> {
        self.goes_on()?;
        self.noted(self.grants().permit(&Grant::Names, || format!("cannot register `{}`", quoted(name))))?;
        self.noted(self.kernel.register(name, &self.mailbox))
    }

    pub(crate) fn unregister(&self, name: &str) -> Result<(), Refusal> {
        self.kernel.unregister(name, self.mailbox.id())
    }

    pub(crate) fn whereis(&self, name: &str) -> Result<Address, Refusal> {
        self.grants().permit(&Grant::Names, || format!("cannot look up `{}`", quoted(name)))?;
        self.kernel.whereis(name).map(|id| self.kernel.address(id))
    }

    pub(crate) fn narrow(&self, actor: &str, options: &str) -> Result<Address, Refusal> {
        self.goes_on()?;
        self.noted(may_reach(self.grants(), "narrow", actor))?;
        self.noted(self.kernel.narrow(&self.mailbox, actor, options))
    }

    pub(crate) fn revoke(&self, narrowed: &str) -> Result<(), Refusal> {
        self.noted(self.kernel.revoke(&self.mailbox, narrowed))
    }
}

/// Looks a receiver up, or takes it from `last`. A name may pass to another actor, so it is looked up each time.
fn target<'a>(
    kernel: &Kernel,
    grants: &Grants,
    last: &'a mut Option<(Box<str>, Target)>,
    to: &str,
) -> Result<&'a Target, Refusal> {
    if last.as_ref().is_none_or(|(text, _)| **text != *to) {
        may_reach(grants, "send to", to)?;
        let target = kernel.resolve(to)?;
        let text = if is_id(to) { to } else { "" };
        *last = Some((text.into(), target));
    }
    Ok(&last.as_ref().expect("just put there").1)
}

/// Whether this address may be used: one that is a name needs the grant of names.
fn may_reach(grants: &Grants, verb: &str, to: &str) -> Result<(), Refusal> {
    if grants.holds(&Grant::Names) {
        return Ok(());
    }
    match address::split(to) {
        Ok((WhoRef::Name(_), _)) => grants.permit(&Grant::Names, || format!("cannot {verb} {}", quoted(to))),
        _ => Ok(()),
    }
}

fn is_id(address: &str) -> bool {
    matches!(address::split(address), Ok((WhoRef::Id(_), _)))
}

/// Whom a wait is for.
fn look_up(kernel: &Kernel, actor: &str) -> Result<Found, Refusal> {
    let bad = |why: AddressError| Refusal::new(RefusalKind::BadAddress, format!("cannot wait: {why}"));
    let (who, place) = address::split(actor).map_err(bad)?;
    if place != kernel.place().as_str() {
        let _: Place = place.parse().map_err(bad)?;
        let message = format!("cannot wait for {actor}: waiting for an actor of another node is not built yet");
        return Err(Refusal::new(RefusalKind::Unsupported, message));
    }
    match (kernel.resolve(actor), who) {
        (Ok(Target::Here(mailbox)), _) => Ok(Found::Living(mailbox)),
        (Ok(Target::Narrowed(mailbox, via)), _) => match mailbox.permits(via, Rights::WAIT, kernel.clock.monotonic()) {
            Ok(()) => Ok(Found::Living(mailbox)),
            Err(Denied::Gone) => Ok(Found::Unknown),
            Err(Denied::Right) => Err(not_permitted(&actor, "wait")),
        },
        (_, WhoRef::Id(id)) => Ok(kernel.find(id)),
        (_, WhoRef::Name(_)) => Ok(Found::Unknown),
    }
}

/// The outcome of an actor that has ended and whose mailbox does not say how.
fn remembered(kernel: &Kernel, id: Id, actor: &str) -> Arc<Outcome> {
    kernel.remembered(id).unwrap_or_else(|| Arc::new(noproc(actor)))
}

fn noproc(actor: &str) -> Outcome {
    let message = format!("no actor has the address {actor}, or its outcome is forgotten");
    Outcome::Exception(Exception::new(ExceptionKind::Noproc, message))
}

/// Waits for the end of any actor of this node. An unknown one is `noproc`.
pub(crate) async fn wait(kernel: &Kernel, actor: &Address) -> Result<Arc<Outcome>, Refusal> {
    let text = actor.to_string();
    match look_up(kernel, &text)? {
        Found::Living(mailbox) => {
            let outcome = mailbox.await_end().outcome().await;
            Ok(outcome.unwrap_or_else(|| remembered(kernel, mailbox.id(), &text)))
        }
        Found::Ended(outcome) => Ok(outcome),
        Found::Unknown => Ok(Arc::new(noproc(&text))),
    }
}
