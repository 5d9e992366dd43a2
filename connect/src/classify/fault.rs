//! What SOAP says of a failure in the body of an answer.

use super::told::clean;
use crate::{error::ErrorKind, json};

/// What SOAP says of a failure.
pub(super) struct Fault {
    pub(super) kind: ErrorKind,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

/// Finds the fault in the body of a SOAP envelope, of either version. What the caller did wrong is no failure of the
/// system, though SOAP 1.1 wants the status of one for both.
pub(super) fn fault_of(body: &[u8]) -> Option<Fault> {
    // As answers in XML are translated; others are not parsed for it.
    if !body.starts_with(b"{\"Envelope\":") {
        return None;
    }
    let body = json::parse(body).ok()?;
    let fault = body.get("Envelope")?.get("Body")?.get("Fault")?;
    let text = |path: &[&str]| {
        let value = path.iter().try_fold(fault, |value, name| match value.elements() {
            Some(list) => list.first()?.get(name),
            None => value.get(name),
        })?;
        let value = value.elements().and_then(<[_]>::first).unwrap_or(value);
        let text = value.get("#text").unwrap_or(value);
        json::scalar_text(text).map(clean).filter(|text| !text.is_empty())
    };
    let code = text(&["faultcode"]).or_else(|| text(&["Code", "Value"]));
    let name = code.as_deref().and_then(|code| code.rsplit(':').next());
    let is_callers = name.is_some_and(|name| {
        let name = name.split('.').next().unwrap_or_default();
        matches!(name, "Client" | "Sender" | "MustUnderstand" | "VersionMismatch")
    });
    Some(Fault {
        kind: if is_callers {
            ErrorKind::InvalidRequest
        } else {
            ErrorKind::Unavailable
        },
        message: text(&["faultstring"]).or_else(|| text(&["Reason", "Text"])),
        code: text(&["Code", "Subcode", "Value"]).or(code),
    })
}
