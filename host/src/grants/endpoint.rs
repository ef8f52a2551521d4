//! A place on the network: a host and a port.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

use crate::address::{host_name, quoted};

/// `HOST:PORT`, or `HOST:*` for every port. The host is a DNS name, an IPv4 address, or an IPv6 address in brackets.
///
/// ```
/// use greenroom::Endpoint;
///
/// let endpoint: Endpoint = "API.example.org:443".parse()?;
/// assert_eq!(endpoint.to_string(), "api.example.org:443");
/// assert_eq!("[::ffff:10.0.0.1]:*".parse::<Endpoint>()?.to_string(), "10.0.0.1:*");
/// # Ok::<_, greenroom::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    host: Host,
    /// None: any.
    port: Option<u16>,
}

/// The host of an [`Endpoint`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Host {
    /// A DNS name, in lower case.
    Name(String),
    /// An address. One of IPv4 that is written as one of IPv6 is the one of IPv4.
    Address(IpAddr),
}

/// A text that is no [`Endpoint`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is no HOST:PORT: {why}")]
pub struct EndpointError {
    /// As it was given.
    text: String,
    /// Which rule it breaks.
    why: &'static str,
}

impl Endpoint {
    /// One port of an address.
    pub(crate) fn of(address: SocketAddr) -> Endpoint {
        Endpoint { host: Host::Address(address.ip().to_canonical()), port: Some(address.port()) }
    }

    /// One port of a named host.
    pub(crate) fn of_name(name: &str, port: u16) -> Endpoint {
        Endpoint { host: Host::Name(name.to_owned()), port: Some(port) }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Whether all of `other` is part of this one.
    pub(crate) fn covers(&self, other: &Endpoint) -> bool {
        self.common(other).as_ref() == Some(other)
    }

    /// What is part of both.
    pub(crate) fn common(&self, other: &Endpoint) -> Option<Endpoint> {
        let port = match (self.port, other.port) {
            (Some(port), None) | (None, Some(port)) => Some(port),
            (mine, theirs) if mine == theirs => mine,
            _ => return None,
        };
        (self.host == other.host).then(|| Endpoint { host: self.host.clone(), port })
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        parse(text).map_err(|why| EndpointError { text: quoted(text), why })
    }
}

fn parse(text: &str) -> Result<Endpoint, &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or("it has no `:` before a port; write `:*` for every port")?;
    let port = match port {
        "*" => None,
        _ if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(port.parse().map_err(|_| "the port must be at most 65535")?)
        }
        _ => return Err("the port must be a number, or `*` for every port"),
    };
    if port == Some(0) {
        return Err("nothing can be reached at port 0");
    }
    Ok(Endpoint { host: parse_host(host)?, port })
}

fn parse_host(host: &str) -> Result<Host, &'static str> {
    let address = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().map_err(|_| "what stands in brackets must be an IPv6 address")?.into(),
        None => match host_name(host)?.parse::<Ipv4Addr>() {
            Ok(address) => IpAddr::from(address),
            Err(_) => return name(host),
        },
    };
    match address.to_canonical() {
        address if address.is_unspecified() => Err("this is nobody's address"),
        address => Ok(Host::Address(address)),
    }
}

fn name(host: &str) -> Result<Host, &'static str> {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    // Resolvers read `0x7f.1` and the like as numbers.
    match name.rsplit('.').next().and_then(|last| last.bytes().next()) {
        None => Err("a host has no empty parts"),
        Some(first) if first.is_ascii_digit() => Err("the last part of a host's name begins with a letter"),
        Some(_) => Ok(Host::Name(name)),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => f.write_str(name)?,
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => f.write_str(":*"),
        }
    }
}

/// Whether anybody on the internet may have this address: no machine's own, no private network's, no link's, nothing
/// reserved (IANA's special-purpose registries), and none that carries such an IPv4 address inside.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // "This network", shared by carriers, protocol assignments, benchmarks, 6to4 relays, reserved.
        (0 | 240.., ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18 | 19, _) | (192, 88, 99) => true,
        _ => address.is_private() || address.is_loopback() || address.is_link_local(),
    };
    !(special || address.is_documentation() || address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let inside = |high: u16, low: u16| is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        // A translator's: what is behind it decides.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inside(high, low),
        // 6to4.
        [0x2002, high, low, ..] => inside(high, low),
        // Teredo and other protocols', documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Only this block is given out (RFC 4291).
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_one_form() {
        for (text, form) in [
            ("example.org:443", "example.org:443"),
            ("Example.ORG.:*", "example.org:*"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            ("[0:0::1]:080", "[::1]:80"),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
            ("localhost.:1", "localhost:1"),
            ("xn--bcher-kva.example:443", "xn--bcher-kva.example:443"),
        ] {
            assert_eq!(text.parse::<Endpoint>().expect(text).to_string(), form);
        }
    }

    #[test]
    fn what_is_no_endpoint_says_why() {
        for (text, why) in [
            ("example.org", "no `:`"),
            ("example.org:", "a number"),
            ("example.org:http", "a number"),
            ("example.org:+80", "a number"),
            ("example.org:0", "port 0"),
            ("example.org:65536", "65535"),
            (":80", "missing"),
            ("*:80", "letters"),
            ("::1:80", "brackets"),
            ("[127.0.0.1]:80", "brackets"),
            ("0.0.0.0:80", "nobody"),
            ("[::]:80", "nobody"),
            ("[::ffff:0.0.0.0]:80", "nobody"),
            ("bücher.example:80", "letters"),
            ("127.1:80", "IPv4"),
            ("2130706433:80", "IPv4"),
            ("0x7f000001:80", "begins with a letter"),
            ("0x7f.1:80", "begins with a letter"),
            ("..:80", "IPv4"),
            ("a..:80", "empty"),
            ("http://example.org:80", "brackets"),
        ] {
            let error = text.parse::<Endpoint>().expect_err(text).to_string();
            assert!(error.contains(why) && error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_port_is_part_of_every_port_and_a_name_is_no_address() {
        let of = |text: &str| text.parse::<Endpoint>().expect(text);
        assert!(of("a.org:*").covers(&of("a.org:80")) && of("a.org:80").covers(&of("a.org:80")));
        assert!(!of("a.org:80").covers(&of("a.org:*")) && !of("a.org:80").covers(&of("a.org:81")));
        assert!(!of("a.org:*").covers(&of("b.a.org:80")) && !of("localhost:80").covers(&of("127.0.0.1:80")));
        assert_eq!(of("a.org:80").common(&of("a.org:*")), Some(of("a.org:80")));
        assert_eq!(of("a.org:80").common(&of("a.org:81")), None);
    }

    #[test]
    fn no_machine_s_own_or_private_address_is_public_however_it_is_written() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().expect(text)), "{text}");
        }
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.216.34",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(text.parse().expect(text)), "{text}");
        }
    }
}
