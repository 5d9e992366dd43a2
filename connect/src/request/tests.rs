//! Tests of planned requests in every dialect, with the systems' own habits, and of reading their answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use chrono::{DateTime, NaiveDate, Utc};
use http::HeaderMap;
use lineshaft_schema::{Direction, Filter, Operand, Operator, Order, Position, Projection, RemoteKey, Value, value::Scalar};
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
    run(&Variables { settings: &settings, credentials: &empty, session: &empty })
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
    let value = query.split('&').find_map(|pair| pair.split_once('=').filter(|(known, _)| *known == name))?.1;
    Some(percent_decode_str(value).decode_utf8().unwrap().into_owned())
}

fn json_body(plan: &RequestPlan) -> serde_json::Value {
    let RequestBody::Json(text) = &plan.body else { panic!("no JSON body") };
    serde_json::from_str(text).unwrap()
}

fn where_of(resource: &ResourcePlan, filter: Filter) -> String {
    let request = ListRequest { filter, ..list(resource.type_name()) };
    let plan = plan(resource, &request);
    match &plan.body {
        RequestBody::Json(_) => json_body(&plan)["domain"].to_string(),
        _ => parameter(&plan, "$filter").or_else(|| parameter(&plan, "oslc.where")).unwrap_or_default(),
    }
}

fn keys(keys: &[&[&str]]) -> Vec<RemoteKey> {
    keys.iter().map(|parts| RemoteKey::composite(parts.iter().copied())).collect()
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> Value {
    Value::Date(text.parse::<NaiveDate>().unwrap())
}

fn after(key: &[&str], order: Option<Scalar>) -> Option<Position> {
    Some(Position { key: Some(RemoteKey::composite(key.iter().copied())), order, given: 5, ended: false })
}

#[test]
fn version_4_lists_as_dynamics_wants_them() {
    let blueprint = tests::odata_v4();
    let orders = resource(&blueprint, "PurchaseOrder");
    let request = plan(orders, &list("PurchaseOrder"));
    assert!(request.url.starts_with("https://erp.example/api/PurchaseOrderHeaders?"), "{}", request.url);
    assert!(request.repeatable && request.method == http::Method::GET);
    assert_eq!(parameter(&request, "$filter").unwrap(), "IsDeleted eq 'No'");
    assert_eq!(parameter(&request, "$orderby").unwrap(), "dataAreaId asc,PurchaseOrderNumber asc");
    assert_eq!(parameter(&request, "cross-company").unwrap(), "true");
    assert_eq!((parameter(&request, "$top"), parameter(&request, "$skip")), (Some("20".to_owned()), Some("0".to_owned())));
    assert_eq!(parameter(&request, "$count"), None);
    let po = "PurchaseOrder";
    let scoped = |filter| where_of(orders, filter);
    assert_eq!(scoped(is(po, "number", Operator::Eq, text("O'Brien"))), "(IsDeleted eq 'No') and PurchaseOrderNumber eq 'O''Brien'");
    let any = Filter::Any(vec![is(po, "number", Operator::Eq, text("a")), is(po, "number", Operator::Eq, text("b"))]);
    assert_eq!(scoped(any), "(IsDeleted eq 'No') and (PurchaseOrderNumber eq 'a' or PurchaseOrderNumber eq 'b')");
    let status = |value: &str| Operand::One(word(po, "status", value));
    let kind = "Microsoft.Dynamics.DataEntities.PurchStatus";
    assert_eq!(scoped(is(po, "status", Operator::Eq, status("CLOSED"))), format!("(IsDeleted eq 'No') and PurchaseOrderStatus eq {kind}'Invoiced'"));
    assert_eq!(
        scoped(is(po, "status", Operator::Ne, status("APPROVED"))),
        format!("(IsDeleted eq 'No') and PurchaseOrderStatus ne {kind}'Backorder' and PurchaseOrderStatus ne {kind}'Confirmed'")
    );
    assert_eq!(scoped(is(po, "reference", Operator::Contains, text("a'b"))), "(IsDeleted eq 'No') and VendorOrderReference eq '*a''b*'");
    assert_eq!(
        scoped(is(po, "requiredDate", Operator::Eq, Operand::One(day("2026-11-22")))),
        "(IsDeleted eq 'No') and RequestedDeliveryDate ge 2026-11-22T00:00:00Z and RequestedDeliveryDate lt 2026-11-23T00:00:00Z"
    );
    assert_eq!(
        scoped(is(po, "vendor", Operator::Eq, Operand::One(Value::Reference(RemoteKey::composite(["dat", "V'1"]))))),
        "(IsDeleted eq 'No') and dataAreaId eq 'dat' and OrderVendorAccountNumber eq 'V''1'"
    );
}

#[test]
fn composite_keys_are_grouped_and_chunked_by_length() {
    let blueprint = tests::odata_v4();
    let orders = resource(&blueprint, "PurchaseOrder");
    let planned = look_ups(orders, LookUp::Key, &keys(&[&["dat", "2"], &["usmf", "9"], &["dat", "1"], &["dat", "2"], &["only"]]));
    assert_eq!(planned.len(), 1);
    assert_eq!(
        parameter(&planned[0].plan, "$filter").unwrap(),
        "(dataAreaId eq 'dat' and (PurchaseOrderNumber eq '1' or PurchaseOrderNumber eq '2')) or (dataAreaId eq 'usmf' and PurchaseOrderNumber eq '9')"
    );
    assert_eq!(planned[0].request.limit, 3);
    let many: Vec<RemoteKey> = (0..60).map(|at| RemoteKey::composite(["dat".to_owned(), format!("number-{at:04}-'{}", "x".repeat(40))])).collect();
    let planned = look_ups(orders, LookUp::Key, &many);
    assert!(planned.len() > 2 && planned.iter().all(|call| call.plan.url.len() <= 2000));
    let mut asked: Vec<RemoteKey> = planned.iter().flat_map(|call| call.keys.clone()).collect();
    asked.sort_by(RemoteKey::compare);
    assert_eq!(asked.len(), 60);
    let children = look_ups(orders, LookUp::Field(field("PurchaseOrder", "vendor")), &keys(&[&["dat", "V1"], &["dat", "V2"]]));
    assert_eq!(
        parameter(&children[0].plan, "$filter").unwrap(),
        "(IsDeleted eq 'No') and dataAreaId eq 'dat' and (OrderVendorAccountNumber eq 'V1' or OrderVendorAccountNumber eq 'V2')"
    );
    assert!(children[0].request.projection.contains(field("PurchaseOrder", "vendor")));
    let next = with_variables(|variables| orders.next_look_up(children[0].clone(), PageState::Offset(1000), variables)).unwrap();
    assert_eq!(parameter(&next.plan, "$skip").unwrap(), "1000");
    assert_eq!(parameter(&next.plan, "$filter"), parameter(&children[0].plan, "$filter"));
}

#[test]
fn lists_go_on_behind_a_known_record() {
    let blueprint = tests::odata_v4();
    let orders = resource(&blueprint, "PurchaseOrder");
    let request = ListRequest { after: after(&["dat", "7"], None), ..list("PurchaseOrder") };
    assert_eq!(
        parameter(&plan(orders, &request), "$filter").unwrap(),
        "(IsDeleted eq 'No') and (dataAreaId gt 'dat' or (dataAreaId eq 'dat' and PurchaseOrderNumber gt '7'))"
    );
    assert!(orders.read_page(&request, br#"{"value":[]}"#, &HeaderMap::new()).unwrap().sought);
    let order = Some(Order { field: field("PurchaseOrder", "updatedAt"), direction: Direction::Descending });
    let stamp = Some(Scalar::DateTime(moment("2026-11-22T10:00:00Z")));
    let request = ListRequest { order, after: after(&["dat", "7"], stamp.clone()), ..list("PurchaseOrder") };
    let planned = plan(orders, &request);
    assert_eq!(
        parameter(&planned, "$filter").unwrap(),
        "(IsDeleted eq 'No') and (ModifiedDateTime le 2026-11-22T10:00:00Z or ModifiedDateTime eq null)"
    );
    assert_eq!(parameter(&planned, "$orderby").unwrap(), "ModifiedDateTime desc,dataAreaId asc,PurchaseOrderNumber asc");
    assert!(!orders.read_page(&request, br#"{"value":[]}"#, &HeaderMap::new()).unwrap().sought);
    let blueprint = tests::odata_v2();
    let orders = resource(&blueprint, "PurchaseOrder");
    let request = ListRequest { order, after: after(&["7"], stamp), ..list("PurchaseOrder") };
    assert_eq!(parameter(&plan(orders, &request), "$filter").unwrap(), "LastChangeDateTime le datetimeoffset'2026-11-22T10:00:00Z'");
    let request = ListRequest { after: after(&["45'"], None), ..list("PurchaseOrder") };
    assert_eq!(parameter(&plan(orders, &request), "$filter").unwrap(), "PurchaseOrder gt '45'''");
    let unsorted = Some(Order { field: field("PurchaseOrder", "number"), direction: Direction::Ascending });
    let refused = with_variables(|variables| orders.plan_list(&ListRequest { order: unsorted, ..list("PurchaseOrder") }, variables));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotSupported);
}

#[test]
fn version_2_writes_its_own_literals() {
    let blueprint = tests::odata_v2();
    let orders = resource(&blueprint, "PurchaseOrder");
    let po = "PurchaseOrder";
    let written = |filter| where_of(orders, filter);
    assert_eq!(written(is(po, "orderDate", Operator::Gte, Operand::One(day("2026-11-22")))), "PurchaseOrderDate ge datetime'2026-11-22T00:00:00'");
    let stamp = Operand::One(Value::DateTime(moment("2026-11-22T10:00:00.250Z")));
    assert_eq!(written(is(po, "updatedAt", Operator::Gte, stamp)), "LastChangeDateTime ge datetimeoffset'2026-11-22T10:00:00.250Z'");
    assert_eq!(written(is(po, "number", Operator::Contains, text("O'B"))), "substringof('O''B',PurchaseOrder)");
    assert_eq!(written(is(po, "incoterms", Operator::IsNull, Operand::Flag(true))), "IncotermsClassification eq null or IncotermsClassification eq ''");
    assert_eq!(written(is(po, "incoterms", Operator::IsNull, Operand::Flag(false))), "IncotermsClassification ne null and IncotermsClassification ne ''");
    let request = plan(orders, &ListRequest { count: true, filter: is(po, "number", Operator::Eq, text(HOSTILE)), ..list(po) });
    assert_eq!(parameter(&request, "$inlinecount").unwrap(), "allpages");
    assert_eq!(parameter(&request, "$filter").unwrap(), format!("PurchaseOrder eq '{}'", HOSTILE.replace('\'', "''")));
    let body = br#"{"d":{"__count":"57","__next":"https://erp.example/x","results":[{"PurchaseOrder":"1"},{"PurchaseOrder":"2"}]}}"#;
    let page = orders.read_page(&ListRequest { count: true, ..list(po) }, body, &HeaderMap::new()).unwrap();
    assert_eq!((page.rows, page.total, page.next), (2, Some(57), Some(PageState::Offset(2))));
    assert_eq!(page.records[1].key, RemoteKey::single("2"));
    let planned = look_ups(orders, LookUp::Key, &keys(&[&["1"], &["2"]]));
    assert_eq!(parameter(&planned[0].plan, "$filter").unwrap(), "PurchaseOrder eq '1' or PurchaseOrder eq '2'");
    assert!(planned[0].plan.url.contains("$select=PurchaseOrder&"), "{}", planned[0].plan.url);
}

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
    assert_eq!(written(is(po, "number", Operator::Contains, text("5%_\\"))), format!(r#"[{head},["name","ilike","5\\%\\_\\\\"]]"#));
    assert_eq!(written(is(po, "number", Operator::StartsWith, text("P0"))), format!(r#"[{head},["name","=ilike","P0%"]]"#));
    assert_eq!(written(is(po, "status", Operator::Eq, Operand::One(word(po, "status", "DRAFT")))), format!(r#"[{head},["state","in",["draft","sent"]]]"#));
    assert_eq!(written(is(po, "vendor", Operator::Eq, Operand::One(Value::Reference(RemoteKey::single("7"))))), format!(r#"[{head},["partner_id","=",7]]"#));
    assert_eq!(written(is(po, "vendor", Operator::IsNull, Operand::Flag(true))), format!(r#"[{head},["partner_id","=",false]]"#));
    let stamp = |text: &str| Operand::One(Value::DateTime(moment(text)));
    assert_eq!(written(is(po, "updatedAt", Operator::Gt, stamp("2026-11-22T10:00:00Z"))), format!(r#"[{head},["write_date",">=","2026-11-22 10:00:01"]]"#));
    assert_eq!(written(is(po, "updatedAt", Operator::Gte, stamp("2026-11-22T10:00:00.5Z"))), format!(r#"[{head},["write_date",">=","2026-11-22 10:00:01"]]"#));
    assert_eq!(written(is(po, "updatedAt", Operator::Lte, stamp("2026-11-22T10:00:00Z"))), format!(r#"[{head},["write_date","<","2026-11-22 10:00:01"]]"#));
    assert_eq!(written(is(po, "orderTotal", Operator::Gt, Operand::One(Value::Decimal("10.50".parse().unwrap())))), format!(r#"[{head},["amount_total",">",10.5]]"#));
    let any = Filter::Any(vec![
        is(po, "number", Operator::Eq, text("a")),
        Filter::All(vec![is(po, "notes", Operator::Contains, text("x")), is(po, "number", Operator::Ne, text("b"))]),
        is(po, "vendor", Operator::IsNull, Operand::Flag(false)),
    ]);
    assert_eq!(written(any), format!(r#"[{head},"|","|",["name","=","a"],"&",["note","ilike","x"],["name","!=","b"],["partner_id","!=",false]]"#));
    let request = ListRequest { after: after(&["12"], None), ..list(po) };
    assert_eq!(json_body(&plan(orders, &request))["domain"].as_array().unwrap().last().unwrap(), &json!(["id", ">", 12]));
    let planned = look_ups(orders, LookUp::Key, &keys(&[&["1"], &["abc"], &["2"]]));
    assert_eq!(json_body(&planned[0].plan)["domain"], json!(["|", ["company_id", "=", 1], ["company_id", "=", false], ["id", "in", [1, 2]]]));
    assert_eq!(planned[0].keys, keys(&[&["1"], &["2"]]));
    let count = with_variables(|variables| orders.plan_count(&list(po), variables)).unwrap().unwrap();
    assert_eq!(json_body(&count)["count"].as_array().unwrap().len(), 4);
    assert_eq!(orders.read_count(br#"{"result":11}"#, &HeaderMap::new()).unwrap(), 11);
    let page = orders.read_page(&ListRequest { limit: 2, ..list(po) }, br#"{"result":[{"id":1},{"id":2}]}"#, &HeaderMap::new()).unwrap();
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
    assert_eq!(domain(is(po, "number", Operator::Contains, text("5%_"))), json!([scope, ["number", "ilike", "%5\\%\\_%"]]));
    assert_eq!(domain(is(po, "number", Operator::StartsWith, text("OR"))), json!([scope, ["number", "ilike", "OR%"]]));
    assert_eq!(domain(is(po, "number", Operator::IsNull, Operand::Flag(true))), json!([scope, ["OR", ["number", "=", null], ["number", "=", ""]]]));
    assert_eq!(domain(is(po, "incoterms", Operator::Eq, text("x"))), json!([scope, ["party.name", "=", "x"]]));
    let date = json!({"__class__": "date", "year": 2026, "month": 11, "day": 2});
    assert_eq!(domain(is(po, "orderDate", Operator::Eq, Operand::One(day("2026-11-02")))), json!([scope, ["purchase_date", "=", date]]));
    let stamp = json!({"__class__": "datetime", "year": 2026, "month": 11, "day": 22, "hour": 10, "minute": 0, "second": 0, "microsecond": 250_000});
    let since = is(po, "updatedAt", Operator::Gte, Operand::One(Value::DateTime(moment("2026-11-22T10:00:00.250Z"))));
    assert_eq!(domain(since), json!([scope, ["OR", ["write_date", ">=", stamp], ["create_date", ">=", stamp]]]));
    let order = Some(Order { field: field(po, "orderDate"), direction: Direction::Descending });
    let request = ListRequest { order, after: after(&["3"], Some(Scalar::Date("2026-11-02".parse().unwrap()))), ..list(po) };
    // "Less or equal" is not offered here, so nothing is pushed.
    assert_eq!(json_body(&plan(orders, &request))["domain"], json!([scope]));
    assert_eq!(json_body(&plan(orders, &request))["order"], json!([["purchase_date", "DESC"], ["id", "ASC"]]));
    let children = look_ups(orders, LookUp::Field(field(po, "vendor")), &keys(&[&["3"], &["4"]]));
    assert_eq!(json_body(&children[0].plan)["domain"], json!([scope, ["party", "in", [3, 4]]]));
}

#[test]
fn oslc_has_only_and() {
    let blueprint = tests::oslc();
    let orders = resource(&blueprint, "WorkOrder");
    let wo = "WorkOrder";
    let head = r#"istask=false and siteid="BEDFORD""#;
    let written = |filter| where_of(orders, filter);
    assert_eq!(written(Filter::always()), head);
    assert_eq!(written(is(wo, "number", Operator::Eq, text("a\"b\\"))), format!(r#"{head} and wonum="a\"b\\""#));
    assert_eq!(written(is(wo, "title", Operator::Contains, text("pump"))), format!(r#"{head} and description="%pump%""#));
    assert_eq!(written(is(wo, "title", Operator::IsNull, Operand::Flag(true))), format!(r#"{head} and description!="*""#));
    let any = Filter::Any(vec![is(wo, "number", Operator::Eq, text("1")), is(wo, "number", Operator::Eq, text("2"))]);
    assert_eq!(written(any), format!(r#"{head} and wonum in ["1","2"]"#));
    let mixed = Filter::Any(vec![is(wo, "number", Operator::Eq, text("1")), is(wo, "title", Operator::Contains, text("2"))]);
    assert_eq!(orders.split(&mixed).residual, mixed);
    // `%` cannot be escaped: the condition lets through more, its negation less.
    let wide = is(wo, "number", Operator::Eq, text("5%"));
    assert_eq!(orders.split(&wide).residual, wide);
    let negated = is(wo, "title", Operator::Ne, text("5%"));
    assert!(orders.split(&negated).pushed.is_always());
    let request = plan(orders, &ListRequest { order: Some(Order { field: field(wo, "updatedAt"), direction: Direction::Ascending }), ..list(wo) });
    assert!(request.url.contains("oslc.orderBy=%2Bchangedate,%2Bsiteid,%2Bwonum"), "{}", request.url);
    let planned = look_ups(orders, LookUp::Key, &keys(&[&["B", "1"], &["B", "2"], &["N", "1"], &["B", "3"], &["B", "4"]]));
    let conditions: Vec<String> = planned.iter().map(|call| parameter(&call.plan, "oslc.where").unwrap()).collect();
    assert_eq!(
        conditions,
        [
            r#"istask=false and siteid="B" and wonum in ["1","2","3"]"#,
            r#"istask=false and siteid="B" and wonum="4""#,
            r#"istask=false and siteid="N" and wonum="1""#
        ]
    );
    let children = look_ups(orders, LookUp::Field(field(wo, "asset")), &keys(&[&["B", "A1"], &["B", "A2"], &["N", "A1"]]));
    assert_eq!(parameter(&children[0].plan, "oslc.where").unwrap(), format!(r#"{head} and siteid="B" and assetnum in ["A1","A2"]"#));
    assert_eq!(children.len(), 2);
}

#[test]
fn links_stay_with_the_system() {
    let blueprint = tests::oslc();
    let orders = resource(&blueprint, "WorkOrder");
    let wo = "WorkOrder";
    let body = r#"{"member":[{"siteid":"B","wonum":"1"}],"responseInfo":{"totalCount":9,"nextPage":{"href":"https://erp.example/api/os/x?pageno=2&a=%2Bb"}}}"#;
    let page = orders.read_page(&ListRequest { count: true, ..list(wo) }, body.as_bytes(), &HeaderMap::new()).unwrap();
    let link = PageState::Link("https://erp.example/api/os/x?pageno=2&a=%2Bb".to_owned());
    assert_eq!((page.next.clone(), page.total), (Some(link.clone()), Some(9)));
    let next = plan(orders, &ListRequest { page: page.next, ..list(wo) });
    assert_eq!(next.url, "https://erp.example/api/os/x?pageno=2&a=%2Bb");
    let again = orders.read_page(&ListRequest { page: Some(link), ..list(wo) }, body.as_bytes(), &HeaderMap::new());
    assert_eq!(again.unwrap_err().kind(), ErrorKind::MalformedResponse);
    let follow = |link: &str| {
        let request = ListRequest { page: Some(PageState::Link(link.to_owned())), ..list(wo) };
        with_variables(|variables| orders.plan_list(&request, variables))
    };
    assert_eq!(follow("?pageno=2").unwrap().url, "https://erp.example/api/os/mxapiwodetail?pageno=2");
    for link in ["https://evil.example/", "http://erp.example/api", "https://erp.example:8443/", "//evil.example/x", "https://a@erp.example/", "file:///etc/passwd"] {
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
        is(wo, "status", Operator::Eq, Operand::One(word(wo, "status", "COMPLETED"))),
        is(wo, "updatedAt", Operator::Gte, Operand::One(Value::DateTime(moment("2026-11-22T10:00:00Z")))),
        is(wo, "asset", Operator::In, Operand::Many(vec![Value::Reference(RemoteKey::single("4")), Value::Reference(RemoteKey::single("5"))])),
    ]);
    let halves = tasks.split(&filter);
    let request = plan(tasks, &ListRequest { filter, ..list(wo) });
    assert_eq!(request.url, "https://erp.example/api/v2/tasks?page=1&limit=100&template=false&name=%2550%25%25&status=1&start=1795341600&assets=4,5");
    let Filter::All(residual) = &halves.residual else { panic!("{halves:?}") };
    assert_eq!(residual.len(), 3, "{residual:?}");
    let planned = look_ups(tasks, LookUp::Key, &keys(&[&["1"], &["2"], &["x,y"], &["3"]]));
    let urls: Vec<&str> = planned.iter().map(|call| call.plan.url.as_str()).collect();
    assert_eq!(urls, ["https://erp.example/api/v2/tasks?page=1&limit=100&tasks=1,2", "https://erp.example/api/v2/tasks?page=1&limit=100&tasks=3"]);
    let children = look_ups(tasks, LookUp::Field(field(wo, "location")), &keys(&[&["1"], &["2"]]));
    let locations: Vec<_> = children.iter().map(|call| parameter(&call.plan, "location").unwrap()).collect();
    assert_eq!(locations, ["1", "2"]);
    let order = Some(Order { field: field(wo, "updatedAt"), direction: Direction::Descending });
    assert_eq!(parameter(&plan(tasks, &ListRequest { order, ..list(wo) }), "orderBy").unwrap(), "-lastEdited");
    let page = tasks.read_look_up(&planned[0], br#"[{"taskID":1},{"taskID":99}]"#, &HeaderMap::new()).unwrap();
    assert_eq!(page.records.iter().map(|record| record.key.to_string()).collect::<Vec<_>>(), ["1"]);
    let rows: Vec<_> = (0..100).map(|at| json!({"taskID": at})).collect();
    let page = tasks.read_page(&ListRequest { page: Some(PageState::Page(3)), ..list(wo) }, json!(rows).to_string().as_bytes(), &HeaderMap::new()).unwrap();
    assert_eq!(page.next, Some(PageState::Page(4)));
}

#[test]
fn one_request_for_each_key_cannot_leave_its_place() {
    let blueprint = tests::parameters();
    let users = resource(&blueprint, "User");
    let planned = look_ups(users, LookUp::Key, &keys(&[&["a/../b?x#y", HOSTILE], &["a"], &["a", ""]]));
    assert_eq!(planned.len(), 1);
    let url = url::Url::parse(&planned[0].plan.url).unwrap();
    assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("erp.example"), None, None));
    assert_eq!(url.path_segments().unwrap().count(), 4, "{url}");
    assert!(planned[0].single);
    let page = users.read_look_up(&planned[0], json!({"area": "a/../b?x#y", "code": HOSTILE}).to_string().as_bytes(), &HeaderMap::new()).unwrap();
    assert_eq!(page.records.len(), 1);
    assert!(users.read_look_up(&planned[0], b"null", &HeaderMap::new()).unwrap().records.is_empty());
}

#[test]
fn answers_that_are_not_as_promised_are_malformed() {
    let blueprint = tests::odata_v4();
    let orders = resource(&blueprint, "PurchaseOrder");
    for body in ["", "[]", "{}", r#"{"value":{}}"#, r#"{"value":null}"#, r#"{"value":[{"a":1}]}"#, "<html>"] {
        let error = orders.read_page(&list("PurchaseOrder"), body.as_bytes(), &HeaderMap::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{body}");
    }
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
    headers.insert("link", r#"<https://erp.example/a?p=1>; rel="prev", </b?p=3>; rel="next last""#.parse().unwrap());
    let page = vendors.read_page(&list("Vendor"), br#"[{"id":1}]"#, &headers).unwrap();
    assert_eq!(page.next, Some(PageState::Link("/b?p=3".to_owned())));
    assert_eq!(plan(vendors, &ListRequest { page: page.next, ..list("Vendor") }).url, "https://erp.example/b?p=3");
    let users = resource(&blueprint, "User");
    let page = users.read_page(&list("User"), br#"{"rows":[{"id":1}],"meta":{"cursor":"x&y"}}"#, &HeaderMap::new()).unwrap();
    assert_eq!(plan(users, &ListRequest { page: page.next, ..list("User") }).url, "https://erp.example/api/u?c=x%26y");
    let places = resource(&blueprint, "Location");
    let request = ListRequest { limit: 2, after: after(&["5"], None), ..list("Location") };
    assert_eq!(plan(places, &request).url, "https://erp.example/api/l?after=5");
    let page = places.read_page(&request, br#"[{"id":6},{"id":9}]"#, &HeaderMap::new()).unwrap();
    assert_eq!((page.sought, page.next), (true, Some(PageState::Keyset(RemoteKey::single("9")))));
}
