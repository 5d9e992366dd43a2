//! A request that is ready to be sent; its secrets never show in debug output.

use std::{borrow::Cow, fmt};

/// A request that is ready to be sent, sign-in aside.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestPlan {
    /// HTTP method.
    pub method: http::Method,
    /// The whole address with its query.
    pub url: String,
    /// Headers besides those of the sign-in.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: RequestBody,
    /// Whether it changes nothing and so may be sent again.
    pub repeatable: bool,
}

/// The body of a request.
#[derive(Clone, PartialEq, Eq)]
pub enum RequestBody {
    /// None.
    Empty,
    /// JSON text; the content type is `application/json` unless a header says otherwise.
    Json(String),
    /// XML text; the content type is `text/xml` unless a header says otherwise.
    Xml(String),
    /// Text of another kind, which the header `content-type` names.
    Text(String),
    /// Form fields, to be sent as `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
}

impl RequestBody {
    /// Returns the text that is sent.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Json(text) | Self::Text(text) => Cow::Borrowed(text),
            Self::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                Cow::Owned(form.extend_pairs(fields).finish())
            }
            Self::Xml(text) => Cow::Borrowed(text),
        }
    }

    /// Returns the content type of a text; forms have theirs from the client.
    pub(crate) const fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Json(_) => Some("application/json"),
            Self::Xml(_) => Some("text/xml; charset=utf-8"),
            Self::Empty | Self::Text(_) | Self::Form(_) => None,
        }
    }
}

impl fmt::Debug for RequestPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.url.split('?').next().unwrap_or_default();
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("RequestPlan")
            .field("method", &self.method)
            .field("address", &address)
            .field("headers", &names)
            .field("body", &self.body)
            .field("repeatable", &self.repeatable)
            .finish()
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Json(text) => write!(f, "Json({} bytes)", text.len()),
            Self::Xml(text) => write!(f, "Xml({} bytes)", text.len()),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Form(fields) => write!(f, "Form({} fields)", fields.len()),
        }
    }
}
