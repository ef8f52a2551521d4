//! What a router is asked for when it is spawned.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::call::present;
use super::rotation::{Strategy, place};
use crate::address::Address;
use crate::message::Message;
use crate::refusal::{Refusal, RefusalKind};

/// The arguments of `greenroom/router`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `strategy`")]
pub(super) struct Spec {
    pub(super) strategy: Strategy,
    key: Option<String>,
    /// Whom messages go to, to begin with.
    #[serde(default)]
    pub(super) routees: Vec<Address>,
    /// Instead of `routees`: workers that the router has supervised.
    pub(super) pool: Option<PoolSpec>,
    /// How many calls may be outstanding. One more is refused.
    #[serde(default = "calls_max_default")]
    pub(super) calls_max: usize,
    #[serde(default = "call_timeout_ms_default")]
    call_timeout_ms: u64,
}

/// The workers of a pool: so many children of a supervisor, all alike. What is only the supervisor's business is handed to
/// it as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `entry` and `size`")]
pub(super) struct PoolSpec {
    pub(super) size: usize,
    entry: String,
    #[serde(default, deserialize_with = "present")]
    args: Given,
    #[serde(default, deserialize_with = "present")]
    restart: Given,
    #[serde(default, deserialize_with = "present")]
    shutdown_ms: Given,
    #[serde(default, deserialize_with = "present")]
    intensity: Given,
    #[serde(default, deserialize_with = "present")]
    period_ms: Given,
    #[serde(default, deserialize_with = "present")]
    backoff: Given,
}

/// A value that was given, `null` too, as it was written.
type Given = Option<Box<RawValue>>;

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

impl Spec {
    /// Reads the arguments: the object itself, or an array with the object in it.
    ///
    /// # Errors
    ///
    /// `bad-argument`, for a key that is not known too: it may be one that its author relies on.
    pub(super) fn read(args: &Message) -> Result<Spec, Refusal> {
        let bad = |why: String| Refusal::new(RefusalKind::BadArgument, format!("cannot start a router: {why}"));
        let spec = match serde_json::from_str::<[&RawValue; 1]>(args.as_str()) {
            Ok([only]) => only.get(),
            Err(_) => args.as_str(),
        };
        let spec: Spec = serde_json::from_str(spec).map_err(|why| bad(why.to_string()))?;
        if spec.pool.is_some() && !spec.routees.is_empty() {
            return Err(bad("it has `routees` or a `pool`, not both".to_owned()));
        }
        if (spec.strategy == Strategy::Hash) != spec.key.is_some() {
            return Err(bad("`key` belongs to the strategy `hash`, and `hash` needs it".to_owned()));
        }
        check_count(spec.pool.as_ref().map_or(spec.routees.len(), |pool| pool.size))?;
        Ok(spec)
    }

    pub(super) fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }

    pub(super) fn key(&self) -> Option<Key> {
        self.key.as_deref().map(Key::new)
    }
}

/// The arguments of a pool's supervisor.
#[derive(Serialize)]
struct SupervisorText<'a> {
    strategy: &'static str,
    children: Vec<WorkerText<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intensity: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_ms: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backoff: Option<&'a RawValue>,
}

/// One of its children.
#[derive(Serialize)]
struct WorkerText<'a> {
    id: String,
    entry: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_ms: Option<&'a RawValue>,
}

impl PoolSpec {
    /// The arguments of `greenroom/supervisor`, with the first workers.
    pub(super) fn supervisor(&self) -> String {
        let text = SupervisorText {
            // The one whose children come and go.
            strategy: "dynamic",
            children: (1..=self.size).map(|number| self.worker_text(number)).collect(),
            intensity: self.intensity.as_deref(),
            period_ms: self.period_ms.as_deref(),
            backoff: self.backoff.as_deref(),
        };
        serde_json::to_string(&text).expect("texts and JSON values are JSON")
    }

    /// One worker as a child.
    pub(super) fn worker(&self, number: usize) -> String {
        serde_json::to_string(&self.worker_text(number)).expect("texts and JSON values are JSON")
    }

    fn worker_text(&self, number: usize) -> WorkerText<'_> {
        WorkerText {
            id: worker_id(number),
            entry: &self.entry,
            args: self.args.as_deref(),
            restart: self.restart.as_deref(),
            shutdown_ms: self.shutdown_ms.as_deref(),
        }
    }
}

/// The ID of a worker as a child of the pool's supervisor. From 1.
pub(super) fn worker_id(number: usize) -> String {
    format!("worker-{number}")
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

    #[test]
    fn a_pool_s_supervisor_gets_what_was_given_as_it_was_written() {
        let pool = r#"{"entry":"work","size":1,"args":[1.0,123456789012345678901234567890],"shutdown_ms":null}"#;
        let spec = Spec::read(&message(&format!(r#"{{"strategy":"random","pool":{pool}}}"#))).expect("a spec");
        let worker =
            r#"{"id":"worker-1","entry":"work","args":[1.0,123456789012345678901234567890],"shutdown_ms":null}"#;
        let pool = spec.pool.expect("a pool");
        assert_eq!(pool.worker(1), worker);
        assert_eq!(pool.supervisor(), format!(r#"{{"strategy":"dynamic","children":[{worker}]}}"#));
    }

    fn refused(args: &str) -> String {
        Spec::read(&message(args)).expect_err(args).message().to_owned()
    }

    #[test]
    fn a_spec_is_named_arguments_or_the_only_argument() {
        let address = "aaaaaaaaaaaaaaaaaaaaaaaaaa@h:1";
        let spec = format!(r#"{{"strategy":"least-loaded","routees":[{{"$address":"{address}"}}]}}"#);
        for args in [spec.clone(), format!("[{spec}]")] {
            let spec = Spec::read(&message(&args)).expect("a spec");
            assert_eq!(spec.strategy, Strategy::LeastLoaded);
            assert_eq!(spec.routees, [address.parse().expect("an address")]);
            assert_eq!((spec.calls_max, spec.call_timeout()), (10_000, Duration::from_secs(300)));
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
            (r#"["random"]"#, "expected an object with `strategy`"),
            (r#"{"strategy":"random","pool":8}"#, "expected an object with `entry` and `size`"),
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
