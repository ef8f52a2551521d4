//! Events: what starts, what ends, and what is lost. Also which ends are told to the people who run the node.

use greenroom::{Address, Context, Event, Events, Limit, Limits, Loss, Mesh, Node, Outcome, Refusal, SpawnOptions};
use serde_json::{Value, json};

use crate::command::greenroom;
use crate::puppet::Puppet;
use crate::stage::{Stage, guest};

/// Events up to and with the end of an actor, as they are printed.
fn until_end(stage: &Stage, events: &mut Events, actor: &Address) -> Vec<Value> {
    let mut told = Vec::new();
    loop {
        let event = stage.block_on(events.next()).expect("the node is there");
        told.push(serde_json::from_str(&event.to_json()).expect("JSON"));
        if matches!(&event, Event::Ended { actor: ended, .. } if ended == actor) {
            return told;
        }
    }
}

fn lost(stage: &Stage, loss: Loss) -> u64 {
    stage.node.lost().into_iter().find(|(why, _)| *why == loss).expect("one of the list").1
}

#[test]
fn each_start_and_end_is_an_event_with_who_and_how() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let parent =
        stage.script(json!([{"spawn": ["returns", [{"n": 1.0}]]}, {"wait": ["0", null]}, {"fail": "no luck"}]));
    stage.exception(&parent);
    let mut told = until_end(&stage, &mut events, &parent);
    // Whether somebody waits for the end already is up to chance.
    told.retain(|event| event["event"] != "crashed");
    let child = &told[1]["actor"];
    let exception = json!({"type": "error", "message": "no luck", "value": "no luck"});
    let expected = [
        json!({"event": "spawned", "actor": parent.to_string(), "parent": null}),
        json!({"event": "spawned", "actor": child, "parent": parent.to_string()}),
        json!({"event": "ended", "actor": child, "exit": {"n": 1.0}}),
        json!({"event": "ended", "actor": parent.to_string(), "exception": exception}),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_refused_spawn_is_no_event() {
    let stage = Stage::new();
    let first = Puppet::with(&stage.node, &SpawnOptions::default().name("taken"));
    let mut events = stage.node.events();
    assert!(first.try_child(SpawnOptions::default().name("taken")).is_err());
    first.returns(json!(1));
    assert_eq!(until_end(&stage, &mut events, &first.address).len(), 1);
}

#[test]
fn each_lost_message_is_an_event_with_its_reason_and_is_counted() {
    let limits = Limits::default().with(Limit::Mailbox, 1);
    let stage = Stage::with(Node::builder().limits(limits));
    let mut events = stage.node.events();
    let (target, sender) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    let to = target.address.clone();
    assert!(sender.send(&to, json!("unread")).is_ok());
    assert!(sender.send(&to, json!("too many")).is_err());
    target.returns(json!(1));
    stage.value(&to);
    assert!(sender.send(&to, json!("late")).is_err());
    sender.returns(json!(1));
    let told = until_end(&stage, &mut events, &sender.address);
    let lost_events: Vec<&Value> = told.iter().filter(|event| event["event"] == "lost").collect();
    let (from, to) = (json!(sender.address.to_string()), json!(to.to_string()));
    let event = |why: &str, from: &Value, bytes: usize| {
        let (kind, to) = ("lost", &to);
        json!({"event": kind, "why": why, "to": to, "from": from, "bytes": bytes})
    };
    let expected =
        [event("mailbox-full", &from, 10), event("unread", &Value::Null, 8), event("no-such-actor", &from, 6)];
    assert_eq!(lost_events, expected.iter().collect::<Vec<_>>());
    assert_eq!([Loss::MailboxFull, Loss::Unread, Loss::NoSuchActor].map(|loss| lost(&stage, loss)), [1, 1, 1]);
}

#[test]
fn a_message_to_nobody_is_lost_however_it_is_addressed() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let sender = Puppet::new(&stage.node);
    let place = stage.node.place();
    for who in ["a".repeat(26), "nobody".to_owned()] {
        let to: Address = format!("{who}@{place}").parse().expect("an address");
        assert!(sender.send(&to, json!(1)).is_err());
        assert!(stage.node.send(&to, json!(12)).is_err());
    }
    sender.returns(json!(1));
    let told = until_end(&stage, &mut events, &sender.address);
    let told: Vec<&Value> = told.iter().filter(|event| event["event"] == "lost").collect();
    let event = |who: &str, from: Value, bytes: usize| json!({"event": "lost", "why": "no-such-actor", "to": format!("{who}@{place}"), "from": from, "bytes": bytes});
    let (id, from) = ("a".repeat(26), json!(sender.address.to_string()));
    let expected = [
        event(&id, from.clone(), 1),
        event(&id, Value::Null, 2),
        event("nobody", from, 1),
        event("nobody", Value::Null, 2),
    ];
    assert_eq!(told, expected.iter().collect::<Vec<_>>());
    assert_eq!(lost(&stage, Loss::NoSuchActor), 4);
}

#[test]
fn a_message_that_waits_for_room_at_nobody_s_is_lost_too() {
    let stage = Stage::new();
    let to = format!("{}@{}", "a".repeat(26), stage.node.place());
    let answers = stage.play(json!([{"send-wait": [to, 1, 0]}]));
    assert_eq!(answers[0]["refused"], "no-such-actor");
    assert_eq!(lost(&stage, Loss::NoSuchActor), 1);
}

#[test]
fn a_message_that_was_taken_back_is_not_lost() {
    let stage = Stage::new();
    let (a, b) = (Puppet::trapping(&stage.node), Puppet::new(&stage.node));
    a.link(&b.address);
    b.fails(json!(1));
    stage.exception(&b.address);
    a.unlink(&b.address);
    a.returns(json!(1));
    stage.value(&a.address);
    assert_eq!(lost(&stage, Loss::Unread), 0);
}

#[test]
fn an_end_is_an_event_when_all_who_asked_were_told() {
    let stage = Stage::new();
    let watcher = Puppet::new(&stage.node);
    for _ in 0..100 {
        let mut events = stage.node.events();
        let child = watcher.child(SpawnOptions::default().monitor());
        child.returns(json!(1));
        until_end(&stage, &mut events, &child.address);
        assert_eq!(watcher.hears_now().len(), 1);
    }
}

#[test]
fn a_slow_reader_is_told_how_many_events_it_missed() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let watcher = stage.node.spawn_native(|mut context: Context| async move {
        let monitored = SpawnOptions::default().monitor();
        for _ in 0..3000 {
            context.spawn_native(&monitored, |_| async { Ok::<_, Refusal>(json!(1)) })?;
            context.receive_any(None).await;
        }
        Ok::<_, Refusal>(json!(null))
    });
    let watcher = watcher.expect("it starts");
    stage.value(&watcher);
    let mut heard = 0;
    let mut missed = 0;
    while let Some(event) = stage.block_on(events.next()) {
        match event {
            Event::Missed(count) => missed += count,
            Event::Ended { actor, .. } if actor == watcher => break,
            _ => heard += 1,
        }
    }
    assert!(missed > 0);
    assert_eq!(heard + missed, 6001, "3,000 children began and ended, and their parent began");
}

#[test]
fn a_reader_hears_when_the_node_is_gone() {
    let stage = Stage::new();
    let other = stage.block_on(Node::start(&Mesh::new(), "cookie@127.0.0.1:0")).expect("it starts");
    let mut events = other.events();
    drop(other);
    assert!(stage.block_on(events.next()).is_none());
}

/// What the command line prints when the first actor does these steps and the last one has ended.
fn stderr_of(steps: Value) -> String {
    let path = guest("scenarios").display().to_string();
    let output =
        greenroom(&["run", "--linger", &path, "script", &steps.to_string()]).output().expect("the program starts");
    String::from_utf8(output.stderr).expect("the program writes UTF-8")
}

#[test]
fn a_crash_that_nobody_hears_of_is_logged_with_its_backtrace() {
    let printed = stderr_of(json!([{"spawn": ["panics", ["somewhere"]]}, {"spawn": ["fails", ["elsewhere"]]}]));
    for word in ["nobody waits for it", "somewhere", "deep_down", "elsewhere"] {
        assert!(printed.contains(word), "`{word}` is not in: {printed}");
    }
}

#[test]
fn a_crash_that_somebody_hears_of_is_not_logged_and_an_end_that_is_none_neither() {
    let receive = json!({"receive": [[{"$host": {"$type": "any"}}], 60_000]});
    for hears in [
        json!([{"spawn-with": ["panics", ["somewhere"], {"monitor": true}]}, receive]),
        json!([{"trap-exit": true}, {"spawn-with": ["panics", ["somewhere"], {"link": true}]}, receive]),
        json!([{"spawn-with": ["takes_one", [], {}]}, {"kill": "0"}, {"wait": ["0", null]}]),
    ] {
        let printed = stderr_of(hears.clone());
        assert!(!printed.contains("nobody waits"), "{hears} printed {printed}");
    }
}

#[test]
fn an_event_tells_the_outcome_as_it_is() {
    let stage = Stage::new();
    let mut events = stage.node.events();
    let actor = stage.spawn("returns", json!([1.0]));
    loop {
        if let Some(Event::Ended { outcome, .. }) = stage.block_on(events.next()) {
            assert!(matches!(&outcome, Outcome::Exit(value) if value.as_str() == "1.0"));
            assert_eq!(outcome, stage.outcome(&actor));
            return;
        }
    }
}
