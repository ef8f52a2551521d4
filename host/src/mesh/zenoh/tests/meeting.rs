//! How nodes find each other, and what they are told if they do not.

use super::*;
use crate::mesh::engine::ConnectError;
use std::io::Write;

#[test]
fn a_packet_sent_right_after_up_arrives() {
    for _ in 0..20 {
        let one = start(&[]);
        let two = start(&[&one]);
        one.log.up(&two);
        send(&one, &two, "first");
        two.log.up(&one);
        send(&two, &one, "first");
        assert_eq!(two.log.packets(1)[0].1, "first");
        assert_eq!(one.log.packets(1)[0].1, "first");
    }
}

#[test]
fn a_third_node_is_known_through_one_seed() {
    let one = start(&[]);
    let [two, three] = [start(&[&one]), start(&[&one])];
    for (node, others) in [(&one, [&two, &three]), (&two, [&one, &three]), (&three, [&one, &two])] {
        others.iter().for_each(|other| node.log.up(other));
    }
    send(&two, &three, "past the seed");
    assert_eq!(three.log.packets(1), [(two.presence.clone(), "past the seed".into())]);
}

#[test]
fn peers_say_whom_they_know() {
    let (one, two) = pair();
    let three = start(&[&one]);
    one.log.up(&three);
    three.log.up(&one);
    let (shared, asked) = (Arc::clone(&three.shared), keys::HOLDERS);
    let known = wait(ZRuntime::Application.spawn(async move { shared.ask(asked).await })).expect("no panic");
    assert!(known.contains(&two.presence), "{known:?}");
}

#[test]
fn eight_nodes_that_start_at_once_all_meet() {
    let places: Vec<Place> = (0..8).map(|_| free_place()).collect();
    let start = |place: &Place| {
        let settings = Settings { seeds: places.clone(), ..settings(place.clone(), &[]) };
        std::thread::spawn(move || try_start(settings, 1).expect("a node"))
    };
    let began = Instant::now();
    let starting: Vec<_> = places.iter().map(start).collect();
    let nodes: Vec<Node> = starting.into_iter().map(|node| node.join().expect("no panic")).collect();
    for (one, other) in nodes.iter().flat_map(|one| nodes.iter().map(move |other| (one, other))) {
        if one.presence != other.presence {
            one.log.up(other);
        }
    }
    assert!(began.elapsed() < Duration::from_secs(5), "they do not wait for each other: {:?}", began.elapsed());
}

#[test]
fn a_seed_that_starts_later_is_met() {
    let place = free_place();
    let one = try_start(Settings { seeds: vec![place.clone()], ..settings(free_place(), &[]) }, 1).expect("a node");
    let two = try_start(settings(place, &[]), 1).expect("a node");
    one.log.up(&two);
    two.log.up(&one);
}

#[test]
fn a_node_is_met_under_any_name_of_its_machine() {
    let (one, two) = (start(&[]), start(&[]));
    let alias: Place = format!("localhost:{}", two.presence.place.port()).parse().expect("a place");
    wait(one.connect(&alias)).expect("it is there");
    one.log.up(&two);
    wait(one.connect(&one.presence.place)).expect_err("a node is no peer of its own");
}

#[test]
fn nodes_meet_over_ipv6() {
    let free_place = || {
        let socket = UdpSocket::bind((std::net::Ipv6Addr::LOCALHOST, 0)).ok()?;
        Some(socket.local_addr().ok()?.to_string().parse::<Place>().expect("a place"))
    };
    let [Some(first), Some(second), Some(third)] = [free_place(), free_place(), free_place()] else {
        return writeln!(std::io::stderr(), "skipped: this machine has no IPv6").expect("stderr is there");
    };
    assert!(first.as_str().starts_with("[::1]:"), "{first}");
    let one = try_start(settings(first, &[]), 1).expect("a node");
    let [two, three] = [second, third].map(|place| try_start(settings(place, &[&one]), 1).expect("a node"));
    for (node, others) in [(&one, [&two, &three]), (&two, [&one, &three]), (&three, [&one, &two])] {
        others.iter().for_each(|other| node.log.up(other));
    }
    send(&two, &three, "past the seed");
    assert_eq!(three.log.packets(1), [(two.presence.clone(), "past the seed".into())]);
}

#[test]
fn whoever_connects_hears_up_before_the_answer() {
    let (one, two) = (start(&[]), start(&[]));
    wait(one.connect(&two.presence.place)).expect("it is there");
    assert_eq!(one.log.take(), [Heard::Up(two.presence.clone())]);
    wait(one.connect(&two.presence.place)).expect("it is still there");
}

/// Who asks, and what it hears of a place.
fn connect(place: &Place) -> ConnectError {
    let one = start(&[]);
    let error = wait(one.connect(place)).expect_err("no node of this mesh is there");
    assert_eq!(one.log.take(), []);
    error
}

#[test]
fn a_node_with_another_cookie_is_named_so_and_neither_side_hears_of_the_other() {
    let other = Settings { cookie: cookie("other"), ..settings(free_place(), &[]) };
    let other = try_start(other, 1).expect("a node");
    let place = other.presence.place.clone();
    assert_eq!(connect(&place), ConnectError::WrongCookie(place.clone()));
    // As a seed it is no error, and is looked for in vain.
    let one = try_start(Settings { seeds: vec![place], ..settings(free_place(), &[]) }, 1).expect("a node");
    assert_eq!((one.log.take(), other.log.take()), (vec![], vec![]));
}

#[test]
fn where_nobody_is_nobody_answers() {
    let place = free_place();
    let error = connect(&place);
    assert!(matches!(&error, ConnectError::Unreachable { why, .. } if why.contains("refused")), "{error}");
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let place: Place = silent.local_addr().expect("its address").to_string().parse().expect("a place");
    let error = connect(&place);
    assert!(matches!(&error, ConnectError::Unreachable { why, .. } if why.contains("no answer")), "{error}");
    let error = connect(&"nowhere.invalid:1".parse().expect("a place"));
    assert!(matches!(&error, ConnectError::Unreachable { .. }), "{error}");
}

#[test]
fn what_answers_and_is_no_node_is_named_so() {
    let echo = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let place: Place = echo.local_addr().expect("its address").to_string().parse().expect("a place");
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((size, from)) = echo.recv_from(&mut buffer) {
            _ = echo.send_to(&buffer[..size], from);
        }
    });
    assert_eq!(connect(&place), ConnectError::NotANode(place.clone()));
    for protocol in ["zenoh", "h3"] {
        let place = quic_server(protocol);
        assert_eq!(connect(&place), ConnectError::NotANode(place.clone()), "{protocol}");
    }
}

/// A server of somebody else's that speaks QUIC.
fn quic_server(protocol: &str) -> Place {
    use quinn::rustls::{self, ServerConfig};
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]);
    let tls = tls.expect("TLS 1.3").with_no_client_auth().with_single_cert(vec![own.cert.into()], key.into());
    let mut tls = tls.expect("a key that fits");
    tls.alpn_protocols = vec![protocol.into()];
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(tls).expect("it has TLS 1.3");
    let server = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let entered = ZRuntime::Application.enter();
    let endpoint = quinn::Endpoint::server(server, address).expect("a free port");
    drop(entered);
    let place = endpoint.local_addr().expect("its address").to_string().parse().expect("a place");
    ZRuntime::Application.spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            _ = incoming.await;
        }
    });
    place
}

#[test]
fn a_taken_address_is_said() {
    let one = start(&[]);
    let error = try_start(settings(one.presence.place.clone(), &[]), 2).err().expect("it is taken");
    let OpenError::CannotListen { address, why } = &error else { panic!("{error}") };
    assert_eq!(*address, one.presence.place.to_string());
    assert!(why.starts_with("Address already in use"), "{why}");
}

#[test]
fn a_node_needs_no_runtime_of_its_host_s() {
    // The other tests have none at all; the engine itself panics on this kind.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let one = start(&[]);
    let log = Arc::new(Log::default());
    runtime.block_on(async {
        let two = open(settings(free_place(), &[&one]), 1, log.clone()).await.expect("a node");
        two.connect(&one.presence.place).await.expect("it is there");
        two.close();
    });
    assert_eq!(log.take(), [Heard::Up(one.presence.clone())]);
}

#[test]
fn a_link_with_another_common_name_carries_nothing() {
    // As an impostor's with a bought certificate, which the engine trusts when it dials.
    let me = |place: &Place| Presence { place: place.clone(), incarnation: 1 };
    let one = start(&[]);
    let place = free_place();
    let impostor = Certificate::named("localhost", &cookie("cookie"), &me(&place)).expect("a certificate");
    let config =
        config::config(Id::of(&me(&place)), place.as_str(), &impostor, Duration::from_secs(1)).expect("settings");
    let session = wait(async { ZRuntime::Application.spawn(async { ::zenoh::open(config).await }).await });
    let session = session.expect("no panic").expect("a session");
    let token =
        ZRuntime::Application.block_on(async { session.liveliness().declare_token(keys::token(&me(&place))).await });
    let error = wait(one.connect(&place)).expect_err("its token is not heard");
    assert!(error.to_string().contains("does not link"), "{error}");
    assert!(
        ZRuntime::Application.block_on(async { session.info().peers_zid().await.count() }) == 1,
        "there was a link"
    );
    assert_eq!(one.log.take(), []);
    drop(token);
}
