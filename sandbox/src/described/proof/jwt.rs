//! Verifies signed assertions (JWT): the signature, the key, who made it, for whom, and for how long.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::keys::Algorithm;

/// What an assertion has to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expected {
    /// The algorithms that are accepted; the first is that of the key.
    pub(crate) algorithm: Algorithm,
    /// The public key.
    pub(crate) key: Vec<u8>,
    /// The name of the key in the header, if it has to be there.
    pub(crate) key_id: Option<String>,
    /// Claims that have to have these values.
    pub(crate) claims: Map<String, Value>,
    /// How long an assertion may live.
    pub(crate) longest_s: i64,
    /// How much clocks may differ.
    pub(crate) skew_s: i64,
}

/// Why an assertion was refused, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

fn refused<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(message.into()))
}

/// Returns the claims of an assertion that is as expected at a time in seconds.
pub(crate) fn verify(assertion: &str, expected: &Expected, now: i64) -> Result<Map<String, Value>, Refusal> {
    let Some((signed, signature)) = assertion.rsplit_once('.') else {
        return refused("the assertion is no JWT");
    };
    let (Some((header, claims)), Ok(signature)) = (signed.split_once('.'), URL_SAFE_NO_PAD.decode(signature)) else {
        return refused("the assertion is no JWT");
    };
    let (Some(header), Some(claims)) = (part(header), part(claims)) else {
        return refused("the parts of the assertion are no JSON");
    };
    let named = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    if Algorithm::named(named) != Some(expected.algorithm) {
        return refused(format!("the algorithm {named:?} is not accepted"));
    }
    if expected.key_id.is_some() && header.get("kid").and_then(Value::as_str) != expected.key_id.as_deref() {
        return refused("the key is not known");
    }
    let algorithm: &'static dyn VerificationAlgorithm = match expected.algorithm {
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
    };
    let key = UnparsedPublicKey::new(algorithm, &expected.key);
    if key.verify(signed.as_bytes(), &signature).is_err() {
        return refused("the signature is not valid");
    }
    for (name, value) in &expected.claims {
        if !claims.get(name).is_some_and(|given| agrees(given, value)) {
            return refused(format!("the claim {name} is not as expected"));
        }
    }
    lives(&claims, expected, now)?;
    Ok(claims)
}

fn part(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// A list, as an audience may be, has to contain the value.
fn agrees(given: &Value, expected: &Value) -> bool {
    given == expected || given.as_array().is_some_and(|list| list.contains(expected))
}

fn lives(claims: &Map<String, Value>, expected: &Expected, now: i64) -> Result<(), Refusal> {
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    let Some(end) = time("exp") else {
        return refused("the assertion has no end");
    };
    if end.saturating_add(expected.skew_s) <= now {
        return refused("the assertion has expired");
    }
    let start = time("iat").unwrap_or(now);
    if start > now.saturating_add(expected.skew_s) || time("nbf").is_some_and(|from| from > now + expected.skew_s) {
        return refused("the assertion is not valid yet");
    }
    match end.saturating_sub(start) > expected.longest_s {
        true => refused("the assertion lives too long"),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
    };
    use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::super::keys::{Algorithm, pair};
    use super::{Expected, verify};

    fn assertion(algorithm: Algorithm, name: &str, private: &str, claims: &serde_json::Value) -> String {
        let document: String = private.lines().filter(|line| !line.starts_with('-')).collect();
        let document = STANDARD.decode(document).unwrap();
        let encoded = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(&json!({"alg": name, "kid": "k1"})), encoded(claims));
        let random = SystemRandom::new();
        let signature = if algorithm == Algorithm::Es256 {
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &document).unwrap();
            key.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec()
        } else {
            let key = RsaKeyPair::from_pkcs8(&document).unwrap();
            let mut signature = vec![0; key.public_modulus_len()];
            match algorithm {
                Algorithm::Ps256 => key.sign(&RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature),
                _ => key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature),
            }
            .unwrap();
            signature
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn expected(algorithm: Algorithm, secret: &str) -> Expected {
        let claims = json!({"iss": "client", "aud": "https://a/token"});
        Expected {
            algorithm,
            key: pair(algorithm, secret).unwrap().public.clone(),
            key_id: Some("k1".into()),
            claims: claims.as_object().unwrap().clone(),
            longest_s: 3600,
            skew_s: 60,
        }
    }

    #[test]
    fn assertions_of_all_algorithms_are_verified() {
        let claims = json!({"iss": "client", "aud": ["https://a/token"], "iat": 1000, "exp": 1300});
        for (algorithm, name) in [
            (Algorithm::Es256, "ES256"),
            (Algorithm::Ps256, "PS256"),
            (Algorithm::Rs256, "RS256"),
        ] {
            let private = pair(algorithm, "s1").unwrap().private.clone();
            let text = assertion(algorithm, name, &private, &claims);
            let expected = expected(algorithm, "s1");
            assert!(verify(&text, &expected, 1100).is_ok(), "{name}");
            assert_eq!(
                verify(&text, &expected, 1400).unwrap_err().0,
                "the assertion has expired"
            );
            let tampered = format!("{}A", text.get(..text.len() - 1).unwrap());
            assert!(
                verify(&tampered, &expected, 1100).is_err() || tampered == text,
                "{name}"
            );
        }
    }

    #[test]
    fn another_key_issuer_or_life_is_refused() {
        let private = pair(Algorithm::Es256, "s1").unwrap().private.clone();
        let sign = |claims| assertion(Algorithm::Es256, "ES256", &private, &claims);
        let good = json!({"iss": "client", "aud": "https://a/token", "iat": 1000, "exp": 1300});
        let told = |text: &str, secret: &str| verify(text, &expected(Algorithm::Es256, secret), 1100).unwrap_err().0;
        assert_eq!(told(&sign(good), "s2"), "the signature is not valid");
        let other = json!({"iss": "x", "aud": "https://a/token", "iat": 1000, "exp": 1300});
        assert_eq!(told(&sign(other), "s1"), "the claim iss is not as expected");
        let long = json!({"iss": "client", "aud": "https://a/token", "iat": 1000, "exp": 9000});
        assert_eq!(told(&sign(long), "s1"), "the assertion lives too long");
        let endless = json!({"iss": "client", "aud": "https://a/token", "iat": 1000});
        assert_eq!(told(&sign(endless), "s1"), "the assertion has no end");
        assert_eq!(told("YQ.Yg.Yw", "s1"), "the parts of the assertion are no JSON");
        assert_eq!(told("x", "s1"), "the assertion is no JWT");
    }
}
