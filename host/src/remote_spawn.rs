//! What a node starts for its peers, and under which terms: its owner decides.

use std::collections::BTreeSet;

use crate::load_options::LoadOptions;
use crate::module_hash::ModuleHash;

/// What a node starts when a peer asks for it: see [`NodeBuilder::remote_spawn`](crate::NodeBuilder::remote_spawn).
///
/// All that one peer starts counts together: the limits hold for its tree, and what its actors are granted is what stands
/// here, whatever the spawner has. Without anything set a peer may start any module, as code that one would rather not
/// trust ([`LoadOptions::untrusted`]).
///
/// ```
/// use greenroom::{LoadOptions, ModuleHash, RemoteSpawn};
///
/// let hash = ModuleHash::of(b"the bytes of a module");
/// let only_that_one = RemoteSpawn::listed([hash]).options(LoadOptions::untrusted().limits("actors=100".parse()?));
/// # Ok::<_, greenroom::BadLimit>(())
/// ```
#[derive(Clone, Debug)]
pub struct RemoteSpawn {
    which: Which,
    pub(crate) options: LoadOptions,
    pub(crate) module_bytes_max: usize,
}

#[derive(Clone, Debug)]
enum Which {
    None,
    Listed(BTreeSet<ModuleHash>),
    All,
}

/// The largest module that is fetched from a peer unless its owner says otherwise, in bytes: an interpreter has 20 MB.
const MODULE_BYTES_MAX: usize = 32 << 20;

impl RemoteSpawn {
    /// Nothing.
    pub fn no() -> RemoteSpawn {
        RemoteSpawn::of(Which::None)
    }

    /// Only these modules, and those that this node's owner has loaded.
    pub fn listed(modules: impl IntoIterator<Item = ModuleHash>) -> RemoteSpawn {
        RemoteSpawn::of(Which::Listed(modules.into_iter().collect()))
    }

    /// Any module.
    pub fn yes() -> RemoteSpawn {
        RemoteSpawn::of(Which::All)
    }

    fn of(which: Which) -> RemoteSpawn {
        RemoteSpawn { which, options: LoadOptions::untrusted(), module_bytes_max: MODULE_BYTES_MAX }
    }

    /// What one peer's actors may do, and how much they may use, all of them together.
    pub fn options(mut self, options: LoadOptions) -> RemoteSpawn {
        self.options = options;
        self
    }

    /// How large a module may be that is fetched from a peer, in bytes: 32 MiB, unless this says otherwise.
    pub fn module_bytes_max(mut self, bytes: usize) -> RemoteSpawn {
        self.module_bytes_max = bytes;
        self
    }

    /// Whether anything is started for peers at all.
    pub(crate) fn is_any(&self) -> bool {
        !matches!(self.which, Which::None)
    }

    /// Whether a module is; `is_own`: the node's owner has loaded it.
    pub(crate) fn permits(&self, module: &ModuleHash, is_own: bool) -> bool {
        match &self.which {
            Which::None => false,
            Which::Listed(listed) => is_own || listed.contains(module),
            Which::All => true,
        }
    }
}

impl Default for RemoteSpawn {
    fn default() -> RemoteSpawn {
        RemoteSpawn::yes()
    }
}
