//! Builds the guests that the tests run, once, as `greenroom build` builds.

use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "../host/src/cli/toolchain/tools.rs"]
mod tools;

/// Guests with std. They are built in one call, which gives them the same features of what they share.
const GUESTS: [&str; 7] = ["ring", "leak", "patterns", "ping-pong", "scenarios", "documented", "adversaries"];

/// Guests without std: in the call above the others would give them theirs.
const LEAN: [&str; 2] = ["ring-lean", "every-import"];

/// A guest of one file, with the debug information that the others are built without.
const TRACEABLE: &str = "tests/guests/traceable.rs";

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace").to_owned();
    for watched in
        ["guest-sdk", "examples", "tests/guests", "tests/build.rs", "host/src/cli/toolchain", "wit", "Cargo.lock"]
    {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    ensure_target(&root);
    for (variable, folder, packages) in [("GUESTS", "guests", &GUESTS[..]), ("GUESTS_LEAN", "guests-lean", &LEAN[..])] {
        let modules = build(&root, &root.join("target").join(folder), packages);
        println!("cargo::rustc-env={variable}={}", modules.display());
    }
    let traceable = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("traceable.wasm");
    build_traceable(&root, &traceable);
    println!("cargo::rustc-env=TRACEABLE={}", traceable.display());
}

/// As a core module: a component needs the SDK.
fn build_traceable(root: &Path, module: &Path) {
    let mut rustc = Command::new(std::env::var_os("RUSTC").expect("cargo sets it"));
    rustc.current_dir(root).args(["--edition=2024", "--crate-type=cdylib", "--target", tools::TARGET, TRACEABLE]);
    rustc.args(["-Cdebuginfo=1", "-Cpanic=abort", "-Clink-arg=--skip-wit-component", "-o"]).arg(module);
    let status = rustc.status().expect("rustc starts: it has compiled this script");
    assert!(status.success(), "rustc could not build {TRACEABLE}");
}

fn build(root: &Path, target: &Path, packages: &[&str]) -> PathBuf {
    let mut cargo = tools::cargo_build(root);
    cargo.args(["--quiet", "--target-dir"]).arg(target);
    cargo.args(packages.iter().flat_map(|package| ["--package", package]));
    let status = cargo.status().expect("cargo starts: it runs this script");
    assert!(status.success(), "cargo could not build the guests {packages:?}");
    target.join(tools::TARGET).join("release")
}

fn ensure_target(root: &Path) {
    let answer = tools::rustc_target_folder(root).output().expect("rustc starts: it has compiled this script");
    if tools::has_target(&answer) {
        return;
    }
    let target = tools::TARGET;
    println!("cargo::warning=the target {target} is missing: adding it with rustup");
    let added = tools::rustup_add_target(root).status();
    assert!(added.is_ok_and(|status| status.success()), "the tests need the target: rustup target add {target}");
}
