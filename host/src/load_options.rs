//! How a module is to be loaded: what its actors may do, beside its bytes and its name.

use crate::codes::codes;
use crate::grants::Grants;

codes! {
    /// What a module's actors have to begin with.
    Profile {
        /// For one's own code.
        Local = "local",
        /// For code that one would rather not trust: no names, no other modules, clocks that move in steps of a millisecond.
        Untrusted = "untrusted",
    }
}

impl Profile {
    /// What it grants. Nothing of the machine's in either.
    pub fn grants(self) -> Grants {
        match self {
            Profile::Local => Grants::local(),
            Profile::Untrusted => Grants::none(),
        }
    }
}

/// How a module is loaded: see [`Node::load_with`](crate::Node::load_with). Without anything set it is one's own code.
///
/// ```
/// use greenroom::LoadOptions;
///
/// let options = LoadOptions::untrusted().allow("net=api.example.org:443".parse()?);
/// assert!(options.grants().holds(&"net=api.example.org:443".parse()?));
/// # Ok::<_, greenroom::GrantError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    pub(crate) grants: Grants,
}

impl LoadOptions {
    /// Begins with a profile.
    pub fn of(profile: Profile) -> LoadOptions {
        LoadOptions { grants: profile.grants() }
    }

    /// For one's own code.
    pub fn local() -> LoadOptions {
        LoadOptions::of(Profile::Local)
    }

    /// For code that one would rather not trust.
    pub fn untrusted() -> LoadOptions {
        LoadOptions::of(Profile::Untrusted)
    }

    /// Grants these too.
    pub fn allow(mut self, grants: Grants) -> LoadOptions {
        self.grants = self.grants.and(grants);
        self
    }

    /// What the module's actors are granted: those that the program starts, and at most that their children.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }
}

impl Default for LoadOptions {
    fn default() -> LoadOptions {
        LoadOptions::local()
    }
}
