//! Serves the pages for people: the playground with its files, the console, the files of the hosted pages, and a plain
//! index for programs that ask without HTML.

use axum::{
    Json,
    body::Body,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use rust_embed::EmbeddedFile;

use crate::{embedded, examples::EXAMPLES};

/// GraphiQL sets style attributes and style elements while it runs; scripts come from files only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Pages of our own making need no more than their files.
const STRICT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const INDEX: &str = concat!(
    "Lineshaft ",
    env!("CARGO_PKG_VERSION"),
    "\n\n",
    "  POST /graphql      the API; send `Authorization: Bearer <token>`\n",
    "  GET  /playground   queries in the browser\n",
    "  GET  /console      connections, links, webhooks and credits in the browser\n",
    "  GET  /healthz      whether the process lives\n",
    "  GET  /readyz       whether it can serve\n",
);

/// Returns the playground to browsers and a plain index to others.
pub(super) async fn index(headers: HeaderMap) -> Response {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if accept.contains("text/html") {
        return file("index.html", &headers);
    }
    text_index().await.into_response()
}

/// Returns the plain index.
pub(super) async fn text_index() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::VARY, "accept"),
        ],
        INDEX,
    )
}

/// Returns the page of the playground.
pub(super) async fn page(headers: HeaderMap) -> Response {
    file("index.html", &headers)
}

/// Returns a file of the playground.
pub(super) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&path, &headers)
}

/// Returns the console.
pub(super) async fn operator(headers: HeaderMap) -> Response {
    answer(embedded::operator_page("index.html"), "index.html", STRICT, &headers)
}

/// Returns a file of the console.
pub(super) async fn operator_asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    answer(embedded::operator_page(&path), &path, STRICT, &headers)
}

/// Returns a file of the page on which customers connect a system.
pub(super) async fn connect_asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    answer(embedded::connect_page(&path), &path, STRICT, &headers)
}

/// Returns the icon.
pub(super) async fn favicon(headers: HeaderMap) -> Response {
    file("favicon.svg", &headers)
}

/// Returns the queries to try, as the tabs of the playground.
pub(super) async fn examples() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-cache")], Json(EXAMPLES))
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    let mut response = answer(embedded::playground(path), path, POLICY, headers);
    if path == "index.html" {
        response
            .headers_mut()
            .insert(header::VARY, HeaderValue::from_static("accept"));
    }
    response
}

fn answer(file: Option<EmbeddedFile>, path: &str, policy: &'static str, headers: &HeaderMap) -> Response {
    let Some(file) = file else {
        return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response();
    };
    let hash = file.metadata.sha256_hash();
    let tag: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    // A weak tag stays true when the file is sent compressed.
    let tag = format!("W/\"{tag}\"");
    let is_known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known.contains(&tag));
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Response::new(Body::from(file.data)),
    };
    let own = response.headers_mut();
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    own.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        own.insert(header::ETAG, tag);
    }
    response
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}
