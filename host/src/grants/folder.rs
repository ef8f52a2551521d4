//! A folder that is granted: opened once, when it is granted.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::GrantError;
use crate::address::quoted;

/// What may be done with a folder and all that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// To look and to read: `ro`.
    ReadOnly,
    /// To write, make and delete too: `rw`.
    ReadWrite,
}

/// An open folder. What an actor opens in it is found from this handle and never by the folder's path: somebody who may
/// write around it could put a link to elsewhere in its place.
#[derive(Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    access: Access,
    handle: Arc<File>,
    /// Device and number: two handles of one folder have the same.
    identity: (u64, u64),
}

impl Folder {
    pub(super) fn open(path: &Path, access: Access) -> Result<Folder, GrantError> {
        let failed = |source| GrantError::Folder { path: quoted(&path.display().to_string()), source };
        // First asked what it is: to open a pipe would wait for its other end.
        if !path.metadata().map_err(failed)?.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        let handle = File::open(path).map_err(failed)?;
        let found = handle.metadata().map_err(failed)?;
        if !found.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Folder { path: path.to_owned(), access, handle: Arc::new(handle), identity: (found.dev(), found.ino()) })
    }

    /// As it was given, for people.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn access(&self) -> Access {
        self.access
    }

    pub(crate) fn handle(&self) -> &File {
        &self.handle
    }

    /// The same folder, to do so much with it at most.
    pub(super) fn narrowed(&self, access: Access) -> Folder {
        Folder { access: access.min(self.access), ..self.clone() }
    }

    /// What may be done by both, if they are one folder.
    pub(super) fn common(&self, other: &Folder) -> Option<Folder> {
        (self.identity == other.identity).then(|| self.narrowed(other.access))
    }
}

impl PartialEq for Folder {
    fn eq(&self, other: &Folder) -> bool {
        (self.identity, self.access) == (other.identity, other.access)
    }
}

impl Eq for Folder {}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.access)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Access::ReadOnly => "ro",
            Access::ReadWrite => "rw",
        })
    }
}

/// A guest's path in its one form: from the root, without `.` and doubled slashes.
pub(super) fn guest_path(path: &str) -> Result<String, GrantError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") || path.contains('\0') {
        return Err(GrantError::GuestPath { path: quoted(path) });
    }
    Ok(format!("/{}", parts.join("/")))
}
