//! Reading JSON without building anything: admission, and skipping for the matcher. Iterative, without allocation.
//!
//! No crate is fast, iterative and bounded in depth at once: serde_json's `IgnoredAny` and `RawValue` accept any depth,
//! sonic-rs overflows its stack at 100,000, and `Value` builds a tree of up to 88 times the text.

use std::cmp::Ordering;

use super::{Admission, DEPTH_MAX, NotAdmitted};

/// Checks a whole text. It must be UTF-8 already, as a `str` is; how long it is was asked before.
pub(crate) fn check(text: &[u8], admission: Admission) -> Result<(), NotAdmitted> {
    let mut nesting = Nesting { depth_max: admission.depth_max.min(DEPTH_MAX), ..Nesting::default() };
    let mut values_left = admission.values_max;
    let mut at = 0;
    loop {
        let start = skip_space(text, at);
        at = value_start(text, start, &mut nesting)?;
        values_left = match values_left.checked_sub(1) {
            Some(left) => left,
            None => return Err(NotAdmitted::TooManyValues { at: start, max: admission.values_max }),
        };
        // A value has ended, unless one has just been opened: close what ends with it, or go on to the next.
        if nesting.opened {
            nesting.opened = false;
            continue;
        }
        loop {
            at = skip_space(text, at);
            if nesting.depth == 0 {
                return if at == text.len() { Ok(()) } else { Err(syntax(at, "the end of the text")) };
            }
            match (text.get(at), nesting.in_object()) {
                (Some(b','), true) => {
                    at = key(text, skip_space(text, at + 1))?;
                    break;
                }
                (Some(b','), false) => {
                    at += 1;
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    nesting.close();
                    at += 1;
                }
                (_, true) => return Err(syntax(at, "`,` or `}`")),
                (_, false) => return Err(syntax(at, "`,` or `]`")),
            }
        }
    }
}

/// Which arrays and objects are open: one bit a level, 1 for an object.
#[derive(Default)]
struct Nesting {
    objects: u64,
    depth: u32,
    depth_max: u32,
    /// The last thing read was an opening bracket with something behind it.
    opened: bool,
}

const _: () = assert!(DEPTH_MAX <= u64::BITS);

impl Nesting {
    fn open(&mut self, object: bool, at: usize) -> Result<(), NotAdmitted> {
        if self.depth == self.depth_max {
            return Err(NotAdmitted::TooDeep { at, max: self.depth_max });
        }
        self.objects = self.objects << 1 | u64::from(object);
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

/// Reads a scalar, an empty array or object, or the opening of a filled one.
#[inline(always)]
fn value_start(text: &[u8], at: usize, nesting: &mut Nesting) -> Result<usize, NotAdmitted> {
    match text.get(at) {
        Some(b'"') => string(text, at + 1),
        Some(b'{') => {
            nesting.open(true, at)?;
            let inside = skip_space(text, at + 1);
            if text.get(inside) == Some(&b'}') {
                nesting.close();
                return Ok(inside + 1);
            }
            nesting.opened = true;
            key(text, inside)
        }
        Some(b'[') => {
            nesting.open(false, at)?;
            let inside = skip_space(text, at + 1);
            if text.get(inside) == Some(&b']') {
                nesting.close();
                return Ok(inside + 1);
            }
            nesting.opened = true;
            Ok(inside)
        }
        Some(b'-' | b'0'..=b'9') => number(text, at),
        Some(b't') if text[at..].starts_with(b"true") => Ok(at + 4),
        Some(b'n') if text[at..].starts_with(b"null") => Ok(at + 4),
        Some(b'f') if text[at..].starts_with(b"false") => Ok(at + 5),
        _ => Err(syntax(at, "a value")),
    }
}

#[inline(always)]
fn key(text: &[u8], at: usize) -> Result<usize, NotAdmitted> {
    if text.get(at) != Some(&b'"') {
        return Err(syntax(at, "a key in double quotes"));
    }
    let at = skip_space(text, string(text, at + 1)?);
    if text.get(at) == Some(&b':') { Ok(at + 1) } else { Err(syntax(at, "`:`")) }
}

/// `at` is behind the opening quote; answers the place behind the closing one.
#[inline(always)]
fn string(text: &[u8], mut at: usize) -> Result<usize, NotAdmitted> {
    loop {
        at = plain_run(text, at);
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(text, at)?,
            Some(_) => return Err(syntax(at, "control characters to be escaped")),
            None => return Err(syntax(at, "the end of a string")),
        }
    }
}

#[cold]
fn escape(text: &[u8], at: usize) -> Result<usize, NotAdmitted> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match unit(text, at)? {
            0xd800..0xdc00 => match text.get(at + 6..at + 8) {
                Some(b"\\u") if matches!(unit(text, at + 6)?, 0xdc00..0xe000) => Ok(at + 12),
                _ => Err(NotAdmitted::LoneSurrogate { at }),
            },
            0xdc00..0xe000 => Err(NotAdmitted::LoneSurrogate { at }),
            _ => Ok(at + 6),
        },
        _ => Err(syntax(at, "an escape that JSON has")),
    }
}

/// The UTF-16 unit of the `\uXXXX` at `at`.
fn unit(text: &[u8], at: usize) -> Result<u32, NotAdmitted> {
    let digits = text.get(at + 2..at + 6).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    let digits = digits.ok_or_else(|| syntax(at, "four hexadecimal digits"))?;
    let digits = std::str::from_utf8(digits).expect("hexadecimal digits are ASCII");
    Ok(u32::from_str_radix(digits, 16).expect("four hexadecimal digits"))
}

/// Digits before the point, and digits of the exponent, up to which a number is smaller than every float's largest
/// (about 1.8e308): 200 digits and an exponent of 99 make at most 1e299.
const WHOLE_DIGITS_SAFE: usize = 200;
const EXPONENT_DIGITS_SAFE: usize = 2;

#[inline(always)]
fn number(text: &[u8], from: usize) -> Result<usize, NotAdmitted> {
    let start = from + usize::from(text[from] == b'-');
    let mut at = match text.get(start) {
        Some(b'0') => start + 1,
        _ => digits(text, start)?,
    };
    let whole_digits = at - start;
    let (mut float, mut exponent_digits) = (false, 0);
    if text.get(at) == Some(&b'.') {
        float = true;
        at = digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        float = true;
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        let exponent = at;
        at = digits(text, exponent)?;
        exponent_digits = at - exponent;
    }
    let safe = whole_digits <= WHOLE_DIGITS_SAFE && exponent_digits <= EXPONENT_DIGITS_SAFE;
    if float && !safe && is_infinite(&text[from..at]) {
        return Err(NotAdmitted::NumberTooLarge { at: from });
    }
    Ok(at)
}

/// The digits of the smallest number that is larger than every float, 2^1024 - 2^970: from there on they round to infinity.
const INFINITE: &str = "17976931348623158079372897140530341507993413271003782693617377898044496829276475094664901797758720709633\
    02864166928879109465555478519404026306574886715058206819089020007083836762738548458177115317644757302700\
    69855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904174497792";

/// Whether a number is larger than every float. It makes no float of it: to find the nearest one can cost a hundred times
/// what reading the text does.
#[cold]
pub(super) fn is_infinite(number: &[u8]) -> bool {
    let text = std::str::from_utf8(number).expect("a number is ASCII");
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let point = mantissa.find('.').unwrap_or(mantissa.len());
    let Some(first) = mantissa.find(|digit| matches!(digit, '1'..='9')) else { return false };
    let beyond = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    let exponent: i64 = exponent.parse().unwrap_or(beyond);
    // The number is at least ten to this, and less than ten times as much.
    let power = exponent.saturating_add(point as i64 - first as i64 - i64::from(first < point));
    let digits = mantissa[first..].bytes().filter(|byte| *byte != b'.');
    (power, digits.cmp(INFINITE.bytes())) >= (INFINITE.len() as i64 - 1, Ordering::Equal)
}

#[inline(always)]
fn digits(text: &[u8], from: usize) -> Result<usize, NotAdmitted> {
    let mut at = from;
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at == from { Err(syntax(at, "a digit")) } else { Ok(at) }
}

fn syntax(at: usize, expected: &'static str) -> NotAdmitted {
    NotAdmitted::Syntax { at, expected }
}

/// The first place from `at` on that a string cannot simply contain: `"`, `\`, or a control character.
///
/// Most strings are short, so two words come first; then 32 bytes a step in a form that compiles to vector code; then
/// words again, to find the place.
#[inline(always)]
fn plain_run(text: &[u8], mut at: usize) -> usize {
    for _ in 0..2 {
        match special_in_word(text, at) {
            Some(8) => at += 8,
            Some(offset) => return at + offset,
            None => break,
        }
    }
    while let Some(chunk) = text.get(at..at + 32) {
        if chunk.iter().fold(false, |hit, byte| hit | is_special(*byte)) {
            break;
        }
        at += 32;
    }
    while let Some(offset) = special_in_word(text, at) {
        at += offset;
        if offset < 8 {
            return at;
        }
    }
    while text.get(at).is_some_and(|byte| !is_special(*byte)) {
        at += 1;
    }
    at
}

/// With `|`, since the compiler makes vector code only of what has no branch.
#[inline(always)]
fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// Which of the eight bytes at `at` is the first special one; 8 if none is. `None` if there are no eight.
#[inline(always)]
fn special_in_word(text: &[u8], at: usize) -> Option<usize> {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let word = u64::from_le_bytes(text.get(at..at + 8)?.try_into().expect("eight bytes"));
    // "Has a byte below n" (n at most 128) may err above its lowest hit, never at it; and the lowest is what we want.
    let below = |word: u64, n: u64| word.wrapping_sub(LOW * n) & !word;
    let quote = below(word ^ (LOW * u64::from(b'"')), 1);
    let backslash = below(word ^ (LOW * u64::from(b'\\')), 1);
    let special = (quote | backslash | below(word, 0x20)) & HIGH;
    Some((special.trailing_zeros() / 8) as usize)
}

// What follows is for admitted texts only: it trusts the grammar.

#[inline(always)]
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The end of the value that begins at `at`.
pub(crate) fn skip(text: &[u8], at: usize) -> usize {
    match text[at] {
        b'"' => skip_string(text, at),
        b'{' | b'[' => {
            let (mut depth, mut at) = (0u32, at);
            loop {
                match text[at] {
                    b'"' => {
                        at = skip_string(text, at);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return at;
                }
            }
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
            text[at..].iter().position(ends).map_or(text.len(), |length| at + length)
        }
    }
}

/// The end of the string whose opening quote is at `at`.
#[inline(always)]
pub(crate) fn skip_string(text: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    loop {
        at = plain_run(text, at);
        match text[at] {
            b'"' => return at + 1,
            _ => at += 2,
        }
    }
}

#[cfg(test)]
mod tests;
