//! What is promised to each of a few actors, as the design says it: nothing here knows how the host keeps its links.

use std::collections::{BTreeSet, VecDeque};

/// How an actor ended, as far as it is promised: which of several linked ends took it along is not, the first cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    pub kind: &'static str,
    pub cause: Option<&'static str>,
}

/// Something that an actor receives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// An ordinary message, numbered; from nobody: the operator.
    Said { from: Option<usize>, number: u64 },
    /// The actor is asked to end.
    Asked { from: Option<usize>, number: u64 },
    /// An end by a link, or by the receiver's monitor of that number.
    Ended { who: usize, how: End, monitor: Option<usize> },
}

impl News {
    /// Whose words these are; none: the operator's, or the node's.
    pub fn said_by(&self) -> Option<usize> {
        match self {
            News::Said { from, .. } | News::Asked { from, .. } => *from,
            News::Ended { .. } => None,
        }
    }
}

/// What is asked of a spawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub name: Option<usize>,
    pub link: bool,
    pub monitor: bool,
    pub trap_exit: bool,
}

/// What is true of one actor.
#[derive(Debug, Default)]
pub struct Actor {
    pub end: Option<End>,
    pub names: BTreeSet<usize>,
    pub monitors: Vec<Monitor>,
    pub read: Vec<News>,
    ancestors: Vec<usize>,
    traps: bool,
    /// Whom it has linked.
    asked: BTreeSet<usize>,
    /// Which ancestors have linked it.
    agreed: BTreeSet<usize>,
    inbox: Vec<News>,
}

/// A monitor that an actor has made; open until it gives its message or is ended.
#[derive(Debug)]
pub struct Monitor {
    pub target: usize,
    pub open: bool,
}

/// The type of a refusal.
pub type Refused = &'static str;

/// All actors that there ever were, by number.
#[derive(Debug, Default)]
pub struct World {
    pub actors: Vec<Actor>,
}

impl World {
    pub fn living(&self) -> Vec<usize> {
        (0..self.actors.len()).filter(|actor| self.lives(*actor)).collect()
    }

    pub fn lives(&self, actor: usize) -> bool {
        self.actors[actor].end.is_none()
    }

    pub fn holder(&self, name: usize) -> Option<usize> {
        self.living().into_iter().find(|actor| self.actors[*actor].names.contains(&name))
    }

    pub fn spawn(&mut self, parent: Option<usize>, options: Options) -> Result<usize, Refused> {
        if options.name.is_some_and(|name| self.holder(name).is_some()) {
            return Err("name-taken");
        }
        let child = self.actors.len();
        let mut actor =
            Actor { traps: options.trap_exit, names: options.name.into_iter().collect(), ..Actor::default() };
        if let Some(parent) = parent {
            actor.ancestors.push(parent);
            let older = self.actors[parent].ancestors.iter().copied();
            actor.ancestors.extend(older.filter(|ancestor| self.lives(*ancestor)));
            if options.link {
                actor.asked.insert(parent);
                self.actors[parent].asked.insert(child);
            }
            if options.monitor {
                self.actors[parent].monitors.push(Monitor { target: child, open: true });
            }
        }
        self.actors.push(actor);
        Ok(child)
    }

    pub fn send(&mut self, from: Option<usize>, to: usize, number: u64) -> Result<(), Refused> {
        self.reached(to)?.inbox.push(News::Said { from, number });
        Ok(())
    }

    pub fn link(&mut self, actor: usize, other: usize) {
        if actor == other || self.actors[actor].asked.contains(&other) {
            return;
        }
        if !self.lives(other) {
            return self.hears(actor, other, End { kind: "noproc", cause: None });
        }
        self.actors[actor].asked.insert(other);
        if self.actors[other].ancestors.contains(&actor) {
            self.actors[other].agreed.insert(actor);
        }
    }

    pub fn unlink(&mut self, actor: usize, other: usize) {
        self.actors[actor].agreed.remove(&other);
        if self.actors[actor].asked.remove(&other) {
            self.actors[other].agreed.remove(&actor);
        }
        let about = |news: &News| matches!(news, News::Ended { who, monitor: None, .. } if *who == other);
        self.actors[actor].inbox.retain(|news| !about(news));
    }

    pub fn monitor(&mut self, actor: usize, target: usize) {
        let dead = !self.lives(target);
        let Actor { monitors, inbox, .. } = &mut self.actors[actor];
        if dead {
            let how = End { kind: "noproc", cause: None };
            inbox.push(News::Ended { who: target, how, monitor: Some(monitors.len()) });
        }
        monitors.push(Monitor { target, open: !dead });
    }

    pub fn demonitor(&mut self, actor: usize, number: usize) {
        let Actor { monitors, inbox, .. } = &mut self.actors[actor];
        monitors[number].open = false;
        inbox.retain(|news| !matches!(news, News::Ended { monitor: Some(monitor), .. } if *monitor == number));
    }

    /// Answers the setting before.
    pub fn trap_exit(&mut self, actor: usize, on: bool) -> bool {
        std::mem::replace(&mut self.actors[actor].traps, on)
    }

    pub fn kill(&mut self, from: Option<usize>, to: usize) -> Result<(), Refused> {
        self.may_end(from, to)?;
        self.ends(to, End { kind: "killed", cause: None });
        Ok(())
    }

    pub fn exit(&mut self, from: Option<usize>, to: usize, number: u64) -> Result<(), Refused> {
        self.may_end(from, to)?;
        if !self.actors[to].traps {
            self.ends(to, End { kind: "shutdown", cause: None });
            return Ok(());
        }
        // Who asks again is heard once, with the latest reason.
        let inbox = &mut self.actors[to].inbox;
        inbox.retain(|news| !matches!(news, News::Asked { from: asked, .. } if *asked == from));
        inbox.push(News::Asked { from, number });
        Ok(())
    }

    pub fn register(&mut self, actor: usize, name: usize) -> Result<(), Refused> {
        if self.holder(name).is_some_and(|holder| holder != actor) {
            return Err("name-taken");
        }
        self.actors[actor].names.insert(name);
        Ok(())
    }

    pub fn unregister(&mut self, actor: usize, name: usize) -> Result<(), Refused> {
        if self.actors[actor].names.remove(&name) { Ok(()) } else { Err("no-such-name") }
    }

    /// The actor receives all that waits. Answers how much that is.
    pub fn reads(&mut self, actor: usize) -> usize {
        let Actor { inbox, read, .. } = &mut self.actors[actor];
        let count = inbox.len();
        read.append(inbox);
        count
    }

    /// An actor ends, and with it all that it takes along.
    pub fn ends(&mut self, actor: usize, how: End) {
        let mut ending = VecDeque::from([(actor, how)]);
        while let Some((who, how)) = ending.pop_front() {
            if !self.lives(who) {
                continue;
            }
            self.actors[who].end = Some(how);
            self.actors[who].names.clear();
            for other in self.living() {
                ending.extend(self.told(other, who, how).map(|end| (other, end)));
            }
        }
    }

    /// An actor hears by a link of an end that does not concern anybody else.
    fn hears(&mut self, actor: usize, who: usize, how: End) {
        self.actors[actor].asked.insert(who);
        if let Some(end) = self.told(actor, who, how) {
            self.ends(actor, end);
        }
    }

    /// What an end is to one who lives. Answers how that one ends, if it must.
    fn told(&mut self, actor: usize, who: usize, how: End) -> Option<End> {
        let Actor { asked, agreed, monitors, inbox, traps, .. } = &mut self.actors[actor];
        let linked = asked.remove(&who) | agreed.remove(&who);
        for (number, monitor) in monitors.iter_mut().enumerate().filter(|(_, monitor)| monitor.target == who) {
            if std::mem::take(&mut monitor.open) {
                inbox.push(News::Ended { who, how, monitor: Some(number) });
            }
        }
        if linked && *traps {
            inbox.push(News::Ended { who, how, monitor: None });
            return None;
        }
        (linked && how.kind != "exit").then(|| End { kind: "linked", cause: how.cause.or(Some(how.kind)) })
    }

    fn reached(&mut self, to: usize) -> Result<&mut Actor, Refused> {
        if self.lives(to) { Ok(&mut self.actors[to]) } else { Err("no-such-actor") }
    }

    fn may_end(&mut self, from: Option<usize>, to: usize) -> Result<(), Refused> {
        let ancestors = &self.reached(to)?.ancestors;
        if from.is_none_or(|from| ancestors.contains(&from)) { Ok(()) } else { Err("not-permitted") }
    }
}
