//! `greenroom call`: a call to an actor, from outside.

use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::arguments::message;
use super::control::Request;
use super::control::client::{WhichNode, parsed};
use super::exit::{Code, Failure};
use super::{Format, Settings, output};

/// Calls a method of an actor and prints what it answers, by a node of yours that runs on this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
ADDRESS is ID@HOST:PORT or NAME@HOST:PORT, of this node or another of its mesh, or ID or
NAME alone for this node. The message is JSON, or else a string.

The answer goes to stdout as JSON; with --format json as {\"answer\": …}. An actor that
answers with an exception or ends first is exit code 1, one that is not there, or has no
such method, 3, and no answer in time 4.

Examples:
  greenroom call counter add 2
  greenroom call clerk@10.0.0.2:3433 order '{\"item\": 7}' --timeout 30s")]
pub(super) struct Call {
    /// Whom
    address: String,

    /// Which of its methods
    method: String,

    /// What with [default: null]
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    message: Option<String>,

    /// How long to wait for the answer, such as 500ms or 2m
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    timeout: Duration,

    #[command(flatten)]
    node: WhichNode,
}

#[derive(Deserialize)]
struct Answered<'a> {
    #[serde(borrow)]
    answer: &'a RawValue,
}

impl Call {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        let message = message(self.message.as_deref().unwrap_or("null"))?;
        let client = self.node.connect(Some(&self.address))?;
        let timeout_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let request = Request::Call { to: client.address(&self.address), method: self.method, message, timeout_ms };
        let result = client.ask(&request, self.timeout)?;
        match settings.format {
            Format::Json => output::result(result)?,
            Format::Text => output::result(parsed::<Answered<'_>>(&result)?.answer)?,
        }
        Ok(Code::Ok)
    }
}
