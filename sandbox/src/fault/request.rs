//! What a request asks for, read from its method, headers and body before any handler runs: the operation, the method
//! that counts, and whether anything changes.

use http::Method;
use http::request::Parts;
use serde_json::Value;

use crate::server::System;

/// Methods of RPC models that only read.
const READING: [&str; 24] = [
    "check_access_rights",
    "context_get",
    "db.list",
    "default_get",
    "export_data",
    "fields_get",
    "fields_view_get",
    "get",
    "get_preferences",
    "get_view",
    "has_access",
    "has_group",
    "name_get",
    "name_search",
    "on_change",
    "on_change_with",
    "onchange",
    "read",
    "read_group",
    "search",
    "search_count",
    "search_fetch",
    "search_read",
    "version",
];

/// What a request asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Intent {
    /// What is called, when the path does not tell.
    pub(crate) operation: Option<String>,
    /// The method that a header puts in place of the one that was sent.
    pub(crate) method: Option<String>,
    /// It asks for a change.
    pub(crate) write: bool,
}

impl Intent {
    /// Reads a request to a system.
    pub(crate) fn of(system: System, head: &Parts, body: &[u8]) -> Self {
        if let System::Described(description) = system {
            return crate::described::server::intent(description, head, body);
        }
        let method = head
            .headers
            .get("x-method-override")
            .or_else(|| head.headers.get("x-http-method-override"))
            .or_else(|| head.headers.get("x-http-method"))
            .and_then(|value| value.to_str().ok())
            .map(str::to_ascii_uppercase);
        let is_get = matches!(method.as_deref(), Some("GET"));
        if is_get || matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Self {
                method,
                ..Self::default()
            };
        }
        let path = head.uri.path();
        match system {
            System::Tryton => Self::of_call(tryton_call(body)),
            System::Odoo => Self::of_call(odoo_call(path, body)),
            _ => Self {
                operation: None,
                method,
                write: !(signs_in(path) || path.ends_with("/$batch") && reads_only(body)),
            },
        }
    }

    fn of_call(operation: Option<String>) -> Self {
        Self {
            write: operation.as_deref().is_some_and(changes),
            operation,
            method: None,
        }
    }
}

/// Says whether an RPC call may change something, by the last word of its name.
fn changes(operation: &str) -> bool {
    let method = operation.rsplit('.').next().unwrap_or(operation);
    let is_service = operation.starts_with("common.") || operation.starts_with("db.");
    let reads = READING.contains(&method) || method.starts_with("on_change") || method.starts_with("web_search");
    !is_service && !reads
}

fn tryton_call(body: &[u8]) -> Option<String> {
    let call: Value = serde_json::from_slice(body).ok()?;
    Some(call.get("method")?.as_str()?.to_owned())
}

fn odoo_call(path: &str, body: &[u8]) -> Option<String> {
    if let Some(called) = path.strip_prefix("/json/2/") {
        return Some(called.replace('/', "."));
    }
    let call: Value = serde_json::from_slice(body).ok()?;
    let params = call.get("params")?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    if let Some(service) = text(params.get("service")) {
        let method = text(params.get("method"))?;
        if service != "object" {
            return Some(format!("{service}.{method}"));
        }
        let arguments = params.get("args")?;
        return Some(format!("{}.{}", text(arguments.get(3))?, text(arguments.get(4))?));
    }
    Some(format!(
        "{}.{}",
        text(params.get("model"))?,
        text(params.get("method"))?
    ))
}

fn signs_in(path: &str) -> bool {
    [
        "/token",
        "/login",
        "/logout",
        "/authenticate",
        "/authorize",
        "/GetUserSessionInfo",
    ]
    .iter()
    .any(|end| path.ends_with(end))
}

/// Says whether an OData batch has only parts that read, in its text or its JSON form.
fn reads_only(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let writes = |method: &str| {
        text.contains(&format!("\n{method} "))
            || text.to_ascii_uppercase().contains(&format!("\"METHOD\":\"{method}\""))
    };
    !["POST", "PATCH", "PUT", "MERGE", "DELETE"].into_iter().any(writes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use http::Request;

    use super::*;

    fn intent(system: System, method: &str, path: &str, header: Option<(&str, &str)>, body: &str) -> Intent {
        let mut request = Request::builder().method(method).uri(path);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        Intent::of(system, &head, body.as_bytes())
    }

    #[test]
    fn rpc_calls_are_told_by_their_bodies() {
        let read = r#"{"id":1,"method":"model.party.party.search_read","params":[]}"#;
        let create = r#"{"id":1,"method":"model.party.party.create","params":[]}"#;
        let login = r#"{"id":1,"method":"common.db.login","params":[]}"#;
        assert!(!intent(System::Tryton, "POST", "/db/", None, read).write);
        assert!(!intent(System::Tryton, "POST", "/db/", None, login).write);
        let create = intent(System::Tryton, "POST", "/db/", None, create);
        assert!(create.write);
        assert_eq!(create.operation.as_deref(), Some("model.party.party.create"));
        let call = |method: &str| {
            format!(
                r#"{{"params":{{"service":"object","method":"execute_kw","args":["d",2,"k","res.partner","{method}",[]]}}}}"#
            )
        };
        assert!(!intent(System::Odoo, "POST", "/jsonrpc", None, &call("search_read")).write);
        let write = intent(System::Odoo, "POST", "/jsonrpc", None, &call("write"));
        assert!(write.write);
        assert_eq!(write.operation.as_deref(), Some("res.partner.write"));
        let path = "/json/2/purchase.order/button_confirm";
        let action = intent(System::Odoo, "POST", path, None, "{}");
        assert_eq!(
            (action.write, action.operation.as_deref()),
            (true, Some("purchase.order.button_confirm"))
        );
    }

    #[test]
    fn methods_and_batches_are_told_by_what_they_stand_for() {
        let over = intent(System::Maximo, "POST", "/a", Some(("x-method-override", "patch")), "{}");
        assert_eq!((over.write, over.method.as_deref()), (true, Some("PATCH")));
        assert!(!intent(System::Maximo, "POST", "/a", Some(("x-method-override", "GET")), "").write);
        assert!(!intent(System::Maximo, "POST", "/maximo/oslc/login", None, "").write);
        assert!(!intent(System::Limble, "GET", "/v2/tasks", None, "").write);
        assert!(intent(System::Limble, "DELETE", "/v2/tasks/1", None, "").write);
        let batch = "--b\r\n\r\nGET A_Product HTTP/1.1\r\n";
        assert!(!intent(System::SapS4hana, "POST", "/x/$batch", None, batch).write);
        let batch = "--b\r\n\r\nPOST A_Product HTTP/1.1\r\n";
        assert!(intent(System::SapS4hana, "POST", "/x/$batch", None, batch).write);
    }
}
