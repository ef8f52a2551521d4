//! Attacks with many actors, ties, names and addresses.

use std::time::{Duration, Instant};

use greenroom::{ExceptionKind, Module, SpawnOptions};
use serde_json::{Value, json};

use super::siege::{Footprint, alone, besieged, limit};
use crate::puppet::Puppet;

#[test]
fn a_fork_bomb_stops_at_its_limits_and_others_can_spawn() {
    besieged(|siege| {
        let stopped = siege.value("multiplies", json!([true]));
        let refused = limit(&stopped["refused"]);
        assert!(["children", "actors", "spawn-rate", "memory"].contains(&refused), "{stopped}");
        assert!(siege.stage.node.actors() <= 10_100);
        assert_eq!(siege.value("has_short_lives", json!([20])), 20);
    });
}

#[test]
fn whoever_crashes_again_and_again_is_given_up() {
    besieged(|siege| {
        let gave_up = siege.value("crashes_on", json!([200]));
        assert_eq!(gave_up["type"], "error", "{gave_up}");
    });
}

#[test]
fn a_mesh_of_links_falls_at_once_and_each_end_is_told_once() {
    besieged(|siege| {
        let weavers = siege.limited("links=1000000,memory=4GiB");
        let ends = siege.stage.value(&siege.stage.spawn_of(&weavers, "weaves", json!([100])));
        assert_eq!(ends, json!({"killed": 1, "linked": 99}));
    });
}

#[test]
fn who_is_asked_to_end_again_and_again_keeps_one_message_of_it() {
    besieged(|siege| assert_eq!(siege.value("nags", json!([5000])), 5000));
}

#[test]
fn names_and_ties_have_an_end_and_a_name_that_looks_like_another_is_none() {
    besieged(|siege| {
        let named = siege.given("", "names");
        let value = |entry, args| siege.stage.value(&siege.stage.spawn_of(&named, entry, args));
        let taken = value("takes_all", json!([false]));
        for (what, most) in [("names", 16), ("narrowed", 10_000), ("monitors", 10_000), ("links", 10_000)] {
            assert_eq!((limit(&taken[what]["refused"]), &taken[what]["done"]), (what, &json!(most)));
        }
        let names = ["аdmin", "ADMIN", "admin\u{200b}", "ad min", "system/x", "", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "a\n"];
        for answer in value("poses", json!([names])).as_array().expect("answers") {
            assert_eq!(answer["type"], "bad-argument", "{answer}");
        }
        let named = siege.spawn("poses", json!([["a"]]));
        assert_eq!(siege.stage.value(&named)[0]["type"], "not-permitted");
    });
}

/// `{"$address": …}`.
fn address(actor: &dyn std::fmt::Display) -> Value {
    json!({"$address": actor.to_string()})
}

#[test]
fn nobody_guesses_an_address_and_one_answer_serves_all_that_lead_nowhere() {
    besieged(|siege| {
        let place = siege.stage.node.place().to_string();
        let answers = siege.value("guesses", json!([20_000]));
        let answers = answers.as_object().expect("answers");
        assert_eq!(answers.len(), 1, "{answers:?}");
        let (answer, times) = answers.iter().next().expect("one");
        assert!(answer.contains("no-such-actor") && times == 20_000, "{answer}");
        let stale = siege.spawn("traps", json!([]));
        siege.stage.exception(&stale);
        let asked = [stale.to_string(), format!("{}@{place}", "a".repeat(26)), format!("nobody@{place}")];
        let knows = siege.given("", "names,fine-clock");
        let told = siege.stage.value(&siege.stage.spawn_of(&knows, "asks_who_is_there", json!([asked, 2000])));
        let said = |number: usize| told[number]["answer"].to_string().replace(&asked[number], "ADDRESS");
        assert_eq!((said(1), said(2)), (said(0), said(0)));
        assert_eq!(said(0).replace("ADDRESS", ""), answer.replace("ADDRESS", ""));
        let ns: Vec<u64> = (0..3).map(|number| told[number]["ns"].as_u64().expect("a number")).collect();
        println!(
            "figures: a stale address takes {} ns, a guessed one {}, a name that nobody has {}",
            ns[0], ns[1], ns[2]
        );
    });
}

#[test]
fn an_address_gives_no_more_rights_than_its_maker_left() {
    besieged(|siege| {
        let victim = siege.spawn("never_reads", json!([]));
        let types = |answers: Value| -> Vec<String> {
            let of = |answer: &Value| answer["type"].as_str().or(answer.as_str()).expect("a type").to_owned();
            answers.as_array().expect("answers").iter().map(of).collect()
        };
        let whole = types(siege.value("oversteps", json!([address(&victim)])));
        assert_eq!(whole, ["not-permitted", "not-permitted", "done", "done", "done", "not-permitted", "done", "done"]);
        let puppet = Puppet::new(&siege.stage.node);
        let narrow = puppet.narrow(&victim, json!({"rights": ["send"]}));
        let narrowed = types(siege.value("oversteps", json!([address(&narrow)])));
        let no = "not-permitted";
        assert_eq!(narrowed, [no, no, no, no, no, no, no, "done"]);
        let revoked = narrow.clone();
        puppet.does(move |context| context.revoke(&revoked)).expect("it is its own");
        let gone = types(siege.value("oversteps", json!([address(&narrow)])));
        assert_eq!(gone[7], "no-such-actor", "{gone:?}");
        puppet.returns(json!(null));
    });
}

#[test]
fn what_the_node_keeps_for_somebody_is_charged_to_that_one() {
    besieged(|siege| {
        // Each has 1 MiB of arguments, and something beside.
        siege.text("never-begun");
        let hoards = siege.given("memory=32MiB", "modules");
        let hoarded = siege.stage.value(&siege.stage.spawn_of(&hoards, "hoards_arguments", json!([(1 << 20) - 100])));
        assert_eq!(limit(&hoarded["refused"]), "memory");
        assert!((24..32).contains(&hoarded["done"].as_u64().expect("a number")), "{hoarded}");
        let hoarded = siege.stage.value(&siege.stage.spawn_of(&hoards, "hoards_specs", json!([(1 << 20) - 500])));
        assert_eq!(limit(&hoarded["refused"]["exception"]), "memory");
        assert!((5..16).contains(&hoarded["done"].as_u64().expect("a number")), "{hoarded}");
    });
}

#[test]
fn how_others_ended_is_kept_within_bounds_whoever_holds_on_to_their_addresses() {
    alone(|siege| {
        let puppet = Puppet::new(&siege.stage.node);
        // 30 MiB, and the node keeps 16 of outcomes.
        siege.takes_at_most(22 << 20, || {
            siege.spawn("hoards_outcomes", json!([address(&puppet.address), 60, 1 << 19]));
            assert_eq!(puppet.hears(), "hoarded");
        });
        puppet.returns(json!(null));
    });
}

#[test]
fn a_shutdown_ends_though_nobody_heeds_it() {
    alone(|siege| {
        let spinners = siege.limited("burst=1h");
        let heedless = SpawnOptions::default().trap_exit();
        let spawn = |entry| siege.stage.block_on(siege.stage.node.spawn_with(&spinners, entry, json!([]), &heedless));
        let actors: Vec<_> =
            (0..100).flat_map(|_| ["spins", "never_reads"]).map(|entry| spawn(entry).expect("it starts")).collect();
        let began = Instant::now();
        siege.stage.block_on(siege.stage.node.shutdown());
        // Five seconds to do it by themselves, and five in which what is killed has its last time slice.
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        actors.iter().for_each(|actor| assert_eq!(siege.stage.exception(actor).kind(), ExceptionKind::Killed));
    });
}

/// Actors that are spawned and trap at once, and how many of them live together.
const TRAPS: usize = 50_000;
const TOGETHER: usize = 50;

#[test]
fn fifty_thousand_that_trap_leave_nothing_behind() {
    alone(|siege| {
        let modules = ["start-traps", "realloc-traps", "bad-pointer"].map(|name| siege.text(name));
        let traps = |module: &Module| {
            let actors: Vec<_> = (0..TOGETHER).map(|_| siege.stage.spawn_of(module, "main", json!([]))).collect();
            actors.iter().for_each(|actor| assert_eq!(siege.stage.exception(actor).kind(), ExceptionKind::Trap));
        };
        // As many as the node remembers the outcomes of.
        modules.iter().cycle().take(4500 / TOGETHER).for_each(&traps);
        let (before, began) = (Footprint::new(), Instant::now());
        modules.iter().cycle().take(TRAPS / TOGETHER).for_each(&traps);
        let rate = TRAPS as f64 / began.elapsed().as_secs_f64();
        println!("figures: {rate:.0} a second, {before}, then {}", before.returns());
    });
}
