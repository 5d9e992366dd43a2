//! Overlays change what they name and nothing else, tell what is wrong with them, and read as they are written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use chrono::DateTime;
use lineshaft_schema::{Catalogue, Projection, Record, extend::Additions};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    blueprint::{Blueprint, tests::compile},
    codec::shown,
    json as source,
};

pub(super) fn overlay(text: &str) -> Overlay {
    Overlay::from_yaml(text).unwrap().0
}

/// A connector with orders whose lines come within the row, vendors that are written, and any other object.
pub(super) fn base() -> Blueprint {
    let list = json!({"request": {"method": "POST", "path": "/list", "read_only": true,
        "body": {"table": "{{resource.remote}}", "domain": "{{where}}", "order": "{{order}}", "fields": "{{select}}"}},
        "records": "rows", "select": "names", "paging": "none"});
    let write = json!({"method": "POST", "path": "/write", "body": {"row": "{{row}}"}});
    compile(
        "json_rpc",
        json!({
            "list": list,
            "discovery": {
                "except": ["res.users*"],
                "resource": {"key": "id", "literals": {"id": "number"}, "seek": {"by": "id", "numeric": true}},
                "write": {"create": {"request": write, "reply": {"key": "id"}},
                          "update": {"request": {"method": "POST", "path": "/write", "body": {"id": "{{key}}", "row": "{{row}}"}}}}
            }
        }),
        json!({
            "Vendor": {
                "remote": "partner", "key": "id", "literals": {"id": "number"},
                "custom_fields": {"pattern": "^x_"},
                "write": {
                    "fields": {"name": true, "notes": true},
                    "create": {"request": write, "reply": {"key": "id"}},
                    "update": {"request": {"method": "POST", "path": "/write", "body": {"id": "{{key}}", "row": "{{row}}"}}}
                },
                "fields": {
                    "name": {"path": "name", "filter": ["eq", "contains"], "sort": true},
                    "number": {"path": "ref", "filter": ["eq", "in"]},
                    "notes": "comment"
                }
            },
            "PurchaseOrder": {
                "remote": "purchase", "key": "id", "literals": {"id": "number"},
                "fields": {
                    "number": {"path": "name", "filter": ["eq"], "sort": true},
                    "status": {"path": "state", "as": {"enum": {"draft": "DRAFT", "done": "CLOSED"}}, "filter": ["eq"]},
                    "vendor": {"path": "partner_id.0", "filter": ["eq"]}
                }
            },
            "PurchaseOrderLine": {
                "remote": "purchase.line", "key": "id",
                "fields": {"purchaseOrder": {"path": "order_id.0", "filter": ["eq", "in"]}, "description": "name"}
            }
        }),
    )
    .unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub(super) fn extended(overlay: &Overlay) -> Arc<Catalogue> {
    let unified = Catalogue::unified().unwrap();
    let (additions, problems) = overlay.additions(&unified);
    assert_eq!(problems, []);
    let (catalogue, conflicts) = unified.extended(&additions);
    assert_eq!(conflicts, []);
    Arc::new(catalogue)
}

pub(super) fn overlaid(text: &str) -> Blueprint {
    let overlay = overlay(text);
    let catalogue = extended(&overlay);
    base()
        .overlaid(&overlay, catalogue)
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub(super) fn problems(text: &str) -> Vec<OverlayProblem> {
    let overlay = overlay(text);
    let (additions, mut told) = overlay.additions(&Catalogue::unified().unwrap());
    let (catalogue, _) = Catalogue::unified().unwrap().extended(&additions);
    told.extend(base().overlaid(&overlay, Arc::new(catalogue)).err().unwrap_or_default());
    told
}

pub(super) fn record(blueprint: &Blueprint, kind: &str, row: &Json) -> Record {
    let def = blueprint.catalogue().type_named(kind).unwrap();
    let mut projection = Projection::all(def);
    projection.custom = true;
    let resource = blueprint.resource(def.index).unwrap();
    let row = row.to_string();
    let row = source::parse_text(&row).unwrap();
    resource
        .mapping()
        .map_row(&row, &projection, DateTime::UNIX_EPOCH)
        .unwrap()
}

pub(super) fn value(blueprint: &Blueprint, record: &Record, kind: &str, field: &str) -> Json {
    let def = blueprint.catalogue().type_named(kind).unwrap();
    shown(record.get(def.field(field).unwrap().index), blueprint.catalogue())
}

#[test]
fn fields_are_remapped_hidden_and_added() {
    let blueprint = overlaid(
        "mapping: 1
entities:
  Vendor:
    fields:
      notes: x_note
      number: {hide: true}
      name: {as: trimmed}
    custom:
      costCenter: {type: string, label: Cost center, source: {path: x_cost, write: true, filter: [eq, in], sort: true}}
      risk: {type: enum, values: {HIGH: High, LOW: Low}, source: {path: x_risk, as: {enum: {'1': HIGH, '2': LOW}}}}
      tags: {type: string, list: true, source: x_tags}
      buyer: {type: reference, to: Vendor, source: x_buyer.0}
      place: {type: object, parts: {city: {type: string}, zone: {type: integer}}, source: {object: {city: x_city, zone: x_zone}}}
",
    );
    let row = json!({"id": 1, "name": "Acme  ", "ref": "A", "comment": "old", "x_note": "new", "x_cost": "C1",
        "x_risk": "1", "x_tags": ["a"], "x_buyer": [7, "B"], "x_city": "Ulm", "x_zone": 3});
    let record = record(&blueprint, "Vendor", &row);
    let see = |field| value(&blueprint, &record, "Vendor", field);
    assert_eq!(record.problems, []);
    assert_eq!(see("notes"), json!("new"));
    assert_eq!(see("name"), json!("Acme"));
    assert_eq!(see("number"), Json::Null);
    assert_eq!(see("costCenter"), json!("C1"));
    assert_eq!(see("risk"), json!("HIGH"));
    assert_eq!(see("tags"), json!(["a"]));
    assert_eq!(see("buyer"), json!("7"));
    assert_eq!(see("place"), json!({"city": "Ulm", "zone": 3}));
    let cost = record.custom.iter().find(|custom| custom.key == "costCenter").unwrap();
    assert_eq!(
        (cost.label.as_deref(), &*cost.value, cost.remote_path.as_str()),
        (Some("Cost center"), "\"C1\"", "x_cost")
    );
    assert!(
        record.custom.iter().any(|custom| custom.key == "x_cost"),
        "the connector's own are still there"
    );
    let def = blueprint.catalogue().type_named("Vendor").unwrap();
    let index = |name: &str| def.field(name).unwrap().index;
    let capability = blueprint.capability(def.index).unwrap();
    assert!(capability.sorts_by(index("costCenter")));
    assert!(capability.sorts_by(index("name")), "what is laid over keeps the rest");
    assert!(!capability.fields.contains_key(&index("number")));
    let written = &blueprint.writes(def.index).unwrap().fields;
    let written: Vec<_> = written
        .iter()
        .map(|field| def.field_at(field.field).unwrap().name.as_str())
        .collect();
    assert_eq!(
        written,
        ["name", "costCenter"],
        "what comes from elsewhere is not written any more"
    );
}

#[test]
fn what_is_not_touched_is_shared() {
    let before = base();
    let change = overlay("mapping: 1\nentities: {Vendor: {fields: {notes: x_note}}}\n");
    let after = before.overlaid(&change, extended(&change)).unwrap();
    let kind = |name: &str| before.catalogue().type_named(name).unwrap().index;
    let same = |name| {
        std::ptr::eq(
            before.resource(kind(name)).unwrap(),
            after.resource(kind(name)).unwrap(),
        )
    };
    assert!(same("PurchaseOrder"));
    assert!(!same("Vendor"));
}

#[test]
fn parts_change_in_their_own_resource_and_in_the_lists_of_their_owners() {
    let inline = compile(
        "odata_v4",
        json!({}),
        json!({"PurchaseOrder": {"remote": "Orders", "key": "Id", "fields": {
            "lines": {"path": "Lines", "expand": "Lines", "each": {"description": "Name"}}
        }}}),
    )
    .unwrap();
    let change = overlay(
        "mapping: 1\nentities: {PurchaseOrderLine: {fields: {description: Text}, custom: {color: {type: string, source: Color}}}}\n",
    );
    let blueprint = inline.overlaid(&change, extended(&change)).unwrap();
    let record = record(
        &blueprint,
        "PurchaseOrder",
        &json!({"Id": "1", "Lines": [{"Text": "Bolt", "Color": "red"}]}),
    );
    let lines = value(&blueprint, &record, "PurchaseOrder", "lines");
    assert_eq!(
        (&lines[0]["description"], &lines[0]["color"]),
        (&json!("Bolt"), &json!("red"))
    );
    let own =
        overlaid("mapping: 1\nentities: {PurchaseOrderLine: {custom: {color: {type: string, source: x_color}}}}\n");
    let record = self::record(&own, "PurchaseOrderLine", &json!({"id": 1, "x_color": "blue"}));
    assert_eq!(value(&own, &record, "PurchaseOrderLine", "color"), json!("blue"));
}

#[test]
fn entities_of_an_organizations_own_are_read_and_written() {
    let blueprint = overlaid(
        "mapping: 1
entities:
  Calibration:
    entity: {remote: x_calibration, plural: calibrations, write: [create]}
    custom:
      vendor: {type: reference, to: Vendor, source: {path: x_vendor_id.0, filter: [eq]}}
      dueOn: {type: date, source: {path: x_due, filter: [eq, gt], sort: true, write: true}}
  Vendor:
    custom:
      lastCalibration: {type: reference, to: Calibration, source: {path: x_last.0, filter: [eq]}}
",
    );
    let def = blueprint.catalogue().type_named("Calibration").unwrap();
    let record = record(
        &blueprint,
        "Calibration",
        &json!({"id": 5, "x_vendor_id": [3, "V"], "x_due": "2026-11-22"}),
    );
    assert_eq!(value(&blueprint, &record, "Calibration", "dueOn"), json!("2026-11-22"));
    let writes = blueprint.writes(def.index).unwrap();
    assert!(
        writes.create.is_some() && writes.update.is_none(),
        "only the operations that are named"
    );
    assert_eq!(blueprint.resource(def.index).unwrap().remote(), "x_calibration");
}

#[test]
fn every_problem_has_its_place_and_its_code() {
    let told = problems(
        "mapping: 1
entities:
  Vendr: {fields: {name: a}}
  Vendor:
    fields:
      nmae: x
      number: {as: {enum: {a: B}}, path: a, filter: [gtt]}
      notes: {pathh: x}
      name: {path: 'a..b'}
      legalName: {as: trimmed}
    custom:
      name: {type: string, source: x}
      of: {type: reference, to: Vendr, source: x}
      total: {type: decimal, source: {path: t, as: html_text}}
      kind: {type: enum, values: {A: a}, source: {path: k, write: {to: 'a[0]'}}}
",
    );
    let seen: Vec<_> = told
        .iter()
        .map(|problem| (problem.code.as_str(), problem.pointer.as_str()))
        .collect();
    for expected in [
        ("UNKNOWN_ENTITY", "/entities/Vendr"),
        ("UNKNOWN_FIELD", "/entities/Vendor/fields/nmae"),
        ("INVALID_MAPPING", "/entities/Vendor/fields/number/filter"),
        ("INVALID_MAPPING", "/entities/Vendor/fields/notes/pathh"),
        ("INVALID_MAPPING", "/entities/Vendor/fields/name/path"),
        ("INVALID_MAPPING", "/entities/Vendor/fields/legalName"),
        ("NAME_TAKEN", "/entities/Vendor/custom/name"),
        ("UNKNOWN_ENTITY", "/entities/Vendor/custom/of/to"),
        ("WRONG_TYPE", "/entities/Vendor/custom/total/source/as"),
        ("NOT_INVERTIBLE", "/entities/Vendor/custom/kind/source/write/to"),
    ] {
        assert!(seen.contains(&expected), "{expected:?} in {told:#?}");
    }
    assert!(
        told.iter()
            .any(|problem| problem.message.contains("did you mean `Vendor`"))
    );
    let overlay = overlay("mapping: 1\nentities:\n  Vendor:\n    fields:\n      nmae: x\n      number: x_code\n");
    let (blueprint, told) = base().overlaid_leniently(&overlay, Catalogue::unified().unwrap());
    assert_eq!(told.len(), 1);
    let record = record(&blueprint, "Vendor", &json!({"id": 1, "x_code": "C"}));
    assert_eq!(
        value(&blueprint, &record, "Vendor", "number"),
        json!("C"),
        "the rest is used"
    );
}

#[test]
fn entities_cannot_bring_requests() {
    let told = problems(
        "mapping: 1
entities:
  Calibration:
    entity:
      remote: ../x
      plural: calibrations
      resource: {list: {request: {path: /admin}}, write: {}}
",
    );
    let places: Vec<_> = told.iter().map(|problem| problem.pointer.as_str()).collect();
    for place in ["remote", "resource/list", "resource/write"] {
        let pointer = format!("/entities/Calibration/entity/{place}");
        assert!(places.contains(&pointer.as_str()), "{pointer}: {told:#?}");
    }
}

#[test]
fn entities_cannot_be_of_what_the_connector_excepts() {
    let of = |remote: &str| {
        problems(&format!(
            "mapping: 1\nentities:\n  Calibration:\n    entity: {{remote: '{remote}', plural: calibrations}}\n"
        ))
    };
    for remote in ["res.users", "res.users.apikeys", "Res.Users.Log"] {
        let told = of(remote);
        assert_eq!(told[0].pointer, "/entities/Calibration/entity/remote", "{told:#?}");
        assert!(told[0].message.contains("excepts"), "{told:#?}");
    }
    assert_eq!(of("res.partner"), []);
}

#[test]
fn additions_of_several_overlays_are_joined() {
    let of = |text: &str| overlay(text).additions(&Catalogue::unified().unwrap()).0;
    let text = |kind: &str| format!("mapping: 1\nentities: {{Vendor: {{custom: {{a: {kind}}}}}}}\n");
    let (joined, told) = merge_additions([
        of(&text("{type: enum, values: {A: a}}")),
        of(&text("{type: enum, values: {A: a, B: b}}")),
    ]);
    assert_eq!(told, []);
    assert_eq!(joined.fields.len(), 1);
    let (joined, told) = merge_additions([
        of(&text("{type: string}")),
        Additions::default(),
        of(&text("{type: integer}")),
    ]);
    assert_eq!((joined.fields.len(), told[0].code.as_str()), (1, "TYPE_CONFLICT"));
}

#[test]
fn problems_of_a_text_have_lines() {
    let told = Overlay::from_yaml("mapping: 1\nentities:\n  Vendor:\n    custm: {}\n").unwrap_err();
    assert_eq!(told[0].line, Some(4), "{told:?}");
    assert!(Overlay::from_yaml("a: [").is_err());
    assert!(Overlay::from_yaml(&"x".repeat(600 * 1024)).is_err());
    let deep = format!(
        "mapping: 1\nentities: {{A: {{fields: {{b: {{constant: {}1{}}}}}}}}}\n",
        "[".repeat(60),
        "]".repeat(60)
    );
    assert!(Overlay::from_yaml(&deep).is_err());
    assert_eq!(overlay(""), Overlay::new());
}

fn any_word() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Bool(true)),
        any::<i32>().prop_map(Json::from),
        any::<i16>().prop_map(|number| Json::from(f64::from(number) / 8.0)),
        any::<String>().prop_map(Json::from),
        "[a-z_.: #'\\-]{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-z\"\\\\: ]{1,6}", inner, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn any_field() -> impl Strategy<Value = FieldOverlay> {
    let word = prop::sample::select(vec![
        "path", "as", "default", "filter", "sort", "constant", "empty", "select",
    ]);
    let words = prop::collection::btree_map(word.prop_map(str::to_owned), any_word(), 0..4);
    let patch =
        (prop::option::of(any::<bool>()), prop::option::of(any_word()), words).prop_map(|(hide, write, words)| {
            FieldOverlay::Patch(Box::new(FieldPatch {
                hide,
                write,
                mapping: words.into_iter().collect(),
            }))
        });
    prop_oneof!["[a-z_]{1,4}(\\.[0-9a-z]{1,3})?".prop_map(FieldOverlay::Path), patch]
}

fn any_custom() -> impl Strategy<Value = CustomFieldOverlay> {
    let kind = prop::sample::select(vec![CustomType::String, CustomType::Integer, CustomType::Json]);
    (
        kind,
        any::<bool>(),
        prop::option::of(any::<String>()),
        prop::option::of(any_field()),
    )
        .prop_map(|(kind, list, label, source)| CustomFieldOverlay {
            kind,
            list,
            label,
            description: None,
            values: IndexMap::new(),
            to: None,
            parts: IndexMap::new(),
            source,
        })
}

pub(crate) fn any_overlay() -> impl Strategy<Value = Overlay> {
    let field = prop::sample::select(vec!["name", "number", "notes", "status", "number", "nothing"]);
    let own = prop::sample::select(vec!["alpha", "beta", "gamma"]);
    let entity = (
        prop::collection::btree_map(field, any_field(), 0..4),
        prop::collection::btree_map(own, any_custom(), 0..3),
    )
        .prop_map(|(fields, custom)| EntityOverlay {
            entity: None,
            from: None,
            fields: fields
                .into_iter()
                .map(|(name, field)| (name.to_owned(), field))
                .collect(),
            custom: custom
                .into_iter()
                .map(|(name, field)| (name.to_owned(), field))
                .collect(),
        });
    let name = prop::sample::select(vec!["Vendor", "PurchaseOrder", "PurchaseOrderLine", "Nobody"]);
    prop::collection::btree_map(name, entity, 0..3).prop_map(|entities| Overlay {
        mapping: 1,
        entities: entities
            .into_iter()
            .map(|(name, entity)| (name.to_owned(), entity))
            .collect(),
    })
}

/// Changes that compile by themselves: other places, other codecs, writes.
fn any_remap() -> impl Strategy<Value = Overlay> {
    let words = prop::sample::select(vec![
        json!("x_other"),
        json!({"path": "x_path", "write": true}),
        json!({"path": "x_path", "filter": ["eq"], "sort": true}),
        json!({"as": "trimmed"}),
        json!({"write": "x_written"}),
        json!({"write": false}),
        json!({"filter": null}),
        json!({"sort": "x_sorted"}),
        json!({"expression": "row.a ~ row.b"}),
        json!({"default": "none"}),
    ]);
    let field = prop::sample::select(vec!["name", "notes", "number"]);
    prop::collection::btree_map(field, words, 1..4).prop_map(|fields| {
        let fields = Json::Object(
            fields
                .into_iter()
                .map(|(name, words)| (name.to_owned(), words))
                .collect(),
        );
        Overlay::from_json(&json!({"mapping": 1, "entities": {"Vendor": {"fields": fields}}})).unwrap()
    })
}

fn laid(mut lower: Overlay, upper: &Overlay) -> Overlay {
    lower.lay(upper);
    lower
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_again(overlay in any_overlay()) {
        let text = overlay.to_yaml();
        let document = yaml_document(&text);
        let read: Overlay = serde_json::from_value(document).unwrap();
        prop_assert_eq!(&read, &overlay, "{}", text);
        prop_assert_eq!(read.to_yaml(), text);
    }

    #[test]
    fn layers_may_be_joined_in_any_grouping(a in any_overlay(), b in any_overlay(), c in any_overlay()) {
        let right = laid(a.clone(), &laid(b.clone(), &c));
        let left = laid(laid(a, &b), &c);
        prop_assert_eq!(left, right);
    }

    #[test]
    fn layers_may_be_laid_one_after_the_other(a in any_remap(), b in any_remap()) {
        let catalogue = Catalogue::unified().unwrap();
        let whole = laid(a.clone(), &b);
        let (Ok(first), Ok(at_once)) = (base().overlaid(&a, Arc::clone(&catalogue)), base().overlaid(&whole, Arc::clone(&catalogue))) else {
            return Ok(());
        };
        let after = first.overlaid(&b, Arc::clone(&catalogue)).unwrap();
        for kind in ["Vendor", "PurchaseOrder"] {
            let kind = catalogue.type_named(kind).unwrap().index;
            prop_assert_eq!(crate::mapping::describe(&after, kind), crate::mapping::describe(&at_once, kind));
        }
    }

    #[test]
    fn any_overlay_compiles_in_part_and_reads_any_row(overlay in any_overlay(), row in crate::json::tests::any_json()) {
        let (additions, _) = overlay.additions(&Catalogue::unified().unwrap());
        let catalogue = Arc::new(Catalogue::unified().unwrap().extended(&additions).0);
        let (blueprint, _) = base().overlaid_leniently(&overlay, catalogue);
        let mut whole = row;
        if let Some(members) = whole.as_object_mut() {
            members.insert("id".to_owned(), json!(1));
        } else {
            whole = json!({"id": 1, "name": whole});
        }
        for kind in ["Vendor", "PurchaseOrder", "PurchaseOrderLine"] {
            record(&blueprint, kind, &whole);
        }
    }
}

fn yaml_document(text: &str) -> Json {
    crate::manifest::yaml::parse(text)
        .unwrap_or_else(|problems| panic!("{problems:?} in\n{text}"))
        .remove(0)
        .to_json()
}
