//! `greenroom bench`: one measurement, one JSON line, in the form that the runner in `host/benches/peers` reads.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::exit::{Code, Failure};
use super::{Settings, build, logging, output};
use crate::address::{Address, Id};
use crate::embed::Node;
use crate::guest::library::Module;
use crate::mesh::Mesh;
use crate::outcome::Outcome;

/// Measures this node and prints one JSON line.
#[derive(Debug, Args)]
#[command(after_help = "\
The actors are those of examples/, built as `greenroom build` builds them; JSON is
parsed and printed in the guest at each hop. Times are wall time of this process.

Examples:
  greenroom bench ring 10000           spawn a ring, once around, all end
  greenroom bench laps 1000 100        100 laps around 1,000 actors that live on
  greenroom bench pingpong 200000      two actors, so many rounds
  greenroom bench idle 10000           memory of an actor that waits
  greenroom bench busy 50              a wake, a ring and a kill beside busy actors")]
pub(super) struct Bench {
    #[command(subcommand)]
    what: What,

    /// Threads that run actors [default: one a core]
    #[arg(long, value_name = "N", global = true)]
    threads: Option<NonZeroUsize>,

    /// The folder with the example crates
    #[arg(long, value_name = "DIR", default_value = "examples", global = true)]
    examples: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Spawns N actors in a ring, sends a message around; all end
    Ring {
        n: u32,
        /// With the lean guest
        #[arg(long)]
        lean: bool,
    },
    /// Sends one message L times around N actors
    Laps { n: u32, l: u32 },
    /// Sends a message to and fro K times
    Pingpong {
        k: u32,
        /// With messages of any shape instead of a struct
        #[arg(long)]
        value: bool,
    },
    /// Spawns N actors that wait
    Idle {
        n: u32,
        /// With the lean guest
        #[arg(long)]
        lean: bool,
    },
    /// Measures beside N actors in an endless loop
    Busy { n: u32 },
}

/// An actor in an endless loop, as small as can be: the only guest that is not an example.
const BUSY: &str = include_str!("bench/busy.wat");

/// Wakes that are measured beside busy actors: enough for a 99th percentile.
const WAKES: usize = 500;

type Line = Map<String, Value>;

impl Bench {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        logging::start(settings.quiet)?;
        let file = build::module_at(&self.examples.join(self.what.example()), settings)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|why| Failure::new(Code::Failed, format!("cannot start: {why}")))?;
        let line = runtime.block_on(self.measure(&file))?;
        output::result(Value::Object(line))?;
        Ok(Code::Ok)
    }

    async fn measure(&self, file: &Path) -> Result<Line, Failure> {
        let mut builder = Node::builder();
        if let Some(threads) = self.threads {
            builder = builder.threads(threads.get());
        }
        let name = format!("{}@127.0.0.1:0", Id::random());
        let node = builder.start(&Mesh::new(), &name).await.map_err(|why| Failure::new(Code::Failed, why))?;
        let module = node.load(file).await?;
        let mut line = match self.what {
            What::Ring { n, .. } => ring(&node, &module, n).await?,
            What::Laps { n, l } => laps(&node, &module, n, l).await?,
            What::Pingpong { k, value } => pingpong(&node, &module, k, value).await?,
            What::Idle { n, .. } => idle(&node, &module, n).await?,
            What::Busy { n } => busy(&node, &module, n).await?,
        };
        line.insert("system".into(), "greenroom".into());
        line.insert("bench".into(), self.what.name().into());
        line.insert("threads".into(), self.threads.map_or(0, NonZeroUsize::get).into());
        Ok(line)
    }
}

impl What {
    fn name(&self) -> &'static str {
        match self {
            What::Ring { .. } => "ring",
            What::Laps { .. } => "laps",
            What::Pingpong { .. } => "pingpong",
            What::Idle { .. } => "idle",
            What::Busy { .. } => "busy",
        }
    }

    fn example(&self) -> &'static str {
        match self {
            What::Ring { lean: true, .. } | What::Idle { lean: true, .. } => "ring-lean",
            What::Pingpong { .. } => "ping-pong",
            _ => "ring",
        }
    }
}

/// Runs an entry to its end; answers how long that took.
async fn timed(node: &Node, module: &Module, entry: &str, args: Value) -> Result<Duration, Failure> {
    let start = Instant::now();
    let actor = node.spawn(module, entry, args).await?;
    let outcome = node.outcome(&actor).await?;
    let took = start.elapsed();
    match outcome {
        Outcome::Exit(_) => Ok(took),
        Outcome::Exception(exception) => Err(Failure::new(Code::Failed, exception)),
    }
}

async fn ring(node: &Node, module: &Module, n: u32) -> Result<Line, Failure> {
    let took = timed(node, module, "build", json!([n])).await?;
    let ended = Instant::now();
    node.emptied().await;
    Ok(line([("n", n.into()), ("total_ms", ms(took)), ("all_ended_ms", ms(took + ended.elapsed()))]))
}

/// The time for one lap, which is spawning and one hop each, is taken off that for all.
async fn laps(node: &Node, module: &Module, n: u32, laps: u32) -> Result<Line, Failure> {
    let once = timed(node, module, "laps", json!([n, 1])).await?;
    let all = timed(node, module, "laps", json!([n, laps])).await?;
    let hops = f64::from(n) * f64::from(laps.saturating_sub(1).max(1));
    let hop_us = us(all.saturating_sub(once)) / hops;
    let rate = Value::from(1e6 / hop_us);
    Ok(line([
        ("n", n.into()),
        ("laps", laps.into()),
        ("hop_us", hop_us.into()),
        ("msgs_per_s", rate),
        ("total_ms", ms(all)),
    ]))
}

async fn pingpong(node: &Node, module: &Module, rounds: u32, value: bool) -> Result<Line, Failure> {
    let entry = if value { "value" } else { "main" };
    let took = timed(node, module, entry, json!([rounds])).await?;
    let round_us = us(took) / f64::from(rounds.max(1));
    Ok(line([("k", rounds.into()), ("rt_us", round_us.into()), ("msg_us", (round_us / 2.0).into())]))
}

async fn idle(node: &Node, module: &Module, n: u32) -> Result<Line, Failure> {
    // The first brings what is made once.
    let nobody = waiting(node, module, None).await?;
    settled().await;
    let (start, before) = (Instant::now(), rss_bytes());
    let mut actors = Vec::new();
    for _ in 0..n {
        actors.push(waiting(node, module, Some(&nobody)).await?);
    }
    let quiet = settled().await;
    let bytes = (rss_bytes() - before) / f64::from(n.max(1));
    let spawn_us = us(quiet.duration_since(start)) / f64::from(n.max(1));
    Ok(line([("n", n.into()), ("bytes_per", bytes.into()), ("spawn_us", spawn_us.into())]))
}

/// An actor that waits for a message to pass on.
async fn waiting(node: &Node, module: &Module, to: Option<&Address>) -> Result<Address, Failure> {
    let to = to.map_or_else(|| json!({"$address": format!("{}@{}", Id::random(), node.place())}), |to| json!(to));
    Ok(node.spawn(module, "forward", json!([to])).await?)
}

async fn busy(node: &Node, module: &Module, n: u32) -> Result<Line, Failure> {
    let alone = timed(node, module, "build", json!([1000])).await?;
    let loops = node.load_bytes("busy", BUSY).await?;
    let mut busy = Vec::new();
    for _ in 0..n {
        busy.push(node.spawn(&loops, "main", json!([])).await?);
    }
    let mut wakes = Vec::new();
    for _ in 0..WAKES {
        wakes.push(wake(node, module).await?);
    }
    let beside = timed(node, module, "build", json!([1000])).await?;
    let mut kills = Vec::new();
    for actor in &busy {
        let start = Instant::now();
        node.kill(actor)?;
        node.outcome(actor).await?;
        kills.push(start.elapsed());
    }
    let factor = beside.as_secs_f64() / alone.as_secs_f64();
    Ok(line([
        ("n", n.into()),
        ("wake_ms", spread(&mut wakes)),
        ("kill_ms", spread(&mut kills)),
        ("ring_1000_alone_ms", ms(alone)),
        ("ring_1000_beside_ms", ms(beside)),
        ("ring_factor", factor.into()),
    ]))
}

/// How long a message from outside takes to and through an actor that waits: until its end is seen here.
async fn wake(node: &Node, module: &Module) -> Result<Duration, Failure> {
    let last = waiting(node, module, None).await?;
    let first = waiting(node, module, Some(&last)).await?;
    // Both are in `receive` when something sent through them comes out: not known from here, so they get some time.
    std::thread::sleep(Duration::from_millis(20));
    let start = Instant::now();
    node.send(&first, json!({"text": "hello around the ring"}))?;
    node.outcome(&first).await?;
    let took = start.elapsed();
    node.outcome(&last).await?;
    Ok(took)
}

/// Median, 99th percentile and maximum, in milliseconds.
fn spread(times: &mut [Duration]) -> Value {
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)));
    let shown = |share| at(share).map_or(Value::Null, |time| ms(*time));
    json!({"median": shown(0.5), "p99": shown(0.99), "max": shown(1.0)})
}

/// Waits until this process has used no processor time for a while: all that was spawned waits. Answers since when.
async fn settled() -> Instant {
    const QUIET: Duration = Duration::from_millis(100);
    let mut before = (Instant::now(), cpu_ticks());
    loop {
        std::thread::sleep(QUIET);
        let now = cpu_ticks();
        if now.abs_diff(before.1) <= 1 {
            return before.0;
        }
        before = (Instant::now(), now);
    }
}

/// User and system time of this process in clock ticks (`/proc/self/stat`, fields 14 and 15).
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Resident memory (`/proc/self/statm`, second field, in pages).
fn rss_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    pages * rustix::param::page_size() as f64
}

fn line<const N: usize>(pairs: [(&str, Value); N]) -> Line {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn ms(time: Duration) -> Value {
    (time.as_secs_f64() * 1e3).into()
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
