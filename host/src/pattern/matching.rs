//! From a shape and a raw text to yes or no: no tree, and no allocation unless a string has escapes.

use super::{Number, Pattern, Shape};
use crate::address::ADDRESS_KEY;
use crate::message::scan::{skip, skip_space, skip_string};

/// The key that marks binary data inside a message.
const BINARY_KEY: &str = "$binary";

impl Pattern {
    /// Whether an admitted text matches.
    pub(crate) fn matches(&self, message: &str, from_host: bool) -> bool {
        (from_host || !self.from_host) && value(&self.shape, message.as_bytes(), 0).is_some()
    }
}

/// Matches the value at or behind `at`; answers where it ends, or `None` if it does not match. Recurses over the
/// pattern, whose depth is bounded, and never over the message.
fn value(shape: &Shape, text: &[u8], at: usize) -> Option<usize> {
    let at = skip_space(text, at);
    let first = text[at];
    let whole = |matches: bool| matches.then(|| skip(text, at));
    match shape {
        Shape::Any => Some(skip(text, at)),
        Shape::Null => whole(first == b'n'),
        Shape::Boolean(None) => whole(matches!(first, b't' | b'f')),
        Shape::Boolean(Some(truth)) => whole(first == if *truth { b't' } else { b'f' }),
        Shape::Integer => number(text, at, Some(false)),
        Shape::Float => number(text, at, Some(true)),
        Shape::Number => number(text, at, None),
        Shape::String => whole(first == b'"'),
        Shape::Array => whole(first == b'['),
        Shape::Object => whole(first == b'{'),
        Shape::Address => marked(text, at, ADDRESS_KEY, |text| crate::address::split(text).is_ok()),
        Shape::Binary => marked(text, at, BINARY_KEY, is_base64),
        Shape::ThisAddress(address) => marked(text, at, ADDRESS_KEY, |text| *text == **address),
        Shape::Text(wanted) => {
            let end = string_end(text, at)?;
            is_string(wanted, &text[at..end]).then_some(end)
        }
        Shape::Exactly(wanted) => {
            let end = number(text, at, Some(wanted.float))?;
            (Number::read(&text[at..end]) == *wanted).then_some(end)
        }
        Shape::Items(shapes) => items(shapes, text, at),
        Shape::Each(shape) => each(shape, text, at),
        Shape::Keys(pairs) => keys(pairs, text, at),
    }
}

/// A number; `float` says whether it must have a fraction or an exponent, or must not.
fn number(text: &[u8], at: usize, float: Option<bool>) -> Option<usize> {
    if !matches!(text[at], b'-' | b'0'..=b'9') {
        return None;
    }
    let end = skip(text, at);
    let is_float = text[at..end].iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    float.is_none_or(|wanted| wanted == is_float).then_some(end)
}

fn string_end(text: &[u8], at: usize) -> Option<usize> {
    (text[at] == b'"').then(|| skip_string(text, at))
}

/// An object whose only key is `key`, with a string for which `accept` holds.
fn marked(text: &[u8], at: usize, key: &str, accept: impl Fn(&str) -> bool) -> Option<usize> {
    if text[at] != b'{' {
        return None;
    }
    let at = skip_space(text, at + 1);
    let key_end = string_end(text, at)?;
    if !is_string(key, &text[at..key_end]) {
        return None;
    }
    let at = skip_space(text, skip_space(text, key_end) + 1);
    let end = string_end(text, at)?;
    let quoted = std::str::from_utf8(&text[at..end]).expect("a message is UTF-8");
    let accepted = match quoted.contains('\\') {
        false => accept(&quoted[1..quoted.len() - 1]),
        true => accept(&serde_json::from_str::<String>(quoted).expect("an admitted string")),
    };
    let close = skip_space(text, end);
    (accepted && text[close] == b'}').then_some(close + 1)
}

/// Base64 (RFC 4648 §4) by its form: whole groups of four, padded at the end.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len() % 4 == 0 && padding <= 2 && digits.bytes().all(is_digit)
}

fn items(shapes: &[Shape], text: &[u8], at: usize) -> Option<usize> {
    if text[at] != b'[' {
        return None;
    }
    let mut at = skip_space(text, at + 1);
    for (index, shape) in shapes.iter().enumerate() {
        match (index, text[at]) {
            (_, b']') => return None,
            (0, _) => {}
            (_, b',') => at += 1,
            _ => unreachable!("an admitted array has `,` or `]` behind an element"),
        }
        at = skip_space(text, value(shape, text, at)?);
    }
    (text[at] == b']').then_some(at + 1)
}

fn each(shape: &Shape, text: &[u8], at: usize) -> Option<usize> {
    if text[at] != b'[' {
        return None;
    }
    let mut at = skip_space(text, at + 1);
    if text[at] == b']' {
        return Some(at + 1);
    }
    loop {
        at = skip_space(text, value(shape, text, at)?);
        if text[at] == b']' {
            return Some(at + 1);
        }
        at += 1;
    }
}

/// At least these keys. A key that the message repeats must match each time: parsers disagree on which one counts, and
/// host and guest must not read a message differently.
fn keys(pairs: &[(Box<str>, Shape)], text: &[u8], at: usize) -> Option<usize> {
    if text[at] != b'{' {
        return None;
    }
    let mut found = Found::new(pairs.len());
    let mut at = skip_space(text, at + 1);
    if text[at] == b'}' {
        return pairs.is_empty().then_some(at + 1);
    }
    loop {
        let key_end = skip_string(text, at);
        let key = &text[at..key_end];
        let here = skip_space(text, skip_space(text, key_end) + 1);
        let mut end = None;
        for (index, (_, shape)) in pairs.iter().enumerate().filter(|(_, (name, _))| is_string(name, key)) {
            end = Some(value(shape, text, here)?);
            found.insert(index);
        }
        at = skip_space(text, end.unwrap_or_else(|| skip(text, here)));
        if text[at] == b'}' {
            return found.all().then_some(at + 1);
        }
        at = skip_space(text, at + 1);
    }
}

/// Which keys of a pattern were seen. Nearly every pattern has few.
enum Found {
    Few { seen: u64, wanted: usize },
    Many(Vec<bool>),
}

impl Found {
    fn new(wanted: usize) -> Found {
        if wanted <= 64 { Found::Few { seen: 0, wanted } } else { Found::Many(vec![false; wanted]) }
    }

    fn insert(&mut self, index: usize) {
        match self {
            Found::Few { seen, .. } => *seen |= 1 << index,
            Found::Many(seen) => seen[index] = true,
        }
    }

    fn all(&self) -> bool {
        match self {
            Found::Few { seen, wanted } => seen.count_ones() as usize == *wanted,
            Found::Many(seen) => seen.iter().all(|seen| *seen),
        }
    }
}

/// Whether a quoted JSON string is this text. Escapes are rare: only then is it decoded.
#[inline(always)]
fn is_string(wanted: &str, quoted: &[u8]) -> bool {
    let inner = &quoted[1..quoted.len() - 1];
    if inner == wanted.as_bytes() {
        // Equal bytes are equal strings unless the bytes hold an escape, which stands for something else.
        return !inner.contains(&b'\\');
    }
    inner.contains(&b'\\') && serde_json::from_slice::<String>(quoted).is_ok_and(|text| text == wanted)
}
