//! `greenroom run`: one actor, from its module to its exit value.

mod events;
mod refused;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;

use self::events::Printer;
use super::arguments::arguments;
use super::exit::{Code, Failure};
use super::output::{self, nearest};
use super::signals::Signals;
use super::terms::Terms;
use super::{Format, Settings, build, grants, inspect, logging, report};
use crate::address::Id;
use crate::clock::Clock;
use crate::embed::{Node, StartError};
use crate::guest::admission::Entry;
use crate::guest::library::{LoadError, Module};
use crate::load_options::LoadOptions;
use crate::mesh::Mesh;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::SpawnOptions;

/// Runs an actor and prints the value that it returns.
#[derive(Debug, Args)]
#[command(after_help = "\
An ARG that begins with {, [ or \" must be JSON. Any other is JSON if it is, such
as a number, and else a string. Write -- before an ARG that looks like a flag.

The value goes to stdout as JSON. What actors print, warnings and errors go to
stderr. With --format json, stdout gets the outcome: {\"exit\": VALUE} or
{\"exception\": {\"type\": …, \"message\": …, …}}, or {\"error\": …} of the same form if
there was none. The exit code says how it ended.

An actor that fails unheard, or under a supervisor, is reported on stderr; with
--format json on one line, {\"crash\": {\"actor\": …, \"exception\": …, …}}. What it was
handling is told there, and beside the exception on stdout, as \"handling\".

With --events, stderr gets a line for each actor that starts or ends and each
message that is lost; with --format json one object each, with whole addresses.

Compiled code is kept in the user's cache folder; GREENROOM_CACHE names another.

Examples:
  greenroom run examples/ring build 10000      a crate's folder: built first
  greenroom run ring.wasm build 10000          a component, or a core module
  greenroom run shop.wasm order '{\"item\": 7}'  an argument in JSON
  greenroom run ring.wasm                      without ENTRY: lists those there are
  greenroom run examples/ring build 3 --events  shows who lives and how they end
  greenroom run sketchy.wasm main --profile untrusted --allow dir=./data,env=LANG
                                               for code that you do not trust
  greenroom run -L memory=16MiB,burst=1s a.wasm main   your own limits; -L help")]
pub(super) struct Run {
    /// A component (.wasm), its text (.wat), a core module, or a Rust crate's folder
    path: Option<PathBuf>,

    /// What to run in it
    entry: Option<String>,

    /// The entry's arguments
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    args: Vec<String>,

    #[command(flatten)]
    terms: Terms,

    /// Do not start a module that imports more of WASI than it is granted
    #[arg(long)]
    strict: bool,

    /// Threads that run actors [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Wait for all other actors too when the first has ended
    #[arg(long)]
    linger: bool,

    /// Show on stderr what happens: who starts, how each ends, what is lost
    #[arg(long)]
    events: bool,

    /// Neither use nor keep compiled code
    #[arg(long)]
    no_cache: bool,
}

/// What to type.
const USAGE: &str = "greenroom run PATH ENTRY [ARG...]";

/// Where the node is said to be. Nothing listens there: `run` is a mesh of one.
const PLACE: &str = "127.0.0.1:3433";

/// How long a module may take to load before a spinner shows that something is going on.
const SPINNER_AFTER: Duration = Duration::from_millis(300);

/// How often the spinner turns.
const SPINNER_TICK: Duration = Duration::from_millis(100);

impl Run {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        if let Some(helped) = self.terms.help() {
            return helped;
        }
        logging::start(settings)?;
        // What costs nothing to check comes before the build.
        let (args, options) = (arguments(&self.args)?, self.terms.options()?);
        let Some(path) = &self.path else { return Err(Failure::new(Code::Usage, "a PATH is missing").help(USAGE)) };
        let file = build::module_at(path, settings)?;
        let Some(entry) = &self.entry else { return Err(no_entry(&inspect::admitted(&file)?.entries)) };
        if self.strict {
            grants::check(&inspect::admitted(&file)?.imports, options.grants())?;
        }
        if options.grants().needs_io() {
            grants::raise_descriptors();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|why| Failure::new(Code::Failed, format!("cannot start: {why}")))?;
        runtime.block_on(self.on_node(&file, &options, entry, args, settings))
    }

    /// Starts a node, lets the actor run on it, and shuts it down, whether the actor ends or somebody interrupts.
    async fn on_node(
        &self,
        file: &Path,
        options: &LoadOptions,
        entry: &str,
        args: Message,
        settings: Settings,
    ) -> Result<Code, Failure> {
        let mut signals = Signals::listen()?;
        let node = self.start_node().await?;
        let printer = self.events.then(|| Printer::start(&node, settings)).transpose()?;
        let done = tokio::select! {
            done = self.play(&node, file, options, entry, args, settings) => done,
            code = signals.next() => Err(Failure::interrupted(code)),
        };
        let end = async {
            node.shutdown().await;
            if !settings.quiet {
                refused::tell(&node.refused(), settings.format);
            }
            drop(node);
            if let Some(printer) = printer {
                printer.finish().await;
            }
        };
        tokio::select! {
            () = end => done,
            // Now it is at once.
            code = signals.next() => Err(Failure::interrupted(code)),
        }
    }

    async fn start_node(&self) -> Result<Node, Failure> {
        let (mesh, name) = (Mesh::new(), format!("{}@{PLACE}", Id::random()));
        let mut builder = Node::builder();
        if let Some(threads) = self.threads {
            builder = builder.threads(threads.get());
        }
        let cache = if self.no_cache { None } else { cache_folder() };
        let started = match cache {
            Some(folder) => match builder.clone().cache(folder).start(&mesh, &name).await {
                Err(StartError::Cache(why)) => {
                    tracing::warn!("{why}; going on without it, so every start compiles");
                    builder.start(&mesh, &name).await
                }
                started => started,
            },
            None => builder.start(&mesh, &name).await,
        };
        started.map_err(|why| Failure::new(Code::Failed, why))
    }

    async fn play(
        &self,
        node: &Node,
        file: &Path,
        options: &LoadOptions,
        entry: &str,
        args: Message,
        settings: Settings,
    ) -> Result<Code, Failure> {
        let module = load(node, file, options, settings).await?;
        let options = SpawnOptions { awaited: true, ..SpawnOptions::default() };
        let actor = node
            .spawn_with(&module, entry, args, &options)
            .await
            .map_err(|refusal| not_spawned(refusal, &module, entry))?;
        let outcome = node.outcome(&actor).await?;
        let code = Code::of_outcome(&outcome);
        match (settings.format, &outcome) {
            (Format::Json, _) => output::result(outcome.to_json_for_people())?,
            (Format::Text, Outcome::Exit(value)) => output::result(value)?,
            (Format::Text, Outcome::Exception(exception)) => {
                output::failure(&report::failure(code, entry, exception), Format::Text);
            }
        }
        if self.linger {
            node.emptied().await;
        }
        Ok(code)
    }

    #[cfg(test)]
    pub(super) fn args(&self) -> &[String] {
        &self.args
    }
}

/// Loads the module, with a spinner if stderr is a terminal and it takes long.
async fn load(node: &Node, file: &Path, options: &LoadOptions, settings: Settings) -> Result<Module, LoadError> {
    let clock = Clock::real();
    let mut loading = pin!(node.load_with(file, options));
    if let Some(loaded) = clock.timeout(clock.deadline(SPINNER_AFTER), &mut loading).await {
        return loaded;
    }
    let spinner = if settings.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    spinner.set_message(format!("compiling {}", file.display()));
    spinner.enable_steady_tick(SPINNER_TICK);
    let loaded = loading.await;
    spinner.finish_and_clear();
    loaded
}

/// The folder for compiled code; none, with a warning, if the user has no place for caches.
fn cache_folder() -> Option<PathBuf> {
    let named = std::env::var_os("GREENROOM_CACHE").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = named.or_else(|| dirs::cache_dir().map(|folder| folder.join("greenroom")));
    if folder.is_none() {
        tracing::warn!("there is no folder for caches (HOME is not set); every start compiles");
    }
    folder
}

fn no_entry(entries: &[Entry]) -> Failure {
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let there_are = match names.as_slice() {
        [] => "the module does not list those it has".to_owned(),
        _ => format!("the module has {}", names.join(", ")),
    };
    Failure::new(Code::Usage, format!("an entry is missing: {there_are}")).help(USAGE)
}

fn not_spawned(refusal: Refusal, module: &Module, entry: &str) -> Failure {
    let names = module.entries().iter().map(|entry| entry.name.as_str());
    let meant = match refusal.kind() {
        RefusalKind::NoSuchEntry => nearest(entry, names),
        _ => None,
    };
    let failure = Failure::from(refusal);
    match meant {
        Some(meant) => failure.help(format!("did you mean `{meant}`?")),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_entry_is_a_usage_error_that_lists_those_there_are() {
        let entry = |name: &str| Entry { name: name.into(), ..Entry::default() };
        let failure = no_entry(&[entry("build"), entry("forward")]);
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (Code::Usage, "an entry is missing: the module has build, forward")
        );
        assert_eq!(no_entry(&[]).message, "an entry is missing: the module does not list those it has");
    }
}
