//! A router in front of eight workers, which it keeps supervised.

use greenroom_guest::*;
use std::collections::BTreeSet;
use std::time::Duration;

/// Answers each number with its square, and says who did it.
#[actor]
fn worker() -> Result<()> {
    loop {
        let request: Request = receive_as()?;
        match request.message().as_u64() {
            Some(number) => request.respond(&(number * number, curaddr()))?,
            None => request.respond_exception(&json!({"type": "error", "message": "only numbers have squares"}))?,
        }
    }
}

/// Asks for `n` squares at once, and counts the answers and those who gave them.
#[actor]
fn main(n: u64) -> Result<Json> {
    let pool = Router::round_robin().pool(Pool::new("worker", 8)).start()?;
    let calls = (0..n).map(|number| pool.call_start("square", &number)).collect::<Result<Vec<_>>>()?;
    let (mut answered, mut workers) = (0, BTreeSet::new());
    for (number, answer) in (0..n).zip(wait_all(calls, Duration::from_secs(60))) {
        let answer = answer?;
        answered += u64::from(answer[0] == number * number);
        workers.insert(answer[1].to_string());
    }
    Ok(json!({"answered": answered, "workers": workers.len()}))
}
