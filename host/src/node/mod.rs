//! The one door: every signal passes it, from here (`Kernel::deliver` a message, `Kernel::signal` any other) or from a peer
//! (`Kernel::arrive`).

pub(crate) mod actor_table;
#[cfg(test)]
mod alone;
pub(crate) mod enter;
pub(crate) mod crash;
pub(crate) mod events;
mod faults;
pub(crate) mod groups;
mod lifecycle;
pub(crate) mod listing;
mod outcomes;
mod aliases;
mod peers;
mod questions;
pub(crate) mod refusals;
mod registry;
mod rights;
pub(crate) mod spawning;
pub(crate) mod waiting;
pub(crate) mod uplink;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::address::{self, Address, Id, Place, WhoRef};
use crate::clock::Clock;
use crate::level::{Level, Tree};
use crate::limits::Limits;
use crate::lock::lock;
use crate::mailbox::links::{self, Standing};
use crate::mailbox::{Mailbox, NotDelivered};
use crate::message::{Message, NotAdmitted};
use crate::outcome::Outcome;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Party, Receiver, Signal, To};
use actor_table::ActorTable;
use aliases::Aliases;
use events::{EventSource, Loss};
use groups::Groups;
use outcomes::Outcomes;
use refusals::Refusals;
use registry::Registry;
use spawning::Spawning;
use uplink::Uplink;

/// What a node knows of its actors: who lives, how the last ones ended, and how to reach those elsewhere.
pub(crate) struct Kernel {
    place: Place,
    pub(crate) clock: Clock,
    /// What limits all actors together, and each that nothing else limits.
    root: Arc<Level>,
    table: ActorTable,
    /// Narrowed addresses, by IDs of their own.
    narrowed: ActorTable,
    registry: Registry,
    groups: Groups,
    aliases: Mutex<Aliases>,
    outcomes: Mutex<Outcomes>,
    pub(crate) events: EventSource,
    refusals: Refusals,
    uplink: Box<dyn Uplink>,
    spawning: Spawning,
    stopping: AtomicBool,
    living: AtomicUsize,
    /// Actors so far.
    spawned: AtomicU64,
    /// Panics of the host's so far.
    faults: AtomicU64,
    /// Told whenever one has ended.
    left: Notify,
    /// Told whenever the last living actor has ended.
    empty: Notify,
}

/// A receiver that was looked up: here, with its mailbox, or on another node.
#[derive(Clone)]
pub(crate) enum Target {
    Here(Arc<Mailbox>),
    /// Here, through a narrowed address.
    Narrowed(Arc<Mailbox>, Id),
    There(Receiver),
}

impl Kernel {
    pub(crate) fn new(place: Place, clock: Clock, limits: &Limits, uplink: Box<dyn Uplink>) -> Kernel {
        Kernel {
            place,
            clock,
            root: Level::root(limits),
            table: ActorTable::new(),
            narrowed: ActorTable::new(),
            registry: Registry::default(),
            groups: Groups::default(),
            aliases: Mutex::default(),
            outcomes: Mutex::default(),
            events: EventSource::new(),
            refusals: Refusals::default(),
            uplink,
            spawning: Spawning::default(),
            stopping: AtomicBool::new(false),
            living: AtomicUsize::new(0),
            spawned: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            left: Notify::new(),
            empty: Notify::new(),
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn root(&self) -> &Arc<Level> {
        &self.root
    }

    /// Checks a text of somebody on a level and makes a message of it.
    pub(crate) fn admit(&self, text: String, level: &Level) -> Result<Message, Refusal> {
        Message::admit(text, level.admission()).map_err(|why| {
            let kind = match why {
                NotAdmitted::TooLarge { .. } => RefusalKind::TooLarge,
                _ => RefusalKind::BadJson,
            };
            Refusal::new(kind, why.to_string())
        })
    }

    /// Finds whom an address means.
    ///
    /// # Errors
    ///
    /// `bad-address`, `no-such-actor`.
    pub(crate) fn resolve(&self, to: &str) -> Result<Target, Refusal> {
        let (who, place) = address::split(to)?;
        if place == self.place.as_str() {
            let found = match who {
                WhoRef::Id(id) => self.find_living(id),
                WhoRef::Name(name) => self.registry.find(name).map(Target::Here),
            };
            return found.ok_or_else(|| no_such_actor(to));
        }
        let place = place.parse()?;
        match who {
            WhoRef::Id(id) => Ok(Target::There(Receiver { to: To::Id(id), place })),
            WhoRef::Name(name) => Ok(Target::There(Receiver { to: To::Name(name.into()), place })),
        }
    }

    fn find_living(&self, id: Id) -> Option<Target> {
        let actor = self.table.find(id).map(Target::Here);
        actor.or_else(|| self.narrowed.find(id).map(|target| Target::Narrowed(target, id)))
    }

    /// The door for messages; [`Kernel::signal`] is that for all other signals. Either takes effect in the call, under the
    /// receiver's lock: there is no second queue.
    ///
    /// # Errors
    ///
    /// `no-such-actor`, `mailbox-full`, `not-permitted`, `not-connected`; nothing was delivered then.
    pub(crate) fn deliver(&self, to: &Target, from: Option<&Mailbox>, message: Message) -> Result<(), Refusal> {
        let (mailbox, via) = match to {
            Target::There(receiver) => {
                let from = from.map(Mailbox::id);
                return self.uplink.carry(
                    &receiver.place,
                    &receiver.to,
                    Envelope { from, signal: Signal::Message(message) },
                );
            }
            Target::Here(mailbox) => (mailbox, None),
            Target::Narrowed(mailbox, via) => (mailbox, Some(*via)),
        };
        let tree = from.map(|from| from.level().tree()).unwrap_or_default();
        self.deliver_message(mailbox, via, from.map(|from| Party::here(from.id())).as_ref(), tree, message)
    }

    fn deliver_message(
        &self,
        mailbox: &Mailbox,
        via: Option<Id>,
        from: Option<&Party>,
        tree: Tree,
        message: Message,
    ) -> Result<(), Refusal> {
        let bytes = message.len();
        self.push(mailbox, via, tree, message).map_err(|why| self.not_delivered(mailbox, via, from, bytes, &why))
    }

    fn push(&self, mailbox: &Mailbox, via: Option<Id>, tree: Tree, message: Message) -> Result<(), NotDelivered> {
        match via {
            None => mailbox.push(message, tree),
            Some(via) => mailbox.push_narrowed(message, tree, via, self.clock.monotonic()),
        }
    }

    /// Why a message of so many bytes is not in the mailbox. If it is lost, it is counted.
    fn not_delivered(
        &self,
        mailbox: &Mailbox,
        via: Option<Id>,
        from: Option<&Party>,
        bytes: usize,
        why: &NotDelivered,
    ) -> Refusal {
        let to = self.address(via.unwrap_or(mailbox.id()));
        match why {
            NotDelivered::Closed => {
                self.count_lost(&to, from, Loss::NoSuchActor, bytes);
                no_such_actor(&to.to_string())
            }
            NotDelivered::Full(_) => {
                self.count_lost(&to, from, Loss::MailboxFull, bytes);
                mailbox_full(&to)
            }
            NotDelivered::NotPermitted => not_permitted(&to, "send"),
        }
    }

    /// Why a message of so many bytes has nobody to go to. If nobody has the address, it is lost as one to the dead is.
    pub(crate) fn not_resolved(&self, to: &str, from: Option<&Party>, bytes: usize, why: Refusal) -> Refusal {
        if why.kind() == RefusalKind::NoSuchActor
            && let Ok(to) = to.parse()
        {
            self.count_lost(&to, from, Loss::NoSuchActor, bytes);
        }
        why
    }

    pub(crate) fn count_lost(&self, to: &Address, from: Option<&Party>, loss: Loss, bytes: usize) {
        self.events.lost(to, from.map(|from| from.address(&self.place)).as_ref(), loss, [bytes]);
    }

    /// As `deliver` with a message, but waits for room. Cancel-safe as [`Mailbox::push_wait`] is, and, for another node, as
    /// [`Kernel::take_there`].
    pub(crate) async fn deliver_wait(&self, to: &Target, from: &Mailbox, message: Message) -> Result<(), Refusal> {
        let tree = from.level().tree();
        let (mailbox, via) = match to {
            Target::Here(mailbox) => (mailbox, None),
            Target::Narrowed(mailbox, via) => (mailbox, Some(*via)),
            Target::There(receiver) => return self.take_there(from.id(), receiver, message).await,
        };
        let bytes = message.len();
        let pushed = mailbox.push_wait(message, tree, |message| self.push(mailbox, via, tree, message)).await;
        pushed.map_err(|why| self.not_delivered(mailbox, via, Some(&Party::here(from.id())), bytes, &why))
    }

    /// A signal takes effect; what its sender is to get back goes to it. Answers whether that is nothing.
    fn effect(&self, mailbox: &Mailbox, from: Option<&Party>, signal: Signal) -> bool {
        let descends = mailbox.descends_from(from);
        let standing = Standing { here: &self.place, descends, bounds: links::Bounds::of(mailbox.level()) };
        let answer =
            mailbox.signal(from, signal, standing).unwrap_or_else(|signal| links::answer_for_the_dead(&signal));
        let taken = answer.is_none();
        if let Some(from) = from {
            self.answer(from, mailbox.id(), answer);
        }
        taken
    }

    fn answer(&self, to: &Party, from: Id, answer: Option<Signal>) {
        if let Some(signal) = answer {
            self.signal(to, from, signal);
        }
    }

    /// Sends any signal but a message from an actor here to any other. What cannot be delivered is answered as by the
    /// dead, or as by a lost node.
    pub(crate) fn signal(&self, to: &Party, from: Id, signal: Signal) {
        match &to.place {
            None => match self.table.find(to.id) {
                Some(mailbox) => _ = self.effect(&mailbox, Some(&Party::here(from)), signal),
                None => self.answer(&Party::here(from), to.id, links::answer_for_the_dead(&signal)),
            },
            Some(place) => self.signal_there(to, place, &To::Id(to.id), from, signal),
        }
    }

    /// As [`Kernel::signal`] to another node, where `at` is whom this one knows as `to`.
    fn signal_there(&self, to: &Party, place: &Place, at: &To, from: Id, signal: Signal) {
        let lost = links::answer_for_the_lost(&signal, place);
        // Whoever knows the sender under another ID does not learn its own.
        let known_as = to.via.as_deref().copied().unwrap_or(from);
        if self.uplink.carry(place, at, Envelope { from: Some(known_as), signal }).is_err()
            && let Some(lost) = lost
            && let Some(mailbox) = self.table.find(from)
        {
            self.effect(&mailbox, Some(to), lost);
        }
    }

    pub(crate) fn address(&self, id: Id) -> Address {
        Address::of_id(id, self.place.clone())
    }

    /// How an actor ended whose end this node tells or told: all that is known, unless it is forgotten.
    pub(crate) fn heard(&self, actor: &Address) -> Option<Arc<Outcome>> {
        lock(&self.outcomes).heard(actor.id()?)
    }

    pub(crate) fn living(&self) -> usize {
        self.living.load(Ordering::SeqCst)
    }

    /// Refuses spawns from now on.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
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

/// A mailbox that takes no more now.
pub(crate) fn mailbox_full(to: &Address) -> Refusal {
    let message = format!("the mailbox of {to} is full");
    Refusal::new(RefusalKind::MailboxFull, message).with("address", to.to_string())
}

/// A narrowed address without this right.
pub(crate) fn not_permitted(address: &dyn std::fmt::Display, right: &str) -> Refusal {
    let message = format!("{address} is a narrowed address without the right `{right}`");
    Refusal::new(RefusalKind::NotPermitted, message).with("right", right)
}

/// One answer for an address that never was, one whose actor has ended, and a name that nobody has: who guesses learns
/// nothing.
fn no_such_actor(address: &str) -> Refusal {
    Refusal::new(RefusalKind::NoSuchActor, format!("no actor has the address {}", address.escape_debug()))
}
