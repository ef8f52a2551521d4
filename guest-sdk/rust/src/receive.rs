//! Taking messages from this actor's mailbox.

use crate::address::milliseconds;
use crate::{HostMessage, Json, Matched, Pattern, Result, sys, typed};
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, de::DeserializeOwned};

/// A message as it came, with its text still in the receive buffer.
///
/// Dropping it gives the buffer back to the next receive. Keep it only as long as you read it.
#[derive(Debug)]
pub struct Received {
    pattern: usize,
    from_host: bool,
    text: Vec<u8>,
}

impl Received {
    /// Which of the patterns matched, counted from 0; 0 if none were given.
    #[must_use]
    pub fn pattern(&self) -> usize {
        self.pattern
    }

    /// Whether the node made this message. No actor can.
    #[must_use]
    pub fn from_host(&self) -> bool {
        self.from_host
    }

    /// The text as it was sent.
    #[must_use]
    pub fn text(&self) -> &str {
        // SAFETY: `of` is given what the node lowered, and the node lowers only UTF-8.
        unsafe { core::str::from_utf8_unchecked(&self.text) }
    }

    /// Reads the message as a `T`, which may borrow from it.
    ///
    /// # Errors
    ///
    /// It has not the shape of a `T`.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        Ok(serde_json::from_str(self.text())?)
    }

    fn of(taken: sys::Taken) -> Self {
        Self { pattern: taken.pattern as usize, from_host: taken.from_host, text: taken.text }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        sys::incoming_put(core::mem::take(&mut self.text));
    }
}

/// Waits for the oldest message that one of the patterns matches, without reading it; without patterns, for the oldest.
///
/// Without `timeout` waits for ever, with zero not at all; `None` says that the time was up.
///
/// # Errors
///
/// `bad-pattern`; no message was taken then.
pub fn receive_raw(patterns: &[&Pattern], timeout: Option<Duration>) -> Result<Option<Received>> {
    let taken = sys::receive_matching(patterns.iter().copied(), timeout.map(milliseconds))?;
    Ok(taken.map(Received::of))
}

/// Waits for the oldest message.
///
/// # Errors
///
/// None that is known: the node does not refuse a `receive` without patterns.
pub fn receive_any() -> Result<Json> {
    for_ever(receive_raw(&[], None)?).read()
}

/// Waits for the oldest message that one of the patterns matches, and tells which one did.
///
/// The patterns are tried in order; a message that none matches keeps its place.
///
/// ```no_run
/// # use greenroom_guest::*;
/// static DATA: Pattern = pattern!(["data", str]);
/// static EVENT: Pattern = pattern!({"event": str, "data": any});
/// # #[actor]
/// # fn example() -> Result<()> {
/// # (curaddr() | json!("neither of them"))?;
/// # (curaddr() | json!({"event": "click", "data": [7, 9]}))?;
/// let (matched, message) = receive(&[&DATA, &EVENT])?;
/// if matched == EVENT {
///     println!("{}", message["data"]);
/// }
/// # assert_eq!((matched == EVENT, receive_any()?), (true, json!("neither of them")));
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// `bad-pattern`; no message was taken then.
pub fn receive<'a>(patterns: &[&'a Pattern]) -> Result<(Matched<'a>, Json)> {
    let received = for_ever(receive_raw(patterns, None)?);
    Ok((Matched::new(patterns, received.pattern()), received.read()?))
}

/// As [`receive`], for at most this long; `None` if the time was up.
///
/// The time is the total: messages that do not match do not prolong it.
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # #[actor]
/// # fn example() -> Result<()> {
/// static GO: Pattern = pattern!("go");
/// if receive_timeout(&[&GO], Duration::from_millis(10))?.is_none() {
///     println!("nobody says go");
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// As for [`receive`].
pub fn receive_timeout<'a>(patterns: &[&'a Pattern], timeout: Duration) -> Result<Option<(Matched<'a>, Json)>> {
    let Some(received) = receive_raw(patterns, Some(timeout))? else { return Ok(None) };
    Ok(Some((Matched::new(patterns, received.pattern()), received.read()?)))
}

/// As [`receive`], without waiting.
///
/// # Errors
///
/// As for [`receive`].
pub fn try_receive<'a>(patterns: &[&'a Pattern]) -> Result<Option<(Matched<'a>, Json)>> {
    receive_timeout(patterns, Duration::ZERO)
}

/// Waits for the oldest message that has the shape of a `T`.
///
/// The patterns come from how serde reads the type: a struct asks for its fields (not for an `Option` nor one with a
/// `#[serde(default)]`) and the kinds of their values; an enum for any of its variants; what reads any value, as
/// [`Json`] does, asks for nothing. Of the last sort are enums with `#[serde(tag)]` or `#[serde(untagged)]`; a struct with
/// `#[serde(flatten)]` asks for an object: use [`receive_raw`] with a pattern for those. They are worked out once for each
/// type.
///
/// # Errors
///
/// The message fits the patterns, but not the type: a number out of range, say. It is taken then.
pub fn receive_as<T: DeserializeOwned + 'static>() -> Result<T> {
    for_ever(receive_shape::<T>(None)?).read()
}

/// As [`receive_as`], for at most this long; `None` if the time was up.
///
/// # Errors
///
/// As for [`receive_as`].
pub fn receive_as_timeout<T: DeserializeOwned + 'static>(timeout: Duration) -> Result<Option<T>> {
    receive_shape::<T>(Some(timeout))?.map(|received| received.read()).transpose()
}

/// What [`receive_or_host`] took.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming<T> {
    /// Somebody sent it.
    Message(T),
    /// The node made it.
    Host(HostMessage),
}

/// Waits for the oldest message that has the shape of a `T` or was made by the node.
///
/// What a server's loop stands on that hears of its clients' ends:
///
/// ```no_run
/// # use greenroom_guest::*;
/// #[derive(serde::Serialize, serde::Deserialize)]
/// enum Visit {
///     Login { client: Address },
/// }
///
/// #[actor]
/// fn club() -> Result<()> {
///     loop {
///         match receive_or_host::<Visit>()? {
///             Incoming::Message(Visit::Login { client }) => drop(client.monitor()?),
///             Incoming::Host(HostMessage::Ended(ended)) => println!("{} has left", ended.address),
///             Incoming::Host(_) => {}
///         }
///     }
/// }
/// # #[actor]
/// # fn example() -> Result<()> { club::spawn()?.send(&Visit::Login { client: curaddr() }) }
/// ```
///
/// # Errors
///
/// As for [`receive_as`].
pub fn receive_or_host<T: DeserializeOwned + 'static>() -> Result<Incoming<T>> {
    let patterns: Vec<&Pattern> = core::iter::once(&HOST).chain(typed::patterns_of::<T>()).collect();
    let received = for_ever(receive_raw(&patterns, None)?);
    if received.from_host() { received.read().map(Incoming::Host) } else { received.read().map(Incoming::Message) }
}

/// First among the patterns, so that a type which takes anything takes no message of the node's.
static HOST: Pattern = Pattern::from_static(r#"{"$host":{"$type":"any"}}"#);

fn receive_shape<T: DeserializeOwned + 'static>(timeout: Option<Duration>) -> Result<Option<Received>> {
    let taken = sys::receive_matching(typed::patterns_of::<T>().iter(), timeout.map(milliseconds))?;
    Ok(taken.map(Received::of))
}

fn for_ever(received: Option<Received>) -> Received {
    received.expect("a receive without timeout answers with a message or a refusal")
}
