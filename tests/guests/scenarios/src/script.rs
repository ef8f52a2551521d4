//! An actor that takes its steps from the test, so that a test reads as what happens.

use crate::step::{Step, milliseconds};
use greenroom_guest::raw::{lifecycle, rights, timer};
use greenroom_guest::*;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

/// Does the steps and returns what each answered; a refusal is `{"refused": …}` and no end.
#[actor]
fn script(steps: Vec<Step>) -> Result<Box<RawValue>> {
    let mut played = Played::default();
    for step in steps {
        let answer = match step {
            Step::Return(value) => return Ok(value),
            Step::Fail(value) => return Err(Error::value(value)),
            step => played.play(step).or_else(|refusal| told(&refusal))?,
        };
        played.answers.push(answer);
    }
    Ok(to_raw_value(&played.answers)?)
}

/// One step at a time, with the number it is answered under.
#[derive(Deserialize)]
struct Order {
    order: (u64, Step),
}

/// Does the step of each `{"order": [NUMBER, STEP]}` and sends `tell` `[NUMBER, ANSWER]`. Other messages wait until a step
/// takes them.
#[actor]
fn obeys(tell: Address) -> Result<Box<RawValue>> {
    let mut played = Played::default();
    loop {
        let received = receive_raw(&[&pattern!({"order": any})], None)?;
        let Order { order: (number, step) } =
            received.ok_or_else(|| Error::new("no order without a timeout"))?.read()?;
        let answer = match step {
            Step::Return(value) => return Ok(value),
            Step::Fail(value) => return Err(Error::value(value)),
            step => played.play(step).or_else(|refusal| told(&refusal))?,
        };
        tell.send(&(number, answer))?;
    }
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

/// A refusal with all that the node said, its type under `refused`.
fn told(refusal: &Error) -> Result<Box<RawValue>> {
    let answer = match refusal.to_json() {
        Json::Object(mut said) => {
            let kind = said.remove("type");
            said.insert("refused".into(), kind.unwrap_or_else(|| refusal.kind().into()));
            Json::Object(said)
        }
        _ => json!({"refused": refusal.kind(), "message": refusal.message()}),
    };
    Ok(to_raw_value(&answer)?)
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
            Step::Report(to) => json!(self.who(&to)?.send(&self.answers)?),
            Step::Spawn(entry, args) => json!(spawn(&entry, &args)?.as_str()),
            Step::SpawnWith(entry, args, options) => {
                let spawn = options.into_iter().fold(Spawn::new(), |spawn, (key, value)| spawn.option(&key, value));
                json!(spawn.start(&entry, &args)?.as_str())
            }
            Step::Curaddr => json!(curaddr().as_str()),
            Step::Parent => json!(parent().map(|parent| parent.to_string())),
            Step::OwnModule => json!(own_module()),

            Step::Wait(whom, timeout) => json!(self.wait(&whom, timeout)?),
            Step::Kill(whom) => json!(self.who(&whom)?.kill()?),
            Step::Exit(whom, reason) => json!(self.who(&whom)?.exit(&reason)?),
            Step::Link(whom) => json!(self.who(&whom)?.link()?),
            Step::Unlink(whom) => json!(self.who(&whom)?.unlink()?),
            Step::Monitor(whom) => json!(self.who(&whom)?.monitor()?.reference()),
            Step::Demonitor(reference) => json!(refused(lifecycle::demonitor(&self.text(&reference)?))?),
            Step::TrapExit(on) => json!(trap_exit(on)?),

            Step::Register(name) => json!(register(&name)?),
            Step::Unregister(name) => json!(unregister(&name)?),
            Step::Whereis(name) => json!(whereis(&name)?.as_str()),
            Step::Nodes => json!(nodes()?),
            Step::MonitorNodes(on) => json!(monitor_nodes(on)?),

            Step::Join(group) => json!(join(&group)?),
            Step::Leave(group) => json!(leave(&group)?),
            Step::Members(group) => json!(texts(&members(&group)?)),
            Step::LocalMembers(group) => json!(texts(&local_members(&group)?)),
            Step::Broadcast(group, message) => json!(broadcast(&group, &message)?),

            Step::SendAfter(message, delay) => json!(refused(timer::send_after(message.get(), delay))?),
            Step::Cancel(reference) => json!(refused(timer::cancel(&self.text(&reference)?))?),
            Step::Monotonic => json!(clock::monotonic().as_secs_f64() * 1000.0),
            Step::Sleep(timeout) => json!(std::thread::sleep(milliseconds(timeout))),

            Step::Narrow(whom, options) => json!(refused(rights::narrow(self.who(&whom)?.as_str(), options.get()))?),
            Step::Revoke(whom) => json!(self.who(&whom)?.revoke()?),
            Step::Via => json!(received_via().map(|via| via.to_string())),

            Step::Print(line) => json!(println!("{line}")),
            Step::Eprint(line) => json!(eprintln!("{line}")),
            Step::Warn(line) => json!(log::line(log::Level::Warn, &line)),

            Step::Trap => std::process::abort(),
            Step::Return(_) | Step::Fail(_) => unreachable!("`script` does these two itself"),
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

    /// `me`, `parent`, `told`, the number of the step that answered the address or received it, `NAME@` for a name on this
    /// node, or an address.
    fn who(&self, name: &str) -> Result<Address> {
        let address = match name {
            "me" => Some(curaddr()),
            "parent" => parent(),
            "told" => self.told.clone(),
            _ => Some(self.text(name)?.parse()?),
        };
        address.ok_or_else(|| Error::new(format!("there is no {name}")))
    }

    /// A text, or the one that the step of that number answered.
    fn text(&self, name: &str) -> Result<String> {
        if let Some(name) = name.strip_suffix('@') {
            let me = curaddr();
            let (_, node) = me.as_str().split_once('@').expect("an address has a node");
            return Ok(format!("{name}@{node}"));
        }
        let Ok(step) = name.parse::<usize>() else { return Ok(name.to_owned()) };
        let answer: Json = serde_json::from_str(self.answers[step].get())?;
        let text = answer.as_str().or(answer["message"]["$address"].as_str());
        text.map(ToOwned::to_owned).ok_or_else(|| Error::new(format!("step {step} answered no text: {answer}")))
    }
}

fn texts(addresses: &[Address]) -> Vec<&str> {
    addresses.iter().map(Address::as_str).collect()
}

/// What the contract's own function answered, as the crate's functions answer it.
fn refused<T>(answer: Result<T, String>) -> Result<T> {
    answer.map_err(|refusal| Error::value(serde_json::from_str(&refusal).unwrap_or(Json::String(refusal))))
}
