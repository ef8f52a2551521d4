//! What is kept of peers' links and monitors goes with them, whichever way they end.

use super::*;
use crate::grants::Grants;
use crate::limits::Limits;
use crate::message::Message;
use crate::node::enter::{Brings, Parent};
use crate::outcome::Outcome;
use crate::signal::Reference;
use crate::spawn_options::SpawnOptions;

struct Scene {
    kernel: Arc<Kernel>,
    actor: Arc<Mailbox>,
    narrowed: Id,
    peer: Place,
    /// Somebody there.
    far: Id,
}

impl Scene {
    fn new() -> Scene {
        let kernel = Kernel::alone(&Limits::default());
        let brings = Brings { grants: Arc::new(Grants::program()), module: None, bytes: 0 };
        let actor = kernel.enter(Parent::Program, &SpawnOptions::default().name("post"), brings).expect("an actor");
        let text = kernel.address(actor.id()).to_string();
        let narrowed = kernel.narrow(&actor, &text, "{}").expect("an address").id().expect("an ID");
        Scene { kernel, actor, narrowed, peer: "there:1".parse().expect("a place"), far: Id::random() }
    }

    fn arrives(&self, to: To, signal: Signal) {
        let envelope = Envelope { from: Some(self.far), signal };
        self.kernel.arrive(&self.peer, &to, envelope).expect("a signal is no message");
    }

    /// A monitor by the name, and a monitor and a link by the narrowed address.
    fn stand(&self) -> [Reference; 2] {
        let references = [Reference::random(), Reference::random()];
        self.arrives(To::Name("post".into()), Signal::Monitor(references[0]));
        self.arrives(To::Id(self.narrowed), Signal::Monitor(references[1]));
        self.arrives(To::Id(self.narrowed), Signal::Link);
        assert_eq!(self.known(references[0]), Some(self.actor.id()));
        assert_eq!(lock(&self.kernel.aliases).find(&self.peer, self.narrowed), Some(self.actor.id()));
        references
    }

    fn known(&self, reference: Reference) -> Option<Id> {
        lock(&self.kernel.aliases).find(&self.peer, reference.alias().expect("it is random"))
    }

    fn nothing_is_left(&self) {
        assert!(lock(&self.kernel.aliases).is_empty());
    }

    fn ends(&self) -> Vec<(Party, Signal)> {
        self.kernel.leave(&self.actor, None, Outcome::Exit(Message::trusted("1".into()))).1
    }
}

#[test]
fn they_go_when_they_are_ended_from_there() {
    let scene = Scene::new();
    let [by_name, by_address] = scene.stand();
    scene.kernel.revoke(&scene.actor, &scene.kernel.address(scene.narrowed).to_string()).expect("its own");
    scene.arrives(To::Id(by_name.alias().expect("it is random")), Signal::Demonitor(by_name));
    scene.arrives(To::Id(scene.narrowed), Signal::Demonitor(by_address));
    scene.arrives(To::Id(scene.narrowed), Signal::Unlink);
    scene.nothing_is_left();
    assert_eq!(scene.ends(), [], "and nobody is told of the end");
}

#[test]
fn they_go_with_their_actor_which_is_told_under_the_id_that_is_known() {
    let scene = Scene::new();
    let [by_name, _] = scene.stand();
    let told = scene.ends();
    scene.nothing_is_left();
    let alias = by_name.alias().expect("it is random");
    let mut via: Vec<Id> = told.iter().map(|(party, _)| **party.via.as_ref().expect("never its own ID")).collect();
    via.sort();
    let mut expected = vec![alias, scene.narrowed, scene.narrowed];
    expected.sort();
    assert_eq!(via, expected);
}

#[test]
fn they_go_when_the_one_there_ends_and_when_its_node_is_lost() {
    let scene = Scene::new();
    let [by_name, by_address] = scene.stand();
    let end = Arc::new(Outcome::Exit(Message::trusted("1".into())));
    scene.arrives(To::Id(scene.narrowed), Signal::Exit(end));
    scene.arrives(To::Id(by_name.alias().expect("it is random")), Signal::Demonitor(by_name));
    scene.arrives(To::Id(scene.narrowed), Signal::Demonitor(by_address));
    scene.nothing_is_left();
    scene.stand();
    scene.kernel.lost(&scene.peer, "a test");
    scene.nothing_is_left();
    assert_eq!(scene.ends(), []);
}

#[test]
fn one_that_is_refused_leaves_nothing_and_a_reference_that_is_used_twice_is() {
    let scene = Scene::new();
    let brings = Brings { grants: Arc::new(Grants::program()), module: None, bytes: 0 };
    let other = scene.kernel.enter(Parent::Program, &SpawnOptions::default().name("other"), brings).expect("an actor");
    let reference = Reference::random();
    scene.arrives(To::Name("post".into()), Signal::Monitor(reference));
    scene.arrives(To::Name("other".into()), Signal::Monitor(reference));
    assert_eq!(scene.known(reference), Some(scene.actor.id()), "the first one stands");
    assert!(scene.kernel.leave(&other, None, Outcome::Exit(Message::trusted("1".into()))).1.is_empty());
    scene.ends();
    scene.arrives(To::Name("post".into()), Signal::Monitor(reference));
    scene.arrives(To::Name("post".into()), Signal::Monitor(Reference::Child(scene.far)));
    scene.arrives(To::Name("post".into()), Signal::Link);
    scene.nothing_is_left();
}

#[test]
fn a_message_that_was_lost_on_its_way_out_is_counted() {
    let scene = Scene::new();
    let before = scene.kernel.events.lost_so_far()[Loss::Unconfirmed as usize].1;
    scene.kernel.lost_message(&scene.peer, &To::Name("far".into()), Some(scene.actor.id()), Loss::Unconfirmed, 3);
    assert_eq!(scene.kernel.events.lost_so_far()[Loss::Unconfirmed as usize].1, before + 1);
}
