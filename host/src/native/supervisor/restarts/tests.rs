//! A supervisor's decisions, on children that live in a list.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::{collection, prop_assert, prop_assert_eq, proptest};

use super::{Action, Cause, Decision, Goal, Key, Moment, Obstacle, Restarts, State, Why};
use crate::native::supervisor::backoff::Backoff;
use crate::native::supervisor::child::{ChildSpec, Restart};
use crate::native::supervisor::spec::{Strategy, SupervisorSpec};

/// A supervisor whose children end as soon as they are asked, unless they are stubborn. It writes down all that is done.
struct Play {
    restarts: Restarts,
    now: Duration,
    done: Vec<String>,
    /// These do not end when they are asked.
    stubborn: Vec<Key>,
    /// Starts of these are refused.
    refused: Vec<Key>,
    end: Option<Why>,
}

impl Play {
    fn new(spec: SupervisorSpec) -> Play {
        Play::with(spec, vec![])
    }

    fn with(spec: SupervisorSpec, refused: Vec<Key>) -> Play {
        spec.check().expect("a spec that makes sense");
        let restarts = Restarts::new(&spec, Duration::ZERO);
        let (now, done, stubborn, end) = (Duration::ZERO, vec![], vec![], None);
        let mut play = Play { restarts, now, done, stubborn, refused, end };
        play.act();
        play
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, chance: 0.0 }
    }

    fn act(&mut self) {
        while let Some(action) = self.restarts.next_action() {
            let moment = self.moment();
            match action {
                Action::Start(key) if self.refused.contains(&key) => {
                    self.done.push(format!("!{key}"));
                    self.restarts.refused(key, Obstacle::Other, moment);
                }
                Action::Start(key) => {
                    self.done.push(format!("+{key}"));
                    self.restarts.started(key, self.now);
                }
                Action::Exit(key) if self.stubborn.contains(&key) => self.done.push(format!("?{key}")),
                Action::Exit(key) => {
                    self.done.push(format!("-{key}"));
                    self.restarts.ended(key, Cause::Shutdown, moment);
                }
                Action::Kill(key) => {
                    self.done.push(format!("x{key}"));
                    self.restarts.ended(key, Cause::Failed, moment);
                }
                Action::Forget(key) => self.done.push(format!("~{key}")),
                Action::End(why) => self.end = Some(why),
            }
        }
    }

    fn ends(&mut self, key: Key, cause: Cause) -> Decision {
        let decision = self.restarts.ended(key, cause, self.moment());
        self.act();
        decision
    }

    fn passes(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.restarts.tick(self.now);
        self.act();
    }

    fn shutdown(&mut self) {
        self.restarts.shutdown(Why::Asked, self.now);
        self.act();
    }

    /// What was done since it was asked last.
    fn done(&mut self) -> String {
        std::mem::take(&mut self.done).join(" ")
    }
}

fn child(restart: Restart) -> ChildSpec {
    ChildSpec::new("any", "any").restart(restart)
}

/// Children 0, 1, 2, of which the middle one is of that kind, and the others are permanent.
fn three(strategy: Strategy, middle: Restart) -> SupervisorSpec {
    let named = |id: &str, restart| ChildSpec { id: id.into(), ..child(restart) };
    SupervisorSpec::new(strategy)
        .child(named("a", Restart::Permanent))
        .child(named("b", middle))
        .child(named("c", Restart::Permanent))
}

/// `+` started, `-` asked to end, `~` forgotten, in this order, when the middle one of three ends.
#[test]
fn each_strategy_with_each_kind_of_child_and_each_cause() {
    use Cause::{Failed, Normal, Shutdown};
    use Restart::{Permanent, Temporary, Transient};
    use Strategy::{Dynamic, OneForAll, OneForOne, RestForOne};
    #[rustfmt::skip]
    let table = [
        // strategy   child      returned          was asked         failed, was killed
        (OneForOne,  Permanent, "+1",             "+1",             "+1"),
        (OneForOne,  Transient, "",               "",               "+1"),
        (OneForOne,  Temporary, "~1",             "~1",             "~1"),
        (OneForAll,  Permanent, "-2 -0 +0 +1 +2", "-2 -0 +0 +1 +2", "-2 -0 +0 +1 +2"),
        (OneForAll,  Transient, "",               "",               "-2 -0 +0 +1 +2"),
        (OneForAll,  Temporary, "~1",             "~1",             "~1"),
        (RestForOne, Permanent, "-2 +1 +2",       "-2 +1 +2",       "-2 +1 +2"),
        (RestForOne, Transient, "",               "",               "-2 +1 +2"),
        (RestForOne, Temporary, "~1",             "~1",             "~1"),
        (Dynamic,    Permanent, "+1",             "+1",             "+1"),
        (Dynamic,    Transient, "~1",             "~1",             "+1"),
        (Dynamic,    Temporary, "~1",             "~1",             "~1"),
    ];
    for (strategy, restart, normal, asked, failed) in table {
        for (cause, expected) in [(Normal, normal), (Shutdown, asked), (Failed, failed)] {
            let mut play = Play::new(three(strategy, restart));
            assert_eq!(play.done(), "+0 +1 +2");
            play.ends(1, cause);
            assert_eq!(play.done(), expected, "{strategy:?} {restart:?} {cause:?}");
            assert_eq!(play.end, None);
        }
    }
}

/// As OTP does: those that were done, or stopped by call, start again with the others; what is temporary does not.
#[test]
fn a_sibling_is_taken_along_by_its_own_kind() {
    let mut play = Play::new(three(Strategy::OneForAll, Restart::Temporary));
    play.done();
    play.ends(0, Cause::Failed);
    assert_eq!(play.done(), "-2 -1 ~1 +0 +2");
    for (strategy, again) in [(Strategy::OneForAll, "-2 +0 +1 +2"), (Strategy::RestForOne, "-2 +0 +1 +2")] {
        let mut play = Play::new(three(strategy, Restart::Transient));
        play.ends(1, Cause::Normal);
        play.done();
        play.ends(0, Cause::Failed);
        assert_eq!(play.done(), again, "it was done, and starts again");
    }
}

#[test]
fn so_many_ends_are_allowed_within_the_period_and_one_more_is_the_end() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne, Strategy::Dynamic] {
        let spec =
            three(strategy, Restart::Permanent).intensity(2, Duration::from_millis(1_000)).backoff(Backoff::none());
        let mut play = Play::new(spec);
        assert_ne!(play.ends(1, Cause::Failed), Decision::GiveUp);
        play.passes(999);
        assert_ne!(play.ends(2, Cause::Failed), Decision::GiveUp);
        play.passes(1);
        assert_ne!(play.ends(1, Cause::Failed), Decision::GiveUp, "the first is a period ago");
        play.done();
        assert_eq!(play.ends(1, Cause::Failed), Decision::GiveUp);
        let down = if strategy == Strategy::Dynamic { "-0 ~0 ~1 -2 ~2" } else { "-2 -0 ~0 ~1 ~2" };
        let mut done: Vec<String> = play.done().split(' ').map(str::to_owned).collect();
        let mut expected: Vec<String> = down.split(' ').map(str::to_owned).collect();
        if strategy == Strategy::Dynamic {
            done.sort();
            expected.sort();
        }
        assert_eq!((done, play.end), (expected, Some(Why::TooManyRestarts(1))));
    }
    let mut none = Play::new(three(Strategy::OneForOne, Restart::Permanent).intensity(0, Duration::from_secs(1)));
    assert_eq!(none.ends(0, Cause::Normal), Decision::GiveUp);
}

#[test]
fn who_ends_quickly_again_and_again_waits_longer_and_longer_and_the_others_do_not() {
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(300)).jitter(0.5);
    let spec = three(Strategy::OneForOne, Restart::Permanent).intensity(100, Duration::from_secs(1)).backoff(backoff);
    let mut play = Play::new(spec);
    play.done();
    for wait in [0, 100, 200, 300, 300] {
        play.passes(10);
        let after = Duration::from_millis(wait);
        assert_eq!(play.ends(1, Cause::Failed), Decision::Restart { after });
        if wait > 0 {
            assert_eq!(play.restarts.due(), Some(play.now + after));
            play.passes(wait - 1);
            assert_eq!(play.done(), "", "one millisecond is left");
            play.passes(1);
        }
        assert_eq!(play.done(), "+1");
    }
    assert_eq!(play.ends(2, Cause::Failed), Decision::Restart { after: Duration::ZERO }, "it is this one's first");
    let chance = Moment { now: play.now, chance: 0.5 };
    assert_eq!(play.restarts.ended(1, Cause::Failed, chance), Decision::Restart { after: Duration::from_millis(225) });
    play.passes(225);
    play.passes(1_000);
    assert_eq!(play.ends(1, Cause::Failed), Decision::Restart { after: Duration::ZERO }, "it has run for a period");
}

#[test]
fn of_those_that_go_down_together_nobody_starts_before_the_wait_is_over() {
    for (strategy, down, up) in [(Strategy::OneForAll, "-2 -0", "+0 +1 +2"), (Strategy::RestForOne, "-2", "+1 +2")] {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let mut play = Play::new(three(strategy, Restart::Permanent).backoff(backoff));
        play.ends(1, Cause::Failed);
        play.done();
        play.ends(1, Cause::Failed);
        assert_eq!(play.done(), down, "down at once");
        play.passes(99);
        assert_eq!(play.done(), "");
        play.passes(1);
        assert_eq!(play.done(), up);
    }
}

#[test]
fn after_a_supervisor_has_given_up_nothing_starts_that_was_about_to() {
    let mut play = Play::new(three(Strategy::OneForOne, Restart::Permanent).intensity(4, Duration::from_secs(5)));
    for key in [1, 2, 1, 2] {
        play.ends(key, Cause::Failed);
    }
    play.done();
    play.refused = vec![1];
    play.passes(100);
    assert_eq!(play.done(), "!1 -0 ~0 ~1 ~2");
    assert_eq!(play.end, Some(Why::TooManyRestarts(1)));
}

#[test]
fn at_a_shutdown_each_child_has_its_time_the_last_child_first() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        let mut play = Play::new(three(strategy, Restart::Permanent));
        play.stubborn = vec![1];
        play.done();
        play.shutdown();
        assert_eq!(play.done(), "-2 ?1");
        play.passes(4_999);
        assert_eq!((play.done().as_str(), play.end), ("", None));
        play.passes(1);
        assert_eq!((play.done().as_str(), play.end), ("x1 -0 ~0 ~1 ~2", Some(Why::Asked)), "{strategy:?}");
    }
}

#[test]
fn a_dynamic_supervisor_asks_all_its_children_at_once() {
    let mut play = Play::new(three(Strategy::Dynamic, Restart::Permanent));
    play.stubborn = vec![0, 1, 2];
    play.done();
    play.shutdown();
    assert_eq!(play.done(), "?0 ?1 ?2");
    play.passes(5_000);
    assert_eq!((play.done().as_str(), play.end), ("x0 x1 x2 ~0 ~1 ~2", Some(Why::Asked)));
}

#[test]
fn no_time_means_a_kill_and_no_limit_means_patience() {
    let spec = three(Strategy::OneForOne, Restart::Permanent);
    let [a, b, c] = spec.children.try_into().expect("three");
    let spec = SupervisorSpec::one_for_one().child(a).child(b.shutdown(None)).child(c.shutdown(Duration::ZERO));
    let mut play = Play::new(spec);
    play.stubborn = vec![1];
    play.done();
    play.shutdown();
    assert_eq!((play.done().as_str(), play.restarts.due()), ("x2 ?1", None));
    play.passes(u32::MAX.into());
    assert_eq!(play.done(), "");
    play.ends(1, Cause::Normal);
    assert_eq!((play.done().as_str(), play.end), ("-0 ~0 ~1 ~2", Some(Why::Asked)));
}

#[test]
fn the_first_start_that_is_refused_is_the_end_and_those_after_it_never_start() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne, Strategy::Dynamic] {
        let mut play = Play::with(three(strategy, Restart::Permanent), vec![1]);
        let done = play.done();
        assert!(done.starts_with("+0 !1 ") && done.contains("-0") && !done.contains("+2"), "{strategy:?}: {done}");
        assert_eq!(play.end, Some(Why::NotStarted(1)));
    }
}

#[test]
fn a_restart_that_is_refused_counts_as_one_and_is_tried_again() {
    let mut play = Play::new(three(Strategy::OneForOne, Restart::Permanent));
    play.done();
    play.refused = vec![1];
    play.ends(1, Cause::Failed);
    assert_eq!((play.done().as_str(), play.restarts.restarts()), ("!1", 2));
    play.refused.clear();
    play.passes(100);
    assert_eq!(play.done(), "+1");
    play.refused = vec![1];
    play.ends(1, Cause::Failed);
    play.passes(200);
    assert_eq!(play.end, Some(Why::TooManyRestarts(1)));
}

#[test]
fn a_second_end_while_all_go_down_is_no_second_restart() {
    let mut play = Play::new(three(Strategy::OneForAll, Restart::Permanent));
    play.stubborn = vec![2];
    play.done();
    play.ends(1, Cause::Failed);
    assert_eq!(play.ends(0, Cause::Failed), Decision::Expected);
    assert_eq!(play.done(), "?2");
    play.ends(2, Cause::Normal);
    assert_eq!((play.done().as_str(), play.restarts.restarts()), ("+0 +1 +2", 1));
}

#[test]
fn children_come_and_go_by_call() {
    let mut play = Play::new(three(Strategy::OneForOne, Restart::Permanent));
    let key = play.restarts.add(&child(Restart::Permanent), play.now);
    play.act();
    play.restarts.stop(1, play.now);
    play.act();
    assert_eq!(play.done(), "+0 +1 +2 +3 -1", "stopped, and known");
    play.restarts.start(1, play.now);
    play.restarts.stop(key, play.now);
    play.act();
    play.restarts.forget(key, play.now);
    play.act();
    assert_eq!(play.done(), "+1 -3 ~3");
    let mut play = Play::new(three(Strategy::Dynamic, Restart::Permanent));
    play.done();
    play.restarts.stop(1, play.now);
    play.act();
    assert_eq!(play.done(), "-1 ~1", "stopped, and forgotten");
}

#[test]
fn a_child_that_waits_for_its_restart_can_be_stopped() {
    let mut play = Play::new(three(Strategy::OneForOne, Restart::Permanent));
    play.ends(1, Cause::Failed);
    play.ends(1, Cause::Failed);
    play.restarts.stop(1, play.now);
    play.done();
    play.passes(1_000_000);
    assert_eq!((play.done().as_str(), play.restarts.due()), ("", None));
}

/// Whatever happens in whatever order: at the end of a shutdown nothing lives, and nothing was started twice.
#[test]
fn whatever_happens_nothing_is_left_and_nothing_lives_twice() {
    let strategies = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne, Strategy::Dynamic];
    let kinds = [Restart::Permanent, Restart::Transient, Restart::Temporary];
    proptest!(|(strategy in 0..4usize, kind in 0..3usize, acts in collection::vec((0..6u8, 0..5u64), 0..60))| {
        let mut play = Play::new(three(strategies[strategy], kinds[kind]).intensity(10, Duration::from_secs(1)));
        play.stubborn = vec![1];
        let (mut story, mut alive) = (vec![], BTreeSet::from([0, 1, 2]));
        play.done();
        for (act, key) in acts {
            let lives = alive.contains(&key);
            match act {
                0 | 1 if lives => {
                    alive.remove(&key);
                    story.push(format!("end {key}"));
                    play.ends(key, if act == 0 { Cause::Failed } else { Cause::Normal });
                }
                2 => play.restarts.stop(key, play.now),
                3 if play.restarts.why().is_none() => _ = play.restarts.add(&child(kinds[kind]), play.now),
                4 => play.passes(key * 70),
                _ if play.restarts.state(key) == Some((State::Down, Goal::Stop)) => play.restarts.start(key, play.now),
                _ => {}
            }
            play.act();
            for done in std::mem::take(&mut play.done) {
                let key = done[1..].parse::<Key>().expect("a key");
                match &done[..1] {
                    "+" => prop_assert!(alive.insert(key), "{} lives twice: {:?}", key, story),
                    "-" | "x" => prop_assert!(alive.remove(&key), "{} does not live: {:?}", key, story),
                    _ => {}
                }
                story.push(done);
            }
        }
        play.shutdown();
        play.passes(5_000);
        prop_assert!(play.end.is_some(), "{:?}", story);
        prop_assert_eq!(play.restarts.due(), None);
        prop_assert!(play.restarts.children.is_empty());
    });
}
