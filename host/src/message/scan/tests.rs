//! What admission takes and refuses, held against serde_json.

mod grammar;
mod random;

use super::*;
use crate::message::{Message, within_floats};
use serde_json::Value;

/// What the scanner says. Whatever the text, it must be what serde_json says, but for what [`Message::admit`] lists.
fn checked(text: &str) -> Result<(), NotAdmitted> {
    let ours = check(text.as_bytes(), Admission::default());
    let theirs = serde_json::from_str::<Value>(text);
    match &ours {
        Ok(()) => {
            let read = Read::whole(text);
            assert_eq!(read.value, Message::trusted(text.to_owned()).to_value(), "{text:?}");
            match theirs {
                Ok(theirs) => assert_eq!(read.value, theirs, "{text:?}"),
                Err(_) => assert_ne!(within_floats(text), text, "an integer larger than every float in {text:?}"),
            }
            bounds_are_exact(text, &read);
            value_ends(text);
        }
        Err(NotAdmitted::TooDeep { at, .. }) => assert_eq!(open_brackets(&text[..=*at]), DEPTH_MAX + 1, "{text:?}"),
        Err(why) => assert!(theirs.is_err(), "{text:?} is refused here only: {why}"),
    }
    ours
}

/// A text within its own bounds is admitted, and refused if one of them is one less.
fn bounds_are_exact(text: &str, read: &Read) {
    let within = |depth_max, values_max| {
        check(text.as_bytes(), Admission { depth_max, values_max, ..Admission::default() }).map_err(|why| match why {
            NotAdmitted::TooDeep { max, .. } => max as usize,
            NotAdmitted::TooManyValues { max, .. } => max,
            other => panic!("{text:?}: {other}"),
        })
    };
    assert_eq!(within(read.depth, read.values), Ok(()), "{text:?}");
    assert_eq!(within(read.depth, read.values - 1), Err(read.values - 1), "{text:?}");
    if let Some(less) = read.depth.checked_sub(1) {
        assert_eq!(within(less, read.values), Err(less as usize), "{text:?}");
    }
}

/// A value ends where it ends, whatever is behind it.
fn value_ends(text: &str) {
    let start = skip_space(text.as_bytes(), 0);
    let whole = text.trim_end_matches([' ', '\n', '\r', '\t']);
    for behind in [",", "]", "}", "\n,"] {
        assert_eq!(skip(format!("{whole}{behind}").as_bytes(), start), whole.len(), "{text:?}");
    }
}

/// How many brackets a text leaves open, outside of strings.
fn open_brackets(text: &str) -> u32 {
    let (mut open, mut in_string, mut escaped) = (0, false, false);
    for character in text.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            '[' | '{' if !in_string => open += 1,
            ']' | '}' if !in_string => open -= 1,
            _ => {}
        }
    }
    open
}

/// An admitted text as a tree, found by skipping as the matcher does: serde_json reads scalars only.
#[derive(Default)]
struct Read {
    value: Value,
    values: usize,
    depth: u32,
}

impl Read {
    fn whole(text: &str) -> Read {
        let mut read = Read::default();
        read.value = read.value_at(text, skip_space(text.as_bytes(), 0), 0);
        read
    }

    fn value_at(&mut self, text: &str, at: usize, depth: u32) -> Value {
        self.values += 1;
        let whole = &text[at..skip(text.as_bytes(), at)];
        if !whole.starts_with(['[', '{']) {
            return Message::trusted(whole.to_owned()).to_value();
        }
        self.depth = self.depth.max(depth + 1);
        let bytes = whole.as_bytes();
        let mut children = Vec::new();
        let mut at = skip_space(bytes, 1);
        while !matches!(bytes[at], b']' | b'}') {
            let key_end = if bytes[0] == b'{' { skip_string(bytes, at) } else { at };
            let key = &whole[at..key_end];
            let start = if key.is_empty() { at } else { skip_space(bytes, skip_space(bytes, key_end) + 1) };
            children.push((key, self.value_at(whole, start, depth + 1)));
            at = skip_space(bytes, skip(bytes, start));
            if bytes[at] == b',' {
                at = skip_space(bytes, at + 1);
            }
        }
        assert_eq!(at + 1, whole.len(), "{whole:?}");
        let key = |text| serde_json::from_str::<String>(text).expect("a key is a string");
        match bytes[0] {
            b'[' => children.into_iter().map(|(_, value)| value).collect(),
            _ => Value::Object(children.into_iter().map(|(text, value)| (key(text), value)).collect()),
        }
    }
}

#[test]
fn depth_is_counted_without_recursion() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(checked(&nested(64)), Ok(()));
    assert_eq!(checked(&nested(65)), Err(NotAdmitted::TooDeep { at: 64, max: 64 }));
    assert_eq!(checked(&"{\"a\":".repeat(100_000)), Err(NotAdmitted::TooDeep { at: 64 * 5, max: 64 }));
}

#[test]
fn no_bound_admits_more_than_64_levels() {
    let admission = Admission { depth_max: u32::MAX, ..Admission::default() };
    assert_eq!(check("[".repeat(65).as_bytes(), admission), Err(NotAdmitted::TooDeep { at: 64, max: 64 }));
}

#[test]
fn one_value_too_many_is_refused_where_it_begins() {
    let admit = |text: &str, values_max| check(text.as_bytes(), Admission { values_max, ..Admission::default() });
    let objects = format!("[{}{{}}]", "{\"a\":0},".repeat(1000));
    assert_eq!(admit(&objects, 2002), Ok(()), "keys are no values");
    assert_eq!(admit(&objects, 2001), Err(NotAdmitted::TooManyValues { at: objects.len() - 3, max: 2001 }));
    assert_eq!(admit("[[[1]]]", 3), Err(NotAdmitted::TooManyValues { at: 3, max: 3 }));
    assert_eq!(admit(" 1", 0), Err(NotAdmitted::TooManyValues { at: 1, max: 0 }));
    assert!(matches!(admit("[1 1]", 2), Err(NotAdmitted::Syntax { .. })), "what is no JSON is called that");
}

#[test]
fn numbers_are_refused_from_the_first_that_no_float_holds() {
    assert_eq!(checked("[1e999]"), Err(NotAdmitted::NumberTooLarge { at: 1 }));
    assert_eq!(checked(&("9".repeat(400) + ".0")), Err(NotAdmitted::NumberTooLarge { at: 0 }));
    let infinite_as_a_float = |text: String| {
        let infinite = text.parse::<f64>().expect("a float").is_infinite();
        assert_eq!(checked(&text).is_err(), infinite, "{text}");
    };
    for digits in 1..=310_usize {
        for exponent in ["0", "9", "99", "+100", "108", "109", "307", "308", "309", "-99", "-309"] {
            infinite_as_a_float(format!("-{}.5e{exponent}", "9".repeat(digits)));
        }
        for more in [307, 308, 309, 310] {
            infinite_as_a_float(format!("0.{}1e{}", "0".repeat(digits), digits + more));
            infinite_as_a_float(format!("1{}.0e{}", "0".repeat(digits), more as i64 - digits as i64));
        }
    }
    // Around the smallest that is infinite, digit by digit.
    for (index, digit) in INFINITE.bytes().enumerate().skip(1) {
        for digit in [digit.saturating_sub(1).max(b'0'), digit, digit.saturating_add(1).min(b'9')] {
            for more in ["", "0", "1"] {
                let digits = format!("{}{}{more}", &INFINITE[..index], digit as char);
                let (first, rest) = digits.split_at(1);
                infinite_as_a_float(format!("{first}.{rest}0e308"));
                infinite_as_a_float(format!("-{digits}e{}", 309_i64 - digits.len() as i64));
                infinite_as_a_float(format!("0.00{digits}E+311"));
            }
        }
    }
}
