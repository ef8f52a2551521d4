//! The tools of the Rust toolchain, with what makes them build a module. The build script of the tests includes this
//! file too, so that tests run what users run; it stands on std alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What modules are compiled for: cargo's own target for components.
pub const TARGET: &str = "wasm32-wasip2";

/// What a module is built with, over the crate's own profile. Names stay, so that a backtrace can say them; and the
/// linker's default of a megabyte of stack would be nearly all that an actor's memory begins with, so it is 64 KiB.
const CONFIG: [&str; 5] = [
    // Against 2, a JSON message costs 8 % more, and the ring's constants are 18 KB instead of 35: four pages less for each
    // actor, of some fifteen.
    "profile.release.opt-level=\"s\"",
    // One unit and the whole program at once: 246 KB of the ring become 173.
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.strip=\"debuginfo\"",
    "target.wasm32-wasip2.rustflags=[\"-C\",\"link-arg=-zstack-size=65536\"]",
];

/// Set by a cargo or a clippy above us for its own work. What is built here is another package for another machine, and
/// would be built wrongly, or without its stack size, or not at all.
const OUTER_VARIABLES: [&str; 14] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_PRIMARY_PACKAGE",
    "CLIPPY_ARGS",
    "DEBUG",
    "HOST",
    "MAKEFLAGS",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "TARGET",
];

/// How the names of many more such variables begin.
const OUTER_PREFIXES: [&str; 4] = ["CARGO_CFG_", "CARGO_FEATURE_", "CARGO_MANIFEST_", "CARGO_PKG_"];

/// `cargo build` for a module, in this folder; the packages and the target folder are still to be named.
pub fn cargo_build(folder: &Path) -> Command {
    let mut cargo = cargo(folder);
    cargo.args(["build", "--release", "--target", TARGET]);
    cargo.args(CONFIG.iter().flat_map(|setting| ["--config", setting]));
    cargo
}

pub fn cargo(folder: &Path) -> Command {
    tool("CARGO", "cargo", folder)
}

/// Asks where the target's libraries are, or would be.
pub fn rustc_target_folder(folder: &Path) -> Command {
    let mut rustc = tool("RUSTC", "rustc", folder);
    rustc.args(["--print", "target-libdir", "--target", TARGET]).stderr(Stdio::null());
    rustc
}

/// Whether the target is there, by the answer of [`rustc_target_folder`]. A rustc too old to know the target has no
/// folder for it either, and rustup says so better.
pub fn has_target(answer: &Output) -> bool {
    let libraries = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    answer.status.success() && libraries.is_dir()
}

/// Adds the target to the user's toolchain.
pub fn rustup_add_target(folder: &Path) -> Command {
    let mut rustup = tool("RUSTUP", "rustup", folder);
    rustup.args(["target", "add", TARGET]).stdout(Stdio::null());
    rustup
}

/// A tool, to be run in the crate's folder, so that its `rust-toolchain.toml` counts.
fn tool(variable: &str, name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()));
    command.current_dir(folder).stdin(Stdio::null());
    for (key, _) in std::env::vars_os() {
        let is_outer = key.to_str().is_some_and(|key| {
            OUTER_VARIABLES.contains(&key) || OUTER_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        });
        if is_outer {
            command.env_remove(key);
        }
    }
    command
}
