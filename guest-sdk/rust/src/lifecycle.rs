//! How actors end, and who hears of it.

use crate::address::milliseconds;
use crate::{Address, Ended, Error, Outcome, Pattern, Result, bindings::greenroom::actor::lifecycle, json, sys};
use alloc::boxed::Box;
use alloc::string::ToString;
use core::time::Duration;
use serde::Serialize;

impl Address {
    /// Waits until the actor has ended and says how; `None` if the time was up. Without `timeout`, waits for ever.
    ///
    /// # Errors
    ///
    /// `bad-argument` if it is this very actor, `bad-address` if it is no address.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Option<Outcome>> {
        sys::in_actor();
        let text = lifecycle::wait(self.as_str(), timeout.map(milliseconds)).map_err(Error::refusal)?;
        text.map(|text| Outcome::read(&text)).transpose()
    }

    /// Ends a descendant of this actor at once. It cannot prevent it, and ends with an exception of type `killed`.
    ///
    /// # Errors
    ///
    /// `not-permitted` if this actor is no ancestor of it, `no-such-actor` if it has ended, `bad-address` for a name.
    pub fn kill(&self) -> Result<()> {
        sys::in_actor();
        lifecycle::kill(self.as_str()).map_err(Error::refusal)
    }

    /// Asks a descendant of this actor to end: with an exception of type `shutdown` and this reason, or, if it
    /// [traps exits](trap_exit), by a [`Shutdown`](crate::Shutdown) message, upon which it decides itself.
    ///
    /// # Errors
    ///
    /// As for [`kill`](Self::kill); or the reason cannot be written as JSON.
    pub fn exit<T: Serialize + ?Sized>(&self, reason: &T) -> Result<()> {
        sys::in_actor();
        lifecycle::exit(self.as_str(), &serde_json::to_string(reason)?).map_err(Error::refusal)
    }

    /// Asks a descendant of this actor to end, as [`exit`](Self::exit) does, and returns how it did. If it has not for
    /// `patience`, it is killed; `None` waits for ever.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # use std::time::Duration;
    /// # #[actor]
    /// # fn idler() { receive_any().unwrap(); }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// let idler = idler::spawn()?;
    /// let Outcome::Exception(end) = idler.stop(&"enough", Duration::from_secs(5))? else { panic!("it did not obey") };
    /// assert_eq!(end.kind(), "shutdown");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for `exit`.
    pub fn stop<T: Serialize + ?Sized>(&self, reason: &T, patience: impl Into<Option<Duration>>) -> Result<Outcome> {
        self.exit(reason)?;
        if let Some(outcome) = self.wait(patience.into())? {
            return Ok(outcome);
        }
        // If it is refused now, it has just ended.
        _ = self.kill();
        Ok(self.wait(None)?.expect("a wait without a time ends with an outcome"))
    }

    /// From now on this actor hears of the other's end: one that ended with an exception takes this actor with it, unless
    /// it [traps exits](trap_exit); then every end is an [`Ended`] message.
    ///
    /// The other way round it holds only if the other agreed: if it has linked this actor too, or is its descendant. So a
    /// server may link its clients without ever harming one. An actor that has already ended is heard of at once, as
    /// `noproc`.
    ///
    /// # Errors
    ///
    /// `limit` if this actor has as many links as it may have, `bad-address` for a name.
    pub fn link(&self) -> Result<()> {
        sys::in_actor();
        lifecycle::link(self.as_str()).map_err(Error::refusal)
    }

    /// Ends what [`link`](Self::link) began. No message about that actor's end arrives any more, also none that is in the
    /// mailbox already. The other goes on hearing of this one if it made a link itself.
    ///
    /// # Errors
    ///
    /// `bad-address` for a name.
    pub fn unlink(&self) -> Result<()> {
        sys::in_actor();
        lifecycle::unlink(self.as_str()).map_err(Error::refusal)
    }

    /// Asks for exactly one message when the actor ends, at once if it has ended already (then as `noproc`).
    ///
    /// The message has a place of its own: it arrives in a full mailbox too.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # #[actor]
    /// # fn hand() { receive_any().unwrap(); }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # let worker = hand::spawn()?;
    /// let monitor = worker.monitor()?;
    /// worker.send(&"go")?;
    /// if let Some(ended) = monitor.wait(None)? {
    ///     println!("the worker ended: {:?}", ended.outcome);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// `limit` if this actor has as many monitors as it may have, `bad-address` if it is no address.
    pub fn monitor(&self) -> Result<Monitor> {
        sys::in_actor();
        lifecycle::monitor(self.as_str()).map(|reference| Monitor(reference.into())).map_err(Error::refusal)
    }
}

/// A message that was asked for: the one about the end of another actor.
///
/// It arrives as an [`Ended`] whose `monitor` is this one's [reference](Self::reference). Dropping a monitor does not end
/// it, [`demonitor`](Self::demonitor) does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Monitor(Box<str>);

impl Monitor {
    /// The monitor that [`Spawn::monitor`](crate::Spawn::monitor) made of this child.
    #[must_use]
    pub fn of_spawned(child: &Address) -> Self {
        // The contract: the reference of such a monitor is the child's address.
        Self(child.as_str().into())
    }

    /// What its message carries.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.0
    }

    /// Matches its message and no other, for [`receive`](crate::receive) beside other patterns.
    #[must_use]
    pub fn pattern(&self) -> Pattern {
        Pattern::new(json!({"$host": {"monitor": &*self.0}}).to_string())
    }

    /// Waits for its message; `None` if the time was up. Without `timeout`, waits for ever.
    ///
    /// There is one message only: once it has been taken, here or by another receive, there is nothing to wait for.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Option<Ended>> {
        crate::receive_raw(&[&self.pattern()], timeout)?.map(|received| received.read()).transpose()
    }

    /// Ends it. Its message does not arrive any more, also not if it is in the mailbox already.
    ///
    /// # Errors
    ///
    /// None that is known; a monitor that has already had its message is no error.
    pub fn demonitor(self) -> Result<()> {
        sys::in_actor();
        lifecycle::demonitor(&self.0).map_err(Error::refusal)
    }
}

/// Whether the end of a linked actor is a message to this one instead of its own end, and so is a request to end by
/// [`Address::exit`]. Answers the setting before; at first it is off, or what [`Spawn::trap_exit`](crate::Spawn::trap_exit)
/// made it.
///
/// ```no_run
/// # use greenroom_guest::*;
/// # #[actor]
/// # fn brief() {}
/// # #[actor]
/// # fn example() -> Result<()> {
/// # let worker = brief::spawn()?;
/// trap_exit(true)?;
/// worker.link()?;
/// let ended: Ended = receive_as()?;
/// assert_eq!(ended.address, worker);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// None that is known.
pub fn trap_exit(on: bool) -> Result<bool> {
    sys::in_actor();
    lifecycle::trap_exit(on).map_err(Error::refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_waits_for_its_own_message_from_the_node_only() {
        let child: Address = "a7@127.0.0.1:3433".parse().unwrap();
        let monitor = Monitor::of_spawned(&child);
        assert_eq!(monitor.reference(), child.as_str());
        assert_eq!(monitor.pattern().text(), r#"{"$host":{"monitor":"a7@127.0.0.1:3433"}}"#);
    }
}
