//! An actor's exception, for people.

use super::exit::{Code, Failure, refusal_in};
use crate::outcome::{Exception, ExceptionKind};

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
    let detail = |key| exception.detail(key).map(|value| cut(value.as_str()));
    let kind = match exception.detail("trap").and_then(|trap| serde_json::from_str::<String>(trap.as_str()).ok()) {
        Some(trap) => format!("{} ({trap})", exception.kind()),
        None => exception.kind().to_string(),
    };
    let mut facts = vec![("type", kind)];
    for key in ["value", "limit", "used", "max", "reason", "address", "cause"] {
        facts.extend(detail(key).filter(|_| !said_already(exception, key)).map(|text| (key, text)));
    }
    facts
}

/// Whether the message is the value: an entry that returned a string as its error.
fn said_already(exception: &Exception, key: &str) -> bool {
    let string = |text: &str| serde_json::from_str::<String>(text).ok();
    exception.kind() == ExceptionKind::Error
        && exception.detail(key).and_then(|value| string(value.as_str())).as_deref() == Some(exception.message())
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
    use crate::message::Message;

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
        let value = json(r#"{"type":"limit","message":"cannot spawn"}"#);
        assert_eq!(reported(&Exception::error(value)).1, "greenroom explain limit");
    }

    #[test]
    fn a_long_value_is_cut() {
        let (message, _) = reported(&Exception::error(json(&format!("[\"{}\"]", "ä".repeat(10_000)))));
        assert!(message.ends_with("ä…") && message.len() < 3 * VALUE_BYTES_MAX);
    }
}
