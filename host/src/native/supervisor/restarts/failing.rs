//! What becomes of a child that is down and should not be, and of those whom that concerns.

use std::time::Duration;

use super::{Decision, Goal, Key, Moment, Restarts, State, Why};
use crate::native::supervisor::child::Restart;
use crate::native::supervisor::spec::Strategy;

impl Restarts {
    /// The wait between restarts which makes those that are allowed last for a period: while no node is there, each start
    /// is refused at once.
    pub(super) fn spread(&self) -> Duration {
        self.period / u32::try_from(self.intensity).unwrap_or(u32::MAX).max(1)
    }

    /// A child is down that should not be. It is started again after `least` at the earliest.
    pub(super) fn fail(&mut self, key: Key, least: Duration, Moment { now, chance }: Moment) -> Decision {
        while self.recent.front().is_some_and(|at| now - *at >= self.period) {
            self.recent.pop_front();
        }
        if self.recent.len() >= self.intensity {
            self.shutdown(Why::TooManyRestarts(key), now);
            return Decision::GiveUp;
        }
        self.recent.push_back(now);
        self.restarts += 1;
        let child = self.children.get_mut(&key).expect("the caller has it");
        if now - child.started >= self.period {
            child.quick_ends = 0;
        }
        let after = self.backoff.wait(child.quick_ends, chance).max(least);
        child.quick_ends = child.quick_ends.saturating_add(1);
        let concerned: Vec<Key> = match self.strategy {
            Strategy::OneForOne | Strategy::Dynamic => vec![key],
            Strategy::OneForAll => self.children.keys().copied().collect(),
            Strategy::RestForOne => self.children.range(key..).map(|(key, _)| *key).collect(),
        };
        for concerned in &concerned {
            self.plan_restart(*concerned, now, now + after);
        }
        self.settle(key, now);
        Decision::Restart { after }
    }

    /// A child is to be started again, at `held` or later.
    fn plan_restart(&mut self, key: Key, now: Duration, held: Duration) {
        let child = self.children.get_mut(&key).expect("it was just listed");
        child.held = held;
        match (child.state, child.restart, child.goal) {
            (_, _, Goal::Forget) => {}
            (State::Down, ..) => {
                child.goal = Goal::Run;
                self.set_due(key, (held > now).then_some(held));
            }
            (_, Restart::Temporary, _) => child.goal = Goal::Forget,
            (_, Restart::Permanent | Restart::Transient, _) => child.goal = Goal::Again,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Cause, Obstacle};
    use super::*;
    use crate::native::supervisor::backoff::Backoff;
    use crate::native::supervisor::child::ChildSpec;
    use crate::native::supervisor::spec::SupervisorSpec;

    /// A child ends and is refused from then on. When, in milliseconds, the first tries to start it are, until the supervisor
    /// gives up.
    fn tries(spec: &SupervisorSpec, obstacle: Obstacle) -> Vec<u128> {
        let mut now = Duration::from_secs(60);
        let mut restarts = Restarts::new(spec, Duration::ZERO);
        assert_eq!(restarts.next_action(), Some(Action::Start(0)));
        restarts.started(0, Duration::ZERO);
        restarts.ended(0, Cause::Failed, Moment { now, chance: 0.0 });
        let mut tries = Vec::new();
        while restarts.why().is_none() && tries.len() < 6 {
            while let Some(Action::Start(key)) = restarts.next_action() {
                tries.push(now.as_millis() - 60_000);
                restarts.refused(key, obstacle, Moment { now, chance: 0.0 });
            }
            now = restarts.due().unwrap_or(now);
            restarts.tick(now);
        }
        tries
    }

    #[test]
    fn while_no_node_is_there_the_restarts_that_are_allowed_last_for_nearly_a_period() {
        let spec = SupervisorSpec::one_for_one().child(ChildSpec::new("any", "any"));
        let eager = spec.clone().backoff(Backoff::none()).intensity(5, Duration::from_secs(10));
        assert_eq!(tries(&spec, Obstacle::Other), [0, 100, 300]);
        assert_eq!(tries(&spec, Obstacle::NoNode), [0, 1_666, 3_333]);
        assert_eq!(tries(&eager, Obstacle::Other), [0; 5]);
        assert_eq!(tries(&eager, Obstacle::NoNode), [0, 2_000, 4_000, 6_000, 8_000]);
        let patient = spec.backoff(Backoff::new(Duration::from_secs(3), Duration::from_secs(3)));
        assert_eq!(tries(&patient, Obstacle::NoNode), [0, 3_000, 6_000, 9_000, 12_000, 15_000], "whichever is longer");
    }
}
