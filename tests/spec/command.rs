//! The program `greenroom`, as a shell runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use crate::stage::cache;

/// The program that was built beside these tests. `cargo test --workspace` builds it; `cargo test -p greenroom-tests`
/// builds only this package, so that it may have to be built here.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let tests = std::env::current_exe().expect("a test knows its own program");
    let folder = tests.parent().and_then(Path::parent).expect("it lies in PROFILE/deps");
    let program = folder.join("greenroom");
    if !program.exists() {
        let cargo =
            Command::new(env!("CARGO")).args(["build", "--quiet", "-p", "greenroom"]).current_dir(root()).status();
        assert!(cargo.is_ok_and(|status| status.success()), "cargo could not build the command line");
    }
    program
});

/// The workspace's folder, where the documented commands are meant to be run.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace").to_owned()
}

/// The program, ready to be started, with the tests' own cache.
pub fn greenroom(args: &[&str]) -> Command {
    let mut command = prepared(&PROGRAM);
    command.args(args);
    command
}

/// A script that runs the program, ready to be started.
pub fn script_of(path: &Path) -> Command {
    let mut command = prepared(path);
    command.env("GREENROOM", &*PROGRAM);
    command
}

fn prepared(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null()).env("GREENROOM_CACHE", cache());
    // What a cargo or a person around the tests set.
    for variable in ["GREENROOM_LOG", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    command
}

/// What one run left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(args: &[&str]) -> Ran {
    Ran::from(greenroom(args).output().expect("the program starts"))
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
