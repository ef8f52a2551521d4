//! Who may compute, and for how long: time slices, and a queue for busy actors.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Engine, Store, UpdateDeadline};

use super::meter::Meter;
use super::state::Guest;
use crate::bucket::nanoseconds;
use crate::clock::Clock;
use crate::level::Level;
use crate::lock::lock;

/// How often the epoch moves. A busy actor computes for one tick at most before those that were woken get their turn, so
/// this is how long a wake waits when all workers are busy. Between 0.1 and 10 ms the tick does not change throughput.
const TICK: Duration = Duration::from_micros(500);

/// Ticks that an actor may compute when it starts or returns from a wait: one whole millisecond at least.
const SLICE_TICKS: u64 = 3;

/// An idle node does not tick: after so many ticks in which no actor ran, the ticker sleeps.
const IDLE_TICKS: u32 = 128;

/// The queue for busy actors. One that has used up its slice goes on only with a permit, and there are as many as
/// workers: all others wait here, in order, and not in the scheduler's queue in front of those that have just been
/// woken. To end one that waits here takes no time.
#[derive(Clone)]
pub(super) struct Preempt(Arc<Semaphore>);

/// One actor's part. Only its own task touches it; the atomics are for the compiler.
pub(super) struct Slice {
    /// If its processor time is limited.
    pub(super) meter: Option<Meter>,
    /// Held while the actor is busy beyond its slice.
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    /// Whether it has one, so that an actor that never was busy takes no lock.
    holds: AtomicBool,
    /// It waits for its turn to compute, not for anything else.
    queues: AtomicBool,
    /// It has waited for something: its next slice is a whole one.
    rested: AtomicBool,
}

impl Preempt {
    pub(super) fn new(workers: usize) -> Preempt {
        Preempt(Arc::new(Semaphore::new(workers)))
    }

    /// Sets a store up, before anything of the guest's runs in it.
    pub(super) fn guard(&self, store: &mut Store<Guest>) {
        let (permits, slice) = (self.0.clone(), store.data().slice.clone());
        store.set_epoch_deadline(SLICE_TICKS);
        store.epoch_deadline_callback(move |store| {
            // The deadline is absolute: an actor that waited is past it the moment it goes on.
            let (meter, ticker) = (slice.meter.iter(), &store.data().guests.ticker);
            if slice.rested.swap(false, Ordering::Relaxed) {
                meter.for_each(|meter| meter.goes_on(ticker));
                return Ok(UpdateDeadline::Continue(SLICE_TICKS));
            }
            meter.into_iter().try_for_each(|meter| meter.slice_over(ticker))?;
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(turn(permits.clone(), slice.clone()))))
        });
    }
}

/// Waits for a permit, behind all who wait already, and then lets those run who were woken meanwhile.
async fn turn(permits: Arc<Semaphore>, slice: Arc<Slice>) {
    slice.queues.store(true, Ordering::Relaxed);
    slice.give_back();
    let permit = permits.acquire_owned().await.expect("nobody closes the semaphore");
    *lock(&slice.permit) = Some(permit);
    slice.holds.store(true, Ordering::Relaxed);
    tokio::task::yield_now().await;
    slice.queues.store(false, Ordering::Relaxed);
}

impl Slice {
    pub(super) fn new(level: &Arc<Level>) -> Slice {
        Slice {
            meter: Meter::new(level),
            permit: Mutex::default(),
            holds: AtomicBool::default(),
            queues: AtomicBool::default(),
            rested: AtomicBool::default(),
        }
    }

    /// Whether it has been busy for more than a slice, and goes on being so.
    pub(super) fn is_busy(&self) -> bool {
        self.holds.load(Ordering::Relaxed)
    }

    /// The actor may not run now, for its tree has used its share: another busy one may.
    pub(super) fn waits_for_share(&self) {
        self.give_back();
    }

    /// The actor's task has nothing to run now. If it waits for something else than its turn (a message, a timer),
    /// another busy actor may go on.
    pub(super) fn pause(&self) {
        if !self.queues.load(Ordering::Relaxed) {
            self.rested.store(true, Ordering::Relaxed);
            self.give_back();
        }
    }

    fn give_back(&self) {
        if self.holds.load(Ordering::Relaxed) {
            self.holds.store(false, Ordering::Relaxed);
            lock(&self.permit).take();
        }
    }
}

/// The thread that moves the epoch while actors run.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    activity: AtomicU8,
    stopped: AtomicBool,
    /// The clock's time at the last tick, in nanoseconds.
    now: AtomicU64,
    /// How long it has ticked, in nanoseconds: a clock that stands still while it sleeps.
    ticked: AtomicU64,
}

const RAN: u8 = 0;
const IDLE: u8 = 1;
const ASLEEP: u8 = 2;

impl Ticker {
    pub(super) fn start(engine: &Engine, clock: Clock) -> std::io::Result<Ticker> {
        let shared = Arc::new(Shared::default());
        let (theirs, engine) = (shared.clone(), engine.clone());
        let run = move || theirs.run(&engine, &clock);
        let thread = thread::Builder::new().name("greenroom-ticker".into()).spawn(run)?;
        Ok(Ticker { shared, thread: Some(thread) })
    }

    /// The time at the last tick.
    pub(super) fn now(&self) -> Duration {
        Duration::from_nanos(self.shared.now.load(Ordering::Relaxed))
    }

    /// How long it has ticked, in nanoseconds.
    pub(super) fn ticked(&self) -> u64 {
        self.shared.ticked.load(Ordering::Relaxed)
    }

    /// An actor is about to run. Nearly always one load of a value that no other worker writes.
    pub(super) fn actor_runs(&self) {
        if self.shared.activity.load(Ordering::Relaxed) != RAN
            && self.shared.activity.swap(RAN, Ordering::AcqRel) == ASLEEP
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
    }
}

impl Shared {
    fn run(&self, engine: &Engine, clock: &Clock) {
        let (mut ticks, mut before) = (0, clock.monotonic());
        while !self.stopped.load(Ordering::Acquire) {
            thread::sleep(TICK);
            let now = clock.monotonic();
            self.now.store(nanoseconds(now), Ordering::Relaxed);
            self.ticked.fetch_add(nanoseconds(now - before), Ordering::Relaxed);
            before = now;
            engine.increment_epoch();
            ticks += 1;
            if ticks % IDLE_TICKS != 0 {
                continue;
            }
            // Idle for one whole period, and still so at the moment of falling asleep: whoever runs next wakes us.
            if self.activity.compare_exchange(IDLE, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_err() {
                self.activity.store(IDLE, Ordering::Release);
                continue;
            }
            while self.activity.load(Ordering::Acquire) == ASLEEP && !self.stopped.load(Ordering::Acquire) {
                thread::park();
            }
            before = clock.monotonic();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
        }
    }
}
