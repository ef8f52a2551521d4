//! The weaker addresses of one actor: what each still permits. Pure: no lock, no clock.

use std::collections::BTreeMap;
use std::ops::BitAnd;
use std::time::Duration;

use crate::address::Id;

/// What an address permits, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights(u8);

impl Rights {
    pub(crate) const SEND: Rights = Rights(1);
    pub(crate) const MONITOR: Rights = Rights(2);
    pub(crate) const WAIT: Rights = Rights(4);
    pub(crate) const LINK: Rights = Rights(8);
    pub(crate) const NONE: Rights = Rights(0);
    pub(crate) const ALL: Rights = Rights(15);

    /// The contract's word for each.
    pub(crate) const WORDS: [(&str, Rights); 4] =
        [("send", Rights::SEND), ("monitor", Rights::MONITOR), ("wait", Rights::WAIT), ("link", Rights::LINK)];

    pub(crate) fn with(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }

    pub(crate) fn has(self, right: Rights) -> bool {
        self & right == right
    }
}

impl BitAnd for Rights {
    type Output = Rights;

    fn bitand(self, other: Rights) -> Rights {
        Rights(self.0 & other.0)
    }
}

/// How an address is weaker than the one it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub rights: Rights,
    /// So many messages may be sent to it.
    pub uses: Option<u32>,
    /// When it ends, on the node's clock.
    pub expires: Option<Duration>,
}

/// Why an address does not permit something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It has ended: to its user, as if its actor had.
    Gone,
    /// It has not that right.
    Right,
}

/// Why an address was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotMade {
    /// The address that it was to be made from has ended.
    Gone,
    /// It would be the last of too long a chain.
    TooLong,
}

/// How long a chain of narrowed addresses may be, each made from the one before: a message walks along it.
pub(crate) const CHAIN_MAX: usize = 16;

#[derive(Debug)]
struct Narrowed {
    terms: Terms,
    /// The actor made it of itself, for so many answers: each has a place of its own in the mailbox.
    own: bool,
    /// The weaker address that it was made from.
    parent: Option<Id>,
}

/// The narrowed addresses of an actor, by their IDs.
#[derive(Debug, Default)]
pub(crate) struct NarrowedAddresses {
    by_id: BTreeMap<Id, Narrowed>,
    places: usize,
}

impl NarrowedAddresses {
    /// Adds one. `parent` is the narrowed address that it was made from, if it was one; `by_itself` says that the actor
    /// makes it of itself.
    ///
    /// # Errors
    ///
    /// See [`NotMade`].
    pub(crate) fn make(&mut self, id: Id, by_itself: bool, parent: Option<Id>, terms: Terms) -> Result<(), NotMade> {
        let mut rights = Rights::ALL;
        if let Some(parent) = parent {
            let chain = self.chain(parent).ok_or(NotMade::Gone)?;
            if chain.len() >= CHAIN_MAX {
                return Err(NotMade::TooLong);
            }
            rights = self.by_id[&parent].terms.rights;
        }
        let terms = Terms { rights: terms.rights & rights, ..terms };
        let own = by_itself && parent.is_none() && terms.uses.is_some();
        self.places += terms.uses.filter(|_| own).unwrap_or(0) as usize;
        self.by_id.insert(id, Narrowed { terms, own, parent });
        Ok(())
    }

    /// Places that are kept for answers.
    pub(crate) fn places(&self) -> usize {
        self.places
    }

    /// Whether a message to this address has a place of its own.
    pub(crate) fn has_place(&self, id: Id) -> bool {
        self.by_id.get(&id).is_some_and(|narrowed| narrowed.own)
    }

    /// Whether an address permits something now, and with it every address that it was made from. To send uses them up.
    pub(crate) fn pass(&mut self, id: Id, right: Rights, now: Duration) -> Result<(), Denied> {
        let chain = self.chain(id).ok_or(Denied::Gone)?;
        if chain.iter().any(|id| self.is_over(*id, now)) {
            return Err(Denied::Gone);
        }
        if !self.by_id[&id].terms.rights.has(right) {
            return Err(Denied::Right);
        }
        if right == Rights::SEND {
            self.count(chain, |count| count - 1);
        }
        Ok(())
    }

    /// A message did not get in: it has not used the address up.
    pub(crate) fn give_back(&mut self, id: Id) {
        let chain = self.chain(id).unwrap_or_default();
        self.count(chain, |count| count + 1);
    }

    fn count(&mut self, chain: Vec<Id>, change: impl Fn(u32) -> u32) {
        for id in chain {
            let narrowed = self.by_id.get_mut(&id).expect("the chain was just walked");
            if let Some(uses) = &mut narrowed.terms.uses {
                let before = std::mem::replace(uses, change(*uses));
                if narrowed.own {
                    self.places = self.places + *uses as usize - before as usize;
                }
            }
        }
    }

    /// Whether nothing can be sent to it any more.
    pub(crate) fn is_over(&self, id: Id, now: Duration) -> bool {
        self.by_id.get(&id).is_none_or(|narrowed| {
            narrowed.terms.uses == Some(0) || narrowed.terms.expires.is_some_and(|expires| now >= expires)
        })
    }

    /// Takes one away. What was made from it ends with it.
    pub(crate) fn remove(&mut self, id: Id) {
        if let Some(narrowed) = self.by_id.remove(&id)
            && narrowed.own
        {
            self.places -= narrowed.terms.uses.unwrap_or(0) as usize;
        }
    }

    pub(crate) fn ids(&self) -> Vec<Id> {
        self.by_id.keys().copied().collect()
    }

    /// An address and those that it was made from, down to the actor's own; none if one of them is gone.
    fn chain(&self, id: Id) -> Option<Vec<Id>> {
        let mut chain = vec![id];
        while let Some(parent) = self.by_id.get(chain.last()?)?.parent {
            chain.push(parent);
        }
        Some(chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);
    const ALL: Terms = Terms { rights: Rights::ALL, uses: None, expires: None };

    fn made(addresses: &mut NarrowedAddresses, parent: Option<Id>, terms: Terms) -> Id {
        let id = Id::random();
        addresses.make(id, false, parent, terms).expect("the parent is there");
        id
    }

    #[test]
    fn an_address_has_no_more_rights_than_the_one_it_was_made_from() {
        let mut addresses = NarrowedAddresses::default();
        let parent = made(&mut addresses, None, Terms { rights: Rights::SEND, ..ALL });
        let child = made(&mut addresses, Some(parent), ALL);
        assert_eq!(addresses.pass(child, Rights::SEND, NOW), Ok(()));
        assert_eq!(addresses.pass(child, Rights::LINK, NOW), Err(Denied::Right));
    }

    #[test]
    fn uses_are_counted_along_the_chain_and_a_refused_message_uses_none() {
        let mut addresses = NarrowedAddresses::default();
        let parent = made(&mut addresses, None, Terms { uses: Some(2), ..ALL });
        let child = made(&mut addresses, Some(parent), Terms { uses: Some(5), ..ALL });
        assert_eq!(addresses.pass(child, Rights::SEND, NOW), Ok(()));
        addresses.give_back(child);
        assert_eq!(addresses.pass(child, Rights::SEND, NOW), Ok(()));
        assert_eq!(addresses.pass(child, Rights::MONITOR, NOW), Ok(()));
        assert_eq!(addresses.pass(parent, Rights::SEND, NOW), Ok(()));
        assert_eq!(addresses.pass(child, Rights::SEND, NOW), Err(Denied::Gone));
        assert!(addresses.is_over(parent, NOW) && !addresses.is_over(child, NOW));
    }

    #[test]
    fn it_ends_at_its_time_and_with_the_one_it_was_made_from() {
        let mut addresses = NarrowedAddresses::default();
        let parent = made(&mut addresses, None, ALL);
        let child = made(&mut addresses, Some(parent), Terms { expires: Some(NOW), ..ALL });
        let other = made(&mut addresses, Some(parent), ALL);
        assert_eq!(addresses.pass(child, Rights::SEND, NOW - Duration::from_nanos(1)), Ok(()));
        assert_eq!(addresses.pass(child, Rights::SEND, NOW), Err(Denied::Gone));
        addresses.remove(parent);
        assert_eq!(addresses.pass(other, Rights::SEND, NOW), Err(Denied::Gone));
        assert_eq!(addresses.make(Id::random(), false, Some(parent), ALL), Err(NotMade::Gone));
    }

    #[test]
    fn an_actor_s_own_keeps_a_place_for_each_answer() {
        let mut addresses = NarrowedAddresses::default();
        let own = Id::random();
        addresses.make(own, true, None, Terms { uses: Some(3), ..ALL }).expect("no parent");
        made(&mut addresses, None, Terms { uses: Some(7), ..ALL });
        assert_eq!((addresses.places(), addresses.has_place(own)), (3, true));
        addresses.pass(own, Rights::SEND, NOW).expect("a use");
        assert_eq!(addresses.places(), 2);
        addresses.give_back(own);
        assert_eq!(addresses.places(), 3);
        addresses.remove(own);
        assert_eq!((addresses.places(), addresses.has_place(own)), (0, false));
    }

    #[test]
    fn a_chain_has_an_end() {
        let mut addresses = NarrowedAddresses::default();
        let last = (0..CHAIN_MAX).fold(None, |parent, _| Some(made(&mut addresses, parent, ALL)));
        assert_eq!(addresses.make(Id::random(), false, last, ALL), Err(NotMade::TooLong));
    }
}
