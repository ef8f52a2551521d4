//! Panics of the host's, provoked in each lock that an actor's life takes, and in an import: they end that actor alone.
//!
//! Lives run by hand on the test's own thread, on which the panic is provoked.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::limits::Limits;
use crate::load_options::LoadOptions;
use crate::lock::faults;
use crate::mailbox::queue::{Checked, Scan};
use crate::message::Admission;
use crate::outcome::{Exception, ExceptionKind};

/// A guest that calls two imports: it logs `hi`, and takes the name `hi`.
const CALLS: &str = r#"(module
  (import "greenroom:actor/log@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "greenroom:actor/registry@0.1.0" "register" (func $register (param i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "hi")
  (global $free (mut i32) (i32.const 128))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $len i32) (result i32)
    global.get $free
    global.get $free
    local.get $len
    i32.add
    global.set $free)
  (func (export "run") (param i32 i32) (param $args i32) (param $args_len i32) (result i32)
    (call $log (i32.const 2) (i32.const 64) (i32.const 2))
    (call $register (i32.const 64) (i32.const 2) (i32.const 96))
    (i32.store (i32.const 20) (local.get $args))
    (i32.store (i32.const 24) (local.get $args_len))
    (i32.const 16)))"#;

/// A node, and two actors who look on: one has spawned the one under test, the other monitors it.
struct Stage {
    guests: Arc<Guests>,
    parent: Arc<Mailbox>,
    stranger: Arc<Mailbox>,
}

impl Stage {
    fn new() -> Stage {
        let kernel = Kernel::alone(&Limits::default());
        let executor = Executor::start(1).expect("a thread");
        let guests = Guests::new(kernel.clone(), executor, 1, None, RemoteSpawn::no()).expect("the engine starts");
        let trapping = SpawnOptions::default().trap_exit();
        let brings = || Brings { grants: Arc::new(Grants::program()), module: None, bytes: 0 };
        let [parent, stranger] = [0; 2].map(|_| kernel.enter(Parent::Program, &trapping, brings()).expect("an actor"));
        Stage { guests, parent, stranger }
    }

    fn kernel(&self) -> &Arc<Kernel> {
        &self.guests.kernel
    }

    /// A child that its parent has linked and monitors, as the stranger does.
    fn actor(&self) -> Arc<Mailbox> {
        let options = SpawnOptions::default().link().monitor().trap_exit();
        let brings = Brings { grants: self.parent.grants().clone(), module: None, bytes: 0 };
        let actor = self.kernel().enter(Parent::Here(&self.parent), &options, brings).expect("an actor");
        self.kernel().monitor(&self.stranger, &self.text(&actor)).expect("a monitor");
        actor
    }

    fn text(&self, actor: &Mailbox) -> String {
        self.kernel().address(actor.id()).to_string()
    }

    fn context(&self, actor: &Arc<Mailbox>) -> Context {
        Context::new(self.kernel().clone(), actor.clone(), self.guests.clone(), None)
    }

    fn live<R>(&self, actor: &Arc<Mailbox>, behavior: impl Future<Output = (Outcome, R)>) -> impl Future<Output = ()> {
        actor::live(self.kernel().clone(), actor.clone(), None, behavior)
    }

    /// The actor has ended so, all have heard of it once, and so many faults more were counted than `before`.
    fn ended(&self, actor: &Arc<Mailbox>, kind: Option<ExceptionKind>, faults: u64) {
        assert_eq!(kind_of(&runs(actor.await_end().outcome()).expect("it is kept")), kind);
        assert_eq!(self.kernel().host_faults(), faults);
        for (witness, messages) in [(&self.parent, 2), (&self.stranger, 1)] {
            let heard = heard(witness);
            assert_eq!(heard.len(), messages, "{heard:?}");
            for message in heard {
                let message = message.to_value();
                assert_eq!(message["address"], self.text(actor));
                assert_eq!(message["exception"]["type"].as_str(), kind.map(ExceptionKind::as_str));
            }
        }
        let gone = self.kernel().send_text(actor);
        assert_eq!(gone, Some(RefusalKind::NoSuchActor));
        assert_eq!(self.kernel().whereis("hi").unwrap_err().kind(), RefusalKind::NoSuchName);
        assert_eq!(self.kernel().members("crowd"), Ok(Vec::new()));
        assert_eq!(self.kernel().living(), 2, "the two who look on");
    }
}

impl Kernel {
    /// Why an actor cannot be sent something.
    fn send_text(&self, to: &Mailbox) -> Option<RefusalKind> {
        self.resolve(&self.address(to.id()).to_string()).err().map(|refusal| refusal.kind())
    }
}

fn kind_of(outcome: &Outcome) -> Option<ExceptionKind> {
    match outcome {
        Outcome::Exit(_) => None,
        Outcome::Exception(exception) => Some(exception.kind()),
    }
}

/// All that waits in a mailbox.
fn heard(mailbox: &Mailbox) -> Vec<Message> {
    let mut task = TaskContext::from_waker(Waker::noop());
    let mut take = || match mailbox.take(&mut task, &[], &mut Checked::default()) {
        Scan::Taken(taken) => Some(taken.message),
        Scan::Nothing | Scan::Unfinished => None,
    };
    std::iter::from_fn(&mut take).collect()
}

fn polls<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut TaskContext::from_waker(Waker::noop()))
}

/// Polls until it is done. What it waits for comes by itself.
fn runs<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = polls(future.as_mut()) {
            return output;
        }
        std::thread::yield_now();
    }
}

/// Every call of a context that takes a lock. Nothing in it waits.
async fn calls(context: &mut Context, other: &str) -> Result<(), Refusal> {
    let (me, dead) = (context.address().to_string(), "aaaaaaaaaaaaaaaaaaaaaaaaaa@here:1");
    context.trap_exit(true);
    context.send(&me, "1".into())?;
    context.send_wait(&me, "2".into(), Duration::ZERO).await?;
    context.receive(&[], Some(Duration::ZERO)).await;
    context.link(other)?;
    context.unlink(other)?;
    context.link(dead)?;
    let monitor = context.monitor(other)?;
    context.demonitor(&monitor)?;
    context.monitor(dead)?;
    context.register("hi")?;
    context.whereis("hi")?;
    context.unregister("hi")?;
    context.register("hi")?;
    context.join("crowd")?;
    context.join("crowd")?;
    context.leave("crowd")?;
    context.members("crowd")?;
    context.broadcast("crowd", "1".into()).await?;
    let timer = context.send_after("3".into(), Duration::from_secs(3600))?;
    context.cancel(&timer)?;
    context.send_after("4".into(), Duration::from_secs(3600))?;
    let narrowed = context.narrow(&me, r#"{"uses": 1}"#)?.to_string();
    context.send(&narrowed, "5".into())?;
    context.revoke(&narrowed)?;
    context.narrow(&me, "{}")?;
    context.narrow(other, "{}")?;
    context.wait(dead, None).await?;
    Ok(())
}

fn returned(result: Result<(), Refusal>) -> (Outcome, ()) {
    (Outcome::returned(result.map(|()| "null".into()).map_err(|refusal| refusal.to_json()), Admission::default()), ())
}

#[test]
fn a_panic_in_any_lock_that_a_call_takes_ends_the_caller_alone() {
    let stage = Stage::new();
    let other = stage.text(&stage.stranger);
    for locks in 0.. {
        let (actor, before) = (stage.actor(), stage.kernel().host_faults());
        let mut context = stage.context(&actor);
        runs(stage.live(&actor, async {
            faults::panic_after(locks);
            let done = calls(&mut context, &other).await;
            assert!(!faults::spent(), "a panic in a lock is no refusal");
            returned(done)
        }));
        if stage.kernel().host_faults() == before {
            stage.ended(&actor, None, before);
            assert!(locks > 40, "only {locks} locks were taken");
            break;
        }
        stage.ended(&actor, Some(ExceptionKind::Host), before + 1);
    }
}

/// How an end begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Begins {
    Returns,
    IsKilled,
    /// The executor lets go of it.
    IsDropped,
}

#[test]
fn a_panic_in_any_lock_that_an_end_takes_keeps_nobody_from_hearing_of_it() {
    let stage = Stage::new();
    let other = stage.text(&stage.stranger);
    let ends = [
        (Begins::Returns, None),
        (Begins::IsKilled, Some(ExceptionKind::Killed)),
        (Begins::IsDropped, Some(ExceptionKind::Shutdown)),
    ];
    for (begins, kind) in ends {
        for locks in 0.. {
            let (actor, before) = (stage.actor(), stage.kernel().host_faults());
            let mut context = stage.context(&actor);
            let mut live = Box::pin(stage.live(&actor, async {
                let done = calls(&mut context, &other).await;
                if begins != Begins::Returns {
                    std::future::pending::<()>().await;
                }
                faults::panic_after(locks);
                returned(done)
            }));
            assert_eq!(polls(live.as_mut()).is_pending(), begins != Begins::Returns);
            if begins == Begins::IsKilled {
                actor.request_end(Exception::new(ExceptionKind::Killed, "so"));
            }
            match begins {
                // Its behavior has provoked the panic itself.
                Begins::Returns => {}
                Begins::IsKilled => {
                    faults::panic_after(locks);
                    runs(live);
                }
                Begins::IsDropped => {
                    faults::panic_after(locks);
                    drop(live);
                }
            }
            let panicked = faults::spent();
            stage.ended(&actor, kind, before + u64::from(panicked));
            if !panicked {
                assert!(locks > 10, "only {locks} locks were taken");
                break;
            }
        }
    }
}

/// A guest's life on this thread.
fn guest(stage: &Stage, module: &Module, actor: &Arc<Mailbox>) -> impl Future<Output = ()> + use<> {
    let (level, clock) = (actor.level().clone(), stage.kernel().clock.clone());
    let speaker = Speaker { actor: "it".into(), entry: "main".into(), level, leads: false, clock };
    let guest = Guest::new(stage.guests.clone(), module.clone(), stage.context(actor), speaker);
    let args = Message::trusted("[]".into());
    actor::live(stage.kernel().clone(), actor.clone(), None, life(guest, args))
}

#[test]
fn a_panic_in_any_lock_that_a_guest_takes_ends_the_guest_alone() {
    let stage = Stage::new();
    let module =
        stage.guests.library().load("calls", "calls", CALLS.as_bytes(), &LoadOptions::local()).expect("it loads");
    for locks in 0.. {
        let (actor, before) = (stage.actor(), stage.kernel().host_faults());
        let _place = stage.guests.library().slabs().reserve(module.needs(), 0).expect("room");
        let mut live = pin!(guest(&stage, &module, &actor));
        faults::panic_after(locks);
        runs(live.as_mut());
        let panicked = faults::spent();
        if !panicked {
            stage.ended(&actor, None, before);
            assert!(locks > 1, "only {locks} locks were taken");
            break;
        }
        // None: it was the end itself that panicked.
        let kind = kind_of(&runs(actor.await_end().outcome()).expect("it is kept"));
        assert!(kind.is_none_or(|kind| kind == ExceptionKind::Host), "{kind:?}");
        stage.ended(&actor, kind, before + 1);
    }
}

/// The embedder's subscriber, with a bug.
struct Panics;

impl tracing::Subscriber for Panics {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        panic!("the subscriber panics");
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_panic_in_an_import_ends_the_guest_alone() {
    let stage = Stage::new();
    let module =
        stage.guests.library().load("calls", "calls", CALLS.as_bytes(), &LoadOptions::local()).expect("it loads");
    let _place = stage.guests.library().slabs().reserve(module.needs(), 0).expect("room");
    let actor = stage.actor();
    tracing::subscriber::with_default(Panics, || runs(guest(&stage, &module, &actor)));
    stage.ended(&actor, Some(ExceptionKind::Host), 1);
}
