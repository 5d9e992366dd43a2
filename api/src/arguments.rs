//! Reads the arguments of lists: filters, orders and scopes become typed values, or typed errors.

use async_graphql::{Name, Pos, ServerError, ServerResult, Value as GraphValue};
use chrono::{DateTime, NaiveDate, Utc};
use indexmap::IndexMap;
use lineshaft_engine::query::Scope;
use lineshaft_schema::{
    Catalogue, Condition, ConnectionId, Direction, FieldDef, FieldType, Filter, GlobalId, Operand, Operator, Order,
    TypeDef, Value,
};
use rust_decimal::Decimal;

use crate::{error::coded, names, transport::Code};

type Members = IndexMap<Name, GraphValue>;

/// Reads filters and orders of one type.
pub(crate) struct Reader<'a> {
    /// The unified model.
    pub(crate) catalogue: &'a Catalogue,
    /// The type.
    pub(crate) def: &'a TypeDef,
    /// Where the arguments stand in the query.
    pub(crate) at: Pos,
}

impl Reader<'_> {
    /// Reads a filter.
    pub(crate) fn filter(&self, value: Option<GraphValue>) -> ServerResult<Filter> {
        match value {
            Some(GraphValue::Object(members)) => self.members(members),
            None | Some(GraphValue::Null) => Ok(Filter::always()),
            Some(other) => Err(self.misshapen(&names::filter(self.def), &other)),
        }
    }

    fn members(&self, members: Members) -> ServerResult<Filter> {
        let mut filter = Filter::always();
        for (name, value) in members {
            if value == GraphValue::Null {
                continue;
            }
            filter = filter.and(match name.as_str() {
                "and" => Filter::All(self.several(value)?),
                "or" => Filter::Any(self.several(value)?),
                "not" => Filter::Not(Box::new(self.filter(Some(value))?)),
                field => self.conditions(field, value)?,
            });
        }
        Ok(filter)
    }

    fn several(&self, value: GraphValue) -> ServerResult<Vec<Filter>> {
        let values = match value {
            GraphValue::List(values) => values,
            one => vec![one],
        };
        values.into_iter().map(|value| self.filter(Some(value))).collect()
    }

    fn conditions(&self, name: &str, value: GraphValue) -> ServerResult<Filter> {
        let field = self
            .def
            .field(name)
            .ok_or_else(|| self.invalid(name, "there is no such field"))?;
        let operators = match value {
            GraphValue::Object(operators) => operators,
            other => return Err(self.misshapen(&format!("filter of `{name}`"), &other)),
        };
        let mut conditions = Vec::with_capacity(operators.len());
        for (operator, value) in operators {
            if value == GraphValue::Null {
                continue;
            }
            let operator = Operator::named(&operator).ok_or_else(|| self.invalid(name, "there is no such operator"))?;
            let operand = self.operand(field, operator, value)?;
            conditions.push(Filter::Field(Condition {
                field: field.index,
                operator,
                operand,
            }));
        }
        Ok(Filter::All(conditions))
    }

    fn operand(&self, field: &FieldDef, operator: Operator, value: GraphValue) -> ServerResult<Operand> {
        if operator == Operator::IsNull {
            return Ok(Operand::Flag(value == GraphValue::Boolean(true)));
        }
        let values = match value {
            GraphValue::List(values) => values,
            one => vec![one],
        };
        let kind = field.comparable().unwrap_or(field.kind);
        if matches!(kind, FieldType::Reference(_)) {
            let ids = values.into_iter().map(|value| self.id(&field.name, &value));
            return ids.collect::<ServerResult<_>>().map(Operand::Ids);
        }
        let mut values = values
            .into_iter()
            .map(|value| self.scalar(field, kind, value))
            .collect::<ServerResult<Vec<_>>>()?;
        if operator == Operator::In {
            return Ok(Operand::Many(values));
        }
        values
            .pop()
            .map(Operand::One)
            .ok_or_else(|| self.invalid(&field.name, "a value is needed"))
    }

    fn id(&self, field: &str, value: &GraphValue) -> ServerResult<GlobalId> {
        let GraphValue::String(text) = value else {
            return Err(self.invalid(field, "an id is a string"));
        };
        text.parse()
            .map_err(|error: lineshaft_schema::key::InvalidId| coded("INVALID_ID", error.to_string(), Some(self.at)))
    }

    fn scalar(&self, field: &FieldDef, kind: FieldType, value: GraphValue) -> ServerResult<Value> {
        let read = scalar_value(self.catalogue, kind, &value);
        read.ok_or_else(|| self.invalid(&field.name, &format!("{value} is not a valid {}", expected(kind))))
    }

    /// Reads an order.
    pub(crate) fn order(&self, value: Option<GraphValue>) -> ServerResult<Option<Order>> {
        let members = match value {
            Some(GraphValue::Object(members)) => members,
            None | Some(GraphValue::Null) => return Ok(None),
            Some(other) => return Err(self.misshapen(&names::order(self.def), &other)),
        };
        let name = members.get("field").and_then(word).unwrap_or_default();
        let field = self
            .def
            .fields
            .values()
            .find(|field| names::order_value(&field.name) == name);
        let field = field.ok_or_else(|| self.invalid("orderBy", "there is no such field"))?;
        let descending = members
            .get("direction")
            .and_then(word)
            .is_some_and(|word| word == "DESC");
        let direction = if descending {
            Direction::Descending
        } else {
            Direction::Ascending
        };
        Ok(Some(Order {
            field: field.index,
            direction,
        }))
    }

    /// The executor lets values through that are no input objects; a filter must never be dropped for that.
    fn misshapen(&self, expected: &str, value: &GraphValue) -> ServerError {
        let value: String = value.to_string().chars().take(80).collect();
        coded(
            Code::BadUserInput.name(),
            format!("{value} is not a {expected}"),
            Some(self.at),
        )
    }

    fn invalid(&self, field: &str, message: &str) -> ServerError {
        coded(
            "INVALID_VALUE",
            format!("{}.{field}: {message}", names::filter(self.def)),
            Some(self.at),
        )
    }
}

/// Reads which connections are in scope.
pub(crate) fn scope(
    connections: Option<GraphValue>,
    customers: Option<GraphValue>,
    connectors: Option<GraphValue>,
    at: Pos,
) -> ServerResult<Scope> {
    let connections = match texts(connections) {
        Some(texts) => {
            let ids = texts.iter().map(|text| connection_id(text, at));
            Some(ids.collect::<ServerResult<Vec<_>>>()?)
        }
        None => None,
    };
    Ok(Scope {
        connections,
        customers: texts(customers),
        connectors: texts(connectors),
    })
}

/// Reads the id of a connection.
pub(crate) fn connection_id(text: &str, at: Pos) -> ServerResult<ConnectionId> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(80).collect();
        coded(
            "INVALID_ID",
            format!("`{text}` is not the id of a connection"),
            Some(at),
        )
    })
}

fn texts(value: Option<GraphValue>) -> Option<Vec<String>> {
    match value? {
        GraphValue::List(values) => Some(values.iter().filter_map(word).map(str::to_owned).collect()),
        GraphValue::String(text) => Some(vec![text]),
        _ => None,
    }
}

fn word(value: &GraphValue) -> Option<&str> {
    match value {
        GraphValue::String(text) => Some(text),
        GraphValue::Enum(name) => Some(name),
        _ => None,
    }
}

/// Reads the value of a scalar or an enum, if it is one.
pub(crate) fn scalar_value(catalogue: &Catalogue, kind: FieldType, value: &GraphValue) -> Option<Value> {
    match (kind, value) {
        (FieldType::Text, GraphValue::String(text)) => Some(Value::text(text)),
        (FieldType::Integer, GraphValue::Number(number)) => number.as_i64().map(Value::Integer),
        (FieldType::Boolean, GraphValue::Boolean(flag)) => Some(Value::Boolean(*flag)),
        (FieldType::Decimal, GraphValue::String(text)) => decimal(text),
        (FieldType::Decimal, GraphValue::Number(number)) => decimal(&number.to_string()),
        (FieldType::Date, GraphValue::String(text)) => text.parse::<NaiveDate>().ok().map(Value::Date),
        (FieldType::DateTime, GraphValue::String(text)) => DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|at| Value::DateTime(at.with_timezone(&Utc))),
        (FieldType::Enum(index), value) => {
            let value = catalogue.enum_at(index)?.value_index(word(value)?)?;
            Some(Value::Enum(index, value))
        }
        _ => None,
    }
}

fn decimal(text: &str) -> Option<Value> {
    Decimal::from_str_exact(text)
        .or_else(|_| Decimal::from_scientific(text))
        .ok()
        .map(Value::Decimal)
}

/// Returns what a value of a type looks like, for messages.
pub(crate) const fn expected(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Integer => "whole number",
        FieldType::Boolean => "truth value",
        FieldType::Decimal => "decimal such as \"12.50\"",
        FieldType::Date => "date such as \"2026-11-22\"",
        FieldType::DateTime => "date-time with zone such as \"2026-11-22T08:30:00Z\"",
        FieldType::Enum(_) => "value of the enum",
        _ => "text",
    }
}
