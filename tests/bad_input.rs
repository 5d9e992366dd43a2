//! Input that is wrong, damaged or not the caller's: each gets its code, nothing stops, nothing leaks.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use crate::support::{Answer, Plant, Setup};

/// Words that an answer to a stranger never has: places on this machine, SQL, names of our crates and tables.
const LEAKS: [&str; 12] = [
    "/home",
    "/root",
    "/work",
    "/tmp",
    ".rs:",
    "src/",
    "SELECT",
    "sqlite",
    "panicked",
    "RUST_BACKTRACE",
    "api_token",
    "lineshaft_",
];

async fn plant() -> Plant {
    Setup::only([System::Odoo, System::Maximo]).start().await
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    let told = format!(
        "{} {}",
        answer.status,
        answer.text.chars().take(600).collect::<String>()
    );
    assert_eq!(answer.codes().first(), Some(&code), "{told}");
    assert_eq!(answer.status, status, "{told}");
    let error = &answer.errors()[0];
    assert!(
        error["message"].as_str().is_some_and(|message| !message.is_empty()),
        "{told}"
    );
    assert!(error["extensions"]["requestId"].is_string(), "{told}");
    for leak in LEAKS {
        assert!(!answer.text.contains(leak), "`{leak}` in {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_does_not_fit_the_schema_is_refused_before_anything_is_sent() {
    let plant = plant().await;
    for (text, status, code) in [
        (
            "{ purchaseOrders { nodes { nope } } }",
            422,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{ nope }", 422, "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ purchaseOrders(first: \"ten\") { nodes { id } } }",
            422,
            "BAD_USER_INPUT",
        ),
        (
            "{ purchaseOrders(filter: { nope: { eq: 1 } }) { nodes { id } } }",
            422,
            "BAD_USER_INPUT",
        ),
        (
            "{ purchaseOrders(filter: { number: { gt: \"1\" } }) { nodes { id } } }",
            422,
            "BAD_USER_INPUT",
        ),
        (
            "{ purchaseOrders(filter: { status: { eq: NOPE } }) { nodes { id } } }",
            422,
            "BAD_USER_INPUT",
        ),
        (
            "{ purchaseOrders(orderBy: { field: LINES }) { nodes { id } } }",
            422,
            "BAD_USER_INPUT",
        ),
        ("{ purchaseOrders(filter: 5) { nodes { id } } }", 422, "BAD_USER_INPUT"),
        (
            "{ purchaseOrders(orderBy: [1]) { nodes { id } } }",
            422,
            "BAD_USER_INPUT",
        ),
        ("{ purchaseOrder { id } }", 422, "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ purchaseOrders { nodes { vendor } } }",
            422,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "{ purchaseOrders { nodes { number { x } } } }",
            422,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{ purchaseOrders { nodes { id }", 400, "GRAPHQL_PARSE_FAILED"),
        ("", 400, "GRAPHQL_PARSE_FAILED"),
        (
            "mutation { purchaseOrders { nodes { id } } }",
            422,
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ] {
        let answer = plant.query(text, json!({})).await;
        assert_refused(&answer, status, code);
        assert!(answer.body["data"].is_null(), "{text}");
    }
    for system in plant.systems() {
        assert!(plant.sandbox(system).calls().is_empty(), "{system} was not asked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_of_the_wrong_type_is_refused() {
    let plant = plant().await;
    let text = "query($first: Int, $filter: PurchaseOrderFilter) { purchaseOrders(first: $first, filter: $filter) { nodes { id } } }";
    for variables in [
        json!({ "first": "ten" }),
        json!({ "first": 1.5 }),
        json!({ "filter": { "number": { "eq": 5 } } }),
        json!({ "filter": { "nope": { "eq": "5" } } }),
        json!({ "filter": { "status": { "in": ["NOPE"] } } }),
        json!({ "filter": [1] }),
        json!({ "filter": "all" }),
        json!({ "filter": { "number": "5" } }),
        json!({ "filter": { "and": [5] } }),
        json!({ "filter": { "not": [] } }),
    ] {
        let answer = plant.query(text, variables.clone()).await;
        assert!(
            [400, 422].contains(&answer.status),
            "{variables}: {} {}",
            answer.status,
            answer.text
        );
        let codes = answer.codes();
        assert!(
            codes == ["BAD_USER_INPUT"] || codes == ["GRAPHQL_VALIDATION_FAILED"],
            "{variables}: {}",
            answer.text
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_its_type_does_not_have_is_told_with_its_field() {
    let plant = plant().await;
    for (filter, field) in [
        (json!({ "orderDate": { "gte": "2026-02-30" } }), "orderDate"),
        (json!({ "orderDate": { "gte": "yesterday" } }), "orderDate"),
        (json!({ "createdAt": { "lt": "2026-02-03" } }), "createdAt"),
        (json!({ "grossTotal": { "gt": "a lot" } }), "grossTotal"),
        (json!({ "grossTotal": { "gt": "1e999" } }), "grossTotal"),
    ] {
        let text = "query($filter: PurchaseOrderFilter) { purchaseOrders(filter: $filter) { nodes { id } } }";
        let answer = plant.query(text, json!({ "filter": filter })).await;
        assert_eq!(answer.codes(), ["INVALID_VALUE"], "{filter}: {}", answer.text);
        assert!(
            answer.errors()[0]["message"].as_str().unwrap().contains(field),
            "{}",
            answer.text
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_size_out_of_bounds_is_refused() {
    let plant = plant().await;
    for first in [0, -1, 251, i32::MAX, i32::MIN] {
        let answer = plant
            .query(
                "query($first: Int) { vendors(first: $first) { nodes { id } } }",
                json!({ "first": first }),
            )
            .await;
        assert_eq!(answer.codes(), ["INVALID_PAGE_SIZE"], "{first}: {}", answer.text);
        let answer = plant
            .query(
                "query($first: Int!) { connections(first: $first) { nodes { id } } }",
                json!({ "first": first }),
            )
            .await;
        assert_eq!(answer.codes(), ["INVALID_PAGE_SIZE"], "{first}: {}", answer.text);
    }
    let ids = vec!["x"; 300];
    let answer = plant
        .query("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": ids }))
        .await;
    assert_eq!(answer.codes(), ["INVALID_PAGE_SIZE"], "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_is_none_is_refused_and_one_of_another_type_too() {
    let plant = plant().await;
    let vendors = plant.query("{ vendors(first: 1) { nodes { id } } }", json!({})).await;
    vendors.data();
    let vendor = vendors.nodes("vendors")[0]["id"].as_str().unwrap().to_owned();
    plant.clear_calls();
    let long = "A".repeat(100_000);
    for id in [
        "",
        "nope",
        "AAAA",
        "!!!",
        &vendor[..vendor.len() - 6],
        &vendor[3..],
        &long,
    ] {
        for text in [
            "query($id: ID!) { node(id: $id) { id } }",
            "query($id: ID!) { purchaseOrder(id: $id) { id } }",
        ] {
            let answer = plant.query(text, json!({ "id": id })).await;
            let codes = answer.codes();
            // What is left of an id may be an id of a record that does not exist.
            assert!(
                codes == ["INVALID_ID"] || (codes.is_empty() && vendor.starts_with(id)),
                "{id}: {}",
                answer.text
            );
        }
    }
    let answer = plant
        .query(
            "query($id: ID!) { purchaseOrder(id: $id) { id } }",
            json!({ "id": vendor }),
        )
        .await;
    assert_eq!(answer.codes(), ["INVALID_ID"], "{}", answer.text);
    let filter = json!({ "filter": { "vendor": { "eq": "nope" } } });
    let answer = plant
        .query(
            "query($filter: PurchaseOrderFilter) { purchaseOrders(filter: $filter) { nodes { id } } }",
            filter,
        )
        .await;
    assert_eq!(answer.codes(), ["INVALID_ID"], "{}", answer.text);
    let answer = plant
        .query("{ vendors(connections: [\"nope\"]) { nodes { id } } }", json!({}))
        .await;
    assert_eq!(answer.codes(), ["INVALID_ID"], "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_in_a_filter_matches_nothing_of_other_connections() {
    let plant = plant().await;
    let text = "query($filter: PurchaseOrderFilter) { purchaseOrders(first: 250, filter: $filter) { nodes { connectionId vendor { id } } } }";
    let all = plant.query(text, json!({})).await;
    all.data();
    let own = plant.connection(System::Odoo);
    let nodes = all.nodes("purchaseOrders");
    let vendor = nodes.iter().find(|node| node["connectionId"] == *own).unwrap()["vendor"]["id"].clone();
    let meant = nodes.iter().filter(|node| node["vendor"]["id"] == vendor).count();
    let answer = plant
        .query(text, json!({ "filter": { "vendor": { "eq": vendor } } }))
        .await;
    answer.data();
    assert_eq!(answer.nodes("purchaseOrders").len(), meant);
    assert!(
        answer
            .nodes("purchaseOrders")
            .iter()
            .all(|node| node["connectionId"] == *own)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_another_organization_looks_like_what_does_not_exist() {
    let plant = plant().await;
    let stranger = plant.stranger().await;
    let connection = plant.connection(System::Odoo);
    let vendors = plant.query("{ vendors(first: 2) { nodes { id } } }", json!({})).await;
    vendors.data();
    let vendor = vendors.nodes("vendors")[0]["id"].clone();
    plant.clear_calls();

    let listed = "query($c: [ID!]) { vendors(connections: $c) { nodes { id } } }";
    let never = "00000000-0000-7000-8000-000000000000";
    for id in [connection.as_str(), never] {
        let answer = plant.query_as(&stranger, listed, json!({ "c": [id] })).await;
        assert_eq!(answer.codes(), ["CONNECTION_NOT_FOUND"], "{}", answer.text);
        let answer = plant
            .query_as(
                &stranger,
                "query($id: ID!) { connection(id: $id) { id name } }",
                json!({ "id": id }),
            )
            .await;
        assert_eq!(answer.data()["connection"], Value::Null);
    }
    let answer = plant.query(listed, json!({ "c": [never] })).await;
    assert_eq!(answer.codes(), ["CONNECTION_NOT_FOUND"], "{}", answer.text);
    let answer = plant
        .query_as(
            &stranger,
            "query($id: ID!) { node(id: $id) { id } }",
            json!({ "id": vendor }),
        )
        .await;
    assert_eq!(answer.data()["node"], Value::Null);
    let answer = plant
        .query_as(
            &stranger,
            "{ connections { nodes { id } } vendors { nodes { id } sources { status } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        answer.data(),
        &json!({ "connections": { "nodes": [] }, "vendors": { "nodes": [], "sources": [] } })
    );
    for system in plant.systems() {
        assert!(plant.sandbox(system).calls().is_empty(), "{system} was not asked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_of_a_connection_sees_that_connection_alone() {
    let plant = plant().await;
    let token = plant.connection_token(System::Maximo).await;
    let (own, other) = (plant.connection(System::Maximo), plant.connection(System::Odoo));
    let answer = plant
        .query_as(
            &token,
            "{ connections { nodes { id } } vendors { nodes { connectionId } } }",
            json!({}),
        )
        .await;
    assert_eq!(answer.data()["connections"]["nodes"], json!([{ "id": own }]));
    assert!(answer.nodes("vendors").iter().all(|node| node["connectionId"] == *own));
    let answer = plant
        .query_as(
            &token,
            "query($c: [ID!]) { vendors(connections: $c) { nodes { id } } }",
            json!({ "c": [other] }),
        )
        .await;
    assert_eq!(answer.codes(), ["CONNECTION_NOT_FOUND"]);
    assert!(plant.sandbox(System::Odoo).calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_without_a_valid_token_learns_nothing() {
    let plant = plant().await;
    let query = json!({ "query": "{ connections { nodes { id } } }" }).to_string();
    let almost = format!("{}x", &plant.token[..plant.token.len() - 1]);
    for token in [
        None,
        Some("nope"),
        Some(""),
        Some("lsk_0000000000000000000000000000000000000000000"),
        Some(almost.as_str()),
    ] {
        let answer = plant.send(token, query.clone()).await;
        assert_refused(&answer, 401, "UNAUTHENTICATED");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    let answer = plant
        .send(None, json!({ "query": "{ __schema { types { name } } }" }).to_string())
        .await;
    assert_refused(&answer, 401, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_request_is_refused() {
    let plant = plant().await;
    let token = Some(plant.token.as_str());
    let deep = format!("{{\"query\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, status, code) in [
        (Vec::new(), 400, "INVALID_JSON"),
        (b"{".to_vec(), 400, "INVALID_JSON"),
        (b"{\"query\": \"{ __typename }\"".to_vec(), 400, "INVALID_JSON"),
        (b"{\"query\": \"\xff\xfe\"}".to_vec(), 400, "INVALID_JSON"),
        (b"{\"query\": \"\xc3\x28 \"}".to_vec(), 400, "INVALID_JSON"),
        (b"null".to_vec(), 422, "INVALID_REQUEST"),
        (b"7".to_vec(), 422, "INVALID_REQUEST"),
        (b"{\"query\": 7}".to_vec(), 422, "INVALID_REQUEST"),
        (
            b"{\"query\": \"{ __typename }\", \"variables\": []}".to_vec(),
            422,
            "INVALID_REQUEST",
        ),
        (b"[{\"query\": \"{ __typename }\"}]".to_vec(), 422, "BATCH_NOT_ALLOWED"),
        (deep.into_bytes(), 422, "INVALID_REQUEST"),
        (vec![b' '; 1024 * 1024 + 1], 413, "PAYLOAD_TOO_LARGE"),
        (
            json!({ "query": format!("{{ connections(after: \"{}\") {{ nodes {{ id }} }} }}", "x".repeat(300_000)) })
                .to_string()
                .into_bytes(),
            422,
            "QUERY_TOO_LARGE",
        ),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = plant.send(token, body).await;
        assert_eq!(
            answer.codes().first(),
            Some(&code),
            "{shown}: {} {}",
            answer.status,
            answer.text.chars().take(300).collect::<String>()
        );
        assert_refused(&answer, status, code);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_document_that_would_grow_large_is_refused() {
    let plant = plant().await;
    let bomb: String = (0..20)
        .map(|level| {
            format!(
                "fragment f{level} on Query {{ ...f{next} ...f{next} ...f{next} }} ",
                next = level + 1
            )
        })
        .collect();
    let bomb = format!("{bomb} fragment f20 on Query {{ __typename }} {{ ...f0 }}");
    assert!(bomb.len() < 2_000);
    let deep = format!(
        "{{ assets {{ nodes {{ {} id {} }} }} }}",
        "parent { ".repeat(40),
        "} ".repeat(40)
    );
    let aliases = format!(
        "{{ {} }}",
        (0..200).map(|at| format!("a{at}: __typename ")).collect::<String>()
    );
    let cycle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }".to_owned();
    for (text, codes) in [
        (bomb, &["QUERY_TOO_COMPLEX"][..]),
        (deep, &["QUERY_TOO_DEEP"]),
        (aliases, &["QUERY_TOO_MANY_ALIASES", "QUERY_TOO_MANY_ROOT_FIELDS"]),
        (cycle, &["QUERY_FRAGMENT_CYCLE"]),
    ] {
        let answer = plant.query(&text, json!({})).await;
        let code = answer.codes().first().copied().unwrap_or_default().to_owned();
        assert!(codes.contains(&code.as_str()), "{}", answer.text);
        assert_refused(&answer, 422, &code);
    }
    for system in plant.systems() {
        assert!(plant.sandbox(system).calls().is_empty(), "{system} was not asked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_that_does_not_exist_gives_nothing_and_no_error() {
    let plant = plant().await;
    let answer = plant
        .query(
            "{ connector(id: \"nope\") { id } vendors(connectors: [\"nope\"]) { nodes { id } sources { status } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        answer.data(),
        &json!({ "connector": null, "vendors": { "nodes": [], "sources": [] } })
    );
}
