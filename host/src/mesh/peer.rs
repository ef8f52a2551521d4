//! One peer in one of its lives: connections with it, one after the other.
//!
//! A connection is a pair of numbers, one chosen by each end, and what both count from 1 in it. A packet counts only with
//! both numbers and the next count. One that is missing is a lost connection, never a silent hole: the end that sees it
//! says so to its actors, takes a new number, and the other end, seeing that, says so to its own.

mod asking;
mod costs;
mod out;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::engine::Presence;
use super::outbox::Pair;
use super::packet::{Assembly, Broken, CHUNK_HEAD_BYTES, Epochs, Head, VERSION, Version};
use super::peers::Node;
use super::random_number;
use super::wire::{self, Content, NotRead};
use crate::address::{Id, Place};
use crate::lock::lock;
use crate::message::Message;
use crate::node::Kernel;
use crate::node::events::Loss;
use crate::node::uplink::{Answer, Boxed, Membership, Reply};
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Party, Signal, To};
use costs::{Costs, kind};
pub(super) use out::NotSent;
use out::Outgoing;

/// How long nothing is said to a peer that breaks the protocol.
const QUIET: Duration = Duration::from_secs(1);

/// How often at most a peer is told a number that it seems not to know.
const GREET_AGAIN: Duration = Duration::from_millis(100);

/// One peer in one of its lives.
pub(super) struct Peer {
    presence: Presence,
    node: Arc<Node>,
    /// Held while a packet is taken in, so that nothing of a connection comes after the news that it is lost. Taken before
    /// `out`'s lock, never after it.
    incoming: Mutex<Incoming>,
    out: Outgoing,
}

/// The half of a connection that receives.
struct Incoming {
    mine: u64,
    theirs: Option<u64>,
    /// The next packet's number.
    next: u64,
    assembly: Assembly,
    /// The peer's questions that are not answered: dropped, they end.
    questions: HashMap<u64, oneshot::Sender<()>>,
    /// Receivers here of which the peer was told that they take no more messages.
    full: HashMap<To, oneshot::Sender<()>>,
    /// The version that the peer speaks, if it is another.
    other: Option<Version>,
    ended: bool,
}

impl Peer {
    /// A peer that can be reached. Starts the thread that writes to it.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(super) fn start(node: &Arc<Node>, presence: Presence) -> std::io::Result<Arc<Peer>> {
        let mine = random_number();
        let incoming = Incoming {
            mine,
            theirs: None,
            next: 1,
            assembly: Assembly::default(),
            questions: HashMap::new(),
            full: HashMap::new(),
            other: None,
            ended: false,
        };
        let out = Outgoing::new(mine);
        let peer = Arc::new(Peer { presence, node: node.clone(), incoming: Mutex::new(incoming), out });
        let writer = peer.clone();
        thread::Builder::new().name("greenroom-mesh".into()).spawn(move || {
            while let Some(packet) = writer.out.next() {
                // If it is gone, the engine says so to `end`.
                _ = writer.node.engine().send(&writer.presence, packet);
            }
        })?;
        Ok(peer)
    }

    pub(super) fn presence(&self) -> &Presence {
        &self.presence
    }

    fn place(&self) -> &Place {
        &self.presence.place
    }

    pub(super) fn is_connected(&self) -> bool {
        self.out.is_connected()
    }

    /// Whether both ends are connected.
    pub(super) fn is_confirmed(&self) -> bool {
        self.out.is_confirmed()
    }

    /// Waits until the peer has all that was said to it. Cancel-safe.
    pub(super) async fn until_idle(&self) {
        self.out.until_idle().await;
    }

    /// The version that the peer speaks, if it is one that this node does not.
    pub(super) fn other_version(&self) -> Option<Version> {
        lock(&self.incoming).other
    }

    /// Hands a signal over.
    pub(super) fn carry(&self, to: &To, envelope: &Envelope) -> Result<(), NotSent> {
        let pair = Pair { from: envelope.from, to: Some(to.clone()) };
        self.out.push(pair, wire::signal(to, envelope), kind(&envelope.signal))
    }

    /// Hands a message for all members of a group over.
    pub(super) fn cast(&self, from: Option<Id>, group: &str, message: &Message) -> Result<(), NotSent> {
        // A group's flow is that of a name that is spelled alike: they lose nothing by taking turns.
        let pair = Pair { from, to: Some(To::Name(group.into())) };
        self.out.cast(pair, wire::cast(from, group, message), message.len())
    }

    pub(super) fn tell(&self, membership: &Membership) {
        self.out.tell(membership);
    }

    pub(super) fn introduce(&self, memberships: Vec<Membership>) {
        self.out.introduce(memberships);
    }

    /// Ends when a receiver there, and the way to it, may take messages again.
    pub(super) fn room(self: &Arc<Self>, to: &To) -> Boxed<'static, ()> {
        let (peer, told) = (self.clone(), self.out.until_room(to));
        Box::pin(async move {
            if let Some(told) = told {
                // Dropped is told.
                _ = told.await;
            }
            peer.out.until_short().await;
        })
    }

    /// The peer cannot be reached any more, or another life of it has begun. When this returns, all have been told, and
    /// nothing of it comes any more.
    pub(super) fn end(&self, why: &str) {
        let mut incoming = lock(&self.incoming);
        incoming.ended = true;
        self.out.end();
        self.disconnect(&mut incoming, why);
    }

    /// A packet of the peer's.
    pub(super) fn packet(self: &Arc<Self>, packet: &[u8]) {
        let mut incoming = lock(&self.incoming);
        if incoming.ended {
            return;
        }
        match Head::read(packet) {
            Err(why) => self.broken(&mut incoming, why),
            Ok((Head::Hello { version, .. }, _)) if version.major != VERSION.major => {
                self.disconnect(&mut incoming, "it speaks another version of the protocol");
                if incoming.other.replace(version).is_none() {
                    let place = self.place();
                    tracing::warn!(target: "greenroom", "{place} speaks version {version} of the mesh's protocol, and this node {VERSION}; they do not connect");
                }
                self.node.changed();
            }
            Ok((Head::Hello { version, mine, yours }, _)) => {
                self.out.speaks(version);
                self.hello(&mut incoming, mine, yours);
            }
            Ok((Head::Data { epochs, number, taken }, chunks)) if incoming.is_of(epochs) => {
                self.confirmed(self.out.confirm_taken(taken));
                self.data(&mut incoming, number, chunks);
            }
            Ok((Head::Taken { epochs, taken }, _)) if incoming.is_of(epochs) => {
                self.confirmed(self.out.confirm_taken(taken));
            }
            // Of a connection that is over; or the number of this one got lost on its way.
            Ok((Head::Data { .. } | Head::Taken { .. }, _)) => self.out.greet_again(GREET_AGAIN),
        }
    }

    fn hello(&self, incoming: &mut Incoming, theirs: u64, yours: Option<u64>) {
        let knows = yours == Some(incoming.mine);
        if incoming.theirs == Some(theirs) {
            if knows {
                self.confirmed(self.out.confirm());
            } else {
                self.out.greet_again(Duration::ZERO);
            }
            return;
        }
        self.disconnect(incoming, "it has begun a new connection");
        incoming.theirs = Some(theirs);
        self.out.connect(theirs, !knows);
        self.connected();
    }

    fn confirmed(&self, news: bool) {
        if news {
            self.node.changed();
        }
    }

    fn connected(&self) {
        if let Some(kernel) = self.node.kernel() {
            kernel.up(self.place());
        }
        self.node.changed();
    }

    /// Packets of the connection with the current numbers.
    fn data(self: &Arc<Self>, incoming: &mut Incoming, number: u64, chunks: &[u8]) {
        if number != incoming.next {
            tracing::debug!(target: "greenroom", "packet {number} of {} came instead of {}", self.place(), incoming.next);
            self.renew(incoming, "some of what it sent was lost", Duration::ZERO);
            return;
        }
        incoming.next += 1;
        let mut assembly = std::mem::take(&mut incoming.assembly);
        let (mut frames, mut bytes) = (0, chunks.len());
        let read = assembly.read(chunks, |frame| {
            match self.frame(incoming, frame)? {
                Costs::Room => frames += 1,
                Costs::Nothing => bytes = bytes.saturating_sub(CHUNK_HEAD_BYTES + frame.len()),
            }
            Ok(())
        });
        incoming.assembly = assembly;
        if let Err(why) = read.and_then(|()| self.out.took(number, frames, bytes)) {
            self.broken(incoming, why);
        }
    }

    /// A peer that breaks the protocol is cut off, and heard again after a while.
    fn broken(&self, incoming: &mut Incoming, why: Broken) {
        if incoming.theirs.is_some() {
            tracing::warn!(target: "greenroom", "{} is cut off: {why}", self.place());
        }
        self.renew(incoming, &why.to_string(), QUIET);
    }

    /// This end begins a new connection.
    fn renew(&self, incoming: &mut Incoming, why: &str, after: Duration) {
        let theirs = incoming.theirs;
        self.disconnect(incoming, why);
        incoming.mine = random_number();
        self.out.renew(incoming.mine, after);
        // At once only if nothing was broken: then the peer's number still counts.
        if let (Some(theirs), true) = (theirs, after.is_zero()) {
            incoming.theirs = Some(theirs);
            self.out.connect(theirs, true);
            self.connected();
        }
    }

    /// The connection, if there is one, is over.
    fn disconnect(&self, incoming: &mut Incoming, why: &str) {
        if incoming.theirs.take().is_none() {
            return;
        }
        incoming.next = 1;
        incoming.assembly = Assembly::default();
        incoming.questions.clear();
        incoming.full.clear();
        let lost = self.out.disconnect();
        if let Some(kernel) = self.node.kernel() {
            for lost in lost {
                let loss = if lost.unconfirmed { Loss::Unconfirmed } else { Loss::NotConnected };
                if let Some(to) = &lost.pair.to {
                    kernel.lost_message(self.place(), to, lost.pair.from, loss, lost.bytes);
                }
            }
            kernel.lost(self.place(), why);
        }
        self.node.changed();
    }

    fn frame(self: &Arc<Self>, incoming: &mut Incoming, frame: &[u8]) -> Result<Costs, Broken> {
        let Some(kernel) = self.node.kernel() else { return Ok(Costs::Room) };
        match wire::read(frame, kernel.root().admission()) {
            Ok(content) => {
                let costs = Costs::of(&content);
                self.content(incoming, &kernel, content)?;
                Ok(costs)
            }
            Err(NotRead::Broken(why)) => Err(why),
            Err(NotRead::Refused { question, why }) => {
                incoming.takes_question()?;
                self.refuse(incoming, question, *why);
                Ok(Costs::Room)
            }
            Err(NotRead::NotAdmitted { to, from, bytes, why, question }) => {
                let sender = from.map(|id| Party::there(id, self.place().clone()));
                match question {
                    None => kernel.count_lost(&to.address(kernel.place()), sender.as_ref(), Loss::NotAdmitted, bytes),
                    Some(question) => {
                        let refusal = Refusal::new(RefusalKind::TooLarge, format!("{}: {why}", kernel.place()));
                        incoming.takes_question()?;
                        self.refuse(incoming, question, refusal);
                    }
                }
                Ok(Costs::Room)
            }
        }
    }

    /// Answers a question that cannot be done.
    fn refuse(self: &Arc<Self>, incoming: &mut Incoming, question: u64, why: Refusal) {
        let answer = Box::pin(std::future::ready(Reply::Answer(Answer::Refused(why))));
        self.answers(incoming, question, Pair { from: None, to: None }, answer);
    }

    fn content(
        self: &Arc<Self>,
        incoming: &mut Incoming,
        kernel: &Arc<Kernel>,
        content: Content,
    ) -> Result<(), Broken> {
        match content {
            Content::Signal(to, envelope) => {
                let is_message = matches!(envelope.signal, Signal::Message(_));
                let arrived = kernel.arrive(self.place(), &to, envelope);
                if is_message && arrived.is_err_and(|why| why.kind() == RefusalKind::MailboxFull) {
                    self.tell_full(incoming, kernel, to);
                }
            }
            Content::Ask(number, from, question) => {
                incoming.takes_question()?;
                self.asked(incoming, kernel, number, from, question);
            }
            Content::Withdraw(number) => drop(incoming.questions.remove(&number)),
            Content::Answer(number, answer) => self.out.answered(number, answer),
            Content::Full(to) => self.out.busy(to),
            Content::Room(to) => self.out.room(&to),
            Content::Member(group, actor, times) => {
                return kernel.joined_there(self.place(), &group, actor, times).map_err(|_| Broken::Groups);
            }
            Content::Cast(from, group, message) => kernel.cast_arrives(self.place(), from, &group, &message),
        }
        Ok(())
    }
}

impl Incoming {
    /// Whether a packet of the peer's, which writes the numbers from its own end, is of this connection.
    fn is_of(&self, epochs: Epochs) -> bool {
        self.theirs == Some(epochs.mine) && self.mine == epochs.yours
    }
}
