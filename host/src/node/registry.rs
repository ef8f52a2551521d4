//! Which names are taken on this node, and by whom.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};

use super::actor_table::IdMap;
use crate::address::Id;
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
    /// The actor has as many as it may have.
    TooMany,
}

impl Registry {
    /// Gives an actor a name. Names that it has already are no error, as nothing changes.
    pub(crate) fn register(&self, name: &str, holder: &Arc<Mailbox>, names_max: usize) -> Result<(), NotRegistered> {
        let mut names = lock(&self.0);
        let Names { holders, of } = &mut *names;
        if let Some(holds) = holders.get(name) {
            return if holds.id() == holder.id() { Ok(()) } else { Err(NotRegistered::Taken) };
        }
        let of_holder = of.entry(holder.id()).or_default();
        if of_holder.len() >= names_max {
            return Err(NotRegistered::TooMany);
        }
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
        holders.remove(name);
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

    /// Takes all of an actor's names: it has ended.
    pub(crate) fn release(&self, holder: Id) {
        let mut names = lock(&self.0);
        for name in names.of.remove(&holder).unwrap_or_default() {
            names.holders.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::Grants;
    use crate::mailbox::links::Links;
    use crate::mailbox::queue::Bounds;

    fn actor() -> Arc<Mailbox> {
        let bounds = Bounds { messages_max: 1, bytes_max: 1 };
        Arc::new(Mailbox::new(Id::random(), 0, Box::default(), Arc::new(Grants::none()), bounds, Links::default()))
    }

    #[test]
    fn a_name_has_one_holder_and_is_free_when_that_one_gives_it_up_or_ends() {
        let (registry, first, second) = (Registry::default(), actor(), actor());
        assert_eq!(registry.register("a", &first, 2), Ok(()));
        assert_eq!(registry.register("a", &first, 2), Ok(()));
        assert_eq!(registry.register("a", &second, 2), Err(NotRegistered::Taken));
        assert!(!registry.unregister("a", second.id()));
        assert!(registry.unregister("a", first.id()));
        assert_eq!(registry.register("a", &second, 2), Ok(()));
        assert_eq!(registry.register("b", &second, 2), Ok(()));
        assert_eq!(registry.register("c", &second, 2), Err(NotRegistered::TooMany));
        registry.release(second.id());
        assert!(registry.find("a").is_none() && registry.find("b").is_none());
        assert!(lock(&registry.0).of.is_empty());
    }
}
