//! The upstream: a fast JSON service with the same data for every connection. Rows are text from the start.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::header,
    response::IntoResponse,
    routing::get,
};

pub const ORDERS: usize = 2_000;
const VENDORS: usize = 20;
const ITEMS: usize = 60;
const LINES: usize = 3;

struct Data {
    tables: HashMap<&'static str, Vec<String>>,
    calls: AtomicU64,
}

pub async fn serve() {
    let data = Arc::new(Data {
        tables: tables(),
        calls: AtomicU64::new(0),
    });
    let router = Router::new()
        .route("/{connection}/{table}", get(rows))
        .route("/calls", get(calls))
        .with_state(data);
    crate::announce(router).await;
}

fn tables() -> HashMap<&'static str, Vec<String>> {
    let order = |id: usize| {
        let state = ["draft", "open", "sent", "done"][id % 4];
        let vendor = id % VENDORS + 1;
        format!(
            r#"{{"id":{id},"number":"PO-{id:05}","reference":"REQ-{id}","title":"Restock of line {id}","description":"Spare parts for the planned shutdown of line {id}","state":"{state}","vendor_id":{vendor},"order_date":"2026-03-{:02}","required_date":"2026-04-{:02}","created_at":"2026-03-01T08:00:00Z","updated_at":"2026-03-02T09:30:00Z","currency":"EUR","net":{}.50,"tax":{}.10,"gross":{}.60,"terms":"30 days net","incoterms":"DAP","shipping":"road","notes":"Deliver to gate {}"}}"#,
            id % 28 + 1,
            id % 28 + 1,
            id * 10,
            id * 2,
            id * 12,
            id % 9
        )
    };
    let line = |id: usize| {
        let (order, item) = ((id - 1) / LINES + 1, id % ITEMS + 1);
        format!(
            r#"{{"id":{id},"order_id":{order},"line":{},"quantity":{},"uom":"EA","price":12.{:02},"currency":"EUR","item_id":{item}}}"#,
            (id - 1) % LINES + 1,
            id % 40 + 1,
            id % 100
        )
    };
    let vendor = |id: usize| {
        format!(
            r#"{{"id":{id},"number":"V-{id}","name":"Vendor number {id} of many","city":"Schweinfurt","terms":"30 days"}}"#
        )
    };
    let item =
        |id: usize| format!(r#"{{"id":{id},"sku":"MAT-{id:05}","name":"Bearing 62{id:02}","uom":"EA","cost":4.20}}"#);
    HashMap::from([
        ("orders", (1..=ORDERS).map(order).collect()),
        ("lines", (1..=ORDERS * LINES).map(line).collect()),
        ("vendors", (1..=VENDORS).map(vendor).collect()),
        ("items", (1..=ITEMS).map(item).collect()),
    ])
}

async fn calls(State(data): State<Arc<Data>>) -> String {
    data.calls.load(Ordering::Relaxed).to_string()
}

async fn rows(
    State(data): State<Arc<Data>>,
    Path((_, table)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> impl IntoResponse {
    data.calls.fetch_add(1, Ordering::Relaxed);
    let rows = &data.tables[table.as_str()];
    let ids = |name: &str| {
        query.get(name).map(|ids| {
            ids.split(',')
                .map(|id| id.parse::<usize>().unwrap())
                .collect::<Vec<_>>()
        })
    };
    let picked: Vec<&String> = if let Some(ids) = ids("ids") {
        ids.into_iter().map(|id| &rows[id - 1]).collect()
    } else if let Some(orders) = ids("orders") {
        orders
            .into_iter()
            .flat_map(|order| &rows[(order - 1) * LINES..order * LINES])
            .collect()
    } else {
        let number = |name: &str, or: usize| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(or);
        rows.iter()
            .skip(number("offset", 0))
            .take(number("limit", 100))
            .collect()
    };
    let mut body = String::with_capacity(picked.iter().map(|row| row.len() + 1).sum::<usize>() + 16);
    body.push_str(r#"{"items":["#);
    for (at, row) in picked.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str(row);
    }
    body.push_str("]}");
    ([(header::CONTENT_TYPE, "application/json")], body)
}
