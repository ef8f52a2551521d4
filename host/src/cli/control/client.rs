//! Who asks a running node: finds its control socket, says one line, reads one.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::exit::{Code, Failure};
use super::super::membership;
use super::socket::running;
use super::{ANSWER_BYTES_MAX, Answer, LINE_TIMEOUT, Request, line, read};
use crate::address::Place;

/// Which node is asked.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct WhichNode {
    /// The node to ask, one of yours on this machine [default: the only one that runs]
    #[arg(long, value_name = "HOST:PORT")]
    node: Option<String>,
}

/// A connection with a node, for one request.
pub(in crate::cli) struct Client {
    pub node: Place,
    stream: UnixStream,
}

impl WhichNode {
    /// Connects with it. Without the flag it is the one at the place behind the `@` of `address`, if that runs here, or the
    /// only one.
    ///
    /// # Errors
    ///
    /// If it does not run, or if several do.
    pub(in crate::cli) fn connect(&self, address: Option<&str>) -> Result<Client, Failure> {
        let named = self.node.as_ref().map(|node| membership::place("--node", node)).transpose()?;
        let mut nodes = running()?;
        let meant = named.or_else(|| {
            let place = address?.rsplit_once('@')?.1.parse::<Place>().ok()?;
            nodes.iter().any(|(node, _)| *node == place).then_some(place)
        });
        let names: Vec<String> = nodes.iter().map(|(node, _)| node.to_string()).collect();
        if let Some(meant) = meant {
            let found = nodes.into_iter().find(|(node, _)| *node == meant);
            let (node, stream) = found.ok_or_else(|| not_running(&meant, &names))?;
            return Ok(Client { node, stream });
        }
        match (nodes.pop(), names.as_slice()) {
            (Some((node, stream)), [_]) => Ok(Client { node, stream }),
            (Some(_), names) => {
                let message = format!("several nodes of yours run on this machine: {}", names.join(", "));
                Err(Failure::new(Code::Usage, message).help("say which: --node HOST:PORT"))
            }
            (None, _) => Err(Failure::new(Code::Unreachable, "no node of yours runs on this machine")
                .help("greenroom node --name HOST:PORT starts one")),
        }
    }
}

fn not_running(node: &Place, names: &[String]) -> Failure {
    let others = match names {
        [] => "none of yours does".to_owned(),
        names => format!("of yours there are {}", names.join(", ")),
    };
    Failure::new(Code::Unreachable, format!("no node {node} runs on this machine: {others}"))
        .help(format!("greenroom node --name {node} starts one; a node of another machine is asked there"))
}

impl Client {
    /// An actor's address as a person writes it: one without a place is of this node.
    pub(in crate::cli) fn address(&self, text: &str) -> String {
        if text.contains('@') { text.to_owned() } else { format!("{text}@{}", self.node) }
    }

    /// Asks, and answers the result's JSON. `patience` is how long the node itself may take for it.
    ///
    /// # Errors
    ///
    /// Why it was not done.
    pub(in crate::cli) fn ask(mut self, request: &Request, patience: Duration) -> Result<Box<RawValue>, Failure> {
        let node = self.node.clone();
        let broken = |why: std::io::Error| match why.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                Failure::new(Code::Timeout, format!("the node {node} does not answer"))
                    .help("is it stopped, or very busy?")
            }
            _ => Failure::new(Code::Unreachable, format!("the node {node} went away: {why}")),
        };
        // One that is too busy does not read, but says so.
        let said = self.stream.set_write_timeout(Some(LINE_TIMEOUT));
        let said = said.and_then(|()| self.stream.write_all(line(request).as_bytes()));
        self.stream.set_read_timeout(Some(patience.saturating_add(2 * LINE_TIMEOUT))).map_err(broken)?;
        let mut answer = String::new();
        BufReader::new((&self.stream).take(ANSWER_BYTES_MAX)).read_line(&mut answer).map_err(broken)?;
        if answer.is_empty() {
            said.map_err(broken)?;
            return Err(Failure::new(Code::Unreachable, format!("the node {node} went away without an answer")));
        }
        match read(&answer, &format!("the node {node}"))? {
            Answer::Result(result) => Ok(result),
            Answer::Failure(code, details) => Err(Failure::told(code, details)),
        }
    }
}

/// Reads a part of a result.
///
/// # Errors
///
/// If the node answered something else.
pub(in crate::cli) fn parsed<'a, T: Deserialize<'a>>(result: &'a RawValue) -> Result<T, Failure> {
    let bad = |why| Failure::new(Code::Failed, format!("cannot read the node's answer: {why}"));
    serde_json::from_str(result.get()).map_err(bad)
}
