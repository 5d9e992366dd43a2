//! Rows of many shapes become records; what cannot be mapped is told and leaves the rest alone.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lineshaft_schema::{Catalogue, FieldIndex, Projection, Record};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{CompiledMapping, Selected, spec::check_row};
use crate::{
    blueprint::Problem,
    codec::shown,
    json,
    manifest::{Resource, load, yaml},
};

const SDL: &str = r#"
"""x""" type Order @entity(plural: "orders") {
  id: ID! @computed
  remoteId: String! @computed
  number: String! isDeleted: Boolean! status: State! priority: State total: Money net: Decimal count: Int
  vendor: Vendor emails: [String!] address: Address contacts: [Contact!] note: String at: DateTime data: JSON
  lines: [Line!] @reverse(field: "order")
}
"""x""" type Line @part(of: "Order") { id: ID! @computed remoteId: String @computed order: Order item: String price: Money vendor: Vendor status: State! taxes: [Contact!] }
"""x""" type Vendor @entity(plural: "vendors") { id: ID! @computed name: String orders: [Order!] @reverse(field: "vendor") }
"""x""" type Money { amount: Decimal! currency: CurrencyCode }
"""x""" type Address { kind: State city: String lines: [String!] }
"""x""" type Contact { name: String role: State! }
"""x""" enum State { OPEN CLOSED UNKNOWN }
"#;

fn catalogue() -> Arc<Catalogue> {
    Arc::new(Catalogue::parse(&[("test", SDL)]).unwrap())
}

fn try_compile(fields: &str) -> (CompiledMapping, Vec<Problem>) {
    let catalogue = catalogue();
    let text = format!("remote: orders\nkey: id\n{fields}");
    let resource: Resource = serde_json::from_value(yaml::parse(&text).unwrap()[0].to_json()).unwrap();
    let mut problems = Vec::new();
    let mapping = CompiledMapping::compile(
        catalogue.type_named("Order").unwrap(),
        &catalogue,
        &resource,
        &mut problems,
    );
    (mapping, problems)
}

fn compile(fields: &str) -> CompiledMapping {
    let (mapping, problems) = try_compile(fields);
    assert_eq!(problems, []);
    mapping
}

fn index(name: &str) -> FieldIndex {
    catalogue().type_named("Order").unwrap().field(name).unwrap().index
}

fn all() -> Projection {
    Projection::all(catalogue().type_named("Order").unwrap())
}

fn map(mapping: &CompiledMapping, row: &str) -> Record {
    mapping
        .map_row(&json::parse_text(row).unwrap(), &all(), DateTime::<Utc>::UNIX_EPOCH)
        .unwrap()
}

fn field(record: &Record, name: &str) -> Json {
    shown(record.get(index(name)), &catalogue())
}

#[test]
fn every_source_of_a_value_is_read() {
    let mapping = compile(
        r#"
fields:
  number: {path: [code, name]}
  status: {path: state, as: {enum: {draft: OPEN, done: CLOSED}}}
  priority:
    cases:
      - when: [{path: late, equals: true}, {path: total, greater_than: "100"}]
        value: OPEN
      - when: [{path: done, at_least_path: total}]
        value: CLOSED
  total: {object: {amount: total, currency: "currency.code"}}
  net: {compute: {multiply: [quantity, price], divide_by: per, sum_over: lines, round: 2}}
  vendor: {keys: [company, vendor]}
  emails: "contacts[*].email"
  address: {object: {kind: {constant: OPEN}, city: town}}
  contacts:
    list:
      - {name: buyer, role: {constant: OPEN}}
      - {name: seller}
  data: extra
"#,
    );
    let record = map(
        &mapping,
        r#"{"id":7,"name":"PO-7","state":"done","late":true,"total":250.10,"done":"300","currency":{"code":"EUR"},
            "lines":[{"quantity":3,"price":"0.335","per":1},{"quantity":1,"price":2,"per":0}],"company":"01","vendor":900,
            "contacts":[{"email":"a@x.example"},{},{"email":"b@x.example"}],"town":"","seller":"Ada","extra":{"a":1.50}}"#,
    );
    assert_eq!(record.problems, []);
    assert_eq!(record.key.to_string(), "7");
    assert_eq!(field(&record, "number"), json!("PO-7"));
    assert_eq!(field(&record, "status"), json!("CLOSED"));
    assert_eq!(field(&record, "priority"), json!("OPEN"));
    assert_eq!(field(&record, "total"), json!({"amount": "250.10", "currency": "EUR"}));
    assert_eq!(field(&record, "net"), json!("3.01"));
    assert_eq!(field(&record, "vendor"), json!("01|900"));
    assert_eq!(field(&record, "emails"), json!(["a@x.example", "b@x.example"]));
    assert_eq!(
        field(&record, "address"),
        Json::Null,
        "a constant alone makes no address"
    );
    assert_eq!(field(&record, "contacts"), json!([{"name": "Ada", "role": "UNKNOWN"}]));
    assert_eq!(field(&record, "isDeleted"), json!(false));
    assert_eq!(field(&record, "data"), json!({"a": 1.5}));
}

#[test]
fn missing_values_become_what_the_model_promises() {
    let mapping = compile(
        "fields: {number: n, status: s, isDeleted: d, total: {object: {amount: a, currency: c}}, priority: {path: p, default: OPEN}, note: {path: x, default: none}, lines: {path: l, each: {item: i}}}",
    );
    for row in [
        r#"{"id":1}"#,
        r#"{"id":1,"n":null,"s":"","d":null,"a":null,"c":"EUR","p":null,"x":"","l":null}"#,
        r#"{"id":1,"a":false,"c":"EUR","s":false,"l":false}"#,
    ] {
        let record = map(&mapping, row);
        assert_eq!(record.problems, [], "{row}");
        assert_eq!(field(&record, "status"), json!("UNKNOWN"));
        assert_eq!(field(&record, "isDeleted"), json!(false));
        assert_eq!(field(&record, "total"), Json::Null, "money without an amount is null");
        assert_eq!(field(&record, "priority"), json!("OPEN"));
        assert_eq!(field(&record, "note"), json!("none"));
        assert_eq!(
            field(&record, "lines"),
            json!([]),
            "parts that the row leaves out are none"
        );
    }
}

#[test]
fn elements_of_lists_know_the_row_around_them() {
    let mapping = compile(
        r#"
fields:
  lines:
    path: lines
    each:
      remoteId: no
      item: item.name
      vendor: ^.vendor
      price: {object: {amount: price, currency: ^.currency}}
      taxes: {path: taxes, each: {name: ^.^.id, role: code}}
"#,
    );
    let row = r#"{"id":"A","currency":"EUR","vendor":5,"lines":[{"no":1,"item":{"name":"bolt"},"price":"1.10","taxes":[{"code":"OPEN"}]},null,{"no":2}]}"#;
    let record = map(&mapping, row);
    assert_eq!(record.problems, []);
    assert_eq!(
        field(&record, "lines"),
        json!([
            {"remoteId": "1", "item": "bolt", "vendor": "5", "price": {"amount": "1.10", "currency": "EUR"}, "status": "UNKNOWN", "taxes": [{"name": "A", "role": "OPEN"}]},
            {"remoteId": "2", "vendor": "5", "status": "UNKNOWN"},
        ])
    );
    let mut few = Projection::default();
    let line = catalogue();
    let line = line.type_named("Line").unwrap();
    few.insert_nested(index("lines"))
        .insert(line.field("item").unwrap().index);
    let record = mapping
        .map_row(&json::parse_text(row).unwrap(), &few, DateTime::<Utc>::UNIX_EPOCH)
        .unwrap();
    assert_eq!(
        field(&record, "lines")[0],
        json!({"remoteId": "1", "item": "bolt", "status": "UNKNOWN"})
    );
    let selected = mapping.selects(&few);
    let inner = vec![Selected::Name("no".into()), Selected::Name("item".into())];
    assert_eq!(
        selected,
        [
            Selected::Name("id".into()),
            Selected::Braces {
                name: "lines".into(),
                fields: inner
            }
        ]
    );
}

#[test]
fn one_bad_field_is_not_a_bad_record() {
    let mapping =
        compile("fields: {number: n, count: c, at: t, lines: {path: l, each: {price: {object: {amount: p}}}}}");
    let record = map(
        &mapping,
        r#"{"id":1,"n":"ok","c":"many","t":"soon","l":[{"p":"x"},{"p":1}]}"#,
    );
    assert_eq!(field(&record, "number"), json!("ok"));
    let told: Vec<_> = record
        .problems
        .iter()
        .map(|problem| (problem.field.as_str(), problem.path.as_str()))
        .collect();
    assert_eq!(told, [("count", "c"), ("at", "t"), ("lines.price.amount", "p")]);
    assert_eq!(record.problems[0].message, "\"many\" is not a number");
    let record = map(&mapping, r#"{"id":1,"l":"text"}"#);
    assert_eq!(record.problems.len(), 1);
}

#[test]
fn only_projected_fields_are_mapped_and_selected() {
    let mapping = compile(
        r#"
fields:
  number: header.no
  count: {path: c, select: [c, c_unit]}
  vendor: {path: to_Vendor.Code, expand: to_Vendor}
  lines: {path: to_Lines.results, expand: to_Lines, each: {item: Item, price: {object: {amount: Price, currency: ^.Currency}}}}
custom_fields: {pattern: "^x_", select: [x_a, x_b]}
"#,
    );
    let mut projection = Projection::default();
    projection.insert(index("number"));
    let record = mapping
        .map_row(
            &json::parse_text(r#"{"id":1,"header":{"no":"A"},"c":"bad","x_b":[1],"x_a":1.50,"y":1}"#).unwrap(),
            &projection,
            DateTime::<Utc>::UNIX_EPOCH,
        )
        .unwrap();
    assert_eq!(
        (record.problems.len(), record.raw.is_none(), record.custom.len()),
        (0, true, 0)
    );
    assert_eq!(
        mapping.selects(&projection),
        [Selected::Name("id".into()), Selected::Name("header".into())]
    );
    projection = all();
    projection.custom = true;
    projection.raw = true;
    let row = r#"{"id":1,"c":2,"x_b":[1],"x_a":1.50,"y":1}"#;
    let record = mapping
        .map_row(
            &json::parse_text(row).unwrap(),
            &projection,
            DateTime::<Utc>::UNIX_EPOCH,
        )
        .unwrap();
    assert_eq!(record.raw.as_deref(), Some(row));
    let custom: Vec<_> = record
        .custom
        .iter()
        .map(|field| (field.key.as_str(), field.value.as_ref()))
        .collect();
    assert_eq!(custom, [("x_a", "1.50"), ("x_b", "[1]")]);
    let name = |name: &str| Selected::Name(name.into());
    let expand = |name: &str, fields: Vec<Selected>| Selected::Expand {
        name: name.into(),
        fields,
    };
    assert_eq!(
        mapping.selects(&projection),
        [
            name("id"),
            name("header"),
            name("c"),
            name("c_unit"),
            expand("to_Vendor", vec![name("Code")]),
            expand("to_Lines", vec![name("Item"), name("Price")]),
            name("Currency"),
            name("x_a"),
            name("x_b"),
        ]
    );
    assert_eq!(
        mapping.field(index("vendor")).unwrap().key_paths()[0].text(),
        "to_Vendor.Code"
    );
    assert_eq!(
        mapping.field(index("lines")).unwrap().describe(),
        "each of to_Lines.results"
    );
}

#[test]
fn filters_mean_the_number_of_money() {
    let mapping =
        compile("fields: {total: {object: {currency: c, amount: {path: a, as: {scaled: {factor: '0.01'}}}}}}");
    let total = mapping.field(index("total")).unwrap();
    assert_eq!(total.paths()[0].text(), "a");
    let cents = total
        .codec()
        .unwrap()
        .encode(&lineshaft_schema::Value::Decimal("1.5".parse().unwrap()))
        .unwrap();
    assert_eq!(cents, [crate::codec::Literal::Number("150".into())]);
}

#[test]
fn rows_without_key_are_told() {
    let catalogue = catalogue();
    let resource = json!({"remote": "x", "key": ["site", "no"], "normalize": {"site": "upper"}, "fields": {}});
    let mut problems = Vec::new();
    let mapping = CompiledMapping::compile(
        catalogue.type_named("Order").unwrap(),
        &catalogue,
        &serde_json::from_value(resource).unwrap(),
        &mut problems,
    );
    let key = |row: &str| {
        mapping
            .map_row(
                &json::parse_text(row).unwrap(),
                &Projection::default(),
                DateTime::<Utc>::UNIX_EPOCH,
            )
            .map(|record| record.key.to_string())
    };
    assert_eq!(key(r#"{"site":"b","no":1}"#).unwrap(), "B|1");
    assert_eq!(
        key(r#"{"site":"b"}"#).unwrap_err(),
        "the row has no key: `no` is missing"
    );
    assert_eq!(key(r#"{"site":"","no":1}"#).unwrap(), "|1", "a part may be blank");
    assert_eq!(
        key(r#"{"site":"","no":""}"#).unwrap_err(),
        "the row has no key: all of its parts are empty"
    );
    assert!(key("[]").is_err());
}

#[test]
fn customer_fields_may_be_rows() {
    let mapping = compile("custom_fields: {rows: {path: props, key: k, value: v, label: l}}\nfields: {}");
    let mut projection = Projection::default();
    projection.custom = true;
    let row = json::parse_text(r#"{"id":1,"props":[{"k":"zone","v":1.50,"l":"Zone"},{"v":1},{"k":"x"}]}"#).unwrap();
    let record = mapping.map_row(&row, &projection, DateTime::<Utc>::UNIX_EPOCH).unwrap();
    let custom: Vec<_> = record
        .custom
        .iter()
        .map(|field| (field.key.as_str(), field.value.as_ref(), field.label.as_deref()))
        .collect();
    assert_eq!(custom, [("zone", "1.50", Some("Zone")), ("x", "null", None)]);
    assert_eq!(
        mapping.selects(&projection),
        [Selected::Name("id".into()), Selected::Name("props".into())]
    );
}

#[test]
fn every_problem_of_a_mapping_is_told_with_its_place() {
    let (_, problems) = try_compile(
        r#"
normalize: {nr: upper}
custom_fields: {pattern: "("}
fields:
  numbr: a
  remoteId: b
  number: "a["
  status: {path: s, as: {enum: {x: OPNE}}}
  count: {path: c, as: decimal}
  net: {path: n, constant: 1}
  note: {}
  total: t
  address: {object: {town: x, city: {path: ["ok", "b..c"]}}}
  contacts: {path: c, each: {name: ^.^.x}}
  priority: {cases: [{when: [{path: p}], value: OPEN}, {when: [], value: CLOSED}]}
  vendor: {path: v, default: V, empty: [0]}
  at: {compute: {multiply: [x]}}
  data: {constant: 1, as: json}
  lines: {each: {price: {object: {currency: c}}, id: x}}
"#,
    );
    let told: Vec<_> = problems
        .iter()
        .map(|problem| {
            format!(
                "{} | {}",
                problem.pointer.replace("/resources/Order/", ""),
                problem.message
            )
        })
        .collect();
    let expected = [
        "fields/numbr | unknown field of Order `numbr`, did you mean `number`?",
        "fields/remoteId | `remoteId` is filled by the server",
        "fields/number | `a[` is not a path",
        "fields/status/as | unknown value of State `OPNE`, did you mean `OPEN`?",
        "fields/count/as | `decimal` does not give Int",
        "fields/net | `path` and `constant` exclude each other",
        "fields/note | nothing gives the value",
        "fields/total | `path` does not give Money",
        "fields/address/object/town | unknown field of Address `town`",
        "fields/address/object/city/path/1 | `b..c` is not a path",
        "fields/contacts/each/name | `^.^.x` starts further out",
        "fields/priority/cases/0/when/0 | the test says nothing",
        "fields/priority/cases/1/when | the case has no test",
        "fields/at/compute | `compute` does not give DateTime",
        "fields/data/as | `as` has no meaning beside `constant`",
        "fields/lines | `each` needs the `path`",
        "normalize/nr | `nr` is not a part of the key",
        "custom_fields/pattern | `(` is not a regular expression",
    ];
    for expected in expected {
        assert!(
            told.iter().any(|told| told.starts_with(expected)),
            "missing {expected:?} in {told:#?}"
        );
    }
}

#[test]
fn a_spec_tells_what_differs() {
    let mapping = compile(
        "fields: {number: n, net: a, at: {path: t, as: {date_time: {zone: '{{settings.zone}}'}}}, total: {object: {amount: a, currency: c}}, vendor: v, count: k}\ncustom_fields: {pattern: ^x_}",
    );
    let check = |expect: &str| {
        let text = format!(
            "type: Order\nabout: an order\nsettings: {{zone: Europe/Berlin}}\nrow: {{id: 7, n: A, a: 1234567890123456789.10, t: '2026-11-22 06:30:00', c: EUR, v: 5, k: x, x_a: [1]}}\nexpect: {expect}\n"
        );
        let spec = load::specs_of_files([("specs/order.yaml", text.as_str())])
            .unwrap()
            .remove(0);
        let load::Shows::Row { row, expect } = &spec.shows else {
            panic!("not a row")
        };
        let differences = check_row(&mapping, &spec.settings, row, expect);
        let told: Vec<String> = differences
            .into_iter()
            .map(|difference| spec.problem(&difference.pointer, difference.message).to_string())
            .collect();
        told
    };
    let right = "{remoteId: 7, number: A, net: '1234567890123456789.1', at: '2026-11-22T05:30:00Z', total: {amount: '1234567890123456789.10', currency: EUR}, vendor: 5, isDeleted: false, 'custom:x_a': [1]}";
    assert_eq!(check(right), Vec::<String>::new());
    let wrong = check(
        "{remoteId: 8, number: B, total: {amount: 1}, at: '2026-11-22T06:30:00Z', count: 1, nmber: x, 'custom:x_a': 1}",
    );
    assert_eq!(wrong.len(), 8, "{wrong:#?}");
    let told = "specs/order.yaml:5:31: expect.number: expected \"B\", found \"A\" (about: an order)".to_owned();
    assert!(wrong.contains(&told), "{wrong:#?}");
}

proptest! {
    #[test]
    fn no_row_makes_a_mapping_panic(row in json::tests::any_json()) {
        let mapping = compile(
            "fields: {number: a, status: {path: b, as: {enum: {a: OPEN}}}, total: {object: {amount: a, currency: 'b[0]'}}, net: {compute: {multiply: [a, b], sum_over: c}}, emails: 'a[*]', lines: {path: a, each: {item: b, price: {object: {amount: c, currency: ^.a}}}}, at: c, vendor: {keys: [a, b]}, count: 'a[b=0].c'}",
        );
        let mut row = json::Value::from(&row);
        row.insert("id", json::Value::Text("1".into()));
        let mut projection = all();
        projection.raw = true;
        let _ = mapping.map_row(&row, &projection, DateTime::<Utc>::UNIX_EPOCH);
    }
}

#[test]
fn a_number_has_several_divisors_and_a_sign_by_tests() {
    let mapping = compile(
        r#"
fields:
  net:
    compute:
      multiply: [quantity, price, over]
      divide_by: [per, under]
      negative_when: [{path: type, equals: ["102", "122"]}]
      round: 2
"#,
    );
    let net = |kind: &str, under: &str| {
        let row = format!(r#"{{"id":1,"type":"{kind}","quantity":4,"price":"12.5","over":3,"per":1,"under":{under}}}"#);
        field(&map(&mapping, &row), "net")
    };
    assert_eq!(net("101", "2"), json!("75.0"));
    assert_eq!(net("122", "2"), json!("-75.0"));
    assert_eq!(net("101", "0"), json!("150.0"), "a divisor of zero counts as one");
}

#[test]
fn of_a_sum_only_elements_that_hold_the_tests_count() {
    let mapping = compile(
        "fields: {net: {compute: {multiply: [quantity], sum_over: moves, only_when: [{path: state, equals: done}]}}}",
    );
    let net = |moves: &str| field(&map(&mapping, &format!(r#"{{"id":1,"moves":{moves}}}"#)), "net");
    let some = r#"[{"state":"done","quantity":3},{"state":"draft","quantity":9},{"state":"done","quantity":"0.5"}]"#;
    assert_eq!(net(some), json!("3.5"));
    assert_eq!(net("[]"), json!("0"));
}

#[test]
fn keys_in_references_are_made_comparable_like_the_records_own() {
    use crate::manifest::Normalization;
    let mut mapping = compile("fields: {vendor: {keys: [company, vendor]}}");
    mapping.normalize_references(&|_| vec![Some(Normalization::Lower), None]);
    let record = map(&mapping, r#"{"id":1,"company":"USMF","vendor":"V-1"}"#);
    assert_eq!(field(&record, "vendor"), json!("usmf|V-1"));
    mapping.normalize_references(&|_| vec![Some(Normalization::Lower)]);
    let record = map(&mapping, r#"{"id":1,"company":"USMF","vendor":"V-1"}"#);
    assert_eq!(
        field(&record, "vendor"),
        json!("USMF|V-1"),
        "a key of another length stays as it is"
    );
}

#[test]
fn parts_of_a_composite_key_may_be_blank_but_not_all() {
    let catalogue = catalogue();
    let text = "remote: orders\nkey: [item, batch]\nfields: {number: item}";
    let resource: Resource = serde_json::from_value(yaml::parse(text).unwrap()[0].to_json()).unwrap();
    let def = catalogue.type_named("Order").unwrap();
    let mapping = CompiledMapping::compile(def, &catalogue, &resource, &mut Vec::new());
    let key = |row: &str| {
        mapping
            .key_of(&json::parse_text(row).unwrap())
            .map(|key| key.to_string())
    };
    assert_eq!(key(r#"{"item":"A","batch":""}"#).as_deref(), Some("A|"));
    assert_eq!(key(r#"{"item":"","batch":""}"#), None);
    assert_eq!(key(r#"{"item":"A"}"#), None, "a missing part is no blank one");
}

#[test]
fn lists_of_several_places_become_one() {
    let mapping = compile(
        r#"
fields:
  lines:
    lists:
      - path: planned
        each: {order: ^.id, item: itemnum}
      - path: used
        each: {order: ^.id, item: part}
  emails: {path: [first, more]}
  note: {path: [given, family], as: {join: {separator: " "}}}
"#,
    );
    let row = r#"{"id":7,"planned":[{"itemnum":"a"}],"used":[{"part":"b"}],"first":"x","more":["y","z"],"given":"Ada","family":"Byron"}"#;
    let record = map(&mapping, row);
    let line = |item: &str| json!({"order": "7", "item": item, "status": "UNKNOWN"});
    assert_eq!(field(&record, "lines"), json!([line("a"), line("b")]));
    assert_eq!(field(&record, "emails"), json!(["x", "y", "z"]));
    assert_eq!(field(&record, "note"), json!("Ada Byron"));
    let record = map(&mapping, r#"{"id":7,"used":[{"part":"b"}],"family":"Byron"}"#);
    assert_eq!(field(&record, "lines"), json!([line("b")]));
    assert_eq!(field(&record, "note"), json!("Byron"));
    assert_eq!(field(&record, "emails"), Json::Null);
    let mut projection = Projection::default();
    projection.insert(index("lines"));
    let selected: Vec<String> = mapping
        .selects(&projection)
        .iter()
        .map(|part| part.name().to_owned())
        .collect();
    assert_eq!(selected, ["id", "planned", "used"]);
}

#[test]
fn what_chooses_an_element_is_selected_with_it() {
    let mapping = compile("fields:\n  note: 'history[status=DONE].at'\n");
    let name = |name: &str| Selected::Name(name.to_owned());
    let history = Selected::Braces {
        name: "history".to_owned(),
        fields: vec![name("status"), name("at")],
    };
    assert_eq!(mapping.selects(&all()), [name("id"), history]);
}

#[test]
fn expressions_of_a_page_share_what_they_may_do() {
    let mapping = compile("fields:\n  number: name\n  note: {expression: \"row.big ~ '.'\"}\n");
    let projection = all();
    assert!(mapping.evaluates(&projection));
    assert!(!compile("fields:\n  note: big\n").evaluates(&projection));
    let row = json!({"id": "1", "name": "A", "big": "a".repeat(60_000)}).to_string();
    let row = json::parse_text(&row).unwrap();
    let mapper = mapping.mapper(&projection, DateTime::<Utc>::UNIX_EPOCH);
    let records: Vec<Record> = (0..300).map(|_| mapper.map(&row).unwrap()).collect();
    assert!(records[0].problems.is_empty());
    let last = records.last().unwrap();
    assert_eq!((field(last, "number"), field(last, "note")), (json!("A"), Json::Null));
    assert_eq!(last.problems[0].field, "note");
}
