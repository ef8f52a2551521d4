//! How much an actor and all below it may use: amounts, by name.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::codes::codes;

codes! {
    /// What is limited. A limit that is set holds for an actor and all its descendants, the *tree*: either for what they
    /// use together, or for each of them. What no limit is set for, each actor may use up to the node's own bound.
    Limit {
        /// Bytes of linear memories and tables, of what the node keeps for each actor (its instance, its arguments; 16 KiB
        /// at least), and of messages that wait beyond the first 64 KiB of a mailbox, together.
        Memory = "memory",
        /// Processor time between two receives of one actor.
        Burst = "burst",
        /// Processor time of all together, in percent of one core. Who uses more waits.
        Share = "share",
        /// How old an actor becomes.
        Lifetime = "lifetime",
        /// Bytes of one message, or of the arguments or the result of an actor.
        Message = "message",
        /// Levels of one message.
        JsonDepth = "json-depth",
        /// Values in one message.
        JsonValues = "json-values",
        /// Messages that wait in one mailbox.
        Mailbox = "mailbox",
        /// Bytes of the messages that wait in one mailbox.
        MailboxBytes = "mailbox-bytes",
        /// Living children of one actor.
        Children = "children",
        /// Living actors together.
        Actors = "actors",
        /// Living ancestors of an actor, within the tree.
        Depth = "depth",
        /// Spawns a second, together. Ten seconds' worth may come at once.
        SpawnRate = "spawn-rate",
        /// Timers together; one counts until its message is received.
        Timers = "timers",
        /// Links that they make, together; one counts until its message is received.
        Links = "links",
        /// Monitors that they make, together; one counts until its message is received.
        Monitors = "monitors",
        /// Registered names together.
        Names = "names",
        /// Memberships of groups together.
        Groups = "groups",
        /// Narrowed addresses that they have made, and answers that they expect at such, together.
        Narrowed = "narrowed",
        /// Patterns of one receive.
        Patterns = "patterns",
        /// Bytes a second of what they print and log, together. Four seconds' worth may come at once; what is more is
        /// left out and counted.
        LogRate = "log-rate",
    }
}

/// How many limits there are.
const COUNT: usize = Limit::ALL.len();

/// What an amount counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Milliseconds,
    Percent,
    Each,
}

impl Limit {
    /// What its amount counts.
    pub(crate) fn unit(self) -> Unit {
        match self {
            Limit::Memory | Limit::Message | Limit::MailboxBytes | Limit::LogRate => Unit::Bytes,
            Limit::Burst | Limit::Lifetime => Unit::Milliseconds,
            Limit::Share => Unit::Percent,
            _ => Unit::Each,
        }
    }

    /// Whether it holds for what a tree uses together and gives back.
    pub(crate) fn is_shared(self) -> bool {
        match self {
            Limit::Memory | Limit::Actors | Limit::Timers | Limit::Links => true,
            Limit::Monitors | Limit::Names | Limit::Groups | Limit::Narrowed => true,
            Limit::Burst | Limit::Share | Limit::Lifetime | Limit::Message | Limit::JsonDepth => false,
            Limit::JsonValues | Limit::Mailbox | Limit::MailboxBytes | Limit::Children => false,
            Limit::Depth | Limit::SpawnRate | Limit::Patterns | Limit::LogRate => false,
        }
    }

    /// What one actor may use where no limit is set: the node's own bound, if there is one.
    pub(crate) fn bound(self) -> Option<u64> {
        match self {
            Limit::Memory | Limit::MailboxBytes => Some(64 << 20),
            Limit::Message => Some(16 << 20),
            Limit::JsonDepth | Limit::Depth => Some(64),
            Limit::Mailbox | Limit::Links | Limit::Monitors => Some(1_000_000),
            Limit::Timers | Limit::Narrowed => Some(100_000),
            Limit::Names | Limit::Groups => Some(1000),
            Limit::Patterns => Some(10_000),
            Limit::Burst | Limit::Share | Limit::Lifetime | Limit::JsonValues => None,
            Limit::Children | Limit::Actors | Limit::SpawnRate | Limit::LogRate => None,
        }
    }

    /// What the profile `untrusted` sets: enough for honest programs of some hundred actors.
    pub(crate) fn untrusted(self) -> Option<u64> {
        match self {
            Limit::Memory => Some(256 << 20),
            Limit::Burst => Some(1000),
            Limit::Share => Some(100),
            Limit::Lifetime => None,
            Limit::Message => Some(1 << 20),
            Limit::JsonDepth | Limit::Depth | Limit::Patterns => Some(64),
            Limit::JsonValues => Some(100_000),
            Limit::MailboxBytes => Some(8 << 20),
            Limit::Children | Limit::Timers => Some(1000),
            Limit::Mailbox | Limit::Actors | Limit::Links | Limit::Monitors | Limit::Narrowed => Some(10_000),
            Limit::SpawnRate => Some(200),
            Limit::Names | Limit::Groups => Some(16),
            Limit::LogRate => Some(64 << 10),
        }
    }

    /// An amount as people write it: `16MiB`, `1s`, `25%`, `1000`.
    pub(crate) fn shown(self, amount: u64) -> String {
        match self.unit() {
            Unit::Bytes => {
                // Exact, which no crate's display of sizes is.
                let units = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("", 0)];
                let exact = |(_, bits): &(&str, u32)| amount.trailing_zeros() >= *bits;
                let (unit, bits) = units.into_iter().find(exact).expect("all are whole bytes");
                format!("{}{unit}", amount >> bits)
            }
            Unit::Milliseconds => {
                humantime::format_duration(Duration::from_millis(amount)).to_string().replace(' ', "")
            }
            Unit::Percent => format!("{amount}%"),
            Unit::Each => amount.to_string(),
        }
    }

    fn parse(self, text: &str) -> Result<u64, BadLimit> {
        let bad = |wanted| BadLimit::Amount { limit: self, text: text.to_owned(), wanted };
        match self.unit() {
            Unit::Bytes => text.parse::<ByteSize>().map(|size| size.as_u64()).map_err(|_| bad("bytes, such as 16MiB")),
            Unit::Milliseconds => {
                let time = humantime::parse_duration(text).map_err(|_| bad("a time, such as 500ms or 2s"))?;
                Ok(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
            }
            Unit::Percent => {
                let number = text.trim_end_matches('%').trim_end();
                number
                    .parse()
                    .ok()
                    .filter(|percent| *percent > 0)
                    .ok_or_else(|| bad("a percentage of one core, such as 25%"))
            }
            Unit::Each => text.parse().map_err(|_| bad("a number")),
        }
    }
}

/// Why a text names no limits.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadLimit {
    /// There is no limit of that name.
    #[error("there is no limit `{name}`; there are {}", names())]
    Name {
        /// As it was given.
        name: String,
    },
    /// The amount is none of its kind.
    #[error("the limit `{limit}` is {wanted}, not `{text}`")]
    Amount {
        /// Of what.
        limit: Limit,
        /// As it was given.
        text: String,
        /// What would do.
        wanted: &'static str,
    },
    /// There is no `=`.
    #[error("`{text}` is no limit: write NAME=AMOUNT, such as memory=16MiB")]
    NoAmount {
        /// As it was given.
        text: String,
    },
}

fn names() -> String {
    Limit::ALL.iter().map(|limit| limit.as_str()).collect::<Vec<_>>().join(", ")
}

/// The limits of an actor and all below it. What is not set here, ancestors and the node may still limit.
///
/// ```
/// use greenroom::{Limit, Limits};
///
/// let limits: Limits = "memory=16MiB,burst=1s".parse()?;
/// assert_eq!(limits.get(Limit::Memory), Some(16 << 20));
/// assert_eq!(limits.with(Limit::Children, 10).to_string(), "memory=16MiB,burst=1s,children=10");
/// # Ok::<_, greenroom::BadLimit>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Limits([u64; COUNT]);

/// No limit.
const UNSET: u64 = u64::MAX;

impl Limits {
    /// What the profile `untrusted` sets, for code of strangers; `docs/sandbox.md` has the table.
    pub fn untrusted() -> Limits {
        Limit::ALL.iter().fold(Limits::default(), |limits, limit| match limit.untrusted() {
            Some(amount) => limits.with(*limit, amount),
            None => limits,
        })
    }

    /// The node's own bounds for one actor.
    pub(crate) fn bounds() -> Limits {
        Limit::ALL.iter().fold(Limits::default(), |bounds, limit| match limit.bound() {
            Some(bound) => bounds.with(*limit, bound),
            None => bounds,
        })
    }

    /// With one limit set: in bytes, milliseconds, percent of a core, or a count. `docs/sandbox.md` has the table.
    pub fn with(mut self, limit: Limit, amount: u64) -> Limits {
        self.0[limit as usize] = amount;
        self
    }

    /// Without one of them.
    pub fn without(self, limit: Limit) -> Limits {
        self.with(limit, UNSET)
    }

    /// What is set for it, if anything.
    pub fn get(&self, limit: Limit) -> Option<u64> {
        Some(self.0[limit as usize]).filter(|amount| *amount != UNSET)
    }

    /// Both together: of each limit the lower.
    pub(crate) fn and(&self, other: &Limits) -> Limits {
        Limits(std::array::from_fn(|index| self.0[index].min(other.0[index])))
    }

    /// These, and where they say nothing, the others.
    pub(crate) fn or(&self, other: &Limits) -> Limits {
        Limits(std::array::from_fn(|index| if self.0[index] == UNSET { other.0[index] } else { self.0[index] }))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|amount| *amount == UNSET)
    }

    /// What is set, in the order of the list.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Limit, u64)> {
        Limit::ALL.iter().filter_map(|limit| self.get(*limit).map(|amount| (*limit, amount)))
    }

    /// Reads the spawn option `limits`: an object of amounts, each a number or a text with its unit.
    pub(crate) fn from_json(object: &Map<String, Value>) -> Result<Limits, BadLimit> {
        object.iter().try_fold(Limits::default(), |limits, (name, value)| {
            let limit = limit_of(name)?;
            let amount = match (value, value.as_u64()) {
                (_, Some(amount)) if amount > 0 || limit != Limit::Share => amount,
                (Value::String(text), _) => limit.parse(text)?,
                (other, _) => limit.parse(&other.to_string())?,
            };
            Ok(limits.with(limit, amount))
        })
    }

    /// As [`Limits::from_json`] reads it.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        self.iter().map(|(limit, amount)| (limit.as_str().to_owned(), amount.into())).collect()
    }
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
        Limits::from_json(&Map::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Default for Limits {
    /// None is set.
    fn default() -> Limits {
        Limits([UNSET; COUNT])
    }
}

impl std::str::FromStr for Limits {
    type Err = BadLimit;

    /// Reads `memory=16MiB,burst=1s`.
    fn from_str(text: &str) -> Result<Limits, BadLimit> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).try_fold(Limits::default(), |limits, part| {
            let (name, amount) = part.split_once('=').ok_or_else(|| BadLimit::NoAmount { text: part.to_owned() })?;
            let limit = limit_of(name.trim())?;
            Ok(limits.with(limit, limit.parse(amount.trim())?))
        })
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> =
            self.iter().map(|(limit, amount)| format!("{limit}={}", limit.shown(amount))).collect();
        f.write_str(&parts.join(","))
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limits({self})")
    }
}

fn limit_of(name: &str) -> Result<Limit, BadLimit> {
    let known = Limit::ALL.iter().find(|limit| limit.as_str() == name);
    known.copied().ok_or_else(|| BadLimit::Name { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_units_and_written_so_that_they_can_be_read() {
        for (text, limit, amount) in [
            ("memory=16MiB", Limit::Memory, 16 << 20),
            ("memory=1000", Limit::Memory, 1000),
            ("memory=1kB", Limit::Memory, 1000),
            ("burst=1s", Limit::Burst, 1000),
            ("lifetime=2m", Limit::Lifetime, 120_000),
            ("share=25%", Limit::Share, 25),
            ("share=150", Limit::Share, 150),
            (" children = 0 ", Limit::Children, 0),
        ] {
            let limits: Limits = text.parse().expect(text);
            assert_eq!(limits.iter().collect::<Vec<_>>(), [(limit, amount)], "{text}");
            assert_eq!(limits.to_string().parse(), Ok(limits.clone()), "{limits}");
            assert_eq!(Limits::from_json(&limits.to_json()), Ok(limits));
        }
        let all = Limits::untrusted();
        assert_eq!(all.to_string().parse(), Ok(all));
        assert_eq!("".parse(), Ok(Limits::default()));
    }

    #[test]
    fn what_is_no_limit_says_what_would_be() {
        for (text, says) in [
            ("memroy=1", "there is no limit `memroy`; there are memory, burst"),
            ("memory", "`memory` is no limit: write NAME=AMOUNT"),
            ("memory=much", "the limit `memory` is bytes, such as 16MiB, not `much`"),
            ("burst=1", "the limit `burst` is a time, such as 500ms or 2s, not `1`"),
            ("share=0", "the limit `share` is a percentage of one core"),
            ("children=-1", "the limit `children` is a number, not `-1`"),
        ] {
            let why = text.parse::<Limits>().expect_err(text).to_string();
            assert!(why.starts_with(says), "{why}");
        }
        for json in
            [r#"{"share": 0}"#, r#"{"memory": [1]}"#, r#"{"children": 1.5}"#, r#"{"burst": null}"#, r#"{"x": 1}"#]
        {
            let object = serde_json::from_str(json).expect("an object");
            assert!(Limits::from_json(&object).is_err(), "{json}");
        }
    }

    #[test]
    fn of_two_the_lower_holds_and_the_first_goes_before_the_second() {
        let limits = |text: &str| text.parse::<Limits>().expect(text);
        let (a, b) = (limits("memory=1MiB,children=5"), limits("memory=2MiB,timers=3"));
        assert_eq!(b.and(&a), limits("memory=1MiB,children=5,timers=3"));
        assert_eq!(b.or(&a), limits("memory=2MiB,children=5,timers=3"));
    }
}
