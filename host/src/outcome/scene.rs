//! What the node knows of an actor that failed, beside how it ended.

use std::fmt;
use std::sync::Arc;

use serde_json::json;

use crate::message::Message;
use crate::printable::printable;

/// Who failed, and at what.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scene {
    /// `module/entry`; none: a behavior in Rust.
    pub entry: Option<Arc<str>>,
    /// The names that it had.
    pub names: Vec<Arc<str>>,
    pub handling: Option<Handling>,
}

/// The beginning of the message that an actor was handling.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handling {
    text: String,
    bytes: usize,
}

/// Bytes of a message that are kept: enough to know it by. Every actor may have as many.
const TEXT_BYTES_MAX: usize = 1024;

impl Handling {
    /// Takes another message in place of the last. Runs for every message: the text is used again.
    pub(crate) fn note(&mut self, message: &Message) {
        let text = message.as_str();
        self.text.clear();
        self.text.push_str(&text[..text.floor_char_boundary(TEXT_BYTES_MAX)]);
        self.bytes = text.len();
    }

    /// The message, if there was one: no JSON text is empty.
    pub(crate) fn into_option(self) -> Option<Handling> {
        (self.bytes > 0).then_some(self)
    }

    /// The message's text, cut at 1 KiB.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the whole message.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the text is only the beginning.
    pub fn is_cut(&self) -> bool {
        self.text.len() < self.bytes
    }

    /// `{"text", "bytes"}`. The text is a string, as it may be cut.
    pub(crate) fn to_json(&self) -> String {
        json!({"text": self.text, "bytes": self.bytes}).to_string()
    }
}

/// On one line, whatever is in it.
impl fmt::Display for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.text))?;
        if self.is_cut() { write!(f, "… ({} bytes)", self.bytes) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Admission;

    #[test]
    fn a_long_message_is_cut_between_two_characters_and_a_short_one_takes_its_place() {
        let message = |text: String| Message::admit(text, Admission::default()).expect("JSON");
        let mut handling = Handling::default();
        assert_eq!(handling.clone().into_option(), None);
        handling.note(&message(format!("\"{}\"", "ü".repeat(1000))));
        assert_eq!((handling.text().len(), handling.bytes(), handling.is_cut()), (1023, 2002, true));
        assert!(handling.to_string().ends_with("ü… (2002 bytes)"));
        handling.note(&message("[1,\n2]".to_owned()));
        assert_eq!((handling.text(), handling.bytes(), handling.is_cut()), ("[1,\n2]", 6, false));
        assert_eq!(handling.to_string(), "[1,\\n2]");
    }
}
