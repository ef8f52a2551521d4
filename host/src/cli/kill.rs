//! `greenroom kill`: ends an actor of a running node.

use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use super::control::Request;
use super::control::client::{WhichNode, parsed};
use super::exit::{Code, Failure};
use super::output::{self, note};
use super::{Format, Settings};

/// Ends an actor of a node of yours at once; it is not asked.
#[derive(Debug, Args)]
#[command(after_help = "\
ADDRESS is ID@HOST:PORT or NAME@HOST:PORT, or ID or NAME alone. An actor of another
machine is for the operator of its own node.

Examples:
  greenroom kill clerk
  greenroom ps --format json | jq -r '.actors[] | select(.messages > 1000).address' |
    xargs -n 1 greenroom kill")]
pub(super) struct Kill {
    /// Whom
    address: String,

    #[command(flatten)]
    node: WhichNode,
}

#[derive(Deserialize)]
struct Killed {
    ended: bool,
}

/// Longer than the node waits for the end.
const PATIENCE: Duration = Duration::from_secs(10);

impl Kill {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        let client = self.node.connect(Some(&self.address))?;
        let request = Request::Kill { actor: client.address(&self.address) };
        let result = client.ask(&request, PATIENCE)?;
        if settings.format == Format::Json {
            output::result(result)?;
        } else if !parsed::<Killed>(&result)?.ended && !settings.quiet {
            note("it will end, but has not yet: the machine is very busy");
        }
        Ok(Code::Ok)
    }
}
