//! Attacks with many actors, and with ties between them.

use crate::{refusal, stays, until_refused};
use greenroom_guest::*;
use std::time::Duration;

/// Spawns itself until it is refused, in every generation; the first tells what stopped it.
#[actor]
fn multiplies(first: bool) -> Result<Json> {
    let stopped = until_refused(|_| spawn("multiplies", &json!([false])).map(|_| ()));
    if first {
        return Ok(stopped);
    }
    stays()?;
    Ok(Json::Null)
}

/// Has so many children that all have linked each other. Kills one, and answers how all the others ended.
#[actor]
fn weaves(children: u32) -> Result<Json> {
    let children: Vec<Address> = (0..children).map(|_| spawn("is_woven", &json!([]))).collect::<Result<_>>()?;
    for child in &children {
        child.send(&children)?;
    }
    for _ in &children {
        receive(&[&pattern!("tied")])?;
    }
    children[0].kill()?;
    let mut ends = std::collections::BTreeMap::<String, u32>::new();
    for child in &children {
        let how = match child.wait(None)? {
            Some(Outcome::Exception(exception)) => exception.kind().to_owned(),
            other => format!("{other:?}"),
        };
        *ends.entry(how).or_default() += 1;
    }
    Ok(json!(ends))
}

/// Links all that it is told, and stays.
#[actor]
fn is_woven() -> Result<()> {
    let others: Vec<Address> = receive_as()?;
    for other in &others {
        other.link()?;
    }
    if let Some(parent) = parent() {
        parent.send(&"tied")?;
    }
    stays()
}

/// Asks a child to end so many times; the child traps exits and reads nothing of it.
#[actor]
fn nags(times: u32) -> Result<u32> {
    let child = Spawn::new().trap_exit().link().start("never_reads", &json!([]))?;
    trap_exit(true)?;
    for number in 0..times {
        child.exit(&json!({"number": number}))?;
    }
    child.kill()?;
    let ended: Ended = receive_as()?;
    Ok(times * u32::from(ended.address == child))
}

/// Has a supervisor whose child crashes at once, each time it is started; answers how the supervisor ended.
#[actor]
fn crashes_on(restarts: u32) -> Result<Json> {
    trap_exit(true)?;
    let supervisor = Supervisor::one_for_one()
        .child(Child::new("crashes", "traps").restart(Restart::Permanent))
        .intensity(restarts, Duration::from_secs(3600))
        .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(2)))
        .start()?;
    match supervisor.wait(None)? {
        Some(Outcome::Exception(exception)) => Ok(exception.as_json().clone()),
        other => Err(Error::new(format!("it should have given up: {other:?}"))),
    }
}

/// Spawns children that end at once, so many one after the other; answers what they returned, added up.
#[actor]
fn has_short_lives(children: u64) -> Result<u64> {
    let mut sum = 0;
    for _ in 0..children {
        let child = spawn("lives_shortly", &json!([]))?;
        sum += u64::from(child.wait(None)? == Some(Outcome::Exit(1.into())));
    }
    Ok(sum)
}

#[actor]
fn lives_shortly() -> u32 {
    1
}

/// Tries what only an ancestor, or the maker, may, on somebody else's address.
#[actor]
fn oversteps(victim: Address) -> Result<Vec<Json>> {
    trap_exit(true)?;
    Ok(vec![
        refusal(victim.kill()),
        refusal(victim.exit(&"please")),
        refusal(victim.link()),
        refusal(victim.monitor()),
        refusal(victim.wait(Some(Duration::ZERO))),
        refusal(victim.revoke()),
        refusal(victim.narrow(&Narrow::new()).and_then(|narrowed| narrowed.monitor())),
        refusal(victim.send(&"hello")),
    ])
}
