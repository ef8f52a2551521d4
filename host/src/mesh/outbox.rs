//! What waits for one peer, and in which order it leaves: flows that take turns, packets, and the window that bounds what
//! is on its way. Pure: no lock, no clock.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::packet::{CHUNK_BYTES, PACKET_BYTES, PARTS_MAX, put_part, put_whole};
use crate::address::Id;
use crate::signal::To;

/// The two that a flow is between. What one says to the other leaves in order; between flows there is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    /// None: the node itself, or its operator.
    pub from: Option<Id>,
    /// None: the peer itself.
    pub to: Option<To>,
}

/// What one frame is to the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message of so many bytes: it is refused when the queue is full, and counted when it is lost.
    Message(usize),
    /// Refused when the queue is full.
    Refusable,
    /// Refused when twice the queue is full, and needs no room in the window: an order to end. So who floods a link with messages
    /// does not keep a supervisor from its children.
    Order,
    /// Never refused, but waits for room in the window.
    Kept,
    /// Never refused, and needs no room in the window: ends, and what takes back.
    Free,
}

impl Kind {
    /// Whether it needs room in the window. Its receiver counts alike.
    pub(super) fn costs_room(self) -> bool {
        !matches!(self, Kind::Free | Kind::Order)
    }
}

/// How many chunks may be on their way without being taken in by the peer. (4,096 carried nearly twice as much as 1,024 in
/// messages of 64 bytes.)
pub(super) const WINDOW_CHUNKS: usize = 4096;

/// How many bytes may be. As many as a link takes in for a peer that is silent for a moment (1.25 MB, quinn's default for a stream), or
/// the peer's thread would wait in the engine, which then can't end a lost link (`WAIT_FOR_ROOM` in `zenoh/config.rs`).
pub(super) const WINDOW_BYTES: usize = 1 << 20;

/// How many frames wait before messages are refused.
pub(super) const QUEUE_FRAMES: usize = 32 << 10;

/// How many bytes of frames wait before messages are refused. One that is larger is taken when nothing else waits.
pub(super) const QUEUE_BYTES: usize = 8 << 20;

/// What waits for a peer.
#[derive(Default)]
pub(super) struct Outbox {
    flows: Vec<Flow>,
    /// Places in `flows` that are free.
    free: Vec<usize>,
    by_pair: HashMap<Arc<Pair>, usize>,
    /// Flows that may send, in the order of their turns.
    turns: VecDeque<usize>,
    /// Flows whose next frame needs room in the window.
    starved: VecDeque<usize>,
    /// Flows whose next frame is large while as many others are as may be at once.
    held: VecDeque<usize>,
    /// How many large frames are under way.
    parts: usize,
    /// What each sender has waiting, in frames and bytes.
    shares: HashMap<Option<Id>, Amount>,
    waiting: Amount,
    /// How many frames that are never refused wait.
    owed: usize,
    /// Packets that were not taken in yet, the oldest first.
    sent: VecDeque<Sent>,
    on_their_way: Amount,
}

#[derive(Default)]
struct Flow {
    pair: Option<Arc<Pair>>,
    frames: VecDeque<Frame>,
    /// How much of the first frame has left.
    begun: usize,
}

struct Frame {
    bytes: Vec<u8>,
    kind: Kind,
}

/// So many frames or chunks, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Amount {
    count: usize,
    bytes: usize,
}

/// A packet on its way.
struct Sent {
    number: u64,
    costs: Amount,
    messages: Vec<(Arc<Pair>, usize)>,
}

/// A message that will not arrive, or of which nobody knows whether it did.
#[derive(Debug, PartialEq)]
pub(super) struct Lost {
    pub pair: Arc<Pair>,
    pub bytes: usize,
    /// Some of it had left.
    pub unconfirmed: bool,
}

/// The queue takes no more of this sender now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueFull;

impl Outbox {
    /// Puts a frame at the end of its flow.
    pub(super) fn push(&mut self, pair: Pair, bytes: Vec<u8>, kind: Kind) -> Result<(), QueueFull> {
        let has_room = match kind {
            Kind::Message(_) | Kind::Refusable => self.has_room(pair.from, bytes.len(), 1),
            Kind::Order => self.has_room(pair.from, bytes.len(), 2),
            Kind::Kept | Kind::Free => true,
        };
        if !has_room {
            return Err(QueueFull);
        }
        let share = self.shares.entry(pair.from).or_default();
        share.add(bytes.len());
        self.waiting.add(bytes.len());
        self.owed += usize::from(kind == Kind::Free);
        let index = match self.by_pair.get(&pair) {
            Some(index) => *index,
            None => self.open(pair),
        };
        let flow = &mut self.flows[index];
        flow.frames.push_back(Frame { bytes, kind });
        if flow.frames.len() == 1 {
            self.turns.push_back(index);
        }
        Ok(())
    }

    /// Whether one more frame is taken into so many queues' room. When more than half of it is full, nobody takes more than an
    /// equal share of all of it, so that one who floods does not keep out the others.
    fn has_room(&self, from: Option<Id>, bytes: usize, queues: usize) -> bool {
        let (frames_max, bytes_max) = (queues * QUEUE_FRAMES, queues * QUEUE_BYTES);
        let all = self.waiting.plus(bytes);
        if all.count > frames_max || (all.bytes > bytes_max && self.waiting.bytes > 0) {
            return false;
        }
        if self.waiting.count <= frames_max / 2 && self.waiting.bytes <= bytes_max / 2 {
            return true;
        }
        let own = self.shares.get(&from).copied().unwrap_or_default();
        let senders = self.shares.len().max(1) + usize::from(own.count == 0);
        own.count < frames_max / senders && own.bytes <= bytes_max / senders
    }

    /// Whether what is kept may be added without piling up.
    pub(super) fn is_short(&self) -> bool {
        self.waiting.count < QUEUE_FRAMES / 2 && self.waiting.bytes < QUEUE_BYTES / 2
    }

    /// How many frames of a flow wait.
    pub(super) fn waiting_of(&self, pair: &Pair) -> usize {
        self.by_pair.get(pair).map_or(0, |index| self.flows[*index].frames.len())
    }

    /// Whether so much waits of what is never refused that the peer should do nothing that makes it more.
    pub(super) fn owes_much(&self) -> bool {
        self.owed >= QUEUE_FRAMES / 2
    }

    /// Whether anything is on its way that the peer has not said it has.
    pub(super) fn awaits(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Whether nothing waits and nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.count == 0 && self.sent.is_empty()
    }

    fn open(&mut self, pair: Pair) -> usize {
        let pair = Arc::new(pair);
        let index = self.free.pop().unwrap_or_else(|| {
            self.flows.push(Flow::default());
            self.flows.len() - 1
        });
        self.flows[index].pair = Some(pair.clone());
        self.by_pair.insert(pair, index);
        index
    }

    fn close(&mut self, index: usize) {
        let flow = &mut self.flows[index];
        // A flow that once was long does not keep its room.
        flow.frames = VecDeque::new();
        if let Some(pair) = flow.pair.take() {
            self.by_pair.remove(&pair);
        }
        self.free.push(index);
    }

    /// Fills `packet` with as much as may leave now, and remembers it under this number. False: nothing may.
    pub(super) fn fill(&mut self, packet: &mut Vec<u8>, number: u64) -> bool {
        let (start, mut messages, mut costs) = (packet.len(), Vec::new(), Amount::default());
        while packet.len() < start + PACKET_BYTES
            && let Some(index) = self.turns.pop_front()
        {
            self.take_turn(index, packet, &mut messages, &mut costs);
        }
        if packet.len() == start {
            return false;
        }
        self.note(number, costs, messages);
        true
    }

    /// Remembers an empty packet: the peer's word that it has it is also its word that it has all before.
    pub(super) fn note_empty(&mut self, number: u64) {
        self.note(number, Amount::default(), Vec::new());
    }

    fn note(&mut self, number: u64, costs: Amount, messages: Vec<(Arc<Pair>, usize)>) {
        self.on_their_way.count += costs.count;
        self.on_their_way.bytes += costs.bytes;
        self.sent.push_back(Sent { number, costs, messages });
    }

    /// One flow's turn: whole frames up to a chunk's bytes, or one chunk of a larger frame. So nobody waits for more than
    /// one chunk of each other flow.
    fn take_turn(
        &mut self,
        index: usize,
        packet: &mut Vec<u8>,
        messages: &mut Vec<(Arc<Pair>, usize)>,
        costs: &mut Amount,
    ) {
        let start = packet.len();
        loop {
            let flow = &mut self.flows[index];
            let Some(frame) = flow.frames.front() else { break };
            let costs_room = frame.kind.costs_room();
            let window = self.on_their_way.count + costs.count < WINDOW_CHUNKS
                && self.on_their_way.bytes + costs.bytes < WINDOW_BYTES;
            if costs_room && !window {
                self.starved.push_back(index);
                return;
            }
            let (length, before) = (frame.bytes.len(), packet.len());
            let is_large = length > CHUNK_BYTES;
            if before > start && (is_large || before + length > start + CHUNK_BYTES) {
                break;
            }
            if is_large {
                if flow.begun == 0 && self.parts == PARTS_MAX {
                    self.held.push_back(index);
                    return;
                }
                self.parts += usize::from(flow.begun == 0);
                let end = length.min(flow.begun + CHUNK_BYTES);
                put_part(packet, index as u32, &frame.bytes[flow.begun..end], end == length);
                flow.begun = end;
            } else {
                put_whole(packet, &frame.bytes);
            }
            if costs_room {
                costs.add(packet.len() - before);
            }
            if is_large && flow.begun < length {
                break;
            }
            self.leave_first(index, messages);
            if is_large {
                self.parts -= 1;
                self.turns.extend(self.held.pop_front());
                break;
            }
        }
        if self.flows[index].frames.is_empty() {
            self.close(index);
        } else {
            self.turns.push_back(index);
        }
    }

    /// The first frame of a flow has left whole.
    fn leave_first(&mut self, index: usize, messages: &mut Vec<(Arc<Pair>, usize)>) {
        let flow = &mut self.flows[index];
        flow.begun = 0;
        let (Some(frame), Some(pair)) = (flow.frames.pop_front(), &flow.pair) else { return };
        if let Kind::Message(bytes) = frame.kind {
            messages.push((pair.clone(), bytes));
        }
        self.owed -= usize::from(frame.kind == Kind::Free);
        self.waiting.subtract(frame.bytes.len());
        if let Some(share) = self.shares.get_mut(&pair.from) {
            share.subtract(frame.bytes.len());
            if share.count == 0 {
                self.shares.remove(&pair.from);
            }
        }
    }

    /// The peer has taken in all packets up to this number. True: something that waited for that may leave now.
    pub(super) fn taken(&mut self, number: u64) -> bool {
        while self.sent.front().is_some_and(|sent| sent.number <= number)
            && let Some(sent) = self.sent.pop_front()
        {
            self.on_their_way.count -= sent.costs.count;
            self.on_their_way.bytes -= sent.costs.bytes;
        }
        let waited = !self.starved.is_empty();
        // In front: they had their turn, and only then was there no room.
        while let Some(index) = self.starved.pop_back() {
            self.turns.push_front(index);
        }
        waited
    }

    /// Nothing of all this leaves any more. Answers the messages that are lost, in each flow in order.
    pub(super) fn lose(&mut self) -> Vec<Lost> {
        let Outbox { flows, sent, .. } = std::mem::take(self);
        let on_their_way = sent.into_iter().flat_map(|sent| sent.messages);
        let on_their_way = on_their_way.map(|(pair, bytes)| Lost { pair, bytes, unconfirmed: true });
        let waiting = flows.into_iter().filter_map(|flow| Some((flow.pair?, flow.frames, flow.begun > 0)));
        let waiting = waiting.flat_map(|(pair, frames, begun)| {
            frames.into_iter().enumerate().filter_map(move |(place, frame)| match frame.kind {
                Kind::Message(bytes) => Some(Lost { pair: pair.clone(), bytes, unconfirmed: begun && place == 0 }),
                Kind::Refusable | Kind::Order | Kind::Kept | Kind::Free => None,
            })
        });
        on_their_way.chain(waiting).collect()
    }
}

impl Amount {
    fn add(&mut self, bytes: usize) {
        *self = self.plus(bytes);
    }

    fn plus(self, bytes: usize) -> Amount {
        Amount { count: self.count + 1, bytes: self.bytes + bytes }
    }

    fn subtract(&mut self, bytes: usize) {
        self.count -= 1;
        self.bytes -= bytes;
    }
}
