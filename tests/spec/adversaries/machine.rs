//! Attacks on the processor, on memory and on the stack.

use std::time::Duration;

use greenroom::{Exception, ExceptionKind, LoadError, LoadOptions, SpawnOptions};
use serde_json::json;

use super::siege::{Footprint, Siege, alone, besieged};

/// Which limit ended an actor, or which trap.
fn why(exception: &Exception) -> String {
    let detail = |key| exception.detail(key).map(|detail| detail.to_value().as_str().unwrap_or_default().to_owned());
    match exception.kind() {
        ExceptionKind::Limit => detail("limit").expect("it says which"),
        ExceptionKind::Trap => detail("trap").expect("it says which"),
        kind => panic!("{kind}: {exception}"),
    }
}

/// How the main part of a guest in text form ends.
fn ends(siege: &Siege, text: &str) -> String {
    why(&siege.stage.exception(&siege.stage.spawn_of(&siege.text(text), "main", json!([]))))
}

#[test]
fn an_endless_loop_ends_with_its_burst_wherever_it_is() {
    besieged(|siege| {
        let looping = siege.limited("burst=100ms");
        let mut spinners: Vec<_> = (0..8).map(|_| siege.stage.spawn_of(&looping, "spins", json!([]))).collect();
        spinners.push(siege.stage.spawn_of(&looping, "fills", json!([32 << 20])));
        for text in ["realloc-loops", "start-loops"] {
            let looping = siege.text_with(text, "burst=100ms");
            spinners.push(siege.stage.spawn_of(&looping, "main", json!([])));
        }
        for spinner in &spinners {
            assert_eq!(why(&siege.stage.exception(spinner)), "burst");
        }
    });
}

#[test]
fn a_memory_bomb_stops_at_its_limit() {
    besieged(|siege| {
        let hungry = siege.stage.spawn_of(&siege.limited("memory=32MiB"), "eats_memory", json!([]));
        assert_eq!(why(&siege.stage.exception(&hungry)), "out-of-memory");
        assert_eq!(siege.value("grows", json!([false])), 255, "MiB of 256, less what an actor takes of the host");
    });
}

#[test]
fn a_memory_or_a_table_that_is_too_large_is_refused_before_it_is_there() {
    besieged(|siege| {
        assert_eq!(ends(siege, "huge-memory"), "memory");
        let tables = siege.text_with("grows-tables", "memory=16MiB");
        assert_eq!(siege.stage.value(&siege.stage.spawn_of(&tables, "main", json!([]))), 1);
    });
}

#[test]
fn a_component_of_too_many_parts_is_not_loaded() {
    besieged(|siege| {
        let refused = |parts: String| {
            let options = LoadOptions::untrusted();
            let text = format!("(component {parts})");
            let loaded = siege.stage.block_on(siege.stage.node.load_bytes_with("parts", text, &options));
            match loaded {
                Err(LoadError::Rejected { source, .. }) => source.to_string(),
                other => panic!("it is loaded, or else not: {other:?}"),
            }
        };
        let many = |part: &str, times: usize| {
            format!("(core module $m {part}) {}", "(core instance (instantiate $m))".repeat(times))
        };
        assert!(refused(many("", 257)).contains("257 core instances"));
        assert!(refused(many("(memory 1)", 65)).contains("65 memories"));
        assert!(refused(many(&"(table 1 funcref)".repeat(100), 3)).contains("300 tables"));
        // Thirty that each have the next one twice.
        let mut doubled = many("", 1);
        for _ in 0..30 {
            doubled = format!("(component $c {doubled}) (instance (instantiate $c)) (instance (instantiate $c))");
        }
        assert!(refused(doubled).contains("1073741824 core instances"));
    });
}

#[test]
fn what_an_instance_takes_of_the_host_is_charged_before_it_is_there() {
    besieged(|siege| {
        let run = r#"(memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func $run (export "run") (param i32 i32 i32 i32) (result i32) (unreachable))"#;
        let globals = "(global i64 (i64.const 1))".repeat(30_000);
        let elements = format!("(elem func {})", "$run ".repeat(100_000));
        for large in [globals, elements] {
            let options = LoadOptions::untrusted().limits("memory=8MiB".parse().expect("limits"));
            let module = format!("(module {run} {large})");
            let loaded = siege.stage.node.load_bytes_with("large", module, &options);
            let large = siege.stage.block_on(loaded).expect("it loads");
            let limits = SpawnOptions::default().limits("memory=1MiB".parse().expect("limits"));
            let refused = siege.stage.block_on(siege.stage.node.spawn_with(&large, "main", json!([]), &limits));
            assert_eq!(refused.expect_err("it takes more").details()["limit"], "memory");
            assert_eq!(why(&siege.stage.exception(&siege.stage.spawn_of(&large, "main", json!([])))), "unreachable");
        }
    });
}

#[test]
fn a_stack_is_no_larger_than_it_may_be_and_goes_back() {
    alone(|siege| {
        let deep = siege.text("parks-deep");
        let before = Footprint::new();
        let spawn = |_| siege.stage.spawn_of(&deep, "main", json!([]));
        let actors: Vec<_> = (0..100).map(spawn).collect();
        siege.stage.block_on(async {
            while Footprint::new().resident < before.resident + 100 * (400 << 10) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let most = Footprint::new();
        println!("figures: {before}, with 100 deep stacks {most}");
        assert!(most.resident < before.resident + 100 * (600 << 10), "{before}, then {most}");
        assert_eq!(siege.stage.node.actors(), 100, "none has overrun its stack");
        siege.ends_all();
        // What stays warm is in the next one's use.
        Footprint::of_at_most(before.resident + (8 << 20)).returns();
        drop(actors);
    });
}

#[test]
fn handles_have_an_end() {
    besieged(|siege| {
        assert_eq!(ends(siege, "hoards-handles"), "bad-abi");
        assert_eq!(why(&siege.exception("makes_pollables", json!([2000]))), "bad-abi");
    });
}

#[test]
fn a_thousand_stack_overflows_are_a_thousand_ends() {
    besieged(|siege| {
        let recursion = siege.text("recursion");
        for _ in 0..10 {
            let actors: Vec<_> = (0..100).map(|_| siege.stage.spawn_of(&recursion, "main", json!([]))).collect();
            actors.iter().for_each(|actor| assert_eq!(why(&siege.stage.exception(actor)), "stack-overflow"));
        }
    });
}

#[test]
fn the_node_has_room_on_a_stack_that_is_full() {
    besieged(|siege| {
        let recursion = siege.text_with("recursion-calls", "burst=1m");
        let actors: Vec<_> = (0..2).map(|_| siege.stage.spawn_of(&recursion, "main", json!([]))).collect();
        actors.iter().for_each(|actor| assert_eq!(why(&siege.stage.exception(actor)), "stack-overflow"));
    });
}

#[test]
fn whoever_breaks_the_rules_of_a_call_ends_alone() {
    besieged(|siege| {
        for (text, how) in [
            ("realloc-traps", "unreachable"),
            ("realloc-far", "bad-abi"),
            ("realloc-sends", "cannot-leave-component"),
            ("bad-pointer", "bad-abi"),
            ("bad-utf8", "bad-abi"),
            ("start-traps", "unreachable"),
        ] {
            assert_eq!(ends(siege, text), how, "{text}");
        }
    });
}
