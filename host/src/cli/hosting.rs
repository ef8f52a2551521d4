//! A node of the command line's: how it starts, is watched, and is shut down.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;

use super::control::server::Control;
use super::control::socket::Socket;
use super::events::Printer;
use super::exit::{Code, Failure};
use super::membership::{self, Member, Membership};
use super::remote_terms::RemoteTerms;
use super::signals::Signals;
use super::{Settings, grants, refused};
use crate::clock::Clock;
use crate::embed::{Node, StartError};
use crate::guest::library::{LoadError, Module};
use crate::load_options::LoadOptions;
use crate::remote_spawn::RemoteSpawn;

/// How the node is to be.
#[derive(Debug, Args)]
pub(super) struct Hosting {
    /// Threads that run actors [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Show on stderr what happens: who starts, how each ends, what is lost
    #[arg(long)]
    events: bool,

    /// Neither use nor keep compiled code
    #[arg(long)]
    no_cache: bool,

    #[command(flatten)]
    pub membership: Membership,

    #[command(flatten)]
    remote: RemoteTerms,
}

/// What the flags say of the node.
pub(super) struct Plan {
    member: Member,
    remote_spawn: RemoteSpawn,
}

/// A node that runs, and all that was started for it.
pub(super) struct Hosted {
    pub node: Node,
    /// One of a mesh can be looked at from outside.
    pub control: Option<Control>,
    printer: Option<Printer>,
}

/// How long a module may take to load before a spinner shows that something is going on.
const SPINNER_AFTER: Duration = Duration::from_millis(300);

/// How often the spinner turns.
const SPINNER_TICK: Duration = Duration::from_millis(100);

impl Hosting {
    /// Prints what there is to choose from, if that is asked for.
    pub(super) fn help(&self) -> Option<Result<Code, Failure>> {
        self.remote.help()
    }

    /// Reads the flags, and the cookie's file. Costs nothing, so it comes before what does.
    ///
    /// # Errors
    ///
    /// What of them is wrong.
    pub(super) fn plan(&self) -> Result<Plan, Failure> {
        let remote_spawn = self.remote.terms(self.membership.is_any())?;
        Ok(Plan { member: self.membership.mesh()?, remote_spawn })
    }

    /// Starts the node of what [`Hosting::plan`] has answered, for modules with these options, lets `work` use it, and
    /// shuts it down, whether that ends or somebody asks for the end, which `work` hears of. Who asks once more, or before
    /// it has started, ends it at once.
    ///
    /// # Errors
    ///
    /// Why it did not start, what `work` answers, or that it was interrupted.
    pub(super) fn host(
        &self,
        plan: Plan,
        options: &LoadOptions,
        settings: Settings,
        work: impl AsyncFnOnce(&Hosted, &mut Signals) -> Result<Code, Failure>,
    ) -> Result<Code, Failure> {
        if options.grants().needs_io() || plan.remote_spawn.options.grants().needs_io() {
            grants::raise_descriptors();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|why| Failure::new(Code::Failed, format!("cannot start: {why}")))?;
        runtime.block_on(self.while_hosted(plan, settings, work))
    }

    async fn while_hosted(
        &self,
        plan: Plan,
        settings: Settings,
        work: impl AsyncFnOnce(&Hosted, &mut Signals) -> Result<Code, Failure>,
    ) -> Result<Code, Failure> {
        let mut signals = Signals::listen()?;
        let hosted = tokio::select! {
            hosted = self.start(plan, settings) => hosted?,
            code = signals.next() => return Err(Failure::interrupted(code)),
        };
        let done = work(&hosted, &mut signals).await;
        tokio::select! {
            () = hosted.end(settings) => done,
            // Now it is at once.
            code = signals.next() => Err(Failure::interrupted(code)),
        }
    }

    /// Starts the node, and, if others may meet it, its control socket.
    ///
    /// # Errors
    ///
    /// If one of them does not start; the other is gone then too.
    async fn start(&self, plan: Plan, settings: Settings) -> Result<Hosted, Failure> {
        // Before the node, since it costs less and says more: who has the name, for instance.
        let is_known = self.membership.is_any() && plan.member.place.port() != 0;
        let socket = is_known.then(|| Socket::bind(&plan.member.place)).transpose()?;
        let node = self.start_node(plan).await?;
        let started = self.watch(&node, socket, settings);
        if started.is_err() {
            node.shutdown().await;
        }
        let (control, printer) = started?;
        Ok(Hosted { node, control, printer })
    }

    fn watch(
        &self,
        node: &Node,
        socket: Option<Socket>,
        settings: Settings,
    ) -> Result<(Option<Control>, Option<Printer>), Failure> {
        let socket = match socket {
            None if self.membership.is_any() => Some(Socket::bind(node.place())?),
            socket => socket,
        };
        let control = socket.map(|socket| Control::start(node, socket)).transpose()?;
        let printer = self.events.then(|| Printer::start(node, settings)).transpose()?;
        Ok((control, printer))
    }

    async fn start_node(&self, Plan { member, remote_spawn }: Plan) -> Result<Node, Failure> {
        let Member { mesh, name, .. } = member;
        let mut builder = Node::builder().remote_spawn(remote_spawn);
        if let Some(threads) = self.threads {
            builder = builder.threads(threads.get());
        }
        let cache = if self.no_cache { None } else { cache_folder() };
        let started = match cache {
            Some(folder) => match builder.clone().cache(folder).start(&mesh, &name).await {
                Err(StartError::Cache(why)) => {
                    tracing::warn!("{why}; going on without it, so every start compiles");
                    builder.start(&mesh, &name).await
                }
                started => started,
            },
            None => builder.start(&mesh, &name).await,
        };
        started.map_err(|why| match &why {
            StartError::Join(join) => membership::not_joined(join),
            _ => Failure::new(Code::Failed, why),
        })
    }
}

impl Hosted {
    /// Loads a module, with a spinner if stderr is a terminal and it takes long.
    pub(super) async fn load(
        &self,
        file: &Path,
        options: &LoadOptions,
        settings: Settings,
    ) -> Result<Module, LoadError> {
        let clock = Clock::real();
        let mut loading = pin!(self.node.load_with(file, options));
        if let Some(loaded) = clock.timeout(clock.deadline(SPINNER_AFTER), &mut loading).await {
            return self.offered(loaded);
        }
        let spinner = if settings.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        spinner.set_message(format!("compiling {}", file.display()));
        spinner.enable_steady_tick(SPINNER_TICK);
        let loaded = loading.await;
        spinner.finish_and_clear();
        self.offered(loaded)
    }

    fn offered(&self, loaded: Result<Module, LoadError>) -> Result<Module, LoadError> {
        loaded.inspect(|module| self.control.iter().for_each(|control| control.offer(module.clone())))
    }

    /// Shuts the node down. It can be looked at until all its actors have ended.
    async fn end(self, settings: Settings) {
        let Hosted { node, control, printer } = self;
        node.shutdown().await;
        drop(control);
        if !settings.quiet {
            refused::tell(&node.refused(), settings.format);
        }
        drop(node);
        if let Some(printer) = printer {
            printer.finish().await;
        }
    }
}

/// The folder for compiled code; none, with a warning, if the user has no place for caches.
fn cache_folder() -> Option<PathBuf> {
    let named = std::env::var_os("GREENROOM_CACHE").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = named.or_else(|| dirs::cache_dir().map(|folder| folder.join("greenroom")));
    if folder.is_none() {
        tracing::warn!("there is no folder for caches (HOME is not set); every start compiles");
    }
    folder
}
