//! What every test stands on: a node with its guests, and waits that end.

use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use greenroom::{
    Address, Clock, Event, Events, Exception, IntoMessage, Mesh, Module, Node, NodeBuilder, Outcome, Refusal,
    SpawnOptions,
};
use serde_json::{Value, json};

/// How long a test waits for anything, in real time, before it says that it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node with the scenarios loaded.
pub struct Stage {
    pub node: Node,
    pub mesh: Mesh,
    pub scenarios: Module,
    runtime: tokio::runtime::Runtime,
}

impl Stage {
    pub fn new() -> Stage {
        Stage::with(Node::builder())
    }

    pub fn with(builder: NodeBuilder) -> Stage {
        Stage::on(Mesh::new(), builder)
    }

    /// On a mesh that has others.
    pub fn on(mesh: Mesh, builder: NodeBuilder) -> Stage {
        let runtime = runtime();
        let builder = builder.threads(2).cache(cache());
        let node = patiently(&runtime, builder.start(&mesh, "cookie@127.0.0.1:0")).expect("the node starts");
        let scenarios = patiently(&runtime, node.load(guest("scenarios"))).expect("the scenarios load");
        Stage { node, mesh, scenarios, runtime }
    }

    /// The future's output; a panic if it takes longer than any test may.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        patiently(&self.runtime, future)
    }

    /// Loads a guest that the build script made.
    pub fn guest(&self, name: &str) -> Module {
        self.block_on(self.node.load(guest(name))).expect("the guest loads")
    }

    /// Loads a guest in text form: see [`text`].
    pub fn text(&self, name: &str) -> Module {
        self.block_on(self.node.load(text(name))).expect("the guest loads")
    }

    /// Starts an entry of the scenarios.
    pub fn spawn(&self, entry: &str, args: impl IntoMessage) -> Address {
        self.spawn_of(&self.scenarios, entry, args)
    }

    /// Spawns an actor with limits of its own, `memory=16MiB,burst=1s`.
    pub fn limited(&self, limits: &str, entry: &str, args: impl IntoMessage) -> Address {
        let options = SpawnOptions::default().limits(limits.parse().expect("limits"));
        self.block_on(self.node.spawn_with(&self.scenarios, entry, args, &options)).expect("it starts")
    }

    pub fn spawn_of(&self, module: &Module, entry: &str, args: impl IntoMessage) -> Address {
        self.try_spawn(module, entry, args).expect("the actor starts")
    }

    pub fn try_spawn(&self, module: &Module, entry: &str, args: impl IntoMessage) -> Result<Address, Refusal> {
        self.block_on(self.node.spawn(module, entry, args))
    }

    /// Starts an actor that does these steps (`tests/guests/scenarios/src/script.rs`).
    pub fn script(&self, steps: Value) -> Address {
        self.spawn("script", Value::Array(vec![steps]))
    }

    pub fn send(&self, to: &Address, message: impl IntoMessage) {
        self.node.send(to, message).expect("the message is delivered");
    }

    pub fn outcome(&self, actor: &Address) -> Outcome {
        self.block_on(self.node.outcome(actor)).expect("an actor of this node")
    }

    /// The value that an actor returned.
    pub fn value(&self, actor: &Address) -> Value {
        self.block_on(self.node.wait(actor)).expect("the actor ends well")
    }

    /// The value's very text.
    pub fn text_of(&self, actor: &Address) -> String {
        match self.outcome(actor) {
            Outcome::Exit(value) => value.as_str().to_owned(),
            Outcome::Exception(exception) => panic!("the actor failed: {exception}"),
        }
    }

    /// How an actor failed.
    pub fn exception(&self, actor: &Address) -> Exception {
        match self.outcome(actor) {
            Outcome::Exit(value) => panic!("the actor ended well, with {value}"),
            Outcome::Exception(exception) => exception,
        }
    }

    /// How an actor ends when this is done, and all who linked or monitored it have been told. (Who asks for an outcome
    /// later than the end may have it before they do.)
    pub fn ends(&self, actor: &Address, by: impl FnOnce()) -> Outcome {
        self.block_on(async {
            let mut end = pin!(self.node.outcome(actor));
            let waits = poll_fn(|cx| Poll::Ready(end.as_mut().poll(cx).is_pending())).await;
            assert!(waits, "the actor lives");
            by();
            end.await.expect("an actor of this node")
        })
    }

    /// An actor that sends `"mark"` to the first whom it is told of. Who hears that has heard all that came from this node
    /// before.
    pub fn marker(&self) -> Address {
        self.script(json!([{"receive": [[], null]}, {"send": ["told", "mark"]}]))
    }

    /// Runs an entry of the scenarios to its end.
    pub fn run(&self, entry: &str, args: impl IntoMessage) -> Value {
        self.value(&self.spawn(entry, args))
    }

    /// Runs a script to its end and answers what each step answered.
    pub fn play(&self, steps: Value) -> Value {
        self.value(&self.script(steps))
    }

    /// A second node of the same mesh, with the scenarios loaded.
    pub fn neighbour(&self) -> Node {
        self.neighbour_with(Node::builder())
    }

    pub fn neighbour_with(&self, builder: NodeBuilder) -> Node {
        let builder = builder.threads(1).cache(cache());
        let node = self.block_on(builder.start(&self.mesh, "cookie@127.0.0.1:0")).expect("the node starts");
        self.block_on(node.load(guest("scenarios"))).expect("the scenarios load");
        node
    }

    /// Waits for the first event that is meant.
    pub fn event<T>(&self, events: &mut Events, meant: impl Fn(&Event) -> Option<T>) -> T {
        self.block_on(async {
            loop {
                let event = events.next().await.expect("the node is there");
                if let Some(found) = meant(&event) {
                    return found;
                }
            }
        })
    }

    /// Moves a paused clock, step by step, until the actor has ended. How far it went when an actor took its deadline
    /// cannot be known from outside; so the clock goes on until the deadline has come.
    pub fn advance_until_end(&self, clock: &Clock, actor: &Address, step: Duration, mut each: impl FnMut()) -> Value {
        self.block_on(async {
            loop {
                let ended = tokio::time::timeout(Duration::from_millis(1), self.node.wait(actor)).await;
                match ended {
                    Ok(value) => return value.expect("the actor ends well"),
                    Err(_) => {
                        each();
                        clock.advance(step);
                    }
                }
            }
        })
    }
}

/// A guest as the build script left it.
pub fn guest(name: &str) -> PathBuf {
    let folder = if name.ends_with("lean") { env!("GUESTS_LEAN") } else { env!("GUESTS") };
    Path::new(folder).join(name.replace('-', "_")).with_extension("wasm")
}

/// A guest in text form. `echo`, which answers its arguments, is the one that the host shows.
pub fn text(name: &str) -> PathBuf {
    let folder = if name == "echo" { "../host/src/guest" } else { "guests" };
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name).with_extension("wat")
}

/// Where compiled code is kept, for all tests, so that each guest is compiled once.
pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("code")
}

/// As [`Stage::block_on`], for tests that need no stage.
pub fn block_on<F: Future>(future: F) -> F::Output {
    patiently(&runtime(), future)
}

/// What a future answers to its first poll, if it does.
pub async fn polled_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// As [`block_on`], for what is so much work that a busy machine may take minutes for it.
pub fn block_on_work<F: Future>(work: F) -> F::Output {
    runtime().block_on(async { tokio::time::timeout(5 * PATIENCE, work).await.expect("the test hangs") })
}

/// As [`block_on`], for what ends with the process.
pub fn block_on_for_ever<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn patiently<F: Future>(runtime: &tokio::runtime::Runtime, future: F) -> F::Output {
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("the test hangs") })
}
