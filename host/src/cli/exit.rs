//! How the program ends: its exit codes, and a failure on its way to stderr.

use std::fmt;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::guest::library::LoadError;
use crate::message::Message;
use crate::outcome::{Exception, ExceptionKind, Outcome};
use crate::refusal::{Refusal, RefusalKind};

/// What the shell is told (DESIGN §9). Part of the interface: scripts depend on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Code {
    Ok = 0,
    /// The actor failed, or something that no other code names.
    Failed = 1,
    /// Wrong usage, or bad input.
    Usage = 2,
    /// No such file, entry or name.
    NotFound = 3,
    Timeout = 4,
    NotPermitted = 5,
    Limit = 6,
    /// A node cannot be reached.
    Unreachable = 7,
    /// The module cannot be an actor's.
    Rejected = 8,
    /// 128 and the number of SIGINT, as shells have it.
    Interrupted = 130,
    /// 128 and the number of SIGTERM.
    Terminated = 143,
}

impl Code {
    /// Every code there is.
    pub(super) const ALL: &[Code] = &[
        Code::Ok,
        Code::Failed,
        Code::Usage,
        Code::NotFound,
        Code::Timeout,
        Code::NotPermitted,
        Code::Limit,
        Code::Unreachable,
        Code::Rejected,
        Code::Interrupted,
        Code::Terminated,
    ];

    /// The code for an actor's end. An uncaught refusal counts as that refusal.
    pub(super) fn of_outcome(outcome: &Outcome) -> Code {
        match outcome {
            Outcome::Exit(_) => Code::Ok,
            Outcome::Exception(exception) => Code::of_exception(exception),
        }
    }

    fn of_exception(exception: &Exception) -> Code {
        match exception.kind() {
            ExceptionKind::Error => refusal_in(exception).map_or(Code::Failed, Code::of_refusal),
            ExceptionKind::Limit => Code::Limit,
            // It trapped because it was refused more memory.
            ExceptionKind::Trap if exception.detail("limit").is_some() => Code::Limit,
            ExceptionKind::Noconnection => Code::Unreachable,
            ExceptionKind::Trap
            | ExceptionKind::Killed
            | ExceptionKind::Shutdown
            | ExceptionKind::Linked
            | ExceptionKind::Noproc
            | ExceptionKind::Host => Code::Failed,
        }
    }

    /// The code for a call that was not done.
    pub(super) fn of_refusal(kind: RefusalKind) -> Code {
        match kind {
            RefusalKind::NoSuchEntry | RefusalKind::NoSuchModule | RefusalKind::NoSuchName => Code::NotFound,
            RefusalKind::BadArgument => Code::Usage,
            RefusalKind::Timeout => Code::Timeout,
            RefusalKind::NotPermitted => Code::NotPermitted,
            RefusalKind::Limit => Code::Limit,
            RefusalKind::NotConnected => Code::Unreachable,
            RefusalKind::NoSuchActor
            | RefusalKind::BadJson
            | RefusalKind::BadPattern
            | RefusalKind::BadAddress
            | RefusalKind::TooLarge
            | RefusalKind::MailboxFull
            | RefusalKind::NameTaken
            | RefusalKind::Unsupported
            | RefusalKind::UnsupportedOption
            | RefusalKind::Stopping => Code::Failed,
        }
    }
}

impl Code {
    /// The code of a command that somebody gave from outside. What an actor must expect, since others come and go, is for a
    /// person a thing that is not there, or a text that is wrong.
    fn of_command(kind: RefusalKind) -> Code {
        match kind {
            RefusalKind::NoSuchActor => Code::NotFound,
            RefusalKind::BadAddress | RefusalKind::BadJson | RefusalKind::TooLarge | RefusalKind::NameTaken => {
                Code::Usage
            }
            _ => Code::of_refusal(kind),
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code as u8)
    }
}

/// The refusal that a guest did not handle: the value of its `error`, if that has a refusal's type.
pub(super) fn refusal_in(exception: &Exception) -> Option<RefusalKind> {
    let value = exception.detail("value").map(Message::to_value)?;
    let kind = value.get("type")?.as_str()?;
    RefusalKind::ALL.iter().copied().find(|known| known.as_str() == kind)
}

/// Why a command did not do its work, for people, and what to try next.
#[derive(Debug, PartialEq)]
pub(super) struct Failure {
    pub code: Code,
    pub message: String,
    pub help: Option<String>,
    /// The refusal that it comes from, for programs.
    refusal: Option<RefusalKind>,
    /// What else they may want to know, by key.
    more: Map<String, Value>,
}

impl Failure {
    pub(super) fn new(code: Code, message: impl fmt::Display) -> Failure {
        Failure { code, message: message.to_string(), help: None, refusal: None, more: Map::new() }
    }

    /// Somebody asked the program to end before its work was done.
    pub(super) fn interrupted(code: Code) -> Failure {
        Failure::new(code, "interrupted")
    }

    /// For `map_err`: bad input, with all the causes of the error in one line.
    pub(super) fn usage(error: anyhow::Error) -> Failure {
        Failure::new(Code::Usage, format!("{error:#}"))
    }

    pub(super) fn help(mut self, help: impl fmt::Display) -> Failure {
        self.help = Some(help.to_string());
        self
    }

    /// Adds a key for programs.
    pub(super) fn with(mut self, key: &str, value: Value) -> Failure {
        self.more.insert(key.to_owned(), value);
        self
    }

    /// A command that somebody gave from outside was refused.
    pub(super) fn commanded(refusal: Refusal) -> Failure {
        let code = Code::of_command(refusal.kind());
        Failure { code, ..Failure::from(refusal) }
    }

    /// As another program tells it: its exit code and its [`Failure::details`].
    pub(super) fn told(code: u8, mut details: Map<String, Value>) -> Failure {
        let mut word = |key| details.remove(key).and_then(|word| word.as_str().map(str::to_owned));
        let (kind, message, help) = (word("type"), word("message").unwrap_or_default(), word("help"));
        let code = Code::ALL.iter().find(|known| **known as u8 == code).copied().unwrap_or(Code::Failed);
        let refusal = RefusalKind::ALL.iter().copied().find(|known| Some(known.as_str()) == kind.as_deref());
        Failure { code, message, help, refusal, more: details }
    }

    /// `{"error": {"type", "message", …}}`. The type is a refusal's, with its other keys, or else `exit-` and the exit
    /// code: `greenroom explain` has a page for either.
    pub(super) fn to_json(&self) -> Value {
        json!({"error": self.details()})
    }

    /// What programs are told.
    pub(super) fn details(&self) -> Map<String, Value> {
        let mut error = self.more.clone();
        let kind = self.refusal.map_or_else(|| format!("exit-{}", self.code as u8), |kind| kind.to_string());
        error.insert("type".into(), kind.into());
        error.insert("message".into(), self.message.as_str().into());
        if let Some(help) = &self.help {
            error.insert("help".into(), help.as_str().into());
        }
        error
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Failure {
        let code = match error {
            LoadError::NotFound { .. } => Code::NotFound,
            LoadError::Read { .. } => Code::Usage,
            LoadError::Rejected { .. } | LoadError::Compile { .. } => Code::Rejected,
            LoadError::NoThread { .. } => Code::Failed,
        };
        Failure::new(code, error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        let kind = refusal.kind();
        let failure = Failure::new(Code::of_refusal(kind), refusal.message()).help(format!("greenroom explain {kind}"));
        Failure { refusal: Some(kind), more: refusal.details().clone(), ..failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of_error(value: &str) -> Code {
        let value = Message::trusted(value.to_owned());
        Code::of_outcome(&Outcome::Exception(Exception::error(value)))
    }

    #[test]
    fn an_uncaught_refusal_counts_as_that_refusal() {
        for (kind, code) in [
            ("limit", 6),
            ("not-permitted", 5),
            ("timeout", 4),
            ("not-connected", 7),
            ("no-such-entry", 3),
            ("no-such-module", 3),
            ("no-such-name", 3),
            ("bad-argument", 2),
            ("no-such-actor", 1),
            ("mailbox-full", 1),
        ] {
            let value = format!("{{\"type\":\"{kind}\",\"message\":\"no\"}}");
            assert_eq!(code_of_error(&value) as u8, code, "{kind}");
        }
    }

    #[test]
    fn any_other_error_is_the_actor_s_own() {
        for value in [r#""limit""#, "6", r#"{"type":6}"#, r#"{"type":"of my own"}"#, r#"[{"type":"limit"}]"#] {
            assert_eq!(code_of_error(value), Code::Failed, "{value}");
        }
    }

    #[test]
    fn programs_get_a_type_that_can_be_explained_and_a_refusal_s_other_keys() {
        let failure = Failure::new(Code::NotFound, "no such file");
        assert_eq!(failure.to_json(), json!({"error": {"type": "exit-3", "message": "no such file"}}));
        let failure = Failure::from(Refusal::new(RefusalKind::Limit, "no room").with("max", 7));
        let help = "greenroom explain limit";
        let error = json!({"type": "limit", "message": "no room", "help": help, "max": 7});
        assert_eq!(failure.to_json(), json!({"error": error}));
    }

    #[test]
    fn a_failure_that_another_program_tells_is_the_same_here() {
        for failure in [
            Failure::new(Code::NotFound, "no such file").help("look").with("n", json!(7)),
            Failure::commanded(Refusal::new(RefusalKind::NoSuchActor, "nobody").with("max", 7)),
        ] {
            let told = Failure::told(failure.code as u8, failure.details());
            assert_eq!((told.code, told.to_json()), (failure.code, failure.to_json()));
        }
        assert_eq!(Failure::told(99, Map::new()).code, Code::Failed);
    }

    #[test]
    fn only_a_value_is_a_success() {
        let exit = Message::trusted("null".to_owned());
        assert_eq!(Code::of_outcome(&Outcome::Exit(exit)), Code::Ok);
        for kind in ExceptionKind::ALL {
            let code = Code::of_outcome(&Outcome::Exception(Exception::new(*kind, "")));
            assert_ne!(code, Code::Ok, "{kind}");
        }
    }
}
