//! What a module says actors can run in it: the custom section `greenroom:entries`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Rejected;

/// The custom section's name. It may stand in the component or in any core module inside it, several times.
pub(super) const SECTION: &str = "greenroom:entries";

/// Bytes of all such sections of a module together. An entry takes some 100.
const BYTES_MAX: usize = 1 << 20;

/// Entries of a module.
const ENTRIES_MAX: usize = 10_000;

/// What an actor can run in a module, as its SDK wrote it down: one line of JSON in the custom section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What `spawn` is given.
    pub name: String,
    /// What it does, in the author's words; may have several lines. Empty if there are none.
    #[serde(default)]
    pub doc: String,
    /// The names of its arguments, in order.
    #[serde(default)]
    pub args: Vec<String>,
}

/// The sections of one module, read as they come.
#[derive(Default)]
pub(super) struct Entries {
    entries: Vec<Entry>,
    names: HashSet<String>,
    bytes: usize,
}

impl Entries {
    /// Reads one section: lines of JSON, of which blank ones count nothing. Keys that are not known are for later
    /// versions and passed over.
    pub(super) fn read(&mut self, section: &[u8]) -> Result<(), Rejected> {
        self.bytes += section.len();
        Rejected::if_above(BYTES_MAX, self.bytes, "bytes in the list of entries")?;
        for line in section.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
            let number = self.entries.len() + 1;
            let entry: Entry = serde_json::from_slice(line).map_err(|error| bad(format!("entry {number}: {error}")))?;
            self.add(entry, number)?;
        }
        Ok(())
    }

    fn add(&mut self, entry: Entry, number: usize) -> Result<(), Rejected> {
        Rejected::if_above(ENTRIES_MAX, number, "entries")?;
        // Names are printed and typed, and a slash divides a module's name from an entry's.
        let is_name = |name: &str| !name.is_empty() && !name.contains(|c: char| c == '/' || c.is_control());
        if let Some(name) = std::iter::once(&entry.name).chain(&entry.args).find(|name| !is_name(name)) {
            return Err(bad(format!("entry {number}: \"{}\" cannot be a name", name.escape_debug())));
        }
        if !self.names.insert(entry.name.clone()) {
            return Err(bad(format!("entry {number}: there are two of the name `{}`", entry.name)));
        }
        self.entries.push(entry);
        Ok(())
    }

    pub(super) fn into_vec(self) -> Vec<Entry> {
        self.entries
    }
}

fn bad(message: String) -> Rejected {
    // The JSON parser may quote what it read.
    Rejected::BadEntries { message: super::printable(&message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sections: &[&str]) -> Result<Vec<Entry>, String> {
        let mut entries = Entries::default();
        for section in sections {
            entries.read(section.as_bytes()).map_err(|error| error.to_string())?;
        }
        Ok(entries.into_vec())
    }

    #[test]
    fn lines_of_all_sections_are_one_list() {
        let first = r#"{"name":"forward","doc":"Passes it on.","args":["to"]}"#;
        let list = read(&[&format!("{first}\n\n"), "{\"name\":\"build\",\"later\":[{}]}\r\n"]).unwrap();
        let forward = Entry { name: "forward".into(), doc: "Passes it on.".into(), args: vec!["to".into()] };
        assert_eq!(list, [forward, Entry { name: "build".into(), ..Entry::default() }]);
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        for (lines, said) in [
            ("{\"name\":\"a\"}\nhello", "entry 2: expected value"),
            ("{\"doc\":\"nameless\"}", "entry 1: missing field `name`"),
            ("{\"name\":\"a/b\"}", "entry 1: \"a/b\" cannot be a name"),
            ("{\"name\":\"\"}", "entry 1: \"\" cannot be a name"),
            ("{\"name\":\"\\u001b[2J\"}", "entry 1: \"\\u{1b}[2J\" cannot be a name"),
            ("{\"name\":\"a\",\"args\":[\"\\n\"]}", "entry 1: \"\\n\" cannot be a name"),
            ("{\"name\":\"a\"}\n{\"name\":\"a\"}", "entry 2: there are two of the name `a`"),
        ] {
            let error = read(&[lines]).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(Entries::default().read(b"{\"name\":\"\xff\"}").is_err());
    }

    #[test]
    fn the_list_has_an_end() {
        let lines = |count: usize| (0..count).map(|n| format!("{{\"name\":\"e{n}\"}}\n")).collect::<String>();
        assert_eq!(read(&[&lines(ENTRIES_MAX)]).unwrap().len(), ENTRIES_MAX);
        assert!(read(&[&lines(ENTRIES_MAX + 1)]).unwrap_err().contains("10001 entries, of which 10000 are allowed"));
        let half = " ".repeat(BYTES_MAX / 2);
        assert!(read(&[&half, &half]).is_ok());
        assert!(read(&[&half, &half, " "]).unwrap_err().contains("1048577 bytes"));
    }
}
