//! Frames come out as they went in, and no bytes do harm.

use proptest::prelude::*;

use super::*;
use crate::mailbox::host_message::VALUE_BYTES_MAX;
use crate::node::spawning::{SpawnRequest, Travels};
use crate::outcome::ExceptionKind;
use crate::signal::Party;
use crate::spawn_options::SpawnOptions;

fn message(text: &str) -> Message {
    Message::trusted(text.to_owned())
}

fn messages() -> impl Strategy<Value = Message> {
    let scalar = prop_oneof![Just("1.0".to_owned()), "[0-9]{1,40}".prop_map(|n| format!("7{n}")), Just("null".into())];
    (scalar, "[a-z$]{0,9}").prop_map(|(value, key)| message(&format!("{{\"{key}\": [{value}]}}")))
}

fn ids() -> impl Strategy<Value = Id> {
    any::<u128>().prop_map(Id::from_bits)
}

fn references() -> impl Strategy<Value = Reference> {
    prop_oneof![ids().prop_map(Reference::Random), ids().prop_map(Reference::Child)]
}

fn outcomes() -> impl Strategy<Value = Arc<Outcome>> {
    let kinds = prop::sample::select(ExceptionKind::ALL);
    let details = prop::collection::btree_map("[a-z]{1,5}", messages(), 0..3);
    let exception = (kinds, r"(\PC|[\x00-\x1f]){0,20}", details).prop_map(|(kind, words, details)| {
        let exception = Exception::new(kind, words);
        details.into_iter().fold(exception, |exception, (key, value)| exception.with(&format!("{key}-"), value))
    });
    prop_oneof![messages().prop_map(Outcome::Exit), exception.prop_map(Outcome::Exception)].prop_map(Arc::new)
}

fn signals() -> impl Strategy<Value = Signal> {
    prop_oneof![
        messages().prop_map(Signal::Message),
        Just(Signal::Link),
        Just(Signal::Unlink),
        references().prop_map(Signal::Monitor),
        references().prop_map(Signal::Demonitor),
        outcomes().prop_map(Signal::Exit),
        (references(), outcomes()).prop_map(|(reference, outcome)| Signal::Down(reference, outcome)),
        Just(Signal::Kill),
        messages().prop_map(Signal::Shutdown),
    ]
}

fn receivers() -> impl Strategy<Value = To> {
    prop_oneof![ids().prop_map(To::Id), "[a-z][a-z0-9]{0,9}".prop_map(|name| To::Name(name.into()))]
}

fn hashes() -> impl Strategy<Value = ModuleHash> {
    any::<[u8; 32]>().prop_map(ModuleHash::from_bytes)
}

fn requests() -> impl Strategy<Value = SpawnRequest> {
    let travels = (hashes(), any::<u64>(), "\\PC{0,9}");
    let travels = travels.prop_map(|(hash, bytes, name)| Travels { hash, bytes, name: name.into() });
    let options =
        (any::<[bool; 3]>(), prop::option::of("[a-z]{1,9}")).prop_map(|([link, monitor, trap_exit], name)| {
            SpawnOptions { link, monitor, trap_exit, name, ..SpawnOptions::default() }
        });
    let place = prop::option::of("[a-z]{1,9}:[1-9][0-9]{0,3}".prop_map(|place| place.parse().expect("a place")));
    let ancestor = (ids(), place).prop_map(|(id, place)| Party { id, place, via: None });
    let ancestors = prop::collection::vec(ancestor, 0..4).prop_map(Vec::into_boxed_slice);
    (prop::option::of(travels), "\\PC{0,9}", messages(), options, ancestors).prop_map(
        |(module, entry, args, options, ancestors)| SpawnRequest {
            module,
            entry: entry.into(),
            args,
            options,
            ancestors,
        },
    )
}

fn contents() -> impl Strategy<Value = Content> {
    let from = || prop::option::of(ids());
    let questions = prop_oneof![
        (receivers(), messages()).prop_map(|(to, message)| Question::Take(to, message)),
        receivers().prop_map(Question::Wait),
        "[a-z][a-z0-9]{0,9}".prop_map(|name| Question::WhereIs(name.into())),
        Just(Question::Ping),
        requests().prop_map(|request| Question::Spawn(Box::new(request))),
        (hashes(), any::<u64>()).prop_map(|(module, at)| Question::Chunk(module, at)),
    ];
    let refusals = (prop::sample::select(RefusalKind::ALL), "\\PC{0,20}", "[a-z]{3,6}", any::<i64>());
    let refusals =
        refusals.prop_map(|(kind, words, key, value)| Refusal::new(kind, words).with(&format!("{key}-"), value));
    let answers = prop_oneof![
        Just(Answer::Done),
        outcomes().prop_map(Answer::Ended),
        ids().prop_map(Answer::Is),
        refusals.prop_map(Answer::Refused),
        ids().prop_map(Answer::Spawned),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Answer::Bytes(bytes.into())),
    ];
    prop_oneof![
        (receivers(), from(), signals()).prop_map(|(to, from, signal)| Content::Signal(to, Envelope { from, signal })),
        (any::<u64>(), from(), questions).prop_map(|(number, from, question)| Content::Ask(number, from, question)),
        any::<u64>().prop_map(Content::Withdraw),
        (any::<u64>(), answers).prop_map(|(number, answer)| Content::Answer(number, answer)),
        receivers().prop_map(Content::Full),
        receivers().prop_map(Content::Room),
        ("[a-z][a-z0-9]{0,9}", ids(), any::<u32>()).prop_map(|(group, actor, times)| Content::Member(
            group.into(),
            actor,
            times
        )),
        (from(), "[a-z][a-z0-9]{0,9}", messages()).prop_map(|(from, group, message)| Content::Cast(
            from,
            group.into(),
            message
        )),
    ]
}

fn write(content: &Content) -> Vec<u8> {
    match content {
        Content::Signal(to, envelope) => signal(to, envelope),
        Content::Ask(number, from, question) => ask(*number, *from, question),
        Content::Withdraw(number) => withdraw(*number),
        Content::Answer(number, given) => answer(*number, given),
        Content::Full(to) => full(to),
        Content::Room(to) => room(to),
        Content::Member(group, actor, times) => member(group, *actor, *times),
        Content::Cast(from, group, message) => cast(*from, group, message),
    }
}

proptest! {
    #[test]
    fn a_frame_comes_out_as_it_went_in(content in contents()) {
        let bytes = write(&content);
        prop_assert!((0..bytes.len()).all(|end| read(&bytes[..end], Admission::default()).is_err()));
        prop_assert!(read(&[&*bytes, &[0]].concat(), Admission::default()).is_err());
        prop_assert_eq!(read(&bytes, Admission::default()), Ok(content));
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(content) = read(&bytes, Admission::default()) {
            prop_assert_eq!(read(&write(&content), Admission::default()), Ok(content));
        }
    }
}

fn refused(frame: &Frame<'_>) -> NotRead {
    read(&frame.write(), Admission::of_bytes(100)).expect_err("a forged frame")
}

const BROKEN: NotRead = NotRead::Broken(Broken::Frame);

#[test]
fn a_text_that_is_no_json_is_a_broken_frame_wherever_it_stands() {
    let whom = || Whom::Id([0; 16]);
    for bad in ["[1", "", "1e999", "{\"a\":\"\\ud800\"}"] {
        let exception = format!("{{\"type\":\"error\",\"message\":\"\",\"value\":{bad}}}");
        for body in [
            Body::Message(bad),
            Body::Shutdown(bad),
            Body::Exit(End::Exit(bad)),
            Body::Down(Mark::Random([0; 16]), End::Exit(bad)),
            Body::Exit(End::Exception(exception.into())),
        ] {
            assert_eq!(refused(&Frame::Signal(whom(), None, body)), BROKEN, "{bad}");
        }
        assert_eq!(refused(&Frame::Ask(1, None, Asked::Take(whom(), bad))), BROKEN, "{bad}");
        assert_eq!(refused(&Frame::Cast(None, "a", bad)), BROKEN, "{bad}");
        assert_eq!(refused(&Frame::Answer(1, Answered::Ended(End::Exit(bad)))), BROKEN, "{bad}");
    }
}

#[test]
fn a_name_that_is_none_and_an_exception_or_a_refusal_that_is_none_are_broken_frames() {
    for bad in ["", "Name", "a name", "a@b:1"] {
        assert_eq!(refused(&Frame::Full(Whom::Name(bad))), BROKEN);
        assert_eq!(refused(&Frame::Ask(1, None, Asked::WhereIs(bad))), BROKEN);
        assert_eq!(refused(&Frame::Member(bad, [0; 16], 1)), BROKEN);
        assert_eq!(refused(&Frame::Cast(None, bad, "1")), BROKEN);
    }
    for bad in
        ["{}", "[]", r#"{"type":"error"}"#, r#"{"type":"mine","message":""}"#, r#"{"type":"error","message":""} x"#]
    {
        assert_eq!(refused(&Frame::Signal(Whom::Id([0; 16]), None, Body::Exit(End::Exception(bad.into())))), BROKEN);
        assert_eq!(refused(&Frame::Answer(1, Answered::Refused(bad.into()))), BROKEN);
    }
}

#[test]
fn a_message_over_our_bounds_is_not_taken_and_no_fault_of_the_other_node() {
    let long = format!("\"{}\"", "x".repeat(99));
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    for text in [&*long, &*deep] {
        let frame = Frame::Signal(Whom::Name("a"), None, Body::Message(text));
        assert!(matches!(
            read(&frame.write(), Admission::of_bytes(100)),
            Err(NotRead::NotAdmitted { question: None, .. })
        ));
        let frame = Frame::Ask(7, None, Asked::Take(Whom::Name("a"), text));
        assert!(matches!(refused(&frame), NotRead::NotAdmitted { question: Some(7), .. }));
        assert!(matches!(refused(&Frame::Cast(None, "a", text)), NotRead::NotAdmitted { question: None, .. }));
    }
    let end = Frame::Signal(Whom::Name("a"), None, Body::Exit(End::Exit(&long)));
    assert!(read(&end.write(), Admission::of_bytes(100)).is_ok(), "an end must be heard of");
}

#[test]
fn what_links_and_monitors_will_not_tell_does_not_cross() {
    let large = Arc::new(Outcome::Exit(message(&format!("\"{}\"", "x".repeat(1 << 20)))));
    let told = signal(&To::Name("a".into()), &Envelope { from: None, signal: Signal::Exit(large.clone()) });
    assert!(told.len() < 100);
    let Ok(Content::Signal(_, Envelope { signal: Signal::Exit(outcome), .. })) = read(&told, Admission::default())
    else {
        panic!("our own frame")
    };
    assert_eq!(host_message::exit("a@b:1", &outcome).to_value()["large"], true);
    let waited = answer(1, &Answer::Ended(large.clone()));
    assert_eq!(read(&waited, Admission::default()), Ok(Content::Answer(1, Answer::Ended(large))));
    let huge = Exception::error(message(&format!("\"{}\"", "x".repeat(VALUE_BYTES_MAX))));
    let told = signal(
        &To::Name("a".into()),
        &Envelope { from: None, signal: Signal::Exit(Arc::new(Outcome::Exception(huge))) },
    );
    assert!(told.len() < VALUE_BYTES_MAX + 100);
}
