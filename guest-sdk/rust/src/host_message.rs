//! What the node itself tells an actor: ends that it asked to hear of, requests to end, nodes that come and go.

use crate::{Address, Exception, Json, Outcome};
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A message that the node made. Nobody else can: [`receive_as`](crate::receive_as) takes one of these types only from
/// the node, whatever an actor may send that looks like it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum HostMessage {
    /// A linked or monitored actor ended.
    Ended(Ended),
    /// An ancestor, or the operator, asks this actor to end.
    Shutdown(Shutdown),
    /// Another node can be reached from now on.
    NodeUp(NodeUp),
    /// Another node cannot be reached any more.
    NodeDown(NodeDown),
    /// What this version of the crate has no words for.
    Other(Json),
}

/// A linked actor ended while this one [traps exits](crate::trap_exit), or a monitored one did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Ended {
    /// Who: the text by which this actor linked or monitored it.
    pub address: Address,
    /// How. An exception is cut to 4 KiB: then its object has `"large": true`.
    pub outcome: Outcome,
    /// The [reference](crate::Monitor::reference) of the monitor that this message is for; `None`: it is a link's.
    pub monitor: Option<Box<str>>,
    /// Whether a value over 4 KiB was left out: [`Address::wait`] has it.
    pub large: bool,
}

/// An actor that [traps exits](crate::trap_exit) was asked to end, by [`Address::exit`] or the node's shutdown. It decides
/// what to do, and does it soon: whoever asked may kill it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Shutdown {
    /// Who asked; `None`: the operator of the node.
    pub by: Option<Address>,
    /// Why. Null if it was over 4 KiB.
    pub reason: Json,
}

/// Another node can be reached from now on: for an actor that [monitors nodes](crate::monitor_nodes).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeUp {
    /// Its name, `HOST:PORT`.
    pub node: String,
}

/// Another node cannot be reached any more: for an actor that [monitors nodes](crate::monitor_nodes). All that stood with
/// actors there, links, monitors and waits, has ended with an exception of type `noconnection`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeDown {
    /// Its name, `HOST:PORT`.
    pub node: String,
    /// Why, for people.
    pub reason: String,
}

/// The names by which `typed` knows these types when it reads them, and the patterns that each asks for.
const MARKS: [(&str, &[&str]); 5] = [
    (ANY, &[r#"{"$host":{"$type":"any"}}"#]),
    (
        ENDED,
        &[
            r#"{"$host":{"address":{"$type":"string"},"exit":{"$type":"any"}}}"#,
            r#"{"$host":{"address":{"$type":"string"},"exception":{"$type":"object"}}}"#,
        ],
    ),
    (SHUTDOWN, &[r#"{"$host":{"shutdown":{"$type":"any"}}}"#]),
    (NODE_UP, &[r#"{"$host":{"node":{"$type":"string"},"up":true}}"#]),
    (NODE_DOWN, &[r#"{"$host":{"node":{"$type":"string"},"up":false}}"#]),
];
const ANY: &str = "$host";
const ENDED: &str = "$host ended";
const SHUTDOWN: &str = "$host shutdown";
const NODE_UP: &str = "$host node up";
const NODE_DOWN: &str = "$host node down";

/// The patterns of the type that goes by this name, if it is one of these.
pub(crate) fn patterns(mark: &str) -> Option<&'static [&'static str]> {
    MARKS.iter().find(|(known, _)| *known == mark).map(|(_, patterns)| *patterns)
}

/// All the keys there are. An option is what is missing or null; what may be null itself is told apart from missing.
#[derive(serde::Deserialize)]
struct Told {
    address: Option<String>,
    #[serde(default, deserialize_with = "present")]
    exit: Option<Json>,
    exception: Option<Exception>,
    #[serde(default, deserialize_with = "present")]
    shutdown: Option<Json>,
    monitor: Option<Box<str>>,
    #[serde(default)]
    large: bool,
    node: Option<String>,
    up: Option<bool>,
    reason: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

impl HostMessage {
    fn of(message: Json) -> Self {
        let Ok(told) = Told::deserialize(&message) else { return Self::Other(message) };
        let Told { address, exit, exception, shutdown, monitor, large, node, up, reason } = told;
        if let (Some(node), Some(up)) = (&node, up) {
            let (node, reason) = (node.clone(), reason.unwrap_or_default());
            return if up { Self::NodeUp(NodeUp { node }) } else { Self::NodeDown(NodeDown { node, reason }) };
        }
        let address = address.map(Address::of_node);
        let outcome = exit.map(Outcome::Exit).or(exception.map(Outcome::Exception));
        match (address, outcome, shutdown) {
            (Some(address), Some(outcome), None) => Self::Ended(Ended { address, outcome, monitor, large }),
            (by, None, Some(reason)) => Self::Shutdown(Shutdown { by, reason }),
            _ => Self::Other(message),
        }
    }

    /// Reads a message, and says to a deserializer that asks which type it is for.
    fn read<'de, D: Deserializer<'de>>(mark: &'static str, deserializer: D) -> Result<Self, D::Error> {
        struct Inside;

        impl<'de> Visitor<'de> for Inside {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message of the node")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
                Json::deserialize(deserializer)
            }
        }

        deserializer.deserialize_newtype_struct(mark, Inside).map(Self::of)
    }
}

impl<'de> Deserialize<'de> for HostMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(ANY, deserializer)
    }
}

impl<'de> Deserialize<'de> for Ended {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match HostMessage::read(ENDED, deserializer)? {
            HostMessage::Ended(ended) => Ok(ended),
            _ => Err(D::Error::custom("the message does not say that an actor ended")),
        }
    }
}

impl<'de> Deserialize<'de> for Shutdown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match HostMessage::read(SHUTDOWN, deserializer)? {
            HostMessage::Shutdown(shutdown) => Ok(shutdown),
            _ => Err(D::Error::custom("the message does not ask this actor to end")),
        }
    }
}

impl<'de> Deserialize<'de> for NodeUp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match HostMessage::read(NODE_UP, deserializer)? {
            HostMessage::NodeUp(up) => Ok(up),
            _ => Err(D::Error::custom("the message does not say that a node is up")),
        }
    }
}

impl<'de> Deserialize<'de> for NodeDown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match HostMessage::read(NODE_DOWN, deserializer)? {
            HostMessage::NodeDown(down) => Ok(down),
            _ => Err(D::Error::custom("the message does not say that a node is down")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read(text: &str) -> HostMessage {
        serde_json::from_str(text).unwrap()
    }

    fn ended(text: &str) -> Ended {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_end_by_a_value_may_be_null_or_left_out() {
        let null = ended(r#"{"address":"a@b:1","exit":null}"#);
        assert_eq!((null.address.as_str(), &null.outcome), ("a@b:1", &Outcome::Exit(Json::Null)));
        assert_eq!((null.monitor.as_deref(), null.large), (None, false));
        let large = ended(r#"{"address":"a@b:1","exit":null,"large":true,"monitor":"r"}"#);
        assert_eq!((large.monitor.as_deref(), large.large), (Some("r"), true));
    }

    #[test]
    fn an_exception_is_told_as_it_is() {
        let Outcome::Exception(exception) =
            ended(r#"{"address":"a@b:1","exception":{"type":"killed","message":"so","more":1}}"#).outcome
        else {
            panic!("no exception")
        };
        assert_eq!((exception.kind(), &exception.as_json()["more"]), ("killed", &json!(1)));
    }

    #[test]
    fn a_request_to_end_says_who_asks_unless_it_is_the_operator() {
        let HostMessage::Shutdown(shutdown) = read(r#"{"address":null,"shutdown":null}"#) else { panic!("no request") };
        assert_eq!(shutdown, Shutdown { by: None, reason: Json::Null });
        let shutdown: Shutdown = serde_json::from_str(r#"{"address":"a@b:1","shutdown":[1]}"#).unwrap();
        assert_eq!((shutdown.by, shutdown.reason), (Some("a@b:1".parse().unwrap()), json!([1])));
    }

    #[test]
    fn a_node_comes_and_goes() {
        let up: NodeUp = serde_json::from_str(r#"{"node":"b:1","up":true}"#).unwrap();
        assert_eq!(up, NodeUp { node: "b:1".into() });
        let down: NodeDown = serde_json::from_str(r#"{"node":"b:1","up":false,"reason":"so"}"#).unwrap();
        assert_eq!(down, NodeDown { node: "b:1".into(), reason: "so".into() });
        assert!(serde_json::from_str::<NodeUp>(r#"{"node":"b:1","up":false,"reason":"so"}"#).is_err());
    }

    #[test]
    fn what_is_neither_is_kept_as_it_is() {
        for text in [r#"{"node":"b:1"}"#, "1", r#"{"address":"a@b:1"}"#, r#"{"exit":1}"#] {
            assert_eq!(read(text), HostMessage::Other(serde_json::from_str(text).unwrap()), "{text}");
            assert!(serde_json::from_str::<Ended>(text).is_err() && serde_json::from_str::<Shutdown>(text).is_err());
        }
    }
}
