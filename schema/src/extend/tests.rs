//! What is added stands behind the model, fits it, and is bounded.
#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;

fn field(of: &str, name: &str, kind: AddedKind) -> AddedField {
    AddedField {
        of: of.to_owned(),
        name: name.to_owned(),
        label: name.to_owned(),
        description: String::new(),
        kind,
        list: false,
    }
}

#[test]
fn what_is_added_stands_behind_the_model() {
    let model = Catalogue::unified().unwrap();
    let additions = Additions {
        entities: vec![AddedEntity {
            name: "Calibration".to_owned(),
            plural: "calibrations".to_owned(),
            label: "Calibration".to_owned(),
            description: String::new(),
        }],
        fields: vec![
            field("Calibration", "asset", AddedKind::Reference("Asset".to_owned())),
            field(
                "Vendor",
                "risk",
                AddedKind::Enum(vec![("HIGH".to_owned(), "High".to_owned())]),
            ),
            field("Vendor", "calibration", AddedKind::Reference("Calibration".to_owned())),
        ],
    };
    let (extended, conflicts) = model.extended(&additions);
    assert_eq!(conflicts, []);
    for (name, def) in &model.types {
        let same = extended.type_named(name).unwrap();
        assert_eq!(same.index, def.index);
        for (at, field) in def.fields.values().enumerate() {
            assert_eq!(same.fields.get_index(at).unwrap().1.name, field.name);
        }
    }
    let own = extended.entity_with_plural("calibrations").unwrap();
    assert!(own.field("remoteId").unwrap().computed);
    let asset = model.type_named("Asset").unwrap().index;
    assert_eq!(own.field("asset").unwrap().kind, FieldType::Reference(asset));
    assert_eq!(
        extended.type_named("Vendor").unwrap().field("risk").unwrap().type_text,
        "VendorRisk"
    );
}

fn entity_numbered(at: usize) -> AddedEntity {
    AddedEntity {
        name: format!("Own{at}"),
        plural: format!("own{at}s"),
        label: "Own".to_owned(),
        description: String::new(),
    }
}

#[test]
fn what_is_added_is_bounded() {
    let model = Catalogue::unified().unwrap();
    let values = |count: usize| AddedKind::Enum((0..count).map(|at| (format!("V{at}"), String::new())).collect());
    let part = |at: usize| AddedPart {
        name: format!("p{at}"),
        description: String::new(),
        kind: AddedKind::Text,
    };
    let parts = |count: usize| AddedKind::Object((0..count).map(part).collect());
    let refused = |entities: usize, fields: Vec<AddedField>| {
        let additions = Additions {
            entities: (0..entities).map(entity_numbered).collect(),
            fields,
        };
        model.extended(&additions).1.len()
    };
    assert_eq!(refused(MOST_ENTITIES, Vec::new()), 0);
    assert_eq!(refused(MOST_ENTITIES + 3, Vec::new()), 3);
    assert_eq!(refused(0, vec![field("Vendor", "a", values(MOST_VALUES))]), 0);
    assert_eq!(refused(0, vec![field("Vendor", "a", values(MOST_VALUES + 1))]), 1);
    assert_eq!(refused(0, vec![field("Vendor", "a", parts(MOST_PARTS))]), 0);
    assert_eq!(refused(0, vec![field("Vendor", "a", parts(MOST_PARTS + 1))]), 1);
    let many = |of: usize, count: usize| {
        let one = move |at: usize| field(&format!("Own{of}"), &format!("f{at}"), AddedKind::Text);
        (0..count).map(one)
    };
    assert_eq!(refused(1, many(0, MOST_FIELDS + 2).collect()), 2);
    assert_eq!(
        refused(6, (0..6).flat_map(|of| many(of, 900)).collect()),
        6 * 900 - MOST_FIELDS_IN_ALL
    );
    let objects = |at: usize| field("Vendor", &format!("o{at}"), parts(99));
    assert_eq!(refused(0, (0..60).map(objects).collect()), 10);
    assert!(to_index(usize::from(u16::MAX) + 1).is_err());
}

#[test]
fn names_of_the_api_are_taken() {
    let model = Catalogue::unified().unwrap();
    let entity = |name: &str, plural: &str| AddedEntity {
        name: name.to_owned(),
        plural: plural.to_owned(),
        label: name.to_owned(),
        description: String::new(),
    };
    let additions = Additions {
        entities: vec![
            entity("Connection", "links"),
            entity("VendorFilter", "vendorFilters"),
            entity("Node", "knots"),
            entity("Zone", "connections"),
            entity("Zone", "zones"),
            entity("ZoneFilter", "zoneFilters"),
        ],
        fields: vec![
            field("Vendor", "not", AddedKind::Text),
            field(
                "Vendor",
                "filter",
                AddedKind::Enum(vec![("HIGH".to_owned(), "High".to_owned())]),
            ),
        ],
    };
    let (extended, conflicts) = model.extended(&additions);
    let names: Vec<_> = conflicts.iter().map(|conflict| conflict.of.as_str()).collect();
    let refused = [
        "Connection",
        "VendorFilter",
        "Node",
        "Zone",
        "ZoneFilter",
        "Vendor",
        "Vendor",
    ];
    assert_eq!(names, refused, "{conflicts:?}");
    assert!(extended.entity_with_plural("zones").is_some());
}

#[test]
fn what_does_not_fit_is_told_and_left_out() {
    let model = Catalogue::unified().unwrap();
    let additions = Additions {
        entities: vec![AddedEntity {
            name: "Vendor".to_owned(),
            plural: "traders".to_owned(),
            label: String::new(),
            description: String::new(),
        }],
        fields: vec![
            field("Vendor", "name", AddedKind::Text),
            field("Vendor", "x_zone", AddedKind::Text),
            field("Nobody", "zone", AddedKind::Text),
            field(
                "Vendor",
                "risk",
                AddedKind::Enum(vec![("very high".to_owned(), String::new())]),
            ),
            field("Vendor", "of", AddedKind::Reference("Money".to_owned())),
        ],
    };
    let (extended, conflicts) = model.extended(&additions);
    assert_eq!(conflicts.len(), 6, "{conflicts:?}");
    assert_eq!(extended.types.len(), model.types.len());
}
