//! A behavior in wasm: from a module's bytes to an actor that runs.

pub mod admission;
pub(crate) mod cache;
pub(crate) mod arrivals;
pub(crate) mod library;
mod bindings;
mod clock;
mod componentize;
mod ending;
mod errands;
pub(crate) mod engine;
mod imports;
mod io;
mod limits;
mod lines;
#[cfg(target_os = "linux")]
mod mappings;
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the one room that hands out memory")]
mod memory;
#[cfg(not(target_os = "linux"))]
#[path = "memory/stock.rs"]
mod memory;
mod output;
mod meter;
mod preempt;
mod state;
mod wasi;
#[cfg(test)]
mod faults;

use std::future::{Future, poll_fn};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Poll;

use wasmtime::Store;

use crate::actor;
use crate::actor::context::Context;
use crate::actor::executor::Executor;
use crate::actor::spawner::{Home, Spawner};
use crate::address::quoted;
use crate::clock::Clock;
use crate::grants::{Grant, Grants};
use crate::limits::Limit;
use crate::mailbox::Mailbox;
use crate::message::Message;
use crate::module_hash::ModuleHash;
use crate::native::{self, Origin, builtin};
use crate::node::Kernel;
use crate::node::enter::{Brings, Parent};
use crate::node::spawning::Travels;
use crate::outcome::Outcome;
use crate::refusal::{Refusal, RefusalKind};
use crate::remote_spawn::RemoteSpawn;
use crate::spawn_options::SpawnOptions;
use arrivals::{Arrivals, ModuleInfo};
use cache::Cache;
use errands::Errands;
use io::Io;
use library::{Library, Module};
use output::Speaker;
use preempt::{Preempt, Ticker};
use state::Guest;

/// All that a node needs to run guests.
pub(crate) struct Guests {
    pub(crate) kernel: Arc<Kernel>,
    library: Library,
    executor: Executor,
    preempt: Preempt,
    clock: Clock,
    ticker: Ticker,
    /// For files and sockets: there is none until an actor is granted some.
    io: OnceLock<Io>,
    arrivals: Arrivals,
    errands: Errands,
}

impl Guests {
    /// `workers` is how many threads `executor` has.
    pub(crate) fn new(
        kernel: Arc<Kernel>,
        executor: Executor,
        workers: usize,
        cache: Option<Cache>,
        remote_spawn: RemoteSpawn,
    ) -> wasmtime::Result<Arc<Guests>> {
        let library = Library::new(cache)?;
        // Processor time is real, whatever the node's clock says.
        let clock = Clock::real();
        let ticker = Ticker::start(library.engine(), clock.clone())?;
        let (preempt, io) = (Preempt::new(workers), OnceLock::new());
        let (arrivals, errands) = (Arrivals::new(remote_spawn), Errands::default());
        let guests = Guests { kernel, library, executor, preempt, clock, ticker, io, arrivals, errands };
        let guests = Arc::new(guests);
        let host: Weak<Guests> = Arc::downgrade(&guests);
        guests.kernel.hosted_by(host);
        Ok(guests)
    }

    /// The modules of other nodes that are here.
    pub(crate) fn modules_of_peers(&self) -> Vec<ModuleInfo> {
        self.arrivals.list()
    }

    /// Forgets a module of another node. False: there was none.
    pub(crate) fn forget(&self, hash: &ModuleHash) -> bool {
        self.arrivals.forget(hash)
    }

    pub(crate) fn library(&self) -> &Library {
        &self.library
    }

    /// Starts what files and sockets need, if it does not run yet.
    ///
    /// # Errors
    ///
    /// `limit`: the system has no threads or descriptors left.
    fn start_io(&self) -> Result<(), Refusal> {
        if self.io.get().is_none() {
            let io = Io::start().map_err(|why| {
                let message = format!("cannot spawn: the node has nothing to do files and sockets with: {why}");
                Refusal::new(RefusalKind::Limit, message).with("limit", "io")
            })?;
            // Another may have been faster: this one stops then.
            _ = self.io.set(io);
        }
        Ok(())
    }

    /// Starts one of the node's own entries.
    fn start_own(
        self: &Arc<Self>,
        entry: &str,
        home: Option<Home>,
        args: Message,
        parent: Parent<'_>,
        options: &SpawnOptions,
    ) -> Result<Arc<Mailbox>, Refusal> {
        let own = builtin::find(entry)?;
        let module = home.as_ref().and_then(Module::of_home);
        let grants = match (parent.grants(), &module) {
            // One that the program starts for a module, as that module's own actors.
            (None, Some(module)) => Grants::of_child(None, Some(module.grants()), options.grants.as_deref()),
            (spawner, _) => Grants::of_child(spawner, None, options.grants.as_deref()),
        }?;
        let options = SpawnOptions { trap_exit: options.trap_exit || own.traps_exits, ..options.clone() };
        let spawner: Arc<dyn Spawner> = self.clone();
        let entry = Some([builtin::PREFIX, entry].concat().into());
        let bytes = limits::ACTOR_BYTES + args.len() as u64;
        let origin = Origin { parent, home, entry, grants, bytes };
        native::spawn(&spawner, &self.kernel, origin, &options, move |context| (own.behavior)(context, args))
    }

    /// Starts a guest: all that can be refused is refused here, and the rest happens on the actor's own task.
    fn start(
        self: &Arc<Self>,
        module: Module,
        entry: &str,
        args: Message,
        parent: Parent<'_>,
        grants: Arc<Grants>,
        options: &SpawnOptions,
    ) -> Result<Arc<Mailbox>, Refusal> {
        if !args.as_str().trim_ascii_start().starts_with(['[', '{']) {
            let message = "cannot spawn: args must be a JSON array (positional) or object (named)";
            return Err(Refusal::new(RefusalKind::BadArgument, message));
        }
        let above = parent.level().unwrap_or(self.kernel.root()).clone();
        let is_limited = above.counts(Limit::Memory)
            || [module.limits(), &options.limits].iter().any(|limits| limits.get(Limit::Memory).is_some());
        let stack_bytes = if is_limited { engine::WASM_STACK_BYTES } else { 0 };
        let place = self.library.slabs().reserve(module.needs(), stack_bytes)?;
        if grants.needs_io() {
            self.start_io()?;
        }
        let bytes = limits::ACTOR_BYTES.saturating_add(module.instance_bytes()).saturating_add(args.len() as u64);
        let brings = Brings { grants, module: Some((module.number(), module.limits())), bytes };
        let mailbox = self.kernel.enter(parent, options, brings)?;
        let context = Context::new(self.kernel.clone(), mailbox.clone(), self.clone(), Some(module.as_home()));
        let actor = context.address().to_string().into();
        let (level, clock) = (mailbox.level().clone(), self.kernel.clock.clone());
        let leads = !Arc::ptr_eq(&above, &level);
        let speaker = Speaker { actor, entry: entry.into(), level, leads, clock };
        let whole_entry: Arc<str> = [module.name(), "/", entry].concat().into();
        mailbox.runs(whole_entry.clone());
        let guest = Guest::new(self.clone(), module, context, speaker);
        let life = life(guest, args);
        let behavior = async move {
            let (outcome, store) = life.await;
            // Given back when the instance is gone, not when the actor is.
            (outcome, (store, place))
        };
        self.executor.spawn(actor::live(self.kernel.clone(), mailbox.clone(), Some(whole_entry), behavior));
        Ok(mailbox)
    }

    /// Finds the module of an entry, and answers the entry's name in it.
    fn resolve<'a>(
        &self,
        home: Option<&Module>,
        entry: &'a str,
        spawner: Option<&Arc<Grants>>,
    ) -> Result<(Module, &'a str), Refusal> {
        let (module, entry) = match (entry.split_once('/'), home) {
            (None, Some(home)) => (home.clone(), entry),
            (None, None) => {
                let message = format!("`{}` names no module: write `module/entry`", quoted(entry));
                return Err(Refusal::new(RefusalKind::NoSuchModule, message));
            }
            (Some((name, bare)), home) => {
                let found = self.library.find(name);
                // Whoever may use none learns nothing of which there are.
                if found.is_none() || found.as_ref() != home {
                    let tried = || format!("cannot spawn `{}`", quoted(entry));
                    spawner.map_or(Ok(()), |spawner| spawner.permit(&Grant::Modules, tried))?;
                }
                let module = found.ok_or_else(|| {
                    let message = format!("no module of the name `{}` is loaded", quoted(name));
                    Refusal::new(RefusalKind::NoSuchModule, message)
                })?;
                (module, bare)
            }
        };
        module.check_entry(entry)?;
        Ok((module, entry))
    }
}

impl Spawner for Guests {
    fn spawn(
        self: Arc<Self>,
        home: Option<&Home>,
        entry: &str,
        args: Message,
        parent: Option<&Arc<Mailbox>>,
        options: &SpawnOptions,
    ) -> Result<Arc<Mailbox>, Refusal> {
        if let Some(own) = entry.strip_prefix(builtin::PREFIX) {
            return self.start_own(own, home.cloned(), args, Parent::of(parent), options);
        }
        let (home, spawner) = (home.and_then(Module::of_home), parent.map(|parent| parent.grants()));
        let (module, entry) = self.resolve(home.as_ref(), entry, spawner)?;
        let of_module = (spawner.is_none() || home.as_ref() != Some(&module)).then(|| module.grants());
        let grants = Grants::of_child(spawner, of_module, options.grants.as_deref())?;
        self.start(module, entry, args, Parent::of(parent), grants, options)
    }

    fn travels(
        &self,
        home: Option<&Home>,
        entry: &str,
        spawner: Option<&Arc<Grants>>,
    ) -> Result<(Option<Travels>, Box<str>), Refusal> {
        let home = home.and_then(Module::of_home);
        if let Some(own) = entry.strip_prefix(builtin::PREFIX) {
            builtin::find(own)?;
            return Ok((home.map(|module| module.travels()), entry.into()));
        }
        let (module, entry) = self.resolve(home.as_ref(), entry, spawner)?;
        Ok((Some(module.travels()), entry.into()))
    }

    fn executor(&self) -> &Executor {
        &self.executor
    }
}

/// The whole life of an instance, and the store that remains.
///
/// What runs is in a box: each future that has another one inside keeps room for it twice, as its argument and where it is
/// polled, which made 7 KB of 3.
fn life(guest: Guest, args: Message) -> impl Future<Output = (Outcome, Store<Guest>)> {
    let (guests, slice, needs_io) = (guest.guests.clone(), guest.slice.clone(), guest.context.grants().needs_io());
    let mut running = Box::pin(run(guest, args));
    let mut sleep = None;
    poll_fn(move |cx| {
        let Guests { clock, ticker, io, .. } = &*guests;
        if let Some(meter) = &slice.meter {
            if meter.poll_share(cx, clock, ticker, &mut sleep).is_pending() {
                slice.waits_for_share();
                return Poll::Pending;
            }
            meter.begin(ticker, slice.is_busy());
        }
        let _inside = io.get().filter(|_| needs_io).map(Io::enter);
        ticker.actor_runs();
        let poll = running.as_mut().poll(cx);
        slice.meter.iter().for_each(|meter| meter.end(clock, ticker));
        if poll.is_pending() {
            slice.pause();
        }
        poll
    })
}

/// Instantiates the module and calls `run`.
async fn run(guest: Guest, args: Message) -> (Outcome, Store<Guest>) {
    let (guests, mailbox) = (guest.guests.clone(), guest.context.mailbox().clone());
    let (module, entry) = (guest.module.clone(), guest.speaker.entry.clone());
    let mut store = Store::new(guests.library.engine(), guest);
    limits::bound(&mut store);
    guests.preempt.guard(&mut store);
    let actor = match module.pre().instantiate_async(&mut store).await {
        Ok(actor) => actor,
        Err(error) => return (ending::not_instantiated(&error, store.data_mut()), store),
    };
    let outcome = match actor.call_run(&mut store, &entry, args.as_str()).await {
        Ok(result) => Outcome::returned(result, mailbox.level().admission()),
        Err(error) => ending::trapped(&error, store.data_mut()),
    };
    store.data_mut().close_output();
    (outcome, store)
}
