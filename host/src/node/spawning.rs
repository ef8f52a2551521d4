//! Spawns between nodes: what one node asks another to start, and what is known of it there and here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::enter::{Parent, not_adopted};
use super::uplink::{Answer, Boxed, Question};
use super::{Kernel, questions};
use crate::address::{Id, Place};
use crate::level::{Author, Level};
use crate::limits::Limits;
use crate::lock::lock;
use crate::mailbox::{Mailbox, NotAdopted};
use crate::message::Message;
use crate::module_hash::ModuleHash;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Party, Signal, To};
use crate::spawn_options::SpawnOptions;

/// A module, as one node tells another of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Travels {
    pub hash: ModuleHash,
    pub bytes: u64,
    /// What its actors are called by there, for people.
    pub name: Box<str>,
}

/// What one node asks another to start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SpawnRequest {
    /// The module that the entry, if it is a bare one, and those of its children are of.
    pub module: Option<Travels>,
    /// An entry of that module, or one of the node's own, `greenroom/entry`.
    pub entry: Box<str>,
    pub args: Message,
    pub options: SpawnOptions,
    /// The spawner, and those of its ancestors that live; the nearest first. As the node sees them that has them here.
    pub ancestors: Box<[Party]>,
}

/// Starts an actor that everything is ready for. Called while no other word of that peer is taken in; what it is given is
/// called with the actor's ID when everything stands, before the actor does anything.
pub(crate) type Starts = Box<dyn FnOnce(&dyn Fn(Id)) -> Result<(), Refusal> + Send>;

/// How many bytes of a module are asked for at once: few, so that nobody waits long for what comes between.
pub(crate) const CHUNK_BYTES: usize = 8 << 10;

/// What runs actors on this node, for the peers.
pub(crate) trait Host: Send + Sync {
    /// Gets ready what a peer wants to be started, as far as this node's owner permits it: fetches the module, and compiles
    /// it.
    ///
    /// # Errors
    ///
    /// Why it is not started.
    fn prepare(self: Arc<Self>, peer: Place, request: SpawnRequest) -> Boxed<'static, Result<Starts, Refusal>>;

    /// A module's bytes, if it is here.
    fn module(&self, hash: &ModuleHash) -> Option<Bytes>;
}

/// What the kernel keeps for spawns between nodes.
#[derive(Default)]
pub(super) struct Spawning {
    host: OnceLock<Weak<dyn Host>>,
    levels: Mutex<HashMap<Place, Arc<Level>>>,
    /// What this node's operator has spawned on others, the oldest first.
    operators: Mutex<VecDeque<(Id, Place)>>,
}

/// How many nodes that have started something here are remembered beyond their last actor.
const LEVELS_MAX: usize = 1024;

/// How many actors of other nodes the operator of this one can end: as many as there are outcomes to be read.
const OPERATORS_MAX: usize = 4096;

impl Kernel {
    /// Who starts actors for peers. Before any peer is there.
    pub(crate) fn hosted_by(&self, host: Weak<dyn Host>) {
        _ = self.spawning.host.set(host);
    }

    pub(super) fn host(&self) -> Result<Arc<dyn Host>, Refusal> {
        let host = self.spawning.host.get().and_then(Weak::upgrade);
        host.ok_or_else(|| Refusal::new(RefusalKind::Stopping, format!("{} is not up", self.place)))
    }

    /// Starts an actor on another node, as a child of `parent`; without one it is the operator's. Who its ancestors are is
    /// known here. When this answers, address, name, link and monitor stand.
    ///
    /// Dropped before, it leaves no actor: one that is started there all the same is killed when word of it comes. Only what a
    /// parent that has ended wanted without a link lives on.
    ///
    /// # Errors
    ///
    /// `not-connected`, also if the node is lost before it has answered; `limit`; else what that node says.
    pub(crate) async fn spawn_there(
        self: &Arc<Self>,
        parent: Option<&Arc<Mailbox>>,
        place: &Place,
        mut request: SpawnRequest,
    ) -> Result<Id, Refusal> {
        request.options.check(parent.is_some())?;
        request.ancestors = match parent {
            Some(_) => self.ancestors(Parent::of(parent))?,
            None => Box::new([Party::here(Id::OPERATOR)]),
        };
        let level = parent.map_or(&self.root, |parent| parent.level());
        level.may_spawn(self.clock.monotonic()).map_err(|full| full.refusal("cannot spawn"))?;
        let SpawnOptions { link, monitor, .. } = request.options;
        let ties = SpawnOptions { link, monitor, ..SpawnOptions::default() };
        let (parent, kernel, at) = (parent.map(|parent| parent.id()), Arc::downgrade(self), place.clone());
        let (tell, told) = oneshot::channel();
        let answered = Box::new(move |answer| {
            if let Some(kernel) = kernel.upgrade() {
                kernel.spawned_there(parent, at, &ties, answer, tell);
            }
        });
        self.uplink.ask_then(place, parent, Question::Spawn(Box::new(request)), answered)?;
        let mut pending = Pending { kernel: self, parent, place, told };
        match (&mut pending.told).await {
            Ok(answer) => answer,
            Err(_) => Err(questions::lost(place, "had started the actor")),
        }
    }

    /// A peer has answered a spawn: before it says anything more of that actor, its ties stand here too.
    fn spawned_there(
        &self,
        parent: Option<Id>,
        place: Place,
        ties: &SpawnOptions,
        answer: Answer,
        tell: oneshot::Sender<Result<Id, Refusal>>,
    ) {
        let id = match answer {
            Answer::Spawned(id) => id,
            other => {
                // Nobody may be left who waits.
                _ = tell.send(Err(questions::refused(&place, other)));
                return;
            }
        };
        let child = Party::there(id, place.clone());
        let adopted = match parent {
            None => Ok(()),
            Some(parent) => match self.table.find(parent) {
                Some(parent) => self.adopt(&parent, &child, ties),
                None => Err(NotAdopted::Closed),
            },
        };
        let answer = match adopted {
            Ok(()) => Ok(id),
            // It lives on, as a child outlives its parent, unless it was to hear of the parent's end.
            Err(NotAdopted::Closed) if !ties.link => return,
            Err(why) => Err(not_adopted(why)),
        };
        if parent.is_none() {
            let mut operators = lock(&self.spawning.operators);
            if operators.len() >= OPERATORS_MAX {
                operators.pop_front();
            }
            operators.push_back((id, place.clone()));
        }
        let is_refused = answer.is_err();
        let is_read = tell.send(answer).is_ok();
        if is_refused {
            self.kill_there(parent, id, &place);
        } else if !is_read {
            self.unwanted(parent, id, &place);
        }
    }

    /// Nobody has read that an actor was spawned there. Whoever wanted it and lives has given it up; whose spawner has ended
    /// meanwhile lives on, or hears of that end.
    fn unwanted(&self, parent: Option<Id>, child: Id, place: &Place) {
        if parent.is_none_or(|parent| self.table.find(parent).is_some()) {
            self.kill_there(parent, child, place);
        }
    }

    /// Ends an actor of a peer's that was spawned from here and that nobody knows.
    fn kill_there(&self, parent: Option<Id>, child: Id, place: &Place) {
        // Lost with its node, or else on its way.
        _ = self.uplink.carry(place, &To::Id(child), Envelope { from: parent, signal: Signal::Kill });
    }

    /// Whether the operator of this node has spawned that actor of another one.
    pub(super) fn is_the_operator_s(&self, actor: Id) -> bool {
        lock(&self.spawning.operators).iter().any(|(id, _)| *id == actor)
    }

    /// What limits all together that a peer has started here.
    pub(crate) fn level_of_peer(&self, peer: &Place, limits: &Limits) -> Result<Arc<Level>, Refusal> {
        let mut levels = lock(&self.spawning.levels);
        if let Some(level) = levels.get(peer) {
            return Ok(level.clone());
        }
        if levels.len() >= LEVELS_MAX {
            levels.retain(|_, level| Arc::strong_count(level) > 1);
        }
        if levels.len() >= LEVELS_MAX {
            let message = format!("cannot spawn: {LEVELS_MAX} other nodes have actors here");
            return Err(Refusal::at_limit("nodes", LEVELS_MAX, message));
        }
        let level = self.root.below(limits, Author::Operator, 0)?;
        levels.insert(peer.clone(), level.clone());
        Ok(level)
    }

    /// A request of a peer's, with its ancestors as this node knows them: whoever the peer says they are, the spawner is one
    /// of its own actors, or its operator.
    pub(super) fn as_seen_here(&self, peer: &Place, from: Option<Id>, request: SpawnRequest) -> SpawnRequest {
        let seen = |party: &Party| match &party.place {
            None => Party::there(party.id, peer.clone()),
            Some(place) if *place == self.place => Party::here(party.id),
            Some(_) => party.clone(),
        };
        let spawner = Party::there(from.unwrap_or(Id::OPERATOR), peer.clone());
        let ancestors = std::iter::once(spawner).chain(request.ancestors.iter().skip(1).map(seen)).collect();
        SpawnRequest { ancestors, ..request }
    }

    /// Some bytes of a module, from a peer that has it.
    ///
    /// # Errors
    ///
    /// `not-connected`; `no-such-module`.
    pub(crate) fn chunk_there(
        &self,
        peer: &Place,
        module: ModuleHash,
        at: u64,
    ) -> Result<impl Future<Output = Result<Bytes, Refusal>> + Send + use<>, Refusal> {
        let (asking, peer) = (self.uplink.ask(peer, None, Question::Chunk(module, at))?, peer.clone());
        Ok(async move {
            match asking.await {
                Some(Answer::Bytes(bytes)) => Ok(bytes),
                Some(other) => Err(questions::refused(&peer, other)),
                None => Err(questions::lost(&peer, "had sent all of the module")),
            }
        })
    }

    /// Some bytes of a module, for a peer.
    pub(super) fn chunk(&self, module: ModuleHash, at: u64) -> Result<Answer, Refusal> {
        let bytes = self
            .host()?
            .module(&module)
            .ok_or_else(|| Refusal::new(RefusalKind::NoSuchModule, format!("{} has no module {module}", self.place)))?;
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        Ok(Answer::Bytes(bytes.slice(at..bytes.len().min(at + CHUNK_BYTES))))
    }
}

/// A spawn on its way. Dropped by somebody who lives, it leaves no actor.
struct Pending<'a> {
    kernel: &'a Kernel,
    parent: Option<Id>,
    place: &'a Place,
    told: oneshot::Receiver<Result<Id, Refusal>>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.told.close();
        // Told, and not read: nobody knows that actor.
        if let Ok(Ok(id)) = self.told.try_recv() {
            self.kernel.unwanted(self.parent, id, self.place);
        }
    }
}
