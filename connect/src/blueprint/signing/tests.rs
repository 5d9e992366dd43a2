//! Signatures against examples of others, and what the check of a manifest says about ways to sign.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use lineshaft_schema::Catalogue;
use serde_json::{Map, Value, json};

use super::{oauth1::base_string, *};
use crate::{
    blueprint::{Blueprint, tests::compile},
    manifest::load::load_files,
    request::RequestBody,
    template::SecretMap,
};

fn blueprint(credentials: &[&str], kind: &Value) -> Blueprint {
    let credentials: Map<String, Value> = credentials
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "label": "x" })))
        .collect();
    let auth = json!([{ "id": "signed", "label": "Signed", "credentials": credentials, "kind": kind }]);
    compile(
        "json_rest",
        json!({ "auth": auth, "list": { "request": { "path": "/x" } } }),
        json!({}),
    )
    .unwrap()
}

fn sign(blueprint: &Blueprint, credentials: &[(&str, &str)], plan: &RequestPlan, moment: &Moment) -> Signature {
    let settings = json!({ "base_url": "https://erp.example", "database": "1234567_SB1" });
    let (credentials, session) = (credentials.iter().copied().collect::<SecretMap>(), SecretMap::new());
    let variables = Variables {
        settings: settings.as_object().unwrap(),
        credentials: &credentials,
        session: &session,
    };
    let signing = blueprint.sign_ins()[0].signing().unwrap();
    signing.sign(plan, &variables, moment).unwrap()
}

fn plan(method: http::Method, url: &str, body: RequestBody) -> RequestPlan {
    RequestPlan {
        method,
        url: url.to_owned(),
        headers: Vec::new(),
        body,
        repeatable: false,
    }
}

fn moment(unix: i64, nonce: &str) -> Moment {
    Moment {
        now: DateTime::from_timestamp(unix, 0).unwrap(),
        nonce: nonce.to_owned(),
    }
}

/// A signature that `oauthlib` makes of the same request.
#[test]
fn oauth1_agrees_with_another_implementation() {
    let kind = json!({ "oauth1": {
        "consumer_key": "{{credentials.key}}", "consumer_secret": "{{credentials.secret}}",
        "token": "{{credentials.token}}", "token_secret": "{{credentials.token_secret}}",
        "realm": "{{settings.database}}",
    } });
    let blueprint = blueprint(&["key", "secret", "token", "token_secret"], &kind);
    let credentials = [
        ("key", "ck_123"),
        ("secret", "cs secret+/="),
        ("token", "tk_456"),
        ("token_secret", "ts&secret"),
    ];
    let request = plan(
        http::Method::POST,
        "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/query/v1/suiteql?limit=5&offset=0",
        RequestBody::Json(r#"{"q":"SELECT id FROM vendor"}"#.to_owned()),
    );
    let signature = sign(
        &blueprint,
        &credentials,
        &request,
        &moment(1_700_000_000, "abc123nonce"),
    );
    assert_eq!(signature.url, None);
    assert_eq!(
        signature.headers,
        [(
            "authorization".to_owned(),
            "OAuth realm=\"1234567_SB1\", oauth_consumer_key=\"ck_123\", oauth_token=\"tk_456\", \
             oauth_nonce=\"abc123nonce\", oauth_timestamp=\"1700000000\", oauth_signature_method=\"HMAC-SHA256\", \
             oauth_version=\"1.0\", oauth_signature=\"3LrJdxTtGUTvIoFvwYV2pXr6dmqFXDX99FTfy0iIr%2Fs%3D\""
                .to_owned()
        )]
    );
}

/// The example of RFC 5849, section 3.4.1.1.
#[test]
fn parameters_of_addresses_and_forms_are_signed_in_order() {
    let form = [("c2", ""), ("a3", "2 q")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let request = plan(
        http::Method::POST,
        "http://EXAMPLE.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b#part",
        RequestBody::Form(form.to_vec()),
    );
    let own = [
        ("oauth_consumer_key", "9djdj82h48djs9d2".to_owned()),
        ("oauth_token", "kkk9d7dh3k39sjv7".to_owned()),
        ("oauth_signature_method", "HMAC-SHA1".to_owned()),
        ("oauth_timestamp", "137131201".to_owned()),
        ("oauth_nonce", "7d8f3e4a".to_owned()),
    ];
    assert_eq!(
        base_string(&request, &own).unwrap(),
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2\
         %3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26\
         oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    );
}

#[test]
fn a_signature_sees_the_address_as_it_is_sent() {
    let kind = json!({ "signed": {
        "key": "{{credentials.secret}}",
        "query": { "key": "{{credentials.key}}", "time": "{{now.unix_ms}}", "none": "" },
        "headers": { "X-Nonce": "{{nonce}}" },
        "over": ["{{request.method}} {{request.url}}", "{{request.address}}", "{{request.host}}", "{{request.path}}",
                 "{{request.query}}", "{{now.iso}}", "{{request.body}}"],
        "encoding": "base64",
        "put": { "query": "sig", "value": "v1.{{signature}}" },
    } });
    let blueprint = blueprint(&["key", "secret"], &kind);
    let request = plan(
        http::Method::PUT,
        "https://ERP.example:8443/a b/ü?q=x|y#part",
        RequestBody::Form(vec![("a b".to_owned(), "1&2".to_owned())]),
    );
    let signature = sign(
        &blueprint,
        &[("key", "k y"), ("secret", "s")],
        &request,
        &moment(1_700_000_000, "n1"),
    );
    let query = "q=x|y&key=k%20y&time=1700000000000";
    let message = format!(
        "PUT https://erp.example:8443/a%20b/%C3%BC?{query}\nerp.example:8443/a%20b/%C3%BC?{query}\nerp.example:8443\n\
         /a%20b/%C3%BC\n{query}\n2023-11-14T22:13:20Z\na+b=1%262"
    );
    let tag = {
        use ::hmac::{Hmac, KeyInit as _, Mac as _};
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"s").unwrap();
        mac.update(message.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    };
    let sent = url::Url::parse(&signature.url.unwrap()).unwrap();
    let (name, value) = sent.query_pairs().last().unwrap();
    assert_eq!((name.as_ref(), value.as_ref()), ("sig", format!("v1.{tag}").as_str()));
    assert_eq!(signature.headers, [("X-Nonce".to_owned(), "n1".to_owned())]);
}

const MANIFEST: &str = r#"manifest: 1
id: demo
version: "0.1.0"
name: Demo
description: A system for tests.
categories: [erp]
tier: 1
deployments: [cloud]
settings:
  base_url: {type: url, label: Address, required: true}
http: {base_url: "{{settings.base_url}}"}
probe: {request: {path: /me}, identity: [name]}
protocol: json_rest
list: {request: {path: "/{{resource.remote}}"}}
auth:
  - id: other
    label: Other
    credentials: {key: {label: Key}}
    kind: {headers: {headers: {a: "{{credentials.key}}"}}}
  - id: way
    label: Way
    credentials: {user: {label: User}, secret: {label: Secret}}
    kind:
"#;

/// Returns what is wrong with a way to sign in, with lines and columns in which its first line is line 24.
fn told(kind: &str) -> Vec<String> {
    let text = format!("{MANIFEST}{kind}");
    let (manifest, sources) = match load_files([("manifest.yaml", text.as_str())]) {
        Ok(loaded) => loaded,
        Err(problems) => return problems.iter().map(ToString::to_string).collect(),
    };
    match Blueprint::compile(manifest, Catalogue::unified().unwrap()) {
        Ok(_) => Vec::new(),
        Err(problems) => sources.locate(&problems).iter().map(ToString::to_string).collect(),
    }
}

#[track_caller]
fn assert_told(kind: &str, expected: &[&str]) {
    let told = told(kind);
    for expected in expected {
        assert!(
            told.iter().any(|told| told.contains(expected)),
            "missing {expected:?} in {told:#?}"
        );
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
}

#[test]
fn what_is_missing_or_unknown_in_a_way_to_sign_is_told_with_its_place() {
    assert_told(
        "      oauth1: {consumer_key: a, consumer_secret: b, token: c}\n",
        &["manifest.yaml:24:7: auth.1.kind.oauth1: `token_secret` is missing"],
    );
    assert_told(
        "      oauth1:\n        consumer_key: \"{{credentials.user}}\"\n        consumer_secret: \"{{credentials.sekret}}\"\n\
         \x20       token: \"{{credentials.key}}\"\n        token_secret: \"{{credentials.secret}}\"\n        realm: \"{{realm}}\"\n",
        &[
            "manifest.yaml:26:26: auth.1.kind.oauth1.consumer_secret: there is no variable `credentials.sekret` here",
            // The credential of another way is not given with this one.
            "manifest.yaml:27:16: auth.1.kind.oauth1.token: there is no variable `credentials.key` here",
            "manifest.yaml:29:16: auth.1.kind.oauth1.realm: there is no variable `realm` here",
        ],
    );
    assert_told(
        "      signed:\n        key: \"{{credentials.secret}}\"\n        over: \"{{request.uri}}{{now.unix}}\"\n        put: {header: a, query: b}\n",
        &[
            "manifest.yaml:26:15: auth.1.kind.signed.over: there is no variable `request.uri` here",
            "manifest.yaml:27:9: auth.1.kind.signed.put: give `header` or `query`",
        ],
    );
    assert_told(
        "      signed:\n        key: fixed\n        over: [\"{{credentials.user}}\"]\n        put: {header: a b, value: x}\n        algorithm: md5\n",
        &["manifest.yaml:28:20: auth.1.kind.signed.algorithm: unknown word `md5`"],
    );
    assert_told(
        "      signed:\n        key: fixed\n        over: [\"{{credentials.user}}\"]\n        put: {header: a b, value: x}\n",
        &[
            "manifest.yaml:25:14: auth.1.kind.signed.key: a key that is no credential is no secret",
            "manifest.yaml:26:9: auth.1.kind.signed.over: what is signed is the same for every request",
            "manifest.yaml:27:23: auth.1.kind.signed.put.header: `a b` is not the name of a header",
            "manifest.yaml:27:35: auth.1.kind.signed.put.value: does not use `{{signature}}`",
        ],
    );
    assert_told(
        "      signed: {key: \"{{credentials.secret}}\", over: \"{{request.url}}\", put: {query: sig}}\n",
        &[],
    );
}

#[test]
fn what_a_grant_needs_or_does_not_take_is_told_with_its_place() {
    let oauth2 = |words: &str| format!("      oauth2: {{token_url: \"https://a.example\", {words}}}\n");
    let assertion = "assertion: {algorithm: ES256, key: \"{{credentials.secret}}\", issuer: me}";
    let at = "manifest.yaml:24:7: auth.1.kind.oauth2: ";
    let cases: &[(String, &[&str])] = &[
        (
            "grant: password, client_id: a, username: b".to_owned(),
            &["the grant `password` needs `password`"],
        ),
        (
            "grant: password, username: b, password: c".to_owned(),
            &["the client has no `client_id`"],
        ),
        (
            "grant: jwt_bearer".to_owned(),
            &["the grant `jwt_bearer` needs `assertion`"],
        ),
        (
            "grant: client_credentials, client_auth: jwt".to_owned(),
            &["`client_auth: jwt` needs `assertion`"],
        ),
        (
            "grant: client_credentials, client_id: a".to_owned(),
            &["the grant `client_credentials` needs `client_secret`"],
        ),
    ];
    for (words, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|expected| format!("{at}{expected}")).collect();
        assert_told(&oauth2(words), &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let elsewhere: &[(String, &[&str])] = &[
        (
            format!("grant: client_credentials, client_id: a, client_secret: b, username: c, {assertion}"),
            &["kind.oauth2.username: has no effect", "kind.oauth2.assertion: has no effect"],
        ),
        (
            format!("grant: jwt_bearer, client_auth: jwt, {assertion}"),
            &["kind.oauth2.client_auth: one assertion cannot be both"],
        ),
        (
            format!("grant: client_credentials, client_auth: jwt, client_secret: b, {assertion}"),
            &["kind.oauth2.client_secret: has no effect"],
        ),
        (
            "grant: jwt_bearer, assertion: {algorithm: HS256, key: a}".to_owned(),
            &["assertion.algorithm: unknown word `HS256`", "assertion: `issuer` is missing"],
        ),
        (
            "grant: jwt_bearer, assertion: {algorithm: RS256, key: a, issuer: b, lifetime_s: 0, claims: {iss: c, d: \"{{e}}\"}}"
                .to_owned(),
            &[
                "assertion.key: a key that is no credential is no secret",
                "assertion.lifetime_s: must be between 1 and 3600",
                "assertion.claims.iss: `iss` is set by the assertion itself",
                "assertion.claims: there is no variable `e` here",
            ],
        ),
        (format!("grant: jwt_bearer, {assertion}"), &[]),
        (format!("grant: client_credentials, client_auth: jwt, {assertion}"), &[]),
        ("grant: password, client_id: a, username: b, password: c".to_owned(), &[]),
    ];
    for (words, expected) in elsewhere {
        assert_told(&oauth2(words), expected);
    }
}

#[test]
fn the_ways_to_sign_in_of_the_manual_compile() {
    let manual = include_str!("../../../../docs/writing-a-connector.md");
    let blocks = manual.split("```yaml\n").filter_map(|text| text.split("```").next());
    let blocks: Vec<&str> = blocks.filter(|block| block.starts_with("auth:\n")).collect();
    assert!(blocks.len() >= 5, "{blocks:#?}");
    let (before, _) = MANIFEST.split_once("auth:\n").unwrap();
    let settings = "settings:\n  account: {type: text, label: A}\n  login_url: {type: url, label: L}\n";
    for block in blocks {
        let text = format!("{}{block}", before.replacen("settings:\n", settings, 1));
        let (manifest, sources) =
            load_files([("manifest.yaml", text.as_str())]).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
        if let Err(problems) = Blueprint::compile(manifest, Catalogue::unified().unwrap()) {
            panic!("{:#?} in {text}", sources.locate(&problems));
        }
    }
}
