//! Checks a domain and an order against the tables, then picks, sorts and cuts rows.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::Value;

use super::Database;
use super::domain::{Clause, Dialect, Domain, Operator, like};
use super::table::{Field, Kind, Table, Val};

/// Why a query cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A field in the domain: the model, the field and how the clause reads.
    UnknownField {
        model: String,
        field: String,
        clause: String,
    },
    /// A field in the order.
    UnknownOrder { model: String, field: String },
    /// A computed field in domain or order.
    NotStored { model: String, field: String },
    /// A literal that does not fit its field.
    BadValue(String),
}

/// What to pick and how to sort it.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) domain: Option<Domain>,
    pub(crate) order: Vec<SortKey>,
    pub(crate) offset: usize,
    pub(crate) limit: Option<usize>,
    /// Leaves out rows whose `active` is false, unless the domain names `active`.
    pub(crate) active_only: bool,
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SortKey {
    pub(crate) path: Vec<String>,
    pub(crate) descending: bool,
}

/// Returns the places of the rows a query picks, in order.
pub(crate) fn select<D: Dialect>(
    database: &Database,
    table: &Arc<Table>,
    query: &Query,
) -> Result<Vec<usize>, Failure> {
    let checker = Checker::<D> {
        database,
        dialect: PhantomData,
    };
    let test = query
        .domain
        .as_ref()
        .map(|domain| checker.check(table, domain))
        .transpose()?;
    let keys: Vec<Key> = query
        .order
        .iter()
        .map(|key| checker.sort_key(table, key))
        .collect::<Result<_, _>>()?;
    let hide = query.active_only && query.domain.as_ref().is_none_or(|domain| !domain.names("active"));
    let active = table.place("active").filter(|_| hide);
    let mut picked: Vec<usize> = table
        .rows
        .iter()
        .enumerate()
        .filter(|(_, row)| active.is_none_or(|place| row.get(place) != Some(&Val::Bool(false))))
        .filter(|(_, row)| test.as_ref().is_none_or(|test| test.holds(row)))
        .map(|(place, _)| place)
        .collect();
    if !keys.is_empty() {
        let sorted: Vec<Vec<Val>> = table
            .rows
            .iter()
            .map(|row| keys.iter().map(|key| key.value::<D>(row)).collect())
            .collect();
        picked.sort_by(|left, right| compare_keys::<D>(&keys, &sorted[*left], &sorted[*right]));
    }
    Ok(picked
        .into_iter()
        .skip(query.offset)
        .take(query.limit.unwrap_or(usize::MAX))
        .collect())
}

fn compare_keys<D: Dialect>(keys: &[Key], left: &[Val], right: &[Val]) -> Ordering {
    keys.iter()
        .zip(left.iter().zip(right))
        .map(|(key, (left, right))| {
            let ordering = match (left, right) {
                (Val::Null, Val::Null) => Ordering::Equal,
                (Val::Null, _) if D::NULLS_LAST => Ordering::Greater,
                (Val::Null, _) => Ordering::Less,
                (_, Val::Null) if D::NULLS_LAST => Ordering::Less,
                (_, Val::Null) => Ordering::Greater,
                (left, right) => compare(left, right).unwrap_or(Ordering::Equal),
            };
            if key.descending { ordering.reverse() } else { ordering }
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Compares two values of like types.
pub(crate) fn compare(left: &Val, right: &Val) -> Option<Ordering> {
    match (left, right) {
        (Val::Bool(left), Val::Bool(right)) => Some(left.cmp(right)),
        (Val::Int(left), Val::Int(right)) | (Val::Span(left), Val::Span(right)) => Some(left.cmp(right)),
        (Val::Number(left), Val::Number(right)) => Some(left.cmp(right)),
        (Val::Int(left), Val::Number(right)) => Some(rust_decimal::Decimal::from(*left).cmp(right)),
        (Val::Number(left), Val::Int(right)) => Some(left.cmp(&rust_decimal::Decimal::from(*right))),
        (Val::Text(left), Val::Text(right)) => Some(left.cmp(right)),
        (Val::Date(left), Val::Date(right)) => Some(left.cmp(right)),
        (Val::Moment(left), Val::Moment(right)) => Some(left.cmp(right)),
        (Val::One(left), Val::One(right)) => Some(left.cmp(right)),
        (Val::Int(left), Val::One(right)) => Some(left.cmp(&i64::from(*right))),
        (Val::One(left), Val::Int(right)) => Some(i64::from(*left).cmp(right)),
        (Val::Reference(left, left_id), Val::Text(right)) => Some(format!("{left},{left_id}").cmp(right)),
        _ => None,
    }
}

/// A domain whose fields and literals were found good.
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Clause(Condition),
}

struct Condition {
    path: Path,
    operator: Operator,
    wanted: Vec<Val>,
    inner: Option<Box<Test>>,
}

/// Places of fields from table to table.
struct Path {
    hops: Vec<(usize, Arc<Table>)>,
    last: usize,
    /// The table the last field links to, and the place of its name field and parent field.
    target: Option<(Arc<Table>, usize, Option<usize>)>,
}

struct Key {
    path: Path,
    descending: bool,
}

impl Key {
    fn value<D: Dialect>(&self, row: &[Val]) -> Val {
        let value = self.path.values(row).into_iter().next().unwrap_or(Val::Null);
        match (&value, &self.path.target) {
            (Val::One(id), Some((table, name, _))) => {
                table.row(*id).and_then(|row| row.get(*name)).cloned().unwrap_or(value)
            }
            _ => value,
        }
    }
}

struct Checker<'a, D> {
    database: &'a Database,
    dialect: PhantomData<D>,
}

impl<D: Dialect> Checker<'_, D> {
    fn check(&self, table: &Arc<Table>, domain: &Domain) -> Result<Test, Failure> {
        Ok(match domain {
            Domain::All(parts) => Test::All(
                parts
                    .iter()
                    .map(|part| self.check(table, part))
                    .collect::<Result<_, _>>()?,
            ),
            Domain::Any(parts) => Test::Any(
                parts
                    .iter()
                    .map(|part| self.check(table, part))
                    .collect::<Result<_, _>>()?,
            ),
            Domain::Not(part) => Test::Not(Box::new(self.check(table, part)?)),
            Domain::Clause(clause) => self.clause(table, clause)?,
        })
    }

    fn clause(&self, table: &Arc<Table>, clause: &Clause) -> Result<Test, Failure> {
        if let Some(positive) = clause.operator.positive() {
            let clause = Clause {
                operator: positive,
                ..clause.clone()
            };
            return Ok(Test::Not(Box::new(self.clause(table, &clause)?)));
        }
        let (path, field) = self.path(table, &clause.path, |model, field| Failure::UnknownField {
            model: model.to_owned(),
            field: field.to_owned(),
            clause: clause.path.join("."),
        })?;
        let inner = match (&clause.inner, &path.target) {
            (Some(domain), Some((target, _, _))) => Some(Box::new(self.check(target, domain)?)),
            _ => None,
        };
        let wanted = match (&clause.value, clause.operator) {
            _ if inner.is_some() => Vec::new(),
            (Value::Array(values), _) => values
                .iter()
                .map(|value| D::literal(&field, value))
                .collect::<Result<_, _>>()?,
            (value, Operator::Like { .. }) => vec![Val::Text(text_of(value))],
            (value, _) => vec![D::literal(&field, value)?],
        };
        Ok(Test::Clause(Condition {
            path,
            operator: clause.operator,
            wanted,
            inner,
        }))
    }

    fn sort_key(&self, table: &Arc<Table>, key: &SortKey) -> Result<Key, Failure> {
        let (path, _) = self.path(table, &key.path, |model, field| Failure::UnknownOrder {
            model: model.to_owned(),
            field: field.to_owned(),
        })?;
        Ok(Key {
            path,
            descending: key.descending,
        })
    }

    fn path(
        &self,
        table: &Arc<Table>,
        names: &[String],
        unknown: impl Fn(&str, &str) -> Failure,
    ) -> Result<(Path, Field), Failure> {
        let mut hops = Vec::new();
        let mut table = Arc::clone(table);
        for (step, name) in names.iter().enumerate() {
            let place = table.place(name).ok_or_else(|| unknown(table.model, name))?;
            let Some(field) = table.fields.get(place).cloned() else {
                return Err(unknown(table.model, name));
            };
            let target = field.relation.and_then(|model| self.database.table(model));
            if step + 1 == names.len() {
                if !field.stored {
                    return Err(Failure::NotStored {
                        model: table.model.to_owned(),
                        field: name.clone(),
                    });
                }
                let target = target.map(|target| {
                    let name = target.place(D::NAME_FIELD).unwrap_or(0);
                    let parent = target.place(D::parent_field(target.model));
                    (target, name, parent)
                });
                // `id child_of` and `parent_of` walk up the table itself.
                let target = target.or_else(|| {
                    (name == "id").then(|| {
                        let parent = table.place(D::parent_field(table.model));
                        (Arc::clone(&table), table.place(D::NAME_FIELD).unwrap_or(0), parent)
                    })
                });
                return Ok((
                    Path {
                        hops,
                        last: place,
                        target,
                    },
                    field,
                ));
            }
            let Some(next) = target else {
                return Err(unknown(table.model, names.get(step + 1).map_or("", String::as_str)));
            };
            hops.push((place, Arc::clone(&next)));
            table = next;
        }
        Err(unknown(table.model, ""))
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Path {
    /// Returns the values at the end of the path; more than one through lists.
    fn values(&self, row: &[Val]) -> Vec<Val> {
        let mut rows: Vec<&[Val]> = vec![row];
        for (place, next) in &self.hops {
            rows = rows
                .iter()
                .flat_map(|row| match row.get(*place) {
                    Some(Val::One(id)) => vec![*id],
                    Some(Val::Many(ids)) => ids.clone(),
                    _ => Vec::new(),
                })
                .filter_map(|id| next.row(id))
                .collect();
        }
        let mut values: Vec<Val> = Vec::new();
        for row in rows {
            match row.get(self.last) {
                Some(Val::Many(ids)) if ids.is_empty() => values.push(Val::Null),
                Some(Val::Many(ids)) => values.extend(ids.iter().map(|id| Val::One(*id))),
                Some(value) => values.push(value.clone()),
                None => {}
            }
        }
        if values.is_empty() {
            values.push(Val::Null);
        }
        values
    }

    fn name_of(&self, value: &Val) -> Val {
        match (value, &self.target) {
            (Val::One(id), Some((table, name, _))) => table
                .row(*id)
                .and_then(|row| row.get(*name))
                .cloned()
                .unwrap_or(Val::Null),
            (Val::Reference(model, id), _) => Val::Text(format!("{model},{id}")),
            (Val::Int(number), _) => Val::Text(number.to_string()),
            (Val::Number(number), _) => Val::Text(number.to_string()),
            (value, _) => value.clone(),
        }
    }

    /// Returns the id with the ids of all its parents.
    fn line_up(&self, id: u32) -> Vec<u32> {
        let mut line = vec![id];
        let Some((table, _, Some(parent))) = &self.target else {
            return line;
        };
        let mut current = id;
        while let Some(Val::One(above)) = table.row(current).and_then(|row| row.get(*parent)) {
            if line.contains(above) {
                break;
            }
            line.push(*above);
            current = *above;
        }
        line
    }
}

impl Test {
    fn holds(&self, row: &[Val]) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(row)),
            Self::Not(part) => !part.holds(row),
            Self::Clause(condition) => condition.path.values(row).iter().any(|value| condition.fits(value)),
        }
    }
}

impl Condition {
    fn fits(&self, value: &Val) -> bool {
        let first = self.wanted.first().unwrap_or(&Val::Null);
        match self.operator {
            Operator::Equal | Operator::In => self.wanted.iter().any(|wanted| self.equals(value, wanted)),
            Operator::Less => compare(value, first) == Some(Ordering::Less),
            Operator::LessOrEqual => compare(value, first).is_some_and(Ordering::is_le),
            Operator::Greater => compare(value, first) == Some(Ordering::Greater),
            Operator::GreaterOrEqual => compare(value, first).is_some_and(Ordering::is_ge),
            Operator::Like { fold, .. } => match (self.path.name_of(value), first) {
                (Val::Text(text), Val::Text(pattern)) => like(&text, pattern, fold),
                _ => false,
            },
            Operator::ChildOf => {
                id_in(value).is_some_and(|id| self.path.line_up(id).iter().any(|above| self.wants_id(*above)))
            }
            Operator::ParentOf => id_in(value).is_some_and(|id| {
                self.wanted
                    .iter()
                    .filter_map(id_in)
                    .any(|wanted| self.path.line_up(wanted).contains(&id))
            }),
            Operator::Matches { .. } => match (&self.inner, value, &self.path.target) {
                (Some(test), Val::One(id), Some((table, _, _))) => table.row(*id).is_some_and(|row| test.holds(row)),
                _ => false,
            },
            Operator::NotEqual | Operator::NotIn => false,
        }
    }

    fn equals(&self, value: &Val, wanted: &Val) -> bool {
        match (value, wanted) {
            (Val::Null, Val::Null) => true,
            (Val::Null, Val::Bool(false)) | (Val::Bool(false), Val::Null) => true,
            (Val::One(_), Val::Text(_)) => self.path.name_of(value) == *wanted,
            (value, wanted) => compare(value, wanted) == Some(Ordering::Equal),
        }
    }

    fn wants_id(&self, id: u32) -> bool {
        self.wanted.iter().filter_map(id_in).any(|wanted| wanted == id)
    }
}

fn id_in(value: &Val) -> Option<u32> {
    match value {
        Val::One(id) => Some(*id),
        Val::Int(id) => u32::try_from(*id).ok(),
        Val::Number(id) => u32::try_from(*id).ok(),
        _ => None,
    }
}

impl Field {
    /// Says whether a literal for the field is a number.
    pub(crate) fn is_numeric(&self) -> bool {
        matches!(self.kind, Kind::Integer | Kind::Float | Kind::Money)
    }
}
