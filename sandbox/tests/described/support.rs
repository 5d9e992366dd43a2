//! Starts the small described system and asks it.

use std::path::Path;
use std::sync::OnceLock;

use lineshaft_sandbox::{Account, Options, Sandbox, System};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

/// The small system.
pub(super) fn acme() -> System {
    static ACME: OnceLock<System> = OnceLock::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/described/acme");
    *ACME.get_or_init(|| System::load(&folder).unwrap_or_else(|faulty| panic!("{faulty}")))
}

pub(super) async fn start() -> Sandbox {
    Sandbox::start(acme(), Options::default()).await.unwrap()
}

pub(super) fn secret(sandbox: &Sandbox, account: Account) -> String {
    let (_, credentials) = sandbox.demo_connection_as(account);
    credentials["api_key"].as_str().unwrap().to_owned()
}

/// Returns a request with a path below the base, without credentials.
pub(super) fn bare(sandbox: &Sandbox, method: Method, path: &str) -> RequestBuilder {
    Client::new().request(method, format!("{}{path}", sandbox.base_url()))
}

pub(super) fn asked(sandbox: &Sandbox, method: Method, path: &str) -> RequestBuilder {
    bare(sandbox, method, path).bearer_auth(secret(sandbox, Account::First))
}

/// Returns the status and the body of an answer, null when it is no JSON.
pub(super) async fn told(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (
        status,
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default(),
    )
}

pub(super) async fn get(sandbox: &Sandbox, path: &str) -> (u16, Value) {
    told(asked(sandbox, Method::GET, path).send().await.unwrap()).await
}

pub(super) async fn send(sandbox: &Sandbox, method: Method, path: &str, body: &Value) -> (u16, Value) {
    told(asked(sandbox, method, path).json(body).send().await.unwrap()).await
}

pub(super) fn ids(rows: &Value) -> Vec<i64> {
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect()
}
