//! Children of a supervisor, which tell when they are up and when they go down, and a guest that has one.

use greenroom_guest::*;
use std::time::Duration;

/// Ends as it is told. Whoever asks it to end, ends it.
#[actor]
fn plain(tell: Address, name: String) -> Result<Json> {
    up(&tell, &name)?;
    does_as_told()
}

/// As `plain`; but if it is asked to end, it tells so first, and then returns.
#[actor]
fn orderly(tell: Address, name: String) -> Result<Json> {
    trap_exit(true)?;
    up(&tell, &name)?;
    loop {
        if let Incoming::Host(HostMessage::Shutdown(_)) = receive_or_host::<Json>()? {
            tell.send(&json!({"down": name}))?;
            return Ok(json!("in order"));
        }
    }
}

/// Tells that it was asked to end, and does not.
#[actor]
fn stubborn(tell: Address, name: String) -> Result<()> {
    trap_exit(true)?;
    up(&tell, &name)?;
    loop {
        let _: Shutdown = receive_as()?;
        tell.send(&json!({"asked": name}))?;
    }
}

/// Fails each time it is started.
#[actor]
fn hopeless() -> Result<()> {
    bail!("hopeless")
}

/// Has a supervisor with these children of its own module for so long, and ends.
#[actor]
fn has_supervisor(tell: Address, spec: Json, link: bool) -> Result<()> {
    let options = if link { Spawn::new().link() } else { Spawn::new() };
    let supervisor = options.start("greenroom/supervisor", &spec)?;
    tell.send(&json!({"supervisor": supervisor}))?;
    receive_any()?;
    Ok(())
}

/// Has a supervisor that restarts a child which fails so many times. Answers how often it has, once it gave up.
#[actor]
fn has_churn(restarts: u32) -> Result<u64> {
    let child = json!({"id": "churn", "entry": "hopeless"});
    let backoff = json!({"first_ms": 0, "most_ms": 0});
    let spec = json!({"strategy": "one-for-one", "children": [child], "intensity": restarts, "period_ms": 3_600_000,
        "backoff": backoff});
    let supervisor = spawn("greenroom/supervisor", &spec)?;
    match supervisor.wait(Some(Duration::from_secs(600)))? {
        Some(Outcome::Exception(exception)) if exception.kind() == "error" => Ok(u64::from(restarts)),
        outcome => bail!("the supervisor should have given up: {outcome:?}"),
    }
}

fn up(tell: &Address, name: &str) -> Result<()> {
    tell.send(&json!({"up": name, "address": curaddr()}))
}

#[inline(never)]
fn does_as_told() -> Result<Json> {
    match receive_any()?.as_str() {
        Some("return") => Ok(json!("as told")),
        Some("panic") => panic!("as told"),
        _ => bail!("as told"),
    }
}
