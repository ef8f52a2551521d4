//! Reports of crashes: what the people who run a node are told of an actor that failed, and nobody else.

use std::sync::Arc;
use std::time::Duration;

use greenroom::{
    Address, Backoff, ChildSpec, Context, CrashReport, Decision, Event, Events, ExceptionKind, Pattern, Refusal,
    Restart, SpawnOptions, SupervisorSpec,
};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::Stage;

/// The next report.
fn reported(stage: &Stage, events: &mut Events) -> Arc<CrashReport> {
    loop {
        if let Event::Crashed(report) = stage.block_on(events.next()).expect("the node is there") {
            return report;
        }
    }
}

/// The reports up to the end of an actor.
fn reports_until_end(stage: &Stage, events: &mut Events, actor: &Address) -> Vec<Arc<CrashReport>> {
    let mut reports = Vec::new();
    loop {
        match stage.block_on(events.next()).expect("the node is there") {
            Event::Crashed(report) => reports.push(report),
            Event::Ended { actor: ended, .. } if ended == *actor => return reports,
            _ => {}
        }
    }
}

fn json_of(report: &CrashReport) -> Value {
    serde_json::from_str(&report.to_json()).expect("JSON")
}

/// A child that tells `tell` when it is up, and then ends as it is told.
fn plain(tell: &Puppet) -> ChildSpec {
    ChildSpec::new("b", "scenarios/plain").args(json!([{"$address": tell.address.to_string()}, "b"])).name("clerk")
}

/// The child that has just come up.
fn up(hears: &Puppet) -> Address {
    hears.hears()["address"]["$address"].as_str().expect("an address").parse().expect("an address")
}

#[test]
fn the_crash_of_a_supervised_child_is_reported_with_all_that_is_known_of_it() {
    let stage = Stage::new();
    let hears = Puppet::new(&stage.node);
    let mut events = stage.node.events();
    let supervisor = stage.node.supervise(SupervisorSpec::one_for_one().child(plain(&hears))).expect("it starts");
    let child = up(&hears);
    stage.send(&child, json!("panic"));
    let report = reported(&stage, &mut events);

    assert_eq!((&report.actor, report.entry.as_deref()), (&child, Some("scenarios/plain")));
    assert_eq!(report.names, ["clerk"]);
    assert_eq!(report.exception.kind(), ExceptionKind::Trap);
    assert!(report.exception.message().contains("as told"), "{}", report.exception);
    assert!(report.exception.backtrace().iter().any(|frame| frame.contains("does_as_told")), "{report}");
    let handling = report.exception.handling().expect("it took a message");
    assert_eq!((handling.text(), handling.bytes(), handling.is_cut()), ("\"panic\"", 7, false));
    let supervision = report.supervision.as_ref().expect("it has a supervisor");
    assert_eq!((&supervision.supervisor, supervision.child.as_str()), (&supervisor, "b"));
    assert_eq!(supervision.decision, Decision::Restart { after: Duration::ZERO });

    let exception: Value = serde_json::from_str(&report.exception.to_json()).expect("JSON");
    let supervisor = json!({"address": supervisor.to_string(), "child": "b", "decision": "restart", "after_ms": 0});
    let expected = json!({"actor": child.to_string(), "entry": "scenarios/plain", "names": ["clerk"],
        "exception": exception, "handling": {"text": "\"panic\"", "bytes": 7}, "supervisor": supervisor});
    assert_eq!(json_of(&report), expected);
    assert!(report.to_string().contains("handling \"panic\""), "{report}");
}

#[test]
fn a_report_tells_what_the_supervisor_does() {
    let stage = Stage::new();
    let hears = Puppet::new(&stage.node);
    let decided = |spec: SupervisorSpec| {
        let mut events = stage.node.events();
        let supervisor = stage.node.supervise(spec).expect("it starts");
        let child = up(&hears);
        stage.send(&child, json!("fail"));
        let report = reported(&stage, &mut events);
        assert_eq!(report.actor, child);
        (supervisor, report.supervision.clone().expect("it has a supervisor").decision)
    };
    let spec = SupervisorSpec::one_for_one;
    let (_, decision) = decided(spec().child(plain(&hears).restart(Restart::Temporary)));
    assert_eq!(decision, Decision::Temporary);
    let (supervisor, decision) = decided(spec().child(plain(&hears)).intensity(0, Duration::from_secs(60)));
    assert_eq!(decision, Decision::GiveUp { restarts_max: 0, period: Duration::from_secs(60) });
    stage.exception(&supervisor);
}

#[test]
fn a_child_that_fails_when_it_is_asked_to_end_is_reported_too() {
    let stage = Stage::new();
    let hears = Puppet::new(&stage.node);
    let mut events = stage.node.events();
    let tell = hears.address.clone();
    let untidy = ChildSpec::native("untidy", move |mut context: Context| {
        let tell = tell.clone();
        async move {
            context.trap_exit(true);
            context.send(&tell, json!("up"))?;
            context.receive_any(None).await;
            context.whereis("the.broom").map(|broom| json!(broom.to_string()))
        }
    });
    let supervisor = stage.node.supervise(SupervisorSpec::one_for_one().child(untidy)).expect("it starts");
    assert_eq!(hears.hears(), "up");
    stage.node.exit(&supervisor, json!("over")).expect("it lives");
    let reports = reports_until_end(&stage, &mut events, &supervisor);
    let [report] = &reports[..] else { panic!("{reports:#?}") };
    assert_eq!(report.supervision.as_ref().expect("it has a supervisor").decision, Decision::Expected);
    assert!(report.exception.message().contains("the.broom"), "{report}");
}

#[test]
fn a_crash_that_nobody_hears_of_is_reported_without_a_supervisor() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let actor = stage.script(json!([{"send": ["me", {"order": 7}]}, {"receive": [[], null]}, {"fail": "no flour"}]));
    let report = reported(&stage, &mut events);
    assert_eq!((&report.actor, &report.supervision), (&actor, &None));
    assert_eq!(json_of(&report)["handling"], json!({"text": r#"{"order":7}"#, "bytes": 11}));
    assert_eq!(report.exception, stage.exception(&actor), "who runs the node may wait for the same");
}

#[test]
fn a_crash_that_an_actor_hears_of_is_not_reported() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let parent = Puppet::trapping(&stage.node);
    for options in [SpawnOptions::default().monitor(), SpawnOptions::default().link()] {
        let child = parent.guest("fails", json!(["heard"]), options);
        assert_eq!(reports_until_end(&stage, &mut events, &child), []);
    }
}

#[test]
fn a_panic_of_the_host_s_own_is_reported_with_what_was_handled() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let native = stage.node.spawn_native(|mut context: Context| async move {
        let received = context.receive_any(None).await.expect("there is no timeout");
        assert_eq!(received.message.as_str(), "1", "this is meant to panic");
        Ok::<_, Refusal>(json!(null))
    });
    let native = native.expect("it starts");
    stage.send(&native, json!("two"));
    let report = reported(&stage, &mut events);
    assert_eq!((&report.actor, report.exception.kind()), (&native, ExceptionKind::Host));
    assert_eq!(report.exception.handling().expect("it took a message").text(), "\"two\"");
}

#[test]
fn of_a_long_message_the_beginning_is_told() {
    let stage = Stage::new();
    let hears = Puppet::new(&stage.node);
    let mut events = stage.node.events();
    let spec = SupervisorSpec::one_for_one().child(plain(&hears)).backoff(Backoff::none());
    stage.node.supervise(spec).expect("it starts");
    stage.send(&up(&hears), json!("ü".repeat(500_000)));
    let report = reported(&stage, &mut events);
    let handling = report.exception.handling().expect("it took a message");
    assert_eq!((handling.text().len(), handling.bytes(), handling.is_cut()), (1023, 1_000_002, true));
    assert!(json_of(&report).to_string().len() < 4096);
    // The next one has taken nothing yet that this could be mistaken for.
    stage.send(&up(&hears), json!(1));
    let report = reported(&stage, &mut events);
    assert_eq!(report.exception.handling().expect("it took a message").text(), "1");
}

#[test]
fn an_answer_that_an_actor_waits_for_is_not_what_it_handles() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let (clerk, store) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    stage.send(&clerk.address, json!("order"));
    assert_eq!(clerk.hears(), "order");
    let answer_to = clerk.narrow(&clerk.address, json!({"uses": 1}));
    store.send(&answer_to, json!("sold out")).expect("there is room");
    assert_eq!(clerk.hears(), "sold out");
    clerk.fails(json!("cannot go on"));
    let report = reported(&stage, &mut events);
    assert_eq!(report.exception.handling().expect("it took a message").text(), "\"order\"");
}

#[test]
fn no_other_actor_is_told_what_was_handled() {
    const SECRET: &str = "to be seen by nobody";
    let stage = Stage::new();
    let (stranger, linked) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    let victim = stage.script(json!([{"receive": [[{"go": SECRET}], null]}, {"fail": "no luck"}]));
    let waits = stage.script(json!([{"wait": [victim.to_string(), null]}]));
    stranger.monitor(&victim);
    stranger.does(|context| context.trap_exit(true));
    stranger.link(&victim);
    linked.link(&victim);
    let follows = Puppet::trapping(&stage.node);
    follows.link(&linked.address);
    stage.send(&victim, json!({"go": SECRET}));

    assert_eq!(stage.exception(&victim).handling().expect("the operator knows").bytes(), 29);
    let exception = json!({"type": "error", "message": "no luck", "value": "no luck"});
    for message in [stranger.hears_host(), stranger.hears_host()] {
        assert_eq!(message["exception"], exception);
    }
    assert_eq!(stage.value(&waits), json!([{"exception": exception}]));
    let chain = follows.hears_host();
    assert_eq!(chain["exception"]["cause"], exception);
    assert!(!chain.to_string().contains(SECRET), "{chain}");
}

#[test]
fn a_pattern_that_does_not_match_is_no_message_handled() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let picky = Puppet::new(&stage.node);
    stage.send(&picky.address, json!("ignored"));
    let other = Pattern::new(json!({"other": {"$type": "any"}})).expect("a pattern");
    assert_eq!(picky.receives(Some(other), Some(Duration::ZERO)), None);
    picky.fails(json!("no luck"));
    assert_eq!(reported(&stage, &mut events).exception.handling(), None);
}
