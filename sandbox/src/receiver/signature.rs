//! Checks the signatures of the Standard Webhooks specification: `v1,` and the base64 of an HMAC-SHA256 over id, time and
//! body. It shares no code with what signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How far the time of a message may be from now.
const TOLERANCE_S: u64 = 300;

/// What a signature is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "reason")]
pub enum Verdict {
    /// No secret was given to check with.
    Unchecked,
    /// One of its signatures fits one of the secrets, and its time is near.
    Valid,
    /// It must not be trusted, for this reason.
    Invalid(String),
}

/// Returns what the signature of a message is worth at a time, in seconds since 1970.
pub(super) fn verdict(secrets: &[String], headers: &HeaderMap, body: &[u8], now: i64) -> Verdict {
    if secrets.is_empty() {
        return Verdict::Unchecked;
    }
    match check(secrets, headers, body, now) {
        Ok(()) => Verdict::Valid,
        Err(reason) => Verdict::Invalid(reason),
    }
}

fn check(secrets: &[String], headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), String> {
    let id = header(headers, "webhook-id")?;
    let time = header(headers, "webhook-timestamp")?;
    let signatures = header(headers, "webhook-signature")?;
    let sent_at: i64 = time.parse().map_err(|_| format!("the time {time:?} is no number"))?;
    if sent_at.abs_diff(now) > TOLERANCE_S {
        return Err(format!("the time is {} seconds away", sent_at.abs_diff(now)));
    }
    let mut keys = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
        keys.push(
            STANDARD
                .decode(encoded)
                .map_err(|_| "a secret is not base64".to_owned())?,
        );
    }
    let offered: Vec<Vec<u8>> = signatures
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .filter_map(|signature| STANDARD.decode(signature).ok())
        .collect();
    if offered.is_empty() {
        return Err("there is no signature of version 1".to_owned());
    }
    let fits = keys.iter().any(|key| {
        let signed = sign(key, &id, &time, body);
        signed.is_some_and(|mac| offered.iter().any(|offer| mac.clone().verify_slice(offer).is_ok()))
    });
    fits.then_some(()).ok_or_else(|| "no signature fits".to_owned())
}

fn sign(key: &[u8], id: &str, time: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{id}.{time}.").as_bytes());
    mac.update(body);
    Some(mac)
}

fn header(headers: &HeaderMap, name: &str) -> Result<String, String> {
    let value = headers
        .get(name)
        .ok_or_else(|| format!("the header {name} is missing"))?;
    let text = value.to_str().map_err(|_| format!("the header {name} is no text"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const TIME: i64 = 1_614_265_330;

    fn headers(signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".parse().unwrap());
        headers.insert("webhook-timestamp", TIME.to_string().parse().unwrap());
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    fn judged(signature: &str, body: &[u8], now: i64) -> Verdict {
        verdict(&[SECRET.to_owned()], &headers(signature), body, now)
    }

    #[test]
    fn the_example_of_the_specification_is_valid() {
        assert_eq!(judged(SIGNED, BODY, TIME), Verdict::Valid);
        assert_eq!(
            judged(&format!("v1,AAAA v2,x {SIGNED}"), BODY, TIME + 300),
            Verdict::Valid
        );
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
        let both = [other.clone(), SECRET.to_owned()];
        assert_eq!(verdict(&both, &headers(SIGNED), BODY, TIME), Verdict::Valid);
        assert!(matches!(
            verdict(&[other], &headers(SIGNED), BODY, TIME),
            Verdict::Invalid(_)
        ));
        assert_eq!(verdict(&[], &headers(SIGNED), BODY, TIME), Verdict::Unchecked);
    }

    #[test]
    fn what_was_changed_or_is_old_is_not() {
        let reason = |verdict| match verdict {
            Verdict::Invalid(reason) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(judged(SIGNED, b"{}", TIME)), "no signature fits");
        assert_eq!(reason(judged(SIGNED, BODY, TIME + 301)), "the time is 301 seconds away");
        assert_eq!(
            reason(judged("v1a,AAAA", BODY, TIME)),
            "there is no signature of version 1"
        );
        let none = verdict(&[SECRET.to_owned()], &HeaderMap::new(), BODY, TIME);
        assert_eq!(reason(none), "the header webhook-id is missing");
    }
}
