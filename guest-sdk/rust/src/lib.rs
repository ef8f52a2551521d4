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
//! # Small guests
//!
//! With `default-features = false` the crate is `no_std` and brings an allocator and a panic handler: the component then
//! imports nothing but the contract, and starts faster.
#![cfg_attr(not(test), no_std)]
#![warn(missing_docs)]

extern crate alloc;
#[cfg(all(not(test), any(feature = "std", not(target_family = "wasm"))))]
extern crate std;

mod address;
mod receive;
mod spawn;

mod error;
mod outcome;
mod pattern;
mod typed;

pub mod clock;
pub mod log;

mod bindings;
mod runtime;
mod sys;

pub use address::{Address, BadAddress, curaddr, own_module, parent};
pub use error::{Error, Result};
pub use greenroom_guest_macros::{actor, pattern};
pub use outcome::{Exception, Outcome};
pub use pattern::{Matched, Pattern};
pub use receive::{
    Received, receive, receive_any, receive_as, receive_as_timeout, receive_raw, receive_timeout, try_receive,
};
pub use serde_json::{Value as Json, json};
pub use spawn::{Spawn, spawn};

/// The contract as `wit-bindgen` sees it, for what this crate has no words for yet.
///
/// `lifecycle`, `registry`, `rights`, `source` and `timer` are here with all their functions; values are JSON texts.
pub mod raw {
    pub use crate::bindings::greenroom::actor::{lifecycle, registry, rights, source, timer};
}

/// What the macros' code refers to. Not for you: it changes without notice.
#[doc(hidden)]
pub mod private {
    pub use crate::pattern::text_of;
    pub use crate::runtime::{Arguments, Entry, exit, exit_result};
    pub use alloc::string::String;
    pub use inventory;
}
