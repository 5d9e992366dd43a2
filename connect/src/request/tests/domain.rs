//! Requests with conditions as JSON lists.

use super::*;

#[test]
fn polish_notation_as_odoo_reads_it() {
    let blueprint = tests::domain_prefix();
    let orders = resource(&blueprint, "PurchaseOrder");
    let po = "PurchaseOrder";
    let head = r#""|",["company_id","=",1],["company_id","=",false],["active","=",true]"#;
    let written = |filter| where_of(orders, filter);
    let request = plan(orders, &list(po));
    assert_eq!(request.method, http::Method::POST);
    assert!(request.repeatable);
    assert_eq!(
        json_body(&request),
        json!({"model": "purchase.order", "domain": ["|", ["company_id", "=", 1], ["company_id", "=", false], ["active", "=", true]], "fields": ["id"], "offset": 0, "limit": 20, "order": "id asc"})
    );
    assert_eq!(
        written(is(po, "number", Operator::Contains, text("5%_\\"))),
        format!(r#"[{head},["name","ilike","5\\%\\_\\\\"]]"#)
    );
    assert_eq!(
        written(is(po, "number", Operator::StartsWith, text("P0"))),
        format!(r#"[{head},["name","=ilike","P0%"]]"#)
    );
    assert_eq!(
        written(is(
            po,
            "status",
            Operator::Eq,
            Operand::One(word(po, "status", "DRAFT"))
        )),
        format!(r#"[{head},["state","in",["draft","sent"]]]"#)
    );
    assert_eq!(
        written(is(
            po,
            "vendor",
            Operator::Eq,
            Operand::One(Value::Reference(RemoteKey::single("7")))
        )),
        format!(r#"[{head},["partner_id","=",7]]"#)
    );
    assert_eq!(
        written(is(po, "vendor", Operator::IsNull, Operand::Flag(true))),
        format!(r#"[{head},["partner_id","=",false]]"#)
    );
    let stamp = |text: &str| Operand::One(Value::DateTime(moment(text)));
    assert_eq!(
        written(is(po, "updatedAt", Operator::Gt, stamp("2026-11-22T10:00:00Z"))),
        format!(r#"[{head},["write_date",">=","2026-11-22 10:00:01"]]"#)
    );
    assert_eq!(
        written(is(po, "updatedAt", Operator::Gte, stamp("2026-11-22T10:00:00.5Z"))),
        format!(r#"[{head},["write_date",">=","2026-11-22 10:00:01"]]"#)
    );
    assert_eq!(
        written(is(po, "updatedAt", Operator::Lte, stamp("2026-11-22T10:00:00Z"))),
        format!(r#"[{head},["write_date","<","2026-11-22 10:00:01"]]"#)
    );
    assert_eq!(
        written(is(
            po,
            "exchangeRate",
            Operator::Gt,
            Operand::One(Value::Decimal("10.50".parse().unwrap()))
        )),
        format!(r#"[{head},["currency_rate",">",10.5]]"#)
    );
    let any = Filter::Any(vec![
        is(po, "number", Operator::Eq, text("a")),
        Filter::All(vec![
            is(po, "notes", Operator::Contains, text("x")),
            is(po, "number", Operator::Ne, text("b")),
        ]),
        is(po, "vendor", Operator::IsNull, Operand::Flag(false)),
    ]);
    assert_eq!(
        written(any),
        format!(
            r#"[{head},"|","|",["name","=","a"],"&",["note","ilike","x"],["name","!=","b"],["partner_id","!=",false]]"#
        )
    );
    let request = ListRequest {
        after: after(&["12"], None),
        ..list(po)
    };
    assert_eq!(
        json_body(&plan(orders, &request))["domain"]
            .as_array()
            .unwrap()
            .last()
            .unwrap(),
        &json!(["id", ">", 12])
    );
    let planned = look_ups(orders, LookUp::Key, &keys(&[&["1"], &["abc"], &["2"]]));
    assert_eq!(
        json_body(&planned[0].plan)["domain"],
        json!([
            "|",
            ["company_id", "=", 1],
            ["company_id", "=", false],
            ["id", "in", [1, 2]]
        ])
    );
    assert_eq!(planned[0].keys, keys(&[&["1"], &["2"]]));
    let count = with_variables(|variables| orders.plan_count(&list(po), variables))
        .unwrap()
        .unwrap();
    assert_eq!(json_body(&count)["count"].as_array().unwrap().len(), 4);
    assert_eq!(orders.read_count(br#"{"result":11}"#, &HeaderMap::new()).unwrap(), 11);
    let page = orders
        .read_page(
            &ListRequest { limit: 2, ..list(po) },
            br#"{"result":[{"id":1},{"id":2}]}"#,
            &HeaderMap::new(),
        )
        .unwrap();
    assert_eq!((page.next, page.total), (Some(PageState::Offset(2)), None));
}

#[test]
fn nested_lists_as_tryton_reads_them() {
    let blueprint = tests::domain_nested();
    let orders = resource(&blueprint, "PurchaseOrder");
    let po = "PurchaseOrder";
    let domain = |filter| json_body(&plan(orders, &ListRequest { filter, ..list(po) }))["domain"].clone();
    assert_eq!(json_body(&plan(orders, &list(po)))["order"], json!([["id", "ASC"]]));
    let scope = json!([["company", "=", 1]]);
    assert_eq!(domain(Filter::always()), json!([scope]));
    assert_eq!(
        domain(is(po, "number", Operator::Contains, text("5%_"))),
        json!([scope, ["number", "ilike", "%5\\%\\_%"]])
    );
    assert_eq!(
        domain(is(po, "number", Operator::StartsWith, text("OR"))),
        json!([scope, ["number", "ilike", "OR%"]])
    );
    assert_eq!(
        domain(is(po, "number", Operator::IsNull, Operand::Flag(true))),
        json!([scope, ["OR", ["number", "=", null], ["number", "=", ""]]])
    );
    assert_eq!(
        domain(is(po, "incoterms", Operator::Eq, text("x"))),
        json!([scope, ["party.name", "=", "x"]])
    );
    let date = json!({"__class__": "date", "year": 2026, "month": 11, "day": 2});
    assert_eq!(
        domain(is(po, "orderDate", Operator::Eq, Operand::One(day("2026-11-02")))),
        json!([scope, ["purchase_date", "=", date]])
    );
    let stamp = json!({"__class__": "datetime", "year": 2026, "month": 11, "day": 22, "hour": 10, "minute": 0, "second": 0, "microsecond": 250_000});
    let since = is(
        po,
        "updatedAt",
        Operator::Gte,
        Operand::One(Value::DateTime(moment("2026-11-22T10:00:00.250Z"))),
    );
    assert_eq!(
        domain(since),
        json!([scope, ["OR", ["write_date", ">=", stamp], ["create_date", ">=", stamp]]])
    );
    let order = Some(Order {
        field: field(po, "orderDate"),
        direction: Direction::Descending,
    });
    let request = ListRequest {
        order,
        after: after(&["3"], Some(Scalar::Date("2026-11-02".parse().unwrap()))),
        ..list(po)
    };
    // "Less or equal" is not offered here, so nothing is pushed.
    assert_eq!(json_body(&plan(orders, &request))["domain"], json!([scope]));
    assert_eq!(
        json_body(&plan(orders, &request))["order"],
        json!([["purchase_date", "DESC"], ["id", "ASC"]])
    );
    let children = look_ups(orders, LookUp::Field(field(po, "vendor")), &keys(&[&["3"], &["4"]]));
    assert_eq!(
        json_body(&children[0].plan)["domain"],
        json!([scope, ["party", "in", [3, 4]]])
    );
}

/// Stock of one place, which a system computes for the item that the request names.
fn stock() -> Blueprint {
    let request = |domain: &str| json!({"path": "/rpc", "body": {"domain": domain, "fields": "{{select}}", "offset": "{{offset}}", "limit": "{{limit}}", "order": "{{order}}"}});
    let resources = json!({
        "InventoryItem": {"remote": "product", "key": "id", "literals": {"id": "number"}, "fields": {"sku": "code", "name": "name"}},
        "Location": {"remote": "place", "key": "id", "literals": {"id": "number"}, "fields": {"name": "name"}},
        "InventoryLevel": {
            "remote": "place",
            "key": ["_item", "id"],
            "seek": {"by": "id", "numeric": true},
            "children_only": true,
            "scope": {"always": [["quantity", "!=", 0]]},
            "children": {"item": {"parent_as": "_item", "request": {"body": {"product": "{{key}}"}}}},
            "fields": {"item": "_item", "location": "id", "onHand": {"object": {"value": "quantity"}}}
        }
    });
    let list = json!({"request": request("{{where}}"), "records": "result", "select": "names_only"});
    tests::compile("json_rpc", json!({"list": list}), resources).unwrap()
}

#[test]
fn children_are_read_parent_by_parent_where_lists_cannot_be_filtered() {
    let blueprint = stock();
    let levels = resource(&blueprint, "InventoryLevel");
    let item = field("InventoryLevel", "item");
    assert!(levels.capability().children.contains(&item));
    assert_eq!(
        levels.capability().get_many,
        None,
        "the key names the parent, which is no field of the system"
    );
    let mut projection = Projection::all(&definition("InventoryLevel"));
    projection.raw = true;
    let planned = with_variables(|variables| {
        levels.plan_look_ups(
            LookUp::Field(item),
            &keys(&[&["7"], &["x"], &["9"], &["7"]]),
            &projection,
            variables,
        )
    })
    .unwrap();
    let bodies: Vec<_> = planned.iter().map(|look_up| json_body(&look_up.plan)).collect();
    assert_eq!(bodies.len(), 2, "a key that no item can have is not asked for");
    assert_eq!(bodies[1]["product"], json!(9));
    assert_eq!(bodies[1]["domain"], json!([["quantity", "!=", 0]]));
    assert_eq!(bodies[1]["fields"], json!(["id", "quantity"]));
    assert_eq!(bodies[1]["order"], json!("id asc"));
    let body = br#"{"result":[{"id":3,"quantity":5.0},{"id":4,"quantity":1}]}"#;
    let page = levels.read_look_up(&planned[1], body, &HeaderMap::new()).unwrap();
    let keys: Vec<_> = page.records.iter().map(|record| record.key.clone()).collect();
    assert_eq!(
        keys,
        [RemoteKey::composite(["9", "3"]), RemoteKey::composite(["9", "4"])]
    );
    assert_eq!(*page.records[0].get(item), Value::Reference(RemoteKey::single("9")));
    let next =
        with_variables(|variables| levels.next_look_up(planned[1].clone(), PageState::Offset(2), variables)).unwrap();
    assert_eq!(
        (&json_body(&next.plan)["product"], &json_body(&next.plan)["offset"]),
        (&json!(9), &json!(2))
    );
}

#[test]
fn raw_rows_name_everything_where_the_system_cannot_send_everything() {
    let blueprint = stock();
    let mut request = list("InventoryItem");
    request.projection.raw = true;
    let planned = plan(resource(&blueprint, "InventoryItem"), &request);
    assert_eq!(json_body(&planned)["fields"], json!(["id", "code", "name"]));
}

#[test]
fn only_letters_of_ascii_are_searched_by_the_database() {
    for (blueprint, name) in [(tests::domain_prefix(), "number"), (tests::domain_nested(), "number")] {
        let orders = resource(&blueprint, "PurchaseOrder");
        let pushed = |part: &str| {
            let filter = is("PurchaseOrder", name, Operator::Contains, text(part));
            !orders.split(&filter).pushed.is_always()
        };
        assert!(pushed("gmbh"));
        assert!(!pushed("SCH\u{c4}FER"));
    }
}
