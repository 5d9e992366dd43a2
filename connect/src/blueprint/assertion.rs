//! Assertions, compiled: claims that are signed with a private key (JWT, RFC 7523). The key itself is never sent.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value, json};

use super::{
    Problem,
    call::{Known, escape_pointer, unusable},
    signing::{Moment, named},
};
use crate::{
    error::Error,
    manifest::{self, AssertionAlgorithm},
    template::{JsonTemplate, Scope, TextTemplate, Variables},
};

/// Claims that the assertion sets itself.
const OWN_CLAIMS: &[&str] = &["iss", "sub", "aud", "iat", "exp"];
const MOST_SECONDS: u32 = 3600;

/// A compiled assertion.
#[derive(Clone, Debug)]
pub(super) struct Assertion {
    algorithm: AssertionAlgorithm,
    key: TextTemplate,
    key_id: Option<TextTemplate>,
    issuer: TextTemplate,
    subject: Option<TextTemplate>,
    audience: Option<TextTemplate>,
    claims: JsonTemplate,
    seconds: u32,
}

impl Assertion {
    /// Compiles an assertion; none when it does not hold together.
    pub(super) fn compile(
        written: &manifest::Assertion,
        known: &Known,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        for name in written.claims.keys().filter(|name| OWN_CLAIMS.contains(&name.as_str())) {
            problems.push(Problem::new(
                format!("{pointer}/claims/{}", escape_pointer(name)),
                format!("`{name}` is set by the assertion itself"),
            ));
        }
        if !(1..=MOST_SECONDS).contains(&written.lifetime_s) {
            problems.push(Problem::new(
                format!("{pointer}/lifetime_s"),
                format!("must be between 1 and {MOST_SECONDS}"),
            ));
        }
        let mut text = |text: &str, key: &str| known.text(text, &format!("{pointer}/{key}"), problems);
        // All of them are looked at before one that is wrong ends it.
        let (key, issuer) = (text(&written.key, "key"), text(&written.issuer, "issuer"));
        let mut optional = |template: &Option<String>, key: &str| {
            let compiled = template.as_ref().map(|template| text(template, key));
            // Nothing given is fine, nothing compiled is not.
            compiled.map_or(Some(None), |compiled| compiled.map(Some))
        };
        let key_id = optional(&written.key_id, "key_id");
        let subject = optional(&written.subject, "subject");
        let audience = optional(&written.audience, "audience");
        if let Some(key) = &key
            && !key.variables().any(|name| name.starts_with("credentials."))
        {
            let problem = Problem::new(format!("{pointer}/key"), "a key that is no credential is no secret");
            problems.push(problem.with_help("write `{{credentials.<name>}}`"));
        }
        let claims: Map<String, Value> = written.claims.clone().into_iter().collect();
        let claims = known
            .with(&["nonce"])
            .json(&Value::Object(claims), &format!("{pointer}/claims"), problems);
        Some(Self {
            algorithm: written.algorithm,
            key: key?,
            key_id: key_id?,
            issuer: issuer?,
            subject: subject?,
            audience: audience?,
            claims: claims?,
            seconds: written.lifetime_s,
        })
    }

    /// Writes and signs the claims.
    ///
    /// # Errors
    /// Names the credential that is missing, or holds no key that can sign them.
    pub(super) fn write(&self, variables: &Variables<'_>, token_url: &str, moment: &Moment) -> Result<String, Error> {
        let scope = Scope::new(variables).with("nonce", moment.nonce.clone());
        let render = |template: &TextTemplate| template.render(&scope).map_err(unusable);
        let issued = moment.now.timestamp();
        let audience = self.audience.as_ref().map(render).transpose()?;
        let mut claims = json!({
            "iss": render(&self.issuer)?,
            "aud": audience.as_deref().unwrap_or(token_url),
            "iat": issued,
            "exp": issued + i64::from(self.seconds),
        });
        let mut header = json!({ "typ": "JWT", "alg": name(self.algorithm) });
        if let (Some(subject), Some(claims)) = (&self.subject, claims.as_object_mut()) {
            claims.insert("sub".to_owned(), render(subject)?.into());
        }
        if let (Some(claims), Value::Object(more)) =
            (claims.as_object_mut(), self.claims.render(&scope).map_err(unusable)?)
        {
            claims.extend(more);
        }
        if let (Some(key_id), Some(header)) = (&self.key_id, header.as_object_mut()) {
            header.insert("kid".to_owned(), render(key_id)?.into());
        }
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut written = format!("{}.{}", encode(&header), encode(&claims));
        let key = Key::parse(&render(&self.key)?, self.algorithm)
            .map_err(|what| unusable(format!("{} {what}", named(&self.key))))?;
        let signature = key
            .sign(written.as_bytes())
            .ok_or_else(|| unusable(format!("{} cannot sign", named(&self.key))))?;
        written.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut written);
        Ok(written)
    }
}

const fn name(algorithm: AssertionAlgorithm) -> &'static str {
    match algorithm {
        AssertionAlgorithm::Es256 => "ES256",
        AssertionAlgorithm::Ps256 => "PS256",
        AssertionAlgorithm::Rs256 => "RS256",
    }
}

/// A private key. It has no debug output.
enum Key {
    Ecdsa(EcdsaKeyPair),
    Rsa(Box<rsa::KeyPair>, &'static dyn RsaEncoding),
}

impl Key {
    /// Reads the key of an algorithm. What is wrong with it is told without any of it.
    fn parse(text: &str, algorithm: AssertionAlgorithm) -> Result<Self, String> {
        let (label, der) = private_block(text)?;
        let ecdsa = || match label {
            "EC PRIVATE KEY" => EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der),
            _ => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der),
        };
        let rsa = || match label {
            "RSA PRIVATE KEY" => rsa::KeyPair::from_der(&der),
            _ => rsa::KeyPair::from_pkcs8(&der),
        };
        let with_padding = |padding: &'static dyn RsaEncoding| rsa().map(|key| Self::Rsa(Box::new(key), padding));
        let (key, wanted) = match algorithm {
            AssertionAlgorithm::Es256 => (ecdsa().map(Self::Ecdsa), "an elliptic curve key on P-256"),
            AssertionAlgorithm::Ps256 => (with_padding(&RSA_PSS_SHA256), "an RSA key of at least 2048 bits"),
            AssertionAlgorithm::Rs256 => (with_padding(&RSA_PKCS1_SHA256), "an RSA key of at least 2048 bits"),
        };
        key.map_err(|_| format!("holds no key for {}: {wanted} is needed", name(algorithm)))
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(key) => Some(key.sign(&random, message).ok()?.as_ref().to_vec()),
            Self::Rsa(key, padding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*padding, &random, message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

/// Returns the first private key of a PEM text, with its label. Forms of one line lose the line breaks, and some files
/// have them written as `\n`, so that none are asked for.
fn private_block(text: &str) -> Result<(&str, Vec<u8>), String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, after)) = after.split_once("-----") else {
            break;
        };
        let Some((body, after)) = after.split_once("-----END ") else {
            break;
        };
        rest = after;
        if label == "ENCRYPTED PRIVATE KEY" || body.contains("ENCRYPTED") {
            return Err("holds a private key that is protected by a passphrase: store it without one".to_owned());
        }
        if !label.ends_with("PRIVATE KEY") {
            continue;
        }
        let body = body.replace("\\n", "").replace("\\r", "");
        let body: String = body.split_whitespace().collect();
        return match STANDARD.decode(body) {
            Ok(der) => Ok((label, der)),
            Err(_) => Err("holds a private key that is damaged: it is not base64".to_owned()),
        };
    }
    Err("holds no private key in PEM form (`-----BEGIN PRIVATE KEY-----`)".to_owned())
}
