//! Which messages an actor is willing to receive. Pure.

mod compile;
mod matching;
mod number;

use std::cmp::Ordering;

use thiserror::Error;

use crate::message::IntoMessage;
use crate::refusal::{Refusal, RefusalKind};
use number::Number;

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
    #[error("patterns of {bytes} bytes are more than the {max} that one receive may have")]
    TooLong { bytes: usize, max: usize },
    #[error("a pattern may have at most {LEVELS_MAX} levels")]
    TooDeep,
    #[error("a pattern may have at most {max} parts")]
    TooLarge { max: usize },
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

/// How much one receive may ask for. The node keeps the compiled patterns of each actor that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PatternBounds {
    /// Of all their texts together.
    pub bytes_max: usize,
    /// Of each: every value that stands in it is one, a form such as `{"$type": "any"}` too. Never more than 1,024.
    pub parts_max: usize,
}

impl Default for PatternBounds {
    fn default() -> PatternBounds {
        PatternBounds { bytes_max: 1 << 20, parts_max: PARTS_MAX }
    }
}

/// Parts of a pattern: what the matcher has a bit for.
const PARTS_MAX: usize = 1024;

/// Levels of a pattern: matching recurses over them, on a fiber's stack.
const LEVELS_MAX: u32 = 16;

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
    /// That number.
    Exactly(Number<'static>),
    /// At least these keys: each once, [`in_order`].
    Keys(Box<[(Box<str>, Shape)]>),
    Items(Box<[Shape]>),
    Each(Box<Shape>),
}

/// The order of an object's keys in a pattern: the shorter first, since most keys differ in length, which is known
/// without reading them.
fn in_order(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl Pattern {
    /// Compiles a pattern, written in JSON as the contract has it (`wit/host.wit`).
    ///
    /// # Errors
    ///
    /// `bad-pattern`, saying what is wrong.
    pub fn new(pattern: impl IntoMessage) -> Result<Pattern, Refusal> {
        let bad = |why: BadPattern| Refusal::new(RefusalKind::BadPattern, why.to_string());
        Pattern::compile(&pattern.into_text(), PatternBounds::default()).map_err(bad)
    }
}

#[cfg(test)]
mod tests;
