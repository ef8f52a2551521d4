//! The control socket of a running node: who asks, and for how long.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustix::process::geteuid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use super::super::exit::{Code, Failure};
use super::act::Operator;
use super::socket::Socket;
use super::{ANSWER_BYTES_MAX, Answer, LINE_TIMEOUT, REQUEST_BYTES_MAX, Request, line, read};
use crate::clock::Clock;
use crate::embed::Node;
use crate::guest::library::Module;
use crate::refusal::{Refusal, RefusalKind};

/// A node's control socket, on a thread of its own, so that no actor and no signal waits for who asks. Dropped, nobody is
/// answered any more and the socket is gone.
pub(in crate::cli) struct Control {
    operator: Operator,
    socket: Option<Socket>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How many are answered at once; one that waits for a call's answer counts.
const CLIENTS_MAX: usize = 32;

impl Control {
    /// Serves a node's socket from now on.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(in crate::cli) fn start(node: &Node, mut socket: Socket) -> Result<Control, Failure> {
        let failure =
            |why: io::Error| Failure::new(Code::Failed, format!("cannot listen to the control socket: {why}"));
        let listener = socket.listener();
        listener.set_nonblocking(true).map_err(failure)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failure)?;
        let inside = runtime.enter();
        let listener = UnixListener::from_std(listener).map_err(failure)?;
        drop(inside);
        let operator = Operator::of(node.clone());
        let (stop, stopped) = oneshot::channel();
        let serving = serve(listener, operator.clone());
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    // Dropped counts as told.
                    _ = stopped => {}
                    () = serving => {}
                }
            });
        };
        let thread = thread::Builder::new().name("control".into()).spawn(work).map_err(failure)?;
        Ok(Control { operator, socket: Some(socket), stop: Some(stop), thread: Some(thread) })
    }

    /// Actors of this module may be spawned from outside.
    pub(in crate::cli) fn offer(&self, module: Module) {
        self.operator.offer(module);
    }

    pub(in crate::cli) fn path(&self) -> &Path {
        self.socket.as_ref().expect("it is there until the drop").path()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        drop(self.socket.take());
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // If it has panicked, that was said.
            _ = thread.join();
        }
    }
}

async fn serve(listener: UnixListener, operator: Operator) {
    let (places, clock) = (Arc::new(Semaphore::new(CLIENTS_MAX)), Clock::real());
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(why) => {
                // Too many open files, for instance: that may pass, and must not be tried without a pause.
                tracing::warn!("cannot accept on the control socket: {why}");
                clock.sleep_until(clock.deadline(LINE_TIMEOUT)).await;
                continue;
            }
        };
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == geteuid().as_raw()) {
            continue;
        }
        match places.clone().try_acquire_owned() {
            Ok(place) => {
                let (operator, clock) = (operator.clone(), clock.clone());
                clients.spawn(async move {
                    // Who does not talk, or does not listen, is let go.
                    _ = converse(stream, operator, &clock).await;
                    drop(place);
                });
            }
            Err(_) => {
                let message = format!("the node answers {CLIENTS_MAX} at once, and as many are waiting");
                let busy = Refusal::at_limit("clients", CLIENTS_MAX, message);
                // Into a socket that nothing was written to yet: it has room.
                _ = stream.try_write(line(&answer(Err(Failure::commanded(busy)))).as_bytes());
            }
        }
    }
}

/// One request, one answer. An error: there is nobody to answer to.
async fn converse(stream: UnixStream, operator: Operator, clock: &Clock) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    let mut request = Vec::new();
    let mut bounded = (&mut reading).take(REQUEST_BYTES_MAX);
    let read = clock.timeout(clock.deadline(LINE_TIMEOUT), bounded.read_until(b'\n', &mut request)).await;
    read.ok_or_else(late)??;
    let done = tokio::select! {
        done = act(&request, &operator) => done,
        // Who asked has gone: a call is given up, and its place is free.
        () = gone(&mut reading) => return Ok(()),
    };
    let answer = line(&answer(done));
    clock.timeout(clock.deadline(LINE_TIMEOUT), writing.write_all(answer.as_bytes())).await.ok_or_else(late)?
}

async fn act(request: &[u8], operator: &Operator) -> Result<String, Failure> {
    let too_long = || {
        let message = format!("a request has at most {REQUEST_BYTES_MAX} bytes, and ends with its line");
        Failure::commanded(Refusal::new(RefusalKind::TooLarge, message))
    };
    let request = request.strip_suffix(b"\n").ok_or_else(too_long)?;
    let request =
        str::from_utf8(request).map_err(|why| Failure::new(Code::Usage, format!("a request is text: {why}")))?;
    let request: Request = read(request, "who asks")?;
    let done = operator.does(request).await?;
    if done.len() as u64 + 1024 > ANSWER_BYTES_MAX {
        let message = format!("the answer has {} bytes, which is too much for the control socket", done.len());
        return Err(Failure::commanded(Refusal::new(RefusalKind::TooLarge, message)));
    }
    Ok(done)
}

/// Ends when the other side has closed. What it still says is not read by anybody.
async fn gone(reading: &mut (impl AsyncReadExt + Unpin)) {
    let mut unread = [0; 512];
    while reading.read(&mut unread).await.is_ok_and(|bytes| bytes > 0) {}
}

fn answer(done: Result<String, Failure>) -> Answer {
    let result = done.and_then(|result| {
        let bad = |why| Failure::new(Code::Failed, format!("the node made no JSON: {why}"));
        serde_json::value::RawValue::from_string(result).map_err(bad)
    });
    match result {
        Ok(result) => Answer::Result(result),
        Err(failure) => Answer::Failure(failure.code as u8, failure.details()),
    }
}
