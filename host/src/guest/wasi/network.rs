//! `wasi:sockets`: connections to the places that an actor is granted.

use std::collections::{BTreeMap, VecDeque};
use std::future::ready;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Resource;
use wasmtime::{Error, Result};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{Network, SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsView};

use super::Guest;
use crate::grants::{Endpoint, Grant, Grants, is_public};
use crate::guest::library::Module;
use crate::lock::lock;

/// What one actor may reach. Clones are the same.
#[derive(Clone)]
pub(super) struct Reach(Arc<Shared>);

struct Shared {
    grants: Arc<Grants>,
    module: Module,
    /// What the granted names stand for: the addresses that the actor has been told, the last ones first.
    told: Mutex<BTreeMap<String, VecDeque<IpAddr>>>,
    lookups: Arc<Semaphore>,
}

/// Addresses of one name that are remembered. A name has a handful, and may get new ones while an actor lives.
const TOLD_MAX: usize = 64;

/// Names that one actor may ask for at once: a program asks for one.
const LOOKUPS_MAX: usize = 4;

impl Reach {
    pub(super) fn new(grants: Arc<Grants>, module: Module) -> Reach {
        let (told, lookups) = (Mutex::default(), Arc::new(Semaphore::new(LOOKUPS_MAX)));
        Reach(Arc::new(Shared { grants, module, told, lookups }))
    }

    /// Has every use of an address asked for. The crate's own lookup of names stays switched off.
    pub(super) fn guard(&self, ctx: &mut WasiCtxBuilder) {
        let (reach, granted) = (self.clone(), self.0.grants.has_network());
        ctx.allow_tcp(granted).allow_udp(granted).allow_ip_name_lookup(false);
        ctx.socket_addr_check(move |address, what| Box::pin(ready(reach.permits(address, what))));
    }

    fn permits(&self, address: SocketAddr, what: SocketAddrUse) -> bool {
        match what {
            // A port of the system's choosing is how a connection begins. Nobody can know it beforehand, and what comes to
            // it is asked for too.
            SocketAddrUse::TcpBind | SocketAddrUse::UdpBind if address.port() == 0 => true,
            SocketAddrUse::TcpBind | SocketAddrUse::UdpBind | SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => {
                self.lacks("listen", false, format!("asked to listen at {address}: nothing grants that"));
                false
            }
            SocketAddrUse::TcpConnect | SocketAddrUse::UdpSend => {
                self.reaches(address) || {
                    let grant = Grant::Net(Endpoint::of(address));
                    let message = format!("asked for {address}: not granted; --allow {grant} would allow it");
                    self.lacks("net", self.0.module.grants().holds(&grant), message);
                    false
                }
            }
            // Somebody else's doing.
            SocketAddrUse::UdpReceive => self.reaches(address),
        }
    }

    fn reaches(&self, address: SocketAddr) -> bool {
        let grants = &self.0.grants;
        if grants.holds(&Grant::Net(Endpoint::of(address))) {
            return true;
        }
        let ip = address.ip().to_canonical();
        let told = lock(&self.0.told);
        let names = told.iter().filter(|(_, addresses)| addresses.contains(&ip)).map(|(name, _)| name);
        names.into_iter().any(|name| grants.holds(&Grant::Net(Endpoint::of_name(name, address.port()))))
    }

    fn lacks(&self, kind: &'static str, of_module: bool, message: String) {
        self.0.module.lacks(kind, of_module, &message);
    }

    /// The name as it is granted, if it is.
    pub(super) fn granted(&self, name: &str) -> Option<String> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if self.0.grants.has_host(&name) {
            return Some(name);
        }
        let message = format!(
            "asked for the address of `{0}`: not granted; --allow net={0}:PORT would allow it",
            name.escape_debug()
        );
        self.lacks("net", self.0.module.grants().has_host(&name), message);
        None
    }

    /// A permit for one lookup, if not too many go on.
    pub(super) fn lookup(&self) -> Option<OwnedSemaphorePermit> {
        self.0.lookups.clone().try_acquire_owned().ok()
    }

    /// What a granted name stands for, of the addresses that were found for it. From now on the actor reaches those: public
    /// ones, and for `localhost` this machine's. Whoever answers for a name could otherwise let it point at anything near
    /// this machine.
    pub(super) fn found(&self, name: &str, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        let local = name == "localhost" || name.ends_with(".localhost");
        let stands = |address: &IpAddr| if local { address.is_loopback() } else { is_public(*address) };
        let (own, others): (Vec<IpAddr>, Vec<IpAddr>) = addresses.into_iter().partition(stands);
        if let ([], [first, ..]) = (&own[..], &others[..]) {
            let endpoint = Endpoint::of(SocketAddr::new(*first, 1));
            let host = endpoint.to_string();
            let host = host.strip_suffix(":1").expect("the port that it was given");
            let message = format!(
                "asked for `{name}`, which is {first}, no public address; --allow net={host}:PORT would allow it"
            );
            self.lacks("net", self.0.grants.has_address(*first), message);
        }
        let mut told = lock(&self.0.told);
        let known = told.entry(name.to_owned()).or_default();
        known.retain(|address| !own.contains(address));
        own.iter().for_each(|address| known.push_front(*address));
        known.truncate(TOLD_MAX);
        // One that is granted as such may be told too, and is reached as it is granted.
        own.into_iter().chain(others.into_iter().filter(|address| self.0.grants.has_address(*address))).collect()
    }
}

impl Guest {
    /// Whether this actor may have one more socket.
    fn may_open_socket(&mut self) -> SocketResult<()> {
        if !self.context.grants().has_network() {
            let granted = self.module.grants().has_network();
            self.module.lacks(
                "net",
                granted,
                "asked for the network: not granted; --allow net=HOST:PORT would allow it",
            );
            return Err(ErrorCode::AccessDenied.into());
        }
        if !self.has_room_for_descriptor() {
            return Err(ErrorCode::NewSocketLimit.into());
        }
        Ok(())
    }
}

/// What the generated code of the two interfaces below asks of errors.
impl network::Host for Guest {
    fn convert_error_code(&mut self, error: SocketError) -> Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(&mut self, error: Resource<Error>) -> Result<Option<ErrorCode>> {
        self.sockets().network_error_code(error)
    }
}

impl network::HostNetwork for Guest {
    fn drop(&mut self, network: Resource<Network>) -> Result<()> {
        network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl tcp_create_socket::Host for Guest {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        self.may_open_socket()?;
        self.sockets().create_tcp_socket(family)
    }
}

impl udp_create_socket::Host for Guest {
    async fn create_udp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        self.may_open_socket()?;
        self.sockets().create_udp_socket(family).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::library::Library;
    use crate::load_options::LoadOptions;

    fn reach(grants: &str) -> Reach {
        let options = LoadOptions::untrusted().allow(grants.parse().expect(grants));
        let library = Library::new(None).expect("the engine starts");
        let module = library.load("echo", "echo", include_bytes!("../echo.wat"), &options).expect("it loads");
        Reach::new(module.grants().clone(), module)
    }

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    fn connects(reach: &Reach, address: &str) -> bool {
        reach.permits(address.parse().expect(address), SocketAddrUse::TcpConnect)
    }

    #[test]
    fn a_name_is_reached_where_the_actor_was_told_that_it_is_and_nowhere_else() {
        let reach = reach("net=a.org:443,net=b.org:*");
        assert_eq!(reach.granted("A.org.").as_deref(), Some("a.org"));
        for other in ["c.org", "x.a.org", "a.org:443", "a.org.b.org", "", ".", "1.1.1.1"] {
            assert_eq!(reach.granted(other), None, "{other}");
        }
        assert!(!connects(&reach, "1.1.1.1:443"), "nobody has said so yet");
        assert_eq!(
            reach.found("a.org", addresses(&["1.1.1.1", "2606:4700::1111"])),
            addresses(&["1.1.1.1", "2606:4700::1111"])
        );
        assert_eq!(reach.found("b.org", addresses(&["9.9.9.9"])), addresses(&["9.9.9.9"]));
        for there in ["1.1.1.1:443", "[2606:4700::1111]:443", "[::ffff:1.1.1.1]:443", "9.9.9.9:1"] {
            assert!(connects(&reach, there), "{there}");
        }
        for elsewhere in ["1.1.1.1:80", "1.0.0.1:443", "[2606:4700::1112]:443"] {
            assert!(!connects(&reach, elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn a_name_that_points_at_something_near_this_machine_does_not_lead_there() {
        let reach = reach("net=a.org:*,net=10.0.0.7:80,net=localhost:80");
        let near = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:192.168.0.1", "0.0.0.0"];
        assert!(reach.found("a.org", addresses(&near)).is_empty());
        assert_eq!(reach.found("a.org", addresses(&["10.0.0.1", "8.8.8.8"])), addresses(&["8.8.8.8"]));
        for near in ["127.0.0.1:80", "10.0.0.1:80", "169.254.169.254:80", "[::1]:80"] {
            assert!(!connects(&reach, near), "{near}");
        }
        // Granted as an address, it is told, and reached by that grant only.
        assert_eq!(reach.found("a.org", addresses(&["10.0.0.7"])), addresses(&["10.0.0.7"]));
        assert!(connects(&reach, "10.0.0.7:80") && !connects(&reach, "10.0.0.7:81"));
        assert_eq!(
            reach.found("localhost", addresses(&["127.0.0.1", "::1", "8.8.4.4"])),
            addresses(&["127.0.0.1", "::1"])
        );
        assert!(
            connects(&reach, "127.0.0.1:80") && !connects(&reach, "127.0.0.1:81") && !connects(&reach, "8.8.4.4:80")
        );
    }

    #[test]
    fn what_a_name_has_stood_for_is_forgotten_when_it_is_too_much() {
        let reach = reach("net=a.org:1");
        let many: Vec<IpAddr> = (0..=u8::try_from(TOLD_MAX).expect("small")).map(|n| [8, 8, 8, n].into()).collect();
        many.iter().for_each(|address| assert_eq!(reach.found("a.org", vec![*address]), [*address]));
        assert!(!connects(&reach, "8.8.8.0:1"), "the oldest");
        assert!(many[1..].iter().all(|address| connects(&reach, &format!("{address}:1"))));
    }

    #[test]
    fn nobody_listens_and_a_port_of_the_system_s_choosing_is_for_a_connection() {
        let reach = reach("net=127.0.0.1:*");
        let permits = |address: &str, what| reach.permits(address.parse().expect(address), what);
        assert!(permits("127.0.0.1:9", SocketAddrUse::UdpReceive) && permits("127.0.0.1:9", SocketAddrUse::UdpSend));
        assert!(!permits("127.0.0.2:9", SocketAddrUse::UdpReceive) && !permits("127.0.0.2:9", SocketAddrUse::UdpSend));
        for bind in [SocketAddrUse::TcpBind, SocketAddrUse::UdpBind] {
            assert!(permits("0.0.0.0:0", bind) && permits("127.0.0.1:0", bind) && !permits("127.0.0.1:9", bind));
        }
        assert!(!permits("127.0.0.1:9", SocketAddrUse::TcpListen) && !permits("127.0.0.1:9", SocketAddrUse::TcpAccept));
    }
}
