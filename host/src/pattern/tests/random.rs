//! Patterns and messages that were made from each other, and texts that are neither.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{TestRng, TestRunner, contextualize_config};

use super::naive::{self, TYPES, Tree, written_out};
use super::*;
use crate::address::is_address;
use Tree::*;

const KEYS: &[&str] = &["a", "b", "$type", "$address", "$binary", "$$x", "$host", "é\"", "", "\n", "\\n"];
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1.0",
    "0.0",
    "-0.0",
    "1e1",
    "-12.5",
    "0.125e2",
    "123456789012345678901234567890",
    "123456789012345678901234567891",
    "1234567890123456789.25",
    "1E-20",
    "9e99",
];
const MARKS: &[(&str, &str)] = &[
    ("$address", "name@a:1"),
    ("$address", "aaaaaaaaaaaaaaaaaaaaaaaaah@[::1]:1"),
    ("$address", "baaaaaaaaaaaaaaaaaaaaaaaah@[::1]:1"),
    ("$address", "name@nowhere"),
    ("$binary", ""),
    ("$binary", "YQ=="),
    ("$binary", "YWI="),
    ("$binary", "YQ="),
    ("$binary", "Y Q="),
];

fn text() -> impl Strategy<Value = Tree> {
    prop_oneof![
        2 => select(KEYS).prop_map(str::to_owned),
        1 => "[a-c\"\\\\é𝄞\n]{0,3}",
        1 => "[a-z ]{20,40}",
    ]
    .prop_map(Text)
}

fn messages() -> impl Strategy<Value = Tree> {
    let marked = |(mark, text): (&str, &str)| Keys(vec![(mark.to_owned(), Text(text.to_owned()))]);
    let leaf = prop_oneof![
        1 => Just(Null),
        1 => any::<bool>().prop_map(Boolean),
        3 => select(NUMBERS).prop_map(|number| Number(number.to_owned())),
        3 => text(),
        2 => select(MARKS).prop_map(marked),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = select(KEYS).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Items),
            // Alike, so that one shape can match each.
            (inner.clone(), 1..4usize).prop_map(|(item, count)| Items(vec![item; count])),
            prop::collection::vec((key, inner), 0..5).prop_map(Keys),
        ]
    })
}

/// Makes texts out of trees.
struct Dice(TestRng);

impl Dice {
    fn one_in(&mut self, n: u32) -> bool {
        self.0.random_ratio(1, n)
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.0.random_range(0..all.len())].clone()
    }

    fn space(&mut self) -> &'static str {
        if self.one_in(4) { self.of(&[" ", "\n", "\t\r", "  "]) } else { "" }
    }

    /// A tree as JSON, in one of its spellings.
    fn written(&mut self, tree: &Tree) -> String {
        let inner = match tree {
            Null => "null".to_owned(),
            Boolean(truth) => truth.to_string(),
            Number(number) => self.number(number),
            Text(text) => self.string(text),
            Items(items) => {
                let items: Vec<String> = items.iter().map(|item| self.written(item)).collect();
                format!("[{}{}]", items.join(","), self.space())
            }
            Keys(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(key, value)| self.pair(key, value)).collect();
                format!("{{{}{}}}", pairs.join(","), self.space())
            }
        };
        format!("{}{inner}{}", self.space(), self.space())
    }

    fn pair(&mut self, key: &str, value: &Tree) -> String {
        format!("{}{}{}:{}", self.space(), self.string(key), self.space(), self.written(value))
    }

    fn string(&mut self, text: &str) -> String {
        let escape_some = self.one_in(4);
        let mut string = String::from("\"");
        for character in text.chars() {
            if escape_some && self.one_in(2) {
                let units =
                    character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
                string.push_str(&units);
            } else {
                let quoted = json!(character).to_string();
                string.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
        string + "\""
    }

    /// An equal number of the same kind.
    fn number(&mut self, number: &str) -> String {
        let (negative, whole, fraction) = written_out(number);
        let sign = if negative { "-" } else { "" };
        let whole = if whole.is_empty() { "0".to_owned() } else { whole };
        match self.0.random_range(0..4) {
            _ if !number.contains(['.', 'e', 'E']) => number.to_owned(),
            0 => format!("{sign}{whole}.{fraction}{}", "0".repeat(self.0.random_range(1..4))),
            1 => {
                let digits = format!("{whole}{fraction}");
                let digits = digits.trim_start_matches('0');
                format!("{sign}{}e-{}", if digits.is_empty() { "0" } else { digits }, fraction.len())
            }
            2 => format!("{sign}0.{whole}{fraction}E+0{}", whole.len()),
            _ => number.to_owned(),
        }
    }

    /// A pattern that was made from a message: most match it.
    fn pattern(&mut self, message: &Tree) -> String {
        let kind = |name: &str| json!({"$type": name}).to_string();
        match self.0.random_range(0..40) {
            0 => return kind(self.of(&TYPES)),
            1 => return self.of(NUMBERS).to_owned(),
            2 => return json!(self.of(KEYS)).to_string(),
            3..7 => return kind("any"),
            7..15 => {
                return kind(match message {
                    Null => "null",
                    Boolean(_) => "boolean",
                    Number(number) if self.one_in(3) && !number.contains(['.', 'e', 'E']) => "integer",
                    Number(number) if self.one_in(3) && number.contains(['.', 'e', 'E']) => "float",
                    Number(_) => "number",
                    Text(_) => "string",
                    Items(_) => "array",
                    Keys(_) if message.marked("$address").is_some() => "address",
                    Keys(_) if message.marked("$binary").is_some() => "binary",
                    Keys(_) => "object",
                });
            }
            _ => {}
        }
        match message {
            Items(items) if !items.is_empty() && self.one_in(2) => {
                let item = self.of(items);
                format!("{{\"$each\":{}}}", self.pattern(&item))
            }
            Items(items) => {
                let mut shapes: Vec<String> = items.iter().map(|item| self.pattern(item)).collect();
                if self.one_in(20) {
                    shapes.pop();
                }
                format!("[{}]", shapes.join(","))
            }
            Keys(_) if message.marked("$address").is_some_and(is_address) && self.one_in(2) => self.written(message),
            Keys(pairs) => {
                let mut shapes = std::collections::BTreeMap::new();
                for (key, value) in pairs {
                    if self.one_in(2) {
                        let key = if key.starts_with('$') { format!("${key}") } else { key.clone() };
                        shapes.insert(key, self.pattern(value));
                    }
                }
                if self.one_in(20) {
                    shapes.insert("b".to_owned(), kind("any"));
                }
                let shapes: Vec<String> = shapes
                    .into_iter()
                    .map(|(key, shape)| format!("{}{}:{shape}", self.string(&key), self.space()))
                    .collect();
                format!("{{{}}}", shapes.join(","))
            }
            scalar => self.written(scalar),
        }
    }
}

/// A pattern and a message, and whether the node has made the message.
fn pairs() -> impl Strategy<Value = (String, String, bool)> {
    messages().prop_perturb(|message, rng| {
        let mut dice = Dice(rng);
        let pattern = dice.pattern(&message);
        let pattern = if dice.one_in(10) { format!("{{\"$host\":{pattern}}}") } else { pattern };
        (pattern, dice.written(&message), dice.one_in(2))
    })
}

/// Both matchers' answer.
fn agreed(pattern: &str, message: &str, from_host: bool) -> bool {
    let compiled = compiled(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"));
    let ours = compiled.matches(Message::trusted(message.to_owned()).as_str(), from_host);
    let theirs = naive::matches(&Tree::read(pattern), &Tree::read(message), from_host);
    assert_eq!(ours, theirs, "{pattern} and {message}, from the host: {from_host}");
    ours
}

#[test]
fn the_naive_matcher_agrees() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(250_000) };
    let mut runner = TestRunner::new(contextualize_config(config));
    let (matched, all) = (Cell::new(0u32), Cell::new(0u32));
    let run = runner.run(&pairs(), |(pattern, message, from_host)| {
        all.set(all.get() + 1);
        matched.set(matched.get() + u32::from(agreed(&pattern, &message, from_host)));
        Ok(())
    });
    run.unwrap_or_else(|why| panic!("{why}"));
    let share = f64::from(matched.get()) / f64::from(all.get());
    assert!((0.3..0.9).contains(&share), "of {} pairs {share} match: too few or too many to tell", all.get());
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "{\"$type\":\"any\"}",
    "{\"$type\":\"int\"}",
    "{\"$type\":",
    "{\"$each\":",
    "{\"$host\":",
    "{\"$address\":\"a@a:1\"}",
    "{\"$address\":",
    "{\"$$x\":1}",
    "{\"$x\":1}",
    "\"$each\":",
    "\"a\":",
    "\"\\u0061\":",
    "\"a\"",
    "1",
    "-0",
    "1.50",
    "null",
    "true",
    "[]",
    "{}",
    " ",
    "\"any\"",
    "\"$$\":",
    "\"$\":",
    "}}",
    "[[[[[[[[[[[[[[[",
    "]]]]]]]]]]]]]]]",
    "é",
];

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(select(PIECES), 1..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80_000))]

    #[test]
    fn any_pattern_on_any_message(two in [pairs(), pairs()]) {
        let [(pattern, ..), (_, message, from_host)] = two;
        agreed(&pattern, &message, from_host);
    }

    #[test]
    fn a_text_is_a_pattern_or_says_why_not(text in pieces(), (_, message, from_host) in pairs()) {
        let compiled = compiled(&text);
        let Ok(admitted) = Message::admit(text.clone(), crate::message::Admission::default()) else {
            prop_assert!(compiled.is_err(), "{text}");
            return Ok(());
        };
        prop_assert_eq!(compiled.is_ok(), naive::is_pattern(&Tree::read(admitted.as_str()), 1), "{} {:?}", text, compiled);
        if compiled.is_ok() {
            agreed(&text, &message, from_host);
            agreed(&text, &text, from_host);
        }
    }
}
