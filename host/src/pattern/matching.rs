//! From a shape and a raw text to yes or no: no tree, and no allocation unless a string has escapes.
//!
//! It runs under a mailbox's lock, on texts and patterns that a guest has made: each byte of a text is read a few times
//! at most, whatever the pattern.

use std::borrow::Cow;

use super::number::Number;
use super::{PARTS_MAX, Pattern, Shape, in_order};
use crate::address::{ADDRESS_KEY, is_address};
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
        Shape::Address => marked(text, at, ADDRESS_KEY, |text| std::str::from_utf8(text).is_ok_and(is_address)),
        Shape::Binary => marked(text, at, BINARY_KEY, is_base64),
        Shape::ThisAddress(address) => marked(text, at, ADDRESS_KEY, |text| text == address.as_bytes()),
        Shape::Text(wanted) => {
            let end = string_end(text, at)?;
            is_string(wanted, &text[at..end]).then_some(end)
        }
        Shape::Exactly(wanted) => {
            let end = number(text, at, None)?;
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
fn marked(text: &[u8], at: usize, key: &str, accept: impl Fn(&[u8]) -> bool) -> Option<usize> {
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
    let accepted = accept(&unescaped(&text[at..end]));
    let close = skip_space(text, end);
    (accepted && text[close] == b'}').then_some(close + 1)
}

/// Base64 (RFC 4648 §4) by its form: whole groups of four, padded at the end.
fn is_base64(text: &[u8]) -> bool {
    let digits = match text {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] => digits,
        digits => digits,
    };
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len().is_multiple_of(4) && digits.iter().all(is_digit)
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
    let mut found = Found::default();
    let mut at = skip_space(text, at + 1);
    if text[at] == b'}' {
        return pairs.is_empty().then_some(at + 1);
    }
    loop {
        let key_end = skip_string(text, at);
        let here = skip_space(text, skip_space(text, key_end) + 1);
        let end = match position(pairs, &text[at..key_end]) {
            Some(index) => {
                found.insert(index);
                value(&pairs[index].1, text, here)?
            }
            None => skip(text, here),
        };
        at = skip_space(text, end);
        if text[at] == b'}' {
            return (found.count == pairs.len()).then_some(at + 1);
        }
        at = skip_space(text, at + 1);
    }
}

/// Which of a pattern's keys this is. The keys are sorted, but most patterns have so few that asking each is quicker.
#[inline(always)]
fn position(pairs: &[(Box<str>, Shape)], quoted: &[u8]) -> Option<usize> {
    match pairs.len() {
        ..=8 => pairs.iter().position(|(name, _)| is_string(name, quoted)),
        _ => {
            let key = unescaped(quoted);
            pairs.binary_search_by(|(name, _)| in_order(name.as_bytes(), &key)).ok()
        }
    }
}

/// Which keys of a pattern were seen, and how many.
#[derive(Default)]
struct Found {
    seen: [u64; PARTS_MAX / 64],
    count: usize,
}

impl Found {
    fn insert(&mut self, index: usize) {
        let (word, bit) = (&mut self.seen[index / 64], 1 << (index % 64));
        self.count += usize::from(*word & bit == 0);
        *word |= bit;
    }
}

/// Whether a quoted JSON string is this text.
#[inline(always)]
fn is_string(wanted: &str, quoted: &[u8]) -> bool {
    let inner = &quoted[1..quoted.len() - 1];
    // An escape is longer than what it stands for, by six times at most: most other strings need not be read.
    match inner.len() {
        0 => wanted.is_empty(),
        length if length == wanted.len() => *inner == *wanted.as_bytes() && !inner.contains(&b'\\'),
        length if length > wanted.len() && length <= 6 * wanted.len() => *unescaped(quoted) == *wanted.as_bytes(),
        _ => false,
    }
}

/// What a quoted JSON string says. Escapes are rare: only then is it decoded, into a copy.
#[inline(always)]
fn unescaped(quoted: &[u8]) -> Cow<'_, [u8]> {
    let inner = &quoted[1..quoted.len() - 1];
    if inner.contains(&b'\\') { decoded(quoted) } else { Cow::Borrowed(inner) }
}

#[cold]
fn decoded(quoted: &[u8]) -> Cow<'static, [u8]> {
    let text: String = serde_json::from_slice(quoted).expect("an admitted string");
    Cow::Owned(text.into_bytes())
}
