//! Waiting for many at once: the ends of actors, the answers of calls.

use crate::{Address, Call, Json, Monitor, Outcome, Result, clock};
use alloc::vec::Vec;
use core::time::Duration;

/// Something that [`wait_all`] waits for: an actor's end, or a [`Call`]'s answer.
#[derive(Debug)]
#[must_use = "it is there to be waited for"]
pub struct Awaited(Kind);

#[derive(Debug)]
enum Kind {
    Call(Call),
    Actor(Address, Result<Monitor>),
}

impl From<Call> for Awaited {
    fn from(call: Call) -> Self {
        Self(Kind::Call(call))
    }
}

impl From<Address> for Awaited {
    fn from(actor: Address) -> Self {
        let monitor = actor.monitor();
        Self(Kind::Actor(actor, monitor))
    }
}

impl From<&Address> for Awaited {
    fn from(actor: &Address) -> Self {
        actor.clone().into()
    }
}

/// Waits for all of them, and answers what each came to, in the order in which they are given: an actor's value or a
/// call's answer. `timeout` is for all together; without it, waits for ever.
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # #[actor]
/// # fn square(n: u32) -> u32 { n * n }
/// # #[actor]
/// # fn librarian() -> Result<()> { loop { receive_as::<Request>()?.respond("not here")?; } }
/// # #[actor]
/// # fn example() -> Result<()> {
/// # let libraries = [librarian::spawn()?, librarian::spawn()?];
/// let workers = (0..10).map(square::spawn).collect::<Result<Vec<_>>>()?;
/// let squares = wait_all(&workers, None);
/// assert_eq!(*squares[3].as_ref().unwrap(), 9);
///
/// let calls = libraries.iter().map(|library| library.call_start("find", "Moby")).collect::<Result<Vec<_>>>()?;
/// for found in wait_all(calls, Duration::from_secs(1)) {
///     println!("{}", found?);
/// }
/// # Ok(()) }
/// ```
///
/// An actor that failed is an error with its exception as the value, as [`Outcome::into_value`] has it; a call that failed a
/// [`CallError`](crate::CallError); one that was not over in time has the kind `timeout`, and a call is given up then.
pub fn wait_all<A: Into<Awaited>>(
    all: impl IntoIterator<Item = A>,
    timeout: impl Into<Option<Duration>>,
) -> Vec<Result<Json>> {
    // All monitors first: the end of one is not forgotten while another is waited for.
    let all: Vec<Awaited> = all.into_iter().map(Into::into).collect();
    let deadline = timeout.into().map(|timeout| clock::monotonic().saturating_add(timeout));
    let left = || deadline.map(|deadline| deadline.saturating_sub(clock::monotonic()));
    all.into_iter()
        .map(|Awaited(kind)| match kind {
            Kind::Call(call) => call.wait(left()),
            Kind::Actor(actor, monitor) => end_of(&actor, monitor?, left),
        })
        .collect()
}

fn end_of(actor: &Address, monitor: Monitor, left: impl Fn() -> Option<Duration>) -> Result<Json> {
    let Some(ended) = monitor.wait(left())? else {
        monitor.demonitor()?;
        return Err(crate::Error::timeout(actor));
    };
    let told_all = match &ended.outcome {
        Outcome::Exit(_) => !ended.large,
        // It had ended before it was monitored, and the node may remember how.
        Outcome::Exception(exception) => !ended.large && exception.kind() != "noproc",
    };
    // It has ended, so this is soon over; but its node may be another, or still be telling others of the end.
    let outcome = if told_all { None } else { actor.wait(left())? };
    outcome.unwrap_or(ended.outcome).into_value()
}
