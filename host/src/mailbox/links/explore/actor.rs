//! One actor of the exploration: what a mailbox does around [`Links`], and what is checked at each step.

use std::hash::{Hash, Hasher};

use super::promise::{Due, Monitor, MonitorState, Promise};
use super::*;

/// One actor. Its step depends on nothing else, so it can be remembered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Actor {
    pub me: usize,
    pub links: Links,
    /// What the host messages in its mailbox are about, sorted: their order is not looked at here.
    unread: Vec<About>,
    pub life: Life,
    pub promise: Promise,
    monitors_made: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Runs,
    /// It is decided how it ends, and its task has not stopped yet.
    Ending(End),
    Ended,
}

/// An outcome that can be a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End(Arc<Outcome>);

impl Eq for End {}

impl Hash for End {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_json().hash(state);
    }
}

/// What an actor may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    Link(usize),
    Unlink(usize),
    Monitor(usize),
    Demonitor(Reference),
    Trap(bool),
    Return,
    Fail,
    Kill(usize),
    Exit(usize),
}

/// A signal on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Flight {
    Link,
    Unlink,
    Monitor(Reference),
    Demonitor(Reference),
    Exit(End),
    Down(Reference, End),
    Kill,
    Shutdown,
}

#[derive(Clone, Debug)]
pub(super) enum Event {
    Act(Operation),
    Arrive(usize, Flight),
    End,
}

/// What a step sent, in order.
pub(super) type Sent = Vec<(usize, Flight)>;

/// The search is about order; what happens at the bounds, ordinary tests show.
const BOUNDS: Bounds = Bounds { links_max: 100, monitors_max: 100 };

impl Actor {
    pub(super) fn new(me: usize) -> Actor {
        let promise = Promise::default();
        Actor { me, links: Links::default(), unread: Vec::new(), life: Life::Runs, promise, monitors_made: 0 }
    }

    pub(super) fn spawns(&mut self, child: &mut Actor) {
        self.links.link_by_spawn(party(child.me), BOUNDS).expect("room");
        child.links.link_by_spawn(party(self.me), BOUNDS).expect("room");
        self.promise.asked[child.me] = true;
        child.promise.asked[self.me] = true;
        let reference = Reference::Child(party(child.me).id);
        self.monitor(reference, child.me);
        child.links.react(Some(&party(self.me)), Signal::Monitor(reference), standing(&here(), false));
    }

    /// What it could do now.
    pub(super) fn operations(&self, family: Family) -> Vec<Operation> {
        if self.life != Life::Runs {
            return Vec::new();
        }
        let mut operations = vec![Operation::Trap(!self.promise.traps), Operation::Return, Operation::Fail];
        for other in (0..ACTORS).filter(|other| *other != self.me) {
            operations.extend([Operation::Link(other), Operation::Unlink(other), Operation::Monitor(other)]);
            if family.0[other].contains(&self.me) {
                operations.extend([Operation::Kill(other), Operation::Exit(other)]);
            }
        }
        let monitors = self.promise.monitors.iter().filter(|monitor| monitor.state != MonitorState::Withdrawn);
        operations.extend(monitors.map(|monitor| Operation::Demonitor(monitor.reference)));
        operations
    }

    /// One step. Answers what was sent, or which promise is broken.
    pub(super) fn step(&mut self, family: Family, event: &Event) -> Result<Sent, String> {
        match event {
            Event::Act(operation) => self.act(*operation),
            Event::Arrive(from, flight) => self.arrive(family, *from, flight),
            Event::End => self.end(),
        }
    }

    fn act(&mut self, operation: Operation) -> Result<Sent, String> {
        match operation {
            Operation::Link(other) => {
                self.promise.asked[other] = true;
                let news = self.links.link(party(other), None, BOUNDS).expect("room");
                Ok(if news { vec![(other, Flight::Link)] } else { vec![] })
            }
            Operation::Unlink(other) => {
                self.promise.unlinks(other);
                let news = self.links.unlink(&party(other));
                self.take_back(&About::Link(party(other)));
                Ok(if news { vec![(other, Flight::Unlink)] } else { vec![] })
            }
            Operation::Monitor(other) => {
                self.monitors_made += 1;
                let bits = self.me * 100 + usize::from(self.monitors_made);
                let reference = Reference::Random(Id::from_bits(bits as u128));
                self.monitor(reference, other);
                Ok(vec![(other, Flight::Monitor(reference))])
            }
            Operation::Demonitor(reference) => {
                let mut monitors = self.promise.monitors.iter_mut();
                let monitor = monitors.find(|monitor| monitor.reference == reference).expect("it was made");
                monitor.state = MonitorState::Withdrawn;
                let target = self.links.demonitor(reference);
                self.take_back(&About::Monitor(reference));
                Ok(target.map(|target| (number(&target), Flight::Demonitor(reference))).into_iter().collect())
            }
            Operation::Trap(on) => {
                let before = self.links.trap_exits(on);
                promised!(before == self.promise.traps, "trap-exit answered {before}");
                self.promise.traps = on;
                Ok(vec![])
            }
            Operation::Return => self.decide(Outcome::Exit(Message::trusted(self.me.to_string()))),
            Operation::Fail => {
                let words = Message::trusted(format!("\"{} failed\"", self.me));
                self.decide(Outcome::Exception(Exception::error(words)))
            }
            Operation::Kill(other) => Ok(vec![(other, Flight::Kill)]),
            Operation::Exit(other) => Ok(vec![(other, Flight::Shutdown)]),
        }
    }

    fn monitor(&mut self, reference: Reference, target: usize) {
        let address = party(target).address(&here()).to_string().into();
        self.links.monitor(reference, Watched { target: party(target), address }, BOUNDS).expect("room");
        self.promise.monitors.push(Monitor { reference, target, state: MonitorState::Open });
    }

    /// As the mailbox does when `unlink` and `demonitor` return: no such message is received any more.
    fn take_back(&mut self, about: &About) {
        let before = self.unread.len();
        self.unread.retain(|unread| unread != about);
        (self.unread.len()..before).for_each(|_| self.links.read(about));
    }

    /// The first end decides.
    fn decide(&mut self, outcome: Outcome) -> Result<Sent, String> {
        self.life = Life::Ending(End(Arc::new(outcome)));
        // It reads nothing and does nothing any more, so nothing is promised to it.
        (self.promise, self.unread, self.monitors_made) = (Promise::default(), Vec::new(), 0);
        Ok(vec![])
    }

    fn arrive(&mut self, family: Family, from: usize, flight: &Flight) -> Result<Sent, String> {
        let is_ancestor = family.0[self.me].contains(&from);
        match self.life {
            Life::Runs => self.arrive_at_living(from, is_ancestor, flight),
            Life::Ending(_) => {
                let reaction = self.links.react(Some(&party(from)), flight.signal(), standing(&here(), is_ancestor));
                promised!(!matches!(reaction, Reaction::Answer(_)), "{flight:?} was answered with {reaction:?}");
                Ok(vec![])
            }
            Life::Ended => {
                let answer = answer_for_the_dead(&flight.signal()).map(Flight::of);
                let answered = match &answer {
                    None => !matches!(flight, Flight::Link | Flight::Monitor(_)),
                    Some(Flight::Exit(end)) => *flight == Flight::Link && end.name() == "noproc",
                    Some(Flight::Down(reference, end)) => {
                        *flight == Flight::Monitor(*reference) && end.name() == "noproc"
                    }
                    Some(_) => false,
                };
                promised!(answered, "the dead answered {flight:?} with {answer:?}");
                Ok(answer.map(|answer| (from, answer)).into_iter().collect())
            }
        }
    }

    fn arrive_at_living(&mut self, from: usize, is_ancestor: bool, flight: &Flight) -> Result<Sent, String> {
        let due = self.promise.due(from, is_ancestor, &flight.signal());
        let reaction = self.links.react(Some(&party(from)), flight.signal(), standing(&here(), is_ancestor));
        let done = match &reaction {
            Reaction::Nothing => Due::Nothing,
            Reaction::Tell(about, message) => Due::Message(about.clone(), message.to_value()),
            Reaction::End(exception) => Due::End(serde_json::from_str(&exception.to_json()).expect("JSON")),
            Reaction::Take(_) | Reaction::Answer(_) => return Err(format!("{flight:?} came to {reaction:?}")),
        };
        promised!(done == due, "{flight:?} from {from} came to {done:?}, not to {due:?}");
        match reaction {
            Reaction::Tell(about, _) => {
                let replaced = matches!(about, About::Shutdown(_));
                self.unread.retain(|unread| !(replaced && *unread == about));
                self.unread.push(about);
                self.unread.sort();
                Ok(vec![])
            }
            Reaction::End(exception) => self.decide(Outcome::Exception(exception)),
            Reaction::Nothing | Reaction::Take(_) | Reaction::Answer(_) => Ok(vec![]),
        }
    }

    fn end(&mut self) -> Result<Sent, String> {
        let Life::Ending(end) = self.life.clone() else {
            return Err("an actor ended that did not have to".to_owned());
        };
        let Farewell { linked, watchers, watched } = self.links.farewell();
        promised!(self.links == Links::default(), "something is left of the dead: {:?}", self.links);
        let exits = linked.iter().map(|other| (number(other), Flight::Exit(end.clone())));
        let downs = watchers.iter().map(|(other, reference)| (number(other), Flight::Down(*reference, end.clone())));
        let undone = watched.iter().map(|(other, reference)| (number(other), Flight::Demonitor(*reference)));
        let sent: Sent = exits.chain(downs).chain(undone).collect();
        let twice = sent.iter().enumerate().find(|(index, flight)| sent[..*index].contains(flight));
        promised!(twice.is_none(), "an end was told twice: {twice:?}");
        self.life = Life::Ended;
        Ok(sent)
    }

    /// What holds in every state of one actor.
    pub(super) fn check(&self) -> Result<(), String> {
        let count = |is: fn(&About) -> bool| self.unread.iter().filter(|about| is(about)).count();
        let counts = &self.links.counts;
        if self.life == Life::Runs {
            let unread =
                (count(|about| matches!(about, About::Link(_))), count(|about| matches!(about, About::Monitor(_))));
            promised!((counts.exits_unread, counts.downs_unread) == unread, "{counts:?}, but {:?}", self.unread);
        }
        let ties = || self.links.ties.values();
        let flagged = (ties().filter(|tie| tie.mine).count(), ties().filter(|tie| tie.theirs).count());
        promised!((counts.mine, counts.theirs) == flagged, "{counts:?}, but {:?}", self.links.ties);
        let needed = |tie: &Tie| tie.theirs || tie.mine && !tie.imposed;
        promised!(ties().all(needed), "an entry about nothing: {:?}", self.links.ties);
        for monitor in &self.promise.monitors {
            let messages = self.unread.iter().filter(|about| **about == About::Monitor(monitor.reference)).count();
            let due = usize::from(monitor.state == MonitorState::Told);
            promised!(messages == due, "{messages} messages wait of {monitor:?}");
        }
        Ok(())
    }
}

impl End {
    /// Its type, and that of its first cause.
    pub(super) fn name(&self) -> String {
        match &*self.0 {
            Outcome::Exit(_) => "exit".to_owned(),
            Outcome::Exception(exception) => match exception.detail("cause") {
                None => exception.kind().to_string(),
                Some(cause) => format!("{} {}", exception.kind(), cause.to_value()["type"].as_str().expect("a type")),
            },
        }
    }
}

impl Flight {
    fn signal(&self) -> Signal {
        match self {
            Flight::Link => Signal::Link,
            Flight::Unlink => Signal::Unlink,
            Flight::Monitor(reference) => Signal::Monitor(*reference),
            Flight::Demonitor(reference) => Signal::Demonitor(*reference),
            Flight::Exit(end) => Signal::Exit(end.0.clone()),
            Flight::Down(reference, end) => Signal::Down(*reference, end.0.clone()),
            Flight::Kill => Signal::Kill,
            Flight::Shutdown => Signal::Shutdown(Message::trusted("1".to_owned())),
        }
    }

    /// The two that are answers.
    fn of(signal: Signal) -> Flight {
        match signal {
            Signal::Exit(outcome) => Flight::Exit(End(outcome)),
            Signal::Down(reference, outcome) => Flight::Down(reference, End(outcome)),
            other => panic!("{other:?} is no answer"),
        }
    }
}

fn standing(here: &Place, descends: bool) -> Standing<'_> {
    Standing { here, descends, bounds: BOUNDS }
}
