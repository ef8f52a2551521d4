//! How an actor lives, and how its end is told.

pub(crate) mod context;
pub(crate) mod executor;
pub(crate) mod spawner;
mod timer;

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::mailbox::Mailbox;
use crate::node::Kernel;
use crate::outcome::{Exception, ExceptionKind, Outcome};
use crate::signal::{Party, Signal};

/// How many are told of an end before other actors get a turn: some 50 µs of work.
const TOLD_AT_ONCE: usize = 256;

/// The life of one actor: runs its behavior until that returns, panics, or somebody ends it; then tells the end.
///
/// The behavior answers how it ended and what remains of it. Both that and the behavior itself are dropped after the
/// end is told: taking an instance down is work that nobody should wait for.
///
/// If the executor drops this future, the end is told from there (`shutdown`). `entry` is for the report of a crash.
pub(crate) async fn live<R>(
    kernel: Arc<Kernel>,
    mailbox: Arc<Mailbox>,
    entry: Option<Arc<str>>,
    behavior: impl Future<Output = (Outcome, R)>,
) {
    let mut life = Life { kernel, mailbox, entry, farewell: Farewell::Alive };
    let mut behavior = pin!(Some(behavior));
    let mut registered = None::<Waker>;
    let (outcome, remains) = poll_fn(|cx| {
        // Registered before the flag is read: whoever sets it later wakes this task.
        if registered.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            life.mailbox.register_task(cx.waker());
            registered = Some(cx.waker().clone());
        }
        if life.mailbox.shall_end() {
            return Poll::Ready((None, None));
        }
        let behavior = behavior.as_mut().as_pin_mut().expect("it is there until the end is told");
        match catch_unwind(AssertUnwindSafe(|| behavior.poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready((outcome, remains))) => Poll::Ready((Some(outcome), Some(remains))),
            Err(panic) => {
                let message = format!("the host panicked: {}", life.kernel.host_fault(&*panic));
                Poll::Ready((Some(Outcome::Exception(Exception::new(ExceptionKind::Host, message))), None))
            }
        }
    })
    .await;
    life.end(outcome);
    while life.tell(TOLD_AT_ONCE) {
        tokio::task::yield_now().await;
    }
    life.kernel.contain(|| {
        drop(remains);
        behavior.set(None);
    });
}

/// An actor's life; whichever way it goes, the end is told once.
struct Life {
    kernel: Arc<Kernel>,
    mailbox: Arc<Mailbox>,
    entry: Option<Arc<str>>,
    farewell: Farewell,
}

enum Farewell {
    Alive,
    Saying { outcome: Arc<Outcome>, left: std::vec::IntoIter<(Party, Signal)> },
    Said,
}

impl Life {
    /// The end begins. An end that somebody asked for counts more than what the behavior returned meanwhile.
    fn end(&mut self, returned: Option<Outcome>) {
        let asked = self.kernel.persist(|| self.mailbox.ending()).flatten().map(Outcome::Exception);
        let outcome = asked
            .or(returned)
            .unwrap_or_else(|| Outcome::Exception(Exception::new(ExceptionKind::Shutdown, "the node has stopped")));
        let (outcome, left) = self.kernel.leave(&self.mailbox, self.entry.take(), outcome);
        self.farewell = Farewell::Saying { outcome, left: left.into_iter() };
    }

    /// Tells so many. Answers whether some are left; after the last, those who wait are told.
    fn tell(&mut self, count: usize) -> bool {
        if let Farewell::Saying { left, .. } = &mut self.farewell {
            for (party, signal) in left.take(count) {
                // Told twice is told once: the first time ends the receiver's entry.
                self.kernel.persist(|| self.kernel.signal(&party, self.mailbox.id(), signal.clone()));
            }
            if left.len() > 0 {
                return true;
            }
        }
        if let Farewell::Saying { outcome, .. } = std::mem::replace(&mut self.farewell, Farewell::Said) {
            self.kernel.farewell_said(&self.mailbox, outcome);
        }
        false
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Farewell::Alive = self.farewell {
            self.end(None);
        }
        self.tell(usize::MAX);
    }
}
