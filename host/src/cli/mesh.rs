//! `greenroom mesh`: the other nodes, as a running one sees them.

use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use serde::Deserialize;

use super::control::Request;
use super::control::client::{WhichNode, parsed};
use super::exit::{Code, Failure};
use super::output::{self, note, printable, table};
use super::{Format, Settings, membership};

/// Shows the other nodes of a mesh, as a node of yours that runs on this machine sees them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  greenroom mesh peers                     the nodes that it is connected with
  greenroom mesh ping 10.0.0.2:3433        how long one of them takes to answer
  greenroom mesh modules                   the modules that came from them
  greenroom mesh forget 3f9a61c2           one of these is fetched anew")]
pub(super) struct Mesh {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists the nodes that it is connected with
    Peers {
        #[command(flatten)]
        node: WhichNode,
    },
    /// Asks one of them to answer, and prints how long that took
    Ping {
        /// Which
        #[arg(value_name = "HOST:PORT")]
        peer: String,

        /// How long to wait for the answer, such as 500ms or 2m
        #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
        timeout: Duration,

        #[command(flatten)]
        node: WhichNode,
    },
    /// Lists the modules that came from them, for actors that they start on it
    Modules {
        #[command(flatten)]
        node: WhichNode,
    },
    /// Forgets one of these: the next spawn of it fetches it anew; actors of it live on
    Forget {
        /// Its hash, or the first 8 digits of it, or more
        hash: String,

        #[command(flatten)]
        node: WhichNode,
    },
}

#[derive(Deserialize)]
struct Peers {
    peers: Vec<String>,
}

#[derive(Deserialize)]
struct Pong {
    ms: f64,
}

#[derive(Deserialize)]
struct Modules {
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    hash: String,
    name: String,
    bytes: u64,
    from: String,
    at: String,
    used: bool,
}

#[derive(Deserialize)]
struct Forgot {
    forgot: String,
}

/// Digits of a hash that are shown: enough to tell any two apart, and to forget one.
const SHORT_HASH_DIGITS: usize = 16;

impl Mesh {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        match self.what {
            What::Peers { node } => peers(&node, settings)?,
            What::Modules { node } => modules(&node, settings)?,
            What::Forget { hash, node } => forget(hash, &node, settings)?,
            What::Ping { peer, timeout, node } => ping(&peer, timeout, &node, settings)?,
        }
        Ok(Code::Ok)
    }
}

fn peers(node: &WhichNode, settings: Settings) -> Result<(), Failure> {
    let client = node.connect(None)?;
    let node = client.node.clone();
    let result = client.ask(&Request::Peers, Default::default())?;
    if settings.format == Format::Json {
        return output::result(result);
    }
    let Peers { peers } = parsed(&result)?;
    if !peers.is_empty() {
        return output::result(peers.join("\n"));
    }
    if !settings.quiet {
        note(format_args!("the node {node} is connected with no other"));
    }
    Ok(())
}

fn ping(peer: &str, timeout: Duration, node: &WhichNode, settings: Settings) -> Result<(), Failure> {
    let peer = membership::place("ping", peer)?.to_string();
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let result = node.connect(None)?.ask(&Request::Ping { node: peer, timeout_ms }, timeout)?;
    if settings.format == Format::Json {
        return output::result(result);
    }
    output::result(format_args!("{:.3} ms", parsed::<Pong>(&result)?.ms))
}

fn modules(node: &WhichNode, settings: Settings) -> Result<(), Failure> {
    let client = node.connect(None)?;
    let node = client.node.clone();
    let result = client.ask(&Request::Modules, Default::default())?;
    if settings.format == Format::Json {
        return output::result(result);
    }
    let Modules { modules } = parsed(&result)?;
    if modules.is_empty() {
        if !settings.quiet {
            note(format_args!("the node {node} has no module of another one"));
        }
        return Ok(());
    }
    let row = |module: Module| {
        [
            module.hash.chars().take(SHORT_HASH_DIGITS).collect(),
            printable(&module.name),
            ByteSize(module.bytes).to_string(),
            module.from,
            module.at,
            if module.used { "yes" } else { "no" }.to_owned(),
        ]
    };
    output::result(table(["HASH", "NAME", "SIZE", "FROM", "WHEN", "USED"], modules.into_iter().map(row)))
}

fn forget(hash: String, node: &WhichNode, settings: Settings) -> Result<(), Failure> {
    let result = node.connect(None)?.ask(&Request::Forget { hash }, Default::default())?;
    if settings.format == Format::Json {
        return output::result(result);
    }
    output::result(parsed::<Forgot>(&result)?.forgot)
}
