//! Modules of other nodes: fetched by their hash, once, and kept for the next spawn.

mod fetch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{Semaphore, oneshot, watch};

use super::Guests;
use super::admission::Caps;
use super::library::Module;
use crate::address::Place;
use crate::lock::lock;
use crate::module_hash::ModuleHash;
use crate::node::spawning::Travels;
use crate::refusal::{Refusal, RefusalKind};
use crate::remote_spawn::RemoteSpawn;

/// A module that came from another node, as who runs this one sees it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModuleInfo {
    /// What it is known by everywhere.
    pub hash: ModuleHash,
    /// What its node calls it.
    pub name: String,
    /// Its bytes, counted.
    pub bytes: usize,
    /// The node that it came from.
    pub from: Place,
    /// When it had come.
    pub at: SystemTime,
    /// Whether any actor of it lives.
    pub is_used: bool,
}

/// The modules of other nodes that are here, and what it takes to get one more.
pub(super) struct Arrivals {
    pub(super) terms: RemoteSpawn,
    state: Mutex<State>,
    compiler: OnceLock<ThreadPool>,
}

#[derive(Default)]
struct State {
    here: HashMap<ModuleHash, Arrival>,
    coming: HashMap<ModuleHash, Coming>,
    /// Of each node at most one module comes at a time, so that nobody keeps others waiting.
    turns: HashMap<Place, Arc<Semaphore>>,
    /// Grows with each use.
    clock: u64,
}

struct Arrival {
    module: Module,
    from: Place,
    at: SystemTime,
    used: u64,
}

/// A module on its way.
#[derive(Clone)]
struct Coming {
    from: Place,
    done: watch::Receiver<Option<Result<Module, Refusal>>>,
}

/// How many bytes of modules are kept for peers, and how many modules: those go first that were not used for longest, and
/// none of which an actor lives. What was compiled of them takes several times as much.
const BYTES_MAX: usize = 256 << 20;

/// See [`BYTES_MAX`].
const MODULES_MAX: usize = 1000;

impl Arrivals {
    pub(super) fn new(terms: RemoteSpawn) -> Arrivals {
        Arrivals { terms, state: Mutex::default(), compiler: OnceLock::new() }
    }

    /// Those that are here, in the order they came.
    pub(super) fn list(&self) -> Vec<ModuleInfo> {
        let state = lock(&self.state);
        let info = |(hash, arrival): (&ModuleHash, &Arrival)| ModuleInfo {
            hash: *hash,
            name: arrival.module.name().to_owned(),
            bytes: arrival.module.size(),
            from: arrival.from.clone(),
            at: arrival.at,
            is_used: arrival.module.is_used(),
        };
        let mut all: Vec<ModuleInfo> = state.here.iter().map(info).collect();
        drop(state);
        all.sort_by_key(|info| (info.at, info.hash));
        all
    }

    /// Forgets one: the next spawn of it fetches it anew. Actors of it live on. False: there was none.
    pub(super) fn forget(&self, hash: &ModuleHash) -> bool {
        lock(&self.state).here.remove(hash).is_some()
    }

    fn find(&self, hash: &ModuleHash) -> Option<Module> {
        let mut state = lock(&self.state);
        state.clock += 1;
        let now = state.clock;
        let arrival = state.here.get_mut(hash)?;
        arrival.used = now;
        Some(arrival.module.clone())
    }

    /// The one thread that compiles for peers. Everything else goes first: a compiler uses all the time that it gets.
    fn compiler(&self) -> Result<&ThreadPool, Refusal> {
        if let Some(compiler) = self.compiler.get() {
            return Ok(compiler);
        }
        let pool = ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| "greenroom-loader".to_owned())
            .start_handler(|_| {
                // Not permitted, it only takes more of the processor.
                #[cfg(target_os = "linux")]
                let _ = rustix::process::setpriority_process(None, NICE);
            })
            // Whoever waits for the module hears that there is none.
            .panic_handler(|_| tracing::error!(target: "greenroom", "the compiler panicked"))
            .build();
        let pool = pool.map_err(|why| {
            let message = format!("cannot spawn: no thread to compile the module on: {why}");
            Refusal::new(RefusalKind::Limit, message).with("limit", "threads")
        })?;
        Ok(self.compiler.get_or_init(|| pool))
    }
}

/// The lowest priority that there is.
#[cfg(target_os = "linux")]
const NICE: i32 = 19;

impl Guests {
    /// A module that a peer has, or that is here already. However many want it, it comes once.
    ///
    /// # Errors
    ///
    /// Why it is not run here, or did not come.
    pub(super) async fn module_of(self: &Arc<Self>, peer: &Place, travels: &Travels) -> Result<Module, Refusal> {
        loop {
            if let Some(module) = self.arrivals.find(&travels.hash) {
                return Ok(module);
            }
            let Coming { from, mut done } = self.coming(peer, travels)?;
            let came = match done.wait_for(Option::is_some).await {
                Ok(done) => done.clone().expect("it was waited for"),
                Err(_) => {
                    // What was to bring it has panicked; the next to ask begins anew.
                    lock(&self.arrivals.state).coming.remove(&travels.hash);
                    Err(Refusal::new(
                        RefusalKind::NoSuchModule,
                        "cannot spawn: the host panicked while the module came",
                    ))
                }
            };
            match came {
                Ok(module) => return Ok(module),
                Err(why) if from == *peer => return Err(why),
                // Another node failed to bring it; this one may do better.
                Err(_) => {}
            }
        }
    }

    /// Joins those who wait for it, or is the first.
    fn coming(self: &Arc<Self>, peer: &Place, travels: &Travels) -> Result<Coming, Refusal> {
        let mut state = lock(&self.arrivals.state);
        if let Some(coming) = state.coming.get(&travels.hash) {
            return Ok(coming.clone());
        }
        let (tell, done) = watch::channel(None);
        let coming = Coming { from: peer.clone(), done };
        state.coming.insert(travels.hash, coming.clone());
        state.turns.retain(|place, turn| place == peer || Arc::strong_count(turn) > 1);
        let turn = state.turns.entry(peer.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone();
        drop(state);
        let (guests, peer, travels) = (Arc::downgrade(self), peer.clone(), travels.clone());
        self.executor.spawn(async move {
            let _turn = turn.acquire().await;
            let Some(guests) = guests.upgrade() else { return };
            let mut state = lock(&guests.arrivals.state);
            // All who wanted it were lost, or have given up: what stands here is the last that knows of it.
            if tell.receiver_count() == 1 {
                state.coming.remove(&travels.hash);
                return;
            }
            drop(state);
            let came = guests.bring(&peer, &travels).await;
            let mut state = lock(&guests.arrivals.state);
            if let Ok(module) = &came {
                state.keep(travels.hash, module.clone(), peer);
            }
            state.coming.remove(&travels.hash);
            drop(state);
            // Nobody may be left who waits.
            _ = tell.send(Some(came));
        });
        Ok(coming)
    }

    async fn bring(self: &Arc<Self>, peer: &Place, travels: &Travels) -> Result<Module, Refusal> {
        let here = self.library.bytes(&travels.hash);
        let chunks = match here {
            Some(_) => Vec::new(),
            None => fetch::fetch(&self.kernel, peer, travels).await?,
        };
        let (tell, done) = oneshot::channel();
        let (guests, peer, travels) = (self.clone(), peer.clone(), travels.clone());
        self.arrivals.compiler()?.spawn_fifo(move || {
            let bytes = here.map_or_else(|| fetch::whole(&chunks, &peer, &travels), Ok);
            let module = bytes.and_then(|bytes| {
                drop(chunks);
                guests.compiled(bytes, &travels)
            });
            // Nobody may be left who waits.
            _ = tell.send(module);
        });
        let panicked = || Refusal::new(RefusalKind::NotPermitted, "cannot spawn: the compiler panicked at this module");
        done.await.unwrap_or_else(|_| Err(panicked()))
    }

    /// Admits a peer's module under this node's rules, and compiles it.
    fn compiled(&self, bytes: Bytes, travels: &Travels) -> Result<Module, Refusal> {
        let caps = Caps::of_peers(self.arrivals.terms.module_bytes_max);
        let compiled = self.library.arrived(travels, bytes, &self.arrivals.terms.options, &caps);
        compiled.map_err(|why| {
            let message = format!("{} does not run this module: {why}", self.kernel.place());
            Refusal::new(RefusalKind::NotPermitted, message).with("module", travels.hash.to_string())
        })
    }
}

impl State {
    /// Keeps a module, in place of those that nobody has used for longest.
    fn keep(&mut self, hash: ModuleHash, module: Module, from: Place) {
        self.clock += 1;
        let arrival = Arrival { module, from, at: SystemTime::now(), used: self.clock };
        self.here.insert(hash, arrival);
        let bytes = |state: &State| state.here.values().map(|arrival| arrival.module.size()).sum::<usize>();
        while self.here.len() > MODULES_MAX || bytes(self) > BYTES_MAX {
            let unused = self.here.iter().filter(|(other, arrival)| **other != hash && !arrival.module.is_used());
            let Some(oldest) = unused.min_by_key(|(_, arrival)| arrival.used).map(|(hash, _)| *hash) else { return };
            self.here.remove(&oldest);
        }
    }
}
