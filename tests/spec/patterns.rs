//! The patterns of DESIGN §4, row by row, as a guest meets them.

use serde_json::{Value, json};

use crate::stage::Stage;

/// For each pattern, messages that match and messages that do not.
fn rows() -> Vec<(Value, Vec<&'static str>, Vec<&'static str>)> {
    let kind = |kind: &str| json!({"$type": kind});
    let address = r#"{"$address":"aaaaaaaaaaaaaaaaaaaaaaaaaa@127.0.0.1:1"}"#;
    vec![
        (kind("any"), vec!["null", "[]", "1"], vec![]),
        (kind("null"), vec!["null"], vec!["0", "false", r#""null""#]),
        (kind("boolean"), vec!["true", "false"], vec!["0", r#""true""#]),
        (kind("integer"), vec!["0", "-7", "123456789012345678901234567890"], vec!["1.0", "1e2", "true"]),
        (kind("float"), vec!["1.0", "1e2", "-0.5"], vec!["1", "null"]),
        (kind("number"), vec!["1", "1.0"], vec![r#""1""#]),
        (kind("string"), vec![r#""""#, r#""\u0061""#], vec!["1", "null"]),
        (kind("array"), vec!["[]", "[1]"], vec!["{}"]),
        (kind("object"), vec!["{}", r#"{"a":1}"#], vec!["[]"]),
        (kind("address"), vec![address], vec![r#"{"$address":1}"#, r#""a@b:1""#, "{}"]),
        (kind("binary"), vec![r#"{"$binary":"AAEC"}"#], vec![r#"{"$binary":1}"#, r#""AAEC""#]),
        (json!("data"), vec![r#""data""#, r#""d\u0061ta""#], vec![r#""date""#, "1"]),
        (json!(1), vec!["1"], vec!["1.0", "2", r#""1""#, "true"]),
        (json!(1.5), vec!["1.5", "15e-1"], vec!["1", "2.5"]),
        (json!(true), vec!["true"], vec!["false", "1"]),
        (json!(null), vec!["null"], vec!["false"]),
        (json!({}), vec!["{}", r#"{"a":1}"#], vec!["[]", "null"]),
        (
            json!({"name": {"$type": "string"}, "at": {"x": 1}}),
            vec![r#"{"at":{"x":1,"y":2},"name":"a","more":[]}"#],
            vec![r#"{"name":"a"}"#, r#"{"name":1,"at":{"x":1}}"#, r#"{"name":"a","at":{"x":2}}"#],
        ),
        (json!({"k": 1}), vec![r#"{"k":1,"k":1}"#], vec![r#"{"k":1,"k":2}"#]),
        (
            json!(["data", {"$type": "any"}]),
            vec![r#"["data",1]"#],
            vec![r#"["data"]"#, r#"["data",1,2]"#, r#"[1,"data"]"#],
        ),
        (json!([]), vec!["[]"], vec!["[1]", "{}"]),
        (json!({"$each": {"$type": "integer"}}), vec!["[]", "[1,2]"], vec!["[1,2.0]", "1"]),
        (
            serde_json::from_str(address).expect("JSON"),
            vec![address],
            vec![r#"{"$address":"bbbbbbbbbbbbbbbbbbbbbbbbbb@127.0.0.1:1"}"#],
        ),
        (json!({"$host": {"$type": "any"}}), vec![], vec!["1", "{}"]),
        (json!({"$$type": "any"}), vec![r#"{"$type":"any"}"#], vec![r#"{"$$type":"any"}"#, "1"]),
    ]
}

#[test]
fn each_pattern_matches_what_it_says_and_nothing_else() {
    let stage = Stage::new();
    for (pattern, matching, others) in rows() {
        for (text, expected) in matching.iter().map(|text| (text, true)).chain(others.iter().map(|text| (text, false)))
        {
            let steps = format!(r#"[[{{"send":["me",{text}]}},{{"receive":[[{pattern}],0]}}]]"#);
            let steps = greenroom::Message::admit(steps, greenroom::Admission::default()).expect("a JSON text");
            let answer = stage.run("script", steps);
            assert_eq!(answer[1].is_object(), expected, "{pattern} and {text}: {answer}");
        }
    }
}

#[test]
fn a_text_that_is_no_pattern_is_refused_and_takes_nothing() {
    let stage = Stage::new();
    let any = json!({"$type": "any"});
    let nested = |levels: usize| (0..levels).fold(any.clone(), |inside, _| json!({"$each": inside}));
    for patterns in [
        json!([any, {"$type": "int"}]),
        json!([any, {"$each": 1, "and": 2}]),
        json!([any, {"$some": 1}]),
        json!([any, {"$address": "nowhere"}]),
        json!([any, {"deep": [{"$type": 1}]}]),
        json!([any, nested(16)]),
        json!([any, vec![0; 1024]]),
        json!([any, "x".repeat(1 << 20)]),
    ] {
        let answers = stage.play(json!([
            {"send": ["me", 1]},
            {"receive": [patterns, 0]},
            {"receive": [[], 0]},
        ]));
        let shown: String = patterns.to_string().chars().take(200).collect();
        assert_eq!(answers[1]["refused"], "bad-pattern", "{shown}");
        assert_eq!(answers[2]["message"], 1, "{shown}");
    }
}

#[test]
fn the_largest_patterns_and_the_most_are_taken() {
    let stage = Stage::new();
    let nested = (0..15).fold(json!({"$type": "any"}), |inside, _| json!({"$each": inside}));
    let never = (1..10_000).map(Value::from);
    for patterns in [vec![nested], vec![json!(vec![0; 1023]), json!([])], never.chain([json!([])]).collect()] {
        let last = patterns.len() - 1;
        let answers = stage.play(json!([{"send": ["me", []]}, {"receive": [patterns, 0]}]));
        assert_eq!(answers[1]["pattern"], last);
    }
}

#[test]
fn many_patterns_pass_many_messages_and_take_the_one_that_one_of_them_matches() {
    let stage = Stage::new();
    let patterns: Vec<Value> = (0..64).map(|id| json!({"response": id})).collect();
    let actor = stage.script(json!([{"receive": [patterns, null]}, {"receive": [[], 0]}, {"receive": [[], 0]}]));
    for id in 0..10_000 {
        stage.send(&actor, json!({"value": "of somebody else's call", "response": 64 + id}));
    }
    stage.send(&actor, json!({"response": 63}));
    let answers = stage.value(&actor);
    assert_eq!((&answers[0]["pattern"], &answers[0]["message"]["response"]), (&json!(63), &json!(63)));
    let left = [&answers[1]["message"]["response"], &answers[2]["message"]["response"]];
    assert_eq!(left, [64, 65], "what does not match keeps its place");
}
