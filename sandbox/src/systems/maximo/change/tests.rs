//! Trials of writes over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod records;

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use super::super::session::DEMO_KEY;
use crate::{Options, Sandbox, System};

type Headers<'a> = &'a [(&'a str, &'a str)];

const PATCH: (&str, &str) = ("x-method-override", "PATCH");
const MERGE: (&str, &str) = ("patchtype", "MERGE");
const SHOW: (&str, &str) = ("properties", "*");
const STATUS: &str = "?action=wsmethod:changeStatus";
const COMPLETE: &str = "?action=wsmethod:changeInvuseStatus";

struct Trial {
    sandbox: Sandbox,
    client: Client,
}

impl Trial {
    async fn start() -> Self {
        let sandbox = Sandbox::start(System::Maximo, Options::default()).await.unwrap();
        Self {
            sandbox,
            client: Client::new(),
        }
    }

    async fn send(&self, method: Method, address: &str, headers: Headers<'_>, body: &Value) -> Response {
        let address = if address.starts_with("http") {
            address.to_owned()
        } else {
            format!("{}/maximo/api/os/{address}", self.sandbox.base_url())
        };
        let mut request = self
            .client
            .request(method, address)
            .query(&[("lean", "1")])
            .header("apikey", DEMO_KEY);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.json(body).send().await.unwrap()
    }

    /// Creates a record and returns it.
    async fn create(&self, os: &str, body: Value) -> Value {
        let response = self.send(Method::POST, os, &[SHOW], &body).await;
        let status = response.status();
        let location = response.headers().get("location").cloned();
        let made: Value = response.json().await.unwrap();
        assert_eq!(status, 201, "{made}");
        assert_eq!(location.unwrap().to_str().unwrap(), made["href"].as_str().unwrap());
        made
    }

    async fn update(&self, href: &str, body: Value) {
        let response = self.send(Method::POST, href, &[PATCH, MERGE], &body).await;
        let status = response.status();
        assert_eq!(status, 204, "{}", response.text().await.unwrap());
    }

    async fn change_status(&self, href: &str, body: Value) -> (u16, String) {
        outcome(
            self.send(Method::POST, &format!("{href}{STATUS}"), &[PATCH], &body)
                .await,
        )
        .await
    }

    async fn read(&self, href: &str) -> Value {
        let response = self.send(Method::GET, href, &[], &Value::Null).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    async fn refused(&self, address: &str, headers: Headers<'_>, body: Value) -> (u16, String) {
        outcome(self.send(Method::POST, address, headers, &body).await).await
    }

    async fn find(&self, os: &str, clause: &str) -> Value {
        let address = format!("{os}?oslc.select=*&oslc.where={}", clause.replace('"', "%22"));
        let page = self.send(Method::GET, &address, &[], &Value::Null).await;
        page.json::<Value>().await.unwrap()["member"][0].clone()
    }
}

/// Returns the status and the reason code.
async fn outcome(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    (
        status,
        body["Error"]["reasonCode"].as_str().unwrap_or_default().to_owned(),
    )
}

fn failed(reason: &str) -> (u16, String) {
    (400, reason.to_owned())
}

fn href(row: &Value) -> &str {
    row["href"].as_str().unwrap()
}

#[tokio::test]
async fn a_work_order_is_created_with_what_was_given_and_defaults() {
    let trial = Trial::start().await;
    let body = json!({
        "description": "Replace seal", "description_longdescription": "<p>With <b>care</b></p>", "worktype": "CAL",
        "wopriority": 2, "assetnum": "P-101", "zz_shutdown_code": "SD-99", "nosuch": 5,
    });
    let mut unknown = body.clone();
    unknown["lead"] = json!("NOBODY");
    assert_eq!(trial.refused("mxapiwodetail", &[], unknown).await, failed("BMXAA6819E"));
    let made = trial.create("mxapiwodetail", body).await;
    assert_eq!(made["status"], "WAPPR");
    assert_eq!(made["description_longdescription"], "<p>With <b>care</b></p>");
    assert_eq!((&made["worktype"], &made["wopriority"]), (&json!("CAL"), &json!(2)));
    let asset = trial.find("mxapiasset", "assetnum=\"P-101\"").await;
    assert_eq!(made["location"], asset["location"]);
    assert!(made["wonum"].as_str().unwrap().starts_with("WO-"));
    assert_eq!((&made["zz_shutdown_code"], made.get("nosuch")), (&json!("SD-99"), None));
    assert_eq!(trial.read(href(&made)).await["description"], "Replace seal");
    let found = trial.find("mxapiwodetail", "description=\"Replace seal\"").await;
    assert_eq!(found["wonum"], made["wonum"]);
    assert_eq!(trial.sandbox.writes().len(), 2);
    let bare = trial.create("mxapiwodetail", json!({"siteid": "NASHUA"})).await;
    assert_eq!(
        (&bare["siteid"], bare.get("location"), bare.get("worktype")),
        (&json!("NASHUA"), None, None)
    );
    let again = json!({"wonum": bare["wonum"], "siteid": "NASHUA"});
    assert_eq!(trial.refused("mxapiwodetail", &[], again).await, failed("BMXAA4129E"));
}

#[tokio::test]
async fn an_answer_has_a_body_only_when_properties_are_asked_for() {
    let trial = Trial::start().await;
    let body = json!({"description": "Short"});
    let bare = trial.send(Method::POST, "mxapiwodetail", &[], &body).await;
    assert_eq!(bare.status(), 201);
    let address = bare.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(bare.text().await.unwrap(), "");
    assert_eq!(trial.read(&address).await["description"], "Short");
    let headers = [PATCH, MERGE, ("properties", "wonum,description")];
    let changed = trial
        .send(Method::POST, &address, &headers, &json!({"description": "Long"}))
        .await;
    assert_eq!(changed.status(), 200);
    let changed: Value = changed.json().await.unwrap();
    assert_eq!((&changed["description"], changed.get("status")), (&json!("Long"), None));
    // Without lean=1 names need their prefix.
    let plain = address.clone() + "?lean=0";
    for (name, expected) in [("description", "Long"), ("spi:description", "Prefixed")] {
        let request = trial.client.post(&plain).header("apikey", DEMO_KEY);
        let request = request.header(PATCH.0, PATCH.1).json(&json!({name: "Prefixed"}));
        assert_eq!(request.send().await.unwrap().status(), 204);
        assert_eq!(trial.read(&address).await["description"], expected);
    }
}

#[tokio::test]
async fn values_are_checked_and_all_faults_are_told_when_asked_for() {
    let trial = Trial::start().await;
    let body = json!({"assetnum": "NOWHERE", "location": "NOWHERE", "wopriority": "high", "worktype": "TOOLONG"});
    let response = trial
        .send(Method::POST, "mxapiwodetail", &[("batcherror", "1")], &body)
        .await;
    assert_eq!(response.status(), 400);
    let told: Value = response.json().await.unwrap();
    let mut faults: Vec<(String, String)> = told["attrerrors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["Error"])
        .map(|one| {
            (
                one["errorattrname"].as_str().unwrap().to_owned(),
                one["reasonCode"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    faults.sort();
    let pair = |name: &str, code: &str| (name.to_owned(), code.to_owned());
    assert_eq!(
        faults,
        [
            pair("assetnum", "BMXAA0090E"),
            pair("location", "BMXAA2661E"),
            pair("wopriority", "BMXAA6819E"),
            pair("worktype", "BMXAA4049E"),
        ]
    );
    assert_eq!(trial.refused("mxapipo", &[], json!({})).await, failed("BMXAA4195E"));
    assert_eq!(trial.refused("mxapipo", &[], json!([])).await, failed("BMXAA9540E"));
    let line = json!({"vendor": "V-1001", "poline": [{"itemnum": "MAT-00100"}]});
    assert_eq!(trial.refused("mxapipo", &[], line).await, failed("BMXAA4195E"));
}

#[tokio::test]
async fn children_are_replaced_without_merge_and_kept_with_it() {
    let trial = Trial::start().await;
    let steps = json!([{"taskid": 10, "description": "One"}, {"taskid": 20, "description": "Two"}]);
    let made = trial
        .create("mxapiwodetail", json!({"description": "Steps", "woactivity": steps}))
        .await;
    let address = href(&made).to_owned();
    let titles = async || {
        let row = trial.read(&address).await;
        let rows = row["woactivity"].as_array().cloned().unwrap_or_default();
        rows.iter()
            .map(|row| row["description"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    trial
        .update(
            &address,
            json!({"woactivity": [{"taskid": 20, "description": "Second"}, {"description": "Three"}]}),
        )
        .await;
    assert_eq!(titles().await, ["One", "Second", "Three"]);
    trial
        .update(&address, json!({"woactivity": [{"taskid": 10, "_action": "Delete"}]}))
        .await;
    assert_eq!(titles().await, ["Second", "Three"]);
    let trap = json!({"woactivity": [{"description": "Alone"}]});
    let response = trial.send(Method::POST, &address, &[PATCH], &trap).await;
    assert_eq!(response.status(), 204);
    assert_eq!(titles().await, ["Alone"]);
    let response = trial
        .send(
            Method::POST,
            &address,
            &[PATCH],
            &json!({"description": "Only the head"}),
        )
        .await;
    assert_eq!(response.status(), 204);
    assert_eq!(titles().await, ["Alone"]);
}

#[tokio::test]
async fn statuses_change_by_the_action_along_the_allowed_ways() {
    let trial = Trial::start().await;
    let made = trial.create("mxapiwodetail", json!({"description": "Run"})).await;
    let address = href(&made).to_owned();
    let plain = trial
        .refused(&address, &[PATCH, MERGE], json!({"status": "APPR"}))
        .await;
    assert_eq!(plain, failed("BMXAA4161E"));
    assert_eq!(
        trial.change_status(&address, json!({"status": "NOSUCH"})).await,
        failed("BMXAA4590E")
    );
    assert_eq!(
        trial.change_status(&address, json!({"memo": "x"})).await,
        failed("BMXAA4195E")
    );
    let early = json!({"status": "APPR", "date": "2001-01-01T00:00:00+00:00"});
    assert_eq!(trial.change_status(&address, early).await, failed("BMXAA4598E"));
    let late = json!({"status": "APPR", "date": "2101-01-01T00:00:00+00:00"});
    assert_eq!(trial.change_status(&address, late).await, failed("BMXAA4599E"));
    for status in ["APPR", "WMATL", "INPRG", "COMP"] {
        let body = json!({"status": status, "memo": format!("to {status}")});
        assert_eq!(trial.change_status(&address, body).await.0, 204, "{status}");
        assert_eq!(trial.read(&address).await["status"], status);
    }
    assert_eq!(
        trial.change_status(&address, json!({"status": "APPR"})).await,
        failed("BMXAA4679E")
    );
    let next = trial.read(&format!("{address}/getlist~status")).await;
    assert_eq!(next["member"][0]["value"], "CLOSE");
    let row = trial.read(&address).await;
    assert!(row["actstart"].is_string() && row["actfinish"].is_string());
    let history: Vec<&str> = row["wostatus"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert_eq!(history, ["WAPPR", "APPR", "WMATL", "INPRG", "COMP"]);
    assert_eq!(row["wostatus"][4]["memo"], "to COMP");
    assert_eq!(trial.change_status(&address, json!({"status": "CLOSE"})).await.0, 204);
    assert_eq!(trial.read(&address).await["historyflag"], true);
    let changed = trial
        .refused(&address, &[PATCH, MERGE], json!({"description": "x"}))
        .await;
    assert_eq!(changed, failed("BMXAA4105E"));
    assert_eq!(
        trial.change_status(&address, json!({"status": "INPRG"})).await,
        failed("BMXAA4105E")
    );
    let gone = trial.send(Method::DELETE, &address, &[], &Value::Null).await;
    assert_eq!(outcome(gone).await, failed("BMXAA4105E"));
}

#[tokio::test]
async fn stock_moves_when_a_document_of_usage_is_complete() {
    let trial = Trial::start().await;
    let (level, item, from, to) = {
        let world = trial.sandbox.world();
        let mut levels = world.stock_levels.iter();
        let level = levels.find(|level| level.on_hand > 10.into()).unwrap();
        let item = world.find_item(level.item).unwrap().number.clone();
        let from = world.find_location(level.location).unwrap().code.clone();
        let to = world.storerooms().find(|room| room.id != level.location).unwrap();
        (level.clone(), item, from, to.code.clone())
    };
    let document = |quantity: i32, to: &str| {
        json!({"fromstoreloc": from, "usetype": "TRANSFER", "description": "Spare", "invuseline": [
            {"usetype": "TRANSFER", "itemnum": item, "quantity": quantity, "tostoreloc": to},
        ]})
    };
    let on_hand = || trial.sandbox.world().find_stock_level(level.id).unwrap().on_hand;
    let made = trial.create("mxapiinvuse", document(4, &to)).await;
    assert_eq!(made["status"], "ENTERED");
    assert_eq!(on_hand(), level.on_hand, "a document that is entered moves nothing");
    let address = href(&made).to_owned();
    let complete = json!({"status": "COMPLETE"});
    let action = format!("{address}{COMPLETE}");
    let done = trial.send(Method::POST, &action, &[PATCH], &complete).await;
    assert_eq!(done.status(), 204);
    assert_eq!(on_hand(), level.on_hand - rust_decimal::Decimal::from(4));
    assert_eq!(trial.read(&address).await["status"], "COMPLETE");
    assert_eq!(
        trial.refused(&action, &[PATCH], complete.clone()).await,
        failed("BMXAA4679E")
    );
    let made = trial.create("mxapiinvuse", document(1_000_000, &to)).await;
    let action = format!("{}{COMPLETE}", href(&made));
    assert_eq!(trial.refused(&action, &[PATCH], complete).await, failed("BMXAA6819E"));
    let nowhere = trial
        .send(Method::POST, "mxapiinvuse", &[], &document(1, "NOWHERE"))
        .await;
    assert_eq!(outcome(nowhere).await, failed("BMXAA6819E"));
}

#[tokio::test]
async fn labor_and_material_are_booked_at_once_and_for_good() {
    let trial = Trial::start().await;
    let made = trial.create("mxapiwodetail", json!({"description": "Book"})).await;
    let address = href(&made).to_owned();
    let (person, item, room, before) = {
        let world = trial.sandbox.world();
        let person = world.users.iter().find(|user| !user.craft.is_empty()).unwrap();
        let level = world
            .stock_levels
            .iter()
            .find(|level| level.on_hand > 10.into())
            .unwrap();
        let item = world.find_item(level.item).unwrap().number.clone();
        let room = world.find_location(level.location).unwrap().code.clone();
        (person.login.to_uppercase(), item, room, level.clone())
    };
    let labor = json!({"labtrans": [{"laborcode": person, "regularhrs": 2.5}]});
    trial.update(&address, labor.clone()).await;
    trial.update(&address, labor).await;
    let issue = json!({"matusetrans": [{"itemnum": item, "storeloc": room, "quantity": 3, "issuetype": "ISSUE"}]});
    trial.update(&address, issue).await;
    let back = json!({"matusetrans": [{"itemnum": item, "storeloc": room, "quantity": 1, "issuetype": "RETURN"}]});
    trial.update(&address, back).await;
    let row = trial.read(&address).await;
    assert_eq!(
        (row["labtrans"].as_array().unwrap().len(), &row["actlabhrs"]),
        (2, &json!(5.0))
    );
    let booked: Vec<f64> = row["matusetrans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["quantity"].as_f64().unwrap())
        .collect();
    assert_eq!(booked, [-3.0, 1.0]);
    assert_eq!(row.get("wpmaterial"), None);
    let now = trial.sandbox.world().find_stock_level(before.id).unwrap().on_hand;
    assert_eq!(before.on_hand - now, 2.into());
    let replace = json!({"labtrans": [{"laborcode": person, "regularhrs": 1}]});
    assert_eq!(trial.refused(&address, &[PATCH], replace).await, failed("BMXAA1872E"));
    let id = row["matusetrans"][0]["matusetransid"].clone();
    let delete = json!({"matusetrans": [{"matusetransid": id, "_action": "Delete"}]});
    assert_eq!(
        trial.refused(&address, &[PATCH, MERGE], delete).await,
        failed("BMXAA1872E")
    );
    let empty = json!({"labtrans": [{"regularhrs": 1}]});
    assert_eq!(
        trial.refused(&address, &[PATCH, MERGE], empty).await,
        failed("BMXAA4195E")
    );
    assert_eq!(
        trial.change_status(&address, json!({"status": "CAN"})).await,
        failed("BMXAA4679E")
    );
}

#[tokio::test]
async fn a_transaction_id_is_taken_once_and_only_when_it_was_carried_out() {
    let trial = Trial::start().await;
    let id = ("transactionid", "tx-1");
    let count = || trial.sandbox.world().work_orders.len();
    let before = count();
    let wrong = trial
        .refused("mxapiwodetail", &[id], json!({"assetnum": "NOWHERE"}))
        .await;
    assert_eq!(wrong, failed("BMXAA0090E"));
    let first = trial
        .send(Method::POST, "mxapiwodetail", &[id], &json!({"description": "Once"}))
        .await;
    assert_eq!(first.status(), 201);
    let second = trial
        .send(Method::POST, "mxapiwodetail", &[id], &json!({"description": "Once"}))
        .await;
    assert_eq!(second.status(), 409);
    assert_eq!(count(), before + 1);
}

#[tokio::test]
async fn an_old_rowstamp_is_a_conflict() {
    let trial = Trial::start().await;
    let made = trial.create("mxapiwodetail", json!({"description": "Race"})).await;
    let address = href(&made).to_owned();
    let stamp = made["_rowstamp"].as_str().unwrap().to_owned();
    trial
        .update(&address, json!({"description": "First", "_rowstamp": stamp}))
        .await;
    let stale = (412, "BMXAA8229W".to_owned());
    let body = json!({"description": "Second", "_rowstamp": stamp});
    assert_eq!(trial.refused(&address, &[PATCH, MERGE], body).await, stale);
    let tag = [PATCH, MERGE, ("if-match", stamp.as_str())];
    assert_eq!(
        trial.refused(&address, &tag, json!({"description": "Third"})).await,
        stale
    );
    let now = trial.read(&address).await;
    assert_eq!(now["description"], "First");
    assert_ne!(now["changedate"], made["changedate"]);
    assert_eq!(now["statusdate"], made["statusdate"]);
}

#[tokio::test]
async fn sync_creates_once_and_then_changes() {
    let trial = Trial::start().await;
    let sync = [("x-method-override", "SYNC"), SHOW];
    let body = |text: &str| json!({"wonum": "MY-1", "description": text});
    let first = trial.send(Method::POST, "mxapiwodetail", &sync, &body("One")).await;
    assert_eq!(first.status(), 201);
    let second = trial.send(Method::POST, "mxapiwodetail", &sync, &body("Two")).await;
    assert_eq!(second.status(), 200);
    assert_eq!(second.json::<Value>().await.unwrap()["description"], "Two");
}

#[tokio::test]
async fn writes_need_the_right_and_a_known_method() {
    let trial = Trial::start().await;
    trial.sandbox.deny("WorkOrder").unwrap();
    let body = json!({"description": "No"});
    assert_eq!(trial.refused("mxapiwodetail", &[], body).await, failed("BMXAA0024E"));
    let vendor = trial.find("mxapivendor", "company=\"V-1001\"").await;
    let bare = trial.refused(href(&vendor), &[], json!({"name": "x"})).await;
    assert_eq!(bare.0, 405);
    let missing = trial
        .refused("mxapivendor/_bm9uZQ--", &[PATCH], json!({"name": "x"}))
        .await;
    assert_eq!(missing, (404, "BMXAA8727E".to_owned()));
    trial.sandbox.revoke_credentials();
    assert_eq!(trial.refused("mxapivendor", &[], json!({"company": "x"})).await.0, 401);
}
