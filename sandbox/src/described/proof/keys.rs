//! Key pairs of accounts: the private one is part of a demo connection, the public one checks its signatures. A pair
//! follows from a secret, so that it changes when that does.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// Which algorithm signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Algorithm {
    Es256,
    Ps256,
    Rs256,
}

impl Algorithm {
    /// Returns the algorithm with the name that headers of assertions give it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "PS256" => Some(Self::Ps256),
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }
}

/// A key pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The private key as PEM of PKCS#8.
    pub(crate) private: String,
    /// The public key: the point of a curve, or the key of RSA.
    pub(crate) public: Vec<u8>,
}

/// Pairs by the kind of key and the secret they belong to. RSA keys cannot follow from a secret in reasonable time, so they
/// are kept for as long as the process lives.
type Pairs = HashMap<(bool, String), Arc<Pair>>;

static PAIRS: LazyLock<Mutex<Pairs>> = LazyLock::new(Mutex::default);

/// Returns the pair that belongs to a secret.
pub(crate) fn pair(algorithm: Algorithm, secret: &str) -> Option<Arc<Pair>> {
    let is_curve = algorithm == Algorithm::Es256;
    let mut pairs = PAIRS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pair) = pairs.get(&(is_curve, secret.to_owned())) {
        return Some(Arc::clone(pair));
    }
    let pair = Arc::new(if is_curve { on_curve(secret) } else { of_rsa() }?);
    pairs.insert((is_curve, secret.to_owned()), Arc::clone(&pair));
    Some(pair)
}

/// What stands before the private key of the curve P-256 in PKCS#8.
const HEAD: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
];
/// What stands between it and the public key.
const MIDDLE: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];

fn on_curve(secret: &str) -> Option<Pair> {
    let number = Sha256::digest(format!("key pair of {secret}"));
    let key = PrivateKey::from_private_key(&ECDH_P256, &number).ok()?;
    let public = key.compute_public_key().ok()?.as_ref().to_vec();
    let mut document = HEAD.to_vec();
    document.extend_from_slice(&number);
    document.extend_from_slice(&MIDDLE);
    document.extend_from_slice(&public);
    let private = pem(&document);
    Some(Pair { private, public })
}

fn of_rsa() -> Option<Pair> {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
    let document: Pkcs8V1Der<'_> = key.as_der().ok()?;
    let private = pem(document.as_ref());
    let public = key.public_key().as_ref().to_vec();
    Some(Pair { private, public })
}

fn pem(document: &[u8]) -> String {
    let text = STANDARD.encode(document);
    let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}
