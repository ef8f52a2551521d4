//! What happens on the node that `--events` watches, as lines on stderr.

use std::future::ready;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::exit::{Code, Failure};
use super::{Format, Settings};
use crate::address::Address;
use crate::clock::Clock;
use crate::embed::Node;
use crate::node::events::{Event, Events, Loss};
use crate::outcome::Outcome;
use crate::printable::{printable, printable_json};

/// Prints a node's events on a thread of its own, so that a slow terminal holds up nothing but this.
pub(super) struct Printer(oneshot::Receiver<()>);

/// How many bytes of lines are written in one call.
const BATCH_BYTES: usize = 64 << 10;

/// How many characters of a value or a failure's text are shown: a line or two of a terminal.
const TEXT_CHARACTERS_MAX: usize = 160;

/// How long the printer may go on after the node was shut down. Only an actor that did not end keeps it that long.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

impl Printer {
    /// Prints what happens from now on, in `settings.format`; in text also how many messages were lost, at the end.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(super) fn start(node: &Node, settings: Settings) -> Result<Printer, Failure> {
        let events = node.events();
        let failure = |why: io::Error| Failure::new(Code::Failed, format!("cannot print events: {why}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(failure)?;
        let (sender, done) = oneshot::channel();
        let work = move || {
            let summary = settings.format == Format::Text && !settings.quiet;
            let lost = runtime.block_on(print(events, settings.format));
            if let Some(line) = lost.summary().filter(|_| summary) {
                write(&line);
            }
            // Nobody waits any more if the program was interrupted.
            _ = sender.send(());
        };
        thread::Builder::new().name("events".into()).spawn(work).map_err(failure)?;
        Ok(Printer(done))
    }

    /// Waits until all is printed. The last events come when the node, which was shut down and dropped, is really gone.
    pub(super) async fn finish(self) {
        let clock = Clock::real();
        if clock.timeout(clock.deadline(FINISH_TIMEOUT), self.0).await.is_none() {
            tracing::warn!("the node is not gone yet; its last events are not printed");
        }
    }
}

/// Prints until the node is gone. Answers what was lost.
async fn print(mut events: Events, format: Format) -> Lost {
    let mut lost = Lost::default();
    let mut lines = String::new();
    while let Some(first) = events.next().await {
        let mut next = Some(first);
        while let Some(event) = next {
            lost.count(&event);
            lines.extend(line(&event, format));
            if lines.len() > BATCH_BYTES {
                break;
            }
            // All that waits goes out with it: a call for each would be too slow where many actors start at once.
            next = tokio::select! {
                biased;
                event = events.next() => event,
                () = ready(()) => None,
            };
        }
        write(&lines);
        lines.clear();
    }
    lost
}

fn write(lines: &str) {
    // There is nowhere left to say that stderr is closed.
    _ = io::stderr().write_all(lines.as_bytes());
}

/// An event; for people with IDs for addresses, as nearly all are of one node. None for what the log tells.
fn line(event: &Event, format: Format) -> Option<String> {
    let text = match event {
        Event::Crashed(_) => return None,
        _ if format == Format::Json => return Some(printable_json(&event.to_json()).into_owned() + "\n"),
        Event::Spawned { actor, parent: None } => format!("spawned {}", short(actor)),
        Event::Spawned { actor, parent: Some(parent) } => format!("spawned {} by {}", short(actor), short(parent)),
        Event::Ended { actor, outcome: Outcome::Exit(value) } => {
            format!("ended {}: exit {}", short(actor), cut(value.as_str()))
        }
        Event::Ended { actor, outcome: Outcome::Exception(exception) } => {
            format!("ended {}: {}", short(actor), cut(&exception.to_string()))
        }
        Event::Lost { to, from: None, loss, bytes } => format!("lost {bytes} bytes to {}: {loss}", short(to)),
        Event::Lost { to, from: Some(from), loss, bytes } => {
            format!("lost {bytes} bytes to {} from {}: {loss}", short(to), short(from))
        }
        Event::Refused { actor, what, message, times } => {
            format!("refused {} {what} ({times}): {}", short(actor), cut(message))
        }
        Event::NodeUp { node } => format!("node {node} is up"),
        Event::NodeDown { node, reason } => format!("node {node} is down: {}", cut(reason)),
        Event::Missed(events) => format!("missed {events} events that came too fast"),
    };
    Some(format!("event: {}\n", printable(&text)))
}

fn short(address: &Address) -> String {
    let address = address.to_string();
    address.split_once('@').map(|(who, _)| who.to_owned()).unwrap_or(address)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How many messages were lost.
#[derive(Default)]
struct Lost {
    by_why: [u64; Loss::ALL.len()],
    /// Events were missed, so the true numbers may be higher.
    at_least: bool,
}

impl Lost {
    fn count(&mut self, event: &Event) {
        match event {
            Event::Lost { loss, .. } => self.by_why[*loss as usize] += 1,
            Event::Missed(_) => self.at_least = true,
            Event::Spawned { .. } | Event::Ended { .. } | Event::Crashed(_) | Event::Refused { .. } => {}
            Event::NodeUp { .. } | Event::NodeDown { .. } => {}
        }
    }

    /// A line that says so, if any were.
    fn summary(&self) -> Option<String> {
        let whys = Loss::ALL.iter().filter(|loss| self.by_why[**loss as usize] > 0);
        let whys: Vec<String> = whys.map(|loss| format!("{} {loss}", self.by_why[*loss as usize])).collect();
        let least = if self.at_least { "at least " } else { "" };
        (!whys.is_empty()).then(|| format!("messages lost: {least}{}\n", whys.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Place;
    use crate::message::Message;
    use crate::outcome::{Exception, ExceptionKind};

    fn actor(name: &str) -> Address {
        format!("{name}@127.0.0.1:3433").parse().expect("an address")
    }

    fn ended(outcome: Outcome) -> String {
        text(&Event::Ended { actor: actor("a"), outcome })
    }

    fn text(event: &Event) -> String {
        line(event, Format::Text).expect("it is printed")
    }

    #[test]
    fn an_event_is_one_line_whatever_a_guest_says() {
        let trap = Exception::new(ExceptionKind::Trap, "left\nevent: spawned x\x1b[2J");
        assert_eq!(ended(Outcome::Exception(trap)), "event: ended a: trap: left\\nevent: spawned x\\u{1b}[2J\n");
        let long = Message::trusted(format!("\"{}\"", "ü".repeat(1000)));
        let shown = ended(Outcome::Exit(long));
        assert_eq!(shown, format!("event: ended a: exit \"{}…\n", "ü".repeat(TEXT_CHARACTERS_MAX - 1)));
    }

    #[test]
    fn who_did_it_is_said_where_it_is_known() {
        let lost = |from| Event::Lost { to: actor("a"), from, loss: Loss::Unread, bytes: 3 };
        assert_eq!(text(&lost(None)), "event: lost 3 bytes to a: unread\n");
        assert_eq!(text(&lost(Some(actor("b")))), "event: lost 3 bytes to a from b: unread\n");
        let spawned = Event::Spawned { actor: actor("a"), parent: Some(actor("b")) };
        assert_eq!(text(&spawned), "event: spawned a by b\n");
    }

    #[test]
    fn a_node_that_comes_or_goes_is_a_line_with_its_whole_name() {
        let node: Place = "127.0.0.1:3433".parse().expect("a place");
        assert_eq!(text(&Event::NodeUp { node: node.clone() }), "event: node 127.0.0.1:3433 is up\n");
        let down = Event::NodeDown { node, reason: "it\nleft".into() };
        assert_eq!(text(&down), "event: node 127.0.0.1:3433 is down: it\\nleft\n");
    }

    #[test]
    fn losses_are_summed_up_by_why() {
        let mut lost = Lost::default();
        assert_eq!(lost.summary(), None);
        for loss in [Loss::Unread, Loss::NoSuchActor, Loss::Unread] {
            lost.count(&Event::Lost { to: actor("a"), from: None, loss, bytes: 3 });
        }
        assert_eq!(lost.summary().as_deref(), Some("messages lost: 1 no-such-actor, 2 unread\n"));
        lost.count(&Event::Missed(7));
        assert_eq!(lost.summary().as_deref(), Some("messages lost: at least 1 no-such-actor, 2 unread\n"));
    }
}
