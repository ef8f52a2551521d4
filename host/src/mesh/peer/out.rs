//! What leaves for one peer: the next packet, and when.

mod memberships;
mod waiting;

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::lock::lock;
use crate::mesh::outbox::{Kind, Lost, Outbox, Pair, WINDOW_BYTES, WINDOW_CHUNKS};
use crate::mesh::packet::{Broken, CHUNK_BYTES, Epochs, Head, VERSION};
use crate::node::uplink::{Answer, Then};
use crate::signal::To;
use memberships::Memberships;

/// The half of a connection that sends.
pub(super) struct Outgoing {
    state: Mutex<State>,
    /// The writer's.
    wake: Condvar,
    /// Told when there is room for what is never refused, and when nothing is left.
    short: Notify,
}

struct State {
    outbox: Outbox,
    /// This end's number for the connection.
    mine: u64,
    /// The other end's; none: there is no connection yet.
    theirs: Option<u64>,
    /// The other end has said this end's number, or used it.
    confirmed: bool,
    /// When to say this end's number again.
    hello_at: Option<Instant>,
    /// The next packet's number.
    next: u64,
    /// The last packet that was taken in.
    taken: u64,
    /// The last that the peer was told of.
    told: u64,
    /// What was taken in since the peer was told of it.
    untold: Untold,
    tell_at: Option<Instant>,
    /// When to ask, with an empty packet, for word of those on their way: if the last of them was lost, only a later one
    /// shows it.
    beat_at: Instant,
    /// Receivers there that take no message now, and who waits for room.
    busy: HashMap<To, Vec<oneshot::Sender<()>>>,
    asked: HashMap<u64, Then>,
    /// What the peer is to be told of groups. None: it was told nothing yet.
    memberships: Option<Memberships>,
    /// The peer knows of groups, and of spawns.
    has_groups: bool,
    next_question: u64,
    ended: bool,
    /// The writer waits.
    sleeps: bool,
}

#[derive(Default)]
struct Untold {
    chunks: usize,
    bytes: usize,
}

/// Why something was not put on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mesh) enum NotSent {
    NotConnected,
    /// The receiver takes no message now.
    Busy,
    /// The link takes no more now.
    Full,
    /// The peer's version has no word for it.
    TooOld,
}

/// How long word of what was taken in may wait for a packet that goes anyway.
const TELL_AFTER: Duration = Duration::from_millis(20);

/// How long packets may be on their way before one more asks for them.
const BEAT: Duration = Duration::from_secs(1);

/// How long a hello waits for its answer before it is said again.
const HELLO_AGAIN: Duration = Duration::from_millis(500);

/// How many receivers of a peer may be busy: as many as there is room to remember. Word of one more is not kept, and its
/// senders hear it when it refuses the next message.
const BUSY_MAX: usize = 16 << 10;

/// How many questions may wait for a peer's answer.
pub(super) const QUESTIONS_MAX: usize = 4096;

impl Outgoing {
    pub(super) fn new(mine: u64) -> Outgoing {
        let now = Instant::now();
        let state = State {
            outbox: Outbox::default(),
            mine,
            theirs: None,
            confirmed: false,
            hello_at: Some(now),
            next: 1,
            taken: 0,
            told: 0,
            untold: Untold::default(),
            tell_at: None,
            beat_at: now,
            busy: HashMap::new(),
            asked: HashMap::new(),
            memberships: None,
            has_groups: false,
            next_question: 0,
            ended: false,
            sleeps: false,
        };
        Outgoing { state: Mutex::new(state), wake: Condvar::new(), short: Notify::new() }
    }

    /// Puts a frame on its way. `to` is whom a message is for.
    pub(super) fn push(&self, pair: Pair, frame: Vec<u8>, kind: Kind) -> Result<(), NotSent> {
        let mut state = self.connected()?;
        if let (Kind::Message(_), Some(to)) = (kind, &pair.to)
            && state.busy.contains_key(to)
        {
            return Err(NotSent::Busy);
        }
        state.outbox.push(pair, frame, kind).map_err(|_| NotSent::Full)?;
        self.wake(state);
        Ok(())
    }

    /// Puts a question on its way; `frame` is told its number. Answers it. `then` is called without the lock.
    pub(super) fn ask(
        &self,
        pair: Pair,
        kind: Kind,
        then: Then,
        frame: impl FnOnce(u64) -> Vec<u8>,
    ) -> Result<u64, NotSent> {
        let mut state = self.connected()?;
        if state.asked.len() >= QUESTIONS_MAX {
            return Err(NotSent::Full);
        }
        let number = state.next_question;
        state.outbox.push(pair, frame(number), kind).map_err(|_| NotSent::Full)?;
        state.next_question += 1;
        state.asked.insert(number, then);
        self.wake(state);
        Ok(number)
    }

    /// Nobody waits for an answer any more. True: it had not come, and the peer must hear of that.
    pub(super) fn forget(&self, question: u64) -> bool {
        lock(&self.state).asked.remove(&question).is_some()
    }

    pub(super) fn answered(&self, question: u64, answer: Answer) {
        let then = lock(&self.state).asked.remove(&question);
        if let Some(then) = then {
            then(answer);
        }
    }

    pub(super) fn busy(&self, to: To) {
        let mut state = lock(&self.state);
        if state.busy.len() < BUSY_MAX {
            state.busy.entry(to).or_default();
        }
    }

    pub(super) fn room(&self, to: &To) {
        // Dropped, they are told.
        lock(&self.state).busy.remove(to);
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected().is_ok()
    }

    /// Whether the peer is known to be connected too.
    pub(super) fn is_confirmed(&self) -> bool {
        self.connected().is_ok_and(|state| state.confirmed)
    }

    fn connected(&self) -> Result<MutexGuard<'_, State>, NotSent> {
        let state = lock(&self.state);
        if state.ended || state.theirs.is_none() { Err(NotSent::NotConnected) } else { Ok(state) }
    }

    /// There is a connection from now on. `say`: the peer does not know this end's number.
    pub(super) fn connect(&self, theirs: u64, say: bool) {
        let mut state = lock(&self.state);
        state.theirs = Some(theirs);
        state.confirmed = !say;
        state.hello_at = say.then(Instant::now);
        state.begin();
        // Said this end's number, the peer waits for word that it is right.
        state.tell_at = (!say).then(Instant::now);
        self.wake(state);
    }

    /// There is no connection any more. Answers the messages that are lost with it; all who wait for something are told.
    pub(super) fn disconnect(&self) -> Vec<Lost> {
        let mut state = lock(&self.state);
        state.theirs = None;
        state.begin();
        let lost = state.outbox.lose();
        let (busy, asked) = (std::mem::take(&mut state.busy), std::mem::take(&mut state.asked));
        drop(state);
        drop((busy, asked));
        self.short.notify_waiters();
        lost
    }

    /// This end begins a new connection with this number, after some time.
    pub(super) fn renew(&self, mine: u64, after: Duration) {
        let mut state = lock(&self.state);
        state.mine = mine;
        state.confirmed = false;
        state.hello_at = Some(Instant::now() + after);
        self.wake(state);
    }

    /// The peer says this end's number, and waits for word that it is right.
    pub(super) fn confirm(&self) -> bool {
        let mut state = lock(&self.state);
        let news = state.confirm();
        state.tell_at = Some(Instant::now());
        self.wake(state);
        news
    }

    /// The peer seems not to know this end's number: it is said again, soon.
    pub(super) fn greet_again(&self, after: Duration) {
        let mut state = lock(&self.state);
        state.confirmed = false;
        let at = Instant::now() + after;
        state.hello_at = Some(state.hello_at.map_or(at, |due| due.min(at)));
        self.wake(state);
    }

    /// The peer knows this end's number, and has taken in all up to this packet. True: the first is new.
    pub(super) fn confirm_taken(&self, number: u64) -> bool {
        let mut state = lock(&self.state);
        let news = state.confirm();
        let (more, idle) = (state.outbox.taken(number), state.outbox.is_idle());
        if more {
            self.wake(state);
        }
        if idle {
            self.short.notify_waiters();
        }
        news
    }

    /// A packet of the peer's was taken in, of which so much needed room. It is an error if the peer knew of less.
    pub(super) fn took(&self, number: u64, chunks: usize, bytes: usize) -> Result<(), Broken> {
        let mut state = lock(&self.state);
        state.taken = number;
        state.untold.chunks += chunks;
        state.untold.bytes += bytes;
        let much = state.untold.chunks >= WINDOW_CHUNKS / 4 || state.untold.bytes >= WINDOW_BYTES / 4;
        // The last chunk may be over the window's end.
        if state.untold.chunks > WINDOW_CHUNKS || state.untold.bytes > WINDOW_BYTES + 2 * CHUNK_BYTES {
            return Err(Broken::Window);
        }
        let wakes = much || state.tell_at.is_none();
        if much {
            state.tell_at = Some(Instant::now());
        } else if state.tell_at.is_none() {
            state.tell_at = Some(Instant::now() + TELL_AFTER);
        }
        if wakes {
            self.wake(state);
        }
        Ok(())
    }

    pub(super) fn end(&self) {
        lock(&self.state).ended = true;
        self.wake.notify_all();
        self.short.notify_waiters();
    }

    fn wake(&self, state: MutexGuard<'_, State>) {
        let sleeps = state.sleeps;
        drop(state);
        if sleeps {
            self.wake.notify_one();
        }
    }

    /// Waits for the next packet. None: it has ended.
    pub(super) fn next(&self) -> Option<Vec<u8>> {
        let mut state = lock(&self.state);
        loop {
            if state.ended {
                return None;
            }
            let now = Instant::now();
            if let Some(packet) = state.packet(now) {
                let short = state.outbox.is_short();
                drop(state);
                if short {
                    self.short.notify_waiters();
                }
                return Some(packet);
            }
            let wait = state.wake_at().map(|at| at.saturating_duration_since(now));
            state.sleeps = true;
            state = match wait {
                Some(wait) => self.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            state.sleeps = false;
        }
    }
}

impl State {
    fn confirm(&mut self) -> bool {
        self.hello_at = None;
        !std::mem::replace(&mut self.confirmed, true)
    }

    /// Packets are counted anew.
    fn begin(&mut self) {
        (self.next, self.taken, self.told) = (1, 0, 0);
        self.untold = Untold::default();
        self.tell_at = None;
        self.memberships = None;
    }

    /// What may leave now.
    fn packet(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.hello_at.is_some_and(|at| at <= now) {
            self.hello_at = (!self.confirmed).then(|| now + HELLO_AGAIN);
            return Some(Head::Hello { version: VERSION, mine: self.mine, yours: self.theirs }.packet());
        }
        let epochs = Epochs { mine: self.mine, yours: self.theirs? };
        self.say_memberships();
        // A peer that takes its answers more slowly than it gives cause for them hears of room when there are fewer.
        let taken = if self.outbox.owes_much() { self.told } else { self.taken };
        let mut packet = Head::Data { epochs, number: self.next, taken }.packet();
        if self.outbox.fill(&mut packet, self.next) {
            self.tell(taken);
        } else {
            // If nothing may leave it is the peer's word that is missing, and each would wait for the other's.
            let beat = self.outbox.awaits() && self.beat_at <= now;
            if !beat && self.tell_at.is_none_or(|at| at > now) {
                return None;
            }
            self.tell(self.taken);
            if !beat {
                return Some(Head::Taken { epochs, taken: self.taken }.packet());
            }
            packet = Head::Data { epochs, number: self.next, taken: self.taken }.packet();
            self.outbox.note_empty(self.next);
        }
        self.next += 1;
        self.beat_at = now + BEAT;
        Some(packet)
    }

    fn tell(&mut self, taken: u64) {
        if taken == self.taken {
            self.untold = Untold::default();
        }
        (self.told, self.tell_at) = (taken, None);
    }

    /// When something may leave though nothing happens until then.
    fn wake_at(&self) -> Option<Instant> {
        let beat = (self.theirs.is_some() && self.outbox.awaits()).then_some(self.beat_at);
        let tell = self.theirs.and(self.tell_at);
        [self.hello_at, tell, beat].into_iter().flatten().min()
    }
}
