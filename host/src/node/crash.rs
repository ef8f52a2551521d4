//! What the people who run a node are told of an actor that failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Kernel;
use super::events::Event;
use crate::address::{Address, quoted};
use crate::outcome::Exception;

/// An actor failed, and nobody hears of it, or its supervisor has decided what follows.
///
/// With what no other actor is told: the message that it was handling is in `exception`
/// ([`Exception::handling`]).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CrashReport {
    /// The address it had.
    pub actor: Address,
    /// What it ran, as `module/entry`; none: a behavior in Rust.
    pub entry: Option<String>,
    /// The names it had.
    pub names: Vec<String>,
    /// How it failed.
    pub exception: Exception,
    /// Who restarts it; none: nobody linked, monitored or awaited it.
    pub supervision: Option<Supervision>,
}

/// What the supervisor of a failed actor does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Supervision {
    /// The supervisor.
    pub supervisor: Address,
    /// The child's ID there.
    pub child: String,
    /// What follows.
    pub decision: Decision,
}

/// What becomes of a child that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It is started again.
    Restart {
        /// So long after it failed.
        after: Duration,
    },
    /// It is temporary, so it is not started again.
    Temporary,
    /// The supervisor ends with all its children: they needed more restarts than are allowed.
    GiveUp {
        /// So many are,
        restarts_max: usize,
        /// within this time.
        period: Duration,
    },
    /// It was asked to end before it failed.
    Expected,
}

impl CrashReport {
    pub(crate) fn new(actor: Address, exception: Exception, supervision: Option<Supervision>) -> CrashReport {
        let scene = exception.scene().cloned().unwrap_or_default();
        let entry = scene.entry.map(|entry| entry.to_string());
        let names = scene.names.iter().map(ToString::to_string).collect();
        CrashReport { actor, entry, names, exception, supervision }
    }

    /// One JSON object: `{"actor", "entry", "names", "exception", "handling", "supervisor"}`, of which `entry`, `handling`
    /// and `supervisor` may be null. `handling` is `{"text", "bytes"}`, the text cut at 1 KiB; `supervisor` is `{"address",
    /// "child", "decision"}`, and, as it decided, `after_ms` or `restarts_max` and `period_ms`.
    pub fn to_json(&self) -> String {
        let (actor, entry, names) = (json!(self.actor.to_string()), json!(self.entry), json!(self.names));
        let handling = self.exception.handling().map_or_else(|| "null".to_owned(), |handling| handling.to_json());
        let supervisor = json!(self.supervision.as_ref().map(Supervision::to_value));
        format!(
            r#"{{"actor":{actor},"entry":{entry},"names":{names},"exception":{},"handling":{handling},"supervisor":{supervisor}}}"#,
            self.exception.to_json()
        )
    }

    /// Who failed and what follows, in a few words on one line.
    pub(crate) fn headline(&self) -> String {
        match &self.supervision {
            Some(Supervision { child, decision, .. }) => format!("child `{}` failed and {decision}", quoted(child)),
            None => {
                let who =
                    self.entry.as_ref().map_or_else(|| "an actor".to_owned(), |entry| format!("`{}`", quoted(entry)));
                format!("{who} failed, and nobody waits for it")
            }
        }
    }
}

/// The headline, why, and where: a line for each function.
impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.headline(), self.actor, self.exception)?;
        if let Some(handling) = self.exception.handling() {
            write!(f, "\n  handling {handling}")?;
        }
        self.exception.backtrace().iter().try_for_each(|frame| write!(f, "\n  at {frame}"))
    }
}

/// So that a subscriber of `tracing` gets it whole, in the field `crash` of the warning.
impl Error for CrashReport {}

impl Supervision {
    pub(crate) fn new(supervisor: Address, child: String, decision: Decision) -> Supervision {
        Supervision { supervisor, child, decision }
    }

    fn to_value(&self) -> Value {
        let mut supervisor = Map::new();
        supervisor.insert("address".into(), self.supervisor.to_string().into());
        supervisor.insert("child".into(), self.child.as_str().into());
        let decision = match self.decision {
            Decision::Restart { after } => {
                supervisor.insert("after_ms".into(), milliseconds(after));
                "restart"
            }
            Decision::Temporary => "temporary",
            Decision::GiveUp { restarts_max, period } => {
                supervisor.insert("restarts_max".into(), restarts_max.into());
                supervisor.insert("period_ms".into(), milliseconds(period));
                "give-up"
            }
            Decision::Expected => "expected",
        };
        supervisor.insert("decision".into(), decision.into());
        supervisor.into()
    }
}

fn milliseconds(time: Duration) -> Value {
    u64::try_from(rounded(time).as_millis()).unwrap_or(u64::MAX).into()
}

/// Up to whole milliseconds: nobody wants to read the nanoseconds that chance has given.
fn rounded(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

/// As it stands behind the child's name.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decision::Restart { after: Duration::ZERO } => f.write_str("is started again"),
            Decision::Restart { after } => write!(f, "is started again in {:?}", rounded(*after)),
            Decision::Temporary => f.write_str("is not started again, as it is temporary"),
            Decision::GiveUp { restarts_max: 1, period } => {
                write!(f, "takes its supervisor down, which restarts 1 time within {period:?}")
            }
            Decision::GiveUp { restarts_max, period } => {
                write!(f, "takes its supervisor down, which restarts {restarts_max} times within {period:?}")
            }
            Decision::Expected => f.write_str("was to end anyway"),
        }
    }
}

impl Kernel {
    /// Tells people of a crash: by the log, and who reads events.
    pub(crate) fn report(&self, report: CrashReport) {
        let crash: &(dyn Error + 'static) = &report;
        tracing::warn!(target: "greenroom", crash, "an actor failed");
        self.events.tell(|| Event::Crashed(report.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::ExceptionKind;

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    fn report(decision: Option<Decision>) -> CrashReport {
        let supervision = decision.map(|decision| Supervision::new(address("s@b:1"), "c".into(), decision));
        CrashReport::new(address("a@b:1"), Exception::new(ExceptionKind::Trap, "no luck"), supervision)
    }

    #[test]
    fn a_report_has_each_key_whether_it_is_known_or_not() {
        let told: Value = serde_json::from_str(&report(None).to_json()).expect("JSON");
        let exception = json!({"type": "trap", "message": "no luck"});
        let expected = json!({"actor": "a@b:1", "entry": null, "names": [], "exception": exception, "handling": null,
            "supervisor": null});
        assert_eq!(told, expected);
    }

    #[test]
    fn each_decision_has_its_words_and_its_numbers() {
        let second = Duration::from_secs(1);
        for (decision, words, keys) in [
            (
                Decision::Restart { after: Duration::ZERO },
                "is started again",
                json!({"decision": "restart", "after_ms": 0}),
            ),
            (
                Decision::Restart { after: second },
                "is started again in 1s",
                json!({"decision": "restart", "after_ms": 1000}),
            ),
            (Decision::Temporary, "is not started again, as it is temporary", json!({"decision": "temporary"})),
            (
                Decision::GiveUp { restarts_max: 3, period: second },
                "takes its supervisor down, which restarts 3 times within 1s",
                json!({"decision": "give-up", "restarts_max": 3, "period_ms": 1000}),
            ),
            (Decision::Expected, "was to end anyway", json!({"decision": "expected"})),
        ] {
            let report = report(Some(decision));
            assert_eq!(report.headline(), format!("child `c` failed and {words}"));
            let told: Value = serde_json::from_str(&report.to_json()).expect("JSON");
            let mut expected = keys;
            (expected["address"], expected["child"]) = (json!("s@b:1"), json!("c"));
            assert_eq!(told["supervisor"], expected);
        }
    }
}
