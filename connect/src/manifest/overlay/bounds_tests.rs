//! Overlays cannot name secrets, write into conditions, or grow without end, and break nothing but themselves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use lineshaft_schema::Catalogue;
use serde_json::json;

use super::{
    Overlay, apply, merge_additions,
    tests::{extended, overlay, problems},
};
use crate::blueprint::{
    Problem,
    tests::{compile, settings},
};

fn calibration(resource: &str) -> String {
    format!(
        "mapping: 1\nentities: {{Calibration: {{entity: {{remote: x_c, plural: calibrations, resource: {resource}}}}}}}\n"
    )
}

#[test]
fn secrets_cannot_be_named_wherever_they_stand() {
    let secrets = [
        "{{credentials.password}}",
        "{{upper credentials.password}}",
        "{{base64 settings.site credentials.password}}",
        "{{session.uid}}",
    ];
    let places = [
        ("scope/always", "{scope: {always: [[a, '=', '?']]}}"),
        ("scope/always", "{scope: {always: [[a, '=', {'?': 1}]]}}"),
        ("scope/always", "{scope: {always: [[a, '=', {'?': 1, '...': {}}]]}}"),
        (
            "scope/always",
            "{scope: {always: [[a, '=', {'...': {}, b: {'x?': 1}}]]}}",
        ),
        ("scope/list", "{scope: {list: [['?', '=', 1]]}}"),
        ("scope/query", "{scope: {query: {a: '?'}}}"),
        ("scope/list_query", "{scope: {list_query: {a: '?'}}}"),
        ("list/count/query", "{list: {count: {path: n, query: {a: 'x?'}}}}"),
    ];
    for (place, text) in places {
        for secret in secrets {
            let told = problems(&calibration(&text.replace('?', secret)));
            let pointer = format!("/entities/Calibration/entity/resource/{place}");
            assert!(
                told.iter().any(|problem| problem.pointer.starts_with(&pointer)),
                "{text} {secret}: {told:#?}"
            );
        }
        assert_eq!(
            problems(&calibration(&text.replace('?', "{{settings.site}}"))),
            [],
            "{text}"
        );
    }
}

#[test]
fn patterns_are_small() {
    let of = |pattern: &str| problems(&calibration(&format!("{{custom_fields: {{pattern: '{pattern}'}}}}")));
    assert_eq!(of("^x_"), []);
    assert_eq!(of("^(zz|z|x|c|cust)_[0-9]+$"), []);
    for pattern in [r"\w{150}".to_owned(), "a|".repeat(101), "(".repeat(60), "[".to_owned()] {
        let told = of(&pattern);
        let at = "/entities/Calibration/entity/resource/custom_fields/pattern";
        assert_eq!(told.len(), 1, "{pattern}");
        assert_eq!(told[0].pointer, at);
    }
}

fn own_entities(count: usize) -> Overlay {
    let entity = |at: usize| {
        (
            format!("Own{at}"),
            json!({"entity": {"remote": "x", "plural": format!("own{at}s")}}),
        )
    };
    let entities: serde_json::Map<_, _> = (0..count).map(entity).collect();
    Overlay::from_json(&json!({"mapping": 1, "entities": entities})).unwrap()
}

#[test]
fn what_one_overlay_adds_is_bounded() {
    let unified = Catalogue::unified().unwrap();
    assert_eq!(own_entities(100).additions(&unified).1, []);
    let many = own_entities(103);
    let (additions, told) = many.additions(&unified);
    assert_eq!((additions.entities.len(), told.len()), (100, 3));
    assert_eq!(told[0].pointer, "/entities/Own100/entity");
    assert_eq!(many.added(&unified), additions);
}

#[test]
fn enums_of_several_overlays_stay_bounded() {
    let unified = Catalogue::unified().unwrap();
    let of = |from: usize| {
        let values: serde_json::Map<_, _> = (from..from + 150).map(|at| (format!("V{at}"), json!("x"))).collect();
        let custom = json!({"a": {"type": "enum", "values": values}});
        let entities = json!({"Vendor": {"custom": custom}});
        Overlay::from_json(&json!({"mapping": 1, "entities": entities}))
            .unwrap()
            .added(&unified)
    };
    let (joined, told) = merge_additions([of(0), of(50), of(100)]);
    assert_eq!((joined.fields.len(), told.len()), (1, 1));
    assert_eq!(told[0].code.as_str(), "TYPE_CONFLICT");
    assert_eq!(unified.extended(&joined).1, [], "what was there first stays");
}

#[test]
fn types_of_literals_are_names() {
    let odata = compile(
        "odata_v4",
        json!({"discovery": {"resource": {"key": "Id"}}}),
        json!({"Vendor": {"remote": "Vendors", "key": "Id", "fields": {"name": "Name"}}}),
    )
    .unwrap();
    let told = |text: &str| {
        let overlay = overlay(text);
        odata.overlaid(&overlay, extended(&overlay)).err().unwrap_or_default()
    };
    let field = |word: &str| {
        format!(
            "mapping: 1\nentities: {{Vendor: {{fields: {{name: {{path: N, filter: {{exact: [eq], literal: \"{word}\"}}}}}}}}}}\n"
        )
    };
    let key = |word: &str| calibration(&format!("{{literals: {{Id: \"{word}\"}}}}"));
    for word in ["guid", "Microsoft.Dynamics.DataEntities.NoYes"] {
        assert_eq!(
            (told(&field(word)), told(&key(word))),
            (Vec::new(), Vec::new()),
            "{word}"
        );
    }
    let word = "x' or 1.0 eq 1.0) or (a eq ";
    assert_eq!(
        told(&field(word))[0].pointer,
        "/entities/Vendor/fields/name/filter/literal"
    );
    assert_eq!(
        told(&key(word))[0].pointer,
        "/entities/Calibration/entity/resource/literals/Id"
    );
}

#[test]
fn problems_of_owners_lead_to_their_parts() {
    let inline = compile(
        "odata_v4",
        json!({}),
        json!({"PurchaseOrder": {"remote": "Orders", "key": "Id", "fields": {
            "number": "Number",
            "lines": {"path": "Lines", "expand": "Lines", "each": {"description": "Name"}}
        }}}),
    )
    .unwrap();
    let change = overlay(
        "mapping: 1
entities:
  PurchaseOrder: {fields: {number: Code}}
  PurchaseOrderLine:
    custom:
      color: {type: string, source: Color}
      at: {type: datetime, source: {path: At, as: {date_time: {zone: '{{settings.site}}'}}}}
",
    );
    let catalogue = extended(&change);
    let origins = apply(inline.manifest(), &change, &catalogue).origins;
    let told = |pointer: &str, overlay: &Overlay| {
        origins.told(vec![Problem::new(pointer, "wrong")], overlay)[0]
            .pointer
            .clone()
    };
    assert_eq!(
        told("/resources/PurchaseOrder/write/fields/lines/link", &change),
        "/entities/PurchaseOrderLine"
    );
    assert_eq!(
        told("/resources/PurchaseOrder/fields/lines", &change),
        "/entities/PurchaseOrderLine"
    );
    assert_eq!(
        told("/resources/PurchaseOrder/write", &change),
        "/entities/PurchaseOrder"
    );
    let mut parts = change.clone();
    parts.entities.shift_remove("PurchaseOrder");
    let origins = apply(inline.manifest(), &parts, &catalogue).origins;
    let told = origins.told(vec![Problem::new("/resources/PurchaseOrder/write", "wrong")], &parts);
    assert_eq!(told[0].pointer, "/entities/PurchaseOrderLine");

    // The setting names no zone, so that one field of the part cannot be read.
    let mut settings = settings();
    settings.insert("site".to_owned(), json!("Nowhere"));
    let bound = inline.with_settings(&settings).unwrap();
    let (blueprint, told) = bound.overlaid_leniently(&change, Arc::clone(&catalogue));
    let places: Vec<_> = told.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(places, ["/entities/PurchaseOrderLine/custom/at/source"]);
    let order = &blueprint.manifest().resources["PurchaseOrder"].fields;
    let shown = serde_json::to_string(order).unwrap();
    assert!(
        shown.contains("Code") && shown.contains("Color") && !shown.contains("At"),
        "{shown}"
    );
}
