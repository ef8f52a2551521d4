//! Groups of actors by name, over nodes: the kernel's side of join, leave, members and a message to all.

mod table;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::vec;

use super::events::Loss;
use super::{Kernel, NotDelivered};
use crate::address::{Address, Id, Place, quoted};
use crate::level::Tree;
use crate::limits::Limit;
use crate::lock::lock;
use crate::mailbox::Mailbox;
use crate::message::Message;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Party, To};
use crate::spawn_options::check_name;
pub(crate) use table::TooMany;
use table::{NotJoined, Table};

/// How many memberships the actors of one node may have, and so how many a peer may tell of: 8 MB of this node's
/// memory for all in one group, 53 MB for each in one of its own.
pub(crate) const MEMBERSHIPS_MAX: u64 = 100_000;

/// How many members get a broadcast before others have a turn.
const MEMBERS_IN_A_ROW: usize = 256;

/// How many bytes are copied for them before that, about.
const BYTES_IN_A_ROW: usize = 256 << 10;

/// The groups of a node. Peers are told of a change under its lock, so that they hear of all in the order in which they
/// were; the links' locks are taken after it, never before it.
#[derive(Default)]
pub(super) struct Groups {
    table: Mutex<Table>,
    /// The table's count of changes, to be looked at without its lock.
    changes: AtomicU64,
}

/// What somebody who follows a group has seen of it; at first nothing.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    changes: u64,
    /// None: nothing.
    of_group: Option<u64>,
}

/// A message that goes to the members of a group on this node, one after the other.
pub(crate) struct Broadcast {
    message: Message,
    members: vec::IntoIter<Arc<Mailbox>>,
    /// How many have it.
    handed: usize,
}

impl Groups {
    fn change<R>(&self, change: impl FnOnce(&mut Table) -> R) -> R {
        let mut table = lock(&self.table);
        let changed = change(&mut table);
        self.changes.store(table.changes(), Ordering::Release);
        changed
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }
}

impl Kernel {
    /// Makes an actor a member of a group, or once more.
    ///
    /// # Errors
    ///
    /// `bad-argument`, `limit`.
    pub(crate) fn join(&self, group: &str, actor: &Arc<Mailbox>) -> Result<(), Refusal> {
        check_name(group)?;
        self.groups.change(|table| {
            let joined = table.join(group, actor).map_err(|why| match why {
                NotJoined::TooMany(full) => full.refusal("cannot join"),
                NotJoined::NodeFull => {
                    let max = MEMBERSHIPS_MAX as usize;
                    let message = format!("cannot join: the actors of a node may have {max} memberships together");
                    Refusal::at_limit(Limit::Groups.as_str(), max, message)
                }
            })?;
            self.uplink.tell(&joined);
            Ok(())
        })
    }

    /// Takes one of an actor's memberships of a group back.
    ///
    /// # Errors
    ///
    /// `bad-argument` if it has none.
    pub(crate) fn leave_group(&self, group: &str, actor: Id) -> Result<(), Refusal> {
        self.groups.change(|table| {
            let Some(mut less) = table.membership(group, actor) else {
                let message = format!("cannot leave `{}`: this actor is not in it", quoted(group));
                return Err(Refusal::new(RefusalKind::BadArgument, message));
            };
            less.now -= 1;
            self.uplink.tell(&less);
            table.lessen(&less);
            Ok(())
        })
    }

    /// Takes an actor out of all its groups: it has ended.
    pub(super) fn leave_groups(&self, actor: Id) {
        self.groups.change(|table| {
            for mut gone in table.memberships_of(actor) {
                gone.now = 0;
                // Told first: if this panics and is done again, that one is still in the table.
                self.uplink.tell(&gone);
                table.lessen(&gone);
            }
        });
    }

    /// A peer is connected: it shall know all memberships of actors here.
    pub(super) fn introduce_groups(&self, peer: &Place) {
        let table = self.groups.table();
        self.uplink.introduce(peer, table.memberships().collect());
    }

    /// Nobody of a peer is a member any more.
    pub(super) fn lost_groups(&self, peer: &Place) {
        self.groups.change(|table| table.lost(peer));
    }

    /// A peer says how often an actor of it is in a group.
    ///
    /// # Errors
    ///
    /// If it has more memberships than it may have; nothing has changed then.
    pub(crate) fn joined_there(&self, peer: &Place, group: &str, actor: Id, times: u32) -> Result<(), TooMany> {
        self.groups.change(|table| table.told(peer, group, actor, times))
    }

    /// The members of a group on this node, in the order of their IDs, each as often as it is one.
    ///
    /// # Errors
    ///
    /// `bad-argument`.
    pub(crate) fn local_members(&self, group: &str) -> Result<Vec<Address>, Refusal> {
        check_name(group)?;
        let table = self.groups.table();
        let times = table.members_here(group).map(|(member, times)| (self.address(member.id()), times));
        Ok(times.flat_map(as_often).collect())
    }

    /// All members of a group that this node knows of: first those on this node, then those on its peers, in the order of
    /// the peers' names.
    ///
    /// # Errors
    ///
    /// `bad-argument`.
    pub(crate) fn members(&self, group: &str) -> Result<Vec<Address>, Refusal> {
        check_name(group)?;
        Ok(self.each_member(&self.groups.table(), group).flat_map(as_often).collect())
    }

    /// The members of a group, each once, if they are others than somebody has seen.
    pub(crate) fn members_unless_seen(&self, group: &str, seen: &mut Seen) -> Option<Vec<Address>> {
        if seen.of_group.is_some() && seen.changes == self.groups.changes.load(Ordering::Acquire) {
            return None;
        }
        let table = self.groups.table();
        seen.changes = table.changes();
        let of_group = Some(table.changes_of(group));
        if std::mem::replace(&mut seen.of_group, of_group) == of_group {
            return None;
        }
        Some(self.each_member(&table, group).map(|(member, _)| member).collect())
    }

    fn each_member(&self, table: &Table, group: &str) -> impl Iterator<Item = (Address, u32)> {
        let here = table.members_here(group).map(|(member, times)| (self.address(member.id()), times));
        let there = table
            .members_there(group)
            .flat_map(|(peer, members)| members.iter().map(|(id, times)| (Address::of_id(*id, peer.clone()), *times)));
        here.chain(there)
    }

    /// Begins a message to each member of a group: those on peers have it on its way, for those here
    /// [`Kernel::go_on`] is to be called until it is done.
    ///
    /// # Errors
    ///
    /// `bad-argument`; nobody has it then.
    pub(crate) fn broadcast(&self, from: Option<Id>, group: &str, message: Message) -> Result<Broadcast, Refusal> {
        check_name(group)?;
        let (members, peers) = {
            let table = self.groups.table();
            let members: Vec<Arc<Mailbox>> = table.members_here(group).map(|(member, _)| member.clone()).collect();
            let peers = table.members_there(group).map(|(peer, members)| (peer.clone(), members.len()));
            (members, peers.collect::<Vec<_>>())
        };
        let mut handed = 0;
        for (peer, members) in peers {
            match self.uplink.cast(&peer, from, group, &message) {
                Ok(()) => handed += members,
                Err(why) => {
                    let full = why.kind() == RefusalKind::MailboxFull;
                    let loss = if full { Loss::MailboxFull } else { Loss::NotConnected };
                    self.lost_message(&peer, &To::Name(group.into()), from, loss, message.len());
                }
            }
        }
        Ok(Broadcast { message, members: members.into_iter(), handed })
    }

    /// Some more members of this node get a broadcast. Answers how many have it, when all who can have.
    pub(crate) fn go_on(&self, from: Option<&Mailbox>, broadcast: &mut Broadcast) -> Option<usize> {
        let tree = from.map(|from| from.level().tree()).unwrap_or_default();
        let from = from.map(|from| Party::here(from.id()));
        for _ in 0..MEMBERS_IN_A_ROW.min(BYTES_IN_A_ROW / broadcast.message.len().max(1)).max(1) {
            let Some(member) = broadcast.members.next() else { break };
            broadcast.handed += usize::from(self.hand(&member, from.as_ref(), tree, &broadcast.message));
        }
        broadcast.members.as_slice().is_empty().then_some(broadcast.handed)
    }

    /// A message from a peer for all members of a group on this node.
    pub(crate) fn cast_arrives(&self, peer: &Place, from: Option<Id>, group: &str, message: &Message) {
        let from = from.map(|id| Party::there(id, peer.clone()));
        let members: Vec<Arc<Mailbox>> =
            self.groups.table().members_here(group).map(|(member, _)| member.clone()).collect();
        for member in members {
            self.hand(&member, from.as_ref(), Tree::of_peer(peer), message);
        }
    }

    /// Puts a broadcast into a member's mailbox. One that has just ended is no member any more, and nothing is lost.
    fn hand(&self, member: &Mailbox, from: Option<&Party>, tree: Tree, message: &Message) -> bool {
        let handed = self.push(member, None, tree, message.clone());
        if let Err(why @ NotDelivered::Full(_)) = &handed {
            self.not_delivered(member, None, from, message.len(), why);
        }
        handed.is_ok()
    }
}

/// As often as it is a member.
fn as_often((member, times): (Address, u32)) -> impl Iterator<Item = Address> {
    std::iter::repeat_n(member, times as usize)
}
