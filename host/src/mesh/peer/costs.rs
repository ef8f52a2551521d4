//! Which frames need room in a peer's window: its outbox and this end must count alike.

use crate::mesh::outbox::Kind;
use crate::mesh::wire::Content;
use crate::signal::Signal;

/// Whether a frame of the peer's needed room in its window.
pub(super) enum Costs {
    Room,
    Nothing,
}

impl Costs {
    pub(super) fn of(content: &Content) -> Costs {
        match content {
            Content::Signal(_, envelope) if !kind(&envelope.signal).costs_room() => Costs::Nothing,
            Content::Signal(..) | Content::Ask(..) | Content::Answer(..) => Costs::Room,
            Content::Member(..) | Content::Cast(..) => Costs::Room,
            Content::Withdraw(_) | Content::Full(_) | Content::Room(_) => Costs::Nothing,
        }
    }
}

/// What a signal is to the outbox, and so how its receiver counts it.
pub(super) fn kind(signal: &Signal) -> Kind {
    match signal {
        Signal::Message(message) => Kind::Message(message.len()),
        Signal::Link | Signal::Monitor(_) => Kind::Refusable,
        Signal::Kill | Signal::Shutdown(_) => Kind::Order,
        Signal::Unlink | Signal::Demonitor(_) | Signal::Exit(_) | Signal::Down(..) => Kind::Free,
    }
}
