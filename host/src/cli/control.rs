//! What is said over a node's control socket: one line of JSON each way.

pub(super) mod client;
pub(super) mod server;
mod act;
mod modules;
pub(super) mod socket;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::exit::{Code, Failure};

/// Of the lines. Another is refused with both numbers.
const VERSION: u32 = 1;

/// The longest request: the largest message that a node takes (16 MiB), and what stands around it.
const REQUEST_BYTES_MAX: u64 = (16 << 20) + (64 << 10);

/// The longest answer: so many actors as one asks for at most, of some 300 bytes each, with names of their own.
const ANSWER_BYTES_MAX: u64 = 128 << 20;

/// The most actors that are told of at once.
pub(super) const ACTORS_MAX: usize = 100_000;

/// How long either side may take for its line.
const LINE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a node is asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Request {
    Ps { actors_max: usize },
    Spawn { entry: String, args: Box<RawValue>, name: Option<String>, on: Option<String> },
    Send { to: String, message: Box<RawValue> },
    Call { to: String, method: String, message: Box<RawValue>, timeout_ms: u64 },
    Kill { actor: String },
    Peers,
    Modules,
    Forget { hash: String },
    Ping { node: String, timeout_ms: u64 },
}

/// A line, in whatever version: what it says is read when that is known.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    version: u32,
    #[serde(borrow)]
    says: &'a RawValue,
}

/// What it answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Result(Box<RawValue>),
    /// The exit code of who asked, and what a failed command tells programs.
    Failure(u8, Map<String, Value>),
}

/// A line that says this.
fn line(says: &impl Serialize) -> String {
    let says = serde_json::value::to_raw_value(says).expect("texts and numbers can be written");
    let line =
        serde_json::to_string(&Line { version: VERSION, says: &says }).expect("texts and numbers can be written");
    // A person's JSON may have line ends between its values; inside of them they are escaped.
    line.replace(['\n', '\r'], " ") + "\n"
}

/// What a line says. `other` is who wrote it.
fn read<'a, T: Deserialize<'a>>(line: &'a str, other: &str) -> Result<T, Failure> {
    let bad = |why| Failure::new(Code::Usage, format!("cannot read what {other} says: {why}"));
    let Line { version, says } = serde_json::from_str(line).map_err(bad)?;
    if version != VERSION {
        let message = format!("{other} speaks version {version} of the control socket's language, not {VERSION}");
        return Err(Failure::new(Code::Unreachable, message).help("use the same greenroom for both"));
    }
    serde_json::from_str(says.get()).map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_the_very_text_of_a_message() {
        let message =
            RawValue::from_string("[1.0,\n123456789012345678901234567890,\r\n\"a\\n\"]".into()).expect("JSON");
        let line = line(&Request::Send { to: "a@b:1".into(), message });
        assert_eq!(line.find('\n'), Some(line.len() - 1));
        let Request::Send { to, message } = read(&line, "it").expect("our own line") else { panic!("another") };
        assert_eq!((to.as_str(), message.get()), ("a@b:1", "[1.0, 123456789012345678901234567890,  \"a\\n\"]"));
    }

    #[test]
    fn another_version_is_told_with_both_numbers_and_not_read() {
        let failure =
            read::<Request>(r#"{"version":7,"says":{"dance":[]},"more":1}"#, "the node").expect_err("another");
        assert!(failure.message.contains("version 7") && failure.message.contains("not 1"), "{}", failure.message);
        for line in ["", "{}", "[]", r#"{"version":1}"#, r#"{"version":1,"says":{"dance":[]}}"#, "\u{0}"] {
            assert!(read::<Request>(line, "it").is_err(), "{line}");
        }
    }
}
