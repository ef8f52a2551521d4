//! A signal as bytes.

use serde::{Deserialize, Serialize};

use crate::address::Id;
use crate::message::Message;
use crate::refusal::{Refusal, RefusalKind};
use crate::signal::{Envelope, Signal};

/// What crosses between two nodes. Its own type, so that the inner one can change without changing the wire.
#[derive(Serialize, Deserialize)]
struct Frame<'a> {
    to: u128,
    from: Option<u128>,
    #[serde(borrow)]
    body: Body<'a>,
}

#[derive(Serialize, Deserialize)]
enum Body<'a> {
    Message(&'a str),
}

pub(crate) fn encode(to: Id, envelope: &Envelope) -> Vec<u8> {
    let Signal::Message(message) = &envelope.signal;
    let body = Body::Message(message.as_str());
    let frame = Frame { to: to.bits(), from: envelope.from.map(Id::bits), body };
    postcard::to_stdvec(&frame).expect("a frame has no map and no unsized sequence, the only things postcard refuses")
}

/// Reads what a peer sent, and admits its message again: a peer's word is not enough.
pub(crate) fn decode(bytes: &[u8], message_bytes_max: usize) -> Result<(Id, Envelope), Refusal> {
    let frame: Frame<'_> = postcard::from_bytes(bytes)
        .map_err(|why| Refusal::new(RefusalKind::BadArgument, format!("cannot read a peer's frame: {why}")))?;
    let Body::Message(text) = frame.body;
    let message = Message::admit(text.to_owned(), message_bytes_max)
        .map_err(|why| Refusal::new(RefusalKind::BadJson, why.to_string()))?;
    let signal = Signal::Message(message);
    Ok((Id::from_bits(frame.to), Envelope { from: frame.from.map(Id::from_bits), signal }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_comes_out_as_it_went_in() {
        let (to, from) = (Id::random(), Id::random());
        let message = Message::admit(r#"{"n":1.0,"big":123456789012345678901234567890}"#.into(), 1000).expect("JSON");
        let bytes = encode(to, &Envelope { from: Some(from), signal: Signal::Message(message.clone()) });
        let (arrived_for, envelope) = decode(&bytes, 1000).expect("our own frame");
        assert_eq!((arrived_for, envelope.from), (to, Some(from)));
        let Signal::Message(arrived) = envelope.signal;
        assert_eq!(arrived, message);
    }

    #[test]
    fn a_frame_that_is_cut_or_carries_no_json_is_refused() {
        let bytes =
            encode(Id::random(), &Envelope { from: None, signal: Signal::Message(Message::trusted("[1]".into())) });
        assert!((0..bytes.len()).all(|end| decode(&bytes[..end], 1000).is_err()));
        let forged = Frame { to: 1, from: None, body: Body::Message("[1") };
        let forged = postcard::to_stdvec(&forged).expect("a frame");
        assert!(decode(&forged, 1000).is_err());
        assert!(decode(&bytes, 2).is_err());
    }
}
