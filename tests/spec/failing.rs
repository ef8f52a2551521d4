//! How actors fail, and what is told of it.

use greenroom::{ExceptionKind, Limit, Limits, Node, RefusalKind};
use serde_json::json;

use crate::stage::Stage;

#[test]
fn a_panic_tells_its_text_its_place_and_the_functions_that_ran() {
    let stage = Stage::new();
    let exception = stage.exception(&stage.spawn("panics", json!(["the sky fell"])));
    assert_eq!(exception.kind(), ExceptionKind::Trap);
    assert_eq!(exception.detail("trap").expect("which trap").as_str(), r#""unreachable""#);
    let message = exception.message();
    assert!(message.contains("the sky fell") && message.contains("trouble.rs:"), "{message}");
    let backtrace = exception.backtrace();
    assert!(backtrace.iter().any(|frame| frame.contains("deep_down")), "{backtrace:?}");
}

#[test]
fn a_backtrace_tells_files_and_lines_if_the_build_has_them() {
    let stage = Stage::new();
    let module = stage.block_on(stage.node.load(env!("TRACEABLE"))).expect("it loads");
    let backtrace = stage.exception(&stage.spawn_of(&module, "main", json!([]))).backtrace();
    let source = include_str!("../guests/traceable.rs");
    let line = |text: &str| 1 + source.lines().position(|line| line.trim() == text).expect("it is there");
    let frame = |name: &str, text: &str| format!("{name} (tests/guests/traceable.rs:{})", line(text));
    let expected = [frame("traceable::trips", "unreachable();"), frame("run", "trips(args.addr())")];
    assert!(backtrace.ends_with(&expected), "{backtrace:#?} should end with {expected:#?}");
}

#[test]
fn an_error_is_the_value_that_was_returned() {
    let stage = Stage::new();
    let exception = stage.exception(&stage.spawn("fails", json!([{"message": "no flour", "oven": 2}])));
    assert_eq!(exception.kind(), ExceptionKind::Error);
    assert_eq!(exception.message(), "no flour");
    assert_eq!(exception.detail("value").expect("a value").to_value(), json!({"message": "no flour", "oven": 2}));
}

#[test]
fn who_asks_for_too_much_memory_ends_and_others_do_not() {
    let limits = Limits::default().with(Limit::Memory, 8 << 20);
    let stage = Stage::with(Node::builder().limits(limits));
    let neighbour = stage.spawn("takes_one", json!([]));
    let exception = stage.exception(&stage.spawn("eats_memory", json!([])));
    assert_eq!(exception.kind(), ExceptionKind::Trap);
    assert_eq!(exception.detail("trap").expect("which trap").as_str(), r#""out-of-memory""#);
    assert!(exception.message().contains("`memory`"), "{}", exception.message());
    assert_eq!(exception.detail("limit").expect("which limit").as_str(), r#""memory""#);
    stage.send(&neighbour, json!("well?"));
    assert_eq!(stage.value(&neighbour), "well?");
}

#[test]
fn a_module_whose_first_memory_is_over_the_limit_ends_with_that_limit() {
    let limits = Limits::default().with(Limit::Memory, 1 << 20);
    let stage = Stage::with(Node::builder().limits(limits));
    let module = stage.text("large-memory");
    let exception = stage.exception(&stage.spawn_of(&module, "main", json!([])));
    assert_eq!(exception.kind(), ExceptionKind::Limit);
    assert_eq!(exception.detail("limit").expect("which limit").as_str(), r#""memory""#);
    assert_eq!(exception.detail("max").expect("the limit").as_str(), (1 << 20).to_string());
}

#[test]
fn an_endless_recursion_is_a_stack_overflow() {
    let stage = Stage::new();
    let module = stage.text("recursion");
    let exception = stage.exception(&stage.spawn_of(&module, "main", json!([])));
    assert_eq!(exception.detail("trap").expect("which trap").as_str(), r#""stack-overflow""#);
    assert!(exception.backtrace().len() <= 32, "a bounded report");
}

#[test]
fn who_breaks_the_abi_ends_and_the_node_does_not() {
    let stage = Stage::new();
    for name in ["bad-pointer", "bad-utf8"] {
        let module = stage.text(name);
        let exception = stage.exception(&stage.spawn_of(&module, "main", json!([])));
        assert_eq!(exception.kind(), ExceptionKind::Trap, "{name}: {exception}");
        assert_eq!(exception.detail("trap").expect("which trap").as_str(), r#""bad-abi""#, "{name}: {exception}");
    }
    assert_eq!(stage.run("returns", json!([1])), 1);
}

#[test]
fn a_value_that_is_not_json_is_an_error_that_says_so() {
    let stage = Stage::new();
    let exception = stage.exception(&stage.spawn_of(&stage.text("not-json"), "main", json!([])));
    assert_eq!(exception.kind(), ExceptionKind::Error);
    assert!(exception.message().contains("not JSON"), "{exception}");
}

#[test]
fn arguments_that_do_not_fit_show_what_the_entry_takes() {
    let stage = Stage::new();
    for args in [json!([]), json!([1, 2]), json!([-1]), json!({"m": 1})] {
        let exception = stage.exception(&stage.spawn("has_children", args.clone()));
        let value = exception.detail("value").expect("a value").to_value();
        assert_eq!(value["type"], "bad-argument", "{args}");
        assert!(exception.message().contains("`has_children` takes (n: u32)"), "{args}: {exception}");
    }
    let refusal = stage.try_spawn(&stage.scenarios, "returns", json!(7)).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::BadArgument);
}

#[test]
fn an_unknown_entry_is_refused_with_those_there_are() {
    let stage = Stage::new();
    let refusal = stage.try_spawn(&stage.scenarios, "retruns", json!([])).unwrap_err();
    assert_eq!(refusal.kind(), RefusalKind::NoSuchEntry);
    assert!(refusal.message().contains("returns"), "{refusal}");
    let entries = refusal.details()["entries"].as_array().expect("a list");
    assert!(entries.contains(&json!("has_children")), "{entries:?}");
    let answers = stage.play(json!([{"spawn": ["retruns", []]}, {"spawn": ["nowhere/returns", []]}]));
    assert_eq!((&answers[0]["refused"], &answers[1]["refused"]), (&json!("no-such-entry"), &json!("no-such-module")));
}

#[test]
fn an_option_that_is_not_known_is_refused_and_never_ignored() {
    let stage = Stage::new();
    let answers = stage.play(json!([{"spawn-with": ["returns", [1], {"made-up": true}]}]));
    assert_eq!(answers[0]["refused"], "unsupported-option");
    assert_eq!(stage.node.actors(), 0, "no child was made");
}
