//! What a supervisor decides: ends and calls go in, starts and exits come out. Knows no actor and no clock.
//!
//! Each child has a *state*, how it is, and a *goal*, what is to become of it. An event sets goals; `settle` then does
//! the next thing that brings a state nearer to its goal, and is called again when that is done. So that order holds:
//! where it matters, nothing is asked to end while a later child lives, and nothing starts while an earlier one does not.

mod failing;
mod settle;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::backoff::Backoff;
use super::child::{ChildSpec, Restart};
use super::spec::{Strategy, SupervisorSpec};

/// A child, for as long as its supervisor knows it. They ascend in the order of start.
pub(super) type Key = u64;

/// When something happens, and a chance from 0 up to 1 for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Duration,
    pub(super) chance: f64,
}

/// What is to be done. Starts are answered by `started` or `refused` before the next action is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Start(Key),
    /// Asks a child to end.
    Exit(Key),
    Kill(Key),
    /// Nothing more will happen to this child: forget it.
    Forget(Key),
    /// No child lives any more, and none is to.
    End(Why),
}

/// Why a supervisor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It was asked to, or its parent has ended.
    Asked,
    /// This child could not be started the first time.
    NotStarted(Key),
    /// This child's end was one too many within the period.
    TooManyRestarts(Key),
}

/// How a child ended, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It returned a value.
    Normal,
    /// It ended because somebody asked it to.
    Shutdown,
    /// Any other exception.
    Failed,
}

/// Why a child could not be started, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// None of the nodes that it may run on is there.
    NoNode,
    /// Anything else.
    Other,
}

/// What became of a child that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It was meant to end.
    Expected,
    /// It has done its work.
    Finished,
    Restart {
        after: Duration,
    },
    GiveUp,
}

#[derive(Debug)]
pub(super) struct Restarts {
    strategy: Strategy,
    intensity: usize,
    period: Duration,
    backoff: Backoff,
    children: BTreeMap<Key, Child>,
    next: Key,
    /// When to look at a child again; it has the same time.
    due: BTreeSet<(Duration, Key)>,
    /// When the restarts of the last period were: at most as many as are allowed.
    recent: VecDeque<Duration>,
    restarts: u64,
    /// The children of the spec are still being started.
    opening: bool,
    stopping: Option<Why>,
    actions: VecDeque<Action>,
}

#[derive(Debug)]
struct Child {
    restart: Restart,
    shutdown: Option<Duration>,
    state: State,
    goal: Goal,
    due: Option<Duration>,
    /// Not to be started before.
    held: Duration,
    started: Duration,
    /// Ends in a row that came before it had run for a period.
    quick_ends: u32,
    /// Whom a refused start concerns.
    attempt: Attempt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Down,
    /// The start is under way.
    Starting,
    Up,
    /// It was asked to end.
    Ending,
    Killed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Run,
    /// Down, and then up.
    Again,
    /// Down, and kept.
    Stop,
    Forget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// One of the spec's: the supervisor fails.
    Opening,
    /// A new one by call: it is forgotten.
    New,
    /// An old one by call: it stays down.
    Old,
    /// A restart: as if it had started and failed.
    Restart,
}

impl Restarts {
    /// A supervisor that is about to start its first children, which get the keys from 0 on.
    pub(super) fn new(spec: &SupervisorSpec, now: Duration) -> Restarts {
        let mut restarts = Restarts {
            strategy: spec.strategy,
            intensity: spec.intensity as usize,
            period: spec.period(),
            backoff: spec.backoff,
            children: BTreeMap::new(),
            next: 0,
            due: BTreeSet::new(),
            recent: VecDeque::new(),
            restarts: 0,
            opening: true,
            stopping: None,
            actions: VecDeque::new(),
        };
        for child in &spec.children {
            restarts.enter(child, Attempt::Opening);
        }
        restarts.settle_all(now);
        restarts.end_if_done();
        restarts
    }

    /// What to do now; none: wait for an event, or until [`Restarts::due`].
    pub(super) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Restarts::tick`] has something to do.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Restarts so far.
    pub(super) fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Why the supervisor is about to end, if it is.
    pub(super) fn why(&self) -> Option<Why> {
        self.stopping
    }

    /// How many restarts are allowed within which time.
    pub(super) fn allowed(&self) -> (usize, Duration) {
        (self.intensity, self.period)
    }

    /// How a child is, and what is to become of it.
    pub(super) fn state(&self, key: Key) -> Option<(State, Goal)> {
        self.children.get(&key).map(|child| (child.state, child.goal))
    }

    /// One more child, by call. Not at a shutdown.
    pub(super) fn add(&mut self, child: &ChildSpec, now: Duration) -> Key {
        let key = self.enter(child, Attempt::New);
        self.settle(key, now);
        key
    }

    fn enter(&mut self, spec: &ChildSpec, attempt: Attempt) -> Key {
        let key = self.next;
        self.next += 1;
        let child = Child {
            restart: spec.restart,
            shutdown: spec.shutdown,
            state: State::Down,
            goal: Goal::Run,
            due: None,
            held: Duration::ZERO,
            started: Duration::ZERO,
            quick_ends: 0,
            attempt,
        };
        self.children.insert(key, child);
        key
    }

    /// A child is to be down; it is forgotten, if nothing could start it again. At a shutdown that is under way already.
    pub(super) fn stop(&mut self, key: Key, now: Duration) {
        if self.stopping.is_some() {
            return;
        }
        let forgotten = self.strategy == Strategy::Dynamic;
        let Some(child) = self.children.get_mut(&key) else { return };
        let forgotten = forgotten || child.restart == Restart::Temporary;
        child.goal = if forgotten { Goal::Forget } else { Goal::Stop };
        if child.state == State::Down {
            self.set_due(key, None);
        }
        self.settle(key, now);
    }

    /// A child that is down starts now, by call.
    pub(super) fn start(&mut self, key: Key, now: Duration) {
        let Some(child) = self.children.get_mut(&key) else { return };
        (child.goal, child.attempt, child.held) = (Goal::Run, Attempt::Old, Duration::ZERO);
        self.set_due(key, None);
        self.settle(key, now);
    }

    /// A child that is down is forgotten, by call.
    pub(super) fn forget(&mut self, key: Key, now: Duration) {
        if let Some(child) = self.children.get_mut(&key) {
            child.goal = Goal::Forget;
        }
        self.settle(key, now);
    }

    /// All children are to go down, the last first (a dynamic supervisor's all at once), and then it ends. The first
    /// reason counts.
    pub(super) fn shutdown(&mut self, why: Why, now: Duration) {
        if self.stopping.is_some() {
            return;
        }
        (self.stopping, self.opening) = (Some(why), false);
        self.actions.retain(|action| !matches!(action, Action::Start(_)));
        let keys: Vec<Key> = self.children.keys().copied().collect();
        for key in &keys {
            let child = self.children.get_mut(key).expect("it was just listed");
            child.goal = Goal::Forget;
            if matches!(child.state, State::Down | State::Starting) {
                child.state = State::Down;
                self.set_due(*key, None);
            }
        }
        if self.strategy == Strategy::Dynamic {
            keys.into_iter().for_each(|key| self.step(key, now));
        } else {
            self.settle_all(now);
        }
        self.end_if_done();
    }

    /// A start was done.
    pub(super) fn started(&mut self, key: Key, now: Duration) {
        let Some(child) = self.children.get_mut(&key) else { return };
        (child.state, child.started, child.attempt) = (State::Up, now, Attempt::Restart);
        self.settle(key, now);
    }

    /// A start was refused.
    pub(super) fn refused(&mut self, key: Key, obstacle: Obstacle, moment: Moment) -> Decision {
        let Some(child) = self.children.get_mut(&key) else { return Decision::Expected };
        child.state = State::Down;
        match child.attempt {
            Attempt::Opening => {
                self.shutdown(Why::NotStarted(key), moment.now);
                return Decision::GiveUp;
            }
            Attempt::New => child.goal = Goal::Forget,
            Attempt::Old => child.goal = Goal::Stop,
            Attempt::Restart => {
                child.started = moment.now;
                let wait = match obstacle {
                    Obstacle::NoNode => self.spread(),
                    Obstacle::Other => Duration::ZERO,
                };
                return self.fail(key, wait, moment);
            }
        }
        self.settle(key, moment.now);
        Decision::Expected
    }

    /// A child has ended.
    pub(super) fn ended(&mut self, key: Key, cause: Cause, moment: Moment) -> Decision {
        let Some(child) = self.children.get_mut(&key) else { return Decision::Expected };
        child.state = State::Down;
        let decision = match (child.goal, child.restart, cause) {
            (Goal::Run, Restart::Permanent, _) | (Goal::Run, Restart::Transient, Cause::Failed) => {
                self.set_due(key, None);
                return self.fail(key, Duration::ZERO, moment);
            }
            (Goal::Run, Restart::Transient, Cause::Normal | Cause::Shutdown) if self.strategy != Strategy::Dynamic => {
                child.goal = Goal::Stop;
                Decision::Finished
            }
            (Goal::Run, Restart::Transient | Restart::Temporary, _) => {
                child.goal = Goal::Forget;
                Decision::Finished
            }
            (Goal::Again, ..) => {
                child.goal = Goal::Run;
                Decision::Expected
            }
            (Goal::Stop | Goal::Forget, ..) => Decision::Expected,
        };
        let held = (child.goal == Goal::Run && child.held > moment.now).then_some(child.held);
        self.set_due(key, held);
        self.settle(key, moment.now);
        decision
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Duration) {
        while let Some((due, key)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, key));
            let child = self.children.get_mut(&key).expect("what is due is known");
            child.due = None;
            if child.state == State::Ending {
                child.state = State::Killed;
                self.actions.push_back(Action::Kill(key));
            } else {
                self.settle(key, now);
            }
        }
    }
}

#[cfg(test)]
mod tests;
