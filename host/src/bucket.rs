//! A rate with a burst: how much may be used over time. Pure: the time is given.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A token bucket, kept as one number: the moment when it will be full again (the generic cell rate algorithm of ITU-T
/// I.371). Times are nanoseconds on any clock that never goes back.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    full_at: AtomicU64,
}

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// Nanoseconds in which one comes in.
    each: f64,
    /// Nanoseconds in which an empty one fills.
    all: u64,
}

impl Rate {
    /// `per_second` come in, and what comes in within `burst` is kept.
    pub(crate) fn new(per_second: u64, burst: Duration) -> Rate {
        Rate { each: 1e9 / per_second as f64, all: nanoseconds(burst) }
    }

    fn cost(self, count: u64) -> u64 {
        // A float beyond the range becomes the largest number.
        (self.each * count as f64) as u64
    }
}

impl Bucket {
    /// Takes so many out, if there are as many.
    pub(crate) fn take(&self, rate: Rate, count: u64, now: Duration) -> bool {
        let (cost, now) = (rate.cost(count), nanoseconds(now));
        let taken = |full_at: u64| {
            let full_at = full_at.max(now).saturating_add(cost);
            (full_at - now <= rate.all).then_some(full_at)
        };
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Takes so many out, whether there are as many or not: who owes waits ([`Bucket::ready_at`]).
    pub(crate) fn owe(&self, rate: Rate, count: u64, now: Duration) {
        let (cost, now) = (rate.cost(count), nanoseconds(now));
        let owed = |full_at: u64| Some(full_at.max(now).saturating_add(cost));
        _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, owed);
    }

    /// When nothing is owed any more.
    pub(crate) fn ready_at(&self, rate: Rate) -> Duration {
        Duration::from_nanos(self.full_at.load(Ordering::Relaxed).saturating_sub(rate.all))
    }
}

/// A time as a number; one beyond 584 years is the largest.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_may_come_at_once_and_then_as_many_as_come_in() {
        let (bucket, rate) = (Bucket::default(), Rate::new(100, 2 * SECOND));
        let taken = |now| (0..1000).take_while(|_| bucket.take(rate, 1, now)).count();
        assert_eq!(taken(SECOND), 200);
        assert_eq!(taken(2 * SECOND), 100);
        assert_eq!(taken(100 * SECOND), 200);
    }

    #[test]
    fn who_owes_is_ready_when_it_has_come_in() {
        let (bucket, rate) = (Bucket::default(), Rate::new(10, SECOND));
        bucket.owe(rate, 10, SECOND);
        assert!(bucket.ready_at(rate) <= SECOND);
        bucket.owe(rate, 30, SECOND);
        assert_eq!(bucket.ready_at(rate), 4 * SECOND);
        assert!(!bucket.take(rate, 1, 4 * SECOND));
        assert!(bucket.take(rate, 1, 5 * SECOND));
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_what_came_in(
            per_second in 1_u64..10_000,
            steps in prop::collection::vec((0_u64..3_000_000_000, 1_u64..500), 1..100),
        ) {
            let (bucket, rate) = (Bucket::default(), Rate::new(per_second, SECOND));
            let (mut now, mut taken) = (SECOND, 0);
            for (pause, count) in steps {
                now += Duration::from_nanos(pause);
                taken += if bucket.take(rate, count, now) { count } else { 0 };
                let most = per_second as f64 * (now - SECOND + SECOND).as_secs_f64();
                prop_assert!(taken as f64 <= most + 1.0, "{taken} of {most}");
            }
        }
    }
}
