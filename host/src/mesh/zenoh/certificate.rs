//! What a node shows to prove that it knows the cookie: a certificate, signed by an authority made from the cookie.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use quinn::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, SanType,
};

use crate::address::Cookie;
use crate::mesh::engine::Presence;

/// The common name of every node's certificate. Links with another may carry nothing, see `config.rs`.
pub(super) const COMMON_NAME: &str = "greenroom mesh node";

/// The one host name in every node's certificate: nodes are dialled under many names, all are checked under this.
pub(super) const HOST_NAME: &str = "node.greenroom.invalid";

/// What Argon2id makes a key of. Never changed: nodes with another salt are another mesh.
const SALT: &[u8] = b"greenroom mesh authority 1";

/// What Argon2id takes, as OWASP advises: 19 MiB and two passes. Who records a handshake can try cookies at that price.
const ARGON2_MEMORY_KIB: u32 = 19 * 1024;
const ARGON2_PASSES: u32 = 2;

/// An Ed25519 key in PKCS#8 (RFC 8410) is this, then its 32 bytes.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A node's own certificate, its key, and that of the authority which signed it.
pub(super) struct Certificate {
    pub authority: CertificateDer<'static>,
    pub authority_pem: String,
    pub leaf: CertificateDer<'static>,
    pub leaf_pem: String,
    pub key: PrivatePkcs8KeyDer<'static>,
    pub key_pem: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(..)")
    }
}

impl Certificate {
    /// Slow on purpose: tens of milliseconds.
    pub fn new(cookie: &Cookie, presence: &Presence) -> Result<Certificate, String> {
        Certificate::named(COMMON_NAME, cookie, presence)
    }

    pub fn named(common_name: &str, cookie: &Cookie, presence: &Presence) -> Result<Certificate, String> {
        let parameters = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, 1, Some(32)).map_err(said)?;
        let mut pkcs8 = [0; 48];
        pkcs8[..16].copy_from_slice(&PKCS8_PREFIX);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into(cookie.secret(), SALT, &mut pkcs8[16..])
            .map_err(said)?;
        let authority_key =
            KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.to_vec().into(), &PKCS_ED25519).map_err(said)?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = name("greenroom mesh");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = parameters.self_signed(&authority_key).map_err(said)?;

        let key = KeyPair::generate_for(&PKCS_ED25519).map_err(said)?;
        let mut leaf = CertificateParams::new([HOST_NAME.to_owned()]).map_err(said)?;
        leaf.distinguished_name = name(common_name);
        leaf.subject_alt_names.push(SanType::URI(uri(presence).try_into().map_err(said)?));
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let issuer = Issuer::from_params(&parameters, &authority_key);
        let leaf = leaf.signed_by(&key, &issuer).map_err(said)?;
        Ok(Certificate {
            authority_pem: authority.pem(),
            authority: authority.into(),
            leaf_pem: leaf.pem(),
            leaf: leaf.into(),
            key_pem: key.serialize_pem(),
            key: key.serialize_der().into(),
        })
    }
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// A certificate says who its node is, so that who dials a name learns which life of it answers.
fn uri(presence: &Presence) -> String {
    format!("greenroom-node:{:016x}@{}", presence.incarnation, presence.place)
}

/// The presence that a certificate names; nothing if it is no node's. Signed or not: that is checked elsewhere.
pub(super) fn presence(leaf: &CertificateDer<'_>) -> Option<Presence> {
    let leaf = webpki::EndEntityCert::try_from(leaf).ok()?;
    let uri = leaf.valid_uri_names().find_map(|uri| uri.strip_prefix("greenroom-node:"))?;
    let (incarnation, place) = uri.split_once('@')?;
    Some(Presence { place: place.parse().ok()?, incarnation: u64::from_str_radix(incarnation, 16).ok()? })
}

fn said(why: impl fmt::Display) -> String {
    format!("cannot make this node's certificate: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::NodeName;
    use quinn::rustls::pki_types::UnixTime;

    fn certificate(name: &str) -> Certificate {
        let name: NodeName = name.parse().unwrap();
        Certificate::new(name.cookie(), &Presence { place: name.place().clone(), incarnation: 7 }).unwrap()
    }

    fn verified(leaf: &Certificate, by: &Certificate) -> bool {
        let anchor = webpki::anchor_from_trusted_cert(&by.authority).unwrap();
        [webpki::KeyUsage::server_auth(), webpki::KeyUsage::client_auth()].into_iter().all(|usage| {
            webpki::EndEntityCert::try_from(&leaf.leaf)
                .unwrap()
                .verify_for_usage(
                    &[webpki::ring::ED25519],
                    std::slice::from_ref(&anchor),
                    &[],
                    UnixTime::now(),
                    usage,
                    None,
                    None,
                )
                .is_ok()
        })
    }

    #[test]
    fn nodes_with_one_cookie_trust_each_other_and_no_other() {
        let [one, two] = ["cookie@127.0.0.1:1", "cookie@[::1]:2"].map(certificate);
        let stranger = certificate("other@127.0.0.1:1");
        assert!(verified(&one, &two) && verified(&two, &one) && verified(&one, &one));
        assert!(!verified(&stranger, &one) && !verified(&one, &stranger));
        assert_ne!(one.key_pem, certificate("cookie@127.0.0.1:1").key_pem);
    }

    #[test]
    fn a_certificate_says_who_its_node_is_and_never_the_cookie() {
        let one = certificate("s3cretcookie@[::1]:3433");
        assert_eq!(presence(&one.leaf), Some(Presence { place: "[::1]:3433".parse().unwrap(), incarnation: 7 }));
        let name: NodeName = "s3cretcookie@[::1]:3433".parse().unwrap();
        for hidden in [b"s3cretcookie".as_slice(), name.cookie().secret()] {
            for shown in [one.leaf.as_ref(), one.authority.as_ref(), format!("{one:?}").as_bytes()] {
                assert!(!shown.windows(hidden.len()).any(|part| part == hidden));
            }
        }
        let plain = rcgen::generate_simple_self_signed(["greenroom.invalid".to_owned()]).unwrap();
        assert_eq!(presence(plain.cert.der()), None);
    }
}
