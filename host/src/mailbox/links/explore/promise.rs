//! What one actor may count on, in the words of the design and not in those of the code.

use serde_json::{Value, json};

use super::actor::Life;
use super::*;

/// What has happened to one actor, as far as something is promised because of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Promise {
    pub traps: bool,
    /// By actor: this one linked it, has not unlinked it since, and has not heard of its end.
    pub asked: [bool; ACTORS],
    /// By actor: it is an ancestor whose link has arrived, and neither of the two has ended that.
    pub agreed: [bool; ACTORS],
    pub monitors: Vec<Monitor>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Monitor {
    pub reference: Reference,
    pub target: usize,
    pub state: MonitorState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum MonitorState {
    Open,
    /// It has given its message.
    Told,
    /// `demonitor` has returned.
    Withdrawn,
}

/// What a signal must come to.
#[derive(Debug, PartialEq)]
pub(super) enum Due {
    Nothing,
    Message(About, Value),
    End(Value),
}

impl Promise {
    /// Whether the end of another is any of this actor's business: it asked, or it is a descendant that was linked.
    pub(super) fn hears(&self, other: usize) -> bool {
        self.asked[other] || self.agreed[other]
    }

    pub(super) fn unlinks(&mut self, other: usize) {
        (self.asked[other], self.agreed[other]) = (false, false);
    }

    /// What a signal must come to, and what is promised from then on.
    pub(super) fn due(&mut self, from: usize, is_ancestor: bool, signal: &Signal) -> Due {
        match signal {
            Signal::Link => self.agreed[from] |= is_ancestor,
            Signal::Unlink => self.agreed[from] = false,
            Signal::Exit(outcome) => return self.exit(from, outcome),
            Signal::Down(reference, outcome) => return self.down(from, *reference, outcome),
            Signal::Kill if is_ancestor => {
                return Due::End(json!({"type": "killed", "message": "the actor was killed"}));
            }
            Signal::Shutdown(reason) if is_ancestor => return self.shutdown(from, reason),
            Signal::Message(_) | Signal::Monitor(_) | Signal::Demonitor(_) | Signal::Kill | Signal::Shutdown(_) => {}
        }
        Due::Nothing
    }

    /// Each link comes to at most one thing, and a normal exit harms nobody.
    fn exit(&mut self, from: usize, outcome: &Outcome) -> Due {
        if !self.hears(from) {
            return Due::Nothing;
        }
        self.unlinks(from);
        if self.traps {
            return Due::Message(About::Link(party(from)), told(from, outcome));
        }
        match outcome {
            Outcome::Exit(_) => Due::Nothing,
            Outcome::Exception(exception) => {
                let ended: Value = serde_json::from_str(&exception.to_json()).expect("JSON");
                let cause = if ended["type"] == "linked" { ended["cause"].clone() } else { ended };
                let message = format!("{}, which this actor is linked with, ended with an exception", address(from));
                Due::End(json!({"type": "linked", "message": message, "address": address(from), "cause": cause}))
            }
        }
    }

    /// Each monitor comes to exactly one message.
    fn down(&mut self, from: usize, reference: Reference, outcome: &Outcome) -> Due {
        let mut monitors = self.monitors.iter_mut();
        let Some(monitor) = monitors.find(|monitor| monitor.reference == reference && monitor.target == from) else {
            return Due::Nothing;
        };
        if monitor.state != MonitorState::Open {
            return Due::Nothing;
        }
        monitor.state = MonitorState::Told;
        let mut message = told(from, outcome);
        message["monitor"] = match reference {
            Reference::Random(bits) => bits.to_string().into(),
            Reference::Child(_) => address(from).into(),
        };
        Due::Message(About::Monitor(reference), message)
    }

    fn shutdown(&self, from: usize, reason: &Message) -> Due {
        let reason = reason.to_value();
        if self.traps {
            let message = json!({"address": address(from), "shutdown": reason});
            return Due::Message(About::Shutdown(Some(party(from))), message);
        }
        Due::End(json!({"type": "shutdown", "message": "the actor was asked to end", "reason": reason}))
    }
}

/// What holds when nothing is in flight and nobody is about to end: all has been told, both sides agree, and no entry is
/// about the dead.
pub(super) fn quiet(actors: [&Actor; ACTORS]) -> Result<(), String> {
    let lives = |actor: usize| actors[actor].life == Life::Runs;
    for actor in actors {
        let Actor { links, promise, .. } = actor;
        for other in (0..ACTORS).filter(|other| !lives(*other)) {
            promised!(!promise.hears(other), "{actor:?} has not heard of the end of {other}");
        }
        for monitor in &promise.monitors {
            let missed = monitor.state == MonitorState::Open && !lives(monitor.target);
            promised!(!missed, "{monitor:?} has given no message");
        }
        for (other, tie) in &links.ties {
            let back = actors[number(other)].links.ties.get(&party(actor.me));
            let agree = back.is_some_and(|back| back.mine == tie.theirs && back.theirs == tie.mine);
            promised!(lives(number(other)) && agree, "{} has {tie:?} with {other:?}, which has {back:?}", actor.me);
        }
        for (watcher, reference) in &links.watchers {
            let watched = actors[number(watcher)].links.watching.get(reference);
            let watched = watched.is_some_and(|watched| number(&watched.target) == actor.me);
            promised!(watched, "{} keeps a watcher {watcher:?} that does not watch it", actor.me);
        }
        for (reference, watched) in &links.watching {
            let watcher = (party(actor.me), *reference);
            let known = actors[number(&watched.target)].links.watchers.contains(&watcher);
            promised!(known, "{watched:?} does not know that {} watches it", actor.me);
        }
    }
    Ok(())
}

fn address(actor: usize) -> String {
    party(actor).address(&here()).to_string()
}

/// `{"address": A, "exit": V}` or `{"address": A, "exception": E}`.
fn told(from: usize, outcome: &Outcome) -> Value {
    let mut message: Value = serde_json::from_str(&outcome.to_json()).expect("JSON");
    message["address"] = address(from).into();
    message
}
