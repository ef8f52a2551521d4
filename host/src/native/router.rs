//! `greenroom/router`: an actor that passes what it is sent to one of others, its *routees*, or to all of them.
//!
//! It is spawned with `{"strategy": "round-robin" | "random" | "broadcast" | "hash" | "least-loaded", "routees":
//! [ADDRESS, …]}`, or with `"pool": {"entry", "args", "size", …}` instead of `routees`: then it has its workers started
//! and restarted by a supervisor of its own, which takes `restart`, `shutdown_ms`, `intensity`, `period_ms` and `backoff`
//! from there too; or with `"group": NAME`: then its routees are the members of that group, on all nodes, as they come and
//! go, and it needs the grant `names`. `hash` needs `key`, a key of the message (of a call, of its `message`) or a JSON
//! pointer; a message without it counts as if it had `null` there. `calls_max` (10,000) and `call_timeout_ms` (300,000)
//! bound what is outstanding.
//!
//! A call is passed on under a one-shot address of the router's own and its answer given to the caller under the caller's
//! ID. So the router knows what is outstanding; when a routee ends, its callers hear `noproc` at once, and so does each
//! caller while there is no routee. A call to a broadcasting router goes to all, and the first answer counts. Other
//! messages are passed on as they are; for `least-loaded` they go round, since nobody knows when they are done. If a
//! routee's mailbox is full the next is tried; if all are, the caller hears it, and what is no call is a dead letter.
//!
//! A method `$router/…` is the router's own and not passed on: `routees` answers their addresses; `add` and `remove` take
//! one; `resize` takes the pool's new size and answers it. They are obeyed only if they come to the router's own address:
//! whoever is to use a router without controlling it gets a narrowed one.

mod calls;
mod control;
mod group;
mod pool;
mod rotation;
mod spec;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::Deserialize;

use super::call::{Answer, Request, Text};
use super::{Context, Received};
use crate::address::Address;
use crate::message::Message;
use crate::node::events::Loss;
use crate::outcome::{Exception, ExceptionKind};
use crate::refusal::{Refusal, RefusalKind};
use calls::{Call, Calls};
use group::Group;
use pool::Pool;
use rotation::{Occasion, Rotation, Seat};
use spec::Key;
pub use spec::{PoolSpec, RouterSpec};

/// What stands before the router's own methods.
const OWN: &str = "$router/";

/// The entry's behavior.
pub(super) fn run(context: Context, args: Message) -> Pin<Box<dyn Future<Output = Result<Message, Message>> + Send>> {
    Box::pin(async move {
        match RouterSpec::parse(&args) {
            Ok(spec) => route(context, spec).await,
            Err(refusal) => Err(exception(&refusal)),
        }
    })
}

/// The behavior of a router.
pub(crate) async fn route(context: Context, spec: RouterSpec) -> Result<Message, Message> {
    let routed = match Router::new(context, spec) {
        Ok(router) => router.run().await,
        Err(refusal) => Err(refusal),
    };
    routed.map(|()| Message::trusted("null".to_owned())).map_err(|refusal| exception(&refusal))
}

struct Router {
    context: Context,
    rotation: Rotation,
    /// Those in the rotation, and those that were taken out while they had calls to answer.
    routees: BTreeMap<Seat, Routee>,
    calls: Calls,
    key: Option<Key>,
    pool: Option<Pool>,
    group: Option<Group>,
    calls_max: usize,
    call_timeout: Duration,
}

#[derive(Debug)]
struct Routee {
    address: Address,
    monitor: String,
    /// Calls that it has not answered.
    outstanding: usize,
}

/// The part of a host message that a router looks at.
#[derive(Deserialize)]
struct Told {
    address: Option<String>,
    monitor: Option<String>,
    shutdown: Option<serde::de::IgnoredAny>,
    exception: Option<Why>,
}

#[derive(Deserialize)]
struct Why {
    r#type: String,
}

impl Router {
    fn new(mut context: Context, spec: RouterSpec) -> Result<Router, Refusal> {
        spec.check()?;
        let (key, call_timeout) = (spec.key(), spec.patience());
        let pool = spec.pool.map(|pool| Pool::start(&mut context, pool)).transpose()?;
        let mut router = Router {
            context,
            rotation: Rotation::new(spec.strategy),
            routees: BTreeMap::new(),
            calls: Calls::default(),
            key,
            pool,
            group: spec.group.map(Group::new),
            calls_max: spec.calls_max,
            call_timeout,
        };
        for routee in &spec.routees {
            router.add(routee, &routee.to_string())?;
        }
        router.follow_group()?;
        Ok(router)
    }

    async fn run(mut self) -> Result<(), Refusal> {
        self.wait_for_workers().await?;
        loop {
            let timeout = self.catch_up();
            let Some(received) = self.context.receive_any(timeout).await else { continue };
            self.follow_group()?;
            if self.take(received)? {
                break;
            }
        }
        Ok(())
    }

    /// Does what is due, and answers how long there is nothing to do.
    fn catch_up(&mut self) -> Option<Duration> {
        let now = self.context.clock().monotonic();
        while let Some(call) = self.calls.take_overdue(now) {
            let message = format!("no answer within {} ms", self.call_timeout.as_millis());
            self.close(call, &Answer::Exception(exception(&Refusal::new(RefusalKind::Timeout, message))));
        }
        if self.pool.as_mut().is_some_and(|pool| pool.wants_to_look(now)) {
            self.ask_for_workers();
        }
        let look = self.pool.as_ref().and_then(Pool::looks_again);
        let next = self.calls.next_deadline().into_iter().chain(look).min();
        next.map(|next| next.saturating_sub(now))
    }

    /// Takes one message. Answers whether it was the last.
    fn take(&mut self, received: Received) -> Result<bool, Refusal> {
        let Received { from_host, via, message, .. } = received;
        if from_host {
            return self.hear(&message);
        }
        if let Some(via) = &via
            && self.take_answer(&via.to_string(), &message)
        {
            return Ok(false);
        }
        match Request::parse(&message) {
            Some(request) => match request.method.strip_prefix(OWN) {
                None => self.pass_call(request),
                Some(_) if via.is_some() => {
                    let refusal = Refusal::new(RefusalKind::NotPermitted, "this address is for use, not for control");
                    request.respond_exception(&mut self.context, refusal);
                }
                Some(_) => self.obey(request),
            },
            None => self.pass_or_close(&message),
        }
        Ok(false)
    }

    /// Takes what came to a one-shot address: it is the answer to its call, or all there will ever be of it.
    fn take_answer(&mut self, via: &str, message: &Message) -> bool {
        if let Some(question) = self.pool.as_mut().and_then(|pool| pool.take_question(via)) {
            self.supervisor_says(question, Answer::parse(message).map(|(_, answer)| answer));
            return true;
        }
        let Some(call) = self.calls.take(via) else { return false };
        let answer = Answer::parse(message)
            .filter(|(id, _)| serde_json::from_str::<String>(id.as_str()).is_ok_and(|id| id == via));
        let answer = answer.map_or_else(|| Answer::Exception(no_answer()), |(_, answer)| answer);
        self.close(call, &answer);
        true
    }

    /// Passes on what is no call, or closes the call that it answers: whoever was asked may have had another answer for it,
    /// at an address that was made from the one-shot one.
    fn pass_or_close(&mut self, message: &Message) {
        let answer = Answer::parse(message);
        let call = answer.as_ref().and_then(|(id, _)| self.calls.take(serde_json::from_str::<&str>(id.as_str()).ok()?));
        match (call, answer) {
            (Some(call), Some((_, answer))) => self.close(call, &answer),
            _ => {
                if self.deliver(message, message.as_str(), false).is_err() {
                    // The door has counted those that found a full mailbox.
                    self.dead_letter(message);
                }
            }
        }
    }

    /// Hears of an end, or that this actor shall. Answers whether it ends.
    fn hear(&mut self, message: &Message) -> Result<bool, Refusal> {
        let Ok(told) = serde_json::from_str::<Told>(message.as_str()) else { return Ok(false) };
        let Some(reference) = told.monitor else {
            // Only a router that traps exits gets here; it ends with its parent, as any server does.
            let parent = self.context.parent().map(Address::to_string);
            return Ok(told.shutdown.is_some() || (parent.is_some() && told.address == parent));
        };
        if self.pool.as_ref().is_some_and(|pool| pool.is_supervised_by(&reference)) {
            let message = format!("the supervisor of the pool has ended: {message}");
            return Err(Refusal::new(RefusalKind::NoSuchActor, message));
        }
        let ended = self.routees.iter().find(|(_, routee)| routee.monitor == reference).map(|(seat, _)| *seat);
        if let Some(seat) = ended {
            self.rotation.remove(seat);
            self.routees.remove(&seat);
            // It may be a member again already, and the router have seen that before this.
            if told.exception.is_some_and(|why| why.r#type == ExceptionKind::Noconnection.as_str()) {
                self.look_at_group_again();
            }
            for call in self.calls.take_lost(seat) {
                self.close(call, &Answer::Exception(noproc("the actor that was to answer has ended")));
            }
            if self.pool.as_mut().is_some_and(|pool| pool.lost(seat)) {
                self.ask_for_workers();
            }
        }
        Ok(false)
    }

    fn pass_call(&mut self, mut request: Request) {
        match self.try_to_pass(&request) {
            Ok((reply_to, asked)) => {
                for seat in &asked {
                    self.routees.get_mut(seat).expect("it has just been asked").outstanding += 1;
                }
                // What it was called with is not needed any more, and may be large.
                request.message = Message::trusted("null".to_owned());
                let deadline = self.context.clock().deadline(self.call_timeout);
                self.calls.insert(Call { request, reply_to, asked, deadline });
            }
            Err(exception) => request.respond_exception(&mut self.context, exception),
        }
    }

    /// Passes a call on. Answers where the answer will come, and who has it.
    fn try_to_pass(&mut self, request: &Request) -> Result<(Address, BTreeSet<Seat>), Message> {
        if self.rotation.len() == 0 {
            return Err(nobody());
        }
        let max = self.calls_max;
        if self.calls.len() >= max {
            let message = format!("this router waits for {max} answers already");
            return Err(exception(&Refusal::at_limit("calls", max, message)));
        }
        let reply_to = self.context.one_shot().map_err(|refusal| exception(&refusal))?;
        let text = Request::text(&reply_to.to_string(), &request.method, &reply_to, &request.message);
        match self.deliver(&request.message, &text, true) {
            Ok(asked) => Ok((reply_to, asked)),
            Err(exception) => {
                // Nobody has it.
                _ = self.context.revoke(&reply_to);
                Err(exception)
            }
        }
    }

    /// Sends a text to those whose turn it is. `keyed` is where its key stands. Answers who has it: one, or for a broadcast
    /// at least one.
    ///
    /// No address of a routee stands in what the sender hears: it would be the right to use it.
    fn deliver(&mut self, keyed: &Message, text: &str, is_call: bool) -> Result<BTreeSet<Seat>, Message> {
        let Router { context, rotation, routees, key, .. } = self;
        let load = |seat| routees[&seat].outstanding;
        let occasion = Occasion {
            key: &|| key.as_ref().map_or(0, |key| key.place(keyed)),
            random: &|| getrandom::u64().expect("the system has a random generator"),
            load: is_call.then_some(&load),
        };
        let broadcast = rotation.is_broadcast();
        let (mut asked, mut full) = (BTreeSet::new(), false);
        for seat in rotation.choose(&occasion) {
            match context.send(&routees[&seat].address, Text(text.to_owned())) {
                Ok(()) => {
                    asked.insert(seat);
                    if !broadcast {
                        break;
                    }
                }
                Err(refusal) => match refusal.kind() {
                    RefusalKind::MailboxFull => full = true,
                    // The others would say the same.
                    RefusalKind::TooLarge | RefusalKind::BadJson | RefusalKind::Stopping => {
                        return Err(exception(&refusal));
                    }
                    // It has ended, which will be told in a moment, or cannot be reached.
                    _ => {}
                },
            }
        }
        match (asked.is_empty(), full) {
            (false, _) => Ok(asked),
            (true, false) => Err(nobody()),
            (true, true) => {
                let refusal = Refusal::new(RefusalKind::MailboxFull, "no routee has room in its mailbox");
                Err(exception(&refusal))
            }
        }
    }

    fn dead_letter(&self, message: &Message) {
        let kernel = self.context.actor.kernel();
        kernel.count_lost(self.context.address(), None, Loss::NoSuchActor, message.len());
    }

    /// A call that was taken out is answered: nobody else's answer will be received.
    fn close(&mut self, call: Call, answer: &Answer) {
        // Made by this actor, so that it cannot fail.
        _ = self.context.revoke(&call.reply_to);
        for seat in call.asked {
            if let Some(routee) = self.routees.get_mut(&seat) {
                routee.outstanding -= 1;
                self.let_go(seat);
            }
        }
        call.request.answer(&mut self.context, answer);
    }
}

fn exception(refusal: &Refusal) -> Message {
    Message::trusted(refusal.to_json())
}

fn noproc(message: &str) -> Message {
    Message::trusted(Exception::new(ExceptionKind::Noproc, message).to_json())
}

fn nobody() -> Message {
    noproc("this router has nobody to pass it on to")
}

fn no_answer() -> Message {
    Message::trusted(Exception::new(ExceptionKind::Error, "what was answered is no answer to this call").to_json())
}
