//! One grant by what a guest knows of it, as an actor asks for it.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::folder::{Access, guest_path};
use super::{Endpoint, GrantError};
use crate::address::quoted;

/// One grant, without what is behind it: a variable without its value, a folder by the path that guests know.
///
/// Written as on the command line: `env=NAME`, `dir=/data:rw`, `net=HOST:PORT`, `names`, `modules`, `remote-spawn`,
/// `fine-clock`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Grant {
    /// A variable of the environment.
    Env(String),
    /// A folder, by the guest's path.
    Dir(String, Access),
    /// Connections to a place on the network.
    Net(Endpoint),
    /// To have names, to find actors by name, and to reach them by it.
    Names,
    /// To spawn entries of other loaded modules.
    Modules,
    /// To spawn on other nodes.
    RemoteSpawn,
    /// Clocks finer than a millisecond.
    FineClock,
}

impl Grant {
    /// What kind of grant it is: the word before its `=`.
    pub fn key(&self) -> &'static str {
        match self {
            Grant::Env(_) => "env",
            Grant::Dir(..) => "dir",
            Grant::Net(_) => "net",
            Grant::Names => "names",
            Grant::Modules => "modules",
            Grant::RemoteSpawn => "remote-spawn",
            Grant::FineClock => "fine-clock",
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())?;
        match self {
            Grant::Env(name) => write!(f, "={name}"),
            Grant::Dir(guest, access) => write!(f, "={guest}:{access}"),
            Grant::Net(endpoint) => write!(f, "={endpoint}"),
            Grant::Names | Grant::Modules | Grant::RemoteSpawn | Grant::FineClock => Ok(()),
        }
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Grant, GrantError> {
        match Piece::read(text)? {
            Piece::Env(name) if name.contains('=') => {
                Err(GrantError::Env { text: quoted(name), why: "a value can be given on the command line only" })
            }
            Piece::Env(name) => Ok(Grant::Env(name.to_owned())),
            Piece::Dir(path) => {
                let (guest, access) = access(path);
                Ok(Grant::Dir(guest_path(guest)?, access))
            }
            Piece::Net(endpoint) => Ok(Grant::Net(endpoint.parse()?)),
            Piece::Plain(grant) => Ok(grant),
        }
    }
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Grant, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A grant's text, taken apart as far as it is the same for who gives and who asks.
pub(super) enum Piece<'a> {
    Env(&'a str),
    Dir(&'a str),
    Net(&'a str),
    /// One without a value.
    Plain(Grant),
}

impl Piece<'_> {
    pub(super) fn read(text: &str) -> Result<Piece<'_>, GrantError> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (text, None),
        };
        let plain = match key {
            "names" => Grant::Names,
            "modules" => Grant::Modules,
            "remote-spawn" => Grant::RemoteSpawn,
            "fine-clock" => Grant::FineClock,
            "env" | "dir" | "net" => {
                return match (key, value.filter(|value| !value.is_empty())) {
                    ("env", Some(value)) => Ok(Piece::Env(value)),
                    ("dir", Some(value)) => Ok(Piece::Dir(value)),
                    (_, Some(value)) => Ok(Piece::Net(value)),
                    (_, None) => Err(GrantError::NoValue { key: key.to_owned() }),
                };
            }
            _ => return Err(GrantError::Unknown { text: quoted(text) }),
        };
        match value {
            None => Ok(Piece::Plain(plain)),
            Some(_) => Err(GrantError::TakesNone { key: key.to_owned() }),
        }
    }
}

/// A path, and what may be done there: to read, unless it ends with `:rw`.
pub(super) fn access(path: &str) -> (&str, Access) {
    match path.rsplit_once(':') {
        Some((path, "ro")) => (path, Access::ReadOnly),
        Some((path, "rw")) => (path, Access::ReadWrite),
        _ => (path, Access::ReadOnly),
    }
}
