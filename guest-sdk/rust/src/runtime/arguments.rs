//! The arguments of an entry, from the JSON it was spawned with.

use super::Entry;
use crate::{Error, Result, json};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The arguments of one entry in the order of its declaration, each still a text.
pub struct Arguments<'a> {
    entry: &'static Entry,
    texts: Vec<&'a RawValue>,
}

impl<'a> Arguments<'a> {
    /// Puts the arguments in order and checks that there are neither too few nor too many.
    pub(crate) fn read(entry: &'static Entry, json: &'a str) -> Result<Self> {
        let given = serde_json::Deserializer::from_str(json).deserialize_any(Order);
        let given = given.map_err(|error| bad(entry, &format!("the arguments are no array and no object: {error}")))?;
        let texts = match given {
            Given::ByPosition(texts) if texts.len() == entry.arguments.len() => texts,
            Given::ByPosition(texts) => return Err(bad(entry, &given_count(texts.len()))),
            Given::ByName(pairs) => by_name(entry, &pairs)?,
        };
        Ok(Self { entry, texts })
    }

    /// Reads the argument at a place.
    ///
    /// # Errors
    ///
    /// `bad-argument`: it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T> {
        let name = self.entry.arguments[index];
        serde_json::from_str(self.texts[index].get()).map_err(|error| bad(self.entry, &format!("`{name}`: {error}")))
    }
}

enum Given<'a> {
    ByPosition(Vec<&'a RawValue>),
    ByName(Vec<(Cow<'a, str>, &'a RawValue)>),
}

struct Order;

impl<'de> Visitor<'de> for Order {
    type Value = Given<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = elements.next_element()? {
            texts.push(text);
        }
        Ok(Given::ByPosition(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = members.next_entry()? {
            pairs.push(pair);
        }
        Ok(Given::ByName(pairs))
    }
}

fn by_name<'a>(entry: &'static Entry, pairs: &[(Cow<'a, str>, &'a RawValue)]) -> Result<Vec<&'a RawValue>> {
    if let Some((name, _)) = pairs.iter().find(|(name, _)| !entry.arguments.contains(&&**name)) {
        return Err(bad(entry, &format!("there is no argument `{name}`")));
    }
    // The last of two equal names counts, as everywhere in JSON.
    let find = |name: &&str| pairs.iter().rfind(|(known, _)| known == name).map(|(_, text)| *text);
    let missing = |name: &&str| bad(entry, &format!("`{name}` is missing"));
    entry.arguments.iter().map(|name| find(name).ok_or_else(|| missing(name))).collect()
}

fn given_count(count: usize) -> String {
    match count {
        1 => "1 argument was given".to_string(),
        _ => format!("{count} arguments were given"),
    }
}

#[cold]
fn bad(entry: &Entry, what: &str) -> Error {
    let message = format!("entry `{}` takes ({}): {what}", entry.name, entry.signature);
    Error::refusal(json!({"type": "bad-argument", "message": message}).to_string())
}

#[cfg(test)]
mod tests {
    use super::super::entry::{call, exit};
    use super::*;

    inventory::submit! {
        Entry {
            name: "add",
            signature: "left: u8, right: u8",
            arguments: &["left", "right"],
            run: |arguments| exit([arguments.get::<u8>(0)?, arguments.get::<u8>(1)?]),
        }
    }

    fn check(args: &str, expected: &str) {
        let text = call("add", args).unwrap_or_else(|error| error.message());
        assert_eq!(text, expected, "{args}");
    }

    #[test]
    fn arguments_come_by_position_or_by_name() {
        check("[1, 2]", "[1,2]");
        check(r#"{"right": 2, "left": 1}"#, "[1,2]");
    }

    #[test]
    fn arguments_that_do_not_fit_say_what_the_entry_takes() {
        check("[]", "entry `add` takes (left: u8, right: u8): 0 arguments were given");
        check("[1]", "entry `add` takes (left: u8, right: u8): 1 argument was given");
        check("[1, 2, 3]", "entry `add` takes (left: u8, right: u8): 3 arguments were given");
        check(r#"{"left": 1}"#, "entry `add` takes (left: u8, right: u8): `right` is missing");
        check(r#"{"left": 1, "up": 1}"#, "entry `add` takes (left: u8, right: u8): there is no argument `up`");
        let message = call("add", "[1, 300]").unwrap_err();
        assert_eq!(message.kind(), "bad-argument");
        assert!(message.message().contains("`right`: invalid value: integer `300`"), "{message}");
        assert!(call("add", "7").unwrap_err().message().contains("no array and no object"));
    }

    #[test]
    fn an_unknown_entry_names_those_there_are() {
        let error = call("sub", "[]").unwrap_err();
        assert_eq!(error.kind(), "no-such-entry");
        assert!(error.into_json().contains(r#""entries":["add"]"#));
    }
}
