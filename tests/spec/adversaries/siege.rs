//! What every adversary meets: a node with fifty honest actors on it, in a process of its own, so that what the process
//! takes of the machine can be told.

use std::any::type_name_of_val;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use greenroom::{Address, Event, Events, Exception, LoadOptions, Module};
use serde_json::{Value, json};

use crate::stage::{self, Stage, guest};

/// Pairs of honest actors, and how often a message goes to and fro between the two: 10,000 messages.
const PAIRS: usize = 25;
const BALLS: u32 = 200;

/// How long what a test has used may take to be free again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Mappings that come and go with the allocator's large blocks. One that each actor left behind would be hundreds.
const MAPPINGS_MORE: usize = 16;

/// Set in a process that is one test's own.
const ALONE: &str = "GREENROOM_TEST_ALONE";

/// A node under attack.
pub struct Siege {
    pub stage: Stage,
    /// As who trusts nobody loads it.
    pub adversaries: Module,
    honest: Vec<Address>,
    living: Living,
}

/// Who lives, by what the node's events say.
type Living = Arc<Mutex<HashMap<String, Address>>>;

/// Runs an attack beside fifty honest actors, and once more alone. They must exchange all their messages in order, the node
/// must have no fault, and after the second time the process must have no more memory, descriptors and mappings than after the
/// first.
pub fn besieged(attack: impl Fn(&Siege)) {
    in_a_process_of_its_own(type_name_of_val(&attack), || {
        let mut siege = Siege::new();
        siege.lets_play();
        let began = Instant::now();
        attack(&siege);
        let took = began.elapsed();
        let waited = siege.hears_of_the_game();
        siege.ends_all();
        let before = Footprint::new();
        attack(&siege);
        siege.ends_all();
        let after = before.returns();
        assert_eq!(siege.stage.node.host_faults(), 0);
        println!("figures: {waited}, attack {took:?}, then {before}, again {after}");
    });
}

/// Runs a test on a node in a process of its own.
pub fn alone(test: impl FnOnce(&Siege)) {
    in_a_process_of_its_own(type_name_of_val(&test), || {
        let siege = Siege::new();
        test(&siege);
        assert_eq!(siege.stage.node.host_faults(), 0);
    });
}

/// `name` is that of a closure in the test.
fn in_a_process_of_its_own(name: &str, test: impl FnOnce()) {
    let name = name.trim_start_matches("spec::").trim_end_matches("::{{closure}}");
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let program = std::env::current_exe().expect("this test");
    let ran = Command::new(program)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        // Left to itself, glibc's allocator comes to keep large blocks that were freed, and for each thread some.
        .envs([("MALLOC_ARENA_MAX", "1"), ("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "131072")])
        .output()
        .expect("it starts once more");
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{}\n{stdout}\n{stderr}", ran.status);
    assert!(stdout.contains("1 passed"), "there is no test {name}:\n{stdout}");
    stdout.lines().filter(|line| line.contains("figures: ")).for_each(|line| println!("{name}: {line}"));
}

impl Siege {
    fn new() -> Siege {
        let stage = Stage::new();
        let adversaries = untrusted(&stage, guest("adversaries"), "", "");
        let living = Living::default();
        let (events, seen) = (stage.node.events(), living.clone());
        thread::spawn(move || stage::block_on_for_ever(watches(events, seen)));
        Siege { stage, adversaries, honest: Vec::new(), living }
    }

    /// Loads a guest in text form as who trusts nobody does.
    pub fn text(&self, name: &str) -> Module {
        self.text_with(name, "")
    }

    /// As [`Siege::text`], with other limits.
    pub fn text_with(&self, name: &str, limits: &str) -> Module {
        untrusted(&self.stage, stage::text(name), limits, "")
    }

    /// The adversaries with other limits.
    pub fn limited(&self, limits: &str) -> Module {
        self.given(limits, "")
    }

    /// The adversaries with other limits, and with grants.
    pub fn given(&self, limits: &str, grants: &str) -> Module {
        untrusted(&self.stage, guest("adversaries"), limits, grants)
    }

    pub fn spawn(&self, entry: &str, args: Value) -> Address {
        self.stage.spawn_of(&self.adversaries, entry, args)
    }

    /// What an attack answers.
    pub fn value(&self, entry: &str, args: Value) -> Value {
        self.stage.value(&self.spawn(entry, args))
    }

    /// How an attack ends.
    pub fn exception(&self, entry: &str, args: Value) -> Exception {
        self.stage.exception(&self.spawn(entry, args))
    }

    fn lets_play(&mut self) {
        // A finer clock, to tell how long they wait.
        let players = untrusted(&self.stage, guest("scenarios"), "", "fine-clock");
        for _ in 0..PAIRS {
            let partner = self.stage.spawn_of(&players, "returns_balls", json!([]));
            let partner = json!({"$address": partner.to_string()});
            self.honest.push(self.stage.spawn_of(&players, "serves_balls", json!([partner, BALLS])));
        }
    }

    /// Ends the game; what the honest tell of it.
    fn hears_of_the_game(&mut self) -> String {
        let mut waited = Vec::new();
        for honest in self.honest.drain(..) {
            self.stage.send(&honest, json!("enough"));
            let told: Vec<f64> = serde_json::from_value(self.stage.value(&honest)).expect("numbers");
            assert!(told.len() >= 2 * BALLS as usize, "each message arrives");
            waited.extend(told);
        }
        waited.sort_by(f64::total_cmp);
        let of = |share: f64| waited[((waited.len() - 1) as f64 * share) as usize];
        format!("{} messages waited ms p50 {:.1}, p99 {:.1}, max {:.1}", waited.len(), of(0.5), of(0.99), of(1.0))
    }

    /// Does something after which the process must have at most so many bytes more.
    pub fn takes_at_most(&self, bytes: usize, doing: impl FnOnce()) {
        let before = Footprint::new();
        doing();
        Footprint::of_at_most(before.resident + bytes).returns();
    }

    /// Ends whoever is left, and waits until all are gone.
    pub fn ends_all(&self) {
        let node = &self.stage.node;
        self.stage.block_on(async {
            while node.actors() > 0 {
                let living: Vec<Address> = self.living.lock().expect("nobody panics").values().cloned().collect();
                // Who has ended meanwhile needs no end.
                living.iter().for_each(|actor| _ = node.kill(actor));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
}

async fn watches(mut events: Events, living: Living) {
    while let Some(event) = events.next().await {
        let mut living = living.lock().expect("nobody panics");
        match event {
            Event::Spawned { actor, .. } => _ = living.insert(actor.to_string(), actor),
            Event::Ended { actor, .. } => _ = living.remove(&actor.to_string()),
            // Of floods of others, such as lost messages: that somebody lives is told seldom.
            _ => {}
        }
    }
}

fn untrusted(stage: &Stage, path: impl AsRef<Path>, limits: &str, grants: &str) -> Module {
    let limits = limits.parse().expect("limits");
    let options = LoadOptions::untrusted().limits(limits).allow(grants.parse().expect("grants"));
    stage.block_on(stage.node.load_with(path, &options)).expect("the guest loads")
}

/// The limit that an end or a refusal names.
pub fn limit(said: &Value) -> &str {
    said["limit"].as_str().unwrap_or_else(|| panic!("no limit: {said}"))
}

/// What a process has of the machine.
pub struct Footprint {
    pub resident: usize,
    descriptors: usize,
    mappings: usize,
}

impl Footprint {
    pub fn new() -> Footprint {
        let statm = fs::read_to_string("/proc/self/statm").expect("there is /proc");
        let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages");
        Footprint {
            resident: pages * 4096,
            descriptors: fs::read_dir("/proc/self/fd").expect("there is /proc").count(),
            mappings: fs::read_to_string("/proc/self/maps").expect("there is /proc").lines().count(),
        }
    }

    /// With so many bytes, and whatever else.
    pub fn of_at_most(resident: usize) -> Footprint {
        Footprint { resident, descriptors: usize::MAX, mappings: usize::MAX - MAPPINGS_MORE }
    }

    /// Waits until the process has no more than it had, give or take a twentieth of memory; answers what it has.
    pub fn returns(&self) -> Footprint {
        let until = Instant::now() + PATIENCE;
        loop {
            let now = Footprint::new();
            let is_back = now.resident <= self.resident + self.resident / 20
                && now.descriptors <= self.descriptors
                && now.mappings <= self.mappings + MAPPINGS_MORE;
            if is_back {
                return now;
            }
            assert!(Instant::now() < until, "the process had {self} and has {now}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Footprint { resident, descriptors, mappings } = self;
        write!(f, "{:.1} MiB, {descriptors} descriptors, {mappings} mappings", *resident as f64 / 1048576.0)
    }
}
