//! Under what terms a module is loaded: what its actors may use.

use crate::codes::codes;
use crate::limits::Limits;

codes! {
    /// Amounts for code that one trusts more or less.
    Profile {
        /// One's own code: the node's bounds, and no other limit.
        Local = "local",
        /// Code of strangers: [`Limits::untrusted`].
        Untrusted = "untrusted",
    }
}

impl Profile {
    /// The limits that it sets.
    pub fn limits(self) -> Limits {
        match self {
            Profile::Local => Limits::default(),
            Profile::Untrusted => Limits::untrusted(),
        }
    }
}

/// The terms under which a module is loaded. They hold for each actor of it that is not the descendant of another actor of
/// it, with all below.
///
/// ```
/// use greenroom::{Limit, LoadOptions, Profile};
///
/// let options = LoadOptions::profile(Profile::Untrusted).limits("memory=16MiB".parse()?);
/// # Ok::<_, greenroom::BadLimit>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    pub(crate) limits: Limits,
}

impl LoadOptions {
    /// What a profile has.
    pub fn profile(profile: Profile) -> LoadOptions {
        LoadOptions { limits: profile.limits() }
    }

    /// These limits, and where they say nothing, those that were there.
    pub fn limits(mut self, limits: Limits) -> LoadOptions {
        self.limits = limits.or(&self.limits);
        self
    }
}
