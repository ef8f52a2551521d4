//! How a router is to work, as data: for embedders a builder, for guests JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::rotation::{Strategy, place};
use crate::address::Address;
use crate::grants::Grant;
use crate::limits::Limits;
use crate::message::Message;
use crate::native::call::{Text, present};
use crate::native::supervisor::{Backoff, ChildSpec, Nodes, Restart, SupervisorSpec};
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::check_name;

/// A router: one address in front of many actors, its *routees*. It passes each message and each call on to one of them, or
/// to all. A call is answered, or fails at once when nobody is left who could answer.
///
/// For [`Node::route`](crate::Node::route), or as JSON the arguments of `greenroom/router`, which any guest can spawn:
///
/// ```
/// use greenroom::{ChildSpec, PoolSpec, RouterSpec};
///
/// let spec = RouterSpec::least_loaded().pool(PoolSpec::new(ChildSpec::new("clerk", "shop/clerk"), 8));
/// let text = r#"{"strategy": "least-loaded", "pool": {"entry": "shop/clerk", "size": 8}}"#;
/// let same: RouterSpec = serde_json::from_str(text)?;
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `strategy`")]
pub struct RouterSpec {
    pub(super) strategy: Strategy,
    key: Option<String>,
    #[serde(default)]
    pub(super) routees: Vec<Address>,
    pub(super) pool: Option<PoolSpec>,
    pub(super) group: Option<String>,
    #[serde(default = "calls_max_default")]
    pub(super) calls_max: usize,
    #[serde(default = "call_timeout_ms_default")]
    call_timeout_ms: u64,
}

/// The workers that a router has started, and started again, by a supervisor of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "PoolText")]
pub struct PoolSpec {
    pub(super) size: usize,
    worker: ChildSpec,
    supervisor: SupervisorSpec,
}

/// A pool as JSON has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `entry` and `size`")]
struct PoolText {
    size: usize,
    entry: String,
    #[serde(default, deserialize_with = "present")]
    args: Option<Box<RawValue>>,
    #[serde(default)]
    restart: Restart,
    #[serde(default, deserialize_with = "present")]
    shutdown_ms: Option<Option<u32>>,
    #[serde(default)]
    limits: Limits,
    #[serde(default, deserialize_with = "present")]
    grants: Option<Vec<Grant>>,
    #[serde(default, deserialize_with = "present")]
    node: Option<Nodes>,
    intensity: Option<u32>,
    period_ms: Option<u32>,
    #[serde(default)]
    backoff: Backoff,
}

/// Calls outstanding unless the spec says otherwise: some megabytes of memory, and far below the narrowed addresses that
/// an actor may make.
fn calls_max_default() -> usize {
    10_000
}

/// Five minutes: long beyond what a caller waits, and short enough that calls which nobody will ever answer do not fill
/// the table for good.
fn call_timeout_ms_default() -> u64 {
    300_000
}

/// How many routees a router may have: each message may try them all.
pub(super) const ROUTEES_MAX: usize = 10_000;

impl RouterSpec {
    fn new(strategy: Strategy, key: Option<String>) -> RouterSpec {
        let (calls_max, call_timeout_ms) = (calls_max_default(), call_timeout_ms_default());
        RouterSpec { strategy, key, routees: Vec::new(), pool: None, group: None, calls_max, call_timeout_ms }
    }

    /// Each in turn.
    pub fn round_robin() -> RouterSpec {
        RouterSpec::new(Strategy::RoundRobin, None)
    }

    /// Any.
    pub fn random() -> RouterSpec {
        RouterSpec::new(Strategy::Random, None)
    }

    /// All. Of a call the first answer counts.
    pub fn broadcast() -> RouterSpec {
        RouterSpec::new(Strategy::Broadcast, None)
    }

    /// The same one for the same value under this key of the message (of a call: of what it is called with), as long as it
    /// lives. The key is one of the message's own, or a JSON pointer such as `/user/id`.
    pub fn hash(key: impl Into<String>) -> RouterSpec {
        RouterSpec::new(Strategy::Hash, Some(key.into()))
    }

    /// The one with the fewest calls that are not answered; plain messages go to each in turn.
    pub fn least_loaded() -> RouterSpec {
        RouterSpec::new(Strategy::LeastLoaded, None)
    }

    /// One more routee, which is there already. When it ends, it leaves.
    pub fn routee(mut self, actor: Address) -> RouterSpec {
        self.routees.push(actor);
        self
    }

    /// Instead of other routees: workers of the router's own.
    pub fn pool(mut self, pool: PoolSpec) -> RouterSpec {
        self.pool = Some(pool);
        self
    }

    /// Instead of other routees: the members of a group, on this node and others, as they come and go; at most the first
    /// 10,000. One that has joined more than once is one routee.
    pub fn group(mut self, name: impl Into<String>) -> RouterSpec {
        self.group = Some(name.into());
        self
    }

    /// How many calls may be outstanding (10,000). One more is refused.
    pub fn calls_max(mut self, calls: usize) -> RouterSpec {
        self.calls_max = calls;
        self
    }

    /// How long to wait for an answer (5 minutes) before the caller is told that there is none, in whole milliseconds.
    pub fn call_timeout(mut self, time: Duration) -> RouterSpec {
        self.call_timeout_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Reads the arguments of `greenroom/router`: the object itself, or an array with it alone.
    ///
    /// # Errors
    ///
    /// `bad-argument`, for a key that is not known too: it may be one that its author relies on.
    pub(super) fn parse(args: &Message) -> Result<RouterSpec, Refusal> {
        let spec = match serde_json::from_str::<[&RawValue; 1]>(args.as_str()) {
            Ok([only]) => only.get(),
            Err(_) => args.as_str(),
        };
        serde_json::from_str(spec).map_err(|why| bad(&why.to_string()))
    }

    /// Checks what no type can say.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if [!self.routees.is_empty(), self.pool.is_some(), self.group.is_some()].iter().filter(|has| **has).count() > 1
        {
            return Err(bad("it has `routees`, a `pool` or a `group`, one of them"));
        }
        self.group.as_deref().map_or(Ok(()), check_name)?;
        if (self.strategy == Strategy::Hash) != self.key.is_some() {
            return Err(bad("`key` belongs to the strategy `hash`, and `hash` needs it"));
        }
        check_count(self.pool.as_ref().map_or(self.routees.len(), |pool| pool.size))?;
        match &self.pool {
            Some(pool) if pool.worker.is_named() => Err(bad("the workers of a pool cannot all have one name")),
            _ => Ok(()),
        }
    }

    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }

    pub(super) fn key(&self) -> Option<Key> {
        self.key.as_deref().map(Key::new)
    }
}

impl PoolSpec {
    /// So many workers like this one. Their IDs are its, with a number.
    pub fn new(worker: ChildSpec, size: usize) -> PoolSpec {
        PoolSpec { size, worker, supervisor: SupervisorSpec::dynamic() }
    }

    /// Allows so many restarts of all together (3) within a time (5 s). One more, and the router ends with its workers.
    pub fn intensity(mut self, restarts: u32, period: Duration) -> PoolSpec {
        self.supervisor = self.supervisor.intensity(restarts, period);
        self
    }

    /// How long to wait before a restart.
    pub fn backoff(mut self, backoff: Backoff) -> PoolSpec {
        self.supervisor = self.supervisor.backoff(backoff);
        self
    }

    /// The supervisor, with the first workers.
    pub(super) fn supervisor(&self) -> SupervisorSpec {
        let first = (1..=self.size).map(|number| self.worker_id(number));
        self.supervisor.clone().alike(self.worker.clone(), first)
    }

    /// The ID of a worker as a child of the pool's supervisor. From 1.
    pub(super) fn worker_id(&self, number: usize) -> String {
        format!("{}-{number}", self.worker.id())
    }
}

impl From<PoolText> for PoolSpec {
    fn from(text: PoolText) -> PoolSpec {
        let mut worker = ChildSpec::new("worker", text.entry).restart(text.restart).limits(text.limits);
        if let Some(grants) = text.grants {
            worker = worker.grants(grants);
        }
        if let Some(Nodes(nodes)) = text.node {
            worker = worker.node(nodes);
        }
        if let Some(args) = text.args {
            worker = worker.args(Text(args.get().to_owned()));
        }
        if let Some(shutdown_ms) = text.shutdown_ms {
            worker = worker.shutdown(shutdown_ms.map(|ms| Duration::from_millis(ms.into())));
        }
        let pool = PoolSpec::new(worker, text.size).backoff(text.backoff);
        PoolSpec { supervisor: pool.supervisor.allow(text.intensity, text.period_ms), ..pool }
    }
}

fn bad(why: &str) -> Refusal {
    Refusal::new(RefusalKind::BadArgument, format!("cannot start a router: {why}"))
}

/// Whether a router may have so many routees.
///
/// # Errors
///
/// `limit`.
pub(super) fn check_count(routees: usize) -> Result<(), Refusal> {
    if routees <= ROUTEES_MAX {
        return Ok(());
    }
    let message = format!("a router may have {ROUTEES_MAX} routees");
    let refusal = Refusal::new(RefusalKind::Limit, message).with("limit", "routees");
    Err(refusal.with("used", routees).with("max", ROUTEES_MAX))
}

/// Where a message has its key.
#[derive(Debug, PartialEq)]
pub(super) struct Key(Vec<String>);

impl Key {
    /// A JSON pointer (RFC 6901) if it begins with `/`, else a key of the message's own.
    fn new(text: &str) -> Key {
        match text.strip_prefix('/') {
            None => Key(vec![text.to_owned()]),
            Some(path) => Key(path.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect()),
        }
    }

    /// The key's place on the ring. A message without one counts as if it had `null`.
    pub(super) fn place(&self, message: &Message) -> u64 {
        let mut value = message.as_str();
        for token in &self.0 {
            value = step(value, token).unwrap_or("null");
        }
        // However it is written: `"a"` and `"\u0061"` are one key.
        let plain = serde_json::from_str::<Value>(value).map_or_else(|_| value.to_owned(), |value| value.to_string());
        place(&plain)
    }
}

/// One step into an object or array; of a key that stands twice the last counts, as for parsers.
fn step<'a>(value: &'a str, token: &str) -> Option<&'a str> {
    let object = serde_json::from_str::<BTreeMap<String, &RawValue>>(value);
    let found = match object {
        Ok(object) => object.get(token).copied(),
        Err(_) => {
            let array: Vec<&RawValue> = serde_json::from_str(value).ok()?;
            array.get(token.parse::<usize>().ok()?).copied()
        }
    };
    found.map(RawValue::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message::trusted(text.to_owned())
    }

    fn read(args: &str) -> Result<RouterSpec, Refusal> {
        RouterSpec::parse(&message(args)).and_then(|spec| spec.check().map(|()| spec))
    }

    #[test]
    fn a_pool_s_supervisor_gets_what_was_given() {
        let pool = r#"{"entry":"work","size":1,"args":[1.0,123456789012345678901234567890],"shutdown_ms":null,
            "restart":"transient","period_ms":7,"backoff":{"first_ms":1},"node":["a:1","b:2"]}"#;
        let spec = read(&format!(r#"{{"strategy":"random","pool":{pool}}}"#)).expect("a spec");
        let written = serde_json::to_string(&spec.pool.expect("a pool").supervisor()).expect("it has JSON");
        let worker = r#"{"id":"worker-1","entry":"work","args":[1.0,123456789012345678901234567890],"restart":"transient","shutdown_ms":null,"node":["a:1","b:2"]}"#;
        let backoff = r#"{"first_ms":1,"most_ms":30000,"jitter":0.5}"#;
        assert_eq!(
            written,
            format!(
                r#"{{"strategy":"dynamic","children":[{worker}],"intensity":3,"period_ms":7,"backoff":{backoff}}}"#
            )
        );
    }

    fn refused(args: &str) -> String {
        read(args).expect_err(args).message().to_owned()
    }

    #[test]
    fn a_spec_is_named_arguments_or_the_only_argument() {
        let address = "aaaaaaaaaaaaaaaaaaaaaaaaaa@h:1";
        let spec = format!(r#"{{"strategy":"least-loaded","routees":[{{"$address":"{address}"}}]}}"#);
        for args in [spec.clone(), format!("[{spec}]")] {
            let spec = read(&args).expect("a spec");
            assert_eq!(spec.strategy, Strategy::LeastLoaded);
            assert_eq!(spec.routees, [address.parse().expect("an address")]);
            assert_eq!((spec.calls_max, spec.patience()), (10_000, Duration::from_secs(300)));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_name() {
        for (args, words) in [
            (r#"{"strategy":"random","seed":1}"#, "unknown field `seed`"),
            (r#"{"strategy":"fastest"}"#, "unknown variant `fastest`"),
            (r#"{"routees":[]}"#, "missing field `strategy`"),
            (r#"{"strategy":"hash"}"#, "needs it"),
            (r#"{"strategy":"random","key":"user"}"#, "belongs to the strategy `hash`"),
            (r#"{"strategy":"random","routees":["x"]}"#, "$address"),
            (r#"{"strategy":"random","pool":{"entry":"a","size":1,"sise":2}}"#, "unknown field `sise`"),
            (r#"{"strategy":"random","pool":{"entry":"a","size":10001}}"#, "10000 routees"),
            (r#"{"strategy":"random","pool":{"entry":"a","size":1,"restart":"often"}}"#, "unknown variant `often`"),
            (r#"["random"]"#, "expected an object with `strategy`"),
            (r#"{"strategy":"random","pool":8}"#, "expected an object with `entry` and `size`"),
            (r#"{"strategy":"random","group":"a","pool":{"entry":"a","size":1}}"#, "one of them"),
            (r#"{"strategy":"random","group":"A b"}"#, "`A b` cannot be a name"),
        ] {
            assert!(refused(args).contains(words), "{args}: {}", refused(args));
        }
    }

    #[test]
    fn a_key_is_found_by_name_or_pointer_however_it_is_written() {
        let same = |key: &str, one: &str, other: &str| {
            let key = Key::new(key);
            assert_eq!(key.place(&message(one)), key.place(&message(other)), "{key:?} in {one} and {other}");
        };
        same("user", r#"{"user":"a","n":1}"#, r#"{"n":2, "\u0075ser" : "\u0061"}"#);
        same("/a/1/b~1c", r#"{"a":[0,{"b/c":7}]}"#, r#"{"a":[[],{"b/c":7},3]}"#);
        same("user", r#"{"n":1}"#, r#"{"user":null}"#);
        same("user", "17", r#"["user"]"#);
        same("user", r#"{"user":1,"user":2}"#, r#"{"user":2}"#);
        let user = Key::new("user");
        assert_ne!(user.place(&message(r#"{"user":1}"#)), user.place(&message(r#"{"user":"1"}"#)));
    }
}
