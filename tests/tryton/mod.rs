//! The suite against a real Tryton server: what its own client puts in is what GraphQL gives, whatever happens to the
//! server. Runs with the feature `tryton`; see `start.sh`.

mod client;
mod server;

mod lists;
mod mappings;
mod records;
mod trouble;
mod verified;
mod writes;

use serde_json::{Value, json};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use self::server::Server;
use crate::support::{Answer, Plant, Setup};

/// Tests that compare whole lists wait until no other test changes records.
static QUIET: RwLock<()> = RwLock::const_new(());

async fn quiet() -> RwLockWriteGuard<'static, ()> {
    QUIET.write().await
}

async fn changing() -> RwLockReadGuard<'static, ()> {
    QUIET.read().await
}

/// The machine may be busy with the other tests.
fn patient() -> Setup {
    Setup::only([])
        .set("QUERY__TIMEOUT_MS", 60_000)
        .set("UPSTREAM__ATTEMPT_TIMEOUT_MS", 30_000)
        .set("WRITES__SLACK_MS", 120_000)
        .set("WRITES__SETTLE_AFTER_MS", 30_000)
        .set("GRAPHQL__QUERY_TIMEOUT_MS", 65_000)
}

/// Lineshaft with a connection to a Tryton server.
struct Stage<'a> {
    server: &'a Server,
    plant: Plant,
    connection: String,
}

impl Stage<'static> {
    /// On the server that the tests share.
    async fn shared() -> Self {
        Self::on(Server::shared(), patient(), "admin", server::PASSWORD).await
    }
}

impl<'a> Stage<'a> {
    async fn on(server: &'a Server, mut setup: Setup, username: &str, password: &str) -> Self {
        setup.connectors.push("tryton");
        let plant = setup.start().await;
        let settings = json!({ "base_url": server.url, "database": "lineshaft" });
        let credentials = json!({ "username": username, "password": password });
        let connection = plant.connect_to("tryton", "Tryton", settings, credentials).await;
        Self {
            server,
            plant,
            connection,
        }
    }

    async fn ask(&self, text: &str, variables: Value) -> Answer {
        self.plant.query(text, variables).await
    }

    /// Asks for one record by its key in Tryton, found by its list, and returns its id.
    async fn id_of(&self, list: &str, remote_id: &Value) -> String {
        let entity = match list {
            "purchaseOrders" => "PurchaseOrder",
            "vendors" => "Vendor",
            "inventoryItems" => "InventoryItem",
            "workOrders" => "WorkOrder",
            "assets" => "Asset",
            other => panic!("{other} is not asked for"),
        };
        let text =
            format!("query($filter: {entity}Filter) {{ {list}(filter: $filter) {{ nodes {{ id remoteId }} }} }}");
        let answer = self
            .ask(
                &text,
                json!({ "filter": { "remoteId": { "eq": remote_id.to_string() } } }),
            )
            .await;
        answer.data();
        let [node] = answer.nodes(list) else {
            panic!("{remote_id} is not one record: {}", answer.text)
        };
        assert_eq!(node["remoteId"], remote_id.to_string());
        node["id"].as_str().unwrap().to_owned()
    }

    /// Reads records through Tryton's own client.
    fn find(&self, model: &str, domain: Value, fields: &[&str]) -> Vec<Value> {
        let found = self
            .server
            .tell(&json!({ "do": "find", "model": model, "domain": domain, "fields": fields }));
        found.as_array().unwrap().clone()
    }

    /// Reads the only record that there is.
    #[track_caller]
    fn only(&self, model: &str, domain: Value, fields: &[&str]) -> Value {
        let found = self.find(model, domain, fields);
        let [record] = found.as_slice() else {
            panic!("{model}: {found:?} is not one record")
        };
        record.clone()
    }

    /// Returns the keys of the records that Tryton finds, as Lineshaft writes them.
    fn search(&self, model: &str, domain: &Value) -> Vec<String> {
        let found = self
            .server
            .tell(&json!({ "do": "search", "model": model, "domain": domain }));
        found.as_array().unwrap().iter().map(ToString::to_string).collect()
    }

    fn create(&self, model: &str, values: Value) -> Value {
        self.server
            .tell(&json!({ "do": "create", "model": model, "values": values }))
    }

    fn change(&self, model: &str, id: &Value, values: Value) {
        self.server
            .tell(&json!({ "do": "change", "model": model, "id": id, "values": values }));
    }

    fn click(&self, model: &str, id: &Value, button: &str) {
        self.server
            .tell(&json!({ "do": "click", "model": model, "id": id, "button": button }));
    }

    fn delete(&self, model: &str, id: &Value) {
        self.server.tell(&json!({ "do": "delete", "model": model, "id": id }));
    }

    /// Makes a vendor and returns its key.
    fn new_vendor(&self, code: &str, name: &str) -> Value {
        let values = json!({
            "name": name, "code": code,
            "addresses": [{ "street": "Kai 7\nTor 4", "city": "Rostock", "postal_code": "18055" }],
            "contact_mechanisms": [{ "type": "email", "value": "orders@example.com" }],
        });
        self.create("party.party", values)
    }

    /// Makes an item and returns its key.
    fn new_item(&self, code: &str, name: &str, cost: &str) -> Value {
        let unit = self.only("product.uom", json!([["name", "=", "Unit"]]), &[])["id"].clone();
        let category = self.only("product.category", json!([["name", "=", "Spare parts accounts"]]), &[])["id"].clone();
        let values = json!({
            "name": name, "type": "goods", "purchasable": true, "default_uom": unit, "list_price": "99.99",
            "account_category": category, "cost_price_method": "fixed",
            "products": [{ "suffix_code": code, "cost_price": cost }],
        });
        let template = self.create("product.template", values);
        self.only("product.product", json!([["template", "=", template]]), &[])["id"].clone()
    }

    /// Makes a draft of an order and returns its key.
    fn new_order(&self, reference: &str, vendor: &Value, date: &str, lines: &[(&Value, &str, &str)]) -> Value {
        let line = |(item, quantity, price): &(&Value, &str, &str)| json!({ "product": item, "quantity": quantity, "unit_price": price });
        let values = json!({
            "party": vendor, "reference": reference, "description": format!("Order {reference}"), "purchase_date": date,
            "invoice_method": "manual", "comment": "Ring at gate 4\nAsk for Bo",
            "lines": lines.iter().map(line).collect::<Vec<_>>(),
        });
        self.create("purchase.purchase", values)
    }
}

/// Returns a number without the zeros at its end: Tryton keeps quantities as floats and money as decimals.
fn plain(number: &Value) -> Value {
    let Some(text) = number.as_str().filter(|text| text.contains('.')) else {
        return number.clone();
    };
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// Tells whether two texts are the same moment, to the second: the protocol of Tryton's client carries no parts of it.
fn same_moment(a: &Value, b: &Value) -> bool {
    let second = |value: &Value| value.as_str().map(|text| text[..19].to_owned());
    second(a) == second(b)
}
