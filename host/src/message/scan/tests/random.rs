//! Texts that nobody thought of: JSON in every spelling, JSON that was damaged, and pieces of it in any order.

use super::*;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const PIECES: &[&str] = &[
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
    "\\ud800",
    "\\udc00",
    "\\u",
    "a",
    "1",
    "0",
    "-",
    ".",
    "e",
    "E",
    "+",
    "9e307",
    "e309",
    " ",
    "\n",
    "\t",
    "true",
    "false",
    "null",
    "\"k\":",
    "\"text\"",
    "[1,2]",
    "{\"a\":1}",
    "{}",
    "[]",
    "é",
    "𝄞",
    "\u{1}",
    "\u{0}",
    "\u{7f}",
    "\u{feff}",
    "[[[[[[[[[[[[[[[[",
    "]]]]]]]]]]]]]]]]",
    "/",
    "'",
    "\\n",
    "\\\"",
    "00000000000000000000",
    "0123456789012345678901234567890123456789",
];

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![5 => Just(""), 1 => select(vec![" ", "\n", "\t\r\n", "    "])]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "-?(0|[1-9][0-9]{0,3})",
        2 => "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        1 => "-?[1-9][0-9]{280,330}(\\.[0-9])?(e-?[0-9]{1,3})?",
    ]
}

fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z{}\\[\\]:,]{1,10}",
        2 => "\\PC{0,40}".prop_map(|text| text.replace(['"', '\\'], "")),
        1 => select(vec!["\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\u0022", "\\ud83c\\udfad", "\u{7f}", "\u{2028}"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// JSON. Few of these are not admitted: those with a number that no float holds.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        2 => select(vec!["null", "true", "false", "[]", "{ }"]).prop_map(str::to_owned),
        3 => number(),
        3 => string(),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        let element = (space(), inner, space()).prop_map(|(before, value, after)| format!("{before}{value}{after}"));
        let elements = prop::collection::vec(element, 0..6).boxed();
        // Few keys, so that they are often the same.
        let key = prop_oneof![4 => select(vec!["\"a\"", "\"b\"", "\"\\u0061\"", "\"\""]).prop_map(str::to_owned), 1 => string()];
        prop_oneof![
            elements.clone().prop_map(|elements| format!("[{}]", elements.join(","))),
            (elements, prop::collection::vec((space(), key, space()), 6)).prop_map(|(elements, keys)| {
                let pairs = elements.iter().zip(&keys);
                let pairs = pairs.map(|(value, (before, key, after))| format!("{before}{key}{after}:{value}"));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

/// One damage: what is between two places is replaced by a piece, by nothing, or by itself twice.
fn damaged(text: &str, (from, length, piece): (Index, usize, Option<&'static str>)) -> String {
    let from = text.floor_char_boundary(from.index(text.len() + 1));
    let to = text.floor_char_boundary((from + length).min(text.len()));
    let middle = piece.map_or_else(|| text[from..to].repeat(2), str::to_owned);
    format!("{}{middle}{}", &text[..from], &text[to..])
}

fn damage() -> impl Strategy<Value = (Index, usize, Option<&'static str>)> {
    let piece = prop_oneof![1 => Just(None), 1 => Just(Some("")), 4 => select(PIECES).prop_map(Some)];
    (any::<Index>(), prop_oneof![0..3usize, 0..30usize], piece)
}

// So many cases that all take about half a minute of processor time; `PROPTEST_CASES` is another number for each.

proptest! {
    #![proptest_config(ProptestConfig::with_cases(90_000))]

    #[test]
    fn json_in_every_spelling(text in document()) {
        let admitted = checked(&text);
        prop_assert!(matches!(admitted, Ok(()) | Err(NotAdmitted::NumberTooLarge { .. })), "{text:?}: {admitted:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150_000))]

    #[test]
    fn json_that_was_damaged(text in document(), damages in prop::collection::vec(damage(), 1..4)) {
        _ = checked(&damages.into_iter().fold(text, |text, damage| damaged(&text, damage)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500_000))]

    #[test]
    fn pieces_in_any_order(pieces in prop::collection::vec(select(PIECES), 0..16)) {
        _ = checked(&pieces.concat());
    }

    #[test]
    fn no_bytes_break_the_scanner(bytes: Vec<u8>) {
        _ = check(&bytes, Admission::default());
    }
}
