//! What keeps a write to the record that it names, and what a manifest must not say because it would lose writes.

use super::*;

#[test]
fn a_mark_that_the_caller_overwrites_is_none() {
    let odoo = rpc(json!({})).unwrap();
    let resource = odoo.resource(kind("PurchaseOrder")).unwrap();
    let order = || input("PurchaseOrder", vec![("vendor", reference("7"))]);
    let mark = |input: Input| resource.mark(&request("PurchaseOrder", Act::Create, None, input));
    assert!(mark(order()).is_some());
    let raw = |name: &str| [(name.to_owned(), json!("X"))].into_iter().collect();
    assert!(
        mark(Input {
            raw: raw("other"),
            ..order()
        })
        .is_some()
    );
    assert_eq!(
        mark(Input {
            raw: raw("origin"),
            ..order()
        }),
        None
    );
    let custom = [("Origin".to_owned(), json!("X"))].into_iter().collect();
    assert_eq!(mark(Input { custom, ..order() }), None);
}

#[test]
fn a_row_is_changed_only_under_its_own_record() {
    let rest = rest();
    let task = input("WorkOrderTask", vec![("title", text("x"))]);
    let change = |key: RemoteKey| {
        let mut work = input("WorkOrder", vec![]);
        let changes = vec![ChildChange::Update(key, task.clone())];
        work.children.insert(field("WorkOrder", "tasks"), changes);
        start(&rest, &request("WorkOrder", Act::Update, Some("9"), work))
    };
    let errors = change(RemoteKey::composite(["8", "1"])).unwrap_err();
    assert_eq!(errors[0].code, UserErrorCode::UnknownReference);
    assert_eq!(errors[0].path.join("."), "tasks.update.0");
    let mut run = change(RemoteKey::composite(["9", "1"])).unwrap();
    assert_eq!(run.next(), Next::Read);
    let row = json!({"id": 9, "title": "Old", "tasks": [{"id": 2, "label": "b"}]});
    let gone = run.read(Some(record(&rest, "WorkOrder", row))).unwrap_err();
    assert_eq!(
        (gone.code, gone.path.join(".").as_str()),
        (UserErrorCode::NotFound, "tasks.update.0")
    );

    // The keys of these do not say whose they are.
    let odoo = rpc(json!({})).unwrap();
    let mut order = input("PurchaseOrder", vec![]);
    let changes = vec![
        ChildChange::Create(line("1")),
        ChildChange::Delete(RemoteKey::from("31")),
    ];
    order.children.insert(field("PurchaseOrder", "lines"), changes);
    let run = start(&odoo, &request("PurchaseOrder", Act::Update, Some("5"), order)).unwrap();
    let [named] = run.named_rows() else {
        panic!("{:?}", run.named_rows())
    };
    let found = |order: i32| record(&odoo, "PurchaseOrderLine", json!({"id": 31, "order_id": [order, "P"]})).1;
    assert_eq!(run.judge_row(named, Some(&found(5))), None);
    let foreign = run.judge_row(named, Some(&found(6))).unwrap();
    assert_eq!(
        (foreign.code, foreign.path.join(".").as_str()),
        (UserErrorCode::UnknownReference, "lines.delete.0")
    );
    assert!(run.judge_row(named, None).is_some());
}

#[test]
fn quotes_in_keys_do_not_end_a_text_in_a_query() {
    let sap = sap();
    let cancel = |key: &str| {
        let request = request(
            "PurchaseOrder",
            Act::Action("cancel".to_owned()),
            Some(key),
            Input::default(),
        );
        let mut run = start(&sap, &request).unwrap();
        run.read(Some(record(
            &sap,
            "PurchaseOrder",
            json!({"PurchaseOrder": key, "CompanyCode": "1"}),
        )))
        .unwrap();
        send(&mut run)
    };
    let url = url::Url::parse(&cancel("45' or '1").url).unwrap();
    let order = url
        .query_pairs()
        .find(|(name, _)| name == "Order")
        .unwrap()
        .1
        .into_owned();
    assert_eq!(order, "'45'' or ''1'");
    assert_eq!(body(&cancel("4'5"))["Old"], "1");

    let find = json!({"path": "/find", "read_only": true, "query": {"where": "number=\"{{key}}\""}});
    let post = json!({"method": "POST", "path": "/receipts", "headers": {"transactionid": "{{client_reference}}-{{item_index}}"}, "body": {"item": "{{item}}"}});
    let maximo = compile(
        "json_rest",
        json!({}),
        json!({"PurchaseOrder": {
            "remote": "mxapipo", "dialect": "oslc", "key": "ponum", "fields": {"number": "ponum"},
            "write": {"actions": {"approve": {"steps": [
                {"name": "find", "request": find, "keep": {"lines": "lines"}},
                {"name": "receive", "for_each": "kept.lines", "request": post},
            ]}}},
        }}),
    )
    .unwrap();
    let request = request(
        "PurchaseOrder",
        Act::Action("approve".to_owned()),
        Some(r#"x\" or number="1"#),
        Input::default(),
    );
    let mut run = start(&maximo, &request).unwrap();
    let url = url::Url::parse(&send(&mut run).url).unwrap();
    let condition = url.query_pairs().next().unwrap().1.into_owned();
    assert_eq!(condition, r#"number="x\\\" or number=\"1""#);
    // Twice the same line is two bookings.
    answer(&mut run, json!({"lines": [7, 7]})).unwrap();
    let mark = |run: &mut Run| {
        send(run)
            .headers
            .iter()
            .find(|(name, _)| name == "transactionid")
            .unwrap()
            .1
            .clone()
    };
    let first = mark(&mut run);
    answer(&mut run, json!({})).unwrap();
    assert!(first.ends_with("-1") && mark(&mut run).ends_with("-2"), "{first}");
}

#[test]
fn rows_that_requests_send_one_by_one_are_not_all_or_nothing() {
    let step = |name: &str, each: Option<&str>| json!({"name": name, "for_each": each, "request": {"method": "POST", "path": "/rpc", "body": {"row": "{{row}}", "item": if each.is_some() { "{{item}}" } else { "" }}}});
    let one_by_one = json!({"PurchaseOrder": {"write": {"create": {"steps": [step("make", None), step("line", Some("children.lines"))]}}}});
    let atomic = |patch: Json| {
        let odoo = rpc(patch).unwrap();
        let writes = odoo.resource(kind("PurchaseOrder")).unwrap().writes().unwrap().clone();
        writes.create.unwrap().children[0].atomic
    };
    assert!(atomic(json!({})));
    assert!(!atomic(one_by_one));
}

#[test]
fn a_mark_may_stand_within_an_object_of_the_row() {
    let sending = |row: &str| {
        let request = json!({"method": "POST", "path": "/rpc", "body": {"row": row}});
        let step = json!({"name": "a", "request": request});
        rpc(json!({"PurchaseOrder": {"write": {
            "fields": {"origin": {"to": "head.origin"}},
            "create": {"steps": [step], "reply": {"key": "result"}},
        }}}))
        .map(|_| ())
    };
    for row in ["{{row}}", "{{row.head}}", "{{row.head.origin}}"] {
        sending(row).unwrap();
    }
    let problems = sending("{{row.head.terms}}").unwrap_err();
    assert!(
        problems[0].message.contains("the mark of `client_reference`"),
        "{problems:?}"
    );
}

#[test]
fn a_manifest_that_would_lose_writes_is_refused() {
    let post = |more: Json| {
        let mut step = json!({"name": "a", "request": {"method": "POST", "path": "/rpc", "body": {"row": "{{row}}"}}});
        crate::manifest::load::merge(&mut step, &more);
        step
    };
    let none = json!({});
    let second = || post(json!({"name": "b"}));
    let cases = [
        (
            json!({"update": {"steps": [post(json!({"when": "row.notes"})), second()], "versioned": {"headers": {"x": "{{version}}"}}}}),
            "/update/versioned",
        ),
        (
            json!({"create": {"steps": [post(none.clone()), second()], "reply": {"step": "b"}}}),
            "/create/reply/step",
        ),
        (
            json!({"children": {"lines": {"create": "each"}}, "delete": null}),
            "/create",
        ),
        (
            json!({"create": {"steps": [post(json!({"request": {"body": {"row": "{{now}}"}}}))]}}),
            "/create",
        ),
        (
            json!({"actions": {"cancel": {"steps": [
                {"name": "find", "when": "row.cancel_reason", "request": {"path": "/rpc", "read_only": true}, "keep": {"id": "result"}},
                post(json!({"request": {"path": "/rpc/{{kept.id}}"}})),
            ]}}}),
            "/actions/cancel/steps/1/request",
        ),
        (
            json!({"actions": {"cancel": {"steps": [
                {"name": "find", "when": "row.cancel_reason", "request": {"path": "/rpc", "read_only": true}, "keep": {"id": "result"}},
                post(json!({"request": {"body": {"args": [["{{kept.id}}"]]}}})),
            ]}}}),
            "/actions/cancel/steps/1/request",
        ),
        (
            json!({"actions": {"approve": {"leads_to": ["DRAFT", "APPROVED"]}}}),
            "/actions/approve/leads_to",
        ),
    ];
    for (write, pointer) in cases {
        let problems = rpc(json!({"PurchaseOrder": {"write": write}})).map(|_| ()).unwrap_err();
        let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [format!("/resources/PurchaseOrder/write{pointer}")],
            "{problems:?}"
        );
    }
}

#[test]
fn what_stands_within_a_text_of_the_query_cannot_change_it() {
    let compiled = |language: serde_json::Value, find: serde_json::Value| {
        let find = json!({"path": "/find", "read_only": true, "query": find});
        compile(
            "json_rest",
            json!({}),
            json!({"PurchaseOrder": {
                "remote": "orders", "language": language, "key": "name", "fields": {"number": "name"},
                "list": {"request": {"query": {"q": "{{where}}"}}},
                "write": {"actions": {"approve": {"steps": [
                    {"name": "find", "request": find},
                    {"name": "run", "request": {"method": "POST", "path": "/run"}},
                ]}}},
            }}),
        )
        .unwrap()
    };
    let sent = |blueprint: &Blueprint, key: &str| {
        let approve = request(
            "PurchaseOrder",
            Act::Action("approve".to_owned()),
            Some(key),
            Input::default(),
        );
        let mut run = start(blueprint, &approve).unwrap();
        assert!(matches!(run.next(), Next::Send { .. }));
        let (settings, none) = (settings(), SecretMap::new());
        run.request(&Variables {
            settings: &settings,
            credentials: &none,
            session: &none,
        })
    };
    let tree = json!({"json": {"top": "{parts}", "compare": {"eq": ["{name}", "=", "{value}"]}}});
    let query = json!({"filters": "[[\"name\",\"=\",\"{{key}}\"]]", "id": "{{key}}"});
    let plan = sent(&compiled(tree, query), r#"x"],["a","=","1"#).unwrap();
    let url = url::Url::parse(&plan.url).unwrap();
    let values: Vec<String> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
    assert_eq!(
        values,
        [r#"[["name","=","x\"],[\"a\",\"=\",\"1"]]"#, r#"x"],["a","=","1"#]
    );
    let bare = json!({"text": {"and": "^", "compare": {"eq": "{name}={value}"}}});
    let bare = compiled(bare, json!({"q": "name={{key}}"}));
    assert!(sent(&bare, "PO-7").unwrap().url.ends_with("q=name%3DPO-7"));
    let refused = sent(&bare, "x^ORname=y").unwrap_err();
    assert_eq!(refused.kind(), crate::ErrorKind::InvalidRequest);
}

#[test]
fn a_key_that_no_record_can_have_is_not_sent() {
    let step = json!({"method": "POST", "path": "/run", "body": {"q": "DELETE WHERE id = {{key}}"}});
    let blueprint = compile(
        "json_rest",
        json!({}),
        json!({"PurchaseOrder": {
            "remote": "orders", "key": "id", "literals": {"id": "number"}, "fields": {"number": "name"},
            "write": {"delete": {"request": step}},
        }}),
    )
    .unwrap();
    let delete = |key: &str| {
        let delete = request("PurchaseOrder", Act::Delete, Some(key), Input::default());
        start(&blueprint, &delete)
    };
    assert!(delete("7").is_ok());
    let errors = delete("7 OR 1=1").unwrap_err();
    assert_eq!(errors[0].code, UserErrorCode::NotFound);
}
