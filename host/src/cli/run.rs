//! `greenroom run`: one actor, from its module to its exit value.

use std::path::{Path, PathBuf};

use clap::Args;

use super::arguments::arguments;
use super::exit::{Code, Failure};
use super::hosting::{Hosted, Hosting};
use super::output::{self, nearest};
use super::terms::Terms;
use super::{Format, Settings, build, grants, inspect, keeper, logging, membership, report};
use crate::address::Place;
use crate::guest::admission::Entry;
use crate::guest::library::Module;
use crate::load_options::LoadOptions;
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

With --on the actor runs on another node of the mesh, which fetches the module from
here if it lacks it. Its owner decides what it may do and use; -L lowers that. What
it prints goes to that node's log. It ends with this program: asked first, or, if
this is killed, when that node misses this one, after some seconds at most. What it
has started there, and has not linked, lives on.

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
  greenroom run -L memory=16MiB,burst=1s a.wasm main   your own limits; -L help
  greenroom run examples/ring build 1000 --on 127.0.0.1:3433
                                               on another node, which has it sent")]
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

    /// Run the actor on this node of the mesh, which is met as by --join
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["profile", "allow", "strict", "linger"])]
    on: Option<String>,

    /// Do not start a module that imports more of WASI than it is granted
    #[arg(long)]
    strict: bool,

    /// Wait for all other actors too when the first has ended
    #[arg(long)]
    linger: bool,

    #[command(flatten)]
    hosting: Hosting,
}

/// The actor to be.
struct Wanted<'a> {
    entry: &'a str,
    args: Message,
    /// None: here.
    on: Option<Place>,
}

/// What to type.
const USAGE: &str = "greenroom run PATH ENTRY [ARG...]";

impl Run {
    pub(super) fn run(mut self, settings: Settings) -> Result<Code, Failure> {
        if let Some(helped) = self.terms.help().or_else(|| self.hosting.help()) {
            return helped;
        }
        logging::start(settings)?;
        // What costs nothing to check comes before the build.
        let (args, options) = (arguments(&self.args)?, self.terms.options()?);
        let on = self.on.as_ref().map(|on| membership::place("--on", on)).transpose()?;
        on.iter().for_each(|on| self.hosting.membership.meet(on));
        let plan = self.hosting.plan()?;
        let Some(path) = &self.path else { return Err(Failure::new(Code::Usage, "a PATH is missing").help(USAGE)) };
        let file = build::module_at(path, settings)?;
        let Some(entry) = &self.entry else { return Err(no_entry(&inspect::admitted(&file)?.entries)) };
        if self.strict {
            grants::check(&inspect::admitted(&file)?.imports, options.grants())?;
        }
        let wanted = Wanted { entry, args, on };
        self.hosting.host(plan, &options, settings, async |hosted, signals| {
            tokio::select! {
                done = self.play(hosted, &file, &options, wanted, settings) => done,
                code = signals.next() => Err(Failure::interrupted(code)),
            }
        })
    }

    async fn play(
        &self,
        hosted: &Hosted,
        file: &Path,
        options: &LoadOptions,
        Wanted { entry, args, on }: Wanted<'_>,
        settings: Settings,
    ) -> Result<Code, Failure> {
        let (node, module) = (&hosted.node, hosted.load(file, options, settings).await?);
        let spawned = match on.filter(|on| on != node.place()) {
            None => {
                let options = SpawnOptions { awaited: true, ..SpawnOptions::default() };
                node.spawn_with(&module, entry, args, &options).await
            }
            Some(there) => {
                let options = SpawnOptions::default().node(there).limits(self.terms.limits()?);
                keeper::spawn(node, &module, entry, args, options).await
            }
        };
        let actor = spawned.map_err(|refusal| not_spawned(refusal, &module, entry))?;
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
