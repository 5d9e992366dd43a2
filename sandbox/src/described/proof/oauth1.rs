//! Verifies requests signed by OAuth 1.0a with HMAC-SHA256: the signature, the time, and that no nonce comes twice.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::Sha256;

/// What is not encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The two identifiers and two secrets of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secrets {
    pub(crate) consumer_key: String,
    pub(crate) consumer_secret: String,
    pub(crate) token: String,
    pub(crate) token_secret: String,
    /// What `realm` must be, if anything.
    pub(crate) realm: Option<String>,
}

/// What was signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// The address without its query.
    pub(crate) address: &'a str,
    /// The decoded parameters of the query, and of the body if it is a form.
    pub(crate) parameters: &'a [(String, String)],
    /// The `Authorization` header.
    pub(crate) header: &'a str,
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Version,
    Method,
    ConsumerUnknown,
    TokenRejected,
    Realm,
    Timestamp,
    Signature,
    NonceUsed,
}

impl Refusal {
    /// Returns the word for it in expressions, which is that of the usual extension for telling problems.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Missing => "parameter_absent",
            Self::Version => "version_rejected",
            Self::Method => "signature_method_rejected",
            Self::ConsumerUnknown => "consumer_key_unknown",
            Self::TokenRejected => "token_rejected",
            Self::Realm => "realm_rejected",
            Self::Timestamp => "timestamp_refused",
            Self::Signature => "signature_invalid",
            Self::NonceUsed => "nonce_used",
        }
    }
}

/// The nonces that have come, each with its time and its token.
#[derive(Debug, Default)]
pub(crate) struct Nonces(Mutex<HashSet<(i64, String, String)>>);

impl Nonces {
    /// Takes a nonce and says whether it is new; those that are too old to be accepted are forgotten.
    fn take(&self, at: i64, token: &str, nonce: &str, oldest: i64) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|(at, _, _)| *at >= oldest);
        taken.insert((at, token.to_owned(), nonce.to_owned()))
    }
}

/// Checks one request at a time in seconds, which may differ from that of the client by so many.
pub(crate) fn verify(
    signed: &Signed<'_>,
    secrets: &Secrets,
    nonces: &Nonces,
    now: i64,
    skew_s: i64,
) -> Result<(), Refusal> {
    let given = parameters(signed.header).ok_or(Refusal::Missing)?;
    let find = |name: &str| {
        given
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    };
    let need = |name: &str| find(name).filter(|value| !value.is_empty()).ok_or(Refusal::Missing);
    if need("oauth_consumer_key")? != secrets.consumer_key {
        return Err(Refusal::ConsumerUnknown);
    }
    let token = need("oauth_token")?;
    if token != secrets.token {
        return Err(Refusal::TokenRejected);
    }
    if secrets.realm.is_some() && find("realm") != secrets.realm.as_deref() {
        return Err(Refusal::Realm);
    }
    if need("oauth_signature_method")? != "HMAC-SHA256" {
        return Err(Refusal::Method);
    }
    if find("oauth_version").is_some_and(|version| version != "1.0") {
        return Err(Refusal::Version);
    }
    let at: i64 = need("oauth_timestamp")?.parse().map_err(|_| Refusal::Timestamp)?;
    if at.abs_diff(now) > skew_s.unsigned_abs() {
        return Err(Refusal::Timestamp);
    }
    let nonce = need("oauth_nonce")?;
    let base = base_string(signed, &given);
    let key = format!(
        "{}&{}",
        encoded(&secrets.consumer_secret),
        encoded(&secrets.token_secret)
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| Refusal::Signature)?;
    mac.update(base.as_bytes());
    let signature = STANDARD
        .decode(need("oauth_signature")?)
        .map_err(|_| Refusal::Signature)?;
    mac.verify_slice(&signature).map_err(|_| Refusal::Signature)?;
    match nonces.take(at, token, nonce, now.saturating_sub(skew_s)) {
        true => Ok(()),
        false => Err(Refusal::NonceUsed),
    }
}

/// Reads the parameters of the header.
fn parameters(header: &str) -> Option<Vec<(String, String)>> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("oauth") {
        return None;
    }
    let pairs = rest.split(',').map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
        Some((decoded(name.trim())?, decoded(value)?))
    });
    pairs.collect()
}

fn base_string(signed: &Signed<'_>, given: &[(String, String)]) -> String {
    let own = given
        .iter()
        .filter(|(name, _)| name != "realm" && name != "oauth_signature");
    let mut pairs: Vec<(String, String)> = own
        .chain(signed.parameters)
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!(
        "{}&{}&{}",
        signed.method.to_uppercase(),
        encoded(signed.address),
        encoded(&pairs.join("&"))
    )
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn decoded(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Nonces, Refusal, Secrets, Signed, verify};

    const HEADER: &str = "OAuth realm=\"1234567_SB1\", oauth_consumer_key=\"ck_123\", oauth_token=\"tk_456\", \
        oauth_nonce=\"abc123nonce\", oauth_timestamp=\"1700000000\", oauth_signature_method=\"HMAC-SHA256\", \
        oauth_version=\"1.0\", oauth_signature=\"3LrJdxTtGUTvIoFvwYV2pXr6dmqFXDX99FTfy0iIr%2Fs%3D\"";

    fn secrets() -> Secrets {
        Secrets {
            consumer_key: "ck_123".into(),
            consumer_secret: "cs secret+/=".into(),
            token: "tk_456".into(),
            token_secret: "ts&secret".into(),
            realm: Some("1234567_SB1".into()),
        }
    }

    fn check(header: &str, offset: &str, secrets: &Secrets, nonces: &Nonces, now: i64) -> Result<(), Refusal> {
        let parameters = [
            ("limit".to_owned(), "5".to_owned()),
            ("offset".to_owned(), offset.to_owned()),
        ];
        let signed = Signed {
            method: "POST",
            address: "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/query/v1/suiteql",
            parameters: &parameters,
            header,
        };
        verify(&signed, secrets, nonces, now, 300)
    }

    #[test]
    fn a_known_signature_is_accepted_once() {
        let nonces = Nonces::default();
        assert_eq!(check(HEADER, "0", &secrets(), &nonces, 1_700_000_100), Ok(()));
        assert_eq!(
            check(HEADER, "0", &secrets(), &nonces, 1_700_000_100),
            Err(Refusal::NonceUsed)
        );
    }

    #[test]
    fn whatever_differs_is_refused() {
        let nonces = Nonces::default();
        let now = 1_700_000_000;
        let is = |header: &str, offset: &str, secrets: &Secrets, now| check(header, offset, secrets, &nonces, now);
        assert_eq!(is(HEADER, "5", &secrets(), now), Err(Refusal::Signature));
        assert_eq!(is(HEADER, "0", &secrets(), now + 301), Err(Refusal::Timestamp));
        let other = Secrets {
            token_secret: "x".into(),
            ..secrets()
        };
        assert_eq!(is(HEADER, "0", &other, now), Err(Refusal::Signature));
        let other = Secrets {
            token: "x".into(),
            ..secrets()
        };
        assert_eq!(is(HEADER, "0", &other, now), Err(Refusal::TokenRejected));
        let other = Secrets {
            realm: Some("x".into()),
            ..secrets()
        };
        assert_eq!(is(HEADER, "0", &other, now), Err(Refusal::Realm));
        assert_eq!(is("Bearer x", "0", &secrets(), now), Err(Refusal::Missing));
        let weak = HEADER.replace("HMAC-SHA256", "HMAC-SHA1");
        assert_eq!(is(&weak, "0", &secrets(), now), Err(Refusal::Method));
    }
}
