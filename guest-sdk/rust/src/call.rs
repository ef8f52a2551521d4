//! Asking an actor and having its answer: the caller's side of a call.

use crate::rights::{Narrow, Right};
use crate::{Address, CallError, Error, Exception, Json, Monitor, Pattern, Result, json, receive_raw};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

impl Address {
    /// Asks the actor to do something and waits for its answer, at most for `timeout`; `None` waits for ever.
    ///
    /// One that has ended, or ends before it answers, is an error at once and not after the time. Whatever comes after
    /// this has returned, a late answer too, does not reach the mailbox. Other messages wait meanwhile.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # use std::time::Duration;
    /// # #[actor]
    /// # fn adder(mut sum: i64) -> Result<()> {
    /// #     loop {
    /// #         let request: Request = receive_as()?;
    /// #         sum += request.message().as_i64().unwrap_or_default();
    /// #         request.respond(&sum)?;
    /// #     }
    /// # }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # let counter = adder::spawn(0)?;
    /// let count = counter.call("add", &2, Duration::from_secs(1))?;
    /// assert_eq!(count, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`CallError`] ([`Error::call_error`] has it): the method failed or there is none of that name, the actor ended, or the
    /// time was up. Or a refusal of the node: `mailbox-full`, `too-large`, `not-permitted` (the address must allow to send
    /// and to monitor), `limit`.
    pub fn call<T: Serialize + ?Sized>(
        &self,
        method: &str,
        message: &T,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Json> {
        self.call_start(method, message)?.wait(timeout)
    }

    /// As [`call`](Self::call), with the answer read as a `T`.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # #[actor]
    /// # fn counts(mut sum: i64) -> Result<()> {
    /// #     loop {
    /// #         let request: Request = receive_as()?;
    /// #         sum += request.message().as_i64().unwrap_or_default();
    /// #         request.respond(&sum)?;
    /// #     }
    /// # }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # let counter = counts::spawn(0)?;
    /// let count = counter.call_as::<u32>("add", &2, None)?;
    /// # assert_eq!(count, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for `call`; or the answer is no `T`.
    pub fn call_as<T: DeserializeOwned>(
        &self,
        method: &str,
        message: &(impl Serialize + ?Sized),
        timeout: impl Into<Option<Duration>>,
    ) -> Result<T> {
        self.call_start(method, message)?.wait_as(timeout)
    }

    /// Asks without waiting. There may be any number of such calls at once, and their answers may come in any order.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # use std::time::Duration;
    /// # #[actor]
    /// # fn keeper(shelf: u32) -> Result<()> { loop { receive_as::<Request>()?.respond(&shelf)?; } }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # let (library, archive) = (keeper::spawn(1)?, keeper::spawn(2)?);
    /// let (one, other) = (library.call_start("find", "Moby")?, archive.call_start("find", "Moby")?);
    /// let found = [one.wait(Duration::from_secs(1))?, other.wait(Duration::from_secs(1))?];
    /// # assert_eq!(found, [1, 2]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The refusals of [`call`](Self::call). That the actor has ended is told by the wait.
    pub fn call_start<T: Serialize + ?Sized>(&self, method: &str, message: &T) -> Result<Call> {
        let reply_to = crate::curaddr().narrow(&Narrow::new().rights(&[Right::Send]).uses(1))?;
        // From here on whatever fails takes the reply address back.
        let mut call = Call { callee: self.clone(), method: method.into(), reply_to, monitor: None, open: true };
        call.monitor = Some(self.monitor()?);
        let request = Asked { call: call.id(), method, address: &call.reply_to, message };
        match self.send(&request) {
            // The monitor tells how it ended.
            Err(refusal) if refusal.kind() != "no-such-actor" => Err(refusal),
            _ => Ok(call),
        }
    }
}

/// A call that waits for its answer. Dropping it gives it up: no answer reaches the mailbox any more.
#[derive(Debug)]
#[must_use = "a call that is dropped is given up"]
pub struct Call {
    callee: Address,
    method: Box<str>,
    reply_to: Address,
    monitor: Option<Monitor>,
    /// Whether the answer may still come.
    open: bool,
}

impl Call {
    /// Waits for the answer. A call that is not answered in time is given up.
    ///
    /// # Errors
    ///
    /// A [`CallError`].
    pub fn wait(self, timeout: impl Into<Option<Duration>>) -> Result<Json> {
        self.wait_as(timeout)
    }

    /// As [`wait`](Self::wait), with the answer read as a `T`.
    ///
    /// # Errors
    ///
    /// A [`CallError`], or the answer is no `T`.
    pub fn wait_as<T: DeserializeOwned>(mut self, timeout: impl Into<Option<Duration>>) -> Result<T> {
        let answer = Pattern::new(json!({"response": self.id()}).to_string());
        let end = self.monitor.as_ref().map(Monitor::pattern);
        let patterns: Vec<&Pattern> = core::iter::once(&answer).chain(&end).collect();
        let Some(received) = receive_raw(&patterns, timeout.into())? else {
            return Err(self.failed(CallError::Timeout));
        };
        if received.from_host() {
            self.monitor = None;
            let ended: crate::Ended = received.read()?;
            return Err(self.failed(CallError::Ended(ended.outcome)));
        }
        self.open = false;
        let answer: Answer<'_> = received.read()?;
        match answer {
            Answer { exception: Some(exception), .. } => Err(self.failed(CallError::Exception(exception))),
            Answer { invalid_method: Some(_), .. } => Err(self.failed(CallError::InvalidMethod)),
            Answer { message, .. } => Ok(serde_json::from_str(message.map_or("null", RawValue::get))?),
        }
    }

    /// What the answer carries: the random half of an address that nobody but the callee is told.
    fn id(&self) -> &str {
        let whole = self.reply_to.as_str();
        whole.split_once('@').map_or(whole, |(id, _)| id)
    }

    fn failed(&self, why: CallError) -> Error {
        Error::call(&self.method, &self.callee, why)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Neither can fail but for what is gone already, and then there is nothing to take back.
        if let Some(monitor) = self.monitor.take() {
            _ = monitor.demonitor();
        }
        if self.open {
            _ = self.reply_to.revoke();
        }
    }
}

/// A request as the protocol has it.
#[derive(Serialize)]
struct Asked<'a, T: ?Sized> {
    call: &'a str,
    method: &'a str,
    address: &'a Address,
    message: &'a T,
}

/// An answer as the protocol has it.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "present")]
    exception: Option<Exception>,
    invalid_method: Option<Json>,
}

/// An exception that is null is one all the same.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Exception>, D::Error> {
    Exception::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Answer<'_> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_request_is_written_as_the_protocol_has_it() {
        let address: Address = "a7@127.0.0.1:3433".parse().unwrap();
        let asked = Asked { call: "a7", method: "add", address: &address, message: &[1] };
        assert_eq!(
            serde_json::to_string(&asked).unwrap(),
            r#"{"call":"a7","method":"add","address":{"$address":"a7@127.0.0.1:3433"},"message":[1]}"#
        );
    }

    #[test]
    fn null_is_an_answer_and_an_exception_too() {
        let answer = read(r#"{"response":"a7","message":null}"#);
        assert!(answer.exception.is_none() && answer.invalid_method.is_none());
        assert!(read(r#"{"response":"a7","exception":null}"#).exception.is_some());
        assert!(read(r#"{"response":"a7","invalid_method":"m"}"#).invalid_method.is_some());
    }
}
