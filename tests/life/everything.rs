//! Every field of the platform is asked for once, on an organization that has some of everything. What is to be asked
//! for is read from the API's own description, so that a new field is asked for as well.

use lineshaft_sandbox::{Receiver, Reply, System};
use serde_json::{Value, json};

use super::{
    SOON,
    api::{Api, CREATE, eventually, form, text},
    server, system,
};

const DESCRIPTION: &str = "{ __schema { types { name kind fields(includeDeprecated: true) { name
    args { name defaultValue type { kind } } type { name kind ofType { name kind ofType { name kind ofType { name kind } } } } } } } }";

/// Fields of the root that are no records of systems.
const ROOTS: [&str; 12] = [
    "connections(first: 250)",
    "connection(id: $connection)",
    "connectors",
    "connector(id: \"tryton\")",
    "events(first: 250)",
    "organization",
    "auditLog(first: 250)",
    "webhookEndpoints",
    "webhookEndpoint(id: $endpoint)",
    "webhookDeliveries(first: 250)",
    "webhookDelivery(id: $delivery)",
    "vendors(first: 2)",
];

struct Description(Value);

impl Description {
    fn of_type(&self, name: &str) -> &Value {
        let types = self.0["data"]["__schema"]["types"].as_array().unwrap();
        types
            .iter()
            .find(|one| one["name"] == name)
            .unwrap_or_else(|| panic!("no type {name}"))
    }

    /// Writes every field of a type that needs no argument, without going round in circles.
    fn selection(&self, name: &str, above: &mut Vec<String>) -> String {
        let mut selected = String::from("{ __typename");
        above.push(name.to_owned());
        for field in self.of_type(name)["fields"].as_array().into_iter().flatten() {
            let needs = |argument: &Value| argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null();
            if field["args"].as_array().unwrap().iter().any(needs) {
                continue;
            }
            let (kind, of) = named(&field["type"]);
            let own = text(&field["name"]);
            match kind.as_str() {
                "OBJECT" if above.contains(&of) => {}
                "OBJECT" => selected += &format!(" {own} {}", self.selection(&of, above)),
                "INTERFACE" | "UNION" => selected += &format!(" {own} {{ __typename }}"),
                _ => selected += &format!(" {own}"),
            }
        }
        above.pop();
        selected + " }"
    }

    fn root(&self, name: &str) -> (String, String) {
        let fields = self.of_type("Query")["fields"].as_array().unwrap();
        let field = fields
            .iter()
            .find(|field| field["name"] == name)
            .unwrap_or_else(|| panic!("no field {name}"));
        named(&field["type"])
    }
}

/// Returns the kind and the name of a type without its wrappings.
fn named(wrapped: &Value) -> (String, String) {
    let mut one = wrapped;
    while !one["ofType"].is_null() {
        one = &one["ofType"];
    }
    (one["kind"].as_str().unwrap_or("OBJECT").to_owned(), text(&one["name"]))
}

/// Makes some of everything, and returns the ids that are asked for.
async fn populate(api: &Api, receiver: &Receiver) -> Value {
    let sandbox = system(System::Tryton).await;
    let (endpoint, _) = api.endpoint(&receiver.url("hooks"), false).await;
    let made = api.connect(&sandbox, "c-1").await;
    api.query(
        "mutation { createConnectLink(input: {customer: {externalId: \"c-2\"}}) { id } }",
        json!({}),
    )
    .await
    .data();
    sandbox.deny("WorkOrder").unwrap();
    api.query("{ workOrders(first: 1) { nodes { id } } }", json!({})).await;
    let broken = api.connect(&sandbox, "c-3").await;
    let expired = api.connect(&sandbox, "c-4").await;
    sandbox.expire_credentials();
    api.vendors(&expired.id).await;
    api.act("pauseConnection", &broken.id).await.data();
    let mut untried = form(&sandbox, "c-5");
    untried["input"]["verify"] = json!(false);
    untried["input"]["settings"]["base_url"] = json!("http://127.0.0.1:9");
    let untried = api.query(CREATE, untried).await;
    api.vendors(&text(&untried.data()["createConnection"]["connection"]["id"]))
        .await;
    let gone = api.query(super::api::ROTATE, json!({ "id": made.id })).await;
    let token = text(&gone.data()["rotateConnectionToken"]["token"]["id"]);
    api.query("mutation($id: ID!) { revokeToken(id: $id) }", json!({ "id": token }))
        .await
        .data();
    api.act("disconnectConnection", &broken.id).await.data();
    let sent = api
        .query(
            "mutation($id: ID!) { sendTestEvent(endpointId: $id) { id } }",
            json!({ "id": endpoint }),
        )
        .await;
    let delivery = text(&sent.data()["sendTestEvent"]["id"]);
    eventually(SOON, "something is delivered", || async {
        let look = "query($id: ID!) { webhookDelivery(id: $id) { attempts { number } } }";
        let answer = api.query(look, json!({ "id": delivery })).await;
        (!answer.data()["webhookDelivery"]["attempts"]
            .as_array()
            .unwrap()
            .is_empty())
        .then_some(())
    })
    .await;
    json!({"connection": expired.id, "endpoint": endpoint, "delivery": delivery})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_the_platform_can_be_asked_for() {
    let plant = server(
        &[System::Tryton],
        &[("GRAPHQL__LIMITS__DEPTH", "40"), ("GRAPHQL__LIMITS__FIELDS", "20000")],
    )
    .await;
    let api = Api::of(&plant);
    let receiver = Receiver::start().await.unwrap();
    receiver.set_script([Reply::status(503), Reply::status(200)]);
    let ids = populate(&api, &receiver).await;
    let description = Description(api.query(DESCRIPTION, json!({})).await.body);
    let mut asked = 0;
    for root in ROOTS {
        let name = root.split('(').next().unwrap();
        let (_, of) = description.root(name);
        if name == "vendors" {
            // Of records only what tells about connections is asked for here.
            let query = format!(
                "{{ {root} {{ sources {} }} }}",
                description.selection("Source", &mut Vec::new())
            );
            let answer = api.query(&query, json!({})).await;
            assert!(
                answer.body["data"]["vendors"]["sources"].as_array().unwrap().len() >= 3,
                "{}",
                answer.text
            );
            assert!(
                answer.codes().iter().all(|code| *code != "INTERNAL"),
                "{:?}",
                answer.codes()
            );
            continue;
        }
        let selection = description.selection(&of, &mut Vec::new());
        let variables = ["connection", "endpoint", "delivery"]
            .into_iter()
            .find(|name| root.contains(&format!("${name}")));
        let head = variables.map_or(String::new(), |name| format!("query(${name}: ID!) "));
        let answer = api.query(&format!("{head}{{ {root} {selection} }}"), ids.clone()).await;
        assert!(answer.errors().is_empty(), "{root}: {:#?}", answer.errors());
        assert!(!answer.data()[name].is_null(), "{root}");
        asked += selection.split_whitespace().count();
    }
    assert!(asked > 300, "{asked} fields were asked for");
}
