//! A document that was parsed and found harmless, and the bounded cache of such documents.

use std::sync::Arc;

use async_graphql::{
    Pos, ServerError,
    parser::{
        Error as ParseError, parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition},
    },
};
use moka::future::Cache;

use super::{Code, Limits, Refusal, Settings, Shape, scan, shape};

/// Bytes that a parsed token takes, roughly: nodes carry names, positions and vectors.
const BYTES_PER_TOKEN: usize = 160;

/// A document that keeps within all limits.
#[derive(Debug)]
pub struct Document {
    parsed: ExecutableDocument,
    shape: Shape,
    bytes: u32,
}

/// Parses and measures a document, in time linear in its text.
///
/// # Errors
/// Refuses what does not parse or breaks a bound.
pub fn precheck(text: &str, limits: &Limits) -> Result<Document, Refusal> {
    let tokens = scan::count_tokens(text, limits)?;
    let parsed = parse_query(text).map_err(|error| parse_refusal(&error))?;
    let shape = shape::measure(&parsed, limits)?;
    let bytes = text.len().saturating_add(tokens.saturating_mul(BYTES_PER_TOKEN));
    Ok(Document {
        parsed,
        shape,
        bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
    })
}

impl Document {
    /// Returns the parsed document.
    #[must_use]
    pub fn parsed(&self) -> &ExecutableDocument {
        &self.parsed
    }

    /// Returns what the document amounts to.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Returns the operation that a request means.
    ///
    /// # Errors
    /// Refuses an unknown name, and a missing one where there are several operations.
    pub fn operation(&self, name: Option<&str>) -> Result<&OperationDefinition, Refusal> {
        match (&self.parsed.operations, name) {
            (DocumentOperations::Single(operation), None) => Ok(&operation.node),
            (DocumentOperations::Multiple(operations), Some(name)) => operations
                .get(name)
                .map(|operation| &operation.node)
                .ok_or_else(|| unknown(name)),
            (DocumentOperations::Multiple(operations), None) => match operations.values().next() {
                Some(operation) if operations.len() == 1 => Ok(&operation.node),
                _ => Err(Refusal::new(
                    Code::OperationNotFound,
                    format!(
                        "the document has {} operations; operationName must choose one",
                        operations.len()
                    ),
                )),
            },
            (DocumentOperations::Single(_), Some(name)) => Err(unknown(name)),
        }
    }
}

fn unknown(name: &str) -> Refusal {
    Refusal::new(
        Code::OperationNotFound,
        format!("the document has no operation named \"{name}\""),
    )
}

/// The parser's message is a drawing of the source line; only its last line is kept.
fn parse_refusal(error: &ParseError) -> Refusal {
    let (code, message) = match error {
        ParseError::Syntax { message, .. } => {
            let reason = message.rsplit_once("= ").map_or(message.as_str(), |(_, reason)| reason);
            (Code::GraphqlParseFailed, format!("syntax error: {}", reason.trim()))
        }
        ParseError::RecursionLimitExceeded => (Code::QueryNestedTooDeeply, error.to_string()),
        ParseError::MissingOperation => (Code::OperationNotFound, error.to_string()),
        _ => (Code::GraphqlValidationFailed, error.to_string()),
    };
    let position: Option<Pos> = ServerError::from(error.clone()).locations.first().copied();
    let refusal = Refusal::new(code, message);
    match position {
        Some(position) => refusal.at(position),
        None => refusal,
    }
}

/// Documents by their text: a repeated query is neither parsed nor measured again.
#[derive(Clone)]
pub struct Documents {
    cache: Cache<Arc<str>, Arc<Document>>,
    capacity: u64,
    limits: Limits,
}

impl Documents {
    /// Returns an empty cache of the configured size.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let cache = Cache::builder()
            .max_capacity(settings.document_cache_bytes)
            .weigher(|text: &Arc<str>, document: &Arc<Document>| {
                u32::try_from(text.len())
                    .unwrap_or(u32::MAX)
                    .saturating_add(document.bytes)
            })
            .build();
        Self {
            cache,
            capacity: settings.document_cache_bytes,
            limits: settings.limits.clone(),
        }
    }

    /// Returns the checked document for this text.
    ///
    /// # Errors
    /// Refuses what [`precheck`] refuses.
    pub async fn load(&self, text: &str) -> Result<Arc<Document>, Refusal> {
        if let Some(document) = self.cache.get(text).await {
            return Ok(document);
        }
        let document = Arc::new(precheck(text, &self.limits)?);
        // Evictions lag behind insertions, so no single document may take much of the room.
        if u64::from(document.bytes).saturating_mul(8) <= self.capacity {
            self.cache.insert(Arc::from(text), Arc::clone(&document)).await;
        }
        Ok(document)
    }
}
