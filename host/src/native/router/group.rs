//! The group whose members are a router's routees.

use std::collections::HashMap;

use super::Router;
use super::rotation::Seat;
use crate::address::Address;
use crate::node::groups::Seen;
use crate::refusal::Refusal;

pub(super) struct Group {
    name: String,
    /// What of it the rotation has.
    seen: Seen,
}

impl Group {
    pub(super) fn new(name: String) -> Group {
        Group { name, seen: Seen::default() }
    }
}

impl Router {
    /// Brings the rotation up to the group, if there is one and it has changed: to be called before anything is passed on.
    ///
    /// # Errors
    ///
    /// `not-permitted`, if this router may not know of groups.
    pub(super) fn follow_group(&mut self) -> Result<(), Refusal> {
        let Some(group) = &mut self.group else { return Ok(()) };
        let Some(members) = self.context.actor.members_unless_seen(&group.name, &mut group.seen)? else {
            return Ok(());
        };
        let seats = self.rotation.seats().iter();
        let mut gone: HashMap<Address, Seat> = seats.map(|seat| (self.routees[seat].address.clone(), *seat)).collect();
        let new: Vec<Address> = members.into_iter().filter(|member| gone.remove(member).is_none()).collect();
        let mut gone: Vec<Seat> = gone.into_values().collect();
        gone.sort_unstable();
        self.rotation.retain(|seat| gone.binary_search(&seat).is_err());
        gone.into_iter().for_each(|seat| self.let_go(seat));
        for member in new {
            let is_itself = member == *self.context.address();
            // Where there are as many as there may be, the others wait until the group changes.
            if !is_itself && self.seat(&member, &member.to_string()).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// The rotation may have less than the group.
    pub(super) fn look_at_group_again(&mut self) {
        self.group.iter_mut().for_each(|group| group.seen = Seen::default());
    }
}
