//! Jobs that fail are tried again after a while, and put aside when they fail for good.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a job is tried.
const ATTEMPTS_MAX: u32 = 3;

/// How long to wait after the first failure; after each further one twice as long.
const BACKOFF: Duration = Duration::from_millis(10);

const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize)]
struct Job {
    work: Json,
    failures: u32,
}

/// Each job runs in an actor of its own, so the worst that it can do is to end.
#[derive(Default)]
struct Queue {
    running: BTreeMap<Address, Job>,
    /// Jobs that wait for their next attempt.
    waiting: usize,
    done: u32,
    poisoned: Vec<Json>,
    closed: bool,
}

impl Server for Queue {
    type Args = ();

    fn start((): ()) -> Result<Self> {
        Ok(Queue::default())
    }

    fn handle(&mut self, method: &str, work: Json) -> Result<Json> {
        match method {
            "push" => self.run(Job { work, failures: 0 })?,
            "close" => self.closed = true,
            _ => return Err(Error::invalid_method()),
        }
        Ok(Json::Null)
    }

    /// A job's time to be tried again.
    fn message(&mut self, message: Json) -> Result<()> {
        let (Ok(job), Some(waiting)) = (Job::deserialize(message), self.waiting.checked_sub(1)) else { return Ok(()) };
        self.waiting = waiting;
        self.run(job)
    }

    /// A job has ended, one way or the other.
    fn ended(&mut self, ended: Ended) -> Result<()> {
        let Some(mut job) = self.running.remove(&ended.address) else { return Ok(()) };
        job.failures += u32::from(matches!(ended.outcome, Outcome::Exception(_)));
        match (ended.outcome, job.failures) {
            (Outcome::Exit(_), _) => self.done += 1,
            (Outcome::Exception(_), ATTEMPTS_MAX..) => self.poisoned.push(job.work),
            (Outcome::Exception(_), failures) => {
                send_after(&job, BACKOFF * (1 << (failures - 1)))?;
                self.waiting += 1;
            }
        }
        Ok(())
    }

    fn done(&mut self) -> Option<Json> {
        let over = self.closed && self.running.is_empty() && self.waiting == 0;
        over.then(|| json!({"done": self.done, "poisoned": self.poisoned}))
    }
}

impl Queue {
    fn run(&mut self, job: Job) -> Result<()> {
        let worker = worker::spawn_with(&Spawn::new().monitor(), job.work.clone(), job.failures)?;
        self.running.insert(worker, job);
        Ok(())
    }
}

/// Runs jobs until it is closed and all are over; returns how many were done, and the others.
#[actor]
fn queue() -> Result<Json> {
    serve::<Queue>(())
}

/// Does a job: `"shaky"` succeeds at the second attempt, `"poison"` never.
#[actor]
fn worker(work: Json, failures: u32) -> Result<()> {
    match work.as_str() {
        Some("shaky") if failures == 0 => bail!("not today"),
        Some("poison") => panic!("nobody can do this"),
        _ => Ok(()),
    }
}

/// Pushes five jobs, two of them difficult.
#[actor]
fn main() -> Result<Json> {
    let queue = queue::spawn_with(&Spawn::new().link())?;
    for work in ["easy", "shaky", "easy", "poison", "easy"] {
        queue.call("push", work, PATIENCE)?;
    }
    queue.call("close", &(), PATIENCE)?;
    queue.wait(None)?.expect("a wait without a time ends with an outcome").into_value()
}
