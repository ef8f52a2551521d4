//! `greenroom cookie`: the secret that the nodes of a mesh share.

mod file;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Code, Failure};
use super::{Format, Settings, output};
pub(super) use file::CookieFile;

/// Makes the secret that the nodes of a mesh share.
#[derive(Debug, Args)]
#[command(after_help = "\
Whoever has the cookie can be a node of the mesh, so it stands in a file that only
you can read, and is never printed. Without --file that is GREENROOM_COOKIE_FILE, or
else greenroom/cookie in your folder for settings; `greenroom node` and `run` read the
same. Copy the file to the other machines by a way that you trust.

Examples:
  greenroom cookie new                     once for a mesh
  greenroom cookie new --file ./cookie     in a file of your choice
  scp ~/.config/greenroom/cookie b:.config/greenroom/")]
pub(super) struct Cookie {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Writes a new one, of 256 random bits, to a file that only you can read
    New {
        /// Where to
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

impl Cookie {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        let What::New { file } = self.what;
        let file = CookieFile::find(file)?;
        file.create()?;
        match settings.format {
            Format::Text => output::result(file.path().display())?,
            Format::Json => output::json(&json!({"path": file.path().to_string_lossy()}))?,
        }
        Ok(Code::Ok)
    }
}
