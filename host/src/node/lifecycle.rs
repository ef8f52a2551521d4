//! How actors come and go, and who hears of it: the kernel's side of spawn, end, link, monitor, kill and exit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::actor_table::IdMap;
use super::crash::CrashReport;
use super::events::{Event, Loss};
use super::registry::NotRegistered;
use super::{Kernel, Target, no_such_actor, not_permitted};
use crate::address::{self, Id, WhoRef, quoted};
use crate::limits::Limit;
use crate::lock::lock;
use crate::mailbox::links::{Bounds as LinkBounds, Full, Watched};
use crate::mailbox::narrowed::{Denied, Rights};
use crate::mailbox::queue::Source;
use crate::mailbox::{Mailbox, links::About};
use crate::message::Message;
use crate::outcome::{Exception, ExceptionKind, Outcome, Scene};
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Party, Receiver, Reference, Signal, To};

impl Kernel {
    /// An actor's end, in order: nothing comes in any more, nobody finds it, what it had is given back, and only then
    /// somebody hears of it. So whoever hears finds the address already dead and its name free.
    ///
    /// Answers the whole outcome, and the signals that tell it; when all are sent, [`Kernel::farewell_said`] tells those who
    /// wait. A panic in one part keeps no other from being done.
    pub(crate) fn leave(
        &self,
        mailbox: &Arc<Mailbox>,
        entry: Option<Arc<str>>,
        outcome: Outcome,
    ) -> (Arc<Outcome>, Vec<(Party, Signal)>) {
        let closed = self.persist(|| mailbox.close()).unwrap_or_default();
        self.persist(|| self.leave_seat(mailbox));
        let names = self.persist(|| self.registry.release(mailbox.id())).unwrap_or_default();
        self.persist(|| self.leave_groups(mailbox.id()));
        let outcome = Arc::new(outcome.at(|| Scene { entry, names, handling: closed.handling.into_option() }));
        for alarm in &closed.alarms {
            self.persist(|| self.clock.disarm(alarm));
        }
        for id in &closed.narrowed {
            self.persist(|| self.narrowed.remove(*id));
        }
        for (id, target) in &closed.made {
            self.persist(|| self.end_narrowed(*id, target));
        }
        self.persist(|| lock(&self.outcomes).begin(mailbox.clone(), outcome.clone()));
        if !closed.unread.is_empty() {
            let bytes = closed.unread.iter().map(Message::len);
            self.events.lost(&self.address(mailbox.id()), None, Loss::Unread, bytes);
        }
        if let Outcome::Exception(exception) = &*outcome
            && let (ExceptionKind::Limit, Some(Value::String(limit))) =
                (exception.kind(), exception.detail("limit").map(Message::to_value))
        {
            self.persist(|| self.note_refused(mailbox, &limit, exception.message()));
        }
        let farewell = closed.farewell;
        self.persist(|| self.forget_aliases(&farewell));
        let heard = mailbox.is_awaited() || !farewell.linked.is_empty() || !farewell.watchers.is_empty();
        if !heard {
            // Somebody should.
            self.persist(|| self.report_unheard(mailbox.id(), &outcome));
        }
        self.persist(|| self.table.remove(mailbox.id()));
        let exits = farewell.linked.into_iter().map(|party| (party, Signal::Exit(outcome.clone())));
        let downs = farewell.watchers.into_iter();
        let downs = downs.map(|(party, reference)| (party, Signal::Down(reference, outcome.clone())));
        let unwatched = farewell.watched.into_iter();
        let unwatched = unwatched.map(|(party, reference)| (party, Signal::Demonitor(reference)));
        let told = exits.chain(downs).chain(unwatched).collect();
        (outcome, told)
    }

    /// All who were linked or monitored are told: now those who wait.
    pub(crate) fn farewell_said(&self, mailbox: &Mailbox, outcome: Arc<Outcome>) {
        self.events.tell(|| Event::Ended { actor: self.address(mailbox.id()), outcome: Outcome::clone(&outcome) });
        // Before those who wait are told, so that they find the oldest outcome forgotten for this one.
        self.persist(|| lock(&self.outcomes).remember(mailbox.id(), outcome.clone()));
        self.gone();
        self.persist(|| mailbox.tell(outcome.clone()));
        self.persist(|| lock(&self.outcomes).told(mailbox.id()));
    }

    /// Asks every actor to end whose parent does not live, and again as parents end, so that whoever has children takes
    /// them down in order (DESIGN §5). Returns when no actor lives.
    ///
    /// Cancel-safe: who was asked was asked.
    pub(crate) async fn wind_down(&self) {
        let mut asked = IdMap::<()>::default();
        loop {
            let left = self.left.notified();
            if self.living() == 0 {
                return;
            }
            for actor in self.table.all() {
                let parent = actor.parent();
                let has_parent =
                    parent.is_some_and(|parent| parent.place.is_none() && self.table.find(parent.id).is_some());
                if !has_parent && asked.insert(actor.id(), ()).is_none() {
                    let reason = Message::trusted("\"the node is shutting down\"".into());
                    self.effect(&actor, None, Signal::Shutdown(reason));
                }
            }
            left.await;
        }
    }

    /// All actors end, without being asked, the newest first.
    pub(crate) fn end_all(&self, kind: ExceptionKind) {
        let mut actors = self.table.all();
        actors.sort_unstable_by_key(|actor| std::cmp::Reverse(actor.number()));
        actors.iter().for_each(|actor| actor.request_end(Exception::new(kind, "the node is shutting down")));
    }

    /// An actor is gone, and all who had to hear of it have, also the log: who waits for the last one may leave at once.
    pub(super) fn gone(&self) {
        let last = self.living.fetch_sub(1, Ordering::SeqCst) == 1;
        self.left.notify_waiters();
        if last {
            self.empty.notify_waiters();
        }
    }

    fn report_unheard(&self, id: Id, outcome: &Outcome) {
        if let Outcome::Exception(exception) = outcome
            && exception.kind().is_crash()
        {
            self.report(CrashReport::new(self.address(id), exception.clone(), None));
        }
    }

    /// `from` links an actor. A link with the dead ends at once, as a link does.
    pub(crate) fn link(&self, from: &Mailbox, to: &str) -> Result<(), Refusal> {
        let (other, narrowed) = self.party(to, "link", Rights::LINK)?;
        if other == Party::here(from.id()) {
            return Ok(());
        }
        let address = narrowed.then(|| to.into());
        let new =
            from.links_more(Limit::Links, |links| links.link(other.clone(), address, LinkBounds::of(from.level())));
        if new.map_err(|full| full.refusal("cannot link"))?.map_err(|full| limit(&full))? {
            self.signal(&other, from.id(), Signal::Link);
        }
        Ok(())
    }

    /// `from` hears nothing more of an actor's end by links.
    pub(crate) fn unlink(&self, from: &Mailbox, to: &str) -> Result<(), Refusal> {
        // First as what it was linked by: a narrowed address may have ended since, and then it is as good as any unknown ID.
        let other = match from.links(|links| links.linked_as(to)) {
            Some(other) => other,
            None => match self.party(to, "unlink", Rights::NONE) {
                Ok((other, _)) => other,
                Err(refusal) if refusal.kind() == RefusalKind::NoSuchActor => return Ok(()),
                Err(refusal) => return Err(refusal),
            },
        };
        if from.links(|links| links.unlink(&other)) {
            self.signal(&other, from.id(), Signal::Unlink);
        }
        from.flush(&Source::Host(Box::new(About::Link(other))));
        Ok(())
    }

    /// `from` asks for one message at an actor's end. Answers the reference.
    pub(crate) fn monitor(&self, from: &Mailbox, to: &str) -> Result<String, Refusal> {
        let reference = Reference::random();
        let found = self.resolve(to).and_then(|target| match target {
            Target::There(Receiver { to: name @ To::Name(_), place }) => {
                let alias = reference.alias().expect("it is random");
                Ok((Party::there(alias, place), Some(name)))
            }
            target => Ok((self.party_of(to, target, "monitor", Rights::MONITOR)?.0, None)),
        });
        let (target, name) = match found {
            // To monitor the dead is no mistake: nobody has this ID either, and the message says so.
            Err(refusal) if refusal.kind() == RefusalKind::NoSuchActor => (Party::here(Id::random()), None),
            found => found?,
        };
        let watched = Watched { target: target.clone(), address: to.into() };
        let bounds = LinkBounds::of(from.level());
        let made = from.links_more(Limit::Monitors, |links| links.monitor(reference, watched, bounds));
        made.map_err(|full| full.refusal("cannot monitor"))?.map_err(|full| limit(&full))?;
        match (name, &target.place) {
            (Some(name), Some(place)) => {
                self.signal_there(&target, place, &name, from.id(), Signal::Monitor(reference));
            }
            _ => self.signal(&target, from.id(), Signal::Monitor(reference)),
        }
        Ok(reference.text(to).to_string())
    }

    /// `from` no longer wants it. A reference that has given its message is no error.
    pub(crate) fn demonitor(&self, from: &Mailbox, reference: &str) -> Result<(), Refusal> {
        let Some(reference) = Reference::parse(reference) else {
            let message = format!("cannot demonitor: `{}` is no reference of a monitor", quoted(reference));
            return Err(Refusal::new(RefusalKind::BadArgument, message));
        };
        if let Some(target) = from.links(|links| links.demonitor(reference)) {
            self.signal(&target, from.id(), Signal::Demonitor(reference));
        }
        from.flush(&Source::Host(Box::new(About::Monitor(reference))));
        Ok(())
    }

    /// Kills an actor, or asks it to end, if `from` may: an ancestor, or without a sender the operator.
    pub(crate) fn end(&self, from: Option<&Mailbox>, to: &str, signal: Signal) -> Result<(), Refusal> {
        let (who, _) = address::split(to)?;
        if let (WhoRef::Name(_), Some(_)) = (who, from) {
            return Err(needs_id(to, "end"));
        }
        let from = from.map(|from| Party::here(from.id()));
        match self.resolve(to)? {
            Target::Here(mailbox) | Target::Narrowed(mailbox, _) => {
                if !mailbox.descends_from(from.as_ref()) {
                    let message = format!("cannot end {to}: only its ancestors may");
                    return Err(Refusal::new(RefusalKind::NotPermitted, message));
                }
                self.effect(&mailbox, from.as_ref(), signal);
                Ok(())
            }
            Target::There(Receiver { to: To::Name(_), .. }) => Err(needs_id(to, "end")),
            Target::There(Receiver { to: To::Id(id), .. }) if from.is_none() && !self.is_the_operator_s(id) => {
                let message = format!("cannot end {to}: it is for the operator of its own node");
                Err(Refusal::new(RefusalKind::NotPermitted, message))
            }
            Target::There(Receiver { to, place }) => {
                let order = Envelope { from: from.map(|from| from.id), signal };
                match self.uplink.carry(&place, &to, order) {
                    // A node that is lost has nobody to end, and one that is slow must not be thought to have ended somebody.
                    Err(why) if why.kind() == RefusalKind::MailboxFull => Err(why),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Gives an actor a name.
    pub(crate) fn register(&self, name: &str, holder: &Arc<Mailbox>) -> Result<(), Refusal> {
        crate::spawn_options::check_name(name)?;
        self.registry.register(name, holder).map_err(|why| match why {
            NotRegistered::Taken => {
                let address = format!("{name}@{}", self.place);
                Refusal::new(RefusalKind::NameTaken, format!("{address} is somebody else's name"))
                    .with("address", address)
            }
            NotRegistered::TooMany(full) => full.refusal("cannot register"),
        })
    }

    /// Takes a name from its holder.
    pub(crate) fn unregister(&self, name: &str, holder: Id) -> Result<(), Refusal> {
        if self.registry.unregister(name, holder) {
            return Ok(());
        }
        Err(no_such_name(name))
    }

    /// The actor that has a name on this node.
    pub(crate) fn whereis(&self, name: &str) -> Result<Id, Refusal> {
        self.registry.find(name).map(|holder| holder.id()).ok_or_else(|| no_such_name(name))
    }

    /// Whom a link is with: an ID's actor, alive or not. Also whether the address was a narrowed one.
    fn party(&self, to: &str, verb: &str, right: Rights) -> Result<(Party, bool), Refusal> {
        match address::split(to) {
            Ok((WhoRef::Name(_), _)) => Err(needs_id(to, verb)),
            Ok((WhoRef::Id(id), place)) if place == self.place.as_str() && self.narrowed.find(id).is_none() => {
                Ok((Party::here(id), false))
            }
            _ => self.party_of(to, self.resolve(to)?, verb, right),
        }
    }

    fn party_of(&self, to: &str, target: Target, verb: &str, right: Rights) -> Result<(Party, bool), Refusal> {
        match target {
            Target::Here(mailbox) => Ok((Party::here(mailbox.id()), false)),
            Target::There(Receiver { to: To::Name(_), .. }) => Err(needs_id(to, verb)),
            Target::There(Receiver { to: To::Id(id), place }) => Ok((Party::there(id, place), false)),
            Target::Narrowed(mailbox, via) => match mailbox.permits(via, right, self.clock.monotonic()) {
                Ok(()) => Ok((Party::here(mailbox.id()), true)),
                Err(Denied::Gone) => Err(no_such_actor(to)),
                Err(Denied::Right) => Err(not_permitted(&self.address(via), verb)),
            },
        }
    }
}

fn needs_id(to: &str, verb: &str) -> Refusal {
    let message = format!("cannot {verb} {}: it needs an ID address, which `whereis` answers", quoted(to));
    Refusal::new(RefusalKind::BadAddress, message)
}

pub(super) fn no_such_name(name: &str) -> Refusal {
    Refusal::new(RefusalKind::NoSuchName, format!("nobody has the name `{}`", quoted(name)))
}

pub(super) fn limit(full: &Full) -> Refusal {
    Refusal::at_limit(full.what, full.max, full.to_string())
}
