//! What async-graphql gives out of the box: derive-macro types, one future for each field, loaders for each node.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    ComplexObject, Context, EmptyMutation, EmptySubscription, Object, Schema, SimpleObject,
    dataloader::{DataLoader, Loader},
};
use axum::{Json, Router, extract::State, routing::post};
use dataloader::{BatchFn, cached};
use futures_util::future::join_all;
use serde::{Deserialize, de::DeserializeOwned};

use crate::rows::{LineRow, OrderRow, Page};

/// How keys become batches.
#[derive(Clone, Copy)]
pub enum Batching {
    /// async-graphql's loader: waits a millisecond for more keys.
    Timer,
    /// The `dataloader` crate: yields to the runtime.
    Yield,
}

#[derive(Clone)]
struct Source {
    client: reqwest::Client,
    upstream: Arc<str>,
}

impl Source {
    async fn get<T: DeserializeOwned>(&self, connection: usize, path: &str) -> Vec<T> {
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

    /// Loads rows by the keys of all connections, one call for each connection.
    async fn by_keys<T: DeserializeOwned>(&self, table: &str, parameter: &str, keys: &[Key]) -> Vec<(usize, T)> {
        let mut grouped: HashMap<usize, Vec<String>> = HashMap::new();
        for (connection, key) in keys {
            grouped.entry(*connection).or_default().push(key.to_string());
        }
        let calls = grouped.into_iter().map(|(connection, keys)| async move {
            let rows = self
                .get::<T>(connection, &format!("{table}?{parameter}={}", keys.join(",")))
                .await;
            rows.into_iter().map(move |row| (connection, row)).collect::<Vec<_>>()
        });
        join_all(calls).await.into_iter().flatten().collect()
    }
}

/// Connection and key.
type Key = (usize, u64);

#[derive(Clone, Deserialize, SimpleObject)]
struct Money {
    amount: String,
    currency: String,
}

#[derive(Clone, SimpleObject)]
struct Quantity {
    value: String,
    uom_code: String,
}

#[derive(Clone, SimpleObject)]
struct StatusInfo {
    code: String,
}

struct PurchaseOrder {
    connection: usize,
    row: OrderRow,
}

impl PurchaseOrder {
    fn money(&self, amount: f64) -> Money {
        Money {
            amount: format!("{amount:.2}"),
            currency: self.row.currency.clone(),
        }
    }
}

#[Object]
impl PurchaseOrder {
    async fn remote_id(&self) -> String {
        self.row.id.to_string()
    }
    async fn number(&self) -> &str {
        &self.row.number
    }
    async fn reference(&self) -> &str {
        &self.row.reference
    }
    async fn title(&self) -> &str {
        &self.row.title
    }
    async fn description(&self) -> &str {
        &self.row.description
    }
    async fn status(&self) -> &str {
        match self.row.state.as_str() {
            "draft" => "DRAFT",
            "open" => "APPROVED",
            "sent" => "SENT",
            "done" => "CLOSED",
            _ => "UNKNOWN",
        }
    }
    async fn status_info(&self) -> StatusInfo {
        StatusInfo {
            code: self.row.state.clone(),
        }
    }
    async fn order_date(&self) -> &str {
        &self.row.order_date
    }
    async fn required_date(&self) -> &str {
        &self.row.required_date
    }
    async fn created_at(&self) -> &str {
        &self.row.created_at
    }
    async fn updated_at(&self) -> &str {
        &self.row.updated_at
    }
    async fn currency(&self) -> &str {
        &self.row.currency
    }
    async fn net_total(&self) -> Money {
        self.money(self.row.net)
    }
    async fn tax_total(&self) -> Money {
        self.money(self.row.tax)
    }
    async fn gross_total(&self) -> Money {
        self.money(self.row.gross)
    }
    async fn payment_terms(&self) -> &str {
        &self.row.terms
    }
    async fn incoterms(&self) -> &str {
        &self.row.incoterms
    }
    async fn shipping_method(&self) -> &str {
        &self.row.shipping
    }
    async fn notes(&self) -> &str {
        &self.row.notes
    }
    async fn vendor(&self, ctx: &Context<'_>) -> Option<Vendor> {
        ctx.data_unchecked::<Loaders>()
            .vendor((self.connection, self.row.vendor_id))
            .await
    }
    async fn lines(&self, ctx: &Context<'_>) -> Vec<Line> {
        ctx.data_unchecked::<Loaders>()
            .lines((self.connection, self.row.id))
            .await
    }
}

#[derive(Clone, Deserialize, SimpleObject)]
struct Vendor {
    #[graphql(skip)]
    id: u64,
    number: String,
    name: String,
}

#[derive(Clone, Deserialize, SimpleObject)]
struct Item {
    #[graphql(skip)]
    id: u64,
    sku: String,
    name: String,
}

#[derive(Clone, SimpleObject)]
#[graphql(complex)]
struct Line {
    line_number: u64,
    quantity: Quantity,
    unit_price: Money,
    #[graphql(skip)]
    item_key: Key,
}

#[ComplexObject]
impl Line {
    async fn item(&self, ctx: &Context<'_>) -> Option<Item> {
        ctx.data_unchecked::<Loaders>().item(self.item_key).await
    }
}

struct Nodes(Vec<PurchaseOrder>);

#[Object]
impl Nodes {
    async fn nodes(&self) -> &[PurchaseOrder] {
        &self.0
    }
}

struct Query;

#[Object]
impl Query {
    async fn purchase_orders(&self, ctx: &Context<'_>, connections: usize) -> Nodes {
        let source = ctx.data_unchecked::<Source>();
        let share = 100usize.div_ceil(connections);
        let path = format!("orders?limit={share}");
        let parts = join_all((0..connections).map(|at| source.get::<OrderRow>(at, &path))).await;
        let rows = parts
            .into_iter()
            .enumerate()
            .flat_map(|(connection, rows)| rows.into_iter().map(move |row| (connection, row)));
        Nodes(
            rows.take(100)
                .map(|(connection, row)| PurchaseOrder { connection, row })
                .collect(),
        )
    }
}

enum Loaders {
    Timer(DataLoader<Vendors>, DataLoader<Lines>, DataLoader<Items>),
    Yield(
        cached::Loader<Key, Option<Vendor>, Vendors>,
        cached::Loader<Key, Vec<Line>, Lines>,
        cached::Loader<Key, Option<Item>, Items>,
    ),
}

impl Loaders {
    fn new(source: &Source, batching: Batching) -> Self {
        let (vendors, lines, items) = (Vendors(source.clone()), Lines(source.clone()), Items(source.clone()));
        match batching {
            Batching::Timer => Self::Timer(
                DataLoader::new(vendors, tokio::spawn),
                DataLoader::new(lines, tokio::spawn),
                DataLoader::new(items, tokio::spawn),
            ),
            Batching::Yield => Self::Yield(
                cached::Loader::new(vendors).with_max_batch_size(usize::MAX),
                cached::Loader::new(lines).with_max_batch_size(usize::MAX),
                cached::Loader::new(items).with_max_batch_size(usize::MAX),
            ),
        }
    }

    async fn vendor(&self, key: Key) -> Option<Vendor> {
        match self {
            Self::Timer(vendors, ..) => vendors.load_one(key).await.unwrap(),
            Self::Yield(vendors, ..) => vendors.load(key).await,
        }
    }

    async fn lines(&self, key: Key) -> Vec<Line> {
        match self {
            Self::Timer(_, lines, _) => lines.load_one(key).await.unwrap().unwrap_or_default(),
            Self::Yield(_, lines, _) => lines.load(key).await,
        }
    }

    async fn item(&self, key: Key) -> Option<Item> {
        match self {
            Self::Timer(.., items) => items.load_one(key).await.unwrap(),
            Self::Yield(.., items) => items.load(key).await,
        }
    }
}

struct Vendors(Source);

impl Vendors {
    async fn fetch(&self, keys: &[Key]) -> HashMap<Key, Vendor> {
        let rows = self.0.by_keys::<Vendor>("vendors", "ids", keys).await;
        rows.into_iter()
            .map(|(connection, row)| ((connection, row.id), row))
            .collect()
    }
}

struct Items(Source);

impl Items {
    async fn fetch(&self, keys: &[Key]) -> HashMap<Key, Item> {
        let rows = self.0.by_keys::<Item>("items", "ids", keys).await;
        rows.into_iter()
            .map(|(connection, row)| ((connection, row.id), row))
            .collect()
    }
}

struct Lines(Source);

impl Lines {
    async fn fetch(&self, keys: &[Key]) -> HashMap<Key, Vec<Line>> {
        let mut lists: HashMap<Key, Vec<Line>> = HashMap::new();
        for (connection, row) in self.0.by_keys::<LineRow>("lines", "orders", keys).await {
            lists.entry((connection, row.order_id)).or_default().push(Line {
                line_number: row.line,
                quantity: Quantity {
                    value: row.quantity.to_string(),
                    uom_code: row.uom,
                },
                unit_price: Money {
                    amount: row.price.to_string(),
                    currency: row.currency,
                },
                item_key: (connection, row.item_id),
            });
        }
        lists
    }
}

macro_rules! loaders {
    ($($batch:ident => $value:ty),*) => {$(
        impl Loader<Key> for $batch {
            type Value = $value;
            type Error = std::convert::Infallible;
            async fn load(&self, keys: &[Key]) -> Result<HashMap<Key, $value>, Self::Error> {
                Ok(self.fetch(keys).await)
            }
        }
    )*};
}

loaders!(Vendors => Vendor, Items => Item, Lines => Vec<Line>);

impl BatchFn<Key, Option<Vendor>> for Vendors {
    async fn load(&mut self, keys: &[Key]) -> HashMap<Key, Option<Vendor>> {
        let mut found = self.fetch(keys).await;
        keys.iter().map(|key| (*key, found.remove(key))).collect()
    }
}

impl BatchFn<Key, Option<Item>> for Items {
    async fn load(&mut self, keys: &[Key]) -> HashMap<Key, Option<Item>> {
        let mut found = self.fetch(keys).await;
        keys.iter().map(|key| (*key, found.remove(key))).collect()
    }
}

impl BatchFn<Key, Vec<Line>> for Lines {
    async fn load(&mut self, keys: &[Key]) -> HashMap<Key, Vec<Line>> {
        let mut found = self.fetch(keys).await;
        keys.iter()
            .map(|key| (*key, found.remove(key).unwrap_or_default()))
            .collect()
    }
}

type Plain = Schema<Query, EmptyMutation, EmptySubscription>;

pub async fn serve(batching: Batching) {
    let source = Source {
        client: reqwest::Client::new(),
        upstream: crate::upstream_address().into(),
    };
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription)
        .data(source.clone())
        .finish();
    let answer = move |State(schema): State<Plain>, Json(request): Json<async_graphql::Request>| {
        let loaders = Loaders::new(&source, batching);
        async move { Json(schema.execute(request.data(loaders)).await) }
    };
    crate::announce(Router::new().route("/graphql", post(answer)).with_state(schema)).await;
}
