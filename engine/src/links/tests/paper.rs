//! A system that a function plays, with its connector.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_connect::{
    Error,
    request::{RequestBody, RequestPlan},
    transport::{Outgoing, Response, Wire},
};
use serde_json::{Value, json};

pub(super) const MANIFEST: &str = r#"
manifest: 1
id: paper
version: 0.1.0
name: Paper
description: A system on paper.
categories: [erp]
tier: 2
deployments: [cloud, on_premises]
settings:
  base_url: {type: url, label: Address, required: true}
  note: {type: text, label: Note, default: none}
auth:
  - id: password
    label: Password
    credentials:
      username: {label: User, secret: false}
      password: {label: Password}
    kind:
      basic: {username: "{{credentials.username}}", password: "{{credentials.password}}"}
  - id: page
    label: Sign in
    credentials:
      client_id: {label: Client, secret: false, application: true}
      client_secret: {label: Secret, application: true}
      refresh_token: {label: Refresh token}
    kind:
      oauth2:
        grant: authorization_code
        authorize_url: "{{settings.base_url}}/authorize"
        token_url: "{{settings.base_url}}/token"
        client_id: "{{credentials.client_id}}"
        client_secret: "{{credentials.client_secret}}"
http: {base_url: "{{settings.base_url}}"}
probe: {request: {path: /me}, identity: [account]}
protocol: json_rest
list:
  request: {path: "/{{resource.remote}}", query: {offset: "{{offset}}", limit: "{{limit}}"}}
  records: items
  paging: {offset: {first: 0}}
  page_size: 100
"#;

/// A system that knows two passwords, rotates refresh tokens, and repeats what it is sent when it refuses.
#[derive(Default)]
pub(super) struct Paper {
    pub(super) calls: AtomicUsize,
    pub(super) forbids_assets: AtomicBool,
    /// The refresh token that is good now; each is good once.
    pub(super) refresh: Mutex<u32>,
    /// Whether access tokens are told to end at once.
    pub(super) short_lived: AtomicBool,
}

impl Wire for Paper {
    fn send<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let sign_in = request
            .sign_in
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned());
        let sign_in = sign_in.unwrap_or_default();
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let account = match sign_in.as_str() {
            text if text == basic("clerk:sesame-open") => Some("Clerk"),
            text if text == basic("clerk:sesame-again") => Some("Clerk"),
            text if text == basic("chief:sesame-chief") => Some("Chief"),
            text if text.starts_with("Bearer access-") => Some("Clerk"),
            _ => None,
        };
        let path = url::Url::parse(&request.plan.url).unwrap().path().to_owned();
        let (status, body) = match (path.as_str(), account) {
            ("/token", _) => self.token(request.plan),
            (_, None) => (
                401,
                json!({"error": {"message": format!("wrong: {sign_in}, password sesame-wrong")}}),
            ),
            ("/me", Some(account)) => (200, json!({"account": account})),
            ("/assets", _) if self.forbids_assets.load(Ordering::SeqCst) => (403, json!({})),
            _ => (200, json!({"items": []})),
        };
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", http::HeaderValue::from_static("application/json"));
        let response = Response {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::from(body.to_string()),
        };
        // Trials that are made at the same time take turns in between.
        async move {
            tokio::task::yield_now().await;
            Ok(response)
        }
        .boxed()
    }
}

impl Paper {
    fn token(&self, plan: &RequestPlan) -> (u16, Value) {
        let RequestBody::Form(form) = &plan.body else {
            panic!("no form");
        };
        let field = |name: &str| {
            form.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(
            (field("client_id"), field("client_secret")),
            (Some("our-app"), Some("our-app-secret"))
        );
        let mut refresh = self.refresh.lock().unwrap();
        let good = match field("grant_type").unwrap() {
            "authorization_code" => field("code") == Some("paper-code") && field("code_verifier").is_some(),
            _ => field("refresh_token") == Some(format!("refresh-{refresh}").as_str()),
        };
        if !good {
            return (400, json!({"error": "invalid_grant"}));
        }
        *refresh += 1;
        let lifetime = if self.short_lived.swap(false, Ordering::SeqCst) {
            0
        } else {
            3600
        };
        (
            200,
            json!({"access_token": format!("access-{refresh}"), "refresh_token": format!("refresh-{refresh}"),
                "token_type": "Bearer", "expires_in": lifetime}),
        )
    }
}
