//! Under which addresses an actor has linked others, where those were not their ID addresses.

use std::collections::BTreeMap;

use crate::signal::Party;

/// Both ways. An entry stays until nothing of its link can be received any more: the address may have ended before that, and
/// still it is the only one that the actor knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Aliases {
    addresses: BTreeMap<Party, Box<str>>,
    parties: BTreeMap<Box<str>, Party>,
}

impl Aliases {
    pub(super) fn insert(&mut self, party: Party, address: Box<str>) {
        self.remove(&party);
        self.parties.insert(address.clone(), party.clone());
        self.addresses.insert(party, address);
    }

    pub(super) fn remove(&mut self, party: &Party) {
        if let Some(address) = self.addresses.remove(party) {
            self.parties.remove(&address);
        }
    }

    pub(super) fn address(&self, party: &Party) -> Option<&str> {
        self.addresses.get(party).map(|address| &**address)
    }

    pub(super) fn party(&self, address: &str) -> Option<&Party> {
        self.parties.get(address)
    }
}
