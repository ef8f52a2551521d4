//! What was refused to actors so far, for who runs the node.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::Kernel;
use super::events::Event;
use crate::address::Address;
use crate::lock::lock;
use crate::mailbox::Mailbox;
use crate::refusal::{Refusal, RefusalKind};

/// Something that actors were refused, all of them together.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Refused {
    /// A limit's name, a kind of grant, or a refusal's type.
    pub what: String,
    /// How often.
    pub times: u64,
    /// Who was the first.
    pub first: Address,
    /// What that one was told.
    pub message: String,
}

/// By what.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeMap<String, Refused>>);

impl Kernel {
    /// Notes an actor's refusal, if it is one that who runs the node has decided: a limit, a right.
    pub(crate) fn note_refusal(&self, actor: &Mailbox, refusal: &Refusal) {
        let what = match refusal.kind() {
            RefusalKind::Limit => refusal.details()["limit"].as_str().unwrap_or("limit"),
            RefusalKind::NotPermitted => refusal.grant().map_or(refusal.kind().as_str(), |grant| grant.key()),
            RefusalKind::TooLarge => refusal.kind().as_str(),
            _ => return,
        };
        self.note_refused(actor, what, refusal.message());
    }

    /// Notes that an actor was refused something.
    pub(crate) fn note_refused(&self, actor: &Mailbox, what: &str, message: &str) {
        self.note_refused_to(self.address(actor.id()), what, message);
    }

    /// As [`Kernel::note_refused`], for an actor of any node. The first times are told one by one, then each doubling: a flood of them is
    /// no flood of events.
    pub(crate) fn note_refused_to(&self, address: Address, what: &str, message: &str) {
        let mut refusals = lock(&self.refusals.0);
        let times = match refusals.get_mut(what) {
            Some(refused) => {
                refused.times += 1;
                refused.times
            }
            None => {
                let (what, message) = (what.to_owned(), message.to_owned());
                refusals.insert(what.clone(), Refused { what, times: 1, first: address.clone(), message });
                1
            }
        };
        drop(refusals);
        if times.is_power_of_two() {
            let (what, message) = (what.to_owned(), message.to_owned());
            self.events.tell(|| Event::Refused { actor: address, what, message, times });
        }
    }

    /// All that was refused so far, by what.
    pub(crate) fn refused(&self) -> Vec<Refused> {
        lock(&self.refusals.0).values().cloned().collect()
    }
}
