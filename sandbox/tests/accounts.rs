//! Checks the accounts of every system: who they are, how their credentials expire, what they may not read, and how
//! sign-ins are counted.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lineshaft_sandbox::{Account, Options, Sandbox, System};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

async fn start(system: System) -> Sandbox {
    Sandbox::start(system, Options::default()).await.unwrap()
}

async fn all() -> Vec<Sandbox> {
    let mut started = Vec::new();
    for system in System::CODED {
        started.push(start(system).await);
    }
    started
}

fn text<'a>(values: &'a Value, name: &str) -> &'a str {
    values[name].as_str().unwrap()
}

/// A connection that signs in once and then keeps its session, as the product does.
struct Session<'a> {
    sandbox: &'a Sandbox,
    credentials: Value,
    /// The token or session, where the system has one.
    token: String,
}

impl<'a> Session<'a> {
    async fn open(sandbox: &'a Sandbox, credentials: &Value) -> Option<Self> {
        let mut session = Session {
            sandbox,
            credentials: credentials.clone(),
            token: String::new(),
        };
        match sandbox.system() {
            System::Tryton => {
                let (name, password) = (text(credentials, "username"), text(credentials, "password"));
                let body =
                    json!({"id": 0, "method": "common.db.login", "params": [name, {"password": password}, "en"]});
                let answer = session.post("/lineshaft/rpc/").json(&body).send().await.unwrap();
                if answer.status() != 200 {
                    assert_eq!(answer.status(), 401);
                    return None;
                }
                let answer: Value = answer.json().await.unwrap();
                let (uid, key) = (&answer["result"][0], answer["result"][1].as_str()?);
                session.token = STANDARD.encode(format!("{name}:{uid}:{key}"));
            }
            System::Odoo => {
                let secret = text(credentials, "api_key");
                let arguments = json!(["lineshaft", text(credentials, "login"), secret, {}]);
                let answer = session.rpc("common", "authenticate", arguments).await;
                session.token = answer["result"].as_u64()?.to_string();
            }
            System::Dynamics365Fo => {
                let (settings, _) = sandbox.demo_connection();
                let scope = format!("{}/.default", sandbox.base_url());
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", text(credentials, "client_id")),
                    ("client_secret", text(credentials, "client_secret")),
                    ("scope", &scope),
                ];
                let request = Client::new().post(text(&settings, "token_url")).form(&form);
                let answer: Value = request.send().await.unwrap().json().await.unwrap();
                session.token = answer["access_token"].as_str()?.to_owned();
            }
            System::SapS4hana | System::Maximo | System::Limble | System::Described(_) => {}
        }
        Some(session)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        Client::new().post(format!("{}{path}", self.sandbox.base_url()))
    }

    fn get(&self, path: &str) -> RequestBuilder {
        Client::new().get(format!("{}{path}", self.sandbox.base_url()))
    }

    async fn rpc(&self, service: &str, method: &str, arguments: Value) -> Value {
        let params = json!({"service": service, "method": method, "args": arguments});
        let body = json!({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params});
        self.post("/jsonrpc")
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn odoo(&self, model: &str, method: &str, arguments: Value) -> Value {
        let uid: u64 = self.token.parse().unwrap();
        let secret = text(&self.credentials, "api_key");
        let arguments = json!(["lineshaft", uid, secret, model, method, arguments, {}]);
        self.rpc("object", "execute_kw", arguments).await
    }

    async fn tryton(&self, method: &str, parameters: Value) -> Response {
        let request = self
            .post("/lineshaft/rpc/")
            .header("authorization", format!("Session {}", self.token));
        let body = json!({"id": 1, "method": method, "params": parameters});
        request.json(&body).send().await.unwrap()
    }

    async fn plain(&self, path: &str) -> Response {
        let request = self.get(path).header("accept", "application/json");
        let secret = |name| Some(text(&self.credentials, name));
        let request = match self.sandbox.system() {
            System::SapS4hana => request.basic_auth(text(&self.credentials, "username"), secret("password")),
            System::Limble => request.basic_auth(text(&self.credentials, "client_id"), secret("client_secret")),
            System::Maximo => request.header("apikey", text(&self.credentials, "api_key")),
            _ => request.bearer_auth(&self.token),
        };
        request.send().await.unwrap()
    }

    /// Returns what the probe of the connector tells about the account.
    async fn identity(&self) -> Value {
        match self.sandbox.system() {
            System::Tryton => {
                let name = text(&self.credentials, "username");
                let parameters = json!([[["login", "=", name]], 0, 1, null, ["login"], {}]);
                let answer = self.tryton("model.res.user.search_read", parameters).await;
                answer.json::<Value>().await.unwrap()["result"][0]["login"].clone()
            }
            System::Odoo => self.odoo("res.users", "context_get", json!([])).await["result"]["uid"].clone(),
            System::SapS4hana => self.document("/sap/bc/ui2/start_up").await["id"].clone(),
            System::Dynamics365Fo => {
                let path = "/api/services/UserSessionService/AifUserSessionService/GetUserSessionInfo";
                let answer = self.post(path).bearer_auth(&self.token).send().await.unwrap();
                answer.json::<Value>().await.unwrap()["UserId"].clone()
            }
            System::Maximo => self.document("/maximo/api/whoami").await["displayName"].clone(),
            System::Limble => self.document("/v2/me").await["customerName"].clone(),
            System::Described(_) => Value::Null,
        }
    }

    async fn document(&self, path: &str) -> Value {
        self.plain(path).await.json().await.unwrap()
    }

    /// Reads one table and returns what came: `Ok`, or in which way it was refused.
    async fn read(&self, table: &str) -> Outcome {
        let path = match self.sandbox.system() {
            System::Tryton => {
                let parameters = json!([[], 0, 1, null, ["id"], {}]);
                let answer = self.tryton(&format!("model.{table}.search_read"), parameters).await;
                let status = answer.status().as_u16();
                if status != 200 {
                    let is_bare = answer.headers()["content-type"]
                        .to_str()
                        .unwrap()
                        .starts_with("text/plain");
                    assert!(status == 401 && is_bare && answer.text().await.unwrap().is_empty());
                    return Outcome::NoAccount;
                }
                let answer: Value = answer.json().await.unwrap();
                return match answer["error"][1][0].as_str() {
                    Some(message) => {
                        assert!(answer["error"][0] == "UserError" && message.contains("not allowed to access"));
                        Outcome::NoRight
                    }
                    None => Outcome::Rows,
                };
            }
            System::Odoo => {
                let answer = self.odoo(table, "search_count", json!([[]])).await;
                return match answer["error"]["data"]["name"].as_str() {
                    None => Outcome::Rows,
                    Some("odoo.exceptions.AccessError") => Outcome::NoRight,
                    Some("odoo.exceptions.AccessDenied") => Outcome::NoAccount,
                    Some(other) => panic!("{other}"),
                };
            }
            System::SapS4hana => format!("/sap/opu/odata/sap/{table}?$top=1"),
            System::Dynamics365Fo => format!("/data/{table}?$top=1&cross-company=true"),
            System::Maximo => format!("/maximo/api/os/{table}?lean=1&oslc.pageSize=1"),
            System::Limble => format!("/v2/{table}?limit=1"),
            System::Described(_) => format!("/{table}"),
        };
        let answer = self.plain(&path).await;
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap();
        let document: Value = serde_json::from_str(&body).unwrap_or_default();
        match (self.sandbox.system(), status) {
            (_, 200) => Outcome::Rows,
            (System::SapS4hana, 401) if body.contains("Logon failed") => Outcome::NoAccount,
            (System::SapS4hana, 403) if document["error"]["message"]["value"].is_string() => Outcome::NoRight,
            (System::Dynamics365Fo, 401) if body.is_empty() => Outcome::NoAccount,
            (System::Dynamics365Fo, 401) if body.contains("not authorized to perform") => Outcome::NoRight,
            (System::Maximo, 401) if document["Error"]["reasonCode"] == "BMXAA0021E" => Outcome::NoAccount,
            (System::Maximo, 400) if document["Error"]["reasonCode"] == "BMXAA0024E" => Outcome::NoRight,
            (System::Limble, 403) if document["msg"].is_string() => Outcome::NoAccount,
            (System::Limble, 403) if document["message"].is_string() => Outcome::NoRight,
            (system, status) => panic!("{system}: {status} {body}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Rows,
    NoRight,
    NoAccount,
}

/// Returns the tables of vendors and of work orders.
fn tables(system: System) -> [&'static str; 2] {
    match system {
        System::Tryton => ["party.party", "project.work"],
        System::Odoo => ["res.partner", "maintenance.request"],
        System::SapS4hana => [
            "API_BUSINESS_PARTNER/A_BusinessPartner",
            "API_MAINTENANCEORDER/MaintenanceOrder",
        ],
        System::Dynamics365Fo => ["VendorsV2", "AssetMaintenanceWorkOrderTablesV2"],
        System::Maximo => ["mxapivendor", "mxapiwodetail"],
        System::Limble => ["vendors", "tasks"],
        System::Described(_) => ["vendors", "work_orders"],
    }
}

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> Response {
    let address = format!("{}/_sandbox/{path}", sandbox.base_url());
    Client::new().post(address).json(&body).send().await.unwrap()
}

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    let address = format!("{}/_sandbox/{path}", sandbox.base_url());
    Client::new().get(address).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn two_accounts_are_told_apart_and_read_the_same_tables() {
    for sandbox in all().await {
        let mut seen = HashSet::new();
        for account in Account::ALL {
            let (_, credentials) = sandbox.demo_connection_as(account);
            let session = Session::open(&sandbox, &credentials).await.unwrap();
            for table in tables(sandbox.system()) {
                assert_eq!(session.read(table).await, Outcome::Rows, "{} {table}", sandbox.system());
            }
            let identity = session.identity().await;
            assert!(!identity.is_null() && identity == session.identity().await);
            assert!(seen.insert(identity.to_string()), "{}", sandbox.system());
        }
        assert_eq!(
            sandbox.demo_connection(),
            sandbox.system().demo_connection(&sandbox.base_url())
        );
    }
}

#[tokio::test]
async fn the_second_account_of_dynamics_does_not_see_the_company_of_the_first() {
    let sandbox = start(System::Dynamics365Fo).await;
    for (account, company, expected) in [
        (Account::First, "usmf", json!("usmf")),
        (Account::Second, "usmf", Value::Null),
        (Account::Second, "dat", json!("dat")),
    ] {
        let (settings, credentials) = sandbox.demo_connection_as(account);
        let session = Session::open(&sandbox, &credentials).await.unwrap();
        let query = "cross-company=true&$top=1&$select=dataAreaId";
        let found = session
            .document(&format!("/data/Warehouses?{query}&$filter=dataAreaId eq '{company}'"))
            .await;
        assert_eq!(found["value"][0]["dataAreaId"], expected, "{account:?}");
        assert_eq!(settings["company"], account_company(account));
    }
}

fn account_company(account: Account) -> &'static str {
    match account {
        Account::First => "usmf",
        Account::Second | Account::Limited => "dat",
    }
}

#[tokio::test]
async fn expired_credentials_are_refused_with_all_that_came_from_them() {
    for sandbox in all().await {
        let system = sandbox.system();
        let [vendors, _] = tables(system);
        let (settings, old) = sandbox.demo_connection();
        let (_, other) = sandbox.demo_connection_as(Account::Second);
        let before = Session::open(&sandbox, &old).await.unwrap();
        let beside = Session::open(&sandbox, &other).await.unwrap();
        assert_eq!(before.read(vendors).await, Outcome::Rows);
        sandbox.expire_credentials();
        assert_eq!(before.read(vendors).await, Outcome::NoAccount, "{system}");
        match Session::open(&sandbox, &old).await {
            Some(again) => assert_eq!(again.read(vendors).await, Outcome::NoAccount, "{system}"),
            None => assert!(matches!(system, System::Tryton | System::Odoo | System::Dynamics365Fo)),
        }
        let (same, new) = sandbox.demo_connection();
        assert!(settings == same && new != old, "{system}");
        let after = Session::open(&sandbox, &new).await.unwrap();
        assert_eq!(after.read(vendors).await, Outcome::Rows, "{system}");
        assert_eq!(after.identity().await, before_identity(&sandbox).await);
        assert_eq!(
            beside.read(vendors).await,
            Outcome::Rows,
            "{system}: the other account goes on"
        );
        sandbox.expire_credentials_of(Account::Second);
        assert_eq!(beside.read(vendors).await, Outcome::NoAccount, "{system}");
        assert_eq!(after.read(vendors).await, Outcome::Rows, "{system}");
    }
}

/// Returns the identity of the demo account in a system where nothing expired.
async fn before_identity(sandbox: &Sandbox) -> Value {
    let fresh = start(sandbox.system()).await;
    let (_, credentials) = fresh.demo_connection();
    Session::open(&fresh, &credentials).await.unwrap().identity().await
}

#[tokio::test]
async fn credentials_expire_and_are_shown_over_http() {
    for sandbox in all().await {
        let shown = get(&sandbox, "credentials").await;
        let document =
            |(settings, credentials): (Value, Value)| json!({"settings": settings, "credentials": credentials});
        assert_eq!(shown["credentials"], sandbox.demo_connection().1);
        assert_eq!(shown["second"], document(sandbox.demo_connection_as(Account::Second)));
        let mut known = HashSet::from([shown["credentials"].to_string()]);
        for _ in 0..3 {
            let address = format!("{}/_sandbox/credentials/expire", sandbox.base_url());
            let answer = Client::new().post(address).send().await.unwrap();
            let answer: Value = answer.json().await.unwrap();
            assert_eq!(answer, document(sandbox.demo_connection()));
            assert!(known.insert(answer["credentials"].to_string()));
            let session = Session::open(&sandbox, &answer["credentials"]).await.unwrap();
            assert_eq!(session.read(tables(sandbox.system())[0]).await, Outcome::Rows);
        }
        let second = post(&sandbox, "credentials/expire", json!({"account": "second"})).await;
        assert_eq!(
            second.json::<Value>().await.unwrap(),
            document(sandbox.demo_connection_as(Account::Second))
        );
        assert_eq!(
            post(&sandbox, "credentials/expire", json!({"account": "third"}))
                .await
                .status(),
            400
        );
    }
}

#[tokio::test]
async fn ended_sessions_are_opened_again_with_the_same_secret() {
    for sandbox in all().await {
        let (_, credentials) = sandbox.demo_connection();
        let [vendors, _] = tables(sandbox.system());
        let session = Session::open(&sandbox, &credentials).await.unwrap();
        post(&sandbox, "sessions/end", Value::Null).await;
        let has_session = matches!(sandbox.system(), System::Tryton | System::Dynamics365Fo);
        assert_eq!(session.read(vendors).await == Outcome::NoAccount, has_session);
        let again = Session::open(&sandbox, &credentials).await.unwrap();
        assert_eq!(again.read(vendors).await, Outcome::Rows);
    }
}

#[tokio::test]
async fn a_denied_entity_is_refused_and_others_are_not() {
    for sandbox in all().await {
        let system = sandbox.system();
        let [vendors, work] = tables(system);
        let (_, credentials) = sandbox.demo_connection();
        let session = Session::open(&sandbox, &credentials).await.unwrap();
        assert_eq!(
            post(&sandbox, "deny", json!({"entity": "WorkOrder"})).await.status(),
            204
        );
        assert_eq!(get(&sandbox, "deny").await, json!(["WorkOrder"]));
        assert_eq!(session.read(work).await, Outcome::NoRight, "{system}");
        assert_eq!(session.read(vendors).await, Outcome::Rows, "{system}");
        assert!(!session.identity().await.is_null(), "{system}: the probe still works");
        post(&sandbox, "allow", json!({"entity": "WorkOrder"})).await;
        assert_eq!(session.read(work).await, Outcome::Rows, "{system}");
        sandbox.deny("Vendor").unwrap();
        assert_eq!(session.read(vendors).await, Outcome::NoRight, "{system}");
        sandbox.allow("Vendor").unwrap();
        for entity in ["PurchaseOrder", "InventoryItem", "Asset", "InventoryLevel", "Location"] {
            sandbox.deny(entity).unwrap();
        }
        assert_eq!(session.read(vendors).await, Outcome::Rows, "{system}");
        let unknown = sandbox.deny("Workorder").unwrap_err().to_string();
        assert!(unknown.contains("WorkOrder"), "{unknown}");
        assert_eq!(post(&sandbox, "deny", json!({"entity": "x"})).await.status(), 400);
    }
}

#[tokio::test]
async fn password_tries_and_refused_secrets_are_counted() {
    for sandbox in all().await {
        let system = sandbox.system();
        let (_, credentials) = sandbox.demo_connection();
        let mut wrong = credentials.clone();
        for name in ["password", "api_key", "client_secret"] {
            if wrong[name].is_string() {
                wrong[name] = json!("wrong");
            }
        }
        let [vendors, _] = tables(system);
        let good = Session::open(&sandbox, &credentials).await.unwrap();
        good.read(vendors).await;
        if let Some(bad) = Session::open(&sandbox, &wrong).await {
            bad.read(vendors).await;
        }
        let counted = sandbox.sign_ins();
        let logins = u64::from(matches!(system, System::Tryton | System::Odoo)) * 2;
        assert_eq!((counted.logins, counted.refused_secrets), (logins, 1), "{system}");
        let exchanges = u64::from(system == System::Dynamics365Fo);
        assert_eq!(counted.exchanges_of("client_credentials"), exchanges);
        assert_eq!(counted.refused_exchanges_of("client_credentials"), exchanges);
        let shown = get(&sandbox, "sign-ins").await;
        assert_eq!(shown, serde_json::to_value(&counted).unwrap());
        sandbox.clear_sign_ins();
        assert_eq!(sandbox.sign_ins().refused_secrets, 0);
    }
}

#[tokio::test]
async fn a_new_password_unlocks_a_user_that_tries_locked() {
    let sandbox = start(System::SapS4hana).await;
    let (_, old) = sandbox.demo_connection();
    sandbox.expire_credentials();
    let (_, new) = sandbox.demo_connection();
    let [vendors, _] = tables(System::SapS4hana);
    let try_with = async |credentials: &Value| {
        let session = Session::open(&sandbox, credentials).await.unwrap();
        session.read(vendors).await
    };
    assert_eq!(try_with(&new).await, Outcome::Rows);
    for _ in 0..3 {
        assert_eq!(try_with(&old).await, Outcome::NoAccount);
    }
    assert_eq!(try_with(&new).await, Outcome::NoAccount, "three tries lock the user");
    sandbox.expire_credentials();
    assert_eq!(try_with(&sandbox.demo_connection().1).await, Outcome::Rows);
}
