//! The actors that play what the model thinks: orders go to them one at a time, and what they say is compared.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use greenroom::{Address, Event, Events, ExceptionKind, Outcome, Refusal};
use serde_json::{Value, json};

use super::player;
use super::promise::{End, News, Options, Refused, World};
use crate::stage::Stage;

/// How long an answer may take, in real time. Short, since a failure is played again for each smaller sequence.
const PATIENCE: Duration = Duration::from_secs(20);

/// Actors of one sequence, by the model's numbers. They are killed with it.
pub struct Cast<'a> {
    stage: &'a Stage,
    events: Events,
    /// Who has ended, by address.
    ended: BTreeMap<String, End>,
    tell: Address,
    told: mpsc::Receiver<Value>,
    orders: u64,
    players: Vec<Player>,
}

struct Player {
    address: Address,
    native: bool,
    /// The references of its monitors, by the model's numbers.
    references: Vec<String>,
    read: Vec<News>,
}

impl<'a> Cast<'a> {
    pub fn new(stage: &'a Stage) -> Cast<'a> {
        let (tell, told) = player::listener(&stage.node);
        let (events, ended) = (stage.node.events(), BTreeMap::new());
        Cast { stage, events, ended, tell, told, orders: 0, players: Vec::new() }
    }

    pub fn is_native(&self, actor: usize) -> bool {
        self.players[actor].native
    }

    pub fn text(&self, actor: usize) -> String {
        self.players[actor].address.to_string()
    }

    pub fn address(&self, actor: usize) -> &Address {
        &self.players[actor].address
    }

    pub fn reference(&self, actor: usize, monitor: usize) -> &str {
        &self.players[actor].references[monitor]
    }

    pub fn made_monitor(&mut self, actor: usize, reference: &Value) {
        self.players[actor].references.push(reference.as_str().expect("a reference").to_owned());
    }

    /// Orders a step. Answers the number that its answer has.
    pub fn order(&mut self, actor: usize, step: Value) -> u64 {
        self.orders += 1;
        self.stage.send(&self.players[actor].address, json!({"order": [self.orders, step]}));
        self.orders
    }

    /// What the order of that number was answered. Answers of those that ended upon theirs are passed over.
    pub fn answer(&self, order: u64) -> Value {
        loop {
            let mut answer = self.told.recv_timeout(PATIENCE).expect("the actor lives and answers");
            if answer[0] == order {
                return answer[1].take();
            }
        }
    }

    /// Spawns, by an actor or by the operator. Answers what the spawner did.
    pub fn spawn(&mut self, parent: Option<usize>, native: bool, options: Options, name: Option<String>) -> Value {
        let json = options_json(options, name);
        let tell = json!([{"$address": self.tell.to_string()}]);
        let answer = match parent {
            Some(parent) => {
                let step =
                    if native { json!({"spawn-native": json}) } else { json!({"spawn-with": ["obeys", tell, json]}) };
                let order = self.order(parent, step);
                self.answer(order)
            }
            None => {
                let (node, options, to) = (&self.stage.node, player::options(&json), self.tell.clone());
                let spawned = match native {
                    true => node.spawn_native_with(&options, |context| player::obeys(context, to)),
                    false => self.stage.block_on(node.spawn_with(&self.stage.scenarios, "obeys", tell, &options)),
                };
                spawned.map_or_else(|refusal| refused(&refusal), |address| json!(address.to_string()))
            }
        };
        if let Some(address) = answer.as_str() {
            let address: Address = address.parse().expect("an address");
            self.players.push(Player { address, native, references: Vec::new(), read: Vec::new() });
        }
        if let (Some(parent), Some(_), true) = (parent, answer.as_str(), options.monitor) {
            self.made_monitor(parent, &answer);
        }
        answer
    }

    /// How an actor ended. Returns when all have been told: whoever waits for the end may hear of it before they do.
    pub fn end(&mut self, actor: usize) -> End {
        let address = self.text(actor);
        loop {
            if let Some(end) = self.ended.get(&address) {
                return *end;
            }
            let event = self.events.next();
            let event = self.stage.block_on(async { tokio::time::timeout(PATIENCE, event).await });
            if let Event::Ended { actor, outcome } = event.expect("the actor ends").expect("the node runs") {
                self.ended.insert(actor.to_string(), end_of(&outcome));
            }
        }
    }

    /// An actor takes all that waits. Answers how much that is.
    pub fn read(&mut self, actor: usize) -> usize {
        let before = self.players[actor].read.len();
        loop {
            let order = self.order(actor, json!({"receive": [[], 0]}));
            let received = self.answer(order);
            if received.is_null() {
                return self.players[actor].read.len() - before;
            }
            let news = self.news(actor, &received["message"], received["from_host"] == true);
            self.players[actor].read.push(news);
        }
    }

    /// Everything an actor has received is what the model thinks, in the order of each sender.
    pub fn compare(&self, actor: usize, expected: &[News]) {
        let read = &self.players[actor].read;
        assert_eq!(by_sender(read), by_sender(expected), "what actor {actor} received: {read:?}, {expected:?}");
        for (place, news) in read.iter().enumerate() {
            let News::Ended { who, .. } = news else { continue };
            let mut later = read[place..].iter();
            assert!(!later.any(|news| news.said_by() == Some(*who)), "an end came before the last words: {read:?}");
        }
    }

    fn news(&self, reader: usize, message: &Value, from_host: bool) -> News {
        let who = |address: &Value| {
            let known = self.players.iter().position(|player| *address == player.address.to_string());
            known.unwrap_or_else(|| panic!("{message} is about nobody here"))
        };
        let number = |value: &Value| value.as_u64().expect("a number");
        let from = |address: &Value| (!address.is_null()).then(|| who(address));
        if !from_host {
            return News::Said { from: from(&message["from"]), number: number(&message["say"]) };
        }
        if let Some(reason) = message.get("shutdown") {
            return News::Asked { from: from(&message["address"]), number: number(reason) };
        }
        let how = match &message["exception"] {
            Value::Null => End { kind: "exit", cause: None },
            exception => {
                let cause = exception.get("cause").map(|cause| kind(&cause["type"]));
                End { kind: kind(&exception["type"]), cause }
            }
        };
        let monitor = message.get("monitor").map(|monitor| {
            let mut references = self.players[reader].references.iter();
            references.position(|reference| monitor == reference).expect("a monitor of the reader's")
        });
        News::Ended { who: who(&message["address"]), how, monitor }
    }
}

impl Drop for Cast<'_> {
    fn drop(&mut self) {
        for address in self.players.iter().map(|player| &player.address).chain([&self.tell]) {
            // Most have ended.
            _ = self.stage.node.kill(address);
        }
        self.stage.block_on(self.stage.node.emptied());
    }
}

/// A refusal as `obeys` answers it.
pub fn refused(refusal: &Refusal) -> Value {
    json!({"refused": refusal.kind().as_str()})
}

/// Whether an answer is what the model says: its refusal, or none.
pub fn agrees(answer: &Value, expected: Result<(), Refused>) {
    assert_eq!(answer["refused"].as_str(), expected.err(), "{answer}");
}

/// The message that a player is sent by an actor, or by the operator.
pub fn said(from: Option<String>, number: u64) -> Value {
    json!({"say": number, "from": from})
}

/// The model and the cast agree about who lives, and how the others ended.
pub fn settle(world: &World, cast: &mut Cast<'_>, lived: &[usize]) {
    for actor in lived {
        if let Some(end) = world.actors[*actor].end {
            assert_eq!(cast.end(*actor), end, "how actor {actor} ended");
        }
    }
}

fn end_of(outcome: &Outcome) -> End {
    match outcome {
        Outcome::Exit(_) => End { kind: "exit", cause: None },
        Outcome::Exception(exception) => {
            let cause = exception.detail("cause").map(|cause| kind(&cause.to_value()["type"]));
            End { kind: exception.kind().as_str(), cause }
        }
    }
}

type Sequence<'a> = (Vec<&'a News>, Vec<&'a News>);

/// What one sender said in its order, and the ends of it in any.
fn by_sender(read: &[News]) -> BTreeMap<Option<usize>, Sequence<'_>> {
    let mut senders = BTreeMap::<Option<usize>, Sequence<'_>>::new();
    for news in read {
        match news {
            News::Said { from, .. } | News::Asked { from, .. } => senders.entry(*from).or_default().0.push(news),
            News::Ended { who, .. } => senders.entry(Some(*who)).or_default().1.push(news),
        }
    }
    senders.values_mut().for_each(|(_, ends)| ends.sort());
    senders
}

fn options_json(options: Options, name: Option<String>) -> Value {
    let mut json = serde_json::Map::new();
    json.extend(name.map(|name| ("name".to_owned(), json!(name))));
    for (key, on) in [("link", options.link), ("monitor", options.monitor), ("trap-exit", options.trap_exit)] {
        json.extend(on.then(|| (key.to_owned(), json!(true))));
    }
    Value::Object(json)
}

fn kind(code: &Value) -> &'static str {
    let known = ExceptionKind::ALL.iter().find(|kind| code == kind.as_str());
    known.unwrap_or_else(|| panic!("{code} is no type of exception")).as_str()
}
