//! The engine's words on the wire: which key is whose. No key has anything of the cookie.

use std::fmt;

use crate::address::Place;
use crate::mesh::engine::Presence;

/// All keys of ours. The number is the wire's version: nodes of another do not hear each other.
pub(super) const ALL: &str = "greenroom/1/**";

/// All liveliness tokens.
pub(super) const TOKENS: &str = "greenroom/1/live/*/*";

/// All questions for the holder of a name.
pub(super) const HOLDERS: &str = "greenroom/1/holder/*";

/// A presence as 128 bits, also the engine's own name for it. Of the incarnation too: one that stays the same over a
/// restart would let the new life fall into the old one's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(u128);

impl Id {
    pub fn of(presence: &Presence) -> Id {
        let mut hasher = blake3::Hasher::new_derive_key("greenroom 2026-11 mesh presence");
        hasher.update(&presence.incarnation.to_be_bytes());
        hasher.update(presence.place.as_str().as_bytes());
        let mut first = [0; 16];
        hasher.finalize_xof().fill(&mut first);
        // Written in hex, the engine allows no leading 0.
        Id(u128::from_be_bytes(first) | 1 << 127)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The token that is there as long as a node can be reached.
pub(super) fn token(presence: &Presence) -> String {
    format!("greenroom/1/live/{}/{:016x}", presence.place, presence.incarnation)
}

/// Whose token that is; nothing for a key that no node of this version makes.
pub(super) fn token_of(key: &str) -> Option<Presence> {
    let (place, incarnation) = key.strip_prefix("greenroom/1/live/")?.split_once('/')?;
    let incarnation = u64::from_str_radix(incarnation, 16).ok()?;
    let presence = Presence { place: place.parse().ok()?, incarnation };
    (presence.place.port() != 0 && token(&presence) == key).then_some(presence)
}

/// The one ordered lane between two nodes.
pub(super) fn lane(to: Id, from: Id) -> String {
    format!("greenroom/1/lane/{to}/{from}")
}

/// All lanes that end at a node.
pub(super) fn lanes(to: Id) -> String {
    format!("greenroom/1/lane/{to}/*")
}

/// Where a lane begins.
pub(super) fn lane_from(key: &str) -> Option<Id> {
    let from = key.rsplit('/').next()?;
    u128::from_str_radix(from, 16).ok().map(Id)
}

/// The question who holds a name.
pub(super) fn holder(place: &Place) -> String {
    format!("greenroom/1/holder/{place}")
}

/// The name that a question is for.
pub(super) fn holder_of(key: &str) -> Option<Place> {
    key.strip_prefix("greenroom/1/holder/")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::zenoh::key_expr::KeyExpr;
    use ::zenoh::session::ZenohId;

    #[test]
    fn keys_are_read_as_they_were_written() {
        for place in ["127.0.0.1:3433", "[::1]:3433", "a_b-c.example:65535"] {
            let presence = Presence { place: place.parse().unwrap(), incarnation: 0xab };
            assert_eq!(token_of(&token(&presence)), Some(presence.clone()));
            assert_eq!(holder_of(&holder(&presence.place)), Some(presence.place.clone()));
            let id = Id::of(&presence);
            assert_eq!(lane_from(&lane(Id::of(&presence), id)), Some(id));
            assert_eq!(id.to_string().parse::<ZenohId>().unwrap().to_string(), id.to_string());
            for key in [token(&presence), holder(&presence.place), lane(id, id), lanes(id)] {
                assert!(KeyExpr::new(ALL).unwrap().includes(&KeyExpr::new(key).unwrap()));
            }
        }
    }

    #[test]
    fn each_life_of_a_node_has_a_name_of_its_own() {
        let life = |incarnation| Id::of(&Presence { place: "a:1".parse().unwrap(), incarnation });
        assert_ne!(life(1), life(2));
        assert_eq!(life(1), life(1));
    }

    #[test]
    fn tokens_that_no_node_makes_are_none() {
        for key in [
            "greenroom/1/live/A:1/0000000000000001",
            "greenroom/1/live/a:1/1",
            "greenroom/1/live/a:0/0000000000000001",
            "x",
            "",
        ] {
            assert_eq!(token_of(key), None, "{key}");
        }
    }
}
