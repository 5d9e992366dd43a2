//! Signs deliveries as the Standard Webhooks specification asks: HMAC-SHA256 over identifier, time and body.

use aws_lc_rs::{hmac, rand};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::secrets::Error;

const START: &str = "whsec_";
const LENGTH: usize = 32;

/// A secret that signs. It prints nothing.
pub struct Secret {
    key: hmac::Key,
    text: SecretString,
}

impl Secret {
    /// Makes a new one from 32 random bytes.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| Error::Cryptography)?;
        let encoded = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice()),
            text: SecretString::from(format!("{START}{}", encoded.as_str())),
        })
    }

    /// Reads one from its text, `whsec_` and base64.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.strip_prefix(START)?).ok()?);
        Some(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
            text: SecretString::from(text),
        })
    }

    /// Returns its text, for whoever verifies.
    #[must_use]
    pub const fn text(&self) -> &SecretString {
        &self.text
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.text.expose_secret().as_bytes()
    }
}

/// Returns the header `webhook-signature`: one signature for each secret.
#[must_use]
pub fn signatures(secrets: &[Secret], id: &str, timestamp: i64, body: &str) -> String {
    let signature = |secret: &Secret| {
        let mut context = hmac::Context::with_key(&secret.key);
        for part in [id, ".", &timestamp.to_string(), ".", body] {
            context.update(part.as_bytes());
        }
        format!("v1,{}", STANDARD.encode(context.sign()))
    };
    secrets.iter().map(signature).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    /// The example that the libraries of the specification are tested with.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let header = signatures(
            &[secret],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(header, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_read_back_from_its_text() {
        let secret = Secret::generate().unwrap();
        let text = secret.text().expose_secret().to_owned();
        assert_eq!(STANDARD.decode(text.strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
        let again = Secret::parse(&text).unwrap();
        assert_eq!(signatures(&[secret], "a", 1, "b"), signatures(&[again], "a", 1, "b"));
        assert!(Secret::parse("whsec_*").is_none());
        assert!(Secret::parse("abc").is_none());
    }
}
