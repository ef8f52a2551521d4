//! The two ways to ask the program to end: Ctrl-C and SIGTERM.

use std::io;
use std::process;
use std::sync::LazyLock;
use std::thread;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast;

use super::exit::{Code, Failure};

/// What was asked since this listener began.
pub(super) struct Signals(broadcast::Receiver<Code>);

/// Requests that wait for a listener which is busy. The second is the last that changes anything.
const WAITING_MAX: usize = 2;

/// Where requests are sent. Once caught, a signal stays caught: the system no longer ends the program by itself, not
/// even when nobody listens any more. So there is one for the whole program, and it knows what to do then.
static REQUESTS: LazyLock<io::Result<broadcast::Sender<Code>>> = LazyLock::new(watch);

impl Signals {
    /// Listens until dropped. While nobody does, a signal ends the program at once.
    ///
    /// # Errors
    ///
    /// If the system does not let signals be caught.
    pub(super) fn listen() -> Result<Signals, Failure> {
        match &*REQUESTS {
            Ok(requests) => Ok(Signals(requests.subscribe())),
            Err(why) => Err(Failure::new(Code::Failed, format!("cannot await signals: {why}"))),
        }
    }

    /// Waits for the next request. Cancel-safe.
    pub(super) async fn next(&mut self) -> Code {
        loop {
            match self.0.recv().await {
                Ok(code) => return code,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => unreachable!("the sender is never dropped"),
            }
        }
    }
}

/// Catches the signals, from now on, on a thread of its own: what listens may be busy with a build.
fn watch() -> io::Result<broadcast::Sender<Code>> {
    let (requests, _) = broadcast::channel(WAITING_MAX);
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let inside = runtime.enter();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    drop(inside);
    let sender = requests.clone();
    let mut next = async move || loop {
        let code = tokio::select! {
            _ = interrupt.recv() => Code::Interrupted,
            _ = terminate.recv() => Code::Terminated,
        };
        if sender.send(code).is_err() {
            process::exit(code as i32);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(next()))?;
    Ok(requests)
}
