//! An actor's exception, for people.

use serde_json::Value;

use super::exit::{Code, Failure, refusal_in};
use crate::message::Message;
use crate::node::crash::CrashReport;
use crate::outcome::Exception;
use crate::printable::printable;

/// Bytes of a value that are shown; `--format json` has all of it.
const VALUE_BYTES_MAX: usize = 1024;

/// Bytes of a value that is looked into, to say it better. As a tree it may take a hundred times as many.
const READ_BYTES_MAX: usize = 64 << 10;

/// The exception as a failure of this command: what happened, what the node knows besides, and which page explains it.
pub(super) fn failure(code: Code, entry: &str, exception: &Exception) -> Failure {
    let message = told(&format!("the actor `{entry}` failed"), Vec::new(), exception);
    let page = match refusal_in(exception) {
        Some(refusal) => refusal.as_str(),
        None => exception.kind().as_str(),
    };
    Failure::new(code, message).help(format!("greenroom explain {page}"))
}

/// A crash that is no failure of this command: who failed, why, where and at what, and what follows.
pub(super) fn crash(report: &CrashReport) -> String {
    let mut facts = vec![("actor", report.actor.to_string())];
    facts.extend(report.entry.as_ref().map(|entry| ("entry", printable(entry))));
    if !report.names.is_empty() {
        facts.push(("names", report.names.join(", ")));
    }
    facts.extend(report.supervision.as_ref().map(|by| ("supervisor", by.supervisor.to_string())));
    told(&report.headline(), facts, &report.exception)
}

/// What happened, and below it the facts: first these, then all that is known of the exception.
fn told(headline: &str, mut facts: Vec<(&'static str, String)>, exception: &Exception) -> String {
    let own_value = own_value(exception);
    let said = own_value.as_deref().unwrap_or(exception.message()).trim_end();
    facts.extend(self::facts(exception, own_value.is_none()));
    let frames = exception.backtrace().into_iter().map(|frame| frame.escape_debug().to_string());
    facts.extend(std::iter::once("backtrace").chain(std::iter::repeat("")).zip(frames));
    let lines = facts.iter().map(|(name, text)| format!("\n{name:<10} {text}"));
    format!("{headline}: {said}{}", lines.collect::<String>())
}

fn facts(exception: &Exception, with_value: bool) -> Vec<(&'static str, String)> {
    let kind = exception.kind();
    let trap = exception.detail("trap").and_then(|trap| serde_json::from_str::<String>(trap.as_str()).ok());
    let refusal = short_value(exception).and_then(|_| refusal_in(exception));
    let which = refusal.map(|refusal| refusal.to_string()).or(trap);
    let mut facts = vec![("type", which.map_or_else(|| kind.to_string(), |which| format!("{kind} ({which})")))];
    for key in ["value", "limit", "used", "max", "reason", "address", "cause"] {
        let value = exception.detail(key).filter(|_| key != "value" || with_value);
        facts.extend(value.map(|value| (key, cut(value.as_str()))));
    }
    facts.extend(exception.handling().map(|handling| ("handling", handling.to_string())));
    facts
}

fn short_value(exception: &Exception) -> Option<&Message> {
    exception.detail("value").filter(|value| value.len() <= READ_BYTES_MAX)
}

/// The whole value of an `error`, if its message is only that once more: a string, a refusal of a type and a message, or
/// a value without words. Such a value is told in the message's place, which a long one has only the beginning of.
fn own_value(exception: &Exception) -> Option<String> {
    let value = short_value(exception)?;
    match value.to_value() {
        Value::String(text) => Some(shortened(&text)),
        Value::Object(object) if object.contains_key("message") => {
            let is_all = object.len() == 2 && refusal_in(exception).is_some();
            is_all.then(|| exception.message().to_owned())
        }
        _ => Some(cut(value.as_str())),
    }
}

/// On one line: in JSON a line break is only ever space between values.
fn cut(text: &str) -> String {
    shortened(&text.replace(['\n', '\r'], " "))
}

fn shortened(text: &str) -> String {
    match text.floor_char_boundary(VALUE_BYTES_MAX) {
        end if end < text.len() => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::crash::{Decision, Supervision};
    use crate::outcome::{ExceptionKind, Handling, Outcome, Scene};

    fn json(text: &str) -> Message {
        Message::trusted(text.to_owned())
    }

    fn reported(exception: &Exception) -> (String, String) {
        let failure = failure(Code::Failed, "build", exception);
        (failure.message, failure.help.expect("every exception has a page"))
    }

    #[test]
    fn a_trap_is_told_with_its_backtrace() {
        let exception = Exception::new(ExceptionKind::Trap, "panicked at src/lib.rs:1:2:\nno luck")
            .with("trap", json(r#""unreachable""#))
            .with("backtrace", json(r#"["ring::build","ring::main"]"#));
        let (message, help) = reported(&exception);
        let told = "the actor `build` failed: panicked at src/lib.rs:1:2:\nno luck\n\
            type       trap (unreachable)\nbacktrace  ring::build\n           ring::main";
        assert_eq!((message.as_str(), help.as_str()), (told, "greenroom explain trap"));
    }

    #[test]
    fn a_crash_is_told_with_who_failed_at_what_and_what_follows() {
        let mut handling = Handling::default();
        handling.note(&json("[\"\x7f\",\n1]"));
        let scene = Scene {
            entry: Some("shop/clerk".into()),
            names: vec!["clerk".into(), "till".into()],
            handling: handling.into_option(),
        };
        let trap = Exception::new(ExceptionKind::Trap, "no luck").with("backtrace", json(r#"["a (a.rs:1)","b\nc"]"#));
        let Outcome::Exception(exception) = Outcome::Exception(trap).at(|| scene) else { panic!("it is none") };
        let address = |text: &str| text.parse().expect("an address");
        let decision = Decision::Restart { after: std::time::Duration::from_millis(100) };
        let supervision = Supervision::new(address("s@b:1"), "first".into(), decision);
        let told = crash(&CrashReport::new(address("a@b:1"), exception, Some(supervision)));
        let expected = "child `first` failed and is started again in 100ms: no luck\nactor      a@b:1\n\
            entry      shop/clerk\nnames      clerk, till\nsupervisor s@b:1\ntype       trap\n\
            handling   [\"\\u{7f}\",\\n1]\nbacktrace  a (a.rs:1)\n           b\\nc";
        assert_eq!(told, expected);
    }

    #[test]
    fn an_error_is_told_with_its_value_unless_that_is_the_message() {
        let (message, _) = reported(&Exception::error(json(
            r#"{"message": "no room",
            "n": 1}"#,
        )));
        assert!(
            message.ends_with("no room\ntype       error\nvalue      {\"message\": \"no room\",             \"n\": 1}")
        );
        let (message, help) = reported(&Exception::error(json(r#""no room""#)));
        assert_eq!(message, "the actor `build` failed: no room\ntype       error");
        assert_eq!(help, "greenroom explain error");
    }

    #[test]
    fn a_value_without_words_is_told_once() {
        for value in ["42", "null", "[1, 2]", r#"{"shelf": 3}"#] {
            let (message, _) = reported(&Exception::error(json(value)));
            assert_eq!(message, format!("the actor `build` failed: {value}\ntype       error"));
        }
        let (message, _) = reported(&Exception::error(json(r#"{"message": 5}"#)));
        assert!(message.starts_with("the actor `build` failed: 5\n"), "{message}");
        assert!(message.ends_with("\nvalue      {\"message\": 5}"), "{message}");
    }

    #[test]
    fn an_uncaught_refusal_points_to_its_own_page() {
        let (message, help) = reported(&Exception::error(json(r#"{"type":"limit","message":"cannot spawn"}"#)));
        assert_eq!(message, "the actor `build` failed: cannot spawn\ntype       error (limit)");
        assert_eq!(help, "greenroom explain limit");
        let (message, _) = reported(&Exception::error(json(r#"{"type":"limit","message":"no","max":7}"#)));
        assert!(message.ends_with("\nvalue      {\"type\":\"limit\",\"message\":\"no\",\"max\":7}"), "{message}");
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = "ä".repeat(10_000);
        for value in [format!("\"{long}\""), format!("[\"{long}\"]")] {
            let (message, _) = reported(&Exception::error(json(&value)));
            assert!(message.ends_with("ä…\ntype       error") && message.len() < 2 * VALUE_BYTES_MAX, "{message}");
        }
        let (message, _) = reported(&Exception::error(json(&format!("{{\"message\":\"no\",\"a\":\"{long}\"}}"))));
        assert!(message.ends_with("ä…") && message.len() < 2 * VALUE_BYTES_MAX, "{message}");
    }
}
