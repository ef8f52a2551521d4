//! Which names are taken on this node, and by whom.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};

use super::actor_table::IdMap;
use crate::address::Id;
use crate::level::Exceeded;
use crate::limits::Limit;
use crate::lock::lock;
use crate::mailbox::Mailbox;

/// Name → actor, and back.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Names>);

#[derive(Default)]
struct Names {
    holders: HashMap<Arc<str>, Arc<Mailbox>>,
    of: IdMap<Vec<Arc<str>>>,
}

/// Why a name was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRegistered {
    Taken,
    /// The actor, or its tree, has as many as it may have.
    TooMany(Exceeded),
}

impl Registry {
    /// Gives an actor a name. Names that it has already are no error, as nothing changes.
    pub(crate) fn register(&self, name: &str, holder: &Arc<Mailbox>) -> Result<(), NotRegistered> {
        let mut names = lock(&self.0);
        let Names { holders, of } = &mut *names;
        if let Some(holds) = holders.get(name) {
            return if holds.id() == holder.id() { Ok(()) } else { Err(NotRegistered::Taken) };
        }
        let of_holder = of.entry(holder.id()).or_default();
        let (level, used) = (holder.level(), of_holder.len() as u64);
        if let Some(max) = level.each(Limit::Names).filter(|max| used >= *max) {
            return Err(NotRegistered::TooMany(Exceeded { limit: Limit::Names, used, max }));
        }
        level.take(Limit::Names, 1).map_err(NotRegistered::TooMany)?;
        let name: Arc<str> = name.into();
        of_holder.push(name.clone());
        holders.insert(name, holder.clone());
        Ok(())
    }

    /// Takes a name from its holder. False: it does not have it.
    pub(crate) fn unregister(&self, name: &str, holder: Id) -> bool {
        let mut names = lock(&self.0);
        let Names { holders, of } = &mut *names;
        if holders.get(name).is_none_or(|holds| holds.id() != holder) {
            return false;
        }
        if let Some(holder) = holders.remove(name) {
            holder.level().give_back(Limit::Names, 1);
        }
        if let Entry::Occupied(mut of_holder) = of.entry(holder) {
            of_holder.get_mut().retain(|of_holder| **of_holder != *name);
            if of_holder.get().is_empty() {
                of_holder.remove();
            }
        }
        true
    }

    /// Who has a name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Mailbox>> {
        lock(&self.0).holders.get(name).cloned()
    }

    /// An actor's names.
    pub(crate) fn names_of(&self, holder: Id) -> Vec<Arc<str>> {
        lock(&self.0).of.get(&holder).cloned().unwrap_or_default()
    }

    /// Takes all of an actor's names: it has ended. Answers which they were.
    pub(crate) fn release(&self, holder: Id) -> Vec<Arc<str>> {
        let mut names = lock(&self.0);
        let released = names.of.remove(&holder).unwrap_or_default();
        for name in &released {
            if let Some(holder) = names.holders.remove(name) {
                holder.level().give_back(Limit::Names, 1);
            }
        }
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::Grants;
    use crate::level::Level;
    use crate::limits::Limits;
    use crate::mailbox::links::Links;

    fn actor() -> Arc<Mailbox> {
        let level = Level::root(&Limits::default().with(Limit::Names, 2));
        let grants = Arc::new(Grants::none());
        Arc::new(Mailbox::new(Id::random(), 0, Box::default(), grants, level, Links::default()))
    }

    #[test]
    fn a_name_has_one_holder_and_is_free_when_that_one_gives_it_up_or_ends() {
        let (registry, first, second) = (Registry::default(), actor(), actor());
        assert_eq!(registry.register("a", &first), Ok(()));
        assert_eq!(registry.register("a", &first), Ok(()));
        assert_eq!(registry.register("a", &second), Err(NotRegistered::Taken));
        assert!(!registry.unregister("a", second.id()));
        assert!(registry.unregister("a", first.id()));
        assert_eq!(registry.register("a", &second), Ok(()));
        assert_eq!(registry.register("b", &second), Ok(()));
        assert_eq!(
            registry.register("c", &second),
            Err(NotRegistered::TooMany(Exceeded { limit: Limit::Names, used: 2, max: 2 }))
        );
        assert_eq!(registry.release(second.id()), ["a".into(), "b".into()]);
        assert!(registry.find("a").is_none() && registry.find("b").is_none());
        assert!(lock(&registry.0).of.is_empty());
    }
}
