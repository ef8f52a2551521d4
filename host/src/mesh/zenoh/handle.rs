//! A node's handle of the engine: what it declares, sends, hears, and how it leaves.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::Duration;

use ::zenoh::Wait;
use ::zenoh::internal::runtime::ZRuntime;
use ::zenoh::pubsub::Publisher;
use ::zenoh::qos::{CongestionControl, Priority};
use ::zenoh::query::{ConsolidationMode, Query, QueryTarget};
use ::zenoh::sample::{Sample, SampleKind};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::keys::{self, Id};
use super::mender::{LINKING, Mender};
use super::presences::Peer;
use super::{Declared, OpenError, Shared, Zenoh};
use crate::address::Place;
use crate::lock::lock;
use crate::mesh::engine::{ConnectError, Engine, Gone, Presence};
use crate::node::uplink::Boxed;

/// How long peers that are told of our end may take to hear it, all together.
const GOODBYES: Duration = Duration::from_secs(1);

/// How long the engine may take to end.
const CLOSING: Duration = Duration::from_secs(3);

/// How often it is looked whether the engine has left its address.
const RELEASING: Duration = Duration::from_millis(10);

/// How often all peers are asked whom they know: whom the engine's gossip has missed, or could not link, is found so.
const GOSSIP: Duration = Duration::from_secs(30);

/// How often it is asked whether our own name has become free, and how long an answer may take.
const ASKING: Duration = Duration::from_millis(200);

/// Goodbyes and questions of peers that wait to be answered. One more is not answered.
const CHORES_MAX: usize = 1024;

/// What the engine's threads leave to others: they must not send, nor drop what sends.
enum Chore {
    /// This peer has left, and waits until it knows that we heard it.
    Goodbye(Arc<Peer>),
    /// This peer is lost.
    Drop(Arc<Peer>),
    Holder(Query),
}

impl Zenoh {
    /// Declares what others may see, but for the token: inbox first, so that whoever sees the token can send.
    pub(super) fn declare(&self) -> Result<(), ::zenoh::Error> {
        let shared = &self.shared;
        let (chores, work) = mpsc::channel(CHORES_MAX);
        let lanes = shared.session.declare_subscriber(keys::lanes(shared.id)).callback({
            let (zenoh, chores) = (self.parts(), chores.clone());
            move |sample| zenoh.packet(&sample, &chores)
        });
        let holders = shared.session.declare_queryable(keys::HOLDERS).callback({
            let chores = chores.clone();
            // Who asks once too often asks again.
            move |query| _ = chores.try_send(Chore::Holder(query))
        });
        let tokens = shared.session.liveliness().declare_subscriber(keys::TOKENS).history(true).callback({
            let zenoh = self.parts();
            move |sample| zenoh.token(&sample, &chores)
        });
        let declared =
            Declared { token: None, _lanes: lanes.wait()?, _holders: holders.wait()?, _tokens: tokens.wait()? };
        *lock(&shared.declared) = Some(declared);
        let chores = ZRuntime::Application.spawn(chores_done(Arc::clone(shared), work));
        lock(&shared.tasks).push(chores.abort_handle());
        Ok(())
    }

    /// Takes the name, if nobody has it: then the token is there and the inbox is told. Who was killed may have it until
    /// its lease is over.
    pub(super) async fn settle(&self, lease: Duration) -> Result<(), OpenError> {
        let shared = &self.shared;
        let until = Instant::now() + lease + Duration::from_secs(1);
        while shared.presences.is_taken() || !shared.ask(&keys::holder(&shared.me.place)).await.is_empty() {
            if Instant::now() >= until {
                return Err(OpenError::NameTaken(shared.me.place.clone()));
            }
            tokio::time::sleep(ASKING).await;
        }
        let token = shared.session.liveliness().declare_token(keys::token(&shared.me)).await;
        let token = token.map_err(|why| OpenError::Engine(why.to_string()))?;
        if let Some(declared) = &mut *lock(&shared.declared) {
            declared.token = Some(token);
        }
        shared.presences.begin();
        let tending = ZRuntime::Application.spawn(Arc::clone(&self.mender).run());
        let gossip = ZRuntime::Application.spawn(gossip(Arc::clone(shared), Arc::clone(&self.mender)));
        lock(&shared.tasks).extend([tending.abort_handle(), gossip.abort_handle()]);
        Ok(())
    }

    fn parts(&self) -> Ears {
        Ears { presences: Arc::clone(&self.shared.presences), mender: Arc::clone(&self.mender) }
    }

    /// Undoes what a node that could not join has done.
    pub(super) async fn undo(&self) {
        if !self.closed.swap(true, Ordering::SeqCst) {
            self.shared.end(self.shared.presences.close()).await;
        }
    }
}

impl Engine for Zenoh {
    fn send(&self, to: &Presence, packet: Vec<u8>) -> Result<(), Gone> {
        let peer = self.shared.presences.peer(Id::of(to)).ok_or(Gone)?;
        let lane = self.shared.lane(&peer).ok_or(Gone)?;
        lane.put(packet).wait().map_err(|_| Gone)
    }

    fn connect(&self, place: &Place) -> Boxed<'_, Result<Place, ConnectError>> {
        let (place, mender) = (place.clone(), Arc::clone(&self.mender));
        let presences = Arc::clone(&self.shared.presences);
        mender.seed(&place);
        // A task of its own: a dial must not be dropped half way, and whoever asks may be on any executor.
        let dialling = ZRuntime::Application.spawn(async move {
            let presence = mender.dial(&place, LINKING).await?;
            let why = match presences.peer(Id::of(&presence)) {
                Some(_) => return Ok(presence.place),
                None if presence == presences.me => "it is this node itself".to_owned(),
                None => format!("another node has the name {}", presence.place),
            };
            Err(ConnectError::Unreachable { place, why })
        });
        Box::pin(async move { dialling.await.expect("nobody aborts it, and it does not panic") })
    }

    fn close(&self) {
        if self.closed.swap(true, Ordering::SeqCst) {
            return;
        }
        let (peers, shared) = (self.shared.presences.close(), Arc::clone(&self.shared));
        let (done, wait) = std_mpsc::channel();
        ZRuntime::Application.spawn(async move {
            shared.end(peers).await;
            _ = done.send(());
        });
        // If the engine hangs, the node still ends.
        _ = wait.recv_timeout(GOODBYES + 3 * CLOSING);
    }
}

impl Drop for Zenoh {
    fn drop(&mut self) {
        let owned = self.owned.take();
        let closed = self.closed.load(Ordering::SeqCst);
        // Not waited for: this may run inside async.
        ZRuntime::Application.spawn(async move {
            if let Some(owned) = owned.as_ref().filter(|_| !closed) {
                owned.shared.end(owned.shared.presences.close()).await;
            }
        });
    }
}

/// What the engine's callbacks hold: no session, or none would ever end.
struct Ears {
    presences: Arc<super::Presences>,
    mender: Arc<Mender>,
}

impl Ears {
    fn packet(&self, sample: &Sample, chores: &mpsc::Sender<Chore>) {
        let Some(from) = keys::lane_from(sample.key_expr().as_str()) else { return };
        if sample.kind() == SampleKind::Put {
            return self.presences.packet(from, &sample.payload().to_bytes());
        }
        // A deletion is the last in a lane: its node leaves.
        if let Some(peer) = self.presences.departed(from, "it left") {
            self.mender.left(&peer.presence.place);
            // If too many leave at once, some wait for their second in vain.
            _ = chores.try_send(Chore::Goodbye(peer));
        }
    }

    fn token(&self, sample: &Sample, chores: &mpsc::Sender<Chore>) {
        let Some(presence) = keys::token_of(sample.key_expr().as_str()) else { return };
        if sample.kind() == SampleKind::Put {
            self.mender.heard(&presence);
            return self.presences.arrived(presence);
        }
        if let Some(peer) = self.presences.departed(Id::of(&presence), "the link to it broke") {
            // Without room it is dropped here, which the engine allows, if not gladly.
            _ = chores.try_send(Chore::Drop(peer));
        }
    }
}

impl Shared {
    fn lane<'a>(&self, peer: &'a Peer) -> Option<&'a Publisher<'static>> {
        if peer.lane.get().is_none() {
            let lane = self.session.declare_publisher(keys::lane(peer.id, self.id));
            // One priority for all: others would overtake. Blocks while there is no room.
            let lane = lane.congestion_control(CongestionControl::Block).priority(Priority::Data).wait().ok()?;
            // Two threads may have made one; the second is dropped.
            _ = peer.lane.set(lane);
        }
        peer.lane.get()
    }

    /// Asks all peers who has that name, or, for [`keys::HOLDERS`], whom they know.
    pub(super) async fn ask(&self, key: &str) -> Vec<Presence> {
        let question = self.session.get(key).target(QueryTarget::All);
        let question = question.consolidation(ConsolidationMode::None).timeout(ASKING * 5);
        // Not behind what a peer does not take, and rather not at all than to wait for room.
        let question = question.congestion_control(CongestionControl::Drop).priority(Priority::InteractiveHigh);
        let Ok(answers) = question.await else { return Vec::new() };
        let mut holders = Vec::new();
        while let Ok(answer) = answers.recv_async().await {
            let Ok(sample) = answer.into_result() else { continue };
            let incarnation = sample.payload().to_bytes().as_ref().try_into().map(u64::from_be_bytes);
            if let (Some(place), Ok(incarnation)) = (keys::holder_of(sample.key_expr().as_str()), incarnation) {
                holders.push(Presence { place, incarnation });
            }
        }
        holders
    }

    /// Says goodbye in every lane, behind all that was sent, and waits a moment until all have heard it.
    async fn end(self: &Arc<Shared>, peers: Vec<Arc<Peer>>) {
        let until = Instant::now() + GOODBYES + CLOSING;
        let mut changes = self.presences.changes();
        let mut goodbyes = JoinSet::new();
        for peer in peers.clone() {
            let shared = Arc::clone(self);
            goodbyes.spawn_blocking(move || shared.goodbye(&peer));
        }
        let heard = async {
            while peers.iter().any(|peer| self.presences.is_here(&peer.presence)) && changes.changed().await.is_ok() {}
        };
        _ = timeout(GOODBYES, heard).await;
        // What still waits for room in its lane ends when the engine does.
        goodbyes.detach_all();
        lock(&self.tasks).drain(..).for_each(|task| task.abort());
        let declared = lock(&self.declared).take();
        if let Some(Declared { token: Some(token), .. }) = declared {
            _ = timeout(CLOSING, async { token.undeclare().await }).await;
        }
        _ = timeout(CLOSING, async { self.session.close().await }).await;
        _ = timeout(CLOSING, async { self.runtime.close().await }).await;
        // Its last words keep the socket for a moment; who is started again at once wants the address.
        while tokio::net::UdpSocket::bind(&self.listen).await.is_err() && Instant::now() < until {
            tokio::time::sleep(RELEASING).await;
        }
    }

    fn goodbye(&self, peer: &Peer) {
        // If it cannot be said, the link breaks in a moment, and says it.
        _ = self.lane(peer).map(|lane| lane.delete().wait());
    }
}

/// Looks also for those whom only peers know.
async fn gossip(shared: Arc<Shared>, mender: Arc<Mender>) {
    let mut times = tokio::time::interval(GOSSIP);
    loop {
        times.tick().await;
        for presence in shared.ask(keys::HOLDERS).await {
            mender.rumour(&presence);
        }
    }
}

/// Answers peers, on threads that may wait.
async fn chores_done(shared: Arc<Shared>, mut work: mpsc::Receiver<Chore>) {
    while let Some(chore) = work.recv().await {
        let shared = Arc::clone(&shared);
        tokio::task::spawn_blocking(move || match chore {
            Chore::Goodbye(peer) => shared.goodbye(&peer),
            Chore::Drop(peer) => drop(peer),
            Chore::Holder(query) => {
                let holders = match keys::holder_of(query.key_expr().as_str()) {
                    Some(place) => shared.presences.holder(&place).into_iter().collect(),
                    None => shared.presences.holders(),
                };
                for holder in holders {
                    // Who asks and is gone needs no answer.
                    _ = query.reply(keys::holder(&holder.place), holder.incarnation.to_be_bytes()).wait();
                }
            }
        });
    }
}
