//! One level of the tree of limits: an actor that limits were set for, with all below it, and what they use.

mod exceeded;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::address::Place;
use crate::bucket::{Bucket, Rate, nanoseconds};
use crate::limits::{Limit, Limits};
use crate::message::Admission;
use crate::refusal::Refusal;
pub(crate) use exceeded::Exceeded;

/// Levels on top of each other. Each is looked at when something is charged, and stays until the last actor below it has
/// ended.
const LEVELS_MAX: usize = 64;

/// How much processor time a tree may use at once before it waits, as a time in which that comes in.
const SHARE_BURST: Duration = Duration::from_millis(100);

/// How many spawns may come at once, as the time in which as many come in.
const SPAWN_BURST: Duration = Duration::from_secs(10);

/// How much may be printed at once, as the time in which as much comes in.
const LOG_BURST: Duration = Duration::from_secs(4);

/// A level, as in cgroups v2: it caps the sum of what its actors use, and none of them has more than any level above
/// lets it have. An actor without limits of its own is on its parent's level. A level whose own actor has ended goes on
/// binding the others.
pub(crate) struct Level {
    above: Option<Arc<Level>>,
    number: usize,
    /// The module that it was made for, if a module's limits made it.
    module: Option<u64>,
    /// How many living ancestors its actor had.
    depth: usize,
    tree: Tree,
    set: Limits,
    /// What binds one actor here: what is set on this level and above, and the node's bound where nothing is.
    each: Limits,
    used: [AtomicU64; Limit::ALL.len()],
    spawns: Bucket,
    lines: Bucket,
    /// Lines left out, and when that was told last, in nanoseconds.
    left_out: AtomicU64,
    left_out_told: AtomicU64,
    time: Bucket,
}

/// Who sets limits. An actor can only lower what its children get; who runs the node may go beyond the node's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    Actor,
    Operator,
    /// Who runs the node has set them for all actors of this module.
    Loader(u64),
}

impl Level {
    /// The one above all others: the node's.
    pub(crate) fn root(limits: &Limits) -> Arc<Level> {
        Arc::new(Level::new(None, limits, limits.or(&Limits::bounds()), 0))
    }

    fn new(above: Option<Arc<Level>>, limits: &Limits, each: Limits, depth: usize) -> Level {
        Level {
            number: above.as_ref().map_or(0, |above| above.number + 1),
            module: None,
            depth,
            tree: match &above {
                None => Tree::default(),
                Some(above) if above.tree != Tree::default() => above.tree,
                Some(_) => Tree::new(),
            },
            above,
            set: limits.clone(),
            each,
            used: [const { AtomicU64::new(0) }; Limit::ALL.len()],
            spawns: Bucket::default(),
            lines: Bucket::default(),
            left_out: AtomicU64::new(0),
            left_out_told: AtomicU64::new(0),
            time: Bucket::default(),
        }
    }

    /// A level below this one, for an actor with so many living ancestors; this one, if `limits` set nothing.
    ///
    /// # Errors
    ///
    /// `limit`, `depth`: there would be too many on top of each other.
    pub(crate) fn below(self: &Arc<Self>, limits: &Limits, by: Author, depth: usize) -> Result<Arc<Level>, Refusal> {
        if limits.is_empty() {
            return Ok(self.clone());
        }
        if self.number >= LEVELS_MAX {
            let message = format!("cannot spawn: {LEVELS_MAX} trees with limits of their own stand inside each other");
            return Err(Refusal::at_limit(Limit::Depth.as_str(), LEVELS_MAX, message));
        }
        let each = match by {
            Author::Actor => limits.and(&self.each),
            Author::Operator | Author::Loader(_) => limits.or(&self.each).and(&self.all_set()),
        };
        let mut level = Level::new(Some(self.clone()), limits, each, depth);
        if let Author::Loader(module) = by {
            level.module = Some(module);
        }
        Ok(Arc::new(level))
    }

    fn all_set(&self) -> Limits {
        self.chain().fold(Limits::default(), |all, level| all.and(&level.set))
    }

    /// This one and all above it.
    fn chain(&self) -> impl Iterator<Item = &Level> {
        std::iter::successors(Some(self), |level| level.above.as_deref())
    }

    /// Those that limit something, with how much.
    fn limiting(&self, limit: Limit) -> impl Iterator<Item = (&Level, u64)> {
        self.chain().filter_map(move |level| level.set.get(limit).map(|max| (level, max)))
    }

    /// Whether the limits of a module hold here already.
    pub(crate) fn is_of(&self, module: u64) -> bool {
        self.chain().any(|level| level.module == Some(module))
    }

    /// The tree that this belongs to, among those right below the node.
    pub(crate) fn tree(&self) -> Tree {
        self.tree
    }

    /// How much one actor here may use, whatever others do.
    pub(crate) fn each(&self, limit: Limit) -> Option<u64> {
        self.each.get(limit)
    }

    /// As [`Level::each`], for what can only be counted in memory.
    pub(crate) fn each_count(&self, limit: Limit) -> usize {
        self.each(limit).map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX))
    }

    /// What a message of an actor here may be.
    pub(crate) fn admission(&self) -> Admission {
        let depth_max = self.each(Limit::JsonDepth).and_then(|max| u32::try_from(max).ok());
        Admission {
            bytes_max: self.each_count(Limit::Message),
            depth_max: depth_max.unwrap_or(u32::MAX),
            values_max: self.each_count(Limit::JsonValues),
        }
    }

    /// Whether trees count what they use of it together.
    pub(crate) fn counts(&self, limit: Limit) -> bool {
        self.limiting(limit).next().is_some()
    }

    /// Charges so much to each level that limits it, or to none.
    pub(crate) fn take(&self, limit: Limit, count: u64) -> Result<(), Exceeded> {
        self.take_up_to(|max| max, limit, count)
    }

    /// As [`Level::take`], for what strangers do: a quarter of each level stays for its own actors.
    pub(crate) fn take_for_stranger(&self, limit: Limit, count: u64) -> Result<(), Exceeded> {
        self.take_up_to(|max| max - max / 4, limit, count)
    }

    fn take_up_to(&self, share: impl Fn(u64) -> u64, limit: Limit, count: u64) -> Result<(), Exceeded> {
        debug_assert!(limit.is_shared());
        for (level, max) in self.limiting(limit) {
            let within = |used: u64| used.checked_add(count).filter(|used| *used <= share(max));
            if let Err(used) = level.used(limit).fetch_update(Ordering::Relaxed, Ordering::Relaxed, within) {
                let taken = self.limiting(limit).take_while(|(other, _)| !std::ptr::eq(*other, level));
                taken.for_each(|(other, _)| _ = other.used(limit).fetch_sub(count, Ordering::Relaxed));
                return Err(Exceeded { limit, used, max });
            }
        }
        Ok(())
    }

    /// Takes a charge back.
    pub(crate) fn give_back(&self, limit: Limit, count: u64) {
        self.limiting(limit).for_each(|(level, _)| _ = level.used(limit).fetch_sub(count, Ordering::Relaxed));
    }

    fn used(&self, limit: Limit) -> &AtomicU64 {
        &self.used[limit as usize]
    }

    /// Whether an actor here may have so many living ancestors.
    pub(crate) fn may_be_below(&self, ancestors: usize) -> Result<(), Exceeded> {
        for (level, max) in self.limiting(Limit::Depth) {
            let used = ancestors.saturating_sub(level.depth) as u64;
            if used > max {
                return Err(Exceeded { limit: Limit::Depth, used: max, max });
            }
        }
        Ok(())
    }

    /// Whether an actor here may spawn one now.
    pub(crate) fn may_spawn(&self, now: Duration) -> Result<(), Exceeded> {
        for (level, max) in self.limiting(Limit::SpawnRate) {
            if !level.spawns.take(Rate::new(max, SPAWN_BURST), 1, now) {
                return Err(Exceeded { limit: Limit::SpawnRate, used: max, max });
            }
        }
        Ok(())
    }

    /// Whether a line of so many bytes may be printed now. If not, it is counted.
    pub(crate) fn may_print(&self, bytes: u64, now: Duration) -> bool {
        let over = |(level, max): &(&Level, u64)| !level.lines.take(Rate::new(*max, LOG_BURST), bytes, now);
        let over = self.limiting(Limit::LogRate).find(over);
        if let Some((level, _)) = over
            && level.left_out.fetch_add(1, Ordering::Relaxed) == 0
        {
            level.left_out_told.store(nanoseconds(now), Ordering::Relaxed);
        }
        over.is_none()
    }

    /// How many lines were left out and are to be told now: once a second, and at last.
    pub(crate) fn left_out(&self, now: Duration) -> u64 {
        let now = nanoseconds(now);
        let due = |(level, _): &(&Level, u64)| {
            let told = level.left_out_told.load(Ordering::Relaxed);
            if now.saturating_sub(told) < 1_000_000_000 || level.left_out.load(Ordering::Relaxed) == 0 {
                return false;
            }
            let told_now = if now == u64::MAX { told } else { now };
            level.left_out_told.compare_exchange(told, told_now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        self.limiting(Limit::LogRate).filter(due).map(|(level, _)| level.left_out.swap(0, Ordering::Relaxed)).sum()
    }

    /// Whether the processor time is limited.
    pub(crate) fn has_share(&self) -> bool {
        self.counts(Limit::Share)
    }

    /// An actor has used so much processor time.
    pub(crate) fn used_time(&self, time: Duration, now: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.limiting(Limit::Share).for_each(|(level, max)| level.time.owe(share(max), nanoseconds, now));
    }

    /// When the actors may go on: none of the levels has used more than its share then.
    pub(crate) fn may_run_at(&self) -> Duration {
        let ready = self.limiting(Limit::Share).map(|(level, max)| level.time.ready_at(share(max)));
        ready.max().unwrap_or_default()
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        let lines = *self.left_out.get_mut();
        if lines > 0 {
            tracing::warn!(target: "greenroom", "{lines} lines of actors that have ended were left out: more than `log-rate`");
        }
    }
}

/// Nanoseconds of processor time a second.
fn share(percent: u64) -> Rate {
    Rate::new(percent.max(1).saturating_mul(10_000_000), SHARE_BURST)
}

/// Whose actors share the room in a mailbox when it becomes scarce. 0 are all those without limits of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tree(u64);

impl Tree {
    fn new() -> Tree {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Tree(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// All of a peer's actors.
    pub(crate) fn of_peer(peer: &Place) -> Tree {
        // Beyond those that are counted up.
        let mut hasher = DefaultHasher::new();
        peer.hash(&mut hasher);
        // Above all that are counted up.
        Tree(hasher.finish() | 1 << 63)
    }

    /// Whether it is the node's own, of those without limits.
    pub(crate) fn is_own(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(text: &str) -> Limits {
        text.parse().expect("limits")
    }

    fn below(level: &Arc<Level>, text: &str) -> Arc<Level> {
        level.below(&limits(text), Author::Actor, 0).expect("there is room for a level")
    }

    #[test]
    fn what_is_taken_counts_on_each_level_and_a_refusal_leaves_nothing_behind() {
        let outer = below(&Level::root(&Limits::default()), "timers=3");
        let (one, other) = (below(&outer, "timers=2"), below(&outer, "timers=2"));
        one.take(Limit::Timers, 2).expect("two of two");
        assert_eq!(one.take(Limit::Timers, 1), Err(Exceeded { limit: Limit::Timers, used: 2, max: 2 }));
        assert_eq!(other.take(Limit::Timers, 2), Err(Exceeded { limit: Limit::Timers, used: 2, max: 3 }));
        other.take(Limit::Timers, 1).expect("the refused two were given back");
        one.give_back(Limit::Timers, 2);
        other.take(Limit::Timers, 1).expect("there is room again");
        assert_eq!(outer.used(Limit::Timers).load(Ordering::Relaxed), 2);
    }

    #[test]
    fn an_actor_lowers_what_its_children_get_and_an_operator_goes_beyond_the_node_s_bounds() {
        let root = Level::root(&Limits::default());
        assert_eq!(root.each(Limit::Memory), Limit::Memory.bound());
        assert_eq!(below(&root, "memory=1GiB").each(Limit::Memory), Limit::Memory.bound());
        assert_eq!(below(&root, "memory=1MiB").each(Limit::Memory), Some(1 << 20));
        let operator = root.below(&limits("memory=1GiB"), Author::Operator, 0).expect("a level");
        assert_eq!(operator.each(Limit::Memory), Some(1 << 30));
        let loaded = operator.below(&limits("memory=2GiB,burst=1s"), Author::Loader(7), 0).expect("a level");
        assert_eq!(loaded.each(Limit::Memory), Some(1 << 30), "no more than what stands above");
        assert!(loaded.is_of(7) && below(&loaded, "burst=1ms").is_of(7) && !operator.is_of(7));
    }

    #[test]
    fn a_tree_is_what_stands_right_below_the_node() {
        let root = Level::root(&limits("actors=10"));
        assert!(root.tree().is_own());
        let (one, other) = (below(&root, "timers=1"), below(&root, "timers=1"));
        assert_ne!(one.tree(), other.tree());
        assert_eq!(below(&one, "timers=1").tree(), one.tree());
        assert!(Arc::ptr_eq(&below(&one, ""), &one), "without limits of its own there is no level");
    }

    #[test]
    fn levels_do_not_stand_on_each_other_without_end() {
        let mut level = Level::root(&Limits::default());
        for _ in 0..LEVELS_MAX {
            level = below(&level, "timers=1");
        }
        let refusal = level.below(&limits("timers=1"), Author::Actor, 0).err().expect("it is refused");
        assert_eq!(refusal.details()["limit"], "depth");
    }

    #[test]
    fn a_tree_that_has_used_its_share_waits_until_it_has_come_in() {
        let (tree, second) = (below(&Level::root(&Limits::default()), "share=50%"), Duration::from_secs(1));
        tree.used_time(Duration::from_millis(50), second);
        assert!(tree.may_run_at() <= second, "a tenth of a second's worth at once");
        tree.used_time(Duration::from_millis(100), second);
        assert_eq!(tree.may_run_at(), second + Duration::from_millis(200));
    }
}
