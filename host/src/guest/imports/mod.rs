//! The contract's imports: one file per WIT interface, each converts, calls the context, and converts back.

mod groups;
mod host;
mod lifecycle;
mod log;
mod registry;
mod rights;
mod source;
mod timer;

use std::time::Duration;

use super::state::Guest;
use crate::refusal::{Refusal, RefusalKind};

/// The answer of a function that the contract has and this version does not.
fn unsupported<T>(function: &str) -> Result<T, String> {
    let message = format!("`{function}` is part of the contract but not built in this version of Greenroom");
    Err(Refusal::new(RefusalKind::Unsupported, message).to_json())
}

impl Guest {
    /// As [`told`]. The first refusal for want of each kind of grant is logged.
    fn told<T>(&self, answer: Result<T, Refusal>) -> Result<T, String> {
        answer.map_err(|refusal| {
            if let Some(grant) = refusal.grant() {
                self.module.lacks(grant.key(), self.module.grants().holds(&grant), refusal.message());
            }
            refusal.to_json()
        })
    }
}

/// A refusal as the guest gets it.
fn told<T>(answer: Result<T, Refusal>) -> Result<T, String> {
    answer.map_err(|refusal| refusal.to_json())
}

fn milliseconds(timeout_ms: u32) -> Duration {
    Duration::from_millis(timeout_ms.into())
}
