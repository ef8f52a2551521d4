//! Who: addresses, node names, cookies.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::mailbox::Mailbox;

/// An actor's ID: 128 random bits. To know it is the right to use it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u128);

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The value of each base32 character; 255 for every other byte.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 32 {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// The characters of an ID's text. They hold 130 bits, so the first is one of the first eight: each ID has one text.
const ID_CHARACTERS: usize = 26;

impl Id {
    /// A new one, from the system's generator.
    pub(crate) fn random() -> Id {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system has a random generator");
        Id(u128::from_le_bytes(bytes))
    }

    pub(crate) fn bits(self) -> u128 {
        self.0
    }

    pub(crate) fn from_bits(bits: u128) -> Id {
        Id(bits)
    }

    /// Reads an ID's text. Runs for every message to a new target: one pass, one check at the end.
    fn parse(text: &[u8]) -> Option<Id> {
        if text.len() != ID_CHARACTERS {
            return None;
        }
        let (mut bits, mut any) = (0u128, 0u8);
        for byte in text {
            let value = VALUES[*byte as usize];
            any |= value;
            bits = bits << 5 | u128::from(value & 31);
        }
        let one_text = VALUES[text[0] as usize] < 8;
        (any < 32 && one_text).then_some(Id(bits))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; ID_CHARACTERS];
        for (index, character) in text.iter_mut().enumerate() {
            *character = ALPHABET[(self.0 >> (5 * (ID_CHARACTERS - 1 - index))) as usize & 31];
        }
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that is no address, or no node's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// No `@`.
    #[error("`{0}` is no address: it has no `@` (ID@HOST:PORT)")]
    NoAt(String),
    /// What stands before the `@` is neither an ID nor a name.
    #[error(
        "`{0}` is neither an ID (26 characters a-z and 2-7, the first at most h) nor a name (a letter, then a-z, 0-9, \
         `.`, `_`, `-`; 20 characters or more only with one of `.`, `_`, `-`)"
    )]
    Who(String),
    /// What stands behind the `@` is not `HOST:PORT`.
    #[error("`{text}` is no HOST:PORT: {why}")]
    Place {
        /// As it was given.
        text: String,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// What stands before the `@` of a node's name cannot be a cookie. It is not repeated here, since it is a secret.
    #[error("the cookie before the `@` must be 1 to 255 printable ASCII characters without spaces and `@`")]
    Cookie,
}

/// A node's name without its cookie: `HOST:PORT`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(Arc<str>);

/// The longest host name that DNS has (RFC 1035).
const HOST_BYTES_MAX: usize = 253;

impl Place {
    /// `HOST:PORT`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host: a name, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.rsplit_once(':').expect("checked when it was made").0
    }

    /// The port.
    pub fn port(&self) -> u16 {
        let port = self.0.rsplit_once(':').expect("checked when it was made").1;
        port.parse().expect("checked when it was made")
    }

    pub(crate) fn with_port(&self, port: u16) -> Place {
        Place(format!("{}:{port}", self.host()).into())
    }
}

impl FromStr for Place {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Place, AddressError> {
        let bad = |why| AddressError::Place { text: text.escape_debug().to_string(), why };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| bad("it has no `:` before a port"))?;
        if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad("the port must be a number"));
        }
        let port: u16 = port.parse().map_err(|_| bad("the port must be at most 65535"))?;
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => {
                let address: std::net::Ipv6Addr =
                    inner.parse().map_err(|_| bad("what stands in brackets must be an IPv6 address"))?;
                format!("[{address}]")
            }
            None => host_name(host).map_err(bad)?,
        };
        Ok(Place(format!("{host}:{port}").into()))
    }
}

fn host_name(host: &str) -> Result<String, &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    match host {
        "" => Err("the host is missing"),
        _ if host.contains(':') => Err("an IPv6 address must stand in brackets, as in [::1]:3433"),
        _ if host.len() > HOST_BYTES_MAX => Err("the host is longer than 253 characters"),
        _ if !host.bytes().all(plain) => Err("a host consists of letters, digits, `.`, `-` and `_`"),
        _ => Ok(host.to_ascii_lowercase()),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the nodes of a mesh share and nobody else may know. Never shown.
#[derive(Clone)]
pub(crate) struct Cookie(blake3::Hash);

impl PartialEq for Cookie {
    fn eq(&self, other: &Cookie) -> bool {
        // In constant time, as blake3's hashes compare.
        self.0 == other.0
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(..)")
    }
}

/// A node's whole name: `COOKIE@HOST:PORT`.
#[derive(Clone, Debug)]
pub(crate) struct NodeName {
    cookie: Cookie,
    place: Place,
}

impl NodeName {
    pub(crate) fn cookie(&self) -> &Cookie {
        &self.cookie
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }
}

impl FromStr for NodeName {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<NodeName, AddressError> {
        // Without an `@` the whole text may be a cookie: nothing of it is repeated.
        let (cookie, place) = text.rsplit_once('@').ok_or(AddressError::Cookie)?;
        let printable = cookie.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
        if cookie.is_empty() || cookie.len() > 255 || !printable {
            return Err(AddressError::Cookie);
        }
        Ok(NodeName { cookie: Cookie(blake3::hash(cookie.as_bytes())), place: place.parse()? })
    }
}

/// Where messages for an actor go: `ID@HOST:PORT`, or `NAME@HOST:PORT`. In a message: `{"$address": "ID@HOST:PORT"}`.
///
/// Two addresses are equal if they name the same actor in the same way.
#[derive(Clone)]
pub struct Address {
    who: Who,
    place: Place,
    /// Keeps an outcome readable for an embedder that has spawned the actor.
    kept: Option<Arc<Mailbox>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Id(Id),
    Name(Arc<str>),
}

/// The first half of an address, not copied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum WhoRef<'a> {
    Id(Id),
    Name(&'a str),
}

impl Address {
    pub(crate) fn of_id(id: Id, place: Place) -> Address {
        Address { who: Who::Id(id), place, kept: None }
    }

    pub(crate) fn keeping(mut self, mailbox: Arc<Mailbox>) -> Address {
        self.kept = Some(mailbox);
        self
    }

    pub(crate) fn kept(&self) -> Option<&Arc<Mailbox>> {
        self.kept.as_ref()
    }

    pub(crate) fn id(&self) -> Option<Id> {
        match self.who {
            Who::Id(id) => Some(id),
            Who::Name(_) => None,
        }
    }

    /// The node's name.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

/// Takes an address apart without copying it.
pub(crate) fn split(text: &str) -> Result<(WhoRef<'_>, &str), AddressError> {
    let shown = |text: &str| text.escape_debug().to_string();
    if let (Some(b'@'), Some(id)) = (text.as_bytes().get(ID_CHARACTERS), text.as_bytes().get(..ID_CHARACTERS))
        && let Some(id) = Id::parse(id)
    {
        return Ok((WhoRef::Id(id), &text[ID_CHARACTERS + 1..]));
    }
    let (who, place) = text.split_once('@').ok_or_else(|| AddressError::NoAt(shown(text)))?;
    if !is_name(who) {
        return Err(AddressError::Who(shown(who)));
    }
    Ok((WhoRef::Name(who), place))
}

/// Whether an actor may be registered under this name: a letter, then letters, digits, `.`, `_`, `-`, all lower case,
/// at most 64; long ones only with one of the three, so that no name looks like an ID.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let marked = text.bytes().any(|byte| b"._-".contains(&byte));
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 64
        && text.bytes().all(plain)
        && (text.len() < 20 || marked)
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let (who, place) = split(text)?;
        let who = match who {
            WhoRef::Id(id) => Who::Id(id),
            WhoRef::Name(name) => Who::Name(name.into()),
        };
        Ok(Address { who, place: place.parse()?, kept: None })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Id(id) => write!(f, "{id}@{}", self.place),
            Who::Name(name) => write!(f, "{name}@{}", self.place),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Address) -> bool {
        self.who == other.who && self.place == other.place
    }
}

impl Eq for Address {}

impl std::hash::Hash for Address {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.who.hash(state);
        self.place.hash(state);
    }
}

/// The key that marks an address inside a message.
pub(crate) const ADDRESS_KEY: &str = "$address";

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(ADDRESS_KEY, &self.to_string())?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Marked {
            #[serde(rename = "$address")]
            text: String,
        }
        Marked::deserialize(deserializer)?.text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_are_checked_and_written_in_one_way() {
        for (text, place) in [
            ("127.0.0.1:3433", "127.0.0.1:3433"),
            ("[::1]:3433", "[::1]:3433"),
            ("[0:0::1]:0", "[::1]:0"),
            ("Host.Example:65535", "host.example:65535"),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().as_str(), place);
        }
        for (text, why) in [
            ("127.0.0.1", "no `:`"),
            ("host:", "must be a number"),
            ("host:+1", "must be a number"),
            ("host:65536", "at most 65535"),
            (":1", "host is missing"),
            ("::1:3433", "in brackets"),
            ("[::g]:1", "must be an IPv6"),
            ("a b:1", "consists of letters"),
            ("a\u{1b}:1", "\\u{1b}"),
        ] {
            let said = text.parse::<Place>().unwrap_err().to_string();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn a_node_s_name_never_shows_its_cookie() {
        let name: NodeName = "s3cret@[::1]:3433".parse().unwrap();
        assert_eq!(name.place().as_str(), "[::1]:3433");
        assert!(!format!("{name:?}").contains("s3cret"));
        for bad in ["s3cret", "s3cret@nowhere", "s3 cret@a:1", "@a:1", "s3cret@s3cret@a:1"] {
            let said = bad.parse::<NodeName>().unwrap_err().to_string();
            assert!(!said.contains("s3c"), "{said}");
        }
    }

    #[test]
    fn addresses_are_marked_in_json() {
        let address = Address::of_id(Id(7), "a:1".parse().unwrap());
        let json = serde_json::to_string(&address).unwrap();
        assert_eq!(json, r#"{"$address":"aaaaaaaaaaaaaaaaaaaaaaaaah@a:1"}"#);
        assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
        assert!(serde_json::from_str::<Address>(r#"{"$address":"x@a:1","more":1}"#).is_err());
        assert!(serde_json::from_str::<Address>(r#""aaaaaaaaaaaaaaaaaaaaaaaaah@a:1""#).is_err());
    }

    proptest! {
        #[test]
        fn an_id_has_one_text(bits: u128) {
            let text = Id(bits).to_string();
            prop_assert_eq!(Id::parse(text.as_bytes()), Some(Id(bits)));
            prop_assert!(!is_name(&text));
        }

        #[test]
        fn a_text_is_an_id_or_a_name_or_neither(text in "[a-z2-7._-]{1,70}") {
            if let Some(id) = Id::parse(text.as_bytes()) {
                prop_assert_eq!(id.to_string(), text.clone());
                prop_assert!(!is_name(&text));
            }
        }

        #[test]
        fn no_text_breaks_the_parser(text in "\\PC{0,60}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
            }
        }
    }
}
