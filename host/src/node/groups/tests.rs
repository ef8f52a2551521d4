//! Who is in a group, whoever joins, leaves, ends or is lost; and what peers are told of it.

use proptest::prelude::*;

use super::*;
use crate::clock::Clock;
use crate::grants::Grants;
use crate::level::{Exceeded, Level};
use crate::limits::Limits;
use crate::mailbox::links::Links;
use crate::node::enter::{Brings, Parent};
use crate::node::uplink::{Asking, Boxed, Membership, Question, Then, Uplink};
use crate::outcome::Outcome;
use crate::signal::Envelope;
use crate::spawn_options::SpawnOptions;

fn actor(groups: u64) -> Arc<Mailbox> {
    let level = Level::root(&Limits::default().with(Limit::Groups, groups));
    Arc::new(Mailbox::new(Id::random(), 0, Box::default(), Arc::new(Grants::none()), level, Links::default()))
}

fn peer(number: usize) -> Place {
    format!("there:{}", number + 1).parse().expect("a place")
}

fn here(table: &Table, group: &str) -> Vec<(Id, u32)> {
    table.members_here(group).map(|(member, times)| (member.id(), times)).collect()
}

fn there(table: &Table, group: &str) -> Vec<(Place, Id, u32)> {
    let members = table.members_there(group);
    members.flat_map(|(peer, members)| members.iter().map(|(id, times)| (peer.clone(), *id, *times))).collect()
}

fn leaves(table: &mut Table, group: &str, actor: Id) {
    let mut less = table.membership(group, actor).expect("it is in");
    less.now -= 1;
    table.lessen(&less);
}

#[test]
fn an_actor_is_listed_as_often_as_it_has_joined_and_leaves_as_often() {
    let (mut table, one, other) = (Table::default(), actor(9), actor(9));
    for (actor, before) in [(&one, 0), (&one, 1), (&other, 0)] {
        let joined = table.join("a", actor).expect("room");
        assert_eq!((&*joined.group, joined.before, joined.now), ("a", before, before + 1));
    }
    let mut members = [(one.id(), 2), (other.id(), 1)];
    members.sort();
    assert_eq!(here(&table, "a"), members);
    leaves(&mut table, "a", one.id());
    assert_eq!(table.membership("a", one.id()).map(|left| left.now), Some(1));
    leaves(&mut table, "a", one.id());
    assert_eq!((table.membership("a", one.id()), table.membership("b", one.id())), (None, None));
    assert_eq!(here(&table, "a"), [(other.id(), 1)]);
    leaves(&mut table, "a", other.id());
    assert!(table.is_empty());
}

#[test]
fn memberships_are_limited_together_and_given_back() {
    let (mut table, actor) = (Table::default(), actor(2));
    let join = |table: &mut Table, group| table.join(group, &actor).map(|joined| joined.now);
    assert_eq!((join(&mut table, "a"), join(&mut table, "a")), (Ok(1), Ok(2)));
    let full = Exceeded { limit: Limit::Groups, used: 2, max: 2 };
    assert_eq!(join(&mut table, "b"), Err(NotJoined::TooMany(full)));
    leaves(&mut table, "a", actor.id());
    assert_eq!(join(&mut table, "b"), Ok(1));
    for mut gone in table.memberships_of(actor.id()) {
        gone.now = 0;
        table.lessen(&gone);
    }
    assert!(table.is_empty());
    assert!(actor.level().take(Limit::Groups, 2).is_ok(), "all was given back");
}

#[test]
fn a_node_s_actors_have_no_more_memberships_than_a_peer_would_take_and_a_peer_s_neither() {
    let (mut table, place) = (Table::default(), peer(0));
    let actors: Vec<_> = (0..100).map(|_| actor(1000)).collect();
    for number in 0..MEMBERSHIPS_MAX {
        let group = format!("group-{}", number / 100);
        table.join(&group, &actors[number as usize % 100]).expect("room");
        table.told(&place, &group, Id::from_bits(number.into()), 1).expect("room");
    }
    assert_eq!(table.join("more", &actor(1)), Err(NotJoined::NodeFull));
    assert_eq!(table.told(&place, "more", Id::random(), 1), Err(TooMany));
    assert_eq!(table.told(&place, "group-0", Id::from_bits(0), 2), Err(TooMany), "once more is more");
    assert_eq!(table.told(&place, "group-0", Id::from_bits(0), 0), Ok(()));
    assert_eq!(table.told(&place, "more", Id::random(), 1), Ok(()));
    assert_eq!(table.told(&peer(1), "more", Id::random(), u32::MAX), Err(TooMany));
    assert_eq!(table.told(&peer(1), "more", Id::random(), 100_000), Ok(()), "each peer has its own");
    table.lost(&place);
    assert_eq!((there(&table, "group-1"), there(&table, "more").len()), (Vec::new(), 1));
}

#[test]
fn who_follows_a_group_sees_each_change_of_it_and_no_other() {
    let (mut table, actor) = (Table::default(), actor(9));
    let mut seen = vec![table.changes_of("a")];
    let mut changed = |table: &Table| {
        let now = table.changes_of("a");
        let is_new = seen.last() != Some(&now);
        seen.push(now);
        is_new
    };
    table.join("a", &actor).expect("room");
    assert!(changed(&table));
    table.join("b", &actor).expect("room");
    leaves(&mut table, "b", actor.id());
    assert!(!changed(&table));
    table.told(&peer(0), "a", Id::from_bits(1), 1).expect("room");
    assert!(changed(&table));
    table.told(&peer(0), "a", Id::from_bits(1), 1).expect("it knows");
    table.told(&peer(0), "a", Id::from_bits(2), 0).expect("it knows");
    assert!(!changed(&table), "nothing has changed");
    table.lost(&peer(0));
    assert!(changed(&table));
    leaves(&mut table, "a", actor.id());
    assert!(changed(&table));
    table.join("a", &actor).expect("room");
    assert!(changed(&table), "another than before it was empty");
}

/// What may happen to a table.
#[derive(Clone, Debug)]
enum Step {
    Join(usize, usize),
    Leave(usize, usize),
    End(usize),
    Told(usize, usize, u128, u32),
    Lost(usize),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3usize, 0..3usize).prop_map(|(group, actor)| Step::Join(group, actor)),
        (0..3usize, 0..3usize).prop_map(|(group, actor)| Step::Leave(group, actor)),
        (0..3usize).prop_map(Step::End),
        (0..2usize, 0..3usize, 0..3u128, 0..3u32)
            .prop_map(|(peer, group, actor, times)| Step::Told(peer, group, actor, times)),
        (0..2usize).prop_map(Step::Lost),
    ]
}

proptest! {
    #[test]
    fn a_table_says_what_plain_lists_say(steps in prop::collection::vec(steps(), 0..60)) {
        let (mut table, actors) = (Table::default(), [actor(4), actor(4), actor(4)]);
        let names = ["a", "b", "c"];
        let mut near = std::collections::BTreeMap::<(usize, Id), u32>::new();
        let mut far = std::collections::BTreeMap::<(usize, usize, u128), u32>::new();
        for step in steps {
            match step {
                Step::Join(group, actor) => {
                    let id = actors[actor].id();
                    let used: u32 = near.iter().filter(|((_, other), _)| *other == id).map(|(_, times)| times).sum();
                    prop_assert_eq!(table.join(names[group], &actors[actor]).is_ok(), used < 4);
                    if used < 4 {
                        *near.entry((group, id)).or_default() += 1;
                    }
                }
                Step::Leave(group, actor) => {
                    let id = actors[actor].id();
                    let times = near.remove(&(group, id)).unwrap_or(0);
                    prop_assert_eq!(table.membership(names[group], id).map_or(0, |found| found.now), times);
                    if times > 0 {
                        leaves(&mut table, names[group], id);
                    }
                    if times > 1 {
                        near.insert((group, id), times - 1);
                    }
                }
                Step::End(actor) => {
                    let id = actors[actor].id();
                    for mut gone in table.memberships_of(id) {
                        gone.now = 0;
                        table.lessen(&gone);
                    }
                    near.retain(|(_, other), _| *other != id);
                }
                Step::Told(place, group, actor, times) => {
                    table.told(&peer(place), names[group], Id::from_bits(actor), times).expect("few");
                    far.insert((group, place, actor), times);
                    far.retain(|_, times| *times > 0);
                }
                Step::Lost(place) => {
                    table.lost(&peer(place));
                    far.retain(|(_, other, _), _| *other != place);
                }
            }
            for (group, name) in names.into_iter().enumerate() {
                let of_near = near.iter().filter(|((other, _), _)| *other == group);
                prop_assert_eq!(here(&table, name), of_near.map(|((_, id), times)| (*id, *times)).collect::<Vec<_>>());
                let of_far = far.iter().filter(|((other, ..), _)| *other == group);
                let of_far = of_far.map(|((_, place, id), times)| (peer(*place), Id::from_bits(*id), *times));
                prop_assert_eq!(there(&table, name), of_far.collect::<Vec<_>>());
            }
            prop_assert_eq!(table.memberships().count(), near.len());
            prop_assert_eq!(table.is_empty(), near.is_empty() && far.is_empty());
        }
    }
}

/// A way to other nodes that notes what it is to tell.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, word: String) {
        lock(&self.0).push(word);
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl Uplink for Notes {
    fn carry(&self, _: &Place, _: &To, _: Envelope) -> Result<(), Refusal> {
        Err(Refusal::new(RefusalKind::NotConnected, "it only notes"))
    }

    fn ask(&self, _: &Place, _: Option<Id>, _: Question) -> Result<Asking, Refusal> {
        Err(Refusal::new(RefusalKind::NotConnected, "it only notes"))
    }

    fn ask_then(&self, _: &Place, _: Option<Id>, _: Question, _: Then) -> Result<(), Refusal> {
        unreachable!("nobody spawns")
    }

    fn room(&self, _: &Place, _: &To) -> Boxed<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn peers(&self) -> Vec<Place> {
        Vec::new()
    }

    fn cast(&self, peer: &Place, _: Option<Id>, group: &str, message: &Message) -> Result<(), Refusal> {
        if *peer == self::peer(1) {
            return Err(Refusal::new(RefusalKind::MailboxFull, "so"));
        }
        self.note(format!("{peer}: {message} for {group}"));
        Ok(())
    }

    fn tell(&self, membership: &Membership) {
        self.note(format!("{}: {} to {}", membership.group, membership.before, membership.now));
    }

    fn introduce(&self, peer: &Place, memberships: Vec<Membership>) {
        self.note(format!("{peer}: {}", memberships.len()));
    }
}

fn kernel() -> (Kernel, Notes, Arc<Mailbox>) {
    let notes = Notes::default();
    let place = "here:1".parse().expect("a place");
    let kernel = Kernel::new(place, Clock::real(), &Limits::default(), Box::new(notes.clone()));
    let brings = Brings { grants: Arc::new(Grants::program()), module: None, bytes: 0 };
    let actor = kernel.enter(Parent::Program, &SpawnOptions::default(), brings).expect("an actor");
    (kernel, notes, actor)
}

#[test]
fn peers_are_told_of_each_change_and_of_all_when_they_come() {
    let (kernel, notes, actor) = kernel();
    for group in ["a", "a", "b"] {
        kernel.join(group, &actor).expect("room");
    }
    kernel.leave_group("a", actor.id()).expect("it is in");
    assert_eq!(kernel.leave_group("c", actor.id()).unwrap_err().kind(), RefusalKind::BadArgument);
    assert_eq!(kernel.join("No Name", &actor).unwrap_err().kind(), RefusalKind::BadArgument);
    kernel.up(&peer(0));
    kernel.leave(&actor, None, Outcome::Exit(Message::trusted("1".into())));
    let told = ["a: 0 to 1", "a: 1 to 2", "b: 0 to 1", "a: 2 to 1", "there:1: 2", "a: 1 to 0", "b: 1 to 0"];
    assert_eq!(notes.taken(), told);
    assert_eq!(kernel.members("a"), Ok(Vec::new()));
}

#[test]
fn a_broadcast_is_handed_to_each_member_here_once_and_once_to_each_peer_that_has_some() {
    let (kernel, notes, actor) = kernel();
    kernel.join("a", &actor).expect("room");
    kernel.join("a", &actor).expect("room");
    kernel.joined_there(&peer(0), "a", Id::from_bits(1), 2).expect("room");
    kernel.joined_there(&peer(0), "a", Id::from_bits(2), 1).expect("room");
    kernel.joined_there(&peer(1), "a", Id::from_bits(3), 1).expect("room");
    notes.taken();
    let mut broadcast = kernel.broadcast(None, "a", Message::trusted("7".into())).expect("a group");
    assert_eq!(kernel.go_on(None, &mut broadcast), Some(3), "and not to the one whose link is full");
    assert_eq!(notes.taken(), ["there:1: 7 for a"]);
    assert_eq!(actor.waits().0, 1);
    assert_eq!(kernel.events.lost_so_far()[Loss::MailboxFull as usize].1, 1);
    kernel.cast_arrives(&peer(0), None, "a", &Message::trusted("8".into()));
    assert_eq!((actor.waits().0, notes.taken()), (2, Vec::new()), "what comes is not passed on");
    assert_eq!(kernel.members("a").map(|members| members.len()), Ok(6));
    assert_eq!(kernel.local_members("a").map(|members| members.len()), Ok(2));
    kernel.lost(&peer(0), "so");
    assert_eq!(kernel.members("a").map(|members| members.len()), Ok(3));
}

#[test]
fn a_broadcast_to_many_stops_for_others_and_a_full_mailbox_is_a_dead_letter() {
    let (kernel, _, first) = kernel();
    let brings = || Brings { grants: Arc::new(Grants::program()), module: None, bytes: 0 };
    let narrow = SpawnOptions::default().limits(Limits::default().with(Limit::Mailbox, 1));
    let others = (0..MEMBERS_IN_A_ROW).map(|_| kernel.enter(Parent::Program, &narrow, brings()).expect("an actor"));
    let members: Vec<Arc<Mailbox>> = others.chain([first]).collect();
    members.iter().for_each(|member| kernel.join("a", member).expect("room"));
    for (times, handed) in [(1, MEMBERS_IN_A_ROW + 1), (2, 1)] {
        let mut broadcast = kernel.broadcast(None, "a", Message::trusted("7".into())).expect("a group");
        assert_eq!(kernel.go_on(None, &mut broadcast), None);
        assert_eq!(kernel.go_on(None, &mut broadcast), Some(handed), "{times}");
    }
    assert_eq!(kernel.events.lost_so_far()[Loss::MailboxFull as usize].1, MEMBERS_IN_A_ROW as u64);
    let large = Message::trusted(format!("\"{}\"", "x".repeat(BYTES_IN_A_ROW)));
    let mut broadcast = kernel.broadcast(None, "a", large).expect("a group");
    assert_eq!(kernel.go_on(None, &mut broadcast), None);
    assert_eq!(broadcast.members.len(), MEMBERS_IN_A_ROW, "of a large one they get their turn after each");
}
