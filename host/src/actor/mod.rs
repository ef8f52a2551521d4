//! How an actor lives, and how its end is told.

pub(crate) mod context;
pub(crate) mod executor;

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::mailbox::{Ending, Mailbox};
use crate::node::Kernel;
use crate::outcome::{Exception, ExceptionKind, Outcome};

/// The life of one actor: runs its behavior until that returns, panics, or somebody ends it; then tells the end.
///
/// The behavior answers how it ended and what remains of it. Both that and the behavior itself are dropped after the
/// end is told: taking an instance down is work that nobody should wait for.
///
/// If the runtime drops this future, the end is told from there (`shutdown`).
pub(crate) async fn live<R>(kernel: Arc<Kernel>, mailbox: Arc<Mailbox>, behavior: impl Future<Output = (Outcome, R)>) {
    let mut life = Life { kernel, mailbox, ended: false };
    let mut behavior = pin!(behavior);
    let mut registered = None::<Waker>;
    let (outcome, _remains) = poll_fn(|cx| {
        // Registered before the flag is read: whoever sets it later wakes this task.
        if registered.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            life.mailbox.register_task(cx.waker());
            registered = Some(cx.waker().clone());
        }
        if let Some(ending) = life.mailbox.ending() {
            return Poll::Ready((outcome_of(ending), None));
        }
        match catch_unwind(AssertUnwindSafe(|| behavior.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready((outcome, remains))) => Poll::Ready((outcome, Some(remains))),
            Err(panic) => Poll::Ready((host_fault(&*panic), None)),
        }
    })
    .await;
    life.end(outcome);
}

/// An actor's life; whichever way it goes, the end is told once.
struct Life {
    kernel: Arc<Kernel>,
    mailbox: Arc<Mailbox>,
    ended: bool,
}

impl Life {
    fn end(&mut self, outcome: Outcome) {
        self.ended = true;
        self.kernel.leave(&self.mailbox, outcome);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if !self.ended {
            self.end(outcome_of(Ending::Shutdown));
        }
    }
}

fn outcome_of(ending: Ending) -> Outcome {
    let exception = match ending {
        Ending::Kill => Exception::new(ExceptionKind::Killed, "the actor was killed"),
        Ending::Shutdown => Exception::new(ExceptionKind::Shutdown, "the node is shutting down"),
    };
    Outcome::Exception(exception)
}

/// A panic in the host's own code while it served this actor: our bug, this actor's end, nobody else's.
fn host_fault(panic: &(dyn Any + Send)) -> Outcome {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no text");
    tracing::error!(target: "greenroom", "the host panicked while it served an actor: {text}");
    Outcome::Exception(Exception::new(ExceptionKind::Host, format!("the host panicked: {text}")))
}
