//! A JSON text that passed admission.

pub(crate) mod scan;

use std::fmt;

use serde_json::Value;
use thiserror::Error;

/// A JSON text that was checked once, where it came in. From then on it is carried byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(Box<str>);

/// Why a text is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotAdmitted {
    /// Too many bytes.
    #[error("{bytes} bytes are more than the {max} that a message may have")]
    TooLarge {
        /// The text's.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
    /// Arrays and objects are nested too deep.
    #[error("JSON is nested more than {max} deep at byte {at}")]
    TooDeep {
        /// Where the first level too many begins.
        at: usize,
        /// What is allowed.
        max: u32,
    },
    /// Too many values.
    #[error("JSON has more than {max} values: one too many begins at byte {at}")]
    TooManyValues {
        /// Where the first one too many begins.
        at: usize,
        /// What is allowed.
        max: usize,
    },
    /// Not JSON.
    #[error("not JSON at byte {at}: expected {expected}")]
    Syntax {
        /// Where.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// Half of a surrogate pair (`"\ud800"`), which is no character. Languages disagree on what it would be.
    #[error("not admitted: a lone surrogate at byte {at}")]
    LoneSurrogate {
        /// Where its escape begins.
        at: usize,
    },
    /// A number with a fraction or an exponent that a 64-bit float cannot hold.
    #[error("not admitted: the number at byte {at} is larger than any 64-bit float")]
    NumberTooLarge {
        /// Where it begins.
        at: usize,
    },
}

/// How large a text may be to become a message. [`Admission::default`] is what holds for every message: 64 levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admission {
    /// Bytes.
    pub bytes_max: usize,
    /// Levels of arrays and objects. More than 64 are never admitted: the node wraps messages in a level or two of its
    /// own, and guests' parsers stop at 127.
    pub depth_max: u32,
    /// Values: scalars, arrays and objects, each counted, whatever they are inside of. A parser that builds a tree needs
    /// up to 350 bytes for one.
    pub values_max: usize,
}

/// How deep arrays and objects may be nested at most (DESIGN §4).
pub(crate) const DEPTH_MAX: u32 = 64;

impl Admission {
    /// Of at most so many bytes, and else as every message.
    pub fn of_bytes(bytes_max: usize) -> Admission {
        Admission { bytes_max, depth_max: DEPTH_MAX, values_max: usize::MAX }
    }
}

impl Default for Admission {
    fn default() -> Admission {
        Admission::of_bytes(usize::MAX)
    }
}

impl Message {
    /// Checks a text: JSON (RFC 8259) within the bounds, without lone surrogates and without numbers that no float can
    /// hold. Integers may be of any length, and keys may repeat.
    ///
    /// Within its bounds it agrees with serde_json (with `float_roundtrip`) on what has a [`Value`], and the value is the
    /// same, but for two things: more than 64 levels are refused here and more than 127 there, and an integer that is larger
    /// than every float is admitted here and refused there.
    ///
    /// # Errors
    ///
    /// See [`NotAdmitted`].
    ///
    /// # Example
    ///
    /// ```
    /// use greenroom::{Admission, Message};
    ///
    /// let message = Message::admit(r#"{"n": 1.0}"#.to_owned(), Admission::of_bytes(1024))?;
    /// assert_eq!(message.as_str(), r#"{"n": 1.0}"#);
    /// assert!(Message::admit("{'n': 1}".to_owned(), Admission::default()).is_err());
    /// # Ok::<_, greenroom::NotAdmitted>(())
    /// ```
    pub fn admit(text: String, admission: Admission) -> Result<Message, NotAdmitted> {
        if text.len() > admission.bytes_max {
            return Err(NotAdmitted::TooLarge { bytes: text.len(), max: admission.bytes_max });
        }
        scan::check(text.as_bytes(), admission)?;
        Ok(Message(text.into_boxed_str()))
    }

    /// Writes a value and checks the text.
    ///
    /// # Errors
    ///
    /// As [`Message::admit`].
    pub fn from_value(value: &Value, admission: Admission) -> Result<Message, NotAdmitted> {
        Message::admit(value.to_string(), admission)
    }

    /// A text that the host made itself.
    pub(crate) fn trusted(text: String) -> Message {
        debug_assert_eq!(scan::check(text.as_bytes(), Admission::default()), Ok(()));
        Message(text.into_boxed_str())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text's bytes, counted. Never 0.
    #[expect(clippy::len_without_is_empty, reason = "no JSON text is empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The text, without a copy.
    pub fn into_string(self) -> String {
        self.0.into_string()
    }

    /// The value, as serde_json has it: an integer beyond 64 bits becomes the nearest float, of equal keys the last counts.
    pub fn to_value(&self) -> Value {
        // serde_json refuses an integer that is larger than every float, and nothing else that is admitted. Without its
        // feature `float_roundtrip` it would refuse some numbers just below the largest float too.
        serde_json::from_str(&self.0).unwrap_or_else(|_| {
            serde_json::from_str(&within_floats(&self.0))
                .expect("serde_json accepts what is admitted and no float exceeds")
        })
    }
}

/// The text with each number that is larger than every float replaced by the largest, which is the nearest.
fn within_floats(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut written, mut copied, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = scan::skip_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let end = scan::skip(bytes, at);
                if scan::is_infinite(&bytes[at..end]) {
                    let nearest = if bytes[at] == b'-' { f64::MIN } else { f64::MAX };
                    written.push_str(&text[copied..at]);
                    written.push_str(&format!("{nearest:e}"));
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    written + &text[copied..]
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an embedder can pass as a message: a [`Value`], a [`Message`] with its very text, or a refusal, as a native actor
/// passes it on.
pub trait IntoMessage {
    /// The JSON text, not yet admitted by a node.
    fn into_text(self) -> String;
}

impl IntoMessage for Value {
    fn into_text(self) -> String {
        self.to_string()
    }
}

impl IntoMessage for &Value {
    fn into_text(self) -> String {
        self.to_string()
    }
}

impl IntoMessage for crate::refusal::Refusal {
    fn into_text(self) -> String {
        self.to_json()
    }
}

impl IntoMessage for Message {
    fn into_text(self) -> String {
        self.into_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_is_carried_as_it_is() {
        for text in ["1.0", " {\"a\":1,\"a\":2} ", "123456789012345678901234567890", "-0", "\"\\u0061\""] {
            assert_eq!(Message::admit(text.to_owned(), Admission::of_bytes(64)).expect(text).into_string(), text);
        }
    }

    #[test]
    fn a_text_over_the_limit_is_refused_before_it_is_read() {
        assert!(Message::admit("[1]".to_owned(), Admission::of_bytes(3)).is_ok());
        assert_eq!(
            Message::admit("[1,".to_owned(), Admission::of_bytes(2)),
            Err(NotAdmitted::TooLarge { bytes: 3, max: 2 })
        );
        assert_eq!(
            Message::from_value(&json!([1]), Admission::of_bytes(2)),
            Err(NotAdmitted::TooLarge { bytes: 3, max: 2 })
        );
        assert_eq!(Message::from_value(&json!([1]), Admission::of_bytes(3)).expect("small").to_value(), json!([1]));
    }

    #[test]
    fn a_number_just_below_the_largest_float_has_a_value() {
        let message = Message::admit("[1.797693134862315807e308]".to_owned(), Admission::default()).expect("it fits");
        assert_eq!(message.to_value(), json!([f64::MAX]));
    }

    #[test]
    fn every_admitted_message_has_a_value() {
        let large = "9".repeat(400);
        let text = format!("[{large}, {{\"{large}\": -{large}}}, 18446744073709551616, \"\\\" {large} \", 1]");
        let value = Message::admit(text, Admission::of_bytes(4096)).expect("integers may be of any length").to_value();
        assert_eq!(value[0], json!(f64::MAX));
        assert_eq!(value[1][&large], json!(f64::MIN));
        assert_eq!(value[2], json!(18446744073709551616.0));
        assert_eq!(value[3], json!(format!("\" {large} ")));
        assert_eq!(value[4], json!(1));
    }
}
