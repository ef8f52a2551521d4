//! Under what terms a module is run: `--profile`, `--allow` and `-L`.

use std::fmt::Write;

use clap::Args;

use super::exit::{Code, Failure};
use super::output;
use crate::grants::Grants;
use crate::limits::{Limit, Limits};
use crate::load_options::{LoadOptions, Profile};

/// What the actors may do, and how much they may use.
#[derive(Clone, Debug, Args)]
pub(super) struct Terms {
    /// How much the code is trusted: local (one's own) or untrusted (a stranger's: low limits, nothing granted)
    #[arg(long, value_name = "PROFILE", default_value = "local", value_parser = profile)]
    profile: Profile,

    /// Limits for the actor and all below it, such as memory=16MiB,burst=1s; `-L help` lists them
    #[arg(short = 'L', long = "limit", value_name = "NAME=AMOUNT")]
    limits: Vec<String>,

    /// Grant more: env=NAME[=VALUE], dir=FOLDER[::GUEST][:ro|:rw], net=HOST:PORT, names, modules, remote-spawn, fine-clock
    #[arg(long, value_name = "GRANT,…")]
    allow: Vec<Grants>,
}

impl Terms {
    /// Prints the limits there are, if that is asked for.
    pub(super) fn help(&self) -> Option<Result<Code, Failure>> {
        help(&self.limits)
    }

    pub(super) fn options(&self) -> Result<LoadOptions, Failure> {
        options(self.profile, &self.limits, &self.allow)
    }

    /// The limits alone, without what the profile sets.
    ///
    /// # Errors
    ///
    /// If they are none.
    pub(super) fn limits(&self) -> Result<Limits, Failure> {
        limits(&self.limits)
    }
}

/// Prints the limits there are, if one of these texts asks for that.
pub(super) fn help(texts: &[String]) -> Option<Result<Code, Failure>> {
    let asked = texts.iter().any(|text| text.trim() == "help");
    asked.then(|| output::result(table()).map(|()| Code::Ok))
}

/// What three flags say together.
///
/// # Errors
///
/// If the limits are none.
pub(super) fn options(profile: Profile, texts: &[String], allow: &[Grants]) -> Result<LoadOptions, Failure> {
    let allowed = allow.iter().cloned().fold(Grants::none(), Grants::and);
    Ok(LoadOptions::of(profile).limits(limits(texts)?).allow(allowed))
}

fn limits(texts: &[String]) -> Result<Limits, Failure> {
    texts.iter().try_fold(Limits::default(), |limits, text| {
        let more: Limits = text.parse().map_err(|why| Failure::new(Code::Usage, why).help("greenroom run -L help"))?;
        Ok(more.or(&limits))
    })
}

/// Reads a profile's name.
pub(super) fn profile(text: &str) -> Result<Profile, String> {
    let known = Profile::ALL.iter().find(|profile| profile.as_str() == text);
    known.copied().ok_or_else(|| {
        let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.as_str()).collect();
        format!("there are {}", names.join(" and "))
    })
}

/// The limits, as a table in Markdown: the same here and in `docs/sandbox.md`.
fn table() -> String {
    let mut table = String::from("| limit | local | untrusted | of what |\n| --- | --- | --- | --- |");
    let shown = |limit: Limit, amount: Option<u64>| amount.map_or("-".to_owned(), |amount| limit.shown(amount));
    for limit in Limit::ALL.iter().copied() {
        let (local, untrusted) = (shown(limit, limit.bound()), shown(limit, limit.untrusted()));
        _ = write!(table, "\n| `{limit}` | {local} | {untrusted} | {} |", limit.about());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_the_same_table() {
        assert!(include_str!("../../../docs/sandbox.md").contains(&table()), "{}", table());
    }
}
