//! The host program with a plugin that behaves, and one that does not.

use std::process::Command;

/// Runs a plugin; answers what the program printed.
fn play(plugin: &str, args: &[&str]) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../host/src/");
    let mut program = Command::new(env!("CARGO_BIN_EXE_plugin-host"));
    let output = program.arg(format!("{folder}{plugin}")).args(args).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the program prints UTF-8")
}

#[test]
fn a_plugin_s_value_is_printed() {
    assert_eq!(play("guest/echo.wat", &["main", "1", "two"]), "[1,\"two\"]\n");
}

#[test]
fn a_plugin_that_never_ends_is_ended() {
    let said = play("cli/bench/busy.wat", &["main"]);
    assert!(said.starts_with("the plugin has no value: limit: "), "{said}");
}
