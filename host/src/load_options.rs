//! How a module is to be loaded: what its actors may do, and how much they may use.

use crate::codes::codes;
use crate::grants::Grants;
use crate::limits::Limits;

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

    /// The limits that it sets.
    pub fn limits(self) -> Limits {
        match self {
            Profile::Local => Limits::default(),
            Profile::Untrusted => Limits::untrusted(),
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
    pub(crate) limits: Limits,
}

impl LoadOptions {
    /// Begins with a profile.
    pub fn of(profile: Profile) -> LoadOptions {
        LoadOptions { grants: profile.grants(), limits: profile.limits() }
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

    /// These limits, and where they say nothing, those that were there. They hold for each actor of the module that is not the
    /// descendant of another one of it, with all below.
    pub fn limits(mut self, limits: Limits) -> LoadOptions {
        self.limits = limits.or(&self.limits);
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
