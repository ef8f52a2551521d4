//! Which cookies are too short for a mesh of several machines.

use std::net::SocketAddr;

use super::JoinError;
use crate::address::{NodeName, Place};

/// # Errors
///
/// If the node listens, is named, or dials beyond this machine, and its cookie could be guessed.
pub(crate) fn check(name: &NodeName, listen: Option<SocketAddr>, peers: &[Place]) -> Result<(), JoinError> {
    let listens_here = listen.is_none_or(|address| address.ip().to_canonical().is_loopback());
    let stays_here = listens_here && name.place().is_loopback() && peers.iter().all(Place::is_loopback);
    if stays_here || name.has_long_cookie() {
        return Ok(());
    }
    Err(JoinError::ShortCookie(name.place().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str, listen: Option<&str>, peers: &[&str]) -> Result<(), JoinError> {
        let peers: Vec<Place> = peers.iter().map(|peer| peer.parse().expect("a place")).collect();
        let listen = listen.map(|address| address.parse().expect("an address"));
        check(&name.parse().expect("a name"), listen, &peers)
    }

    #[test]
    fn a_short_cookie_stays_on_this_machine() {
        assert!(checked("secret@127.0.0.1:1", Some("[::1]:1"), &["localhost:2"]).is_ok());
        for (place, listen, peers) in [
            ("10.0.0.1:1", None, &[][..]),
            ("127.0.0.1:1", Some("0.0.0.0:1"), &[]),
            ("127.0.0.1:1", None, &["127.0.0.1:2", "b.example:2"]),
        ] {
            let long = format!("{}@{place}", "abcdefghijklmnopqrstuv");
            assert!(checked(&long, listen, peers).is_ok(), "{place}");
            let short = format!("{}@{place}", "abcdefghijklmnopqrstu");
            let said = checked(&short, listen, peers).expect_err("it is short").to_string();
            assert!(said.contains("greenroom cookie new") && !said.contains("abcd"), "{said}");
        }
    }
}
