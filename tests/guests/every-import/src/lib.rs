//! Calls every import of the contract 0.1.0 and tells what each answered. Built once: see `tests/contract/README.md`.
#![no_std]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use core::fmt::Debug;
use core::time::Duration;
use greenroom_guest::raw::{lifecycle, registry, rights, source, timer};
use greenroom_guest::*;

/// Returns what each import answered, by its name: a value, or the refusal's object.
#[actor]
fn main() -> Result<Json> {
    let me = curaddr();
    let child = spawn("waits", &json!([]))?;
    let at = child.as_str();
    log::line(log::Level::Info, "every import is called");
    let sent = me.send(&1).is_ok();
    let received = receive(&[&pattern!(1)])?.1;
    let sent_wait = me.send_wait(&2, Duration::ZERO).is_ok();
    let polled = try_receive(&[])?.map(|(_, message)| message);
    let still_waiting = child.wait(Some(Duration::ZERO))?.is_none();
    let answers = json!({
        "host": {
            "curaddr": me.as_str(), "parent": parent(), "own-module": own_module(), "spawn": at,
            "send": sent, "receive": received, "send-wait": sent_wait, "poll": polled,
        },
        "lifecycle": {
            "wait": still_waiting,
            "kill": tell(lifecycle::kill(at)), "exit": tell(lifecycle::exit(at, "1")),
            "link": tell(lifecycle::link(at)), "unlink": tell(lifecycle::unlink(at)),
            "monitor": tell(lifecycle::monitor(at)), "demonitor": tell(lifecycle::demonitor("none")),
            "trap-exit": tell(lifecycle::trap_exit(true)),
        },
        "registry": {
            "register": tell(registry::register("someone")), "unregister": tell(registry::unregister("someone")),
            "whereis": tell(registry::whereis("someone")), "nodes": tell(registry::nodes()),
            "monitor-nodes": tell(registry::monitor_nodes(true)),
        },
        "rights": {"narrow": tell(rights::narrow(at, "{}")), "revoke": tell(rights::revoke(at))},
        "source": {"source": tell(source::source("main"))},
        "timer": {
            "now-ms": timer::now_ms(), "monotonic-ms": timer::monotonic_ms(),
            "send-after": tell(timer::send_after("1", 1)), "cancel": tell(timer::cancel("none")),
        },
    });
    // A node that has `kill` by now has ended it already.
    let _ = child.send(&"go");
    child.wait(None)?;
    Ok(answers)
}

/// Ends after its first message.
#[actor]
fn waits() -> Result<()> {
    receive_any().map(drop)
}

/// A refusal as its text, and what a later node may answer as `{"ok": …}`.
fn tell<T: Debug>(answer: Result<T, String>) -> Json {
    match answer {
        Ok(value) => json!({"ok": format!("{value:?}")}),
        Err(refusal) => Json::String(refusal),
    }
}
