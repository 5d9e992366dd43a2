//! Unified types that a connector does not map are read from the objects that an overlay names.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use lineshaft_schema::Catalogue;
use serde_json::json;

use super::{
    Overlay, ProblemCode,
    tests::{base, overlaid, overlay, problems, record, value},
};

const ASSETS: &str = "mapping: 1
entities:
  Asset:
    from: {remote: x_machine, key: code, write: [create, update]}
    fields:
      number: {path: code, filter: [eq, in], sort: true, write: true}
      name: {path: title, filter: [contains], write: true}
      status: {path: state, as: {enum: {run: OPERATING, stop: DOWN}}}
      vendor: {path: partner_id.0, filter: [eq, in]}
    custom:
      zone: {type: string, source: x_zone}
";

#[test]
fn a_unified_type_is_read_from_an_object() {
    let blueprint = overlaid(ASSETS);
    let row = json!({"code": "M-1", "title": "Press", "state": "run", "partner_id": [7, "Acme"], "x_zone": "A"});
    let record = record(&blueprint, "Asset", &row);
    assert_eq!(record.key.to_string(), "M-1");
    assert_eq!(value(&blueprint, &record, "Asset", "name"), json!("Press"));
    assert_eq!(value(&blueprint, &record, "Asset", "status"), json!("OPERATING"));
    assert_eq!(value(&blueprint, &record, "Asset", "zone"), json!("A"));
    let kind = blueprint.catalogue().type_named("Asset").unwrap().index;
    let resource = blueprint.resource(kind).unwrap();
    assert_eq!(resource.remote(), "x_machine");
    assert!(resource.capability().list);
    assert!(base().resource(kind).is_none());
}

#[test]
fn the_rows_of_a_document_may_be_told_with_it() {
    let blueprint = overlaid(
        "mapping: 1
entities:
  GoodsReceipt:
    from: {remote: x_receipt}
    fields:
      number: name
      lines: {path: rows, each: {lineNumber: no, receivedQuantity: {object: {value: qty}}}}
  GoodsReceiptLine:
    custom:
      batch: {type: string, source: x_batch}
",
    );
    let row = json!({"id": 3, "name": "GR-3", "rows": [{"no": 1, "qty": "2.50", "x_batch": "B7"}]});
    let record = record(&blueprint, "GoodsReceipt", &row);
    let lines = value(&blueprint, &record, "GoodsReceipt", "lines");
    assert_eq!(lines[0]["receivedQuantity"]["value"], json!("2.50"), "{lines}");
    assert_eq!(lines[0]["batch"], json!("B7"), "{lines}");
}

#[test]
fn what_refers_to_the_type_is_compiled_anew() {
    let below = "mapping: 1
entities:
  Asset:
    from: {remote: x_machine}
    fields: {name: title, location: {path: place_id.0, filter: [eq]}}
";
    let both = format!(
        "{below}  Location:\n    from: {{remote: x_place, key: no, resource: {{literals: {{no: number}}}}}}\n    fields: {{name: title}}\n"
    );
    let (first, both) = (overlaid(below), overlaid(&both));
    let catalogue = Catalogue::unified().unwrap();
    let only = overlay(&both_without_assets());
    let after = first.overlaid(&only, catalogue).unwrap();
    for kind in ["Asset", "Location"] {
        let kind = after.catalogue().type_named(kind).unwrap().index;
        assert_eq!(
            format!("{:?}", after.resource(kind)),
            format!("{:?}", both.resource(kind)),
        );
    }
}

fn both_without_assets() -> String {
    "mapping: 1
entities:
  Location:
    from: {remote: x_place, key: no, resource: {literals: {no: number}}}
    fields: {name: title}
"
    .to_owned()
}

#[test]
fn it_is_written_as_it_was_read() {
    let read = overlay(ASSETS);
    let again = Overlay::from_yaml(&read.to_yaml()).unwrap().0;
    assert_eq!(again, read, "{}", read.to_yaml());
}

#[test]
fn an_upper_layer_says_where_records_come_from() {
    let mut lower = overlay(ASSETS);
    lower.lay(&overlay(
        "mapping: 1\nentities:\n  Asset:\n    from: {remote: y_machine, key: code}\n",
    ));
    assert_eq!(lower.entities["Asset"].remote(), Some("y_machine"));
    assert_eq!(lower.entities["Asset"].fields.len(), 4);
}

fn told(entity: &str) -> (ProblemCode, String, Option<String>) {
    let mut told = problems(&format!("mapping: 1\nentities:\n{entity}"));
    let first = told.remove(0);
    assert!(told.is_empty(), "{told:?}");
    (first.code, first.pointer, first.help)
}

#[test]
fn what_cannot_be_mapped_is_told_at_its_place() {
    let (code, pointer, _) = told("  Vendor:\n    from: {remote: x_partner}\n");
    assert_eq!((code, &*pointer), (ProblemCode::NameTaken, "/entities/Vendor/from"));
    let (code, pointer, _) = told("  Asset:\n    from: {remote: res.users}\n");
    assert_eq!(
        (code, &*pointer),
        (ProblemCode::InvalidMapping, "/entities/Asset/from/remote")
    );
    let (_, pointer, _) = told("  Asset:\n    from: {remote: x, resource: {children: {}}}\n");
    assert_eq!(pointer, "/entities/Asset/from/resource/children");
    let (_, pointer, _) = told("  Asset:\n    from: {remote: x, write: [steal]}\n");
    assert_eq!(pointer, "/entities/Asset/from/write/0");
    let (code, pointer, help) = told("  Asset:\n    fields: {name: title}\n");
    assert_eq!(
        (code, &*pointer),
        (ProblemCode::UnknownEntity, "/entities/Asset/fields/name")
    );
    assert!(help.unwrap().contains("`from`"));
    let told = problems("mapping: 1\nentities:\n  Asset:\n    entity: {remote: x, plural: machines}\n");
    assert_eq!(told[0].pointer, "/entities/Asset/entity");
    assert!(told[0].help.is_some());
}

#[test]
fn one_that_no_longer_fits_is_left_out_whole() {
    let text = "mapping: 1
entities:
  Vendor:
    from: {remote: x_partner}
    fields: {name: title}
  PurchaseOrder:
    fields: {notes: x_note}
";
    let catalogue = Catalogue::unified().unwrap();
    let (blueprint, told) = base().overlaid_leniently(&overlay(text), catalogue);
    assert_eq!(told.len(), 1, "{told:?}");
    let vendor = record(
        &blueprint,
        "Vendor",
        &json!({"id": 1, "name": "Acme", "title": "other"}),
    );
    assert_eq!(value(&blueprint, &vendor, "Vendor", "name"), json!("Acme"));
    let order = record(&blueprint, "PurchaseOrder", &json!({"id": 1, "x_note": "new"}));
    assert_eq!(value(&blueprint, &order, "PurchaseOrder", "notes"), json!("new"));
}
