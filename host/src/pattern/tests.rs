//! The rows of DESIGN §4 and the bounds, one by one.

mod naive;
mod random;

use super::*;
use crate::message::Message;
use serde_json::{Value, json};

fn compiled(text: &str) -> Result<Pattern, BadPattern> {
    Pattern::compile(text, PatternBounds::default())
}

fn matches(pattern: &str, message: &str) -> bool {
    let pattern = compiled(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"));
    pattern.matches(Message::trusted(message.to_owned()).as_str(), false)
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
    // An escape may be, byte for byte, what another string says.
    row(r#""\\n""#, &[r#""\\n""#, r#""\u005cn""#], &[r#""\n""#]);
    row(r#"{"\\n":1}"#, &[r#"{"\\n":1}"#], &[r#"{"\n":1}"#]);
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
    let pattern = compiled(r#"{"$host":{"exit":{"$type":"any"}}}"#).expect("a pattern");
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
        let said = compiled(text).expect_err(text).to_string();
        assert!(said.contains(why), "{text}: {said}");
    }
}

#[test]
fn the_bounds_of_a_pattern_are_exact() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(compiled(&nested(16)).is_ok());
    assert_eq!(compiled(&nested(17)), Err(BadPattern::TooDeep));
    assert_eq!(compiled(&format!("{}0{}", "[".repeat(16), "]".repeat(16))), Err(BadPattern::TooDeep));
    let each = |levels: usize| "{\"$each\":".repeat(levels) + "{\"$type\":\"any\"}" + &"}".repeat(levels);
    assert!(compiled(&each(15)).is_ok());
    assert_eq!(compiled(&each(16)), Err(BadPattern::TooDeep));
    for part in ["1", r#"{"$type":"any"}"#, r#"{"$address":"a@a:1"}"#, "{}"] {
        let of = |parts: usize| format!("[{}{part}]", format!("{part},").repeat(parts - 2));
        assert!(compiled(&of(1024)).is_ok());
        assert_eq!(compiled(&of(1025)), Err(BadPattern::TooLarge { max: 1024 }));
        let few = PatternBounds { parts_max: 3, ..PatternBounds::default() };
        assert!(Pattern::compile(&of(3), few).is_ok());
        assert_eq!(Pattern::compile(&of(4), few), Err(BadPattern::TooLarge { max: 3 }));
    }
    let single = PatternBounds { parts_max: 1, ..PatternBounds::default() };
    assert!(Pattern::compile(r#"{"$type":"any"}"#, single).is_ok());
    assert_eq!(Pattern::compile(r#"{"$each":{}}"#, single), Err(BadPattern::TooLarge { max: 1 }));
    let boundless = PatternBounds { parts_max: usize::MAX / 2, ..PatternBounds::default() };
    let too_large = Pattern::compile(&format!("[{}1]", "1,".repeat(1023)), boundless);
    assert_eq!(too_large, Err(BadPattern::TooLarge { max: 1024 }));
}

#[test]
fn the_patterns_of_one_receive_are_bounded_in_number_and_bytes() {
    let bounds = PatternBounds { bytes_max: 10, ..PatternBounds::default() };
    let compile_all = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Pattern::compile_all(&texts, bounds).map(|patterns| patterns.len())
    };
    assert_eq!(compile_all(&["1", "2", "3"]), Ok(3));
    assert_eq!(compile_all(&["12345", "\"abc\""]), Ok(2));
    assert_eq!(compile_all(&["12345", "\"abcd\""]), Err(BadPattern::TooLong { bytes: 11, max: 10 }));
}

/// It is done at once, or nobody will wait for it.
#[test]
fn a_long_number_in_a_pattern_is_not_read_for_each_of_a_message() {
    let zeros = "0".repeat(1 << 20);
    let ones = format!("[{}1.0]", "1.0,".repeat(1 << 18));
    assert!(matches(&format!("{{\"$each\":1.{zeros}}}"), &ones));
    assert!(!matches(&format!("{{\"$each\":1.{zeros}1}}"), &ones));
}
