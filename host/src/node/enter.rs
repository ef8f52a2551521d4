//! How an actor comes in: what a spawn needs, charges and ties, and what is undone when it is refused.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

use super::Kernel;
use super::events::Event;
use super::lifecycle::limit;
use crate::address::Id;
use crate::grants::{Grant, Grants};
use crate::level::{Author, Exceeded, Level};
use crate::limits::{Limit, Limits};
use crate::mailbox::Mailbox;
use crate::mailbox::links::{Bounds as LinkBounds, Links, Reaction, Standing, Watched};
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Party, Reference, Signal};
use crate::spawn_options::SpawnOptions;

/// What comes with an actor.
pub(crate) struct Brings<'a> {
    pub grants: Arc<Grants>,
    /// Which module of the node's it is of, and what limits that module's actors.
    pub module: Option<(u64, &'a Limits)>,
    /// Bytes of the host's that it takes from the start: charged until it ends.
    pub bytes: u64,
}

/// How many living ancestors an actor may have (DESIGN §5).
const ANCESTORS_MAX: usize = 64;

impl Kernel {
    /// A new actor's mailbox. When this returns, address, name, link and monitor stand, and it can be found: no message
    /// to it and no end of it can be missed.
    ///
    /// # Errors
    ///
    /// `stopping`, `limit`, `name-taken`, `not-permitted`, `bad-argument`; nothing is left behind then.
    pub(crate) fn enter(
        &self,
        parent: Option<&Arc<Mailbox>>,
        options: &SpawnOptions,
        brings: Brings<'_>,
    ) -> Result<Arc<Mailbox>, Refusal> {
        options.check(parent.is_some())?;
        if let (Some(name), Some(parent)) = (&options.name, parent) {
            parent.grants().permit(&Grant::Names, || format!("cannot give an actor the name `{name}`"))?;
        }
        let id = Id::random();
        let ancestors = parent.map_or(Ok(Box::default()), |parent| self.ancestors(parent))?;
        let above = parent.map_or(&self.root, |parent| parent.level());
        let level = self.level(above, parent.is_some(), ancestors.len(), options, brings.module)?;
        level.may_be_below(ancestors.len()).map_err(|full| full.refusal("cannot spawn"))?;
        let seat = Seat::take(parent.map(|parent| &**parent), &level)?;
        above.may_spawn(self.clock.monotonic()).map_err(|full| full.refusal("cannot spawn"))?;
        let links = self.links_of_child(id, parent, &level, options)?;
        let number = self.spawned.fetch_add(1, Ordering::Relaxed);
        let child = Arc::new(Mailbox::new(id, number, ancestors, brings.grants, level.clone(), links));
        // Given back when the mailbox is closed, or dropped because the spawn is refused.
        child.take_memory(brings.bytes).map_err(|full| full.refusal("cannot spawn"))?;
        if options.awaited {
            child.is_awaited_by_its_spawner();
        }
        if let Some(parent) = parent {
            self.bind(parent, &child, options)?;
        }
        self.living.fetch_add(1, Ordering::SeqCst);
        self.table.insert(id, child.clone());
        // Asked after the entry: a shutdown that began meanwhile either sees this actor in the table or is seen here.
        let stopping = self.stopping.load(Ordering::SeqCst);
        let entered = if stopping {
            Err(Refusal::new(RefusalKind::Stopping, "cannot spawn: the node is shutting down"))
        } else {
            options.name.as_ref().map_or(Ok(()), |name| self.register(name, &child))
        };
        if let Err(refusal) = entered {
            self.table.remove(id);
            self.gone();
            if let Some(parent) = parent {
                parent.links(|links| {
                    links.unlink(&Party::here(id));
                    links.demonitor(Reference::Child(id));
                });
            }
            return Err(refusal);
        }
        seat.keep();
        if let Some(ms) = level.each(Limit::Lifetime) {
            self.lives_for(&child, Duration::from_millis(ms));
        }
        self.events.tell(|| Event::Spawned {
            actor: self.address(id),
            parent: parent.map(|parent| self.address(parent.id())),
        });
        Ok(child)
    }

    /// What limits a new actor.
    fn level(
        &self,
        above: &Arc<Level>,
        has_parent: bool,
        ancestors: usize,
        options: &SpawnOptions,
        module: Option<(u64, &Limits)>,
    ) -> Result<Arc<Level>, Refusal> {
        let mut level = above.clone();
        if let Some((module, limits)) = module
            && !level.is_of(module)
        {
            level = level.below(limits, Author::Loader(module), ancestors)?;
        }
        let author = if has_parent { Author::Actor } else { Author::Operator };
        level.below(&options.limits, author, ancestors)
    }

    /// The child's side of link and monitor.
    fn links_of_child(
        &self,
        child: Id,
        parent: Option<&Arc<Mailbox>>,
        level: &Level,
        options: &SpawnOptions,
    ) -> Result<Links, Refusal> {
        let mut links = Links::default();
        links.trap_exits(options.trap_exit);
        let Some(parent) = parent else { return Ok(links) };
        let (parent, bounds) = (Party::here(parent.id()), LinkBounds::of(level));
        if options.link {
            links.link_by_spawn(parent.clone(), bounds).map_err(|full| limit(&full))?;
        }
        if options.monitor {
            let standing = Standing { here: &self.place, descends: true, bounds };
            let reaction = links.react(Some(&parent), Signal::Monitor(Reference::Child(child)), standing);
            debug_assert_eq!(reaction, Reaction::Nothing, "the first monitor of all is taken");
        }
        Ok(links)
    }

    /// The parent's side of link and monitor.
    fn bind(&self, parent: &Mailbox, child: &Mailbox, options: &SpawnOptions) -> Result<(), Refusal> {
        let (other, bounds) = (Party::here(child.id()), LinkBounds::of(parent.level()));
        if options.link {
            let linked = parent.links_more(Limit::Links, |links| links.link_by_spawn(other.clone(), bounds));
            linked.map_err(|full| full.refusal("cannot spawn"))?.map_err(|full| limit(&full))?;
        }
        if options.monitor {
            let address = self.address(child.id()).to_string().into();
            let watched = Watched { target: other.clone(), address };
            let reference = Reference::Child(child.id());
            let made = parent.links_more(Limit::Monitors, |links| links.monitor(reference, watched, bounds));
            let made = made.map_err(|full| full.refusal("cannot spawn"));
            made.and_then(|made| made.map_err(|full| limit(&full))).inspect_err(|_| {
                parent.links(|links| links.unlink(&other));
            })?;
        }
        Ok(())
    }

    /// An actor's spawner, and those of its ancestors that live.
    fn ancestors(&self, parent: &Mailbox) -> Result<Box<[Party]>, Refusal> {
        let lives = |ancestor: &&Party| ancestor.place.is_some() || self.table.find(ancestor.id).is_some();
        let living = parent.ancestors().iter().filter(lives).cloned();
        let ancestors: Box<[Party]> = std::iter::once(Party::here(parent.id())).chain(living).collect();
        if ancestors.len() > ANCESTORS_MAX {
            let message = format!("cannot spawn: an actor may have {ANCESTORS_MAX} living ancestors");
            return Err(Refusal::at_limit("depth", ANCESTORS_MAX, message));
        }
        Ok(ancestors)
    }

    /// The actor ends when it is so old.
    fn lives_for(&self, actor: &Arc<Mailbox>, time: Duration) {
        let lifetime = Arc::new(Lifetime { actor: Arc::downgrade(actor), time });
        match self.clock.alarm(self.clock.deadline(time), &Waker::from(lifetime.clone())) {
            Some(alarm) => actor.lives_until(alarm),
            None => lifetime.wake(),
        }
    }

    /// An actor has ended: another may come in its place.
    pub(super) fn leave_seat(&self, actor: &Mailbox) {
        let parent = actor.ancestors().first().and_then(|parent| self.table.find(parent.id));
        if actor.leaves_its_seat() {
            actor.level().give_back(Limit::Actors, 1);
            parent.iter().for_each(|parent| parent.child_goes());
        }
    }
}

/// What a new actor takes of its tree and of its parent; given back unless the actor lives.
struct Seat<'a> {
    parent: Option<&'a Mailbox>,
    level: &'a Level,
}

impl<'a> Seat<'a> {
    fn take(parent: Option<&'a Mailbox>, level: &'a Level) -> Result<Seat<'a>, Refusal> {
        if let Some(parent) = parent {
            parent.child_comes().map_err(|full| full.refusal("cannot spawn"))?;
        }
        level.take(Limit::Actors, 1).map_err(|full| {
            parent.iter().for_each(|parent| parent.child_goes());
            full.refusal("cannot spawn")
        })?;
        Ok(Seat { parent, level })
    }

    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.level.give_back(Limit::Actors, 1);
        self.parent.iter().for_each(|parent| parent.child_goes());
    }
}

/// The end of an actor that has grown as old as it may.
struct Lifetime {
    actor: Weak<Mailbox>,
    time: Duration,
}

impl Wake for Lifetime {
    fn wake(self: Arc<Self>) {
        if let Some(actor) = self.actor.upgrade() {
            let ms = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
            actor.request_end(Exceeded { limit: Limit::Lifetime, used: ms, max: ms }.exception("the actor is too old"));
        }
    }
}
