//! Where control sockets are: in a folder of the user's own, a file for each node.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::super::exit::{Code, Failure};
use crate::address::Place;

/// A socket that was bound, and what comes to it. Dropped, its file goes, unless another's has taken its place.
pub(in crate::cli) struct Socket {
    folder: PathBuf,
    path: PathBuf,
    inode: u64,
    /// Until it is served.
    listener: Option<UnixListener>,
}

/// How its file's name ends, behind the node's.
const ENDING: &str = ".sock";

/// The file that is locked while a socket comes or goes.
const LOCK: &str = "lock";

impl Socket {
    /// Binds a node's socket. That of a node which is dead is replaced.
    ///
    /// # Errors
    ///
    /// If a node of that name runs, if the folder is not the user's alone, or if the system does not let it be bound.
    pub(in crate::cli) fn bind(node: &Place) -> Result<Socket, Failure> {
        let folder = folder(true)?.expect("it was made");
        let path = folder.join(format!("{node}{ENDING}"));
        let cannot = |why: io::Error| {
            let shown = path.display();
            let failure = Failure::new(Code::Usage, format!("cannot make the control socket {shown}: {why}"));
            match why.kind() {
                ErrorKind::InvalidInput => failure.help(format!(
                    "its path has {} bytes, and systems take about 100: set XDG_RUNTIME_DIR to a shorter folder, or choose \
                     a shorter --name",
                    path.as_os_str().len()
                )),
                _ => failure,
            }
        };
        let _locked = locked(&folder).map_err(cannot)?;
        let listener = match UnixListener::bind(&path) {
            Err(why) if why.kind() == ErrorKind::AddrInUse => {
                if UnixStream::connect(&path).is_ok() {
                    let message =
                        format!("a node with the name {node} is running: it has the socket {}", path.display());
                    return Err(Failure::new(Code::Usage, message).help("stop the other, or choose another --name"));
                }
                fs::remove_file(&path).and_then(|()| UnixListener::bind(&path)).map_err(cannot)?
            }
            bound => bound.map_err(cannot)?,
        };
        // The folder lets nobody else in meanwhile.
        let made = fs::set_permissions(&path, Permissions::from_mode(0o600)).and_then(|()| path.symlink_metadata());
        let inode = made.map_err(cannot)?.ino();
        Ok(Socket { folder, path, inode, listener: Some(listener) })
    }

    /// Who connects. Once.
    pub(super) fn listener(&mut self) -> UnixListener {
        self.listener.take().expect("it is served once")
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _locked = locked(&self.folder);
        if self.path.symlink_metadata().is_ok_and(|about| about.ino() == self.inode) {
            // If it stays, the next node of this name finds it dead and replaces it.
            _ = fs::remove_file(&self.path);
        }
    }
}

/// The user's nodes that run on this machine: their names and connections, in the order of the names.
pub(super) fn running() -> Result<Vec<(Place, UnixStream)>, Failure> {
    let Some(folder) = folder(false)? else { return Ok(Vec::new()) };
    let cannot = |why| Failure::new(Code::Failed, format!("cannot list {}: {why}", folder.display()));
    let files = fs::read_dir(&folder).map_err(cannot)?.filter_map(Result::ok);
    let mut nodes: Vec<(Place, UnixStream)> = files.filter_map(|file| live(&file.path())).collect();
    nodes.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(nodes)
}

fn live(file: &Path) -> Option<(Place, UnixStream)> {
    let place = file.file_name()?.to_str()?.strip_suffix(ENDING)?.parse().ok()?;
    Some((place, UnixStream::connect(file).ok()?))
}

/// The folder, which only its user can enter. None: it is not there and was not to be made.
fn folder(make: bool) -> Result<Option<PathBuf>, Failure> {
    // As the specification of XDG_RUNTIME_DIR wants it: a relative one does not count.
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let user = geteuid().as_raw();
    let folder = match named {
        Some(folder) => folder.join("greenroom"),
        None => std::env::temp_dir().join(format!("greenroom-{user}")),
    };
    let shown = folder.display();
    let cannot = |why| {
        let message = format!("cannot use {shown}, where the control sockets of nodes are: {why}");
        Failure::new(Code::Usage, message).help("XDG_RUNTIME_DIR must name a folder of yours, or not be set")
    };
    if make {
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(why) if why.kind() != ErrorKind::AlreadyExists => return Err(cannot(why.to_string())),
            _ => {}
        }
    }
    // Not followed: in a folder for all, a link could be anybody's.
    let about = match folder.symlink_metadata() {
        Err(why) if why.kind() == ErrorKind::NotFound && !make => return Ok(None),
        about => about.map_err(|why| cannot(why.to_string()))?,
    };
    if !about.is_dir() {
        return Err(cannot("it is no folder".to_owned()));
    }
    if about.uid() != user {
        return Err(cannot(format!("it belongs to the user {}, and this is {user}", about.uid())));
    }
    if about.mode() & 0o077 != 0 {
        return Err(cannot("others can enter it".to_owned()).help(format!("chmod 700 {shown}")));
    }
    Ok(Some(folder))
}

/// Until it is dropped, no other program's socket comes or goes.
fn locked(folder: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join(LOCK))?;
    file.lock()?;
    Ok(file)
}
