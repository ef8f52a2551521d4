//! `greenroom spawn`: starts an actor on a running node.

use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::arguments::arguments;
use super::control::Request;
use super::control::client::{WhichNode, parsed};
use super::exit::{Code, Failure};
use super::{Format, Settings, membership, output};

/// Starts an actor on a node of yours and prints its address.
#[derive(Debug, Args)]
#[command(after_help = "\
The node has the modules that it was started with; `greenroom node --load` names them.
With --on the actor runs on another node of the mesh, under the terms of that node's
owner, and lives on if this one ends.

ARGs are as those of `greenroom run`. How the actor ends is told on the node's stderr if
it fails.

Examples:
  greenroom spawn ring/build 10000
  greenroom spawn chat/room --name lobby
  greenroom spawn ring/build 10000 --on 10.0.0.2:3433   on a peer of the node")]
pub(super) struct Spawn {
    /// What to run, as MODULE/ENTRY
    entry: String,

    /// The entry's arguments
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    args: Vec<String>,

    /// Give the actor a name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Start it on this peer of the node, which fetches the module if it lacks it
    #[arg(long, value_name = "HOST:PORT")]
    on: Option<String>,

    #[command(flatten)]
    node: WhichNode,
}

/// How long another node may take to start an actor: as long as the largest module comes slowly, and is compiled.
const THERE_WITHIN: Duration = Duration::from_secs(1800);

#[derive(Deserialize)]
struct Spawned {
    address: String,
}

impl Spawn {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        if !self.entry.contains('/') {
            let message = format!("`{}` names no module", self.entry);
            return Err(Failure::new(Code::Usage, message).help("write MODULE/ENTRY"));
        }
        let args = RawValue::from_string(arguments(&self.args)?.into_string()).expect("it was admitted");
        let on = self.on.as_ref().map(|on| membership::place("--on", on)).transpose()?;
        let patience = if on.is_some() { THERE_WITHIN } else { Duration::ZERO };
        let on = on.map(|on| on.to_string());
        let request = Request::Spawn { entry: self.entry, args, name: self.name, on };
        let result = self.node.connect(None)?.ask(&request, patience)?;
        match settings.format {
            Format::Json => output::result(result)?,
            Format::Text => output::result(parsed::<Spawned>(&result)?.address)?,
        }
        Ok(Code::Ok)
    }
}
