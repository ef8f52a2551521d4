//! Links, monitors and names while actors end: each fires once, none is lost, however it falls out.

use std::future::Future;
use std::time::Duration;

use greenroom::{Address, Context, Event, Events, Refusal, RefusalKind, SpawnOptions};
use serde_json::{Value, json};

use crate::stage::Stage;

/// Rounds of a race between two.
const ROUNDS: u32 = 200;

/// Crowds at once, one for each of the node's threads.
const CROWDS: u64 = 2;
/// How often there are so many crowds anew, so that no wait is long.
const WAVES: u64 = 4;
/// Rounds of each crowd, children in a round, and who looks on: some 350 links and monitors a round.
const CROWD_ROUNDS: u32 = 40;
const CHILDREN: u32 = 24;
const WITNESSES: u32 = 4;

#[test]
fn of_100_000_links_and_monitors_among_guests_that_end_each_fires_once() {
    let stage = Stage::new();
    let mut fired = 0;
    for wave in 0..WAVES {
        let seed = |number| 1000 * (CROWDS * wave + number + 1);
        let crowd = |number| stage.spawn("has_a_crowd", json!([CROWD_ROUNDS, CHILDREN, WITNESSES, seed(number)]));
        let crowds: Vec<Address> = (0..CROWDS).map(crowd).collect();
        for crowd in &crowds {
            let told = stage.value(crowd);
            let heard = &told["heard"];
            assert_eq!(heard["wrong"], 0, "{told}");
            fired += heard["links"].as_u64().expect("links") + heard["monitors"].as_u64().expect("monitors");
            for end in ["exit", "error", "trap", "killed", "linked"] {
                assert!(told["ends"][end].as_u64() > Some(0), "nobody ended as {end}: {told}");
            }
        }
    }
    assert!(fired >= 100_000, "only {fired} have fired");
    stage.block_on(stage.node.emptied());
}

/// What a native actor made of `ROUNDS` rounds.
fn plays<F>(stage: &Stage, behavior: impl FnOnce(Context) -> F + Send + 'static) -> Value
where
    F: Future<Output = Result<Value, Refusal>> + Send + 'static,
{
    let options = SpawnOptions::default().trap_exit();
    let actor = stage.node.spawn_native_with(&options, behavior).expect("it starts");
    stage.value(&actor)
}

/// Takes all that waits.
async fn heard(context: &mut Context) -> Vec<Value> {
    let mut heard = Vec::new();
    while let Some(received) = context.receive_any(Some(Duration::ZERO)).await {
        assert!(received.from_host);
        heard.push(received.message.to_value());
    }
    heard
}

/// Waits until an actor has ended and all are told; who waits for it may hear of the end before that.
async fn end(events: &mut Events, actor: &Address) {
    loop {
        match events.next().await.expect("the node runs") {
            Event::Ended { actor: ended, .. } if ended.to_string() == actor.to_string() => return,
            Event::Missed(events) => panic!("{events} events were missed"),
            _ => {}
        }
    }
}

#[test]
fn a_monitor_that_meets_the_end_gives_one_message() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    plays(&stage, |mut context| async move {
        for round in 0..ROUNDS {
            let child = context.spawn("scenarios/returns", json!([round]), &SpawnOptions::default())?;
            // The end comes somewhere between these.
            let mut references = Vec::new();
            for _ in 0..round {
                references.push(context.monitor(&child)?);
            }
            end(&mut events, &child).await;
            let mut told: Vec<Value> = heard(&mut context).await.iter().map(|told| told["monitor"].clone()).collect();
            told.sort_by_key(ToString::to_string);
            references.sort();
            assert_eq!(told, references);
        }
        Ok(Value::Null)
    });
}

#[test]
fn an_unlink_or_demonitor_that_meets_the_end_leaves_no_message() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    plays(&stage, |mut context| async move {
        for round in 0..ROUNDS {
            let options = SpawnOptions::default().link().monitor();
            let child = context.spawn("scenarios/returns", json!([round]), &options)?;
            let references = (0..round).map(|_| context.monitor(&child)).collect::<Result<Vec<_>, _>>()?;
            context.unlink(&child)?;
            for reference in references.iter().chain([&child.to_string()]) {
                context.demonitor(reference)?;
            }
            end(&mut events, &child).await;
            assert_eq!(heard(&mut context).await, Vec::<Value>::new());
        }
        Ok(Value::Null)
    });
}

#[test]
fn a_spawn_with_link_and_monitor_of_one_that_traps_at_once_gives_a_message_for_each() {
    let stage = Stage::new();
    stage.text("start-traps");
    let mut events = stage.node.events();
    plays(&stage, |mut context| async move {
        for _ in 0..ROUNDS {
            let options = SpawnOptions::default().link().monitor();
            let child = context.spawn("start-traps/main", json!([]), &options)?;
            end(&mut events, &child).await;
            let told = heard(&mut context).await;
            let monitors = told.iter().filter(|told| told["monitor"] == child.to_string()).count();
            let traps = told.iter().filter(|told| told["exception"]["type"] == "trap").count();
            assert_eq!((told.len(), monitors, traps), (2, 1, 2), "{told:?}");
        }
        Ok(Value::Null)
    });
}

/// Monitors each actor it is told of, and says of each end whether the address was dead by then, and the name free.
async fn looks(mut context: Context, tell: Address) -> Result<Value, Refusal> {
    loop {
        let victim = context.receive_any(None).await.expect("there is no timeout").message.to_value();
        let victim: Address = victim.as_str().expect("an address").parse().expect("an address");
        context.monitor(&victim)?;
        context.send(&tell, json!("ready"))?;
        let told = context.receive_any(None).await.expect("there is no timeout");
        let dead = context.send(&victim, json!(1)).is_err_and(|refusal| refusal.kind() == RefusalKind::NoSuchActor);
        context.send(&tell, json!([told.from_host, dead, context.whereis("contested").is_err()]))?;
    }
}

/// Many look on, since the first of them that hears of the end runs while the others are still being told.
#[test]
fn who_hears_of_an_end_finds_the_name_free_and_the_address_dead() {
    let stage = Stage::new();
    plays(&stage, |mut context| async move {
        let (me, mut witnesses) = (context.address().clone(), Vec::new());
        for _ in 0..16 {
            let me = me.clone();
            witnesses.push(context.spawn_native(&SpawnOptions::default(), |context| looks(context, me))?);
        }
        for _ in 0..ROUNDS {
            let options = SpawnOptions::default().name("contested");
            let child = context.spawn("scenarios/takes_one", json!([]), &options)?;
            for witness in &witnesses {
                context.send(witness, json!(child.to_string()))?;
            }
            for _ in &witnesses {
                let ready = context.receive_any(None).await.expect("there is no timeout");
                assert_eq!(ready.message.to_value(), "ready");
            }
            context.send(&child, json!("go"))?;
            for _ in &witnesses {
                let found = context.receive_any(None).await.expect("there is no timeout");
                assert_eq!(found.message.to_value(), json!([true, true, true]), "by the host, dead, free");
            }
        }
        Ok(Value::Null)
    });
}
