//! What is refused and told, whole records, rows of their own, and hostile answers.

use proptest::prelude::*;

use super::*;
use crate::error::{ErrorKind, SpokenOf, WrongField};

#[test]
fn what_a_system_does_not_have_names_what_serves_instead() {
    let sap = sap();
    let refused = start(
        &sap,
        &request("PurchaseOrder", Act::Delete, Some("1"), Input::default()),
    )
    .unwrap_err();
    assert!(refused[0].message.contains("SYSTEM_DEFAULT"), "{}", refused[0].message);
    let run = &mut start(
        &sap,
        &request("PurchaseOrder", Act::SoftDelete, Some("1"), Input::default()),
    )
    .unwrap();
    assert_eq!(body(&send(run)), json!({"Deleted": true}));
    answer(run, Json::Null).unwrap();
    assert_eq!(done(run), Some(RemoteKey::from("1")));

    let run = &mut start(
        &sap,
        &request(
            "PurchaseOrder",
            Act::Action("cancel".into()),
            Some("1"),
            Input::default(),
        ),
    )
    .unwrap();
    assert_eq!(run.next(), Next::Read);
    run.read(Some(record(
        &sap,
        "PurchaseOrder",
        json!({"PurchaseOrder": "1", "CompanyCode": "1710"}),
    )))
    .unwrap();
    let sent = send(run);
    assert_eq!(sent.url, "https://erp.example/api/Cancel?Order=%271%27");
    assert_eq!(body(&sent), json!({"At": "2026-11-22T10:11:12Z", "Old": "1710"}));
}

#[test]
fn a_new_record_without_a_key_in_the_answer_is_in_doubt() {
    let sap = sap();
    let order = || input("PurchaseOrder", vec![("vendor", reference("4711"))]);
    let run = &mut start(&sap, &request("PurchaseOrder", Act::Create, None, order())).unwrap();
    assert_eq!(
        body(&send(run)),
        json!({"Supplier": "0000004711", "CompanyCode": "1710"})
    );
    assert_eq!(
        answer(&mut run.clone(), Json::Null).unwrap_err().code,
        UserErrorCode::InDoubt
    );
    answer(run, json!({"d": {"PurchaseOrder": "4500000001"}})).unwrap();
    assert_eq!(done(run), Some(RemoteKey::from("4500000001")));
}

#[test]
fn whole_records_keep_what_is_not_changed() {
    let rest = rest();
    let mut work = input("WorkOrder", vec![("title", text("New"))]);
    let task = |label: &str| input("WorkOrderTask", vec![("title", text(label))]);
    let changes = vec![
        ChildChange::Update(RemoteKey::from("9|2"), task("second")),
        ChildChange::Delete(RemoteKey::from("9|1")),
        ChildChange::Create(task("third")),
    ];
    work.children.insert(field("WorkOrder", "tasks"), changes);
    let mut request = request("WorkOrder", Act::Update, Some("9"), work);
    let row = json!({"id": 9, "title": "Old", "other": {"a": 1}, "tasks": [{"id": 1, "label": "a"}, {"id": 2, "label": "b", "x": 1}]});
    let (row, read) = record(&rest, "WorkOrder", row);
    let Value::Text(version) = read.get(field("WorkOrder", "version")).clone() else {
        panic!()
    };
    request.expected_version = Some(version);
    let run = &mut start(&rest, &request).unwrap();
    assert_eq!(run.next(), Next::Read);
    run.read(Some((row, read))).unwrap();
    let sent = send(run);
    assert_eq!(sent.url, "https://erp.example/api/work-orders/9");
    let tasks = json!([{"id": 2, "label": "second", "x": 1}, {"label": "third"}]);
    assert_eq!(
        body(&sent),
        json!({"id": 9, "title": "New", "other": {"a": 1}, "tasks": tasks})
    );
    let (_, other) = record(&rest, "WorkOrder", json!({"title": "Old!", "id": 9}));
    let run = &mut start(&rest, &request).unwrap();
    assert_eq!(
        run.read(Some((json!({}), other))).unwrap_err().code,
        UserErrorCode::VersionConflict
    );
}

#[test]
fn a_digest_changes_with_the_row_and_asks_for_all_of_it() {
    let rest = rest();
    let version = |row: Json| {
        record(&rest, "WorkOrder", row)
            .1
            .get(field("WorkOrder", "version"))
            .clone()
    };
    let first = version(json!({"id": 1, "a": 1, "b": [2]}));
    assert_eq!(
        first,
        version(json!({"b": [2], "a": 1, "id": 1, "@odata.context": "x"}))
    );
    assert_ne!(first, version(json!({"id": 1, "a": 1, "b": [3]})));
}

#[test]
fn rows_of_their_own_follow_and_can_be_taken_back() {
    let rest = rest();
    let mut work = input("WorkOrder", vec![("title", text("New"))]);
    let part = input("WorkOrderPart", vec![("description", text("Seal"))]);
    work.children
        .insert(field("WorkOrder", "parts"), vec![ChildChange::Create(part)]);
    let request = request("WorkOrder", Act::Create, None, work);
    let mut run = start(&rest, &request).unwrap();
    let shown = dry(&run);
    assert_eq!(shown.len(), 2);
    assert_eq!(
        (shown[1].0.as_str(), body(&shown[1].1)),
        ("parts.0", json!({"text": "Seal", "workOrder": {"id": "{{key}}"}}))
    );
    let _ = send(&mut run);
    let mut headers = HeaderMap::new();
    headers.insert("location", "https://erp.example/api/work-orders/12".parse().unwrap());
    let response = Response {
        status: StatusCode::CREATED,
        headers,
        body: Bytes::new(),
    };
    run.answered(&response).unwrap();
    let Next::Write(child, path) = run.next() else {
        panic!("{:?}", run.next())
    };
    assert_eq!(path, ["parts", "0"]);
    assert_eq!(
        child.input.values[&field("WorkOrderPart", "workOrder")],
        reference("12")
    );
    let sent = send(&mut start(&rest, &child).unwrap());
    assert_eq!(body(&sent), json!({"text": "Seal", "workOrder": {"id": 12}}));
    let (settings, none) = (settings(), SecretMap::new());
    let variables = Variables {
        settings: &settings,
        credentials: &none,
        session: &none,
    };
    let undo = run.undo(&variables).unwrap().unwrap();
    assert_eq!(
        (undo.method.as_str(), undo.url.as_str()),
        ("DELETE", "https://erp.example/api/work-orders/12")
    );
    run.wrote();
    assert_eq!(done(&mut run), Some(RemoteKey::from("12")));
}

#[test]
fn refusals_name_the_field_of_the_input() {
    let odoo = rpc(json!({})).unwrap();
    let mut order = input("PurchaseOrder", vec![("vendor", reference("7"))]);
    order
        .children
        .insert(field("PurchaseOrder", "lines"), vec![ChildChange::Create(line("1"))]);
    let run = start(&odoo, &request("PurchaseOrder", Act::Create, None, order)).unwrap();
    let refused = |rule, name: &str| {
        let error = Error::new(ErrorKind::InvalidRequest, "no").with_remote(Some("E1".into()), Some("Too much".into()));
        run.user_error(&error.with_rule(rule, Some(name.to_owned())))
    };
    let quantity = refused(Some(BusinessRule::Quantity), "product_qty");
    assert_eq!(
        (quantity.path.join("."), quantity.code),
        ("lines.0.quantity.value".to_owned(), UserErrorCode::Quantity)
    );
    assert_eq!(
        (quantity.message.as_str(), quantity.remote_code.as_deref()),
        ("Too much", Some("E1"))
    );
    assert_eq!(refused(None, "partner_id").path, ["vendor"]);
    assert_eq!(refused(None, "nope").path, Vec::<String>::new());
    assert_eq!(refused(None, "nope").code, UserErrorCode::BusinessRule);
    // Several fields, each by itself, also of one of several rows.
    let wrong = |name: &str, rule| WrongField {
        name: name.to_owned(),
        message: format!("{name} is wrong"),
        rule,
    };
    let fields = vec![
        wrong("partner_id", Some(BusinessRule::Required)),
        wrong("order_line.0.product_qty", None),
        wrong("base", None),
    ];
    let error = Error::new(ErrorKind::InvalidRequest, "no").with_rule(Some(BusinessRule::InvalidValue), None);
    let told = run.user_errors(&error.with_wrong_fields(fields));
    let told: Vec<_> = told
        .iter()
        .map(|error| (error.path.join("."), error.code, error.message.as_str()))
        .collect();
    let expected = [
        ("vendor".to_owned(), UserErrorCode::Required, "partner_id is wrong"),
        (
            "lines.0.quantity.value".to_owned(),
            UserErrorCode::InvalidValue,
            "order_line.0.product_qty is wrong",
        ),
        (String::new(), UserErrorCode::InvalidValue, "base is wrong"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn records_that_a_refusal_speaks_of_are_found_in_the_input() {
    let odoo = rpc(json!({
        "InventoryItem": {"remote": "product.product", "key": "id", "seek": {"by": "id", "numeric": true}, "fields": {"name": "name"}},
        "PurchaseOrderLine": {"fields": {"item": "product_id.0"}, "write": {"fields": {"item": {"to": "product_id"}}}},
    }))
    .unwrap();
    let speak = |run: &Run, remote: &str, key: &str| {
        let record = SpokenOf {
            remote: remote.to_owned(),
            key: key.to_owned(),
        };
        let told = run.user_error(&Error::new(ErrorKind::NotFound, "gone").with_spoken_of(Some(record)));
        (told.path.join("."), told.code)
    };
    let with_item = |item: &str| {
        let mut line = line("1");
        line.values.insert(field("PurchaseOrderLine", "item"), reference(item));
        line
    };
    let unknown = |path: &str| (path.to_owned(), UserErrorCode::UnknownReference);
    let itself = (String::new(), UserErrorCode::NotFound);
    let mut order = input("PurchaseOrder", vec![("vendor", reference("7"))]);
    let lines = ["5", "99"].map(|item| ChildChange::Create(with_item(item))).to_vec();
    order.children.insert(field("PurchaseOrder", "lines"), lines);
    let run = start(&odoo, &request("PurchaseOrder", Act::Create, None, order)).unwrap();
    assert_eq!(speak(&run, "product.product", "99"), unknown("lines.1.item"));
    assert_eq!(speak(&run, "res.partner", "7"), unknown("vendor"));
    assert_eq!(speak(&run, "res.partner", "99"), itself);
    assert_eq!(speak(&run, "res.users", "7"), itself);

    let mut order = Input::default();
    let lines = vec![
        ChildChange::Update(RemoteKey::from("31"), line("2")),
        ChildChange::Create(with_item("99")),
        ChildChange::Update(RemoteKey::from("32"), with_item("99")),
    ];
    order.children.insert(field("PurchaseOrder", "lines"), lines);
    let run = start(&odoo, &request("PurchaseOrder", Act::Update, Some("4"), order)).unwrap();
    assert_eq!(speak(&run, "product.product", "99"), unknown("lines.create.0.item"));
    let line = ("lines.update.1".to_owned(), UserErrorCode::NotFound);
    assert_eq!(speak(&run, "purchase.order.line", "32"), line);
    assert_eq!(speak(&run, "purchase.order", "4"), itself);
}

#[test]
fn capabilities_tell_fields_rows_and_actions() {
    let odoo = rpc(json!({})).unwrap();
    let writes = odoo.resource(kind("PurchaseOrder")).unwrap().writes().unwrap().clone();
    let create = writes.create.as_ref().unwrap();
    let vendor = create
        .fields
        .iter()
        .find(|told| told.field == field("PurchaseOrder", "vendor"))
        .unwrap();
    assert!(vendor.required);
    assert_eq!(vendor.target, ["partner_id"]);
    assert!(create.children[0].atomic && create.children[0].create && !create.children[0].update);
    assert!(writes.update.as_ref().unwrap().children[0].delete);
    let number = |operation: &OperationCapability| {
        operation
            .fields
            .iter()
            .any(|told| told.field == field("PurchaseOrder", "number"))
    };
    assert!(number(create) && !number(writes.update.as_ref().unwrap()));
    let approve = &writes.actions["approve"];
    assert_eq!(approve.leads_to, [word("PurchaseOrder", "status", "APPROVED")]);
    assert_eq!(writes.client_reference, Some(field("PurchaseOrder", "origin")));
    let sap = sap();
    assert!(
        sap.resource(kind("PurchaseOrder"))
            .unwrap()
            .writes()
            .unwrap()
            .update
            .as_ref()
            .unwrap()
            .native_lock
    );
    let rest = rest();
    let work = rest.resource(kind("WorkOrder")).unwrap().writes().unwrap();
    let tasks = work
        .create
        .as_ref()
        .unwrap()
        .fields
        .iter()
        .find(|told| told.field == field("WorkOrder", "tasks"))
        .unwrap();
    assert_eq!(tasks.parts, ["title"]);
}

#[test]
fn every_mistake_in_a_manifest_has_its_place() {
    let wrong = |write: Json| {
        let patch = json!({"PurchaseOrder": {"write": write}});
        let problems = rpc(patch).map(|_| ()).unwrap_err();
        problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
    };
    let base = "/resources/PurchaseOrder/write";
    let cases = [
        (json!({"fields": {"nope": true}}), "/fields/nope"),
        (json!({"fields": {"status": true}}), "/fields/status"),
        (json!({"fields": {"currency": true}}), "/fields/currency"),
        (json!({"fields": {"vendor": {"to": ["a", "b"]}}}), "/fields/vendor/to"),
        (json!({"fields": {"notes": {"to": "a[*]"}}}), "/fields/notes/to"),
        (json!({"fields": {"notes": {"as": "integer"}}}), "/fields/notes/as"),
        (json!({"fields": {"number": {"on": "update"}}}), "/fields/number/on"),
        (json!({"children": {"nope": {}}}), "/children/nope"),
        (json!({"children": {"history": {}}}), "/children/history"),
        (
            json!({"client_reference": {"field": "number", "max_length": 16}}),
            "/client_reference/field",
        ),
        (
            json!({"client_reference": {"max_length": 5}}),
            "/client_reference/max_length",
        ),
        (
            json!({"create": {"steps": [{"name": "a", "request": {"method": "POST"}}], "request": {"method": "POST"}}}),
            "/create",
        ),
        (
            json!({"create": {"request": {"body": "{{nope}}"}}}),
            "/create/request/body",
        ),
        (
            json!({"create": {"request": {"path": "/{{key}}"}}}),
            "/create/request/path",
        ),
        (json!({"create": {"reply": {"key": ["a", "b"]}}}), "/create/reply/key"),
        (
            json!({"create": {"reply": {"key": null, "header": {"name": "Location", "pattern": "x"}}}}),
            "/create/reply/header/pattern",
        ),
        (json!({"update": {"allowed_in": ["NOPE"]}}), "/update/allowed_in/0"),
        (
            json!({"update": {"versioned": {"headers": {"If-Match": "x"}}}}),
            "/update/versioned",
        ),
        (
            json!({"actions": {"nope": {"request": {"method": "POST"}}}}),
            "/actions/nope",
        ),
        (
            json!({"actions": {"approve": {"leads_to": ["NOPE"]}}}),
            "/actions/approve/leads_to/0",
        ),
        (
            json!({"actions": {"approve": {"fields": {"comment": true}}}}),
            "/actions/approve/fields/comment",
        ),
        (json!({"instead": {"update": "cancel"}}), "/instead/update"),
        (json!({"instead": {"nope": "cancel"}}), "/instead/nope"),
    ];
    for (write, place) in cases {
        let told = wrong(write.clone());
        assert!(told.contains(&format!("{base}{place}")), "{write}: {told:?}");
    }
}

/// The connectors, checked once for all cases.
static ALL: std::sync::LazyLock<[(Blueprint, &str); 3]> = std::sync::LazyLock::new(|| {
    let odoo = rpc(json!({})).unwrap();
    [(odoo, "PurchaseOrder"), (sap(), "PurchaseOrder"), (rest(), "WorkOrder")]
});

proptest! {
    #[test]
    fn no_answer_makes_a_write_panic(bodies in prop::collection::vec(crate::json::tests::any_json(), 1..6), raw in "\\PC{0,20}") {
        for (blueprint, name) in ALL.iter() {
            let name = *name;
            let values = match name {
                "WorkOrder" => vec![("title", text("x"))],
                _ => vec![("vendor", reference("7"))],
            };
            let acts = [(Act::Create, None), (Act::Update, Some("1")), (Act::Action("cancel".into()), Some("1"))];
            for (act, key) in acts {
                let given = if matches!(act, Act::Action(_)) { Input::default() } else { input(name, values.clone()) };
                let Ok(mut run) = start(blueprint, &request(name, act, key, given)) else { continue };
                for body in &bodies {
                    match run.next() {
                        Next::Read => {
                            let (_, record) = record(blueprint, name, json!({"id": 1, "PurchaseOrder": "1"}));
                            let _ = run.read(Some((body.clone(), record)));
                        }
                        Next::Send { .. } => {
                            let (settings, none) = (settings(), SecretMap::new());
                            let _ = run.request(&Variables { settings: &settings, credentials: &none, session: &none });
                            let _ = answer(&mut run, body.clone());
                            let _ = run.answered(&Response { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from(raw.clone()) });
                        }
                        Next::Write(..) => run.wrote(),
                        Next::Done { .. } => {}
                    }
                }
            }
        }
    }

    #[test]
    fn no_write_in_a_manifest_makes_its_check_panic(patch in crate::json::tests::any_json(), path in "[a-z.\\[\\]*\"{}]{0,10}") {
        let _ = serde_json::from_value::<crate::manifest::Write>(patch);
        let full = json!({"fields": {"notes": {"to": path}}, "children": {"lines": {"create": {"embed": {"to": path, "create": path}}}},
            "create": {"request": {"path": path, "body": path}, "reply": {"key": path}}});
        let _ = rpc(json!({"PurchaseOrder": {"write": full}}));
    }

    #[test]
    fn any_values_become_a_row_or_are_refused(texts in prop::collection::vec("\\PC{0,12}", 3), number in any::<i64>(), scale in 0_u32..20) {
        let odoo = &ALL[0].0;
        let mut order = input("PurchaseOrder", vec![
            ("number", text(&texts[0])), ("notes", text(&texts[1])), ("vendor", reference(&texts[2])),
        ]);
        let quantity = object("Quantity", vec![("value", Value::Decimal(rust_decimal::Decimal::new(number, scale)))]);
        order.children.insert(field("PurchaseOrder", "lines"), vec![ChildChange::Create(input("PurchaseOrderLine", vec![("quantity", quantity)]))]);
        if let Ok(mut run) = start(odoo, &request("PurchaseOrder", Act::Create, None, order)) {
            let _ = send(&mut run);
        }
    }
}
