//! Grants as the command line and configurations have them.

use std::io;
use std::path::Path;
use std::str::FromStr;

use thiserror::Error;

use super::Grants;
use super::endpoint::EndpointError;
use super::grant::{Grant, Piece, access};
use crate::address::quoted;

/// A text that grants nothing, or a thing that cannot be granted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GrantError {
    /// There is no grant of that name.
    #[error(
        "there is no grant `{text}`; there are env=NAME[=VALUE], dir=FOLDER[::GUEST][:ro|:rw], net=HOST:PORT, names, \
         modules, remote-spawn, fine-clock"
    )]
    Unknown {
        /// As it was given.
        text: String,
    },
    /// It needs a value.
    #[error("`{key}` needs a value: {}", form(key))]
    NoValue {
        /// Which.
        key: String,
    },
    /// It has no value.
    #[error("`{key}` takes no value: write `{key}` alone")]
    TakesNone {
        /// Which.
        key: String,
    },
    /// A variable that cannot be granted.
    #[error("cannot grant the variable `{text}`: {why}")]
    Env {
        /// As it was given.
        text: String,
        /// Why not.
        why: &'static str,
    },
    /// A folder that cannot be opened.
    #[error("cannot grant the folder `{path}`: {}; it is written dir=FOLDER[::GUEST][:ro|:rw]", cause(source))]
    Folder {
        /// As it was given.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// What the guest is to call a folder cannot be a path.
    #[error(
        "`{path}` cannot be what a guest calls a folder: there is no `..` in it. Give it another, as in dir=../data::/data"
    )]
    GuestPath {
        /// As it was given.
        path: String,
    },
    /// Two folders under one path.
    #[error("two folders are granted as `{guest}`: give one of them another path, as in dir=FOLDER::/other")]
    Twice {
        /// The path.
        guest: String,
    },
    /// No place on the network.
    #[error("cannot grant a connection: {0}")]
    Endpoint(#[from] EndpointError),
}

fn form(key: &str) -> &'static str {
    match key {
        "env" => "env=NAME, or env=NAME=VALUE",
        "dir" => "dir=FOLDER, dir=FOLDER:rw, or dir=FOLDER::GUEST:rw",
        _ => "net=HOST:PORT, or net=HOST:*",
    }
}

fn cause(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::NotFound => "there is none of that name".to_owned(),
        io::ErrorKind::NotADirectory => "it is a file".to_owned(),
        _ => source.to_string(),
    }
}

impl FromStr for Grants {
    type Err = GrantError;

    /// Reads `env=LANG,dir=./data:rw,names`. A variable without a value is taken from this program's environment. Folders
    /// are opened.
    fn from_str(text: &str) -> Result<Grants, GrantError> {
        let mut pieces = text.split(',').map(str::trim).filter(|piece| !piece.is_empty());
        pieces.try_fold(Grants::none(), |grants, piece| match Piece::read(piece)? {
            Piece::Env(variable) => env(grants, variable),
            Piece::Dir(folder) => dir(grants, folder),
            Piece::Net(endpoint) => Ok(grants.net(endpoint.parse()?)),
            Piece::Plain(Grant::Names) => Ok(grants.names()),
            Piece::Plain(Grant::Modules) => Ok(grants.modules()),
            Piece::Plain(Grant::RemoteSpawn) => Ok(grants.remote_spawn()),
            Piece::Plain(_) => Ok(grants.fine_clock()),
        })
    }
}

fn env(grants: Grants, variable: &str) -> Result<Grants, GrantError> {
    let bad = |why| GrantError::Env { text: quoted(variable), why };
    let (name, value) = match variable.split_once('=') {
        Some(("", _)) => return Err(bad("it has no name")),
        Some((name, value)) => (name, value.to_owned()),
        None => {
            let value = std::env::var_os(variable).ok_or_else(|| bad("it is not set here: write env=NAME=VALUE"))?;
            (variable, value.into_string().map_err(|_| bad("its value is no UTF-8"))?)
        }
    };
    Ok(grants.env(name, value))
}

fn dir(grants: Grants, text: &str) -> Result<Grants, GrantError> {
    let (path, access) = access(text);
    match path.split_once("::") {
        Some((folder, guest)) => grants.dir(Path::new(folder), guest, access),
        None => grants.dir(Path::new(path), path, access),
    }
}
