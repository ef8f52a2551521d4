//! Patterns once more, the plain and slow way: over trees that serde_json has read.

use std::collections::{BTreeSet, VecDeque};

use serde_json::value::RawValue;

use super::super::compile::object;
use crate::address::Address;

/// JSON with all that a pattern can ask for: numbers as they were written, keys in order and with repetitions.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Null,
    Boolean(bool),
    Number(String),
    Text(String),
    Items(Vec<Tree>),
    Keys(Vec<(String, Tree)>),
}
use Tree::*;

impl Tree {
    /// Reads an admitted text.
    pub(super) fn read(text: &str) -> Tree {
        let text = text.trim();
        match &text[..1] {
            "n" => Null,
            "t" | "f" => Boolean(text == "true"),
            "\"" => Text(serde_json::from_str(text).expect("a string")),
            "[" => {
                let items: Vec<&RawValue> = serde_json::from_str(text).expect("an array");
                Items(items.into_iter().map(|item| Tree::read(item.get())).collect())
            }
            "{" => {
                let pairs = object(text).expect("an object");
                Keys(pairs.into_iter().map(|(key, value)| (key, Tree::read(value.get()))).collect())
            }
            _ => Number(text.to_owned()),
        }
    }

    /// The form that an object with a single `$` is.
    fn form(&self) -> Option<(&str, &Tree)> {
        match self {
            Keys(pairs) => match &pairs[..] {
                [(key, value)] if is_form(key) => Some((key, value)),
                _ => None,
            },
            _ => None,
        }
    }

    /// What is behind a mark: `{"$address": "…"}`, `{"$binary": "…"}`.
    pub(super) fn marked(&self, mark: &str) -> Option<&str> {
        match self.form() {
            Some((key, Text(text))) if key == mark => Some(text),
            _ => None,
        }
    }
}

fn is_form(key: &str) -> bool {
    key.starts_with('$') && !key.starts_with("$$")
}

pub(super) const TYPES: [&str; 11] =
    ["any", "null", "boolean", "integer", "float", "number", "string", "array", "object", "address", "binary"];

/// Whether a tree is a pattern. `level` is 1 at its top.
pub(super) fn is_pattern(tree: &Tree, level: usize) -> bool {
    let inside = |tree| is_pattern(tree, level + 1);
    level <= 16
        && match (tree.form(), tree) {
            (Some(("$type", Text(name))), _) => TYPES.contains(&&name[..]),
            (Some(("$address", Text(address))), _) => address.parse::<Address>().is_ok(),
            (Some(("$each", shape)), _) => inside(shape),
            (Some(("$host", shape)), _) => level == 1 && inside(shape),
            (Some(_), _) => false,
            (None, Keys(pairs)) => {
                let distinct: BTreeSet<_> = pairs.iter().map(|(key, _)| key).collect();
                distinct.len() == pairs.len() && pairs.iter().all(|(key, shape)| !is_form(key) && inside(shape))
            }
            (None, Items(shapes)) => shapes.iter().all(inside),
            (None, Null | Boolean(_) | Number(_) | Text(_)) => true,
        }
}

/// Whether a pattern matches a message.
pub(super) fn matches(pattern: &Tree, message: &Tree, from_host: bool) -> bool {
    match (pattern.form(), pattern, message) {
        (Some(("$host", shape)), ..) => from_host && matches(shape, message, from_host),
        (Some(("$each", shape)), _, Items(items)) => items.iter().all(|item| matches(shape, item, from_host)),
        (Some(("$address", Text(address))), ..) => message.marked("$address") == Some(address),
        (Some(("$type", Text(name))), ..) => is_of_type(name, message),
        (Some(_), ..) => false,
        (None, Keys(shapes), Keys(pairs)) => shapes.iter().all(|(name, shape)| {
            let name = name.strip_prefix('$').unwrap_or(name);
            let mut values = pairs.iter().filter(|(key, _)| key == name).peekable();
            values.peek().is_some() && values.all(|(_, value)| matches(shape, value, from_host))
        }),
        (None, Items(shapes), Items(items)) => {
            shapes.len() == items.len() && shapes.iter().zip(items).all(|(shape, item)| matches(shape, item, from_host))
        }
        (None, Number(wanted), Number(number)) => {
            is_float(wanted) == is_float(number) && written_out(wanted) == written_out(number)
        }
        (None, Text(wanted), Text(text)) => wanted == text,
        (None, Boolean(wanted), Boolean(truth)) => wanted == truth,
        (None, Null, Null) => true,
        (None, ..) => false,
    }
}

fn is_of_type(name: &str, message: &Tree) -> bool {
    match (name, message) {
        ("any", _)
        | ("null", Null)
        | ("boolean", Boolean(_))
        | ("number", Number(_))
        | ("string", Text(_))
        | ("array", Items(_))
        | ("object", Keys(_)) => true,
        ("integer", Number(number)) => !is_float(number),
        ("float", Number(number)) => is_float(number),
        ("address", _) => message.marked("$address").is_some_and(|text| text.parse::<Address>().is_ok()),
        ("binary", _) => message.marked("$binary").is_some_and(is_base64),
        _ => false,
    }
}

fn is_float(number: &str) -> bool {
    number.contains(['.', 'e', 'E'])
}

/// A number without an exponent, and without zeros that say nothing: its sign, and what is before and behind the point.
pub(super) fn written_out(number: &str) -> (bool, String, String) {
    let lower = number.to_lowercase();
    let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut whole: VecDeque<char> = whole.trim_start_matches('-').chars().collect();
    let mut fraction: VecDeque<char> = fraction.chars().collect();
    let exponent: i32 = exponent.parse().expect("an exponent that can be written out");
    for _ in 0..exponent {
        whole.push_back(fraction.pop_front().unwrap_or('0'));
    }
    for _ in exponent..0 {
        fraction.push_front(whole.pop_back().unwrap_or('0'));
    }
    let whole = String::from_iter(whole).trim_start_matches('0').to_owned();
    let fraction = String::from_iter(fraction).trim_end_matches('0').to_owned();
    let is_zero = whole.is_empty() && fraction.is_empty();
    (number.starts_with('-') && !is_zero, whole, fraction)
}

/// Groups of four, of which the last may end with one or two `=`.
fn is_base64(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(4).enumerate().all(|(index, group)| {
        let is_last = (index + 1) * 4 == characters.len();
        let digits = group.iter().take_while(|c| c.is_ascii_alphanumeric() || "+/".contains(**c)).count();
        let padded = group[digits..].iter().all(|c| *c == '=');
        group.len() == 4 && (digits == 4 || is_last && digits >= 2 && padded)
    })
}
