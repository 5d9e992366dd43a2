//! Stands before every system: applies the fault, logs the call, answers `/_sandbox` itself.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::body::{self, Body};
use axum::response::Response;
use chrono::Utc;
use http::Request;
use tower::ServiceExt;

use super::serve::Answer;
use super::{Call, Shared, control};
use crate::fault::{Intent, Kind};
use crate::state::CallNote;

/// Answers the requests of one system.
#[derive(Clone)]
pub(super) struct Front {
    router: axum::Router,
    shared: Arc<Shared>,
}

impl Front {
    pub(super) fn new(router: axum::Router, shared: Arc<Shared>) -> Self {
        Self { router, shared }
    }
}

impl Answer for Front {
    async fn answer(self, request: Request<Body>) -> io::Result<Response> {
        if request.uri().path().starts_with("/_sandbox/") {
            return Ok(control::answer(&self.shared, request).await);
        }
        self.simulate(request).await
    }
}

impl Front {
    async fn simulate(self, request: Request<Body>) -> io::Result<Response> {
        let path_and_query = request
            .uri()
            .path_and_query()
            .map_or("/", |text| text.as_str())
            .to_owned();
        let (head, body) = request.into_parts();
        // Small and wholly read: what RPC calls do stands in their bodies only.
        let content = body::to_bytes(body, usize::MAX).await.map_err(io::Error::other)?;
        let intent = Intent::of(self.shared.state.system, &head, &content);
        let fault = self.shared.take_fault(&path_and_query, head.method.as_str(), &intent);
        let mut call = Call {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or("").to_owned(),
            status: 0,
            at: Utc::now(),
            login: looks_like_login(head.uri.path()),
            operation: intent.operation,
            write: intent.write,
            reached: fault.as_ref().is_none_or(Kind::wants_answer),
            parts: 0,
        };
        let mut request = Request::from_parts(head, Body::from(content));
        if fault.as_ref().is_some_and(Kind::changes_body) {
            request.headers_mut().remove(http::header::ACCEPT_ENCODING);
        }
        let response = match &fault {
            Some(kind) if !kind.wants_answer() => kind.replace(),
            _ => route(self.router, request).await,
        };
        if let Some(note) = response.extensions().get::<CallNote>() {
            call.login = note.login;
            call.parts = note.parts;
            call.write &= !note.login;
            if note.operation.is_some() {
                call.operation.clone_from(&note.operation);
            }
        }
        if fault.as_ref().is_some_and(Kind::closes) {
            self.shared.log(call);
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        call.status = response.status().as_u16();
        if let Some(Kind::StatusAfter { code }) = &fault {
            call.status = *code;
        }
        self.shared.log(call);
        match fault {
            Some(kind) if kind.wants_answer() => change(&kind, response).await,
            _ => Ok(response),
        }
    }
}

async fn route(router: axum::Router, request: Request<Body>) -> Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never as Infallible {},
    }
}

async fn change(kind: &Kind, response: Response) -> io::Result<Response> {
    if let Some(delay) = kind.delay() {
        tokio::time::sleep(delay).await;
    }
    let (head, body) = response.into_parts();
    let body = body::to_bytes(body, usize::MAX).await.map_err(io::Error::other)?;
    Ok(kind.change(Response::from_parts(head, Body::empty()), body))
}

/// Guesses for requests no handler saw; a handler's own note wins.
fn looks_like_login(path: &str) -> bool {
    path.ends_with("/token") || path.ends_with("/login") || path.ends_with("/authenticate")
}
