//! Actors that call each other, and servers that tell what happens to them.

use greenroom_guest::*;
use std::time::Duration;

static NOW: Pattern = pattern!("now");

/// A sum, which tells somebody why it stops.
struct Sum {
    value: i64,
    tell: Address,
    ticks: u32,
}

impl Server for Sum {
    type Args = Address;

    fn start(tell: Address) -> Result<Self> {
        Ok(Sum { value: 0, tell, ticks: 0 })
    }

    fn handle(&mut self, method: &str, message: Json) -> Result<Json> {
        match method {
            "add" => self.value += message.as_i64().ok_or_else(|| Error::new("only integers can be added"))?,
            "fail" => return Err(Error::value(message)),
            "crash" => panic!("told to"),
            "blow" => return Ok("x".repeat(message.as_u64().unwrap_or(0) as usize).into()),
            "ask-further" => {
                let further: Address = serde_json::from_value(message)?;
                return further.call("no-such", &(), None);
            }
            "link" => serde_json::from_value::<Address>(message)?.link()?,
            _ => return Err(Error::invalid_method()),
        }
        Ok(self.value.into())
    }

    fn message(&mut self, message: Json) -> Result<()> {
        match message["ticks"].as_u64() {
            Some(ticks) => self.ticks = ticks as u32,
            None if message == "fail" => bail!("told to fail"),
            None => self.tell.send(&json!({"no-call": message}))?,
        }
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        (self.ticks > 0).then_some(Duration::from_millis(1))
    }

    fn timed_out(&mut self) -> Result<()> {
        self.ticks -= 1;
        self.value += 100;
        Ok(())
    }

    fn done(&mut self) -> Option<Json> {
        (self.value >= 300).then(|| self.value.into())
    }

    fn stop(&mut self, why: &Stop) {
        let why = match why {
            Stop::Done(_) => json!("done"),
            Stop::Shutdown(shutdown) => json!({"shutdown": shutdown.reason}),
            Stop::Parent(_) => json!("parent"),
            Stop::Failed(error) => json!({"failed": error.to_json()}),
            _ => json!("unknown"),
        };
        // Who should hear it may have ended: that is what some tests are about.
        _ = self.tell.send(&json!({"stopped": why}));
    }
}

/// Serves a [`Sum`].
#[actor]
fn sum(tell: Address) -> Result<Json> {
    serve::<Sum>(tell)
}

/// Starts a linked sum, tells who it is, and ends when it is told: well or by failing.
#[actor]
fn has_sum(tell: Address) -> Result<()> {
    // From its first moment: also if this one ends before the child has run at all.
    let child = sum::spawn_with(&Spawn::new().link().trap_exit(), tell.clone())?;
    tell.send(&child)?;
    match receive_any()? {
        Json::String(how) if how == "fail" => bail!("told to fail"),
        _ => Ok(()),
    }
}

/// Keeps the requests that it gets, and answers them when it is told, the last one first.
#[derive(Default)]
struct Holds(Vec<Request>);

impl Server for Holds {
    type Args = ();

    fn start((): ()) -> Result<Self> {
        Ok(Self::default())
    }

    fn request(&mut self, request: Request) -> Result<()> {
        self.0.push(request);
        Ok(())
    }

    fn message(&mut self, message: Json) -> Result<()> {
        for request in self.0.drain(..).rev() {
            let value = request.message().clone();
            request.respond(&value)?;
        }
        let from: Address = serde_json::from_value(message)?;
        from.send(&"answered")
    }
}

/// Serves [`Holds`].
#[actor]
fn holds_calls() -> Result<Json> {
    serve::<Holds>(())
}

/// What an answer is to a test: a value, or the kind of failure and what it carries.
fn told(answer: Result<Json>) -> Json {
    match answer {
        Ok(value) => json!({"answer": value}),
        Err(error) => json!({"kind": error.kind(), "error": error.to_json()}),
    }
}

/// Calls and returns what came of it. Without a time it waits for ever, so what is told in time is told at once.
#[actor]
fn calls(whom: Address, method: String, message: Json, timeout_ms: Option<u64>) -> Json {
    told(whom.call(&method, &message, timeout_ms.map(Duration::from_millis)))
}

/// Is answered late. Returns how the call went, and what is in the mailbox after the late answer.
#[actor]
fn hears_late() -> Result<Json> {
    let server = holds_calls::spawn()?;
    let call = told(server.call("m", &1, Duration::from_millis(1)));
    server.send(&curaddr())?;
    receive(&[&pattern!("answered")])?;
    let more = try_receive(&[])?.map(|(_, message)| message);
    Ok(json!({"kind": call["kind"], "more": more}))
}

/// Makes `n` calls at once that are answered in the reverse order. Returns the answers.
#[actor]
fn calls_at_once(n: u32) -> Result<Vec<Json>> {
    let server = holds_calls::spawn()?;
    let calls = (0..n).map(|number| server.call_start("m", &number)).collect::<Result<Vec<_>>>()?;
    server.send(&curaddr())?;
    wait_all(calls, None).into_iter().collect()
}

/// Gives `n` calls up, by dropping them and by their time. Returns what is in the mailbox when all are answered.
#[actor]
fn gives_up(n: u32) -> Result<Json> {
    let server = holds_calls::spawn()?;
    for number in 0..n {
        let call = server.call_start("m", &number)?;
        if number % 2 == 0 {
            _ = call.wait(Duration::ZERO);
        }
    }
    server.send(&curaddr())?;
    receive(&[&pattern!("answered")])?;
    server.kill()?;
    server.wait(None)?;
    Ok(try_receive(&[])?.map_or(Json::Null, |(_, message)| message))
}

/// Fills its own mailbox, and calls.
#[actor]
fn calls_when_full(whom: Address) -> Result<Json> {
    while curaddr().send(&"more").is_ok() {}
    Ok(told(whom.call("add", &1, None)))
}

/// Doubles, or fails for 13.
#[actor]
fn doubles(n: u32) -> Result<u32> {
    if n == 13 { bail!("not 13") } else { Ok(n * 2) }
}

/// Waits for the ends of actors that double, some of which have ended before.
#[actor]
fn waits_for_all(numbers: Vec<u32>) -> Result<Vec<Json>> {
    let workers = numbers.iter().map(|number| doubles::spawn(*number)).collect::<Result<Vec<_>>>()?;
    workers[0].wait(None)?;
    Ok(wait_all(&workers, None).into_iter().map(told).collect())
}

/// Waits for the ends of actors that the test has made.
#[actor]
fn waits_for_these(actors: Vec<Address>) -> Vec<Json> {
    wait_all(&actors, None).into_iter().map(told).collect()
}

/// Waits 1 ms for an actor that does not end.
#[actor]
fn waits_in_vain() -> Result<Vec<Json>> {
    let server = holds_calls::spawn()?;
    Ok(wait_all([&server], Duration::from_millis(1)).into_iter().map(told).collect())
}

/// Sends a message on to itself by way of JSON: what is binary stays binary.
#[actor]
fn sends_binary() -> Result<bool> {
    let sent = Binary((0..=255).collect());
    curaddr().send(&"no bytes")?;
    curaddr().send(&sent)?;
    let (_, by_pattern) = receive(&[&pattern!(binary)])?;
    curaddr().send(&by_pattern)?;
    Ok(receive_as::<Binary>()? == sent)
}

/// Waits for `"now"`, and then ends without having answered anybody.
#[actor]
fn never_answers() -> Result<()> {
    receive(&[&NOW])?;
    Ok(())
}

/// Makes `n` calls, one after the other, and gives up every other one. Returns how many it could make.
#[actor]
fn asks_often(whom: Address, n: u32) -> Result<u32> {
    for number in 0..n {
        let call = whom.call_start("add", &0)?;
        if number % 2 == 0 {
            call.wait(None)?;
        }
    }
    Ok(n)
}
