//! Whose account credentials open: every simulated system tells its two accounts apart, and an account stays the same
//! however it is signed in to.

use std::{sync::Arc, time::Duration};

use lineshaft_engine::{
    ProbeReport, Session,
    tokens::{Caller, Scope},
};
use lineshaft_sandbox::{Account, System};
use lineshaft_schema::ConnectionId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Plant, Setup};

/// Adds a connection and tells the account that its credentials open.
async fn account(plant: &Plant, system: System, connection: (Value, Value)) -> String {
    let (settings, credentials) = connection;
    let id = plant.connect_to(system.id(), "trial", settings, credentials).await;
    let report = probe(plant, &id).await;
    assert!(report.error.is_none(), "{system}: {:?}", report.error);
    report
        .identity
        .unwrap_or_else(|| panic!("the probe of {system} tells an account"))
}

async fn probe(plant: &Plant, id: &str) -> ProbeReport {
    let caller = Caller {
        organization_id: plant.organization,
        token_id: Uuid::nil(),
        scope: Scope::Organization,
        scopes: Arc::default(),
    };
    let session = Session::start(
        caller,
        plant.engine.models.plain().clone(),
        Arc::from("trial"),
        Duration::from_secs(60),
    );
    let id = ConnectionId(id.parse().unwrap());
    plant.engine.probe(&session, id).await.unwrap()
}

/// Returns the settings and credentials of an account, with some of them replaced.
fn with(connection: (Value, Value), settings: Value, credentials: Option<Value>) -> (Value, Value) {
    let (mut base, given) = connection;
    let changes = settings.as_object().unwrap().clone();
    base.as_object_mut().unwrap().extend(changes);
    (base, credentials.unwrap_or(given))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_system_tells_its_accounts_apart_and_keeps_to_their_names() {
    let plant = Plant::start().await;
    for system in System::CODED {
        let sandbox = plant.sandbox(system);
        let first = account(&plant, system, sandbox.demo_connection()).await;
        let second = account(&plant, system, sandbox.demo_connection_as(Account::Second)).await;
        assert_ne!(first, second, "{system}");
        sandbox.expire_credentials();
        let renewed = sandbox.demo_connection();
        assert_eq!(account(&plant, system, renewed).await, first, "{system}");
        let (_, credentials) = sandbox.demo_connection();
        let secrets = ["password", "api_key", "client_secret"];
        for secret in secrets.iter().filter_map(|name| credentials[*name].as_str()) {
            assert!(!first.contains(secret), "{system}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_has_one_name_however_it_is_signed_in_to() {
    let systems = [System::Odoo, System::SapS4hana, System::Maximo];
    let plant = Setup::only(systems).start().await;

    let odoo = plant.sandbox(System::Odoo).demo_connection();
    let over_json_2 = with(
        odoo.clone(),
        json!({"api": "json2"}),
        Some(json!({"api_key": odoo.1["api_key"]})),
    );
    let by_json_rpc = account(&plant, System::Odoo, odoo).await;
    assert_eq!(account(&plant, System::Odoo, over_json_2).await, by_json_rpc);

    let sap = plant.sandbox(System::SapS4hana).demo_connection();
    let typed = sap.1["username"].as_str().unwrap().to_lowercase();
    let in_small_letters = json!({"username": typed, "password": sap.1["password"]});
    let v4 = with(sap.clone(), json!({"purchase_order_api": "v4"}), None);
    let small = with(sap.clone(), json!({}), Some(in_small_letters));
    let token_url = format!(
        "{}/sap/bc/sec/oauth2/token",
        plant.sandbox(System::SapS4hana).base_url()
    );
    let client = json!({"client_id": sap.1["username"], "client_secret": sap.1["password"]});
    let by_client = with(sap.clone(), json!({"token_url": token_url}), Some(client));
    let by_password = account(&plant, System::SapS4hana, sap).await;
    assert_eq!(account(&plant, System::SapS4hana, by_client).await, by_password);
    assert_eq!(account(&plant, System::SapS4hana, v4).await, by_password);
    assert_eq!(account(&plant, System::SapS4hana, small).await, by_password);

    let maximo = plant.sandbox(System::Maximo).demo_connection();
    let password = json!({"username": "wilson", "password": "maximo-demo"});
    let by_login = with(maximo.clone(), json!({}), Some(password));
    let by_key = account(&plant, System::Maximo, maximo).await;
    assert_eq!(account(&plant, System::Maximo, by_login).await, by_key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_user_of_another_company_is_another_account() {
    let plant = Setup::only([System::Dynamics365Fo]).start().await;
    let demo = || plant.sandbox(System::Dynamics365Fo).demo_connection();
    let company = demo().0["company"].as_str().unwrap().to_owned();
    let of = async |name: &str| {
        let connection = with(demo(), json!({ "company": name }), None);
        account(&plant, System::Dynamics365Fo, connection).await
    };
    let mine = of(&company).await;
    assert_eq!(of(&company.to_uppercase()).await, mine);
    assert_ne!(of("dat").await, mine);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_tell_no_account() {
    let plant = Plant::start().await;
    for system in System::CODED {
        plant.sandbox(system).revoke_credentials();
        let report = probe(&plant, &plant.connection(system)).await;
        assert_eq!(report.identity, None, "{system}");
        assert!(report.error.is_some(), "{system}");
    }
}
