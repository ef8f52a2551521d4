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
    let supervisor = Supervisor::one_for_one()
        .child(Child::new("churn", "hopeless"))
        .intensity(restarts, Duration::from_secs(3600))
        .backoff(Backoff::none())
        .start_with(&Spawn::new())?;
    match supervisor.wait(Some(Duration::from_secs(600)))? {
        Some(Outcome::Exception(exception)) if exception.kind() == "error" => Ok(u64::from(restarts)),
        outcome => bail!("the supervisor should have given up: {outcome:?}"),
    }
}

/// Asks a supervisor and a router of every setting for all that they answer, and checks it.
#[actor]
fn has_every_setting(tell: Address) -> Result<()> {
    let plain = |id: &str| Child::new(id, "plain").args(json!([tell, id]));
    let router = Router::hash("/user/id")
        .pool(
            Pool::new("plain", 2)
                .args(json!([tell, "pool"]))
                .restart(Restart::Transient)
                .shutdown_after(None)
                .intensity(9, Duration::from_secs(60))
                .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(2)).jitter(1.0)),
        )
        .calls_max(5)
        .call_timeout(Duration::from_secs(9));
    let supervisor = Supervisor::rest_for_one()
        .child(plain("a").name("settings.a").restart(Restart::Permanent).shutdown_after(Duration::ZERO))
        .child(Child::router("router", &router).name("settings.router"))
        .child(Child::supervisor("below", &Supervisor::dynamic().most(1)).name("settings.below"))
        .intensity(9, Duration::from_secs(60))
        .backoff(Backoff::none())
        .start()?;
    let status = |n: usize| Ok::<_, Error>(Supervisor::which_children(&supervisor, None)?.swap_remove(n));

    let a = status(0)?;
    assert_eq!((&*a.id, a.state, a.entry.as_deref()), ("a", ChildState::Running, Some("plain")));
    assert_eq!((a.restart, a.address), (Restart::Permanent, Some(whereis("settings.a")?)));
    Supervisor::stop_child(&supervisor, &whereis("settings.a")?, None)?;
    assert_eq!((status(0)?.state, status(0)?.address), (ChildState::Stopped, None));
    let again = Supervisor::restart_child(&supervisor, "a", None)?;
    assert_eq!(whereis("settings.a")?, again);
    let refused = Supervisor::delete_child(&supervisor, "a", None).unwrap_err();
    assert!(matches!(refused.call_error(), Some(CallError::Exception(why)) if why.kind() == "bad-argument"));
    Supervisor::stop_child(&supervisor, "a", None)?;
    Supervisor::delete_child(&supervisor, "a", None)?;
    let counts = Supervisor::count_children(&supervisor, None)?;
    assert_eq!((counts.children, counts.running, counts.restarts), (2, 2, 0));

    let router = whereis("settings.router")?;
    Router::resize(&router, 3, None)?;
    assert_eq!(Router::routees(&router, None)?.len(), 3);
    assert!(Router::add(&router, &again, None).is_err() && Router::remove(&router, &again, None).is_err());

    let below = whereis("settings.below")?;
    let one = Supervisor::start_child(&below, &plain("one").restart(Restart::Temporary), None)?;
    let refused = Supervisor::start_child(&below, &plain("two"), None).unwrap_err();
    assert!(matches!(refused.call_error(), Some(CallError::Exception(why)) if why.kind() == "limit"));
    Supervisor::stop_child(&below, &one, None)?;
    assert!(Supervisor::which_children(&below, None)?.is_empty());
    Ok(())
}

/// Has a child, a supervised one and a worker on the last of these nodes; those before it refuse. Answers who they are.
#[actor]
fn has_children_on(nodes: Vec<String>) -> Result<Json> {
    let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let (last, others) = nodes.split_last().expect("a node");
    for other in others {
        let refused = Spawn::new().node(other).start("routed", &json!([])).unwrap_err();
        assert_eq!(refused.kind(), "not-connected");
    }
    let own = Spawn::new().node(last).link().monitor().start("routed", &json!([]))?;
    let supervisor = Supervisor::one_for_one().child(Child::new("one", "routed").node(&nodes)).start()?;
    let child = Supervisor::which_children(&supervisor, None)?.swap_remove(0).address;
    let router = Router::round_robin().pool(Pool::new("routed", 1).node(&nodes)).start()?;
    let worker: Address = router.call_as("who", &(), None)?;
    Ok(json!([own, child, worker]))
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
