//! The exceptions that links and monitors make.

use crate::address::Place;
use crate::mailbox::host_message;
use crate::message::Message;
use crate::outcome::{Exception, ExceptionKind, Outcome};

pub(super) fn no_process(why: &str) -> Outcome {
    Outcome::Exception(Exception::new(ExceptionKind::Noproc, why))
}

pub(crate) fn no_connection(place: &Place) -> Exception {
    Exception::new(ExceptionKind::Noconnection, format!("the connection with {place} is lost"))
}

/// The bytes of a cause. With the address twice it makes less than the 4 KiB that an exception may have in a host
/// message, so a cause is cut once, however long the chain.
const CAUSE_BYTES_MAX: usize = 3072;

/// How an actor ends that was linked with one that failed. The cause is the first exception of a whole chain.
pub(super) fn linked(address: &str, ended: &Exception) -> Exception {
    let first =
        ended.detail("cause").filter(|cause| ended.kind() == ExceptionKind::Linked && cause.len() <= CAUSE_BYTES_MAX);
    let cause = first.cloned().unwrap_or_else(|| Message::trusted(host_message::cut(ended, CAUSE_BYTES_MAX)));
    let message = format!("{address}, which this actor is linked with, ended with an exception");
    Exception::new(ExceptionKind::Linked, message)
        .with("address", Message::trusted(host_message::quoted(address)))
        .with("cause", cause)
}
