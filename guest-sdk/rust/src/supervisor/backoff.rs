//! How long a supervisor waits before a restart.

use crate::address::milliseconds;
use core::time::Duration;
use serde::Serialize;

/// How long a supervisor waits before it starts a child anew that keeps ending.
///
/// A child's first restart is at once. If it ends again before it has run for a whole period, the next waits for `first`,
/// and each further one twice as long as the one before, but never longer than `most`. Chance takes off a part of up to
/// [`jitter`](Self::jitter), so that many that failed together do not come back together.
///
/// Without one a supervisor takes `Backoff::new(100 ms, 30 s)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[must_use = "it is for `Supervisor::backoff` or `Pool::backoff`"]
pub struct Backoff {
    first_ms: u32,
    most_ms: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter: Option<f64>,
}

impl Backoff {
    /// Waits from `first` up to `most`, of which chance takes off up to a half. Whole milliseconds, rounded up.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first_ms: milliseconds(first), most_ms: milliseconds(most), jitter: None }
    }

    /// No wait: every restart is at once.
    pub fn none() -> Self {
        Self::new(Duration::ZERO, Duration::ZERO)
    }

    /// Which part of a wait, from 0 to 1, chance may take off.
    pub fn jitter(mut self, part: f64) -> Self {
        self.jitter = Some(part);
        self
    }
}
