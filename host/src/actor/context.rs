//! All that a running behavior may do.

mod spawning;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::spawner::{Home, Spawner};
use crate::address::{self, Address, ID_CHARACTERS, Place, WhoRef, quoted};
use crate::clock::Clock;
use crate::grants::{Grant, Grants};
use crate::limits::Limit;
use crate::mailbox::Mailbox;
use crate::mailbox::queue::{Checked, Scan, Taken};
use crate::message::Message;
use crate::node::groups::Seen;
use crate::node::waiting::{Awaited, Found};
use crate::node::{Kernel, Target};
use crate::outcome::Outcome;
use crate::pattern::Pattern;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Party, Signal};

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

/// How long a peer may take to say who has a name: it answers at once, so longer means that it does not.
const WHEREIS_TIMEOUT: Duration = Duration::from_secs(5);

impl Context {
    pub(crate) fn new(
        kernel: Arc<Kernel>,
        mailbox: Arc<Mailbox>,
        spawner: Arc<dyn Spawner>,
        home: Option<Home>,
    ) -> Context {
        let address = kernel.address(mailbox.id());
        let parent = mailbox.parent().map(|parent| parent.address(kernel.place()));
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

    /// Waits for an actor's end, here or on another node. None: the time was up. Cancel-safe.
    pub(crate) async fn wait(&self, actor: &str, timeout: Option<Duration>) -> Result<Option<Arc<Outcome>>, Refusal> {
        may_reach(self.grants(), "wait for", actor)?;
        match self.kernel.awaited(actor)? {
            Awaited::Here(Found::Living(awaits)) if awaits.id() == self.mailbox.id() => {
                let message = "cannot wait: an actor cannot wait for its own end";
                Err(Refusal::new(RefusalKind::BadArgument, message))
            }
            Awaited::Here(found) => Ok(self.within(timeout, self.kernel.ended(found, actor)).await),
            Awaited::There(receiver) => {
                let ended = self.kernel.wait_there(Some(self.mailbox.id()), &receiver);
                self.within(timeout, ended).await.transpose()
            }
        }
    }

    /// The future's output; none if it does not come in time.
    async fn within<T>(&self, timeout: Option<Duration>, future: impl Future<Output = T>) -> Option<T> {
        match timeout {
            None => Some(future.await),
            Some(timeout) => self.clock().timeout(self.clock().deadline(timeout), future).await,
        }
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

    /// The actor that has a name on this node.
    pub(crate) fn whereis(&self, name: &str) -> Result<Address, Refusal> {
        self.may_use_names(|| format!("cannot look up `{}`", quoted(name)))?;
        self.kernel.whereis(name).map(|id| self.kernel.address(id))
    }

    /// As [`Context::whereis`], here or on a peer, which has a few seconds to answer. Cancel-safe.
    pub(crate) async fn whereis_at(&self, name: &str, place: &Place) -> Result<Address, Refusal> {
        if place == self.kernel.place() {
            return self.whereis(name);
        }
        self.may_use_names(|| format!("cannot look up `{}`", quoted(name)))?;
        let asked = self.kernel.whereis_there(Some(self.mailbox.id()), name, place);
        let id = self.within(Some(WHEREIS_TIMEOUT), asked).await.unwrap_or_else(|| {
            let message = format!("{place} did not say within {WHEREIS_TIMEOUT:?} who has the name `{}`", quoted(name));
            Err(Refusal::new(RefusalKind::Timeout, message))
        })?;
        Ok(Address::of_id(id, place.clone()))
    }

    /// The peers that this node is connected with, in the order of their names.
    pub(crate) fn nodes(&self) -> Result<Vec<Place>, Refusal> {
        self.may_use_names(|| "cannot list the nodes".to_owned())?;
        Ok(self.kernel.peers())
    }

    /// Whether this actor hears of nodes that come and go. Answers the setting before.
    pub(crate) fn monitor_nodes(&self, on: bool) -> Result<bool, Refusal> {
        self.may_use_names(|| "cannot monitor the nodes".to_owned())?;
        Ok(self.mailbox.monitor_nodes(on))
    }

    pub(crate) fn join(&self, group: &str) -> Result<(), Refusal> {
        self.goes_on()?;
        self.may_use_names(|| format!("cannot join `{}`", quoted(group)))?;
        self.noted(self.kernel.join(group, &self.mailbox))
    }

    pub(crate) fn leave(&self, group: &str) -> Result<(), Refusal> {
        self.kernel.leave_group(group, self.mailbox.id())
    }

    /// All members of a group, over nodes.
    pub(crate) fn members(&self, group: &str) -> Result<Vec<Address>, Refusal> {
        self.may_use_names(|| format!("cannot list the members of `{}`", quoted(group)))?;
        self.bearable(self.kernel.members(group)?)
    }

    pub(crate) fn local_members(&self, group: &str) -> Result<Vec<Address>, Refusal> {
        self.may_use_names(|| format!("cannot list the members of `{}`", quoted(group)))?;
        self.bearable(self.kernel.local_members(group)?)
    }

    /// A list of addresses, if it is no larger than a message may be: it is to be copied into the actor's memory.
    fn bearable(&self, members: Vec<Address>) -> Result<Vec<Address>, Refusal> {
        let bytes: usize = members.iter().map(|member| ID_CHARACTERS + "@".len() + member.place().as_str().len()).sum();
        let max = self.mailbox.level().each_count(Limit::Message);
        if bytes > max {
            let message =
                format!("a list of {} members has {bytes} bytes, more than the {max} of a message", members.len());
            return self.noted(Err(Refusal::new(RefusalKind::TooLarge, message)));
        }
        Ok(members)
    }

    /// The members of a group, each once, if they are others than this actor has seen.
    ///
    /// # Errors
    ///
    /// `not-permitted`.
    pub(crate) fn members_unless_seen(&self, group: &str, seen: &mut Seen) -> Result<Option<Vec<Address>>, Refusal> {
        self.may_use_names(|| format!("cannot follow `{}`", quoted(group)))?;
        Ok(self.kernel.members_unless_seen(group, seen))
    }

    /// Sends a message to each member of a group. Others get their turn meanwhile; dropped, it has gone to some of them.
    pub(crate) async fn broadcast(&self, group: &str, text: String) -> Result<usize, Refusal> {
        self.goes_on()?;
        self.may_use_names(|| format!("cannot broadcast to `{}`", quoted(group)))?;
        let message = self.admit(text)?;
        let mut broadcast = self.kernel.broadcast(Some(self.mailbox.id()), group, message)?;
        loop {
            if let Some(handed) = self.kernel.go_on(Some(&self.mailbox), &mut broadcast) {
                return Ok(handed);
            }
            tokio::task::yield_now().await;
        }
    }

    fn may_use_names(&self, what: impl FnOnce() -> String) -> Result<(), Refusal> {
        self.noted(self.grants().permit(&Grant::Names, what))
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
