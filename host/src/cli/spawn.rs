//! `greenroom spawn`: starts an actor on a running node.

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::arguments::arguments;
use super::control::Request;
use super::control::client::{WhichNode, parsed};
use super::exit::{Code, Failure};
use super::{Format, Settings, output};

/// Starts an actor on a node of yours and prints its address.
#[derive(Debug, Args)]
#[command(after_help = "\
The node has the modules that it was started with; `greenroom node --load` names them.
ARGs are as those of `greenroom run`. How the actor ends is told on the node's stderr if
it fails.

Examples:
  greenroom spawn ring/build 10000
  greenroom spawn chat/room --name lobby")]
pub(super) struct Spawn {
    /// What to run, as MODULE/ENTRY
    entry: String,

    /// The entry's arguments
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    args: Vec<String>,

    /// Give the actor a name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    node: WhichNode,
}

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
        let request = Request::Spawn { entry: self.entry, args, name: self.name };
        let result = self.node.connect(None)?.ask(&request, Default::default())?;
        match settings.format {
            Format::Json => output::result(result)?,
            Format::Text => output::result(parsed::<Spawned>(&result)?.address)?,
        }
        Ok(Code::Ok)
    }
}
