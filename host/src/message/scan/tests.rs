//! What admission takes and refuses, beside what serde_json says.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn checked(text: &str) -> Result<(), NotAdmitted> {
    check(text.as_bytes())
}

#[test]
fn every_kind_of_json_is_admitted() {
    for text in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.0",
        "-1.5e-10",
        "1E+2",
        "\"\"",
        "[]",
        "{}",
        " [ 1 , { \"a\" : [ ] } ] ",
        "\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "{\"a\":1,\"a\":2}",
        "1e-999",
        "123456789012345678901234567890",
        "\"grün \u{7f}\"",
    ] {
        assert_eq!(checked(text), Ok(()), "{text}");
    }
    assert_eq!(checked(&"9".repeat(1000)), Ok(()));
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for (text, at) in [
        ("", 0),
        (" ", 1),
        ("{", 1),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("{\"a\" 1}", 5),
        ("{a:1}", 1),
        ("{\"a\":1,}", 7),
        ("01", 1),
        ("-", 1),
        ("1.", 2),
        ("1e", 2),
        (".5", 0),
        ("+1", 0),
        ("nul", 0),
        ("\"a", 2),
        ("\"\n\"", 1),
        ("\"\\x\"", 1),
        ("\"\\u12g4\"", 1),
        ("1 1", 2),
        ("]", 0),
        ("[}", 1),
        ("\u{feff}1", 0),
        ("NaN", 0),
    ] {
        match checked(text) {
            Err(NotAdmitted::Syntax { at: found, .. }) => assert_eq!(found, at, "{text:?}"),
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn depth_is_counted_without_recursion() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(checked(&nested(64)), Ok(()));
    assert_eq!(checked(&nested(65)), Err(NotAdmitted::TooDeep { at: 64 }));
    assert_eq!(checked(&"{\"a\":".repeat(100_000)), Err(NotAdmitted::TooDeep { at: 64 * 5 }));
}

#[test]
fn lone_surrogates_and_infinite_numbers_are_refused() {
    for text in ["\"\\ud800\"", "\"\\ud800x\"", "\"\\udc00\"", "\"\\ud800\\ud800\""] {
        assert_eq!(checked(text), Err(NotAdmitted::LoneSurrogate { at: 1 }), "{text}");
    }
    assert_eq!(checked("[1e999]"), Err(NotAdmitted::NumberTooLarge { at: 1 }));
    assert_eq!(checked(&("9".repeat(400) + ".0")), Err(NotAdmitted::NumberTooLarge { at: 0 }));
    for whole in 1..=310 {
        for exponent in ["0", "9", "99", "100", "108", "109", "307", "308", "309", "-99", "-309"] {
            let text = format!("-{}.5e{exponent}", "9".repeat(whole));
            let infinite = text.parse::<f64>().expect("a float").is_infinite();
            assert_eq!(checked(&text).is_err(), infinite, "{text}");
        }
    }
}

/// Texts that are nearly JSON: pieces of it in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u0041",
        "\\ud83d\\ude00",
        "a",
        "1",
        "0",
        "-",
        ".",
        "e",
        "+",
        " ",
        "\n",
        "true",
        "false",
        "null",
        "\"k\":",
        "\"text\"",
        "[1,2]",
        "{\"a\":1}",
        "é",
        "\u{1}",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn serde_json_agrees_on_what_is_json(text in pieces()) {
        let theirs = serde_json::from_str::<Value>(&text);
        match checked(&text) {
            Ok(()) => prop_assert!(theirs.is_ok(), "{text:?}: {theirs:?}"),
            Err(NotAdmitted::Syntax { .. }) => prop_assert!(theirs.is_err(), "{text:?}"),
            Err(_) => {}
        }
    }

    #[test]
    fn a_value_ends_where_skip_says(text in pieces(), behind in "[,\\]} ]") {
        if checked(&text).is_ok() {
            let start = skip_space(text.as_bytes(), 0);
            let whole = text.trim_end_matches([' ', '\n', '\r', '\t']).to_owned();
            prop_assert_eq!(skip((whole.clone() + &behind).as_bytes(), start), whole.len());
        }
    }
}
