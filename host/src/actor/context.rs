//! All that a running behavior may do.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::address::{Address, quoted};
use crate::clock::Clock;
use crate::mailbox::Mailbox;
use crate::mailbox::queue::{Scan, Taken};
use crate::message::Message;
use crate::node::{Found, Kernel, Target};
use crate::outcome::{Exception, ExceptionKind, Outcome};
use crate::pattern::Pattern;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Signal};

/// One actor's view of the world.
pub(crate) struct Context {
    kernel: Arc<Kernel>,
    mailbox: Arc<Mailbox>,
    address: Address,
    parent: Option<Address>,
    /// The target of the last send, by the text it was given as: most actors answer one other, and to compare a text
    /// is cheaper than to read an address and look it up (a hop of 430 ns becomes 388). Keeps at most one ended
    /// actor's empty mailbox alive.
    last: Option<(Box<str>, Target)>,
}

impl Context {
    pub(crate) fn new(kernel: Arc<Kernel>, mailbox: Arc<Mailbox>, parent: Option<Address>) -> Context {
        let address = kernel.address(mailbox.id());
        Context { kernel, mailbox, address, parent, last: None }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn parent(&self) -> Option<&Address> {
        self.parent.as_ref()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.kernel.clock
    }

    /// Checks a text and makes a message of it.
    pub(crate) fn admit(&self, text: String) -> Result<Message, Refusal> {
        self.kernel.admit(text)
    }

    /// Sends a message. Never waits.
    pub(crate) fn send(&mut self, to: &str, text: String) -> Result<(), Refusal> {
        let message = self.kernel.admit(text)?;
        let envelope = Envelope { from: Some(self.mailbox.id()), signal: Signal::Message(message) };
        let target = target(&self.kernel, &mut self.last, to)?;
        self.kernel.deliver(target, envelope)
    }

    /// Sends a message and waits for room for it. Cancel-safe: the message is in the mailbox only if this answers `Ok`.
    pub(crate) async fn send_wait(&mut self, to: &str, text: String, timeout: Duration) -> Result<(), Refusal> {
        let message = self.kernel.admit(text)?;
        let deadline = self.clock().deadline(timeout);
        let target = target(&self.kernel, &mut self.last, to)?;
        let delivery = self.kernel.deliver_wait(target, message);
        self.kernel.clock.timeout(deadline, delivery).await.unwrap_or_else(|| {
            let message = format!("the mailbox of {} had no room within {timeout:?}", quoted(to));
            Err(Refusal::new(RefusalKind::Timeout, message))
        })
    }

    /// Takes the oldest message that one of the patterns matches; without patterns, the oldest. None: the time was up.
    ///
    /// Cancel-safe: a message leaves the mailbox only in the poll that returns it.
    pub(crate) async fn receive(&self, patterns: &[Pattern], timeout: Option<Duration>) -> Option<Taken> {
        let mut checked = 0;
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
        let address: Address =
            actor.parse().map_err(|why| Refusal::new(RefusalKind::BadAddress, format!("cannot wait: {why}")))?;
        if address == self.address {
            return Err(Refusal::new(RefusalKind::BadArgument, "cannot wait: an actor cannot wait for its own end"));
        }
        let ended = wait(&self.kernel, &address);
        match timeout {
            None => ended.await.map(Some),
            Some(timeout) => self.clock().timeout(self.clock().deadline(timeout), ended).await.transpose(),
        }
    }
}

/// Looks a receiver up, or takes it from `last`.
fn target<'a>(kernel: &Kernel, last: &'a mut Option<(Box<str>, Target)>, to: &str) -> Result<&'a Target, Refusal> {
    if last.as_ref().is_none_or(|(text, _)| **text != *to) {
        *last = Some((to.into(), kernel.resolve(to)?));
    }
    Ok(&last.as_ref().expect("just put there").1)
}

/// Waits for the end of any actor of this node. An unknown one is `noproc`.
pub(crate) async fn wait(kernel: &Kernel, actor: &Address) -> Result<Arc<Outcome>, Refusal> {
    if actor.place() != kernel.place() {
        let message = format!("cannot wait for {actor}: waiting for an actor of another node is not built yet");
        return Err(Refusal::new(RefusalKind::Unsupported, message));
    }
    match actor.id().map_or(Found::Unknown, |id| kernel.find(id)) {
        Found::Living(mailbox) => Ok(mailbox.wait().await),
        Found::Ended(outcome) => Ok(outcome),
        Found::Unknown => {
            let message = format!("no actor has the address {actor}, or its outcome is forgotten");
            Ok(Arc::new(Outcome::Exception(Exception::new(ExceptionKind::Noproc, message))))
        }
    }
}
