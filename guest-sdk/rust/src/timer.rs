//! Messages to oneself after a time.

use crate::address::milliseconds;
use crate::{Error, Result, bindings::greenroom::actor::timer, sys};
use alloc::boxed::Box;
use core::time::Duration;
use serde::Serialize;

/// Sends a message to this actor itself after a time. It is an ordinary message, not one of the node's.
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # #[actor]
/// # fn example() -> Result<()> {
/// static TICK: Pattern = pattern!("tick");
/// for _ in 0..3 {
///     send_after(&"tick", Duration::from_millis(10))?;
///     receive(&[&TICK])?;
/// }
/// # Ok(()) }
/// ```
///
/// Times are whole milliseconds, rounded up; 49 days are the most.
///
/// # Errors
///
/// `limit` if this actor has as many timers as it may have, `too-large` for a message over 4 KiB; or it cannot be written
/// as JSON.
pub fn send_after<T: Serialize + ?Sized>(message: &T, delay: Duration) -> Result<Timer> {
    sys::in_actor();
    let message = serde_json::to_string(message)?;
    timer::send_after(&message, milliseconds(delay)).map(|reference| Timer(reference.into())).map_err(Error::refusal)
}

/// A message that is on its way through time. Dropping it does not stop it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Timer(Box<str>);

impl Timer {
    /// Stops the timer. True: its message will not come. False: it has come already, and is in the mailbox unless it was
    /// received.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn cancel(self) -> Result<bool> {
        sys::in_actor();
        timer::cancel(&self.0).map_err(Error::refusal)
    }
}
