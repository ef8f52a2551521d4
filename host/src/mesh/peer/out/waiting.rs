//! Who waits until a peer, or the way to it, has room.

use tokio::sync::oneshot;

use super::Outgoing;
use crate::lock::lock;
use crate::mesh::outbox::Outbox;
use crate::signal::To;

impl Outgoing {
    /// Told, or dropped, when a receiver takes messages again. None: it does now.
    pub(in super::super) fn until_room(&self, to: &To) -> Option<oneshot::Receiver<()>> {
        let mut state = lock(&self.state);
        let waiting = state.busy.get_mut(to)?;
        let (sender, told) = oneshot::channel();
        waiting.retain(|sender| !sender.is_closed());
        waiting.push(sender);
        Some(told)
    }

    /// Waits until little enough waits for one thing more that is never refused. Cancel-safe.
    pub(in super::super) async fn until_short(&self) {
        self.until(Outbox::is_short).await;
    }

    /// Waits until the peer has all that was said to it. Cancel-safe.
    pub(in super::super) async fn until_idle(&self) {
        self.until(Outbox::is_idle).await;
    }

    /// Waits until the outbox is so, or the connection is over.
    async fn until(&self, is_so: fn(&Outbox) -> bool) {
        loop {
            let told = self.short.notified();
            if self.connected().is_ok_and(|state| !is_so(&state.outbox)) {
                told.await;
            } else {
                return;
            }
        }
    }
}
