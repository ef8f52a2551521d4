//! What the executor promises: each task runs, nobody is forgotten, nobody waits for ever.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// More rounds than a test plays.
const NEVER: usize = 1 << 40;

/// Yields so many times.
async fn yields(times: usize) {
    let mut left = times;
    poll_fn(|cx| match left {
        0 => Poll::Ready(()),
        _ => {
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// Waits until the executor's threads have let go of everything.
fn ended(executor: Executor) -> bool {
    let shared = Arc::downgrade(&executor.0);
    executor.close();
    drop(executor);
    let patience = Instant::now() + PATIENCE;
    while shared.strong_count() > 0 && Instant::now() < patience {
        thread::yield_now();
    }
    shared.strong_count() == 0
}

#[test]
fn each_task_runs_to_its_end_and_the_threads_end_after_the_last() {
    for threads in [1, 2, 4] {
        let executor = Executor::start(threads).expect("threads");
        let (tell, told) = mpsc::channel();
        for n in 0..1000 {
            let (tell, inner) = (tell.clone(), executor.clone());
            executor.spawn(async move {
                yields(n % 3).await;
                // From inside: onto the thread's own queue.
                inner.spawn(async move { tell.send(n).expect("the test listens") });
            });
        }
        let mut seen: Vec<usize> = (0..1000).map(|_| told.recv_timeout(PATIENCE).expect("it runs")).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..1000).collect::<Vec<_>>());
        assert!(ended(executor), "the threads go on");
    }
}

#[test]
fn tasks_that_still_run_are_run_to_their_end_after_the_close() {
    let executor = Executor::start(2).expect("threads");
    let (tell, told) = mpsc::channel();
    executor.spawn(async move {
        yields(10_000).await;
        tell.send(()).expect("the test listens");
    });
    assert!(ended(executor));
    assert_eq!(told.try_recv(), Ok(()));
}

/// Two tasks that wake each other for ever.
struct Pair {
    turn: AtomicUsize,
    rounds: AtomicUsize,
    wakers: [Mutex<Option<Waker>>; 2],
}

impl Pair {
    async fn play(self: Arc<Pair>, me: usize, rounds: usize) {
        poll_fn(|cx| {
            *lock(&self.wakers[me]) = Some(cx.waker().clone());
            if self.turn.load(Ordering::SeqCst) == me {
                self.rounds.fetch_add(1, Ordering::SeqCst);
                self.turn.store(1 - me, Ordering::SeqCst);
                lock(&self.wakers[1 - me]).iter().for_each(Waker::wake_by_ref);
            }
            if self.rounds.load(Ordering::SeqCst) < rounds { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        lock(&self.wakers[1 - me]).iter().for_each(Waker::wake_by_ref);
    }
}

#[test]
fn a_pair_that_never_stops_lets_others_run_and_those_outside_in() {
    let executor = Executor::start(1).expect("a thread");
    let pair = Arc::new(Pair { turn: 0.into(), rounds: 0.into(), wakers: Default::default() });
    executor.spawn(pair.clone().play(0, NEVER));
    executor.spawn(pair.clone().play(1, NEVER));
    let (tell, told) = mpsc::channel();
    let inner = executor.clone();
    executor.spawn(async move {
        yields(100).await;
        inner.spawn(async move { tell.send(()).expect("the test listens") });
    });
    assert_eq!(told.recv_timeout(PATIENCE), Ok(()));
    pair.rounds.store(NEVER, Ordering::SeqCst);
    drop(pair);
    assert!(ended(executor));
}

#[test]
fn no_wake_is_lost_between_threads_that_fall_asleep() {
    let executor = Executor::start(2).expect("threads");
    for _ in 0..2000 {
        let pair = Arc::new(Pair { turn: 0.into(), rounds: 0.into(), wakers: Default::default() });
        let (tell, told) = mpsc::channel();
        for me in [0, 1] {
            let (pair, tell) = (pair.clone(), tell.clone());
            executor.spawn(async move {
                pair.play(me, 3).await;
                tell.send(()).expect("the test listens");
            });
        }
        assert_eq!([told.recv_timeout(PATIENCE), told.recv_timeout(PATIENCE)], [Ok(()), Ok(())]);
    }
    assert!(ended(executor));
}

#[test]
fn a_task_that_comes_while_the_thread_falls_asleep_is_run() {
    let executor = Executor::start(1).expect("a thread");
    let done = Arc::new(AtomicUsize::new(0));
    for round in 0..100_000 {
        let patience = Instant::now() + PATIENCE;
        while done.load(Ordering::Acquire) < round {
            assert!(Instant::now() < patience, "task {round} is forgotten");
        }
        // The thread has nothing more to do. The next task comes a little later each time.
        (0..round % 64).for_each(|_| std::hint::spin_loop());
        let done = done.clone();
        executor.spawn(async move {
            done.fetch_add(1, Ordering::Release);
        });
    }
    assert!(ended(executor));
}

#[test]
fn a_panic_ends_its_task_alone() {
    let executor = Executor::start(1).expect("a thread");
    executor.spawn(async { panic!("provoked") });
    let (tell, told) = mpsc::channel();
    executor.spawn(async move { tell.send(()).expect("the test listens") });
    assert_eq!(told.recv_timeout(PATIENCE), Ok(()));
    assert!(ended(executor), "a task that panicked counts as ended");
}
