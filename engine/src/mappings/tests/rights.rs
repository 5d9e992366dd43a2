//! Who may see and change which layers, and send requests of their own.

use serde_json::json;

use crate::{
    connections::WriteMode,
    database::testing::stores,
    mappings::{
        MappingError, Place, RawCall, RemoteTarget, RollBackMapping,
        testing::{World, ZONES},
    },
    origin::Origin,
    tokens::Scope as Seen,
};

#[tokio::test]
async fn a_connection_token_reaches_its_own_layer_with_the_scope_for_it() {
    let stores = stores().await;
    let world = World::over(&stores);
    let (own, other) = (world.active("own").await, world.active("other").await);
    world.save(Place::Connector("tryton".to_owned()), 0, ZONES).await;
    let plain = world.session_of(Seen::Connection(own), &[]).await;
    let editor = world.session_of(Seen::Connection(own), &["mappings"]).await;
    let engine = &world.engine;

    let refused = engine.mapping_layer(&plain, &Place::Connection(own)).await;
    assert!(matches!(refused, Err(MappingError::Forbidden(_))));
    assert!(engine.mapping_layer(&editor, &Place::Connection(own)).await.is_ok());
    for place in [
        Place::Connection(other),
        Place::Connector("tryton".to_owned()),
        Place::new(None, Some("tryton".to_owned()), Some("c-1".to_owned())).unwrap(),
    ] {
        let refused = engine.mapping_layer(&editor, &place).await;
        assert!(matches!(refused, Err(MappingError::Scope(_))), "{place:?}");
    }
    // It sees what the layers of its organization do, not what they say.
    let seen = engine.entity_mapping(&plain, own, "Vendor", 0).await.unwrap();
    let zone = seen.fields.iter().find(|field| field.name == "zone").unwrap();
    assert_eq!(zone.source.as_deref(), Some("x_zone"));
    assert_eq!(zone.layer_mapping, None);
    assert!(seen.layers.is_empty());
    let strange = engine.entity_mapping(&plain, other, "Vendor", 0).await;
    assert!(matches!(strange, Err(MappingError::NotFound(_))));
}

#[tokio::test]
async fn objects_of_any_name_are_told_to_those_who_work_on_mappings() {
    let stores = stores().await;
    let world = World::over(&stores);
    let engine = &world.engine;
    let own = world.active("own").await;
    let plain = world.session_of(Seen::Connection(own), &[]).await;
    let editor = world.session_of(Seen::Connection(own), &["mappings"]).await;
    let object = RemoteTarget::Object("Calibrations".to_owned());
    let entity = RemoteTarget::Entity("Vendor".to_owned());

    let refused = engine.remote_fields(&plain, own, &object, 2, false).await;
    assert!(matches!(refused, Err(MappingError::Forbidden(_))));
    let refused = engine.remote_objects(&plain, own, None, 2, None).await;
    assert!(matches!(refused, Err(MappingError::Forbidden(_))));
    assert_eq!(world.shop.asked_for(""), [""; 0]);
    for (session, target) in [(&editor, &object), (&editor, &entity), (&plain, &entity)] {
        assert!(engine.remote_fields(session, own, target, 2, false).await.is_ok());
    }
}

#[tokio::test]
async fn what_the_connector_excepts_is_told_to_nobody_by_its_name() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active_of("other", "one").await;
    let session = world.session().await;
    for name in ["Vendors", "vendors", "Vendors;x"] {
        let object = RemoteTarget::Object(name.to_owned());
        let refused = world
            .engine
            .remote_fields(&session, connection, &object, 2, false)
            .await;
        assert_eq!(refused.unwrap_err().code(), "OBJECT_NOT_FOUND", "{name}");
    }
    let page = world.engine.remote_objects(&session, connection, None, 9, None).await;
    let names: Vec<_> = page.unwrap().objects.into_iter().map(|object| object.name).collect();
    assert_eq!(names, ["Assets", "Calibrations"]);
    assert_eq!(world.shop.asked_for("/Vendors"), [""; 0]);
}

#[tokio::test]
async fn an_organization_key_with_scopes_needs_the_one_for_mappings_to_save() {
    let stores = stores().await;
    let world = World::over(&stores);
    let reader = world.session_of(Seen::Organization, &["read"]).await;
    let place = Place::Connector("tryton".to_owned());
    assert!(world.engine.mapping_layer(&reader, &place).await.is_ok());
    let back = RollBackMapping {
        place: place.clone(),
        to_version: 0,
        expected_version: 0,
        comment: None,
        accept_warnings: false,
    };
    let back = world.engine.roll_back_mapping(&reader, back, &Origin::operator()).await;
    assert!(matches!(back, Err(MappingError::Forbidden(_))));
    let unknown = Place::new(None, Some("nobody".to_owned()), None).unwrap();
    assert!(matches!(
        world.engine.mapping_layer(&reader, &unknown).await,
        Err(MappingError::Scope(_))
    ));
    assert!(Place::new(None, None, Some("c-1".to_owned())).is_err());
}

fn call(connection: uuid::Uuid, method: &str, path: &str) -> RawCall {
    RawCall {
        connection_id: connection,
        method: method.to_owned(),
        path: path.to_owned(),
        query: Some(json!({"$top": 1})),
        body: None,
    }
}

#[tokio::test]
async fn requests_of_ones_own_need_a_scope_and_are_written_down_without_their_bodies() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    let engine = &world.engine;
    let origin = Origin::operator();
    let bound = world.session_of(Seen::Connection(connection), &["mappings"]).await;
    let refused = engine
        .raw_request(&bound, call(connection, "GET", "/Vendors"), &origin)
        .await;
    assert!(matches!(refused, Err(MappingError::RawDisabled)));
    let bound = world.session_of(Seen::Connection(connection), &["passthrough"]).await;
    let answer = engine
        .raw_request(&bound, call(connection, "get", "/Vendors"), &origin)
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.unwrap()["value"][0]["id"], "1");
    let text = engine
        .raw_request(&bound, call(connection, "GET", "/notes"), &origin)
        .await
        .unwrap();
    assert_eq!((text.body, text.text.as_deref()), (None, Some("fine")));
    let elsewhere = engine
        .raw_request(&bound, call(connection, "GET", "/Assets"), &origin)
        .await;
    assert!(matches!(elsewhere, Err(MappingError::RawNotAllowed(_))));
    let changing = engine
        .raw_request(&bound, call(connection, "POST", "/Vendors"), &origin)
        .await;
    assert!(matches!(changing, Err(MappingError::Forbidden(_))));

    let filter = crate::audit::Filter {
        actions: Some(vec!["raw.request".to_owned()]),
        ..crate::audit::Filter::default()
    };
    let entries = crate::audit::list(&stores.database, stores.acme, &filter, None, 10)
        .await
        .unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        entries[1].detail,
        json!({"method": "GET", "path": "/Vendors", "status": 200})
    );
}

#[tokio::test]
async fn requests_that_change_something_respect_the_mode_of_the_connection() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    let session = world.session().await;
    let engine = &world.engine;
    let origin = Origin::operator();
    let posts = || world.shop.asked_for("POST").len();

    engine
        .set_write_mode(stores.acme, connection, WriteMode::ReadOnly, &origin)
        .await
        .unwrap();
    let refused = engine
        .raw_request(&session, call(connection, "POST", "/Vendors"), &origin)
        .await;
    assert!(matches!(refused, Err(MappingError::ReadOnly)));
    assert!(
        engine
            .raw_request(&session, call(connection, "GET", "/Vendors"), &origin)
            .await
            .is_ok()
    );
    engine
        .set_write_mode(stores.acme, connection, WriteMode::Simulate, &origin)
        .await
        .unwrap();
    let simulated = engine
        .raw_request(&session, call(connection, "POST", "/Vendors"), &origin)
        .await
        .unwrap();
    assert_eq!(simulated.status, 0);
    assert_eq!(posts(), 0);
    engine
        .set_write_mode(stores.acme, connection, WriteMode::Enabled, &origin)
        .await
        .unwrap();
    let sent = engine
        .raw_request(&session, call(connection, "POST", "/Vendors"), &origin)
        .await
        .unwrap();
    assert_eq!(sent.status, 200);
    assert_eq!(posts(), 1);
    engine.pause(stores.acme, connection, &origin).await.unwrap();
    let paused = engine
        .raw_request(&session, call(connection, "GET", "/Vendors"), &origin)
        .await;
    assert_eq!(paused.unwrap_err().code(), "CONNECTION_PAUSED");
}
