//! A node in a process of its own, which does what it is told line by line and can be weighed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

use super::{honest, victim};
use crate::lock::lock;

/// Where a process of this test's own is told what to be: `victim`, or `honest` and the victim's place.
const ROLE: &str = "GREENROOM_TEST_ROLE";

/// Has the system's allocator give back what is free, so that what is weighed is what is held.
const GIVES_BACK: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_MMAP_THRESHOLD_", "65536"), ("MALLOC_TRIM_THRESHOLD_", "65536")];

/// Ends with this one.
pub(super) struct Process {
    child: Child,
    answers: Mutex<BufReader<std::process::ChildStdout>>,
    /// What it said when it was ready.
    pub ready: Value,
}

impl Process {
    pub fn start(role: &str) -> Process {
        let test = "mesh::hostile::process::a_process_that_is_told_to_is_a_node_until_its_input_ends";
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        let command = command.args(["--exact", test, "--nocapture"]).env(ROLE, role).envs(GIVES_BACK);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("this program, again");
        let answers = Mutex::new(BufReader::new(child.stdout.take().expect("it is piped")));
        let mut process = Process { child, answers, ready: Value::Null };
        process.ready = process.answer();
        process
    }

    /// Tells it something and reads what it answers.
    pub fn asks(&mut self, what: &str) -> Value {
        let input = self.child.stdin.as_mut().expect("it is piped");
        writeln!(input, "{what}").expect("it runs");
        self.answer()
    }

    fn answer(&self) -> Value {
        let mut line = String::new();
        // The test's own program says other things too.
        while !line.starts_with('{') {
            line.clear();
            let read = lock(&self.answers).read_line(&mut line).expect("text");
            assert!(read > 0, "it has ended");
        }
        serde_json::from_str(&line).expect("JSON")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

/// What a process holds in memory.
pub(super) fn resident_bytes(process: u32) -> usize {
    let statm = std::fs::read_to_string(format!("/proc/{process}/statm")).expect("it runs");
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("the second number");
    pages * rustix::param::page_size()
}

/// How many threads it has.
pub(super) fn threads(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/task")).expect("it runs").count()
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Says a line to who started this process.
pub(super) fn say(what: &Value) {
    let mut output = std::io::stdout().lock();
    // In a line of its own: the test's program may have begun one. Nobody may be there any more.
    _ = writeln!(output, "\n{what}").and_then(|()| output.flush());
}

/// All that it is told, until the end.
pub(super) fn told() -> impl Iterator<Item = String> {
    std::io::stdin().lines().map_while(Result::ok)
}

#[test]
fn a_process_that_is_told_to_is_a_node_until_its_input_ends() {
    let Ok(role) = std::env::var(ROLE) else { return };
    match role.split_once(' ') {
        None => victim::be(),
        Some((_, place)) => honest::be(&place.parse().expect("a place")),
    }
}
