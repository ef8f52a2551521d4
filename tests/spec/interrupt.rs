//! Ctrl-C and SIGTERM, whatever the program is doing: nothing runs on.

use std::io::{BufRead, BufReader, Lines, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::command::greenroom;
use crate::stage::{guest, text};

/// How long something that was ended may take to be gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cargo that knows one crate and never finishes building it; it says on stderr that it has begun, and its number.
/// What it starts lives on if nobody ends that too.
const CARGO: &str = r#"#!/bin/sh
if [ "$1" = metadata ]; then
  manifest="$(pwd -P)/Cargo.toml"
  printf '{"target_directory":"/nowhere","packages":[{"name":"a","id":"a","manifest_path":"%s",' "$manifest"
  printf '"targets":[{"kind":["cdylib"]}]}]}'
  exit
fi
TRAP
echo "begun $$" >&2
while :; do sleep 1000 & wait; done
"#;

/// The program, started, with what it says on stderr.
struct Started {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Started {
    fn new(mut command: Command) -> Started {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        Started { child, lines }
    }

    /// Reads lines until one with this text.
    fn until(&mut self, text: &str) -> String {
        self.lines.by_ref().map_while(Result::ok).find(|line| line.contains(text)).expect("it says so")
    }

    fn signal(&self, name: &str) {
        let killed = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the program runs");
    }

    /// Its exit code and what it wrote to stdout, when all who could write to its stderr are gone: so has what it
    /// started.
    fn end(mut self) -> (Option<i32>, String) {
        let (done, end) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = String::new();
            let read = self.child.stdout.take().expect("stdout is piped").read_to_string(&mut stdout);
            let status = self.child.wait().expect("it can be waited for");
            self.lines.for_each(drop);
            _ = done.send((status.code(), read.map(|_| stdout)));
        });
        let (code, stdout) = end.recv_timeout(PATIENCE).expect("it ends, with all that it started");
        (code, stdout.expect("UTF-8"))
    }
}

/// The program while the cargo that it has started builds; `trap` is cargo's answer to signals.
fn building(name: &str, trap: &str, args: &[&str]) -> Started {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("Cargo.toml"), "").expect("a manifest");
    let cargo = folder.join("cargo");
    std::fs::write(&cargo, CARGO.replace("TRAP", trap)).expect("a script");
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).expect("it may run");
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([folder.clone()].into_iter().chain(std::env::split_paths(&others)));
    let mut command = greenroom(args);
    command.current_dir(&folder).env_remove("CARGO").env("PATH", path.expect("a path"));
    Started::new(command)
}

fn is_there(process: &str) -> bool {
    let asked = Command::new("kill").args(["-0", process]).stderr(Stdio::null()).status();
    asked.expect("there is kill").success()
}

#[test]
fn a_build_ends_with_the_program() {
    let commands = [&["build"][..], &["run", ".", "main"], &["inspect", "."]];
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        for args in commands {
            let mut started = building("builds", "", args);
            let begun = started.until("begun");
            let cargo = begun.split(' ').next_back().expect("its number");
            assert!(is_there(cargo));
            started.signal(signal);
            assert_eq!(started.end(), (Some(code), String::new()), "greenroom {} {signal}", args[0]);
            assert!(!is_there(cargo), "greenroom {} leaves cargo", args[0]);
        }
    }
}

#[test]
fn a_second_signal_ends_a_build_that_does_not_want_to_end() {
    let mut started = building("resists", "trap 'echo not yet >&2' TERM", &["build", "--format", "json"]);
    started.until("begun");
    started.signal("-INT");
    started.until("not yet");
    started.signal("-TERM");
    // The first says what it was.
    let told = "{\"error\":{\"message\":\"interrupted\",\"type\":\"exit-130\"}}\n";
    assert_eq!(started.end(), (Some(130), told.to_owned()));
}

/// An actor that never gives way, not even in its start function.
fn busy(args: &[&str]) -> Started {
    let module = text("start-loops").display().to_string();
    let mut started = Started::new(greenroom(&[&["run", &module, "main"], args].concat()));
    // When the actor has said something, there is an actor to interrupt.
    started.until("has begun");
    started
}

#[test]
fn a_start_function_that_loops_is_interrupted() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let started = busy(&[]);
        started.signal(signal);
        assert_eq!(started.end(), (Some(code), String::new()));
    }
}

#[test]
fn who_lingers_for_others_can_be_interrupted_and_has_printed_the_value() {
    let module = guest("scenarios").display().to_string();
    let script = r#"[{"spawn": ["script", [[{"print": "here"}, {"receive": [[], null]}]]]}, {"receive": [[], 0]}]"#;
    let mut started = Started::new(greenroom(&["run", &module, "script", script, "--linger"]));
    started.until("here");
    let mut stdout = BufReader::new(started.child.stdout.take().expect("stdout is piped"));
    let mut value = String::new();
    stdout.read_line(&mut value).expect("a value");
    assert!(value.ends_with(",null]\n"), "{value}");
    started.child.stdout = Some(stdout.into_inner());
    started.signal("-INT");
    assert_eq!(started.end(), (Some(130), String::new()));
}

#[test]
fn two_signals_at_once_are_as_good_as_one() {
    let started = busy(&["--format", "json"]);
    started.signal("-INT");
    started.signal("-INT");
    let (code, stdout) = started.end();
    assert_eq!(code, Some(130));
    assert_eq!(stdout, "{\"error\":{\"message\":\"interrupted\",\"type\":\"exit-130\"}}\n");
}
