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
use crate::mailbox::links::{Bounds as LinkBounds, Links, Reaction, Standing, Watched};
use crate::mailbox::{Mailbox, NotAdopted};
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

/// Who spawns an actor.
#[derive(Clone, Copy)]
pub(crate) enum Parent<'a> {
    /// The embedding program, or the command line.
    Program,
    Here(&'a Arc<Mailbox>),
    There(&'a Elsewhere<'a>),
}

/// Somebody on another node who spawns an actor here.
pub(crate) struct Elsewhere<'a> {
    /// The spawner and its ancestors, the nearest first.
    pub ancestors: Box<[Party]>,
    /// What limits all that its node has started here.
    pub level: Arc<Level>,
    /// What all that its node has started here may do.
    pub grants: Arc<Grants>,
    /// Called when all that the spawner is to know stands, before the actor does anything.
    pub entered: &'a dyn Fn(Id),
}

impl<'a> Parent<'a> {
    pub(crate) fn of(parent: Option<&'a Arc<Mailbox>>) -> Parent<'a> {
        parent.map_or(Parent::Program, Parent::Here)
    }

    fn here(self) -> Option<&'a Arc<Mailbox>> {
        match self {
            Parent::Here(parent) => Some(parent),
            Parent::Program | Parent::There(_) => None,
        }
    }

    /// What it may do; none: everything.
    pub(crate) fn grants(self) -> Option<&'a Arc<Grants>> {
        match self {
            Parent::Program => None,
            Parent::Here(parent) => Some(parent.grants()),
            Parent::There(elsewhere) => Some(&elsewhere.grants),
        }
    }

    /// What limits it; none: the node.
    pub(crate) fn level(self) -> Option<&'a Arc<Level>> {
        match self {
            Parent::Program => None,
            Parent::Here(parent) => Some(parent.level()),
            Parent::There(elsewhere) => Some(&elsewhere.level),
        }
    }

    /// The actor that it is, if it is one.
    fn party(self) -> Option<Party> {
        match self {
            Parent::Program => None,
            Parent::Here(parent) => Some(Party::here(parent.id())),
            Parent::There(elsewhere) => elsewhere.ancestors.first().filter(|party| !party.is_operator()).cloned(),
        }
    }
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
        parent: Parent<'_>,
        options: &SpawnOptions,
        brings: Brings<'_>,
    ) -> Result<Arc<Mailbox>, Refusal> {
        let party = parent.party();
        options.check(party.is_some())?;
        if let (Some(name), Some(grants)) = (&options.name, parent.grants()) {
            grants.permit(&Grant::Names, || format!("cannot give an actor the name `{name}`"))?;
        }
        let id = Id::random();
        let ancestors = self.ancestors(parent)?;
        let above = parent.level().unwrap_or(&self.root);
        let level = self.level(above, !matches!(parent, Parent::Program), ancestors.len(), options, brings.module)?;
        level.may_be_below(ancestors.len()).map_err(|full| full.refusal("cannot spawn"))?;
        let seat = Seat::take(parent.here().map(|parent| &**parent), &level)?;
        // One from elsewhere was counted when it was asked for: a storm of them shall cost no more than that.
        if !matches!(parent, Parent::There(_)) {
            above.may_spawn(self.clock.monotonic()).map_err(|full| full.refusal("cannot spawn"))?;
        }
        let links = self.links_of_child(id, party.as_ref(), &level, options)?;
        let number = self.spawned.fetch_add(1, Ordering::Relaxed);
        let child = Arc::new(Mailbox::new(id, number, ancestors, brings.grants, level.clone(), links));
        // Given back when the mailbox is closed, or dropped because the spawn is refused.
        child.take_memory(brings.bytes).map_err(|full| full.refusal("cannot spawn"))?;
        if options.awaited {
            child.is_awaited_by_its_spawner();
        }
        if let Parent::Here(parent) = parent {
            self.adopt(parent, &Party::here(id), options).map_err(not_adopted)?;
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
            if let Parent::Here(parent) = parent {
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
        self.events
            .tell(|| Event::Spawned { actor: self.address(id), parent: party.map(|party| party.address(&self.place)) });
        if let Parent::There(elsewhere) = parent {
            (elsewhere.entered)(id);
        }
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
        parent: Option<&Party>,
        level: &Level,
        options: &SpawnOptions,
    ) -> Result<Links, Refusal> {
        let mut links = Links::default();
        links.trap_exits(options.trap_exit);
        let Some(parent) = parent else { return Ok(links) };
        let bounds = LinkBounds::of(level);
        if options.link {
            links.link_by_spawn(parent.clone(), bounds).map_err(|full| limit(&full))?;
        }
        if options.monitor {
            let standing = Standing { here: &self.place, descends: true, bounds };
            let reaction = links.react(Some(parent), Signal::Monitor(Reference::Child(child)), standing);
            debug_assert_eq!(reaction, Reaction::Nothing, "the first monitor of all is taken");
        }
        Ok(links)
    }

    /// The parent's side of link and monitor with a child, on any node.
    pub(super) fn adopt(&self, parent: &Mailbox, child: &Party, options: &SpawnOptions) -> Result<(), NotAdopted> {
        if !options.link && !options.monitor {
            return Ok(());
        }
        let address = || child.address(&self.place).to_string().into();
        let watched = options.monitor.then(|| Watched { target: child.clone(), address: address() });
        parent.adopt(child, options.link, watched)
    }

    /// An actor's spawner, and those of its ancestors that live.
    pub(super) fn ancestors(&self, parent: Parent<'_>) -> Result<Box<[Party]>, Refusal> {
        let ancestors: Box<[Party]> = match parent {
            Parent::Program => Box::default(),
            Parent::Here(parent) => {
                let lives = |ancestor: &&Party| ancestor.place.is_some() || self.table.find(ancestor.id).is_some();
                let living = parent.ancestors().iter().filter(lives).cloned();
                std::iter::once(Party::here(parent.id())).chain(living).collect()
            }
            Parent::There(elsewhere) => elsewhere.ancestors.clone(),
        };
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
        let parent = actor.parent().filter(|parent| parent.place.is_none());
        let parent = parent.and_then(|parent| self.table.find(parent.id));
        if actor.leaves_its_seat() {
            actor.level().give_back(Limit::Actors, 1);
            parent.iter().for_each(|parent| parent.child_goes());
        }
    }
}

/// Why a spawn whose child did not get its ties is refused.
pub(super) fn not_adopted(why: NotAdopted) -> Refusal {
    match why {
        NotAdopted::Closed => Refusal::new(RefusalKind::Stopping, "cannot spawn: the spawner has ended"),
        NotAdopted::Limit(full) => full.refusal("cannot spawn"),
        NotAdopted::Full(full) => limit(&full),
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
