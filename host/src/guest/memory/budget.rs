//! Whether this process has room for more: what is resident, against what the machine has.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::refusal::{Refusal, RefusalKind};

/// Of the machine's memory, or its control group's, that this process may have resident: the rest is for the system's
/// file cache and for other programs.
const SHARE_PERCENT: usize = 80;

/// Bytes that may be asked for between two looks at what is resident, which costs a microsecond.
const LOOK_BYTES: usize = 8 << 20;

/// What a new actor is taken for: a small one, with the host's part of it.
pub(super) const ACTOR_BYTES: usize = 64 << 10;

/// The process's. A watch, not a fence: pages that were granted and are touched later are seen when somebody asks for
/// more. Only stacks of actors that somebody has limited are counted before they are touched.
pub(super) static BUDGET: LazyLock<Budget> =
    LazyLock::new(|| Budget::new(machine_bytes().map_or(usize::MAX, |bytes| bytes / 100 * SHARE_PERCENT)));

/// A bound on what is resident.
pub(super) struct Budget {
    max: usize,
    asked: AtomicUsize,
    /// Bytes that may be touched at any time, without anybody being asked.
    promised: AtomicUsize,
    statm: Option<File>,
}

/// Bytes that are counted until this is dropped.
pub(super) struct Promise<'a>(&'a Budget, usize);

impl Budget {
    fn new(bytes_max: usize) -> Budget {
        // The first to ask looks.
        let (asked, promised) = (AtomicUsize::new(LOOK_BYTES), AtomicUsize::new(0));
        Budget { max: bytes_max, asked, promised, statm: File::open("/proc/self/statm").ok() }
    }

    /// Whether `bytes` more may be taken; if not, how many there are.
    pub(super) fn check(&self, bytes: usize) -> Result<(), usize> {
        let asked = self.asked.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if asked < LOOK_BYTES {
            return Ok(());
        }
        let Some(resident) = self.resident_bytes() else { return Ok(()) };
        if resident.saturating_add(self.promised.load(Ordering::Relaxed)).saturating_add(bytes) > self.max {
            return Err(resident);
        }
        self.asked.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Promises one actor more so many bytes beyond what such a one usually takes.
    ///
    /// # Errors
    ///
    /// `limit`: too much is resident or promised for one actor more.
    pub(super) fn check_actor(&self, promise: usize) -> Result<Promise<'_>, Refusal> {
        self.promised.fetch_add(promise, Ordering::Relaxed);
        let promise = Promise(self, promise);
        let checked = self.check(ACTOR_BYTES).map_err(|resident| {
            let max = self.max;
            let message = format!(
                "cannot spawn: this process has {resident} bytes resident and may have {max}, which is {SHARE_PERCENT} % \
                 of the machine's memory or of its control group's"
            );
            Refusal::new(RefusalKind::Limit, message)
                .with("limit", "resident-memory")
                .with("used", resident)
                .with("max", max)
        });
        checked.map(|()| promise)
    }

    fn resident_bytes(&self) -> Option<usize> {
        let mut text = [0; 128];
        let length = self.statm.as_ref()?.read_at(&mut text, 0).ok()?;
        let text = str::from_utf8(&text[..length]).ok()?;
        let pages: usize = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size())
    }
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        self.0.promised.fetch_sub(self.1, Ordering::Relaxed);
    }
}

/// The machine's memory, or that of the control group which has least.
fn machine_bytes() -> Option<usize> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let machine = total.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? << 10;
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let root = Path::new("/sys/fs/cgroup");
    let limit = |group: &Path| std::fs::read_to_string(group.join("memory.max")).ok()?.trim().parse::<usize>().ok();
    let group = root.join(group);
    group.ancestors().take_while(|group| group.starts_with(root)).filter_map(limit).chain([machine]).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_resident_is_measured_and_held_against_the_budget() {
        let resident = BUDGET.resident_bytes().expect("there is /proc");
        assert!(resident > 100 << 10 && resident < BUDGET.max, "{resident} of {}", BUDGET.max);
        assert_eq!(Budget::new(usize::MAX).check(1), Ok(()));
        let refusal = Budget::new(resident / 2).check_actor(0).map(drop).expect_err("more is resident");
        assert_eq!(refusal.kind(), RefusalKind::Limit);
        assert_eq!(refusal.details()["limit"], "resident-memory");
    }

    #[test]
    fn what_is_promised_counts_as_if_it_were_resident_until_it_is_given_back() {
        // Beside these numbers it does not matter what the process has resident.
        let budget = Budget::new(1 << 50);
        assert!(budget.check_actor(1 << 50).map(drop).is_err());
        let half = budget.check_actor(1 << 49).expect("there is room");
        budget.asked.store(LOOK_BYTES, Ordering::Relaxed);
        assert!(budget.check(1 << 49).is_err());
        drop(half);
        assert_eq!(budget.check(1 << 49), Ok(()));
    }

    #[test]
    fn a_look_is_needed_only_after_some_megabytes() {
        let budget = Budget::new(usize::MAX);
        budget.check(1).unwrap();
        let over = Budget { max: 0, ..budget };
        assert_eq!(over.check(LOOK_BYTES - 1), Ok(()));
        assert!(over.check(1).is_err());
        assert!(over.check(1).is_err(), "and it looks again each time until there is room");
    }
}
