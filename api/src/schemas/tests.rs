//! Each organization sees the unified model with what it adds itself, and nothing of another's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
use async_graphql::{Request, Response, Value, value};
use lineshaft_engine::tokens::{Caller, Scope};
use lineshaft_schema::extend::{AddedEntity, AddedField, AddedKind, AddedPart, Additions};
use uuid::Uuid;

use super::*;

fn added(of: &str, name: &str, kind: AddedKind, list: bool) -> AddedField {
    AddedField {
        of: of.to_owned(),
        name: name.to_owned(),
        label: format!("The {name}"),
        description: String::new(),
        kind,
        list,
    }
}

fn calibrations() -> Additions {
    let levels = || {
        let level = |name: &str| (name.to_owned(), format!("It is {name}."));
        AddedKind::Enum(vec![level("HIGH"), level("LOW")])
    };
    let part = |name: &str, kind| AddedPart {
        name: name.to_owned(),
        description: format!("The {name}."),
        kind,
    };
    Additions {
        entities: vec![AddedEntity {
            name: "Calibration".to_owned(),
            plural: "calibrations".to_owned(),
            label: "Calibration".to_owned(),
            description: "A check of an instrument.".to_owned(),
        }],
        fields: vec![
            added("Calibration", "asset", AddedKind::Reference("Asset".to_owned()), false),
            added("Calibration", "dueOn", AddedKind::Date, false),
            added(
                "Calibration",
                "engineers",
                AddedKind::Reference("User".to_owned()),
                true,
            ),
            added("PurchaseOrder", "costCenter", AddedKind::Text, false),
            added("PurchaseOrder", "risk", levels(), false),
            added("PurchaseOrder", "tags", AddedKind::Text, true),
            added(
                "PurchaseOrder",
                "calibration",
                AddedKind::Reference("Calibration".to_owned()),
                false,
            ),
            added(
                "PurchaseOrder",
                "route",
                AddedKind::Object(vec![part("code", AddedKind::Text), part("days", AddedKind::Integer)]),
                false,
            ),
            added("PurchaseOrderLine", "color", AddedKind::Text, false),
        ],
    }
}

fn zones() -> Additions {
    Additions {
        entities: Vec::new(),
        fields: vec![added("PurchaseOrder", "zone", AddedKind::Integer, false)],
    }
}

fn model(additions: &Additions) -> Arc<Model> {
    let unified = Catalogue::unified().unwrap();
    let (catalogue, conflicts) = unified.extended(additions);
    assert_eq!(conflicts, []);
    Arc::new(Model::plain(Arc::new(catalogue)))
}

fn plain() -> Arc<Model> {
    Arc::new(Model::plain(Catalogue::unified().unwrap()))
}

fn schemas() -> Schemas {
    Schemas::over(None, Catalogue::unified().unwrap(), Suggestions::Off, 100)
}

async fn ask(schemas: &Schemas, model: &Arc<Model>, text: &str) -> Response {
    let caller = Caller {
        organization_id: Uuid::now_v7(),
        token_id: Uuid::now_v7(),
        scope: Scope::Organization,
        scopes: [].into(),
    };
    let session = Session::start(caller, model.clone(), "test".into(), Duration::from_secs(5));
    Box::pin(schemas.execute(Request::new(text).data(session))).await
}

async fn introspect(schemas: &Schemas, model: &Arc<Model>, text: &str) -> Value {
    let response = ask(schemas, model, text).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    response.data
}

fn is_invalid(response: &Response) -> bool {
    // What passes the check of the document fails for want of an engine.
    response.errors.iter().any(|error| !error.message.contains("Engine"))
}

#[tokio::test]
async fn custom_fields_and_entities_are_types_of_the_schema() {
    let (schemas, own) = (schemas(), model(&calibrations()));
    let data = introspect(
        &schemas,
        &own,
        r#"{
            page: __type(name: "CalibrationConnection") { kind }
            record: __type(name: "UnifiedRecord") { possibleTypes { name } }
            order: __type(name: "PurchaseOrderOrderField") { enumValues { name description } }
            filter: __type(name: "PurchaseOrderFilter") { inputFields { name description type { name } } }
            create: __type(name: "CreatePurchaseOrderInput") { inputFields { name type { name kind ofType { name ofType { name } } } } }
            route: __type(name: "PurchaseOrderRouteInput") { kind }
            line: __type(name: "CreatePurchaseOrderLineInput") { inputFields { name } }
            calibration: __type(name: "Calibration") { description fields { name description type { name kind ofType { name ofType { name } } } } }
            __schema { queryType { fields { name } } mutationType { fields { name } } }
        }"#,
    )
    .await;
    let data = data.into_json().unwrap();
    let find = |place: &str, list: &str, name: &str| {
        let all = data[place][list].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).cloned()
    };
    assert_eq!(data["page"]["kind"], "OBJECT");
    assert!(find("record", "possibleTypes", "Calibration").is_some());
    assert_eq!(
        find("order", "enumValues", "COST_CENTER").unwrap()["description"],
        "The costCenter"
    );
    assert!(find("order", "enumValues", "TAGS").is_none(), "lists have no order");
    let filter = |name: &str| find("filter", "inputFields", name).map(|field| field["type"]["name"].clone());
    assert_eq!(filter("costCenter").unwrap(), "StringFilter");
    assert_eq!(filter("risk").unwrap(), "PurchaseOrderRiskFilter");
    assert_eq!(filter("calibration").unwrap(), "ReferenceFilter");
    assert!(filter("tags").is_none() && filter("route").is_none());
    let input = |name: &str| find("create", "inputFields", name).unwrap()["type"].clone();
    assert_eq!(input("calibration")["name"], "ID");
    assert_eq!(input("route")["name"], "PurchaseOrderRouteInput");
    assert_eq!(input("tags")["ofType"]["ofType"]["name"], "String");
    assert_eq!(data["route"]["kind"], "INPUT_OBJECT");
    assert!(find("line", "inputFields", "color").is_some());
    assert_eq!(data["calibration"]["description"], "A check of an instrument.");
    let engineers = find("calibration", "fields", "engineers").unwrap();
    assert_eq!(engineers["type"]["ofType"]["ofType"]["name"], "User");
    let roots = |root: &str, name: &str| {
        let all = data["__schema"][root]["fields"].as_array().unwrap();
        all.iter().any(|field| field["name"] == name)
    };
    assert!(roots("queryType", "calibrations") && roots("queryType", "calibration"));
    for verb in ["create", "update", "delete"] {
        assert!(roots("mutationType", &format!("{verb}Calibration")), "{verb}");
    }
}

#[tokio::test]
async fn everything_that_is_named_is_there_and_described() {
    let (schemas, own) = (schemas(), model(&calibrations()));
    let text =
        "{ __schema { types { name description fields { name description type { ...T } args { name type { ...T } } }
        inputFields { name description type { ...T } } enumValues { name description } } } }
        fragment T on __Type { name ofType { name ofType { name ofType { name } } } }";
    let data = introspect(&schemas, &own, text).await.into_json().unwrap();
    let types = data["__schema"]["types"].as_array().unwrap();
    let names: Vec<_> = types.iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    let mut wrong = Vec::new();
    for kind in types
        .iter()
        .filter(|kind| !kind["name"].as_str().unwrap().starts_with("__"))
    {
        for members in ["fields", "inputFields", "enumValues"] {
            for member in kind[members].as_array().into_iter().flatten() {
                let mut of = &member["type"];
                while !of["ofType"].is_null() {
                    of = &of["ofType"];
                }
                let is_there = members == "enumValues" || of["name"].as_str().is_some_and(|name| names.contains(&name));
                let is_described = member["description"].as_str().is_some_and(|text| !text.is_empty());
                if !is_there || !is_described {
                    wrong.push(format!("{}.{}", kind["name"], member["name"]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn an_organization_that_adds_nothing_shares_the_plain_schema() {
    let (schemas, own) = (schemas(), plain());
    let schema = schemas.of(&own).await.unwrap();
    assert_eq!(schemas.sdl(&own).await.unwrap(), crate::sdl());
    assert_eq!(schema.sdl(), schemas.0.plain.sdl());
    schemas.0.kept.run_pending_tasks().await;
    assert_eq!(schemas.kept(), 0);
}

#[tokio::test]
async fn two_organizations_do_not_see_each_others_fields() {
    let (schemas, first, second) = (schemas(), model(&calibrations()), model(&zones()));
    let one = schemas.sdl(&first).await.unwrap();
    let two = schemas.sdl(&second).await.unwrap();
    let none = schemas.sdl(&plain()).await.unwrap();
    for word in ["\tcostCenter: ", "type Calibration ", "PurchaseOrderRisk"] {
        assert!(
            one.contains(word) && !two.contains(word) && !none.contains(word),
            "{word}"
        );
    }
    assert!(two.contains("\tzone: Int\n") && !none.contains("\tzone: Int\n"));
}

#[tokio::test]
async fn a_document_with_a_custom_field_is_refused_for_another_organization() {
    let (schemas, first, second) = (schemas(), model(&calibrations()), model(&zones()));
    let documents = [
        "{ purchaseOrders { nodes { costCenter } } }",
        r#"{ purchaseOrders(filter: { costCenter: { eq: "A" } }) { nodes { id } } }"#,
        "{ purchaseOrders(orderBy: { field: COST_CENTER }) { nodes { id } } }",
        "{ calibrations { nodes { dueOn asset { name } } } }",
        r#"{ node(id: "x") { ... on Calibration { dueOn } } }"#,
        r#"mutation { createCalibration(input: { dueOn: "2026-01-31" }) { calibration { dueOn } } }"#,
    ];
    for text in documents {
        assert!(!is_invalid(&ask(&schemas, &first, text).await), "{text}");
        assert!(is_invalid(&ask(&schemas, &second, text).await), "{text}");
        assert!(is_invalid(&ask(&schemas, &plain(), text).await), "{text}");
    }
}

#[tokio::test]
async fn a_schema_is_built_once_and_again_when_the_model_changes() {
    let (schemas, own) = (schemas(), model(&calibrations()));
    let asked = (0..20).map(|_| schemas.of(&own));
    let built = futures_util::future::join_all(asked).await;
    schemas.0.kept.run_pending_tasks().await;
    assert_eq!(schemas.kept(), 1);
    drop(built);
    let mut more = calibrations();
    more.fields.push(added("Vendor", "rating", AddedKind::Integer, false));
    let changed = model(&more);
    let text = r#"{ __type(name: "Vendor") { fields { name } } }"#;
    let before = introspect(&schemas, &own, text).await;
    let after = introspect(&schemas, &changed, text).await;
    assert!(!before.to_string().contains("rating") && after.to_string().contains("rating"));
}

#[tokio::test]
async fn subscriptions_are_checked_against_the_schema_of_their_session() {
    let (schemas, own) = (schemas(), model(&calibrations()));
    let session = |model: &Arc<Model>| {
        let caller = Caller {
            organization_id: Uuid::now_v7(),
            token_id: Uuid::now_v7(),
            scope: Scope::Organization,
            scopes: [].into(),
        };
        Session::start(caller, model.clone(), "test".into(), Duration::from_secs(5))
    };
    let text = r#"{ __type(name: "Calibration") { name } }"#;
    for (model, expected) in [
        (own, value!({ "__type": { "name": "Calibration" } })),
        (plain(), value!({ "__type": null })),
    ] {
        let mut stream = schemas.execute_stream(Request::new(text).data(session(&model)), None);
        assert_eq!(stream.next().await.unwrap().data, expected);
    }
}
