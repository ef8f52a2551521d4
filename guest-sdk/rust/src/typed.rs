//! Which messages have the shape of a type: patterns from how serde reads it, worked out once for each type.

mod probe;
mod shape;

use crate::Pattern;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::TypeId;
use once_cell::race::OnceBox;
use probe::Trace;
use serde::de::DeserializeOwned;

/// What is known of one type, and where the next is kept. A list: an actor receives few types, and finds the first of
/// them at once.
struct Known {
    of: TypeId,
    patterns: Vec<Pattern>,
    next: OnceBox<Known>,
}

static KNOWN: OnceBox<Known> = OnceBox::new();

/// The patterns whose messages can be read as a `T`. Reads the type the first time, only compares afterwards.
pub(crate) fn patterns_of<T: DeserializeOwned + 'static>() -> &'static [Pattern] {
    let of = TypeId::of::<T>();
    let mut place = &KNOWN;
    loop {
        let known = place.get_or_init(|| Box::new(Known { of, patterns: read::<T>(), next: OnceBox::new() }));
        if known.of == of {
            return &known.patterns;
        }
        place = &known.next;
    }
}

/// Reads a `T` from made-up values and writes down what it asks for; then again without each field, to see which it can
/// do without; and all this for each variant if it is an enum.
fn read<T: DeserializeOwned>() -> Vec<Pattern> {
    let mut patterns = Vec::new();
    let mut variants = 1;
    while patterns.len() < variants {
        let mut trace = Trace::of_variant(patterns.len());
        let works = T::deserialize(trace.probe()).is_ok();
        variants = trace.variants();
        // A type with a check of its own may refuse the made-up values. What it asked for until then still holds.
        let fields = if works { trace.fields() } else { 0 };
        for field in 0..fields {
            let mut without = Trace::of_variant(patterns.len()).without(field);
            if T::deserialize(without.probe()).is_ok() {
                trace.optional(field);
            }
        }
        patterns.push(Pattern::new(trace.into_pattern()));
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, Binary, Ended, HostMessage, Json, Request, Shutdown};
    use serde::Deserialize;
    use std::collections::BTreeMap;

    fn check<T: DeserializeOwned + 'static>(expected: &[&str]) {
        let texts: Vec<&str> = patterns_of::<T>().iter().map(Pattern::text).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn plain_types_ask_for_their_kind() {
        check::<String>(&[r#"{"$type":"string"}"#]);
        check::<i8>(&[r#"{"$type":"integer"}"#]);
        check::<std::num::NonZeroU64>(&[r#"{"$type":"integer"}"#]);
        check::<f64>(&[r#"{"$type":"number"}"#]);
        check::<bool>(&[r#"{"$type":"boolean"}"#]);
        check::<()>(&[r#"{"$type":"null"}"#]);
        check::<Json>(&[r#"{"$type":"any"}"#]);
        check::<Option<u8>>(&[r#"{"$type":"any"}"#]);
        check::<Address>(&[r#"{"$type":"address"}"#]);
        check::<Binary>(&[r#"{"$type":"binary"}"#]);
        check::<Box<serde_json::value::RawValue>>(&[r#"{"$type":"any"}"#]);
        check::<Vec<u8>>(&[r#"{"$each":{"$type":"integer"}}"#]);
        check::<(String, u8)>(&[r#"[{"$type":"string"},{"$type":"integer"}]"#]);
        check::<BTreeMap<String, u8>>(&["{}"]);
    }

    #[test]
    fn a_struct_asks_for_the_fields_that_it_needs() {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "only the shape counts")]
        struct Inner {
            x: f32,
            #[serde(default)]
            y: u8,
        }
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "only the shape counts")]
        struct Outer {
            #[serde(rename = "$name")]
            name: String,
            nick: Option<String>,
            inner: Inner,
            #[serde(default)]
            rest: Inner2,
            to: Address,
        }
        #[derive(Deserialize, Default)]
        #[expect(dead_code, reason = "only the shape counts")]
        struct Inner2 {
            z: u8,
        }
        check::<Outer>(&[r#"{"$$name":{"$type":"string"},"inner":{"x":{"$type":"number"}},"to":{"$type":"address"}}"#]);
    }

    #[test]
    fn a_request_asks_for_what_a_call_has() {
        check::<Request>(&[r#"{"call":{"$type":"any"},"method":{"$type":"string"},"address":{"$type":"address"}}"#]);
    }

    #[test]
    fn an_enum_asks_for_one_of_its_variants() {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "only the shape counts")]
        enum Order {
            Stop,
            Move(i32, i32),
            Say(String),
            Paint { color: String, alpha: Option<u8> },
        }
        check::<Order>(&[
            r#""Stop""#,
            r#"{"Move":[{"$type":"integer"},{"$type":"integer"}]}"#,
            r#"{"Say":{"$type":"string"}}"#,
            r#"{"Paint":{"color":{"$type":"string"}}}"#,
        ]);
        check::<Vec<Order>>(&[r#"{"$each":{"$type":"any"}}"#]);
    }

    #[test]
    fn what_the_node_tells_is_taken_from_the_node_only() {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "only the shape counts")]
        struct Down(Ended);
        let ended = [
            r#"{"$host":{"address":{"$type":"string"},"exit":{"$type":"any"}}}"#,
            r#"{"$host":{"address":{"$type":"string"},"exception":{"$type":"object"}}}"#,
        ];
        check::<Ended>(&ended);
        check::<Down>(&ended);
        check::<Shutdown>(&[r#"{"$host":{"shutdown":{"$type":"any"}}}"#]);
        check::<HostMessage>(&[r#"{"$host":{"$type":"any"}}"#]);
        // `$host` stands at the top of a pattern only.
        check::<(HostMessage, u8)>(&[r#"[{"$type":"any"},{"$type":"integer"}]"#]);
    }

    #[test]
    fn a_type_that_contains_itself_comes_to_an_end() {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "only the shape counts")]
        struct Tree {
            name: String,
            children: Vec<Tree>,
        }
        let patterns = patterns_of::<Tree>();
        assert!(patterns[0].text().starts_with(r#"{"name":{"$type":"string"},"children":{"$each":{"name""#));
        assert!(patterns[0].text().len() < 1000, "{}", patterns[0]);
    }

    #[test]
    fn a_type_with_a_check_of_its_own_keeps_what_is_known() {
        #[derive(Deserialize)]
        #[serde(try_from = "String")]
        struct Even;
        impl TryFrom<String> for Even {
            type Error = &'static str;
            fn try_from(_: String) -> Result<Self, &'static str> {
                Err("odd")
            }
        }
        check::<Even>(&[r#"{"$type":"string"}"#]);
    }
}
