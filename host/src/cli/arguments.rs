//! From words of a command line to the arguments of an entry.

use serde_json::Value;
use serde_json::value::RawValue;

use super::exit::{Code, Failure};
use crate::limits::Limit;
use crate::message::{Admission, Message, NotAdmitted};

/// How many bytes are shown before and behind the place where a word stops being JSON.
const SHOWN_BYTES: usize = 32;

/// The words as one JSON array.
///
/// A word that begins with `{`, `[` or `"` must be JSON. Any other is JSON if it is (a number, `true`, `null`), with
/// its very text, and else a string.
///
/// # Errors
///
/// If a word must be JSON and is not, or if a node would not admit it.
pub(super) fn arguments(words: &[String]) -> Result<Message, Failure> {
    let texts =
        words.iter().enumerate().map(|(index, word)| argument(index + 1, word)).collect::<Result<Vec<_>, _>>()?;
    let array = format!("[{}]", texts.join(","));
    let bytes_max = Limit::Message.bound().unwrap_or(u64::MAX) as usize;
    Message::admit(array, Admission::of_bytes(bytes_max))
        .map_err(|why| Failure::new(Code::Usage, format!("the arguments are too much: {why}")))
}

/// A word as a message, by the same rule.
///
/// # Errors
///
/// As [`arguments`].
pub(super) fn message(word: &str) -> Result<Box<RawValue>, Failure> {
    argument(1, word).map(|text| RawValue::from_string(text).expect("it was admitted"))
}

fn argument(number: usize, word: &str) -> Result<String, Failure> {
    match Message::admit(word.to_owned(), Admission::default()) {
        Ok(message) => Ok(message.into_string()),
        Err(NotAdmitted::Syntax { .. }) if !word.starts_with(['{', '[', '"']) => Ok(Value::from(word).to_string()),
        Err(why) => Err(not_json(number, word, &why)),
    }
}

fn not_json(number: usize, word: &str, why: &NotAdmitted) -> Failure {
    let rule = match word.chars().next() {
        Some(first @ ('{' | '[' | '"')) => format!("argument {number} begins with `{first}`, so it must be JSON"),
        _ => format!("argument {number} cannot be sent"),
    };
    let place = place(why).map(|at| pointed_out(word, at)).unwrap_or_default();
    Failure::new(Code::Usage, format!("{rule}: {why}{place}")).help("a string that begins so is quoted: '\"{text\"'")
}

fn place(why: &NotAdmitted) -> Option<usize> {
    match why {
        NotAdmitted::TooLarge { .. } => None,
        NotAdmitted::TooDeep { at, .. }
        | NotAdmitted::TooManyValues { at, .. }
        | NotAdmitted::Syntax { at, .. }
        | NotAdmitted::LoneSurrogate { at }
        | NotAdmitted::NumberTooLarge { at } => Some(*at),
    }
}

/// Two further lines: the word around the place, and a mark below it.
fn pointed_out(word: &str, at: usize) -> String {
    let at = word.floor_char_boundary(at);
    let start = word.floor_char_boundary(at.saturating_sub(SHOWN_BYTES));
    let end = word.ceil_char_boundary((at + SHOWN_BYTES).min(word.len()));
    // One column a character, so that the mark stands right.
    let shown = |text: &str| text.replace(char::is_control, " ");
    let before = shown(&word[start..at]);
    format!("\n{before}{}\n{}^", shown(&word[at..end]), " ".repeat(before.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Result<String, Failure> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        arguments(&words).map(Message::into_string)
    }

    #[test]
    fn a_word_that_is_json_keeps_its_very_text() {
        for word in
            ["10000", "-5", "1.0", "1e3", "true", "null", "123456789012345678901234567890", r#""a""#, r#"{"a": 1}"#]
        {
            assert_eq!(of(&[word]).unwrap(), format!("[{word}]"));
        }
    }

    #[test]
    fn any_other_word_is_a_string() {
        for (word, text) in [
            ("hello", r#""hello""#),
            ("", r#""""#),
            ("01", r#""01""#),
            ("NaN", r#""NaN""#),
            ("1 2", r#""1 2""#),
            ("say \"hi\"\n", r#""say \"hi\"\n""#),
            ("a@127.0.0.1:3433", r#""a@127.0.0.1:3433""#),
        ] {
            assert_eq!(of(&[word]).unwrap(), format!("[{text}]"));
        }
    }

    #[test]
    fn no_words_and_several_are_an_array() {
        assert_eq!(of(&[]).unwrap(), "[]");
        assert_eq!(of(&["1", "a", "[2]"]).unwrap(), r#"[1,"a",[2]]"#);
    }

    #[test]
    fn a_word_that_must_be_json_and_is_not_is_pointed_out() {
        let failure = of(&["1", r#"{"a" 1}"#]).unwrap_err();
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.message.starts_with("argument 2 begins with `{`, so it must be JSON: not JSON at byte 5: "));
        assert!(failure.message.ends_with("\n{\"a\" 1}\n     ^"), "{}", failure.message);
        for word in ["{a: 1}", "[1,", "\"open", "[1]]"] {
            assert_eq!(of(&[word]).map_err(|failure| failure.code), Err(Code::Usage), "{word}");
        }
    }

    #[test]
    fn the_mark_stands_below_the_place_in_a_long_word_too() {
        let word = format!("[\"{}\" x, \"{}\"]", "ü".repeat(100), "y".repeat(100));
        let message = of(&[&word]).unwrap_err().message;
        let lines: Vec<&str> = message.lines().collect();
        let column = lines[2].chars().count() - 1;
        assert_eq!(lines[1].chars().nth(column), Some('x'), "{message}");
        assert!(lines[1].len() < 80);
    }

    #[test]
    fn json_that_no_node_admits_is_no_string_either() {
        let deep = "[".repeat(100_000);
        for word in ["1e999", r#""\ud800""#, &deep, &format!("{}{}", "[".repeat(64), "]".repeat(64))] {
            assert_eq!(of(&[word]).map_err(|failure| failure.code), Err(Code::Usage));
        }
    }
}
