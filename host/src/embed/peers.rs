//! The other nodes, for an embedding program.

use std::time::{Duration, Instant};

use super::Node;
use crate::address::{Address, Place};
use crate::clock::Clock;
use crate::mesh::JoinError;
use crate::refusal::{Refusal, RefusalKind};

impl Node {
    /// The nodes that this one is connected with, in the order of their names. [`Node::events`] tells when one comes or goes.
    pub fn peers(&self) -> Vec<Place> {
        self.kernel().peers()
    }

    /// Connects with another node of the mesh, and by it with those that it knows. Answers when both are connected; one that is
    /// already is no error. Cancel-safe: the attempt goes on.
    ///
    /// # Errors
    ///
    /// If it is not there, is no node, or has another cookie or version.
    pub async fn connect(&self, peer: &Place) -> Result<(), JoinError> {
        self.0.member.connect(peer).await
    }

    /// Asks a peer whether it is there, and answers how long that took, in real time. Cancel-safe.
    ///
    /// # Errors
    ///
    /// `not-connected`; `timeout`.
    pub async fn ping(&self, peer: &Place, timeout: Duration) -> Result<Duration, Refusal> {
        let began = Instant::now();
        let answered = in_time(self.kernel().ping(peer), timeout);
        answered.await.unwrap_or_else(|| Err(no_answer(peer, timeout)))?;
        Ok(began.elapsed())
    }

    /// The actor that has a name on a peer, or on this node. The answer is one actor, whoever has the name later; to send to
    /// `NAME@HOST:PORT` reaches whoever has it then. Cancel-safe.
    ///
    /// # Errors
    ///
    /// `no-such-name`, `not-connected`; `timeout`, in real time.
    pub async fn whereis_at(&self, name: &str, peer: &Place, timeout: Duration) -> Result<Address, Refusal> {
        if peer == self.place() {
            return self.whereis(name);
        }
        let asked = in_time(self.kernel().whereis_there(None, name, peer), timeout);
        let id = asked.await.unwrap_or_else(|| Err(no_answer(peer, timeout)))?;
        Ok(Address::of_id(id, peer.clone()))
    }
}

/// Real time, whatever the node's clock says: the other node has a clock of its own.
async fn in_time<T>(asked: impl Future<Output = T>, timeout: Duration) -> Option<T> {
    let clock = Clock::real();
    clock.timeout(clock.deadline(timeout), asked).await
}

fn no_answer(peer: &Place, timeout: Duration) -> Refusal {
    Refusal::new(RefusalKind::Timeout, format!("{peer} has not answered within {timeout:?}"))
}
