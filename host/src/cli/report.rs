//! An actor's exception, for people.

use serde_json::Value;

use super::exit::{Code, Failure, refusal_in};
use crate::message::Message;
use crate::outcome::Exception;

/// Bytes of a value that are shown; `--format json` has all of it.
const VALUE_BYTES_MAX: usize = 1024;

/// The exception as a failure of this command: what happened, what the node knows besides, and which page explains it.
pub(super) fn failure(code: Code, entry: &str, exception: &Exception) -> Failure {
    let mut message = format!("the actor `{entry}` failed: {}", exception.message().trim_end());
    for (name, text) in facts(exception) {
        message.push_str(&format!("\n{name:<10} {text}"));
    }
    let mut name = "backtrace";
    for frame in exception.backtrace() {
        message.push_str(&format!("\n{name:<10} {}", frame.escape_debug()));
        name = "";
    }
    let page = match refusal_in(exception) {
        Some(refusal) => refusal.as_str(),
        None => exception.kind().as_str(),
    };
    Failure::new(code, message).help(format!("greenroom explain {page}"))
}

fn facts(exception: &Exception) -> Vec<(&'static str, String)> {
    let kind = exception.kind();
    let trap = exception.detail("trap").and_then(|trap| serde_json::from_str::<String>(trap.as_str()).ok());
    let which = refusal_in(exception).map(|refusal| refusal.to_string()).or(trap);
    let mut facts = vec![("type", which.map_or_else(|| kind.to_string(), |which| format!("{kind} ({which})")))];
    for key in ["value", "limit", "used", "max", "reason", "address", "cause"] {
        let value = exception.detail(key).filter(|value| key != "value" || !is_said(value, exception));
        facts.extend(value.map(|value| (key, cut(value.as_str()))));
    }
    facts
}

/// Whether the report has all of an error's value without it: a string that is the message, or a refusal that has only
/// a type and a message.
fn is_said(value: &Message, exception: &Exception) -> bool {
    match value.to_value() {
        Value::String(text) => text == exception.message(),
        Value::Object(object) => object.len() == 2 && object.contains_key("message") && refusal_in(exception).is_some(),
        _ => false,
    }
}

fn cut(text: &str) -> String {
    // On one line: in JSON a line break is only ever space between values.
    let line = text.replace(['\n', '\r'], " ");
    match line.floor_char_boundary(VALUE_BYTES_MAX) {
        end if end < line.len() => format!("{}…", &line[..end]),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::ExceptionKind;

    fn json(text: &str) -> Message {
        Message::admit(text.to_owned(), usize::MAX).expect("a JSON text")
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
    fn an_uncaught_refusal_points_to_its_own_page() {
        let (message, help) = reported(&Exception::error(json(r#"{"type":"limit","message":"cannot spawn"}"#)));
        assert_eq!(message, "the actor `build` failed: cannot spawn\ntype       error (limit)");
        assert_eq!(help, "greenroom explain limit");
        let (message, _) = reported(&Exception::error(json(r#"{"type":"limit","message":"no","max":7}"#)));
        assert!(message.ends_with("\nvalue      {\"type\":\"limit\",\"message\":\"no\",\"max\":7}"), "{message}");
    }

    #[test]
    fn a_long_value_is_cut() {
        let (message, _) = reported(&Exception::error(json(&format!("[\"{}\"]", "ä".repeat(10_000)))));
        assert!(message.ends_with("ä…") && message.len() < 3 * VALUE_BYTES_MAX);
    }
}
