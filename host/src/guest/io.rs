//! What files and sockets need of the host: a reactor, some threads that may block, and a bound on what is open.
//!
//! A guest's calls run on the node's workers, which nothing may block. What would block there (the file system, the
//! system's resolver) is done on threads of a tokio runtime; so is what waits for sockets.

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio::sync::{Semaphore, oneshot};

/// Threads that may block at once, waiting for a disk or a name server. One that is stuck holds up no actor but its own.
const BLOCKING_THREADS_MAX: usize = 32;

/// How long an idle one of them is kept, in effect for ever: with none left, and no room for a new one, the runtime panics.
const KEPT: Duration = Duration::from_secs(u32::MAX as u64);

/// Names that the node asks its resolver for at once: fewer than threads, so that files go on.
const LOOKUPS_MAX: usize = 16;

/// Descriptors of the process's limit that guests leave to everything else.
const DESCRIPTORS_LEFT: u64 = 64;

/// Threads for files and sockets. They end when this is dropped; nobody waits for them.
pub(super) struct Io {
    handle: Handle,
    lookups: Arc<Semaphore>,
    /// To see which descriptor would come next.
    probe: File,
    /// Dropped with this, which tells the runtime's thread to end.
    _stop: oneshot::Sender<()>,
}

impl Io {
    pub(super) fn start() -> io::Result<Io> {
        let mut builder = Builder::new_current_thread();
        builder.enable_io().thread_name("greenroom-io").thread_keep_alive(KEPT);
        let runtime = builder.max_blocking_threads(BLOCKING_THREADS_MAX).build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let (tell, ready) = mpsc::channel();
        thread::Builder::new().name("greenroom-io".into()).spawn(move || {
            runtime.block_on(async {
                // The first thread that may block, made where nobody is harmed if the system has none.
                _ = tell.send(tokio::task::spawn_blocking(|| ()).await);
                _ = stopped.await;
            });
            runtime.shutdown_background();
        })?;
        ready.recv().map_err(io::Error::other)?.map_err(io::Error::other)?;
        let lookups = Arc::new(Semaphore::new(LOOKUPS_MAX));
        Ok(Io { handle, lookups, probe: File::open("/")?, _stop: stop })
    }

    /// What is polled until this is dropped finds this runtime as the current one.
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Whether guests may open one more file or socket: the system gives the lowest descriptor that is free, so the next
    /// one tells how many are open.
    pub(super) fn has_room(&self) -> bool {
        let Ok(next) = self.probe.try_clone() else { return false };
        let max = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        u64::try_from(next.as_raw_fd()).is_ok_and(|next| next < max.saturating_sub(DESCRIPTORS_LEFT))
    }

    /// Asks the system's resolver, when it is this one's turn. `permit` is held until that has answered, though nobody may
    /// wait for it any more.
    pub(super) fn look_up<P: Send + 'static>(
        &self,
        name: String,
        permit: P,
    ) -> impl Future<Output = io::Result<Vec<std::net::IpAddr>>> + Send + 'static {
        let lookups = self.lookups.clone();
        async move {
            let turn = lookups.acquire_owned().await.expect("nobody closes the semaphore");
            let asked = tokio::task::spawn_blocking(move || {
                let _held = (turn, permit);
                let found = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), 0))?;
                Ok(found.map(|address| address.ip().to_canonical()).collect())
            });
            asked.await.map_err(io::Error::other)?
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_what_blocks_elsewhere_and_ends_when_it_is_dropped() {
        let io = Io::start().expect("it starts");
        let threads = |handle: &Handle| handle.spawn_blocking(|| thread::current().name().map(str::to_owned));
        let (handle, asked) = (io.handle.clone(), threads(&io.handle));
        let name = futures(asked).expect("it is done");
        assert_eq!(name.as_deref(), Some("greenroom-io"));
        assert!(io.has_room());
        drop(io);
        // What comes after the end is never done, and nothing panics.
        let patience = std::time::Instant::now() + Duration::from_secs(30);
        while futures(threads(&handle)).is_ok() {
            assert!(std::time::Instant::now() < patience, "it goes on");
        }
    }

    fn futures<T>(asked: tokio::task::JoinHandle<T>) -> Result<T, tokio::task::JoinError> {
        Builder::new_current_thread().build().expect("a runtime").block_on(asked)
    }
}
