//! `greenroom/supervisor`: an actor that keeps others running. It has no privilege; it has spawned its children.
//!
//! Children are linked with it, on whichever node they run, so it hears of each end, and its own end, however it comes,
//! takes them along. It traps exits. Asked to end (by its parent or the operator), or if it is linked with its parent and
//! that ends, it brings its children down and returns `null`; when it gives up it does the same, and fails with an error
//! that says why.
//!
//! It answers these calls; a child is named by its ID or its address:
//!
//! - `which-children`: an array of `{"id", "address", "state", "entry", "restart"}`, `state` being `running`,
//!   `restarting`, `stopping` or `stopped`;
//! - `count-children`: `{"children", "running", "restarts"}`;
//! - `start-child`, with a child as the spec has them: its address;
//! - `stop-child`: null, once it is down. It stays known, unless it is temporary or the strategy is dynamic;
//! - `restart-child`: a stopped one's new address; `delete-child`: null, and it is forgotten.

mod backoff;
mod calls;
mod child;
mod news;
mod nodes;
mod restarts;
mod spec;
mod starting;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::json;

pub use backoff::Backoff;
pub use child::{ChildSpec, Restart};
pub(super) use nodes::Nodes;
pub use spec::{Strategy, SupervisorSpec};

use self::calls::Waiting;
use self::news::{Ended, News};
use self::restarts::{Action, Cause, Decision, Key, Moment, Restarts, Why};
use super::{Context, Received};
use crate::address::{Address, quoted};
use crate::clock::Clock;
use crate::message::Message;
use crate::node::crash::{self, CrashReport, Supervision};
use crate::outcome::Outcome;
use crate::refusal::{Refusal, RefusalKind};

/// After how long a child is told again to end, when the way to its node was too full.
const ORDER_AGAIN: Duration = Duration::from_millis(10);

/// The entry's behavior.
pub(crate) fn run(context: Context, args: Message) -> Pin<Box<dyn Future<Output = Result<Message, Message>> + Send>> {
    Box::pin(async move {
        let spec = SupervisorSpec::parse(&args).map_err(text)?;
        supervise(context, spec).await
    })
}

/// The behavior of a supervisor, which is spawned as one that traps exits.
pub(crate) async fn supervise(context: Context, spec: SupervisorSpec) -> Result<Message, Message> {
    spec.check().map_err(text)?;
    let mut supervisor = Supervisor::new(context, spec);
    loop {
        if let Some(end) = supervisor.act().await {
            return end;
        }
        debug_assert!(supervisor.by_id.len() == supervisor.children.len(), "a child that is forgotten has no ID left");
        debug_assert!(
            supervisor.by_address.len() <= supervisor.children.len(),
            "nor has one that has ended an address"
        );
        let timeout = supervisor.restarts.due().map(|due| due.saturating_sub(supervisor.now()));
        if let Some(received) = supervisor.context.receive_any(timeout).await {
            supervisor.hear(received);
        }
        let now = supervisor.now();
        supervisor.restarts.tick(now);
    }
}

struct Supervisor {
    context: Context,
    restarts: Restarts,
    children: BTreeMap<Key, Child>,
    by_id: HashMap<String, Key>,
    by_address: HashMap<Address, Key>,
    /// Callers that hear when their child is up, or down.
    waiting: HashMap<Key, Vec<Waiting>>,
    most: Option<u32>,
    template: Option<ChildSpec>,
    /// What it fails with, once it has given up.
    failure: Option<Message>,
}

struct Child {
    spec: ChildSpec,
    /// While it lives.
    address: Option<Address>,
    /// Bytes that were charged for it; what the supervisor began with is charged with its arguments.
    charged: u64,
}

impl Supervisor {
    fn new(context: Context, spec: SupervisorSpec) -> Supervisor {
        let mut supervisor = Supervisor {
            restarts: Restarts::new(&spec, context.clock().monotonic()),
            context,
            children: BTreeMap::new(),
            by_id: HashMap::new(),
            by_address: HashMap::new(),
            waiting: HashMap::new(),
            most: spec.most,
            template: spec.template,
            failure: None,
        };
        for (key, child) in (0..).zip(spec.children) {
            supervisor.know(key, child, 0);
        }
        supervisor
    }

    /// One more child, which the decisions know by that key.
    fn know(&mut self, key: Key, spec: ChildSpec, charged: u64) {
        self.by_id.insert(spec.id.clone(), key);
        self.children.insert(key, Child { spec, address: None, charged });
    }

    fn now(&self) -> Duration {
        self.context.clock().monotonic()
    }

    /// Its children are to end, and then it ends.
    fn wind_down(&mut self) {
        let now = self.now();
        self.restarts.shutdown(Why::Asked, now);
    }

    fn moment(&self) -> Moment {
        let random = getrandom::u32().expect("the system has a random generator");
        Moment { now: self.now(), chance: f64::from(random) / (f64::from(u32::MAX) + 1.0) }
    }

    /// Does what was decided. Answers how this actor is to end, if it is.
    async fn act(&mut self) -> Option<Result<Message, Message>> {
        while let Some(action) = self.restarts.next_action() {
            match action {
                Action::Start(key) => self.start(key).await,
                Action::Exit(key) => self.orders(key, |context, child| context.exit(child, json!("shutdown"))).await,
                Action::Kill(key) => self.orders(key, Context::kill).await,
                Action::Forget(key) => self.forget(key),
                Action::End(Why::Asked) => return Some(Ok(Message::trusted("null".to_owned()))),
                Action::End(Why::NotStarted(_) | Why::TooManyRestarts(_)) => {
                    return Some(Err(self.failure.take().expect("who gives up says why")));
                }
            }
        }
        None
    }

    /// Tells a child to end; again, for as long as the way to its node is too full.
    async fn orders(&mut self, key: Key, order: impl Fn(&mut Context, &Address) -> Result<(), Refusal>) {
        let Some(address) = self.children.get(&key).and_then(|child| child.address.clone()) else { return };
        // Refused for another reason it has ended: we shall hear of that.
        while_full(|| order(&mut self.context, &address)).await;
    }

    fn hear(&mut self, received: Received) {
        if !received.from_host {
            return self.hear_call(&received.message);
        }
        match News::parse(&received.message) {
            Some(News::Shutdown) => self.wind_down(),
            Some(News::Ended(ended)) => match self.by_address.remove(&ended.address) {
                Some(key) => self.child_ended(key, &ended),
                // Linked with its parent, it goes where that goes, as every supervisor in OTP.
                None if self.context.parent() == Some(&ended.address) => {
                    self.wind_down();
                }
                None => {}
            },
            None => {}
        }
    }

    fn child_ended(&mut self, key: Key, ended: &Ended) {
        let Some(child) = self.children.get_mut(&key) else { return };
        child.address = None;
        let id = child.spec.id.clone();
        let moment = self.moment();
        let decision = self.restarts.ended(key, ended.cause(), moment);
        self.report_end(&id, ended, decision);
        if decision == Decision::GiveUp {
            let cause = ended.exception.as_ref().map(|exception| Message::trusted(exception.to_json()));
            self.failure = Some(self.too_many(&id, &ended.words(), cause.as_ref()));
        }
        self.is_down(key);
    }

    fn forget(&mut self, key: Key) {
        let Some(child) = self.children.remove(&key) else { return };
        self.by_id.remove(&child.spec.id);
        self.context.keeps_no_more(child.charged);
        self.is_down(key);
    }

    /// The error of a supervisor that gives up. `cause` is the child's exception, or why it could not be started.
    fn too_many(&self, id: &str, words: &dyn Display, cause: Option<&Message>) -> Message {
        let (intensity, period) = self.restarts.allowed();
        let times = if intensity == 1 { "time" } else { "times" };
        let message = json!(format!(
            "child `{}` may be restarted {intensity} {times} within {period:?}, together with all others; at last: {words}",
            quoted(id)
        ));
        let (id, cause) = (json!(id), cause.map_or("null", Message::as_str));
        Message::trusted(format!(r#"{{"type":"too-many-restarts","message":{message},"child":{id},"cause":{cause}}}"#))
    }

    /// What became of a child that has ended: for people, since nobody else hears of it.
    fn report_end(&self, id: &str, ended: &Ended, decision: Decision) {
        let crash = ended.exception.as_ref().filter(|exception| exception.kind().is_crash());
        let Some(told) = crash else {
            if decision != Decision::Finished || ended.cause() == Cause::Failed {
                self.report(id, &ended.words(), decision);
            }
            return;
        };
        let kernel = self.context.actor.kernel();
        // As a message it was cut, and lacks what is for people only.
        let exception = match kernel.heard(&ended.address).as_deref() {
            Some(Outcome::Exception(exception)) => exception.clone(),
            _ => told.clone(),
        };
        let supervision = Supervision::new(self.context.address().clone(), id.to_owned(), self.told(decision));
        kernel.report(CrashReport::new(ended.address.clone(), exception, Some(supervision)));
    }

    /// What became of a child whose end, or failure to start, was not meant and is no crash.
    fn report(&self, id: &str, words: &dyn Display, decision: Decision) {
        let then = match decision {
            Decision::Expected => return,
            Decision::GiveUp if matches!(self.restarts.why(), Some(Why::NotStarted(_))) => {
                "takes its supervisor down".to_owned()
            }
            decision => self.told(decision).to_string(),
        };
        tracing::warn!(target: "greenroom", "child `{}` of {} {then}. It ended: {words}", quoted(id), self.context.address());
    }

    /// A decision about a child that has failed, as people are told it.
    fn told(&self, decision: Decision) -> crash::Decision {
        match decision {
            Decision::Expected => crash::Decision::Expected,
            // Any other that has failed is started again.
            Decision::Finished => crash::Decision::Temporary,
            Decision::Restart { after } => crash::Decision::Restart { after },
            Decision::GiveUp => {
                let (restarts_max, period) = self.restarts.allowed();
                crash::Decision::GiveUp { restarts_max, period }
            }
        }
    }
}

fn text(refusal: Refusal) -> Message {
    Message::trusted(refusal.to_json())
}

/// Gives an order, and again for as long as the way is too full. In real time, whatever the node's clock says: it is a peer
/// that makes room.
async fn while_full(mut order: impl FnMut() -> Result<(), Refusal>) {
    let clock = Clock::real();
    while order().is_err_and(|why| why.kind() == RefusalKind::MailboxFull) {
        clock.sleep_until(clock.deadline(ORDER_AGAIN)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::actor::executor::Executor;

    #[test]
    fn an_order_is_given_again_until_there_is_room() {
        let (executor, (tell, told)) = (Executor::start(1).expect("a thread"), channel());
        executor.spawn(async move {
            let mut times = 0;
            while_full(|| {
                times += 1;
                if times < 3 { Err(Refusal::new(RefusalKind::MailboxFull, "full")) } else { Ok(()) }
            })
            .await;
            tell.send(times).expect("the test waits");
        });
        // If it panics, nobody tells.
        assert_eq!(told.recv(), Ok(3));
        executor.close();
    }
}
