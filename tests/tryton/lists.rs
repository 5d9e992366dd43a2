//! Whole lists: every record once and with the values that Tryton's own client shows, filters that find what Tryton
//! finds, and orders that hold over pages.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Stage, plain, quiet, same_moment};
use crate::support::meaning::{Sort, compare_in_order};

/// Reads a list to its end, some records at a time.
async fn walk(stage: &Stage<'_>, text: &str, list: &str, mut variables: Value, size: usize) -> Vec<Value> {
    let mut all = Vec::new();
    variables["first"] = json!(size);
    loop {
        let answer = stage.ask(text, variables.clone()).await;
        let page = &answer.data()[list];
        let nodes = answer.nodes(list);
        all.extend(nodes.iter().cloned());
        if page["pageInfo"]["hasNextPage"] != true {
            let ids: BTreeSet<_> = all.iter().map(|node| node["remoteId"].as_str().unwrap()).collect();
            assert_eq!(ids.len(), all.len(), "no record comes twice");
            return all;
        }
        assert_eq!(nodes.len(), size, "only the last page is short");
        variables["after"] = page["pageInfo"]["endCursor"].clone();
    }
}

fn keys(nodes: &[Value]) -> BTreeSet<String> {
    nodes
        .iter()
        .map(|node| node["remoteId"].as_str().unwrap().to_owned())
        .collect()
}

const ORDERS: &str = "query($first: Int, $after: String) { purchaseOrders(first: $first, after: $after) {
    nodes { remoteId number reference description status statusInfo { code subCode } orderDate requiredDate currency notes
      companyCode paymentTerms createdAt updatedAt vendor { remoteId name } site { remoteId name } buyer { name }
      netTotal { amount currency } taxTotal { amount } grossTotal { amount currency }
      lines { remoteId lineNumber description quantity { value uomCode } unitPrice { amount currency } lineTotal { amount }
        item { remoteId sku name } } }
    totalCount pageInfo { hasNextPage endCursor } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_purchase_order_comes_once_with_the_values_that_tryton_shows() {
    let _quiet = quiet().await;
    let stage = Stage::shared().await;
    let fields = [
        "number",
        "reference",
        "description",
        "state",
        "shipment_state",
        "purchase_date",
        "delivery_date",
        "currency.code",
        "comment",
        "company.rec_name",
        "payment_term.name",
        "create_date",
        "write_date",
        "party",
        "party.name",
        "warehouse",
        "warehouse.name",
        "quoted_by.party.name",
        "untaxed_amount",
        "tax_amount",
        "total_amount",
    ];
    let orders = stage.find("purchase.purchase", json!([]), &fields);
    let fields = [
        "purchase",
        "sequence",
        "description",
        "quantity",
        "unit.symbol",
        "unit_price",
        "amount",
        "product",
        "product.code",
        "product.name",
    ];
    let mut lines: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for line in stage.find("purchase.line", json!([]), &fields) {
        lines.entry(line["purchase"].as_u64().unwrap()).or_default().push(line);
    }
    let told = walk(&stage, ORDERS, "purchaseOrders", json!({}), 7).await;
    assert!(orders.len() >= 30);
    assert_eq!(
        keys(&told),
        orders.iter().map(|order| order["id"].to_string()).collect()
    );
    for order in &orders {
        let node = told
            .iter()
            .find(|node| node["remoteId"].as_str() == Some(order["id"].to_string().as_str()))
            .unwrap();
        assert_order(node, order);
        let own = lines.get(&order["id"].as_u64().unwrap()).map_or(&[][..], Vec::as_slice);
        let told = node["lines"].as_array().unwrap();
        assert_eq!(told.len(), own.len(), "{node}");
        for line in own {
            assert_line(
                told.iter()
                    .find(|told| told["remoteId"].as_str() == Some(line["id"].to_string().as_str()))
                    .unwrap(),
                line,
            );
        }
    }
}

#[track_caller]
fn assert_order(node: &Value, order: &Value) {
    let pairs = [
        (&node["number"], &order["number"]),
        (&node["reference"], &order["reference"]),
        (&node["description"], &order["description"]),
        (&node["statusInfo"]["code"], &order["state"]),
        (&node["statusInfo"]["subCode"], &order["shipment_state"]),
        (&node["orderDate"], &order["purchase_date"]),
        (&node["requiredDate"], &order["delivery_date"]),
        (&node["currency"], &order["currency.code"]),
        (&node["grossTotal"]["currency"], &order["currency.code"]),
        (&node["notes"], &order["comment"]),
        (&node["companyCode"], &order["company.rec_name"]),
        (&node["paymentTerms"], &order["payment_term.name"]),
        (&node["vendor"]["name"], &order["party.name"]),
        (&node["site"]["name"], &order["warehouse.name"]),
        (&node["buyer"]["name"], &order["quoted_by.party.name"]),
    ];
    for (told, own) in pairs {
        // A text that was never written is empty or missing, by the way that the record was made.
        let own = if own == "" { &Value::Null } else { own };
        assert_eq!(told, own, "{node:#}\n{order:#}");
    }
    assert_eq!(node["vendor"]["remoteId"], order["party"].to_string());
    assert_eq!(node["site"]["remoteId"], order["warehouse"].to_string());
    for (told, own) in [
        ("netTotal", "untaxed_amount"),
        ("taxTotal", "tax_amount"),
        ("grossTotal", "total_amount"),
    ] {
        assert!(
            plain(&node[told]["amount"]) == plain(&order[own]),
            "{told}: {} {}",
            node[told],
            order[own]
        );
    }
    let changed = if order["write_date"].is_null() {
        &order["create_date"]
    } else {
        &order["write_date"]
    };
    assert!(
        same_moment(&node["createdAt"], &order["create_date"]),
        "{} {}",
        node["createdAt"],
        order["create_date"]
    );
    assert!(
        same_moment(&node["updatedAt"], changed),
        "{} {changed}",
        node["updatedAt"]
    );
}

#[track_caller]
fn assert_line(told: &Value, line: &Value) {
    assert_eq!(told["lineNumber"], line["sequence"], "{told:#}");
    assert_eq!(told["item"]["remoteId"], line["product"].to_string(), "{told:#}");
    assert_eq!(told["item"]["sku"], line["product.code"], "{told:#}");
    assert_eq!(told["item"]["name"], line["product.name"], "{told:#}");
    assert_eq!(told["quantity"]["uomCode"], line["unit.symbol"], "{told:#}");
    for (told, own) in [
        (&told["quantity"]["value"], "quantity"),
        (&told["unitPrice"]["amount"], "unit_price"),
        (&told["lineTotal"]["amount"], "amount"),
    ] {
        assert_eq!(plain(told), plain(&line[own]), "{own}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_has_the_records_that_tryton_has() {
    let _quiet = quiet().await;
    let stage = Stage::shared().await;
    let lists = [
        ("purchaseOrders", "purchase.purchase", json!([])),
        ("vendors", "party.party", json!([["code", "!=", null]])),
        ("inventoryItems", "product.product", json!([["type", "!=", "assets"]])),
        ("workOrders", "project.work", json!([["type", "=", "task"]])),
        ("assets", "account.asset", json!([])),
        ("locations", "stock.location", json!([])),
        ("users", "company.employee", json!([])),
        (
            "goodsReceipts",
            "stock.shipment.in",
            json!([["state", "in", ["received", "done"]]]),
        ),
    ];
    for (list, model, domain) in lists {
        let text = format!(
            "query($first: Int, $after: String) {{ {list}(first: $first, after: $after) {{ nodes {{ remoteId }} totalCount \
             pageInfo {{ hasNextPage endCursor }} sources {{ problems {{ field message }} }} }} }}"
        );
        let expected: BTreeSet<String> = stage.search(model, &domain).into_iter().collect();
        assert!(expected.len() >= 3, "{list}: {expected:?}");
        assert_eq!(keys(&walk(&stage, &text, list, json!({}), 5).await), expected, "{list}");
        let answer = stage.ask(&text, json!({ "first": 1 })).await;
        assert_eq!(answer.data()[list]["totalCount"], json!(expected.len()), "{list}");
        assert_eq!(answer.data()[list]["sources"][0]["problems"], json!([]), "{list}");
    }
}

const FILTERED: &str =
    "query($first: Int, $after: String, $filter: PurchaseOrderFilter, $orderBy: PurchaseOrderOrder) {
    purchaseOrders(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
      nodes { remoteId number reference orderDate updatedAt createdAt status }
      totalCount pageInfo { hasNextPage endCursor } sources { pushedDown appliedHere error { code } } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_find_what_tryton_finds() {
    let _quiet = quiet().await;
    let stage = Stage::shared().await;
    let some = &stage.find(
        "purchase.purchase",
        json!([["number", "!=", null]]),
        &["number", "party"],
    )[3];
    let (number, party) = (&some["number"], &some["party"]);
    let vendor = stage.id_of("vendors", party).await;
    let missing = json!(["number", "=", null]);
    let cases = [
        (
            json!({ "status": { "eq": "DRAFT" } }),
            json!([["state", "in", ["draft", "quotation"]]]),
        ),
        (
            json!({ "status": { "in": ["APPROVED", "SENT"] } }),
            json!([["state", "in", ["confirmed", "processing"]]]),
        ),
        (
            json!({ "status": { "ne": "CANCELED" } }),
            json!([["state", "!=", "cancelled"]]),
        ),
        (json!({ "number": { "eq": number } }), json!([["number", "=", number]])),
        (
            json!({ "number": { "in": [number, "nothing"] } }),
            json!([["number", "=", number]]),
        ),
        (
            json!({ "number": { "ne": number } }),
            json!(["OR", ["number", "!=", number], missing]),
        ),
        (json!({ "number": { "isNull": true } }), json!([missing])),
        (
            json!({ "reference": { "contains": "EQ-702" } }),
            json!([["reference", "like", "%EQ-702%"]]),
        ),
        (
            json!({ "reference": { "startsWith": "req-701" } }),
            json!([["reference", "like", "REQ-701%"]]),
        ),
        (
            json!({ "reference": { "contains": "%" } }),
            json!([["reference", "like", "%\\%%"]]),
        ),
        (
            json!({ "description": { "contains": "STOCK 1" } }),
            json!([["description", "ilike", "%stock 1%"]]),
        ),
        (
            json!({ "orderDate": { "gte": "2026-06-10", "lt": "2026-06-20" } }),
            json!([
                ["purchase_date", ">=", date("2026-06-10")],
                ["purchase_date", "<", date("2026-06-20")]
            ]),
        ),
        (
            json!({ "orderDate": { "eq": "2026-06-05" } }),
            json!([["purchase_date", "=", date("2026-06-05")]]),
        ),
        (
            json!({ "orderDate": { "gt": "2026-06-05", "lte": "2026-06-06" } }),
            json!([["purchase_date", "=", date("2026-06-06")]]),
        ),
        (json!({ "vendor": { "eq": vendor } }), json!([["party", "=", party]])),
        (json!({ "vendor": { "ne": vendor } }), json!([["party", "!=", party]])),
        (
            json!({ "currency": { "eq": "EUR" } }),
            json!([["currency.code", "=", "EUR"]]),
        ),
        (
            json!({ "or": [{ "status": { "eq": "CANCELED" } }, { "orderDate": { "lt": "2026-06-04" } }] }),
            json!([
                "OR",
                ["state", "=", "cancelled"],
                ["purchase_date", "<", date("2026-06-04")]
            ]),
        ),
        (
            json!({ "not": { "or": [{ "status": { "eq": "DRAFT" } }, { "orderDate": { "gte": "2026-06-20" } }] } }),
            json!([
                ["state", "not in", ["draft", "quotation"]],
                [
                    "OR",
                    ["purchase_date", "<", date("2026-06-20")],
                    ["purchase_date", "=", null]
                ]
            ]),
        ),
        (
            json!({ "and": [{ "status": { "eq": "DRAFT" } }, { "not": { "number": { "isNull": true } } }], "vendor": { "eq": vendor } }),
            json!([
                ["state", "in", ["draft", "quotation"]],
                ["number", "!=", null],
                ["party", "=", party]
            ]),
        ),
        (
            json!({ "receiptStatus": { "eq": "FULL" } }),
            json!([["shipment_state", "=", "received"]]),
        ),
    ];
    for (filter, domain) in cases {
        let expected: BTreeSet<String> = stage.search("purchase.purchase", &domain).into_iter().collect();
        // A sign that stands for any text in Tryton is a sign like any other here.
        let nothing = filter == json!({ "reference": { "contains": "%" } });
        assert_eq!(expected.is_empty(), nothing, "{filter}");
        let found = walk(&stage, FILTERED, "purchaseOrders", json!({ "filter": filter }), 4).await;
        assert_eq!(keys(&found), expected, "{filter}");
        let answer = stage.ask(FILTERED, json!({ "filter": filter, "first": 2 })).await;
        let page = &answer.data()["purchaseOrders"];
        let here = page["sources"][0]["appliedHere"].as_array().unwrap();
        assert_eq!(
            page["totalCount"],
            if here.is_empty() {
                json!(expected.len())
            } else {
                Value::Null
            },
            "{filter}: {page:#}"
        );
    }
}

fn date(text: &str) -> Value {
    json!({ "date": text })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tryton_can_filter_is_not_filtered_here() {
    let stage = Stage::shared().await;
    for filter in [
        json!({ "status": { "in": ["APPROVED"] } }),
        json!({ "number": { "eq": "3" } }),
        json!({ "orderDate": { "gte": "2026-06-10" } }),
        json!({ "not": { "status": { "eq": "SENT" } } }),
    ] {
        let answer = stage.ask(FILTERED, json!({ "filter": filter })).await;
        let source = &answer.data()["purchaseOrders"]["sources"][0];
        assert_eq!(source["appliedHere"], json!([]), "{filter}: {source}");
        assert_ne!(source["pushedDown"], json!([]), "{filter}: {source}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_hold_over_pages_both_ways() {
    let _quiet = quiet().await;
    let stage = Stage::shared().await;
    let expected: BTreeSet<String> = stage.search("purchase.purchase", &json!([])).into_iter().collect();
    for (order, field, sort) in [
        ("ORDER_DATE", "orderDate", Sort::Date),
        ("NUMBER", "number", Sort::Text),
        ("REFERENCE", "reference", Sort::Text),
        ("CREATED_AT", "createdAt", Sort::DateTime),
        ("UPDATED_AT", "updatedAt", Sort::DateTime),
    ] {
        for direction in ["ASC", "DESC"] {
            let variables = json!({ "orderBy": { "field": order, "direction": direction } });
            let found = walk(&stage, FILTERED, "purchaseOrders", variables, 6).await;
            assert_eq!(keys(&found), expected, "{order} {direction}");
            for pair in found.windows(2) {
                let way = compare_in_order(sort, direction == "DESC", &pair[0][field], &pair[1][field]);
                assert!(way.is_le(), "{order} {direction}: {} before {}", pair[0], pair[1]);
            }
        }
    }
}
