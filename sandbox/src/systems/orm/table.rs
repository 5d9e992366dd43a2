//! A model's fields and rows, and the builder that fills them from records of the world.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::world::{Custom, CustomFields};
use crate::written::Written;

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Val {
    Null,
    Bool(bool),
    Int(i64),
    Number(Decimal),
    Text(String),
    Date(NaiveDate),
    Moment(DateTime<Utc>),
    /// Seconds.
    Span(i64),
    One(u32),
    Many(Vec<u32>),
    Reference(&'static str, u32),
}

impl Val {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn flag(&self) -> bool {
        *self == Self::Bool(true)
    }

    pub(crate) fn number(&self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Int(number) => Some(Decimal::from(*number)),
            _ => None,
        }
    }

    /// Returns the day of a date or an instant.
    pub(crate) fn day(&self) -> Option<NaiveDate> {
        match self {
            Self::Date(day) => Some(*day),
            Self::Moment(at) => Some(at.date_naive()),
            _ => None,
        }
    }

    pub(crate) fn moment(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Moment(at) => Some(*at),
            _ => None,
        }
    }

    pub(crate) fn id(&self) -> Option<u32> {
        match self {
            Self::One(id) | Self::Reference(_, id) => Some(*id),
            _ => None,
        }
    }

    pub(crate) fn ids(&self) -> &[u32] {
        match self {
            Self::Many(ids) => ids,
            _ => &[],
        }
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $make:expr;)*) => {
        $(impl From<$type> for Val { fn from($value: $type) -> Self { $make } })*
    };
}

from! {
    bool => |value| Self::Bool(value);
    i64 => |value| Self::Int(value);
    u32 => |value| Self::Int(i64::from(value));
    Decimal => |value| Self::Number(value);
    String => |value| if value.is_empty() { Self::Null } else { Self::Text(value) };
    &str => |value| if value.is_empty() { Self::Null } else { Self::Text(value.to_owned()) };
    &String => |value| Self::from(value.as_str());
    NaiveDate => |value| Self::Date(value);
    DateTime<Utc> => |value| Self::Moment(value);
    Vec<u32> => |value| Self::Many(value);
}

impl<T: Into<Val>> From<Option<T>> for Val {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Float,
    Money,
    Char,
    Text,
    Html,
    Boolean,
    Date,
    Moment,
    Span,
    Selection,
    One,
    Children,
    Many,
    Reference,
}

impl Kind {
    pub(crate) fn is_many(self) -> bool {
        matches!(self, Self::Children | Self::Many)
    }

    pub(crate) fn is_link(self) -> bool {
        self == Self::One || self.is_many()
    }
}

/// A field of a model.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) kind: Kind,
    pub(crate) relation: Option<&'static str>,
    pub(crate) selection: Vec<(String, String)>,
    pub(crate) required: bool,
    /// False for a value computed on reading, which can be neither searched nor sorted.
    pub(crate) stored: bool,
    /// Set by the system alone.
    pub(crate) read_only: bool,
    pub(crate) custom: bool,
}

/// A model with its rows in order of id.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) model: &'static str,
    pub(crate) label: &'static str,
    /// Like `name` or `date_order desc, id desc`.
    pub(crate) order: &'static str,
    pub(crate) fields: Vec<Field>,
    places: HashMap<String, usize>,
    pub(crate) rows: Vec<Vec<Val>>,
    by_id: HashMap<u32, usize>,
}

impl Table {
    pub(crate) fn place(&self, field: &str) -> Option<usize> {
        self.places.get(field).copied()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(self.place(name)?)
    }

    pub(crate) fn row(&self, id: u32) -> Option<&[Val]> {
        self.rows.get(*self.by_id.get(&id)?).map(Vec::as_slice)
    }

    pub(crate) fn id_of(row: &[Val]) -> u32 {
        match row.first() {
            Some(Val::Int(id)) => u32::try_from(*id).unwrap_or(0),
            _ => 0,
        }
    }

    /// Returns the value of a field of a row.
    pub(crate) fn value<'a>(&self, row: &'a [Val], field: &str) -> &'a Val {
        self.place(field).and_then(|place| row.get(place)).unwrap_or(&Val::Null)
    }

    /// Returns a field's value as text, for names of linked records.
    pub(crate) fn text(&self, id: u32, field: &str) -> Option<String> {
        match self.value(self.row(id)?, field) {
            Val::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl Table {
    /// Marks fields as set by the system alone.
    pub(crate) fn read_only(mut self, names: &[&str]) -> Self {
        for field in &mut self.fields {
            field.read_only |= !field.stored || names.contains(&field.name.as_str());
        }
        self
    }

    /// Lays what clients wrote over the rows, and adds the rows that the plant has no place for.
    pub(crate) fn lay_over(&mut self, written: &Written, beside: impl IntoIterator<Item = u32>, dialect: Laid) {
        for id in beside {
            if !self.by_id.contains_key(&id) {
                let mut row = vec![Val::Null; self.fields.len()];
                row[0] = Val::from(id);
                self.by_id.insert(id, self.rows.len());
                self.rows.push(row);
            }
        }
        let (created, changed) = (self.place("create_date"), self.place("write_date"));
        for row in &mut self.rows {
            let Some(written) = written.row(self.model, &Self::id_of(row).to_string()) else {
                continue;
            };
            for (name, value) in &written.fields {
                let Some(place) = self.places.get(name.as_str()).copied() else {
                    continue;
                };
                if *value == derived() {
                    continue;
                }
                if let Some(value) = (dialect.read)(&self.fields[place], value) {
                    row[place] = value;
                }
            }
            if let (Some(place), Some(at)) = (created, written.created_at) {
                row[place] = Val::Moment(at);
            }
            let is_untouched = written.created_at.is_some() && written.revision == 1;
            if let Some(place) = changed {
                if is_untouched && dialect.unchanged_is_null {
                    row[place] = Val::Null;
                } else if row[place].moment().is_none_or(|at| at < written.changed_at) {
                    row[place] = Val::Moment(written.changed_at);
                }
            }
        }
    }
}

/// What a dialect says of written values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Laid {
    /// Reads a value that was kept as the client wrote it.
    pub(crate) read: fn(&Field, &Value) -> Option<Val>,
    /// A row that was never changed has no date of its last change.
    pub(crate) unchanged_is_null: bool,
}

/// Returns what stands in place of a kept value once it follows from the plant again.
pub(crate) fn derived() -> Value {
    Value::Object(Map::new())
}

type Getter<'a, R> = Box<dyn Fn(&R) -> Val + 'a>;

/// Collects fields with the way to get their value from a record, then makes the table.
pub(crate) struct Builder<'a, R> {
    model: &'static str,
    label: &'static str,
    order: &'static str,
    fields: Vec<Field>,
    getters: Vec<Getter<'a, R>>,
}

macro_rules! plain_fields {
    ($($name:ident $kind:ident;)*) => {
        $(pub(crate) fn $name<V: Into<Val>>(self, name: &str, label: &str, get: impl Fn(&R) -> V + 'a) -> Self {
            self.push(name, label, Kind::$kind, None, move |record| get(record).into())
        })*
    };
}

impl<'a, R> Builder<'a, R> {
    pub(crate) fn new(model: &'static str, label: &'static str, order: &'static str) -> Self {
        Self {
            model,
            label,
            order,
            fields: Vec::new(),
            getters: Vec::new(),
        }
    }

    plain_fields! {
        int Integer;
        float Float;
        money Money;
        char Char;
        text Text;
        html Html;
        bool Boolean;
        date Date;
        moment Moment;
    }

    pub(crate) fn span(self, name: &str, label: &str, seconds: impl Fn(&R) -> Option<i64> + 'a) -> Self {
        self.push(name, label, Kind::Span, None, move |record| {
            seconds(record).map_or(Val::Null, Val::Span)
        })
    }

    pub(crate) fn select<V: Into<Val>>(
        mut self,
        name: &str,
        label: &str,
        options: &[(&str, &str)],
        get: impl Fn(&R) -> V + 'a,
    ) -> Self {
        self = self.push(name, label, Kind::Selection, None, move |record| get(record).into());
        if let Some(field) = self.fields.last_mut() {
            field.selection = options
                .iter()
                .map(|(key, label)| ((*key).to_owned(), (*label).to_owned()))
                .collect();
        }
        self
    }

    pub(crate) fn one<V: Into<Option<u32>>>(
        self,
        name: &str,
        label: &str,
        relation: &'static str,
        get: impl Fn(&R) -> V + 'a,
    ) -> Self {
        self.push(name, label, Kind::One, Some(relation), move |record| {
            get(record).into().map_or(Val::Null, Val::One)
        })
    }

    pub(crate) fn children(
        self,
        name: &str,
        label: &str,
        relation: &'static str,
        get: impl Fn(&R) -> Vec<u32> + 'a,
    ) -> Self {
        self.push(name, label, Kind::Children, Some(relation), move |record| {
            Val::Many(get(record))
        })
    }

    pub(crate) fn many(
        self,
        name: &str,
        label: &str,
        relation: &'static str,
        get: impl Fn(&R) -> Vec<u32> + 'a,
    ) -> Self {
        self.push(name, label, Kind::Many, Some(relation), move |record| {
            Val::Many(get(record))
        })
    }

    pub(crate) fn reference(
        self,
        name: &str,
        label: &str,
        get: impl Fn(&R) -> Option<(&'static str, u32)> + 'a,
    ) -> Self {
        self.push(name, label, Kind::Reference, None, move |record| {
            get(record).map_or(Val::Null, |(model, id)| Val::Reference(model, id))
        })
    }

    /// Marks the last field as one a record must have.
    pub(crate) fn required(mut self) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.required = true;
        }
        self
    }

    /// Marks the last field as computed on reading.
    pub(crate) fn computed(mut self) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.stored = false;
        }
        self
    }

    /// Marks the last field as the customer's own.
    pub(crate) fn own(mut self) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.custom = true;
        }
        self
    }

    /// Adds the customer's own fields under a prefix; the sample tells their types.
    pub(crate) fn custom(
        mut self,
        prefix: &str,
        sample: Option<&CustomFields>,
        get: impl Fn(&R) -> Option<CustomFields> + Clone + 'a,
    ) -> Self {
        for (key, value) in sample.into_iter().flatten() {
            let (kind, selection) = kind_of(value);
            let (key, get) = (*key, get.clone());
            self = self.push(&format!("{prefix}{key}"), &title(key), kind, None, move |record| {
                let fields = get(record).unwrap_or_default();
                fields
                    .into_iter()
                    .find(|(name, _)| *name == key)
                    .map_or(Val::Null, |(_, value)| custom_value(value))
            });
            if let Some(field) = self.fields.last_mut() {
                field.selection = selection;
            }
            self = self.own();
        }
        self
    }

    fn push(
        mut self,
        name: &str,
        label: &str,
        kind: Kind,
        relation: Option<&'static str>,
        get: impl Fn(&R) -> Val + 'a,
    ) -> Self {
        self.fields.push(Field {
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            relation,
            selection: Vec::new(),
            required: false,
            stored: true,
            read_only: false,
            custom: false,
        });
        self.getters.push(Box::new(get));
        self
    }

    /// Makes the table from the records.
    pub(crate) fn build(self, records: impl IntoIterator<Item = R>, id: impl Fn(&R) -> u32) -> Table {
        let mut fields = vec![id_field()];
        fields.extend(self.fields);
        let mut rows: Vec<Vec<Val>> = records
            .into_iter()
            .map(|record| {
                let mut row = Vec::with_capacity(fields.len());
                row.push(Val::from(id(&record)));
                row.extend(self.getters.iter().map(|get| get(&record)));
                row
            })
            .collect();
        rows.sort_by_key(|row| Table::id_of(row));
        Table {
            model: self.model,
            label: self.label,
            order: self.order,
            places: fields
                .iter()
                .enumerate()
                .map(|(place, field)| (field.name.clone(), place))
                .collect(),
            by_id: rows
                .iter()
                .enumerate()
                .map(|(place, row)| (Table::id_of(row), place))
                .collect(),
            fields,
            rows,
        }
    }
}

fn id_field() -> Field {
    Field {
        name: "id".to_owned(),
        label: "ID".to_owned(),
        kind: Kind::Integer,
        relation: None,
        selection: Vec::new(),
        required: false,
        stored: true,
        read_only: true,
        custom: false,
    }
}

fn kind_of(value: &Custom) -> (Kind, Vec<(String, String)>) {
    match value {
        Custom::Text(_) => (Kind::Char, Vec::new()),
        Custom::Number(_) => (Kind::Float, Vec::new()),
        Custom::Flag(_) => (Kind::Boolean, Vec::new()),
        Custom::Date(_) => (Kind::Date, Vec::new()),
        Custom::Choice { options, .. } => (
            Kind::Selection,
            options
                .iter()
                .map(|option| ((*option).to_owned(), (*option).to_owned()))
                .collect(),
        ),
    }
}

fn custom_value(value: Custom) -> Val {
    match value {
        Custom::Text(text) => Val::from(text),
        Custom::Number(number) => Val::Number(number),
        Custom::Flag(flag) => Val::Bool(flag),
        Custom::Date(date) => Val::Date(date),
        Custom::Choice { value, .. } => Val::from(value),
    }
}

/// Turns `cost_center` into `Cost center`.
fn title(key: &str) -> String {
    let mut letters = key.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}", letters.as_str().replace('_', " "))
}
