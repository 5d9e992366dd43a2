//! Tests that the halves of a split filter mean the whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use chrono::{DateTime, NaiveDate, Utc};
use lineshaft_schema::{FieldIndex, FieldType, Record, RemoteKey, TypeDef};
use proptest::prelude::*;

use super::*;
use crate::blueprint::{
    Blueprint,
    tests::{self, definition, is, text},
};

const FIELDS: &[&str] = &[
    "number",
    "reference",
    "status",
    "requiredDate",
    "updatedAt",
    "vendor",
    "notes",
    "incoterms",
    "orderDate",
];
const WORK_FIELDS: &[&str] = &[
    "number",
    "title",
    "priorityCode",
    "updatedAt",
    "asset",
    "status",
    "location",
    "description",
];

fn value(def: &TypeDef, field: &str, composite: bool) -> BoxedStrategy<Value> {
    match def.field(field).unwrap().kind {
        FieldType::Text => "(a|b|A|ab|5%|_|\\*|\"|'){1,2}"
            .prop_map(|text| Value::text(&text))
            .boxed(),
        FieldType::Enum(index) => (0_u16..4).prop_map(move |at| Value::Enum(index, at)).boxed(),
        FieldType::Date => (0_i64..4)
            .prop_map(|day| {
                Value::Date(NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(day.unsigned_abs()))
            })
            .boxed(),
        FieldType::DateTime => (0_i64..5)
            .prop_map(|half| Value::DateTime(DateTime::<Utc>::from_timestamp_millis(half * 500).unwrap()))
            .boxed(),
        FieldType::Reference(_) if composite => ("[ab%*]", "[12%]")
            .prop_map(|(a, b)| Value::Reference(RemoteKey::composite([a, b])))
            .boxed(),
        FieldType::Reference(_) => "[12a,]{1,2}"
            .prop_map(|key| Value::Reference(RemoteKey::single(key)))
            .boxed(),
        kind => panic!("{field}: {kind:?}"),
    }
}

fn condition(kind: &'static str, names: &'static [&'static str], composite: bool) -> BoxedStrategy<Filter> {
    let def = definition(kind);
    let one = move |name: &'static str| {
        let field = def.field(name).unwrap().index;
        let value = prop_oneof![8 => value(&def, name, composite), 1 => Just(Value::Null)];
        (
            value.clone(),
            prop::collection::vec(value, 0..3),
            0..Operator::ALL.len(),
            any::<bool>(),
        )
            .prop_map(move |(one, many, at, flag)| {
                let operator = Operator::ALL[at];
                let operand = match operator {
                    Operator::In => Operand::Many(many),
                    Operator::IsNull => Operand::Flag(flag),
                    _ => Operand::One(one),
                };
                Filter::Field(Condition {
                    field,
                    operator,
                    operand,
                })
            })
    };
    prop::sample::select(names).prop_flat_map(one).boxed()
}

fn filter(kind: &'static str, names: &'static [&'static str], composite: bool) -> BoxedStrategy<Filter> {
    let leaf = condition(kind, names, composite);
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
    .boxed()
}

fn record(kind: &'static str, names: &'static [&'static str], composite: bool) -> BoxedStrategy<Record> {
    let def = definition(kind);
    let values: Vec<_> = names
        .iter()
        .map(|name| prop_oneof![3 => value(&def, name, composite), 1 => Just(Value::Null)])
        .collect();
    values
        .prop_map(move |values| {
            let mut record = Record::new(&def, RemoteKey::single("1"), DateTime::UNIX_EPOCH);
            for (name, value) in names.iter().zip(values) {
                record.set(def.field(name).unwrap().index, value);
            }
            record
        })
        .boxed()
}

/// Applies a pushed filter as a system would that lets through everything a coarse operator may let through.
fn applied(filter: &Filter, record: &Record, coarse: &impl Fn(&Condition) -> bool) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().all(|part| applied(part, record, coarse)),
        Filter::Any(parts) => parts.iter().any(|part| applied(part, record, coarse)),
        Filter::Not(_) => panic!("a negation was pushed"),
        Filter::Field(condition) => filter.matches(record) || coarse(condition),
    }
}

fn check(blueprint: &Blueprint, kind: &str, filter: &Filter, records: &[Record]) -> Result<(), TestCaseError> {
    let resource = blueprint.resource(definition(kind).index).unwrap();
    let lowering = resource.lowering();
    let Split { pushed, residual } = resource.split(filter);
    prop_assert!(
        pushed.is_always() || lowering.filter(&pushed).is_some(),
        "cannot be written: {:?}",
        pushed
    );
    let coarse = |condition: &Condition| matches!(lowering.condition(condition), Some((_, Precision::Coarse)));
    for record in records {
        let whole = filter.matches(record);
        prop_assert_eq!(
            pushed.matches(record) && residual.matches(record),
            whole,
            "{:?} {:?}",
            &pushed,
            &residual
        );
        prop_assert_eq!(
            applied(&pushed, record, &coarse) && residual.matches(record),
            whole,
            "{:?} {:?}",
            &pushed,
            &residual
        );
    }
    let again = resource.split(&pushed);
    prop_assert_eq!(again.pushed, pushed);
    Ok(())
}

fn normal(names: &'static [&'static str], kind: &'static str) -> impl Strategy<Value = (Filter, Vec<Record>)> {
    (
        filter(kind, names, true),
        prop::collection::vec(record(kind, names, true), 1..6),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn version_4_halves_mean_the_whole((filter, records) in normal(FIELDS, "PurchaseOrder")) {
        check(&BLUEPRINTS.0, "PurchaseOrder", &filter, &records)?;
    }

    #[test]
    fn polish_halves_mean_the_whole(filter in filter("PurchaseOrder", FIELDS, false), records in prop::collection::vec(record("PurchaseOrder", FIELDS, false), 1..6)) {
        check(&BLUEPRINTS.1, "PurchaseOrder", &filter, &records)?;
    }

    #[test]
    fn oslc_halves_mean_the_whole((filter, records) in normal(WORK_FIELDS, "WorkOrder")) {
        check(&BLUEPRINTS.2, "WorkOrder", &filter, &records)?;
    }

    #[test]
    fn parameter_halves_mean_the_whole(filter in filter("WorkOrder", WORK_FIELDS, false), records in prop::collection::vec(record("WorkOrder", WORK_FIELDS, false), 1..6)) {
        check(&BLUEPRINTS.3, "WorkOrder", &filter, &records)?;
    }
}

static BLUEPRINTS: std::sync::LazyLock<(Blueprint, Blueprint, Blueprint, Blueprint)> = std::sync::LazyLock::new(|| {
    (
        tests::odata_v4(),
        tests::domain_prefix(),
        tests::oslc(),
        tests::parameters(),
    )
});

#[test]
fn negations_are_rewritten_or_kept_back() {
    let blueprint = tests::domain_prefix();
    let orders = blueprint.resource(definition("PurchaseOrder").index).unwrap();
    let po = "PurchaseOrder";
    let not = |filter| Filter::Not(Box::new(filter));
    let both = Filter::Any(vec![
        is(po, "number", Operator::Eq, text("a")),
        is(po, "vendor", Operator::IsNull, Operand::Flag(true)),
    ]);
    let split = orders.split(&not(both));
    assert!(split.residual.is_always());
    assert_eq!(
        split.pushed,
        Filter::All(vec![
            is(po, "number", Operator::Ne, text("a")),
            is(po, "vendor", Operator::IsNull, Operand::Flag(false))
        ])
    );
    let contains = not(is(po, "number", Operator::Contains, text("a")));
    assert_eq!(
        orders.split(&contains),
        Split {
            pushed: Filter::always(),
            residual: contains
        }
    );
    let stamp = Operand::One(Value::DateTime(DateTime::UNIX_EPOCH));
    let split = orders.split(&not(is(po, "updatedAt", Operator::Gt, stamp.clone())));
    assert!(split.residual.is_always(), "{split:?}");
    assert_eq!(
        split.pushed,
        Filter::Any(vec![
            is(po, "updatedAt", Operator::Lte, stamp),
            is(po, "updatedAt", Operator::IsNull, Operand::Flag(true))
        ])
    );
}

#[test]
fn long_lists_are_not_put_into_addresses() {
    let po = "PurchaseOrder";
    let values: Vec<Value> = (0..200).map(|at| Value::text(&at.to_string())).collect();
    let filter = is(po, "number", Operator::In, Operand::Many(values));
    let index: FieldIndex = tests::field(po, "number");
    let text_based = tests::odata_v4();
    let split = text_based.resource(definition(po).index).unwrap().split(&filter);
    assert!(
        split.pushed.is_always() && matches!(&split.residual, Filter::Field(condition) if condition.field == index)
    );
    let json_based = tests::domain_prefix();
    assert!(
        json_based
            .resource(definition(po).index)
            .unwrap()
            .split(&filter)
            .residual
            .is_always()
    );
}

#[test]
fn values_that_only_tests_give_keep_a_list_here() {
    let po = "PurchaseOrder";
    let status = serde_json::json!({
        "cases": [
            {"when": [{"path": "Canceled", "equals": true}], "value": "CANCELED"},
            {"when": [{"path": "Open", "equals": true}], "value": "APPROVED"},
        ],
        "as": {"enum": {"open": "APPROVED", "done": "CLOSED"}},
        "filter": {"by": "State", "coarse": ["eq", "in"], "literal": "string"},
    });
    let resources = serde_json::json!({po: {"remote": "orders", "key": "Id", "fields": {"status": status}}});
    let blueprint = tests::compile("odata_v4", serde_json::json!({}), resources).unwrap();
    let orders = blueprint.resource(definition(po).index).unwrap();
    let one_of = |values: &[&str]| {
        let values = values.iter().map(|value| tests::word(po, "status", value)).collect();
        is(po, "status", Operator::In, Operand::Many(values))
    };
    let known = one_of(&["APPROVED", "CLOSED"]);
    assert_eq!(orders.split(&known).pushed, known);
    let tested = one_of(&["APPROVED", "CANCELED"]);
    assert_eq!(
        orders.split(&tested),
        Split {
            pushed: Filter::always(),
            residual: tested
        }
    );
}
