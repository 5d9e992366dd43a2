//! Requests in both versions of `OData`.

use super::*;

#[test]
fn version_4_lists_as_dynamics_wants_them() {
    let blueprint = tests::odata_v4();
    let orders = resource(&blueprint, "PurchaseOrder");
    let request = plan(orders, &list("PurchaseOrder"));
    assert!(
        request.url.starts_with("https://erp.example/api/PurchaseOrderHeaders?"),
        "{}",
        request.url
    );
    assert!(request.repeatable && request.method == http::Method::GET);
    assert_eq!(parameter(&request, "$filter").unwrap(), "IsDeleted eq 'No'");
    assert_eq!(
        parameter(&request, "$orderby").unwrap(),
        "dataAreaId asc,PurchaseOrderNumber asc"
    );
    assert_eq!(parameter(&request, "cross-company").unwrap(), "true");
    assert_eq!(
        (parameter(&request, "$top"), parameter(&request, "$skip")),
        (Some("20".to_owned()), Some("0".to_owned()))
    );
    assert_eq!(parameter(&request, "$count"), None);
    let po = "PurchaseOrder";
    let scoped = |filter| where_of(orders, filter);
    assert_eq!(
        scoped(is(po, "number", Operator::Eq, text("O'Brien"))),
        "(IsDeleted eq 'No') and PurchaseOrderNumber eq 'O''Brien'"
    );
    let any = Filter::Any(vec![
        is(po, "number", Operator::Eq, text("a")),
        is(po, "number", Operator::Eq, text("b")),
    ]);
    assert_eq!(
        scoped(any),
        "(IsDeleted eq 'No') and (PurchaseOrderNumber eq 'a' or PurchaseOrderNumber eq 'b')"
    );
    let status = |value: &str| Operand::One(word(po, "status", value));
    let kind = "Microsoft.Dynamics.DataEntities.PurchStatus";
    assert_eq!(
        scoped(is(po, "status", Operator::Eq, status("CLOSED"))),
        format!("(IsDeleted eq 'No') and PurchaseOrderStatus eq {kind}'Invoiced'")
    );
    assert_eq!(
        scoped(is(po, "status", Operator::Ne, status("APPROVED"))),
        format!(
            "(IsDeleted eq 'No') and PurchaseOrderStatus ne {kind}'Backorder' and PurchaseOrderStatus ne {kind}'Confirmed'"
        )
    );
    assert_eq!(
        scoped(is(po, "reference", Operator::Contains, text("a'b"))),
        "(IsDeleted eq 'No') and VendorOrderReference eq '*a''b*'"
    );
    assert_eq!(
        scoped(is(po, "requiredDate", Operator::Eq, Operand::One(day("2026-11-22")))),
        "(IsDeleted eq 'No') and RequestedDeliveryDate ge 2026-11-22T00:00:00Z and RequestedDeliveryDate lt 2026-11-23T00:00:00Z"
    );
    assert_eq!(
        scoped(is(
            po,
            "vendor",
            Operator::Eq,
            Operand::One(Value::Reference(RemoteKey::composite(["dat", "V'1"])))
        )),
        "(IsDeleted eq 'No') and dataAreaId eq 'dat' and OrderVendorAccountNumber eq 'V''1'"
    );
}

#[test]
fn composite_keys_are_grouped_and_chunked_by_length() {
    let blueprint = tests::odata_v4();
    let orders = resource(&blueprint, "PurchaseOrder");
    let planned = look_ups(
        orders,
        LookUp::Key,
        &keys(&[&["dat", "2"], &["usmf", "9"], &["dat", "1"], &["dat", "2"], &["only"]]),
    );
    assert_eq!(planned.len(), 1);
    assert_eq!(
        parameter(&planned[0].plan, "$filter").unwrap(),
        "(dataAreaId eq 'dat' and (PurchaseOrderNumber eq '1' or PurchaseOrderNumber eq '2')) or (dataAreaId eq 'usmf' and PurchaseOrderNumber eq '9')"
    );
    assert_eq!(planned[0].request.limit, 3);
    let many: Vec<RemoteKey> = (0..60)
        .map(|at| RemoteKey::composite(["dat".to_owned(), format!("number-{at:04}-'{}", "x".repeat(40))]))
        .collect();
    let planned = look_ups(orders, LookUp::Key, &many);
    assert!(planned.len() > 2 && planned.iter().all(|call| call.plan.url.len() <= 2000));
    let mut asked: Vec<RemoteKey> = planned.iter().flat_map(|call| call.keys.clone()).collect();
    asked.sort_by(RemoteKey::compare);
    assert_eq!(asked.len(), 60);
    let children = look_ups(
        orders,
        LookUp::Field(field("PurchaseOrder", "vendor")),
        &keys(&[&["dat", "V1"], &["dat", "V2"]]),
    );
    assert_eq!(
        parameter(&children[0].plan, "$filter").unwrap(),
        "(IsDeleted eq 'No') and dataAreaId eq 'dat' and (OrderVendorAccountNumber eq 'V1' or OrderVendorAccountNumber eq 'V2')"
    );
    assert!(
        children[0]
            .request
            .projection
            .contains(field("PurchaseOrder", "vendor"))
    );
    let next = with_variables(|variables| orders.next_look_up(children[0].clone(), PageState::Offset(1000), variables))
        .unwrap();
    assert_eq!(parameter(&next.plan, "$skip").unwrap(), "1000");
    assert_eq!(
        parameter(&next.plan, "$filter"),
        parameter(&children[0].plan, "$filter")
    );
}

#[test]
fn lists_go_on_behind_a_known_record() {
    let blueprint = tests::odata_v4();
    let orders = resource(&blueprint, "PurchaseOrder");
    let request = ListRequest {
        after: after(&["dat", "7"], None),
        ..list("PurchaseOrder")
    };
    assert_eq!(
        parameter(&plan(orders, &request), "$filter").unwrap(),
        "(IsDeleted eq 'No') and (dataAreaId gt 'dat' or (dataAreaId eq 'dat' and PurchaseOrderNumber gt '7'))"
    );
    assert!(
        orders
            .read_page(&request, br#"{"value":[]}"#, &HeaderMap::new())
            .unwrap()
            .sought
    );
    let order = Some(Order {
        field: field("PurchaseOrder", "updatedAt"),
        direction: Direction::Descending,
    });
    let stamp = Some(Scalar::DateTime(moment("2026-11-22T10:00:00Z")));
    let request = ListRequest {
        order,
        after: after(&["dat", "7"], stamp.clone()),
        ..list("PurchaseOrder")
    };
    let planned = plan(orders, &request);
    assert_eq!(
        parameter(&planned, "$filter").unwrap(),
        "(IsDeleted eq 'No') and (ModifiedDateTime le 2026-11-22T10:00:00Z or ModifiedDateTime eq null)"
    );
    assert_eq!(
        parameter(&planned, "$orderby").unwrap(),
        "ModifiedDateTime desc,dataAreaId asc,PurchaseOrderNumber asc"
    );
    assert!(
        !orders
            .read_page(&request, br#"{"value":[]}"#, &HeaderMap::new())
            .unwrap()
            .sought
    );
    let blueprint = tests::odata_v2();
    let orders = resource(&blueprint, "PurchaseOrder");
    let request = ListRequest {
        order,
        after: after(&["7"], stamp),
        ..list("PurchaseOrder")
    };
    assert_eq!(
        parameter(&plan(orders, &request), "$filter").unwrap(),
        "LastChangeDateTime le datetimeoffset'2026-11-22T10:00:00Z'"
    );
    let request = ListRequest {
        after: after(&["45'"], None),
        ..list("PurchaseOrder")
    };
    assert_eq!(
        parameter(&plan(orders, &request), "$filter").unwrap(),
        "PurchaseOrder gt '45'''"
    );
    let unsorted = Some(Order {
        field: field("PurchaseOrder", "number"),
        direction: Direction::Ascending,
    });
    let refused = with_variables(|variables| {
        orders.plan_list(
            &ListRequest {
                order: unsorted,
                ..list("PurchaseOrder")
            },
            variables,
        )
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotSupported);
}

#[test]
fn version_2_writes_its_own_literals() {
    let blueprint = tests::odata_v2();
    let orders = resource(&blueprint, "PurchaseOrder");
    let po = "PurchaseOrder";
    let written = |filter| where_of(orders, filter);
    assert_eq!(
        written(is(po, "orderDate", Operator::Gte, Operand::One(day("2026-11-22")))),
        "PurchaseOrderDate ge datetime'2026-11-22T00:00:00'"
    );
    let stamp = Operand::One(Value::DateTime(moment("2026-11-22T10:00:00.250Z")));
    assert_eq!(
        written(is(po, "updatedAt", Operator::Gte, stamp)),
        "LastChangeDateTime ge datetimeoffset'2026-11-22T10:00:00.250Z'"
    );
    assert_eq!(
        written(is(po, "number", Operator::Contains, text("O'B"))),
        "substringof('O''B',PurchaseOrder)"
    );
    assert_eq!(
        written(is(po, "incoterms", Operator::IsNull, Operand::Flag(true))),
        "IncotermsClassification eq null or IncotermsClassification eq ''"
    );
    assert_eq!(
        written(is(po, "incoterms", Operator::IsNull, Operand::Flag(false))),
        "IncotermsClassification ne null and IncotermsClassification ne ''"
    );
    let request = plan(
        orders,
        &ListRequest {
            count: true,
            filter: is(po, "number", Operator::Eq, text(HOSTILE)),
            ..list(po)
        },
    );
    assert_eq!(parameter(&request, "$inlinecount").unwrap(), "allpages");
    assert_eq!(
        parameter(&request, "$filter").unwrap(),
        format!("PurchaseOrder eq '{}'", HOSTILE.replace('\'', "''"))
    );
    let body = br#"{"d":{"__count":"57","__next":"https://erp.example/x","results":[{"PurchaseOrder":"1"},{"PurchaseOrder":"2"}]}}"#;
    let page = orders
        .read_page(
            &ListRequest {
                count: true,
                ..list(po)
            },
            body,
            &HeaderMap::new(),
        )
        .unwrap();
    assert_eq!(
        (page.rows, page.total, page.next),
        (2, Some(57), Some(PageState::Offset(2)))
    );
    assert_eq!(page.records[1].key, RemoteKey::single("2"));
    let planned = look_ups(orders, LookUp::Key, &keys(&[&["1"], &["2"]]));
    assert_eq!(
        parameter(&planned[0].plan, "$filter").unwrap(),
        "PurchaseOrder eq '1' or PurchaseOrder eq '2'"
    );
    assert!(
        planned[0].plan.url.contains("$select=PurchaseOrder&"),
        "{}",
        planned[0].plan.url
    );
}

#[test]
fn values_that_tests_alone_decide_are_not_sent() {
    let resources = json!({
        "PurchaseOrder": {
            "remote": "Orders", "key": "number",
            "fields": {"status": {
                "cases": [
                    {"when": [{"path": "received", "equals": true}], "value": "RECEIVED"},
                    {"when": [{"path": "state", "equals": "D"}], "value": "DRAFT"},
                ],
                "as": {"enum": {"D": "DRAFT"}},
                "filter": {"by": "state", "coarse": ["eq", "in"]},
            }},
        }
    });
    let blueprint = tests::compile("odata_v4", json!({}), resources).unwrap();
    let orders = resource(&blueprint, "PurchaseOrder");
    let pushes = |names: &[&str]| {
        let values = names.iter().map(|name| word("PurchaseOrder", "status", name)).collect();
        let split = orders.split(&is("PurchaseOrder", "status", Operator::In, Operand::Many(values)));
        assert!(!split.residual.is_always(), "{names:?}");
        !split.pushed.is_always()
    };
    assert!(pushes(&["DRAFT"]));
    assert!(!pushes(&["RECEIVED", "DRAFT"]));
    assert!(!pushes(&["RECEIVED"]));
}
