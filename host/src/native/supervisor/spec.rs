//! How a supervisor is to work, as data: for embedders a builder, for guests JSON.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::backoff::{Backoff, millis};
use super::child::ChildSpec;
use crate::address::quoted;
use crate::message::Message;
use crate::refusal::{Refusal, RefusalKind};

/// Restarts that a supervisor may allow within its period at most: it remembers when each of them was, in 16 bytes.
const INTENSITY_MAX: u32 = 100_000;

/// A supervisor: which children it has, and what it does when one ends.
///
/// For [`Node::supervise`](crate::Node::supervise), or as JSON the arguments of `greenroom/supervisor`, which any guest can
/// spawn:
///
/// ```
/// use greenroom::{ChildSpec, SupervisorSpec};
/// use serde_json::json;
///
/// let spec = SupervisorSpec::one_for_one().child(ChildSpec::new("count", "counter/main").args(json!([0])));
/// let written = serde_json::to_value(&spec)?;
/// assert_eq!(written["children"][0]["entry"], "counter/main");
/// assert_eq!(written["intensity"], 3);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisorSpec {
    pub(super) strategy: Strategy,
    #[serde(default)]
    pub(super) children: Vec<ChildSpec>,
    #[serde(default = "intensity")]
    pub(super) intensity: u32,
    #[serde(default = "period_ms")]
    period_ms: u32,
    #[serde(default)]
    pub(super) backoff: Backoff,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) most: Option<u32>,
    /// What a call may start by an ID alone: a router's workers, which may be written in Rust and then have no JSON.
    #[serde(skip)]
    pub(super) template: Option<ChildSpec>,
}

/// Whom the end of one child concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Strategy {
    /// That child alone.
    OneForOne,
    /// All: the others are brought down, the last first, and then all are started again.
    OneForAll,
    /// That child and those after it.
    RestForOne,
    /// That child alone. Children come and go by call, in any number, and one that is done is forgotten.
    Dynamic,
}

/// THREATS' table: 3 restarts in 5 s.
fn intensity() -> u32 {
    3
}

fn period_ms() -> u32 {
    5_000
}

impl SupervisorSpec {
    /// A supervisor without children, by strategy.
    pub fn new(strategy: Strategy) -> SupervisorSpec {
        SupervisorSpec {
            strategy,
            children: Vec::new(),
            intensity: intensity(),
            period_ms: period_ms(),
            backoff: Backoff::default(),
            most: None,
            template: None,
        }
    }

    /// See [`Strategy::OneForOne`].
    pub fn one_for_one() -> SupervisorSpec {
        SupervisorSpec::new(Strategy::OneForOne)
    }

    /// See [`Strategy::OneForAll`].
    pub fn one_for_all() -> SupervisorSpec {
        SupervisorSpec::new(Strategy::OneForAll)
    }

    /// See [`Strategy::RestForOne`].
    pub fn rest_for_one() -> SupervisorSpec {
        SupervisorSpec::new(Strategy::RestForOne)
    }

    /// See [`Strategy::Dynamic`].
    pub fn dynamic() -> SupervisorSpec {
        SupervisorSpec::new(Strategy::Dynamic)
    }

    /// One more child, after those it has.
    pub fn child(mut self, child: ChildSpec) -> SupervisorSpec {
        self.children.push(child);
        self
    }

    /// Allows so many restarts (3) within a time (5 s). One more, and the supervisor takes its children down and fails.
    pub fn intensity(mut self, restarts: u32, period: Duration) -> SupervisorSpec {
        (self.intensity, self.period_ms) = (restarts, millis(period));
        self
    }

    /// How long to wait before a restart.
    pub fn backoff(mut self, backoff: Backoff) -> SupervisorSpec {
        self.backoff = backoff;
        self
    }

    /// How many children a dynamic supervisor may have. Without it the node's limits decide.
    pub fn most(mut self, children: u32) -> SupervisorSpec {
        self.most = Some(children);
        self
    }

    /// As [`SupervisorSpec::intensity`], as far as it is given.
    pub(in crate::native) fn allow(mut self, restarts: Option<u32>, period_ms: Option<u32>) -> SupervisorSpec {
        self.intensity = restarts.unwrap_or(self.intensity);
        self.period_ms = period_ms.unwrap_or(self.period_ms);
        self
    }

    /// Children of these IDs that are alike. A call starts one more by its ID.
    pub(in crate::native) fn alike(mut self, child: ChildSpec, ids: impl Iterator<Item = String>) -> SupervisorSpec {
        self.children.extend(ids.map(|id| child.clone().with_id(id)));
        self.template = Some(child);
        self
    }

    pub(super) fn period(&self) -> Duration {
        Duration::from_millis(self.period_ms.into())
    }

    /// Reads the arguments of `greenroom/supervisor`: the object, or an array with it alone.
    pub(super) fn parse(args: &Message) -> Result<SupervisorSpec, Refusal> {
        if args.as_str().trim_start().starts_with('[') {
            let (spec,) = read("greenroom/supervisor", args)?;
            return Ok(spec);
        }
        read("greenroom/supervisor", args)
    }

    /// Checks what no type can say.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        self.template.as_ref().map_or(Ok(()), ChildSpec::check)?;
        let mut ids = HashSet::new();
        for child in &self.children {
            child.check()?;
            if !ids.insert(&child.id) {
                return Err(bad(format!("`children` has `{}` twice", quoted(&child.id))));
            }
        }
        let children = u32::try_from(self.children.len()).unwrap_or(u32::MAX);
        match (self.strategy, self.most) {
            (Strategy::Dynamic, Some(most)) if children > most => {
                return Err(bad(format!("`children` are {children}, `most` allows {most}")));
            }
            (Strategy::Dynamic, _) | (_, None) => {}
            (_, Some(_)) => return Err(bad("`most` is for the strategy `dynamic`")),
        }
        if self.intensity > INTENSITY_MAX {
            return Err(bad(format!("`intensity` can be {INTENSITY_MAX} at most")));
        }
        if self.period_ms == 0 {
            return Err(bad("`period_ms` must be at least 1"));
        }
        self.backoff.check()
    }
}

/// Reads JSON, and says of which key it is if it is wrong.
pub(super) fn read<'de, T: Deserialize<'de>>(what: &str, text: &'de Message) -> Result<T, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_str(text.as_str());
    serde_path_to_error::deserialize(&mut deserializer).map_err(|why| match why.path().to_string().as_str() {
        "." => bad(format!("{what}: {}", why.inner())),
        path => bad(format!("{what}: `{}`: {}", quoted(path), why.inner())),
    })
}

pub(super) fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::BadArgument, message)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_spec_is_read_from_json_and_every_wrong_key_is_named() {
        let read = |text: &str| {
            let args = Message::trusted(text.to_owned());
            SupervisorSpec::parse(&args).and_then(|spec| spec.check().map(|()| spec))
        };
        let whole = r#"{"strategy":"rest-for-one","children":[{"id":"a","entry":"m/e","args":{"n":1.0},"restart":"transient",
            "shutdown_ms":null,"name":"clerk","node":["a:1","B:2"]},{"id":"s","entry":"greenroom/supervisor","node":"[::1]:3"}],"intensity":5,"period_ms":100,
            "backoff":{"first_ms":1,"most_ms":2,"jitter":0.25}}"#;
        let spec = read(whole).expect("it is right");
        let written = serde_json::to_value(&spec).expect("it has JSON");
        assert_eq!(written["children"][0]["args"].to_string(), r#"{"n":1.0}"#);
        assert_eq!(
            (&written["children"][0]["shutdown_ms"], &written["children"][1]["shutdown_ms"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            (&written["children"][0]["node"], &written["children"][1]["node"]),
            (&serde_json::json!(["a:1", "b:2"]), &Value::from("[::1]:3"))
        );
        let again = read(&format!("[{written}]")).expect("as positional arguments too");
        assert_eq!(serde_json::to_value(again).expect("JSON"), written);
        for (wrong, named) in [
            (r#"{"strategy":"one-for-one","colour":1}"#, "colour"),
            (r#"{"strategy":"one-for-two"}"#, "one-for-two"),
            (r#"{"children":[]}"#, "strategy"),
            (r#"{"strategy":"dynamic","intensity":"3"}"#, "intensity"),
            (r#"{"strategy":"dynamic","children":[{"id":"a","entry":"b","shutdown":1}]}"#, "children[0].shutdown"),
            (
                r#"{"strategy":"dynamic","children":[{"id":"a","entry":"b","shutdown_ms":"1"}]}"#,
                "children[0].shutdown_ms",
            ),
            (r#"{"strategy":"dynamic","children":[{"entry":"b"}]}"#, "id"),
            (r#"{"strategy":"dynamic","children":[{"id":"a","entry":"b"},{"id":"a","entry":"b"}]}"#, "`a` twice"),
            (r#"{"strategy":"dynamic","children":[{"id":"a","entry":"b","name":"B"}]}"#, "`B` cannot be a name"),
            (r#"{"strategy":"dynamic","children":[{"id":"","entry":"b"}]}"#, "`id`"),
            (r#"{"strategy":"dynamic","children":[{"id":"a","entry":"b","node":[]}]}"#, "1 to 16 nodes"),
            (r#"{"strategy":"dynamic","children":[{"id":"a","entry":"b","node":["c:1","d"]}]}"#, "children[0].node"),
            (r#"{"strategy":"dynamic","children":[{"id":"a","entry":"b","node":7}]}"#, "HOST:PORT"),
            (r#"{"strategy":"one-for-one","most":1}"#, "`most`"),
            (r#"{"strategy":"dynamic","most":0,"children":[{"id":"a","entry":"b"}]}"#, "`most`"),
            (r#"{"strategy":"dynamic","intensity":100001}"#, "`intensity`"),
            (r#"{"strategy":"dynamic","period_ms":0}"#, "`period_ms`"),
            (r#"{"strategy":"dynamic","backoff":{"first":1}}"#, "backoff.first"),
            (r#"{"strategy":"dynamic","backoff":{"jitter":2}}"#, "`backoff.jitter`"),
            (r#"["one-for-one"]"#, "expected struct"),
            ("[]", "length 0"),
        ] {
            let refused = read(wrong).expect_err(wrong);
            assert!(refused.message().contains(named), "{wrong}: {refused}");
        }
    }

    #[test]
    fn a_child_names_1_to_16_nodes_and_one_in_rust_none() {
        let nodes =
            |count: u16| (1..=count).map(|port| format!("a:{port}").parse().expect("a place")).collect::<Vec<_>>();
        let check = |child: ChildSpec| SupervisorSpec::one_for_one().child(child).check().map_err(|why| why.kind());
        let bad = Err(RefusalKind::BadArgument);
        assert_eq!(check(ChildSpec::new("a", "b").node(nodes(1).remove(0))), Ok(()));
        assert_eq!([0, 16, 17].map(|count| check(ChildSpec::new("a", "b").node(nodes(count)))), [bad, Ok(()), bad]);
        let native = ChildSpec::native("a", |_| std::future::pending::<Result<Value, Value>>()).node(nodes(1));
        assert_eq!(check(native.clone()), bad);
        let pool = SupervisorSpec::dynamic().alike(native, std::iter::empty());
        assert_eq!(pool.check().map_err(|why| why.kind()), bad, "also one that comes later");
        assert_eq!(check(ChildSpec::supervisor("a", SupervisorSpec::dynamic()).node(nodes(1))), bad);
    }
}
