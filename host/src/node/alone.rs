//! A node's kernel without any other node, for tests of the rooms above.

use std::sync::Arc;

use super::Kernel;
use super::uplink::{Asking, Boxed, Membership, Question, Then, Uplink};
use crate::address::{Id, Place};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::message::Message;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, To};

struct Nowhere;

fn nowhere<T>() -> Result<T, Refusal> {
    Err(Refusal::new(RefusalKind::NotConnected, "there are no other nodes"))
}

impl Uplink for Nowhere {
    fn carry(&self, _: &Place, _: &To, _: Envelope) -> Result<(), Refusal> {
        nowhere()
    }

    fn ask(&self, _: &Place, _: Option<Id>, _: Question) -> Result<Asking, Refusal> {
        nowhere()
    }

    fn ask_then(&self, _: &Place, _: Option<Id>, _: Question, _: Then) -> Result<(), Refusal> {
        nowhere()
    }

    fn room(&self, _: &Place, _: &To) -> Boxed<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn peers(&self) -> Vec<Place> {
        Vec::new()
    }

    fn cast(&self, _: &Place, _: Option<Id>, _: &str, _: &Message) -> Result<(), Refusal> {
        nowhere()
    }

    fn tell(&self, _: &Membership) {}

    fn introduce(&self, _: &Place, _: Vec<Membership>) {}
}

impl Kernel {
    pub(crate) fn alone(limits: &Limits) -> Arc<Kernel> {
        let place = "here:1".parse().expect("a place");
        Arc::new(Kernel::new(place, Clock::real(), limits, Box::new(Nowhere)))
    }
}
