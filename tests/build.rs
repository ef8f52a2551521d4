//! Builds the guests that the tests run, once, with the settings of `greenroom build`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What modules are compiled for.
const TARGET: &str = "wasm32-wasip2";

/// As `greenroom build` has it (`host/src/cli/toolchain.rs`): small code that keeps its functions' names, a small stack.
const CONFIG: [&str; 3] = [
    "profile.release.opt-level=\"s\"",
    "profile.release.strip=\"debuginfo\"",
    "target.wasm32-wasip2.rustflags=[\"-C\",\"link-arg=-zstack-size=65536\"]",
];

/// Guests with std. They are built in one call, which gives them the same features of what they share.
const GUESTS: [&str; 5] = ["ring", "leak", "patterns", "ping-pong", "scenarios"];

/// Guests without std: in the call above the others would give them theirs.
const LEAN: [&str; 2] = ["ring-lean", "every-import"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace").to_owned();
    for watched in ["guest-sdk", "examples", "tests/guests", "tests/build.rs", "wit", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    ensure_target();
    for (variable, folder, packages) in [("GUESTS", "guests", &GUESTS[..]), ("GUESTS_LEAN", "guests-lean", &LEAN[..])] {
        let modules = build(&root, &root.join("target").join(folder), packages);
        println!("cargo::rustc-env={variable}={}", modules.display());
    }
}

fn build(root: &Path, target: &Path, packages: &[&str]) -> PathBuf {
    let mut cargo = tool("CARGO", "cargo");
    cargo.current_dir(root).args(["build", "--quiet", "--release", "--target", TARGET, "--target-dir"]).arg(target);
    cargo.args(CONFIG.iter().flat_map(|setting| ["--config", setting]));
    cargo.args(packages.iter().flat_map(|package| ["--package", package]));
    let status = cargo.status().expect("cargo starts: it runs this script");
    assert!(status.success(), "cargo could not build the guests {packages:?}");
    target.join(TARGET).join("release")
}

fn ensure_target() {
    let libraries = tool("RUSTC", "rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let libraries = libraries.expect("rustc starts: it has compiled this script");
    if Path::new(String::from_utf8_lossy(&libraries.stdout).trim()).is_dir() {
        return;
    }
    println!("cargo::warning=the target {TARGET} is missing: adding it with rustup");
    let added = tool("RUSTUP", "rustup").args(["target", "add", TARGET]).status();
    assert!(added.is_ok_and(|status| status.success()), "the tests need the target: rustup target add {TARGET}");
}

/// A program of the toolchain, without what the cargo around this script set for its own target.
fn tool(variable: &str, name: &str) -> Command {
    let mut command = Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()));
    for set in
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "TARGET", "RUSTDOCFLAGS"]
    {
        command.env_remove(set);
    }
    command
}
