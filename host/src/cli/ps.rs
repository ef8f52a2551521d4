//! `greenroom ps`: which actors live on a node.

use clap::Args;
use serde::Deserialize;

use super::control::client::{WhichNode, parsed};
use super::control::{ACTORS_MAX, Request};
use super::exit::{Code, Failure};
use super::output::{self, note, printable};
use super::{Format, Settings};

/// Lists the actors of a running node, the oldest first.
#[derive(Debug, Args)]
#[command(after_help = "\
MAILBOX is how many messages wait, PARENT the beginning of its address. Each address
is whole: to know it is the right to use it, so mind who sees the list. With --format
json: {\"node\", \"actors\": [{\"address\", \"entry\", \"parent\", \"names\", \"messages\", \"bytes\",
\"children\"}], \"more\": how many are left out}.

Examples:
  greenroom ps
  greenroom ps --node 10.0.0.1:3433
  greenroom ps --format json | jq '.actors | max_by(.messages)'")]
pub(super) struct Ps {
    #[command(flatten)]
    node: WhichNode,

    /// How many to list at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=ACTORS_MAX as i64))]
    max: u32,
}

#[derive(Deserialize)]
struct Listed {
    actors: Vec<Actor>,
    more: u64,
}

#[derive(Deserialize)]
struct Actor {
    address: String,
    entry: Option<String>,
    parent: Option<String>,
    names: Vec<String>,
    messages: u64,
    children: u64,
}

/// Characters of a parent's ID: enough to tell actors of one list apart.
const SHORT_ID_CHARACTERS: usize = 8;

impl Ps {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        let request = Request::Ps { actors_max: self.max as usize };
        let result = self.node.connect(None)?.ask(&request, Default::default())?;
        if settings.format == Format::Json {
            output::result(result)?;
            return Ok(Code::Ok);
        }
        let listed: Listed = parsed(&result)?;
        output::result(table(&listed.actors))?;
        if listed.more > 0 && !settings.quiet {
            note(format_args!("{} more are not listed; --max N lists more", listed.more));
        }
        Ok(Code::Ok)
    }
}

fn table(actors: &[Actor]) -> String {
    let none = || "-".to_owned();
    let short = |address: &String| address.chars().take(SHORT_ID_CHARACTERS).collect();
    let head = ["ADDRESS", "ENTRY", "MAILBOX", "CHILDREN", "PARENT", "NAMES"];
    let rows = actors.iter().map(|actor| {
        [
            actor.address.clone(),
            actor.entry.as_ref().map_or_else(none, |entry| printable(entry)),
            actor.messages.to_string(),
            actor.children.to_string(),
            actor.parent.as_ref().map_or_else(none, short),
            if actor.names.is_empty() { none() } else { actor.names.join(",") },
        ]
    });
    output::table(head, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_stand_below_each_other() {
        let actor = |entry: &str, names: &[&str]| Actor {
            address: "a".repeat(26) + "@b:1",
            entry: Some(entry.to_owned()),
            parent: Some("c".repeat(26) + "@b:1"),
            names: names.iter().map(ToString::to_string).collect(),
            messages: 0,
            children: 12,
        };
        let table = table(&[actor("ring/forward", &["clerk", "till"]), actor("a/b\n", &[])]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 3, "{table}");
        for column in ["ENTRY", "MAILBOX", "PARENT", "NAMES"] {
            let at = lines[0].find(column).expect("the column");
            assert!(lines[1..].iter().all(|line| line.as_bytes()[at - 1] == b' ' && line.as_bytes()[at] != b' '));
        }
        assert!(lines[1].ends_with("cccccccc  clerk,till") && lines[2].ends_with("cccccccc  -"), "{table}");
    }
}
