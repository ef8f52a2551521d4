//! The texts of host messages, one function for each kind.

use std::borrow::Cow;

use crate::address::Place;
use crate::message::{Admission, Message};
use crate::outcome::{Exception, Outcome};

/// The bytes of an exit value, an exception or a reason in a host message: what its place in a mailbox is made for
/// (DESIGN §4). The address and the reference around it, some hundred bytes, are not counted.
pub(crate) const VALUE_BYTES_MAX: usize = 4096;

/// The bytes of an exception's words when it must be cut: enough to read, and most of the room stays for the rest.
const WORDS_BYTES_MAX: usize = 1024;

/// What stands beside `type` and `message` in an exception. If not all fit, those that stand first here are kept.
const DETAILS: [&str; 11] =
    ["trap", "limit", "used", "max", "address", "cause", "reason", "name", "value", "traceback", "backtrace"];

/// A linked actor ended: `{"address": A, "exit": V}` or `{"address": A, "exception": E}`.
pub(crate) fn exit(address: &str, outcome: &Outcome) -> Message {
    message(Some(address), outcome.into(), None)
}

/// A monitored actor ended: as [`exit`], with `"monitor": REFERENCE` last.
pub(crate) fn down(address: &str, outcome: &Outcome, reference: &str) -> Message {
    message(Some(address), outcome.into(), Some(reference))
}

/// Somebody who may asks a trapping actor to end: `{"address": CALLER, "shutdown": REASON}`; null is the operator.
pub(crate) fn shutdown(caller: Option<&str>, reason: &Message) -> Message {
    message(caller, Said::Value("shutdown", reason), None)
}

/// A node came: `{"node": "HOST:PORT", "up": true}`.
pub(crate) fn node_up(node: &Place) -> Message {
    Message::trusted(format!("{{\"node\":{},\"up\":true}}", quoted(node.as_str())))
}

/// A node went: `{"node": "HOST:PORT", "up": false, "reason": WORDS}`.
pub(crate) fn node_down(node: &Place, reason: &str) -> Message {
    let (node, reason) = (quoted(node.as_str()), words(reason));
    Message::trusted(format!("{{\"node\":{node},\"up\":false,\"reason\":{reason}}}"))
}

/// An exception as a JSON text of at most `bytes_max` bytes: whole if it fits, else its type, the beginning of its
/// words, what else fits, and `"large": true`. Fits only what may stand in an exception in a host message without
/// being nested too deep there.
pub(crate) fn cut(exception: &Exception, bytes_max: usize) -> String {
    let details = || DETAILS.iter().filter_map(|key| Some((key, exception.detail(key)?)));
    // Counted first, so that megabytes are not written only to be thrown away.
    let bytes: usize = exception.message().len() + details().map(|(_, value)| value.len()).sum::<usize>();
    if bytes <= bytes_max {
        let whole = exception.to_json();
        if whole.len() <= bytes_max && nests(&whole) {
            return whole;
        }
    }
    const CLOSING: &str = ",\"large\":true}";
    let mut text = format!("{{\"type\":\"{}\",\"message\":{}", exception.kind(), words(exception.message()));
    for (key, value) in details() {
        let bytes = text.len() + key.len() + value.len() + ",\"\":".len() + CLOSING.len();
        if bytes <= bytes_max && nests(value.as_str()) {
            text.push_str(&format!(",\"{key}\":{value}"));
        }
    }
    text + CLOSING
}

/// Stands for a value of an actor of another node that nobody is told, as it is too large: it is larger than may be told.
pub(crate) fn too_large_to_tell() -> Message {
    Message::trusted(format!("\"{}\"", "x".repeat(VALUE_BYTES_MAX)))
}

enum Said<'a> {
    Value(&'static str, &'a Message),
    Exception(&'a Exception),
}

impl<'a> From<&'a Outcome> for Said<'a> {
    fn from(outcome: &'a Outcome) -> Said<'a> {
        match outcome {
            Outcome::Exit(value) => Said::Value("exit", value),
            Outcome::Exception(exception) => Said::Exception(exception),
        }
    }
}

/// Every host message is one that could also have been admitted, so a guest can read it and send it on.
fn message(address: Option<&str>, said: Said<'_>, monitor: Option<&str>) -> Message {
    let (key, value) = match said {
        Said::Value(key, value) if value.len() <= VALUE_BYTES_MAX => (key, Cow::Borrowed(value.as_str())),
        Said::Value(key, _) => return large(address, key, monitor),
        Said::Exception(exception) => ("exception", Cow::Owned(cut(exception, VALUE_BYTES_MAX))),
    };
    // A value that is nested as deep as a message may be is one level too deep here.
    let text = text(address, key, &value, "", monitor);
    Message::admit(text, Admission::default()).unwrap_or_else(|_| large(address, key, monitor))
}

/// Says that there is a value which does not fit; `wait` has it.
fn large(address: Option<&str>, key: &str, monitor: Option<&str>) -> Message {
    Message::trusted(text(address, key, "null", ",\"large\":true", monitor))
}

fn text(address: Option<&str>, key: &str, value: &str, large: &str, monitor: Option<&str>) -> String {
    let address = address.map_or_else(|| "null".to_owned(), quoted);
    let monitor = monitor.map(|reference| format!(",\"monitor\":{}", quoted(reference))).unwrap_or_default();
    format!("{{\"address\":{address},\"{key}\":{value}{large}{monitor}}}")
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The words of an exception as JSON, cut. By the character, since an escape must stay whole.
fn words(text: &str) -> String {
    let mut words = String::from("\"");
    for character in text.chars() {
        let escaped = quoted(character.encode_utf8(&mut [0; 4]));
        if words.len() + escaped.len() > WORDS_BYTES_MAX {
            words.push('…');
            break;
        }
        words.push_str(&escaped[1..escaped.len() - 1]);
    }
    words + "\""
}

/// Whether a text may stand three levels deep: in a cause, in an exception, in a message.
fn nests(text: &str) -> bool {
    Message::admit(format!("[[[{text}]]]"), Admission::default()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::ExceptionKind;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn value(text: impl Into<String>) -> Message {
        Message::trusted(text.into())
    }

    fn long(bytes: usize) -> Message {
        value(format!("\"{}\"", "x".repeat(bytes - 2)))
    }

    fn deep(levels: usize) -> Message {
        value(format!("{}{}", "[".repeat(levels), "]".repeat(levels)))
    }

    #[test]
    fn keys_stand_in_one_order() {
        let exit_value = Outcome::Exit(value("1.0"));
        assert_eq!(exit("a@b:1", &exit_value).as_str(), r#"{"address":"a@b:1","exit":1.0}"#);
        assert_eq!(down("a@b:1", &exit_value, "r").as_str(), r#"{"address":"a@b:1","exit":1.0,"monitor":"r"}"#);
        let killed = Outcome::Exception(Exception::new(ExceptionKind::Killed, "so"));
        assert_eq!(
            down("a@b:1", &killed, "r").as_str(),
            r#"{"address":"a@b:1","exception":{"type":"killed","message":"so"},"monitor":"r"}"#
        );
        assert_eq!(shutdown(None, &value("[1]")).as_str(), r#"{"address":null,"shutdown":[1]}"#);
        assert_eq!(shutdown(Some("a@b:1"), &value("1")).as_str(), r#"{"address":"a@b:1","shutdown":1}"#);
    }

    #[test]
    fn a_value_over_4_kib_is_only_mentioned() {
        let told = |bytes| exit("a@b:1", &Outcome::Exit(long(bytes))).to_value();
        assert_eq!(told(4096)["exit"].as_str().expect("the value").len(), 4094);
        assert_eq!(told(4097), json!({"address": "a@b:1", "exit": null, "large": true}));
        let asked = shutdown(None, &long(4097));
        assert_eq!(asked.as_str(), r#"{"address":null,"shutdown":null,"large":true}"#);
    }

    #[test]
    fn a_value_that_would_be_nested_too_deep_is_only_mentioned() {
        let told = |levels| exit("a@b:1", &Outcome::Exit(deep(levels))).to_value();
        assert!(told(63)["exit"].is_array());
        assert_eq!(told(64)["large"], json!(true));
        let error = Exception::error(deep(64)).with("name", value("\"TypeError\""));
        let told = exit("a@b:1", &Outcome::Exception(error)).to_value();
        assert_eq!((&told["exception"]["name"], told["exception"].get("value")), (&json!("TypeError"), None));
    }

    #[test]
    fn a_cut_exception_keeps_what_is_short() {
        let backtrace = Value::from(vec!["main"; 2000]).to_string();
        let trap = Exception::new(ExceptionKind::Trap, "\u{1}é".repeat(4000))
            .with("backtrace", value(backtrace))
            .with("trap", value("\"unreachable\""));
        let told = exit("a@b:1", &Outcome::Exception(trap)).to_value();
        let exception = &told["exception"];
        assert_eq!((&exception["type"], &exception["trap"]), (&json!("trap"), &json!("unreachable")));
        assert_eq!((exception.get("backtrace"), &exception["large"]), (None, &json!(true)));
        let words = exception["message"].as_str().expect("words");
        assert!(words.starts_with("\u{1}é") && words.ends_with('…') && words.len() > 300, "{words}");
    }

    proptest! {
        #[test]
        fn no_exception_is_longer_than_asked(words in r"(\PC|[\x00-\x1f]){0,900}", detail in 1..5000usize, levels in 1..=64usize) {
            let exception = Exception::new(ExceptionKind::Error, words.clone())
                .with("value", long(detail + 1))
                .with("name", deep(levels));
            let text = cut(&exception, 4096);
            prop_assert!(text.len() <= 4096);
            let read = value(format!("[[{text}]]")).to_value();
            prop_assert_eq!(&read[0][0]["type"], &json!("error"));
            let kept = read[0][0]["message"].as_str().expect("words").trim_end_matches('…');
            prop_assert!(words.starts_with(kept));
        }
    }
}
