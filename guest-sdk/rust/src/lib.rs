//! Write actors for a Greenroom node in Rust: spawn, send, receive.
//!
//! An actor is a function. Each one that is spawned runs in a WebAssembly instance of its own, with its own memory: it
//! shares nothing with any other, not even a `static` of this very module.
//!
//! ```no_run
//! use greenroom_guest::*;
//!
//! /// Waits for one message and passes it on.
//! #[actor]
//! fn forward(to: Address) -> Result<()> {
//!     let message = receive_any()?;
//!     to | message
//! }
//!
//! /// Builds a ring of `n` actors and sends a message around it.
//! #[actor]
//! fn build(n: u32) -> Result<Json> {
//!     let mut last = curaddr();
//!     for _ in 0..n {
//!         last = forward::spawn(last)?;
//!     }
//!     (last | json!({"text": "hello around the ring"}))?;
//!     receive_any()
//! }
//! # #[actor]
//! # fn example() -> Result<()> {
//! # let around = build::spawn(10)?.wait(None)?.unwrap().into_value()?;
//! # assert_eq!(around["text"], "hello around the ring");
//! # Ok(()) }
//! ```
//!
//! The crate is a `cdylib`; `greenroom run FOLDER build 10` builds it and runs the entry `build`.
//!
//! # Entries
//!
//! [`macro@actor`] on a function makes it an *entry*: something an actor can run. Its arguments come from the JSON that
//! was given to `spawn`, by position (an array) or by name (an object); what does not fit ends the actor with a refusal
//! of type `bad-argument` that shows what the entry takes. It may return nothing, a value that serde can write, or a
//! [`Result`] of one. `forward::spawn(…)` starts it with the types that it declares.
//!
//! # Messages
//!
//! A message is JSON. Whatever serde can write may be sent ([`Address::send`], or `address | message`). [`receive_any`]
//! takes the oldest message, [`receive`] the oldest that one of some [`Pattern`]s matches, [`receive_as`] the oldest
//! that has the shape of a type. Messages that do not match stay where they are.
//!
//! # Failing
//!
//! What the node refuses is an [`Error`] with the node's [kind](Error::kind). Passed on with `?`, it ends the actor, and
//! whoever waits for it reads that very refusal. A panic ends it too, with its text and place.
//!
//! # Calls
//!
//! [`Address::call`] asks an actor and waits for its answer; one that is dead, or dies before it answers, is an error at
//! once. A [`Server`] is the other side: a type with a function for what others ask, run by [`serve`]. Any loop that
//! receives a [`Request`] will do as well, in any language: see [`Request`] for how it is answered.
//!
//! ```no_run
//! # use greenroom_guest::*;
//! # use std::time::Duration;
//! struct Greeter;
//!
//! impl Server for Greeter {
//!     type Args = ();
//!
//!     fn start((): ()) -> Result<Self> {
//!         Ok(Greeter)
//!     }
//!
//!     fn handle(&mut self, method: &str, name: Json) -> Result<Json> {
//!         match (method, name.as_str()) {
//!             ("greet", Some(name)) => Ok(format!("hello, {name}").into()),
//!             ("greet", None) => bail!("`greet` takes a name"),
//!             _ => Err(Error::invalid_method()),
//!         }
//!     }
//! }
//!
//! #[actor]
//! fn greeter() -> Result<Json> {
//!     serve::<Greeter>(())
//! }
//!
//! #[actor]
//! fn welcome() -> Result<Json> {
//!     greeter::spawn()?.call("greet", "world", Duration::from_secs(1))
//! }
//! # #[actor]
//! # fn example() -> Result<()> {
//! # assert_eq!(welcome()?, "hello, world");
//! # Ok(()) }
//! ```
//!
//! [`Address::call_start`] asks without waiting, and [`wait_all`] waits for many, answers of calls or ends of actors.
//!
//! # The end of others
//!
//! [`Address::monitor`] asks for one message when an actor ends; [`Address::link`] ties two, so that an exception in one
//! ends the other, unless it [traps exits](trap_exit) and has a message instead. The node makes these messages and no actor
//! can: `receive_as::<`[`Ended`]`>()`, [`Monitor::wait`], [`receive_or_host`] and `pattern!(host(…))` take only real ones.
//!
//! ```no_run
//! # use greenroom_guest::*;
//! # #[actor]
//! # fn worker(part: u32) -> u32 { part }
//! /// Runs a worker, and again as often as it fails.
//! #[actor]
//! fn tenacious(part: u32) -> Result<Json> {
//!     loop {
//!         worker::spawn_with(&Spawn::new().monitor(), part)?;
//!         match receive_as::<Ended>()?.outcome {
//!             Outcome::Exit(value) => return Ok(value),
//!             Outcome::Exception(exception) => println!("once more, after {exception}"),
//!         }
//!     }
//! }
//! # #[actor]
//! # fn example() -> Result<()> {
//! # assert_eq!(tenacious(7)?, 7);
//! # Ok(()) }
//! ```
//!
//! An ancestor may [end](Address::kill) its descendants or [ask them to](Address::exit). [`register`] gives an actor a name,
//! [`join`] makes it a member of a group that others [`broadcast`] to, [`send_after`] a message later, [`Address::narrow`] an address that is worth less.
//!
//! A [`Supervisor`] starts anew what ends, a [`Router`] stands in front of many. Both are actors of the node's that do
//! nothing which you could not write with this crate.
//!
//! # Small guests
//!
//! With `default-features = false` the crate is `no_std` and brings an allocator and a panic handler: the component then
//! imports nothing but the contract, and starts faster.
#![cfg_attr(not(test), no_std)]
#![warn(missing_docs)]

extern crate alloc;
// The macros' code names the crate from outside.
extern crate self as greenroom_guest;
#[cfg(all(not(test), any(feature = "std", not(target_family = "wasm"))))]
extern crate std;

mod address;
mod receive;
mod spawn;

mod call;
mod request;
mod router;
mod server;
mod supervisor;
mod wait_all;

mod groups;
mod lifecycle;
mod registry;
mod rights;
mod timer;

mod binary;
mod call_error;
mod error;
mod host_message;
mod outcome;
mod pattern;
mod typed;

pub mod clock;
pub mod log;

mod bindings;
mod runtime;
mod sys;

pub use address::{Address, BadAddress, curaddr, own_module, parent};
pub use binary::Binary;
pub use call::Call;
pub use call_error::CallError;
pub use error::{Error, Result};
pub use greenroom_guest_macros::{actor, pattern};
pub use groups::{broadcast, join, leave, local_members, members};
pub use host_message::{Ended, HostMessage, NodeDown, NodeUp, Shutdown};
pub use lifecycle::{Monitor, trap_exit};
pub use outcome::{Exception, Outcome};
pub use pattern::{Matched, Pattern};
pub use receive::{
    Incoming, Received, receive, receive_any, receive_as, receive_as_timeout, receive_or_host, receive_raw,
    receive_timeout, try_receive,
};
pub use registry::{monitor_nodes, nodes, register, unregister, whereis};
pub use request::Request;
pub use rights::{Narrow, Right, received_via};
pub use router::{Pool, Router};
pub use serde_json::{Value as Json, json};
pub use server::{Server, Stop, serve};
pub use spawn::{Spawn, spawn};
pub use supervisor::{Backoff, Child, ChildCounts, ChildName, ChildState, ChildStatus, Restart, Supervisor};
pub use timer::{Timer, send_after};
pub use wait_all::{Awaited, wait_all};

/// The contract as `wit-bindgen` sees it: the functions of its interfaces, texts in and texts out.
///
/// For what this crate has no words for yet (`source`), and for whoever wants options and refusals as they are written.
pub mod raw {
    pub use crate::bindings::greenroom::actor::{groups, lifecycle, registry, rights, source, timer};
}

/// What the macros' code refers to. Not for you: it changes without notice.
#[doc(hidden)]
pub mod private {
    pub use crate::pattern::text_of;
    pub use crate::runtime::{Arguments, Entry, exit, exit_result};
    pub use alloc::string::String;
    pub use inventory;
}
