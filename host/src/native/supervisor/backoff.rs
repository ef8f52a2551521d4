//! How long to wait before a restart.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::spec::bad;
use crate::refusal::Refusal;

/// How long a supervisor waits before it starts a child again that keeps ending.
///
/// A child's first restart is at once. If the child ends again before it has run for a whole period, the next waits for
/// `first`, and each further one twice as long as the one before, but never longer than `most`. Chance takes off a part
/// of up to `jitter`, so that many that failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    first_ms: u32,
    most_ms: u32,
    jitter: f64,
}

impl Default for Backoff {
    /// 100 ms, doubled up to 30 s, of which chance takes off up to a half.
    fn default() -> Backoff {
        Backoff { first_ms: 100, most_ms: 30_000, jitter: 0.5 }
    }
}

impl Backoff {
    /// Waits from `first` up to `most`, with the usual jitter. Times are kept in whole milliseconds, up to 49 days.
    pub fn new(first: Duration, most: Duration) -> Backoff {
        Backoff { first_ms: millis(first), most_ms: millis(most), ..Backoff::default() }
    }

    /// No wait: every restart is at once.
    pub fn none() -> Backoff {
        Backoff::new(Duration::ZERO, Duration::ZERO)
    }

    /// Which part of a wait, from 0 to 1, chance may take off.
    pub fn jitter(mut self, part: f64) -> Backoff {
        self.jitter = part;
        self
    }

    /// How long to wait after so many quick ends before this one. `chance` is from 0 up to 1.
    pub(super) fn wait(&self, before: u32, chance: f64) -> Duration {
        let Some(doublings) = before.checked_sub(1) else { return Duration::ZERO };
        let doubled = u64::from(self.first_ms).saturating_mul(1 << doublings.min(32));
        let whole = Duration::from_millis(doubled.min(u64::from(self.most_ms)));
        whole.mul_f64(1.0 - self.jitter * chance)
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        let Backoff { first_ms, most_ms, jitter } = self;
        if !(0.0..=1.0).contains(jitter) {
            return Err(bad("`backoff.jitter` must be from 0 to 1"));
        }
        if first_ms > most_ms {
            return Err(bad(format!("`backoff.first_ms` is {first_ms}, more than `most_ms`, {most_ms}")));
        }
        Ok(())
    }
}

/// Whole milliseconds, up to 49 days.
pub(super) fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_at_once_and_each_further_one_waits_twice_as_long_up_to_the_most() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(1_000));
        let waits = |chance| [0, 1, 2, 3, 4, 5, 33, 70].map(|before| backoff.wait(before, chance).as_millis());
        assert_eq!(waits(0.0), [0, 100, 200, 400, 800, 1_000, 1_000, 1_000]);
        assert_eq!(waits(0.5), [0, 75, 150, 300, 600, 750, 750, 750], "half of the half that chance may take");
        assert_eq!(Backoff::none().wait(9, 0.9), Duration::ZERO);
        assert_eq!(backoff.jitter(1.0).wait(3, 0.75), Duration::from_millis(100));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let ms = Duration::from_millis;
        assert!(Backoff::new(ms(5), ms(5)).jitter(1.0).check().is_ok());
        for bad in [Backoff::new(ms(6), ms(5)), Backoff::none().jitter(1.1), Backoff::none().jitter(f64::NAN)] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
