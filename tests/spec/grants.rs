//! Grants: an actor does with the machine what it is granted, and nothing else; a child has at most what its parent has.

use std::path::Path;

use greenroom::{Grants, LoadOptions, Module, RefusalKind, SpawnOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Stage, guest};

/// The scenarios, loaded with these grants and no others.
pub fn granted(stage: &Stage, grants: &str) -> Module {
    let grants: Grants = grants.parse().unwrap_or_else(|why| panic!("{grants}: {why}"));
    stage.block_on(stage.node.load_with(guest("scenarios"), &LoadOptions::untrusted().allow(grants))).expect("it loads")
}

/// What the attempts of `tests/guests/scenarios/src/machine.rs` came to, each in one word or value.
pub fn tries(stage: &Stage, module: &Module, attempts: Value) -> Vec<Value> {
    outcomes(&stage.value(&stage.spawn_of(module, "tries", json!([attempts]))))
}

/// Of an error its kind.
pub fn outcomes(answers: &Value) -> Vec<Value> {
    let outcome = |answer: &Value| answer.get("ok").unwrap_or(&answer["error"]).clone();
    answers.as_array().expect("an answer each").iter().map(outcome).collect()
}

/// What a child with these options finds, if `parent` may have such a child; the parent has these grants.
fn child_tries(stage: &Stage, grants: &str, options: Value, attempts: Value) -> Value {
    let module = granted(stage, grants);
    let steps = json!([[{"spawn-with": ["tries", [attempts], options]}, {"wait": ["0", null]}]]);
    stage.value(&stage.spawn_of(&module, "script", steps))
}

/// A folder `data` with a file `a` in it, and beside it what nobody is granted.
fn folders() -> (TempDir, String) {
    let outer = tempfile::tempdir().expect("a folder");
    let data = outer.path().join("data");
    std::fs::create_dir_all(data.join("inner")).expect("a folder");
    write(&data.join("a"), "text of a");
    write(&outer.path().join("secret"), "nobody's business");
    (outer, data.display().to_string())
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("it can be written");
}

const DENIED: &str = "PermissionDenied";

#[test]
fn without_grants_there_is_nothing_and_everything_answers() {
    let stage = Stage::new();
    let attempts = json!(["vars", {"read": "/etc/passwd"}, {"list": "/"}, {"write": ["a", "b"]}, {"tcp": "127.0.0.1:22"},
        {"udp": "127.0.0.1:53"}, {"listen": "127.0.0.1:0"}, {"look-up": "localhost"}, {"tcp": "localhost:22"}]);
    let nothing = json!([{}, "NotFound", "NotFound", "NotFound", DENIED, DENIED, DENIED, DENIED, DENIED]);
    assert_eq!(Value::from(tries(&stage, &stage.scenarios, attempts.clone())), nothing, "by default");
    assert_eq!(Value::from(tries(&stage, &granted(&stage, ""), attempts)), nothing, "untrusted");
}

#[test]
fn the_environment_is_what_is_granted_and_a_child_s_at_most_that() {
    let stage = Stage::new();
    let module = granted(&stage, "env=A=1,env=B=2=3");
    assert_eq!(tries(&stage, &module, json!(["vars"])), [json!({"A": "1", "B": "2=3"})]);
    let child = |options: Value| child_tries(&stage, "env=A=1,env=B=2", options, json!(["vars"]));
    assert_eq!(outcomes(&child(json!({}))[1]["exit"]), [json!({"A": "1", "B": "2"})], "inherited");
    assert_eq!(outcomes(&child(json!({"grants": ["env=B"]}))[1]["exit"]), [json!({"B": "2"})]);
    assert_eq!(outcomes(&child(json!({"grants": []}))[1]["exit"]), [json!({})]);
    let more = &child(json!({"grants": ["env=B", "env=PATH"]}))[0];
    assert_eq!((&more["refused"], &more["grant"]), (&json!("not-permitted"), &json!("env=PATH")));
    let value = &child(json!({"grants": ["env=A=9"]}))[0];
    assert_eq!(value["refused"], "bad-argument", "a child's value is its parent's");
}

#[test]
fn a_folder_is_read_or_written_as_it_is_granted() {
    let stage = Stage::new();
    let (_kept, data) = folders();
    let changes = json!([{"write": ["/data/b", "x"]}, {"append": ["/data/a", "x"]}, {"write": ["/data/a", "x"]},
        {"make-dir": "/data/c"}, {"rename": ["/data/a", "/data/d"]}, {"hard-link": ["/data/a", "/data/e"]},
        {"remove": "/data/a"}]);
    let module = granted(&stage, &format!("dir={data}::/data"));
    assert_eq!(tries(&stage, &module, changes.clone()), [DENIED; 7]);
    let looks = json!([{"list": "/data"}, {"read": "/data/a"}, {"read": "data/a"}, {"list": "/"}]);
    assert_eq!(
        tries(&stage, &module, looks),
        [json!(["a", "inner"]), "text of a".into(), "text of a".into(), "NotFound".into()]
    );
    let module = granted(&stage, &format!("dir={data}::/data:rw"));
    let done = tries(
        &stage,
        &module,
        json!([{"write": ["/data/b", "x"]}, {"append": ["/data/a", "!"]},
        {"read": "/data/a"}, {"make-dir": "/data/c"}, {"rename": ["/data/a", "/data/c/d"]}, {"remove": "/data/b"},
        {"list": "/data"}, {"list": "/data/c"}]),
    );
    let null = Value::Null;
    assert_eq!(done[..2], [null.clone(), null.clone()]);
    assert_eq!(done[2..6], [json!("text of a!"), null.clone(), null.clone(), null]);
    assert_eq!(done[6..], [json!(["c", "inner"]), json!(["d"])]);
}

#[test]
fn nothing_leads_out_of_a_folder() {
    let stage = Stage::new();
    let (kept, data) = folders();
    let outside = kept.path().display().to_string();
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, Path::new(&data).join(name)).expect("a link");
    link("/etc/passwd", "absolute");
    link("../secret", "up");
    link("..", "parent");
    link("inner/../../secret", "around");
    link("a", "inside");
    for access in ["ro", "rw"] {
        let module = granted(&stage, &format!("dir={data}::/data:{access}"));
        let found = tries(&stage, &module, json!([{"read": "/data/inside"}, {"read": "/data/inner/../a"}]));
        assert_eq!(found, ["text of a", "text of a"], "what stays inside is fine");
        let ways = [
            "/data/../secret",
            "../secret",
            "/data/inner/../../secret",
            "/data/absolute",
            "/data/up",
            "/data/parent/secret",
            "/data/around",
            "/etc/passwd",
            &format!("{outside}/secret"),
            "/data//../secret",
            "/data/./../secret",
            "/data/parent/../secret",
            "/../secret",
            "/data/\u{0}/../../secret",
        ];
        for way in ways {
            let attempts = json!([{"read": way}, {"write": [way, "mine"]}, {"append": [way, "mine"]}, {"remove": way},
                {"hard-link": [way, "/data/mine"]}, {"rename": [way, "/data/mine"]}, {"rename": ["/data/a", way]}]);
            // To remove or rename a link itself is to change the folder, not what it leads to.
            let own_link = ["/data/absolute", "/data/up", "/data/around"].contains(&way) && access == "rw";
            let attempts = if own_link { json!([attempts[0], attempts[1], attempts[2]]) } else { attempts };
            for outcome in tries(&stage, &module, attempts) {
                let refused =
                    ["PermissionDenied", "NotFound", "InvalidInput", "Other", "Uncategorized"].map(Value::from);
                assert!(refused.contains(&outcome), "{access}, {way}: {outcome}");
            }
        }
        assert_eq!(tries(&stage, &module, json!([{"list": "/data/parent"}, {"list": "/data/.."}])), [DENIED, DENIED]);
        let secret = std::fs::read_to_string(kept.path().join("secret")).expect("it is still there");
        assert_eq!(secret, "nobody's business");
        assert!(!kept.path().join("mine").exists() && Path::new(&data).join("a").exists());
    }
}

#[test]
fn a_folder_is_the_one_that_was_granted_though_another_stands_in_its_place() {
    let stage = Stage::new();
    let (kept, data) = folders();
    let module = granted(&stage, &format!("dir={data}::/data"));
    std::fs::rename(&data, kept.path().join("moved")).expect("it moves");
    std::os::unix::fs::symlink(kept.path(), &data).expect("a link in its place");
    assert_eq!(
        tries(&stage, &module, json!([{"list": "/data"}, {"read": "/data/a"}])),
        [json!(["a", "inner"]), "text of a".into()]
    );
}

#[test]
fn a_child_has_a_folder_as_its_parent_has_it_or_less() {
    let stage = Stage::new();
    let (_kept, data) = folders();
    let grants = format!("dir={data}::/data:rw,dir={data}/inner::/inner:ro");
    let attempts = json!([{"read": "/data/a"}, {"write": ["/data/b", "x"]}, {"list": "/inner"}]);
    let child = |options: Value| child_tries(&stage, &grants, options, attempts.clone());
    assert_eq!(outcomes(&child(json!({}))[1]["exit"]), [json!("text of a"), Value::Null, json!([])]);
    let less = child(json!({"grants": ["dir=/data:ro"]}));
    assert_eq!(outcomes(&less[1]["exit"]), ["text of a", DENIED, "NotFound"]);
    assert_eq!(outcomes(&child(json!({"grants": []}))[1]["exit"]), ["NotFound"; 3]);
    for more in ["dir=/inner:rw", "dir=/", "dir=/data/inner", "dir=/etc:ro", "net=localhost:1", "names"] {
        let refused = &child(json!({"grants": ["dir=/data", more]}))[0];
        assert_eq!(refused["refused"], "not-permitted", "{more}: {refused}");
        let asked: greenroom::Grant = more.parse().expect("a grant");
        assert_eq!(refused["grant"], asked.to_string());
        assert!(refused["message"].as_str().expect("words").contains(&asked.to_string()), "{refused}");
    }
    assert_eq!(stage.node.actors(), 0, "nobody was made");
}

/// The parent's child with fewer grants asks a supervisor, and a router, for a child with more.
#[test]
fn nothing_is_gained_by_going_through_a_supervisor_or_a_router() {
    let stage = Stage::new();
    let (_kept, data) = folders();
    let module = granted(&stage, &format!("env=A=1,dir={data}::/data,names,modules"));
    let looks = json!([["vars", {"read": "/data/a"}]]);
    let child = json!({"id": "looks", "entry": "tries", "args": looks, "restart": "temporary", "name": "looks"});
    let supervisor = json!({"strategy": "one-for-one", "children": [child]});
    let unnamed =
        json!({"id": "looks", "entry": "tells", "args": [{"$address": "ME"}, looks[0]], "restart": "temporary"});
    // As the module has it: it has a name, so the supervisor may give one.
    let full =
        json!([[{"spawn-with": ["greenroom/supervisor", supervisor, {"monitor": true}]}, {"receive": [[], 50]}]]);
    assert_eq!(stage.value(&stage.spawn_of(&module, "script", full))[1], Value::Null, "the supervisor lives");
    // With less, the name is refused, and so is a child with a grant that the supervisor has not.
    for (child, grant) in [(child, "names"), (with(&unnamed, "grants", json!(["env=A"])), "env=A")] {
        let spec = json!({"strategy": "one-for-one", "children": [child]});
        let steps = json!([{"spawn": ["greenroom/supervisor", spec]}, {"wait": ["0", null]}]);
        let narrow = json!([[{"spawn-with": ["script", [steps], {"grants": []}]}, {"wait": ["0", null]}]]);
        let ended = &stage.value(&stage.spawn_of(&module, "script", narrow))[1]["exit"][1]["exception"];
        let text = ended.to_string();
        assert!(text.contains("not-permitted") && text.contains(grant), "{text}");
    }
    // What such a child, of a supervisor or of a router's pool, finds.
    let pool =
        json!({"strategy": "random", "pool": {"entry": "tells", "args": [{"$address": "ME"}, looks[0]], "size": 1}});
    for (entry, spec) in [
        ("greenroom/supervisor", json!({"strategy": "one-for-one", "children": [unnamed]})),
        ("greenroom/router", pool),
    ] {
        for (grants, found) in
            [(json!([]), json!([{}, "NotFound"])), (json!(["env=A"]), json!([{"A": "1"}, "NotFound"]))]
        {
            let options = SpawnOptions::default().grants(
                grants
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(|grant| grant.as_str().expect("a text").parse().expect("a grant")),
            );
            let puppet = crate::puppet::Puppet::new(&stage.node);
            let spec: Value =
                serde_json::from_str(&spec.to_string().replace("ME", &puppet.address.to_string())).expect("JSON");
            let starts = json!([[{"spawn": [entry, spec]}, {"receive": [["over"], null]}]]);
            let starter = stage.node.spawn_with(&module, "script", starts, &options);
            let starter = stage.block_on(starter).expect("it starts");
            assert_eq!(Value::from(outcomes(&puppet.hears())), found, "{entry}, {grants}");
            stage.node.kill(&starter).expect("it waits");
        }
    }
}

fn with(object: &Value, key: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[key] = value;
    object
}

#[test]
fn in_another_module_a_child_has_what_both_have() {
    let stage = Stage::new();
    let (_kept, data) = folders();
    let other =
        LoadOptions::untrusted().allow(format!("env=A=1,env=C=3,dir={data}::/here:rw").parse().expect("grants"));
    let bytes = std::fs::read(guest("scenarios")).expect("the guest is there");
    stage.block_on(stage.node.load_bytes_with("other", &bytes, &other)).expect("it loads");
    let attempts = json!(["vars", {"read": "/here/a"}, {"read": "/data/a"}, {"write": ["/here/b", "x"]}]);
    let both = |grants: &str, options: Value| {
        let steps = json!([[{"spawn-with": ["other/tries", [attempts], options]}, {"wait": ["0", null]}]]);
        stage.value(&stage.spawn_of(&granted(&stage, grants), "script", steps))
    };
    let mine = format!("modules,env=A=1,env=B=2,dir={data}::/data:ro");
    assert_eq!(
        outcomes(&both(&mine, json!({}))[1]["exit"]),
        [json!({"A": "1"}), "text of a".into(), "NotFound".into(), DENIED.into()]
    );
    assert_eq!(
        outcomes(&both("modules", json!({}))[1]["exit"]),
        [json!({}), "NotFound".into(), "NotFound".into(), "NotFound".into()]
    );
    let differs = both("modules,env=A=2,env=C=3", json!({}));
    assert_eq!(outcomes(&differs[1]["exit"])[0], json!({"C": "3"}), "one value is not the other's");
    for more in ["env=B", "dir=/here:rw", "dir=/data", "modules"] {
        let refused = both(&mine, json!({"grants": [more]}));
        assert_eq!(refused[0]["refused"], "not-permitted", "{more}: {refused}");
    }
    let without = both("env=A=1", json!({}));
    assert_eq!((&without[0]["refused"], &without[0]["grant"]), (&json!("not-permitted"), &json!("modules")));
}

#[test]
fn an_actor_that_the_program_starts_has_what_its_module_was_loaded_with_or_less() {
    let stage = Stage::new();
    let module = granted(&stage, "env=A=1,env=B=2");
    let spawn = |grant: &str| {
        let options = SpawnOptions::default().grants([grant.parse().expect("a grant")]);
        stage.block_on(stage.node.spawn_with(&module, "tries", json!([["vars"]]), &options))
    };
    assert_eq!(outcomes(&stage.value(&spawn("env=B").expect("it has that"))), [json!({"B": "2"})]);
    let refusal = spawn("env=C").expect_err("it has not");
    assert_eq!((refusal.kind(), refusal.details()["grant"].as_str()), (RefusalKind::NotPermitted, Some("env=C")));
    // By an actor of the program's own, too, which has nothing of the machine's to hand on or to keep back.
    let puppet = crate::puppet::Puppet::new(&stage.node);
    let child = puppet.guest("tries", json!([["vars"]]), SpawnOptions::default());
    assert_eq!(outcomes(&stage.value(&child)), [json!({"A": "1", "B": "2"})]);
}

#[test]
fn the_same_bytes_with_other_grants_are_another_module() {
    let stage = Stage::new();
    let first = granted(&stage, "env=A=1");
    let (same, second) = (granted(&stage, "env=A=1"), granted(&stage, "env=A=2"));
    assert!(first == same && first != second && first.hash() == second.hash());
    let vars = json!(["vars"]);
    assert_eq!(tries(&stage, &second, vars.clone()), [json!({"A": "2"})]);
    assert_eq!(tries(&stage, &first, vars), [json!({"A": "1"})], "its actors are what they were");
}

#[test]
fn without_the_grants_neither_names_nor_other_modules_are_reached_and_one_s_own_is() {
    let stage = Stage::new();
    let named = SpawnOptions::default().name("holder");
    let holder = stage.node.spawn_with(&stage.scenarios, "takes_one", json!([]), &named);
    let holder = stage.block_on(holder).expect("it starts");
    let bytes = std::fs::read(guest("scenarios")).expect("the guest is there");
    stage.block_on(stage.node.load_bytes("other", &bytes)).expect("it loads");
    let module = granted(&stage, "");
    let steps = json!([[
        {"register": "mine"}, {"whereis": "holder"}, {"whereis": "nobody"}, {"send": ["holder@", 1]},
        {"send-wait": ["holder@", 1, 0]}, {"monitor": "holder@"}, {"wait": ["holder@", 0]},
        {"narrow": ["holder@", {"rights": ["send"]}]}, {"spawn-with": ["returns", [1], {"name": "mine"}]},
        {"spawn": ["other/returns", [1]]}, {"spawn": ["nowhere/returns", [1]]},
        {"spawn": ["returns", [1]]}, {"spawn": ["scenarios/returns", [2]]}, {"spawn": ["greenroom/router", {"strategy": "random"}]},
        {"wait": ["11", null]}, {"wait": ["12", null]}, {"kill": "13"},
    ]]);
    let answers = stage.value(&stage.spawn_of(&module, "script", steps));
    for (step, grant) in (0..9).map(|step| (step, "names")).chain([(9, "modules"), (10, "modules")]) {
        let refused = &answers[step];
        assert_eq!((&refused["refused"], &refused["grant"]), (&json!("not-permitted"), &json!(grant)), "step {step}");
        assert!(refused["message"].as_str().expect("words").contains(&format!("--allow {grant}")), "{refused}");
    }
    assert_eq!((&answers[14]["exit"], &answers[15]["exit"], &answers[16]), (&json!(1), &json!(2), &Value::Null));
    stage.send(&holder, json!("nobody else did"));
    assert_eq!(stage.value(&holder), "nobody else did");
    let granted = granted(&stage, "names,modules");
    let steps = json!([[{"register": "mine"}, {"send": ["mine@", 1]}, {"spawn": ["other/returns", [3]]}, {"wait": ["2", null]}]]);
    let answers = stage.value(&stage.spawn_of(&granted, "script", steps));
    assert_eq!((&answers[0], &answers[1], &answers[3]["exit"]), (&Value::Null, &Value::Null, &json!(3)));
}

#[test]
fn untrusted_clocks_move_in_steps_of_a_millisecond() {
    let stage = Stage::new();
    let reads = json!([{"clocks": 2000}, {"contract-clocks": 2000}]);
    assert_eq!(tries(&stage, &granted(&stage, ""), reads.clone()), [json!(0), json!(0.0)]);
    for (grants, finer) in [("fine-clock", true), ("names", false)] {
        let seen = tries(&stage, &granted(&stage, grants), reads.clone());
        assert!(
            seen.iter().all(|fraction| (fraction.as_f64().expect("a number") > 0.0) == finer),
            "{grants}: {seen:?}"
        );
    }
    let child = child_tries(&stage, "fine-clock", json!({"grants": []}), reads.clone());
    assert_eq!(outcomes(&child[1]["exit"]), [json!(0), json!(0.0)]);
    let own = tries(&stage, &stage.scenarios, reads);
    assert!(own.iter().all(|fraction| fraction.as_f64().expect("a number") > 0.0), "{own:?}");
}
