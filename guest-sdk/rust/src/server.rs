//! An actor that others call, as a type with a method for each thing that can happen to it.

use crate::typed::patterns_of;
use crate::{Address, Ended, Error, HostMessage, Json, NodeDown, NodeUp, Outcome, Pattern, Request, Result, Shutdown};
use crate::{parent, pattern, receive_raw, trap_exit};
use core::time::Duration;

/// An actor that others [call](Address::call): a state, and what it does with each thing that comes.
///
/// ```no_run
/// use greenroom_guest::*;
///
/// struct Counter(i64);
///
/// impl Server for Counter {
///     type Args = i64;
///
///     fn start(first: i64) -> Result<Self> {
///         Ok(Counter(first))
///     }
///
///     fn handle(&mut self, method: &str, message: Json) -> Result<Json> {
///         match method {
///             "add" => self.0 += message.as_i64().ok_or_else(|| Error::new("`add` takes an integer"))?,
///             "get" => {}
///             _ => return Err(Error::invalid_method()),
///         }
///         Ok(self.0.into())
///     }
/// }
///
/// /// Counts from `first` on.
/// #[actor]
/// fn counter(first: i64) -> Result<Json> {
///     serve::<Counter>(first)
/// }
/// # #[actor]
/// # fn example() -> Result<()> {
/// # let counter = counter::spawn(40)?;
/// # assert_eq!(counter.call("add", &2, None)?, 42);
/// # assert_eq!(counter.call("add", "a", None).unwrap_err().kind(), "exception");
/// # assert_eq!(counter.call("get", &(), None)?, 42);
/// # Ok(()) }
/// ```
///
/// What a method returns as its error is told to the caller, and the server lives on. A panic ends it, and each caller hears
/// of that at once. An error of another function here ends the server with that error; [`stop`](Self::stop) runs
/// before.
pub trait Server: Sized {
    /// What it starts with.
    type Args;

    /// Makes the state. The server answers nobody before it has returned.
    ///
    /// # Errors
    ///
    /// The server ends with them; `stop` does not run.
    fn start(args: Self::Args) -> Result<Self>;

    /// Does what a caller asks, and answers.
    ///
    /// # Errors
    ///
    /// They are the caller's; [`Error::invalid_method`] says that there is no such method, which is all that a server
    /// without this function says.
    fn handle(&mut self, method: &str, message: Json) -> Result<Json> {
        _ = (method, message);
        Err(Error::invalid_method())
    }

    /// Takes a call. Answers at once, by [`handle`](Self::handle); a server that answers later keeps the request.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// /// Answers all who have asked when somebody opens.
    /// #[derive(Default)]
    /// struct Gate(Vec<Request>);
    ///
    /// impl Server for Gate {
    ///     type Args = ();
    ///
    ///     fn start(_: ()) -> Result<Self> {
    ///         Ok(Gate::default())
    ///     }
    ///
    ///     fn request(&mut self, request: Request) -> Result<()> {
    ///         self.0.push(request);
    ///         Ok(())
    ///     }
    ///
    ///     fn message(&mut self, message: Json) -> Result<()> {
    ///         self.0.drain(..).try_for_each(|request| request.respond(&message))
    ///     }
    /// }
    /// # #[actor]
    /// # fn gate() -> Result<Json> { serve::<Gate>(()) }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # let gate = gate::spawn()?;
    /// # let calls = [gate.call_start("enter", &())?, gate.call_start("enter", &())?];
    /// # gate.send("open")?;
    /// # assert!(wait_all(calls, None).iter().all(|answer| *answer.as_ref().unwrap() == "open"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// They end the server.
    fn request(&mut self, mut request: Request) -> Result<()> {
        let message = request.take_message();
        let outcome = self.handle(request.method(), message);
        request.answer(outcome);
        Ok(())
    }

    /// Takes a message that is no call: one from an actor, or of a timer. Ignores it, if not written.
    ///
    /// # Errors
    ///
    /// They end the server.
    fn message(&mut self, message: Json) -> Result<()> {
        _ = message;
        Ok(())
    }

    /// Hears that a monitored or linked actor has ended; not the parent, with whom the server ends. If not written, a linked
    /// one that failed takes the server along, as if it did not trap exits.
    ///
    /// # Errors
    ///
    /// They end the server.
    fn ended(&mut self, ended: Ended) -> Result<()> {
        match ended {
            Ended { monitor: None, outcome: outcome @ Outcome::Exception(_), .. } => outcome.into_value().map(drop),
            _ => Ok(()),
        }
    }

    /// Hears that another node can be reached from now on, if the server [monitors nodes](crate::monitor_nodes).
    ///
    /// # Errors
    ///
    /// They end the server.
    fn node_up(&mut self, up: NodeUp) -> Result<()> {
        _ = up;
        Ok(())
    }

    /// Hears that another node cannot be reached any more, if the server [monitors nodes](crate::monitor_nodes).
    ///
    /// # Errors
    ///
    /// They end the server.
    fn node_down(&mut self, down: NodeDown) -> Result<()> {
        _ = down;
        Ok(())
    }

    /// How long to wait for whatever is next, before [`timed_out`](Self::timed_out). Asked before each wait; without it a
    /// server waits for ever.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// # use std::time::Duration;
    /// /// Counts how often it was left alone, and after the third time has enough.
    /// struct Bored(u32);
    ///
    /// impl Server for Bored {
    ///     type Args = ();
    ///
    ///     fn start(_: ()) -> Result<Self> {
    ///         Ok(Bored(0))
    ///     }
    ///
    ///     fn timeout(&self) -> Option<Duration> {
    ///         Some(Duration::from_millis(10))
    ///     }
    ///
    ///     fn timed_out(&mut self) -> Result<()> {
    ///         self.0 += 1;
    ///         Ok(())
    ///     }
    ///
    ///     fn done(&mut self) -> Option<Json> {
    ///         (self.0 == 3).then(|| json!("good-bye"))
    ///     }
    /// }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # assert_eq!(serve::<Bored>(())?, "good-bye");
    /// # Ok(()) }
    /// ```
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// Does what is to be done when nothing came for that long.
    ///
    /// # Errors
    ///
    /// They end the server.
    fn timed_out(&mut self) -> Result<()> {
        Ok(())
    }

    /// The value to end with, once there is nothing more to do. Asked before each wait.
    fn done(&mut self) -> Option<Json> {
        None
    }

    /// Tidies up: the last that runs, whatever the server ends by, except for a panic, a kill and a limit.
    ///
    /// ```no_run
    /// # use greenroom_guest::*;
    /// /// Tells somebody when it ends.
    /// struct Polite(Address);
    ///
    /// impl Server for Polite {
    ///     type Args = Address;
    ///
    ///     fn start(whom: Address) -> Result<Self> {
    ///         Ok(Polite(whom))
    ///     }
    ///
    ///     fn stop(&mut self, why: &Stop) {
    ///         let word = if matches!(why, Stop::Shutdown(_)) { "as you wish" } else { "good-bye" };
    ///         _ = self.0.send(word);
    ///     }
    /// }
    /// # #[actor]
    /// # fn polite(whom: Address) -> Result<Json> { serve::<Polite>(whom) }
    /// # #[actor]
    /// # fn example() -> Result<()> {
    /// # polite::spawn_with(&Spawn::new().trap_exit(), curaddr())?.exit("enough")?;
    /// # assert_eq!(receive_any()?, "as you wish");
    /// # Ok(()) }
    /// ```
    fn stop(&mut self, why: &Stop) {
        _ = why;
    }
}

/// Why a [`Server`] ends.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stop {
    /// It is [done](Server::done): it ends with this value.
    Done(Json),
    /// An ancestor or the operator asked it to: it ends with null.
    Shutdown(Shutdown),
    /// Its parent ended, with which it is linked: it ends with null if the parent ended well, else with its exception.
    Parent(Outcome),
    /// A function of it failed: it ends with this error.
    Failed(Error),
}

/// Runs a [`Server`] to its end: the whole life of an actor.
///
/// The actor [traps exits](trap_exit) from now on. Until now an end that it is told of found it as it was spawned; with
/// `Spawn::new().link().trap_exit()` it misses none, not even that of a parent that ends at once.
///
/// # Errors
///
/// What the server failed with; or the exception of its parent, if it is linked and the parent failed.
pub fn serve<S: Server>(args: S::Args) -> Result<Json> {
    trap_exit(true)?;
    let parent = parent();
    let mut server = S::start(args)?;
    let why = live(&mut server, parent.as_ref());
    server.stop(&why);
    match why {
        Stop::Done(value) => Ok(value),
        Stop::Shutdown(_) | Stop::Parent(Outcome::Exit(_)) => Ok(Json::Null),
        Stop::Parent(failed) => failed.into_value(),
        Stop::Failed(error) => Err(error),
    }
}

static HOST: Pattern = pattern!(host(any));
static ANY: Pattern = pattern!(any);

/// One thing that comes to a server.
enum Event {
    Host(HostMessage),
    Request(Request),
    Message(Json),
    TimedOut,
}

fn live<S: Server>(server: &mut S, parent: Option<&Address>) -> Stop {
    loop {
        if let Some(value) = server.done() {
            return Stop::Done(value);
        }
        let done = match next(server.timeout()) {
            Ok(Event::Host(HostMessage::Shutdown(shutdown))) => return Stop::Shutdown(shutdown),
            Ok(Event::Host(HostMessage::Ended(ended))) if ended.monitor.is_none() && Some(&ended.address) == parent => {
                return Stop::Parent(ended.outcome);
            }
            Ok(Event::Host(HostMessage::Ended(ended))) => server.ended(ended),
            Ok(Event::Host(HostMessage::NodeUp(up))) => server.node_up(up),
            Ok(Event::Host(HostMessage::NodeDown(down))) => server.node_down(down),
            Ok(Event::Host(HostMessage::Other(_))) => Ok(()),
            Ok(Event::Request(request)) => server.request(request),
            Ok(Event::Message(message)) => server.message(message),
            Ok(Event::TimedOut) => server.timed_out(),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            return Stop::Failed(error);
        }
    }
}

/// Waits for what is next. What has the shape of a request but cannot be read as one is a message like any other.
fn next(timeout: Option<Duration>) -> Result<Event> {
    let [request] = patterns_of::<Request>() else { unreachable!("a request has one shape") };
    let Some(received) = receive_raw(&[&HOST, request, &ANY], timeout)? else { return Ok(Event::TimedOut) };
    Ok(match received.pattern() {
        0 => Event::Host(received.read()?),
        1 => match received.read() {
            Ok(request) => Event::Request(request),
            Err(_) => Event::Message(received.read()?),
        },
        _ => Event::Message(received.read()?),
    })
}
