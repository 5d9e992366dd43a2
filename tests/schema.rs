//! The schema as clients see it: committed, introspectable, described to the last field.

use serde_json::{Value, json};

use crate::support::{Plant, Setup};

const INTROSPECTION: &str = "{ __schema { queryType { name } types { name kind description
    fields(includeDeprecated: true) { name description args { name description type { ...T } } type { ...T } }
    inputFields { name description type { ...T } } enumValues(includeDeprecated: true) { name description }
    possibleTypes { name } interfaces { name } } directives { name } } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

#[test]
fn the_committed_schema_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/lineshaft.graphql");
    let committed =
        std::fs::read_to_string(path).expect("schema/lineshaft.graphql is committed; `just generate` writes it");
    let served = lineshaft_api::sdl();
    let different = committed
        .lines()
        .zip(served.lines())
        .enumerate()
        .find(|(_, (a, b))| a != b);
    assert!(
        committed == served,
        "schema/lineshaft.graphql is not up to date; write it with `just generate`. The first difference: {different:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_field_argument_and_value_is_described() {
    let plant = Setup::only([]).start().await;
    let answer = plant.query(INTROSPECTION, json!({})).await;
    let types = answer.data()["__schema"]["types"].as_array().unwrap();
    assert!(types.len() > 100, "{} types", types.len());
    let mut bare = Vec::new();
    for kind in types {
        let name = kind["name"].as_str().unwrap();
        // What every schema has, the specification describes.
        if name.starts_with("__") || ["ID", "Int", "Float", "String", "Boolean"].contains(&name) {
            continue;
        }
        note(&mut bare, name, kind);
        for members in ["fields", "inputFields", "enumValues"] {
            for member in kind[members].as_array().into_iter().flatten() {
                let name = format!("{name}.{}", member["name"].as_str().unwrap());
                note(&mut bare, &name, member);
                for argument in member["args"].as_array().into_iter().flatten() {
                    note(
                        &mut bare,
                        &format!("{name}({})", argument["name"].as_str().unwrap()),
                        argument,
                    );
                }
            }
        }
    }
    assert!(bare.is_empty(), "without description: {bare:#?}");
}

fn note(bare: &mut Vec<String>, name: &str, thing: &Value) {
    if thing["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
        bare.push(name.to_owned());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_that_is_named_is_there() {
    let plant = Setup::only([]).start().await;
    let answer = plant.query(INTROSPECTION, json!({})).await;
    let schema = &answer.data()["__schema"];
    let names: Vec<&str> = schema["types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["name"].as_str().unwrap())
        .collect();
    let mut named = Vec::new();
    collect_names(schema, &mut named);
    named.retain(|name| !names.contains(&name.as_str()));
    assert!(named.is_empty(), "named, but not there: {named:?}");
}

fn collect_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            if let (Some(_), Some(name)) = (text("kind"), text("name")) {
                names.push(name.to_owned());
            }
            members.values().for_each(|value| collect_names(value, names));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_names(value, names)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn introspection_can_be_switched_off() {
    let plant = Setup::only([]).set("GRAPHQL__INTROSPECTION", false).start().await;
    let answer = plant.query(INTROSPECTION, json!({})).await;
    assert_eq!((answer.status, answer.codes()), (422, vec!["INTROSPECTION_DISABLED"]));
    let answer = plant.query("{ __type(name: \"Vendor\") { name } }", json!({})).await;
    assert_eq!((answer.status, answer.codes()), (422, vec!["INTROSPECTION_DISABLED"]));
    assert_eq!(
        plant.query("{ __typename }", json!({})).await.data(),
        &json!({ "__typename": "Query" })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_capabilities_that_are_told_name_types_and_fields_of_the_schema() {
    let plant = Plant::start().await;
    let types = plant.query(INTROSPECTION, json!({})).await;
    let types = types.data()["__schema"]["types"].as_array().unwrap();
    let text =
        "{ connectors { id name entities { entity list fields { name source filters coarseFilters sortable } } } }";
    let answer = plant.query(text, json!({})).await;
    let connectors = answer.data()["connectors"].as_array().unwrap();
    assert!(connectors.len() == 6);
    for connector in connectors {
        for entity in connector["entities"].as_array().unwrap() {
            let kind = types.iter().find(|kind| kind["name"] == entity["entity"]);
            let kind = kind.unwrap_or_else(|| panic!("{} of {}", entity["entity"], connector["id"]));
            for field in entity["fields"].as_array().unwrap() {
                let known = kind["fields"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|known| known["name"] == field["name"]);
                assert!(known, "{}.{} of {}", entity["entity"], field["name"], connector["id"]);
            }
        }
    }
}
