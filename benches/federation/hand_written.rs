//! What an engineer would write by hand for exactly this page: typed rows, one fan-out, three look-ups a connection.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use axum::{Json, Router, extract::State, routing::post};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::rows::{LineRow, OrderRow, Page};

#[derive(Deserialize)]
struct VendorRow {
    id: u64,
    number: String,
    name: String,
}

#[derive(Deserialize)]
struct ItemRow {
    id: u64,
    sku: String,
    name: String,
}

#[derive(Serialize)]
struct Money {
    amount: String,
    currency: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    number: String,
    reference: String,
    title: String,
    description: String,
    status: &'static str,
    status_info: Status,
    order_date: String,
    required_date: String,
    created_at: String,
    updated_at: String,
    currency: String,
    net_total: Money,
    tax_total: Money,
    gross_total: Money,
    payment_terms: String,
    incoterms: String,
    shipping_method: String,
    notes: String,
    remote_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<Vendor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<Line>>,
}

#[derive(Serialize)]
struct Status {
    code: String,
}

#[derive(Clone, Serialize)]
struct Vendor {
    number: String,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    line_number: u64,
    quantity: Quantity,
    unit_price: Money,
    item: Option<Item>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Quantity {
    value: String,
    uom_code: String,
}

#[derive(Clone, Serialize)]
struct Item {
    sku: String,
    name: String,
}

#[derive(Deserialize)]
struct Asked {
    connections: usize,
    nested: bool,
}

#[derive(Clone)]
struct Server {
    client: reqwest::Client,
    upstream: Arc<str>,
}

pub async fn serve() {
    let server = Server {
        client: reqwest::Client::new(),
        upstream: crate::upstream_address().into(),
    };
    crate::announce(Router::new().route("/graphql", post(page)).with_state(server)).await;
}

#[derive(Serialize)]
struct Answer {
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    purchase_orders: Nodes,
}

#[derive(Serialize)]
struct Nodes {
    nodes: Vec<Order>,
}

async fn page(State(server): State<Server>, Json(asked): Json<Asked>) -> Json<Answer> {
    let share = 100usize.div_ceil(asked.connections);
    let parts = join_all((0..asked.connections).map(|at| server.connection(at, share, asked.nested))).await;
    let nodes = parts.into_iter().flatten().take(100).collect();
    Json(Answer {
        data: Data {
            purchase_orders: Nodes { nodes },
        },
    })
}

impl Server {
    async fn get<T: serde::de::DeserializeOwned>(&self, connection: usize, path: &str) -> Vec<T> {
        let address = format!("http://{}/c{connection}/{path}", self.upstream);
        let bytes = self
            .client
            .get(address)
            .header("x-key", "k")
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        serde_json::from_slice::<Page<T>>(&bytes).unwrap().items
    }

    async fn connection(&self, at: usize, share: usize, nested: bool) -> Vec<Order> {
        let rows: Vec<OrderRow> = self.get(at, &format!("orders?limit={share}")).await;
        if !nested {
            return rows.into_iter().map(|row| order(row, None, None)).collect();
        }
        let (vendors, (lines, items)) = tokio::join!(self.vendors(at, &rows), self.lines(at, &rows));
        let items: HashMap<u64, Item> = items;
        let mut by_order: HashMap<u64, Vec<Line>> = HashMap::with_capacity(rows.len());
        for row in lines {
            by_order.entry(row.order_id).or_default().push(Line {
                line_number: row.line,
                quantity: Quantity {
                    value: row.quantity.to_string(),
                    uom_code: row.uom,
                },
                unit_price: Money {
                    amount: row.price.to_string(),
                    currency: row.currency,
                },
                item: items.get(&row.item_id).cloned(),
            });
        }
        let build = |row: OrderRow| {
            let (vendor, lines) = (
                vendors.get(&row.vendor_id).cloned(),
                by_order.remove(&row.id).unwrap_or_default(),
            );
            order(row, vendor, Some(lines))
        };
        rows.into_iter().map(build).collect()
    }

    async fn vendors(&self, at: usize, orders: &[OrderRow]) -> HashMap<u64, Vendor> {
        let ids: BTreeSet<u64> = orders.iter().map(|order| order.vendor_id).collect();
        let rows: Vec<VendorRow> = self.get(at, &format!("vendors?ids={}", join(&ids))).await;
        rows.into_iter()
            .map(|row| {
                (
                    row.id,
                    Vendor {
                        number: row.number,
                        name: row.name,
                    },
                )
            })
            .collect()
    }

    async fn lines(&self, at: usize, orders: &[OrderRow]) -> (Vec<LineRow>, HashMap<u64, Item>) {
        let ids: BTreeSet<u64> = orders.iter().map(|order| order.id).collect();
        let lines: Vec<LineRow> = self.get(at, &format!("lines?orders={}", join(&ids))).await;
        let ids: BTreeSet<u64> = lines.iter().map(|line| line.item_id).collect();
        let rows: Vec<ItemRow> = self.get(at, &format!("items?ids={}", join(&ids))).await;
        (
            lines,
            rows.into_iter()
                .map(|row| {
                    (
                        row.id,
                        Item {
                            sku: row.sku,
                            name: row.name,
                        },
                    )
                })
                .collect(),
        )
    }
}

fn join(ids: &BTreeSet<u64>) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

fn order(row: OrderRow, vendor: Option<Vendor>, lines: Option<Vec<Line>>) -> Order {
    let money = |amount: f64| Money {
        amount: format!("{amount:.2}"),
        currency: row.currency.clone(),
    };
    Order {
        status: match row.state.as_str() {
            "draft" => "DRAFT",
            "open" => "APPROVED",
            "sent" => "SENT",
            "done" => "CLOSED",
            _ => "UNKNOWN",
        },
        net_total: money(row.net),
        tax_total: money(row.tax),
        gross_total: money(row.gross),
        status_info: Status { code: row.state },
        number: row.number,
        reference: row.reference,
        title: row.title,
        description: row.description,
        order_date: row.order_date,
        required_date: row.required_date,
        created_at: row.created_at,
        updated_at: row.updated_at,
        currency: row.currency,
        payment_terms: row.terms,
        incoterms: row.incoterms,
        shipping_method: row.shipping,
        notes: row.notes,
        remote_id: row.id.to_string(),
        vendor,
        lines,
    }
}
