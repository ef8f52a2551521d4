//! `greenroom build`: from a Rust crate's folder to a module.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::exit::{Code, Failure};
use super::output;
use super::signals::Signals;
use super::toolchain::{self, Interrupted, Options};
use super::{Format, Settings};

/// Builds a Rust crate into a module, as `run` does, and prints the module's path.
#[derive(Debug, Args)]
#[command(after_help = "\
The crate is compiled by your cargo for wasm32-wasip2 (added by rustup if it is
missing) in release mode, with a stack of 64 KiB.

Examples:
  greenroom build                               the crate in this folder
  greenroom build examples/ring -o ring.wasm    and keep the module here")]
pub(super) struct Build {
    /// The folder with the crate's Cargo.toml
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// Features of the crate to switch on
    #[arg(long, value_name = "FEATURE", value_delimiter = ',')]
    features: Vec<String>,

    /// Leave out the crate's default features
    #[arg(long)]
    no_default_features: bool,

    /// Copy the module to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Build {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        let Build { folder, features, no_default_features, output } = self;
        let options = Options { features, no_default_features, quiet: settings.quiet };
        let mut module = build(&folder, &options)?;
        if let Some(file) = output {
            let copied = std::fs::copy(&module, &file);
            copied.map_err(|why| Failure::new(Code::Usage, format!("cannot write {}: {why}", file.display())))?;
            module = file;
        }
        match settings.format {
            Format::Text => output::result(module.display())?,
            Format::Json => output::json(&json!({"path": module.to_string_lossy()}))?,
        }
        Ok(Code::Ok)
    }
}

/// The module's file that a path stands for: itself, or what the crate in that folder builds into.
pub(super) fn module_at(path: &Path, settings: Settings) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    build(path, &Options { quiet: settings.quiet, ..Options::default() })
}

fn build(folder: &Path, options: &Options) -> Result<PathBuf, Failure> {
    if !folder.is_dir() {
        return Err(Failure::new(Code::NotFound, format!("cannot build {}: no such folder", folder.display())));
    }
    if !folder.join("Cargo.toml").is_file() {
        let message = format!("cannot build {}: it has no Cargo.toml", folder.display());
        return Err(Failure::new(Code::NotFound, message).help("a folder must hold a Rust crate; a module is a file"));
    }
    let say = |text: &str| {
        if !options.quiet {
            output::note(text);
        }
    };
    let mut signals = Signals::listen()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Failure::new(Code::Failed, format!("cannot start: {why}")))?;
    runtime.block_on(toolchain::build(folder, options, say, &mut signals)).map_err(|error| {
        match error.downcast_ref::<Interrupted>() {
            Some(Interrupted(code)) => Failure::interrupted(*code),
            None => Failure::usage(error),
        }
    })
}
