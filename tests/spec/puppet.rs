//! A native actor that does what the test says, one thing after the other, so that a test knows what has happened.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use greenroom::{Address, Context, IntoMessage, Message, Node, Outcome, Pattern, Received, Refusal, SpawnOptions};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::stage::Stage;

/// How long a puppet may take for one act, in real time.
const PATIENCE: Duration = Duration::from_secs(60);

/// An actor on strings. It lives until it is told to end, or somebody ends it.
pub struct Puppet {
    pub address: Address,
    strings: UnboundedSender<Act>,
}

type Doing<'a, T = ()> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

enum Act {
    Do(Box<dyn FnOnce(&mut Context) + Send>),
    Wait(Box<dyn FnOnce(&mut Context) -> Doing<'_> + Send>),
    End(Result<Value, Value>),
}

impl Puppet {
    pub fn new(node: &Node) -> Puppet {
        Puppet::with(node, &SpawnOptions::default())
    }

    /// One that traps exits.
    pub fn trapping(node: &Node) -> Puppet {
        Puppet::with(node, &SpawnOptions::default().trap_exit())
    }

    pub fn with(node: &Node, options: &SpawnOptions) -> Puppet {
        let (strings, acts) = unbounded_channel();
        let address = node.spawn_native_with(options, |context| plays(context, acts)).expect("the puppet starts");
        Puppet { address, strings }
    }

    /// A child of this one.
    pub fn child(&self, options: SpawnOptions) -> Puppet {
        self.try_child(options).expect("the child starts")
    }

    pub fn try_child(&self, options: SpawnOptions) -> Result<Puppet, Refusal> {
        let (strings, acts) = unbounded_channel();
        let address = self.does(move |context| context.spawn_native(&options, |context| plays(context, acts)))?;
        Ok(Puppet { address, strings })
    }

    /// A child that is a guest: an entry of the scenarios.
    pub fn guest(&self, entry: &str, args: Value, options: SpawnOptions) -> Address {
        let entry = format!("scenarios/{entry}");
        self.does(move |context| context.spawn(&entry, args, &options)).expect("the guest starts")
    }

    /// What the act answers. A panic if the puppet has ended.
    pub fn does<T: Send + 'static>(&self, act: impl FnOnce(&mut Context) -> T + Send + 'static) -> T {
        let (answer, answered) = mpsc::channel();
        self.pull(Act::Do(Box::new(move |context| answer.send(act(context)).expect("the test waits"))));
        answered.recv_timeout(PATIENCE).expect("the puppet lives and answers")
    }

    /// Begins an act that waits. Its answer comes through what this returns, when there is one.
    pub fn begins<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Context) -> Doing<'_, T> + Send + 'static,
    ) -> mpsc::Receiver<T> {
        let (answer, answered) = mpsc::channel();
        self.pull(Act::Wait(Box::new(move |context| {
            Box::pin(async move {
                // The test may not want to know.
                _ = answer.send(act(context).await);
            })
        })));
        answered
    }

    /// As [`Puppet::begins`], and waits for the answer.
    pub fn ends<T: Send + 'static>(&self, act: impl FnOnce(&mut Context) -> Doing<'_, T> + Send + 'static) -> T {
        self.begins(act).recv_timeout(PATIENCE).expect("the puppet lives and answers")
    }

    pub fn link(&self, other: &Address) {
        let other = other.clone();
        self.does(move |context| context.link(&other)).expect("the link is made");
    }

    pub fn unlink(&self, other: &Address) {
        let other = other.clone();
        self.does(move |context| context.unlink(&other)).expect("the link is ended");
    }

    /// The reference.
    pub fn monitor(&self, other: &Address) -> String {
        let other = other.clone();
        self.does(move |context| context.monitor(&other)).expect("the monitor is made")
    }

    pub fn demonitor(&self, reference: &str) {
        let reference = reference.to_owned();
        self.does(move |context| context.demonitor(&reference)).expect("the monitor is ended");
    }

    pub fn kill(&self, other: &Address) -> Result<(), Refusal> {
        let other = other.clone();
        self.does(move |context| context.kill(&other))
    }

    pub fn exit(&self, other: &Address, reason: impl IntoMessage) -> Result<(), Refusal> {
        let (other, reason) = (other.clone(), message(reason));
        self.does(move |context| context.exit(&other, reason))
    }

    pub fn send(&self, to: &Address, what: impl IntoMessage) -> Result<(), Refusal> {
        let (to, what) = (to.clone(), message(what));
        self.does(move |context| context.send(&to, what))
    }

    pub fn register(&self, name: &str) -> Result<(), Refusal> {
        let name = name.to_owned();
        self.does(move |context| context.register(&name))
    }

    pub fn narrow(&self, address: &Address, options: Value) -> Address {
        let address = address.clone();
        self.does(move |context| context.narrow(&address, options)).expect("the address is made")
    }

    pub fn send_after(&self, what: Value, delay: Duration) -> String {
        self.does(move |context| context.send_after(what, delay)).expect("the timer is made")
    }

    /// Takes the oldest message, and waits for it.
    pub fn hears(&self) -> Value {
        self.receives(None, None).expect("there is no timeout").message.to_value()
    }

    /// Takes the oldest host message, and waits for it.
    pub fn hears_host(&self) -> Value {
        let host = Pattern::new(json!({"$host": {"$type": "any"}})).expect("a pattern");
        self.receives(Some(host), None).expect("there is no timeout").message.to_value()
    }

    /// Takes all that waits. What others have sent waits already only if they are on this node.
    pub fn hears_now(&self) -> Vec<Value> {
        let (answer, answered) = mpsc::channel();
        self.pull(Act::Wait(Box::new(move |context| {
            Box::pin(async move {
                let mut heard = Vec::new();
                while let Some(received) = context.receive_any(Some(Duration::ZERO)).await {
                    heard.push(received.message.to_value());
                }
                answer.send(heard).expect("the test waits");
            })
        })));
        answered.recv_timeout(PATIENCE).expect("the puppet lives")
    }

    pub fn receives(&self, pattern: Option<Pattern>, timeout: Option<Duration>) -> Option<Received> {
        let (answer, answered) = mpsc::channel();
        self.pull(Act::Wait(Box::new(move |context| {
            Box::pin(async move {
                let received = context.receive(pattern.as_slice(), timeout).await;
                answer.send(received).expect("the test waits");
            })
        })));
        answered.recv_timeout(PATIENCE).expect("the puppet lives and hears something")
    }

    /// Waits for an end with an actor's own means.
    pub fn waits(&self, other: &Address) -> Outcome {
        let other = other.clone();
        let outcome = self.ends(move |context| Box::pin(async move { context.wait(&other, None).await }));
        outcome.expect("the wait is no mistake").expect("there is no timeout")
    }

    pub fn returns(&self, value: Value) {
        self.pull(Act::End(Ok(value)));
    }

    pub fn fails(&self, value: Value) {
        self.pull(Act::End(Err(value)));
    }

    /// Fails, and returns when all who linked or monitored it have been told.
    pub fn fails_and_all_hear(&self, stage: &Stage) {
        stage.ends(&self.address, || self.fails(json!("told to")));
    }

    /// Returns when all that this one has said to another has come there.
    pub fn reaches(&self, other: &Puppet) {
        self.reaches_by(&other.address, other);
    }

    /// The same for what it has said to one of the other's addresses.
    pub fn reaches_by(&self, address: &Address, other: &Puppet) {
        let mark = mark();
        self.send(address, mark.clone()).expect("the other lives");
        other.takes(mark);
    }

    /// Returns when all that a node has told this one is in its mailbox.
    pub fn has_all_from(&self, stage: &Stage) {
        let mark = mark();
        stage.send(&self.address, mark.clone());
        self.takes(mark);
    }

    /// Takes all that a node has told this one, and all else that waits.
    pub fn hears_all_from(&self, stage: &Stage) -> Vec<Value> {
        self.has_all_from(stage);
        self.hears_now()
    }

    fn takes(&self, message: Value) {
        let pattern = Pattern::new(message).expect("a pattern");
        self.receives(Some(pattern), None).expect("there is no timeout");
    }

    fn pull(&self, act: Act) {
        // A puppet that has ended is found out when its answer is waited for.
        _ = self.strings.send(act);
    }
}

async fn plays(mut context: Context, mut acts: UnboundedReceiver<Act>) -> Result<Value, Value> {
    while let Some(act) = acts.recv().await {
        match act {
            Act::Do(act) => act(&mut context),
            Act::Wait(act) => act(&mut context).await,
            Act::End(how) => return how,
        }
    }
    // The test let go of it: it goes on living, as an actor would.
    std::future::pending().await
}

/// A message like no other.
fn mark() -> Value {
    static MARKS: AtomicU64 = AtomicU64::new(0);
    json!({"mark": MARKS.fetch_add(1, Ordering::Relaxed)})
}

fn message(what: impl IntoMessage) -> Message {
    Message::admit(what.into_text(), greenroom::Admission::default()).expect("a JSON text")
}
