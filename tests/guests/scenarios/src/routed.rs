//! Workers behind a router, and a guest that has such a pool.

use greenroom_guest::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Answers calls with its address, and crashes when it is told to.
#[actor]
fn routed() -> Result<()> {
    loop {
        let request: Request = receive_as()?;
        match request.method() {
            "who" => request.respond(&curaddr())?,
            "crash" => std::process::abort(),
            _ => request.respond_invalid_method()?,
        }
    }
}

/// Has a pool of its own module's workers asked so many times, and one of them crash each time after so many. Answers how
/// the calls went, and how many workers there were.
#[actor]
fn has_a_pool(calls: u32, size: u32, crash_every: u32) -> Result<Json> {
    let pool = Pool::new("routed", size).intensity(calls, Duration::from_secs(3600)).backoff(Backoff::none());
    let router = Router::least_loaded().pool(pool).start()?;
    let (mut ends, mut workers) = (BTreeMap::<String, u32>::new(), BTreeSet::new());
    // In bundles, so that there is always something outstanding when one crashes.
    for bundle in 0..calls / crash_every {
        let methods = std::iter::repeat_n("who", crash_every as usize - 1).chain(["crash"]);
        let asked = methods.map(|method| router.call_start(method, &bundle)).collect::<Result<Vec<_>>>()?;
        for answer in wait_all(asked, Duration::from_secs(60)) {
            let end = match answer {
                Ok(worker) => {
                    workers.insert(worker.to_string());
                    "answered".to_owned()
                }
                Err(error) => match error.call_error() {
                    Some(CallError::Exception(exception)) => exception.kind().to_owned(),
                    _ => return Err(error),
                },
            };
            *ends.entry(end).or_default() += 1;
        }
    }
    Ok(json!({"ends": ends, "workers": workers.len()}))
}
