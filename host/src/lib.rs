//! Greenroom hosts actors, each a WebAssembly component instance with a memory of its own.
//!
//! An actor is an *entry* of a *module* that runs: it has an *address* and a mailbox, spawns other actors, sends JSON
//! messages to addresses, and receives selectively by pattern. Nothing is shared between two actors, not even a global
//! variable, and nothing is granted to one. This crate is the host; `greenroom-guest` is for writing actors in Rust, and
//! `wit/` is the contract for every other language.
//!
//! ```no_run
//! use greenroom::{Mesh, Node};
//! use serde_json::json;
//!
//! # async fn ring() -> Result<(), Box<dyn std::error::Error>> {
//! let mesh = Mesh::new();
//! let node = Node::start(&mesh, "cookie@127.0.0.1:3433").await?;
//! let ring = node.load("ring.wasm").await?;
//! let build = node.spawn(&ring, "build", json!([10_000])).await?;
//! let value = node.wait(&build).await?;
//! assert_eq!(value, json!({"text": "hello around the ring"}));
//! # Ok(())
//! # }
//! ```
//!
//! # The map
//!
//! Rooms in reading order; what stands further down may use what stands above, never the other way.
//!
//! | room | what for |
//! | --- | --- |
//! | `address`, `message`, `pattern`, `signal`, `spawn_options`, `outcome`, `refusal`, `codes`, `limits`, `bucket`, `level`, `grants`, `load_options`, `module_hash`, `remote_spawn`, `clock`, `lock`, `printable` | the words: who, what, how it ended, why not, how much |
//! | `mailbox` | where signals for one actor arrive |
//! | `node` | the one door: a message passes `Kernel::deliver`, any other signal `Kernel::signal` |
//! | `actor` | how an actor lives and how its end is told; all it may do (`Context`) |
//! | `native` | a behavior in Rust: the embedding program's, and the node's own entries |
//! | `guest` | a behavior in wasm: admission, compiling, limits, time slices, imports |
//! | `mesh` | the other nodes: connections, order, credit; in `local` those of one process, in `zenoh` the world's |
//! | `embed` | a node in somebody's program |
//! | `cli` | the command line |
//!
//! A message's way: the guest's `send` → `guest/imports/host.rs` → `actor/context.rs` (admitted, once) →
//! `node/mod.rs`, the door → `mailbox` → the receiver's task is woken → its `receive` → its memory.
//!
//! To another node: the door → `node/uplink.rs` → `mesh/peers.rs` → `mesh/peer.rs` (a frame, `mesh/wire.rs`) →
//! `mesh/outbox.rs` → the peer's thread → `mesh/engine.rs`, whichever it is; and there → `mesh/peers.rs` → `mesh/peer.rs` →
//! `node/peers.rs` → `mailbox`.
//!
//! A spawn's way to another node: `actor/context/spawning.rs` → `node/spawning.rs` (a question) → the mesh, as above; there →
//! `node/peers.rs` → `guest/errands.rs` (may it be?) → `guest/arrivals.rs` (fetched once, compiled) → `node/enter.rs` (its ties
//! stand, and its ID leaves) → it runs; and here → `node/spawning.rs`, where the spawner's side of the ties is made. A group's
//! members are in `node/groups.rs`, and so is a message to all of them.
//!
//! An end's way: the guest's `run` returns (`Outcome::returned`), traps (`guest/ending.rs`), or somebody has ended it →
//! `actor/mod.rs` → `Kernel::leave`: the mailbox closes, the table forgets, and only then links and monitors are told, and
//! after them who waits (`Kernel::farewell_said`). A crash that nobody hears of goes to people (`node/crash.rs`), and so does
//! that of a supervisor's child, from the supervisor when it has decided.

#![deny(unsafe_code)]

mod address;
mod message;
mod pattern;
mod signal;
mod codes;
mod outcome;
mod refusal;
mod spawn_options;
mod limits;
mod bucket;
mod level;
mod grants;
mod load_options;
mod module_hash;
mod remote_spawn;
mod clock;
mod lock;
mod printable;
mod mailbox;
mod node;
mod actor;
mod native;
mod guest;
mod mesh;
mod embed;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;

pub use address::{Address, AddressError, Place};
pub use clock::Clock;
pub use embed::{Node, NodeBuilder, StartError, WaitError};
pub use grants::{Access, Endpoint, EndpointError, Grant, GrantError, Grants, Host};
pub use guest::admission::{Entry, Kind, Rejected, UnknownImport};
pub use guest::arrivals::ModuleInfo;
pub use guest::library::{LoadError, Module};
pub use limits::{BadLimit, Limit, Limits};
pub use load_options::{LoadOptions, Profile};
pub use mesh::{Faults, JoinError, Mesh};
pub use message::{Admission, IntoMessage, Message, NotAdmitted};
pub use module_hash::{BadHash, ModuleHash};
pub use native::router::{PoolSpec, RouterSpec};
pub use native::supervisor::{Backoff, ChildSpec, Restart, Strategy, SupervisorSpec};
pub use native::{CallError, Context, Received};
pub use node::crash::{CrashReport, Decision, Supervision};
pub use node::events::{Event, Events, Loss};
pub use node::listing::ActorInfo;
pub use node::refusals::Refused;
pub use outcome::{Exception, ExceptionKind, Handling, Outcome};
pub use pattern::Pattern;
pub use refusal::{Refusal, RefusalKind};
pub use remote_spawn::RemoteSpawn;
pub use spawn_options::SpawnOptions;
