//! What overlays lose is told, what they map is described, and what they write is read as the same value again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use lineshaft_schema::{Value, Writable};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::tests::{base, extended, overlaid, overlay, record};
use crate::{
    blueprint::{Blueprint, tests::settings},
    codec::constant,
    mapping::{FieldState, FieldView, checks, describe},
    request::RequestBody,
    template::{SecretMap, Variables},
    write::{Act, Described, DescribedField, Input, Run, WriteRequest},
};

fn described(fields: &[(&str, &str, bool)]) -> Described {
    let field = |(name, kind, read_only): &(&str, &str, bool)| {
        let field = DescribedField {
            name: (*name).to_owned(),
            label: None,
            kind: Some((*kind).to_owned()),
            required: None,
            read_only: Some(*read_only),
            max_length: None,
            choices: Vec::new(),
            ..DescribedField::default()
        };
        ((*name).to_owned(), field)
    };
    Arc::new(fields.iter().map(field).collect())
}

fn warnings(text: &str) -> Vec<(String, String)> {
    let overlay = overlay(text);
    let catalogue = extended(&overlay);
    let below = base();
    let above = below.overlaid(&overlay, catalogue).unwrap();
    let known = described(&[
        ("id", "integer", true),
        ("name", "char", false),
        ("x_cost_center", "char", false),
        ("x_due", "datetime", false),
        ("x_rate", "float", false),
        ("x_sum", "monetary", true),
        ("x_partner", "many2one", false),
        ("x_kind", "selection", false),
        ("comment", "html", false),
        ("ref", "char", false),
    ]);
    let told = checks::check(&below, &above, &overlay, &|name| {
        (name == "Vendor").then(|| Arc::clone(&known))
    });
    told.iter()
        .map(|problem| (problem.code.as_str().to_owned(), problem.pointer.clone()))
        .collect()
}

#[test]
fn what_is_lost_is_told() {
    let told = warnings(
        "mapping: 1
entities:
  Vendor:
    fields:
      name: x_cost_center
      number: {path: ref, filter: [isNull]}
      notes: {path: comment, as: html_text}
      legalName: {hide: true}
    custom:
      costCenter: {type: string, source: x_costcenter}
      due: {type: date, source: x_due}
      rate: {type: integer, source: x_rate}
      total: {type: decimal, source: {path: x_sum, write: true}}
      partner: {type: string, source: x_partner}
      kind: {type: enum, values: {A: a, B: b}, source: {path: x_kind, as: {enum: {a: A, aa: A, b: B}}, write: true}}
      sum: {type: string, source: {expression: \"row.name ~ 'x'\", write: {to: x_kind, as: string}}}
  PurchaseOrder:
    custom:
      color: {type: string, source: {path: x_color, write: true}}
",
    );
    let expected = [
        ("LOSES_WRITE", "/entities/Vendor/fields/name"),
        ("LOSES_FILTER", "/entities/Vendor/fields/name"),
        ("LOSES_FILTER", "/entities/Vendor/fields/number/filter"),
        ("LOSSY_CODEC", "/entities/Vendor/fields/notes/as"),
        ("UNKNOWN_REMOTE_FIELD", "/entities/Vendor/custom/costCenter/source"),
        ("LOSSY_CODEC", "/entities/Vendor/custom/due/source"),
        ("LOSSY_CODEC", "/entities/Vendor/custom/rate/source"),
        ("NOT_INVERTIBLE", "/entities/Vendor/custom/total/source"),
        ("WRONG_TYPE", "/entities/Vendor/custom/partner/source"),
        ("LOSSY_CODEC", "/entities/Vendor/custom/kind/source/as"),
        ("NOT_INVERTIBLE", "/entities/Vendor/custom/sum/source"),
        ("NOT_INVERTIBLE", "/entities/PurchaseOrder/custom/color/source/write"),
    ];
    for (code, pointer) in expected {
        assert!(
            told.contains(&(code.to_owned(), pointer.to_owned())),
            "{code} {pointer}: {told:#?}"
        );
    }
    assert!(
        !told.iter().any(|(_, pointer)| pointer.contains("legalName")),
        "what is hidden is meant to be"
    );
    assert_eq!(
        warnings("mapping: 1\nentities: {Vendor: {custom: {a: {type: string, source: name}}}}\n"),
        []
    );
}

fn view(blueprint: &Blueprint, kind: &str, field: &str) -> FieldView {
    let def = blueprint.catalogue().type_named(kind).unwrap();
    let views = describe(blueprint, def.index);
    views.into_iter().find(|view| view.name == field).unwrap()
}

#[test]
fn every_field_is_described() {
    let blueprint = overlaid(
        "mapping: 1
entities:
  Vendor:
    custom:
      costCenter: {type: string, label: Cost center, source: {path: x_cost, write: true, filter: [eq, in], sort: true}}
      both: {type: string, source: {expression: \"row.a ~ row.b\"}}
",
    );
    let cost = view(&blueprint, "Vendor", "costCenter");
    assert_eq!(
        (cost.source.as_deref(), cost.codec.as_deref()),
        (Some("x_cost"), Some("string"))
    );
    assert_eq!(
        (cost.writable, cost.sortable, cost.is_custom),
        (Writable::Always, true, true)
    );
    assert_eq!(
        Json::Object(cost.mapping.unwrap()),
        json!({"path": "x_cost", "filter": ["eq", "in"], "sort": true})
    );
    assert_eq!(cost.filter_operators.len(), 2);
    assert_eq!(
        view(&blueprint, "Vendor", "both").source.as_deref(),
        Some("row.a ~ row.b")
    );
    assert_eq!(view(&blueprint, "Vendor", "legalName").state, FieldState::Unmapped);
    assert_eq!(view(&blueprint, "Vendor", "remoteId").state, FieldState::Computed);
    assert_eq!(
        view(&blueprint, "PurchaseOrder", "status").codec.as_deref(),
        Some("enum")
    );
}

#[test]
fn expressions_are_problems_of_their_field_and_tell_what_they_need() {
    let blueprint = overlaid(
        "mapping: 1
entities:
  Vendor:
    fields:
      name: {expression: \"row.name ~ row.city.name\", filter: {by: name, coarse: [contains]}}
    custom:
      total: {type: decimal, source: {expression: \"row.a * row.b\"}}
      whole: {type: string, source: {expression: \"row|string|length\"}}
",
    );
    let def = blueprint.catalogue().type_named("Vendor").unwrap();
    let index = |name: &str| def.field(name).unwrap().index;
    let mapping = blueprint.resource(def.index).unwrap().mapping();
    let mut projection = lineshaft_schema::Projection::default();
    projection.insert(index("name"));
    projection.insert(index("total"));
    let selected = mapping.selects(&projection);
    let names: Vec<&str> = selected.iter().map(|selected| selected.name()).collect();
    assert_eq!(names, ["id", "name", "city", "a", "b"]);
    assert!(!mapping.digests(&projection));
    projection.insert(index("whole"));
    assert!(mapping.digests(&projection), "the whole row is asked for");
    let read = record(
        &blueprint,
        "Vendor",
        &json!({"id": 1, "name": "A", "city": {"name": "B"}, "a": "x", "b": 2}),
    );
    assert_eq!(read.get(index("name")), &Value::text("AB"));
    assert!(read.get(index("total")).is_null());
    let problems: Vec<&str> = read.problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(problems, ["total"], "told once, though it is a custom field too");
}

/// Custom fields of many types and codecs, each with what it may hold.
const FIELDS: &[(&str, &str)] = &[
    ("text", "{type: string, source: {path: x_text, write: true}}"),
    ("whole", "{type: integer, source: {path: x_whole, write: true}}"),
    ("exact", "{type: decimal, source: {path: x_exact, write: true}}"),
    (
        "cents",
        "{type: decimal, source: {path: x_cents, as: {scaled: {factor: '0.01'}}, write: true}}",
    ),
    (
        "flag",
        "{type: boolean, source: {path: x_flag, as: {boolean: {'true': ['Y'], 'false': ['N']}}, write: true}}",
    ),
    (
        "day",
        "{type: date, source: {path: x_day, as: {date: {format: '%d.%m.%Y'}}, write: true}}",
    ),
    ("at", "{type: datetime, source: {path: x_at, write: true}}"),
    (
        "level",
        "{type: enum, values: {HIGH: h, LOW: l}, source: {path: x_level, as: {enum: {'1': HIGH, '2': LOW}}, write: true}}",
    ),
    (
        "tags",
        "{type: string, list: true, source: {path: x_tags, as: {split: {separator: ';'}}, write: true}}",
    ),
    (
        "code",
        "{type: string, source: {path: x_code, as: {leading_zeros: {width: 6}}, write: true}}",
    ),
    (
        "other",
        "{type: reference, to: Vendor, source: {path: x_other, write: true}}",
    ),
    ("data", "{type: json, source: {path: x.data, write: true}}"),
];

fn any_value() -> impl Strategy<Value = (usize, Json)> {
    let text = || "[ -~äß]{0,12}".prop_map(Json::from);
    prop_oneof![
        text().prop_map(|value| (0, value)),
        any::<i32>().prop_map(|number| (1, json!(number))),
        (any::<i32>(), 0_u32..4)
            .prop_map(|(digits, scale)| (2, json!(rust_decimal::Decimal::new(digits.into(), scale).to_string()))),
        any::<i32>().prop_map(|digits| (3, json!(rust_decimal::Decimal::new(digits.into(), 2).to_string()))),
        any::<bool>().prop_map(|flag| (4, json!(flag))),
        (0_i64..40_000).prop_map(|days| (
            5,
            json!(
                chrono::DateTime::from_timestamp(days * 86_400, 0)
                    .unwrap()
                    .date_naive()
                    .to_string()
            )
        )),
        (0_i64..4_000_000_000).prop_map(|seconds| (
            6,
            json!(chrono::DateTime::from_timestamp(seconds, 0).unwrap().to_rfc3339())
        )),
        prop::sample::select(vec!["HIGH", "LOW"]).prop_map(|name| (7, json!(name))),
        prop::collection::vec("[a-z;]{1,4}", 1..4).prop_map(|tags| (8, json!(tags))),
        "[0-9a-z]{1,8}".prop_map(|code| (9, json!(code))),
        (1_u32..9_999).prop_map(|key| (10, json!(key.to_string()))),
        crate::json::tests::any_json().prop_map(|value| (11, value)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_through_an_overlay_is_read_again((at, given) in any_value()) {
        let (name, definition) = FIELDS[at];
        let blueprint = overlaid(&format!("mapping: 1\nentities:\n  Vendor:\n    custom:\n      {name}: {definition}\n"));
        let def = blueprint.catalogue().type_named("Vendor").unwrap();
        let field = def.field(name).unwrap();
        let value = constant(field, &given, blueprint.catalogue()).unwrap();
        prop_assume!(!value.is_null());
        let mut input = Input::default();
        input.values.insert(field.index, value.clone());
        let request = WriteRequest {
            kind: def.index,
            act: Act::Create,
            key: None,
            input,
            expected_version: None,
            client_reference: "0123456789abcdef0123456789abcdef".into(),
        };
        let bound = Arc::new(blueprint.with_settings(&settings()).unwrap());
        // What cannot be kept as it is is refused, never changed.
        if let Ok(run) = Run::start(&bound, &request, chrono::DateTime::UNIX_EPOCH) {
            let (settings, none) = (settings(), SecretMap::new());
            let variables = Variables { settings: &settings, credentials: &none, session: &none };
            let plan = run.request(&variables).unwrap();
            let RequestBody::Json(body) = &plan.body else { panic!("{plan:?}") };
            let body: Json = serde_json::from_str(body).unwrap();
            let mut row = body["row"].clone();
            row["id"] = json!(1);
            let read = record(&blueprint, "Vendor", &row);
            prop_assert_eq!(read.get(field.index), &value, "{}", row);
        } else {
            prop_assert!(matches!(value, Value::Text(_) | Value::Json(_) | Value::List(_) | Value::DateTime(_)), "{:?} is refused", value);
        }
    }
}
