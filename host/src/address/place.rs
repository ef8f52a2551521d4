//! Where: a node's name and its cookie.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use super::{AddressError, quoted};

/// A node's name without its cookie: `HOST:PORT`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(Arc<str>);

/// The longest host name that DNS has (RFC 1035).
const HOST_BYTES_MAX: usize = 253;

impl Place {
    /// `HOST:PORT`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host: a name, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.rsplit_once(':').expect("checked when it was made").0
    }

    /// The port.
    pub fn port(&self) -> u16 {
        let port = self.0.rsplit_once(':').expect("checked when it was made").1;
        port.parse().expect("checked when it was made")
    }

    /// Whether only this machine can be meant.
    #[cfg(any(feature = "mesh", feature = "cli", test))]
    pub(crate) fn is_loopback(&self) -> bool {
        match parts(self.as_str()) {
            Ok((Host::V6(address), _)) => address.to_canonical().is_loopback(),
            Ok((Host::Name("localhost"), _)) => true,
            Ok((Host::Name(host), _)) => host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback()),
            Err(_) => false,
        }
    }

    pub(crate) fn with_port(&self, port: u16) -> Place {
        Place(format!("{}:{port}", self.host()).into())
    }
}

impl FromStr for Place {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Place, AddressError> {
        let (host, port) = parts(text).map_err(|why| AddressError::Place { text: quoted(text), why })?;
        // Written in one way, so that one node is one text: hosts in lower case, IPv6 in its shortest form.
        Ok(Place(match host {
            Host::Name(name) => format!("{}:{port}", name.to_ascii_lowercase()).into(),
            Host::V6(address) => format!("[{address}]:{port}").into(),
        }))
    }
}

pub(super) enum Host<'a> {
    /// A name or an IPv4 address.
    Name(&'a str),
    V6(Ipv6Addr),
}

/// Takes `HOST:PORT` apart; the error says which rule it breaks. Allocates nothing.
pub(super) fn parts(text: &str) -> Result<(Host<'_>, u16), &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or("it has no `:` before a port")?;
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("the port must be a number");
    }
    let port = port.parse().map_err(|_| "the port must be at most 65535")?;
    let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => Host::V6(inner.parse().map_err(|_| "what stands in brackets must be an IPv6 address")?),
        None => Host::Name(host_name(host)?),
    };
    Ok((host, port))
}

pub(crate) fn host_name(host: &str) -> Result<&str, &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let numeric = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    match host {
        "" => Err("the host is missing"),
        _ if host.contains(':') => Err("an IPv6 address must stand in brackets, as in [::1]:3433"),
        _ if host.len() > HOST_BYTES_MAX => Err("the host is longer than 253 characters"),
        _ if !host.bytes().all(plain) => Err("a host consists of letters, digits, `.`, `-` and `_`"),
        _ if host.bytes().all(numeric) && host.parse::<Ipv4Addr>().is_err() => {
            Err("a host of digits and dots must be an IPv4 address")
        }
        _ => Ok(host),
    }
}

/// For what takes one place or several.
impl From<Place> for Vec<Place> {
    fn from(place: Place) -> Vec<Place> {
        vec![place]
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the nodes of a mesh share and nobody else may know. Never shown.
#[derive(Clone)]
pub(crate) struct Cookie(blake3::Hash);

impl Cookie {
    /// What keys are derived from. Whoever has this is in the mesh: it goes nowhere else.
    #[cfg(feature = "mesh")]
    pub(crate) fn secret(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl PartialEq for Cookie {
    fn eq(&self, other: &Cookie) -> bool {
        // In constant time, as blake3's hashes compare.
        self.0 == other.0
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(..)")
    }
}

/// A node's whole name: `COOKIE@HOST:PORT`.
#[derive(Clone, Debug)]
pub(crate) struct NodeName {
    cookie: Cookie,
    #[cfg_attr(not(feature = "mesh"), allow(dead_code))]
    cookie_characters: usize,
    place: Place,
}

/// The fewest characters of a cookie that nobody can guess: 22 of a set of 64 hold 132 random bits. Whoever can reach a
/// node of a mesh may test guesses without asking it again.
pub(crate) const COOKIE_CHARACTERS_MIN: usize = 22;

/// Whether a text can be a cookie at all.
pub(crate) fn is_cookie(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@')
}

impl NodeName {
    pub(crate) fn cookie(&self) -> &Cookie {
        &self.cookie
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether its cookie is long enough for other machines.
    #[cfg_attr(not(feature = "mesh"), allow(dead_code))]
    pub(crate) fn has_long_cookie(&self) -> bool {
        self.cookie_characters >= COOKIE_CHARACTERS_MIN
    }
}

impl FromStr for NodeName {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<NodeName, AddressError> {
        // Without an `@` the whole text may be a cookie: nothing of it is repeated.
        let (cookie, place) = text.rsplit_once('@').ok_or(AddressError::Cookie)?;
        if !is_cookie(cookie) {
            return Err(AddressError::Cookie);
        }
        let place = place.parse()?;
        Ok(NodeName { cookie: Cookie(blake3::hash(cookie.as_bytes())), cookie_characters: cookie.len(), place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_checked_and_written_in_one_way() {
        for (text, place) in [
            ("127.0.0.1:3433", "127.0.0.1:3433"),
            ("[::1]:3433", "[::1]:3433"),
            ("[0:0::1]:0", "[::1]:0"),
            ("Host.Example:65535", "host.example:65535"),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().as_str(), place);
        }
        for (text, why) in [
            ("127.0.0.1", "no `:`"),
            ("host:", "must be a number"),
            ("host:+1", "must be a number"),
            ("host:65536", "at most 65535"),
            (":1", "host is missing"),
            ("::1:3433", "in brackets"),
            ("[::g]:1", "must be an IPv6"),
            ("127.0.0.256:1", "must be an IPv4"),
            ("a b:1", "consists of letters"),
            ("a\u{1b}:1", "\\u{1b}"),
        ] {
            let said = text.parse::<Place>().unwrap_err().to_string();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn loopback_is_known_however_it_is_written() {
        let is_loopback = |text: &str| text.parse::<Place>().unwrap().is_loopback();
        for place in ["127.0.0.1:1", "127.9.9.9:1", "LOCALHOST:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(is_loopback(place), "{place}");
        }
        for place in ["0.0.0.0:1", "10.0.0.1:1", "localhost.example:1", "127.example:1", "[::]:1", "[fe80::1]:1"] {
            assert!(!is_loopback(place), "{place}");
        }
    }

    #[test]
    fn a_node_s_name_never_shows_its_cookie() {
        let name: NodeName = "s3cret@[::1]:3433".parse().unwrap();
        assert_eq!(name.place().as_str(), "[::1]:3433");
        assert!(!format!("{name:?}").contains("s3cret"));
        for bad in ["s3cret", "s3cret@nowhere", "s3 cret@a:1", "@a:1", "s3cret@s3cret@a:1"] {
            let said = bad.parse::<NodeName>().unwrap_err().to_string();
            assert!(!said.contains("s3c"), "{said}");
        }
    }
}
