//! Messages that an actor sends itself later.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use super::context::Context;
use crate::address::{Id, quoted};
use crate::mailbox::{Mailbox, PLACE_BYTES};
use crate::message::Message;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::Reference;

/// A timer that is armed. The clock wakes it as it wakes anybody.
struct Timer {
    mailbox: Arc<Mailbox>,
    reference: Id,
    message: Message,
}

impl Wake for Timer {
    fn wake(self: Arc<Self>) {
        self.mailbox.timer_fired(self.reference, self.message.clone());
    }
}

impl Context {
    /// Sends this actor a message after a time. Answers a reference for `cancel`.
    ///
    /// # Errors
    ///
    /// `bad-json`, `too-large` for a message over 4 KiB, `limit`.
    pub(crate) fn send_after(&self, text: String, delay: Duration) -> Result<String, Refusal> {
        let message = self.admit(text)?;
        if message.len() > PLACE_BYTES {
            let message = format!("a timer's message may have {PLACE_BYTES} bytes, and this one has {}", message.len());
            return Err(Refusal::new(RefusalKind::TooLarge, message));
        }
        let (mailbox, reference) = (self.mailbox(), Id::random());
        self.noted(mailbox.timer_made(reference).map_err(|full| full.refusal("cannot make a timer")))?;
        let timer = Arc::new(Timer { mailbox: mailbox.clone(), reference, message });
        let deadline = self.clock().deadline(delay);
        match self.clock().alarm(deadline, &Waker::from(timer.clone())) {
            Some(alarm) => mailbox.timer_armed(reference, alarm),
            None => timer.wake(),
        }
        Ok(reference.to_string())
    }

    /// Stops a timer. True: it had not fired, and will not.
    ///
    /// # Errors
    ///
    /// `bad-argument`, if the text cannot be a reference.
    pub(crate) fn cancel(&self, reference: &str) -> Result<bool, Refusal> {
        let Some(Reference::Random(id)) = Reference::parse(reference) else {
            let message = format!("cannot cancel: `{}` is no reference of a timer", quoted(reference));
            return Err(Refusal::new(RefusalKind::BadArgument, message));
        };
        let cancelled = self.mailbox().timer_cancelled(id);
        if let Some(Some(alarm)) = &cancelled {
            self.clock().disarm(alarm);
        }
        Ok(cancelled.is_some())
    }
}
