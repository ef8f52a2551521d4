//! What other nodes may start on this one: the flags `--remote-…`.

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use super::exit::{Code, Failure};
use super::terms::{self, profile};
use crate::grants::Grants;
use crate::load_options::Profile;
use crate::module_hash::ModuleHash;
use crate::remote_spawn::RemoteSpawn;

/// What a node starts for others. Each flag is an option, so that one which is given to a node of no mesh is seen.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Remote spawn")]
pub(super) struct RemoteTerms {
    /// Which modules other nodes may start here: no, listed (those of --remote-module and --load) or yes, any [default: yes]
    #[arg(long, value_name = "WHICH", hide_possible_values = true)]
    remote_spawn: Option<Which>,

    /// A module that they may start, by the hash that `greenroom inspect` prints; may be repeated
    #[arg(long, value_name = "HASH")]
    remote_module: Vec<ModuleHash>,

    /// How much their code is trusted: untrusted or local [default: untrusted]
    #[arg(long, value_name = "PROFILE", value_parser = profile)]
    remote_profile: Option<Profile>,

    /// Limits for all together that one of them starts here, as -L has them
    #[arg(long, value_name = "NAME=AMOUNT,…")]
    remote_limit: Vec<String>,

    /// Grant what they start more, as --allow does
    #[arg(long, value_name = "GRANT,…")]
    remote_allow: Vec<Grants>,

    /// How large a module may be that is fetched from one of them [default: 32MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    remote_module_size: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    No,
    Listed,
    Yes,
}

impl RemoteTerms {
    /// Prints the limits there are, if that is asked for.
    pub(super) fn help(&self) -> Option<Result<Code, Failure>> {
        terms::help(&self.remote_limit)
    }

    /// What the flags say. `is_met`: other nodes meet this one at all.
    ///
    /// # Errors
    ///
    /// What of them is wrong.
    pub(super) fn terms(&self, is_met: bool) -> Result<RemoteSpawn, Failure> {
        if let Some(flag) = self.given().filter(|_| !is_met) {
            let message = format!("{flag} is for a node of a mesh");
            return Err(Failure::new(Code::Usage, message).help("it needs --name HOST:PORT, or --join HOST:PORT"));
        }
        let is_any_listed = !self.remote_module.is_empty();
        let which = self.remote_spawn.unwrap_or(if is_any_listed { Which::Listed } else { Which::Yes });
        if is_any_listed && which != Which::Listed {
            let message =
                "--remote-module names the modules that other nodes may start, which is --remote-spawn listed";
            return Err(Failure::new(Code::Usage, message).help("leave one of the two out"));
        }
        let terms = match which {
            Which::No => RemoteSpawn::no(),
            Which::Listed => RemoteSpawn::listed(self.remote_module.iter().copied()),
            Which::Yes => RemoteSpawn::yes(),
        };
        let profile = self.remote_profile.unwrap_or(Profile::Untrusted);
        let terms = terms.options(terms::options(profile, &self.remote_limit, &self.remote_allow)?);
        Ok(match self.remote_module_size {
            Some(bytes) => terms.module_bytes_max(bytes),
            None => terms,
        })
    }

    /// The first flag that is given.
    fn given(&self) -> Option<&'static str> {
        let given = [
            (self.remote_spawn.is_some(), "--remote-spawn"),
            (!self.remote_module.is_empty(), "--remote-module"),
            (self.remote_profile.is_some(), "--remote-profile"),
            (!self.remote_limit.is_empty(), "--remote-limit"),
            (!self.remote_allow.is_empty(), "--remote-allow"),
            (self.remote_module_size.is_some(), "--remote-module-size"),
        ];
        given.into_iter().find(|(is_given, _)| *is_given).map(|(_, flag)| flag)
    }
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = text.parse().ok().and_then(|ByteSize(bytes)| usize::try_from(bytes).ok());
    bytes.ok_or_else(|| "a size is bytes, such as 32MiB".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        terms: RemoteTerms,
    }

    fn terms(line: &str) -> Result<RemoteSpawn, Failure> {
        let words = std::iter::once("greenroom").chain(line.split_whitespace());
        Flags::try_parse_from(words).expect("flags").terms.terms(true)
    }

    #[test]
    fn who_says_nothing_has_the_terms_of_the_library() {
        let said = |terms: &RemoteSpawn| format!("{terms:?}");
        assert_eq!(terms("").map(|terms| said(&terms)), Ok(said(&RemoteSpawn::default())));
        assert!(Flags::try_parse_from(["greenroom"]).expect("flags").terms.terms(false).is_ok());
    }

    #[test]
    fn a_module_that_is_named_means_that_others_are_not_started() {
        let (one, other) = (ModuleHash::of(b"one"), ModuleHash::of(b"other"));
        for line in [format!("--remote-module {one}"), format!("--remote-module {one} --remote-spawn listed")] {
            let terms = terms(&line).expect(&line);
            assert!(terms.permits(&one, false) && !terms.permits(&other, false) && terms.permits(&other, true));
        }
        for which in ["no", "yes"] {
            let line = format!("--remote-module {one} --remote-spawn {which}");
            assert_eq!(terms(&line).map_err(|why| why.code).err(), Some(Code::Usage));
        }
        assert!(!terms("--remote-spawn no").expect("flags").is_any());
        assert!(terms("--remote-spawn listed").expect("flags").is_any());
    }

    #[test]
    fn profile_limits_grants_and_size_are_what_was_said() {
        let line = "--remote-profile local --remote-limit actors=9 --remote-limit memory=1MiB --remote-allow env=A=1 \
                    --remote-module-size 1kB";
        let terms = terms(line).expect("flags");
        assert_eq!(terms.options.limits.to_string(), "memory=1MiB,actors=9");
        let holds = |grant: &str| terms.options.grants().holds(&grant.parse().expect("a grant"));
        assert!(holds("env=A") && holds("names"));
        assert_eq!(terms.module_bytes_max, 1000);
        assert_eq!(size("1.5MiB"), Ok(3 << 19));
        assert!(size("much").is_err() && size("").is_err() && size("-1").is_err());
    }
}
