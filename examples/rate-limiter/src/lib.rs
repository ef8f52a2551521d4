//! A server that lets its callers through at a rate: the others wait for their answer.

use greenroom_guest::*;
use std::collections::VecDeque;
use std::time::Duration;

/// At most so many callers in each period.
struct Limiter {
    most: usize,
    period: Duration,
    left: usize,
    /// When the next period begins.
    next: Duration,
    waiting: VecDeque<Request>,
}

impl Server for Limiter {
    type Args = (usize, Duration);

    fn start((most, period): (usize, Duration)) -> Result<Self> {
        let next = clock::monotonic() + period;
        Ok(Limiter { most, period, left: most, next, waiting: VecDeque::new() })
    }

    /// Whatever the method is called: whoever is answered may go.
    fn request(&mut self, request: Request) -> Result<()> {
        self.waiting.push_back(request);
        self.let_through()
    }

    /// While somebody waits: until the next period. A clock of its own, and no message that others could send as well.
    fn timeout(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then(|| self.next.saturating_sub(clock::monotonic()))
    }

    fn timed_out(&mut self) -> Result<()> {
        self.let_through()
    }
}

impl Limiter {
    fn let_through(&mut self) -> Result<()> {
        let now = clock::monotonic();
        if now >= self.next {
            (self.left, self.next) = (self.most, now + self.period);
        }
        let count = self.left.min(self.waiting.len());
        self.left -= count;
        self.waiting.drain(..count).try_for_each(|request| request.respond(&()))
    }
}

/// Lets `most` callers through in each period.
#[actor]
fn limiter(most: usize, period_ms: u64) -> Result<Json> {
    serve::<Limiter>((most, Duration::from_millis(period_ms)))
}

/// Asks six times at once to be let through, two in 100 ms, and checks that it took the 200 ms that it must.
#[actor]
fn main() -> Result<Json> {
    let limiter = limiter::spawn_with(&Spawn::new().link(), 2, 100)?;
    let began = clock::monotonic();
    let calls = (0..6).map(|_| limiter.call_start("enter", &())).collect::<Result<Vec<_>>>()?;
    let entered = wait_all(calls, Duration::from_secs(60)).into_iter().filter(Result::is_ok).count();
    Ok(json!({"entered": entered, "paced": clock::monotonic() - began >= Duration::from_millis(200)}))
}
