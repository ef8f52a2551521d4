//! `greenroom bench`: one measurement, one JSON line, in the form that the runner in `host/benches/peers` reads.

mod messages;
mod idle;
mod busy;
mod down;
mod restart;
mod crashes;
mod line;
#[cfg(feature = "mesh")]
mod mesh;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;

use self::busy::busy;
use self::crashes::crashes;
use self::down::{down, down_native};
use self::idle::idle;
use self::line::Line;
use self::messages::{laps, pingpong, ring};
use self::restart::{restart, restart_bare, restart_native};
use super::exit::{Code, Failure};
use super::terms::Terms;
use super::{Settings, build, logging, output};
use crate::address::Id;
use crate::embed::{Node, NodeBuilder};
use crate::load_options::LoadOptions;
use crate::mesh::Mesh;

/// Measures this node and prints one JSON line.
#[derive(Debug, Args)]
#[command(after_help = "\
The actors are those of examples/, built as `greenroom build` builds them, but for
`down` and `restart --bare`, which bring their own; JSON is parsed and printed in the
guest at each hop.
Times are wall time of this process. --profile and -L, before the name of the measurement, are
for the actors of examples/.

Examples:
  greenroom bench ring 10000           spawn a ring, once around, all end
  greenroom bench laps 1000 100        100 laps around 1,000 actors that live on
  greenroom bench pingpong 200000      two actors, so many rounds
  greenroom bench --profile untrusted pingpong 200000   the same with limits
  greenroom bench idle 10000           memory of an actor that waits
  greenroom bench busy 50              a wake, a ring and a kill beside busy actors
  greenroom bench down 100000          children that end at once, each monitored
  greenroom bench restart 10000        a child is killed and started again, so often
  greenroom bench mesh blast 300000    messages from one node to another
  greenroom bench crashes 10           a child that panics at once, for 10 seconds")]
pub(super) struct Bench {
    #[command(subcommand)]
    what: What,

    #[command(flatten)]
    terms: Terms,

    /// Threads that run actors [default: one a core]
    #[arg(long, value_name = "N", global = true)]
    threads: Option<NonZeroUsize>,

    /// The folder with the example crates
    #[arg(long, value_name = "DIR", default_value = "examples", global = true)]
    examples: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(flatten)]
    Example(Example),
    /// Spawns and monitors N actors that end at once, each after the one before
    Down {
        n: u32,
        /// With actors in Rust instead of guests
        #[arg(long)]
        native: bool,
        /// Without a monitor: waits for each
        #[arg(long)]
        wait: bool,
    },
    /// Kills a supervised child as soon as it runs, N times
    Restart {
        n: u32,
        /// With an actor in Rust instead of a guest
        #[arg(long, conflicts_with = "bare")]
        native: bool,
        /// With a guest as small as can be
        #[arg(long)]
        bare: bool,
    },
    #[cfg(feature = "mesh")]
    Mesh(mesh::Between),
}

/// What is measured with the actors of an example.
#[derive(Debug, Subcommand)]
enum Example {
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
    /// Restarts a child that panics at once, for so many seconds
    Crashes { seconds: u32 },
}

impl Bench {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        if let Some(helped) = self.terms.help() {
            return helped;
        }
        let options = self.terms.options()?;
        logging::start(settings)?;
        let file = match &self.what {
            What::Example(example) => Some(build::module_at(&self.examples.join(example.folder()), settings)?),
            What::Restart { native: false, bare: false, .. } => {
                Some(build::module_at(&self.examples.join("chat"), settings)?)
            }
            What::Down { .. } | What::Restart { .. } => None,
            #[cfg(feature = "mesh")]
            What::Mesh(_) => None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|why| Failure::new(Code::Failed, format!("cannot start: {why}")))?;
        let line = runtime.block_on(self.measure(file.as_deref(), &options))?;
        output::result(Value::Object(line))?;
        Ok(Code::Ok)
    }

    async fn measure(&self, file: Option<&Path>, options: &LoadOptions) -> Result<Line, Failure> {
        let mut builder = Node::builder();
        if let Some(threads) = self.threads {
            builder = builder.threads(threads.get());
        }
        let (name, mut line) = match &self.what {
            What::Example(example) => {
                let node = alone(builder).await?;
                (example.name(), example.measure(&node, file.expect("it was built"), options).await?)
            }
            What::Down { n, native: true, wait } => ("down", down_native(&alone(builder).await?, *n, *wait).await?),
            What::Down { n, native: false, wait } => ("down", down(&alone(builder).await?, *n, *wait).await?),
            What::Restart { n, native: true, .. } => ("restart", restart_native(&alone(builder).await?, *n).await?),
            What::Restart { n, bare: true, .. } => ("restart", restart_bare(&alone(builder).await?, *n).await?),
            What::Restart { n, .. } => {
                let node = alone(builder).await?;
                node.load(file.expect("it was built")).await?;
                ("restart", restart(&node, *n).await?)
            }
            #[cfg(feature = "mesh")]
            What::Mesh(between) => (between.name(), between.measure(builder).await?),
        };
        line.insert("system".into(), "greenroom".into());
        line.insert("bench".into(), name.into());
        line.insert("threads".into(), self.threads.map_or(0, NonZeroUsize::get).into());
        Ok(line)
    }
}

/// A node without any other.
async fn alone(builder: NodeBuilder) -> Result<Node, Failure> {
    let name = format!("{}@127.0.0.1:0", Id::random());
    builder.start(&Mesh::new(), &name).await.map_err(|why| Failure::new(Code::Failed, why))
}

impl Example {
    async fn measure(&self, node: &Node, file: &Path, options: &LoadOptions) -> Result<Line, Failure> {
        let module = node.load_with(file, options).await?;
        match *self {
            Example::Ring { n, .. } => ring(node, &module, n).await,
            Example::Laps { n, l } => laps(node, &module, n, l).await,
            Example::Pingpong { k, value } => pingpong(node, &module, k, value).await,
            Example::Idle { n, .. } => idle(node, &module, n).await,
            Example::Busy { n } => busy(node, &module, n).await,
            Example::Crashes { seconds } => crashes(node, &module, seconds).await,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Example::Ring { .. } => "ring",
            Example::Laps { .. } => "laps",
            Example::Pingpong { .. } => "pingpong",
            Example::Idle { .. } => "idle",
            Example::Busy { .. } => "busy",
            Example::Crashes { .. } => "crashes",
        }
    }

    /// Where its crate is.
    fn folder(&self) -> &'static str {
        match self {
            Example::Ring { lean: true, .. } | Example::Idle { lean: true, .. } => "ring-lean",
            Example::Pingpong { .. } => "ping-pong",
            Example::Crashes { .. } => "job-queue",
            _ => "ring",
        }
    }
}
