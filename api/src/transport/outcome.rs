//! Makes the engine's response presentable: every error gets a code and the request id, what is
//! internal is masked, long lists and messages are cut; then says which HTTP status it has.

use async_graphql::{Response, ServerError, Value};
use http::StatusCode;

use super::{Code, DataEntry, HttpStatus, Media, Refusal, RequestId, Settings};

/// Data with errors, when the client knows the media type that gives the status its meaning.
const PARTIAL_SUCCESS: u16 = 294;

/// What a client is told in place of an internal error.
const MASKED: &str = "internal error";

/// How input errors of the engine begin; resolvers do not speak so.
const INPUT_ERRORS: [&str; 3] = [
    "Failed to parse \"",
    "Expected input type \"",
    "Invalid value for argument \"",
];

/// A response that may leave the server.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) response: Response,
    pub(super) data: DataEntry,
    /// The code of a request that failed as a whole; `None` within for a code of another module.
    failed: Option<Option<Code>>,
    pub(super) refusal: Option<Refusal>,
}

impl Outcome {
    /// Returns the outcome of a request that was not executed.
    pub(super) fn refused(mut refusal: Refusal, id: &RequestId, settings: &Settings) -> Self {
        let mut error = refusal.to_server_error();
        if refusal.code == Code::Internal {
            mask(&mut error, id);
            MASKED.clone_into(&mut refusal.message);
        }
        finish(&mut error, id, settings);
        Self {
            response: Response::from_errors(vec![error]),
            data: DataEntry::Absent,
            failed: Some(Some(refusal.code)),
            refusal: Some(refusal),
        }
    }

    /// Returns the outcome of what the engine answered.
    pub(super) fn executed(response: Response, id: &RequestId, settings: &Settings) -> Self {
        // A field that fails has a path; an error without any was raised before execution.
        let is_executed = response.data != Value::Null
            || response.errors.is_empty()
            || response.errors.iter().any(|error| !error.path.is_empty());
        Self::judged(response, is_executed, id, settings)
    }

    /// Returns the outcome of an event of a subscription: whatever it says, it was executed.
    pub(super) fn event(response: Response, id: &RequestId, settings: &Settings) -> Self {
        Self::judged(response, true, id, settings)
    }

    /// Says whether anything was executed.
    pub(super) fn is_executed(&self) -> bool {
        self.failed.is_none()
    }

    fn judged(mut response: Response, is_executed: bool, id: &RequestId, settings: &Settings) -> Self {
        let limit = settings.limits.errors;
        if response.errors.len() > limit {
            let omitted = response.errors.len() - limit;
            response.errors.truncate(limit);
            response
                .extensions
                .insert("omittedErrors".to_owned(), Value::from(omitted));
        }
        for error in &mut response.errors {
            classify(error, is_executed, id, settings);
            finish(error, id, settings);
        }
        let first = response.errors.first().and_then(code_of).and_then(Code::from_name);
        let failed = if is_executed { None } else { Some(first) };
        let data = if is_executed {
            DataEntry::Present
        } else {
            DataEntry::Absent
        };
        Self {
            response,
            data,
            failed,
            refusal: None,
        }
    }

    /// Returns the HTTP status.
    pub(super) fn status(&self, media: Media, settings: &Settings) -> StatusCode {
        let Some(code) = self.failed else {
            return success_status(!self.response.errors.is_empty(), media, settings);
        };
        let status = code.map_or(StatusCode::UNPROCESSABLE_ENTITY, Code::status);
        if settings.http_status == HttpStatus::Draft {
            return status;
        }
        let in_document = code.is_none_or(|code| code.describe().in_document);
        match (in_document, media) {
            (true, Media::Json) => StatusCode::OK,
            (true, Media::GraphqlResponse) => StatusCode::BAD_REQUEST,
            (false, _) if status == StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            (false, _) => status,
        }
    }
}

/// Returns the status of an answer with data.
pub(super) fn success_status(has_errors: bool, media: Media, settings: &Settings) -> StatusCode {
    let is_partial = has_errors && media == Media::GraphqlResponse && settings.http_status == HttpStatus::Draft;
    if !is_partial {
        return StatusCode::OK;
    }
    StatusCode::from_u16(PARTIAL_SUCCESS).unwrap_or(StatusCode::OK)
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        Value::Enum(code) => Some(code),
        _ => None,
    }
}

/// Gives an error its code. What has none and is not the engine's own word about the request comes
/// from inside and may carry anything, so it is masked.
fn classify(error: &mut ServerError, is_executed: bool, id: &RequestId, settings: &Settings) {
    match code_of(error) {
        Some(code) if code != Code::Internal.name() => return,
        Some(_) => return mask(error, id),
        None => {}
    }
    let is_plain = error.source.is_none();
    let code = if is_plain && is_input_error(&error.message) {
        Code::BadUserInput
    } else if is_plain && !is_executed {
        Code::GraphqlValidationFailed
    } else {
        return mask(error, id);
    };
    if !settings.suggestions
        && let Some(at) = error.message.find(" Did you mean")
    {
        error.message.truncate(at);
    }
    error.extensions.get_or_insert_default().set("code", code.name());
}

fn is_input_error(message: &str) -> bool {
    INPUT_ERRORS.iter().any(|start| message.starts_with(start))
        || (message.starts_with("Variable ") && message.ends_with(" is not defined."))
}

fn mask(error: &mut ServerError, id: &RequestId) {
    tracing::error!(request.id = %id, path = ?error.path, error = %error.message, "an internal error was masked");
    MASKED.clone_into(&mut error.message);
    error.source = None;
    error.extensions = None;
    error
        .extensions
        .get_or_insert_default()
        .set("code", Code::Internal.name());
}

fn finish(error: &mut ServerError, id: &RequestId, settings: &Settings) {
    let limit = settings.limits.message_chars;
    if let Some((at, _)) = error.message.char_indices().nth(limit) {
        let cut = error
            .message
            .char_indices()
            .nth(limit.saturating_sub(1))
            .map_or(at, |(at, _)| at);
        error.message.truncate(cut);
        error.message.push('…');
    }
    error.extensions.get_or_insert_default().set("requestId", id.as_str());
}
