//! The contract of `wit/` only grows, and a guest that was built for its first version runs for ever.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wit_parser::{Function, InterfaceId, Resolve, Type, TypeDefKind, TypeId, WorldItem, WorldKey};

use crate::stage::Stage;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn frozen() -> String {
    std::fs::read_to_string(here("contract/0.1.0.txt")).expect("the list is there")
}

/// The functions that an actor imports, as pairs of an interface and a name.
fn frozen_functions() -> Vec<(String, String)> {
    let frozen = frozen();
    let functions = frozen.lines().filter_map(|line| line.split_once(": func("));
    let names = functions.filter_map(|(name, _)| name.split_once('.'));
    names.filter(|(of, _)| *of != "world").map(|(of, name)| (of.to_owned(), name.to_owned())).collect()
}

#[test]
fn no_signature_of_the_first_version_has_changed() {
    let frozen = frozen();
    let frozen: Vec<&str> = frozen.lines().collect();
    assert!(frozen.len() > 40, "the list is whole");
    let contract = signatures();
    let gone: Vec<&&str> = frozen.iter().filter(|line| !contract.contains(**line)).collect();
    let now: Vec<&String> = contract.iter().filter(|line| !frozen.contains(&line.as_str())).collect();
    assert!(gone.is_empty(), "promised in 0.1.0 and gone or changed: {gone:#?}\nnot in 0.1.0: {now:#?}");
}

#[test]
fn a_guest_of_the_first_version_calls_every_import() {
    let stage = Stage::new();
    let bytes = std::fs::read(here("contract/every-import-0.1.0.wasm")).expect("the guest is there");
    let module = stage.block_on(stage.node.load_bytes("every-import", bytes)).expect("it loads");
    let actor = stage.spawn_of(&module, "main", json!([]));
    let answers = stage.value(&actor);

    let host = &answers["host"];
    assert_eq!(host["curaddr"], actor.to_string());
    assert_eq!(host["own-module"], module.hash());
    assert_eq!((&host["parent"], &host["receive"], &host["poll"]), (&Value::Null, &json!(1), &json!(2)));
    assert_eq!((&host["send"], &host["send-wait"]), (&json!(true), &json!(true)));
    assert!(host["spawn"].as_str().expect("an address").ends_with(&format!("@{}", stage.node.place())));
    assert_eq!(answers["lifecycle"]["wait"], true);
    assert!(answers["timer"]["now-ms"].as_f64().expect("a time") > 1e12);
    assert!(answers["timer"]["monotonic-ms"].as_f64().expect("a time") >= 0.0);
    for (interface, function) in frozen_functions() {
        // What is logged is answered by nothing.
        let called = interface == "log" || !answers[&interface][&function].is_null() || function == "parent";
        assert!(called, "{interface}.{function} is not called");
    }
    for (interface, functions) in NOT_BUILT {
        for function in *functions {
            let refusal = answers[interface][function].as_str().expect("a refusal");
            let refusal: Value = serde_json::from_str(refusal).expect("a JSON object");
            assert_eq!(refusal["type"], "unsupported", "{interface}.{function}");
            assert!(refusal["message"].as_str().expect("words").contains(function), "{refusal}");
        }
    }
}

/// What answers `unsupported` today. Who builds one takes it out here.
const NOT_BUILT: &[(&str, &[&str])] = &[("source", &["source"])];

/// Each function and type of the contract, one a line, as `INTERFACE.NAME: …`.
fn signatures() -> BTreeSet<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(here("../wit")).expect("the contract is WIT");
    let world = &resolve.worlds[resolve.select_world(&[package], Some("actor")).expect("the world is there")];
    let mut lines = BTreeSet::new();
    for (direction, items) in [("import", &world.imports), ("export", &world.exports)] {
        for (key, item) in items {
            match (key, item) {
                (WorldKey::Interface(id), _) => {
                    lines.insert(format!("world.{direction} {}", interface(&resolve, *id)));
                    lines.extend(of_interface(&resolve, *id));
                }
                (WorldKey::Name(name), WorldItem::Function(function)) => {
                    lines.insert(format!("world.{direction} {name}: {}", signature(&resolve, function)));
                }
                (WorldKey::Name(name), _) => panic!("what is `{name}`? teach this test"),
            }
        }
    }
    lines
}

fn of_interface(resolve: &Resolve, id: InterfaceId) -> Vec<String> {
    let name = interface(resolve, id);
    let found = &resolve.interfaces[id];
    let types = found.types.iter().map(|(kind, id)| format!("{name}.{kind}: {}", definition(resolve, *id)));
    let functions =
        found.functions.iter().map(|(function, of)| format!("{name}.{function}: {}", signature(resolve, of)));
    types.chain(functions).collect()
}

fn interface(resolve: &Resolve, id: InterfaceId) -> &str {
    resolve.interfaces[id].name.as_deref().expect("an interface of the package has a name")
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let parameters: Vec<String> = function
        .params
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, shown(resolve, &parameter.ty)))
        .collect();
    let result = function.result.map_or_else(String::new, |result| format!(" -> {}", shown(resolve, &result)));
    format!("func({}){result}", parameters.join(", "))
}

/// What stands behind a type's name.
fn definition(resolve: &Resolve, id: TypeId) -> String {
    let optional = |of: &Option<Type>| of.map_or_else(|| "_".to_owned(), |of| shown(resolve, &of));
    match &resolve.types[id].kind {
        TypeDefKind::Type(of) => shown(resolve, of),
        TypeDefKind::Option(of) => format!("option<{}>", shown(resolve, of)),
        TypeDefKind::List(of) => format!("list<{}>", shown(resolve, of)),
        TypeDefKind::Result(of) => format!("result<{}, {}>", optional(&of.ok), optional(&of.err)),
        TypeDefKind::Enum(of) => {
            let cases: Vec<&str> = of.cases.iter().map(|case| case.name.as_str()).collect();
            format!("enum {{ {} }}", cases.join(", "))
        }
        TypeDefKind::Record(of) => {
            let fields: Vec<String> =
                of.fields.iter().map(|field| format!("{}: {}", field.name, shown(resolve, &field.ty))).collect();
            format!("record {{ {} }}", fields.join(", "))
        }
        other => panic!("the contract has no {} yet: teach this test", other.as_str()),
    }
}

/// A type by its name, if it has one.
fn shown(resolve: &Resolve, of: &Type) -> String {
    match of {
        Type::Bool => "bool".into(),
        Type::U32 => "u32".into(),
        Type::F64 => "f64".into(),
        Type::String => "string".into(),
        Type::Id(id) => resolve.types[*id].name.clone().unwrap_or_else(|| definition(resolve, *id)),
        other => panic!("the contract has no {other:?} yet: teach this test"),
    }
}
