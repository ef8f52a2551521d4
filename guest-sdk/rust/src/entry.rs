//! The module's entries: found by name, called with their arguments.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// One entry, as `#[actor]` registers it.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Reads the arguments, runs it, and writes its value.
    pub run: fn(&str) -> Result<String>,
}

inventory::collect!(Entry);

/// The export `run`.
pub(crate) fn run(name: &str, args: &str) -> core::result::Result<String, String> {
    crate::log::install();
    let entry = inventory::iter::<Entry>.into_iter().find(|entry| entry.name == name);
    let result = match entry {
        Some(entry) => (entry.run)(args),
        None => Err(unknown(name)),
    };
    result.map_err(|error| error.to_json().to_string())
}

fn unknown(name: &str) -> Error {
    let names: Vec<&str> = inventory::iter::<Entry>.into_iter().map(|entry| entry.name).collect();
    Error::refused("no-such-entry", format!("this module has no entry `{name}`; it has {}", names.join(", ")))
}

/// The arguments of one call, taken in the order of the parameters.
pub struct Args<'a> {
    entry: &'static str,
    /// Name and type of each parameter.
    parameters: &'static [(&'static str, &'static str)],
    values: Vec<&'a RawValue>,
    next: usize,
}

impl<'a> Args<'a> {
    /// # Errors
    ///
    /// `bad-argument`, if there are too few or too many, or a name is unknown or missing.
    pub fn read(
        entry: &'static str,
        parameters: &'static [(&'static str, &'static str)],
        text: &'a str,
    ) -> Result<Args<'a>> {
        let mut args = Args { entry, parameters, values: Vec::new(), next: 0 };
        if text.trim_start().starts_with('{') {
            args.values = args.by_name(serde_json::from_str(text)?)?;
        } else {
            args.values = serde_json::from_str(text)?;
        }
        if args.values.len() != parameters.len() {
            return Err(args.bad(format!("{} were given", args.values.len())));
        }
        Ok(args)
    }

    fn by_name(&self, mut named: BTreeMap<String, &'a RawValue>) -> Result<Vec<&'a RawValue>> {
        let values = self.parameters.iter().map(|(name, _)| {
            named.remove(*name).ok_or_else(|| self.bad(format!("`{name}` is missing")))
        });
        let values = values.collect::<Result<Vec<_>>>()?;
        match named.keys().next() {
            Some(name) => Err(self.bad(format!("there is no `{name}`"))),
            None => Ok(values),
        }
    }

    /// The next parameter's value.
    ///
    /// # Errors
    ///
    /// `bad-argument`, if it is of another type.
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<T> {
        let (name, _) = self.parameters[self.next];
        let value = serde_json::from_str(self.values[self.next].get());
        self.next += 1;
        value.map_err(|why| self.bad(format!("`{name}` does not fit: {why}")))
    }

    fn bad(&self, why: String) -> Error {
        let parameters: Vec<String> =
            self.parameters.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        let message = format!("entry `{}` takes ({}): {why}", self.entry, parameters.join(", "));
        Error::refused("bad-argument", message)
    }
}

/// An entry's value as JSON.
pub fn finish<T: Serialize>(value: &T) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// The value of an entry that returns none.
pub fn null() -> String {
    "null".to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: &[(&str, &str)] = &[("n", "u32"), ("text", "String")];

    fn read(text: &str) -> Result<(u32, String)> {
        let mut args = Args::read("build", PARAMETERS, text)?;
        Ok((args.next()?, args.next()?))
    }

    #[test]
    fn arguments_come_by_position_or_by_name() {
        assert_eq!(read(r#"[1, "a"]"#).unwrap(), (1, "a".to_string()));
        assert_eq!(read(r#"{"text": "a", "n": 1}"#).unwrap(), (1, "a".to_string()));
    }

    #[test]
    fn arguments_that_do_not_fit_are_refused_with_the_signature() {
        for (text, why) in [
            ("[1]", "1 were given"),
            (r#"[1, "a", 2]"#, "3 were given"),
            (r#"["x", "a"]"#, "`n` does not fit"),
            (r#"[-1, "a"]"#, "`n` does not fit"),
            (r#"{"n": 1}"#, "`text` is missing"),
            (r#"{"n": 1, "text": "a", "more": 1}"#, "there is no `more`"),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(error.kind(), Some("bad-argument"));
            let message = error.message();
            assert!(message.starts_with("entry `build` takes (n: u32, text: String): "), "{message}");
            assert!(message.contains(why), "{message}");
        }
    }
}
