//! How many memory mappings this process may still make.
//!
//! Linux gives a process `vm.max_map_count` of them (65,530 unless somebody changed it), and one too many does not fail
//! politely: the allocator's next `mmap` fails, and the process aborts. So what comes with each actor is counted and
//! refused before that: the guards of stacks, where a guard is a mapping. The large mappings that actors share are some
//! dozens and count as the rest does. The limit is the process's, however many nodes run in it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::refusal::{Refusal, RefusalKind};

/// What stays for everything that is not an actor: threads, allocator arenas, compiled code, the embedding program.
const RESERVE: usize = 4096;

/// Taken for actors, of those that live and those that will.
static USED: AtomicUsize = AtomicUsize::new(0);

/// What actors may have together; none where the system has no such limit.
static MAX: LazyLock<Option<usize>> = LazyLock::new(|| {
    let limit: usize = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()?;
    let now = std::fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count());
    Some(limit.saturating_sub(now + RESERVE))
});

/// So many mappings, given back when dropped.
#[derive(Debug)]
pub(super) struct Mappings(usize);

/// Sets mappings aside.
///
/// # Errors
///
/// `limit`, if the process would come too near its limit.
pub(super) fn reserve(count: usize) -> Result<Mappings, Refusal> {
    let Some(max) = *MAX else { return Ok(Mappings(0)) };
    let more = |used: usize| used.checked_add(count).filter(|used| *used <= max);
    match USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
        Ok(_) => Ok(Mappings(count)),
        Err(used) => Err(refusal(used, max)),
    }
}

fn refusal(used: usize, max: usize) -> Refusal {
    let message = format!(
        "cannot spawn: this process has no memory mappings left for actors ({max} of vm.max_map_count are theirs); to \
         have more, raise vm.max_map_count, or have Linux 6.13, where they need none"
    );
    Refusal::new(RefusalKind::Limit, message).with("limit", "mappings").with("used", used).with("max", max)
}

impl Drop for Mappings {
    fn drop(&mut self) {
        USED.fetch_sub(self.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_the_process_may_have_is_refused_and_takes_nothing_from_the_others() {
        let max = MAX.expect("Linux has this limit");
        let some = reserve(2).expect("there are so many");
        for count in [max, usize::MAX] {
            let refusal = reserve(count).expect_err("two are taken");
            assert_eq!(refusal.kind(), RefusalKind::Limit);
            assert_eq!(refusal.details()["limit"], "mappings");
            assert!(refusal.details()["used"].as_u64().is_some_and(|used| used >= 2));
        }
        reserve(2).expect("there still are");
        drop(some);
    }
}
