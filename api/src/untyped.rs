//! Checks filters and orders that come as JSON against the inputs of the schema, as the executor checks typed ones. What is
//! wrong is told with its place.

use async_graphql::{
    Pos, ServerError, ServerResult, Value,
    registry::{MetaType, Registry},
};
use indexmap::IndexMap;
use lineshaft_schema::{Catalogue, FieldType, TypeDef};

use crate::{
    arguments::{expected, scalar_value},
    error::coded,
    names,
};

/// Checks values against the inputs of a schema.
pub(crate) struct Untyped<'a> {
    /// The types of the schema.
    pub(crate) registry: &'a Registry,
    /// The model of the schema.
    pub(crate) catalogue: &'a Catalogue,
    /// Where the arguments stand in the query.
    pub(crate) at: Pos,
}

impl Untyped<'_> {
    /// Returns a filter of a type when it fits.
    pub(crate) fn filter(&self, def: &TypeDef, value: Option<Value>) -> ServerResult<Option<Value>> {
        if let Some(value) = &value {
            self.check(value, &names::filter(def), "filter")?;
        }
        Ok(value)
    }

    /// Returns the order of a type when it fits. Fields may be named as they are in records, too.
    pub(crate) fn order(&self, def: &TypeDef, value: Option<Value>) -> ServerResult<Option<Value>> {
        let mut orders = match value {
            Some(Value::List(orders)) => orders,
            None | Some(Value::Null) => return Ok(None),
            Some(one) => vec![one],
        };
        if orders.len() > 1 {
            return Err(self.wrong("orderBy", "records are sorted by one field at most"));
        }
        let Some(mut order) = orders.pop() else { return Ok(None) };
        if let Value::Object(members) = &mut order
            && let Some(Value::String(field)) = members.get_mut("field")
            && def.field(field).is_some()
        {
            *field = names::order_value(field);
        }
        self.check(&order, &names::order(def), "orderBy.0")?;
        Ok(Some(order))
    }

    fn check(&self, value: &Value, kind: &str, path: &str) -> ServerResult<()> {
        let (kind, required) = match kind.strip_suffix('!') {
            Some(kind) => (kind, true),
            None => (kind, false),
        };
        if *value == Value::Null {
            return match required {
                true => Err(self.wrong(path, "a value is needed")),
                false => Ok(()),
            };
        }
        if let Some(element) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
            return match value {
                Value::List(values) => {
                    let mut values = values.iter().enumerate();
                    values.try_for_each(|(at, value)| self.check(value, element, &format!("{path}.{at}")))
                }
                one => self.check(one, element, path),
            };
        }
        match self.registry.types.get(kind) {
            Some(MetaType::InputObject { input_fields, .. }) => {
                let Value::Object(members) = value else {
                    return Err(self.wrong(path, "an object is needed"));
                };
                for (name, value) in members {
                    let place = format!("{path}.{name}");
                    let field = input_fields.get(name.as_str());
                    let field = field.ok_or_else(|| self.wrong(&place, unknown(kind, input_fields)))?;
                    self.check(value, &field.ty, &place)?;
                }
                let missing = input_fields.values().find(|field| {
                    field.ty.ends_with('!')
                        && field.default_value.is_none()
                        && !members.contains_key(field.name.as_str())
                });
                match missing {
                    Some(field) => Err(self.wrong(&format!("{path}.{}", field.name), "a value is needed")),
                    None => Ok(()),
                }
            }
            Some(MetaType::Enum { enum_values, .. }) => {
                let word = match value {
                    Value::String(text) => Some(text.as_str()),
                    Value::Enum(name) => Some(name.as_str()),
                    _ => None,
                };
                match word.is_some_and(|word| enum_values.contains_key(word)) {
                    true => Ok(()),
                    false => Err(self.wrong(path, format!("{} is not a value of {kind}", short(value)))),
                }
            }
            _ => self.scalar(value, kind, path),
        }
    }

    fn scalar(&self, value: &Value, kind: &str, path: &str) -> ServerResult<()> {
        let kind = match kind {
            "Int" => FieldType::Integer,
            "Boolean" => FieldType::Boolean,
            "Decimal" => FieldType::Decimal,
            "Date" => FieldType::Date,
            "DateTime" => FieldType::DateTime,
            // Ids among them.
            _ => FieldType::Text,
        };
        match scalar_value(self.catalogue, kind, value) {
            Some(_) => Ok(()),
            None => Err(self.wrong(path, format!("{} is not a valid {}", short(value), expected(kind)))),
        }
    }

    fn wrong(&self, path: &str, message: impl std::fmt::Display) -> ServerError {
        let mut error = coded("INVALID_VALUE", format!("{path}: {message}"), Some(self.at));
        let place = path.split('.').map(|step| Value::String(step.to_owned()));
        if let Some(extensions) = &mut error.extensions {
            extensions.set("argument", Value::List(place.collect()));
        }
        error
    }
}

fn unknown<T>(kind: &str, known: &IndexMap<String, T>) -> String {
    let names: Vec<_> = known.keys().map(String::as_str).take(60).collect();
    format!("{kind} has no such member; it has {}", names.join(", "))
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use async_graphql::value;

    use super::*;
    use crate::register;

    fn wrong(filter: Value) -> Option<String> {
        let catalogue = Catalogue::unified().unwrap();
        let mut registry = Registry::default();
        register::types(&catalogue, &mut registry);
        let untyped = Untyped {
            registry: &registry,
            catalogue: &catalogue,
            at: Pos::default(),
        };
        let def = catalogue.type_named("PurchaseOrder").unwrap();
        untyped.filter(def, Some(filter)).err().map(|error| error.message)
    }

    #[test]
    fn filters_are_checked_as_typed_ones_are() {
        assert_eq!(wrong(value!({ "number": { "eq": "A" } })), None);
        assert_eq!(wrong(value!({ "number": null })), None);
        for (filter, place) in [
            (value!("all"), "filter: "),
            (value!({ "nothing": {} }), "filter.nothing: "),
            (value!({ "number": { "near": "A" } }), "filter.number.near: "),
            (value!({ "number": { "eq": 1 } }), "filter.number.eq: "),
            (
                value!({ "and": [{ "updatedAt": { "gt": "soon" } }] }),
                "filter.and.0.updatedAt.gt: ",
            ),
            (value!({ "status": { "eq": "NEARLY" } }), "filter.status.eq: "),
        ] {
            let told = wrong(filter).unwrap_or_default();
            assert!(told.starts_with(place), "{told} should begin with {place}");
        }
    }

    #[test]
    fn orders_name_one_field() {
        let catalogue = Catalogue::unified().unwrap();
        let mut registry = Registry::default();
        register::types(&catalogue, &mut registry);
        let untyped = Untyped {
            registry: &registry,
            catalogue: &catalogue,
            at: Pos::default(),
        };
        let def = catalogue.type_named("PurchaseOrder").unwrap();
        let order = |value| untyped.order(def, Some(value)).map_err(|error| error.message);
        assert_eq!(
            order(value!([{ "field": "updatedAt", "direction": "DESC" }])).unwrap(),
            Some(value!({ "field": "UPDATED_AT", "direction": "DESC" }))
        );
        assert!(order(value!([{ "field": "UPDATED_AT" }, { "field": "NUMBER" }])).is_err());
        assert!(order(value!([{ "field": "lines" }])).is_err());
        assert!(order(value!([{}])).unwrap_err().contains("orderBy.0.field"));
        assert_eq!(order(value!([])).unwrap(), None);
    }
}
