//! How the engine is set up: in memory, without a file, and with nothing of its own that listens or searches.

use std::time::Duration;

use ::zenoh::Config;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::certificate::{COMMON_NAME, Certificate};
use super::keys::{ALL, Id};

/// The one transport. `tls` would see a killed peer at once and be twice as fast in bulk, but is unsound in this version
/// of the engine (its issue 2557).
const TRANSPORT: &str = "quic";

/// Keep-alives in a lease.
const KEEP_ALIVES: u32 = 4;

/// What opening or accepting a link may take.
const OPEN_MS: u64 = 2000;

/// How long who sends to a peer waits for room before the engine closes the link: that part of a lease. While one waits, the engine
/// can't end a link that is lost, and nothing leaves for any other peer: its one thread for that waits too (1.10.2,
/// `SplitTransmissionPipelineConsumer::drain`). With a third, two that wait one after the other, and a keep-alive that was about to
/// leave, are less than a lease, so no other peer loses this node. A peer that is only slow makes nobody wait here, as a link takes
/// all of the outbox's window. (Ends need no room in it: of one that is silent many thousands at once can fill its link, and it is lost
/// before its lease is over.)
const WAIT_FOR_ROOM: u32 = 3;

/// What a link puts together for one message. A packet is some 64 KiB at most, and a token or a key less; the engine's own
/// bound is 1 GiB, which a peer could have it hold.
const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// Nodes that can be linked at once.
const PEERS_MAX: u32 = 1000;

/// Where somebody can be dialled, in the engine's words.
pub(super) fn locator(address: &str) -> String {
    format!("{TRANSPORT}/{address}")
}

pub(super) fn config(me: Id, listen: &str, certificate: &Certificate, lease: Duration) -> Result<Config, String> {
    let pem = |text: &str| STANDARD.encode(text);
    let settings: [(&str, Value); 24] = [
        ("mode", json!("peer")),
        ("id", json!(me.to_string())),
        ("listen/endpoints", json!([locator(listen)])),
        ("connect/endpoints", json!([])),
        ("scouting/multicast/enabled", json!(false)),
        ("scouting/gossip/enabled", json!(true)),
        // Of two nodes that hear of each other, one dials: when both do, both links may fail.
        ("scouting/gossip/autoconnect_strategy", json!({"peer": {"to_router": "always", "to_peer": "greater-zid"}})),
        ("adminspace/enabled", json!(false)),
        ("transport/link/protocols", json!([TRANSPORT])),
        ("transport/link/tx/lease", json!(lease.as_millis())),
        ("transport/link/tx/keep_alive", json!(KEEP_ALIVES)),
        (
            "transport/link/tx/queue/congestion_control/block/wait_before_close",
            json!((lease / WAIT_FOR_ROOM).as_micros()),
        ),
        ("transport/link/rx/max_message_size", json!(MESSAGE_BYTES_MAX)),
        ("transport/unicast/open_timeout", json!(OPEN_MS)),
        ("transport/unicast/accept_timeout", json!(OPEN_MS)),
        ("transport/unicast/max_sessions", json!(PEERS_MAX)),
        ("transport/link/tls/root_ca_certificate_base64", json!(pem(&certificate.authority_pem))),
        ("transport/link/tls/listen_private_key_base64", json!(pem(&certificate.key_pem))),
        ("transport/link/tls/listen_certificate_base64", json!(pem(&certificate.leaf_pem))),
        ("transport/link/tls/connect_private_key_base64", json!(pem(&certificate.key_pem))),
        ("transport/link/tls/connect_certificate_base64", json!(pem(&certificate.leaf_pem))),
        ("transport/link/tls/enable_mtls", json!(true)),
        // Nodes are dialled under any name of their machine; that they know the cookie is what counts.
        ("transport/link/tls/verify_name_on_connect", json!(false)),
        ("access_control", access()),
    ];
    let mut config = Config::default();
    for (key, value) in settings {
        // Neither the value nor the engine's reason is said: it may be our key.
        config
            .insert_json5(key, &value.to_string())
            .map_err(|_| format!("the engine does not take the setting `{key}`"))?;
    }
    Ok(config)
}

/// Who dials trusts the public authorities as well as ours (the engine adds them), so an impostor with a bought
/// certificate gets a link. It gets nothing else: our common name is none that a public authority signs.
fn access() -> Value {
    let messages = [
        "put",
        "delete",
        "declare_subscriber",
        "query",
        "reply",
        "declare_queryable",
        "liveliness_token",
        "liveliness_query",
        "declare_liveliness_subscriber",
    ];
    json!({
        "enabled": true,
        "default_permission": "deny",
        "rules": [{
            "id": "all", "messages": messages, "flows": ["egress", "ingress"], "permission": "allow", "key_exprs": [ALL],
        }],
        "subjects": [{"id": "node", "cert_common_names": [COMMON_NAME]}],
        "policies": [{"rules": ["all"], "subjects": ["node"]}],
    })
}
