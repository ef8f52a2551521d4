//! What passes between two actors: the closed set of signals.

use crate::address::{Id, Place};
use crate::message::Message;

/// A signal with the name of who sent it. The receiver travels beside it.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// The actor that sent it; none if the embedding program or the command line did.
    pub from: Option<Id>,
    pub signal: Signal,
}

/// All that one actor can do to another. A guest sees messages only.
#[derive(Debug)]
pub(crate) enum Signal {
    Message(Message),
}

/// Whom a signal is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Receiver {
    pub id: Id,
    pub place: Place,
}
