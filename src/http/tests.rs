//! Tests of the routes: who is let in, what is served without a token, which headers every answer has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use lineshaft_engine::{
    organizations::{self, NewOrganization},
    tokens::NewToken,
};
use secrecy::{ExposeSecret as _, SecretString};
use tower::ServiceExt as _;

use super::*;
use crate::{
    settings::Source,
    start::{self, Migrations},
    telemetry,
};

struct Server {
    app: Arc<App>,
    _folder: tempfile::TempDir,
}

async fn server(change: impl FnOnce(&mut Settings)) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::load(&Source::default()).unwrap();
    settings.database.url = SecretString::from("sqlite::memory:");
    settings.secrets.key_file = folder.path().join("key");
    change(&mut settings);
    let engine = start::engine(&settings, Migrations::AsSettingsSay).await.unwrap();
    Server {
        app: Arc::new(App::new(engine, settings, telemetry::recorder().unwrap())),
        _folder: folder,
    }
}

impl Server {
    async fn ask(&self, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let response = router(&self.app).oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, headers, String::from_utf8_lossy(&body).into_owned())
    }

    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, String) {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn query(&self, token: Option<&str>, query: &str) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = serde_json::json!({"query": query}).to_string();
        self.ask(request.body(Body::from(body)).unwrap()).await
    }

    async fn token(&self) -> String {
        let engine = &self.app.engine;
        let new = NewOrganization {
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            credits: 100,
        };
        let organization = organizations::create(&engine.database, new).await.unwrap();
        let new = NewToken {
            organization_id: organization.id,
            connection_id: None,
            name: "test".to_owned(),
            scopes: Vec::new(),
            expires_at: None,
        };
        engine.tokens.create(new).await.unwrap().text.expose_secret().to_owned()
    }
}

#[tokio::test]
async fn only_a_valid_token_is_let_in() {
    let server = server(|_| {}).await;
    let token = server.token().await;
    let (status, _, body) = server.query(Some(&token), "{ connections { nodes { id } } }").await;
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::OK, r#"{"data":{"connections":{"nodes":[]}}}"#)
    );
    for other in [None, Some("lsk_nonsense"), Some("")] {
        let (status, headers, body) = server.query(other, "{ __typename }").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(headers.get("www-authenticate").unwrap(), "Bearer");
        assert!(body.contains("UNAUTHENTICATED"), "{body}");
    }
}

#[tokio::test]
async fn machines_are_told_that_the_server_lives_and_is_ready() {
    let server = server(|_| {}).await;
    assert_eq!(server.get("/healthz").await.0, StatusCode::OK);
    let (status, _, body) = server.get("/readyz").await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains(r#""status":"ready""#), "{body}");
    server.app.stop();
    let (status, _, body) = server.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("stopping"), "{body}");
}

#[tokio::test]
async fn a_closed_database_is_told_by_readiness() {
    let server = server(|_| {}).await;
    server.app.engine.database.close_by_ref().await.unwrap();
    let (status, _, body) = server.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("not reachable"), "{body}");
    assert_eq!(server.get("/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn metrics_need_their_token_and_are_off_without_one() {
    let without = server(|_| {}).await;
    assert_eq!(without.get("/metrics").await.0, StatusCode::NOT_FOUND);
    let server = server(|settings| settings.metrics.token = SecretString::from("sesame")).await;
    server.get("/healthz").await;
    assert_eq!(server.get("/metrics").await.0, StatusCode::UNAUTHORIZED);
    let request = Request::get("/metrics")
        .header("authorization", "Bearer sesame")
        .body(Body::empty())
        .unwrap();
    let (status, _, body) = server.ask(request).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        body.contains("lineshaft_http_requests_total{route=\"/healthz\""),
        "{body}"
    );
}

#[tokio::test]
async fn browsers_get_the_playground_with_a_strict_policy_and_programs_an_index() {
    let server = server(|_| {}).await;
    let request = Request::get("/")
        .header("accept", "text/html")
        .body(Body::empty())
        .unwrap();
    let (status, headers, body) = server.ask(request).await;
    assert_eq!(status, StatusCode::OK);
    let policy = headers.get("content-security-policy").unwrap().to_str().unwrap();
    assert!(
        policy.contains("script-src 'self';") && !body.contains("<script>"),
        "{policy}"
    );
    assert!(server.get("/").await.2.contains("POST /graphql"));
    for path in [
        "/playground",
        "/playground/playground.js",
        "/playground/playground.css",
        "/playground/examples.json",
        "/favicon.svg",
    ] {
        assert_eq!(server.get(path).await.0, StatusCode::OK, "{path}");
    }
    assert_eq!(server.get("/playground/../Cargo.toml").await.0, StatusCode::NOT_FOUND);
    let off = self::server(|settings| settings.server.playground = false).await;
    assert_eq!(off.get("/playground").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_known_file_is_not_sent_again() {
    let server = server(|_| {}).await;
    let tag = server
        .get("/playground/playground.css")
        .await
        .1
        .get("etag")
        .unwrap()
        .clone();
    let request = Request::get("/playground/playground.css")
        .header("if-none-match", tag)
        .body(Body::empty())
        .unwrap();
    assert_eq!(server.ask(request).await.0, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn every_answer_has_an_id_and_safe_headers() {
    let server = server(|_| {}).await;
    let request = Request::get("/nowhere")
        .header("x-request-id", "mine-1")
        .body(Body::empty())
        .unwrap();
    let (status, headers, _) = server.ask(request).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(headers.get("x-request-id").unwrap(), "mine-1");
    assert_eq!(headers.get("x-content-type-options").unwrap(), "nosniff");
    assert_eq!(
        headers.get("content-security-policy").unwrap(),
        "default-src 'none'; frame-ancestors 'none'"
    );
    let made = server.get("/nowhere").await.1;
    assert_eq!(made.get("x-request-id").unwrap().len(), 36);
}
