//! One actor's links and monitors, and what each signal does to it. Pure: no lock, no waker, no clock.
//!
//! Who hears of whose end is known on both sides. An actor keeps for each other actor whether it linked that one
//! (`mine`), and whether that one linked it (`theirs`); signals keep the two in step. At its end it tells all of them,
//! and each decides by its own side what the news is to it. So a link needs no answer, and an unlink no handshake.

mod aliases;
mod exceptions;
#[cfg(test)]
mod explore;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;

use super::host_message;
use crate::address::Place;
use crate::level::Level;
use crate::limits::Limit;
use crate::message::Message;
use crate::outcome::{Exception, ExceptionKind, Outcome};
use crate::signal::{Party, Reference, Signal};
use aliases::Aliases;
pub(crate) use exceptions::no_connection;
use exceptions::{linked, no_process};

/// The links and monitors that one actor has, made by itself and by others.
///
/// In ordered maps, so that the same signals in the same order always do the same in the same order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Links {
    traps_exits: bool,
    ties: BTreeMap<Party, Tie>,
    aliases: Aliases,
    /// The monitors it has made and whose message has not been made yet.
    watching: BTreeMap<Reference, Watched>,
    /// Who has made a monitor of it.
    watchers: BTreeSet<(Party, Reference)>,
    counts: Counts,
}

/// What is between this actor and another. Where nothing is left, the entry goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Tie {
    /// This actor linked the other, and hears of its end.
    mine: bool,
    /// The other linked this actor, and must be told of its end.
    theirs: bool,
    /// This actor hears of the other's end because the other linked it and is its ancestor.
    imposed: bool,
}

/// Whom a monitor is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watched {
    pub target: Party,
    /// The text that the monitor's maker used: its message has it back.
    pub address: Box<str>,
}

/// What is bounded. A link or monitor that has ended counts until its message is read, since that lies in the mailbox
/// outside of the ordinary bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Counts {
    mine: usize,
    theirs: usize,
    exits_unread: usize,
    downs_unread: usize,
}

/// How many links and monitors an actor may make, and as many others of it. An ancestor's link is never refused, as there
/// are at most 64 of them, and a stranger who uses up the rest must not come between a supervisor and its child.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub links_max: usize,
    pub monitors_max: usize,
}

impl Bounds {
    /// What a level allows one actor.
    pub(crate) fn of(level: &Level) -> Bounds {
        Bounds { links_max: level.each_count(Limit::Links), monitors_max: level.each_count(Limit::Monitors) }
    }
}

/// A link or monitor that was not made: there are as many as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("cannot make one more of {max} {what}, counting those whose message is not received yet")]
pub(crate) struct Full {
    pub what: &'static str,
    pub max: usize,
}

/// What its owner knows beside a signal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'a> {
    /// The receiver's node.
    pub here: &'a Place,
    /// Whether the sender is an ancestor of the receiver, or the operator.
    pub descends: bool,
    pub bounds: Bounds,
}

/// What a host message in a mailbox is about, so that it can be found again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum About {
    Link(Party),
    Monitor(Reference),
    /// Who asks for the end; none: the operator. Of one who asks again the latest message is kept, so that nobody can
    /// fill a mailbox with them.
    Shutdown(Option<Party>),
    /// A node that came or went. Of each the latest message is kept.
    Node(Place),
}

/// What a signal comes to. The owner does it under the same lock.
#[derive(Debug, PartialEq)]
pub(crate) enum Reaction {
    /// Nothing further.
    Nothing,
    /// An ordinary message: it goes into the mailbox, if there is room.
    Take(Message),
    /// A host message: it goes into the mailbox, whether there is room or not.
    Tell(About, Message),
    /// The actor shall end so, unless another end was decided before.
    End(Exception),
    /// The sender gets this signal back.
    Answer(Signal),
}

/// Whom to tell of an end, and what.
#[derive(Debug, Default)]
pub(crate) struct Farewell {
    /// Each gets one `Exit`.
    pub linked: Vec<Party>,
    /// Each gets one `Down` with that reference.
    pub watchers: Vec<(Party, Reference)>,
    /// Each gets one `Demonitor` with that reference: nobody listens any more.
    pub watched: Vec<(Party, Reference)>,
}

impl Links {
    /// The actor links another, by this address if it is not the ID address. True: the other must get a `Link`. False: the
    /// link stood already.
    ///
    /// # Errors
    ///
    /// If there are too many; nothing has changed then.
    pub(crate) fn link(&mut self, other: Party, address: Option<Box<str>>, bounds: Bounds) -> Result<bool, Full> {
        if self.ties.get(&other).is_some_and(|tie| tie.mine) {
            return Ok(false);
        }
        if self.made()[0] >= bounds.links_max {
            return Err(Full { what: "links", max: bounds.links_max });
        }
        if let Some(address) = address {
            self.aliases.insert(other.clone(), address);
        }
        self.ties.entry(other).or_default().mine = true;
        self.counts.mine += 1;
        Ok(true)
    }

    /// A spawn made this actor and the other, its parent or its child, link each other. No signal is needed: it is
    /// said to both before the child runs.
    ///
    /// # Errors
    ///
    /// As [`Links::link`].
    pub(crate) fn link_by_spawn(&mut self, other: Party, bounds: Bounds) -> Result<(), Full> {
        self.link(other.clone(), None, bounds)?;
        self.linked_by(&other);
        Ok(())
    }

    /// The actor hears no more of another, whoever made the link. True: the other must get an `Unlink`. Either way the
    /// owner takes back the message about this link that may lie in the mailbox.
    pub(crate) fn unlink(&mut self, other: &Party) -> bool {
        self.aliases.remove(other);
        let Some(tie) = self.ties.get_mut(other) else {
            return false;
        };
        let mine = std::mem::take(&mut tie.mine);
        tie.imposed = false;
        self.counts.mine -= usize::from(mine);
        self.drop_if_empty(other);
        mine
    }

    /// Whom this actor linked by an address that was not the other's ID address, also if what it hears of that waits.
    pub(crate) fn linked_as(&self, address: &str) -> Option<Party> {
        self.aliases.party(address).cloned()
    }

    /// The actor monitors another, which must get a `Monitor`.
    ///
    /// # Errors
    ///
    /// If there are too many; nothing has changed then.
    pub(crate) fn monitor(&mut self, reference: Reference, watched: Watched, bounds: Bounds) -> Result<(), Full> {
        if self.made()[1] >= bounds.monitors_max {
            return Err(Full { what: "monitors", max: bounds.monitors_max });
        }
        self.watching.insert(reference, watched);
        Ok(())
    }

    /// Ends a monitor. Answers who must get a `Demonitor`; none if the monitor has given its message, or never was.
    /// Either way the owner takes back the message of this monitor that may lie in the mailbox.
    pub(crate) fn demonitor(&mut self, reference: Reference) -> Option<Party> {
        self.watching.remove(&reference).map(|watched| watched.target)
    }

    /// How many links and how many monitors it has made whose message it has not received.
    pub(crate) fn made(&self) -> [usize; 2] {
        [self.counts.mine + self.counts.exits_unread, self.watching.len() + self.counts.downs_unread]
    }

    /// Whether the end of a linked actor is a message to this one instead of its own end. Answers the setting before.
    pub(crate) fn trap_exits(&mut self, on: bool) -> bool {
        std::mem::replace(&mut self.traps_exits, on)
    }

    /// A host message has left the mailbox: it was received, or taken back.
    pub(crate) fn read(&mut self, about: &About) {
        match about {
            About::Link(other) => {
                self.aliases.remove(other);
                self.counts.exits_unread -= 1;
            }
            About::Monitor(_) => self.counts.downs_unread -= 1,
            About::Shutdown(_) | About::Node(_) => {}
        }
    }

    /// What a signal does to this actor. Without a sender it is the operator's: the embedding program or the command line.
    pub(crate) fn react(&mut self, from: Option<&Party>, signal: Signal, standing: Standing<'_>) -> Reaction {
        match (signal, from) {
            (Signal::Message(message), _) => Reaction::Take(message),
            (Signal::Link, Some(from)) => self.link_arrived(from, standing),
            (Signal::Unlink, Some(from)) => self.unlink_arrived(from),
            (Signal::Monitor(reference), Some(from)) => self.monitor_arrived(from, reference, standing.bounds),
            (Signal::Demonitor(reference), Some(from)) => {
                self.watchers.remove(&(from.clone(), reference));
                Reaction::Nothing
            }
            (Signal::Exit(outcome), Some(from)) => self.exit(from, &outcome, standing.here),
            (Signal::Down(reference, outcome), Some(from)) => self.down(from, reference, &outcome),
            (Signal::Kill, _) if standing.descends => {
                Reaction::End(Exception::new(ExceptionKind::Killed, "the actor was killed"))
            }
            (Signal::Shutdown(reason), _) if standing.descends => self.shutdown(from, reason, standing.here),
            // The call was refused where it was made; a node that let it pass changes nothing here.
            (Signal::Kill | Signal::Shutdown(_), _) => Reaction::Nothing,
            // The operator makes no links and no monitors.
            (Signal::Link | Signal::Unlink | Signal::Exit(_), None) => Reaction::Nothing,
            (Signal::Monitor(_) | Signal::Demonitor(_) | Signal::Down(..), None) => Reaction::Nothing,
        }
    }

    /// All that stood with actors of a node that cannot be reached any more: as if each had ended with `noconnection`,
    /// once. What they had asked of this actor is forgotten.
    pub(crate) fn lost(&mut self, place: &Place, here: &Place) -> Vec<Reaction> {
        let outcome = Outcome::Exception(no_connection(place));
        let there = |party: &Party| party.place.as_ref() == Some(place);
        let ties: Vec<Party> = self.ties.keys().filter(|other| there(other)).cloned().collect();
        let watching = self.watching.iter().filter(|(_, watched)| there(&watched.target));
        let watching: Vec<(Party, Reference)> =
            watching.map(|(reference, watched)| (watched.target.clone(), *reference)).collect();
        self.watchers.retain(|(watcher, _)| !there(watcher));
        let exits: Vec<Reaction> = ties.iter().map(|other| self.exit(other, &outcome, here)).collect();
        let downs = watching.iter().map(|(target, reference)| self.down(target, *reference, &outcome));
        exits.into_iter().chain(downs).filter(|reaction| *reaction != Reaction::Nothing).collect()
    }

    /// The actor has ended: whom to tell. Nothing is left here.
    ///
    /// The `Exit` goes to all that an entry is about, also to those who will not care: it ends their entry too.
    pub(crate) fn farewell(&mut self) -> Farewell {
        let Links { ties, watching, watchers, .. } = std::mem::take(self);
        Farewell {
            linked: ties.into_keys().collect(),
            watchers: watchers.into_iter().collect(),
            watched: watching.into_iter().map(|(reference, watched)| (watched.target, reference)).collect(),
        }
    }

    fn link_arrived(&mut self, from: &Party, standing: Standing<'_>) -> Reaction {
        let new = self.ties.get(from).is_none_or(|tie| !tie.theirs);
        if new && !standing.descends && self.counts.theirs >= standing.bounds.links_max {
            return Reaction::Answer(Signal::Exit(Arc::new(no_process("it takes no more links"))));
        }
        let tie = self.linked_by(from);
        tie.imposed |= standing.descends;
        Reaction::Nothing
    }

    fn linked_by(&mut self, other: &Party) -> &mut Tie {
        let tie = self.ties.entry(other.clone()).or_default();
        self.counts.theirs += usize::from(!tie.theirs);
        tie.theirs = true;
        tie
    }

    fn unlink_arrived(&mut self, from: &Party) -> Reaction {
        if let Some(tie) = self.ties.get_mut(from) {
            self.counts.theirs -= usize::from(tie.theirs);
            tie.theirs = false;
            tie.imposed = false;
            self.drop_if_empty(from);
        }
        Reaction::Nothing
    }

    fn drop_if_empty(&mut self, other: &Party) {
        if self.ties.get(other).is_some_and(|tie| !(tie.mine || tie.theirs)) {
            self.ties.remove(other);
        }
    }

    fn monitor_arrived(&mut self, from: &Party, reference: Reference, bounds: Bounds) -> Reaction {
        if self.watchers.len() >= bounds.monitors_max {
            let refused = Arc::new(no_process("it takes no more monitors"));
            return Reaction::Answer(Signal::Down(reference, refused));
        }
        self.watchers.insert((from.clone(), reference));
        Reaction::Nothing
    }

    /// Another has ended. Whether that means anything here, this side's entry decides: an `Exit` of nobody who is
    /// linked is nothing, so also one that was on its way when `unlink` returned.
    fn exit(&mut self, from: &Party, outcome: &Outcome, here: &Place) -> Reaction {
        let Some(tie) = self.ties.remove(from) else {
            return Reaction::Nothing;
        };
        self.counts.mine -= usize::from(tie.mine);
        self.counts.theirs -= usize::from(tie.theirs);
        if !(tie.mine || tie.imposed) {
            return Reaction::Nothing;
        }
        let address = self.aliases.address(from).map_or_else(|| from.address(here).to_string(), str::to_owned);
        if self.traps_exits {
            self.counts.exits_unread += 1;
            return Reaction::Tell(About::Link(from.clone()), host_message::exit(&address, outcome));
        }
        self.aliases.remove(from);
        match outcome {
            Outcome::Exit(_) => Reaction::Nothing,
            Outcome::Exception(exception) => Reaction::End(linked(&address, exception)),
        }
    }

    /// A monitored actor has ended. Its child's reference is no secret, so the sender must be the one that is watched.
    fn down(&mut self, from: &Party, reference: Reference, outcome: &Outcome) -> Reaction {
        if self.watching.get(&reference).is_none_or(|watched| watched.target != *from) {
            return Reaction::Nothing;
        }
        let address = self.watching.remove(&reference).expect("it was just seen").address;
        self.counts.downs_unread += 1;
        let text = reference.text(&address).to_string();
        Reaction::Tell(About::Monitor(reference), host_message::down(&address, outcome, &text))
    }

    fn shutdown(&self, from: Option<&Party>, reason: Message, here: &Place) -> Reaction {
        if self.traps_exits {
            let caller = from.filter(|from| !from.is_operator()).map(|from| from.address(here).to_string());
            let message = host_message::shutdown(caller.as_deref(), &reason);
            return Reaction::Tell(About::Shutdown(from.cloned()), message);
        }
        let exception = Exception::new(ExceptionKind::Shutdown, "the actor was asked to end");
        Reaction::End(exception.with("reason", reason))
    }
}

/// What the sender of a signal to nobody gets back: to the one who asked, an actor that is not there has ended.
pub(crate) fn answer_for_the_dead(signal: &Signal) -> Option<Signal> {
    let gone = || Arc::new(no_process("no actor has this address, or its outcome is forgotten"));
    match signal {
        Signal::Link => Some(Signal::Exit(gone())),
        Signal::Monitor(reference) => Some(Signal::Down(*reference, gone())),
        Signal::Message(_) | Signal::Unlink | Signal::Demonitor(_) | Signal::Kill | Signal::Shutdown(_) => None,
        Signal::Exit(_) | Signal::Down(..) => None,
    }
}

/// What the sender of a signal gets back that cannot reach its node.
pub(crate) fn answer_for_the_lost(signal: &Signal, place: &Place) -> Option<Signal> {
    let lost = || Arc::new(Outcome::Exception(no_connection(place)));
    match signal {
        Signal::Link => Some(Signal::Exit(lost())),
        Signal::Monitor(reference) => Some(Signal::Down(*reference, lost())),
        Signal::Message(_) | Signal::Unlink | Signal::Demonitor(_) | Signal::Kill | Signal::Shutdown(_) => None,
        Signal::Exit(_) | Signal::Down(..) => None,
    }
}
