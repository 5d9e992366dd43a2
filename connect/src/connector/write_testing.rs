//! Test support of writes: a scripted system with orders and lines, a journal that remembers, requests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicU32, Ordering as Atomic},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_schema::{Text, Value};
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    blueprint::tests::{definition, field},
    transport::testing::{Act as Answer, Scripted, Seen, Setup, answer},
    write::{Act, ChildChange, Input, Journal, Reply, ShownRequest, UserError, WriteRequest},
};

pub(super) const MARK: &str = "LS7K2M9QX4T1";

/// What was written down and what was sent, in order.
pub(super) type Log = Arc<Mutex<Vec<String>>>;

/// A fault of the system: instead of carrying a request out, or after it.
pub(super) enum Fault {
    Instead(Answer),
    After(Answer),
}

/// Purchase orders and their lines, one address each, with faults.
pub(super) struct Shop {
    pub(super) rows: Mutex<BTreeMap<String, Json>>,
    faults: Mutex<VecDeque<(&'static str, Fault)>>,
    made: AtomicU32,
    pub(super) log: Log,
}

impl Shop {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            rows: Mutex::default(),
            faults: Mutex::default(),
            made: AtomicU32::new(0),
            log: Log::default(),
        })
    }

    /// With one order.
    pub(super) fn with_order() -> Arc<Self> {
        let shop = Self::new();
        let row = json!({ "id": 7, "number": "PO-7", "title": "old", "status": "D", "rev": 1 });
        shop.rows.lock().unwrap().insert("orders/7".to_owned(), row);
        shop
    }

    pub(super) fn fault(&self, request: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push_back((request, fault));
    }

    /// Takes the next fault of a request.
    pub(super) fn fault_of(&self, name: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(wanted, _)| *wanted == name)?;
        faults.remove(at).map(|(_, fault)| fault)
    }

    pub(super) fn row(&self, path: &str) -> Option<Json> {
        self.rows.lock().unwrap().get(path).cloned()
    }

    pub(super) fn sent(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter()
            .filter_map(|line| line.strip_prefix("sent "))
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn changes(&self) -> Vec<String> {
        self.sent()
            .into_iter()
            .filter(|line| !line.starts_with("GET"))
            .collect()
    }

    pub(super) fn play(&self, seen: &Seen) -> Answer {
        let path = seen.url.strip_prefix("https://trial.example.com/api/").unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let name = format!("{} {path}", seen.method);
        self.log.lock().unwrap().push(format!("sent {name}"));
        match self.fault_of(&name) {
            Some(Fault::Instead(act)) => act,
            Some(Fault::After(act)) => {
                self.carry_out(seen.method.as_str(), path, query, &seen.body);
                act
            }
            None => self.carry_out(seen.method.as_str(), path, query, &seen.body),
        }
    }

    fn carry_out(&self, method: &str, path: &str, query: &str, body: &str) -> Answer {
        let mut rows = self.rows.lock().unwrap();
        let body: Json = serde_json::from_str(body).unwrap_or_default();
        match (method, path.split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["fields"]) => answer(200, r#"{"fields":[{"name":"title","label":"Title"}]}"#),
            ("GET", ["orders"]) => {
                let wanted = query.split('&').find_map(|pair| pair.strip_prefix("ref="));
                let found: Vec<&Json> = rows
                    .values()
                    .filter(|row| wanted.is_none_or(|wanted| row["ref"] == wanted))
                    .collect();
                answer(200, &json!({ "rows": found }).to_string())
            }
            ("GET", [_, _]) => match rows.get(path) {
                Some(row) => answer(200, &row.to_string()),
                None => answer(404, "{}"),
            },
            ("POST", [table]) => {
                let id = self.made.fetch_add(1, Atomic::SeqCst) + 1;
                let mut row = json!({ "id": id, "status": "D", "rev": 1 });
                row.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
                rows.insert(format!("{table}/{id}"), row.clone());
                answer(201, &row.to_string())
            }
            ("PATCH", [_, _]) => match rows.get_mut(path) {
                Some(row) => {
                    row.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
                    row["rev"] = json!(row["rev"].as_u64().unwrap() + 1);
                    answer(200, &row.to_string())
                }
                None => answer(404, "{}"),
            },
            ("DELETE", [_, _]) => answer(if rows.remove(path).is_some() { 204 } else { 404 }, ""),
            ("POST", [table, id, "approve"]) => {
                let row = rows.get_mut(&format!("{table}/{id}")).unwrap();
                row["status"] = json!("A");
                row["rev"] = json!(row["rev"].as_u64().unwrap() + 1);
                answer(200, "{}")
            }
            _ => answer(405, "{}"),
        }
    }
}

pub(super) fn patch() -> Json {
    let each = json!({ "via": "each", "request": { "path": "/{{resource.remote}}/{{key}}" } });
    json!({
        "get_many": each,
        "list": { "request": { "path": "/{{resource.remote}}", "query": { "offset": "{{offset}}" } } },
        "errors": [
            { "when": { "status": 422 }, "kind": "invalid_request", "message": ["message"], "field": "field", "rule": "invalid_value" },
        ],
        "resources": {
            "PurchaseOrder": {
                "remote": "orders", "key": "id",
                "fields": {
                    "number": "number", "title": "title", "notes": "notes", "version": "rev",
                    "reference": { "path": "ref", "filter": { "parameters": { "eq": { "name": "ref" } } } },
                    "isDeleted": { "path": "gone", "default": false },
                    "status": { "path": "status", "as": { "enum": { "D": "DRAFT", "A": "APPROVED", "C": "CLOSED" } } },
                },
                "write": {
                    "fields": { "title": true, "notes": true, "reference": true },
                    "client_reference": { "field": "reference" },
                    "children": { "lines": { "create": "each", "update": "each" } },
                    "create": { "request": { "method": "POST", "path": "/orders", "body": "{{row}}" } },
                    "update": { "request": { "method": "PATCH", "path": "/orders/{{key}}", "body": "{{row}}" } },
                    "delete": { "request": { "method": "DELETE", "path": "/orders/{{key}}" } },
                    "soft_delete": { "request": { "method": "PATCH", "path": "/orders/{{key}}", "body": { "gone": true } } },
                    "actions": { "approve": {
                        "request": { "method": "POST", "path": "/orders/{{key}}/approve" },
                        "allowed_in": ["DRAFT"], "leads_to": ["APPROVED"],
                    } },
                    "describe": {
                        "request": { "path": "/fields" },
                        "form": { "fields": { "items": "fields", "name": "name", "label": "label" } },
                    },
                },
            },
            "PurchaseOrderLine": {
                "remote": "lines", "key": "id",
                "fields": { "purchaseOrder": "order_id", "description": "text" },
                "write": {
                    "fields": { "purchaseOrder": { "to": "order_id", "on": "create" }, "description": true },
                    "create": { "request": { "method": "POST", "path": "/lines", "body": "{{row}}" } },
                    "update": { "request": { "method": "PATCH", "path": "/lines/{{key}}", "body": "{{row}}" } },
                },
            },
        },
    })
}

pub(super) fn setup(shop: &Arc<Shop>) -> (Setup, Arc<Scripted>) {
    let playing = Arc::clone(shop);
    let wire = Scripted::new(move |seen| playing.play(seen));
    (Setup::with_token(wire.clone()).patch(&patch()), wire)
}

pub(super) fn connector(shop: &Arc<Shop>) -> Arc<Connector> {
    setup(shop).0.connector()
}

/// Remembers what is written down, in the log of the system.
#[derive(Default)]
pub(super) struct Paper {
    pub(super) log: Log,
    pub(super) shown: Mutex<Vec<ShownRequest>>,
    pub(super) is_full: bool,
}

impl Paper {
    pub(super) fn of(shop: &Shop) -> Self {
        Self {
            log: Arc::clone(&shop.log),
            ..Self::default()
        }
    }
}

impl Journal for Paper {
    fn sending<'a>(&'a self, request: &'a ShownRequest) -> BoxFuture<'a, Result<(), Error>> {
        let path = request
            .url
            .strip_prefix("https://trial.example.com/api/")
            .unwrap_or_default();
        let note = format!("noted {}{} {path}", request.step, request.method);
        self.log.lock().unwrap().push(note);
        self.shown.lock().unwrap().push(request.clone());
        let is_full = self.is_full;
        async move {
            match is_full {
                true => Err(Error::new(ErrorKind::Internal, "the journal is full")),
                false => Ok(()),
            }
        }
        .boxed()
    }

    fn made<'a>(&'a self, key: &'a RemoteKey) -> BoxFuture<'a, Result<(), Error>> {
        self.log.lock().unwrap().push(format!("made {key}"));
        std::future::ready(Ok(())).boxed()
    }
}

pub(super) fn context() -> CallContext {
    CallContext::within(Duration::from_secs(30), "r")
}

pub(super) fn request(act: Act, key: Option<&str>, values: &[(&str, &str)]) -> WriteRequest {
    let values = values.iter();
    WriteRequest {
        kind: definition("PurchaseOrder").index,
        act,
        key: key.map(RemoteKey::single),
        input: Input {
            values: values
                .map(|(name, value)| (field("PurchaseOrder", name), Value::text(value)))
                .collect(),
            ..Input::default()
        },
        expected_version: None,
        client_reference: Text::new(MARK),
    }
}

pub(super) fn create() -> WriteRequest {
    request(Act::Create, None, &[("title", "new")])
}

pub(super) fn with_lines(mut request: WriteRequest, lines: &[&str]) -> WriteRequest {
    let line = |text: &&str| {
        ChildChange::Create(Input {
            values: [(field("PurchaseOrderLine", "description"), Value::text(text))]
                .into_iter()
                .collect(),
            ..Input::default()
        })
    };
    let lines = lines.iter().map(line).collect();
    request.input.children.insert(field("PurchaseOrder", "lines"), lines);
    request
}

pub(super) async fn write(shop: &Arc<Shop>, request: &WriteRequest) -> Reply {
    connector(shop).write(&context(), request, &Paper::of(shop)).await
}

pub(super) fn done(reply: Reply) -> (Option<RemoteKey>, Vec<String>) {
    match reply {
        Reply::Done { key, warnings, refused } if refused.is_empty() => (key, warnings),
        other => panic!("{other:?}"),
    }
}

/// Returns what was not carried out of a write that ended half-way.
pub(super) fn partly(reply: Reply) -> (Option<RemoteKey>, Vec<UserError>) {
    match reply {
        Reply::Done { key, refused, .. } if !refused.is_empty() => {
            assert_eq!(refused[0].code, crate::write::UserErrorCode::Partly);
            (key, refused.into_iter().skip(1).collect())
        }
        other => panic!("{other:?}"),
    }
}

pub(super) fn refused(reply: Reply) -> Vec<UserError> {
    match reply {
        Reply::Refused(errors) => errors,
        other => panic!("{other:?}"),
    }
}
