//! Saving: one of many wins, all or nothing, and everything that is wrong is told.

use futures_util::future::join_all;
use lineshaft_entities::{audit_entry, mapping_version};
use sea_orm::{ColumnTrait as _, QueryFilter as _};
use serde_json::json;

use crate::{
    database::testing::{stores, stores_everywhere},
    mappings::{
        ChangeKind, CopyMapping, Draft, Edit, MappingError, Part, Place, RollBackMapping, SaveMapping,
        testing::{CALIBRATIONS, World, ZONES},
    },
    model::Layer,
    origin::Origin,
};

/// A layer by which values lose something.
const LOSSY: &str = "\
mapping: 1
entities:
  Vendor:
    custom:
      note: {type: string, source: {path: x_zone, as: html_text}}
";

fn organization() -> Place {
    Place::Connector("tryton".to_owned())
}

fn back_to(place: &Place, version: i32, expected: i32) -> RollBackMapping {
    RollBackMapping {
        place: place.clone(),
        to_version: version,
        expected_version: expected,
        comment: None,
        accept_warnings: false,
    }
}

#[tokio::test]
async fn of_many_who_save_over_one_version_one_wins() {
    for stores in stores_everywhere().await {
        // Two processes over one database.
        let worlds = [World::over(&stores), World::over(&stores)];
        let connection = worlds[0].active("one").await;
        for round in 0..3 {
            let text = ZONES.replace("label: Zone", &format!("label: Zone {round}"));
            let saves = (0..20).map(|at| worlds[at % 2].try_save(Place::Connection(connection), round, &text));
            let results = join_all(saves).await;
            let won = results
                .iter()
                .filter(|result| result.as_ref().is_ok_and(|saved| saved.layer.is_some()))
                .count();
            assert_eq!(won, 1);
            for result in results {
                match result {
                    Ok(_) => {}
                    Err(MappingError::VersionConflict { present }) => assert_eq!(present, round + 1),
                    Err(error) => panic!("{error:?}"),
                }
            }
            for world in &worlds {
                assert_eq!(world.model().await.revision, i64::from(round) + 1);
            }
        }
        let rows = mapping_version::Entity::for_organization(stores.acme)
            .all(&stores.database)
            .await
            .unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows.iter().filter(|row| row.superseded_at.is_none()).count(), 1);
    }
}

#[tokio::test]
async fn saves_of_different_layers_all_stand_and_count_one_by_one() {
    for stores in stores_everywhere().await {
        let worlds = [World::over(&stores), World::over(&stores)];
        let mut ids = Vec::new();
        for at in 0..8 {
            ids.push(worlds[0].active(&format!("connection {at}")).await);
        }
        let saves = ids
            .iter()
            .enumerate()
            .map(|(at, id)| worlds[at % 2].try_save(Place::Connection(*id), 0, ZONES));
        for saved in join_all(saves).await {
            assert!(saved.unwrap().layer.is_some());
        }
        assert_eq!(worlds[0].model().await.revision, 8);
    }
}

#[tokio::test]
async fn a_refused_document_leaves_everything_as_it_is_and_tells_what_is_wrong() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    let broken = "\
mapping: 1
entities:
  Vendor:
    fields:
      nothing: a
    custom:
      name: {type: string, source: a}
      risk: {type: enum, source: a}
  Nobody:
    fields: {name: a}
";
    let session = world.session().await;
    let saved = world.try_save(Place::Connection(connection), 0, broken).await.unwrap();
    assert!(saved.layer.is_none());
    let told: Vec<_> = saved
        .problems
        .iter()
        .map(|problem| (problem.code, problem.line))
        .collect();
    for (code, line) in [
        ("UNKNOWN_FIELD", Some(5)),
        ("NAME_TAKEN", Some(7)),
        ("INVALID_MAPPING", Some(8)),
        ("UNKNOWN_ENTITY", Some(9)),
    ] {
        assert!(told.contains(&(code, line)), "{code} at {line:?}: {:?}", saved.problems);
    }
    let layer = world
        .engine
        .mapping_layer(&session, &Place::Connection(connection))
        .await
        .unwrap();
    assert_eq!((layer.version, layer.affected_connections), (0, 1));
    assert!(layer.overlay.is_empty());
    assert_eq!(world.model().await.revision, 0);
}

#[tokio::test]
async fn a_field_has_one_type_in_an_organization() {
    let stores = stores().await;
    let world = World::over(&stores);
    let (one, two) = (world.active("one").await, world.active("two").await);
    world.save(Place::Connection(one), 0, ZONES).await;
    let other = ZONES.replace("type: string", "type: decimal");
    let refused = world.refused(Place::Connection(two), &other).await;
    assert_eq!(refused[0].0, "TYPE_CONFLICT", "{refused:?}");
    // The same words in the place of those that contradict are none.
    world.save(Place::Connection(one), 1, &other).await;
}

#[tokio::test]
async fn names_of_other_layers_are_taken() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    world.save(organization(), 0, CALIBRATIONS).await;
    let other = "\
mapping: 1
entities:
  Check:
    entity: {remote: Checks, plural: calibrations}
";
    let refused = world.refused(Place::Connection(connection), other).await;
    assert!(
        refused.contains(&("NAME_TAKEN", "/entities/Check/entity".to_owned())),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_values_lose_is_accepted_first() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    let mut save = SaveMapping {
        place: Place::Connection(connection),
        expected_version: 0,
        comment: None,
        draft: Draft::Yaml(LOSSY.to_owned()),
        accept_warnings: false,
    };
    let session = world.session().await;
    let first = world
        .engine
        .save_mapping(&session, save.clone(), &Origin::operator())
        .await
        .unwrap();
    assert!(first.layer.is_none());
    assert!(
        first.problems.iter().any(|problem| problem.code == "LOSSY_CODEC"),
        "{:?}",
        first.problems
    );
    save.accept_warnings = true;
    let second = world
        .engine
        .save_mapping(&session, save, &Origin::operator())
        .await
        .unwrap();
    assert_eq!(second.layer.unwrap().version, 1);
}

#[tokio::test]
async fn fields_that_the_system_does_not_tell_of_are_told() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    let text = ZONES.replace("x_zone", "x_zoen");
    let saved = world.try_save(Place::Connection(connection), 0, &text).await.unwrap();
    let told = saved
        .problems
        .iter()
        .find(|problem| problem.code == "UNKNOWN_REMOTE_FIELD")
        .unwrap();
    assert_eq!(told.field.as_deref(), Some("zone"));
    assert_eq!(told.line, Some(5));
}

#[tokio::test]
async fn versions_are_told_rolled_back_and_copied() {
    let stores = stores().await;
    let world = World::over(&stores);
    let (one, two) = (world.active("one").await, world.active("two").await);
    let place = Place::Connection(one);
    world.save(place.clone(), 0, ZONES).await;
    let edit = Edit {
        entity: "Vendor".to_owned(),
        part: Part::Custom,
        field: Some("risk".to_owned()),
        set: Some(json!({"type": "string", "source": "x_risk"})),
    };
    let save = SaveMapping {
        place: place.clone(),
        expected_version: 1,
        comment: Some("Risk".to_owned()),
        draft: Draft::Edits(vec![edit]),
        accept_warnings: false,
    };
    let session = world.session().await;
    let origin = Origin::operator();
    world
        .engine
        .save_mapping(&session, save, &origin)
        .await
        .unwrap()
        .layer
        .unwrap();
    let back = world
        .engine
        .roll_back_mapping(&session, back_to(&place, 1, 2), &origin)
        .await
        .unwrap();
    assert_eq!(back.layer.unwrap().version, 3);

    let page = world.engine.mapping_versions(&session, &place, 2, None).await.unwrap();
    assert!(page.has_more);
    let told: Vec<_> = page
        .versions
        .iter()
        .map(|version| (version.version, version.changes[0].kind))
        .collect();
    assert_eq!(told, [(3, ChangeKind::Removed), (2, ChangeKind::Added)]);
    assert_eq!(page.versions[1].comment.as_deref(), Some("Risk"));
    let rest = world
        .engine
        .mapping_versions(&session, &place, 2, Some(2))
        .await
        .unwrap();
    assert_eq!((rest.versions.len(), rest.has_more), (1, false));
    assert_eq!(world.engine.mapping_diff(&session, &place, 1, 3).await.unwrap(), []);
    assert_eq!(
        world.engine.mapping_diff(&session, &place, 0, 2).await.unwrap().len(),
        2
    );
    let missing = world.engine.mapping_diff(&session, &place, 0, 9).await;
    assert!(matches!(missing, Err(MappingError::Argument(_))));

    let copy = CopyMapping {
        from: place.clone(),
        to: vec![Place::Connection(two), Place::Connector("other".to_owned())],
        comment: None,
        accept_warnings: false,
    };
    let copied = world.engine.copy_mapping(&session, copy, &origin).await.unwrap();
    assert_eq!(copied[0].result.as_ref().unwrap().layer.as_ref().unwrap().version, 1);
    assert!(matches!(copied[1].result, Err(MappingError::Scope(_))));
    let model = world.model().await;
    let layers = [one, two].map(|id| model.layer(&Layer::Connection(id)).unwrap().overlay.to_yaml());
    assert_eq!(layers[0], layers[1]);
}

#[tokio::test]
async fn a_save_is_told_and_written_down() {
    let stores = stores().await;
    let world = World::over(&stores);
    let connection = world.active("one").await;
    world.save(Place::Connection(connection), 0, ZONES).await;
    let entries = audit_entry::Entity::for_organization(stores.acme)
        .filter(audit_entry::Column::Action.eq("mapping.save"))
        .all(&stores.database)
        .await
        .unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].target_id, Some(connection));
    let events = lineshaft_entities::connection_event::Entity::for_organization(stores.acme)
        .filter(lineshaft_entities::connection_event::Column::Kind.eq("connection.mapping_changed"))
        .all(&stores.database)
        .await
        .unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].connection_id, Some(connection));
    assert_eq!(events[0].data["entities"], json!(["Vendor"]));
    assert_eq!(events[0].data["version"], 1);
}

#[tokio::test]
async fn a_document_that_is_there_already_makes_no_version() {
    for stores in stores_everywhere().await {
        let world = World::over(&stores);
        let place = Place::Connection(world.active("one").await);
        world.save(place.clone(), 0, ZONES).await;
        let again = world.try_save(place.clone(), 1, ZONES).await.unwrap();
        assert_eq!(again.layer.unwrap().version, 1);
        assert_eq!(world.model().await.revision, 1);
        let nothing = Place::Connector("tryton".to_owned());
        let none = world.try_save(nothing, 0, "mapping: 1\n").await.unwrap();
        assert_eq!(none.layer.unwrap().version, 0);
        let old = world.try_save(place, 0, ZONES).await;
        assert!(matches!(old, Err(MappingError::VersionConflict { present: 1 })));
    }
}

#[tokio::test]
async fn so_many_versions_are_read_at_once() {
    let stores = stores().await;
    let world = World::over(&stores);
    let place = Place::Connection(world.active("one").await);
    for round in 0..52 {
        let text = ZONES.replace("label: Zone", &format!("label: Zone {round}"));
        world.save(place.clone(), round, &text).await;
    }
    let session = world.session().await;
    let page = world
        .engine
        .mapping_versions(&session, &place, 250, None)
        .await
        .unwrap();
    assert_eq!((page.versions.len(), page.has_more), (50, true));
}

#[tokio::test]
async fn what_copies_and_older_versions_lose_is_accepted_anew() {
    let stores = stores().await;
    let world = World::over(&stores);
    let (one, two) = (world.active("one").await, world.active("two").await);
    let place = Place::Connection(one);
    let session = world.session().await;
    let origin = Origin::operator();
    let save = SaveMapping {
        place: place.clone(),
        expected_version: 0,
        comment: None,
        draft: Draft::Yaml(LOSSY.to_owned()),
        accept_warnings: true,
    };
    let saved = world.engine.save_mapping(&session, save, &origin).await.unwrap();
    assert_eq!(saved.layer.unwrap().version, 1);
    world.save(place.clone(), 1, ZONES).await;
    for (accept_warnings, layer) in [(false, None), (true, Some(3))] {
        let back = RollBackMapping {
            accept_warnings,
            ..back_to(&place, 1, 2)
        };
        let back = world.engine.roll_back_mapping(&session, back, &origin).await.unwrap();
        assert_eq!(back.layer.map(|layer| layer.version), layer);
        assert!(back.problems.iter().any(|problem| problem.code == "LOSSY_CODEC"));
    }
    for (accept_warnings, layer) in [(false, None), (true, Some(1))] {
        let copy = CopyMapping {
            from: place.clone(),
            to: vec![Place::Connection(two)],
            comment: None,
            accept_warnings,
        };
        let mut copied = world.engine.copy_mapping(&session, copy, &origin).await.unwrap();
        let copied = copied.remove(0).result.unwrap();
        assert_eq!(copied.layer.map(|layer| layer.version), layer);
    }
}
