//! Whose turn it is: the routees of a router and the ways to choose among them. Pure.

use std::collections::BTreeSet;

use serde::Deserialize;

/// How a routee is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Strategy {
    /// One after the other.
    RoundRobin,
    /// Any of them.
    Random,
    /// All of them.
    Broadcast,
    /// The same one for the same key.
    Hash,
    /// The one with the fewest calls outstanding.
    LeastLoaded,
}

/// A routee's number. None is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat(u64);

/// Points of each routee on the ring. The share of keys that a routee has differs from its fair share by one part in the
/// root of this, 9 %; each point is an entry of a set.
const POINTS: u32 = 128;

/// The routees among which messages go round.
#[derive(Debug)]
pub(super) struct Rotation {
    strategy: Strategy,
    seats: Vec<Seat>,
    seats_so_far: u64,
    /// Whose turn is next, as an index.
    next: usize,
    /// For `Hash`: a key belongs to the first point that is not before it, around the end to the beginning.
    ring: BTreeSet<(u64, Seat)>,
}

/// What a choice may have to ask. Each is asked only where the strategy wants it.
pub(super) struct Occasion<'a> {
    /// The place of the message's key on the ring: see [`place`].
    pub(super) key: &'a dyn Fn() -> u64,
    /// Any number.
    pub(super) random: &'a dyn Fn() -> u64,
    /// How many calls a routee has not answered; none if this message is no call.
    pub(super) load: Option<&'a dyn Fn(Seat) -> usize>,
}

impl Rotation {
    pub(super) fn new(strategy: Strategy) -> Rotation {
        Rotation { strategy, seats: Vec::new(), seats_so_far: 0, next: 0, ring: BTreeSet::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    pub(super) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Whether a message goes to all.
    pub(super) fn is_broadcast(&self) -> bool {
        self.strategy == Strategy::Broadcast
    }

    /// Adds a routee at the end. Where it stands on the ring follows from its name alone, so that it has the same keys
    /// when it comes back, and in every router.
    pub(super) fn add(&mut self, name: &str) -> Seat {
        self.seats_so_far += 1;
        let seat = Seat(self.seats_so_far);
        self.seats.push(seat);
        if self.strategy == Strategy::Hash {
            self.ring.extend((0..POINTS).map(|point| (place(&format!("{point} {name}")), seat)));
        }
        seat
    }

    /// Takes a routee out. The turn stays with whoever has it. One that is not in is no mistake.
    pub(super) fn remove(&mut self, seat: Seat) {
        let Some(index) = self.index_of(seat) else { return };
        self.seats.remove(index);
        self.next -= usize::from(index < self.next);
        self.ring.retain(|(_, other)| *other != seat);
    }

    /// Takes out all that do not stay, as [`Rotation::remove`] would one after the other.
    pub(super) fn retain(&mut self, stays: impl Fn(Seat) -> bool) {
        self.next -= self.seats[..self.next].iter().filter(|seat| !stays(**seat)).count();
        self.seats.retain(|seat| stays(*seat));
        self.ring.retain(|(_, seat)| stays(*seat));
    }

    pub(super) fn contains(&self, seat: Seat) -> bool {
        self.index_of(seat).is_some()
    }

    /// Chooses a routee, and answers it and after it all others, each once, in the order in which to try them.
    pub(super) fn choose(&mut self, occasion: &Occasion<'_>) -> impl Iterator<Item = Seat> {
        let first = if self.seats.is_empty() { 0 } else { self.first(occasion) };
        let (before, from) = self.seats.split_at(first);
        from.iter().chain(before).copied()
    }

    fn first(&mut self, occasion: &Occasion<'_>) -> usize {
        match (self.strategy, occasion.load) {
            (Strategy::Broadcast, _) => 0,
            (Strategy::Random, _) => ((occasion.random)() % self.seats.len() as u64) as usize,
            (Strategy::Hash, _) => self.keeper((occasion.key)()),
            (Strategy::RoundRobin, _) | (Strategy::LeastLoaded, None) => self.turn(),
            (Strategy::LeastLoaded, Some(load)) => {
                // From the one whose turn it is, so that routees with nothing to do all get something.
                let turn = self.turn();
                let around = (turn..self.seats.len()).chain(0..turn);
                around.min_by_key(|index| load(self.seats[*index])).expect("there are routees")
            }
        }
    }

    fn turn(&mut self) -> usize {
        let turn = self.next % self.seats.len();
        self.next = turn + 1;
        turn
    }

    /// Who keeps a key.
    fn keeper(&self, key: u64) -> usize {
        let mut from_there = self.ring.range((key, Seat(0))..);
        let point = from_there.next().or_else(|| self.ring.first());
        let (_, seat) = point.expect("each routee has its points");
        self.index_of(*seat).expect("who is on the ring is in the rotation")
    }

    fn index_of(&self, seat: Seat) -> Option<usize> {
        // Numbers go up, and new ones stand at the end.
        self.seats.binary_search(&seat).ok()
    }
}

/// A text's place on the ring, the same on every machine.
pub(super) fn place(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const NOTHING: Occasion<'_> = Occasion { key: &|| 0, random: &|| 0, load: None };

    fn rotation(strategy: Strategy, routees: usize) -> (Rotation, Vec<Seat>) {
        let mut rotation = Rotation::new(strategy);
        let seats = (0..routees).map(|routee| rotation.add(&format!("routee-{routee}"))).collect();
        (rotation, seats)
    }

    fn first(rotation: &mut Rotation, occasion: &Occasion<'_>) -> Option<Seat> {
        rotation.choose(occasion).next()
    }

    fn keeper(rotation: &mut Rotation, key: &str) -> Seat {
        let occasion = Occasion { key: &|| place(key), ..NOTHING };
        first(rotation, &occasion).expect("there are routees")
    }

    #[test]
    fn nobody_is_chosen_among_none() {
        for strategy in
            [Strategy::RoundRobin, Strategy::Random, Strategy::Broadcast, Strategy::Hash, Strategy::LeastLoaded]
        {
            let (mut rotation, _) = rotation(strategy, 0);
            assert_eq!(first(&mut rotation, &Occasion { load: Some(&|_| 0), ..NOTHING }), None, "{strategy:?}");
        }
    }

    #[test]
    fn round_robin_goes_round_and_tries_all_from_there() {
        let (mut rotation, seats) = rotation(Strategy::RoundRobin, 3);
        let firsts: Vec<Seat> = (0..4).filter_map(|_| first(&mut rotation, &NOTHING)).collect();
        assert_eq!(firsts, [seats[0], seats[1], seats[2], seats[0]]);
        let tried: Vec<Seat> = rotation.choose(&NOTHING).collect();
        assert_eq!(tried, [seats[1], seats[2], seats[0]]);
    }

    #[test]
    fn who_leaves_takes_nobody_s_turn() {
        let (mut rotation, seats) = rotation(Strategy::RoundRobin, 4);
        first(&mut rotation, &NOTHING);
        first(&mut rotation, &NOTHING);
        rotation.remove(seats[0]);
        rotation.remove(seats[0]);
        assert_eq!(first(&mut rotation, &NOTHING), Some(seats[2]));
        rotation.remove(seats[3]);
        assert_eq!(first(&mut rotation, &NOTHING), Some(seats[1]));
        assert_eq!((rotation.len(), rotation.contains(seats[3])), (2, false));
    }

    #[test]
    fn many_who_leave_at_once_take_nobody_s_turn_and_no_keys_with_them() {
        for turns in 0..=6 {
            for strategy in [Strategy::RoundRobin, Strategy::Hash] {
                let [mut one_by_one, mut at_once] = [rotation(strategy, 6).0, rotation(strategy, 6).0];
                for rotation in [&mut one_by_one, &mut at_once] {
                    (0..turns).for_each(|_| _ = first(rotation, &NOTHING));
                }
                let gone = [Seat(1), Seat(3), Seat(6)];
                gone.iter().for_each(|seat| one_by_one.remove(*seat));
                at_once.retain(|seat| !gone.contains(&seat));
                assert_eq!(format!("{one_by_one:?}"), format!("{at_once:?}"), "{turns}");
            }
        }
    }

    #[test]
    fn random_takes_what_chance_says() {
        let (mut rotation, seats) = rotation(Strategy::Random, 3);
        for number in [0, 2, 4, u64::MAX] {
            let occasion = Occasion { random: &|| number, ..NOTHING };
            assert_eq!(first(&mut rotation, &occasion), Some(seats[(number % 3) as usize]));
        }
    }

    #[test]
    fn broadcast_is_for_all_in_their_order() {
        let (mut rotation, seats) = rotation(Strategy::Broadcast, 3);
        for _ in 0..2 {
            assert_eq!(rotation.choose(&NOTHING).collect::<Vec<_>>(), seats);
        }
    }

    #[test]
    fn least_loaded_takes_the_one_with_the_fewest_and_goes_round_among_equals() {
        let (mut rotation, seats) = rotation(Strategy::LeastLoaded, 3);
        let mut calls = |loads: [usize; 3]| {
            let load = |seat: Seat| loads[seats.iter().position(|other| *other == seat).expect("a seat")];
            first(&mut rotation, &Occasion { load: Some(&load), ..NOTHING })
        };
        assert_eq!(calls([2, 1, 3]), Some(seats[1]));
        assert_eq!(
            [calls([0, 0, 0]), calls([0, 0, 0]), calls([0, 0, 0])],
            [Some(seats[1]), Some(seats[2]), Some(seats[0])]
        );
        assert_eq!(first(&mut rotation, &NOTHING), Some(seats[1]), "a plain message goes round");
    }

    #[test]
    fn the_same_key_has_the_same_routee_and_each_routee_its_share() {
        let (mut rotation, seats) = rotation(Strategy::Hash, 8);
        let mut shares = BTreeMap::<Seat, u32>::new();
        for key in 0..8000 {
            let seat = keeper(&mut rotation, &key.to_string());
            assert_eq!(keeper(&mut rotation, &key.to_string()), seat);
            *shares.entry(seat).or_default() += 1;
        }
        assert!(seats.iter().all(|seat| (700..1300).contains(&shares[seat])), "{shares:?}");
    }

    #[test]
    fn only_the_keys_of_a_routee_that_comes_or_goes_move() {
        let keys: Vec<String> = (0..4000).map(|key| key.to_string()).collect();
        let (mut rotation, seats) = rotation(Strategy::Hash, 8);
        let before: Vec<Seat> = keys.iter().map(|key| keeper(&mut rotation, key)).collect();
        rotation.remove(seats[3]);
        let without: Vec<Seat> = keys.iter().map(|key| keeper(&mut rotation, key)).collect();
        for (was, is) in before.iter().zip(&without) {
            assert!(if *was == seats[3] { is != was } else { is == was });
        }
        let back = rotation.add("routee-3");
        for (was, key) in before.iter().zip(&keys) {
            let is = keeper(&mut rotation, key);
            assert_eq!(is, if *was == seats[3] { back } else { *was }, "it has its own keys again");
        }
        let ninth = rotation.add("routee-8");
        let moved = keys.iter().zip(&before).filter(|(key, was)| {
            let is = keeper(&mut rotation, key);
            assert!(is == ninth || is == **was || is == back, "keys move to the new one only");
            is == ninth
        });
        assert!((250..700).contains(&moved.count()), "about a ninth of 4,000");
    }
}
