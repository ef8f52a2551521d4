//! Bytes inside a message.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::fmt;
use core::ops::Deref;
use serde::de::Error;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The key that marks bytes inside JSON.
pub(crate) const BINARY_KEY: &str = "$binary";

/// Bytes. Inside a message they are `{"$binary": BASE64}`, for which a pattern has the word `binary`.
///
/// ```
/// use greenroom_guest::{Binary, json};
///
/// let picture = Binary(vec![0, 255, 7]);
/// let message = json!({"picture": picture});
/// assert_eq!(message["picture"]["$binary"], "AP8H");
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binary(pub Vec<u8>);

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(BINARY_KEY, &STANDARD.encode(&self.0))?;
        map.end()
    }
}

/// The form inside JSON. Its serde name is the key, by which `typed` knows it.
#[derive(Deserialize)]
#[serde(rename = "$binary", deny_unknown_fields)]
struct Marked<'a> {
    #[serde(rename = "$binary", borrow)]
    text: Cow<'a, str>,
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let marked = Marked::deserialize(deserializer)?;
        STANDARD.decode(&*marked.text).map(Self).map_err(D::Error::custom)
    }
}

impl Deref for Binary {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Binary {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({})", STANDARD.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", &[0, 255, 128]] {
            let text = serde_json::to_string(&Binary::from(bytes)).unwrap();
            assert_eq!(*serde_json::from_str::<Binary>(&text).unwrap(), *bytes, "{text}");
        }
    }

    #[test]
    fn what_is_not_base64_with_its_padding_is_refused() {
        for text in [r#"{"$binary":"YQ"}"#, r#"{"$binary":"Y Q="}"#, r#"{"$binary":1}"#, r#"{"$binary":"","x":1}"#] {
            assert!(serde_json::from_str::<Binary>(text).is_err(), "{text}");
        }
    }
}
