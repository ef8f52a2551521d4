//! A signal as bytes.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::Id;
use crate::message::{Admission, Message};
use crate::outcome::{Exception, Outcome};
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Reference, Signal};

/// What crosses between two nodes. Its own type, so that the inner one can change without changing the wire.
#[derive(Serialize, Deserialize)]
struct Frame<'a> {
    to: u128,
    from: Option<u128>,
    #[serde(borrow)]
    body: Body<'a>,
}

/// Whatever is added stands last: postcard counts the variants.
#[derive(Serialize, Deserialize)]
enum Body<'a> {
    Message(&'a str),
    Link,
    Unlink,
    Monitor(Mark),
    Demonitor(Mark),
    #[serde(borrow)]
    Exit(End<'a>),
    Down(Mark, #[serde(borrow)] End<'a>),
    Kill,
    Shutdown(&'a str),
}

#[derive(Serialize, Deserialize)]
enum Mark {
    Random(u128),
    Child(u128),
}

#[derive(Serialize, Deserialize)]
enum End<'a> {
    Exit(&'a str),
    /// As JSON, so that keys which this version does not know arrive too.
    #[serde(borrow)]
    Exception(Cow<'a, str>),
}

pub(crate) fn encode(to: Id, envelope: &Envelope) -> Vec<u8> {
    let body = match &envelope.signal {
        Signal::Message(message) => Body::Message(message.as_str()),
        Signal::Link => Body::Link,
        Signal::Unlink => Body::Unlink,
        Signal::Monitor(reference) => Body::Monitor(reference.into()),
        Signal::Demonitor(reference) => Body::Demonitor(reference.into()),
        Signal::Exit(outcome) => Body::Exit((&**outcome).into()),
        Signal::Down(reference, outcome) => Body::Down(reference.into(), (&**outcome).into()),
        Signal::Kill => Body::Kill,
        Signal::Shutdown(reason) => Body::Shutdown(reason.as_str()),
    };
    let frame = Frame { to: to.bits(), from: envelope.from.map(Id::bits), body };
    postcard::to_stdvec(&frame).expect("a frame has no map and no unsized sequence, the only things postcard refuses")
}

/// Reads what a peer sent, and admits every text of it again: a peer's word is not enough.
pub(crate) fn decode(bytes: &[u8], admission: Admission) -> Result<(Id, Envelope), Refusal> {
    let frame: Frame<'_> = postcard::from_bytes(bytes)
        .map_err(|why| Refusal::new(RefusalKind::BadArgument, format!("cannot read a peer's frame: {why}")))?;
    let admit = |text: &str| admit(text, admission);
    let outcome = |end| outcome(end).map(Arc::new);
    let signal = match frame.body {
        Body::Message(text) => Signal::Message(admit(text)?),
        Body::Link => Signal::Link,
        Body::Unlink => Signal::Unlink,
        Body::Monitor(mark) => Signal::Monitor(mark.into()),
        Body::Demonitor(mark) => Signal::Demonitor(mark.into()),
        Body::Exit(end) => Signal::Exit(outcome(end)?),
        Body::Down(mark, end) => Signal::Down(mark.into(), outcome(end)?),
        Body::Kill => Signal::Kill,
        Body::Shutdown(text) => Signal::Shutdown(admit(text)?),
    };
    Ok((Id::from_bits(frame.to), Envelope { from: frame.from.map(Id::from_bits), signal }))
}

fn admit(text: &str, admission: Admission) -> Result<Message, Refusal> {
    Message::admit(text.to_owned(), admission).map_err(|why| Refusal::new(RefusalKind::BadJson, why.to_string()))
}

/// Of any size: an end must be heard of also where messages may be smaller than at its own node. What an actor hears is
/// cut to 4 KiB in any case.
fn outcome(end: End<'_>) -> Result<Outcome, Refusal> {
    match end {
        End::Exit(text) => admit(text, Admission::default()).map(Outcome::Exit),
        End::Exception(text) => Exception::parse(&text)
            .map(Outcome::Exception)
            .map_err(|why| Refusal::new(RefusalKind::BadJson, format!("cannot read a peer's exception: {why}"))),
    }
}

impl From<&Reference> for Mark {
    fn from(reference: &Reference) -> Mark {
        match reference {
            Reference::Random(bits) => Mark::Random(bits.bits()),
            Reference::Child(id) => Mark::Child(id.bits()),
        }
    }
}

impl From<Mark> for Reference {
    fn from(mark: Mark) -> Reference {
        match mark {
            Mark::Random(bits) => Reference::Random(Id::from_bits(bits)),
            Mark::Child(id) => Reference::Child(Id::from_bits(id)),
        }
    }
}

impl<'a> From<&'a Outcome> for End<'a> {
    fn from(outcome: &'a Outcome) -> End<'a> {
        match outcome {
            Outcome::Exit(value) => End::Exit(value.as_str()),
            Outcome::Exception(exception) => End::Exception(exception.to_json().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::ExceptionKind;
    use proptest::prelude::*;

    fn message(text: &str) -> Message {
        Message::trusted(text.to_owned())
    }

    fn messages() -> impl Strategy<Value = Message> {
        let scalar =
            prop_oneof![Just("1.0".to_owned()), "[0-9]{1,40}".prop_map(|n| format!("7{n}")), Just("null".into())];
        (scalar, "[a-z$]{0,9}").prop_map(|(value, key)| message(&format!("{{\"{key}\": [{value}]}}")))
    }

    fn references() -> impl Strategy<Value = Reference> {
        (any::<bool>(), any::<u128>()).prop_map(|(child, bits)| match child {
            true => Reference::Child(Id::from_bits(bits)),
            false => Reference::Random(Id::from_bits(bits)),
        })
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

    proptest! {
        #[test]
        fn a_signal_comes_out_as_it_went_in(to: u128, from: Option<u128>, signal in signals()) {
            let (to, from) = (Id::from_bits(to), from.map(Id::from_bits));
            let bytes = encode(to, &Envelope { from, signal: signal.clone() });
            let (arrived_for, envelope) = decode(&bytes, Admission::default()).expect("our own frame");
            prop_assert_eq!((arrived_for, envelope.from, envelope.signal), (to, from, signal));
            prop_assert!((0..bytes.len()).all(|end| decode(&bytes[..end], Admission::default()).is_err()));
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok((to, envelope)) = decode(&bytes, Admission::default()) {
                let (again, _) = decode(&encode(to, &envelope), Admission::default()).expect("what was read can be written");
                prop_assert_eq!(again, to);
            }
        }
    }

    fn refused(body: Body<'_>) -> Refusal {
        let forged = Frame { to: 1, from: None, body };
        decode(&postcard::to_stdvec(&forged).expect("a frame"), Admission::of_bytes(100)).expect_err("a forged frame")
    }

    #[test]
    fn a_text_that_is_not_admitted_is_refused_wherever_it_stands() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        for bad in ["[1", "", "1e999", &deep] {
            let exception = format!("{{\"type\":\"error\",\"message\":\"\",\"value\":{bad}}}");
            for body in [
                Body::Message(bad),
                Body::Shutdown(bad),
                Body::Exit(End::Exit(bad)),
                Body::Down(Mark::Random(1), End::Exit(bad)),
                Body::Exit(End::Exception(exception.into())),
            ] {
                assert_eq!(refused(body).kind(), RefusalKind::BadJson, "{bad}");
            }
        }
    }

    #[test]
    fn a_message_has_a_size_limit_and_an_end_has_none() {
        let long = format!("\"{}\"", "x".repeat(99));
        assert_eq!(refused(Body::Message(&long)).kind(), RefusalKind::BadJson);
        assert_eq!(refused(Body::Shutdown(&long)).kind(), RefusalKind::BadJson);
        let end = Frame { to: 1, from: None, body: Body::Exit(End::Exit(&long)) };
        assert!(decode(&postcard::to_stdvec(&end).expect("a frame"), Admission::of_bytes(100)).is_ok());
    }

    #[test]
    fn an_exception_must_be_one() {
        for bad in [
            "{}",
            "[]",
            r#"{"type":"error"}"#,
            r#"{"type":"error","message":1}"#,
            r#"{"type":"mine","message":""}"#,
            r#"{"type":"error","message":"","value":1} x"#,
        ] {
            assert_eq!(refused(Body::Exit(End::Exception(bad.into()))).kind(), RefusalKind::BadJson, "{bad}");
        }
    }
}
