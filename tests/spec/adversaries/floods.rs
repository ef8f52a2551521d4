//! Attacks with messages, patterns and lines.

use greenroom::Address;
use serde_json::{Value, json};

use super::siege::{besieged, limit};
use crate::puppet::Puppet;

fn address(actor: &Address) -> Value {
    json!({"$address": actor.to_string()})
}

#[test]
fn who_floods_a_mailbox_leaves_room_for_others() {
    besieged(|siege| {
        let victim = siege.spawn("never_reads", json!([]));
        let flooded = siege.value("floods", json!([address(&victim), 12_000, 1]));
        assert_eq!(flooded["refused"]["type"], "mailbox-full", "{flooded}");
        // Of 10,000, half and then a share as if one more were there.
        assert_eq!(flooded["taken"], 5001, "{flooded}");
        let other = siege.value("floods", json!([address(&victim), 1000, 1]));
        assert_eq!(other, json!({"taken": 1000, "refused": null}), "a third one's messages enter");
        let large = siege.spawn("never_reads", json!([]));
        let flooded = siege.value("floods", json!([address(&large), 100, 1 << 19]));
        assert_eq!(flooded["refused"]["type"], "mailbox-full", "{flooded}");
        assert!(flooded["taken"].as_u64() <= Some(9), "half of 8 MiB, and one more: {flooded}");
    });
}

#[test]
fn who_floods_all_mailboxes_of_a_tree_leaves_memory_to_its_actors() {
    besieged(|siege| {
        let puppet = Puppet::new(&siege.stage.node);
        let modest = siege.limited("memory=32MiB");
        let flooded = siege.stage.spawn_of(&modest, "is_flooded", json!([address(&puppet.address), 8]));
        let heard = puppet.hears();
        let flood = |victim: &Value| siege.value("floods", json!([victim, 64, 1 << 16]));
        let floods: Vec<Value> = heard.as_array().expect("addresses").iter().map(flood).collect();
        // 4 MiB for each of the first, and nothing for the last.
        assert_eq!((&floods[0]["taken"], &floods[7]["taken"]), (&json!(64), &json!(0)));
        assert_eq!(floods[7]["refused"]["type"], "mailbox-full");
        siege.stage.send(&flooded, json!("grow"));
        assert_eq!(siege.stage.value(&flooded), 2);
        puppet.returns(json!(null));
    });
}

#[test]
fn what_is_huge_is_refused_or_ends_who_made_it() {
    besieged(|siege| {
        // Quotes included, one byte more than 1 MiB.
        let over = (1 << 20) - 1;
        assert_eq!(siege.value("sends_huge", json!([over - 1])), "done");
        assert_eq!(siege.value("sends_huge", json!([over]))["type"], "too-large");
        assert_eq!(siege.value("spawns_with_huge", json!([over]))["type"], "too-large");
        let exception = siege.exception("returns_huge", json!([over, ""]));
        assert!(exception.message().contains("more than the 1048576 that a message may have"), "{exception}");
        // Four times as much is not even copied.
        for entry in ["sends_huge", "spawns_with_huge"] {
            let exception = siege.exception(entry, json!([32 << 20]));
            assert!(exception.message().contains("4194304 bytes"), "{exception}");
        }
        // A pattern may be as long; all else is refused, and not by repeating it.
        let answers = siege.value("asks_at_length", json!([100_000]));
        assert_eq!(answers[0], "done");
        for answer in &answers.as_array().expect("answers")[1..] {
            assert!(answer != "done" && answer.to_string().len() < 2000, "{answer}");
        }
    });
}

#[test]
fn json_that_is_too_deep_or_has_too_many_values_is_refused() {
    besieged(|siege| {
        let answers = siege.value("sends_deep", json!([[64, 65, 128, 500_000]]));
        assert_eq!(answers[0], "done");
        for answer in &answers.as_array().expect("answers")[1..] {
            assert_eq!(answer["type"], "bad-json", "{answer}");
        }
        // Two each, and the array.
        assert_eq!(siege.value("sends_many_values", json!([49_999])), "done");
        let refused = siege.value("sends_many_values", json!([50_000]));
        assert_eq!(refused["type"], "bad-json", "{refused}");
    });
}

#[test]
fn slow_patterns_and_receives_that_match_nothing_hold_up_nobody_else() {
    besieged(|siege| {
        let took = siege.value("seeks_in_vain", json!([2000, 64]));
        assert!(took.is_number());
        for answer in siege.value("seeks_too_much", json!([])).as_array().expect("answers") {
            assert!(["limit", "bad-pattern"].contains(&answer["type"].as_str().expect("a type")), "{answer}");
        }
    });
}

#[test]
fn a_flood_of_lines_is_cut_and_one_without_an_end_takes_no_memory() {
    besieged(|siege| {
        // 30 MiB in lines, and 32 MiB without an end.
        let talks = siege.spawn("talks", json!([1000, 10_000]));
        let mumbles = siege.spawn("mumbles", json!([32]));
        assert_eq!(siege.stage.value(&talks), json!(null));
        assert_eq!(siege.stage.value(&mumbles), json!(null));
    });
}

#[test]
fn timers_have_an_end() {
    besieged(|siege| {
        let made = siege.value("makes_timers", json!([]));
        assert_eq!((limit(&made["refused"]), &made["done"]), ("timers", &json!(1000)));
    });
}
