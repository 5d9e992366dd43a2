//! The schema of an organization over plain HTTP, for code generators: the unified model with the custom fields and
//! entities of whoever asks: with the token of a connection those of that connection.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use lineshaft_api::Schemas;
use lineshaft_engine::{Engine, connections::Visible};
use tokio::sync::Semaphore;

use super::status::{authenticate, refuse};

/// Most schemas that are written at once: each takes a processor for some milliseconds.
const AT_ONCE: usize = 2;

struct Shared {
    engine: Arc<Engine>,
    schemas: Schemas,
    introspection: bool,
    places: Semaphore,
}

/// Returns the route.
pub(super) fn router(engine: Arc<Engine>, schemas: Schemas, introspection: bool) -> Router {
    let shared = Shared {
        engine,
        schemas,
        introspection,
        places: Semaphore::new(AT_ONCE),
    };
    Router::new()
        .route("/v1/schema.graphql", get(tell))
        .with_state(Arc::new(shared))
}

/// Tells the schema of what the token sees.
async fn tell(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let caller = match authenticate(&shared.engine, &headers).await {
        Ok(caller) => caller,
        Err(refused) => return refused,
    };
    if !shared.introspection {
        return refuse(
            StatusCode::FORBIDDEN,
            "INTROSPECTION_DISABLED",
            "the server does not tell its schema",
        );
    }
    let model = match shared.engine.models.current(&caller).await {
        Ok(model) => model,
        Err(error) => {
            tracing::error!(%error, "the mappings of an organization could not be read");
            return unavailable();
        }
    };
    let tag = tag(Visible::from(&caller), model.revision);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known.split(',').any(|known| known.trim() == tag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let Ok(_place) = shared.places.acquire().await else {
            return unavailable();
        };
        match shared.schemas.sdl(&model).await {
            Ok(sdl) => sdl.into_response(),
            Err(_) => return unavailable(),
        }
    };
    let own = response.headers_mut();
    own.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    own.insert(header::VARY, HeaderValue::from_static("authorization"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        own.insert(header::ETAG, tag);
    }
    response
}

/// Returns what the schema is marked with. It is weak: the answer may be compressed.
fn tag(visible: Visible, revision: i64) -> String {
    let whose = visible.connection_id().unwrap_or(visible.organization_id());
    format!("W/\"{}-{whose}-{revision}\"", env!("CARGO_PKG_VERSION"))
}

fn unavailable() -> Response {
    refuse(
        StatusCode::SERVICE_UNAVAILABLE,
        "INTERNAL",
        "the schema cannot be told now",
    )
}
