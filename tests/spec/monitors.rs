//! Monitors: one way, and exactly one message.

use greenroom::{Address, ExceptionKind, Limit, Limits, Node, RefusalKind, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::stage::{Stage, text};

#[test]
fn a_monitor_of_the_dead_says_at_once_that_there_is_nobody() {
    let stage = Stage::new();
    let dead = stage.spawn("returns", json!([1]));
    stage.value(&dead);
    let answers = stage.play(json!([
        {"monitor": dead.to_string()},
        {"receive": [[{"$host": {"$type": "any"}}], 0]},
        {"receive": [[], 0]},
    ]));
    let told = &answers[1]["message"];
    assert_eq!((&told["address"], &told["monitor"]), (&json!(dead.to_string()), &answers[0]));
    assert_eq!((&told["exception"]["type"], &answers[2]), (&json!("noproc"), &Value::Null));
}

#[test]
fn a_monitor_of_a_name_that_nobody_has_says_so_with_that_name() {
    let stage = Stage::new();
    let answers = stage.play(json!([{"monitor": "nobody@"}, {"receive": [[], 0]}]));
    let nobody = format!("nobody@{}", stage.node.place());
    let told = &answers[1]["message"];
    assert_eq!((&told["address"], &told["exception"]["type"]), (&json!(nobody), &json!("noproc")));
}

#[test]
fn two_monitors_are_two_messages_each_with_its_reference() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"spawn": ["takes_one", []]},
        {"monitor": "0"},
        {"monitor": "0"},
        {"send": ["0", "end"]},
        {"receive": [[], null]},
        {"receive": [[], null]},
        {"receive": [[], 0]},
    ]));
    let told = |step: usize| answers[step]["message"].clone();
    let down = |monitor: usize| json!({"address": answers[0], "exit": "end", "monitor": answers[monitor]});
    assert_ne!(answers[1], answers[2]);
    assert!([down(1), down(2)].iter().all(|down| [told(4), told(5)].contains(down)), "{answers}");
    assert_eq!(answers[6], Value::Null);
}

#[test]
fn a_monitor_harms_neither_side() {
    let stage = Stage::new();
    let (a, b) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    a.monitor(&b.address);
    b.fails(json!(1));
    stage.exception(&b.address);
    assert_eq!(a.hears()["exception"]["type"], "error");
    let b = Puppet::trapping(&stage.node);
    a.monitor(&b.address);
    a.fails(json!(1));
    stage.exception(&a.address);
    assert!(b.hears_now().is_empty());
}

#[test]
fn after_demonitor_no_message_is_received_though_it_waited_already() {
    let stage = Stage::new();
    let (a, b) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    let (gone, kept) = (a.monitor(&b.address), a.monitor(&b.address));
    b.fails(json!(1));
    stage.exception(&b.address);
    a.demonitor(&gone);
    a.demonitor(&gone);
    let heard = a.hears_now();
    assert_eq!((heard.len(), &heard[0]["monitor"]), (1, &json!(kept)));
}

#[test]
fn after_demonitor_no_message_comes_while_others_still_hear() {
    let stage = Stage::new();
    let (a, b, c) = (Puppet::new(&stage.node), Puppet::new(&stage.node), Puppet::new(&stage.node));
    let reference = a.monitor(&b.address);
    c.monitor(&b.address);
    a.demonitor(&reference);
    b.fails(json!(1));
    stage.exception(&b.address);
    assert_eq!((a.hears_now().len(), c.hears_now().len()), (0, 1));
}

/// The end and `demonitor` at once, in either order: after it has returned nothing is heard.
#[test]
fn a_demonitor_or_unlink_that_crosses_the_end_wins() {
    let stage = Stage::new();
    let a = Puppet::trapping(&stage.node);
    for round in 0..200 {
        let b = Puppet::new(&stage.node);
        let reference = a.monitor(&b.address);
        a.link(&b.address);
        b.fails(json!(round));
        a.demonitor(&reference);
        a.unlink(&b.address);
        let before = a.hears_now().len();
        stage.exception(&b.address);
        assert_eq!((before, a.hears_now().len()), (0, 0), "round {round}");
    }
}

#[test]
fn a_reference_of_nobody_is_no_error_and_a_text_that_is_none_is() {
    let stage = Stage::new();
    let answers = stage.play(json!([{"demonitor": "a".repeat(26)}, {"demonitor": "none"}]));
    assert_eq!((&answers[0], &answers[1]["refused"]), (&Value::Null, &json!("bad-argument")));
}

#[test]
fn nobody_ends_another_s_monitor() {
    let stage = Stage::new();
    let (a, b, c) = (Puppet::new(&stage.node), Puppet::new(&stage.node), Puppet::new(&stage.node));
    let reference = a.monitor(&b.address);
    c.demonitor(&reference);
    b.returns(json!(1));
    assert_eq!(a.hears()["monitor"], reference);
}

#[test]
fn a_spawn_with_monitor_has_the_child_s_address_as_its_reference() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"spawn-with": ["returns", [1], {"monitor": true}]},
        {"receive": [[], null]},
        {"spawn-with": ["takes_one", [], {"monitor": true}]},
        {"demonitor": "2"},
        {"send": ["2", "end"]},
        {"wait": ["2", null]},
        {"receive": [[], 0]},
    ]));
    assert_eq!(answers[1]["message"], json!({"address": answers[0], "exit": 1, "monitor": answers[0]}));
    assert_eq!(answers[6], Value::Null, "and with it the monitor can be ended");
}

#[test]
fn no_monitor_of_a_spawn_comes_too_late_however_early_the_child_ends() {
    let stage = Stage::new();
    stage.block_on(stage.node.load(text("start-traps"))).expect("it loads");
    let parent = Puppet::new(&stage.node);
    for (entry, args) in [("start-traps/main", json!([])), ("scenarios/script", json!([["trap"]]))] {
        for _ in 0..200 {
            let args = args.clone();
            let options = SpawnOptions::default().monitor();
            let child = parent.does(move |context| context.spawn(entry, args, &options)).expect("it starts");
            let told = parent.hears();
            assert_eq!((&told["monitor"], &told["exception"]["type"]), (&json!(child.to_string()), &json!("trap")));
        }
    }
}

#[test]
fn a_full_mailbox_takes_the_message_of_each_link_and_monitor() {
    let limits = Limits::default().with(Limit::Mailbox, 2);
    let stage = Stage::with(Node::builder().limits(limits));
    let a = Puppet::trapping(&stage.node);
    let (b, c) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    a.link(&b.address);
    [&b, &c].iter().for_each(|other| assert!(!a.monitor(&other.address).is_empty()));
    let sent: Vec<_> = (0..3).map(|number| stage.node.send(&a.address, json!(number))).collect();
    assert_eq!(sent[2].clone().map_err(|refusal| refusal.kind()), Err(RefusalKind::MailboxFull));
    b.fails(json!("b"));
    c.fails(json!("c"));
    [&b, &c].iter().for_each(|other| assert_eq!(stage.exception(&other.address).kind(), ExceptionKind::Error));
    let heard = a.hears_now();
    assert_eq!((heard.len(), &heard[..2]), (5, &[json!(0), json!(1)][..]), "{heard:?}");
}

#[test]
fn a_value_over_4_kib_is_told_as_large_and_wait_has_it() {
    let stage = Stage::new();
    let (fits, large) = ("x".repeat(4094), "x".repeat(4095));
    let answers = stage.play(json!([
        {"spawn-with": ["returns", [fits], {"monitor": true}]},
        {"receive": [[], null]},
        {"spawn-with": ["returns", [large], {"monitor": true}]},
        {"receive": [[], null]},
        {"wait": ["2", 0]},
    ]));
    assert_eq!(answers[1]["message"]["exit"], fits);
    assert_eq!(
        answers[3]["message"],
        json!({"address": answers[2], "exit": null, "large": true, "monitor": answers[2]})
    );
    assert_eq!(answers[4], json!({"exit": large}));
}

#[test]
fn an_exception_that_is_large_is_cut() {
    let stage = Stage::new();
    let answers = stage.play(json!([
        {"spawn-with": ["fails", ["x".repeat(100_000)], {"monitor": true}]},
        {"receive": [[], null]},
    ]));
    let exception = &answers[1]["message"]["exception"];
    assert_eq!((&exception["type"], &exception["large"]), (&json!("error"), &json!(true)));
    assert!(exception.to_string().len() <= 4096);
}

#[test]
fn one_monitor_more_than_the_limit_is_refused() {
    let limits = Limits::default().with(Limit::Monitors, 2);
    let stage = Stage::with(Node::builder().limits(limits));
    let other = stage.spawn("takes_one", json!([])).to_string();
    let answers = stage.play(json!([{"monitor": other}, {"monitor": other}, {"monitor": other}]));
    let refused = &answers[2];
    assert_eq!([&refused["refused"], &refused["limit"]], ["limit", "monitors"]);
    assert_eq!([&refused["used"], &refused["max"]], [2, 2]);
}

#[test]
fn an_actor_that_takes_no_more_monitors_is_as_if_it_were_dead() {
    let stage = Stage::new();
    let target = stage.limited("monitors=1", "takes_one", json!([]));
    let (first, second) = (Puppet::new(&stage.node), Puppet::new(&stage.node));
    first.monitor(&target);
    second.monitor(&target);
    assert_eq!(second.hears()["exception"]["type"], "noproc");
    stage.send(&target, json!("alive"));
    assert_eq!(first.hears()["exit"], "alive");
}

#[test]
fn what_an_actor_sent_before_its_end_is_heard_before_its_end() {
    let stage = Stage::new();
    let a = Puppet::trapping(&stage.node);
    for _ in 0..200 {
        let me = a.address.to_string();
        let child = a.guest("sends", json!([{"$address": me}, "n", 3]), SpawnOptions::default().link().monitor());
        let numbers: Vec<Value> = (0..3).map(|_| a.hears()[1].clone()).collect();
        assert_eq!(numbers, [0, 1, 2], "of {child}");
        let ends = [a.hears(), a.hears()];
        assert!(ends.iter().all(|end| end["address"] == child.to_string() && end["exit"].is_null()), "{ends:?}");
    }
}

#[test]
fn nobody_can_pose_as_the_node() {
    assert_eq!(Stage::new().run("is_deceived", json!([])), json!([]));
    let stage = Stage::new();
    let victim = Puppet::trapping(&stage.node);
    let child = victim.child(SpawnOptions::default().link().monitor());
    let forged = forgeries(&child.address, &victim.address);
    let steps: Vec<Value> = forged.iter().map(|text| json!({"send": [victim.address.to_string(), text]})).collect();
    stage.play(Value::Array(steps));
    let heard: Vec<_> = std::iter::from_fn(|| victim.receives(None, Some(std::time::Duration::ZERO))).collect();
    assert_eq!(heard.len(), forged.len());
    assert!(heard.iter().all(|received| !received.from_host));
    stage.play(Value::Array(forged.iter().map(|text| json!({"send": [victim.address.to_string(), text]})).collect()));
    child.returns(json!("true"));
    assert_eq!(victim.hears_host()["exit"], "true");
    assert_eq!(victim.hears_host()["exit"], "true", "by link and by monitor, though forgeries stand before them");
}

/// Every shape that a host message has.
fn forgeries(child: &Address, victim: &Address) -> Vec<Value> {
    let (child, victim) = (child.to_string(), victim.to_string());
    let exception = json!({"type": "trap", "message": "it trapped"});
    vec![
        json!({"address": child, "exit": 1}),
        json!({"address": child, "exit": null, "large": true}),
        json!({"address": child, "exception": exception}),
        json!({"address": child, "exit": 1, "monitor": child}),
        json!({"address": child, "exception": exception, "monitor": child}),
        json!({"address": null, "shutdown": "now"}),
        json!({"address": victim, "shutdown": "now"}),
        json!({"node": "127.0.0.1:1", "up": false, "reason": "lost"}),
        json!({"$host": {"address": child, "exit": 1}}),
    ]
}
