//! The threads that run actors, and which actor runs next.
//!
//! Tasks are `async-task`'s and queues `crossbeam`'s; what is ours is the order. Actors answer each other, and a pair
//! that stays on one thread finds its memory in that core's cache. So a woken actor runs next where it was woken, as in
//! tokio, but for as long as nobody else waits there, and a sleeping thread is woken only when there is something
//! for it to take. (Tokio lets a task run next three times in a row and then wakes another thread for it: a message
//! between two actors then costs 1.4 times as much on two threads as on one, and a lap 2.)

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};

use async_task::{Runnable, ScheduleInfo, WithInfo};
use crossbeam_deque::{Injector, Steal, Stealer, Worker};

use crate::lock::lock;

/// How often in a row the task that was woken last may go before those that wait: a pair that never stops talking
/// lets others run every so many messages.
const NEXT_IN_A_ROW: u32 = 16;

/// Threads that run tasks. A handle; clones are the same threads.
///
/// After [`Executor::close`] they end when the last task has; nobody waits for them.
#[derive(Clone)]
pub(crate) struct Executor(Arc<Shared>);

struct Shared {
    /// Tasks that were woken by other threads.
    injected: Injector<Runnable>,
    /// The other end of each thread's own queue.
    stealers: Box<[Stealer<Runnable>]>,
    asleep: Mutex<Vec<Thread>>,
    /// How many are asleep, to be asked without the lock.
    asleep_count: AtomicUsize,
    /// Tasks that have not ended.
    tasks: AtomicUsize,
    closed: AtomicBool,
}

/// What one thread has for itself.
struct Local {
    shared: Arc<Shared>,
    /// The task that was woken last, by the one that ran here.
    next: Option<Runnable>,
    queue: Worker<Runnable>,
    /// How often in a row `next` went first.
    in_a_row: u32,
    /// The last task came from the injector: those of this thread are next.
    injected: bool,
}

thread_local! {
    static LOCAL: RefCell<Option<Local>> = const { RefCell::new(None) };
}

impl Executor {
    /// Starts so many threads.
    pub(crate) fn start(threads: usize) -> io::Result<Executor> {
        let queues: Vec<Worker<Runnable>> = iter::repeat_with(Worker::new_fifo).take(threads).collect();
        let executor = Executor(Arc::new(Shared {
            injected: Injector::new(),
            stealers: queues.iter().map(Worker::stealer).collect(),
            asleep: Mutex::default(),
            asleep_count: AtomicUsize::new(0),
            tasks: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }));
        for queue in queues {
            let shared = executor.0.clone();
            let local = Local { shared: shared.clone(), next: None, queue, in_a_row: 0, injected: false };
            let started = thread::Builder::new().name("greenroom-worker".into()).spawn(move || {
                LOCAL.with_borrow_mut(|place| *place = Some(local));
                shared.work();
            });
            if let Err(why) = started {
                executor.close();
                return Err(why);
            }
        }
        Ok(executor)
    }

    /// Runs a future to its end on one of the threads.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.fetch_add(1, Ordering::Relaxed);
        let task = Running(self.0.clone());
        let future = async move {
            let _task = task;
            future.await;
        };
        let shared = self.0.clone();
        let schedule = WithInfo(move |runnable, info| shared.schedule(runnable, info));
        let (runnable, task) = async_task::spawn(future, schedule);
        task.detach();
        runnable.schedule();
    }

    /// Lets the threads end with the last task. Whoever calls it sees to it that the tasks do end.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.wake_all();
    }
}

/// Counts a task until its future is dropped.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.tasks.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.closed.load(Ordering::SeqCst) {
            self.0.wake_all();
        }
    }
}

impl Shared {
    /// One thread's life.
    fn work(&self) {
        while !(self.closed.load(Ordering::SeqCst) && self.tasks.load(Ordering::SeqCst) == 0) {
            match LOCAL.with_borrow_mut(|local| local.as_mut().and_then(Local::take)) {
                None => self.sleep(),
                Some(runnable) => {
                    if catch_unwind(AssertUnwindSafe(|| runnable.run())).is_err() {
                        tracing::error!(target: "greenroom", "the host panicked outside of any actor");
                    }
                }
            }
        }
        LOCAL.take();
    }

    /// A task was woken. On a thread of ours it is next there, and what was next before may be taken by another.
    fn schedule(self: &Arc<Self>, runnable: Runnable, info: ScheduleInfo) {
        let mut runnable = Some(runnable);
        let others = LOCAL.try_with(|local| match local.borrow_mut().as_mut() {
            Some(local) if Arc::ptr_eq(&local.shared, self) => {
                runnable.take().is_some_and(|runnable| local.put(runnable, info.woken_while_running))
            }
            _ => false,
        });
        if let Some(runnable) = runnable {
            self.injected.push(runnable);
        } else if !others.unwrap_or(false) {
            return;
        }
        self.wake_one();
    }

    fn wake_one(&self) {
        // Either we see who fell asleep, or it sees what we have just put in: `sleep` has the other fence.
        fence(Ordering::SeqCst);
        if self.asleep_count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut asleep = lock(&self.asleep);
        if let Some(thread) = asleep.pop() {
            self.asleep_count.store(asleep.len(), Ordering::Relaxed);
            drop(asleep);
            thread.unpark();
        }
    }

    fn wake_all(&self) {
        let mut asleep = lock(&self.asleep);
        self.asleep_count.store(0, Ordering::Relaxed);
        asleep.drain(..).for_each(|thread| thread.unpark());
    }

    /// Sleeps until somebody takes this thread from the list of those asleep.
    fn sleep(&self) {
        let me = thread::current();
        let mut asleep = lock(&self.asleep);
        asleep.push(me.clone());
        self.asleep_count.store(asleep.len(), Ordering::Relaxed);
        drop(asleep);
        fence(Ordering::SeqCst);
        if self.has_work() {
            self.stay_awake(&me);
            return;
        }
        while lock(&self.asleep).iter().any(|thread| thread.id() == me.id()) {
            thread::park();
        }
    }

    fn stay_awake(&self, me: &Thread) {
        let mut asleep = lock(&self.asleep);
        asleep.retain(|thread| thread.id() != me.id());
        self.asleep_count.store(asleep.len(), Ordering::Relaxed);
    }

    /// Whether there may be something to do for a thread that has nothing of its own.
    fn has_work(&self) -> bool {
        let ended = self.closed.load(Ordering::SeqCst) && self.tasks.load(Ordering::SeqCst) == 0;
        ended || !self.injected.is_empty() || self.stealers.iter().any(|queue| !queue.is_empty())
    }
}

impl Local {
    /// Answers whether there is something that another thread may take.
    fn put(&mut self, runnable: Runnable, yielded: bool) -> bool {
        if yielded {
            let others = self.next.is_some() || !self.queue.is_empty();
            self.queue.push(runnable);
            return others;
        }
        self.next.replace(runnable).is_some_and(|before| {
            self.queue.push(before);
            true
        })
    }

    fn take(&mut self) -> Option<Runnable> {
        // In turns: neither those outside nor those here may keep the others waiting.
        if !self.injected
            && let Some(runnable) = stolen(|| self.shared.injected.steal())
        {
            self.injected = true;
            return Some(runnable);
        }
        self.injected = false;
        self.own().or_else(|| self.others())
    }

    fn own(&mut self) -> Option<Runnable> {
        if self.in_a_row == NEXT_IN_A_ROW {
            self.in_a_row = 0;
            if let Some(first) = self.queue.pop() {
                self.next.take().into_iter().for_each(|last| self.queue.push(last));
                return Some(first);
            }
        }
        match self.next.take() {
            Some(next) => {
                self.in_a_row += 1;
                Some(next)
            }
            None => {
                self.in_a_row = 0;
                self.queue.pop()
            }
        }
    }

    fn others(&self) -> Option<Runnable> {
        let queues = self.shared.stealers.iter();
        stolen(|| self.shared.injected.steal())
            .or_else(|| queues.filter_map(|other| stolen(|| other.steal_batch_and_pop(&self.queue))).next())
    }
}

fn stolen(steal: impl Fn() -> Steal<Runnable>) -> Option<Runnable> {
    iter::repeat_with(steal).find(|steal| !steal.is_retry()).and_then(Steal::success)
}
