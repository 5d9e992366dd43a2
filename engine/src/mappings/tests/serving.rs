//! What queries see of saved mappings, in this process and in others.

use lineshaft_schema::{Condition, Filter, Operand, Operator, RemoteKey, Value};
use serde_json::json;

use crate::{
    database::testing::{stores, stores_everywhere},
    mappings::{
        Place,
        testing::{CALIBRATIONS, World, ZONES, value},
    },
    origin::Origin,
};

#[tokio::test]
async fn the_next_request_of_every_process_uses_a_saved_mapping_and_one_under_way_does_not() {
    for stores in stores_everywhere().await {
        let (here, there) = (World::over(&stores), World::over(&stores));
        let connection = here.active("one").await;
        let before = [here.session().await, there.session().await];
        here.save(Place::Connection(connection), 0, ZONES).await;
        for (world, before) in [&here, &there].into_iter().zip(&before) {
            assert!(
                before
                    .model
                    .catalogue
                    .type_named("Vendor")
                    .unwrap()
                    .field("zone")
                    .is_none()
            );
            assert_eq!(
                world.values(before, "Vendor", "name").await,
                [json!("One"), json!("Two")]
            );
            let after = world.session().await;
            assert_eq!(world.values(&after, "Vendor", "zone").await, [json!("N"), json!("S")]);
        }
        let first = there.session().await;
        let moved = ZONES.replace("x_zone", "x_risk");
        here.save(Place::Connection(connection), 1, &moved).await;
        assert_eq!(there.values(&first, "Vendor", "zone").await, [json!("N"), json!("S")]);
        let second = there.session().await;
        assert_eq!(
            there.values(&second, "Vendor", "zone").await,
            [json!("high"), json!("low")]
        );
        // What is served is the same one, as long as nothing changes.
        assert!(std::sync::Arc::ptr_eq(&second.model, &there.session().await.model));
    }
}

#[tokio::test]
async fn layers_lie_over_one_another() {
    let stores = stores().await;
    let world = World::over(&stores);
    let (one, two) = (world.active("one").await, world.active("two").await);
    world.save(Place::Connector("tryton".to_owned()), 0, ZONES).await;
    let customer = Place::new(None, Some("tryton".to_owned()), Some("c-1".to_owned())).unwrap();
    let hidden = "mapping: 1\nentities:\n  Vendor:\n    fields: {number: {hide: true}, name: x_risk}\n";
    world.save(customer, 0, hidden).await;
    let named = "mapping: 1\nentities:\n  Vendor:\n    fields: {name: x_zone}\n";
    world.save(Place::Connection(two), 0, named).await;
    let session = world.session().await;
    let page = world.list(&session, "Vendor", Filter::always()).await;
    let names = |connection| {
        let rows = page
            .rows
            .iter()
            .filter(|row| page.connections[row.connection].id == connection);
        rows.map(|row| value(&session, "Vendor", "name", &row.record))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(one), [json!("high"), json!("low")]);
    assert_eq!(names(two), [json!("N"), json!("S")]);
}

#[tokio::test]
async fn custom_fields_are_filtered_by_the_system() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    world.save(Place::Connection(connection), 0, ZONES).await;
    let session = world.session().await;
    let zone = session
        .model
        .catalogue
        .type_named("Vendor")
        .unwrap()
        .field("zone")
        .unwrap()
        .index;
    let filter = Filter::Field(Condition {
        field: zone,
        operator: Operator::Eq,
        operand: Operand::One(Value::text("N")),
    });
    let page = world.list(&session, "Vendor", filter).await;
    assert_eq!(page.sources[0].pushed_down, ["zone eq"]);
    let asked = world.shop.asked_for("/Vendors");
    assert!(asked.last().unwrap().contains("x_zone eq 'N'"), "{asked:?}");
}

#[tokio::test]
async fn an_entity_of_ones_own_is_listed_looked_up_and_referred_to() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    let plain = world.active("plain").await;
    world.save(Place::Connection(connection), 0, CALIBRATIONS).await;
    let session = world.session().await;
    let catalogue = session.model.catalogue.clone();
    let (own, asset) = (
        catalogue.type_named("Calibration").unwrap(),
        catalogue.type_named("Asset").unwrap(),
    );

    let due = own.field("dueOn").unwrap().index;
    let late = Filter::Field(Condition {
        field: due,
        operator: Operator::Gte,
        operand: Operand::One(Value::Date("2026-12-02".parse().unwrap())),
    });
    let page = world.list(&session, "Calibration", late).await;
    let source = page
        .sources
        .iter()
        .find(|source| page.connections[source.connection].id == connection)
        .unwrap();
    assert_eq!(source.pushed_down, ["dueOn gte"]);
    let other = page
        .sources
        .iter()
        .find(|source| page.connections[source.connection].id == plain)
        .unwrap();
    assert_eq!(other.error.as_ref().unwrap().code, "NOT_SUPPORTED");

    let listed = world.list(&session, "Calibration", Filter::always()).await;
    let keys: Vec<RemoteKey> = listed
        .rows
        .iter()
        .filter_map(|row| match row.record.get(own.field("asset").unwrap().index) {
            Value::Reference(key) => Some(key.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(keys.len(), 2);
    let live = listed
        .live
        .iter()
        .find(|live| live.connection.id == connection)
        .unwrap();
    let connector = live.connector.as_ref().unwrap();
    let projection = lineshaft_schema::Projection::all(asset);
    let assets = session
        .loaders
        .records(connector, &live.context, asset.index, &projection, keys.clone())
        .await;
    let pump = assets[&keys[0]].clone().unwrap().unwrap();
    assert_eq!(value(&session, "Asset", "name", &pump), json!("Pump"));
    let back = pump.get(asset.field("lastCalibration").unwrap().index);
    let Value::Reference(key) = back else {
        panic!("{back:?}")
    };
    let projection = lineshaft_schema::Projection::all(own);
    let found = session
        .loaders
        .records(connector, &live.context, own.index, &projection, vec![key.clone()])
        .await;
    let found = found[key].clone().unwrap().unwrap();
    assert_eq!(value(&session, "Calibration", "dueOn", &found), json!("2026-12-01"));
}

#[tokio::test]
async fn erasing_a_connection_erases_its_layer_and_what_it_added() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    world.save(Place::Connection(connection), 0, ZONES).await;
    assert!(!world.model().await.is_plain());
    let origin = Origin::operator();
    world.engine.disconnect(stores.acme, connection, &origin).await.unwrap();
    // Clients that ask for the field are still answered.
    assert!(!world.model().await.is_plain());
    let saved = world.try_save(Place::Connection(connection), 1, ZONES).await;
    assert_eq!(saved.unwrap_err().code(), "MAPPING_SCOPE_INVALID");
    world.engine.delete(stores.acme, connection, &origin).await.unwrap();
    assert!(world.model().await.is_plain());
    let rows = lineshaft_entities::mapping_version::Entity::for_organization(stores.acme);
    assert!(rows.all(&stores.database).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_unified_type_that_the_connector_does_not_map_is_served_from_an_object() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    // What the connector maps by itself is changed by its fields.
    let vendors = "mapping: 1\nentities:\n  Vendor:\n    from: {remote: Calibrations}\n";
    let refused = world.refused(Place::Connection(connection), vendors).await;
    assert_eq!(refused, [("NAME_TAKEN", "/entities/Vendor/from".to_owned())]);
    let meters = "mapping: 1
entities:
  Meter:
    from: {remote: Calibrations}
    fields: {name: due, asset: {path: asset_id, filter: [eq, in]}}
";
    world.save(Place::Connection(connection), 0, meters).await;
    let session = world.session().await;
    let due = [json!("2026-12-01"), json!("2026-12-24")];
    assert_eq!(world.values(&session, "Meter", "name").await, due);
}
