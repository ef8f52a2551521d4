//! RFC 8259, production by production, with what must not pass beside what must.

use super::*;

/// What becomes of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Admitted,
    NotJson,
    Surrogate,
    TooLarge,
    TooDeep,
}
use Verdict::*;

fn verdict(text: &str) -> Verdict {
    match checked(text) {
        Ok(()) => Admitted,
        Err(NotAdmitted::Syntax { .. }) => NotJson,
        Err(NotAdmitted::LoneSurrogate { .. }) => Surrogate,
        Err(NotAdmitted::NumberTooLarge { .. }) => TooLarge,
        Err(NotAdmitted::TooDeep { .. }) => TooDeep,
        Err(why @ (NotAdmitted::TooLarge { .. } | NotAdmitted::TooManyValues { .. })) => panic!("{text:?}: {why}"),
    }
}

fn all<S: AsRef<str>>(texts: impl IntoIterator<Item = S>, expected: Verdict) {
    texts.into_iter().for_each(|text| assert_eq!(verdict(text.as_ref()), expected, "{:?}", text.as_ref()));
}

fn admitted_if(text: &str, good: bool) {
    assert_eq!(verdict(text), if good { Admitted } else { NotJson }, "{text:?}");
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for (text, at) in [
        ("", 0),
        (" ", 1),
        ("{", 1),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("{\"a\" 1}", 5),
        ("{a:1}", 1),
        ("{\"a\":1,}", 7),
        ("01", 1),
        ("-", 1),
        ("1.", 2),
        ("1e", 2),
        (".5", 0),
        ("+1", 0),
        ("nul", 0),
        ("\"a", 2),
        ("\"\n\"", 1),
        ("\"\\x\"", 1),
        ("\"\\u12g4\"", 1),
        ("1 1", 2),
        ("]", 0),
        ("[}", 1),
        ("\u{feff}1", 0),
        ("NaN", 0),
    ] {
        match checked(text) {
            Err(NotAdmitted::Syntax { at: found, .. }) => assert_eq!(found, at, "{text:?}"),
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn a_number_is_a_minus_digits_a_fraction_and_an_exponent() {
    let signs = [("", true), ("-", true), ("+", false), ("--", false), ("- ", false)];
    let wholes = [
        ("0", true),
        ("7", true),
        ("10", true),
        ("18446744073709551616", true),
        ("", false),
        ("00", false),
        ("01", false),
        ("0x1", false),
        ("1_0", false),
        ("1,0", false),
        ("٣", false),
    ];
    let fractions = [("", true), (".0", true), (".05", true), (".", false), (".5.5", false), (".-5", false)];
    let exponents = [
        ("", true),
        ("e0", true),
        ("E+07", true),
        ("e-99", true),
        ("e", false),
        ("E+", false),
        ("e1.5", false),
        ("ee1", false),
        ("e+-1", false),
        ("f", false),
    ];
    for (sign, sign_good) in signs {
        for (whole, whole_good) in wholes {
            for (fraction, fraction_good) in fractions {
                for (exponent, exponent_good) in exponents {
                    let good = sign_good && whole_good && fraction_good && exponent_good;
                    let number = format!("{sign}{whole}{fraction}{exponent}");
                    admitted_if(&number, good);
                    // As the only element: a comma in it makes two.
                    admitted_if(&format!("{{\"n\":{number}}}"), good);
                }
            }
        }
    }
    all(["NaN", "nan", "Infinity", "-Infinity", "inf", "-", "+", ".", "e1", "1 000", "1n", "½", "−1"], NotJson);
}

#[test]
fn a_number_may_be_of_any_length_but_not_larger_than_every_float() {
    let nines = "9".repeat(400);
    all([&nines, &format!("-{nines}"), &format!("1.{nines}"), &format!("0.{nines}e99")], Admitted);
    all(["1e308", "-1.7976931348623157e308", "1e-999", "0e999", "-0.0e99999999999999999999", "0e0"], Admitted);
    all(["1e-99999999999999999999", "5e-324", "4e-325", "1E00000000000000000000001"], Admitted);
    all(["1e309", "-1e309", "1.7976931348623159e308", "1e99999999999999999999", "0.1e400"], TooLarge);
    all([format!("{nines}.0"), format!("-{nines}e0"), format!("[1,{nines}E1]")], TooLarge);
    // Of two faults the first is told.
    all(["[1e999", "[1e999,\"\\ud800\"]", "{\"a\":-1e999x}"], TooLarge);
}

#[test]
fn a_word_is_true_false_or_null() {
    for word in ["true", "false", "null"] {
        all([word, &format!("[{word}]"), &format!("\r\n{word}\t"), &format!("{{\"\":{word}}}")], Admitted);
        all((1..word.len()).map(|length| &word[..length]), NotJson);
        all((1..word.len()).map(|start| &word[start..]), NotJson);
        all([word.to_uppercase(), word.replacen(char::is_alphabetic, "T", 1)], NotJson);
        all([format!("{word}{word}"), format!("{word}s"), format!("{word}1"), format!("{word}\u{0}")], NotJson);
    }
    all(["undefined", "None", "nil", "yes", "abc", "$x", "'a'", "`a`", "“a”", "a:1", "/a/", "()", "<a>"], NotJson);
}

#[test]
fn a_string_escapes_what_must_be_and_no_more_than_there_is() {
    for character in (0..=0x2ff).chain(0x2020..0x2030).filter_map(char::from_u32) {
        let escapes = "\"\\/bfnrt".contains(character);
        admitted_if(&format!("\"\\{character}\""), escapes);
        if character != '"' && character != '\\' {
            admitted_if(&format!("[\"a{character}b\"]"), character >= ' ');
            admitted_if(&format!("{{\"{character}\":0}}"), character >= ' ');
        }
    }
    all(
        ["\"\u{7f}\u{80}\u{2028}\u{feff}\u{fffe}\u{ffff}\u{10ffff}\"", "\"𝄞\"", "\"\\\\\"", "\"'\"", "\"/*\""],
        Admitted,
    );
    all(["\"\\u0000\"", "\"\\u001F\\u00e9\\uABCD\\uabcd\\uFFFF\\ufdd0\"", "\"\\\\u\"", "\"\\\\ud800\""], Admitted);
    all(
        ["\"", "\"\\\"", "\"\\", "\"\"\"", "\"a\"b", "\"\\u\"", "\"\\u1\"", "\"\\u12\"", "\"\\u123\"", "\"\\u123"],
        NotJson,
    );
    all(["\"\\u 123\"", "\"\\u+123\"", "\"\\u-123\"", "\"\\u0x12\"", "\"\\uüü\"", "\"\\u12\u{1}4\""], NotJson);
    all(["\"\\U0041\"", "\"\\x41\"", "\"\\0\"", "\"\\a\"", "\"\\v\"", "\"\\'\"", "\"\\u{41}\"", "\"\\\n\""], NotJson);
}

#[test]
fn a_long_string_is_searched_to_its_end() {
    for length in 0..140 {
        let plain = "x".repeat(length);
        all([format!("\"{plain}\""), format!("\"{plain}\\n\""), format!("[\"{plain}\",\"ü{plain}\"]")], Admitted);
        all([format!("\"{plain}"), format!("\"{plain}\n\""), format!("\"{plain}\u{0}{plain}\"")], NotJson);
        all([format!("\"{plain}\\q{plain}\""), format!("\"{plain}\u{1f}\"")], NotJson);
    }
}

#[test]
fn surrogates_come_in_pairs() {
    let units = [0x0041, 0xd7ff, 0xd800, 0xdabc, 0xdbff, 0xdc00, 0xdead, 0xdfff, 0xe000, 0xffff];
    for first in units {
        for second in units {
            for third in [0x0041, 0xd800, 0xdc00] {
                let good = char::decode_utf16([first, second, third]).all(|unit| unit.is_ok());
                let text = format!("\"\\u{first:04x}\\u{second:04X}\\u{third:04x}\"");
                assert_eq!(verdict(&text), if good { Admitted } else { Surrogate }, "{text}");
            }
        }
    }
    all(
        ["\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\udc00\"", "\"\\ud800\\\\udc00\"", "\"\\udbff"],
        Surrogate,
    );
    all(["{\"\\ud800\":1}", "[\"\\uD800\",\"\\uDC00\"]", "\"\\ud800\\u0041\"", "\"\\ud800\u{10000}\""], Surrogate);
    // What follows a high one is read first: it may be no escape at all.
    all(["\"\\ud800\\u12\"", "\"\\ud800\\uzzzz\"", "\"\\ud800\\u"], NotJson);
}

#[test]
fn white_space_is_space_tab_and_the_two_line_ends() {
    let spaces =
        ['\u{85}', '\u{a0}', '\u{1680}', '\u{2003}', '\u{2028}', '\u{202f}', '\u{3000}', '\u{feff}', '\u{200b}'];
    for space in (0..0x21).filter_map(char::from_u32).chain(spaces) {
        let good = [' ', '\t', '\n', '\r'].contains(&space);
        for text in
            ["~1", "1~", "[~]", "{~}", "[1~,2]", "[1,~2]", "{~\"a\":1}", "{\"a\"~:1}", "{\"a\":~1}", "{\"a\":1~}"]
        {
            admitted_if(&text.replace('~', &space.to_string()), good);
            admitted_if(&text.replace('~', &format!(" {space}\n")), good);
        }
    }
    all(["/**/1", "1//", "[1,/*2*/3]", "# 1\n1", "1;", "--1", "<!--1-->", "\\n1", "1\\t"], NotJson);
}

#[test]
fn arrays_and_objects_have_commas_between_and_colons_inside() {
    all(["[]", "[[]]", "[[],{}]", "[1,[2,[3]],4]", "[\"a\",null,true,1.5]", "[[],[],[[],[]]]"], Admitted);
    all(["{}", "{\"\":0}", "{\"a\":{}}", "{\"a\":[],\"b\":{\"a\":1}}", "[{},{\"a\":[{}]}]"], Admitted);
    all(["{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2,\"a\":{\"a\":3}}", "{\"\":1,\"\":2}"], Admitted);
    all(
        ["[", "]", "[1", "[1,", "[,", "[,]", "[,1]", "[1,]", "[1,,2]", "[1 2]", "[1:2]", "[1;2]", "[1]]", "[[1]"],
        NotJson,
    );
    all(["[1}", "[\"a\":1]", "[]]", "[]1", "[],[]", "[][]", "[1,2", "[*]", "[...]", "[1 , ,]", "[\"\"\"\"]"], NotJson);
    all(["{", "}", "{\"", "{\"a\"", "{\"a\"}", "{\"a\":", "{\"a\":}", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}"], NotJson);
    all(
        ["{,}", "{:1}", "{\"a\",1}", "{\"a\"=1}", "{\"a\"::1}", "{\"a\":1:2}", "{\"a\":1 \"b\":2}", "{\"a\":1,,}"],
        NotJson,
    );
    all(["{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{[]:1}", "{{}}", "{\"a\":1]", "{\"a\":1}}", "{\"a\":1}{}"], NotJson);
    all(["{\"a\" \"b\"}", "{1}", "{true}", "{\"a\":1,1}", "{\"a\":1,\"b\"}", "{\"a\":1,b:2}", "{\"a\":\"b}"], NotJson);
}

#[test]
fn a_text_is_one_value_and_nothing_else() {
    all(
        ["", " ", "\n\t", "\u{0}", "1\u{0}", "\u{0}1", "\u{feff}{}", "{}\u{feff}", "\u{feff}", "1 1", "{} []"],
        NotJson,
    );
    all(["true false", "\"a\" \"b\"", "[]\n[]", "1,2", "{},", ",1", "\u{1e}1", ")]}'\n1", "null\0", "ÿþ1"], NotJson);
    all(["1", "\"a\"", " null ", "\t{}\r\n", "[]\n"], Admitted);
}

#[test]
fn nesting_ends_at_64_whatever_it_is_made_of() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[1,{\"a\":[ ],\"b\":", "}]"), (" [ ", "\n]")] {
        let levels_each = open.matches(['[', '{']).count() - open.matches(']').count();
        let nested = |levels: usize| {
            let times = levels / levels_each;
            format!("{}0{}", open.repeat(times), close.repeat(times))
        };
        all([nested(2), nested(32), nested(62)], Admitted);
        all([nested(66), nested(126), nested(128), nested(130), nested(10_000)], TooDeep);
        all([open.repeat(100_000), nested(66)[..nested(66).len() - 1].to_owned()], TooDeep);
    }
    let nested = |levels: usize, inside: &str| format!("{}{inside}{}", "[".repeat(levels), "]".repeat(levels));
    all([nested(64, ""), nested(63, "{}"), nested(64, "\"[[[\""), nested(64, "1,2")], Admitted);
    all([nested(65, ""), nested(64, "{}"), nested(64, "[]"), nested(64, "1,[]")], TooDeep);
    all([format!("[{},{}]", nested(63, ""), nested(63, ""))], Admitted);
}
