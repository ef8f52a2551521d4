//! Why a call has no answer.

use crate::{Address, Exception, Json, Outcome, json};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

/// Why a call has no answer: what [`Error::call_error`](crate::Error::call_error) answers.
///
/// ```no_run
/// # use greenroom_guest::*;
/// # use std::time::Duration;
/// # #[actor]
/// # fn bank() -> Result<()> {
/// #     let no = json!({"type": "error", "message": "no money"});
/// #     receive_as::<Request>()?.respond_exception(&no)
/// # }
/// # #[actor]
/// # fn example() -> Result<()> {
/// # let bank = bank::spawn()?;
/// match bank.call("pay", &100, Duration::from_secs(1)) {
///     Ok(receipt) => println!("paid: {receipt}"),
///     Err(error) => match error.call_error() {
///         Some(CallError::Exception(why)) => println!("the bank says no: {}", why.message()),
///         Some(CallError::Ended(_)) => println!("there is no bank any more"),
///         _ => return Err(error),
///     },
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// The method failed (kind `exception`). The callee lives on; what it says of its failure is its own word.
    Exception(Exception),
    /// The callee has no such method (kind `invalid-method`).
    InvalidMethod,
    /// There was no answer in time (kind `timeout`). Whether the callee did what it was asked is not known.
    Timeout,
    /// The callee had ended, or ended without an answer (kind `ended`).
    Ended(Outcome),
}

impl CallError {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Exception(_) => "exception",
            Self::InvalidMethod => "invalid-method",
            Self::Timeout => "timeout",
            Self::Ended(_) => "ended",
        }
    }
}

/// A call that failed: which, and why.
pub(crate) struct FailedCall {
    pub(crate) method: Box<str>,
    pub(crate) callee: Address,
    pub(crate) why: CallError,
}

impl FailedCall {
    pub(crate) fn message(&self) -> String {
        let why = match &self.why {
            CallError::Exception(exception) => exception.to_string(),
            CallError::InvalidMethod => "it has no such method".to_string(),
            CallError::Timeout => "there was no answer in time".to_string(),
            CallError::Ended(Outcome::Exit(_)) => "it ended without an answer".to_string(),
            CallError::Ended(Outcome::Exception(exception)) => format!("it ended: {exception}"),
        };
        format!("cannot call `{}` of {}: {why}", self.method, self.callee)
    }

    /// What an actor ends with that passes this on: it has the shape of a refusal.
    pub(crate) fn to_json(&self) -> Json {
        let mut whole = json!({"type": self.why.kind(), "message": self.message()});
        match &self.why {
            CallError::Exception(exception) => whole["exception"] = exception.as_json().clone(),
            CallError::Ended(Outcome::Exit(value)) => whole["outcome"] = json!({"exit": value}),
            CallError::Ended(Outcome::Exception(exception)) => {
                whole["outcome"] = json!({"exception": exception.as_json()});
            }
            CallError::InvalidMethod | CallError::Timeout => {}
        }
        whole
    }
}
