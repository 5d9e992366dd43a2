//! Lists and relations over tables: few statements, and pages that come to their end whatever they are sorted by.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::on_each;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relations_of_a_page_cost_one_statement_each() {
    on_each(|stand| async move {
        let text = "{ purchaseOrders(first: 50) {
            nodes { number vendor { name } lines { lineNumber quantity { value } unitPrice { amount } item { sku name } } }
            totalCount sources { connection { id } status upstreamCalls } } }";
        let answer = stand.query(text, json!({})).await;
        let orders = answer.data()["purchaseOrders"]["nodes"].as_array().unwrap();
        let all = stand.tables.number("SELECT COUNT(*) FROM orders").await;
        assert_eq!(orders.len() as i64, all.min(50), "{}", answer.text);
        assert_eq!(answer.data()["purchaseOrders"]["totalCount"], all);
        assert!(orders.iter().all(|order| order["vendor"]["name"].is_string()));
        assert!(orders.iter().any(|order| order["lines"][0]["item"]["name"].is_string()));
        // The orders and their number, then all vendors, all lines, all items.
        let source = answer.source("purchaseOrders", &stand.connection);
        assert!(source["upstreamCalls"].as_u64().unwrap() <= 5, "{source}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_come_to_their_end_whatever_they_are_sorted_by() {
    on_each(|stand| async move {
        let all = stand.tables.number("SELECT COUNT(*) FROM orders").await;
        let moments = stand
            .tables
            .number("SELECT COUNT(DISTINCT modified_at) FROM orders")
            .await;
        assert!(moments < all, "some orders share a moment");
        let orders = [
            Value::Null,
            json!({ "field": "UPDATED_AT" }),
            json!({ "field": "UPDATED_AT", "direction": "DESC" }),
            json!({ "field": "ORDER_DATE", "direction": "DESC" }),
        ];
        for order in orders {
            let (mut after, mut seen, mut moments) = (Value::Null, BTreeSet::new(), Vec::new());
            loop {
                let text = "query($after: String, $orderBy: PurchaseOrderOrder) {
                    purchaseOrders(first: 7, after: $after, orderBy: $orderBy) {
                    nodes { id updatedAt } pageInfo { hasNextPage endCursor } } }";
                let variables = json!({ "after": after, "orderBy": order });
                let answer = stand.query(text, variables).await;
                let page = &answer.data()["purchaseOrders"];
                for node in page["nodes"].as_array().unwrap() {
                    assert!(seen.insert(node["id"].to_string()), "{} came twice", node["id"]);
                    moments.push(node["updatedAt"].as_str().unwrap().to_owned());
                }
                if page["pageInfo"]["hasNextPage"] != true {
                    break;
                }
                after = page["pageInfo"]["endCursor"].clone();
            }
            assert_eq!(seen.len() as i64, all, "{order}");
            if order["field"] == "UPDATED_AT" {
                match order["direction"].as_str() {
                    Some(_) => assert!(moments.is_sorted_by(|a, b| a >= b)),
                    None => assert!(moments.is_sorted()),
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_come_without_loss() {
    on_each(|stand| async move {
        stand
            .tables
            .run("INSERT INTO parts VALUES ('EXACT', 'a \"b\" ü', 'kg', 123456789012345678.000001, NULL, NULL)")
            .await;
        let text = "{ inventoryItems(first: 1, filter: { sku: { eq: \"EXACT\" } }) {
            nodes { name standardCost { amount } preferredVendor { id } updatedAt } } }";
        let answer = stand.query(text, json!({})).await;
        let item = &answer.data()["inventoryItems"]["nodes"][0];
        assert_eq!(item["name"], "a \"b\" ü", "{}", answer.text);
        assert_eq!(item["standardCost"]["amount"], "123456789012345678.000001");
        assert!(item["preferredVendor"].is_null() && item["updatedAt"].is_null());
        // Equal is equal to the letter, also where the database thinks otherwise.
        let other = stand
            .query(
                "{ inventoryItems(first: 1, filter: { sku: { eq: \"exact\" } }) { nodes { sku } } }",
                json!({}),
            )
            .await;
        assert_eq!(other.nodes("inventoryItems").len(), 0, "{}", other.text);
    })
    .await;
}
