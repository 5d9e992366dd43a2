//! Tests of planned requests in every dialect, with the systems' own habits, and of reading their answers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod domain;
mod language;
mod odata;
mod parameters;
mod sql;
mod within;

use chrono::{DateTime, NaiveDate, Utc};
use http::HeaderMap;
use lineshaft_schema::{
    Direction, Filter, Operand, Operator, Order, Position, Projection, RemoteKey, Value, value::Scalar,
};
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::*;
use crate::{
    ErrorKind,
    blueprint::{
        Blueprint, ResourcePlan,
        tests::{self, definition, field, is, text, word},
    },
    template::{SecretMap, Variables},
};

const HOSTILE: &str = "O'Brien\" or 1=1) & %_*\\ \u{20ac}";

fn resource<'b>(blueprint: &'b Blueprint, kind: &str) -> &'b ResourcePlan {
    blueprint.resource(definition(kind).index).unwrap()
}

fn list(kind: &str) -> ListRequest {
    ListRequest {
        kind: definition(kind).index,
        filter: Filter::always(),
        order: None,
        after: None,
        limit: 20,
        projection: Projection::default(),
        count: false,
        page: None,
    }
}

fn with_variables<T>(run: impl FnOnce(&Variables<'_>) -> T) -> T {
    let settings = tests::settings();
    let empty = SecretMap::new();
    run(&Variables {
        settings: &settings,
        credentials: &empty,
        session: &empty,
    })
}

fn plan(resource: &ResourcePlan, request: &ListRequest) -> RequestPlan {
    with_variables(|variables| resource.plan_list(request, variables)).unwrap()
}

fn look_ups(resource: &ResourcePlan, by: LookUp, keys: &[RemoteKey]) -> Vec<PlannedLookUp> {
    with_variables(|variables| resource.plan_look_ups(by, keys, &Projection::default(), variables)).unwrap()
}

/// Returns a parameter of the query, decoded.
fn parameter(plan: &RequestPlan, name: &str) -> Option<String> {
    let (_, query) = plan.url.split_once('?')?;
    let value = query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(known, _)| *known == name))?
        .1;
    Some(percent_decode_str(value).decode_utf8().unwrap().into_owned())
}

fn json_body(plan: &RequestPlan) -> serde_json::Value {
    let RequestBody::Json(text) = &plan.body else {
        panic!("no JSON body")
    };
    serde_json::from_str(text).unwrap()
}

fn where_of(resource: &ResourcePlan, filter: Filter) -> String {
    let request = ListRequest {
        filter,
        ..list(resource.type_name())
    };
    let plan = plan(resource, &request);
    match &plan.body {
        RequestBody::Json(_) => json_body(&plan)["domain"].to_string(),
        _ => parameter(&plan, "$filter")
            .or_else(|| parameter(&plan, "oslc.where"))
            .unwrap_or_default(),
    }
}

fn keys(keys: &[&[&str]]) -> Vec<RemoteKey> {
    keys.iter()
        .map(|parts| RemoteKey::composite(parts.iter().copied()))
        .collect()
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> Value {
    Value::Date(text.parse::<NaiveDate>().unwrap())
}

fn after(key: &[&str], order: Option<Scalar>) -> Option<Position> {
    Some(Position {
        key: Some(RemoteKey::composite(key.iter().copied())),
        order,
        given: 5,
        ended: false,
    })
}

#[test]
fn oslc_has_only_and() {
    let blueprint = tests::oslc();
    let orders = resource(&blueprint, "WorkOrder");
    let wo = "WorkOrder";
    let head = r#"istask=false and siteid="BEDFORD""#;
    let written = |filter| where_of(orders, filter);
    assert_eq!(written(Filter::always()), head);
    assert_eq!(
        written(is(wo, "number", Operator::Eq, text("a\"b\\"))),
        format!(r#"{head} and wonum="a\"b\\""#)
    );
    assert_eq!(
        written(is(wo, "title", Operator::Contains, text("pump"))),
        format!(r#"{head} and description="%pump%""#)
    );
    assert_eq!(
        written(is(wo, "title", Operator::IsNull, Operand::Flag(true))),
        format!(r#"{head} and description!="*""#)
    );
    let any = Filter::Any(vec![
        is(wo, "number", Operator::Eq, text("1")),
        is(wo, "number", Operator::Eq, text("2")),
    ]);
    assert_eq!(written(any), format!(r#"{head} and wonum in ["1","2"]"#));
    let mixed = Filter::Any(vec![
        is(wo, "number", Operator::Eq, text("1")),
        is(wo, "title", Operator::Contains, text("2")),
    ]);
    assert_eq!(orders.split(&mixed).residual, mixed);
    // `%` cannot be escaped: the condition lets through more, its negation less.
    let wide = is(wo, "number", Operator::Eq, text("5%"));
    assert_eq!(orders.split(&wide).residual, wide);
    let negated = is(wo, "title", Operator::Ne, text("5%"));
    assert!(orders.split(&negated).pushed.is_always());
    let request = plan(
        orders,
        &ListRequest {
            order: Some(Order {
                field: field(wo, "updatedAt"),
                direction: Direction::Ascending,
            }),
            ..list(wo)
        },
    );
    assert!(
        request.url.contains("oslc.orderBy=%2Bchangedate,%2Bsiteid,%2Bwonum"),
        "{}",
        request.url
    );
    let planned = look_ups(
        orders,
        LookUp::Key,
        &keys(&[&["B", "1"], &["B", "2"], &["N", "1"], &["B", "3"], &["B", "4"]]),
    );
    let conditions: Vec<String> = planned
        .iter()
        .map(|call| parameter(&call.plan, "oslc.where").unwrap())
        .collect();
    assert_eq!(
        conditions,
        [
            r#"istask=false and siteid="B" and wonum in ["1","2","3"]"#,
            r#"istask=false and siteid="B" and wonum="4""#,
            r#"istask=false and siteid="N" and wonum="1""#
        ]
    );
    let children = look_ups(
        orders,
        LookUp::Field(field(wo, "asset")),
        &keys(&[&["B", "A1"], &["B", "A2"], &["N", "A1"]]),
    );
    assert_eq!(
        parameter(&children[0].plan, "oslc.where").unwrap(),
        format!(r#"{head} and siteid="B" and assetnum in ["A1","A2"]"#)
    );
    assert_eq!(children.len(), 2);
}

#[test]
fn links_stay_with_the_system() {
    let blueprint = tests::oslc();
    let orders = resource(&blueprint, "WorkOrder");
    let wo = "WorkOrder";
    let body = r#"{"member":[{"siteid":"B","wonum":"1"}],"responseInfo":{"totalCount":9,"nextPage":{"href":"https://erp.example/api/os/x?pageno=2&a=%2Bb"}}}"#;
    let page = orders
        .read_page(
            &ListRequest {
                count: true,
                ..list(wo)
            },
            body.as_bytes(),
            &HeaderMap::new(),
        )
        .unwrap();
    let link = PageState::Link("https://erp.example/api/os/x?pageno=2&a=%2Bb".to_owned());
    assert_eq!((page.next.clone(), page.total), (Some(link.clone()), Some(9)));
    let next = plan(
        orders,
        &ListRequest {
            page: page.next,
            ..list(wo)
        },
    );
    assert_eq!(next.url, "https://erp.example/api/os/x?pageno=2&a=%2Bb");
    let again = orders.read_page(
        &ListRequest {
            page: Some(link),
            ..list(wo)
        },
        body.as_bytes(),
        &HeaderMap::new(),
    );
    assert_eq!(again.unwrap_err().kind(), ErrorKind::MalformedResponse);
    let follow = |link: &str| {
        let request = ListRequest {
            page: Some(PageState::Link(link.to_owned())),
            ..list(wo)
        };
        with_variables(|variables| orders.plan_list(&request, variables))
    };
    assert_eq!(
        follow("?pageno=2").unwrap().url,
        "https://erp.example/api/os/mxapiwodetail?pageno=2"
    );
    for link in [
        "https://evil.example/",
        "http://erp.example/api",
        "https://erp.example:8443/",
        "//evil.example/x",
        "https://a@erp.example/",
        "file:///etc/passwd",
    ] {
        assert_eq!(follow(link).unwrap_err().kind(), ErrorKind::MalformedResponse, "{link}");
    }
}

#[test]
fn parameters_as_limble_takes_them() {
    let blueprint = tests::parameters();
    let tasks = resource(&blueprint, "WorkOrder");
    let wo = "WorkOrder";
    let filter = Filter::All(vec![
        is(wo, "title", Operator::Contains, text("50%")),
        is(wo, "title", Operator::StartsWith, text("a")),
        is(
            wo,
            "status",
            Operator::Eq,
            Operand::One(word(wo, "status", "COMPLETED")),
        ),
        is(
            wo,
            "updatedAt",
            Operator::Gte,
            Operand::One(Value::DateTime(moment("2026-11-22T10:00:00Z"))),
        ),
        is(
            wo,
            "asset",
            Operator::In,
            Operand::Many(vec![
                Value::Reference(RemoteKey::single("4")),
                Value::Reference(RemoteKey::single("5")),
            ]),
        ),
    ]);
    let halves = tasks.split(&filter);
    let request = plan(tasks, &ListRequest { filter, ..list(wo) });
    assert_eq!(
        request.url,
        "https://erp.example/api/v2/tasks?page=1&limit=100&template=false&name=%2550%25%25&status=1&start=1795341600&assets=4,5"
    );
    let Filter::All(residual) = &halves.residual else {
        panic!("{halves:?}")
    };
    assert_eq!(residual.len(), 3, "{residual:?}");
    let planned = look_ups(tasks, LookUp::Key, &keys(&[&["1"], &["2"], &["x,y"], &["3"]]));
    let urls: Vec<&str> = planned.iter().map(|call| call.plan.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "https://erp.example/api/v2/tasks?page=1&limit=100&tasks=1,2",
            "https://erp.example/api/v2/tasks?page=1&limit=100&tasks=3"
        ]
    );
    let children = look_ups(tasks, LookUp::Field(field(wo, "location")), &keys(&[&["1"], &["2"]]));
    let locations: Vec<_> = children
        .iter()
        .map(|call| parameter(&call.plan, "location").unwrap())
        .collect();
    assert_eq!(locations, ["1", "2"]);
    let order = Some(Order {
        field: field(wo, "updatedAt"),
        direction: Direction::Descending,
    });
    assert_eq!(
        parameter(&plan(tasks, &ListRequest { order, ..list(wo) }), "orderBy").unwrap(),
        "-lastEdited"
    );
    let page = tasks
        .read_look_up(&planned[0], br#"[{"taskID":1},{"taskID":99}]"#, &HeaderMap::new())
        .unwrap();
    assert_eq!(
        page.records
            .iter()
            .map(|record| record.key.to_string())
            .collect::<Vec<_>>(),
        ["1"]
    );
    let rows: Vec<_> = (0..100).map(|at| json!({"taskID": at})).collect();
    let page = tasks
        .read_page(
            &ListRequest {
                page: Some(PageState::Page(3)),
                ..list(wo)
            },
            json!(rows).to_string().as_bytes(),
            &HeaderMap::new(),
        )
        .unwrap();
    assert_eq!(page.next, Some(PageState::Page(4)));
}

#[test]
fn one_request_for_each_key_cannot_leave_its_place() {
    let blueprint = tests::parameters();
    let users = resource(&blueprint, "User");
    let planned = look_ups(
        users,
        LookUp::Key,
        &keys(&[&["a/../b?x#y", HOSTILE], &["a"], &["", ""]]),
    );
    assert_eq!(planned.len(), 1);
    let url = url::Url::parse(&planned[0].plan.url).unwrap();
    assert_eq!(
        (url.host_str(), url.query(), url.fragment()),
        (Some("erp.example"), None, None)
    );
    assert_eq!(url.path_segments().unwrap().count(), 4, "{url}");
    assert!(planned[0].single);
    let page = users
        .read_look_up(
            &planned[0],
            json!({"area": "a/../b?x#y", "code": HOSTILE}).to_string().as_bytes(),
            &HeaderMap::new(),
        )
        .unwrap();
    assert_eq!(page.records.len(), 1);
    assert!(
        users
            .read_look_up(&planned[0], b"null", &HeaderMap::new())
            .unwrap()
            .records
            .is_empty()
    );
}

#[test]
fn answers_that_are_not_as_promised_are_malformed() {
    let blueprint = tests::odata_v4();
    let orders = resource(&blueprint, "PurchaseOrder");
    for body in [
        "",
        "[]",
        "{}",
        r#"{"value":{}}"#,
        r#"{"value":null}"#,
        r#"{"value":[{"a":1}]}"#,
        "<html>",
    ] {
        let error = orders
            .read_page(&list("PurchaseOrder"), body.as_bytes(), &HeaderMap::new())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{body}");
    }
}

#[test]
fn a_list_that_is_posted_follows_its_links_by_post() {
    let vendors = json!({"Vendor": {
        "remote": "v", "key": "id", "fields": {"name": "name"},
        "list": {
            "request": {"method": "POST", "path": "/search", "body": {"of": "{{resource.remote}}"}, "read_only": true},
            "paging": {"link": {"body": "next"}},
        },
    }});
    let blueprint = tests::compile("json_rest", json!({}), vendors).unwrap();
    let next = plan(
        resource(&blueprint, "Vendor"),
        &ListRequest {
            page: Some(PageState::Link("/search?page=2".to_owned())),
            ..list("Vendor")
        },
    );
    assert!(next.url.ends_with("/search?page=2"), "{}", next.url);
    assert_eq!((next.method.as_str(), next.repeatable), ("POST", true));
    assert_eq!(next.body, RequestBody::Json(r#"{"of":"v"}"#.to_owned()));
}

#[test]
fn next_links_are_found_in_headers() {
    let manifest = json!({
        "Vendor": {"remote": "v", "key": "id", "list": {"paging": {"link": {"header": "Link"}}}, "fields": {"name": "name"}},
        "User": {"remote": "u", "key": "id", "list": {"paging": {"cursor": {"next": "meta.cursor"}}, "records": "rows", "request": {"query": {"c": "{{cursor}}"}}}, "fields": {"name": "name"}},
        "Location": {"remote": "l", "key": "id", "list": {"paging": "keyset", "request": {"query": {"after": "{{cursor}}"}}, "page_size": 2}, "fields": {"name": "name"}}
    });
    let blueprint = tests::compile("json_rest", json!({}), manifest).unwrap();
    let vendors = resource(&blueprint, "Vendor");
    let mut headers = HeaderMap::new();
    headers.insert(
        "link",
        r#"<https://erp.example/a?p=1>; rel="prev", </b?p=3>; rel="next last""#
            .parse()
            .unwrap(),
    );
    let page = vendors.read_page(&list("Vendor"), br#"[{"id":1}]"#, &headers).unwrap();
    assert_eq!(page.next, Some(PageState::Link("/b?p=3".to_owned())));
    assert_eq!(
        plan(
            vendors,
            &ListRequest {
                page: page.next,
                ..list("Vendor")
            }
        )
        .url,
        "https://erp.example/b?p=3"
    );
    let users = resource(&blueprint, "User");
    let page = users
        .read_page(
            &list("User"),
            br#"{"rows":[{"id":1}],"meta":{"cursor":"x&y"}}"#,
            &HeaderMap::new(),
        )
        .unwrap();
    assert_eq!(
        plan(
            users,
            &ListRequest {
                page: page.next,
                ..list("User")
            }
        )
        .url,
        "https://erp.example/api/u?c=x%26y"
    );
    let places = resource(&blueprint, "Location");
    let request = ListRequest {
        limit: 2,
        after: after(&["5"], None),
        ..list("Location")
    };
    assert_eq!(plan(places, &request).url, "https://erp.example/api/l?after=5");
    let page = places
        .read_page(&request, br#"[{"id":6},{"id":9}]"#, &HeaderMap::new())
        .unwrap();
    assert_eq!(
        (page.sought, page.next),
        (true, Some(PageState::Keyset(RemoteKey::single("9"))))
    );
}
