//! Who: an actor's ID, its name, its address.

mod place;

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::mailbox::Mailbox;

pub use place::Place;
#[cfg(feature = "cli")]
pub(crate) use place::is_cookie;
pub(crate) use place::{COOKIE_CHARACTERS_MIN, Cookie, NodeName, host_name};

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

/// So many IDs are drawn at once, for one thread.
const IDS_DRAWN: usize = 16;

/// The characters of an ID's text. They hold 130 bits, so the first is one of the first eight: each ID has one text.
pub(crate) const ID_CHARACTERS: usize = 26;

impl Id {
    /// A new one, from the system's generator, which is asked for many at a time: a call for each is an eighth of a
    /// native spawn.
    pub(crate) fn random() -> Id {
        thread_local! {
            static DRAWN: RefCell<Vec<u128>> = const { RefCell::new(Vec::new()) };
        }
        DRAWN.with_borrow_mut(|drawn| {
            if drawn.is_empty() {
                let mut bytes = [0; IDS_DRAWN * size_of::<u128>()];
                getrandom::fill(&mut bytes).expect("the system has a random generator");
                drawn.extend(bytes.as_chunks().0.iter().map(|bytes| u128::from_le_bytes(*bytes)));
            }
            let id = drawn.pop().expect("just drawn");
            Id(id)
        })
    }

    /// Stands for the operator of a node where an actor's ID stands: whose spawn it was. No actor has it.
    pub(crate) const OPERATOR: Id = Id(0);

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

/// Where messages for an actor go: `ID@HOST:PORT`, or `NAME@HOST:PORT`. In a message: `{"$address": "ID@HOST:PORT"}`.
///
/// Two addresses are equal if they name the same actor in the same way.
#[derive(Clone)]
pub struct Address {
    who: Who,
    place: Place,
    /// Keeps an outcome readable for an embedder that has spawned the actor.
    /// Of no type, since a map's keys must not seem to change: the mailbox does, the address does not.
    kept: Option<Arc<dyn Any + Send + Sync>>,
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

    pub(crate) fn of_name(name: &str, place: Place) -> Address {
        Address { who: Who::Name(name.into()), place, kept: None }
    }

    pub(crate) fn keeping(mut self, mailbox: Arc<Mailbox>) -> Address {
        self.kept = Some(mailbox);
        self
    }

    pub(crate) fn kept(&self) -> Option<Arc<Mailbox>> {
        self.kept.clone()?.downcast().ok()
    }

    /// None: a name stands in its place.
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

/// Takes an address apart without copying it. The second half is not checked: most are the node's own, which a
/// comparison shows.
pub(crate) fn split(text: &str) -> Result<(WhoRef<'_>, &str), AddressError> {
    halves(text).ok_or_else(|| match text.split_once('@') {
        Some((who, _)) => AddressError::Who(quoted(who)),
        None => AddressError::NoAt(quoted(text)),
    })
}

/// Whether a text is an address, both halves of it. Allocates nothing, as the matcher asks under a mailbox's lock.
pub(crate) fn is_address(text: &str) -> bool {
    halves(text).is_some_and(|(_, place)| place::parts(place).is_ok())
}

fn halves(text: &str) -> Option<(WhoRef<'_>, &str)> {
    if let (Some(b'@'), Some(id)) = (text.as_bytes().get(ID_CHARACTERS), text.as_bytes().get(..ID_CHARACTERS))
        && let Some(id) = Id::parse(id)
    {
        return Some((WhoRef::Id(id), &text[ID_CHARACTERS + 1..]));
    }
    let (who, place) = text.split_once('@')?;
    is_name(who).then_some((WhoRef::Name(who), place))
}

/// How many characters of a wrong text an error repeats: more than any address that somebody mistyped has, and far from
/// the megabytes that a guest could have repeated.
const QUOTED_CHARACTERS_MAX: usize = 100;

/// A text as an error shows it: control characters escaped, and cut if it is long.
pub(crate) fn quoted(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(QUOTED_CHARACTERS_MAX).flat_map(char::escape_debug).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
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
        deserializer.deserialize_map(Marked)
    }
}

/// Reads the marked form. By hand, since a derived struct would also take an array, which no pattern calls an address.
struct Marked;

impl<'de> Visitor<'de> for Marked {
    type Value = Address;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with `{ADDRESS_KEY}` as its only key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Address, A::Error> {
        let alone = || A::Error::custom(format_args!("an address is an object with `{ADDRESS_KEY}` as its only key"));
        let (key, text) = map.next_entry::<String, String>()?.ok_or_else(alone)?;
        if key != ADDRESS_KEY || map.next_key::<String>()?.is_some() {
            return Err(alone());
        }
        text.parse().map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests;
