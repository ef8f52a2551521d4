//! Which messages an actor is willing to receive. Pure.

mod compile;
mod matching;

use thiserror::Error;

use crate::message::IntoMessage;
use crate::refusal::{Refusal, RefusalKind};

/// A pattern, compiled once and matched against raw texts.
///
/// ```
/// use greenroom::Pattern;
/// use serde_json::json;
///
/// assert!(Pattern::new(&json!({"event": {"$type": "string"}})).is_ok());
/// assert!(Pattern::new(&json!({"$type": "strange"})).is_err());
/// ```
#[derive(Debug, PartialEq)]
pub struct Pattern {
    shape: Shape,
    /// Written as `{"$host": P}`: matches only what the host sent.
    from_host: bool,
}

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum BadPattern {
    #[error("a pattern must be JSON: {0}")]
    NotJson(#[from] crate::message::NotAdmitted),
    #[error("a pattern may have at most {PATTERN_DEPTH_MAX} levels")]
    TooDeep,
    #[error("a pattern may have at most {PATTERN_NODES_MAX} parts")]
    TooLarge,
    #[error("`{0}` stands alone in its object, without other keys")]
    NotAlone(String),
    /// Then each byte of a message is matched against few parts of a pattern, however both are made.
    #[error("the key `{0}` stands twice in one object of a pattern")]
    Repeated(String),
    #[error("there is no pattern `{0}`; a key that begins with `$` is written with one more")]
    UnknownForm(String),
    #[error(
        "there is no type `{0}`; there are any, null, boolean, integer, float, number, string, array, object, address, \
         binary"
    )]
    UnknownType(String),
    #[error("`{form}` takes {takes}")]
    WrongValue { form: &'static str, takes: &'static str },
    #[error("`$host` stands at the top of a pattern only")]
    HostInside,
}

/// Levels of a pattern: matching recurses over them, on a fiber's stack.
const PATTERN_DEPTH_MAX: usize = 16;

/// Parts of a pattern: how much work one message may cost.
const PATTERN_NODES_MAX: usize = 1024;

#[derive(Debug, PartialEq)]
enum Shape {
    Any,
    Null,
    Boolean(Option<bool>),
    Integer,
    Float,
    Number,
    String,
    Array,
    Object,
    Address,
    Binary,
    /// That very address.
    ThisAddress(Box<str>),
    /// That string, unescaped.
    Text(Box<str>),
    /// That number, as it was written.
    Exactly(Box<str>),
    /// At least these keys: each once, in order of their bytes.
    Keys(Box<[(Box<str>, Shape)]>),
    Items(Box<[Shape]>),
    Each(Box<Shape>),
}

impl Pattern {
    /// Compiles a pattern, written in JSON as the contract has it (`wit/host.wit`).
    ///
    /// # Errors
    ///
    /// `bad-pattern`, saying what is wrong.
    pub fn new(pattern: impl IntoMessage) -> Result<Pattern, Refusal> {
        let bad = |why: BadPattern| Refusal::new(RefusalKind::BadPattern, why.to_string());
        Pattern::compile(&pattern.into_text()).map_err(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn matches(pattern: &str, message: &str) -> bool {
        let pattern = Pattern::compile(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"));
        let message = crate::message::Message::trusted(message.to_owned());
        pattern.matches(message.as_str(), false)
    }

    /// One row of DESIGN §4's table: what matches, and what does not.
    fn row(pattern: &str, yes: &[&str], no: &[&str]) {
        yes.iter().for_each(|message| assert!(matches(pattern, message), "{pattern} must match {message}"));
        no.iter().for_each(|message| assert!(!matches(pattern, message), "{pattern} must not match {message}"));
    }

    #[test]
    fn each_type_matches_its_kind() {
        let all = ["null", "true", "1", "1.5", "\"s\"", "[1]", "{\"a\":1}"];
        let kinds = [
            ("null", 0..1),
            ("boolean", 1..2),
            ("integer", 2..3),
            ("float", 3..4),
            ("number", 2..4),
            ("string", 4..5),
            ("array", 5..6),
            ("object", 6..7),
            ("any", 0..7),
        ];
        for (kind, range) in kinds {
            let (yes, no): (Vec<_>, Vec<_>) = (0..7).partition(|index| range.contains(index));
            let pick = |which: Vec<usize>| which.into_iter().map(|index| all[index]).collect::<Vec<_>>();
            row(&format!(r#"{{"$type":"{kind}"}}"#), &pick(yes), &pick(no));
        }
        row(r#"{"$type":"float"}"#, &["1e2", "-0.0", "1E-1"], &["-0", "12345678901234567890"]);
    }

    #[test]
    fn addresses_and_binaries_are_marked_objects() {
        let address = r#"{"$address":"aaaaaaaaaaaaaaaaaaaaaaaaah@a:1"}"#;
        row(
            r#"{"$type":"address"}"#,
            &[address, r#"{ "\u0024address" : "name@a:1" }"#],
            &[
                r#""aaaaaaaaaaaaaaaaaaaaaaaaah@a:1""#,
                r#"{"$address":"x y"}"#,
                r#"{"$address":"name@"}"#,
                r#"{"$address":"name@nowhere"}"#,
                r#"{"$address":"name@a b:1"}"#,
                r#"["name@a:1"]"#,
                r#"{"$address":"name@a:1","b":1}"#,
                "{}",
            ],
        );
        row(address, &[address], &[r#"{"$address":"baaaaaaaaaaaaaaaaaaaaaaaah@a:1"}"#, "{}"]);
        row(
            r#"{"$type":"binary"}"#,
            &[r#"{"$binary":""}"#, r#"{"$binary":"YQ=="}"#, r#"{"$binary":"Y\u0051=="}"#],
            &[r#"{"$binary":"YQ="}"#, r#"{"$binary":"Y Q="}"#, r#"{"$binary":1}"#],
        );
    }

    #[test]
    fn values_match_themselves() {
        row("\"data\"", &["\"data\"", "\"d\\u0061ta\""], &["\"Data\"", "\"data2\"", "1"]);
        row("\"\\n\\\\\"", &["\"\\n\\\\\"", "\"\\u000a\\u005c\""], &["\"n\""]);
        row("1", &["1", " 1 "], &["1.0", "1e0", "-1", "10", "true"]);
        row("1.0", &["1.0", "1.00", "1e0", "10e-1", "0.1E+1"], &["1", "1.01"]);
        row("0", &["0", "-0"], &["0.0"]);
        row("0.0", &["0e99999999999999999999", "-0.00"], &["0", "1e-300"]);
        row("123456789012345678901", &["123456789012345678901"], &["123456789012345678902"]);
        row(
            "-12.50e-3",
            &["-0.0125", "-125e-4", "-1.25E-02", "-0.00000125e4"],
            &["0.0125", "-0.125", "-0.0126", "-0.012501"],
        );
        row("100.0", &["1e2", "1.0e+2", "1000e-1"], &["100", "10.0", "1e3", "101.0", "-100.0"]);
        row("true", &["true"], &["false", "1"]);
        row("false", &["false"], &["true", "null"]);
        row("null", &["null"], &["0", "false"]);
    }

    #[test]
    fn objects_need_the_keys_and_arrays_the_length() {
        row(
            r#"{"a":1,"b":{"c":{"$type":"any"}}}"#,
            &[r#"{"x":[1,{}],"b":{"c":0,"d":1},"\u0061":1}"#],
            &[r#"{"a":1}"#, r#"{"a":2,"b":{"c":1}}"#, "[]"],
        );
        row("{}", &["{}", r#"{"a":1}"#], &["[]", "null"]);
        row(
            r#"["data",{"$type":"string"}]"#,
            &[r#"["data","x"]"#, r#" [ "data" , "x" ] "#],
            &[r#"["data"]"#, r#"["data","x",1]"#, r#"["data",1]"#, "[]", "{}"],
        );
        row("[]", &["[]", "[ ]"], &["[1]"]);
        row(r#"{"$each":{"$type":"integer"}}"#, &["[]", "[1]", "[1,2 ]"], &["[1,\"a\"]", "1"]);
        row(r#"{"$$type":1,"$$$x":2}"#, &[r#"{"$type":1,"$$x":2}"#], &[r#"{"$$type":1,"$$x":2}"#]);
    }

    #[test]
    fn a_repeated_key_must_match_each_time() {
        row(r#"{"a":1}"#, &[r#"{"a":1,"a":1}"#], &[r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#]);
    }

    #[test]
    fn many_keys_are_all_asked_for() {
        let object =
            |keys: usize| Value::Object((0..keys).map(|key| (format!("k{key}"), json!(key))).collect()).to_string();
        assert!(matches(&object(100), &object(100)));
        assert!(!matches(&object(100), &object(99)));
        assert!(matches(&object(1000), &object(1001)));
        assert!(!matches(&object(1000), &object(999)));
    }

    #[test]
    fn host_patterns_match_only_what_the_host_sent() {
        let pattern = Pattern::compile(r#"{"$host":{"exit":{"$type":"any"}}}"#).expect("a pattern");
        assert!(pattern.matches(r#"{"exit":1}"#, true));
        assert!(!pattern.matches(r#"{"exit":1}"#, false));
        assert!(!pattern.matches(r#"{"down":1}"#, true));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        let deep = "[".repeat(17) + &"]".repeat(17);
        let large = format!("[{}1]", "1,".repeat(1024));
        for (text, why) in [
            (r#"{"a":1,"b":2,"\u0061":1}"#, "`a` stands twice"),
            (r#"{"$address":"name@nowhere"}"#, "takes an address"),
            ("[1", "must be JSON"),
            (r#"{"$type":"int"}"#, "no type `int`"),
            (r#"{"$type":1}"#, "takes the name"),
            (r#"{"$any":1}"#, "no pattern `$any`"),
            (r#"{"$type":"any","b":1}"#, "stands alone"),
            (r#"[{"$host":1}]"#, "at the top"),
            (r#"{"$address":"nobody"}"#, "takes an address"),
            (r#"{"$each":{"$type":"x"}}"#, "no type"),
            (&deep, "levels"),
            (&large, "parts"),
        ] {
            let said = Pattern::compile(text).expect_err(text).to_string();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn the_bounds_of_a_pattern_are_exact() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Pattern::compile(&nested(PATTERN_DEPTH_MAX)).is_ok());
        assert_eq!(Pattern::compile(&nested(PATTERN_DEPTH_MAX + 1)), Err(BadPattern::TooDeep));
        let parts = |parts: usize| format!("[{}1]", "1,".repeat(parts - 2));
        assert!(Pattern::compile(&parts(PATTERN_NODES_MAX)).is_ok());
        assert_eq!(Pattern::compile(&parts(PATTERN_NODES_MAX + 1)), Err(BadPattern::TooLarge));
    }

    /// Says the same as the matcher, the slow way, for what serde_json keeps exactly.
    fn naive(pattern: &Value, message: &Value) -> bool {
        match pattern {
            Value::Array(shapes) => message.as_array().is_some_and(|items| {
                items.len() == shapes.len() && shapes.iter().zip(items).all(|(shape, item)| naive(shape, item))
            }),
            Value::Object(form) if form.contains_key("$each") => {
                message.as_array().is_some_and(|items| items.iter().all(|item| naive(&form["$each"], item)))
            }
            Value::Object(form) if form.contains_key("$type") => match form["$type"].as_str().expect("a type") {
                "any" => true,
                "integer" => message.is_i64(),
                "float" => message.is_f64(),
                "string" => message.is_string(),
                other => panic!("{other} is not generated"),
            },
            Value::Object(keys) => message.as_object().is_some_and(|object| {
                keys.iter().all(|(key, shape)| object.get(key).is_some_and(|value| naive(shape, value)))
            }),
            scalar => scalar == message,
        }
    }

    fn messages() -> impl Strategy<Value = Value> {
        let key = "[ab\"\\\\]";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-2..3i64).prop_map(Value::from),
            prop::sample::select(vec![0.5, 1.0, -2.25]).prop_map(Value::from),
            "[a\"\\\\é]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 3, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn patterns() -> impl Strategy<Value = Value> {
        let kind =
            prop::sample::select(vec!["any", "integer", "float", "string"]).prop_map(|kind| json!({"$type": kind}));
        let scalar = prop::sample::select(vec![json!(null), json!(true), json!(0.5), json!(1.0)]);
        let leaf = prop_oneof![3 => kind, 1 => scalar, 1 => (-2..3i64).prop_map(Value::from), 1 => "[a\"\\\\é]{0,2}".prop_map(Value::from)];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|each| json!({"$each": each})),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab\"\\\\]", inner, 0..2)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn the_naive_matcher_agrees(pattern in patterns(), message in messages(), pretty: bool, escaped: bool) {
            let mut text = if pretty { format!("{message:#}") } else { message.to_string() };
            if escaped {
                // The letter stands in keys only, the other in strings only.
                text = text.replace('b', "\\u0062").replace('é', "\\u00e9");
            }
            prop_assert_eq!(matches(&pattern.to_string(), &text), naive(&pattern, &message), "{} {}", pattern, text);
        }
    }
}
