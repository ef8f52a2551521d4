//! Whom to look for, and when.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ::zenoh::session::ZenohId;

use super::keys::Id;
use crate::address::Place;
use crate::mesh::engine::{ConnectError, Presence};

/// Of two nodes that know each other, the one with the smaller id dials at each of so many ticks: when both dial at once,
/// both links may fail; if the greater cannot reach the smaller, the smaller must.
const TICKS_OF_THE_SMALLER: u64 = 5;

/// From so many failed dials on, it is dialled more seldom: every so many ticks.
const DIALS_QUICK: u32 = 60;
const TICKS_SLOW: u64 = 4;

/// How long a node that nobody named is looked for.
const REMEMBERED: Duration = Duration::from_secs(300);

/// Places that are remembered.
const PLACES_MAX: usize = 4096;

/// How often a person hears why a node is not reached.
const WARNING: Duration = Duration::from_secs(10);

/// Every place that was named or heard of.
pub(super) struct Places {
    me: Presence,
    known: HashMap<Place, Known>,
}

#[derive(Default)]
struct Known {
    /// Somebody named it: never forgotten.
    seed: bool,
    /// Who answered there last.
    last: Option<Presence>,
    missing_since: Option<Instant>,
    dialling: bool,
    failed: u32,
    warned: Option<Instant>,
}

impl Places {
    pub fn new(me: Presence) -> Places {
        Places { me, known: HashMap::new() }
    }

    /// Somebody named it.
    pub fn seed(&mut self, place: &Place) {
        self.known.entry(place.clone()).or_default().seed = true;
    }

    /// Somebody is there.
    pub fn heard(&mut self, presence: &Presence) {
        if *presence != self.me && (self.known.len() < PLACES_MAX || self.known.contains_key(&presence.place)) {
            let known = self.known.entry(presence.place.clone()).or_default();
            (known.last, known.missing_since) = (Some(presence.clone()), None);
        }
    }

    /// Somebody may be there: what we know ourselves counts more.
    pub fn rumour(&mut self, presence: &Presence) {
        if !self.known.contains_key(&presence.place) {
            self.heard(presence);
        }
    }

    /// Somebody answers there; it may have another name than that place.
    pub fn answered(&mut self, place: &Place, presence: &Presence) {
        if let Some(known) = self.known.get_mut(place) {
            known.last = Some(presence.clone());
        }
    }

    /// Somebody left of its own will: it is looked for only if it was named.
    pub fn left(&mut self, place: &Place) {
        self.known.retain(|other, known| other != place || known.seed);
    }

    /// Whom to dial at this tick. None of them is answered again before its dial was [`Places::dialled`].
    pub fn due(&mut self, tick: u64, now: Instant, is_here: impl Fn(&Presence) -> bool) -> Vec<Place> {
        let me = &self.me;
        self.known.retain(|place, known| {
            if *place == me.place || known.last.as_ref() == Some(me) {
                return false;
            }
            if known.last.as_ref().is_some_and(&is_here) {
                (known.missing_since, known.failed) = (None, 0);
                return true;
            }
            known.seed || now - *known.missing_since.get_or_insert(now) < REMEMBERED
        });
        let due = self.known.iter_mut().filter(|(_, known)| {
            let missing = !known.last.as_ref().is_some_and(&is_here);
            missing && !known.dialling && tick.is_multiple_of(known.ticks(me))
        });
        due.map(|(place, known)| (known.dialling = true, place.clone()).1).collect()
    }

    /// A dial has ended. Answers whether a person should hear why it failed.
    pub fn dialled(&mut self, place: &Place, result: Result<(), &ConnectError>, now: Instant) -> bool {
        let Some(known) = self.known.get_mut(place) else { return false };
        known.dialling = false;
        known.failed = if result.is_ok() { 0 } else { known.failed.saturating_add(1) };
        let wrong = matches!(result, Err(ConnectError::WrongCookie(_) | ConnectError::NotANode(_)));
        let warns = wrong && known.warned.is_none_or(|warned| now - warned >= WARNING);
        if warns {
            known.warned = Some(now);
        }
        warns
    }
}

impl Known {
    /// At every how many ticks it is dialled.
    fn ticks(&self, me: &Presence) -> u64 {
        let slow = if self.failed > DIALS_QUICK { TICKS_SLOW } else { 1 };
        let smaller = self.last.as_ref().is_some_and(|last| greater(last, me));
        if smaller { slow.max(TICKS_OF_THE_SMALLER) } else { slow }
    }
}

/// As the engine compares, so that it and we agree on who dials.
fn greater(one: &Presence, other: &Presence) -> bool {
    engine_id(one) > engine_id(other)
}

/// A presence, as the engine names it.
pub(super) fn engine_id(presence: &Presence) -> ZenohId {
    Id::of(presence).to_string().parse().expect("32 hex digits without a leading 0 are one of the engine's ids")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(place: &str) -> Presence {
        Presence { place: place.parse().unwrap(), incarnation: 1 }
    }

    /// At which of the first ten ticks a place is dialled.
    fn ticks(places: &mut Places, place: &Place) -> Vec<u64> {
        let dialled = |tick: &u64| {
            let due = places.due(*tick, Instant::now(), |_| false);
            due.iter().for_each(|place| _ = places.dialled(place, Ok(()), Instant::now()));
            due.contains(place)
        };
        (1..=10).filter(dialled).collect()
    }

    #[test]
    fn of_two_that_know_each_other_one_dials_at_each_tick_and_one_at_each_fifth() {
        let [a, b] = ["a:1", "b:1"].map(presence);
        let [mut of_a, mut of_b] = [&a, &b].map(|me| Places::new(me.clone()));
        of_a.heard(&b);
        of_b.heard(&a);
        let mut both = [ticks(&mut of_a, &b.place), ticks(&mut of_b, &a.place)];
        both.sort_by_key(Vec::len);
        assert_eq!(both, [vec![5, 10], (1..=10).collect()]);
        assert_eq!(greater(&a, &b), both[1] == ticks(&mut of_a, &b.place));
    }

    #[test]
    fn one_that_is_here_or_being_dialled_is_not_dialled() {
        let (me, seed) = (presence("me:1"), presence("a:1"));
        let mut places = Places::new(me.clone());
        [&seed, &me].iter().for_each(|presence| places.seed(&presence.place));
        let now = Instant::now();
        assert_eq!(places.due(1, now, |_| false), std::slice::from_ref(&seed.place), "never oneself");
        assert!(places.due(2, now, |_| false).is_empty());
        places.answered(&seed.place, &presence("another-name:1"));
        places.dialled(&seed.place, Ok(()), now);
        assert!(places.due(5, now, |here| *here == presence("another-name:1")).is_empty());
        places.answered(&seed.place, &me);
        assert!(places.due(5, now, |_| false).is_empty(), "oneself under another name");
    }

    #[test]
    fn seeds_are_looked_for_for_ever_and_others_for_five_minutes() {
        let (now, mut places) = (Instant::now(), Places::new(presence("me:1")));
        places.seed(&presence("seed:1").place);
        ["seed:1", "heard:1", "left:1"].iter().for_each(|place| places.heard(&presence(place)));
        ["seed:1", "left:1"].iter().for_each(|place| places.left(&presence(place).place));
        let dialled = |places: &mut Places, now| {
            let mut due = places.due(20, now, |_| false);
            due.iter().for_each(|place| _ = places.dialled(place, Ok(()), now));
            due.sort();
            due.iter().map(|place| place.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(dialled(&mut places, now), ["heard:1", "seed:1"]);
        assert_eq!(dialled(&mut places, now + REMEMBERED), ["seed:1"]);
        (0..2 * PLACES_MAX).for_each(|n| places.heard(&presence(&format!("flood{n}:1"))));
        assert_eq!(places.known.len(), PLACES_MAX);
    }

    #[test]
    fn a_person_hears_once_in_ten_seconds_why_a_node_is_not_reached() {
        let (now, place) = (Instant::now(), presence("a:1").place);
        let mut places = Places::new(presence("me:1"));
        places.seed(&place);
        let [cookie, other] = [ConnectError::WrongCookie(place.clone()), ConnectError::NotANode(place.clone())];
        let nobody = ConnectError::Unreachable { place: place.clone(), why: String::new() };
        let mut warned = |error, now| places.dialled(&place, Err(error), now);
        assert!(!warned(&nobody, now), "nobody there is no news");
        assert!(warned(&cookie, now));
        assert!(!warned(&other, now + WARNING / 2));
        assert!(warned(&other, now + WARNING));
    }
}
