//! Who answers at an address: a node of this mesh, one with another cookie, something else, or nobody.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::rustls::client::WebPkiServerVerifier;
use quinn::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use quinn::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use quinn::rustls::{self, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::certificate::{self, Certificate, HOST_NAME};
use crate::address::Place;
use crate::lock::lock;
use crate::mesh::engine::{ConnectError, Presence};

/// What the engine's links negotiate.
pub(super) const PROTOCOL: &[u8] = b"zenoh";

/// How long a first answer may take, asked every quarter of it: a datagram may be lost.
const KNOCK: Duration = Duration::from_secs(1);

/// How long a handshake may take. A node does one after the other.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// A QUIC version that asks for the list of those that are spoken (RFC 9000, section 15): every QUIC server answers it
/// without keeping anything, and whatever else listens there does not.
const UNSPOKEN_VERSION: [u8; 4] = [0x1a, 0x2a, 0x3a, 0x4a];

/// The least size of a first datagram: shorter ones are not answered (RFC 9000, section 14.1).
const FIRST_BYTES_MIN: usize = 1200;

/// What is needed to ask: this node's certificate.
pub(super) struct Probe {
    authority: Arc<RootCertStore>,
    leaf: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Probe {
    pub fn new(certificate: &Certificate) -> Result<Probe, String> {
        let mut authority = RootCertStore::empty();
        authority.add(certificate.authority.clone()).map_err(|why| why.to_string())?;
        let key = PrivateKeyDer::Pkcs8(certificate.key.clone_key());
        Ok(Probe { authority: Arc::new(authority), leaf: certificate.leaf.clone(), key })
    }

    /// Asks who is there, by a handshake that no impostor passes. Runs on a tokio runtime.
    pub async fn ask(&self, place: &Place, address: SocketAddr) -> Result<Presence, ConnectError> {
        let unreachable = |why: String| ConnectError::Unreachable { place: place.clone(), why };
        match knock(address).await {
            Ok(true) => {}
            Ok(false) => return Err(ConnectError::NotANode(place.clone())),
            Err(why) => return Err(unreachable(why)),
        }
        let seen = Arc::new(Seen::default());
        let handshake = self.handshake(address, Arc::clone(&seen));
        let result = timeout(HANDSHAKE, handshake).await;
        let shown = lock(&seen.0).take();
        let node = shown.as_ref().and_then(|(leaf, trusted)| Some((certificate::presence(leaf)?, *trusted)));
        match (result, node) {
            (Ok(Ok(())), Some((presence, _))) => Ok(presence),
            (_, Some((_, false))) => Err(ConnectError::WrongCookie(place.clone())),
            (Ok(Err(why)), Some((_, true))) => Err(unreachable(why)),
            (Err(_), _) => Err(unreachable(format!("its handshake does not end within {HANDSHAKE:?}"))),
            (_, None) => Err(ConnectError::NotANode(place.clone())),
        }
    }

    async fn handshake(&self, address: SocketAddr, seen: Arc<Seen>) -> Result<(), String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.authority), Arc::clone(&provider))
            .build()
            .map_err(said)?;
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(said)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { inner, seen }))
            .with_client_auth_cert(vec![self.leaf.clone()], self.key.clone_key())
            .map_err(said)?;
        tls.alpn_protocols = vec![PROTOCOL.to_vec()];
        let client = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).map_err(said)?));
        let endpoint = quinn::Endpoint::client(any(address)).map_err(said)?;
        let result = async {
            let connection = endpoint.connect_with(client, address, HOST_NAME).map_err(said)?.await.map_err(said)?;
            connection.close(0u8.into(), b"");
            Ok(())
        };
        let result = result.await;
        // The other side hears that this is over, so that it need not wait for us; we need not wait for that.
        tokio::spawn(async move { timeout(HANDSHAKE, endpoint.wait_idle()).await });
        result
    }
}

/// Whether what answers there speaks QUIC at all; an error if nothing answers.
pub(super) async fn knock(address: SocketAddr) -> Result<bool, String> {
    let socket = UdpSocket::bind(any(address)).await.map_err(said)?;
    // Connected, so that the system tells when the port is closed.
    socket.connect(address).await.map_err(said)?;
    let mut first = vec![0; FIRST_BYTES_MIN];
    first[0] = 0xc0;
    first[1..5].copy_from_slice(&UNSPOKEN_VERSION);
    let mut name = [0; 16];
    getrandom::fill(&mut name).map_err(said)?;
    let (to, from) = name.split_at(8);
    first[5] = 8;
    first[6..14].copy_from_slice(to);
    first[14] = 8;
    first[15..23].copy_from_slice(from);
    let mut answer = [0; 64];
    for _ in 0..4 {
        socket.send(&first).await.map_err(said)?;
        if let Ok(received) = timeout(KNOCK / 4, socket.recv(&mut answer)).await {
            let answer = &answer[..received.map_err(said)?];
            // A list of versions, made for this question: flag, version 0, then both our names, exchanged.
            let shape = answer.first().is_some_and(|flags| flags & 0x80 != 0) && answer.get(1..5) == Some(&[0; 4]);
            return Ok(shape && answer.get(6..14) == Some(from) && answer.get(15..23) == Some(to));
        }
    }
    Err(format!("no answer within {KNOCK:?}"))
}

fn any(like: SocketAddr) -> SocketAddr {
    match like {
        SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0; 16], 0)),
    }
}

fn said(why: impl std::fmt::Display) -> String {
    why.to_string()
}

/// The certificate that was shown, and whether our cookie made it.
#[derive(Default)]
struct Seen(Mutex<Option<(CertificateDer<'static>, bool)>>);

struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    seen: Arc<Seen>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(..)")
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(leaf, chain, name, ocsp, now);
        *lock(&self.seen.0) = Some((leaf.clone().into_owned(), verified.is_ok()));
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
