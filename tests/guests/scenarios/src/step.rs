//! What a script can do, step by step.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::Duration;

/// One thing to do. In JSON: `{"send": ["me", 1]}`, `"curaddr"`. Whom, as `script` reads it: `"me"`, `"0"`, an address.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Patterns, and milliseconds or null. Answers null or `{"pattern", "from_host", "message"}`.
    Receive(Vec<Box<RawValue>>, Option<u32>),
    Send(String, Box<RawValue>),
    /// To whom, what, milliseconds.
    SendWait(String, Box<RawValue>, u32),
    /// Sends somebody another one's address.
    Tell(String, String),
    /// Sends somebody what the steps have answered so far, as an array.
    Report(String),
    /// Entry and arguments. Answers the address.
    Spawn(String, Box<RawValue>),
    /// Entry, arguments, options.
    SpawnWith(String, Box<RawValue>, serde_json::Map<String, Json>),
    Curaddr,
    Parent,
    OwnModule,

    /// Whom, milliseconds or null. Answers null or the outcome.
    Wait(String, Option<u32>),
    Kill(String),
    /// Whom, and the reason.
    Exit(String, Box<RawValue>),
    Link(String),
    Unlink(String),
    /// Answers the reference.
    Monitor(String),
    /// A reference, or the number of the step that answered it.
    Demonitor(String),
    /// Answers the setting before.
    TrapExit(bool),

    Register(String),
    Unregister(String),
    /// Answers the ID address.
    Whereis(String),
    Nodes,
    /// Answers the setting before.
    MonitorNodes(bool),

    Join(String),
    Leave(String),
    /// Answers the addresses.
    Members(String),
    LocalMembers(String),
    /// To which group, what. Answers how many it was handed to.
    Broadcast(String, Box<RawValue>),

    /// What, milliseconds. Answers the reference.
    SendAfter(Box<RawValue>, u32),
    /// A reference, or the number of the step that answered it. Answers whether it had not fired.
    Cancel(String),
    Monotonic,
    /// By std's means, milliseconds.
    Sleep(u32),

    /// Whom, and the contract's options. Answers the new address.
    Narrow(String, Box<RawValue>),
    Revoke(String),
    /// Answers the narrowed address that the last message was sent to, or null.
    Via,

    Print(String),
    Eprint(String),
    Warn(String),

    /// Ends the actor by a trap without words.
    Trap,
    /// Ends the actor with an error of this value.
    Fail(Json),
    /// Ends the actor with this value instead of the answers.
    Return(Box<RawValue>),
}

pub fn milliseconds(count: u32) -> Duration {
    Duration::from_millis(count.into())
}
