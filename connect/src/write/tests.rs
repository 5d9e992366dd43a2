//! Writes of small connectors in the manner of real systems: rows, requests, answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeZone as _, Utc};
use http::{HeaderMap, StatusCode};
use lineshaft_schema::{Object, Record, RemoteKey, TypeIndex, Value};
use serde_json::{Map, Value as Json, json};

mod refusals;
mod safety;
mod steps;

use super::*;
use crate::{
    blueprint::{
        Blueprint, Problem,
        tests::{compile, definition, field, settings, word},
    },
    request::{RequestBody, RequestPlan},
    template::{SecretMap, Variables},
    transport::Response,
};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 10, 11, 12).unwrap()
}

fn kind(name: &str) -> TypeIndex {
    definition(name).index
}

/// Odoo's manner: one address, commands for lines, statuses by methods.
fn rpc(patch: Json) -> Result<Blueprint, Vec<Problem>> {
    let call = |method: &str, args: Json| json!({"path": "/rpc", "body": {"model": "{{resource.remote}}", "method": method, "args": args, "context": {"lang": "{{settings.site}}"}}});
    let more = json!({
        "list": {"request": {"path": "/rpc", "read_only": true, "body": {"model": "{{resource.remote}}", "domain": "{{where}}", "fields": "{{select}}", "offset": "{{offset}}", "limit": "{{limit}}"}}, "records": "result"},
        "write": {
            "create": {"request": call("create", json!(["{{row}}"])), "reply": {"key": "result"}},
            "update": {"request": call("write", json!([["{{key}}"], "{{row}}"]))},
            "delete": {"request": call("unlink", json!([["{{key}}"]]))},
        },
    });
    let date = json!({"date_time": {"format": "%Y-%m-%d %H:%M:%S"}});
    let mut resources = json!({
        "PurchaseOrder": {
            "remote": "purchase.order", "key": "id", "seek": {"by": "id", "numeric": true},
            "custom_fields": {"pattern": "^x_"},
            "fields": {
                "number": "name",
                "version": {"path": "write_date"},
                "origin": {"path": "origin", "filter": ["eq", "contains"]},
                "status": {"path": "state", "as": {"enum": {"draft": "DRAFT", "sent": "DRAFT", "purchase": "APPROVED", "cancel": "CANCELED"}}},
                "vendor": {"path": "partner_id.0"},
                "requiredDate": {"path": "date_planned", "as": {"date_time": {}}},
                "currency": "currency_id.1",
                "notes": {"path": "notes", "as": "html_text"},
            },
            "write": {
                "fields": {
                    "number": true,
                    "origin": {"max_length": 20},
                    "vendor": {"to": "partner_id", "required": true},
                    "requiredDate": {"as": date},
                    "notes": true,
                },
                "custom": true,
                "client_reference": {"field": "origin", "max_length": 16},
                "children": {"lines": {
                    "create": {"embed": {"to": "order_line", "create": [0, 0, "{{row}}"]}},
                    "update": {"embed": {"to": "order_line", "create": [0, 0, "{{row}}"], "update": [1, "{{key}}", "{{row}}"], "delete": [2, "{{key}}", 0]}},
                }},
                "create": {}, "update": {"allowed_in": ["DRAFT"]}, "delete": {},
                "instead": {"close": "done orders are locked"},
                "actions": {
                    "approve": {"request": call("button_confirm", json!([["{{key}}"]])), "allowed_in": ["DRAFT"], "leads_to": ["APPROVED"]},
                    "cancel": {
                        "fields": {"reason": {"to": "cancel_reason"}},
                        "steps": [
                            {"name": "reason", "when": "row.cancel_reason", "request": call("message_post", json!(["{{key}}", "{{row.cancel_reason}}"]))},
                            {"name": "pickings", "request": {"path": "/rpc", "read_only": true, "body": {"order": "{{key}}"}}, "keep": {"ids": "result"}, "expect": [{"path": "blocked", "present": false}], "message": "goods were received"},
                            {"name": "picking", "for_each": "kept.ids", "request": call("cancel", json!(["{{item}}"]))},
                            {"name": "order", "request": call("button_cancel", json!([["{{key}}"]]))},
                        ],
                    },
                },
            },
        },
        "PurchaseOrderLine": {
            "remote": "purchase.order.line", "key": "id", "seek": {"by": "id", "numeric": true},
            "fields": {
                "purchaseOrder": {"path": "order_id.0", "filter": ["eq", "in"]},
                "description": "name",
                "quantity": {"object": {"value": "product_qty", "uomCode": "product_uom.1"}},
                "unitPrice": {"object": {"amount": "price_unit", "currency": "currency_id.1"}},
            },
            "write": {
                "fields": {
                    "purchaseOrder": {"to": "order_id", "required": true}, "description": true,
                    "quantity": {"object": {"value": {"to": "product_qty", "required": true}}}, "unitPrice": {"object": {"amount": true}},
                },
                "create": {}, "update": {}, "delete": {},
            },
        },
        "Vendor": {"remote": "res.partner", "key": "id", "seek": {"by": "id", "numeric": true}, "fields": {"name": "name"}},
    });
    crate::manifest::load::merge(&mut resources, &patch);
    compile("json_rpc", more, resources)
}

/// The manner of SAP: keys in addresses, deep insert, `If-Match`.
fn sap() -> Blueprint {
    let resources = json!({
        "PurchaseOrder": {
            "remote": "A_PurchaseOrder", "key": "PurchaseOrder", "seek": {"by": "PurchaseOrder"},
            "fields": {
                "number": "PurchaseOrder", "version": "__metadata.etag",
                "orderDate": {"path": "PurchaseOrderDate", "as": "ms_date"},
                "vendor": {"path": "Supplier", "as": {"leading_zeros": {"width": 10}}},
                "companyCode": "CompanyCode",
            },
            "write": {
                "fields": {"number": true, "orderDate": true, "vendor": true, "companyCode": {"required": true, "default": "1710"}},
                "children": {"lines": {"create": {"embed": {"to": "to_PurchaseOrderItem.results"}}}},
                "create": {"request": {"method": "POST", "path": "/{{resource.remote}}", "body": "{{row}}"}, "reply": {"record": "d"}},
                "update": {
                    "request": {"method": "PATCH", "path": "/{{resource.remote}}('{{key}}')", "headers": {"If-Match": "*"}, "body": "{{row}}"},
                    "versioned": {"headers": {"If-Match": "{{version}}"}},
                },
                "soft_delete": {"request": {"method": "PATCH", "path": "/{{resource.remote}}('{{key}}')", "body": {"Deleted": true}}},
                "instead": {"delete": "cancel"},
                "actions": {"cancel": {"request": {"method": "POST", "path": "/Cancel", "query": {"Order": "'{{key}}'"}, "body": {"At": "{{now}}", "Old": "{{current.CompanyCode}}", "Nothing": "{{row.nothing}}"}}}},
            },
        },
        "PurchaseOrderLine": {
            "remote": "A_PurchaseOrderItem", "key": ["PurchaseOrder", "PurchaseOrderItem"], "literals": {"PurchaseOrderItem": "number"}, "seek": {},
            "fields": {
                "purchaseOrder": {"path": "PurchaseOrder", "filter": ["eq", "in"]},
                "quantity": {"object": {"value": {"path": "OrderQuantity"}, "uomCode": "OrderUnit"}},
                "item": "Material", "dimensions": {"path": "Accounts", "each": {"name": "Kind", "code": "Code"}},
            },
            "write": {
                "fields": {
                    "quantity": {"object": {"value": {"to": "OrderQuantity", "as": "decimal_text"}, "uomCode": true}},
                    "dimensions": {"each": {"name": true, "code": {"to": "Code", "number": true}}},
                },
                "create": {"request": {"method": "POST", "path": "/A_PurchaseOrder('{{owner}}')/to_Items", "body": "{{row}}"}, "reply": {"key": ["d.PurchaseOrder", "d.PurchaseOrderItem"]}},
                "delete": {"request": {"method": "DELETE", "path": "/{{resource.remote}}(PurchaseOrder='{{key.0}}',PurchaseOrderItem={{key.1}})"}},
            },
        },
        "Vendor": {"remote": "A_Supplier", "key": "Supplier", "fields": {"name": "Name"}},
    });
    compile("odata_v2", json!({}), resources).unwrap()
}

/// Header first, lines after it; the whole record is sent, versions are digests.
fn rest() -> Blueprint {
    let resources = json!({
        "WorkOrder": {
            "remote": "work-orders", "key": "id", "literals": {"id": "number"},
            "get_many": {"via": "each", "request": {"path": "/work-orders/{{key}}"}},
            "fields": {
                "version": {"digest": true}, "title": "title",
                "tasks": {"path": "tasks", "each": {"remoteId": "id", "title": "label"}},
                "status": {"path": "state", "as": {"enum": {"0": "DRAFT", "1": "REJECTED"}}},
            },
            "write": {
                "fields": {"title": {"to": "title", "required": true}, "tasks": {"each": {"title": {"to": "label", "required": true}}}},
                "children": {
                    "tasks": {"create": {"embed": {"to": "tasks"}}, "update": {"embed": {"to": "tasks", "update": "{{row}}", "delete": "{{key}}"}}},
                    "parts": {"create": "each", "update": "each"},
                },
                "create": {"request": {"method": "POST", "path": "/work-orders", "body": "{{row}}"}, "reply": {"header": {"name": "Location", "pattern": "/work-orders/([^/]+)$"}}},
                "update": {"request": {"method": "PUT", "path": "/work-orders/{{key}}", "body": "{{row}}"}, "sends": "whole"},
                "delete": {"request": {"method": "DELETE", "path": "/work-orders/{{key}}"}},
            },
        },
        "WorkOrderPart": {
            "remote": "parts", "key": "id",
            "fields": {"workOrder": "workOrder.id", "description": "text"},
            "write": {
                "fields": {"workOrder": true, "description": true},
                "create": {"request": {"method": "POST", "path": "/parts", "body": "{{row}}"}},
            },
        },
    });
    compile("json_rest", json!({}), resources).unwrap()
}

fn input(kind: &str, values: Vec<(&str, Value)>) -> Input {
    Input {
        values: values
            .into_iter()
            .map(|(name, value)| (field(kind, name), value))
            .collect(),
        ..Input::default()
    }
}

fn text(value: &str) -> Value {
    Value::text(value)
}

fn reference(key: &str) -> Value {
    Value::Reference(RemoteKey::from(key))
}

fn decimal(value: &str) -> Value {
    Value::Decimal(value.parse().unwrap())
}

fn object(kind: &str, values: Vec<(&str, Value)>) -> Value {
    let def = definition(kind);
    let mut slots: smallvec::SmallVec<[Value; 2]> = def.fields.values().map(|_| Value::Null).collect();
    for (name, value) in values {
        slots[usize::from(def.field(name).unwrap().index.0)] = value;
    }
    Value::Object(Box::new(Object { kind: def.index, slots }))
}

fn request(of: &str, act: Act, key: Option<&str>, input: Input) -> WriteRequest {
    WriteRequest {
        kind: kind(of),
        act,
        key: key.map(RemoteKey::from),
        input,
        expected_version: None,
        client_reference: "0123456789abcdef0123456789abcdef".into(),
    }
}

fn start(blueprint: &Blueprint, request: &WriteRequest) -> Result<Run, Vec<UserError>> {
    let bound = blueprint.with_settings(&settings()).unwrap();
    Run::start(&Arc::new(bound), request, now())
}

fn plan(run: &Run) -> RequestPlan {
    let (settings, none) = (settings(), SecretMap::new());
    let variables = Variables {
        settings: &settings,
        credentials: &none,
        session: &none,
    };
    run.request(&variables).unwrap()
}

fn dry(run: &Run) -> Vec<(String, RequestPlan)> {
    let (settings, none) = (settings(), SecretMap::new());
    let variables = Variables {
        settings: &settings,
        credentials: &none,
        session: &none,
    };
    run.dry(&variables).unwrap()
}

fn body(plan: &RequestPlan) -> Json {
    match &plan.body {
        RequestBody::Json(text) => serde_json::from_str(text).unwrap(),
        _ => Json::Null,
    }
}

fn answer(run: &mut Run, body: Json) -> Result<(), UserError> {
    run.answered(&Response {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Bytes::from(if body.is_null() {
            String::new()
        } else {
            body.to_string()
        }),
    })
}

fn send(run: &mut Run) -> RequestPlan {
    assert!(matches!(run.next(), Next::Send { .. }), "{:?}", run.next());
    plan(run)
}

fn done(run: &mut Run) -> Option<RemoteKey> {
    match run.next() {
        Next::Done { key, .. } => key,
        other => panic!("{other:?}"),
    }
}

fn record(blueprint: &Blueprint, of: &str, row: Json) -> (Json, Arc<Record>) {
    let mapping = blueprint.resource(kind(of)).unwrap().mapping();
    let projection = lineshaft_schema::Projection::all(&definition(of));
    let mapped = mapping
        .map_row(&crate::json::Value::from(&row), &projection, now())
        .unwrap();
    (row.clone(), Arc::new(mapped))
}

fn told(errors: &[UserError]) -> Vec<(String, UserErrorCode)> {
    errors.iter().map(|error| (error.path.join("."), error.code)).collect()
}

fn line(quantity: &str) -> Input {
    input(
        "PurchaseOrderLine",
        vec![
            ("description", text("Bolt")),
            ("quantity", object("Quantity", vec![("value", decimal(quantity))])),
        ],
    )
}

#[test]
fn a_new_record_is_one_row_with_its_lines() {
    let odoo = rpc(json!({})).unwrap();
    let mut order = input(
        "PurchaseOrder",
        vec![
            ("vendor", reference("7")),
            ("requiredDate", Value::Date("2026-12-01".parse().unwrap())),
            ("notes", text("a < b")),
        ],
    );
    order
        .children
        .insert(field("PurchaseOrder", "lines"), vec![ChildChange::Create(line("2.50"))]);
    order.custom.insert("x_color".to_owned(), json!("red"));
    order.raw = Map::from_iter([("priority".to_owned(), json!("1"))]);
    let request = request("PurchaseOrder", Act::Create, None, order);
    let mut run = start(&odoo, &request).unwrap();
    let sent = send(&mut run);
    assert!(!sent.repeatable);
    assert_eq!(
        body(&sent),
        json!({"model": "purchase.order", "method": "create", "context": {"lang": "BEDFORD"}, "args": [{
            "partner_id": 7, "date_planned": "2026-12-01 00:00:00", "notes": "a &lt; b", "origin": "0123456789abcdef",
            "x_color": "red", "order_line": [[0, 0, {"name": "Bolt", "product_qty": 2.5}]], "priority": "1",
        }]})
    );
    answer(&mut run, json!({"result": 42})).unwrap();
    assert_eq!(done(&mut run), Some(RemoteKey::from("42")));
    let resource = odoo.resource(kind("PurchaseOrder")).unwrap();
    assert_eq!(
        resource.mark(&request),
        Some((field("PurchaseOrder", "origin"), "0123456789abcdef".into()))
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let odoo = rpc(json!({})).unwrap();
    let mut order = input(
        "PurchaseOrder",
        vec![
            ("origin", text("a text that is too long for it")),
            ("title", text("x")),
            ("currency", text("EUR")),
        ],
    );
    let bad = input(
        "PurchaseOrderLine",
        vec![
            ("quantity", object("Quantity", vec![("uomCode", text("kg"))])),
            (
                "unitPrice",
                object("Money", vec![("amount", decimal("1")), ("currency", text("EUR"))]),
            ),
        ],
    );
    order.children.insert(
        field("PurchaseOrder", "lines"),
        vec![ChildChange::Create(line("1")), ChildChange::Create(bad)],
    );
    order.custom.insert("color".to_owned(), json!("red"));
    let errors = start(&odoo, &request("PurchaseOrder", Act::Create, None, order)).unwrap_err();
    use UserErrorCode::{InvalidValue, NotWritable, Required};
    let expected = [
        ("origin", InvalidValue),
        ("title", NotWritable),
        ("currency", NotWritable),
        ("vendor", Required),
        ("customFields.color", NotWritable),
        ("lines.1.quantity.uomCode", NotWritable),
        ("lines.1.quantity.value", Required),
        ("lines.1.unitPrice.currency", NotWritable),
    ];
    assert_eq!(told(&errors), expected.map(|(path, code)| (path.to_owned(), code)));
    let vendor = input("PurchaseOrder", vec![("vendor", reference("abc"))]);
    let errors = start(&odoo, &request("PurchaseOrder", Act::Create, None, vendor)).unwrap_err();
    assert_eq!(told(&errors), [("vendor".to_owned(), UserErrorCode::UnknownReference)]);
    let nothing = start(
        &odoo,
        &request("PurchaseOrder", Act::Update, Some("1"), Input::default()),
    )
    .unwrap_err();
    assert_eq!(nothing[0].code, Required);
    let close = start(
        &odoo,
        &request(
            "PurchaseOrder",
            Act::Action("close".into()),
            Some("1"),
            Input::default(),
        ),
    );
    let error = close.unwrap_err().remove(0);
    assert_eq!(error.code, UserErrorCode::OperationNotSupported);
    assert!(error.message.ends_with("; done orders are locked"), "{}", error.message);
}

#[test]
fn a_change_has_commands_for_rows_and_compares_the_version() {
    let odoo = rpc(json!({})).unwrap();
    let mut order = input("PurchaseOrder", vec![("notes", Value::Null)]);
    let lines = vec![
        ChildChange::Create(line("1")),
        ChildChange::Update(
            RemoteKey::from("5"),
            input("PurchaseOrderLine", vec![("description", text("Nut"))]),
        ),
        ChildChange::Delete(RemoteKey::from("6")),
    ];
    order.children.insert(field("PurchaseOrder", "lines"), lines);
    let mut request = request("PurchaseOrder", Act::Update, Some("42"), order);
    request.expected_version = Some("2026-01-01".into());
    let mut run = start(&odoo, &request).unwrap();
    assert_eq!(run.next(), Next::Read);
    let projection = run.projection();
    assert!(projection.raw && projection.contains(field("PurchaseOrder", "version")));
    let row = |version: &str| {
        Some(record(
            &odoo,
            "PurchaseOrder",
            json!({"id": 42, "write_date": version, "state": "purchase"}),
        ))
    };
    let mut late = run.clone();
    assert_eq!(
        late.read(row("2026-01-02")).unwrap_err().code,
        UserErrorCode::VersionConflict
    );
    assert_eq!(late.read(None).unwrap_err().code, UserErrorCode::NotFound);
    run.read(row("2026-01-01")).unwrap();
    let sent = send(&mut run);
    let lines = json!([[0, 0, {"name": "Bolt", "product_qty": 1}], [1, 5, {"name": "Nut"}], [2, 6, 0]]);
    assert_eq!(body(&sent)["args"], json!([[42], {"notes": null, "order_line": lines}]));
    answer(&mut run, json!({"result": true})).unwrap();
    assert_eq!(done(&mut run), Some(RemoteKey::from("42")));

    let mut rehearsal = start(&odoo, &request).unwrap();
    rehearsal.rehearse();
    let refused = rehearsal.read(row("2026-01-01")).unwrap_err();
    assert_eq!(refused.code, UserErrorCode::StatusForbids);
    assert_eq!(refused.message, "the status is APPROVED; it must be DRAFT");
}

#[test]
fn steps_follow_each_other_by_what_answers_tell() {
    let odoo = rpc(json!({})).unwrap();
    let cancel = Act::Action("cancel".to_owned());
    let reason = Input {
        values: [(field("CancelPurchaseOrder", "reason"), text("late"))]
            .into_iter()
            .collect(),
        ..Input::default()
    };
    let mut run = start(&odoo, &request("PurchaseOrder", cancel.clone(), Some("42"), reason)).unwrap();
    assert_eq!(body(&send(&mut run))["args"], json!([42, "late"]));
    answer(&mut run, json!({"result": 1})).unwrap();
    assert_eq!(
        run.next(),
        Next::Send {
            step: "pickings".to_owned(),
            changes: false
        }
    );
    assert!(plan(&run).repeatable);
    let shown: Vec<Json> = dry(&run).iter().map(|(_, plan)| body(plan)["args"].clone()).collect();
    assert_eq!(shown[2], json!(["{{item}}"]));
    let mut blocked = run.clone();
    let refused = answer(&mut blocked, json!({"result": [], "blocked": true})).unwrap_err();
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (UserErrorCode::BusinessRule, "goods were received")
    );
    answer(&mut run, json!({"result": [8, 9]})).unwrap();
    assert_eq!(body(&send(&mut run))["args"], json!([8]));
    answer(&mut run, Json::Null).unwrap();
    assert_eq!(body(&send(&mut run))["args"], json!([9]));
    answer(&mut run, Json::Null).unwrap();
    assert_eq!(body(&send(&mut run))["method"], json!("button_cancel"));
    answer(&mut run, Json::Null).unwrap();
    assert_eq!(done(&mut run), Some(RemoteKey::from("42")));

    let mut plain = start(&odoo, &request("PurchaseOrder", cancel, Some("42"), Input::default())).unwrap();
    assert_eq!(
        plain.next(),
        Next::Send {
            step: "pickings".to_owned(),
            changes: false
        }
    );
    answer(&mut plain, json!({"result": []})).unwrap();
    assert_eq!(
        plain.next(),
        Next::Send {
            step: "order".to_owned(),
            changes: true
        }
    );
}

#[test]
fn keys_are_quoted_in_addresses_and_versions_are_headers() {
    let sap = sap();
    let order = input(
        "PurchaseOrder",
        vec![
            ("vendor", reference("4711")),
            ("orderDate", Value::Date("2026-11-22".parse().unwrap())),
        ],
    );
    let mut request_ = request("PurchaseOrder", Act::Update, Some("45'0/1"), order);
    let run = &mut start(&sap, &request_).unwrap();
    let sent = send(run);
    assert_eq!(sent.url, "https://erp.example/api/A_PurchaseOrder('45%27%270%2F1')");
    assert!(sent.headers.contains(&("If-Match".to_owned(), "*".to_owned())));
    assert_eq!(
        body(&sent),
        json!({"Supplier": "0000004711", "PurchaseOrderDate": "/Date(1795305600000)/"})
    );
    request_.expected_version = Some("W/\"1\"".into());
    let run = &mut start(&sap, &request_).unwrap();
    let sent = send(run);
    assert!(sent.headers.contains(&("If-Match".to_owned(), "W/\"1\"".to_owned())));
    answer(run, Json::Null).unwrap();
    assert_eq!(done(run), Some(RemoteKey::from("45'0/1")));

    let run = &mut start(
        &sap,
        &request("PurchaseOrderLine", Act::Delete, Some("4500|10"), Input::default()),
    )
    .unwrap();
    assert_eq!(
        send(run).url,
        "https://erp.example/api/A_PurchaseOrderItem(PurchaseOrder='4500',PurchaseOrderItem=10)"
    );
    answer(run, Json::Null).unwrap();
    assert_eq!(done(run), None);

    let mut item = line("12.50");
    item.values.shift_remove(&field("PurchaseOrderLine", "description"));
    item.values
        .insert(field("PurchaseOrderLine", "purchaseOrder"), reference("4500"));
    let parts = vec![("name", text("cost")), ("code", text("12"))];
    item.values.insert(
        field("PurchaseOrderLine", "dimensions"),
        Value::List(vec![object("Dimension", parts)]),
    );
    let run = &mut start(&sap, &request("PurchaseOrderLine", Act::Create, None, item)).unwrap();
    let sent = send(run);
    assert_eq!(sent.url, "https://erp.example/api/A_PurchaseOrder('4500')/to_Items");
    assert_eq!(
        body(&sent),
        json!({"OrderQuantity": "12.5", "Accounts": [{"Kind": "cost", "Code": 12}]})
    );
    answer(run, json!({"d": {"PurchaseOrder": "4500", "PurchaseOrderItem": "20"}})).unwrap();
    assert_eq!(done(run), Some(RemoteKey::from("4500|20")));
}
