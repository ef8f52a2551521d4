//! `greenroom:actor/host`: who am I, spawn, send, receive.

use serde_json::{Map, Value};

use super::{Guest, milliseconds};
use crate::address::quoted;
use crate::guest::bindings::greenroom::actor::host::{Host, Received};
use crate::refusal::{Refusal, RefusalKind};

impl Host for Guest {
    fn curaddr(&mut self) -> String {
        self.context.address().to_string()
    }

    fn parent(&mut self) -> Option<String> {
        self.context.parent().map(ToString::to_string)
    }

    fn own_module(&mut self) -> String {
        self.module.hash().to_owned()
    }

    fn spawn(&mut self, entry: String, args: String, options: String) -> Result<String, String> {
        let child = check_options(&options).and_then(|()| {
            let args = self.context.admit(args)?;
            let parent = Some(self.context.address().clone());
            self.guests.clone().spawn(&self.module, &entry, args, parent)
        });
        match child {
            Ok(child) => Ok(self.guests.kernel.address(child.id()).to_string()),
            Err(refusal) => Err(refusal.to_json()),
        }
    }

    fn send(&mut self, to: String, message: String) -> Result<(), String> {
        self.context.send(&to, message).map_err(|refusal| refusal.to_json())
    }

    async fn send_wait(&mut self, to: String, message: String, timeout_ms: u32) -> Result<(), String> {
        let sent = self.context.send_wait(&to, message, milliseconds(timeout_ms)).await;
        sent.map_err(|refusal| refusal.to_json())
    }

    async fn receive(&mut self, patterns: Vec<String>, timeout_ms: Option<u32>) -> Result<Option<Received>, String> {
        let patterns =
            self.patterns(patterns).map_err(|why| Refusal::new(RefusalKind::BadPattern, why.to_string()).to_json())?;
        let taken = self.context.receive(&patterns, timeout_ms.map(milliseconds)).await;
        Ok(taken.map(|taken| Received {
            pattern: u32::try_from(taken.pattern).expect("a list in 32-bit memory has fewer than 2^32 patterns"),
            from_host: taken.from_host,
            message: taken.message.into_string(),
        }))
    }
}

/// The contract's spawn options. None is built yet, and an unknown one may be a limit: neither is ignored.
const OPTIONS: [&str; 7] = ["name", "link", "monitor", "trap-exit", "node", "limits", "grants"];

fn check_options(options: &str) -> Result<(), Refusal> {
    let bad = |why: &dyn std::fmt::Display| {
        Refusal::new(RefusalKind::BadArgument, format!("spawn options must be a JSON object: {why}"))
    };
    let options: Map<String, Value> = serde_json::from_str(options).map_err(|why| bad(&why))?;
    let Some(option) = options.keys().next() else { return Ok(()) };
    let why = if OPTIONS.contains(&option.as_str()) {
        "is part of the contract but not built in this version of Greenroom"
    } else {
        "is not one that this version of Greenroom knows"
    };
    let message = format!("spawn option `{}` {why}", quoted(option));
    Err(Refusal::new(RefusalKind::UnsupportedOption, message).with("option", option.as_str()))
}
