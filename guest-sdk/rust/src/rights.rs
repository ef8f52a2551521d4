//! Addresses that are worth less than the one they were made from.

use crate::{Address, Error, Result, bindings::greenroom::actor::rights, sys};
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Serialize, Serializer};

/// How much less a new address is worth: see [`Address::narrow`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[must_use = "it narrows nothing before it is given to `Address::narrow`"]
pub struct Narrow {
    #[serde(skip_serializing_if = "Option::is_none")]
    rights: Option<Vec<Right>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses: Option<u32>,
    #[serde(rename = "expires_ms", serialize_with = "as_milliseconds", skip_serializing_if = "Option::is_none")]
    expires_after: Option<Duration>,
}

impl Narrow {
    /// Takes nothing away: yet it is another address, which can be revoked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only these rights, as far as the address that is narrowed has them.
    pub fn rights(mut self, rights: &[Right]) -> Self {
        self.rights = Some(rights.into());
        self
    }

    /// Usable that many times.
    pub fn uses(mut self, uses: u32) -> Self {
        self.uses = Some(uses);
        self
    }

    /// Usable for that long from now on; whole milliseconds, rounded up.
    pub fn expires_after(mut self, time: Duration) -> Self {
        self.expires_after = Some(time);
        self
    }
}

/// What an address allows. There is none to kill: that is by descent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Right {
    /// To send to the actor.
    Send,
    /// To monitor it.
    Monitor,
    /// To wait for its end.
    Wait,
    /// To link it.
    Link,
}

impl Address {
    /// A new address of the same actor that allows less.
    ///
    /// It ends with this actor or the one it is of, when it expires or is used up, or by [`revoke`](Self::revoke).
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # let stranger = curaddr();
    /// let reply_to = curaddr().narrow(&Narrow::new().rights(&[Right::Send]).uses(1))?;
    /// stranger.send(&json!({"question": "why?", "reply_to": reply_to}))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// `limit` if this actor has made as many as it may, `no-such-actor` if there is nothing to narrow.
    pub fn narrow(&self, narrow: &Narrow) -> Result<Address> {
        sys::in_actor();
        rights::narrow(self.as_str(), &serde_json::to_string(narrow)?).map(Address::of_node).map_err(Error::refusal)
    }

    /// Takes back an address that this actor narrowed: what was sent to it and not yet received never will be.
    ///
    /// # Errors
    ///
    /// `not-permitted` if this actor did not make it.
    pub fn revoke(&self) -> Result<()> {
        sys::in_actor();
        rights::revoke(self.as_str()).map_err(Error::refusal)
    }
}

/// The narrowed address of this actor that the message it took last was sent to; `None` if that was sent to the actor itself
/// or made by the node.
///
/// So an actor can be one thing to those who have its own address, and another to those who have a narrowed one:
///
/// ```no_run
/// # use greenroom_guest::*;
/// /// Anybody may look; who has the actor's own address may also write.
/// #[actor]
/// fn notice_board() -> Result<()> {
///     let mut notice = json!("nothing new");
///     loop {
///         let mut request: Request = receive_as()?;
///         match request.method() {
///             "write" if received_via().is_none() => {
///                 notice = request.take_message();
///                 request.respond(&())?;
///             }
///             "read" => request.respond(&notice)?,
///             _ => request.respond_invalid_method()?,
///         }
///     }
/// }
/// # #[actor]
/// # fn example() -> Result<()> {
/// # let board = notice_board::spawn()?;
/// # let window = board.narrow(&Narrow::new().rights(&[Right::Send, Right::Monitor]))?;
/// # assert_eq!(window.call("write", "me too", None).unwrap_err().kind(), "invalid-method");
/// # board.call("write", "lunch at one", None)?;
/// # assert_eq!(window.call("read", &(), None)?, "lunch at one");
/// # Ok(()) }
/// ```
#[must_use]
pub fn received_via() -> Option<Address> {
    sys::in_actor();
    rights::via().map(Address::of_node)
}

fn as_milliseconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(crate::address::milliseconds).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_is_taken_away() {
        let text = |narrow: &Narrow| serde_json::to_string(narrow).unwrap();
        assert_eq!(text(&Narrow::new()), "{}");
        let narrow = Narrow::new().rights(&[Right::Send, Right::Monitor]).uses(1);
        assert_eq!(text(&narrow), r#"{"rights":["send","monitor"],"uses":1}"#);
        assert_eq!(text(&Narrow::new().rights(&[])), r#"{"rights":[]}"#);
        assert_eq!(text(&Narrow::new().expires_after(Duration::from_micros(1))), r#"{"expires_ms":1}"#);
    }
}
