//! The entries of this module, and calling one.

use super::Arguments;
use crate::{Error, Result, json};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;

/// What an actor can run: made by `#[actor]`.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Its arguments as they are declared: `n: u32, to: Address`.
    pub signature: &'static str,
    /// The names of its arguments.
    pub arguments: &'static [&'static str],
    /// Reads the arguments, calls the function, writes what it returned.
    pub run: fn(&Arguments<'_>) -> Result<String>,
}

inventory::collect!(Entry);

/// Runs the entry of that name to its end.
///
/// # Errors
///
/// What the entry returned; `no-such-entry`, with the list of those there are; `bad-argument`.
#[cfg_attr(not(any(test, target_family = "wasm")), expect(dead_code, reason = "there is no node that calls"))]
pub(crate) fn call(name: &str, args: &str) -> Result<String> {
    let Some(entry) = inventory::iter::<Entry>().find(|entry| entry.name == name) else {
        return Err(no_such_entry(name));
    };
    (entry.run)(&Arguments::read(entry, args)?)
}

#[cold]
fn no_such_entry(name: &str) -> Error {
    let mut entries: Vec<&str> = inventory::iter::<Entry>().map(|entry| entry.name).collect();
    entries.sort_unstable();
    let message = format!("cannot run `{name}`: the module has {}", entries.join(", "));
    Error::refusal(json!({"type": "no-such-entry", "message": message, "entries": entries}).to_string())
}

/// The JSON text of what an entry returned.
///
/// # Errors
///
/// It cannot be written as JSON.
pub fn exit<T: Serialize>(value: T) -> Result<String> {
    Ok(serde_json::to_string(&value)?)
}

/// As [`exit`], for an entry that returns a result.
///
/// # Errors
///
/// What the entry returned, or its value cannot be written as JSON.
pub fn exit_result<T: Serialize, E: Into<Error>>(result: Result<T, E>) -> Result<String> {
    exit(result.map_err(Into::into)?)
}
