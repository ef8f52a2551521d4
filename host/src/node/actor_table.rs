//! Which actors live on this node: ID → mailbox. A second table has their narrowed addresses.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, RwLock};

use crate::address::Id;
use crate::lock::{read, write};
use crate::mailbox::Mailbox;

/// IDs are random bits already, so a map of them needs no hash function.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u128(&mut self, id: u128) {
        self.0 = id as u64 ^ (id >> 64) as u64;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("an ID hashes as one u128")
    }
}

pub(crate) type IdMap<V> = HashMap<Id, V, BuildHasherDefault<IdHasher>>;

/// The table is looked up for every first message to a new target and changed by every spawn and end; so many locks
/// keep two workers from meeting. (64 shards, dashmap and papaya measured alike.)
const SHARDS: usize = 64;

#[derive(Default)]
pub(crate) struct ActorTable {
    shards: Box<[RwLock<IdMap<Arc<Mailbox>>>]>,
}

impl ActorTable {
    pub(crate) fn new() -> ActorTable {
        ActorTable { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    fn shard(&self, id: Id) -> &RwLock<IdMap<Arc<Mailbox>>> {
        &self.shards[id.bits() as usize % SHARDS]
    }

    pub(crate) fn insert(&self, id: Id, mailbox: Arc<Mailbox>) {
        write(self.shard(id)).insert(id, mailbox);
    }

    pub(crate) fn remove(&self, id: Id) {
        write(self.shard(id)).remove(&id);
    }

    pub(crate) fn find(&self, id: Id) -> Option<Arc<Mailbox>> {
        read(self.shard(id)).get(&id).cloned()
    }

    /// All that live at some moment during the call.
    pub(crate) fn all(&self) -> Vec<Arc<Mailbox>> {
        self.shards.iter().flat_map(|shard| read(shard).values().cloned().collect::<Vec<_>>()).collect()
    }
}
