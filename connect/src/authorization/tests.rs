//! Sign-ins at a page: what it is asked, what it answers, what the code is exchanged for, what manifests may say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use lineshaft_schema::Catalogue;
use serde_json::json;

use super::*;
use crate::transport::testing::{Act, Memory, Scripted, Seen, Setup, answer, blueprint, fail, manifest};

fn page_auth() -> Value {
    json!({
        "id": "sign_in", "label": "Sign in",
        "credentials": {
            "client_id": { "label": "Client", "secret": false, "application": true },
            "client_secret": { "label": "Secret", "application": true },
            "refresh_token": { "label": "Refresh token" },
        },
        "kind": { "oauth2": {
            "grant": "authorization_code",
            "authorize_url": "https://login.example.com/authorize?tenant=7",
            "authorize_parameters": { "prompt": "select_account", "login_hint": "{{settings.hint}}" },
            "token_url": "https://login.example.com/token",
            "client_id": "{{credentials.client_id}}", "client_secret": "{{credentials.client_secret}}",
            "scopes": ["{{settings.base_url}}/.default", "offline_access"],
        } },
    })
}

fn connector(auth: &Value) -> Arc<Blueprint> {
    let hint = json!({ "settings": { "hint": { "type": "text", "label": "Hint" } } });
    blueprint(manifest(auth, &hint))
}

fn settings() -> Map<String, Value> {
    let settings = json!({ "base_url": "https://erp.example.com" });
    settings.as_object().unwrap().clone()
}

fn application() -> SecretMap {
    [("client_id", "app & co"), ("client_secret", "app-secret")]
        .into_iter()
        .collect()
}

fn context() -> CallContext {
    CallContext::within(Duration::from_secs(30), "r")
}

async fn exchange(wire: &Scripted, auth: &Value) -> Result<SignedIn, Error> {
    let (blueprint, settings, credentials) = (connector(auth), settings(), application());
    let flow = Flow {
        blueprint: &blueprint,
        way: "sign_in",
        settings: &settings,
        credentials: &credentials,
    };
    let code = Code {
        code: "the-code",
        verifier: "the-verifier",
        redirect_uri: "https://lineshaft.example.com/callback",
    };
    flow.exchange(wire, &context(), code).await
}

fn problems(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut auth = page_auth();
    change(&mut auth);
    let hint = json!({ "settings": { "hint": { "type": "text", "label": "Hint" } } });
    let manifest = serde_json::from_value(manifest(&auth, &hint)).unwrap();
    match Blueprint::compile(manifest, Catalogue::unified().unwrap()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_challenge_is_that_of_the_standard() {
    // RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(challenge_of(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let (first, second) = (Pkce::generate().unwrap(), Pkce::generate().unwrap());
    let verifier = first.verifier.expose_secret();
    assert_eq!(verifier.len(), 43, "256 bits");
    assert_eq!(first.challenge, challenge_of(verifier));
    assert_ne!(verifier, second.verifier.expose_secret());
    assert!(!format!("{first:?}").contains(verifier));
}

#[test]
fn the_page_is_asked_for_a_code_with_the_hash_and_the_state() {
    let (blueprint, settings, credentials) = (connector(&page_auth()), settings(), application());
    let flow = Flow {
        blueprint: &blueprint,
        way: "sign_in",
        settings: &settings,
        credentials: &credentials,
    };
    let request = Request {
        redirect_uri: "https://lineshaft.example.com/callback?a=b".to_owned(),
        state: "st&ate".to_owned(),
        challenge: "hash".to_owned(),
    };
    let url = flow.address(&request).unwrap();
    assert!(
        url.as_str()
            .starts_with("https://login.example.com/authorize?tenant=7&")
    );
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let expected = [
        ("tenant", "7"),
        ("response_type", "code"),
        ("client_id", "app & co"),
        ("redirect_uri", "https://lineshaft.example.com/callback?a=b"),
        ("state", "st&ate"),
        ("scope", "https://erp.example.com/.default offline_access"),
        ("code_challenge", "hash"),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
    ];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(!url.as_str().contains("app-secret"));
    let other = Flow { way: "other", ..flow };
    assert_eq!(other.address(&request).unwrap_err().kind(), ErrorKind::InvalidSettings);
}

#[tokio::test(start_paused = true)]
async fn the_code_is_exchanged_for_the_credentials_of_the_connection() {
    let wire = Scripted::new(|seen: &Seen| {
        let part = "grant_type=authorization_code&code=the-code&redirect_uri=https://lineshaft.example.com/callback\
                    &code_verifier=the-verifier&client_id=app & co&client_secret=app-secret";
        assert_eq!(
            (seen.url.as_str(), seen.body.as_str()),
            ("https://login.example.com/token", part)
        );
        answer(200, r#"{"access_token":"a","refresh_token":"r","expires_in":3600}"#)
    });
    let signed_in = exchange(&wire, &page_auth()).await.unwrap();
    assert_eq!(signed_in.credentials.get("refresh_token"), Some("r"));
    let asked_at = "2026-11-22T08:00:00Z".parse().unwrap();
    let session = signed_in.session(3, asked_at);
    assert_eq!(
        (session.credentials_version, session.values.get("access_token")),
        (3, Some("a"))
    );
    assert_eq!(session.expires_at, Some("2026-11-22T09:00:00Z".parse().unwrap()));
    assert!(!format!("{signed_in:?}").contains("\"r\""));
}

#[tokio::test(start_paused = true)]
async fn what_the_sign_in_gave_is_refreshed_like_any_refresh_token() {
    let wire = Scripted::new(|seen: &Seen| {
        if !seen.url.ends_with("/token") {
            return answer(200, "{}");
        }
        assert!(
            seen.body.starts_with("grant_type=refresh_token&refresh_token=r&"),
            "{}",
            seen.body
        );
        answer(200, r#"{"access_token":"a","expires_in":3600}"#)
    });
    let store = Memory::new(&[("client_id", "app"), ("client_secret", "s"), ("refresh_token", "r")]);
    let hint = json!({ "settings": { "hint": { "type": "text", "label": "Hint" } } });
    let connector = Setup::new(wire.clone(), store, &page_auth()).patch(&hint).connector();
    connector.probe(&context()).await.unwrap();
    assert_eq!(wire.count_of("/token"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_fails_says_what_failed() {
    let cases: [(Act, ErrorKind, Option<CredentialReason>); 7] = [
        (
            answer(400, r#"{"error":"invalid_grant","error_description":"expired"}"#),
            ErrorKind::InvalidRequest,
            None,
        ),
        (
            answer(
                401,
                r#"{"error":"invalid_client","error_description":"the secret has expired"}"#,
            ),
            ErrorKind::InvalidCredentials,
            Some(CredentialReason::Expired),
        ),
        (
            answer(400, r#"{"error":"unauthorized_client"}"#),
            ErrorKind::InvalidCredentials,
            Some(CredentialReason::InvalidCredentials),
        ),
        (
            answer(200, r#"{"access_token":"a"}"#),
            ErrorKind::MalformedResponse,
            None,
        ),
        (answer(503, "{}"), ErrorKind::Unavailable, None),
        (fail(ErrorKind::Tls), ErrorKind::Tls, None),
        (Act::Hang, ErrorKind::Timeout, None),
    ];
    for (act, kind, reason) in cases {
        let error = exchange(&Scripted::of([act]), &page_auth()).await.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (kind, reason), "{error:?}");
    }
}

#[test]
fn the_answer_of_the_page_is_read_with_care() {
    let callback = Callback::read("code=a%2Fb&state=s&iss=x");
    assert_eq!(
        (callback.code().unwrap(), callback.state.as_deref()),
        ("a/b", Some("s"))
    );
    assert!(!format!("{callback:?}").contains("a/b"));
    for (query, kind) in [
        ("state=s", ErrorKind::InvalidRequest),
        ("", ErrorKind::InvalidRequest),
        ("code=a&code=b&state=s", ErrorKind::InvalidRequest),
        ("code=&state=s", ErrorKind::InvalidRequest),
        ("error=access_denied&state=s&code=a", ErrorKind::PermissionDenied),
        ("error=temporarily_unavailable", ErrorKind::Unavailable),
        ("error=server_error", ErrorKind::Unavailable),
        ("error=unauthorized_client", ErrorKind::InvalidCredentials),
        ("error=whatever", ErrorKind::InvalidRequest),
    ] {
        assert_eq!(Callback::read(query).code().unwrap_err().kind(), kind, "{query}");
    }
    assert!(Callback::read(&format!("code={}", "x".repeat(9000))).outcome.is_err());
    assert_eq!(
        Callback::read("error=invalid_scope").code().unwrap_err().reason(),
        Some(CredentialReason::MissingScope)
    );
}

#[test]
fn the_words_of_the_page_lose_what_does_not_belong_before_peoples_eyes() {
    let error = refusal(
        "bad<script>",
        Some("no\u{0}\nTraceback (most recent call last): File /srv/app/x.py"),
    );
    assert_eq!(error.remote_code(), Some("badscript"));
    assert_eq!(error.remote_message(), Some("no"));
    let long = refusal("x", Some(&"long ".repeat(1000)));
    assert!(long.remote_message().unwrap().chars().count() <= 501);
}

#[test]
fn what_does_not_hold_together_is_told_with_its_place() {
    assert_eq!(problems(|_| {}), Vec::<String>::new());
    let oauth = |auth: &mut Value, key: &str, value: Value| auth["kind"]["oauth2"][key] = value;
    let remove = |auth: &mut Value, key: &str| {
        auth["kind"]["oauth2"].as_object_mut().unwrap().remove(key);
    };
    let cases: [(Vec<String>, &str, &str); 10] = [
        (
            problems(|auth| remove(auth, "authorize_url")),
            "/auth/0/kind/oauth2:",
            "needs `authorize_url`",
        ),
        (
            problems(|auth| oauth(auth, "authorize_url", json!("http://login.example.com"))),
            "/auth/0/kind/oauth2/authorize_url:",
            "without https",
        ),
        (
            problems(|auth| oauth(auth, "authorize_url", json!("{{settings.nothing}}/a"))),
            "/auth/0/kind/oauth2/authorize_url:",
            "no variable `settings.nothing`",
        ),
        (
            problems(|auth| oauth(auth, "authorize_parameters", json!({ "state": "x" }))),
            "/auth/0/kind/oauth2/authorize_parameters/state:",
            "set by the sign-in itself",
        ),
        (
            problems(|auth| {
                remove(auth, "client_secret");
                oauth(auth, "pkce", json!(false));
            }),
            "/auth/0/kind/oauth2/pkce:",
            "cannot do without",
        ),
        (
            problems(|auth| {
                remove(auth, "client_secret");
                oauth(auth, "client_auth", json!("basic"));
            }),
            "/auth/0/kind/oauth2/client_auth:",
            "nothing to prove itself with",
        ),
        (
            problems(|auth| {
                auth["credentials"].as_object_mut().unwrap().remove("refresh_token");
            }),
            "/auth/0/credentials:",
            "the sign-in fills it",
        ),
        (
            problems(|auth| auth["credentials"]["refresh_token"]["application"] = json!(true)),
            "/auth/0/credentials/refresh_token:",
            "a secret of the customer",
        ),
        (
            problems(|auth| oauth(auth, "grant", json!("refresh_token"))),
            "/auth/0/kind/oauth2/authorize_url:",
            "write `grant: authorization_code`",
        ),
        (
            problems(|auth| {
                oauth(auth, "grant", json!("client_credentials"));
                remove(auth, "client_secret");
            }),
            "/auth/0/kind/oauth2:",
            "needs `client_secret`",
        ),
    ];
    for (found, place, part) in cases {
        assert!(
            found
                .iter()
                .any(|problem| problem.starts_with(place) && problem.contains(part)),
            "{place} {part}: {found:#?}"
        );
    }
    let public = problems(|auth| {
        remove(auth, "client_secret");
        auth["credentials"].as_object_mut().unwrap().remove("client_secret");
    });
    assert_eq!(public, Vec::<String>::new(), "public clients have no secret");
}

#[test]
fn the_way_that_needs_the_most_of_what_is_given_is_taken() {
    let own = json!({
        "id": "own", "label": "Own", "credentials": { "client_id": { "label": "I" }, "client_secret": { "label": "S" } },
        "kind": { "basic": { "username": "{{credentials.client_id}}", "password": "{{credentials.client_secret}}" } },
    });
    let mut whole = manifest(
        &own,
        &json!({ "settings": { "hint": { "type": "text", "label": "Hint" } } }),
    );
    whole["auth"].as_array_mut().unwrap().push(page_auth());
    let blueprint = blueprint(whole);
    let mut credentials = application();
    assert_eq!(blueprint.sign_in_with(&credentials).unwrap().id(), "own");
    credentials.insert("refresh_token", "r".to_owned());
    assert_eq!(blueprint.sign_in_with(&credentials).unwrap().id(), "sign_in");
    let ways = &blueprint.manifest().auth;
    let entered: Vec<&String> = ways
        .iter()
        .flat_map(|way| way.entered())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(entered, ["client_id", "client_secret", "client_id", "client_secret"]);
    assert_eq!(ways.iter().map(|way| way.has_page()).collect::<Vec<_>>(), [false, true]);
}
