//! A stranger's text, made fit for a line of a terminal or a log.

/// The text with everything escaped that could steer a terminal, end the line, or reorder it so that it reads as
/// another. A tab stays.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\t' || changes_the_line(character) {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// A JSON text with the same value and nothing in it that could steer a terminal or reorder it. JSON itself asks for an
/// escape of the first 32 characters only.
#[cfg(feature = "cli")]
pub(crate) fn printable_json(text: &str) -> std::borrow::Cow<'_, str> {
    let steers =
        |character: char| character.is_control() && !character.is_ascii_whitespace() || changes_the_line(character);
    if !text.contains(steers) {
        return text.into();
    }
    // None of them is beyond 16 bits.
    let escaped = |character: char| format!("\\u{:04x}", u32::from(character));
    let parts = text.split_inclusive(steers).map(|part| match part.char_indices().next_back() {
        Some((at, last)) if steers(last) => part[..at].to_owned() + &escaped(last),
        _ => part.to_owned(),
    });
    parts.collect()
}

/// Unicode's own line ends, and the characters that set the direction of the text around them (Unicode's property
/// `Bidi_Control`): none of them is a control character by its category.
fn changes_the_line(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_ends_a_line_is_escaped() {
        assert_eq!(printable("\x1b[2Ja\nb\r"), "\\u{1b}[2Ja\\nb\\r");
        assert_eq!(printable("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        assert_eq!(printable("a\u{2028}b\u{2029}"), "a\\u{2028}b\\u{2029}");
    }

    #[cfg(feature = "cli")]
    #[test]
    fn json_keeps_its_value() {
        let json = "{\"a\u{9b}31m\":\n\t\"\u{7f}grün\u{202e}\u{61c}\",\r\"b\":\"\\u001b\"}";
        let printable = printable_json(json);
        assert_eq!(printable, "{\"a\\u009b31m\":\n\t\"\\u007fgrün\\u202e\\u061c\",\r\"b\":\"\\u001b\"}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(value(&printable), value(json));
    }

    #[test]
    fn what_reorders_a_line_is_escaped() {
        for code in ["61c", "200e", "200f", "202a", "202b", "202c", "202d", "202e", "2066", "2067", "2068", "2069"] {
            let character = u32::from_str_radix(code, 16).ok().and_then(char::from_u32).expect("a character");
            assert_eq!(printable(&format!("a{character}b")), format!("a\\u{{{code}}}b"));
        }
    }

    #[test]
    fn text_of_any_language_is_not() {
        for text in ["grün\ttab", "שלום", "مرحبا", "日本語", "👩\u{200d}🚀", r#"a\b "c" 'd'"#] {
            assert_eq!(printable(text), text);
        }
    }
}
