//! What a diagnosis finds: a connection that works, a wrong password, a host that does not answer, an entity that the
//! account may not read.

use lineshaft_sandbox::System;
use serde_json::{Value, json};

use super::{
    api::{Api, CREATE, form, text},
    server, system,
};

const DIAGNOSE: &str = "mutation($id: ID!) { diagnoseConnection(id: $id) {
    summary steps { name label state detail advice latencyMs entity } } }";

async fn diagnose(api: &Api, id: &str) -> (String, Vec<Value>) {
    let answer = api.query(DIAGNOSE, json!({ "id": id })).await;
    let found = &answer.data()["diagnoseConnection"];
    (text(&found["summary"]), found["steps"].as_array().unwrap().clone())
}

fn step<'a>(steps: &'a [Value], name: &str) -> &'a Value {
    let found = steps.iter().find(|step| step["name"] == name);
    found.unwrap_or_else(|| panic!("no step `{name}`: {steps:#?}"))
}

fn advises(step: &Value) -> bool {
    step["advice"].as_str().is_some_and(|advice| !advice.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_diagnosis_finds_what_is_wrong_and_says_what_to_do() {
    let plant = server(&[System::Tryton], &[]).await;
    let api = Api::of(&plant);
    let sandbox = system(System::Tryton).await;
    let made = api.connect(&sandbox, "c-1").await;

    let (summary, steps) = diagnose(&api, &made.id).await;
    assert!(steps.iter().all(|step| step["state"] == "OK"), "{steps:#?}");
    assert!(summary.contains("works"), "{summary}");
    for name in ["settings", "url", "tcp", "sign_in", "entity"] {
        step(&steps, name);
    }
    let orders = steps.iter().find(|step| step["entity"] == "WorkOrder").unwrap();
    assert!(orders["latencyMs"].is_number(), "{orders}");

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let control = |path: &str| client.post(format!("{}/_sandbox/{path}", sandbox.base_url()));
    let deny = control("deny").json(&json!({"entity": "WorkOrder"})).send();
    assert!(deny.await.unwrap().status().is_success());
    let (summary, steps) = diagnose(&api, &made.id).await;
    let not_ok: Vec<&Value> = steps.iter().filter(|step| step["state"] != "OK").collect();
    assert!(
        !not_ok.is_empty() && not_ok.iter().all(|step| step["state"] == "WARNING" && advises(step)),
        "{not_ok:#?}"
    );
    assert!(not_ok.iter().any(|step| step["entity"] == "WorkOrder"), "{not_ok:#?}");
    assert!(summary.contains("in part"), "{summary}");
    let health = api
        .query(
            "query($id: ID!) { connection(id: $id) { status statusReason entityHealth { entity status code } } }",
            json!({ "id": made.id }),
        )
        .await;
    let health = &health.data()["connection"];
    assert_eq!(
        (&health["status"], &health["statusReason"]),
        (&json!("DEGRADED"), &json!("PERMISSION_DENIED"))
    );
    let entities = health["entityHealth"].as_array().unwrap();
    let of = |name: &str| entities.iter().find(|one| one["entity"] == name).unwrap();
    assert_eq!(
        (&of("WorkOrder")["status"], &of("Vendor")["status"]),
        (&json!("DENIED"), &json!("OK"))
    );
    let allow = control("allow").json(&json!({"entity": "WorkOrder"})).send();
    assert!(allow.await.unwrap().status().is_success());
    diagnose(&api, &made.id).await;
    assert_eq!(
        api.status(&made.id).await,
        "ACTIVE",
        "it is noticed when the right is there again"
    );

    sandbox.expire_credentials();
    sandbox.clear_calls();
    let (summary, steps) = diagnose(&api, &made.id).await;
    let failed = step(&steps, "sign_in");
    assert!(failed["state"] == "FAILED" && advises(failed), "{failed}");
    assert!(steps.iter().all(|step| step["name"] != "entity"), "{steps:#?}");
    assert!(summary.contains("igning in") || summary.contains("ign in"), "{summary}");
    assert_eq!(api.status(&made.id).await, "REAUTH_REQUIRED");
    assert!(sandbox.sign_ins().refused_secrets <= 1, "a wrong password is sent once");
    let (_, steps) = diagnose(&api, &made.id).await;
    assert_eq!(step(&steps, "sign_in")["state"], "FAILED");
    assert!(sandbox.sign_ins().refused_secrets <= 1, "and never again");
    let url = text(&api.vendors(&made.id).await.errors()[0]["extensions"]["reconnectUrl"]);
    assert!(
        text(&step(&steps, "sign_in")["advice"]).contains(&url),
        "the way back is told"
    );

    let mut unreachable = form(&sandbox, "c-2");
    unreachable["input"]["settings"]["base_url"] = json!("http://127.0.0.1:9");
    unreachable["input"]["verify"] = json!(false);
    let made = api.query(CREATE, unreachable).await;
    let id = text(&made.data()["createConnection"]["connection"]["id"]);
    let (summary, steps) = diagnose(&api, &id).await;
    let failed = step(&steps, "tcp");
    assert!(failed["state"] == "FAILED" && advises(failed), "{failed}");
    assert!(summary.contains("cannot be reached"), "{summary}");
    assert_ne!(
        api.status(&id).await,
        "REAUTH_REQUIRED",
        "a host that does not answer says nothing about credentials"
    );
}
