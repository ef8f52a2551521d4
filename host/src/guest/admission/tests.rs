//! What may be an actor's module, and what is said of the rest.

use proptest::prelude::*;

use super::*;

/// A core module as a C compiler makes it: the contract's names, and no word about types.
const CORE: &str = r#"(module
    (import "greenroom:actor/host@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32)))
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
    (func (export "run") (param i32 i32 i32 i32) (result i32)
        (call $send (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 16))
        i32.const 0)
    (@custom "greenroom:entries" "{\"name\":\"forward\",\"args\":[\"to\"]}\n"))"#;

/// A component whose `run` has the given WIT type, with more text before it.
fn component(before: &str, ty: &str) -> String {
    format!(
        r#"(component {before}
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "run") (param i32 i32 i32 i32) (result i32) unreachable))
            (core instance $i (instantiate $m))
            (func (export "run") {ty}
                (canon lift (core func $i "run") (memory $i "memory") (realloc (func $i "realloc")))))"#
    )
}

const RUN: &str = r#"(param "entry" string) (param "args" string) (result (result string (error string)))"#;

fn admit_local(bytes: impl AsRef<[u8]>) -> Result<Admitted, Rejected> {
    admit(bytes.as_ref(), &Caps::local())
}

#[track_caller]
fn says(bytes: impl AsRef<[u8]>, expected: &str) {
    let said = admit_local(bytes).unwrap_err().to_string();
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_core_module_without_types_becomes_a_component_of_the_contract() {
    for (bytes, kind) in
        [(CORE.as_bytes().to_vec(), Kind::CoreModuleText), (wat::parse_str(CORE).unwrap(), Kind::CoreModule)]
    {
        let admitted = admit_local(&bytes).unwrap();
        assert_eq!((admitted.kind, admitted.size, admitted.hash), (kind, bytes.len(), ModuleHash::of(&bytes)));
        assert_eq!(admitted.imports, ["greenroom:actor/host@0.1.0"]);
        assert_eq!((admitted.entries[0].name.as_str(), &*admitted.entries[0].args), ("forward", &["to".into()][..]));
        assert_eq!(admitted.memories, 1);
        // It is a component itself now, and used as it is.
        let again = admit_local(&admitted.component).unwrap();
        assert_eq!((again.kind, again.entries), (Kind::Component, admitted.entries));
        assert!(again.component == admitted.component);
    }
}

#[test]
fn what_a_core_module_says_of_its_own_types_is_not_read() {
    let described = CORE.replacen("(memory", r#"(@custom "component-type:other" "nonsense") (memory"#, 1);
    let admitted = admit_local(described).unwrap();
    assert!(admitted.component == admit_local(CORE).unwrap().component);
}

#[test]
fn a_core_module_built_for_a_later_patch_version_keeps_its_names() {
    let later = CORE.replace("@0.1.0", "@0.1.3");
    assert_eq!(admit_local(later).unwrap().imports, ["greenroom:actor/host@0.1.3"]);
}

#[test]
fn old_wasi_is_adapted() {
    let module = CORE.replacen(
        "(memory",
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
           (func (export "unused") (result i32)
               (call $write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
           (memory"#,
        1,
    );
    let admitted = admit_local(module).unwrap();
    assert!(admitted.imports.iter().any(|name| name.starts_with("wasi:cli/stdout@0.2.")), "{:?}", admitted.imports);
    assert_eq!(admitted.imports.iter().filter(|name| name.starts_with("greenroom:")).count(), 1);
}

#[test]
fn a_component_is_used_as_it_is() {
    let text = component("", RUN);
    let binary = wat::parse_str(&text).unwrap();
    let admitted = admit_local(&binary).unwrap();
    assert_eq!((admitted.kind, admitted.memories, admitted.functions), (Kind::Component, 1, 2));
    assert!(admitted.component == binary && admitted.entries.is_empty() && admitted.imports.is_empty());
    let with_comment = format!("\n ;; a ring\n (; of (; ten ;) ;) {text}");
    assert_eq!(admit_local(with_comment).unwrap().kind, Kind::ComponentText);
}

#[test]
fn entries_are_found_in_the_component_and_in_its_modules() {
    let section = |name: &str| format!(r#"(@custom "greenroom:entries" "{{\"name\":\"{name}\"}}")"#);
    let inner = format!("(core module {} {})", section("b"), section("c"));
    let admitted =
        admit_local(component(&format!("{} {inner} (component {inner2})", section("a"), inner2 = section("d")), RUN));
    let names: Vec<String> = admitted.unwrap().entries.into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    says(component(&section("a/b"), RUN), "entry 1: \"a/b\" cannot be a name");
}

#[test]
fn what_is_not_webassembly_is_told_what_it_looks_like() {
    for (bytes, expected) in [
        (&b""[..], "it is not WebAssembly but an empty file"),
        (b" \n", "an empty file"),
        (b"hello", "but text"),
        (b"<!DOCTYPE html>", "HTML"),
        (b"{\"a\":1}", "JSON"),
        (b"#!/bin/sh", "a script"),
        (b"\x7fELF\x02\x01", "a native program"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\xff\xfe\xfd", "something unknown"),
        (b"\0as", "but text"),
    ] {
        says(bytes, expected);
    }
}

#[test]
fn an_error_in_a_text_has_its_place() {
    says("(module\n  (fun))", "its WebAssembly text has an error: expected valid module field, in line 2, column 4");
    says("(component", "its WebAssembly text has an error: ");
    says(format!("(module (func {}", "(block ".repeat(100_000)), "expected an instruction, in line 1, column 700015");
    says("(module) \u{1b}[2J", "unexpected character '\\u{1b}', in line 1, column 10");
}

#[test]
fn what_is_broken_or_switched_off_is_invalid() {
    says(b"\0asm", "it is not valid WebAssembly for this node, at byte 4: ");
    says(b"\0asm\x0d\0\x01\0\xff", "it is not valid WebAssembly for this node");
    says("(module (func (export \"run\") (result i32)))", "type mismatch");
    for (off, named) in [
        ("(memory 1 1 shared)", "threads"),
        ("(memory i64 1)", "memory64"),
        ("(memory 1) (memory 1)", "multiple memories"),
        ("(func return_call 0)", "tail calls"),
        ("(tag)", "exceptions"),
        ("(type (struct))", "gc"),
        ("(global externref (ref.null extern))", "gc"),
        ("(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))", "relaxed"),
    ] {
        let said = admit_local(format!("(module {off})")).unwrap_err();
        assert!(matches!(&said, Rejected::Invalid { message, .. } if message.contains(named)), "{off}: {said}");
    }
    says("(component (type (func async)))", "async");
}

#[test]
fn the_export_run_must_be_there_and_of_its_type() {
    says("(component)", "it has no export `run`, so nothing can be called in it: it exports nothing");
    says(
        "(module (func (export \"main\")) (func (export \"_start\")))",
        "it exports `main`, `_start`; it is a command",
    );
    says(r#"(component (type $t u8) (export "status" (type $t)))"#, "it exports `status`");
    says(r#"(component (instance $i) (export "run" (instance $i)))"#, "its export `run` is an interface");
    for ty in [
        r#"(param "entry" string) (param "args" string) (result (result string))"#,
        r#"(param "entry" string) (param "args" (list u8)) (result (result string (error string)))"#,
        r#"(param "entry" string) (param "args" string) (result string)"#,
        r#"(param "args" (tuple string string)) (result (result string (error string)))"#,
    ] {
        says(component("", ty), "its export `run` is a function of another type, and must be");
    }
    let core =
        CORE.replace(r#"(export "run") (param i32 i32 i32 i32)"#, r#"(export "run") (param i32 i32 i32 i32 i32)"#);
    let said = "this core module cannot become a component: failed to validate export for `run`: type mismatch";
    says(core, said);
}

#[test]
fn what_a_core_module_lacks_is_named() {
    says(CORE.replace(r#"(export "memory")"#, ""), "a component: module does not export a memory named `memory`");
    says(
        CORE.replace("(param i32 i32 i32 i32) (result i32) i32.const 1024", "(result i32) i32.const 1024"),
        "a component: ",
    );
    let other_export = r#"(func (export "cabi_export_realloc") (result i32) i32.const 1024) (@custom"#;
    says(CORE.replacen("(@custom", other_export, 1), "cannot become a component: canonical option `realloc` uses");
    let other_send = CORE
        .replace("(param i32 i32 i32 i32 i32)", "(param i32 i32 i32 i32 f32)")
        .replace("i32.const 16", "f32.const 0");
    says(other_send, "interface `greenroom:actor/host@0.1.0`: type mismatch for function `send`: expected");
}

#[test]
fn a_core_module_that_spells_run_twice_is_rejected() {
    for other in ["cm32p2||run", "[async-lift]run", "[async-lift-stackful]run"] {
        let twice = CORE.replacen("(@custom", &format!("(export \"{other}\" (func 2)) (@custom"), 1);
        says(twice, &format!("cannot become a component: its export `{other}` is not of the contract"));
    }
    says(CORE.replace("\"run\"", "\"cm32p2||run\""), "it has no export `run`");
}

#[test]
fn unknown_imports_are_named() {
    let import = |name: &str| component(&format!(r#"(import "{name}" (instance (export "x" (func))))"#), RUN);
    says(import("acme:cache/store@1.0.0"), "it imports what this node does not have: `acme:cache/store@1.0.0`");
    says(import("wasi:http/types@0.2.0"), "`wasi:http/types@0.2.0` (there is no HTTP yet;");
    says(import("greenroom:actor/host@0.1.3"), "`greenroom:actor/host@0.1.3.x` (it needs a newer Greenroom)");
    says(component(r#"(import "x" (func))"#, RUN), "does not have: `x`");
    let type_only = component(r#"(type $bytes (list u8)) (import "data" (type (eq $bytes)))"#, RUN);
    assert!(admit_local(type_only).unwrap().imports.is_empty());
    assert_eq!(admit_local(import("wasi:io/streams@0.2.9")).unwrap().imports, ["wasi:io/streams@0.2.9"]);
    let many: String = (0..12).map(|n| format!(r#"(import "a{n}" (func))"#)).collect();
    says(component(&many, RUN), "`a9`, and 2 more");
    let core =
        |module: &str, name: &str| format!(r#"(module (import "{module}" "{name}" (func)) (func (export "run")))"#);
    says(core("env", "foo"), "`env.foo` (a function that was declared and never linked)");
    says(core("wbg", "x"), "(made by wasm-bindgen");
    says(core("env\\1b[2J", "foo"), "`env\\u{1b}[2J.foo`");
    says(core("greenroom:actor/host@0.1.0", "fly"), "`greenroom:actor/host@0.1.0.fly` (it needs a newer");
    says(core("__main_module__", "[subtask-drop]"), "`__main_module__.[subtask-drop]`");
    says(core("[export]$root", "[task-return]run"), "`[export]$root.[task-return]run`");
    says(core("wasi:io/poll@0.2.6", "poll"), "`wasi:io/poll@0.2.6` (only old WASI can be adapted");
    says(core("wasi_snapshot_preview1", "fly"), "cannot become a component: ");
}

#[test]
fn each_cap_holds_to_the_one() {
    const MAX: usize = usize::MAX;
    let wide =
        Caps { bytes: MAX, functions: MAX, body_bytes: MAX, nesting: MAX, instances: MAX, tables: MAX, memories: MAX };
    let binary = wat::parse_str(component("(component (component))", RUN)).unwrap();
    let check = |caps: Caps, expected: Option<&str>| match (admit(&binary, &caps), expected) {
        (Ok(_), None) => {}
        (Err(Rejected::TooLarge { what, .. }), Some(expected)) => assert_eq!(what, expected),
        (result, _) => panic!("{expected:?}: {result:?}"),
    };
    let exact =
        Caps { bytes: binary.len(), functions: 2, body_bytes: 3, nesting: 3, instances: 1, tables: 0, memories: 1 };
    check(exact, None);
    check(Caps { bytes: binary.len() - 1, ..wide.clone() }, Some("bytes"));
    check(Caps { functions: 1, ..wide.clone() }, Some("functions"));
    check(Caps { body_bytes: 2, ..wide.clone() }, Some("bytes in one function"));
    check(Caps { nesting: 2, ..wide.clone() }, Some("levels of nesting"));
    check(Caps { instances: 0, ..wide.clone() }, Some("core instances"));
    check(Caps { memories: 0, ..wide.clone() }, Some("memories"));
    let table = component("(core module $t (table 1 funcref)) (core instance (instantiate $t))", RUN);
    match admit(table.as_bytes(), &Caps { tables: 0, ..wide }) {
        Err(Rejected::TooLarge { what, found, max }) => assert_eq!((what, found, max), ("tables", 1, 0)),
        result => panic!("{result:?}"),
    }
}

#[test]
fn components_inside_components_cost_no_stack() {
    // Built from the inside out: a section with the next one in it.
    let mut nested = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..1_000 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        let mut length = nested.len();
        while length >= 0x80 {
            outer.push(length as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.append(&mut nested);
        nested = outer;
    }
    says(&nested, "65 levels of nesting, of which 64 are allowed");
    let deep = Caps { nesting: usize::MAX, ..Caps::local() };
    assert!(matches!(admit(&nested, &deep), Err(Rejected::NoRun { .. } | Rejected::Invalid { .. })));
}

/// Sound modules of each kind, as bytes.
fn sound() -> Vec<Vec<u8>> {
    let imports = r#"(import "wasi:io/streams@0.2.9" (instance (export "x" (func))))
        (@custom "greenroom:entries" "{\"name\":\"a\"}")"#;
    let core = wat::parse_str(CORE).unwrap();
    let converted = admit_local(&core).unwrap().component;
    vec![core, converted, wat::parse_str(component(imports, RUN)).unwrap(), CORE.into(), component(imports, RUN).into()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_are_admitted_or_rejected_and_never_a_panic(
        which in 0..5_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut bytes = SOUND.with(|sound| sound[which].clone());
        for (place, byte, how) in changes {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => _ = bytes.remove(place),
            }
        }
        if let Err(error) = admit_local(&bytes) {
            prop_assert!(!error.to_string().contains(|c: char| c.is_control() && c != '\t'), "{error:?}");
        }
    }
}

thread_local! {
    static SOUND: Vec<Vec<u8>> = sound();
}
