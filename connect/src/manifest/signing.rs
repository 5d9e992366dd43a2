//! Signatures: over each request, and over the claims by which a client proves itself.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A signature over each request. It is made anew for each attempt, when the address and the body are final.
///
/// All templates may use `now.unix`, `now.unix_ms`, `now.iso` (the time of the attempt, the same in all of them) and
/// `nonce` (a text of 32 letters and digits that no other attempt has).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// Template of the secret key.
    pub key: String,
    /// What is signed: a template, or several that are joined by line breaks. They may use `request.method`,
    /// `request.url`, `request.address` (the same without its scheme), `request.host`, `request.path`, `request.query`
    /// and `request.body`, as they are sent.
    pub over: Over,
    /// How it is signed.
    #[serde(default)]
    pub algorithm: SignatureAlgorithm,
    /// How the signature is written.
    #[serde(default)]
    pub encoding: SignatureEncoding,
    /// Where the signature is put.
    pub put: Put,
    /// Parameters that every request is given before it is signed, as templates; empty ones are left out.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Headers that every request is given, as templates.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
}

/// What is signed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Over {
    /// One template.
    Text(String),
    /// Several, joined by line breaks.
    Lines(Vec<String>),
}

/// How requests are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureAlgorithm {
    /// HMAC with SHA-256.
    #[default]
    HmacSha256,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureEncoding {
    /// Hexadecimal digits with small letters.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// Where a signature is put: into a header or into a parameter.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// The name of the header.
    #[serde(default)]
    pub header: Option<String>,
    /// The name of the parameter, which is not signed itself.
    #[serde(default)]
    pub query: Option<String>,
    /// Template of the value, such as `HMAC {{credentials.key_id}}:{{signature}}`; the signature alone unless said
    /// otherwise.
    #[serde(default)]
    pub value: Option<String>,
}

/// Claims that are signed with a private key (JWT), for `grant: jwt_bearer` or `client_auth: jwt`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// How they are signed.
    pub algorithm: AssertionAlgorithm,
    /// Template of the private key, in PEM form (PKCS#8).
    pub key: String,
    /// Template of the identifier by which the system knows the key (`kid`).
    #[serde(default)]
    pub key_id: Option<String>,
    /// Template of who signs (`iss`), usually the identifier of the client.
    pub issuer: String,
    /// Template of who is meant (`sub`); not told unless said.
    #[serde(default)]
    pub subject: Option<String>,
    /// Template of who is to believe it (`aud`); the address of the token endpoint unless said otherwise.
    #[serde(default)]
    pub audience: Option<String>,
    /// More claims, as templates of JSON, which may use `nonce` (a text that no other assertion has).
    #[serde(default)]
    pub claims: IndexMap<String, serde_json::Value>,
    /// Seconds that it is good for, at most 3600.
    #[serde(default = "five_minutes")]
    pub lifetime_s: u32,
}

const fn five_minutes() -> u32 {
    300
}

/// How claims are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AssertionAlgorithm {
    /// An elliptic curve key on P-256, with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// An RSA key, PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// An RSA key, PKCS#1 v1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
}
