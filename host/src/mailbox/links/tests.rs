//! One promise each, for one actor: what the exploration leaves out, and what is worth an example.

use serde_json::json;

use super::*;
use crate::address::Id;

const BOUNDS: Bounds = Bounds { links_max: 2, monitors_max: 2 };

fn other(number: u128) -> Party {
    Party::here(Id::from_bits(number))
}

fn remote(number: u128, place: &str) -> Party {
    Party::there(Id::from_bits(number), place.parse().expect("a place"))
}

fn here() -> Place {
    "here:1".parse().expect("a place")
}

fn address(party: &Party) -> Box<str> {
    party.address(&here()).to_string().into()
}

fn value(text: &str) -> Message {
    Message::trusted(text.to_owned())
}

fn failed(words: &str) -> Signal {
    Signal::Exit(Arc::new(Outcome::Exception(Exception::error(value(&json!(words).to_string())))))
}

fn done() -> Arc<Outcome> {
    Arc::new(Outcome::Exit(value("7")))
}

/// A signal from a stranger.
fn signal(links: &mut Links, from: &Party, signal: Signal) -> Reaction {
    links.react(Some(from), signal, Standing { here: &here(), descends: false, bounds: BOUNDS })
}

/// A signal from an ancestor, or, without one, from the operator.
fn order(links: &mut Links, from: Option<&Party>, signal: Signal) -> Reaction {
    links.react(from, signal, Standing { here: &here(), descends: true, bounds: BOUNDS })
}

fn link(links: &mut Links, to: &Party) {
    links.link(to.clone(), None, BOUNDS).expect("room");
}

fn monitor(links: &mut Links, reference: Reference, target: &Party) -> Result<(), Full> {
    links.monitor(reference, Watched { target: target.clone(), address: address(target) }, BOUNDS)
}

fn told(reaction: Reaction) -> serde_json::Value {
    match reaction {
        Reaction::Tell(_, message) => message.to_value(),
        other => panic!("no message but {other:?}"),
    }
}

fn ended(reaction: Reaction) -> Exception {
    match reaction {
        Reaction::End(exception) => exception,
        other => panic!("no end but {other:?}"),
    }
}

#[test]
fn the_end_of_one_who_linked_me_is_none_of_my_business() {
    let mut links = Links::default();
    assert_eq!(signal(&mut links, &other(1), Signal::Link), Reaction::Nothing);
    assert_eq!(signal(&mut links, &other(1), failed("so")), Reaction::Nothing);
    assert_eq!(links, Links::default());
}

#[test]
fn an_ancestor_that_links_takes_its_descendant_along() {
    let mut links = Links::default();
    order(&mut links, Some(&other(1)), Signal::Link);
    let exception = ended(signal(&mut links, &other(1), failed("so")));
    assert_eq!(exception.kind(), ExceptionKind::Linked);
    assert_eq!(exception.detail("address").expect("whose").to_value(), json!(&*address(&other(1))));
}

#[test]
fn a_second_link_is_the_same_link() {
    let mut links = Links::default();
    assert_eq!(links.link(other(1), None, BOUNDS), Ok(true));
    assert_eq!(links.link(other(1), None, BOUNDS), Ok(false));
    ended(signal(&mut links, &other(1), failed("so")));
    assert_eq!(signal(&mut links, &other(1), failed("again")), Reaction::Nothing);
}

#[test]
fn unlink_ends_what_i_hear_and_not_what_the_other_asked_for() {
    let mut links = Links::default();
    links.link_by_spawn(other(1), BOUNDS).expect("room");
    assert!(links.unlink(&other(1)), "the other must know");
    assert_eq!(signal(&mut links, &other(1), failed("so")), Reaction::Nothing);

    links.link_by_spawn(other(2), BOUNDS).expect("room");
    links.unlink(&other(2));
    assert!(!links.unlink(&other(2)), "the other knows already");
    assert_eq!(links.farewell().linked, [other(2)]);
}

#[test]
fn a_message_has_the_address_that_was_used() {
    let mut links = Links::default();
    links.trap_exits(true);
    links.link(other(1), Some("narrowed@here:1".into()), BOUNDS).expect("room");
    let message = told(signal(&mut links, &other(1), Signal::Exit(done())));
    assert_eq!(message, json!({"address": "narrowed@here:1", "exit": 7}));

    let watched = Watched { target: other(1), address: "name@here:1".into() };
    links.monitor(Reference::Random(Id::from_bits(5)), watched, BOUNDS).expect("room");
    let down = Signal::Down(Reference::Random(Id::from_bits(5)), done());
    let message = told(signal(&mut links, &other(1), down));
    let reference = Id::from_bits(5).to_string();
    assert_eq!(message, json!({"address": "name@here:1", "exit": 7, "monitor": reference}));
}

#[test]
fn the_monitor_of_a_spawn_has_the_child_s_address_as_its_reference() {
    let (mut links, child) = (Links::default(), other(1));
    monitor(&mut links, Reference::Child(child.id), &child).expect("room");
    let message = told(signal(&mut links, &child, Signal::Down(Reference::Child(child.id), done())));
    assert_eq!(message, json!({"address": address(&child), "exit": 7, "monitor": address(&child)}));
}

#[test]
fn only_the_one_that_is_watched_can_say_that_it_is_down() {
    let (mut links, child) = (Links::default(), other(1));
    let reference = Reference::Child(child.id);
    monitor(&mut links, reference, &child).expect("room");
    for forger in [other(2), remote(1, "there:1")] {
        assert_eq!(signal(&mut links, &forger, Signal::Down(reference, done())), Reaction::Nothing);
    }
    told(signal(&mut links, &child, Signal::Down(reference, done())));
}

#[test]
fn nobody_ends_another_s_monitor() {
    let (mut links, reference) = (Links::default(), Reference::random());
    signal(&mut links, &other(1), Signal::Monitor(reference));
    signal(&mut links, &other(2), Signal::Demonitor(reference));
    assert_eq!(links.farewell().watchers, [(other(1), reference)]);
}

#[test]
fn kill_and_exit_are_for_ancestors_and_the_operator() {
    let mut links = Links::default();
    links.trap_exits(true);
    assert_eq!(signal(&mut links, &other(1), Signal::Kill), Reaction::Nothing);
    assert_eq!(signal(&mut links, &other(1), Signal::Shutdown(value("1"))), Reaction::Nothing);
    for from in [Some(&other(1)), None] {
        assert_eq!(ended(order(&mut links, from, Signal::Kill)).kind(), ExceptionKind::Killed);
        let caller = from.map(address);
        let asked = told(order(&mut links, from, Signal::Shutdown(value("[1.0]"))));
        assert_eq!(asked, json!({"address": caller, "shutdown": [1.0]}));
    }
    assert!(links.trap_exits(false));
    let exception = ended(order(&mut links, None, Signal::Shutdown(value("[1.0]"))));
    assert_eq!(exception.detail("reason"), Some(&value("[1.0]")));
}

#[test]
fn the_first_cause_is_kept_however_long_the_chain() {
    let huge = Exception::error(value(&json!("x".repeat(10_000)).to_string()));
    for first in [Exception::error(value("\"first\"")), huge.with("name", value("\"Error\""))] {
        let mut exception = first.clone();
        for number in 0..100 {
            let mut links = Links::default();
            link(&mut links, &other(number));
            exception =
                ended(signal(&mut links, &other(number), Signal::Exit(Arc::new(Outcome::Exception(exception)))));
        }
        let cause = exception.detail("cause").expect("the first exception").to_value();
        assert_eq!(cause["type"], json!("error"));
        assert!(first.message().starts_with(cause["message"].as_str().expect("words").trim_end_matches('…')));
        assert_eq!(exception.detail("address").expect("whose").to_value(), json!(&*address(&other(99))));
        assert!(exception.to_json().len() <= 4096, "{} bytes", exception.to_json().len());

        let mut links = Links::default();
        links.trap_exits(true);
        link(&mut links, &other(1));
        let message = told(signal(&mut links, &other(1), Signal::Exit(Arc::new(Outcome::Exception(exception)))));
        assert_eq!(message["exception"]["cause"], cause);
    }
}

#[test]
fn links_and_monitors_are_bounded_until_their_messages_are_read() {
    let mut links = Links::default();
    links.trap_exits(true);
    link(&mut links, &other(1));
    told(signal(&mut links, &other(1), Signal::Exit(done())));
    link(&mut links, &other(2));
    let full = links.link(other(3), None, BOUNDS).expect_err("one waits and one stands");
    assert_eq!(full.to_string(), "cannot make one more of 2 links, counting those whose message is not received yet");
    assert_eq!(links.link(other(2), None, BOUNDS), Ok(false));
    links.read(&About::Link(other(1)));
    assert_eq!(links.link(other(3), None, BOUNDS), Ok(true));

    let references = [1, 2, 3].map(|bits| Reference::Random(Id::from_bits(bits)));
    monitor(&mut links, references[0], &other(1)).expect("room");
    told(signal(&mut links, &other(1), Signal::Down(references[0], done())));
    monitor(&mut links, references[1], &other(1)).expect("room");
    monitor(&mut links, references[2], &other(1)).expect_err("one waits and one stands");
    links.read(&About::Monitor(references[0]));
    monitor(&mut links, references[2], &other(1)).expect("room");
    assert_eq!(links.demonitor(references[2]), Some(other(1)));
    monitor(&mut links, references[0], &other(1)).expect("room");
}

#[test]
fn strangers_fill_their_own_share_only() {
    let mut links = Links::default();
    for number in 1..=2 {
        assert_eq!(signal(&mut links, &other(number), Signal::Link), Reaction::Nothing);
        assert_eq!(signal(&mut links, &other(number), Signal::Link), Reaction::Nothing);
        let watch = Signal::Monitor(Reference::Random(Id::from_bits(number)));
        assert_eq!(signal(&mut links, &other(number), watch), Reaction::Nothing);
    }
    let Reaction::Answer(Signal::Exit(refused)) = signal(&mut links, &other(3), Signal::Link) else {
        panic!("a third link was taken");
    };
    assert!(refused.to_json().contains("noproc"));
    let reference = Reference::random();
    let Reaction::Answer(Signal::Down(answered, refused)) = signal(&mut links, &other(3), Signal::Monitor(reference))
    else {
        panic!("a third monitor was taken");
    };
    assert!(answered == reference && refused.to_json().contains("noproc"));
    assert_eq!(order(&mut links, Some(&other(4)), Signal::Link), Reaction::Nothing);
    link(&mut links, &other(5));
    assert_eq!(links.farewell().linked, [1, 2, 4, 5].map(other));
}

#[test]
fn a_lost_node_ends_all_that_stood_with_it_once() {
    let mut links = Links::default();
    links.trap_exits(true);
    let (gone, also_gone, there) = (remote(1, "gone:1"), remote(2, "gone:1"), remote(3, "there:1"));
    let bounds = Bounds { links_max: 10, monitors_max: 10 };
    let reference = Reference::random();
    for party in [&gone, &there, &other(1)] {
        links.link(party.clone(), None, bounds).expect("room");
    }
    monitor(&mut links, reference, &gone).expect("room");
    signal(&mut links, &also_gone, Signal::Link);
    signal(&mut links, &also_gone, Signal::Monitor(reference));
    signal(&mut links, &there, Signal::Monitor(reference));

    let place = "gone:1".parse().expect("a place");
    let messages: Vec<_> = links.lost(&place, &here()).into_iter().map(told).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    for message in &messages {
        assert_eq!(message["address"], json!(&*address(&gone)));
        assert_eq!(message["exception"]["type"], json!("noconnection"));
    }
    assert_eq!(messages[1]["monitor"], json!(reference.text("").to_string()));
    assert_eq!(links.lost(&place, &here()), []);
    let Farewell { linked, watchers, watched } = links.farewell();
    assert_eq!((linked, watchers, watched), (vec![other(1), there.clone()], vec![(there, reference)], vec![]));
}

#[test]
fn the_dead_answer_who_asked_and_nobody_else() {
    let reference = Reference::random();
    let asked = [Signal::Link, Signal::Monitor(reference)].map(|asked| answer_for_the_dead(&asked));
    let [Some(Signal::Exit(exit)), Some(Signal::Down(answered, down))] = asked else {
        panic!("{asked:?}");
    };
    assert_eq!((answered, &exit), (reference, &down));
    assert!(exit.to_json().contains("noproc"));
    let rest =
        [Signal::Unlink, Signal::Demonitor(reference), Signal::Kill, Signal::Exit(done()), Signal::Message(value("1"))];
    assert!(rest.iter().all(|signal| answer_for_the_dead(signal).is_none()));
}

#[test]
fn a_message_is_passed_on_as_it_is() {
    let text = value("{\"a\": 1.0}");
    assert_eq!(signal(&mut Links::default(), &other(1), Signal::Message(text.clone())), Reaction::Take(text));
}
