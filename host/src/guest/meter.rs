//! How much processor time an actor uses: at most so much between two receives, and its share of its tree's.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;

use super::preempt::Ticker;
use crate::clock::{Clock, Sleep};
use crate::level::{Exceeded, Level};
use crate::limits::Limit;

/// What a turn is taken for at most by its ticks alone: the system may have given the core to others meanwhile.
const TICKS_MAX: Duration = Duration::from_millis(1);

/// One actor's meter. Only its own task touches it; the atomics are for the compiler.
///
/// To ask for a thread's time costs a tenth of a message, so that is done only in turns that are cut off by the end of a
/// time slice, and in those that follow. What all others take is known from the ticks that fall into them: many short
/// turns are hit by as many ticks as one that takes as long.
pub(super) struct Meter {
    level: Arc<Level>,
    burst_max: Option<Duration>,
    has_share: bool,
    /// Since the last receive, in nanoseconds.
    burst: AtomicU64,
    /// The ticker's time when the turn began.
    began: AtomicU64,
    /// The ticker's time up to which `burst` has all of this turn.
    counted: AtomicU64,
    /// The thread's time when it was looked at last in this turn; 0 if it was not.
    looked: AtomicU64,
}

/// An actor has computed for too long without receiving anything.
#[derive(Debug, Error)]
#[error("too long between two receives")]
pub(super) struct BurstSpent(pub(super) Exceeded);

impl Meter {
    /// None, if nothing limits the time.
    pub(super) fn new(level: &Arc<Level>) -> Option<Meter> {
        let burst_max = level.each(Limit::Burst).map(Duration::from_millis);
        let has_share = level.has_share();
        (burst_max.is_some() || has_share).then(|| Meter {
            level: level.clone(),
            burst_max,
            has_share,
            burst: AtomicU64::new(0),
            began: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            looked: AtomicU64::new(0),
        })
    }

    /// Waits while the actor's tree has used more than its share. `sleep` is kept from one call to the next.
    pub(super) fn poll_share(
        &self,
        cx: &mut Context<'_>,
        clock: &Clock,
        ticker: &Ticker,
        sleep: &mut Option<Sleep>,
    ) -> Poll<()> {
        if !self.has_share {
            return Poll::Ready(());
        }
        let ready_at = self.level.may_run_at();
        // The ticker's clock may be behind, but not in front.
        if ready_at > ticker.now() && ready_at > clock.monotonic() {
            let sleep = sleep.insert(clock.sleep_until(ready_at));
            return Pin::new(sleep).poll(cx);
        }
        *sleep = None;
        Poll::Ready(())
    }

    /// A turn begins. `is_busy` says that the one before was cut off.
    pub(super) fn begin(&self, ticker: &Ticker, is_busy: bool) {
        let ticked = ticker.ticked();
        self.began.store(ticked, Ordering::Relaxed);
        self.counted.store(ticked, Ordering::Relaxed);
        self.looked.store(if is_busy { thread_time() } else { 0 }, Ordering::Relaxed);
    }

    /// The actor has waited before this turn, and goes on with a whole slice. That is so at nearly each turn where many
    /// actors take turns, so no thread's clock is looked at.
    pub(super) fn goes_on(&self, ticker: &Ticker) {
        self.count_ticks(ticker);
    }

    /// A time slice is over in the middle of a turn.
    pub(super) fn slice_over(&self, ticker: &Ticker) -> Result<(), BurstSpent> {
        self.look(ticker);
        let (used, Some(max)) = (Duration::from_nanos(self.burst.load(Ordering::Relaxed)), self.burst_max) else {
            return Ok(());
        };
        if used < max {
            return Ok(());
        }
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Err(BurstSpent(Exceeded { limit: Limit::Burst, used: ms(used), max: ms(max) }))
    }

    /// A turn is over.
    pub(super) fn end(&self, clock: &Clock, ticker: &Ticker) {
        if self.looked.load(Ordering::Relaxed) != 0 {
            self.look(ticker);
        }
        let ticked = ticker.ticked() - self.began.load(Ordering::Relaxed);
        if ticked > 0 && self.has_share {
            self.level.used_time(Duration::from_nanos(ticked), clock.monotonic());
        }
    }

    fn look(&self, ticker: &Ticker) {
        let now = thread_time();
        let before = self.looked.swap(now, Ordering::Relaxed);
        if before == 0 {
            self.count_ticks(ticker);
        } else {
            self.burst.fetch_add(now.saturating_sub(before), Ordering::Relaxed);
        }
    }

    fn count_ticks(&self, ticker: &Ticker) {
        let ticked = ticker.ticked();
        let since = ticked - self.counted.swap(ticked, Ordering::Relaxed);
        self.burst.fetch_add(since.min(TICKS_MAX.as_nanos() as u64), Ordering::Relaxed);
    }

    /// The actor has received something.
    pub(super) fn received(&self) {
        self.burst.store(0, Ordering::Relaxed);
    }
}

/// The processor time of this thread, in nanoseconds. Never 0.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64).max(1)
}
