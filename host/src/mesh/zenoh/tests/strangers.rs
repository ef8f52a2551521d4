//! What those who do not know the cookie can do to a node: nothing but make newcomers wait.

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};

use quinn::ConnectionError;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::rustls::{self, RootCertStore, pki_types::PrivateKeyDer};
use tokio::task::JoinSet;

use super::super::certificate::HOST_NAME;
use super::super::places::engine_id;
use super::super::probe::{PROTOCOL, knock};
use super::process::{Process, QUESTION, presence};
use super::*;

/// How much of each. The node rests 0.1 s after each failed handshake, so all of it takes more than a minute.
struct Amounts {
    tries: usize,
    half_open: usize,
    /// Whether to wait until the half-open handshakes are over.
    to_the_end: bool,
}

const FEW: Amounts = Amounts { tries: 40, half_open: 20, to_the_end: false };
const ALL: Amounts = Amounts { tries: 200, half_open: 100, to_the_end: true };

/// Tries that run at once, so that each waits less than the victim's patience.
const AT_ONCE: usize = 8;

/// Tries before the memory is weighed, and exchanges before and after: what is made once is made then.
const WARMING: usize = 20;
const EXCHANGES: usize = 200;

/// Tries of a whole node that believes in the victim and has another cookie.
const NODE_TRIES: usize = 5;

/// What all strangers together may cost.
const MEMORY_MAX: usize = 8 << 20;

/// What a connected peer may wait for an answer.
const STALL_MAX: Duration = Duration::from_secs(3);

/// What a connected peer waits before it asks again.
const PAUSE: Duration = Duration::from_millis(5);

/// How long half-open handshakes may keep newcomers out: QUIC gives up on each after 30 s from its arrival.
const HALF_OPEN_MAX: Duration = Duration::from_secs(60);

/// A node in a process of its own, and a peer of its that dialled it: on the one socket that strangers can reach.
struct Scene {
    victim: Presence,
    process: Process,
    peer: Node,
}

/// What the peer saw.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    exchanges: usize,
    longest: Duration,
    resident_bytes: usize,
}

impl Scene {
    fn new() -> Scene {
        let victim = presence(1);
        let process = Process::start(&victim, &[], LEASE);
        let seeds = vec![victim.place.clone()];
        let settings = Settings { seeds, lease: LEASE, ..settings(free_place(), &[]) };
        let peer = try_start(settings, 1).expect("a node");
        peer.log.wait(|heard| *heard == Heard::Up(victim.clone()), 1);
        peer.log.take();
        Scene { victim, process, peer }
    }

    fn address(&self) -> std::net::SocketAddr {
        self.victim.place.as_str().parse().expect("an address of loopback")
    }

    /// Asks the victim what it heard while `goes_on`. It is the peer and nothing else, and the peer hears nothing else.
    fn exchange(&self, mut goes_on: impl FnMut(usize) -> bool) -> Seen {
        let mut seen = Seen::default();
        let answer = format!("{:?}", [Heard::Up(self.peer.presence.clone())]);
        while goes_on(seen.exchanges) {
            let began = Instant::now();
            self.peer.send(&self.victim, QUESTION.into()).expect("it is connected");
            self.peer.log.packets(1);
            let took = began.elapsed();
            assert_eq!(self.peer.log.take(), [Heard::Packet(self.victim.clone(), answer.clone())]);
            assert!(took < STALL_MAX, "an answer took {took:?}");
            seen.exchanges += 1;
            seen.longest = seen.longest.max(took);
            seen.resident_bytes = seen.resident_bytes.max(self.process.resident_bytes());
        }
        seen
    }

    /// The same while strangers do something.
    fn exchange_during(&self, strangers: impl FnOnce()) -> Seen {
        std::thread::scope(|scope| {
            let (done, waits) = mpsc::channel::<()>();
            let goes_on = move |_| waits.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout);
            let peer = scope.spawn(move || self.exchange(goes_on));
            strangers();
            drop(done);
            peer.join().expect("the peer is not disturbed")
        })
    }
}

fn certificate(of: &str, presence: &Presence) -> Certificate {
    Certificate::new(&cookie(of), presence).expect("a certificate")
}

/// One that believes whoever knows the cookie, and shows another's certificate or none.
fn stranger(shown: Option<&Certificate>) -> quinn::ClientConfig {
    let mut authority = RootCertStore::empty();
    authority.add(certificate("cookie", &presence(3)).authority).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]);
    let tls = tls.expect("TLS 1.3").with_root_certificates(authority);
    let mut tls = match shown {
        Some(shown) => {
            let key = PrivateKeyDer::Pkcs8(shown.key.clone_key());
            tls.with_client_auth_cert(vec![shown.leaf.clone()], key).expect("a key that fits")
        }
        None => tls.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).expect("it has TLS 1.3")))
}

/// Tries that often, some at once, every fourth without a certificate: all end with an alert of the handshake's.
async fn tries(many: usize, address: std::net::SocketAddr) {
    let other = certificate("other", &presence(2));
    let [other, none] = [stranger(Some(&other)), stranger(None)];
    let mut tries = JoinSet::new();
    for n in 0..many {
        if tries.len() == AT_ONCE {
            tries.join_next().await.expect("there are some").expect("no panic");
        }
        let config = if n % 4 == 0 { none.clone() } else { other.clone() };
        tries.spawn(async move {
            let client = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
            let connecting = client.connect_with(config, address, HOST_NAME).expect("a fit configuration");
            // It may take itself for connected before the victim has seen its certificate.
            let end = match connecting.await {
                Ok(connection) => connection.closed().await,
                Err(end) => end,
            };
            let ConnectionError::ConnectionClosed(end) = end else { panic!("try {n}: {end}") };
            assert!(u64::from(end.error_code) >> 8 == 1, "try {n}: no alert of TLS, but {end}");
        });
    }
    tries.join_all().await;
}

/// A whole node that believes the victim to be its like, but has another cookie. Its token and packets are ready.
async fn node_tries(many: usize, victim: &Presence) {
    let me = presence(2);
    let own = certificate("cookie", &me);
    let Certificate { leaf, leaf_pem, key, key_pem, .. } = certificate("other", &me);
    let other = Certificate { leaf, leaf_pem, key, key_pem, ..own };
    let config = config::config(Id::of(&me), me.place.as_str(), &other, LEASE).expect("settings");
    let mut runtime = RuntimeBuilder::new(config).build().await.expect("a runtime");
    let session = ::zenoh::session::init(runtime.clone().into()).await.expect("a session");
    let _token = session.liveliness().declare_token(keys::token(&me)).await.expect("a token");
    runtime.start().await.expect("a free port");
    let locator = config::locator(victim.place.as_str()).parse().expect("a locator");
    for n in 0..many {
        let linked = runtime.connect_peer(&engine_id(victim).into(), std::slice::from_ref(&locator)).await;
        session.put(keys::lane(Id::of(victim), Id::of(&me)), "from a stranger").await.expect("it has a session");
        assert!(!linked && session.info().peers_zid().await.count() == 0, "try {n} made a link");
    }
    session.close().await.expect("it ends");
    runtime.close().await.expect("it ends");
}

/// Begins that many handshakes and never goes on: each is the first datagram of a client that dialled the very socket it
/// is sent from. Holds the sockets.
async fn half_open(many: usize, address: std::net::SocketAddr) -> Vec<UdpSocket> {
    let client = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let config = stranger(None);
    let mut sockets = Vec::new();
    for _ in 0..many {
        let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let here = socket.local_addr().expect("its address");
        let _dialling = client.connect_with(config.clone(), here, HOST_NAME).expect("a fit configuration");
        let mut first = [0; 2048];
        let (size, _) = socket.recv_from(&mut first).await.expect("a first datagram");
        socket.send_to(&first[..size], address).await.expect("it is sent");
        // What comes behind it is answered, so it has arrived.
        assert_eq!(knock(address).await, Ok(true));
        sockets.push(socket.into_std().expect("a socket"));
    }
    sockets
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// All 200 tries and 100 half-open handshakes only if `GREENROOM_ROUNDS` is set.
#[test]
fn strangers_cost_a_node_little_and_disturb_no_peer_of_its() {
    let amounts = if std::env::var_os("GREENROOM_ROUNDS").is_some() { ALL } else { FEW };
    let scene = Scene::new();
    let address = scene.address();
    scene.exchange_during(|| run(tries(WARMING, address)));
    let before = scene.exchange(|n| n < EXCHANGES);

    let began = Instant::now();
    let tried = scene.exchange_during(|| run(tries(amounts.tries, address)));
    let tries_took = began.elapsed();
    let knocked = scene.exchange_during(|| {
        let victim = scene.victim.clone();
        ZRuntime::Application.block_on(async move { node_tries(NODE_TRIES, &victim).await });
    });
    let began = Instant::now();
    let mut held = Vec::new();
    let opened = scene.exchange_during(|| held = run(half_open(amounts.half_open, address)));
    let after = scene.exchange(|n| n < EXCHANGES);
    let mut kept_out = None;
    let waited = scene.exchange_during(|| kept_out = run(newcomer(&scene.victim, address, amounts.to_the_end)));
    let kept_out = kept_out.map(|in_at: Instant| in_at - began);

    let all = [tried, knocked, opened, after, waited];
    let most = all.iter().map(|seen| seen.resident_bytes).max().unwrap_or_default();
    let cost = most.saturating_sub(before.resident_bytes);
    let figures = format!(
        "{} wrong tries took {tries_took:?}; {} half-open handshakes; all cost {} KiB over {} KiB; newcomers kept out: \
         {kept_out:?}; the peer, before: {before:?}, tries: {tried:?}, a node's tries: {knocked:?}, half-open: \
         {opened:?}, after: {after:?}, to the end: {waited:?}",
        amounts.tries,
        held.len(),
        cost >> 10,
        before.resident_bytes >> 10,
    );
    writeln!(std::io::stderr(), "{figures}").expect("stderr is there");
    assert!(cost < MEMORY_MAX, "{cost} bytes");
}

/// One with the cookie is kept out, which is wrong: the engine shakes hands with one after the other. Waits until it is let
/// in, if it is to; answers when.
async fn newcomer(victim: &Presence, address: std::net::SocketAddr, to_the_end: bool) -> Option<Instant> {
    let probe = Probe::new(&certificate("cookie", &presence(4))).expect("a certificate");
    let mut why = probe.ask(&victim.place, address).await.expect_err("half-open handshakes are before it");
    if !to_the_end {
        return None;
    }
    let until = Instant::now() + HALF_OPEN_MAX;
    while Instant::now() < until {
        match probe.ask(&victim.place, address).await {
            Ok(_) => return Some(Instant::now()),
            Err(again) => why = again,
        }
    }
    panic!("still kept out: {why}");
}
