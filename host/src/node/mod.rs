//! The one door: every signal, from here or from a peer, passes `Kernel::deliver`.

pub(crate) mod actor_table;
mod outcomes;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::address::{self, Address, Id, Place, WhoRef};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::lock::lock;
use crate::mailbox::queue::Bounds;
use crate::mailbox::{Mailbox, NotDelivered};
use crate::message::{Message, NotAdmitted};
use crate::outcome::Outcome;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Receiver, Signal};
use actor_table::ActorTable;
use outcomes::Outcomes;

/// What a node knows of its actors: who lives, how the last ones ended, and how to reach those elsewhere.
pub(crate) struct Kernel {
    place: Place,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    table: ActorTable,
    outcomes: Mutex<Outcomes>,
    uplink: Box<dyn Uplink>,
    stopping: AtomicBool,
    living: AtomicUsize,
    /// Told whenever the last living actor has ended.
    empty: Notify,
}

/// The way to other nodes: one signal to the right peer.
pub(crate) trait Uplink: Send + Sync {
    /// Answers when the signal is handed over, or why it was not.
    fn carry(&self, to: &Receiver, envelope: Envelope) -> Result<(), Refusal>;
}

/// A receiver that was looked up: here, with its mailbox, or on another node.
#[derive(Clone)]
pub(crate) enum Target {
    Here(Arc<Mailbox>),
    There(Receiver),
}

impl Kernel {
    pub(crate) fn new(place: Place, clock: Clock, limits: Limits, uplink: Box<dyn Uplink>) -> Kernel {
        Kernel {
            place,
            clock,
            limits,
            table: ActorTable::new(),
            outcomes: Mutex::default(),
            uplink,
            stopping: AtomicBool::new(false),
            living: AtomicUsize::new(0),
            empty: Notify::new(),
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Checks a text and makes a message of it; the only place where a size limit on messages is asked.
    pub(crate) fn admit(&self, text: String) -> Result<Message, Refusal> {
        Message::admit(text, self.limits.message_bytes).map_err(|why| {
            let kind = match why {
                NotAdmitted::TooLarge { .. } => RefusalKind::TooLarge,
                _ => RefusalKind::BadJson,
            };
            Refusal::new(kind, why.to_string())
        })
    }

    /// Finds whom an address means.
    pub(crate) fn resolve(&self, to: &str) -> Result<Target, Refusal> {
        let (who, place) = address::split(to).map_err(|why| Refusal::new(RefusalKind::BadAddress, why.to_string()))?;
        let WhoRef::Id(id) = who else {
            return Err(no_such_actor(to));
        };
        if place == self.place.as_str() {
            return self.table.find(id).map(Target::Here).ok_or_else(|| no_such_actor(to));
        }
        let place = place
            .parse()
            .map_err(|why: address::AddressError| Refusal::new(RefusalKind::BadAddress, why.to_string()))?;
        Ok(Target::There(Receiver { id, place }))
    }

    /// The one door. Every signal takes effect in this call, under the receiver's lock: there is no second queue.
    ///
    /// # Errors
    ///
    /// `no-such-actor`, `mailbox-full`, `not-connected`; nothing was delivered then.
    pub(crate) fn deliver(&self, to: &Target, envelope: Envelope) -> Result<(), Refusal> {
        match to {
            Target::There(receiver) => self.uplink.carry(receiver, envelope),
            Target::Here(mailbox) => {
                let Signal::Message(message) = envelope.signal;
                mailbox.push(message).map_err(|why| self.not_delivered(mailbox.id(), why))
            }
        }
    }

    /// A signal from a peer, for an actor here.
    pub(crate) fn arrive(&self, id: Id, envelope: Envelope) -> Result<(), Refusal> {
        let mailbox = self.table.find(id).ok_or_else(|| no_such_actor(&self.address(id).to_string()))?;
        self.deliver(&Target::Here(mailbox), envelope)
    }

    /// As `deliver` with a message, but waits for room. Cancel-safe as [`Mailbox::push_wait`] is.
    pub(crate) async fn deliver_wait(&self, to: &Target, message: Message) -> Result<(), Refusal> {
        match to {
            Target::Here(mailbox) => {
                mailbox.push_wait(message).await.map_err(|why| self.not_delivered(mailbox.id(), why))
            }
            Target::There(_) => {
                let message = "waiting for room in a mailbox on another node is not built yet; use send";
                Err(Refusal::new(RefusalKind::Unsupported, message))
            }
        }
    }

    fn not_delivered(&self, id: Id, why: NotDelivered) -> Refusal {
        let address = self.address(id);
        match why {
            NotDelivered::Closed => no_such_actor(&address.to_string()),
            NotDelivered::Full(_) => {
                let message = format!("the mailbox of {address} is full");
                Refusal::new(RefusalKind::MailboxFull, message).with("address", address.to_string())
            }
        }
    }

    pub(crate) fn address(&self, id: Id) -> Address {
        Address::of_id(id, self.place.clone())
    }

    /// A new actor's mailbox, entered in the table; from now on it can be found.
    ///
    /// # Errors
    ///
    /// `stopping`, if the node is.
    pub(crate) fn enter(&self) -> Result<Arc<Mailbox>, Refusal> {
        let bounds = Bounds { messages_max: self.limits.mailbox_messages, bytes_max: self.limits.mailbox_bytes };
        let mailbox = Arc::new(Mailbox::new(Id::random(), bounds));
        self.living.fetch_add(1, Ordering::SeqCst);
        self.table.insert(mailbox.clone());
        // Asked after the entry: a shutdown that began meanwhile either sees this actor in the table or is seen here.
        if self.stopping.load(Ordering::SeqCst) {
            self.forget(&mailbox);
            return Err(Refusal::new(RefusalKind::Stopping, "cannot spawn: the node is shutting down"));
        }
        Ok(mailbox)
    }

    /// An actor's end, in order: nothing comes in any more, nobody finds it, and only then somebody hears of it. So
    /// whoever hears finds the address already dead.
    pub(crate) fn leave(&self, mailbox: &Mailbox, outcome: Outcome) {
        let outcome = Arc::new(outcome);
        mailbox.close();
        lock(&self.outcomes).remember(mailbox.id(), outcome.clone());
        self.forget(mailbox);
        mailbox.tell(outcome);
    }

    fn forget(&self, mailbox: &Mailbox) {
        self.table.remove(mailbox.id());
        if self.living.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.empty.notify_waiters();
        }
    }

    /// The living or ended actor that an address means; the first if it is there.
    pub(crate) fn find(&self, id: Id) -> Found {
        // In this order: an actor that ends in between is in the second when it is no longer in the first.
        match self.table.find(id) {
            Some(mailbox) => Found::Living(mailbox),
            None => lock(&self.outcomes).find(id).map_or(Found::Unknown, Found::Ended),
        }
    }

    pub(crate) fn living(&self) -> usize {
        self.living.load(Ordering::SeqCst)
    }

    /// Refuses spawns from now on.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// All actors that live.
    pub(crate) fn actors(&self) -> Vec<Arc<Mailbox>> {
        self.table.all()
    }

    /// Waits until no actor lives. Cancel-safe.
    pub(crate) async fn emptied(&self) {
        loop {
            let empty = self.empty.notified();
            if self.living() == 0 {
                return;
            }
            empty.await;
        }
    }
}

/// What is known of an ID.
pub(crate) enum Found {
    Living(Arc<Mailbox>),
    Ended(Arc<Outcome>),
    Unknown,
}

/// One answer for an address that never was, one whose actor has ended, and a name that nobody has: who guesses learns
/// nothing.
fn no_such_actor(address: &str) -> Refusal {
    Refusal::new(RefusalKind::NoSuchActor, format!("no actor has the address {}", address.escape_debug()))
}
