//! What an actor may do at all: nothing of the machine's, unless somebody grants it.

mod endpoint;
mod folder;
mod grant;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

pub(crate) use endpoint::is_public;
pub use endpoint::{Endpoint, EndpointError, Host};
pub use folder::Access;
pub(crate) use folder::Folder;
pub use grant::Grant;
pub use text::GrantError;

use crate::address::quoted;
use crate::refusal::{Refusal, RefusalKind};

/// What an actor is granted. Each is a value of its own; there is nothing that grants all of them.
///
/// As text they are written as on the command line: `env=NAME=VALUE`, `dir=FOLDER::GUEST:rw`, `net=HOST:PORT`, `names`,
/// `modules`, `remote-spawn`, `fine-clock`, with commas between them.
///
/// ```
/// use greenroom::{Grant, Grants};
///
/// let grants: Grants = "env=LANG=C,net=api.example.org:443,names".parse()?;
/// assert!(grants.holds(&Grant::Names));
/// assert!(!grants.holds(&"net=api.example.org:80".parse()?));
/// # Ok::<_, greenroom::GrantError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// The embedding program's own: its actors' children have all that their modules were loaded with.
    program: bool,
    env: BTreeMap<String, String>,
    /// By what the guest calls them.
    dirs: BTreeMap<String, Folder>,
    net: BTreeSet<Endpoint>,
    names: bool,
    modules: bool,
    remote_spawn: bool,
    fine_clock: bool,
}

impl Grants {
    /// None.
    pub fn none() -> Grants {
        Grants::default()
    }

    /// What one's own code has: names, other modules, remote spawn and a fine clock. Nothing of the machine's.
    pub fn local() -> Grants {
        Grants::none().names().modules().remote_spawn().fine_clock()
    }

    /// What the embedding program has that these actors belong to.
    pub(crate) fn program() -> Grants {
        Grants { program: true, ..Grants::local() }
    }

    /// One more environment variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Grants {
        self.env.insert(name.into(), value.into());
        self
    }

    /// One more folder, and all that is in it, under the path `guest`. It is opened now: whatever is put in its place
    /// later, these actors see this one.
    ///
    /// # Errors
    ///
    /// If there is no such folder, or it cannot be opened; if `guest` has a `..` in it, or is granted already.
    pub fn dir(mut self, folder: impl AsRef<Path>, guest: &str, access: Access) -> Result<Grants, GrantError> {
        let guest = folder::guest_path(guest)?;
        if self.dirs.contains_key(&guest) {
            return Err(GrantError::Twice { guest });
        }
        self.dirs.insert(guest, Folder::open(folder.as_ref(), access)?);
        Ok(self)
    }

    /// Connections to one more place: TCP, and datagrams to and from it. Nothing grants that an actor listens.
    ///
    /// A name stands for the public addresses that the actor finds by looking it up, and for no others; `localhost` for
    /// those of this machine. An address that is not public has to be granted as such.
    pub fn net(mut self, endpoint: Endpoint) -> Grants {
        self.net.insert(endpoint);
        self
    }

    /// To have names, to find actors by name, and to reach them by it.
    pub fn names(self) -> Grants {
        Grants { names: true, ..self }
    }

    /// To spawn entries of other loaded modules.
    pub fn modules(self) -> Grants {
        Grants { modules: true, ..self }
    }

    /// To spawn on other nodes.
    pub fn remote_spawn(self) -> Grants {
        Grants { remote_spawn: true, ..self }
    }

    /// Clocks as fine as the machine's. Without it they move in steps of a millisecond.
    pub fn fine_clock(self) -> Grants {
        Grants { fine_clock: true, ..self }
    }

    /// These and the others. What the others say of a variable or a path counts.
    pub fn and(mut self, other: Grants) -> Grants {
        self.env.extend(other.env);
        self.dirs.extend(other.dirs);
        self.net.extend(other.net);
        Grants {
            program: false,
            names: self.names || other.names,
            modules: self.modules || other.modules,
            remote_spawn: self.remote_spawn || other.remote_spawn,
            fine_clock: self.fine_clock || other.fine_clock,
            ..self
        }
    }

    /// Whether it is among them, or in one of them.
    pub fn holds(&self, grant: &Grant) -> bool {
        match grant {
            Grant::Env(name) => self.env.contains_key(name),
            Grant::Dir(guest, access) => self.dirs.get(guest).is_some_and(|folder| folder.access() >= *access),
            Grant::Net(endpoint) => self.program || self.net.iter().any(|granted| granted.covers(endpoint)),
            Grant::Names => self.names,
            Grant::Modules => self.modules,
            Grant::RemoteSpawn => self.remote_spawn,
            Grant::FineClock => self.fine_clock,
        }
    }

    /// Exactly those of them that are asked for.
    ///
    /// # Errors
    ///
    /// The first that is not among them.
    pub(crate) fn narrowed(&self, asked: &[Grant]) -> Result<Grants, Grant> {
        asked.iter().try_fold(Grants::none(), |mut narrowed, grant| {
            if !self.holds(grant) {
                return Err(grant.clone());
            }
            match grant {
                Grant::Env(name) => _ = narrowed.env.insert(name.clone(), self.env[name].clone()),
                Grant::Dir(guest, access) => {
                    _ = narrowed.dirs.insert(guest.clone(), self.dirs[guest].narrowed(*access));
                }
                Grant::Net(endpoint) => _ = narrowed.net.insert(endpoint.clone()),
                Grant::Names => narrowed.names = true,
                Grant::Modules => narrowed.modules = true,
                Grant::RemoteSpawn => narrowed.remote_spawn = true,
                Grant::FineClock => narrowed.fine_clock = true,
            }
            Ok(narrowed)
        })
    }

    /// What is in both. Folders keep the paths that they have here.
    pub(crate) fn common(&self, other: &Grants) -> Grants {
        match (self.program, other.program) {
            (_, true) => return self.clone(),
            (true, _) => return other.clone(),
            _ => {}
        }
        let folder =
            |mine: &Folder| other.dirs.values().filter_map(|theirs| mine.common(theirs)).max_by_key(Folder::access);
        let endpoints =
            |mine: &Endpoint| -> Vec<Endpoint> { other.net.iter().filter_map(|theirs| mine.common(theirs)).collect() };
        Grants {
            program: false,
            env: self.env.iter().filter(|(name, value)| other.env.get(*name) == Some(value)).map(owned).collect(),
            dirs: self.dirs.iter().filter_map(|(guest, mine)| Some((guest.clone(), folder(mine)?))).collect(),
            net: self.net.iter().flat_map(endpoints).collect(),
            names: self.names && other.names,
            modules: self.modules && other.modules,
            remote_spawn: self.remote_spawn && other.remote_spawn,
            fine_clock: self.fine_clock && other.fine_clock,
        }
    }

    /// What a child has: what its spawner has, of which in another module only that counts which the module was loaded
    /// with; without a spawner what the module was loaded with. Of this, exactly what is asked for, if anything is.
    ///
    /// # Errors
    ///
    /// `not-permitted`, if more is asked for.
    pub(crate) fn of_child(
        spawner: Option<&Arc<Grants>>,
        module: Option<&Arc<Grants>>,
        asked: Option<&[Grant]>,
    ) -> Result<Arc<Grants>, Refusal> {
        let most = match (spawner, module) {
            (None, None) => Arc::new(Grants::program()),
            (Some(most), None) | (None, Some(most)) => most.clone(),
            (Some(spawner), Some(module)) => match module.common(spawner) {
                common if common == **module => module.clone(),
                common => Arc::new(common),
            },
        };
        let Some(asked) = asked else { return Ok(most) };
        most.narrowed(asked).map(Arc::new).map_err(|more| {
            let whose = if module.is_some() { "its spawner and its module have" } else { "its spawner has" };
            let more_shown = quoted(&more.to_string());
            let message = format!("cannot spawn: a child has at most what {whose}, and `{more_shown}` is not among it");
            not_permitted(&more, message)
        })
    }

    /// Whether this may be done.
    ///
    /// # Errors
    ///
    /// `not-permitted`, with what was tried and what would allow it.
    pub(crate) fn permit(&self, grant: &Grant, tried: impl FnOnce() -> String) -> Result<(), Refusal> {
        if self.holds(grant) {
            return Ok(());
        }
        Err(not_permitted(grant, format!("{}: not granted; --allow {grant} would allow it", tried())))
    }

    /// The environment.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&String, &String)> {
        self.env.iter()
    }

    /// The folders, by what the guest calls them.
    pub(crate) fn folders(&self) -> impl Iterator<Item = (&String, &Folder)> {
        self.dirs.iter()
    }

    /// Whether anything of the network is among them.
    pub(crate) fn has_network(&self) -> bool {
        !self.net.is_empty()
    }

    /// Whether one of them is for this address as such, whatever the port.
    pub(crate) fn has_address(&self, address: IpAddr) -> bool {
        self.net.iter().any(|granted| *granted.host() == Host::Address(address))
    }

    /// Whether one of them is for this name, whatever the port.
    pub(crate) fn has_host(&self, name: &str) -> bool {
        self.net.iter().any(|granted| matches!(granted.host(), Host::Name(granted) if granted == name))
    }

    /// Whether files or sockets are among them.
    pub(crate) fn needs_io(&self) -> bool {
        self.has_network() || !self.dirs.is_empty()
    }
}

/// The key of a refusal that names the grant for want of which something was refused.
const GRANT: &str = "grant";

fn not_permitted(grant: &Grant, message: String) -> Refusal {
    Refusal::new(RefusalKind::NotPermitted, message).with(GRANT, grant.to_string())
}

impl Refusal {
    /// For want of which grant it is, if it is for that.
    pub(crate) fn grant(&self) -> Option<Grant> {
        (self.kind() == RefusalKind::NotPermitted).then(|| self.details().get(GRANT))??.as_str()?.parse().ok()
    }
}

fn owned((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

#[cfg(test)]
mod tests;
