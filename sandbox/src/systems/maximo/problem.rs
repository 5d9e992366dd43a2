//! The error bodies of Maximo. Callers tell errors apart by reason code, because the HTTP status is 400 for a missing
//! permission and for a bad clause alike.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::query::Refusal;

/// An error that is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
    pub(super) text: String,
    /// The attribute and the object it belongs to, where a value is at fault.
    at: Option<(String, String)>,
    /// All faults of a write that asked for them with `batcherror`.
    all: Vec<Problem>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, reason: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            reason,
            text: text.into(),
            at: None,
            all: Vec::new(),
        }
    }

    /// A write breaks a rule of the application.
    pub(super) fn rule(reason: &'static str, text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason, text)
    }

    /// The value of an attribute is at fault.
    pub(super) fn value(reason: &'static str, object: &str, attribute: &str, text: impl Into<String>) -> Self {
        Self {
            at: Some((attribute.to_owned(), object.to_ascii_lowercase())),
            ..Self::rule(reason, text)
        }
    }

    /// An attribute that must have a value has none.
    pub(super) fn required(object: &str, attribute: &str) -> Self {
        let text = format!(
            "A value is required for the {} field on the {object} object",
            title(attribute)
        );
        Self::value("BMXAA4195E", object, attribute, text)
    }

    /// The record is in history and takes no changes.
    pub(super) fn in_history(what: &str) -> Self {
        Self::rule(
            "BMXAA4105E",
            format!("{what} is a history record and cannot be changed"),
        )
    }

    /// The record was changed since the client read it. A live system answers 412 when `_rowstamp` in the body is an
    /// old one.
    pub(super) fn stale(object: &str, id: &str) -> Self {
        let text = format!(
            "Record {object} : {id} has been updated by another user. Your changes have not been saved. Refresh the \
             record and try again"
        );
        Self::new(StatusCode::PRECONDITION_FAILED, "BMXAA8229W", text)
    }

    /// A record with this key exists.
    pub(super) fn exists(object: &str, key: &str) -> Self {
        Self::rule("BMXAA4129E", format!("The record for {object}=[{key}] already exists"))
    }

    /// The server carried out a request with this transaction id already. The sources tell the status, not the code.
    pub(super) fn repeated(transaction: &str) -> Self {
        let text = format!("A transaction with the id {transaction} was processed already");
        Self::new(StatusCode::CONFLICT, "BMXAA9537E", text)
    }

    /// The record must stay. The sources name no code of its own for this.
    pub(super) fn stays(what: &str, why: &str) -> Self {
        Self::rule("BMXAA4017E", format!("{what} cannot be deleted: {why}"))
    }

    /// The body is no JSON object.
    pub(super) fn bad_body(text: impl std::fmt::Display) -> Self {
        Self::rule("BMXAA9540E", format!("The body is not valid: {text}"))
    }

    /// Puts the faults of a write together: all of them when they were asked for, else the first.
    pub(super) fn of_all(mut all: Vec<Problem>, batch: bool) -> Result<(), Self> {
        if all.is_empty() {
            return Ok(());
        }
        let first = all.first().cloned();
        if !batch {
            all.clear();
        }
        first.map_or(Ok(()), |first| Err(Self { all, ..first }))
    }

    /// No credentials, a bad key, or a session without a user.
    pub(super) fn not_signed_in() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "BMXAA0021E",
            "The user name and password are not valid",
        )
    }

    /// A wrong password at the login.
    pub(super) fn wrong_password() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "BMXAA7901E", "This user cannot sign in now")
    }

    /// The user may not read, insert, save or delete rows of the object.
    pub(super) fn not_allowed(action: &str, object: &str) -> Self {
        let text = format!("The {action} action is not allowed for the object {object}");
        Self::new(StatusCode::BAD_REQUEST, "BMXAA0024E", text)
    }

    /// There is no such resource.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "BMXAA8727E",
            format!("The resource {what} was not found"),
        )
    }

    /// The page size is above the server's maximum. The sources say that the request fails, not with which code.
    pub(super) fn page_too_large(size: u64, maximum: u64) -> Self {
        let text = format!("The page size {size} is above the maximum of {maximum}");
        Self::new(StatusCode::BAD_REQUEST, "BMXAA9549E", text)
    }

    /// A number of the query is no number.
    pub(super) fn bad_number(name: &str, value: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "BMXAA2661E",
            format!("The value {value} of {name} is not a number"),
        )
    }

    /// A server-side cursor is unknown, was idle too long, or is asked to go back.
    pub(super) fn cursor_gone() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "BMXAA8727E",
            "The stable page is no longer available",
        )
    }

    /// The method is not one of this resource.
    pub(super) fn method_not_supported() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "BMXAA8729E",
            "The method is not supported for this resource",
        )
    }

    /// Writes the error body, lean or with prefixes.
    pub(super) fn answer(&self, base: &str, lean: bool) -> Response {
        if !self.all.is_empty() {
            let all: Vec<Value> = self.all.iter().map(|one| one.body(base, true)).collect();
            return (self.status, Json(json!({"attrerrors": all}))).into_response();
        }
        (self.status, Json(self.body(base, lean))).into_response()
    }

    fn body(&self, base: &str, lean: bool) -> Value {
        let status = self.status.as_str();
        let message = format!("{} - {}.", self.reason, self.text);
        let more = format!("{base}/error/messages/{}", self.reason);
        if !lean {
            return json!({"oslc:Error": {
                "oslc:extendedError": {"oslc:moreInfo": {"rdf:resource": more}},
                "spi:reasonCode": self.reason,
                "oslc:message": message,
                "oslc:statusCode": status,
            }});
        }
        let mut error = json!({
            "extendedError": {"moreInfo": {"href": more}},
            "reasonCode": self.reason,
            "message": message,
            "statusCode": status,
        });
        if let (Some((attribute, object)), Some(error)) = (&self.at, error.as_object_mut()) {
            error.insert("errorattrname".into(), attribute.as_str().into());
            error.insert("errorobjpath".into(), object.as_str().into());
        }
        json!({"Error": error})
    }
}

fn title(attribute: &str) -> String {
    let mut letters = attribute.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let bad = StatusCode::BAD_REQUEST;
        match refusal {
            Refusal::Syntax(text) => Self::new(bad, "BMXAA8744E", format!("The clause is not valid: {text}")),
            Refusal::Unknown(name) => Self::new(
                bad,
                "BMXAA8781E",
                format!("The property {name} is not valid for this resource"),
            ),
            Refusal::Value(text) => Self::new(bad, "BMXAA2661E", format!("The value is not valid: {text}")),
        }
    }
}
