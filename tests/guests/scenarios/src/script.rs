//! An actor that takes its steps from the test, so that a test reads as what happens.

use greenroom_guest::*;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::time::Duration;

/// One thing to do. In JSON: `{"send": ["me", 1]}`, `"curaddr"`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    /// Patterns, and milliseconds or null. Answers null or `{"pattern", "from_host", "message"}`.
    Receive(Vec<Box<RawValue>>, Option<u32>),
    Send(String, Box<RawValue>),
    /// To whom, what, milliseconds.
    SendWait(String, Box<RawValue>, u32),
    /// Sends somebody another one's address.
    Tell(String, String),
    /// Whom, milliseconds or null. Answers null or the outcome.
    Wait(String, Option<u32>),
    /// Entry and arguments. Answers the address.
    Spawn(String, Box<RawValue>),
    /// Entry, arguments, options.
    SpawnWith(String, Box<RawValue>, serde_json::Map<String, Json>),
    Curaddr,
    Parent,
    OwnModule,
    Monotonic,
    /// By std's means, milliseconds.
    Sleep(u64),
    Print(String),
    Eprint(String),
    Warn(String),
}

/// Does the steps and returns what each answered; a refusal is `{"refused": …}` and no end.
#[actor]
fn script(steps: Vec<Step>) -> Result<Vec<Box<RawValue>>> {
    let mut played = Played::default();
    for step in steps {
        let answer = match played.play(step) {
            Ok(answer) => answer,
            Err(refusal) => to_raw_value(&json!({"refused": refusal.kind(), "message": refusal.message()}))?,
        };
        played.answers.push(answer);
    }
    Ok(played.answers)
}

/// Returns the oldest message as it is.
#[actor]
fn takes_one() -> Result<Box<RawValue>> {
    let received = receive_raw(&[], None)?.ok_or_else(|| Error::new("no message without a timeout"))?;
    received.read()
}

/// Returns its argument as it is.
#[actor]
fn returns(value: Box<RawValue>) -> Box<RawValue> {
    value
}

#[derive(Default)]
struct Played {
    answers: Vec<Box<RawValue>>,
    /// The address in the last message that was one.
    told: Option<Address>,
}

impl Played {
    fn play(&mut self, step: Step) -> Result<Box<RawValue>> {
        let answer = match step {
            Step::Receive(patterns, timeout) => self.receive(&patterns, timeout)?,
            Step::Send(to, message) => json!(self.who(&to)?.send(&message)?),
            Step::SendWait(to, message, timeout) => json!(self.who(&to)?.send_wait(&message, milliseconds(timeout))?),
            Step::Tell(to, whom) => json!(self.who(&to)?.send(&self.who(&whom)?)?),
            Step::Wait(whom, timeout) => json!(self.wait(&whom, timeout)?),
            Step::Spawn(entry, args) => json!(spawn(&entry, &args)?.as_str()),
            Step::SpawnWith(entry, args, options) => {
                let spawn = options.into_iter().fold(Spawn::new(), |spawn, (key, value)| spawn.option(&key, value));
                json!(spawn.start(&entry, &args)?.as_str())
            }
            Step::Curaddr => json!(curaddr().as_str()),
            Step::Parent => json!(parent().map(|parent| parent.to_string())),
            Step::OwnModule => json!(own_module()),
            Step::Monotonic => json!(clock::monotonic().as_secs_f64() * 1000.0),
            Step::Sleep(timeout) => json!(std::thread::sleep(Duration::from_millis(timeout))),
            Step::Print(line) => json!(println!("{line}")),
            Step::Eprint(line) => json!(eprintln!("{line}")),
            Step::Warn(line) => json!(log::line(log::Level::Warn, &line)),
        };
        Ok(to_raw_value(&answer)?)
    }

    fn receive(&mut self, patterns: &[Box<RawValue>], timeout: Option<u32>) -> Result<Json> {
        let patterns: Vec<Pattern> = patterns.iter().map(|pattern| Pattern::new(pattern.get().to_owned())).collect();
        let patterns: Vec<&Pattern> = patterns.iter().collect();
        let Some(received) = receive_raw(&patterns, timeout.map(milliseconds))? else { return Ok(Json::Null) };
        self.told = received.read().ok().or(self.told.take());
        let message: Json = received.read()?;
        Ok(json!({"pattern": received.pattern(), "from_host": received.from_host(), "message": message}))
    }

    fn wait(&self, whom: &str, timeout: Option<u32>) -> Result<Json> {
        Ok(match self.who(whom)?.wait(timeout.map(milliseconds))? {
            None => Json::Null,
            Some(Outcome::Exit(value)) => json!({"exit": value}),
            Some(Outcome::Exception(exception)) => json!({"exception": exception.as_json()}),
        })
    }

    /// `me`, `parent`, `told`, the number of the step that answered the address, or an address.
    fn who(&self, name: &str) -> Result<Address> {
        let address = match name {
            "me" => Some(curaddr()),
            "parent" => parent(),
            "told" => self.told.clone(),
            _ => match name.parse::<usize>() {
                Ok(step) => Some(serde_json::from_str::<&str>(self.answers[step].get())?.parse()?),
                Err(_) => Some(name.parse()?),
            },
        };
        address.ok_or_else(|| Error::new(format!("there is no {name}")))
    }
}

fn milliseconds(count: u32) -> Duration {
    Duration::from_millis(count.into())
}
