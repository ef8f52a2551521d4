//! A behavior in wasm: from a module's bytes to an actor that runs.

pub mod admission;
pub(crate) mod cache;
pub(crate) mod library;
mod bindings;
mod componentize;
mod ending;
mod engine;
mod imports;
mod limits;
#[cfg(target_os = "linux")]
mod mappings;
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the one room that hands out memory")]
mod memory;
#[cfg(not(target_os = "linux"))]
#[path = "memory/stock.rs"]
mod memory;
mod output;
mod preempt;
mod state;
mod wasi;
#[cfg(test)]
mod faults;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use wasmtime::Store;

use crate::actor;
use crate::actor::context::Context;
use crate::actor::executor::Executor;
use crate::actor::spawner::{Home, Spawner};
use crate::address::quoted;
use crate::mailbox::Mailbox;
use crate::message::Message;
use crate::native::{self, builtin};
use crate::node::Kernel;
use crate::outcome::Outcome;
use crate::refusal::{Refusal, RefusalKind};
use crate::spawn_options::SpawnOptions;
use cache::Cache;
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
    ticker: Ticker,
}

impl Guests {
    /// `workers` is how many threads `executor` has.
    pub(crate) fn new(
        kernel: Arc<Kernel>,
        executor: Executor,
        workers: usize,
        cache: Option<Cache>,
    ) -> wasmtime::Result<Guests> {
        let library = Library::new(cache)?;
        let ticker = Ticker::start(library.engine())?;
        Ok(Guests { kernel, library, executor, preempt: Preempt::new(workers), ticker })
    }

    pub(crate) fn library(&self) -> &Library {
        &self.library
    }

    /// Starts one of the node's own entries.
    fn start_own(
        self: &Arc<Self>,
        entry: &str,
        home: Option<Home>,
        args: Message,
        parent: Option<&Arc<Mailbox>>,
        options: &SpawnOptions,
    ) -> Result<Arc<Mailbox>, Refusal> {
        let own = builtin::find(entry)?;
        let options = SpawnOptions { trap_exit: options.trap_exit || own.traps_exits, ..options.clone() };
        let spawner: Arc<dyn Spawner> = self.clone();
        native::spawn(&spawner, &self.kernel, home, parent, &options, move |context| (own.behavior)(context, args))
    }

    /// Starts a guest: all that can be refused is refused here, and the rest happens on the actor's own task.
    fn start(
        self: &Arc<Self>,
        module: Module,
        entry: &str,
        args: Message,
        parent: Option<&Arc<Mailbox>>,
        options: &SpawnOptions,
    ) -> Result<Arc<Mailbox>, Refusal> {
        if !args.as_str().trim_ascii_start().starts_with(['[', '{']) {
            let message = "cannot spawn: args must be a JSON array (positional) or object (named)";
            return Err(Refusal::new(RefusalKind::BadArgument, message));
        }
        let place = self.library.slabs().reserve(module.needs())?;
        let mailbox = self.kernel.enter(parent, options)?;
        let parent = parent.map(|parent| parent.id());
        let context = Context::new(self.kernel.clone(), mailbox.clone(), parent, self.clone(), Some(module.as_home()));
        let actor = context.address().to_string().into();
        let speaker = Speaker { actor, entry: entry.into() };
        let guest = Guest::new(self.clone(), module, context, speaker);
        let behavior = async move {
            let (outcome, store) = life(guest, args).await;
            // Given back when the instance is gone, not when the actor is.
            (outcome, (store, place))
        };
        self.executor.spawn(actor::live(self.kernel.clone(), mailbox.clone(), behavior));
        Ok(mailbox)
    }

    fn resolve<'a>(&self, home: Option<&Home>, entry: &'a str) -> Result<(Module, &'a str), Refusal> {
        let (module, entry) = match (entry.split_once('/'), home.and_then(Module::of_home)) {
            (None, Some(home)) => (home, entry),
            (None, None) => {
                let message = format!("`{}` names no module: write `module/entry`", quoted(entry));
                return Err(Refusal::new(RefusalKind::NoSuchModule, message));
            }
            (Some((name, entry)), _) => {
                let module = self.library.find(name).ok_or_else(|| {
                    let message = format!("no module of the name `{}` is loaded", quoted(name));
                    Refusal::new(RefusalKind::NoSuchModule, message)
                })?;
                (module, entry)
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
            return self.start_own(own, home.cloned(), args, parent, options);
        }
        let (module, entry) = self.resolve(home, entry)?;
        self.start(module, entry, args, parent, options)
    }

    fn executor(&self) -> &Executor {
        &self.executor
    }
}

/// The whole life of an instance, and the store that remains.
async fn life(guest: Guest, args: Message) -> (Outcome, Store<Guest>) {
    let (guests, slice) = (guest.guests.clone(), guest.slice.clone());
    let mut running = pin!(run(guest, args));
    poll_fn(|cx| {
        guests.ticker.actor_runs();
        let poll = running.as_mut().poll(cx);
        if poll.is_pending() {
            slice.pause();
        }
        poll
    })
    .await
}

/// Instantiates the module and calls `run`.
async fn run(guest: Guest, args: Message) -> (Outcome, Store<Guest>) {
    let guests = guest.guests.clone();
    let (module, entry) = (guest.module.clone(), guest.speaker.entry.clone());
    let mut store = Store::new(guests.library.engine(), guest);
    store.limiter(|guest| &mut guest.memory);
    guests.preempt.guard(&mut store);
    let actor = match module.pre().instantiate_async(&mut store).await {
        Ok(actor) => actor,
        Err(error) => return (ending::not_instantiated(&error, store.data_mut()), store),
    };
    let outcome = match actor.call_run(&mut store, &entry, args.as_str()).await {
        Ok(result) => Outcome::returned(result, guests.kernel.admission()),
        Err(error) => ending::trapped(&error, store.data_mut()),
    };
    store.data_mut().close_output();
    (outcome, store)
}
