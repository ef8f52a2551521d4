//! Monitors: one way, and exactly one message.

use greenroom::{Address, Limit, Limits, RefusalKind, SpawnOptions};
use serde_json::{Value, json};

use crate::puppet::Puppet;
use crate::settings::on_one_and_two_nodes;
use crate::stage::{Stage, text};

on_one_and_two_nodes![
    a_monitor_of_the_dead_says_at_once_that_there_is_nobody,
    a_monitor_of_a_name_that_nobody_has_says_so_with_that_name,
    two_monitors_are_two_messages_each_with_its_reference,
    a_monitor_harms_neither_side,
    after_demonitor_no_message_is_received_though_it_waited_already,
    after_demonitor_no_message_comes_while_others_still_hear,
    a_demonitor_or_unlink_that_crosses_the_end_wins,
    a_monitor_that_is_ended_makes_room_for_another,
    nobody_ends_another_s_monitor,
    a_full_mailbox_takes_the_message_of_each_link_and_monitor,
    a_value_over_4_kib_is_told_as_large_and_wait_has_it,
    an_exception_that_is_large_is_cut,
    one_monitor_more_than_the_limit_is_refused,
    an_actor_that_takes_no_more_monitors_is_as_if_it_were_dead,
    what_an_actor_sent_before_its_end_is_heard_before_its_end,
    nobody_can_pose_as_the_node,
];

fn a_monitor_of_the_dead_says_at_once_that_there_is_nobody(near: &Stage, far: &Stage) {
    let dead = far.spawn("returns", json!([1]));
    far.value(&dead);
    let answers = near.play(json!([
        {"monitor": dead.to_string()},
        {"receive": [[{"$host": {"$type": "any"}}], null]},
        {"tell": [far.marker().to_string(), "me"]},
        {"receive": [[], null]},
    ]));
    let told = &answers[1]["message"];
    assert_eq!((&told["address"], &told["monitor"]), (&json!(dead.to_string()), &answers[0]));
    assert_eq!((&told["exception"]["type"], &answers[3]["message"]), (&json!("noproc"), &json!("mark")));
}

fn a_monitor_of_a_name_that_nobody_has_says_so_with_that_name(near: &Stage, far: &Stage) {
    let nobody = format!("nobody@{}", far.node.place());
    let answers = near.play(json!([{"monitor": nobody}, {"receive": [[], null]}]));
    let told = &answers[1]["message"];
    assert_eq!((&told["address"], &told["exception"]["type"]), (&json!(nobody), &json!("noproc")));
}

fn two_monitors_are_two_messages_each_with_its_reference(near: &Stage, far: &Stage) {
    let other = far.spawn("takes_one", json!([])).to_string();
    let answers = near.play(json!([
        {"monitor": other},
        {"monitor": other},
        {"send": [other, "end"]},
        {"receive": [[], null]},
        {"receive": [[], null]},
        {"tell": [far.marker().to_string(), "me"]},
        {"receive": [[], null]},
    ]));
    let told = |step: usize| answers[step]["message"].clone();
    let down = |monitor: usize| json!({"address": other, "exit": "end", "monitor": answers[monitor]});
    assert_ne!(answers[0], answers[1]);
    assert!([down(0), down(1)].iter().all(|down| [told(3), told(4)].contains(down)), "{answers}");
    assert_eq!(told(6), "mark");
}

fn a_monitor_harms_neither_side(near: &Stage, far: &Stage) {
    let (a, b) = (Puppet::new(&near.node), Puppet::new(&far.node));
    a.monitor(&b.address);
    a.reaches(&b);
    b.fails(json!(1));
    assert_eq!(a.hears()["exception"]["type"], "error");
    let b = Puppet::trapping(&far.node);
    a.monitor(&b.address);
    a.reaches(&b);
    a.fails_and_all_hear(near);
    assert!(b.hears_all_from(near).is_empty());
}

fn after_demonitor_no_message_is_received_though_it_waited_already(near: &Stage, far: &Stage) {
    let (a, b) = (Puppet::new(&near.node), Puppet::new(&far.node));
    let (gone, kept) = (a.monitor(&b.address), a.monitor(&b.address));
    a.reaches(&b);
    b.fails_and_all_hear(far);
    a.has_all_from(far);
    a.demonitor(&gone);
    a.demonitor(&gone);
    let heard = a.hears_now();
    assert_eq!((heard.len(), &heard[0]["monitor"]), (1, &json!(kept)));
}

fn after_demonitor_no_message_comes_while_others_still_hear(near: &Stage, far: &Stage) {
    let (a, b, c) = (Puppet::new(&near.node), Puppet::new(&far.node), Puppet::new(&near.node));
    let reference = a.monitor(&b.address);
    c.monitor(&b.address);
    a.demonitor(&reference);
    a.reaches(&b);
    c.reaches(&b);
    b.fails_and_all_hear(far);
    assert_eq!((a.hears_all_from(far).len(), c.hears_all_from(far).len()), (0, 1));
}

/// The end and `demonitor` at once, in either order: after it has returned nothing is heard.
fn a_demonitor_or_unlink_that_crosses_the_end_wins(near: &Stage, far: &Stage) {
    let a = Puppet::trapping(&near.node);
    for round in 0..200 {
        let b = Puppet::new(&far.node);
        let reference = a.monitor(&b.address);
        a.link(&b.address);
        a.reaches(&b);
        far.ends(&b.address, || {
            b.fails(json!(round));
            a.demonitor(&reference);
            a.unlink(&b.address);
            assert_eq!(a.hears_now().len(), 0, "round {round}");
        });
        assert_eq!(a.hears_all_from(far).len(), 0, "round {round}");
    }
}

#[test]
fn a_reference_of_nobody_is_no_error_and_a_text_that_is_none_is() {
    let stage = Stage::new();
    let answers = stage.play(json!([{"demonitor": "a".repeat(26)}, {"demonitor": "none"}]));
    assert_eq!((&answers[0], &answers[1]["refused"]), (&Value::Null, &json!("bad-argument")));
}

fn nobody_ends_another_s_monitor(near: &Stage, far: &Stage) {
    let (a, b) = (Puppet::new(&near.node), Puppet::new(&far.node));
    let reference = a.monitor(&b.address);
    for stage in [near, far] {
        let other = Puppet::new(&stage.node);
        other.demonitor(&reference);
        other.reaches(&b);
    }
    b.demonitor(&reference);
    a.reaches(&b);
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

fn a_full_mailbox_takes_the_message_of_each_link_and_monitor(near: &Stage, far: &Stage) {
    let options = SpawnOptions::default().trap_exit().limits(Limits::default().with(Limit::Mailbox, 2));
    let a = Puppet::with(&near.node, &options);
    let (b, c) = (Puppet::new(&far.node), Puppet::new(&far.node));
    a.link(&b.address);
    [&b, &c].iter().for_each(|other| assert!(!a.monitor(&other.address).is_empty()));
    [&b, &c].iter().for_each(|other| a.reaches(other));
    let sent: Vec<_> = (0..3).map(|number| near.node.send(&a.address, json!(number))).collect();
    assert_eq!(sent[2].clone().map_err(|refusal| refusal.kind()), Err(RefusalKind::MailboxFull));
    [&b, &c].iter().for_each(|other| other.fails_and_all_hear(far));
    let ends: Vec<Value> = (0..3).map(|_| a.hears_host()).collect();
    assert!(ends.iter().all(|end| end["exception"]["type"] == "error"), "{ends:?}");
    assert_eq!(a.hears_now(), [0, 1]);
    assert!(a.hears_all_from(far).is_empty());
}

fn a_value_over_4_kib_is_told_as_large_and_wait_has_it(near: &Stage, far: &Stage) {
    let (fits, large) = ("x".repeat(4094), "x".repeat(4095));
    let [first, second] = [(); 2].map(|()| far.spawn("takes_one", json!([])).to_string());
    let answers = near.play(json!([
        {"monitor": first},
        {"send": [first, fits]},
        {"receive": [[], null]},
        {"monitor": second},
        {"send": [second, large]},
        {"receive": [[], null]},
        {"wait": [second, null]},
    ]));
    assert_eq!(answers[2]["message"]["exit"], fits);
    assert_eq!(answers[5]["message"], json!({"address": second, "exit": null, "large": true, "monitor": answers[3]}));
    assert_eq!(answers[6], json!({"exit": large}));
}

fn an_exception_that_is_large_is_cut(near: &Stage, far: &Stage) {
    let other = far.script(json!([{"receive": [[], null]}, {"fail": "x".repeat(100_000)}])).to_string();
    let answers = near.play(json!([{"monitor": other}, {"send": [other, "go"]}, {"receive": [[], null]}]));
    let exception = &answers[2]["message"]["exception"];
    assert_eq!((&exception["type"], &exception["large"]), (&json!("error"), &json!(true)));
    assert!(exception.to_string().len() <= 4096);
}

fn one_monitor_more_than_the_limit_is_refused(near: &Stage, far: &Stage) {
    let other = far.spawn("takes_one", json!([])).to_string();
    let steps = json!([[{"monitor": other}, {"monitor": other}, {"monitor": other}]]);
    let answers = near.value(&near.limited("monitors=2", "script", steps));
    let refused = &answers[2];
    assert_eq!([&refused["refused"], &refused["limit"]], ["limit", "monitors"]);
    assert_eq!([&refused["used"], &refused["max"]], [2, 2]);
}

fn an_actor_that_takes_no_more_monitors_is_as_if_it_were_dead(near: &Stage, far: &Stage) {
    let options = SpawnOptions::default().limits(Limits::default().with(Limit::Monitors, 1));
    let target = Puppet::with(&far.node, &options);
    let (first, second) = (Puppet::new(&near.node), Puppet::new(&near.node));
    first.monitor(&target.address);
    first.reaches(&target);
    second.monitor(&target.address);
    assert_eq!(second.hears()["exception"]["type"], "noproc");
    target.returns(json!("alive"));
    assert_eq!(first.hears()["exit"], "alive");
}

fn a_monitor_that_is_ended_makes_room_for_another(near: &Stage, far: &Stage) {
    let options = SpawnOptions::default().limits(Limits::default().with(Limit::Monitors, 1));
    let target = Puppet::with(&far.node, &options);
    let (first, second) = (Puppet::new(&near.node), Puppet::new(&near.node));
    let reference = first.monitor(&target.address);
    first.demonitor(&reference);
    first.reaches(&target);
    second.monitor(&target.address);
    second.reaches(&target);
    target.returns(json!("alive"));
    assert_eq!(second.hears()["exit"], "alive");
}

fn what_an_actor_sent_before_its_end_is_heard_before_its_end(near: &Stage, far: &Stage) {
    let a = Puppet::trapping(&near.node);
    let send = |number: u32| json!({"send": ["told", number]});
    let steps = json!([{"receive": [[], null]}, send(0), send(1), send(2), {"return": null}]);
    for _ in 0..200 {
        let other = far.script(steps.clone());
        a.link(&other);
        a.monitor(&other);
        a.send(&other, json!(a.address)).expect("it lives");
        assert_eq!([a.hears(), a.hears(), a.hears()], [0, 1, 2]);
        let ends = [a.hears(), a.hears()];
        assert!(ends.iter().all(|end| end["address"] == other.to_string() && end["exit"].is_null()), "{ends:?}");
    }
}

#[test]
fn nobody_is_deceived_who_sends_itself_what_the_node_might_say() {
    assert_eq!(Stage::new().run("is_deceived", json!([])), json!([]));
}

fn nobody_can_pose_as_the_node(near: &Stage, far: &Stage) {
    let (victim, other) = (Puppet::trapping(&far.node), Puppet::new(&near.node));
    victim.link(&other.address);
    victim.monitor(&other.address);
    victim.reaches(&other);
    let forged = forgeries(&other.address, &victim.address);
    let steps: Vec<Value> = forged.iter().map(|text| json!({"send": [victim.address.to_string(), text]})).collect();
    let steps = Value::Array(steps);
    near.play(steps.clone());
    let heard: Vec<_> = forged.iter().filter_map(|_| victim.receives(None, None)).collect();
    assert!(heard.iter().all(|received| !received.from_host));
    near.play(steps);
    victim.has_all_from(near);
    other.returns(json!("true"));
    assert_eq!(victim.hears_host()["exit"], "true");
    assert_eq!(victim.hears_host()["exit"], "true", "by link and by monitor, though forgeries stand before them");
    assert_eq!(victim.hears_now(), forged);
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
