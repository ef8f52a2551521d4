//! `greenroom send`: a message to an actor, from outside.

use clap::Args;

use super::arguments::message;
use super::control::Request;
use super::control::client::WhichNode;
use super::exit::{Code, Failure};
use super::{Format, Settings, output};

/// Sends an actor a message, by a node of yours that runs on this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
ADDRESS is ID@HOST:PORT or NAME@HOST:PORT, of this node or another of its mesh, or ID or
NAME alone for this node. The message is JSON, or else a string.

Examples:
  greenroom send clerk '{\"order\": 7}'
  greenroom send clerk@10.0.0.2:3433 hello")]
pub(super) struct Send {
    /// To whom
    address: String,

    /// What
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    message: String,

    #[command(flatten)]
    node: WhichNode,
}

impl Send {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        let message = message(&self.message)?;
        let client = self.node.connect(Some(&self.address))?;
        let request = Request::Send { to: client.address(&self.address), message };
        let result = client.ask(&request, Default::default())?;
        if settings.format == Format::Json {
            output::result(result)?;
        }
        Ok(Code::Ok)
    }
}
