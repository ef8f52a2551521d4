//! A number's value, exact at any length.

use std::borrow::Cow;

/// A number. Two of one kind are equal if their values are, however they are written.
#[derive(Clone, Debug)]
pub(super) struct Number<'a> {
    /// Written with a fraction or an exponent: `1` and `1.0` are two kinds.
    float: bool,
    negative: bool,
    /// From the first digit that is not 0 to the last, maybe with a point between them. Empty: the number is 0.
    digits: Cow<'a, [u8]>,
    /// Of the last of the digits: it counts times ten to this.
    exponent: i64,
}

impl Number<'_> {
    /// Reads a number of the grammar.
    pub(super) fn read(text: &[u8]) -> Number<'_> {
        let mantissa_end = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
        let (mantissa, exponent) = text.split_at(mantissa_end);
        let point = mantissa.iter().position(|byte| *byte == b'.');
        let float = point.is_some() || !exponent.is_empty();
        let is_digit = |byte: &u8| matches!(byte, b'1'..=b'9');
        let (Some(first), Some(last)) = (mantissa.iter().position(is_digit), mantissa.iter().rposition(is_digit))
        else {
            return Number { float, negative: false, digits: Cow::default(), exponent: 0 };
        };
        // One beyond 64 bits belongs to a number that every float calls 0: a larger one is not admitted.
        let written = match exponent {
            [] => 0,
            [_, digits @ ..] => {
                std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(i64::MIN)
            }
        };
        let point = point.unwrap_or(mantissa.len());
        let place = if last < point { (point - 1 - last) as i64 } else { -((last - point) as i64) };
        let negative = mantissa[0] == b'-';
        let digits = Cow::Borrowed(&mantissa[first..=last]);
        Number { float, negative, digits, exponent: written.saturating_add(place) }
    }

    /// Without the text that it was read from, of which only the digits that count are kept.
    pub(super) fn into_owned(self) -> Number<'static> {
        Number { digits: Cow::Owned(self.digits.into_owned()), ..self }
    }

    fn digits(&self) -> impl Iterator<Item = &u8> {
        self.digits.iter().filter(|byte| **byte != b'.')
    }
}

impl PartialEq<Number<'_>> for Number<'_> {
    /// Reads no more of either than they have in common.
    fn eq(&self, other: &Number<'_>) -> bool {
        (self.float, self.negative, self.exponent) == (other.float, other.negative, other.exponent)
            && self.digits().eq(other.digits())
    }
}
