//! What a peer waits for here: answers to its questions, and room in mailboxes that were full.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::oneshot;

use super::out::QUESTIONS_MAX;
use super::{Incoming, Peer};
use crate::address::Id;
use crate::lock::lock;
use crate::mesh::outbox::{Kind, Pair};
use crate::mesh::packet::Broken;
use crate::mesh::wire;
use crate::module_hash::ModuleHash;
use crate::node::Kernel;
use crate::node::uplink::{Answer, Boxed, Question, Reply};
use crate::refusal::RefusalKind;
use crate::signal::To;

impl Peer {
    /// A question of the peer's: it is answered when the answer is known.
    pub(super) fn asked(
        self: &Arc<Self>,
        incoming: &mut Incoming,
        kernel: &Arc<Kernel>,
        number: u64,
        from: Option<Id>,
        question: Question,
    ) {
        let pair = match &question {
            // Word that a mailbox is full goes before the answer that says so, in one flow: who asks again waits for room then.
            Question::Take(to, _) => Pair { from: None, to: Some(to.clone()) },
            // A flow of its own, so that no answer to anybody waits for the rest of a module.
            Question::Chunk(module, _) => Pair { from: Some(flow_of(module)), to: None },
            Question::Wait(_) | Question::WhereIs(_) | Question::Ping | Question::Spawn(_) => {
                Pair { from: None, to: from.map(To::Id) }
            }
        };
        self.answers(incoming, number, pair, kernel.asked(self.place(), from, question));
    }

    /// Answers a question of the peer's when the answer is known, and little enough waits on the way to it.
    pub(super) fn answers(
        self: &Arc<Self>,
        incoming: &mut Incoming,
        number: u64,
        pair: Pair,
        answer: Boxed<'static, Reply>,
    ) {
        let (keeps, withdrawn) = oneshot::channel();
        incoming.questions.insert(number, keeps);
        let peer = self.clone();
        self.node.spawn(async move {
            let answered = async {
                let answer = answer.await;
                peer.out.until_short().await;
                answer
            };
            if let Some(answer) = unless_dropped(withdrawn, answered).await {
                let mut incoming = lock(&peer.incoming);
                if incoming.questions.remove(&number).is_none() {
                    return;
                }
                let answer = match answer {
                    Reply::Answer(answer) => answer,
                    Reply::Starts(starts) => match starts(&|child| peer.tell_spawned(number, pair.to.clone(), child)) {
                        Ok(()) => return,
                        Err(why) => Answer::Refused(why),
                    },
                };
                // Only who was to take a message in answers so; the flow is its receiver's then.
                let is_full = matches!(&answer, Answer::Refused(why) if why.kind() == RefusalKind::MailboxFull);
                if let (true, Some(to), Some(kernel)) = (is_full, pair.to.clone(), peer.node.kernel()) {
                    peer.tell_full(&mut incoming, &kernel, to);
                }
                // Lost with the connection, nobody waits for it.
                _ = peer.out.push(pair, wire::answer(number, &answer), Kind::Kept);
            }
        });
    }

    /// An actor is there that the peer wanted. In the flow of what that one says to its spawner, so that all of it, and its
    /// end, comes after.
    fn tell_spawned(&self, question: u64, spawner: Option<To>, child: Id) {
        let pair = Pair { from: Some(child), to: spawner };
        _ = self.out.push(pair, wire::answer(question, &Answer::Spawned(child)), Kind::Kept);
    }

    /// A mailbox took a message of the peer's not in: no more of them, until it has room.
    pub(super) fn tell_full(self: &Arc<Self>, incoming: &mut Incoming, kernel: &Arc<Kernel>, to: To) {
        if incoming.full.contains_key(&to) {
            return;
        }
        let pair = Pair { from: None, to: Some(to.clone()) };
        if self.out.push(pair.clone(), wire::full(&to), Kind::Free).is_err() {
            return;
        }
        let (keeps, over) = oneshot::channel();
        incoming.full.insert(to.clone(), keeps);
        let room = kernel.room_for(self.place(), &to);
        let peer = self.clone();
        self.node.spawn(async move {
            if unless_dropped(over, room).await.is_some() {
                let mut incoming = lock(&peer.incoming);
                if incoming.full.remove(&to).is_some() {
                    _ = peer.out.push(pair, wire::room(&to), Kind::Free);
                }
            }
        });
    }
}

/// The flow in which a module's bytes leave.
fn flow_of(module: &ModuleHash) -> Id {
    let (bits, _) = module.as_bytes().split_first_chunk().expect("a hash has 32 bytes");
    Id::from_bits(u128::from_le_bytes(*bits))
}

impl Incoming {
    /// Whether one question more may wait: four times as many as this version asks at once, since word that one is withdrawn
    /// takes its time.
    pub(super) fn takes_question(&self) -> Result<(), Broken> {
        if self.questions.len() >= 4 * QUESTIONS_MAX { Err(Broken::Questions) } else { Ok(()) }
    }
}

/// A future's value; none if the other end of `kept` is dropped before.
async fn unless_dropped<T>(mut kept: oneshot::Receiver<()>, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Pin::new(&mut kept).poll(cx).map(|_| None),
    })
    .await
}
