//! How somebody waits for an actor's end: whom that is, whether it may be, and what is known when it has ended.

use std::sync::Arc;

use super::{Kernel, not_permitted};
use crate::address::{self, AddressError, Id, Place, WhoRef};
use crate::lock::lock;
use crate::mailbox::ending::Awaits;
use crate::mailbox::narrowed::{Denied, Rights};
use crate::outcome::{Exception, ExceptionKind, Outcome};
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Receiver, To};

/// Whom a wait is for.
pub(crate) enum Awaited {
    Here(Found),
    There(Receiver),
}

/// What is known of an actor of this node.
pub(crate) enum Found {
    /// It counts from now on that it is waited for.
    Living(Awaits),
    Ended(Arc<Outcome>),
    Unknown,
}

impl Kernel {
    /// Whom an address means to who waits.
    ///
    /// # Errors
    ///
    /// `bad-address`; `not-permitted` for a narrowed address without the right.
    pub(crate) fn awaited(&self, actor: &str) -> Result<Awaited, Refusal> {
        let bad = |why: AddressError| Refusal::new(RefusalKind::BadAddress, format!("cannot wait: {why}"));
        let (who, place) = address::split(actor).map_err(bad)?;
        let to = match who {
            WhoRef::Id(id) => To::Id(id),
            WhoRef::Name(name) => To::Name(name.into()),
        };
        if place == self.place.as_str() {
            return self.awaited_here(&to).map(Awaited::Here);
        }
        let place: Place = place.parse().map_err(bad)?;
        Ok(Awaited::There(Receiver { to, place }))
    }

    /// As [`Kernel::awaited`], of this node.
    pub(super) fn awaited_here(&self, to: &To) -> Result<Found, Refusal> {
        let id = match to {
            To::Name(name) => {
                let holder = self.registry.find(name);
                return Ok(holder.map_or(Found::Unknown, |holder| Found::Living(holder.await_end())));
            }
            To::Id(id) => *id,
        };
        let Some(mailbox) = self.narrowed.find(id) else { return Ok(self.find(id)) };
        match mailbox.permits(id, Rights::WAIT, self.clock.monotonic()) {
            Ok(()) => Ok(Found::Living(mailbox.await_end())),
            Err(Denied::Gone) => Ok(Found::Unknown),
            Err(Denied::Right) => Err(not_permitted(&self.address(id), "wait")),
        }
    }

    /// The living or ended actor that an ID means. One whose end is still being told counts as living: who waits for it
    /// hears when the others have.
    fn find(&self, id: Id) -> Found {
        // In this order: an actor that ends in between is in the second when it is no longer in the first.
        if let Some(mailbox) = self.table.find(id) {
            return Found::Living(mailbox.await_end());
        }
        let outcomes = lock(&self.outcomes);
        match outcomes.ending(id) {
            Some(mailbox) => Found::Living(mailbox.await_end()),
            None => outcomes.find(id).map_or(Found::Unknown, Found::Ended),
        }
    }

    /// The outcome of an actor that was found, when it has ended. Unknown is `noproc`. Cancel-safe.
    pub(crate) async fn ended(&self, found: Found, actor: &str) -> Arc<Outcome> {
        let known = match found {
            Found::Ended(outcome) => Some(outcome),
            Found::Unknown => None,
            Found::Living(awaits) => {
                // Its mailbox does not say if it ended just before it was waited for; then the node does.
                awaits.outcome().await.or_else(|| lock(&self.outcomes).find(awaits.id()))
            }
        };
        known.unwrap_or_else(|| {
            let message = format!("no actor has the address {actor}, or its outcome is forgotten");
            Arc::new(Outcome::Exception(Exception::new(ExceptionKind::Noproc, message)))
        })
    }

    /// Waits for the end of any actor, here or on another node, for the operator. Cancel-safe.
    ///
    /// # Errors
    ///
    /// As [`Kernel::awaited`] and [`Kernel::wait_there`].
    pub(crate) async fn wait(&self, actor: &str) -> Result<Arc<Outcome>, Refusal> {
        match self.awaited(actor)? {
            Awaited::Here(found) => Ok(self.ended(found, actor).await),
            Awaited::There(receiver) => self.wait_there(None, &receiver).await,
        }
    }
}
