//! The node's clocks.

use crate::{bindings::greenroom::actor::timer, sys};
use core::time::Duration;

/// The time since 1970-01-01T00:00:00Z.
#[must_use]
pub fn now() -> Duration {
    sys::in_actor();
    duration(timer::now_ms())
}

/// The time on a clock that never goes back, one for all actors of a node; its zero means nothing.
#[must_use]
pub fn monotonic() -> Duration {
    sys::in_actor();
    duration(timer::monotonic_ms())
}

fn duration(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default()
}
