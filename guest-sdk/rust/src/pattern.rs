//! What to wait for: patterns, and which of them matched.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use serde::Serialize;

/// A description of messages, for [`receive`](crate::receive). Made by [`pattern!`](crate::pattern).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Cow<'static, str>);

impl Pattern {
    /// A pattern from the JSON text of the contract, which the node checks when it is used.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// As [`from_static`](Self::from_static), for a text made at run time.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// The JSON text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.0)
    }
}

/// Which of the patterns given to [`receive`](crate::receive) matched. Compare it with them: `matched == DATA`.
#[derive(Clone, Copy)]
pub struct Matched<'a> {
    pattern: Option<&'a Pattern>,
    index: usize,
}

impl<'a> Matched<'a> {
    pub(crate) fn new(patterns: &[&'a Pattern], index: usize) -> Self {
        Self { pattern: patterns.get(index).copied(), index }
    }

    /// The place of the pattern in the list, counted from 0; 0 if the list was empty.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }
}

impl PartialEq<Pattern> for Matched<'_> {
    fn eq(&self, other: &Pattern) -> bool {
        self.pattern.is_some_and(|pattern| core::ptr::eq(pattern, other) || pattern == other)
    }
}

impl PartialEq<&Pattern> for Matched<'_> {
    fn eq(&self, other: &&Pattern) -> bool {
        *self == **other
    }
}

impl fmt::Debug for Matched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matched({}, {:?})", self.index, self.pattern)
    }
}

/// The JSON text of what stands in parentheses in `pattern!`.
///
/// # Panics
///
/// If it cannot be JSON at all, such as a map whose keys are no strings.
pub fn text_of<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("a value in a pattern can be written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    static DATA: Pattern = Pattern::from_static(r#"["data"]"#);
    static EVENT: Pattern = Pattern::from_static(r#"{"event":{"$type":"string"}}"#);

    #[test]
    #[expect(clippy::op_ref, reason = "an actor may write either")]
    fn what_matched_equals_its_pattern_only() {
        let matched = Matched::new(&[&DATA, &EVENT], 1);
        assert!(matched == EVENT && matched == &EVENT);
        assert!(matched != DATA);
        assert!(matched == EVENT.clone(), "an equal text is the same pattern");
        assert!(Matched::new(&[], 0) != DATA, "without patterns none matched");
    }
}
