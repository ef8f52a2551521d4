//! The command line: one file a command, and what they share.

mod run;
mod build;
mod inspect;
mod explain;
mod bench;
mod node;
mod cookie;
mod ps;
mod spawn;
mod send;
mod call;
mod kill;
mod mesh;

mod arguments;
mod control;
mod events;
mod exit;
mod grants;
mod hosting;
mod keeper;
mod logging;
mod membership;
mod output;
mod refused;
mod remote_terms;
mod report;
mod signals;
mod terms;
mod toolchain;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::guest::engine;
use exit::{Code, Failure};

/// This program's version, and that of the engine in it.
static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (wasmtime {})", env!("CARGO_PKG_VERSION"), engine::VERSION));

/// Runs actors: isolated WebAssembly components that send each other messages.
#[derive(Debug, Parser)]
#[command(
    name = "greenroom",
    version = VERSION.as_str(),
    after_help = "\
Examples:
  greenroom run examples/ring build 10000    build a crate and run an actor of it
  greenroom run ring.wasm build 10000        the same, built before
  greenroom inspect ring.wasm                what can run in it
  greenroom node --name 127.0.0.1:3433       a node of a mesh
  greenroom explain limit                    what an error means

Results go to stdout, all else to stderr. With --format json a failure goes to
stdout too, on one line: {\"error\": {\"type\": CODE, \"message\": …, …}}, where CODE is
what `greenroom explain` takes. Exit codes: 0 done, 1 the actor failed,
2 usage or bad input, 3 not found, 4 timeout, 5 not permitted, 6 limit,
7 unreachable, 8 module rejected, 130 and 143 interrupted.

GREENROOM_LOG filters what goes to stderr: warn,greenroom::guest=info is the
default, greenroom=debug shows more."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Build(build::Build),
    Inspect(inspect::Inspect),
    Explain(explain::Explain),
    Bench(bench::Bench),
    Node(node::Node),
    Cookie(cookie::Cookie),
    Ps(ps::Ps),
    Spawn(spawn::Spawn),
    Send(send::Send),
    Call(call::Call),
    Kill(kill::Kill),
    Mesh(mesh::Mesh),
}

/// What every command understands.
#[derive(Clone, Copy, Debug, Args)]
struct Settings {
    /// Print the result and errors, nothing else
    #[arg(short, long, global = true)]
    quiet: bool,

    /// How the result, or a failure, is printed
    #[arg(long, global = true, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// The whole program, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let Cli { command, settings } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return not_parsed(&answer).into(),
    };
    let done = match command {
        Command::Run(run) => run.run(settings),
        Command::Build(build) => build.run(settings),
        Command::Inspect(inspect) => inspect.run(settings),
        Command::Explain(explain) => explain.run(settings),
        Command::Bench(bench) => bench.run(settings),
        Command::Node(node) => node.run(settings),
        Command::Cookie(cookie) => cookie.run(settings),
        Command::Ps(ps) => ps.run(settings),
        Command::Spawn(spawn) => spawn.run(settings),
        Command::Send(send) => send.run(settings),
        Command::Call(call) => call.run(settings),
        Command::Kill(kill) => kill.run(settings),
        Command::Mesh(mesh) => mesh.run(settings),
    };
    done.unwrap_or_else(|failure| {
        output::failure(&failure, settings.format);
        failure.code
    })
    .into()
}

/// Prints why there is no command to run: help and version come this way too.
fn not_parsed(answer: &clap::Error) -> Code {
    if !answer.use_stderr() {
        // If nobody reads it, nobody misses it.
        _ = answer.print();
        return Code::Ok;
    }
    if wants_json(std::env::args_os()) {
        let text = answer.to_string();
        output::failure(&Failure::new(Code::Usage, text.trim_start_matches("error: ").trim_end()), Format::Json);
    } else {
        // There is nowhere left to say that stderr is closed.
        _ = answer.print();
    }
    Code::Usage
}

/// Whether a command line that could not be parsed asks for JSON.
fn wants_json(words: impl IntoIterator<Item = OsString>) -> bool {
    let words: Vec<_> = words.into_iter().take_while(|word| word != "--").collect();
    words.contains(&"--format=json".into()) || words.windows(2).any(|pair| pair == ["--format", "json"])
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("  greenroom {}", command.get_name())), "{}", command.get_name());
        }
    }

    #[test]
    fn a_wrong_command_line_may_ask_for_json() {
        let wants = |line: &str| wants_json(line.split(' ').map(OsString::from));
        assert!(wants("greenroom --format json run") && wants("greenroom run a b --format=json --wrong"));
        assert!(!wants("greenroom run --format text json") && !wants("greenroom run a b -- --format json"));
    }

    #[test]
    fn flags_may_follow_an_actor_s_arguments_and_numbers_may_be_negative() {
        let line = ["greenroom", "run", "ring.wasm", "build", "-5", "--quiet", "-1.5", "--", "--linger"];
        let cli = Cli::try_parse_from(line).expect("a command line");
        let Command::Run(run) = cli.command else { panic!("not run") };
        assert_eq!(run.args(), ["-5", "-1.5", "--linger"]);
        assert!(cli.settings.quiet);
    }
}
