//! The workers that a router has supervised: how it learns which there are, and has more or fewer.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::super::Context;
use super::super::call::{Answer, Request, Text};
use super::super::supervisor::supervise;
use super::Router;
use super::rotation::Seat;
use super::spec::{PoolSpec, check_count};
use crate::address::Address;
use crate::message::Message;
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::SpawnOptions;

/// How long to wait before asking again for a worker that its supervisor has not started again yet: doubled each time, as
/// the supervisor's own waits are, so that a worker is missed for at most as long again as it was away.
const LOOK_FIRST: Duration = Duration::from_millis(10);

/// The longest of these waits.
const LOOK_MOST: Duration = Duration::from_secs(1);

pub(super) struct Pool {
    spec: PoolSpec,
    supervisor: Address,
    monitor: String,
    /// How many workers there are to be.
    size: usize,
    /// Those in the rotation, by number.
    workers: BTreeMap<usize, Seat>,
    look: Look,
    /// When to ask again, and how long to wait the time after that.
    again: Option<Duration>,
    wait: Duration,
    /// What the supervisor was asked and has not answered, by the one-shot address that the answer comes to.
    questions: HashMap<String, Question>,
    /// The resize that is being done. The others wait for it.
    resizing: Option<Request>,
    resizes: VecDeque<(Request, usize)>,
    /// Why there are fewer workers than there were to be.
    failed: Option<Message>,
}

/// What a router asks the supervisor of its pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Question {
    /// Which workers are there.
    Workers,
    /// To start the one of that number.
    Start(usize),
    /// To stop one.
    Stop,
}

/// Whether the supervisor was asked which workers there are.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    Done,
    Asked,
    /// Asked, and something has changed since.
    Outdated,
}

/// A child as the supervisor lists it.
#[derive(Deserialize)]
struct Child {
    id: String,
    /// None while it waits to be started again.
    address: Option<Address>,
}

impl Pool {
    pub(super) fn start(context: &mut Context, spec: PoolSpec) -> Result<Pool, Refusal> {
        // Linked, so that each ends with the other, whatever happens.
        let (options, workers) = (SpawnOptions::default().link().trap_exit(), spec.supervisor());
        let supervisor = context.spawn_native(&options, move |context| supervise(context, workers))?;
        let monitor = context.monitor(&supervisor)?;
        Ok(Pool {
            size: spec.size,
            spec,
            supervisor,
            monitor,
            workers: BTreeMap::new(),
            look: Look::Done,
            again: None,
            wait: LOOK_FIRST,
            questions: HashMap::new(),
            resizing: None,
            resizes: VecDeque::new(),
            failed: None,
        })
    }

    pub(super) fn is_supervised_by(&self, monitor: &str) -> bool {
        self.monitor == monitor
    }

    /// When to ask the supervisor again.
    pub(super) fn looks_again(&self) -> Option<Duration> {
        self.again
    }

    pub(super) fn wants_to_look(&mut self, now: Duration) -> bool {
        self.again.take_if(|again| *again <= now).is_some()
    }

    /// Whether the supervisor has still to start or stop one.
    fn is_changing(&self) -> bool {
        self.questions.values().any(|question| *question != Question::Workers)
    }

    /// A worker as its supervisor is told of it: by its ID.
    fn named(&self, number: usize) -> Text {
        Text(Value::from(self.spec.worker_id(number)).to_string())
    }

    /// The question that is answered at this address.
    pub(super) fn take_question(&mut self, via: &str) -> Option<Question> {
        self.questions.remove(via)
    }

    /// A routee has ended. Answers whether it was a worker.
    pub(super) fn lost(&mut self, seat: Seat) -> bool {
        let before = self.workers.len();
        self.workers.retain(|_, worker| *worker != seat);
        self.workers.len() < before
    }
}

impl Router {
    /// Waits for the first workers, so that nobody's first call finds none. Other messages wait meanwhile.
    pub(super) async fn wait_for_workers(&mut self) -> Result<(), Refusal> {
        let Some(pool) = &self.pool else { return Ok(()) };
        let nothing = Text("null".to_owned());
        let children = self.context.call(&pool.supervisor, "which-children", nothing, Duration::MAX).await;
        let children = children.map_err(|why| {
            let message = format!("the supervisor of the pool does not tell which workers there are: {why}");
            Refusal::new(RefusalKind::NoSuchActor, message)
        })?;
        self.take_workers(&children.to_string());
        Ok(())
    }

    /// Asks the supervisor which workers there are. It hears of an end before this router does, so that a worker which it
    /// starts again at once is in the answer.
    pub(super) fn ask_for_workers(&mut self) {
        let Some(pool) = &mut self.pool else { return };
        if pool.look != Look::Done {
            pool.look = Look::Outdated;
            return;
        }
        match self.ask(Question::Workers, "which-children", Text("null".to_owned())) {
            Ok(()) => self.pool.iter_mut().for_each(|pool| pool.look = Look::Asked),
            // Its end, if it has ended, is told in a moment.
            Err(_) => self.look_later(),
        }
    }

    fn look_later(&mut self) {
        let now = self.context.clock().monotonic();
        if let Some(pool) = &mut self.pool {
            pool.again = Some(now + pool.wait);
            pool.wait = LOOK_MOST.min(2 * pool.wait);
        }
    }

    fn ask(&mut self, question: Question, method: &str, message: Text) -> Result<(), Refusal> {
        let Some(pool) = &mut self.pool else { return Ok(()) };
        let reply_to = self.context.one_shot()?;
        let text = Request::text(&reply_to.to_string(), method, &reply_to, &Message::trusted(message.0));
        let asked = self.context.send(&pool.supervisor, Text(text));
        match asked {
            Ok(()) => _ = pool.questions.insert(reply_to.to_string(), question),
            // Nobody has it, and it was made by this actor.
            Err(_) => _ = self.context.revoke(&reply_to),
        }
        asked
    }

    /// The supervisor has answered; none: with something else than an answer.
    pub(super) fn supervisor_says(&mut self, question: Question, answer: Option<Answer>) {
        match (question, answer) {
            (Question::Workers, Some(Answer::Message(children))) => {
                self.take_workers(children.as_str());
            }
            (Question::Workers, _) => {
                self.pool.iter_mut().for_each(|pool| pool.look = Look::Done);
                self.look_later();
            }
            (Question::Start(number), answer) => {
                if let Some(Answer::Exception(why)) = answer {
                    self.not_started(number, why);
                }
                self.changed();
            }
            (Question::Stop, _) => self.changed(),
        }
    }

    /// Of what a resize wants one part is done. After the last the router looks what has become of it.
    fn changed(&mut self) {
        if self.pool.as_ref().is_some_and(|pool| !pool.is_changing()) {
            self.ask_for_workers();
        }
    }

    /// Brings the rotation up to what there is.
    fn take_workers(&mut self, children: &str) {
        let children: Vec<Child> = serde_json::from_str(children).unwrap_or_default();
        let children: HashMap<&str, &Option<Address>> =
            children.iter().map(|child| (child.id.as_str(), &child.address)).collect();
        let mut missing = false;
        let size = self.pool.as_ref().map_or(0, |pool| pool.size);
        for number in 1..=size {
            let Some(pool) = &self.pool else { break };
            let id = pool.spec.worker_id(number);
            match children.get(id.as_str()) {
                Some(Some(address)) => missing |= self.take_worker(number, &id, address).is_err(),
                Some(None) => missing = true,
                // It has ended for good, or is not started yet.
                None => {}
            }
        }
        if missing {
            self.look_later();
        }
        let Some(pool) = &mut self.pool else { return };
        if !missing {
            (pool.again, pool.wait) = (None, LOOK_FIRST);
        }
        if std::mem::replace(&mut pool.look, Look::Done) == Look::Outdated {
            self.ask_for_workers();
        } else if !pool.is_changing() {
            let (size, failed) = (pool.size, pool.failed.take());
            match (pool.resizing.take(), failed) {
                (None, _) => {}
                (Some(request), None) => request.respond(&mut self.context, Value::from(size)),
                (Some(request), Some(why)) => request.respond_exception(&mut self.context, why),
            }
            self.next_resize();
        }
    }

    fn take_worker(&mut self, number: usize, id: &str, address: &Address) -> Result<(), Refusal> {
        let known = self.pool.as_ref().and_then(|pool| pool.workers.get(&number).copied());
        if let Some(seat) = known {
            if self.routees.get(&seat).is_some_and(|routee| routee.address == *address) {
                return Ok(());
            }
            // Its end, which nobody has told yet, is told by its monitor.
            self.rotation.remove(seat);
        }
        let seat = self.add(address, id)?;
        self.pool.iter_mut().for_each(|pool| _ = pool.workers.insert(number, seat));
        Ok(())
    }

    /// How many workers a call to `resize` wants.
    pub(super) fn wanted_size(&self, request: &Request) -> Result<usize, Refusal> {
        let bad = |why: String| Refusal::new(RefusalKind::BadArgument, format!("cannot resize: {why}"));
        if self.pool.is_none() {
            return Err(bad("this router has no pool; `add` and `remove` its routees".to_owned()));
        }
        let size = serde_json::from_str(request.message.as_str()).map_err(|why| bad(why.to_string()))?;
        check_count(size).map(|()| size)
    }

    /// Has more or fewer workers, when the resizes before are done. The request is answered when this one is.
    pub(super) fn resize(&mut self, request: Request, size: usize) {
        let Some(pool) = &mut self.pool else { return };
        pool.resizes.push_back((request, size));
        self.next_resize();
    }

    fn next_resize(&mut self) {
        let Some(pool) = self.pool.as_mut().filter(|pool| pool.resizing.is_none()) else { return };
        let Some((request, size)) = pool.resizes.pop_front() else { return };
        pool.resizing = Some(request);
        let before = pool.size;
        if size < before {
            self.shrink(size);
        }
        for number in before + 1..=size {
            let Some(pool) = &mut self.pool else { break };
            pool.size = number;
            let id = pool.named(number);
            if let Err(refusal) = self.ask(Question::Start(number), "start-child", id) {
                self.not_started(number, Message::trusted(refusal.to_json()));
                break;
            }
        }
        self.changed();
    }

    fn not_started(&mut self, number: usize, why: Message) {
        let Some(pool) = &mut self.pool else { return };
        pool.failed.get_or_insert(why);
        self.shrink(number - 1);
    }

    /// The workers after so many leave the rotation and are asked to end.
    fn shrink(&mut self, size: usize) {
        let Some(pool) = &mut self.pool else { return };
        let before = pool.size;
        pool.size = size.min(before);
        for seat in pool.workers.split_off(&(size + 1)).into_values() {
            self.rotation.remove(seat);
        }
        for number in size + 1..=before {
            let Some(pool) = &self.pool else { break };
            let id = pool.named(number);
            if self.ask(Question::Stop, "stop-child", id).is_err() {
                break;
            }
        }
    }
}
