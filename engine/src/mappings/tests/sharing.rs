//! What layers of one organization see of each other: those who see one connection see its layers only, and the words of
//! the organization count first.

use std::sync::Arc;

use lineshaft_entities::mapping_version;
use lineshaft_schema::FieldType;
use sea_orm::Set;
use serde_json::json;

use crate::{
    connections::{Visible, visible_to},
    database::testing::{stores, stores_everywhere},
    mappings::{
        Draft, MappingError, Place, Problem, SaveMapping, Saved,
        testing::{CALIBRATIONS, World, ZONES},
    },
    origin::Origin,
    session::Session,
    tokens::{Caller, Scope as Seen},
};

const RISKS: &str = "\
mapping: 1
entities:
  Vendor:
    custom:
      risk: {type: enum, label: Risk, values: {HIGH: Much, LOW: Little}, source: {path: x_risk, as: {enum: {high: HIGH, low: LOW}}}}
";

impl World {
    fn only(&self, connection: uuid::Uuid) -> Visible {
        visible_to(&Caller {
            organization_id: self.acme,
            token_id: uuid::Uuid::nil(),
            scope: Seen::Connection(connection),
            scopes: [].into(),
        })
    }

    async fn bound(&self, connection: uuid::Uuid) -> Session {
        self.session_of(Seen::Connection(connection), &["mappings"]).await
    }

    async fn save_as(&self, session: &Session, place: Place, text: &str) -> Result<Saved, MappingError> {
        let save = SaveMapping {
            place,
            expected_version: 0,
            comment: None,
            draft: Draft::Yaml(text.to_owned()),
            accept_warnings: false,
        };
        self.engine.save_mapping(session, save, &Origin::operator()).await
    }
}

fn codes(problems: &[Problem]) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.code).collect()
}

#[tokio::test]
async fn whoever_sees_one_connection_gets_the_layers_of_that_connection() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let ids = [
            world.active("one").await,
            world.active("two").await,
            world.active("three").await,
        ];
        let models = &world.engine.models;
        assert!(Arc::ptr_eq(
            &models.current(world.only(ids[0])).await.unwrap(),
            models.plain()
        ));
        world.save(Place::Connection(ids[0]), 0, ZONES).await;
        world.save(Place::Connection(ids[1]), 0, RISKS).await;
        let [one, two, three] = [
            models.current(world.only(ids[0])).await.unwrap(),
            models.current(world.only(ids[1])).await.unwrap(),
            models.current(world.only(ids[2])).await.unwrap(),
        ];
        let has = |model: &crate::model::Model, name: &str| {
            let vendor = model.catalogue.type_named("Vendor").unwrap();
            vendor.field(name).is_some()
        };
        assert!(has(&one, "zone") && !has(&one, "risk"));
        assert!(has(&two, "risk") && !has(&two, "zone"));
        // Whoever adds nothing is served by what all others are served by.
        assert!(Arc::ptr_eq(&three.catalogue, &models.plain().catalogue));
        let all = world.model().await;
        assert!(has(&all, "zone") && has(&all, "risk"));
        assert!(
            Arc::ptr_eq(&one, &models.current(world.only(ids[0])).await.unwrap()),
            "kept"
        );

        // What the organization adds reaches all, and equal additions share one model.
        world.save(Place::Connector("tryton".to_owned()), 0, CALIBRATIONS).await;
        let one = models.current(world.only(ids[0])).await.unwrap();
        assert!(has(&one, "zone") && one.catalogue.type_named("Calibration").is_some());
        world.save(Place::Connection(ids[2]), 0, ZONES).await;
        let three = models.current(world.only(ids[2])).await.unwrap();
        let one = models.current(world.only(ids[0])).await.unwrap();
        assert!(Arc::ptr_eq(&one.catalogue, &three.catalogue));
    }
}

#[tokio::test]
async fn the_words_of_the_organization_count_before_those_of_a_connection() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    let other = RISKS
        .replace("label: Risk", "label: Theirs")
        .replace("HIGH: Much", "HIGH: Theirs");
    world.save(Place::Connection(connection), 0, &other).await;
    world.save(Place::Connector("tryton".to_owned()), 0, RISKS).await;
    let model = world.model().await;
    let field = model.catalogue.type_named("Vendor").unwrap().field("risk").unwrap();
    assert_eq!(field.label.as_deref(), Some("Risk"));
    let FieldType::Enum(kind) = field.kind else { panic!() };
    let words = &model.catalogue.enum_at(kind).unwrap().values;
    assert!(format!("{:?}", words.get("HIGH")).contains("Much"), "{words:?}");
}

#[tokio::test]
async fn the_first_connection_has_a_name_and_the_organization_has_it_all_the_same() {
    let stores = stores().await;
    let world = World::over(&stores);
    let (one, two) = (world.active("one").await, world.active("two").await);
    let session = world.bound(one).await;
    let saved = world.save_as(&session, Place::Connection(one), ZONES).await.unwrap();
    assert!(saved.layer.is_some(), "{:?}", saved.problems);
    let numbers = ZONES.replace("type: string", "type: integer");
    let session = world.bound(two).await;
    let refused = world.save_as(&session, Place::Connection(two), &numbers).await.unwrap();
    assert!(refused.layer.is_none());
    assert_eq!(codes(&refused.problems), ["TYPE_CONFLICT"]);

    let session = world.session().await;
    let saved = world
        .save_as(&session, Place::Connector("tryton".to_owned()), &numbers)
        .await
        .unwrap();
    assert!(saved.layer.is_some(), "{:?}", saved.problems);
    assert!(
        codes(&saved.problems).contains(&"TYPE_CONFLICT"),
        "{:?}",
        saved.problems
    );
    assert!(!saved.problems.iter().any(Problem::is_error));
    let model = world.model().await;
    let zone = model.catalogue.type_named("Vendor").unwrap().field("zone").unwrap();
    assert_eq!(zone.kind, FieldType::Integer);
}

#[tokio::test]
async fn a_bound_token_is_told_what_its_own_document_causes() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    world.save(Place::Connector("tryton".to_owned()), 0, CALIBRATIONS).await;
    let text = CALIBRATIONS.replace("plural: calibrations", "plural: checks");
    let session = world.bound(connection).await;
    let refused = world
        .save_as(&session, Place::Connection(connection), &text)
        .await
        .unwrap();
    assert!(refused.layer.is_none());
    let told = format!("{:?}", refused.problems);
    assert!(
        told.contains("TYPE_CONFLICT") && !told.contains("`calibrations`"),
        "{told}"
    );

    // As after an upgrade of the connector: a field that the layer of the organization changes is no longer there.
    let broken = mapping_version::ActiveModel {
        document: Set(json!({"mapping": 1, "entities": {"Vendor": {"fields": {"theirs": "x_theirs"}}}})),
        ..Default::default()
    };
    mapping_version::Entity::update_for_organization(stores.acme)
        .set(broken)
        .exec(&stores.database)
        .await
        .unwrap();
    world.save(Place::Connection(connection), 0, ZONES).await;
    let problems = async |session: Session| {
        let seen = world.engine.entity_mapping(&session, connection, "Vendor", 0).await;
        seen.unwrap().problems
    };
    let all = format!("{:?}", problems(world.session().await).await);
    assert!(all.contains("theirs"), "{all}");
    let own = problems(world.bound(connection).await).await;
    assert_eq!(own.len(), 1, "{own:?}");
    assert!(!format!("{own:?}").contains("theirs"), "{own:?}");
}
