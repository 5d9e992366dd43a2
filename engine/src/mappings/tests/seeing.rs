//! What people see of mappings: fields with samples, objects of the system, and previews.

use serde_json::json;

use crate::{
    database::testing::stores,
    mappings::{
        DescribedBy, Draft, FieldState, MappingError, MappingOrigin, Place, PreviewMapping, RemoteTarget,
        testing::{CALIBRATIONS, World, ZONES},
    },
    origin::Origin,
};

#[tokio::test]
async fn every_field_is_shown_with_who_mapped_it_and_what_it_holds() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    world.save(Place::Connector("tryton".to_owned()), 0, ZONES).await;
    let hidden = "mapping: 1\nentities:\n  Vendor:\n    fields: {number: {hide: true}}\n";
    world.save(Place::Connection(connection), 0, hidden).await;
    let session = world.session().await;
    let seen = world
        .engine
        .entity_mapping(&session, connection, "Vendor", 2)
        .await
        .unwrap();
    let field = |name: &str| seen.fields.iter().find(|field| field.name == name).unwrap();

    let name = field("name");
    assert_eq!(
        (name.origin, name.state),
        (MappingOrigin::Connector, FieldState::Mapped)
    );
    assert_eq!(
        (name.source.as_deref(), name.codec.as_deref()),
        (Some("name"), Some("string"))
    );
    assert_eq!(name.filter_operators, ["eq", "in"]);
    let zone = field("zone");
    assert_eq!(
        (zone.origin, zone.is_custom, zone.sortable),
        (MappingOrigin::Organization, true, true)
    );
    assert_eq!(zone.samples[0].raw, Some(json!("N")));
    assert_eq!(zone.samples[1].value, Some(json!("S")));
    assert_eq!(
        (field("number").origin, field("number").state),
        (MappingOrigin::Connection, FieldState::Hidden)
    );
    assert!(seen.fields.iter().any(|field| field.state == FieldState::Unmapped));
    assert_eq!((seen.layers.len(), seen.described_by), (2, DescribedBy::Metadata));
    assert_eq!(seen.samples[0].value["name"], "One");
    let unmapped: Vec<_> = seen.unmapped.iter().map(|field| field.path.as_str()).collect();
    assert!(
        unmapped.contains(&"x_risk") && !unmapped.contains(&"x_zone"),
        "{unmapped:?}"
    );
    let risk = seen.unmapped.iter().find(|field| field.path == "x_risk").unwrap();
    let suggested = risk.suggested.as_ref().unwrap();
    assert_eq!(suggested.name, "risk");
    assert_eq!(suggested.field["type"], "string");

    let unknown = world.engine.entity_mapping(&session, connection, "Nobody", 0).await;
    assert!(matches!(unknown, Err(MappingError::Argument(_))));
    let entities = world.engine.mapped_entities(&session, connection).await.unwrap();
    let names: Vec<_> = entities.iter().map(|entity| entity.name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[tokio::test]
async fn a_connection_that_cannot_be_asked_still_shows_its_mapping() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    world
        .engine
        .pause(stores.acme, connection, &Origin::operator())
        .await
        .unwrap();
    let session = world.session().await;
    let seen = world
        .engine
        .entity_mapping(&session, connection, "Vendor", 3)
        .await
        .unwrap();
    assert_eq!(seen.described_by, DescribedBy::None);
    assert_eq!(seen.problems[0].code, "CONNECTION_PAUSED");
    assert!(seen.fields.iter().any(|field| field.state == FieldState::Mapped));
}

#[tokio::test]
async fn objects_of_the_system_are_listed_and_described() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    let session = world.session().await;
    let engine = &world.engine;
    let page = engine
        .remote_objects(&session, connection, None, 2, None)
        .await
        .unwrap();
    let names: Vec<_> = page
        .objects
        .iter()
        .map(|object| (object.name.as_str(), object.entity.as_deref()))
        .collect();
    assert_eq!(names, [("Assets", Some("Asset")), ("Calibrations", None)]);
    assert_eq!((page.total, page.has_more), (3, true));
    let rest = engine
        .remote_objects(&session, connection, None, 2, Some("Calibrations"))
        .await
        .unwrap();
    assert_eq!((rest.objects.len(), rest.has_more), (1, false));

    let object = RemoteTarget::Object("Calibrations".to_owned());
    let told = engine
        .remote_fields(&session, connection, &object, 2, false)
        .await
        .unwrap();
    let due = told.fields.iter().find(|field| field.path == "due").unwrap();
    assert_eq!(due.samples, [json!("2026-12-01"), json!("2026-12-24")]);
    assert_eq!(due.suggested.as_ref().unwrap().field["type"], "date");
    let of_entity = RemoteTarget::Entity("Vendor".to_owned());
    let told = engine
        .remote_fields(&session, connection, &of_entity, 0, true)
        .await
        .unwrap();
    let name = told.fields.iter().find(|field| field.path == "name").unwrap();
    assert_eq!(
        (name.mapped_by.as_slice(), &name.suggested),
        (["Vendor.name".to_owned()].as_slice(), &None)
    );
    // A new entity over the same object has all of its fields for itself.
    let same = RemoteTarget::Object(told.name.clone());
    let told = engine
        .remote_fields(&session, connection, &same, 0, false)
        .await
        .unwrap();
    let name = told.fields.iter().find(|field| field.path == "name").unwrap();
    assert_eq!(name.suggested.as_ref().unwrap().name, "name");
    let missing = RemoteTarget::Object("Nothings".to_owned());
    let missing = engine.remote_fields(&session, connection, &missing, 0, false).await;
    assert_eq!(missing.unwrap_err().code(), "OBJECT_NOT_FOUND");
}

fn preview(
    connection: uuid::Uuid,
    entity: &str,
    text: &str,
    records: Option<Vec<serde_json::Value>>,
) -> PreviewMapping {
    PreviewMapping {
        connection_id: connection,
        entity: entity.to_owned(),
        place: None,
        draft: Some(Draft::Yaml(text.to_owned())),
        records,
        samples: 2,
    }
}

#[tokio::test]
async fn a_document_is_tried_on_given_records_without_asking_the_system() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    world.save(Place::Connection(connection), 0, ZONES).await;
    world
        .engine
        .pause(stores.acme, connection, &Origin::operator())
        .await
        .unwrap();
    let asked = world.shop.asked.lock().unwrap().len();
    let text = "\
mapping: 1
entities:
  Vendor:
    fields: {name: title}
    custom:
      zone: {type: decimal, source: x_zone}
";
    let session = world.session().await;
    let records = vec![
        json!({"id": "7", "name": "Old", "title": "New", "x_zone": "12.5"}),
        json!({"id": "8", "x_zone": "north"}),
        json!(3),
    ];
    let tried = world
        .engine
        .preview_mapping(&session, preview(connection, "Vendor", text, Some(records)))
        .await
        .unwrap();
    assert_eq!(world.shop.asked.lock().unwrap().len(), asked);
    let first = &tried.records[0];
    assert_eq!(first.remote_id.as_deref(), Some("7"));
    assert_eq!(first.before.as_ref().unwrap()["name"], "Old");
    assert_eq!(first.after.as_ref().unwrap()["name"], "New");
    assert!(first.changed_fields.contains(&"name".to_owned()));
    assert_eq!(tried.records[1].problems[0].field.as_deref(), Some("zone"));
    assert_eq!(tried.records[2].problems[0].field, None);
    let lost = tried.filters.iter().find(|effect| effect.field == "name").unwrap();
    assert_eq!(
        (lost.before.as_slice(), lost.after.as_slice()),
        (["eq", "in"].as_slice(), [].as_slice())
    );
    assert_eq!(world.model().await.revision, 1);
}

#[tokio::test]
async fn an_entity_that_does_not_stand_yet_is_tried_on_live_records() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    let session = world.session().await;
    let tried = world
        .engine
        .preview_mapping(&session, preview(connection, "Calibration", CALIBRATIONS, None))
        .await
        .unwrap();
    assert!(tried.problems.is_empty(), "{:?}", tried.problems);
    assert_eq!(tried.records.len(), 2);
    assert_eq!(tried.records[0].before, None);
    assert_eq!(tried.records[1].after.as_ref().unwrap()["dueOn"], "2026-12-24");
    let wrong = preview(connection, "Vendor", "mapping: 2\n", None);
    assert!(
        !world
            .engine
            .preview_mapping(&session, wrong)
            .await
            .unwrap()
            .problems
            .is_empty()
    );
    let elsewhere = PreviewMapping {
        place: Some(Place::Connector("other".to_owned())),
        ..preview(connection, "Vendor", ZONES, None)
    };
    let elsewhere = world.engine.preview_mapping(&session, elsewhere).await;
    assert!(matches!(elsewhere, Err(MappingError::Scope(_))));
}
