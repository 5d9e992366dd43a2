//! Dry runs, connections that are only read or simulate, and what can be written.

use std::sync::Arc;

use indexmap::IndexMap;
use lineshaft_connect::write::{Act, DescribedField, UserErrorCode};
use lineshaft_entities::write_operation::State;
use lineshaft_schema::{Record, RemoteKey, Value};

use crate::{
    audit,
    command::{
        Description, Outcome, Simulate, WriteMode, simulate,
        testing::{Answer, Desk, code},
    },
    connections::Status,
    database::testing::{set_status, stores, stores_everywhere},
    origin::Origin,
};

async fn set(desk: &Desk, id: uuid::Uuid, mode: WriteMode) {
    let engine = &desk.world.engine;
    let set = engine
        .set_write_mode(desk.world.acme, id, mode, &Origin::operator())
        .await;
    assert_eq!(set.unwrap().write_mode, mode);
    assert_eq!(desk.world.get(id).await.write_mode, mode);
}

#[tokio::test]
async fn a_dry_run_tells_the_requests_and_keeps_nothing() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    let (engine, session) = (&desk.world.engine, desk.world.session());
    let run = || engine.dry_run(&session, desk.create(id, "One", Some("k")));
    let told = run().await.unwrap();
    assert_eq!((told.outcome, told.requests.len()), (Outcome::DryRun, 1));
    assert!(told.operation.is_none() && told.user_errors.is_empty());
    desk.fake.be(Answer::Refuses(UserErrorCode::Required));
    let told = run().await.unwrap();
    assert_eq!(
        (told.outcome, told.user_errors[0].code),
        (Outcome::DryRun, UserErrorCode::Required)
    );
    desk.fake.be(Answer::Gone);
    let told = run().await.unwrap();
    assert_eq!(
        (told.outcome, told.user_errors[0].code),
        (Outcome::Failed, UserErrorCode::NotSent)
    );
    desk.fake.be(Answer::Well);
    set(&desk, id, WriteMode::ReadOnly).await;
    assert!(run().await.unwrap().warnings[0].contains("only be read"));
    set_status(&stores, id, Status::Paused).await;
    assert_eq!(code(run().await), "CONNECTION_PAUSED");
    assert!(desk.rows().await.is_empty());
}

#[tokio::test]
async fn a_connection_that_is_only_read_refuses_writes() {
    for stores in stores_everywhere().await {
        let desk = Desk::over(&stores);
        let id = desk.world.active("erp").await;
        set(&desk, id, WriteMode::ReadOnly).await;
        assert_eq!(
            code(desk.write(desk.create(id, "One", Some("k"))).await),
            "CONNECTION_READ_ONLY"
        );
        assert!(desk.rows().await.is_empty());
        set(&desk, id, WriteMode::Enabled).await;
        assert_eq!(
            desk.write(desk.create(id, "One", Some("k"))).await.unwrap().outcome,
            Outcome::Succeeded
        );
        let engine = &desk.world.engine;
        let entries = audit::list(&engine.database, desk.world.acme, &audit::Filter::default(), None, 10).await;
        let entries = entries.unwrap();
        let modes: Vec<_> = entries
            .iter()
            .filter(|entry| entry.action == "connection.write_mode")
            .collect();
        assert_eq!(modes.len(), 2);
        assert_eq!(
            modes[1].detail,
            serde_json::json!({"previous": "ENABLED", "mode": "READ_ONLY"})
        );
    }
}

#[tokio::test]
async fn simulated_writes_are_checked_logged_and_not_sent() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    set(&desk, id, WriteMode::Simulate).await;
    let made = desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
    assert_eq!(
        (made.outcome, made.warnings.as_slice()),
        (Outcome::Succeeded, [simulate::WARNING.to_owned()].as_slice())
    );
    let entry = made.operation.unwrap();
    assert_eq!(made.key, Some(RemoteKey::single(format!("simulated-{}", entry.id))));
    assert!(entry.simulated);
    assert_eq!(
        made.record.as_ref().unwrap().get(desk.field("name")),
        &Value::text("One")
    );
    let again = desk.write(desk.create(id, "One", Some("k"))).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.key, made.key);
    assert_eq!(again.record.unwrap().get(desk.field("name")), &Value::text("One"));

    let catalogue = &desk.world.engine.catalogue;
    let def = catalogue.type_named("Vendor").unwrap();
    let mut present = Record::new(def, RemoteKey::single("V1"), chrono::Utc::now());
    present.set(desk.field("name"), Value::text("Old"));
    present.set(desk.field("number"), Value::text("C1"));
    *desk.fake.present.lock().unwrap() = Some(Arc::new(present));
    let changed = desk.write(desk.update(id, "V1", "New")).await.unwrap();
    let record = changed.record.unwrap();
    assert_eq!(record.get(desk.field("name")), &Value::text("New"));
    assert_eq!(record.get(desk.field("number")), &Value::text("C1"));
    *desk.fake.present.lock().unwrap() = None;
    let missing = desk.write(desk.update(id, "V9", "New")).await.unwrap();
    assert_eq!(
        (missing.outcome, missing.user_errors[0].code),
        (Outcome::Failed, UserErrorCode::NotFound)
    );
    desk.fake.be(Answer::Refuses(UserErrorCode::InvalidValue));
    let refused = desk.write(desk.create(id, "", None)).await.unwrap();
    assert_eq!(refused.outcome, Outcome::Failed);
    assert_eq!(desk.fake.applied(), 0);
    assert_eq!(desk.rows().await.last().unwrap().state, State::Failed);
}

#[tokio::test]
async fn the_operator_may_let_only_sandboxes_simulate() {
    let stores = stores().await;
    let mut settings = crate::Settings::default();
    settings.writes.simulate = Simulate::Loopback;
    let world = crate::lifecycle::testing::World::with_settings(&stores, settings);
    let engine = &world.engine;
    let far = world.active("far").await;
    let near = {
        let mut new = crate::database::testing::new_connection(world.acme, "near");
        new.settings
            .insert("base_url".to_owned(), "http://127.0.0.1:9000".into());
        engine.connections.add(new).await.unwrap().id
    };
    let origin = Origin::operator();
    let refused = engine
        .set_write_mode(world.acme, far, WriteMode::Simulate, &origin)
        .await;
    assert_eq!(refused.unwrap_err().code(), "SIMULATE_NOT_ALLOWED");
    engine
        .set_write_mode(world.acme, near, WriteMode::Simulate, &origin)
        .await
        .unwrap();
    let foreign = engine
        .set_write_mode(stores.rival, near, WriteMode::ReadOnly, &origin)
        .await;
    assert_eq!(foreign.unwrap_err().code(), "CONNECTION_NOT_FOUND");
}

#[tokio::test]
async fn what_the_system_tells_is_laid_over_what_the_connector_knows() {
    let stores = stores().await;
    let desk = Desk::over(&stores);
    let id = desk.world.active("erp").await;
    let (engine, session) = (&desk.world.engine, desk.world.session());
    let told = async |act: &Act| engine.write_schema(&session, id, desk.kind(), act).await;
    let plain = told(&Act::Create).await.unwrap();
    assert_eq!(plain.description, Description::None);
    assert!(plain.supported && plain.fields[0].required && !plain.fields[1].required);

    let field = |name: &str| DescribedField {
        name: name.to_owned(),
        ..DescribedField::default()
    };
    let described = [
        DescribedField {
            max_length: Some(40),
            ..field("name_")
        },
        DescribedField {
            required: Some(true),
            choices: vec![("A".to_owned(), Some("Supplier".to_owned())), ("X".to_owned(), None)],
            ..field("type_")
        },
        field("extra"),
        DescribedField {
            read_only: Some(true),
            ..field("computed")
        },
    ];
    let described: IndexMap<String, DescribedField> =
        described.into_iter().map(|field| (field.name.clone(), field)).collect();
    *desk.fake.described.lock().unwrap() = Some(Arc::new(described));
    let laid = told(&Act::Create).await.unwrap();
    assert_eq!(laid.description, Description::Told);
    assert_eq!(laid.fields[0].max_length, Some(40));
    let kind = &laid.fields[1];
    assert!(kind.required && kind.writable);
    assert!(matches!(kind.values[0].value, Some(Value::Enum(..))));
    assert_eq!(kind.values[0].label.as_deref(), Some("Supplier"));
    assert_eq!(
        (&kind.values[1].value, kind.values[1].source.as_deref()),
        (&None, Some("X"))
    );
    let system: Vec<&str> = laid.system_fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(system, ["extra"]);
    assert!(
        !told(&Act::Update).await.unwrap().fields[1].required,
        "of new records only"
    );

    let deleted = told(&Act::Delete).await.unwrap();
    assert!(!deleted.supported && deleted.alternative.unwrap().contains("SYSTEM_DEFAULT"));
    assert!(told(&Act::Action("block".to_owned())).await.unwrap().supported);
    assert_eq!(
        told(&Act::Action("nope".to_owned())).await.unwrap_err().code(),
        "INVALID_ARGUMENT"
    );
    set_status(&stores, id, Status::ReauthRequired).await;
    assert_eq!(
        told(&Act::Create).await.unwrap().description,
        Description::Failed("REAUTH_REQUIRED")
    );
}
