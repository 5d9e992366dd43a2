//! What every field of the platform needs first: the engine, who asks, and errors with a code.

use std::sync::Arc;

use async_graphql::{Context, Error, ID};
use lineshaft_engine::{Engine, Session, tokens::Scope};
use uuid::Uuid;

use crate::error::coded;

/// Returns the engine.
pub(crate) fn engine<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Arc<Engine>> {
    ctx.data::<Arc<Engine>>()
}

/// Returns who asks.
pub(crate) fn session<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Session> {
    ctx.data::<Session>()
}

/// Returns who asks, if it is somebody with an organization's key.
pub(crate) fn organization<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Session> {
    let session = session(ctx)?;
    match session.caller.scope {
        Scope::Organization => Ok(session),
        Scope::Connection(_) => Err(refused(
            "FORBIDDEN",
            "this needs an organization's key (lsk_…); a connection's token (lsc_…) may not do it",
        )),
    }
}

/// Refuses tokens that may only read.
pub(crate) fn may_write(session: &Session) -> Result<(), &'static str> {
    let caller = &session.caller;
    if caller.scopes.is_empty() || caller.may("write") {
        return Ok(());
    }
    Err("the token may not write: it lacks the scope `write`")
}

/// Returns who asks, if it is somebody who may write.
pub(crate) fn writer<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Session> {
    let session = session(ctx)?;
    may_write(session).map_err(|message| refused("FORBIDDEN", message))?;
    Ok(session)
}

/// Makes an error with a code.
pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> Error {
    let error = coded(code, message, None);
    Error {
        message: error.message,
        source: None,
        extensions: error.extensions,
    }
}

/// Reads the id of something of the platform.
pub(crate) fn id(text: &ID, what: &str) -> async_graphql::Result<Uuid> {
    text.parse()
        .map_err(|_| refused("INVALID_ID", format!("the text is not the id of {what}")))
}

/// Reads ids of something of the platform.
pub(crate) fn ids(texts: Option<Vec<ID>>, what: &str) -> async_graphql::Result<Option<Vec<Uuid>>> {
    texts
        .map(|texts| texts.iter().map(|text| id(text, what)).collect())
        .transpose()
}

/// Reads the size of a page.
pub(crate) fn page_size(first: i32) -> async_graphql::Result<u64> {
    let size = u64::try_from(first).ok().filter(|first| (1..=250).contains(first));
    size.ok_or_else(|| refused("INVALID_PAGE_SIZE", "`first` must be between 1 and 250"))
}

/// Reads a cursor of a list whose cursors are identifiers.
pub(crate) fn cursor<T: std::str::FromStr>(text: Option<String>) -> async_graphql::Result<Option<T>> {
    text.map(|text| text.parse())
        .transpose()
        .map_err(|_| refused("INVALID_CURSOR", "the cursor is not one of this list"))
}

/// Hides a fault of ours; its cause is in the log.
pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Error {
    let mut causes = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        causes = format!("{causes}: {cause}");
        next = cause.source();
    }
    tracing::error!(error = causes, "an operation failed inside the server");
    refused("INTERNAL", "something failed inside the server; its log says what")
}
