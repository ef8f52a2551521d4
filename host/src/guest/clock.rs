//! The time that a guest is told: its node's, in steps of a millisecond unless it is granted a finer clock.

use std::time::{Duration, UNIX_EPOCH};

use super::state::Guest;
use crate::clock::Clock;
use crate::grants::Grant;

/// A coarse clock's step. What a neighbour does in the caches takes far less.
const STEP: Duration = Duration::from_millis(1);

/// One guest's clock.
#[derive(Clone)]
pub(super) struct GuestClock {
    clock: Clock,
    step: Duration,
}

impl Guest {
    pub(super) fn clock(&self) -> GuestClock {
        let fine = self.context.grants().holds(&Grant::FineClock);
        let step = if fine { Duration::from_nanos(1) } else { STEP };
        GuestClock { clock: self.context.clock().clone(), step }
    }
}

impl GuestClock {
    /// What it is a multiple of.
    pub(super) fn step(&self) -> Duration {
        self.step
    }

    /// Since the node's clock began.
    pub(super) fn monotonic(&self) -> Duration {
        floor(self.clock.monotonic(), self.step)
    }

    /// Since 1970.
    pub(super) fn system(&self) -> Duration {
        floor(self.clock.system().duration_since(UNIX_EPOCH).unwrap_or_default(), self.step)
    }

    /// The node's own.
    pub(super) fn real(&self) -> &Clock {
        &self.clock
    }
}

/// The last multiple of a step, which divides a second.
fn floor(time: Duration, step: Duration) -> Duration {
    let nanoseconds = time.subsec_nanos();
    Duration::new(time.as_secs(), nanoseconds - nanoseconds % step.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarse_clock_shows_the_last_step() {
        let (time, fine) = (Duration::new(7, 12_999_999), Duration::from_nanos(1));
        assert_eq!((floor(time, STEP), floor(time, fine)), (Duration::new(7, 12_000_000), time));
    }
}
