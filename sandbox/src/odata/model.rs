//! The entity model of a service: sets, properties, keys and navigations, read from a compact text.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use indexmap::IndexMap;
use rust_decimal::Decimal;

use super::data::{Row, value};
use super::value::Value;

/// All entity sets of a service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// The entity sets by name, in document order.
    pub(crate) sets: IndexMap<String, Entity>,
    /// The members of each enumeration.
    pub(crate) enumerations: IndexMap<String, Vec<String>>,
}

/// One entity set and its type.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    /// The name of the set.
    pub(crate) set: String,
    /// The name of the type, without its namespace.
    pub(crate) type_name: String,
    /// The key properties, in order.
    pub(crate) key: Vec<String>,
    /// The properties by name, in document order.
    pub(crate) properties: IndexMap<String, Property>,
    /// The navigation properties by name.
    pub(crate) navigations: IndexMap<String, Navigation>,
    /// What clients may not do to rows at their own address.
    pub(crate) refuses: Refuses,
}

/// What clients may not do to the rows of a set at their own address.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Refuses {
    /// Rows are not made in the set itself; perhaps below another row.
    pub(crate) create: bool,
    /// Rows are not changed.
    pub(crate) update: bool,
    /// Rows are not deleted.
    pub(crate) delete: bool,
}

/// When clients may give a property a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Access {
    /// Always.
    #[default]
    Free,
    /// Only when the row is made.
    Fixed,
    /// Never.
    ReadOnly,
}

/// One property of an entity.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    /// What values it holds.
    pub(crate) kind: Kind,
    /// What a row shows that has no value of its own.
    pub(crate) default: Value,
    /// How many digits a number has at most, and how many of them after the point.
    pub(crate) digits: Option<(u32, u32)>,
    /// When clients may give a value.
    pub(crate) access: Access,
}

/// A link from one entity set to another.
#[derive(Debug, Clone)]
pub(crate) struct Navigation {
    /// The set it leads to.
    pub(crate) target: String,
    /// Whether it leads to many rows.
    pub(crate) many: bool,
    /// Pairs of own property and target property that must be equal.
    pub(crate) on: Vec<(String, String)>,
}

/// What values a property holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text, cut to a length; `padded` text of digits only is filled up with leading zeros.
    Text {
        length: Option<usize>,
        padded: bool,
        nullable: bool,
    },
    /// True or false.
    Flag,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A decimal number.
    Decimal,
    /// A binary floating point number.
    Double,
    /// A date and time without zone (version 2).
    DateTime,
    /// A point in time.
    Instant,
    /// A date that is shown as noon in UTC; the year 1900 stands for none.
    Noon,
    /// A point in time where the start of the year 1900 stands for none.
    Moment,
    /// A date (version 4).
    Date,
    /// A time of day (version 2).
    Time,
    /// A time of day (version 4).
    TimeOfDay,
    /// A GUID.
    Guid,
    /// A member of an enumeration.
    Enumeration(String),
}

impl Model {
    /// Reads a model from its text; lines that make no sense are left out.
    pub(crate) fn parse(text: &str) -> Self {
        let mut model = Self::default();
        let mut current: Option<Entity> = None;
        let mut marks: HashMap<&str, Access> = HashMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [] | ["#", ..] => {}
                ["set", set, "type", type_name, "key", key] => {
                    model.add(current.take());
                    current = Some(Entity {
                        set: (*set).to_owned(),
                        type_name: (*type_name).to_owned(),
                        key: key.split(',').map(str::to_owned).collect(),
                        properties: IndexMap::new(),
                        navigations: IndexMap::new(),
                        refuses: Refuses::default(),
                    });
                    marks.clear();
                }
                ["deny", verbs @ ..] => {
                    if let Some(entity) = &mut current {
                        entity.refuses.create |= verbs.contains(&"create");
                        entity.refuses.update |= verbs.contains(&"update");
                        entity.refuses.delete |= verbs.contains(&"delete");
                    }
                }
                ["readonly", names @ ..] => marks.extend(names.iter().map(|name| (*name, Access::ReadOnly))),
                ["fixed", names @ ..] => marks.extend(names.iter().map(|name| (*name, Access::Fixed))),
                ["enum", name, members] => {
                    let members = members.split(',').map(str::to_owned).collect();
                    model.enumerations.insert((*name).to_owned(), members);
                }
                ["nav", name, many, target, on] => {
                    if let Some(entity) = &mut current {
                        let on = on
                            .split(',')
                            .filter_map(|pair| pair.split_once('='))
                            .map(|(own, other)| (own.to_owned(), other.to_owned()))
                            .collect();
                        let target = (*target).to_owned();
                        let link = Navigation {
                            target,
                            many: *many == "many",
                            on,
                        };
                        entity.navigations.insert((*name).to_owned(), link);
                    }
                }
                properties => {
                    if let Some(entity) = &mut current {
                        let properties = properties.iter().filter_map(|word| word.split_once(':'));
                        for (name, kind) in properties {
                            let access = marks.get(name).copied().unwrap_or_default();
                            entity.add(name, kind, access);
                        }
                    }
                }
            }
        }
        model.add(current);
        model.fill_defaults();
        model
    }

    /// Adds a property that this customer's installation has on a set.
    pub(crate) fn extend(&mut self, set: &str, name: &str, kind: Kind) {
        if let Some(entity) = self.sets.get_mut(set)
            && !entity.properties.contains_key(name)
        {
            entity.insert(name, kind, None, Access::Free);
            self.fill_defaults();
        }
    }

    /// Adds a set. The enumerations of its properties are there already.
    pub(crate) fn insert(&mut self, entity: Entity) {
        self.add(Some(entity));
        self.fill_defaults();
    }

    fn add(&mut self, entity: Option<Entity>) {
        if let Some(entity) = entity {
            self.sets.insert(entity.set.clone(), entity);
        }
    }

    /// The value of an unset enumeration property is the first member of its enumeration.
    fn fill_defaults(&mut self) {
        let first: HashMap<&String, &String> = self
            .enumerations
            .iter()
            .filter_map(|(name, members)| Some((name, members.first()?)))
            .collect();
        for property in self.sets.values_mut().flat_map(|set| set.properties.values_mut()) {
            if let Kind::Enumeration(name) = &property.kind
                && let Some(member) = first.get(name)
            {
                property.default = Value::Text((*member).clone());
            }
        }
    }
}

impl Entity {
    /// Adds a property from its word in the text; `Dec13.3` has 13 digits, three of them after the point.
    fn add(&mut self, name: &str, kind: &str, access: Access) {
        let digits = kind.strip_prefix("Dec").and_then(|digits| digits.split_once('.'));
        let digits = digits.and_then(|(all, after)| Some((all.parse().ok()?, after.parse().ok()?)));
        let kind = if digits.is_some() { "Dec" } else { kind };
        self.insert(name, Kind::parse(kind), digits, access);
    }

    /// Adds a property.
    pub(crate) fn insert(&mut self, name: &str, kind: Kind, digits: Option<(u32, u32)>, access: Access) {
        let property = Property {
            default: kind.default(),
            kind,
            digits,
            access,
        };
        self.properties.insert(name.to_owned(), property);
    }

    /// Writes the key of a row as one text, by which written values are kept.
    pub(crate) fn row_key(&self, row: &Row) -> String {
        let parts = self.key.iter().map(|name| value(self, row, name).index_key(false));
        parts.collect::<Vec<_>>().join("/")
    }
}

impl Kind {
    fn parse(text: &str) -> Self {
        let plain = |nullable| Self::Text {
            length: None,
            padded: false,
            nullable,
        };
        match text {
            "Bool" => Self::Flag,
            "Int" => Self::Integer,
            "Long" => Self::Long,
            "Dec" => Self::Decimal,
            "Double" => Self::Double,
            "DateTime" => Self::DateTime,
            "Instant" => Self::Instant,
            "Noon" => Self::Noon,
            "Moment" => Self::Moment,
            "Date" => Self::Date,
            "Time" => Self::Time,
            "TimeOfDay" => Self::TimeOfDay,
            "Guid" => Self::Guid,
            "S?" => plain(true),
            other => match other.split_at_checked(1) {
                Some(("E", name)) => Self::Enumeration(name.trim_start_matches('/').to_owned()),
                Some((first, length)) => {
                    let length = length.parse().ok();
                    Self::Text {
                        length,
                        padded: first == "A",
                        nullable: false,
                    }
                }
                None => plain(false),
            },
        }
    }

    /// Returns what an unset property of this kind shows.
    fn default(&self) -> Value {
        match self {
            Self::Text { nullable: true, .. } => Value::Null,
            Self::Text { .. } | Self::Enumeration(_) => Value::Text(String::new()),
            Self::Flag => Value::Flag(false),
            Self::Integer | Self::Long | Self::Decimal | Self::Double => Value::Number(Decimal::ZERO),
            Self::DateTime | Self::Instant | Self::Date => Value::Null,
            Self::Noon => Value::Instant(start_of_1900(12)),
            Self::Moment => Value::Instant(start_of_1900(0)),
            Self::Time | Self::TimeOfDay => Value::Time(NaiveTime::MIN),
            Self::Guid => Value::Text("00000000-0000-0000-0000-000000000000".to_owned()),
        }
    }

    /// Returns the name of the type in `$metadata`.
    pub(crate) fn edm(&self) -> &str {
        match self {
            Self::Text { .. } => "Edm.String",
            Self::Flag => "Edm.Boolean",
            Self::Integer => "Edm.Int32",
            Self::Long => "Edm.Int64",
            Self::Decimal => "Edm.Decimal",
            Self::Double => "Edm.Double",
            Self::DateTime => "Edm.DateTime",
            Self::Instant | Self::Noon | Self::Moment => "Edm.DateTimeOffset",
            Self::Date => "Edm.Date",
            Self::Time => "Edm.Time",
            Self::TimeOfDay => "Edm.TimeOfDay",
            Self::Guid => "Edm.Guid",
            Self::Enumeration(name) => name,
        }
    }

    /// Brings a value to the form that a property of this kind stores.
    pub(crate) fn store(&self, value: Value) -> Value {
        match (self, value) {
            (Self::Text { length, padded, .. }, Value::Text(text)) => {
                let text = if *padded { pad(&text, *length) } else { text };
                Value::Text(length.map_or(text.clone(), |length| text.chars().take(length).collect()))
            }
            (Self::Noon, Value::Date(date)) => Value::Instant(at(date, 12)),
            (Self::Noon, Value::Instant(instant)) => Value::Instant(at(instant.date_naive(), 12)),
            (Self::DateTime, Value::Date(date)) => Value::DateTime(date.and_time(NaiveTime::MIN)),
            (Self::DateTime, Value::Instant(instant)) => Value::DateTime(instant.date_naive().and_time(NaiveTime::MIN)),
            (Self::Date, Value::Instant(instant)) => Value::Date(instant.date_naive()),
            (Self::Time | Self::TimeOfDay, Value::Instant(instant)) => Value::Time(instant.time()),
            (Self::Instant | Self::Moment, Value::Date(date)) => Value::Instant(at(date, 0)),
            (_, value) => value,
        }
    }
}

/// Fills a number up with leading zeros as the ALPHA conversion does; anything else stays.
fn pad(text: &str, length: Option<usize>) -> String {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match length {
        Some(length) if is_number => format!("{text:0>length$}"),
        _ => text.to_owned(),
    }
}

fn at(date: NaiveDate, hour: u32) -> DateTime<Utc> {
    date.and_hms_opt(hour, 0, 0)
        .map_or(DateTime::UNIX_EPOCH, |moment| moment.and_utc())
}

fn start_of_1900(hour: u32) -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(1900, 1, 1).map_or(DateTime::UNIX_EPOCH, |date| at(date, hour))
}
