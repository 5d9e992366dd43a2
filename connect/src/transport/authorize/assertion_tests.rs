//! Passwords of service accounts and assertions at a token endpoint that checks them with code of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::advance;

use crate::{
    connector::{Connector, Identity},
    context::CallContext,
    error::{Error, ErrorKind},
    transport::{
        testing::{Memory, Scripted, Seen, Setup, answer, slowly},
        testing_server::{Received, Server, client},
    },
};

async fn probe(connector: &Connector) -> Result<Identity, Error> {
    connector
        .probe(&CallContext::within(Duration::from_secs(30), "r"))
        .await
}

/// A private key as it is pasted, and its public one.
struct Pair {
    pem: String,
    public: Vec<u8>,
}

fn pem(label: &str, der: &[u8], joint: &str) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----{joint}{}{joint}-----END {label}-----{joint}",
        lines.join(joint)
    )
}

fn elliptic() -> Pair {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    Pair {
        pem: pem("PRIVATE KEY", key.to_pkcs8v1().unwrap().as_ref(), "\n"),
        public: key.public_key().as_ref().to_vec(),
    }
}

fn rsa() -> Pair {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    Pair {
        pem: pem("PRIVATE KEY", der.as_ref(), "\n"),
        public: key.public_key().as_ref().to_vec(),
    }
}

/// Returns the header and the claims of an assertion whose signature is right.
fn verified(jwt: &str, algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> Option<(Value, Value)> {
    let (signed, signature) = jwt.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let key = UnparsedPublicKey::new(algorithm, public);
    key.verify(signed.as_bytes(), &bytes(signature)?).ok()?;
    let parse = |text: &str| serde_json::from_slice(&bytes(text)?).ok();
    Some((parse(header)?, parse(claims)?))
}

fn auth(oauth2: &Value) -> Value {
    json!({
        "id": "key", "label": "Key",
        "credentials": { "client": { "label": "Client" }, "private_key": { "label": "Key" } },
        "kind": { "oauth2": oauth2 },
    })
}

fn assertion(algorithm: &str) -> Value {
    json!({
        "algorithm": algorithm, "key": "{{credentials.private_key}}", "key_id": "cert-1",
        "issuer": "{{credentials.client}}", "lifetime_s": 600,
        "claims": { "scope": ["restlets", "rest_webservices"], "jti": "{{nonce}}" },
    })
}

fn connector(server: &Server, oauth2: &Value, private_key: &str) -> Arc<Connector> {
    let mut oauth2 = oauth2.clone();
    oauth2["token_url"] = server.url("/token").into();
    let store = Memory::new(&[("client", "client-7"), ("private_key", private_key)]);
    let mut setup = Setup::new(client(), store, &auth(&oauth2));
    setup.base_url = server.url("/api");
    setup.connector()
}

/// A system that gives tokens to requests which a function finds right.
async fn system(is_right: impl Fn(&Received) -> bool + Send + Sync + 'static) -> Server {
    Server::start(move |received| match received.path() {
        "/token" if is_right(received) => (200, r#"{"access_token":"at","expires_in":"3600"}"#.to_owned()),
        "/token" => (400, r#"{"error":"invalid_client"}"#.to_owned()),
        _ if received.header("authorization") == "Bearer at" => (200, r#"{"name":"Ada"}"#.to_owned()),
        _ => (401, "{}".to_owned()),
    })
    .await
}

#[tokio::test]
async fn a_client_proves_itself_by_an_assertion() {
    let cases: [(&str, Pair, &'static dyn VerificationAlgorithm); 3] = [
        ("ES256", elliptic(), &ECDSA_P256_SHA256_FIXED),
        ("PS256", rsa(), &RSA_PSS_2048_8192_SHA256),
        ("RS256", rsa(), &RSA_PKCS1_2048_8192_SHA256),
    ];
    for (name, pair, algorithm) in cases {
        let public = pair.public.clone();
        let server = system(move |received| {
            let field = |name: &str| received.field(name).unwrap_or_default();
            field("grant_type") == "client_credentials"
                && field("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                && verified(&field("client_assertion"), algorithm, &public).is_some()
        })
        .await;
        let oauth2 = json!({ "grant": "client_credentials", "client_auth": "jwt", "assertion": assertion(name) });
        probe(&connector(&server, &oauth2, &pair.pem)).await.unwrap();
        let token = &server.seen()[0];
        assert_eq!((token.field("client_id"), token.field("client_secret")), (None, None));
        let jwt = token.field("client_assertion").unwrap();
        let (header, claims) = verified(&jwt, algorithm, &pair.public).unwrap();
        assert_eq!(header, json!({ "typ": "JWT", "alg": name, "kid": "cert-1" }));
        let issued = claims["iat"].as_i64().unwrap();
        assert_eq!(claims["exp"], issued + 600);
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&json!("client-7"), &json!(server.url("/token")))
        );
        assert_eq!(
            (&claims["scope"], claims.get("sub")),
            (&json!(["restlets", "rest_webservices"]), None)
        );
        assert_eq!(claims["jti"].as_str().unwrap().len(), 32);
        // Signed with another key of the same kind.
        let other = if name == "ES256" { elliptic() } else { rsa() };
        let wrong = connector(&server, &oauth2, &other.pem);
        for kind in [ErrorKind::InvalidCredentials, ErrorKind::ReauthorizationRequired] {
            assert_eq!(probe(&wrong).await.unwrap_err().kind(), kind);
        }
        assert_eq!(server.count_of("/token"), 2);
    }
}

#[tokio::test]
async fn an_assertion_is_a_grant() {
    let pair = rsa();
    let public = pair.public.clone();
    let server = system(move |received| {
        let field = |name: &str| received.field(name).unwrap_or_default();
        let claims = verified(&field("assertion"), &RSA_PKCS1_2048_8192_SHA256, &public);
        field("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            && (field("client_id"), field("client_secret")) == ("client-7".to_owned(), "fixed".to_owned())
            && claims.is_some_and(|(_, claims)| claims["sub"] == "ada" && claims["aud"] == "client-7")
    })
    .await;
    let mut assertion = assertion("RS256");
    assertion["subject"] = "ada".into();
    assertion["audience"] = "{{credentials.client}}".into();
    let oauth2 = json!({
        "grant": "jwt_bearer", "client_id": "{{credentials.client}}", "client_secret": "fixed", "assertion": assertion,
    });
    // As a form of one line keeps it, and as some files write it.
    for joint in ["", "\\n", " "] {
        let pasted = pair.pem.trim().replace('\n', joint);
        probe(&connector(&server, &oauth2, &pasted)).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_told_by_its_name_and_nothing_is_sent() {
    let server = system(|_| true).await;
    let (elliptic, rsa) = (elliptic(), rsa());
    let body = rsa.pem.lines().nth(1).unwrap().to_owned();
    let damaged = rsa.pem.replacen(&body, &body[..40], 1);
    let cases = [
        (
            "ES256",
            rsa.pem.as_str(),
            "holds no key for ES256: an elliptic curve key on P-256 is needed",
        ),
        (
            "PS256",
            elliptic.pem.as_str(),
            "holds no key for PS256: an RSA key of at least 2048 bits is needed",
        ),
        ("RS256", damaged.as_str(), "holds no key for RS256"),
        ("RS256", "hunter2", "holds no private key in PEM form"),
        (
            "RS256",
            "-----BEGIN PRIVATE KEY-----hunter2",
            "holds no private key in PEM form",
        ),
        (
            "RS256",
            "-----BEGIN PRIVATE KEY-----hunter2!-----END PRIVATE KEY-----",
            "is damaged: it is not base64",
        ),
        (
            "RS256",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "holds no private key in PEM form",
        ),
        (
            "RS256",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            "protected by a passphrase",
        ),
    ];
    for (algorithm, key, message) in cases {
        let oauth2 = json!({ "grant": "client_credentials", "client_auth": "jwt", "assertion": assertion(algorithm) });
        let error = probe(&connector(&server, &oauth2, key)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSettings, "{message}");
        let told = format!("{error} {error:?}");
        assert!(
            told.contains("the credential `private_key`") && told.contains(message),
            "{told}"
        );
        assert!(!told.contains("hunter2") && !told.contains(&body[..16]), "{told}");
    }
    assert!(server.seen().is_empty());
}

fn password_auth() -> Value {
    json!({
        "id": "account", "label": "Account",
        "credentials": {
            "id": { "label": "Client" }, "secret": { "label": "Secret" },
            "user": { "label": "User" }, "password": { "label": "Password" },
        },
        "kind": { "oauth2": {
            "grant": "password", "token_url": "https://login.example.com/token",
            "client_id": "{{credentials.id}}", "client_secret": "{{credentials.secret}}", "client_auth": "basic",
            "username": "{{credentials.user}}", "password": "{{credentials.password}}", "scopes": ["api"],
        } },
    })
}

fn account(password: &str) -> Arc<Memory> {
    Memory::new(&[
        ("id", "client"),
        ("secret", "client-secret"),
        ("user", "saak"),
        ("password", password),
    ])
}

/// A system with one account, whose newest token serves for an hour.
fn account_system() -> Arc<Scripted> {
    let issued = AtomicU32::new(0);
    Scripted::new(move |seen: &Seen| {
        if seen.url.ends_with("/token") {
            if seen.body != "grant_type=password&username=saak&password=sask&scope=api" {
                return slowly(50, answer(400, r#"{"error":"invalid_grant"}"#));
            }
            let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
            let body = json!({ "access_token": format!("at-{number}"), "refresh_token": "unused", "expires_in": 3600 });
            return slowly(50, answer(200, &body.to_string()));
        }
        let right = format!("Bearer at-{}", issued.load(Ordering::SeqCst));
        answer(
            if seen.authorization.as_deref() == Some(&right) {
                200
            } else {
                401
            },
            "{}",
        )
    })
}

#[tokio::test(start_paused = true)]
async fn a_password_is_exchanged_once_for_all_servers_and_again_when_the_token_ends() {
    let (wire, store) = (account_system(), account("sask"));
    let servers: Vec<_> = (0..4)
        .map(|_| Setup::new(wire.clone(), store.clone(), &password_auth()).connector())
        .collect();
    for round in 1..=3 {
        let results = join_all(servers.iter().map(|server| probe(server))).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(wire.count_of("/token"), round);
        advance(Duration::from_secs(3601)).await;
    }
    let token = wire
        .seen()
        .into_iter()
        .find(|seen| seen.url.ends_with("/token"))
        .unwrap();
    assert!(!token.body.contains("client-secret"), "{}", token.body);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_once() {
    let (wire, store) = (account_system(), account("wrong"));
    let connector = Setup::new(wire.clone(), store.clone(), &password_auth()).connector();
    let results = join_all((0..20).map(|_| probe(&connector))).await;
    assert!(
        results
            .iter()
            .all(|result| result.as_ref().unwrap_err().kind() == ErrorKind::InvalidCredentials)
    );
    assert_eq!(
        probe(&connector).await.unwrap_err().kind(),
        ErrorKind::ReauthorizationRequired
    );
    assert_eq!(wire.count(), 1, "an account would be locked after three");
    store.replace(&[
        ("id", "client"),
        ("secret", "client-secret"),
        ("user", "saak"),
        ("password", "sask"),
    ]);
    probe(&connector).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_forbids_without_saying_why_has_refused_the_password() {
    let wire = Scripted::new(|_| answer(403, "{}"));
    let connector = Setup::new(wire.clone(), account("sask"), &password_auth()).connector();
    for kind in [ErrorKind::InvalidCredentials, ErrorKind::ReauthorizationRequired] {
        assert_eq!(probe(&connector).await.unwrap_err().kind(), kind);
    }
    assert_eq!(wire.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_token_is_asked_for_with_an_assertion_of_its_own() {
    let pair = elliptic();
    let assertions = Arc::new(Mutex::new(HashSet::new()));
    let seen = Arc::clone(&assertions);
    let wire = Scripted::new(move |request: &Seen| {
        if request.url.ends_with("/token") {
            let jwt = request.body.split("assertion=").nth(1).unwrap().to_owned();
            assert!(seen.lock().unwrap().insert(jwt), "an assertion came twice");
            return answer(200, r#"{"access_token":"at","expires_in":3600}"#);
        }
        answer(200, "{}")
    });
    let oauth2 = json!({
        "grant": "jwt_bearer", "token_url": "https://login.example.com/token", "assertion": assertion("ES256"),
    });
    let store = Memory::new(&[("client", "client-7"), ("private_key", &pair.pem)]);
    let connector = Setup::new(wire.clone(), store, &auth(&oauth2)).connector();
    for _ in 0..3 {
        probe(&connector).await.unwrap();
        advance(Duration::from_secs(3601)).await;
    }
    assert_eq!(assertions.lock().unwrap().len(), 3);
}
