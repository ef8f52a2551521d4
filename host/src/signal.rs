//! What passes between two actors: the closed set of signals.

use std::fmt;
use std::sync::Arc;

use crate::address::{self, Address, Id, Place, WhoRef};
use crate::message::Message;
use crate::outcome::Outcome;

/// A signal with the name of who sent it. The receiver travels beside it.
#[derive(Debug, PartialEq)]
pub(crate) struct Envelope {
    /// The actor that sent it; none if the embedding program or the command line did.
    pub from: Option<Id>,
    pub signal: Signal,
}

/// All that one actor can do to another. A guest sees messages only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Signal {
    Message(Message),
    /// The sender wants to hear of the receiver's end, and agrees that the receiver hears of its own.
    Link,
    /// The sender no longer wants what its `Link` began.
    Unlink,
    /// The sender wants one `Down` with this reference at the receiver's end.
    Monitor(Reference),
    /// The sender no longer wants it.
    Demonitor(Reference),
    /// The sender has ended, and one of the two had linked the other.
    Exit(Arc<Outcome>),
    /// The sender has ended, and the receiver had monitored it.
    Down(Reference, Arc<Outcome>),
    /// The receiver shall end at once.
    Kill,
    /// The receiver shall end for this reason, or, if it traps exits, decide about it.
    Shutdown(Message),
}

/// Whom a signal is for, on its own node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum To {
    Id(Id),
    /// Whoever has this name when the signal arrives.
    Name(Box<str>),
}

impl To {
    /// The address on that node.
    pub(crate) fn address(&self, place: &Place) -> Address {
        match self {
            To::Id(id) => Address::of_id(*id, place.clone()),
            To::Name(name) => Address::of_name(name, place.clone()),
        }
    }
}

/// Whom a signal is for, on another node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Receiver {
    pub to: To,
    pub place: Place,
}

/// One of the two that a link or a monitor stands between, as the other knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Party {
    pub id: Id,
    /// The node it lives on; none if it is the other's own.
    pub place: Option<Place>,
    /// Under which ID it knows the other, which is on another node, if not under the other's own: what the two do to each
    /// other goes by that ID, and another is another link. (In a box, as it is rare and there are many of these.)
    pub via: Option<Box<Id>>,
}

impl Party {
    pub(crate) fn here(id: Id) -> Party {
        Party { id, place: None, via: None }
    }

    pub(crate) fn there(id: Id, place: Place) -> Party {
        Party { id, place: Some(place), via: None }
    }

    /// Whether this is no actor, but another node's operator.
    pub(crate) fn is_operator(&self) -> bool {
        self.place.is_some() && self.id == Id::OPERATOR
    }

    /// Whether both are one actor, whatever they know of whom.
    pub(crate) fn is(&self, other: &Party) -> bool {
        self.id == other.id && self.place == other.place
    }

    /// Its address, seen from the node `here`.
    pub(crate) fn address(&self, here: &Place) -> Address {
        Address::of_id(self.id, self.place.as_ref().unwrap_or(here).clone())
    }
}

/// Which monitor: its maker gets it back with the one message that the monitor gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reference {
    /// A monitor by `monitor`: 128 random bits.
    Random(Id),
    /// The monitor that a spawn made of its child. Its text is the child's address.
    Child(Id),
}

impl Reference {
    pub(crate) fn random() -> Reference {
        Reference::Random(Id::random())
    }

    /// The ID by which both sides of a monitor of another node's name know whom it is of, since its maker does not know the
    /// holder's. None for a child's monitor, which is never of a name.
    pub(crate) fn alias(self) -> Option<Id> {
        match self {
            Reference::Random(bits) => Some(bits),
            Reference::Child(_) => None,
        }
    }

    /// Reads what a guest gives back: 26 characters of base32, or a child's address. Its node is not looked at, as no
    /// two actors have one ID.
    pub(crate) fn parse(text: &str) -> Option<Reference> {
        let child = text.contains('@');
        let whole = if child { text } else { &format!("{text}@") };
        match address::split(whole) {
            Ok((WhoRef::Id(id), _)) if child => Some(Reference::Child(id)),
            Ok((WhoRef::Id(id), _)) => Some(Reference::Random(id)),
            Ok((WhoRef::Name(_), _)) | Err(_) => None,
        }
    }

    /// Its text, for the one who made it under this address of the target's.
    pub(crate) fn text(self, address: &str) -> impl fmt::Display + '_ {
        fmt::from_fn(move |f| match self {
            Reference::Random(bits) => write!(f, "{bits}"),
            Reference::Child(_) => f.write_str(address),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_from_its_text() {
        let (random, child) = (Reference::random(), Id::random());
        let address = Party::here(child).address(&"a:1".parse().expect("a place")).to_string();
        assert_eq!(Reference::parse(&random.text(&address).to_string()), Some(random));
        assert_eq!(
            Reference::parse(&Reference::Child(child).text(&address).to_string()),
            Some(Reference::Child(child))
        );
        for bad in ["", "name", "name@a:1", "@", &format!("{child}x"), &format!("z{}", &child.to_string()[1..])] {
            assert_eq!(Reference::parse(bad), None, "{bad}");
        }
    }
}
