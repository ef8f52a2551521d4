//! What the macros make of right and of wrong use.

use greenroom_guest::{Address, Pattern, Result, Spawn, actor, pattern};

static DATA: Pattern = pattern!(["data", str]);

fn check(pattern: &Pattern, expected: &str) {
    assert_eq!(pattern.text(), expected);
}

#[test]
fn a_pattern_is_the_text_of_the_contract() {
    check(&DATA, r#"["data",{"$type":"string"}]"#);
    check(&pattern!({"event": str, "data": any}), r#"{"event":{"$type":"string"},"data":{"$type":"any"}}"#);
    check(&pattern!([int; ..]), r#"{"$each":{"$type":"integer"}}"#);
    check(
        &pattern!([{"x": num}, null, -1, 2.5, 3., 4f32, 5e1, true, []]),
        r#"[{"x":{"$type":"number"}},{"$type":"null"},-1,2.5,3.0,4.0,5e1,true,[]]"#,
    );
    check(&pattern!({}), "{}");
    check(&pattern!({"$x": "say \"hi\"\n"}), r#"{"$$x":"say \"hi\"\u000a"}"#);
    check(&pattern!(host({"exit": any})), r#"{"$host":{"exit":{"$type":"any"}}}"#);
}

#[test]
fn an_expression_in_a_pattern_is_its_value() {
    let (id, names) = ("a\"7", ["b", "c"]);
    check(
        &pattern!({"response": (id), "names": (names), "n": (1 + 1)}),
        r#"{"response":"a\"7","names":["b","c"],"n":2}"#,
    );
    check(&pattern!((id)), r#""a\"7""#);
}

/// Doubles.
#[actor]
fn double(n: u32) -> u32 {
    n * 2
}

#[derive(Default)]
struct Counter {
    count: u32,
}

#[actor]
impl Counter {
    fn main(&mut self, step: u32) -> u32 {
        self.count += step;
        self.count
    }
}

/// Actors whose names the macro's own code might have used.
mod names {
    use greenroom_guest::actor;

    #[actor]
    pub fn run(run: u32) -> u32 {
        run
    }

    #[actor]
    pub fn given(arguments: u32) -> u32 {
        arguments
    }

    #[actor]
    pub fn spawn() -> u32 {
        3
    }

    #[actor]
    pub fn with(options: u32) -> u32 {
        options
    }
}

#[test]
fn an_actor_may_have_any_name() {
    assert_eq!((names::run(1), names::given(2), names::spawn(), names::with(4)), (1, 2, 3, 4));
}

#[test]
fn a_function_and_a_type_stay_what_they_are_and_get_a_spawn() {
    assert_eq!(double(2), 4);
    assert_eq!(Counter { count: 1 }.main(2), 3);
    let _spawns: [fn(u32) -> Result<Address>; 2] = [double::spawn, Counter::spawn];
    let _spawns_with: [fn(&Spawn, u32) -> Result<Address>; 2] = [double::spawn_with, Counter::spawn_with];
}

#[test]
fn wrong_use_is_told_in_plain_words() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
