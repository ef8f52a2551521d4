//! The search: all states that three actors and the signals between them can come to.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::actor::{Event, Flight, Life};
use super::promise::quiet;
use super::*;

/// All that was met so far. Actors, signals, queues and steps are numbered as they are met, so that a state is nine
/// small numbers, and a step that was taken once is looked up.
pub(super) struct Search {
    family: Family,
    actors: [Numbered<Actor>; ACTORS],
    signals: Numbered<Flight>,
    /// By sender and receiver.
    queues: [[Numbered<Vec<u16>>; ACTORS]; ACTORS],
    steps: Vec<Step>,
    /// The numbers of steps, by actor; of arrivals, by sender and signal too.
    operations: [Quick<u16, Vec<u32>>; ACTORS],
    ends: [Quick<u16, u32>; ACTORS],
    arrivals: [[Quick<(u16, u16), u32>; ACTORS]; ACTORS],
    /// A queue with one signal more, and without its first.
    pushed: [[Quick<(u16, u16), u16>; ACTORS]; ACTORS],
    heads: [[Quick<u16, (u16, u16)>; ACTORS]; ACTORS],
    seen: HashSet<State, BuildHasherDefault<Mixed>>,
    /// The state that each was met from, if the way to it is asked for: that takes more memory than all else.
    met_from: Option<Quick<State, State>>,
    ends_met: BTreeSet<String>,
    /// The first promise that was broken, and the state it was broken in.
    broken: Option<(State, String)>,
}

/// The actors, and the signals in flight from each to each.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    actors: [u16; ACTORS],
    queues: [[u16; ACTORS]; ACTORS],
}

/// Written out, since most of the search is this.
impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let ([a, b, c], [[_, d, e], [f, _, g], [h, i, _]]) = (self.actors, self.queues);
        hasher.write_u64(a as u64 | (b as u64) << 16 | (c as u64) << 32 | (d as u64) << 48);
        hasher.write_u64(e as u64 | (f as u64) << 16 | (g as u64) << 32 | (h as u64) << 48);
        hasher.write_u64(i as u64);
    }
}

/// What one actor does at once.
struct Step {
    event: Event,
    becomes: u16,
    sent: Vec<(usize, u16)>,
}

struct Move {
    actor: usize,
    step: u32,
    next: State,
}

/// The empty queue's number.
const EMPTY: u16 = 0;

impl Search {
    pub(super) fn new(family: Family, remembers_way: bool) -> Search {
        let mut queues = <[[Numbered<Vec<u16>>; ACTORS]; ACTORS]>::default();
        queues.iter_mut().flatten().for_each(|queues| assert_eq!(queues.number(Vec::new()), EMPTY));
        Search {
            family,
            queues,
            actors: Default::default(),
            signals: Numbered::default(),
            steps: Vec::new(),
            operations: Default::default(),
            ends: Default::default(),
            arrivals: Default::default(),
            pushed: Default::default(),
            heads: Default::default(),
            seen: HashSet::default(),
            met_from: remembers_way.then(Quick::default),
            ends_met: BTreeSet::new(),
            broken: None,
        }
    }

    /// Visits every state, those with the most operations to go first, so that none is visited twice. Answers the names
    /// of the ends that were met.
    ///
    /// # Errors
    ///
    /// The first promise that is broken, and the way there if it was to be remembered.
    pub(super) fn run(mut self, actors: [Actor; ACTORS], operations: usize) -> Result<BTreeSet<String>, String> {
        let mut start = State { actors: [0; ACTORS], queues: [[EMPTY; ACTORS]; ACTORS] };
        for (me, actor) in actors.into_iter().enumerate() {
            start.actors[me] = self.actors[me].number(actor);
        }
        self.seen.insert(start);
        let mut layer = vec![start];
        for left in (0..=operations).rev() {
            // First what happens by itself: the list grows while it is read.
            let mut at = 0;
            while let Some(state) = layer.get(at).copied() {
                let moves = if left > 0 { self.moves_by_itself(state) } else { self.last_moves(state) };
                if moves.is_empty() {
                    self.check_quiet(state);
                }
                self.enter(state, moves, &mut layer)?;
                at += 1;
            }
            let mut next = Vec::new();
            if left > 0 {
                for state in layer {
                    let moves = self.moves_by_operation(state);
                    self.enter(state, moves, &mut next)?;
                }
            }
            layer = next;
        }
        Ok(self.ends_met)
    }

    fn enter(&mut self, from: State, moves: Vec<Move>, found: &mut Vec<State>) -> Result<(), String> {
        if let Some((state, broken)) = self.broken.take() {
            return Err(format!("{}{broken}", self.way_to(state)));
        }
        for Move { next, .. } in moves {
            if self.seen.insert(next) {
                self.met_from.as_mut().map(|met_from| met_from.insert(next, from));
                found.push(next);
            }
        }
        Ok(())
    }

    /// The arrivals that are due, and the ends.
    fn moves_by_itself(&mut self, state: State) -> Vec<Move> {
        let mut moves = Vec::new();
        for me in 0..ACTORS {
            let before = moves.len();
            self.moves_of(state, me, &mut moves);
            // What comes to the dead changes nobody, and its answer follows only other such: whenever it comes, all
            // else is the same. So it comes first, and alone.
            if moves.len() > before && *self.life(state, me) == Life::Ended {
                return moves.split_off(before);
            }
        }
        moves
    }

    /// As [`Search::moves_by_itself`] when no operation is to come: those of one actor to which nothing can come that is
    /// not in a queue already, behind something else. All others can wait, as no step of theirs matters to it.
    fn last_moves(&mut self, state: State) -> Vec<Move> {
        let moves = self.moves_by_itself(state);
        if moves.len() < 2 {
            return moves;
        }
        let free = (0..ACTORS).find(|me| {
            let others = [(me + 1) % ACTORS, (me + 2) % ACTORS];
            let settled = |other: &usize| state.queues[*other][*me] != EMPTY || !self.may_end(state, *other, *me);
            moves.iter().any(|one| one.actor == *me) && others.iter().all(settled)
        });
        moves.into_iter().filter(|one| free.is_none_or(|me| one.actor == me)).collect()
    }

    /// Whether an actor may come to its end, and tell of it, before another one moves.
    fn may_end(&self, state: State, me: usize, other: usize) -> bool {
        let third = ACTORS - me - other;
        let struck = |me: usize| match self.life(state, me) {
            Life::Ending(_) => true,
            Life::Ended => false,
            Life::Runs => (0..ACTORS).any(|from| {
                let queue = &self.queues[from][me].all[state.queues[from][me] as usize];
                let signals = queue.iter().map(|signal| &self.signals.all[*signal as usize]);
                signals.into_iter().any(|signal| matches!(signal, Flight::Exit(_) | Flight::Kill | Flight::Shutdown))
            }),
        };
        let runs = *self.life(state, me) == Life::Runs;
        struck(me) || runs && struck(third)
    }

    fn life(&self, state: State, me: usize) -> &Life {
        &self.actors[me].all[state.actors[me] as usize].life
    }

    fn moves_of(&mut self, state: State, me: usize, moves: &mut Vec<Move>) {
        for from in 0..ACTORS {
            if state.queues[from][me] != EMPTY {
                let arrival = self.arrival(state, me, from);
                moves.push(arrival);
            }
        }
        let number = state.actors[me];
        if matches!(self.life(state, me), Life::Ending(_)) {
            let step = self.ends[me].get(&number).copied().unwrap_or_else(|| {
                let step = self.step(state, me, Event::End);
                self.ends[me].insert(number, step);
                step
            });
            let end = self.after(state, me, step);
            moves.push(end);
        }
    }

    fn moves_by_operation(&mut self, state: State) -> Vec<Move> {
        let mut moves = Vec::new();
        for me in 0..ACTORS {
            let number = state.actors[me];
            if !self.operations[me].contains_key(&number) {
                let operations = self.actors[me].all[number as usize].operations(self.family);
                let acts = operations.into_iter().map(Event::Act);
                let steps = acts.map(|act| self.step(state, me, act)).collect();
                self.operations[me].insert(number, steps);
            }
            for index in 0..self.operations[me][&number].len() {
                let after = self.after(state, me, self.operations[me][&number][index]);
                moves.push(after);
            }
        }
        moves
    }

    /// The oldest signal from one actor comes to another.
    fn arrival(&mut self, mut state: State, me: usize, from: usize) -> Move {
        let queue = &mut state.queues[from][me];
        let (signal, rest) = self.heads[from][me].get(queue).copied().unwrap_or_else(|| {
            let queues = &mut self.queues[from][me];
            let (signal, rest) = queues.all[*queue as usize].split_first().expect("it is not empty");
            let (signal, rest) = (*signal, rest.to_vec());
            let head = (signal, queues.number(rest));
            self.heads[from][me].insert(*queue, head);
            head
        });
        let whole = state;
        state.queues[from][me] = rest;
        let key = (state.actors[me], signal);
        let step = self.arrivals[from][me].get(&key).copied().unwrap_or_else(|| {
            let event = Event::Arrive(from, self.signals.all[signal as usize].clone());
            let step = self.step(whole, me, event);
            self.arrivals[from][me].insert(key, step);
            step
        });
        self.after(state, me, step)
    }

    /// Lets one actor take a step that it has not taken in its state before.
    fn step(&mut self, state: State, me: usize, event: Event) -> u32 {
        let mut actor = self.actors[me].all[state.actors[me] as usize].clone();
        let sent = actor.step(self.family, &event).and_then(|sent| actor.check().map(|()| sent));
        let sent = sent.unwrap_or_else(|broken| {
            self.broken.get_or_insert((state, format!("{me}: {event:?}\n{broken}")));
            Vec::new()
        });
        if let Life::Ending(end) = &actor.life {
            self.ends_met.insert(end.name());
        }
        let sent = sent.into_iter().map(|(to, flight)| (to, self.signals.number(flight))).collect();
        let becomes = self.actors[me].number(actor);
        self.steps.push(Step { event, becomes, sent });
        u32::try_from(self.steps.len() - 1).expect("few steps")
    }

    fn after(&mut self, mut state: State, me: usize, step: u32) -> Move {
        let Step { becomes, sent, .. } = &self.steps[step as usize];
        state.actors[me] = *becomes;
        for (to, signal) in sent {
            let (queues, pushed) = (&mut self.queues[me][*to], &mut self.pushed[me][*to]);
            let queue = &mut state.queues[me][*to];
            *queue = *pushed.entry((*queue, *signal)).or_insert_with(|| {
                let longer = queues.all[*queue as usize].iter().copied().chain([*signal]).collect();
                queues.number(longer)
            });
        }
        Move { actor: me, step, next: state }
    }

    /// What holds when nothing is in flight and nobody is about to end: all has been told, and both sides agree.
    fn check_quiet(&mut self, state: State) {
        let actors = [0, 1, 2].map(|me| &self.actors[me].all[state.actors[me] as usize]);
        if let Err(broken) = quiet(actors) {
            self.broken = Some((state, broken));
        }
    }

    /// The steps that lead to a state, one a line.
    fn way_to(&mut self, state: State) -> String {
        let Some(met_from) = &self.met_from else {
            return String::new();
        };
        let mut way = vec![state];
        while let Some(before) = met_from.get(&way[way.len() - 1]) {
            way.push(*before);
        }
        way.reverse();
        let mut lines = String::new();
        for pair in way.windows(2) {
            let mut moves = self.moves_by_itself(pair[0]);
            if moves.iter().all(|one| one.next != pair[1]) {
                moves = self.moves_by_operation(pair[0]);
            }
            let taken = moves.iter().find(|one| one.next == pair[1]).expect("it was taken before");
            lines.push_str(&format!("{}: {:?}\n", taken.actor, self.steps[taken.step as usize].event));
        }
        lines
    }
}

/// Values by number and numbers by value.
struct Numbered<T> {
    all: Vec<T>,
    numbers: HashMap<T, u16>,
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn number(&mut self, value: T) -> u16 {
        let next = u16::try_from(self.all.len()).expect("a few thousand values");
        let number = *self.numbers.entry(value.clone()).or_insert(next);
        if number == next {
            self.all.push(value);
        }
        number
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered { all: Vec::new(), numbers: HashMap::new() }
    }
}

/// A map by numbers. The standard hash withstands an enemy, which takes longer than the search itself.
type Quick<K, V> = HashMap<K, V, BuildHasherDefault<Mixed>>;

#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    /// Both halves of the product, so that each bit reaches each.
    fn write_u64(&mut self, number: u64) {
        let product = (self.0 ^ number) as u128 * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64).rotate_left(23) ^ (product >> 64) as u64;
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }
}
