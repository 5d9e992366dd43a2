//! Tests of reading inputs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use lineshaft_schema::FieldIndex;
use serde_json::{Value as Json, json};

use super::*;

const CONNECTION: ConnectionId = ConnectionId(uuid::Uuid::from_u128(7));

fn id(connection: ConnectionId, kind: &str, key: &str) -> String {
    GlobalId {
        connection,
        kind: kind.into(),
        key: RemoteKey::single(key),
    }
    .to_string()
}

fn read(kind: &str, occasion: Occasion, value: Json) -> (ServerResult<Input>, Vec<UserError>) {
    let catalogue = Catalogue::unified().unwrap();
    let mut reader = Reader::new(&catalogue, CONNECTION, Pos::default());
    let value = GraphValue::from_json(value).unwrap();
    let def = catalogue.type_named(kind).unwrap();
    let input = reader.input(def, occasion, value);
    (input, reader.problems)
}

fn good(kind: &str, occasion: Occasion, value: Json) -> Input {
    let (input, problems) = read(kind, occasion, value);
    assert_eq!(problems, []);
    input.unwrap()
}

fn problems(kind: &str, occasion: Occasion, value: Json) -> Vec<(String, UserErrorCode)> {
    let (input, problems) = read(kind, occasion, value);
    input.unwrap();
    problems
        .into_iter()
        .map(|problem| (problem.path.join("."), problem.code))
        .collect()
}

fn field(kind: &str, name: &str) -> FieldIndex {
    let catalogue = Catalogue::unified().unwrap();
    catalogue.type_named(kind).unwrap().field(name).unwrap().index
}

#[test]
fn values_are_read_by_their_fields() {
    let input = good(
        "PurchaseOrder",
        Occasion::Create,
        json!({
            "vendor": id(CONNECTION, "Vendor", "12"),
            "orderDate": "2026-11-22",
            "exchangeRate": "1.25",
            "taxInclusive": true,
            "currency": "EUR",
            "shipTo": { "city": "Kiel", "lines": ["Hafen 1", "Tor 4"] },
            "lines": [{ "quantity": { "value": 4 }, "unitPrice": { "amount": "12.50", "currency": "EUR" } }],
            "customFields": [{ "key": "x_zone", "value": 3 }],
            "raw": { "priority": "1" },
        }),
    );
    let value = |name: &str| &input.values[&field("PurchaseOrder", name)];
    assert_eq!(value("vendor"), &Value::Reference(RemoteKey::single("12")));
    assert_eq!(value("orderDate"), &Value::Date("2026-11-22".parse().unwrap()));
    assert_eq!(value("exchangeRate"), &Value::Decimal("1.25".parse().unwrap()));
    assert_eq!(value("taxInclusive"), &Value::Boolean(true));
    let Value::Object(address) = value("shipTo") else {
        panic!()
    };
    assert_eq!(address.fields().get(field("Address", "city")), &Value::text("Kiel"));
    assert_eq!(
        address.fields().get(field("Address", "lines")),
        &Value::List(vec![Value::text("Hafen 1"), Value::text("Tor 4")])
    );
    let [ChildChange::Create(line)] = input.children[&field("PurchaseOrder", "lines")].as_slice() else {
        panic!()
    };
    let Value::Object(quantity) = &line.values[&field("PurchaseOrderLine", "quantity")] else {
        panic!()
    };
    assert_eq!(
        quantity.fields().get(field("Quantity", "value")),
        &Value::Decimal("4".parse().unwrap())
    );
    assert_eq!(input.custom["x_zone"], json!(3));
    assert_eq!(input.raw["priority"], json!("1"));
}

#[test]
fn null_clears_on_update_and_says_nothing_on_create() {
    let input = good("Vendor", Occasion::Update, json!({ "notes": null }));
    assert_eq!(input.values[&field("Vendor", "notes")], Value::Null);
    assert!(!input.values.contains_key(&field("Vendor", "name")));
    let input = good("Vendor", Occasion::Create, json!({ "notes": null }));
    assert!(input.values.is_empty());
    let told = problems("Vendor", Occasion::Update, json!({ "type": null }));
    assert_eq!(told, [("type".to_owned(), UserErrorCode::Required)]);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let told = problems(
        "PurchaseOrder",
        Occasion::Create,
        json!({
            "orderDate": "2026-02-30",
            "currency": "Euro",
            "vendor": id(ConnectionId(uuid::Uuid::from_u128(8)), "Vendor", "1"),
            "buyer": id(CONNECTION, "Vendor", "1"),
            "site": "nonsense",
            "lines": [{}, { "type": "GOODS", "unitPrice": { "currency": "EUR" } }],
            "raw": [1],
            "customFields": [{ "key": "a", "value": 1 }, { "key": "a", "value": 2 }],
        }),
    );
    use UserErrorCode::{InvalidValue, Required, UnknownReference};
    let expected = [
        ("orderDate", InvalidValue),
        ("currency", InvalidValue),
        ("vendor", UnknownReference),
        ("buyer", UnknownReference),
        ("site", UnknownReference),
        ("lines.1.type", InvalidValue),
        ("lines.1.unitPrice.amount", Required),
        ("raw", InvalidValue),
        ("customFields.1.key", InvalidValue),
    ];
    let mut told: Vec<_> = told.iter().map(|(path, code)| (path.as_str(), *code)).collect();
    let mut expected = expected.to_vec();
    told.sort_by_key(|(path, _)| *path);
    expected.sort_by_key(|(path, _)| *path);
    assert_eq!(told, expected);
}

#[test]
fn rows_are_removed_changed_and_added_by_name() {
    let line = |key: &str| id(CONNECTION, "PurchaseOrderLine", key);
    let input = good(
        "PurchaseOrder",
        Occasion::Update,
        json!({ "lines": {
            "create": [{ "description": "new" }],
            "update": [{ "id": line("5"), "description": null }],
            "delete": [line("6")],
        } }),
    );
    let [
        ChildChange::Delete(removed),
        ChildChange::Update(changed, change),
        ChildChange::Create(_),
    ] = input.children[&field("PurchaseOrder", "lines")].as_slice()
    else {
        panic!("{:?}", input.children)
    };
    assert_eq!((removed, changed), (&RemoteKey::single("6"), &RemoteKey::single("5")));
    assert_eq!(change.values[&field("PurchaseOrderLine", "description")], Value::Null);
    let told = problems(
        "PurchaseOrder",
        Occasion::Update,
        json!({ "lines": { "delete": [id(CONNECTION, "Vendor", "1")] } }),
    );
    assert_eq!(told, [("lines.delete.0".to_owned(), UserErrorCode::UnknownReference)]);
    let told = problems("PurchaseOrder", Occasion::Update, json!({ "lines": null }));
    assert_eq!(told, [("lines".to_owned(), UserErrorCode::InvalidValue)]);
}

#[test]
fn actions_need_what_their_type_requires() {
    let told = problems("AdjustStock", Occasion::Told, json!({ "bin": "A1" }));
    assert_eq!(told, [("quantity".to_owned(), UserErrorCode::Required)]);
    let line = id(CONNECTION, "PurchaseOrderLine", "5");
    let input = good(
        "ReceivePurchaseOrder",
        Occasion::Told,
        json!({ "lines": [{ "line": line, "quantity": "2.5" }] }),
    );
    let Value::List(lines) = &input.values[&field("ReceivePurchaseOrder", "lines")] else {
        panic!()
    };
    assert_eq!(lines.len(), 1);
}

#[test]
fn what_is_not_of_the_schema_is_an_error_of_the_request() {
    for (occasion, value) in [
        (Occasion::Create, json!({ "nope": 1 })),
        (Occasion::Create, json!({ "status": "ACTIVE" })),
        (Occasion::Create, json!("text")),
        (Occasion::Update, json!({ "number": "V1" })),
        (Occasion::Create, json!({ "addresses": ["text"] })),
    ] {
        let (input, _) = read("Vendor", occasion, value.clone());
        let error = input.map(|_| ()).unwrap_err();
        let code = error.extensions.unwrap().get("code").unwrap().to_string();
        assert!(code.contains("BAD_USER_INPUT"), "{value}: {code}");
    }
}

#[test]
fn lists_are_bounded() {
    let lines: Vec<Json> = (0..=MOST_ENTRIES).map(|_| json!({})).collect();
    let (input, _) = read("PurchaseOrder", Occasion::Create, json!({ "lines": lines }));
    let code = input.unwrap_err().extensions.unwrap().get("code").unwrap().to_string();
    assert!(code.contains("TOO_MANY"), "{code}");
}

#[test]
fn durations_are_those_of_iso_8601() {
    for text in ["PT1H30M", "P14D", "P1Y2M3W4DT5H6M7S", "PT0.5S", "-PT5M", "P0D"] {
        assert!(is_duration(text), "{text}");
    }
    for text in [
        "", "P", "PT", "1H", "PT1D", "P1H", "PT1.5H3M", "PTH", "P1DT", "PT1M1H", "PT1h", "P-1D",
    ] {
        assert!(!is_duration(text), "{text}");
    }
}
