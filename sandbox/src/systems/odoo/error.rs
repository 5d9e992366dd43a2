//! The exceptions Odoo reports: their class name, text and HTTP status in JSON-2. The `debug`
//! member carries a traceback with server paths on purpose: nothing may pass it on.

use http::StatusCode;
use serde_json::{Value, json};

use crate::systems::orm::{Failure, Table};

/// An exception of the server.
#[derive(Debug, Clone)]
pub(super) struct OdooError {
    name: &'static str,
    message: String,
    status: StatusCode,
    /// Werkzeug exceptions carry their status as a second argument.
    with_status: bool,
}

impl OdooError {
    fn new(name: &'static str, status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
            status,
            with_status: name.starts_with("werkzeug"),
        }
    }

    pub(super) fn access_denied() -> Self {
        Self::new("odoo.exceptions.AccessDenied", StatusCode::FORBIDDEN, "Access Denied")
    }

    pub(super) fn access(message: impl Into<String>) -> Self {
        Self::new("odoo.exceptions.AccessError", StatusCode::FORBIDDEN, message)
    }

    pub(super) fn not_allowed(table: &Table, operation: &str) -> Self {
        Self::access(format!(
            "You are not allowed to {operation} '{}' ({}) records.\n\nNo group currently allows this operation.\n\nContact your administrator to request access if necessary.",
            table.label, table.model
        ))
    }

    pub(super) fn user(message: impl Into<String>) -> Self {
        Self::new("odoo.exceptions.UserError", StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        let name = "odoo.exceptions.ValidationError";
        Self::new(name, StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// A record that is not there.
    pub(super) fn missing(model: &str, id: &Value, uid: u32) -> Self {
        let message = format!("Record does not exist or has been deleted.\n(Record: {model}({id},), User: {uid})");
        Self::new("odoo.exceptions.MissingError", StatusCode::NOT_FOUND, message)
    }

    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new("builtins.ValueError", StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::new("builtins.TypeError", StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    pub(super) fn attribute(message: impl Into<String>) -> Self {
        Self::new("builtins.AttributeError", StatusCode::NOT_FOUND, message)
    }

    pub(super) fn no_database(name: &str) -> Self {
        let message = format!(
            "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  database \"{name}\" does not exist\n"
        );
        Self::new("psycopg2.OperationalError", StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    pub(super) fn http(status: StatusCode, message: impl Into<String>) -> Self {
        let name = match status {
            StatusCode::UNAUTHORIZED => "werkzeug.exceptions.Unauthorized",
            StatusCode::NOT_FOUND => "werkzeug.exceptions.NotFound",
            StatusCode::UNPROCESSABLE_ENTITY => "werkzeug.exceptions.UnprocessableEntity",
            _ => "werkzeug.exceptions.BadRequest",
        };
        Self::new(name, status, message)
    }

    pub(super) fn session_expired() -> Self {
        Self::new(
            "odoo.http.SessionExpiredException",
            StatusCode::FORBIDDEN,
            "Session expired",
        )
    }

    pub(super) fn unknown_field(field: &str, model: &str) -> Self {
        Self::value(format!("Invalid field '{field}' on '{model}'"))
    }

    pub(super) fn from_failure(failure: Failure) -> Self {
        match failure {
            Failure::UnknownField { model, field, clause } => {
                Self::value(format!("Invalid field {model}.{field} in condition ('{clause}', ...)"))
            }
            Failure::UnknownOrder { model, field } => {
                Self::value(format!("Invalid field '{field}' on model '{model}'"))
            }
            Failure::NotStored { model, field } => Self::value(format!(
                "Cannot convert {model}.{field} to SQL because it is not stored"
            )),
            Failure::BadValue(message) => Self::value(message),
        }
    }

    /// Returns the status of a JSON-2 answer.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the exception as Odoo serializes it.
    pub(super) fn body(&self) -> Value {
        let arguments = if self.with_status {
            json!([self.message, self.status.as_u16()])
        } else {
            json!([self.message])
        };
        json!({
            "name": self.name,
            "message": self.message,
            "arguments": arguments,
            "context": {},
            "debug": format!(
                "Traceback (most recent call last):\n  File \"/usr/lib/python3/dist-packages/odoo/http.py\", line 2273, in _serve_db\n    return service_model.retrying(serve_func, env=self.env)\n{}: {}\n",
                self.name, self.message
            ),
        })
    }

    /// Returns the error member of a JSON-RPC answer.
    pub(super) fn rpc(&self) -> Value {
        let (code, message) = if self.name == "odoo.http.SessionExpiredException" {
            (100, "Odoo Session Expired")
        } else {
            (0, "Odoo Server Error")
        };
        json!({"code": code, "message": message, "data": self.body()})
    }
}
