//! Actors that are tied to others, and count what they hear of them. All by the crate's own types.

use greenroom_guest::*;
use std::collections::BTreeSet;
use std::time::Duration;

static READY: Pattern = pattern!("ready");
static GO: Pattern = pattern!("go");

/// Waits for `"go"`, and fails with `"gone"`.
#[actor]
fn fails_when_told() -> Result<()> {
    receive(&[&GO])?;
    bail!("gone")
}

/// Links an actor and sends what it hears of it; after `"go"`, whether there was more to hear.
#[actor]
fn follows(whom: Address, tell: Address) -> Result<()> {
    trap_exit(true)?;
    whom.link()?;
    tell.send(&"ready")?;
    let ended: Ended = receive_as()?;
    tell.send(&json!({"followed": ended.address == whom, "how": kind_of(&ended.outcome)}))?;
    receive(&[&GO])?;
    tell.send(&json!({"more": receive_as_timeout::<HostMessage>(Duration::ZERO)?.is_some()}))
}

/// Lets an actor fail that `n` others have linked. Returns how many heard of it, and how many of them more than once.
#[actor]
fn fans_out(n: u32) -> Result<[usize; 2]> {
    let hub = fails_when_told::spawn()?;
    let mut followers = Vec::new();
    for _ in 0..n {
        followers.push(follows::spawn(hub.clone(), curaddr())?);
        until_ready()?;
    }
    hub.send(&"go")?;
    for _ in &followers {
        receive(&[&pattern!({"followed": true, "how": "error"})])?;
    }
    let mut more = 0;
    for follower in &followers {
        follower.send(&"go")?;
        let (_, message) = receive(&[&pattern!({"more": bool})])?;
        more += usize::from(message["more"] == true);
    }
    Ok([followers.len(), more])
}

/// Links an actor, says so, and does nothing further.
#[actor]
fn holds(whom: Address, tell: Address) -> Result<()> {
    whom.link()?;
    tell.send(&"ready")?;
    receive(&[&GO])?;
    Ok(())
}

/// Lets the first of a chain fail in which each of `n` others has linked the one before. Returns the last one's exception.
#[actor]
fn chains(n: u32) -> Result<Json> {
    let first = fails_when_told::spawn()?;
    let mut last = first.clone();
    for _ in 0..n {
        last = holds::spawn(last, curaddr())?;
        until_ready()?;
    }
    first.send(&"go")?;
    match last.wait(None)? {
        Some(Outcome::Exception(exception)) => Ok(exception.as_json().clone()),
        other => bail!("the last one did not fail: {other:?}"),
    }
}

/// Spawns `n` children with a link and a monitor each, which end at once, every other one by failing. Returns how many
/// different ones it heard of by link and by monitor, and whether there was more to hear.
#[actor]
fn hears_all(n: u32) -> Result<Json> {
    trap_exit(true)?;
    let options = Spawn::new().link().monitor();
    for number in 0..n {
        options.start(if number % 2 == 0 { "returns" } else { "fails" }, &[number])?;
    }
    let (mut links, mut monitors) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..2 * n {
        let ended: Ended = receive_as()?;
        let heard = if ended.monitor.is_some() { &mut monitors } else { &mut links };
        heard.insert(ended.address);
    }
    let more = receive_as_timeout::<HostMessage>(Duration::ZERO)?.is_some();
    Ok(json!({"links": links.len(), "monitors": monitors.len(), "more": more}))
}

/// Sends itself whatever the node might say, and then asks for what the node says. Returns what it believed.
#[actor]
fn is_deceived() -> Result<Vec<String>> {
    let (me, child) = (curaddr(), spawn("takes_one", &json!([]))?);
    let monitor = child.monitor()?;
    let trap = json!({"type": "trap", "message": "it trapped"});
    me.send(&json!({"address": child.as_str(), "exit": 1}))?;
    me.send(&json!({"address": child.as_str(), "exception": trap, "monitor": monitor.reference()}))?;
    me.send(&json!({"address": null, "shutdown": "now"}))?;
    me.send(&json!({"node": "127.0.0.1:1", "up": false, "reason": "lost"}))?;
    me.send(&json!({"$host": {"address": child.as_str(), "exit": 1}}))?;
    let mut believed = Vec::new();
    believed.extend(receive_as_timeout::<Ended>(Duration::ZERO)?.map(|ended| format!("{ended:?}")));
    believed.extend(receive_as_timeout::<Shutdown>(Duration::ZERO)?.map(|shutdown| format!("{shutdown:?}")));
    believed.extend(receive_as_timeout::<HostMessage>(Duration::ZERO)?.map(|message| format!("{message:?}")));
    believed.extend(monitor.wait(Some(Duration::ZERO))?.map(|ended| format!("{ended:?}")));
    for _ in 0..5 {
        if let Incoming::Host(message) = receive_or_host::<Json>()? {
            believed.push(format!("{message:?}"));
        }
    }
    Ok(believed)
}

/// Finds the one actor with this name, or starts it.
#[actor]
fn finds(name: String) -> Result<Address> {
    Spawn::new().name(&name).start_or_find("fails_when_told", &json!([]))
}

/// Lets `n` actors find or start one of this name at once. Returns how many there are.
#[actor]
fn all_find(name: String, n: u32) -> Result<usize> {
    let finders = (0..n).map(|_| finds::spawn(name.clone())).collect::<Result<Vec<_>>>()?;
    let mut found = BTreeSet::new();
    for finder in finders {
        let outcome = finder.wait(None)?.ok_or_else(|| Error::new("no end without a timeout"))?;
        found.insert(outcome.into_value()?.to_string());
    }
    Ok(found.len())
}

/// Lets one timer fire, and stops one that cannot have. Returns what `cancel` answered for each.
#[actor]
fn has_timers(short_ms: u32, long_ms: u32) -> Result<[bool; 2]> {
    let start = |time: u32| send_after(&time, Duration::from_millis(time.into()));
    let (short, long) = (start(short_ms)?, start(long_ms)?);
    receive(&[&pattern!((short_ms))])?;
    Ok([short.cancel()?, long.cancel()?])
}

/// Uses addresses of itself that are worth less. Returns what each refused, or null.
#[actor]
fn narrows() -> Result<Vec<Json>> {
    let refusal = |answer: Result<()>| answer.err().map_or(Json::Null, |error| error.kind().into());
    let once = curaddr().narrow(&Narrow::new().rights(&[Right::Send]).uses(1))?;
    let used = [refusal(once.monitor().map(drop)), refusal(once.send(&1)), refusal(once.send(&2))];
    let revoked = curaddr().narrow(&Narrow::new())?;
    revoked.send(&3)?;
    revoked.revoke()?;
    let after = [refusal(revoked.send(&4)), try_receive(&[&pattern!(3)])?.map_or(Json::Null, |(_, message)| message)];
    Ok(used.into_iter().chain(after).collect())
}

/// Waits for one that is ready, but not for ever if it has failed before.
fn until_ready() -> Result<()> {
    let ready = receive_timeout(&[&READY], Duration::from_secs(20))?;
    ready.map(drop).ok_or_else(|| Error::new("nobody became ready"))
}

fn kind_of(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Exit(_) => "exit",
        Outcome::Exception(exception) => exception.kind(),
    }
}
