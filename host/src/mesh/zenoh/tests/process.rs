//! A node in a process of its own, which a test can kill, freeze and weigh.

use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::*;

/// Where a process of this test's own is told whom to be.
const NAME: &str = "GREENROOM_TEST_NODE";

/// What such a node answers with all else that it ever heard.
pub(super) const QUESTION: &str = "what have you heard?";

/// Ends with this one.
pub(super) struct Process(Child);

impl Process {
    pub fn start(presence: &Presence, seeds: &[&Node], lease: Duration) -> Process {
        let mut name = format!("{} {} {}", presence.place, presence.incarnation, lease.as_millis());
        seeds.iter().for_each(|seed| name.extend([" ", seed.presence.place.as_str()]));
        let test = "mesh::zenoh::tests::process::a_process_that_is_told_to_is_a_node_until_its_input_ends";
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        let command = command.args(["--exact", test]).env(NAME, name).stdin(Stdio::piped()).stdout(Stdio::null());
        Process(command.spawn().expect("this program, again"))
    }

    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.0);
        kill_process(id, signal).expect("it was not waited for");
    }

    /// What it holds in memory.
    #[cfg(target_os = "linux")]
    pub fn resident_bytes(&self) -> usize {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.0.id())).expect("it runs");
        let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("the second number");
        pages * rustix::param::page_size()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

pub(super) fn presence(incarnation: u64) -> Presence {
    Presence { place: free_place(), incarnation }
}

#[test]
fn a_process_that_is_told_to_is_a_node_until_its_input_ends() {
    let Ok(name) = std::env::var(NAME) else { return };
    let mut words = name.split(' ');
    let mut word = || words.next().expect("three words at least");
    let (place, incarnation, lease) = (word(), word(), word());
    let seeds = words.map(|seed| seed.parse().expect("a place")).collect();
    let lease = Duration::from_millis(lease.parse().expect("a number"));
    let settings = Settings { seeds, lease, ..settings(place.parse().expect("a place"), &[]) };
    let node = try_start(settings, incarnation.parse().expect("a number")).expect("a node");
    let (engine, log) = (Arc::clone(&node.engine), Arc::clone(&node.log));
    std::thread::spawn(move || answer(&engine, &log));
    _ = std::io::Read::read(&mut std::io::stdin(), &mut [0]);
    node.close();
}

fn answer(engine: &Zenoh, log: &Log) {
    let mut rest = Vec::new();
    loop {
        log.wait(|heard| matches!(heard, Heard::Packet(..)), 1);
        for heard in log.take() {
            match heard {
                // Who asked may be gone.
                Heard::Packet(from, text) if text == QUESTION => {
                    _ = engine.send(&from, format!("{rest:?}").into_bytes());
                }
                other => rest.push(other),
            }
        }
    }
}
