//! Where actors live: nobody finds what another left, and the machine's end is a refusal.

use std::process::Command;

use serde_json::json;

use crate::command::{Ran, greenroom};
use crate::stage::{Stage, guest};

#[test]
fn a_new_actor_s_memory_is_zero_whoever_had_it_before() {
    let stage = Stage::new();
    let module = stage.text("scribbles");
    // Some at a time, so that memories are used again, also while others are in use.
    for _ in 0..10 {
        let actors: Vec<_> = (0..20).map(|_| stage.spawn_of(&module, "main", json!([]))).collect();
        for actor in &actors {
            assert_eq!(stage.value(actor), 1);
        }
    }
}

#[test]
fn an_actor_s_memory_is_zero_after_one_of_another_module_too() {
    let stage = Stage::new();
    let module = stage.text("scribbles");
    for _ in 0..20 {
        assert_eq!(stage.value(&stage.spawn("returns", json!([1]))), 1);
        assert_eq!(stage.value(&stage.spawn_of(&module, "main", json!([]))), 1);
    }
}

/// In a process of its own, with less address space than so many actors take.
#[test]
fn one_actor_more_than_the_process_has_room_for_is_refused_with_6() {
    let program = greenroom(&["run", &guest("ring-lean").display().to_string(), "build", "40000"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"ulimit -v 6000000 && exec "$@""#, "sh"]).arg(program.get_program()).args(program.get_args());
    limited.current_dir(program.get_current_dir().expect("it has one"));
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let ran = Ran::from(limited.output().expect("there is a shell"));
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    for word in ["limit", "address space", "ulimit -v"] {
        assert!(ran.stderr.contains(word), "`{word}` is not in {}", ran.stderr);
    }
}
