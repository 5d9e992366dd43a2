//! Small connectors in the manner of six systems, for the tests of plans, and tests of the checks of manifests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use lineshaft_schema::{Condition, FieldIndex, Filter, Operand, Operator, TypeDef, Value as Unified};
use serde_json::{Value, json};

use super::*;
use crate::{error::CredentialReason, manifest::Manifest};

/// Compiles a manifest of one protocol with some resources; `more` is laid over it.
pub(crate) fn compile(protocol: &str, more: Value, resources: Value) -> Result<Blueprint, Vec<Problem>> {
    let mut manifest = json!({
        "manifest": 1, "id": "mini", "version": "1.0.0", "name": "Mini", "description": "A connector for tests.",
        "categories": ["erp"], "tier": 1, "deployments": ["cloud"],
        "settings": {
            "base_url": {"type": "url", "label": "Address", "required": true},
            "database": {"type": "text", "label": "Database"},
            "site": {"type": "text", "label": "Site"}
        },
        "auth": [{
            "id": "basic", "label": "Password",
            "credentials": {"username": {"label": "User", "secret": false}, "password": {"label": "Password"}},
            "kind": {"basic": {"username": "{{credentials.username}}", "password": "{{credentials.password}}"}}
        }],
        "http": {"base_url": "{{settings.base_url}}"},
        "probe": {"request": {"path": "/who"}, "identity": ["user.name"]},
        "protocol": protocol,
        "resources": resources
    });
    for (key, value) in more.as_object().unwrap() {
        manifest[key] = value.clone();
    }
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    Blueprint::compile(manifest, Catalogue::unified().unwrap())
}

pub(crate) fn settings() -> Map<String, Value> {
    let settings = json!({"base_url": "https://erp.example/api/", "database": "main", "site": "BEDFORD"});
    settings.as_object().unwrap().clone()
}

pub(crate) fn definition(name: &str) -> TypeDef {
    Catalogue::unified().unwrap().type_named(name).unwrap().clone()
}

pub(crate) fn field(kind: &str, name: &str) -> FieldIndex {
    definition(kind)
        .field(name)
        .unwrap_or_else(|| panic!("{kind}.{name}"))
        .index
}

pub(crate) fn is(kind: &str, name: &str, operator: Operator, operand: Operand) -> Filter {
    Filter::Field(Condition {
        field: field(kind, name),
        operator,
        operand,
    })
}

pub(crate) fn text(value: &str) -> Operand {
    Operand::One(Unified::text(value))
}

/// A value of the enum that a field has.
pub(crate) fn word(kind: &str, name: &str, value: &str) -> Unified {
    let catalogue = Catalogue::unified().unwrap();
    let definition = definition(kind);
    let lineshaft_schema::FieldType::Enum(index) = definition.field(name).unwrap().kind else {
        panic!("no enum")
    };
    Unified::Enum(index, catalogue.enum_at(index).unwrap().value_index(value).unwrap())
}

pub(crate) fn odata_v4() -> Blueprint {
    let resources = json!({
        "PurchaseOrder": {
            "remote": "PurchaseOrderHeaders",
            "key": ["dataAreaId", "PurchaseOrderNumber"],
            "normalize": {"dataAreaId": "lower"},
            "seek": {},
            "scope": {"list": "IsDeleted eq 'No'", "query": {"cross-company": "true"}},
            "fields": {
                "number": {"path": "PurchaseOrderNumber", "filter": ["eq", "in"], "sort": true},
                "reference": {"path": "VendorOrderReference", "filter": {"exact": ["isNull"], "coarse": ["eq", "contains", "startsWith"], "wildcard": "*"}},
                "status": {"path": "PurchaseOrderStatus", "as": {"enum": {"Backorder": "APPROVED", "Confirmed": "APPROVED", "Invoiced": "CLOSED"}}, "default": "UNKNOWN",
                    "filter": {"exact": ["eq", "in", "ne"], "literal": "Microsoft.Dynamics.DataEntities.PurchStatus"}},
                "requiredDate": {"path": "RequestedDeliveryDate", "empty": ["1900-01-01T12:00:00Z"], "filter": {"exact": ["eq", "gte", "lt", "isNull"], "literal": "datetimeoffset"}, "sort": true},
                "updatedAt": {"path": "ModifiedDateTime", "filter": ["gte", "lte", "isNull"], "sort": true},
                "vendor": {"keys": ["dataAreaId", "OrderVendorAccountNumber"], "filter": ["eq", "in"]}
            }
        },
        "Vendor": {"remote": "Vendors", "key": ["dataAreaId", "VendorAccountNumber"], "fields": {"number": "VendorAccountNumber"}}
    });
    compile("odata_v4", json!({"limits": {"max_url_bytes": 2000}}), resources).unwrap()
}

pub(crate) fn odata_v2() -> Blueprint {
    let resources = json!({
        "PurchaseOrder": {
            "remote": "A_PurchaseOrder",
            "key": "PurchaseOrder",
            "seek": {"by": "PurchaseOrder"},
            "fields": {
                "number": {"path": "PurchaseOrder", "filter": ["eq", "in", "startsWith", "contains"]},
                "orderDate": {"path": "PurchaseOrderDate", "as": "ms_date", "filter": ["eq", "gte", "lt"], "sort": true},
                "updatedAt": {"path": "LastChangeDateTime", "as": "ms_date", "filter": {"exact": ["gte", "lte"], "never_null": true}, "sort": true},
                "vendor": {"path": "Supplier", "filter": ["eq", "in"]},
                "incoterms": {"path": "IncotermsClassification", "filter": ["eq", "isNull"]}
            }
        }
    });
    compile("odata_v2", json!({}), resources).unwrap()
}

fn rpc_list(dialect_order: &str) -> Value {
    json!({
        "request": {"path": "/rpc", "read_only": true, "body": {
            "model": "{{resource.remote}}", "domain": "{{where}}", "fields": "{{select}}", "offset": "{{offset}}", "limit": "{{limit}}", "order": dialect_order
        }},
        "records": "result",
        "count": {"path": "result", "request": {"path": "/rpc", "body": {"model": "{{resource.remote}}", "count": "{{where}}"}}}
    })
}

pub(crate) fn domain_prefix() -> Blueprint {
    let resources = json!({
        "PurchaseOrder": {
            "remote": "purchase.order",
            "key": "id",
            "seek": {"by": "id", "numeric": true},
            "scope": {"always": ["|", ["company_id", "=", 1], ["company_id", "=", false]], "list": [["active", "=", true]]},
            "fields": {
                "number": {"path": "name", "filter": ["eq", "ne", "in", "contains", "startsWith"], "sort": true},
                "notes": {"path": "note", "filter": {"coarse": ["eq", "contains"]}},
                "status": {"path": "state", "as": {"enum": {"draft": "DRAFT", "sent": "DRAFT", "purchase": "APPROVED"}}, "default": "UNKNOWN", "filter": ["eq", "ne", "in"]},
                "updatedAt": {"path": "write_date", "filter": ["gt", "gte", "lt", "lte", "isNull"], "sort": true},
                "vendor": {"path": "partner_id.0", "filter": ["eq", "in", "isNull"]},
                "exchangeRate": {"path": "currency_rate", "filter": {"exact": ["gt", "gte"]}}
            }
        },
        "Vendor": {"remote": "res.partner", "key": "id", "literals": {"id": "number"}, "fields": {"name": "name"}}
    });
    compile("json_rpc", json!({"list": rpc_list("{{order}}")}), resources).unwrap()
}

pub(crate) fn domain_nested() -> Blueprint {
    let resources = json!({
        "PurchaseOrder": {
            "remote": "purchase.purchase",
            "dialect": "domain_nested",
            "key": "id",
            "literals": {"id": "number"},
            "scope": {"list": [["company", "=", 1]]},
            "fields": {
                "number": {"path": "number", "filter": ["eq", "contains", "startsWith", "isNull"], "sort": true},
                "updatedAt": {"path": ["write_date", "create_date"], "filter": {"by": ["write_date", "create_date"], "exact": ["gte", "gt"]}, "sort": "write_date"},
                "orderDate": {"path": "purchase_date", "filter": ["eq", "gte", "isNull"], "sort": true},
                "vendor": {"path": "party", "filter": ["in"]},
                "incoterms": {"path": "\"party.\".name", "filter": ["eq"]}
            }
        },
        "Vendor": {"remote": "party.party", "dialect": "domain_nested", "key": "id", "literals": {"id": "number"}, "fields": {"name": "name"}}
    });
    compile("json_rpc", json!({"list": rpc_list("{{order}}")}), resources).unwrap()
}

pub(crate) fn oslc() -> Blueprint {
    let list = json!({
        "request": {"path": "/os/{{resource.remote}}", "query": {
            "oslc.where": "{{where}}", "oslc.select": "{{select}}", "oslc.orderBy": "{{order}}", "oslc.pageSize": "{{limit}}", "lean": "1"
        }},
        "records": "member",
        "paging": {"link": {"body": "responseInfo.nextPage.href"}},
        "count": {"path": "responseInfo.totalCount", "query": {"collectioncount": "1"}},
        "select": "braces", "page_size": 100, "max_page_size": 500
    });
    let resources = json!({
        "WorkOrder": {
            "remote": "mxapiwodetail",
            "dialect": "oslc",
            "key": ["siteid", "wonum"],
            "scope": {"always": "istask=false", "list": "siteid=\"{{settings.site}}\""},
            "fields": {
                "number": {"path": "wonum", "filter": {"exact": ["eq", "in"], "coarse": ["contains"]}},
                "title": {"path": "description", "filter": {"coarse": ["contains", "startsWith"], "exact": ["isNull", "ne"]}},
                "priorityCode": {"path": "wopriority", "filter": {"exact": ["gt", "gte"], "literal": "number"}},
                "updatedAt": {"path": "changedate", "filter": {"exact": ["gte"], "never_null": true}, "sort": true},
                "asset": {"keys": ["siteid", "assetnum"], "filter": ["eq", "in"]}
            }
        }
    });
    compile(
        "json_rest",
        json!({"list": list, "get_many": {"via": "in", "max_keys": 3}}),
        resources,
    )
    .unwrap()
}

pub(crate) fn parameters() -> Blueprint {
    let list = json!({
        "request": {"path": "/v2/{{resource.remote}}", "query": {"page": "{{page}}", "limit": "{{limit}}", "orderBy": "{{order}}"}},
        "paging": {"page": {"first": 1}}, "page_size": 100, "max_page_size": 1000
    });
    let resources = json!({
        "WorkOrder": {
            "remote": "tasks",
            "key": "taskID",
            "literals": {"taskID": "number"},
            "scope": {"list_query": {"template": "false"}},
            "get_many": {"via": "in", "max_keys": 2, "request": {"query": {"tasks": "{{keys}}", "page": "1"}}},
            "fields": {
                "title": {"path": "name", "filter": {"parameters": {"contains": {"name": "name", "value": "%{{value}}%"}, "startsWith": {"name": "name", "value": "{{value}}%"}}}},
                "status": {"path": "status", "as": {"enum": {"0": "APPROVED", "1": "COMPLETED"}}, "default": "UNKNOWN", "filter": {"parameters": {"eq": {"name": "status"}}}},
                "updatedAt": {"path": "lastEdited", "as": {"unix": {"unit": "s"}}, "filter": {"parameters": {"gte": {"name": "start", "coarse": true}}}, "sort": true},
                "asset": {"path": "assetID", "filter": {"parameters": {"in": {"name": "assets", "separator": ","}}}},
                "location": {"path": "locationID", "filter": {"parameters": {"eq": {"name": "location"}}}}
            }
        },
        "User": {
            "remote": "users",
            "key": ["area", "code"],
            "get_many": {"via": "each", "request": {"path": "/v2/users('{{key.0}}')/{{key.1}}"}},
            "fields": {"name": "name"}
        }
    });
    compile("json_rest", json!({"list": list}), resources).unwrap()
}

fn problems(resources: Value, more: Value) -> Vec<String> {
    match compile("odata_v4", more, resources) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .iter()
            .map(|problem| format!("{}: {}", problem.pointer, problem.message))
            .collect(),
    }
}

fn has(problems: &[String], pointer: &str, part: &str) {
    assert!(
        problems
            .iter()
            .any(|problem| problem.starts_with(&format!("{pointer}:")) && problem.contains(part)),
        "{pointer} {part}: {problems:#?}"
    );
}

#[test]
fn everything_wrong_is_told_at_once() {
    let resources = json!({
        "Vendr": {"remote": "V", "key": "id", "fields": {}},
        "Money": {"remote": "V", "key": "id", "fields": {}},
        "Vendor": {
            "remote": "", "key": "id", "scope": {"always": [["a", "=", 1]]}, "literals": {"other": "number", "id": "numbr"},
            "seek": {"by": "id", "parameter": "after"},
            "list": {"paging": {"page": {"first": 1}}, "page_size": 10, "max_page_size": 5},
            "get_many": {"via": "each"},
            "fields": {
                "name": {"path": "name", "filter": ["equals"]},
                "status": {"path": "s", "as": {"enum": {"a": "ACTIVE"}}, "filter": ["contains"], "sort": true},
                "notes": {"path": ["a", "b"], "filter": ["eq"], "sort": true},
                "legalName": {"path": "x[0]", "filter": {"exact": ["eq"], "parameters": {"eq": {"name": "q", "value": "%%"}}}},
                "isIndividual": {"path": "b", "sort": true},
                "emails": {"path": "e", "filter": ["eq"]},
                "type": {"constant": "COMPANY"}
            }
        }
    });
    let found = problems(
        resources,
        json!({
            "tier": 7,
            "http": {"base_url": "{{settings.nope}}", "headers": {"bad name": "x"}},
            "errors": [{"when": {}, "kind": "conflict"}, {"when": {"body": [{"path": "a", "matches": "("}]}, "kind": "conflict"}],
            "limits": {"concurrency": 0},
            "probe": {"request": {"method": "get", "path": "/"}}
        }),
    );
    has(&found, "/tier", "1, 2 or 3");
    has(&found, "/http/base_url", "settings.nope");
    has(&found, "/http/headers/bad name", "header");
    has(&found, "/errors/0/when", "every answer");
    has(&found, "/errors/1/when/body/0/matches", "regular expression");
    has(&found, "/limits/concurrency", "at least 1");
    has(&found, "/probe/request/method", "HTTP method");
    has(&found, "/resources/Vendr", "no type");
    has(&found, "/resources/Money", "no rows");
    let vendor = "/resources/Vendor";
    has(&found, &format!("{vendor}/remote"), "empty");
    has(&found, &format!("{vendor}/scope/always"), "language");
    has(&found, &format!("{vendor}/literals/other"), "part of the key");
    has(&found, &format!("{vendor}/literals/id"), "type of literals");
    has(&found, &format!("{vendor}/seek"), "not both");
    has(&found, &format!("{vendor}/list/paging"), "{{page}}");
    has(&found, &format!("{vendor}/list/page_size"), "max_page_size");
    has(&found, &format!("{vendor}/get_many"), "needs a request");
    has(&found, &format!("{vendor}/fields/name/filter"), "no operator `equals`");
    has(&found, &format!("{vendor}/fields/status/filter"), "makes no sense");
    has(&found, &format!("{vendor}/fields/notes/filter"), "does not follow");
    has(&found, &format!("{vendor}/fields/notes/sort"), "does not follow");
    has(&found, &format!("{vendor}/fields/legalName/filter"), "does not follow");
    has(
        &found,
        &format!("{vendor}/fields/legalName/filter/parameters"),
        "dialect `parameters`",
    );
    has(&found, &format!("{vendor}/fields/isIndividual/sort"), "sorted");
    has(&found, &format!("{vendor}/fields/emails/filter"), "cannot be filtered");
}

#[test]
fn look_ups_by_key_can_be_switched_off() {
    let vendor = |get_many: Value| {
        let resources =
            json!({"Vendor": {"remote": "V", "key": "id", "get_many": get_many, "fields": {"name": "name"}}});
        compile("odata_v4", json!({}), resources).unwrap()
    };
    let most = |blueprint: &Blueprint| {
        let capability = blueprint.capability(definition("Vendor").index).unwrap();
        capability.get_many
    };
    assert!(most(&vendor(json!(null))).is_some(), "the protocol has a way");
    assert_eq!(most(&vendor(json!({"via": "none"}))), None);
}

#[test]
fn a_list_goes_on_by_the_key_alone() {
    let vendor = |key: Value, by: &str| {
        problems(
            json!({"Vendor": {"remote": "V", "key": key, "seek": {"by": by}, "fields": {"name": "name"}}}),
            json!({}),
        )
    };
    let found = vendor(json!("id"), "changed");
    has(
        &found,
        "/resources/Vendor/seek/by",
        "`changed` is not a part of the key",
    );
    for (key, by) in [
        (json!("id"), "id"),
        (json!(["company", "id"]), "id"),
        (json!("head.id"), "head/id"),
    ] {
        assert_eq!(vendor(key, by), Vec::<String>::new());
    }
}

#[test]
fn a_key_of_parts_needs_a_language_that_asks_for_several() {
    let found = |flat: Value, get_many: Value| {
        let language = json!({"json": {"flat": flat, "compare": {"eq": {"name": "{name}", "value": "{value}"}}}});
        let vendor =
            json!({"Vendor": {"remote": "V", "key": ["a", "b"], "get_many": get_many, "fields": {"name": "name"}}});
        problems(vendor, json!({"protocol": "json_rest", "language": language}))
    };
    let within = json!({"via": "in"});
    let place = "/resources/Vendor/get_many/via";
    has(
        &found(json!({"joiner": {"and": "AND"}}), within.clone()),
        place,
        "several keys",
    );
    has(
        &found(json!({"joiner": {"and": "AND", "or": "OR"}}), within.clone()),
        place,
        "several keys",
    );
    let groups = json!({"joiner": {"and": "AND", "or": "OR"}, "open": "(", "close": ")"});
    assert_eq!(found(groups, within.clone()), Vec::<String>::new());
    let one = json!({"via": "in", "max_keys": 1});
    assert_eq!(found(json!({"joiner": {"and": "AND"}}), one), Vec::<String>::new());
}

#[test]
fn variables_must_exist_where_they_are_used() {
    let vendor =
        |list: Value| json!({"Vendor": {"remote": "V", "key": "id", "list": list, "fields": {"name": "name"}}});
    let found = problems(
        vendor(json!({"request": {"query": {"q": "{{key}}", "r": "{{credentials.nope}}"}}})),
        json!({}),
    );
    has(&found, "/resources/Vendor/list/request/query/q", "no variable `key`");
    has(
        &found,
        "/resources/Vendor/list/request/query/r",
        "no variable `credentials.nope`",
    );
    assert!(
        problems(
            vendor(json!({"request": {"query": {"q": "{{limit}}{{settings.site}}"}}})),
            json!({})
        )
        .is_empty()
    );
}

#[test]
fn capabilities_follow_from_the_manifest() {
    let blueprint = domain_prefix();
    let order = blueprint.capability(definition("PurchaseOrder").index).unwrap();
    assert!(order.list && order.count && order.seek && order.changes);
    assert_eq!(order.get_many, Some(500));
    assert_eq!(order.children, [field("PurchaseOrder", "vendor")]);
    assert_eq!(
        order.filter(field("PurchaseOrder", "notes"), Operator::In),
        Some(crate::capability::Precision::Coarse)
    );
    assert_eq!(order.filter(field("PurchaseOrder", "notes"), Operator::Gt), None);
    assert!(order.sorts_by(field("PurchaseOrder", "number")) && !order.sorts_by(field("PurchaseOrder", "status")));
    let task = parameters();
    let task = task.capability(definition("WorkOrder").index).unwrap();
    assert!(!task.seek && !task.count && task.changes);
    assert_eq!(
        task.children,
        [field("WorkOrder", "asset"), field("WorkOrder", "location")]
    );
}

#[test]
fn sign_ins_are_chosen_planned_and_read() {
    let auth = json!([
        {"id": "token", "label": "Token", "credentials": {"client": {"label": "Id"}, "secret": {"label": "Secret"}},
         "kind": {"oauth2": {"grant": "client_credentials", "token_url": "https://login.example/{{settings.database}}/token", "client_id": "{{credentials.client}}",
            "client_secret": "{{credentials.secret}}", "scopes": ["{{settings.base_url}}/.default"], "parameters": {"audience": "x"}}}},
        {"id": "session", "label": "Session", "credentials": {"username": {"label": "User"}, "password": {"label": "Password"}},
         "kind": {"session": {
            "login": {"path": "/login", "body": {"user": "{{credentials.username}}", "password": "{{credentials.password}}"}},
            "keep": {"id": "result.1", "cookie": "cookie:JSESSIONID", "token": "header:X-Token"},
            "refused_when": [{"path": "result", "equals": [false]}],
            "headers": {"Authorization": "Session {{base64 credentials.username session.id}}"}}}}
    ]);
    let blueprint = compile("odata_v4", json!({"auth": auth}), json!({})).unwrap();
    let settings = settings();
    let credentials: SecretMap = [("username", "ada"), ("password", "pa\"ss")].into_iter().collect();
    let empty = SecretMap::new();
    let variables = Variables {
        settings: &settings,
        credentials: &credentials,
        session: &empty,
    };
    let way = blueprint.sign_in_with(&credentials).unwrap();
    assert_eq!((way.id(), way.needs()), ("session", Needs::Session));
    let login = blueprint.plan_login(way, &variables).unwrap().unwrap();
    assert_eq!(login.url, "https://erp.example/api/login");
    assert!(!login.repeatable && login.method == http::Method::POST);
    assert!(!format!("{login:?}").contains("pa"), "{login:?}");
    assert!(
        matches!(&login.body, crate::request::RequestBody::Json(text) if text == r#"{"user":"ada","password":"pa\"ss"}"#)
    );
    let mut headers = HeaderMap::new();
    headers.append("set-cookie", "JSESSIONID=abc; Path=/; HttpOnly".parse().unwrap());
    headers.append("x-token", "t".parse().unwrap());
    let kept = way.read_login(&headers, br#"{"result":[7,"sid"]}"#).unwrap();
    assert_eq!(
        (kept.get("id"), kept.get("cookie"), kept.get("token")),
        (Some("sid"), Some("abc"), Some("t"))
    );
    assert_eq!(
        way.read_login(&headers, br#"{"result":false}"#).unwrap_err().kind(),
        crate::ErrorKind::InvalidCredentials
    );
    assert_eq!(
        way.read_login(&HeaderMap::new(), br#"{"result":[7,"sid"]}"#)
            .unwrap_err()
            .kind(),
        crate::ErrorKind::MalformedResponse
    );
    let variables = Variables {
        settings: &settings,
        credentials: &credentials,
        session: &kept,
    };
    assert_eq!(
        way.headers(&variables).unwrap(),
        [("Authorization".to_owned(), "Session YWRhOnNpZA==".to_owned())]
    );

    let credentials: SecretMap = [("client", "me"), ("secret", "s&=")].into_iter().collect();
    let way = blueprint.sign_in_with(&credentials).unwrap();
    let variables = Variables {
        settings: &settings,
        credentials: &credentials,
        session: &empty,
    };
    let plan = blueprint
        .plan_token(way, &variables, &Moment::at(chrono::Utc::now()))
        .unwrap()
        .unwrap();
    assert_eq!(plan.url, "https://login.example/main/token");
    let crate::request::RequestBody::Form(form) = &plan.body else {
        panic!("no form")
    };
    assert!(
        form.contains(&("scope".to_owned(), "https://erp.example/api//.default".to_owned()))
            && form.contains(&("client_secret".to_owned(), "s&=".to_owned()))
    );
    let token = read_token(
        200,
        &HeaderMap::new(),
        br#"{"access_token":"at","expires_in":"3599","refresh_token":"rt"}"#,
    )
    .unwrap();
    assert_eq!(token.lifetime, Some(std::time::Duration::from_secs(3599)));
    let refused = read_token(
        400,
        &HeaderMap::new(),
        br#"{"error":"invalid_grant","error_description":"secret"}"#,
    )
    .unwrap_err();
    assert_eq!(refused.kind(), crate::ErrorKind::InvalidCredentials);
    for (code, description, reason) in [
        ("invalid_grant", "", CredentialReason::InvalidCredentials),
        (
            "invalid_grant",
            "AADSTS700082: The refresh token has expired due to inactivity.",
            CredentialReason::Expired,
        ),
        (
            "invalid_grant",
            "Token has been expired or revoked.",
            CredentialReason::Revoked,
        ),
        (
            "invalid_client",
            "The provided client secret keys are expired.",
            CredentialReason::Expired,
        ),
        ("unauthorized_client", "", CredentialReason::InvalidCredentials),
        ("invalid_scope", "", CredentialReason::MissingScope),
        ("consent_required", "", CredentialReason::MissingScope),
        ("interaction_required", "", CredentialReason::Expired),
    ] {
        let body = json!({ "error": code, "error_description": description }).to_string();
        let error = read_token(400, &HeaderMap::new(), body.as_bytes()).unwrap_err();
        assert_eq!(error.reason(), Some(reason), "{code} {description}");
        for status in [429, 500, 503] {
            let error = read_token(status, &HeaderMap::new(), body.as_bytes()).unwrap_err();
            assert_eq!(error.reason(), None, "{status} {code}");
            assert_ne!(error.kind(), crate::ErrorKind::InvalidCredentials, "{status} {code}");
        }
    }
    assert_eq!(
        read_token(400, &HeaderMap::new(), br#"{"error":"invalid_request"}"#)
            .unwrap_err()
            .kind(),
        crate::ErrorKind::InvalidRequest
    );
    assert_eq!(
        read_token(503, &HeaderMap::new(), b"<html>down</html>")
            .unwrap_err()
            .kind(),
        crate::ErrorKind::Unavailable
    );
    let kept: SecretMap = [(ACCESS_TOKEN, "at")].into_iter().collect();
    let variables = Variables {
        settings: &settings,
        credentials: &credentials,
        session: &kept,
    };
    assert_eq!(
        way.headers(&variables).unwrap(),
        [("authorization".to_owned(), "Bearer at".to_owned())]
    );
}
