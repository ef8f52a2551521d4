//! What a module imports and is not granted; and room for the files of one that is granted some.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::exit::{Code, Failure};
use crate::grants::{Grant, Grants};

/// What an interface gives nothing without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Every program imports the environment, and finds it empty.
    Env,
    Dir,
    Net,
    Names,
}

impl Need {
    /// What a known interface needs, if it does.
    fn of(interface: &str) -> Option<Need> {
        let (path, _) = interface.split_once('@')?;
        match path.split_once('/')? {
            ("wasi:cli", "environment") => Some(Need::Env),
            ("wasi:filesystem", _) => Some(Need::Dir),
            ("wasi:sockets", _) => Some(Need::Net),
            ("greenroom:actor", "registry" | "groups") => Some(Need::Names),
            _ => None,
        }
    }

    fn is_met_by(self, grants: &Grants) -> bool {
        match self {
            Need::Env => grants.variables().next().is_some(),
            Need::Dir => grants.folders().next().is_some(),
            Need::Net => grants.has_network(),
            Need::Names => grants.holds(&Grant::Names),
        }
    }

    /// How what is needed is written.
    pub(super) fn form(self) -> &'static str {
        match self {
            Need::Env => "env=NAME",
            Need::Dir => "dir=FOLDER",
            Need::Net => "net=HOST:PORT",
            Need::Names => "names",
        }
    }
}

/// The interfaces that give nothing without a grant that is not there, each with what it needs.
pub(super) fn missing<'a>(imports: &'a [String], grants: &Grants) -> Vec<(&'a str, Need)> {
    let needs = imports.iter().filter_map(|interface| Some((interface.as_str(), Need::of(interface)?)));
    needs.filter(|(_, need)| !need.is_met_by(grants)).collect()
}

/// # Errors
///
/// If the module imports of WASI what it is not granted: which, and the flags.
pub(super) fn check(imports: &[String], grants: &Grants) -> Result<(), Failure> {
    let missing = missing(imports, grants);
    let of = |need: Need| {
        let names: Vec<&str> = missing.iter().filter(|(_, of)| *of == need).map(|(interface, _)| *interface).collect();
        (!names.is_empty()).then(|| format!("{} (--allow {})", names.join(", "), need.form()))
    };
    let lists: Vec<String> = [Need::Dir, Need::Net].into_iter().filter_map(of).collect();
    if lists.is_empty() {
        return Ok(());
    }
    let message = format!("the module imports what it is not granted: {}", lists.join("; "));
    Err(Failure::new(Code::NotPermitted, message).help("without --strict it runs, and each of these calls is refused"))
}

/// Allows this process as many descriptors as the system lets it have: shells set 1,024, and a file or socket of an actor
/// takes one.
pub(super) fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where the system says no, there are as many as there were.
    _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_flag_that_grants_it() {
        let imports = [
            "greenroom:actor/host@0.1.0",
            "wasi:cli/environment@0.2.6",
            "wasi:filesystem/types@0.2.6",
            "wasi:sockets/tcp@0.2.6",
            "wasi:sockets/udp@0.2.6",
            "wasi:io/poll@0.2.6",
        ]
        .map(String::from);
        let failure = check(&imports, &Grants::local()).expect_err("two of them are missing");
        assert_eq!(failure.code, Code::NotPermitted);
        assert_eq!(
            failure.message,
            "the module imports what it is not granted: wasi:filesystem/types@0.2.6 (--allow \
            dir=FOLDER); wasi:sockets/tcp@0.2.6, wasi:sockets/udp@0.2.6 (--allow net=HOST:PORT)"
        );
        let grants: Grants = "dir=/,net=h:1".parse().expect("grants");
        assert_eq!(check(&imports, &grants), Ok(()));
        assert_eq!(missing(&imports, &grants), [("wasi:cli/environment@0.2.6", Need::Env)]);
    }
}
