//! Who is there: turns what the engine sees, from several threads, into an inbox's ups, packets and downs, in order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant};

use ::zenoh::pubsub::Publisher;
use tokio::sync::watch;

use super::keys::Id;
use crate::address::Place;
use crate::lock::{lock, read, write};
use crate::mesh::engine::{Inbox, Presence};

/// Bytes of packets that wait for the token of their sender, of all senders together.
const WAITING_BYTES_MAX: usize = 8 << 20;

/// How long they wait: a token follows within milliseconds or never.
const WAITING: Duration = Duration::from_secs(10);

/// Tokens that are remembered: four times the links that a node may have. Each is a name, at most 300 bytes.
const TOKENS_MAX: usize = 4096;

/// Locks are taken in this order: the table, one peer's, then whatever the inbox takes. The inbox is called under the
/// peer's lock, since nothing may follow a `down`; so it must never call the engine.
pub(super) struct Presences {
    pub me: Presence,
    inbox: Arc<dyn Inbox>,
    table: Mutex<Table>,
    /// The same as the table's holders, for the path of every packet.
    up: RwLock<HashMap<Id, Arc<Peer>>>,
    changes: watch::Sender<()>,
}

/// A node that can be reached.
pub(super) struct Peer {
    pub presence: Presence,
    pub id: Id,
    /// Where packets to it go; made by the first thread that has one.
    pub lane: OnceLock<Publisher<'static>>,
    /// Whether the inbox may still be told of it.
    told: Mutex<bool>,
}

#[derive(Default)]
struct Table {
    stage: Stage,
    /// Everybody whose token is there, and who did not say that it leaves.
    tokens: HashMap<Id, Presence>,
    /// Who has a name: the first that came with it, until it is gone.
    holders: HashMap<Place, Arc<Peer>>,
    waiting: Waiting,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Stage {
    /// Not yet: whether our own name is free is not known.
    #[default]
    Listening,
    Telling,
    Closed,
}

impl Presences {
    pub fn new(me: Presence, inbox: Arc<dyn Inbox>) -> Presences {
        let (table, up) = (Mutex::default(), RwLock::default());
        Presences { me, inbox, table, up, changes: watch::Sender::new(()) }
    }

    /// A token is there. Who comes with a name that another has waits until that one is gone.
    pub fn arrived(&self, presence: Presence) {
        let id = Id::of(&presence);
        let mut table = lock(&self.table);
        if presence == self.me || table.stage == Stage::Closed || table.tokens.len() >= TOKENS_MAX {
            return;
        }
        table.tokens.insert(id, presence.clone());
        if table.stage == Stage::Telling {
            self.rise(&mut table, id, presence);
        }
        self.changes.send_replace(());
    }

    /// Its token is gone, or it said in its lane that it leaves. Answers the peer if it was one.
    pub fn departed(&self, id: Id, why: &str) -> Option<Arc<Peer>> {
        let mut table = lock(&self.table);
        let presence = table.tokens.remove(&id)?;
        let holds = table.holders.get(&presence.place).is_some_and(|peer| peer.id == id);
        let gone = holds.then(|| table.holders.remove(&presence.place)).flatten();
        if let Some(peer) = &gone {
            write(&self.up).remove(&id);
            peer.tell(|| self.inbox.down(&peer.presence, why), true);
            let heir = table.tokens.iter().find(|(_, other)| other.place == presence.place);
            if let Some((id, heir)) = heir.map(|(id, heir)| (*id, heir.clone())) {
                self.rise(&mut table, id, heir);
            }
        }
        self.changes.send_replace(());
        gone
    }

    /// Begins to tell: our own token is there, so what is sent now can be answered.
    pub fn begin(&self) {
        let mut table = lock(&self.table);
        table.stage = Stage::Telling;
        for (id, presence) in table.tokens.clone() {
            self.rise(&mut table, id, presence);
        }
        self.changes.send_replace(());
    }

    fn rise(&self, table: &mut Table, id: Id, presence: Presence) {
        if presence.place == self.me.place || table.holders.contains_key(&presence.place) {
            return;
        }
        let peer = Arc::new(Peer { presence: presence.clone(), id, lane: OnceLock::new(), told: Mutex::new(true) });
        table.holders.insert(presence.place.clone(), Arc::clone(&peer));
        // Whoever hears `up` can send at once, and what comes meanwhile waits until it was told.
        let _told = lock(&peer.told);
        write(&self.up).insert(id, Arc::clone(&peer));
        self.inbox.up(presence.clone());
        table.waiting.take(id).for_each(|packet| self.inbox.packet(&presence, &packet));
    }

    /// A packet came. One that overtook its sender's token waits for it.
    pub fn packet(&self, from: Id, packet: &[u8]) {
        if let Some(peer) = self.peer(from) {
            peer.tell(|| self.inbox.packet(&peer.presence, packet), false);
            return;
        }
        let mut table = lock(&self.table);
        // Asked again under the lock that `rise` has: it may just have come.
        match self.peer(from) {
            Some(peer) => peer.tell(|| self.inbox.packet(&peer.presence, packet), false),
            None if table.stage != Stage::Closed => table.waiting.put(from, packet, Instant::now()),
            None => {}
        }
    }

    /// Nothing is told any more. Answers who was there.
    pub fn close(&self) -> Vec<Arc<Peer>> {
        let mut table = lock(&self.table);
        table.stage = Stage::Closed;
        table.waiting = Waiting::default();
        table.holders.values().for_each(|peer| peer.tell(|| {}, true));
        table.holders.values().cloned().collect()
    }

    pub fn peer(&self, id: Id) -> Option<Arc<Peer>> {
        read(&self.up).get(&id).cloned()
    }

    /// Whether its token is here. It is up then, unless its name is another's or nothing is told yet.
    pub fn is_here(&self, presence: &Presence) -> bool {
        lock(&self.table).tokens.contains_key(&Id::of(presence))
    }

    /// Who has that name, us included.
    pub fn holder(&self, place: &Place) -> Option<Presence> {
        let table = lock(&self.table);
        match *place == self.me.place {
            true => (table.stage == Stage::Telling).then(|| self.me.clone()),
            false => table.holders.get(place).map(|peer| peer.presence.clone()),
        }
    }

    /// All peers.
    pub fn holders(&self) -> Vec<Presence> {
        lock(&self.table).holders.values().map(|peer| peer.presence.clone()).collect()
    }

    /// Whether somebody else is there with our own name.
    pub fn is_taken(&self) -> bool {
        lock(&self.table).tokens.values().any(|other| other.place == self.me.place)
    }

    /// Changes whenever anybody comes or goes.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

impl Peer {
    /// Tells something of this peer unless the last was told.
    fn tell(&self, what: impl FnOnce(), last: bool) {
        let mut told = lock(&self.told);
        if *told {
            *told = !last;
            what();
        }
    }
}

/// Packets whose sender is not known yet.
#[derive(Default)]
struct Waiting {
    packets: HashMap<Id, Vec<(Instant, Vec<u8>)>>,
    bytes: usize,
}

/// What a packet takes beside its bytes.
const OVERHEAD_BYTES: usize = 64;

impl Waiting {
    fn put(&mut self, from: Id, packet: &[u8], now: Instant) {
        // One that finds no room is a gap in its lane: whoever counts the packets sees it.
        if self.bytes + packet.len() + OVERHEAD_BYTES > WAITING_BYTES_MAX {
            self.drop_older(now);
        }
        if self.bytes + packet.len() + OVERHEAD_BYTES <= WAITING_BYTES_MAX {
            self.bytes += packet.len() + OVERHEAD_BYTES;
            self.packets.entry(from).or_default().push((now, packet.to_vec()));
        }
    }

    fn drop_older(&mut self, now: Instant) {
        self.packets.retain(|_, packets| packets.first().is_some_and(|(since, _)| now - *since < WAITING));
        self.bytes = self.packets.values().flatten().map(|(_, packet)| packet.len() + OVERHEAD_BYTES).sum();
    }

    fn take(&mut self, from: Id) -> impl Iterator<Item = Vec<u8>> + use<> {
        let packets = self.packets.remove(&from).unwrap_or_default();
        self.bytes -= packets.iter().map(|(_, packet)| packet.len() + OVERHEAD_BYTES).sum::<usize>();
        let fresh = packets.first().is_some_and(|(since, _)| since.elapsed() < WAITING);
        packets.into_iter().filter(move |_| fresh).map(|(_, packet)| packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::zenoh::tests::{Heard, Log};

    fn presence(place: &str, incarnation: u64) -> Presence {
        Presence { place: place.parse().unwrap(), incarnation }
    }

    fn presences() -> (Presences, Arc<Log>) {
        let log = Arc::new(Log::default());
        (Presences::new(presence("me:1", 1), log.clone()), log)
    }

    fn packet(from: &Presence, text: &str) -> Heard {
        Heard::Packet(from.clone(), text.into())
    }

    #[test]
    fn packets_that_overtake_their_sender_s_token_follow_its_up() {
        let (presences, log) = presences();
        let peer = presence("a:1", 1);
        presences.packet(Id::of(&peer), b"1");
        presences.arrived(peer.clone());
        presences.packet(Id::of(&peer), b"2");
        assert!(log.take().is_empty(), "nothing is told before the own name is known to be free");
        presences.begin();
        presences.packet(Id::of(&peer), b"3");
        let packets = ["1", "2", "3"].map(|text| packet(&peer, text));
        assert_eq!(log.take(), [vec![Heard::Up(peer)], packets.to_vec()].concat());
    }

    #[test]
    fn nothing_follows_a_down_and_each_is_told_once() {
        let (presences, log) = presences();
        presences.begin();
        let peer = presence("a:1", 1);
        presences.arrived(peer.clone());
        presences.arrived(peer.clone());
        let held = presences.peer(Id::of(&peer)).unwrap();
        assert!(presences.departed(held.id, "why").is_some());
        assert!(presences.departed(held.id, "again").is_none());
        held.tell(|| panic!("told after its end"), false);
        presences.packet(held.id, b"late");
        assert_eq!(log.take(), [Heard::Up(peer.clone()), Heard::Down(peer.clone(), "why".into())]);
        presences.close();
        presences.arrived(peer);
        assert!(log.take().is_empty());
    }

    #[test]
    fn whoever_holds_a_name_keeps_it_until_it_is_gone() {
        let (presences, log) = presences();
        presences.begin();
        let [old, new] = [1, 2].map(|incarnation| presence("a:1", incarnation));
        presences.arrived(old.clone());
        presences.arrived(new.clone());
        presences.packet(Id::of(&new), b"early");
        assert_eq!((log.take(), presences.holder(&old.place)), (vec![Heard::Up(old.clone())], Some(old.clone())));
        presences.departed(Id::of(&old), "lost");
        assert_eq!(log.take(), [Heard::Down(old, "lost".into()), Heard::Up(new.clone()), packet(&new, "early")]);
        presences.arrived(presence("me:1", 9));
        assert!(log.take().is_empty() && presences.is_taken());
    }

    #[test]
    fn what_waits_is_bounded_and_keeps_its_order() {
        let (id, now) = (Id::of(&presence("a:1", 1)), Instant::now());
        let mut waiting = Waiting::default();
        let packet = vec![0; 64 << 10];
        (0..1000).for_each(|_| waiting.put(id, &packet, now));
        assert!(waiting.bytes <= WAITING_BYTES_MAX && waiting.bytes > WAITING_BYTES_MAX - (65 << 10));
        waiting.put(Id::of(&presence("b:1", 1)), &packet, now + WAITING);
        assert_eq!((waiting.packets.len(), waiting.take(id).count()), (1, 0), "the old ones went");
        (0..9).for_each(|n| waiting.put(id, &[n], Instant::now()));
        assert!(waiting.take(id).flatten().eq(0..9));
    }

    #[test]
    fn a_peer_cannot_fill_the_table_with_tokens() {
        let (presences, log) = presences();
        presences.begin();
        (0..TOKENS_MAX as u64 + 10).for_each(|n| presences.arrived(presence("a:1", n)));
        assert_eq!((lock(&presences.table).tokens.len(), log.take().len()), (TOKENS_MAX, 1));
    }
}
