//! A node's kernel without any other node, for tests of the rooms above.

use std::sync::Arc;

use super::{Kernel, Uplink};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Receiver};

struct Nowhere;

impl Uplink for Nowhere {
    fn carry(&self, _: &Receiver, _: Envelope) -> Result<(), Refusal> {
        Err(Refusal::new(RefusalKind::NotConnected, "there are no other nodes"))
    }
}

impl Kernel {
    pub(crate) fn alone(limits: &Limits) -> Arc<Kernel> {
        let place = "here:1".parse().expect("a place");
        Arc::new(Kernel::new(place, Clock::real(), limits, Box::new(Nowhere)))
    }
}
