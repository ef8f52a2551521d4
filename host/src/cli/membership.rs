//! Of which mesh a node is, and under what name: `--name`, `--listen`, `--join` and `--cookie-file`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::cookie::CookieFile;
use super::exit::{Code, Failure};
use crate::address::{AddressError, Id, Place};
use crate::mesh::{JoinError, Mesh};

/// A node's place in a mesh. Texts, and read only when they are used: clap repeats what it cannot read, and somebody may
/// write a cookie here.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Mesh")]
pub(super) struct Membership {
    /// Be a node of a mesh, under the name by which the others reach this one
    #[arg(long, value_name = "HOST:PORT")]
    name: Option<String>,

    /// Listen here instead of at the name, such as 0.0.0.0:3433
    #[arg(long, value_name = "ADDR", requires = "name")]
    listen: Option<String>,

    /// Meet this node, and by it all others of its mesh; may be repeated
    #[arg(long, value_name = "HOST:PORT")]
    join: Vec<String>,

    /// The file with the mesh's cookie [default: GREENROOM_COOKIE_FILE, or what `greenroom cookie new` makes]
    #[arg(long, value_name = "FILE")]
    cookie_file: Option<PathBuf>,
}

/// A node to be.
pub(super) struct Member {
    pub mesh: Mesh,
    /// The whole one, with the cookie.
    pub name: String,
    /// The one without.
    pub place: Place,
}

/// The mesh of one that a node without a name is, which nobody can join. Nothing listens there.
const ALONE: &str = "127.0.0.1:3433";

/// Any free port of this machine.
const HERE: &str = "127.0.0.1:0";

impl Membership {
    /// Whether the node meets others at all.
    pub(super) fn is_any(&self) -> bool {
        self.name.is_some() || !self.join.is_empty()
    }

    /// The node meets this one too. Itself it need not meet.
    pub(super) fn meet(&mut self, other: &Place) {
        self.join.push(other.to_string());
    }

    pub(super) fn has_name(&self) -> bool {
        self.name.is_some()
    }

    /// Reads the flags, and the cookie's file. Costs nothing, so it comes before what does.
    ///
    /// # Errors
    ///
    /// What of them is wrong.
    pub(super) fn mesh(&self) -> Result<Member, Failure> {
        if !self.is_any() {
            if self.cookie_file.is_some() {
                let message = "--cookie-file is for a node of a mesh";
                return Err(Failure::new(Code::Usage, message).help("it needs --name HOST:PORT, or --join HOST:PORT"));
            }
            let place = ALONE.parse().expect("it is a place");
            return Ok(Member { mesh: Mesh::new(), name: format!("{}@{ALONE}", Id::random()), place });
        }
        let peers = self.join.iter().map(|peer| place("--join", peer)).collect::<Result<Vec<Place>, _>>()?;
        let name = match &self.name {
            Some(name) => place("--name", name)?,
            None => match peers.iter().find(|peer| !peer.is_loopback()) {
                None => HERE.parse().expect("it is a place"),
                Some(peer) => {
                    let message = format!("a node that meets {peer} needs a name by which the others reach it");
                    return Err(Failure::new(Code::Usage, message).help("--name HOST:PORT"));
                }
            },
        };
        let listen = self.listen.as_ref().map(|text| listen(text, name.port())).transpose()?;
        let mesh = joined(&peers, listen)?;
        let cookie = CookieFile::find(self.cookie_file.clone())?.read()?;
        Ok(Member { mesh, name: format!("{cookie}@{name}"), place: name })
    }
}

/// Reads a `HOST:PORT`. One with a cookie before it is not repeated.
pub(super) fn place(flag: &str, text: &str) -> Result<Place, Failure> {
    if text.contains('@') {
        let message = format!("{flag} takes HOST:PORT, without a cookie: everybody on this machine can read arguments");
        return Err(Failure::new(Code::Usage, message)
            .help("put the cookie in a file (--cookie-file), and make a new one if this one was true"));
    }
    text.parse().map_err(|why: AddressError| Failure::new(Code::Usage, format!("{flag}: {why}")))
}

/// An address and a port, or an address alone, for the port of the name.
fn listen(text: &str, port: u16) -> Result<SocketAddr, Failure> {
    let with_port = text.parse::<SocketAddr>().ok();
    let alone = || text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, port));
    with_port.or_else(alone).ok_or_else(|| {
        let shown = crate::address::quoted(text);
        let message = format!("--listen takes an address of this machine, such as 0.0.0.0:3433, and not `{shown}`");
        Failure::new(Code::Usage, message)
    })
}

#[cfg(feature = "mesh")]
fn joined(peers: &[Place], listen: Option<SocketAddr>) -> Result<Mesh, Failure> {
    let mesh = Mesh::join(peers.iter().map(Place::as_str)).map_err(|why| Failure::new(Code::Usage, why))?;
    Ok(match listen {
        Some(address) => mesh.listen(address),
        None => mesh,
    })
}

#[cfg(not(feature = "mesh"))]
fn joined(_: &[Place], _: Option<SocketAddr>) -> Result<Mesh, Failure> {
    let message = "this greenroom was built without the mesh, so its nodes meet no others";
    Err(Failure::new(Code::Usage, message).help("build it with the feature `mesh`, which is on by default"))
}

/// Why a node may not join, with its exit code and what to do.
pub(super) fn not_joined(why: &JoinError) -> Failure {
    let (code, help) = match why {
        JoinError::WrongCookie { .. } => {
            (Code::NotPermitted, "all nodes of a mesh have the same cookie: copy its file from one of them")
        }
        JoinError::NameTaken { .. } => {
            (Code::Usage, "each node has a --name of its own; stop the other, or choose one")
        }
        JoinError::NoPort { .. } => (Code::Usage, "choose another host in --name"),
        JoinError::ShortCookie { .. } => (Code::Usage, "greenroom cookie new --file FILE"),
        JoinError::Unreachable { .. } => (
            Code::Unreachable,
            "is it running (greenroom node --name HOST:PORT)? Do firewalls let UDP through to that port?",
        ),
        JoinError::NotANode { .. } => {
            (Code::Unreachable, "is the port right? A node listens at the port of its --name")
        }
        JoinError::OtherVersion { .. } => (Code::Unreachable, "run the same version of greenroom on both"),
        JoinError::Engine { .. } => (Code::Usage, "--listen must be an address of this machine, and its port free"),
    };
    Failure::new(code, why).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(name: Option<&str>, listen: Option<&str>, join: &[&str]) -> Membership {
        Membership {
            name: name.map(str::to_owned),
            listen: listen.map(str::to_owned),
            join: join.iter().map(ToString::to_string).collect(),
            cookie_file: Some("/nowhere/cookie".into()),
        }
    }

    fn refused(membership: &Membership) -> (Code, String) {
        let failure = membership.mesh().err().expect("it is wrong");
        (failure.code, failure.message)
    }

    #[test]
    fn a_cookie_is_no_argument_and_is_not_repeated() {
        for membership in
            [membership(Some("s3cret@127.0.0.1:1"), None, &[]), membership(None, None, &["s3cret@127.0.0.1:1"])]
        {
            let failure = membership.mesh().err().expect("it has a cookie");
            assert_eq!(failure.code, Code::Usage);
            assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
        }
    }

    #[test]
    fn who_meets_another_machine_needs_a_name() {
        let (code, said) = refused(&membership(None, None, &["127.0.0.1:1", "b.example:1"]));
        assert!(code == Code::Usage && said.contains("b.example:1"), "{said}");
    }

    #[test]
    fn a_listening_address_may_leave_the_port_to_the_name() {
        for (text, address) in
            [("0.0.0.0", "0.0.0.0:7"), ("0.0.0.0:8", "0.0.0.0:8"), ("::", "[::]:7"), ("[::]:8", "[::]:8")]
        {
            assert_eq!(listen(text, 7).map(|address| address.to_string()).as_deref(), Ok(address));
        }
        for text in ["all", "", "a.example:1", "0.0.0.0:70000"] {
            assert!(listen(text, 7).is_err(), "{text}");
        }
    }

    #[cfg(feature = "mesh")]
    #[test]
    fn the_cookie_s_file_is_needed() {
        assert_eq!(refused(&membership(Some("127.0.0.1:1"), None, &[])).0, Code::NotFound);
    }

    #[cfg(not(feature = "mesh"))]
    #[test]
    fn a_program_without_the_mesh_says_so() {
        let (code, said) = refused(&membership(Some("127.0.0.1:1"), None, &[]));
        assert!(code == Code::Usage && said.contains("without the mesh"), "{said}");
    }
}
