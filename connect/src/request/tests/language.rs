//! Tests of requests in a language that the manifest describes, and of the ways to page.

use super::*;

fn sql() -> Blueprint {
    let more = json!({
        "language": {"text": {
            "and": " AND ", "or": " OR ", "group": "({parts})", "quote": {"sign": "'", "escape": "double"},
            "compare": {"eq": "{name} = {value}", "gt": "{name} > {value}", "gte": "{name} >= {value}", "contains": "{name} LIKE {value}"},
            "search": {"contains": "%{like}%", "wildcards": "%_"},
            "in": "{name} IN ({values})", "missing": "{name} IS NULL", "present": "{name} IS NOT NULL",
            "literals": {"datetime": {"format": "%Y-%m-%d %H:%M:%S"}},
            "order": "{name} {direction}"
        }},
        "list": {
            "request": {"path": "/suite", "read_only": true, "query": {"limit": "{{limit}}", "offset": "{{offset}}"}, "body": {
                "q": "SELECT {{select}} FROM {{resource.remote}}{{prefix \" WHERE \" where}}{{prefix \" ORDER BY \" order}}"
            }},
            "records": "items", "paging": {"offset": {}}, "more": "hasMore", "select": "names_only",
            "page_size": 2, "max_page_size": 20, "order_separator": ", "
        },
        "get_many": {"via": "in", "max_keys": 10}
    });
    let resources = json!({
        "PurchaseOrder": {
            "remote": "transaction t", "key": ["subsidiary", "id"], "seek": {},
            "scope": {"always": "t.type = 'PurchOrd'"},
            "list": {"columns": {"subsidiary": "t.subsidiary AS subsidiary", "id": "t.id AS id", "number": "t.tranid AS number"}},
            "fields": {
                "number": {"path": "number", "filter": {"by": "t.tranid", "exact": ["eq", "in"], "coarse": ["contains"]}, "sort": "t.tranid"},
                "updatedAt": {"path": "changed", "filter": {"by": "t.changed", "exact": ["gte"], "never_null": true}, "sort": "t.changed"},
                "vendor": {"path": "entity", "filter": {"by": "t.entity", "exact": ["eq", "in"]}}
            }
        },
        "Vendor": {"remote": "vendor", "key": "id", "fields": {"name": "companyname"}}
    });
    tests::compile("json_rest", more, resources).unwrap()
}

fn statement(plan: &RequestPlan) -> String {
    json_body(plan)["q"].as_str().unwrap().to_owned()
}

#[test]
fn statements_are_written_into_the_body() {
    let blueprint = sql();
    let orders = resource(&blueprint, "PurchaseOrder");
    let wo = "PurchaseOrder";
    let mut projection = Projection::default();
    projection.insert(field(wo, "number"));
    let request = ListRequest {
        filter: is(wo, "number", Operator::Eq, text("O'B")),
        projection,
        order: Some(Order {
            field: field(wo, "number"),
            direction: Direction::Descending,
        }),
        ..list(wo)
    };
    let sent = plan(orders, &request);
    assert!(sent.repeatable && sent.method == http::Method::POST);
    assert_eq!(
        statement(&sent),
        "SELECT t.subsidiary AS subsidiary,t.id AS id,t.tranid AS number FROM transaction t WHERE (t.type = 'PurchOrd') \
         AND t.tranid = 'O''B' ORDER BY t.tranid desc, subsidiary asc, id asc"
    );
    let vendors = resource(&blueprint, "Vendor");
    assert_eq!(
        statement(&plan(vendors, &list("Vendor"))),
        "SELECT id FROM vendor ORDER BY id asc"
    );
    let behind = ListRequest {
        after: after(&["1", "7"], None),
        ..list(wo)
    };
    assert!(
        statement(&plan(orders, &behind))
            .contains("AND (subsidiary > '1' OR (subsidiary = '1' AND id > '7')) ORDER BY subsidiary asc, id asc")
    );
    let looked = look_ups(orders, LookUp::Key, &keys(&[&["1", "7"], &["1", "8"], &["2", "9"]]));
    assert_eq!(looked.len(), 1);
    assert!(
        statement(&looked[0].plan)
            .contains("AND ((subsidiary = '1' AND id IN ('7','8')) OR (subsidiary = '2' AND id = '9'))"),
        "{}",
        statement(&looked[0].plan)
    );
}

#[test]
fn what_the_language_cannot_hold_is_checked_here() {
    let blueprint = sql();
    let orders = resource(&blueprint, "PurchaseOrder");
    let wo = "PurchaseOrder";
    let halves = orders.split(&is(wo, "number", Operator::Eq, text("a\u{1}b")));
    assert!(halves.pushed.is_always() && !halves.residual.is_always());
    let halves = orders.split(&is(wo, "number", Operator::Contains, text("5%")));
    assert!(!halves.pushed.is_always() && !halves.residual.is_always());
    let between = Operand::One(Value::DateTime(moment("2026-01-02T03:04:05.5Z")));
    let halves = orders.split(&is(wo, "updatedAt", Operator::Gte, between));
    assert!(!halves.pushed.is_always() && !halves.residual.is_always());
    let failed = with_variables(|variables| {
        orders.plan_look_ups(
            LookUp::Key,
            &keys(&[&["1", "a\u{1}"]]),
            &Projection::default(),
            variables,
        )
    });
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::NotSupported);
}

#[test]
fn a_flag_ends_a_list_whatever_the_page_holds() {
    let blueprint = sql();
    let vendors = resource(&blueprint, "Vendor");
    let next = |body: &str| {
        vendors
            .read_page(
                &ListRequest {
                    limit: 2,
                    ..list("Vendor")
                },
                body.as_bytes(),
                &HeaderMap::new(),
            )
            .unwrap()
            .next
    };
    assert_eq!(next(r#"{"items":[{"id":1},{"id":2}],"hasMore":false}"#), None);
    assert_eq!(
        next(r#"{"items":[{"id":1}],"hasMore":true}"#),
        Some(PageState::Offset(1))
    );
    assert_eq!(next(r#"{"items":[],"hasMore":true}"#), None);
    assert_eq!(next(r#"{"items":[{"id":1},{"id":2}]}"#), Some(PageState::Offset(2)));
    assert_eq!(next(r#"{"items":[{"id":1},{"id":2}],"hasMore":null}"#), None);
}

#[test]
fn pages_in_bodies_by_ranges_and_from_keys() {
    let manifest = json!({
        "Vendor": {"remote": "v", "key": "id", "list": {
            "request": {"method": "POST", "body": {"page": "{{page}}", "size": "{{limit}}", "filters": [{"ql": "{{optional where}}", "values": "{{optional where_values}}"}]}},
            "paging": {"page": {"first": 0}}, "last": "last", "records": "content", "page_size": 2}, "fields": {"name": "name"}},
        "User": {"remote": "u", "key": "id", "list": {
            "request": {"query": {"range": "{{offset}}-{{last}}"}}, "paging": {"range": {}}, "page_size": 50}, "fields": {"name": "name"}},
        "Location": {"remote": "l", "key": ["a", "b"], "list": {
            "request": {"query": {"from": "{{cursor.0}}", "part": "{{cursor.1}}", "limit": "{{limit}}"}},
            "paging": {"start_key": {"inclusive": true}}, "page_size": 3}, "fields": {"name": "name"}}
    });
    let blueprint = tests::compile("json_rest", json!({}), manifest).unwrap();
    let vendors = resource(&blueprint, "Vendor");
    assert_eq!(
        json_body(&plan(vendors, &list("Vendor"))),
        json!({"page": 0, "size": 2})
    );
    let read = |body: &str| {
        vendors
            .read_page(&list("Vendor"), body.as_bytes(), &HeaderMap::new())
            .unwrap()
            .next
    };
    assert_eq!(read(r#"{"content":[{"id":1}],"last":false}"#), Some(PageState::Page(1)));
    assert_eq!(read(r#"{"content":[{"id":1},{"id":2}],"last":true}"#), None);

    let users = resource(&blueprint, "User");
    let request = ListRequest {
        limit: 50,
        ..list("User")
    };
    assert_eq!(parameter(&plan(users, &request), "range").unwrap(), "0-49");
    let range = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("content-range", text.parse().unwrap());
        users
            .read_page(&request, br#"[{"id":1},{"id":2}]"#, &headers)
            .unwrap()
            .next
    };
    assert_eq!(range("items 0-1/200"), Some(PageState::Offset(2)));
    assert_eq!(range("items 0-1/2"), None);
    assert_eq!(range("items 0-1/*"), None);

    let places = resource(&blueprint, "Location");
    let first = ListRequest {
        limit: 2,
        ..list("Location")
    };
    let rows = br#"[{"a":"x","b":"1"},{"a":"x","b":"2"},{"a":"y","b":"1"}]"#;
    let page = places.read_page(&first, rows, &HeaderMap::new()).unwrap();
    let second = ListRequest {
        page: page.next,
        ..first
    };
    assert_eq!(
        plan(places, &second).url,
        "https://erp.example/api/l?from=y&part=1&limit=3"
    );
    let page = places
        .read_page(&second, br#"[{"a":"y","b":"1"},{"a":"y","b":"2"}]"#, &HeaderMap::new())
        .unwrap();
    let found: Vec<String> = page.records.iter().map(|record| record.key.to_string()).collect();
    assert_eq!((found.len(), page.next), (1, None));
}

#[test]
fn the_check_tells_what_a_language_lacks() {
    let language = json!({"text": {"and": "^", "compare": {"eq": "{name}={value}"}}});
    let resources = json!({"Vendor": {"remote": "v", "key": "id", "dialect": "oslc", "language": language,
        "list": {"request": {"query": {"q": "{{where}}"}}},
        "fields": {"name": {"path": "name", "filter": ["eq", "contains", "isNull", "in"]}}}});
    let problems = tests::compile("json_rest", json!({}), resources).unwrap_err();
    let told: Vec<String> = problems
        .iter()
        .map(|problem| format!("{} {}", problem.pointer, problem.message))
        .collect();
    for wanted in [
        "/resources/Vendor/language give `dialect` or `language`, not both",
        "/resources/Vendor/fields/name/filter the language has no form for `contains`",
        "/resources/Vendor/fields/name/filter the language has no form for `isNull`",
        "/resources/Vendor/fields/name/filter the language has no form for `in`",
    ] {
        assert!(told.iter().any(|told| told == wanted), "{told:#?}");
    }
}
