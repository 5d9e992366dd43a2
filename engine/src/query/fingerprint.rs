//! The fingerprint by which a cursor knows the query that it belongs to. It is made of names: indexes of what an
//! organization adds move when another layer is saved, and the query stays the same.

use std::fmt::{self, Write};

use lineshaft_schema::{Catalogue, FieldIndex, Filter, Operand, TypeDef, Value};

use super::PageRequest;

/// Returns a fingerprint of everything that decides which records a list has, and in which order.
pub(super) fn fingerprint(catalogue: &Catalogue, def: &TypeDef, request: &PageRequest) -> u64 {
    let mut scope = request.scope.clone();
    if let Some(connections) = &mut scope.connections {
        connections.sort_unstable();
    }
    for names in [&mut scope.customers, &mut scope.connectors].into_iter().flatten() {
        names.sort_unstable();
    }
    let mut print = Print {
        catalogue,
        def,
        text: String::new(),
    };
    let hash = match print.query(request, &scope) {
        Ok(()) => blake3::hash(print.text.as_bytes()),
        // A text takes whatever is written to it.
        Err(fmt::Error) => blake3::hash(&[]),
    };
    let (head, _) = hash.as_bytes().split_at(8);
    head.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// A query in words. What a caller gives stands in quotes, so that no two queries have the same words.
struct Print<'p> {
    catalogue: &'p Catalogue,
    def: &'p TypeDef,
    text: String,
}

impl Print<'_> {
    fn query(&mut self, request: &PageRequest, scope: &super::Scope) -> fmt::Result {
        write!(self.text, "{}\u{0}", self.def.name)?;
        self.filter(&request.filter)?;
        self.text.write_char('\u{0}')?;
        if let Some(order) = &request.order {
            self.field(order.field)?;
            write!(self.text, " {:?}", order.direction)?;
        }
        write!(self.text, "\u{0}{scope:?}")
    }

    fn field(&mut self, index: FieldIndex) -> fmt::Result {
        match self.def.field_at(index) {
            Some(field) => self.text.write_str(&field.name),
            None => write!(self.text, "{index:?}"),
        }
    }

    fn filter(&mut self, filter: &Filter) -> fmt::Result {
        match filter {
            Filter::All(parts) => self.filters("all", parts),
            Filter::Any(parts) => self.filters("any", parts),
            Filter::Not(part) => self.filters("not", std::slice::from_ref(part)),
            Filter::Field(condition) => {
                self.field(condition.field)?;
                write!(self.text, " {} ", condition.operator.name())?;
                match &condition.operand {
                    Operand::One(value) => self.value(value),
                    Operand::Many(values) => self.values(values),
                    Operand::Ids(ids) => write!(self.text, "{ids:?}"),
                    Operand::Flag(flag) => write!(self.text, "{flag}"),
                }
            }
        }
    }

    fn filters(&mut self, name: &str, parts: &[Filter]) -> fmt::Result {
        write!(self.text, "{name}(")?;
        for part in parts {
            self.filter(part)?;
            self.text.write_char(',')?;
        }
        self.text.write_char(')')
    }

    fn values(&mut self, values: &[Value]) -> fmt::Result {
        self.text.write_char('[')?;
        for value in values {
            self.value(value)?;
            self.text.write_char(',')?;
        }
        self.text.write_char(']')
    }

    fn value(&mut self, value: &Value) -> fmt::Result {
        match value {
            Value::Enum(kind, at) => {
                let def = self.catalogue.enum_at(*kind);
                let word = def.and_then(|def| Some((&def.name, def.value_name(*at)?)));
                match word {
                    Some((name, word)) => write!(self.text, "{name}.{word}"),
                    None => write!(self.text, "{value:?}"),
                }
            }
            Value::List(values) => self.values(values),
            Value::Object(object) => {
                let def = self.catalogue.type_at(object.kind);
                self.text.write_str(def.map_or("object", |def| def.name.as_str()))?;
                self.values(&object.slots)
            }
            value => write!(self.text, "{value:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use lineshaft_schema::{
        Condition, Direction, FieldType, Operator, Order, Projection,
        extend::{AddedField, AddedKind, Additions},
    };

    use super::*;
    use crate::query::Scope;

    fn field(name: &str) -> AddedField {
        AddedField {
            of: "Vendor".to_owned(),
            name: name.to_owned(),
            label: name.to_owned(),
            description: String::new(),
            kind: AddedKind::Enum(vec![("HIGH".to_owned(), "High".to_owned())]),
            list: false,
        }
    }

    fn print(names: &[&str], asked: &str) -> u64 {
        let added = Additions {
            entities: Vec::new(),
            fields: names.iter().map(|name| field(name)).collect(),
        };
        let (catalogue, conflicts) = Catalogue::unified().unwrap().extended(&added);
        assert!(conflicts.is_empty(), "{conflicts:?}");
        let def = catalogue.type_named("Vendor").unwrap();
        let field = def.field(asked).unwrap();
        let FieldType::Enum(kind) = field.kind else { panic!() };
        let request = PageRequest {
            kind: def.index,
            filter: Filter::Field(Condition {
                field: field.index,
                operator: Operator::Eq,
                operand: Operand::One(Value::Enum(kind, 0)),
            }),
            order: Some(Order {
                field: field.index,
                direction: Direction::Ascending,
            }),
            first: 10,
            after: None,
            scope: Scope::default(),
            projection: Projection::all(def),
            count: false,
            edge_cursors: false,
            relations: false,
        };
        fingerprint(&catalogue, def, &request)
    }

    #[test]
    fn a_query_stays_the_same_when_other_fields_are_added() {
        assert_eq!(print(&["risk"], "risk"), print(&["area", "risk"], "risk"));
        assert_ne!(
            print(&["risk"], "risk"),
            print(&["area"], "area"),
            "the same place, another field"
        );
    }
}
