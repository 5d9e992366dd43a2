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
