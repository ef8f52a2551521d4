//! Who an actor is, and how to reach it.

use crate::{Error, Result, bindings::greenroom::actor, sys};
use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::ops::BitOr;
use core::str::FromStr;
use core::time::Duration;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};

/// The key that marks an address inside JSON.
pub(crate) const ADDRESS_KEY: &str = "$address";

/// Where an actor can be reached: `ID@HOST:PORT`.
///
/// To have one is to have the right to use it. Inside a message it is `{"$address": "ID@HOST:PORT"}`, so it can be a
/// field of what is sent, and an argument of an actor.
///
/// `address | message` sends, as [`send`](Self::send) does:
///
/// ```no_run
/// # use greenroom_guest::*;
/// # #[actor]
/// # fn example() -> Result<()> {
/// # let to = curaddr();
/// (&to | json!({"text": "hello"}))?;
/// to | "and good-bye"
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Box<str>);

impl Address {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Puts a message into the actor's mailbox, and never waits.
    ///
    /// # Errors
    ///
    /// The node's refusals `no-such-actor`, `mailbox-full`, `too-large`, `not-connected`; or the message cannot be
    /// written as JSON. Nothing was sent then.
    pub fn send<T: Serialize + ?Sized>(&self, message: &T) -> Result<()> {
        sys::with_json(message, |text| sys::send(&self.0, text))
    }

    /// As [`send`](Self::send), but waits while the mailbox is full.
    ///
    /// # Errors
    ///
    /// As for `send`, and `timeout` if there was no room in time.
    pub fn send_wait<T: Serialize + ?Sized>(&self, message: &T, timeout: Duration) -> Result<()> {
        sys::in_actor();
        let text = serde_json::to_string(message)?;
        actor::host::send_wait(&self.0, &text, milliseconds(timeout)).map_err(Error::refusal)
    }

    pub(crate) fn of_node(text: String) -> Self {
        Self(text.into_boxed_str())
    }
}

/// This actor's own address.
#[must_use]
pub fn curaddr() -> Address {
    sys::in_actor();
    Address::of_node(actor::host::curaddr())
}

/// The address of the actor that spawned this one, also if that has ended; `None` if no actor did.
#[must_use]
pub fn parent() -> Option<Address> {
    sys::in_actor();
    actor::host::parent().map(Address::of_node)
}

/// The hash of the module that this actor runs: 64 hexadecimal digits, BLAKE3.
#[must_use]
pub fn own_module() -> String {
    sys::in_actor();
    actor::host::own_module()
}

/// Whole milliseconds, rounded up so that no wait is shorter than asked; at most the 49 days that fit.
pub(crate) fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

impl<T: Serialize> BitOr<T> for Address {
    type Output = Result<()>;

    fn bitor(self, message: T) -> Result<()> {
        self.send(&message)
    }
}

impl<T: Serialize> BitOr<T> for &Address {
    type Output = Result<()>;

    fn bitor(self, message: T) -> Result<()> {
        self.send(&message)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.0)
    }
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAddress(String);

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {:?} as an address: it must be ID@HOST:PORT", self.0)
    }
}

impl core::error::Error for BadAddress {}

impl FromStr for Address {
    type Err = BadAddress;

    /// Checks the outline only: the node judges the parts when the address is used.
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let whole = text.split_once('@').is_some_and(|(id, node)| {
            !id.is_empty() && node.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && !port.is_empty())
        });
        if whole { Ok(Self(text.into())) } else { Err(BadAddress(text.to_owned())) }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(ADDRESS_KEY, &self.0)?;
        map.end()
    }
}

/// The form inside JSON. Its serde name is the key, by which `typed` knows an address from any other struct.
#[derive(Deserialize)]
#[serde(rename = "$address", deny_unknown_fields)]
struct Marked<'a> {
    #[serde(rename = "$address", borrow)]
    text: Cow<'a, str>,
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Marked::deserialize(deserializer)?.text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_json_is_marked_and_comes_back() {
        let address: Address = "a7@127.0.0.1:3433".parse().unwrap();
        let text = serde_json::to_string(&address).unwrap();
        assert_eq!(text, r#"{"$address":"a7@127.0.0.1:3433"}"#);
        assert_eq!(serde_json::from_str::<Address>(&text).unwrap(), address);
        assert!(serde_json::from_str::<Address>(r#"{"$address":"a@b:1","more":1}"#).is_err());
    }

    #[test]
    fn a_text_without_node_is_no_address() {
        for text in ["", "a7", "a7@", "@127.0.0.1:1", "a7@127.0.0.1", "a7@:1", "a7@host:"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        assert!("a7@[::1]:3433".parse::<Address>().is_ok());
    }

    #[test]
    fn a_wait_is_never_shorter_than_asked() {
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::from_millis(5)), 5);
        assert_eq!(milliseconds(Duration::MAX), u32::MAX);
    }
}
