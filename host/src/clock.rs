//! Time, once: real, or moved by tests.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::lock::lock;

/// Where all time in a node comes from: timeouts, deadlines, and what its actors are told.
///
/// A handle; clones show the same time.
///
/// ```
/// use greenroom::Clock;
/// use std::time::Duration;
///
/// let clock = Clock::paused();
/// let start = clock.monotonic();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.monotonic() - start, Duration::from_secs(60));
/// ```
#[derive(Clone)]
pub struct Clock(Arc<Handle>);

/// Ends the timer thread when the last clone is gone; the thread itself keeps only `Shared`.
struct Handle(Arc<Shared>);

struct Shared {
    source: Source,
    state: Mutex<State>,
    /// The earliest deadline came nearer, or the clock is gone.
    changed: Condvar,
}

enum Source {
    Real { start: Instant },
    Paused,
}

#[derive(Default)]
struct State {
    /// A paused clock's time.
    now: Duration,
    /// Who sleeps until when. The number keeps sleepers of one deadline apart.
    sleepers: BTreeMap<(Duration, u64), Waker>,
    next: u64,
    thread: bool,
    closed: bool,
}

/// A paused clock's first moment, in seconds since 1970: 2001-09-09T01:46:40Z, so that a test's output is the same on
/// every day.
const PAUSED_EPOCH_S: u64 = 1_000_000_000;

impl Clock {
    /// The machine's clock.
    pub fn real() -> Clock {
        Clock::new(Source::Real { start: Instant::now() })
    }

    /// A clock that stands still until [`Clock::advance`] moves it: for tests.
    pub fn paused() -> Clock {
        Clock::new(Source::Paused)
    }

    fn new(source: Source) -> Clock {
        Clock(Arc::new(Handle(Arc::new(Shared { source, state: Mutex::default(), changed: Condvar::new() }))))
    }

    /// Moves a paused clock and wakes all whose time has come, in the order of their deadlines.
    ///
    /// # Panics
    ///
    /// If the clock is a real one: nobody can move that.
    pub fn advance(&self, by: Duration) {
        let shared = &self.0.0;
        assert!(matches!(shared.source, Source::Paused), "only a paused clock can be moved");
        let due = {
            let mut state = lock(&shared.state);
            state.now += by;
            let now = state.now;
            state.due(now)
        };
        due.into_iter().for_each(Waker::wake);
    }

    /// Time since the clock was made. Never goes back.
    pub fn monotonic(&self) -> Duration {
        self.0.0.now()
    }

    /// The date and time.
    pub fn system(&self) -> SystemTime {
        match self.0.0.source {
            Source::Real { .. } => SystemTime::now(),
            Source::Paused => UNIX_EPOCH + Duration::from_secs(PAUSED_EPOCH_S) + self.0.0.now(),
        }
    }

    /// Waits until `deadline`, measured as [`Clock::monotonic`] does. It is armed by the first poll that has to wait.
    ///
    /// Cancel-safe: a dropped sleep leaves nothing behind.
    pub(crate) fn sleep_until(&self, deadline: Duration) -> Sleep {
        Sleep { clock: self.clone(), deadline, number: None }
    }

    /// Wakes `waker` at `deadline`, once, from the clock's thread; none if that has come already.
    pub(crate) fn alarm(&self, deadline: Duration, waker: &Waker) -> Option<Alarm> {
        let mut number = None;
        let poll = self.0.0.arm(deadline, &mut number, waker);
        poll.is_pending().then(|| Alarm { deadline, number: number.expect("an armed one has a number") })
    }

    /// Takes an alarm back. It may be going off at this moment.
    pub(crate) fn disarm(&self, alarm: &Alarm) {
        lock(&self.0.0.state).sleepers.remove(&(alarm.deadline, alarm.number));
    }

    /// The future's output, or none when `deadline` comes first. The timer is armed only when the future has to wait.
    ///
    /// As cancel-safe as the future is.
    pub(crate) async fn timeout<F: Future>(&self, deadline: Duration, future: F) -> Option<F::Output> {
        let (mut future, mut sleep) = (pin!(future), pin!(self.sleep_until(deadline)));
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => sleep.as_mut().poll(cx).map(|()| None),
        })
        .await
    }

    /// The moment `timeout` from now; one that is too far to say never comes.
    pub(crate) fn deadline(&self, timeout: Duration) -> Duration {
        self.monotonic().saturating_add(timeout)
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::real()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let source = match self.0.0.source {
            Source::Real { .. } => "real",
            Source::Paused => "paused",
        };
        write!(f, "Clock({source}, {:?})", self.monotonic())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        lock(&self.0.state).closed = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    /// A real clock takes no lock for it, so its thread may ask while it holds the state.
    fn now(&self) -> Duration {
        match self.source {
            Source::Real { start } => start.elapsed(),
            Source::Paused => lock(&self.state).now,
        }
    }

    /// Registers a sleeper, or says that its time has come already. The check and the entry are one step under the
    /// lock, so that a paused clock cannot be moved in between.
    fn arm(self: &Arc<Self>, deadline: Duration, number: &mut Option<u64>, waker: &Waker) -> Poll<()> {
        let mut state = lock(&self.state);
        let now = match self.source {
            Source::Real { start } => start.elapsed(),
            Source::Paused => state.now,
        };
        if now >= deadline {
            return Poll::Ready(());
        }
        let key = *number.get_or_insert_with(|| {
            state.next += 1;
            state.next
        });
        state.sleepers.insert((deadline, key), waker.clone());
        let first = state.sleepers.first_key_value().is_some_and(|(first, _)| *first == (deadline, key));
        if matches!(self.source, Source::Real { .. }) && first {
            if !std::mem::replace(&mut state.thread, true) {
                spawn_timer_thread(Arc::downgrade(self));
            }
            self.changed.notify_one();
        }
        Poll::Pending
    }
}

impl State {
    fn due(&mut self, now: Duration) -> Vec<Waker> {
        let later = self.sleepers.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.sleepers, later).into_values().collect()
    }
}

/// One thread for all timers of a real clock, started with the first of them. Its own thread, since guests keep the
/// node's workers busy for a slice at a time: timers on a worker were measured 473 ms late beside 8 busy actors.
fn spawn_timer_thread(clock: Weak<Shared>) {
    let run = move || {
        let Some(shared) = clock.upgrade() else { return };
        let mut state = lock(&shared.state);
        while !state.closed {
            let due = state.due(shared.now());
            if !due.is_empty() {
                drop(state);
                due.into_iter().for_each(Waker::wake);
                state = lock(&shared.state);
                continue;
            }
            let wait = state.sleepers.first_key_value().map(|(first, _)| first.0.saturating_sub(shared.now()));
            state = match wait {
                None => shared.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner),
                Some(wait) => {
                    shared.changed.wait_timeout(state, wait).unwrap_or_else(std::sync::PoisonError::into_inner).0
                }
            };
        }
    };
    thread::Builder::new().name("greenroom-clock".into()).spawn(run).expect("a thread for the node's timers");
}

/// See [`Clock::alarm`]. To drop it leaves it armed.
#[derive(Debug)]
pub(crate) struct Alarm {
    deadline: Duration,
    number: u64,
}

/// See [`Clock::sleep_until`].
pub(crate) struct Sleep {
    clock: Clock,
    deadline: Duration,
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.clock.0.0.arm(this.deadline, &mut this.number, cx.waker())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            lock(&self.clock.0.0.state).sleepers.remove(&(self.deadline, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::task::Wake;

    struct Tell(mpsc::Sender<&'static str>, &'static str);

    impl Wake for Tell {
        fn wake(self: Arc<Self>) {
            self.0.send(self.1).expect("the test listens");
        }
    }

    fn armed(clock: &Clock, after: Duration, tell: &mpsc::Sender<&'static str>, name: &'static str) -> Sleep {
        let mut sleep = clock.sleep_until(clock.deadline(after));
        let waker = Waker::from(Arc::new(Tell(tell.clone(), name)));
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
        sleep
    }

    #[test]
    fn a_paused_clock_wakes_in_the_order_of_deadlines_and_only_when_moved() {
        let (tell, told) = mpsc::channel();
        let clock = Clock::paused();
        let _second = armed(&clock, Duration::from_secs(2), &tell, "second");
        let _first = armed(&clock, Duration::from_secs(1), &tell, "first");
        let _never = armed(&clock, Duration::MAX, &tell, "never");
        clock.advance(Duration::from_millis(999));
        assert!(told.try_recv().is_err());
        clock.advance(Duration::from_secs(5));
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["first", "second"]);
    }

    #[test]
    fn a_real_clock_wakes_the_nearer_deadline_first_though_it_came_later() {
        let (tell, told) = mpsc::channel();
        let clock = Clock::real();
        let _far = armed(&clock, Duration::from_secs(3600), &tell, "far");
        let _near = armed(&clock, Duration::from_millis(5), &tell, "near");
        assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok("near"));
    }

    #[test]
    fn a_dropped_sleep_leaves_nothing_behind() {
        let (tell, told) = mpsc::channel();
        let clock = Clock::paused();
        drop(armed(&clock, Duration::from_secs(1), &tell, "dropped"));
        clock.advance(Duration::from_secs(2));
        assert!(told.try_recv().is_err());
        assert!(lock(&clock.0.0.state).sleepers.is_empty());
    }

    #[test]
    fn the_timer_thread_ends_with_the_last_handle() {
        let (tell, _told) = mpsc::channel();
        let clock = Clock::real();
        let sleep = armed(&clock, Duration::from_secs(3600), &tell, "never");
        let shared = Arc::downgrade(&clock.0.0);
        drop((clock, sleep));
        let patience = Instant::now() + Duration::from_secs(30);
        while shared.upgrade().is_some() {
            assert!(Instant::now() < patience, "the timer thread lives on");
            thread::yield_now();
        }
    }
}
