//! How many memory mappings this process may still make.
//!
//! Linux gives a process `vm.max_map_count` of them (65,530 unless somebody changed it), and one too many does not fail
//! politely: the allocator's next `mmap` fails, and the process aborts. So actors are counted and refused before that.
//! The limit is the process's, however many nodes run in it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::refusal::{Refusal, RefusalKind};

/// What stays for everything that is not an actor: threads, allocator arenas, compiled code, the embedding program.
const RESERVE: usize = 4096;

/// Charged to actors that live or are being taken down.
static USED: AtomicUsize = AtomicUsize::new(0);

/// What actors may have together; none where the system has no such limit.
static MAX: LazyLock<Option<usize>> = LazyLock::new(|| {
    let limit: usize = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()?;
    let now = std::fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count());
    Some(limit.saturating_sub(now + RESERVE))
});

/// So many mappings, given back when dropped.
pub(super) struct Mappings(usize);

/// Sets mappings aside.
///
/// # Errors
///
/// `limit`, if the process would come too near its limit.
pub(super) fn reserve(count: usize) -> Result<Mappings, Refusal> {
    let Some(max) = *MAX else { return Ok(Mappings(0)) };
    let used = USED.fetch_add(count, Ordering::Relaxed) + count;
    let mappings = Mappings(count);
    if used > max {
        let message = format!(
            "cannot spawn: this process has no memory mappings left for actors ({max} of vm.max_map_count are theirs); \
             to have more, raise vm.max_map_count"
        );
        let used = used - count;
        return Err(Refusal::new(RefusalKind::Limit, message)
            .with("limit", "mappings")
            .with("used", used)
            .with("max", max));
    }
    Ok(mappings)
}

impl Drop for Mappings {
    fn drop(&mut self) {
        USED.fetch_sub(self.0, Ordering::Relaxed);
    }
}
