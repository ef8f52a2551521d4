//! The next thing to do that brings each child nearer to its goal.

use std::time::Duration;

use super::{Action, Child, Goal, Key, Restarts, State};
use crate::native::supervisor::spec::Strategy;

impl Restarts {
    /// Does what there is to do after something happened to this child.
    pub(super) fn settle(&mut self, key: Key, now: Duration) {
        let alone = match self.strategy {
            Strategy::Dynamic => !self.opening,
            Strategy::OneForOne => !self.opening && self.stopping.is_none(),
            Strategy::OneForAll | Strategy::RestForOne => false,
        };
        if alone {
            self.step(key, now)
        } else {
            self.settle_all(now)
        }
        self.end_if_done();
    }

    /// Does the next thing in order: what must go down first, the last child before all others; then what must come up.
    pub(super) fn settle_all(&mut self, now: Duration) {
        let goes_down = |child: &Child| child.goal != Goal::Run && child.state != State::Down;
        if let Some((key, _)) = self.children.iter().rev().find(|(_, child)| goes_down(child)) {
            return self.step(*key, now);
        }
        let forgotten = self.children.iter().filter(|(_, child)| child.goal == Goal::Forget).map(|(key, _)| *key);
        let forgotten: Vec<Key> = forgotten.collect();
        forgotten.into_iter().for_each(|key| self.step(key, now));
        let comes_up = |child: &Child| child.goal == Goal::Run && child.state != State::Up;
        match self.children.iter().find(|(_, child)| comes_up(child)) {
            Some((key, _)) => self.step(*key, now),
            None => self.opening = false,
        }
    }

    /// Does the next thing for one child, whatever the others do.
    pub(super) fn step(&mut self, key: Key, now: Duration) {
        let Some(child) = self.children.get_mut(&key) else { return };
        match (child.state, child.goal) {
            (State::Down, Goal::Run) => {
                if child.due.is_none() {
                    child.state = State::Starting;
                    self.actions.push_back(Action::Start(key));
                }
            }
            (State::Down, Goal::Forget) => {
                self.set_due(key, None);
                self.children.remove(&key);
                self.actions.push_back(Action::Forget(key));
            }
            (State::Up, Goal::Again | Goal::Stop | Goal::Forget) if child.shutdown == Some(Duration::ZERO) => {
                child.state = State::Killed;
                self.actions.push_back(Action::Kill(key));
            }
            (State::Up, Goal::Again | Goal::Stop | Goal::Forget) => {
                child.state = State::Ending;
                let due = child.shutdown.map(|time| now + time);
                self.set_due(key, due);
                self.actions.push_back(Action::Exit(key));
            }
            // It is as it should be, or the next thing is not ours to do.
            (State::Down, Goal::Again | Goal::Stop) | (State::Up, Goal::Run) => {}
            (State::Starting | State::Ending | State::Killed, _) => {}
        }
    }

    pub(super) fn end_if_done(&mut self) {
        if let Some(why) = self.stopping
            && self.children.is_empty()
        {
            self.actions.push_back(Action::End(why));
        }
    }

    /// When to look at this child again.
    pub(super) fn set_due(&mut self, key: Key, due: Option<Duration>) {
        let child = self.children.get_mut(&key).expect("the caller has it");
        if let Some(old) = std::mem::replace(&mut child.due, due) {
            self.due.remove(&(old, key));
        }
        self.due.extend(due.map(|due| (due, key)));
    }
}
