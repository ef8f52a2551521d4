//! A worker that moves to another node when its own is lost, and a client that asks it all the while.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

/// How long all of it may take. A node that is killed is missed after some four seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long the client waits for an answer before it asks again.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// How long it waits before it looks again for a worker that is not there.
const PAUSE: Duration = Duration::from_millis(20);

/// How many requests the second worker answers before it is over.
const ENOUGH: u32 = 100;

/// A request's number, and who has answered it.
#[derive(Serialize, Deserialize)]
struct Answer {
    number: u64,
    worker: Address,
}

/// Answers each request with its number.
#[actor]
fn worker() -> Result<()> {
    loop {
        let request: Request = receive_as()?;
        let number = request.message().as_u64().unwrap_or_default();
        // Who does not wait any more asks again.
        request.answer(Ok(Answer { number, worker: curaddr() }));
    }
}

/// Asks the worker, wherever it is.
struct Client {
    supervisor: Address,
    worker: Option<Address>,
    asked: u64,
    answered: BTreeSet<u64>,
    end: Duration,
}

impl Client {
    /// Asks one more request, again and again until it is answered. The answer is the node that it came from.
    fn ask(&mut self) -> Result<String> {
        let number = self.asked;
        self.asked += 1;
        while let Some(left) = self.end.checked_sub(clock::monotonic()) {
            if let Some(worker) = self.find(left)?
                && let Ok(answer) = worker.call_as::<Answer>("number", &number, ANSWERED_WITHIN)
            {
                self.answered.insert(answer.number);
                return Ok(node_of(&answer.worker).to_owned());
            }
            self.worker = None;
            thread::sleep(PAUSE);
        }
        bail!("request {number} was not answered, and time is up")
    }

    /// The worker; none while it is not started again.
    fn find(&mut self, left: Duration) -> Result<Option<Address>> {
        if self.worker.is_none() {
            // Answered when the supervisor has done what it is at, a restart say.
            self.worker = Supervisor::which_children(&self.supervisor, left)?.swap_remove(0).address;
        }
        Ok(self.worker.clone())
    }
}

/// Where an actor is, for people.
fn node_of(actor: &Address) -> &str {
    actor.as_str().split_once('@').map_or("", |(_, node)| node)
}

/// What it came to.
#[derive(Serialize)]
struct Report {
    before: String,
    after: String,
    lost: u64,
}

/// Keeps a worker on one of these nodes, says on which, and asks it until another node has answered often enough.
#[actor]
fn main(nodes: Vec<String>) -> Result<Report> {
    let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let supervisor = Supervisor::one_for_one().child(Child::new("worker", "worker").node(&nodes)).start()?;
    let end = clock::monotonic() + PATIENCE;
    let mut client = Client { supervisor, worker: None, asked: 0, answered: BTreeSet::new(), end };
    let before = client.ask()?;
    println!("the worker runs at {before}");
    let mut after = client.ask()?;
    while after == before {
        after = client.ask()?;
    }
    for _ in 0..ENOUGH {
        client.ask()?;
    }
    Ok(Report { before, after, lost: client.asked - client.answered.len() as u64 })
}
