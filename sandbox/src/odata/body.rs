//! Reads the body of a write against the entity it is about: names exist, may be written, and every value has the type,
//! the length and the digits of its property.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::{
    Flavour, Service,
    lexer::{date_time, duration, instant},
    model::{Access, Entity, Kind, Property},
    problem::Problem,
    value::Value,
};

/// What a client wants a row to be: its own values, and the rows below it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    /// The values by property, in the order of the body.
    pub(crate) values: Vec<(String, Value)>,
    /// The rows below, by navigation.
    pub(crate) children: Vec<(String, Vec<Draft>)>,
}

/// What a body is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A row is made.
    Create,
    /// A row is changed.
    Change,
}

impl Draft {
    /// Returns a value that was given.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.values
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value)
    }

    /// Returns a text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Returns a number.
    pub(crate) fn number(&self, name: &str) -> Option<Decimal> {
        match self.get(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns a date, also out of a point in time.
    pub(crate) fn date(&self, name: &str) -> Option<NaiveDate> {
        self.get(name).and_then(as_date)
    }

    /// Takes a value out, so that it is not kept elsewhere.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let place = self.values.iter().position(|(given, _)| given == name)?;
        Some(self.values.remove(place).1)
    }

    /// Sets a value, whether it was given or not.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.take(name);
        self.values.push((name.to_owned(), value.into()));
    }

    /// Takes the rows below a navigation out.
    pub(crate) fn take_children(&mut self, navigation: &str) -> Vec<Self> {
        let place = self.children.iter().position(|(name, _)| name == navigation);
        place.map_or_else(Vec::new, |place| self.children.remove(place).1)
    }

    /// Returns the rows below a navigation.
    pub(crate) fn below(&self, navigation: &str) -> &[Self] {
        let found = self.children.iter().find(|(name, _)| name == navigation);
        found.map_or(&[], |(_, rows)| rows.as_slice())
    }
}

/// Returns the date of a value.
pub(crate) fn as_date(value: &Value) -> Option<NaiveDate> {
    match value {
        Value::Date(date) => Some(*date),
        Value::DateTime(moment) => Some(moment.date()),
        Value::Instant(instant) => Some(instant.date_naive()),
        _ => None,
    }
}

/// Reads a body.
pub(crate) fn read(
    service: &Service,
    entity: &Entity,
    body: &[u8],
    purpose: Purpose,
    decimals_as_text: bool,
) -> Result<Draft, Problem> {
    let json: Json = serde_json::from_slice(body)
        .map_err(|error| Problem::body_wrong(format!("The request body is not valid JSON: {error}")))?;
    let reader = Reader {
        service,
        purpose,
        decimals_as_text,
    };
    reader.object(entity, inner(&json))
}

/// Version 2 lets clients send back what they read, which is wrapped.
fn inner(json: &Json) -> &Json {
    json.get("d").filter(|inner| inner.is_object()).unwrap_or(json)
}

struct Reader<'a> {
    service: &'a Service,
    purpose: Purpose,
    decimals_as_text: bool,
}

impl Reader<'_> {
    fn object(&self, entity: &Entity, json: &Json) -> Result<Draft, Problem> {
        let Json::Object(members) = json else {
            return Err(Problem::body_wrong("The request body must be a JSON object."));
        };
        let mut draft = Draft::default();
        for (name, json) in members {
            if matches!(self.service.flavour, Flavour::Standard(_))
                && let Some(navigation) = name.strip_suffix("@odata.bind")
            {
                draft.values.push(self.bound(entity, navigation, json)?);
                continue;
            }
            if name == "__metadata" || name.contains('@') || name == "SAP__Messages" {
                continue;
            }
            if let Some(link) = entity.navigations.get(name) {
                let target = self.service.data.model.sets.get(&link.target);
                let target = target.ok_or_else(|| self.unknown(entity, name))?;
                if let Some(rows) = self.children(target, name, json)? {
                    draft.children.push((name.clone(), rows));
                }
                continue;
            }
            let property = entity.properties.get(name).ok_or_else(|| self.unknown(entity, name))?;
            self.permit(entity, name, property)?;
            draft.values.push((name.clone(), self.value(name, property, json)?));
        }
        Ok(draft)
    }

    /// Reads the address of the row that a navigation is to lead to; null for none.
    fn bound(&self, entity: &Entity, navigation: &str, json: &Json) -> Result<(String, Value), Problem> {
        let link = entity.navigations.get(navigation).filter(|link| !link.many);
        let link = link.ok_or_else(|| self.unknown(entity, navigation))?;
        let wrong = || self.invalid(navigation, json);
        let [(own, key)] = link.on.as_slice() else {
            return Err(wrong());
        };
        let property = entity.properties.get(own).ok_or_else(wrong)?;
        let Some(address) = json.as_str() else {
            return match json.is_null() {
                true => Ok((own.clone(), Value::Null)),
                false => Err(wrong()),
            };
        };
        let row = address.trim_end_matches(')').rsplit_once('(').ok_or_else(wrong)?;
        let set = row.0.rsplit('/').next().unwrap_or_default();
        let named = row
            .1
            .strip_prefix(&format!("{key}="))
            .unwrap_or(row.1)
            .trim_matches('\'');
        let number = || {
            serde_json::from_str(named)
                .ok()
                .and_then(|number| self.typed(&property.kind, &number))
        };
        let value = self
            .typed(&property.kind, &Json::String(named.to_owned()))
            .or_else(number);
        let value = value.filter(|_| set == link.target).ok_or_else(wrong)?;
        Ok((own.clone(), property.kind.store(value)))
    }

    fn children(&self, target: &Entity, name: &str, json: &Json) -> Result<Option<Vec<Draft>>, Problem> {
        if json.get("__deferred").is_some() {
            return Ok(None);
        }
        let takes_children = match self.service.flavour {
            Flavour::Dynamics => false,
            Flavour::Standard(standard) => standard.takes_children,
            _ => self.purpose == Purpose::Create,
        };
        if !takes_children {
            let message = match self.service.flavour {
                Flavour::Dynamics => format!("Deep insert is not supported: navigation property '{name}'."),
                _ => format!("Deep update is not supported: navigation property '{name}'"),
            };
            return Err(Problem::body_wrong(message).at(name));
        }
        let list = json.get("results").unwrap_or(json);
        let rows = match list {
            Json::Array(rows) => rows
                .iter()
                .map(|row| self.object(target, row))
                .collect::<Result<_, _>>()?,
            Json::Null => Vec::new(),
            one => vec![self.object(target, one)?],
        };
        Ok(Some(rows))
    }

    fn unknown(&self, entity: &Entity, name: &str) -> Problem {
        let type_name = format!("{}.{}", self.service.namespace, entity.type_name);
        let message = match self.service.flavour {
            Flavour::Dynamics => format!(
                "The property '{name}' does not exist on type '{type_name}'. Make sure to only use property names that \
                 are defined by the type."
            ),
            _ => format!("Property '{name}' is invalid for the type '{type_name}'"),
        };
        Problem::body_wrong(message).at(name)
    }

    fn permit(&self, entity: &Entity, name: &str, property: &Property) -> Result<(), Problem> {
        let is_key = entity.key.iter().any(|key| key == name);
        let is_refused = match (property.access, self.purpose) {
            (Access::ReadOnly, _) | (Access::Fixed, Purpose::Change) => true,
            (_, Purpose::Change) => is_key,
            _ => false,
        };
        if !is_refused {
            return Ok(());
        }
        let message = match self.service.flavour {
            Flavour::Dynamics => format!("The field '{name}' is read-only and cannot be given a value."),
            _ => format!("Property '{name}' is read-only"),
        };
        Err(Problem::body_wrong(message).at(name))
    }

    fn value(&self, name: &str, property: &Property, json: &Json) -> Result<Value, Problem> {
        if json.is_null() {
            return match property.kind {
                Kind::Text { nullable: false, .. } | Kind::Enumeration(_) | Kind::Flag => Err(self.invalid(name, json)),
                _ => Ok(property.default.clone()),
            };
        }
        let value = self.typed(&property.kind, json);
        let value = value.ok_or_else(|| self.invalid(name, json))?;
        self.fits(name, property, &value)?;
        Ok(property.kind.store(value))
    }

    /// Refuses text that is too long and numbers with too many digits.
    fn fits(&self, name: &str, property: &Property, value: &Value) -> Result<(), Problem> {
        let too_long = match (&property.kind, value) {
            (
                Kind::Text {
                    length: Some(length), ..
                },
                Value::Text(text),
            ) => text.chars().count() > *length,
            (_, Value::Number(number)) => {
                let (all, after) = property.digits.unwrap_or((20, 6));
                let number = number.normalize();
                let whole = number.trunc().abs().to_string().trim_start_matches('0').len();
                number.scale() > after || whole > usize::try_from(all - after).unwrap_or(usize::MAX)
            }
            _ => false,
        };
        if too_long {
            let message = format!("Property '{name}' has a value that is longer than its maximum length");
            return Err(Problem::body_wrong(message).at(name));
        }
        Ok(())
    }

    fn invalid(&self, name: &str, json: &Json) -> Problem {
        let shown: String = json.to_string().chars().take(60).collect();
        let message = match self.service.flavour {
            Flavour::Dynamics => format!("Cannot convert the literal '{shown}' to the expected type of '{name}'."),
            _ => format!("Invalid value {shown} for property '{name}'"),
        };
        Problem::body_wrong(message).at(name)
    }

    /// Reads the form in which the flavour sends a kind of value.
    fn typed(&self, kind: &Kind, json: &Json) -> Option<Value> {
        let is_v2 = self.service.flavour.is_v2();
        match (kind, json) {
            (Kind::Text { .. } | Kind::Guid, Json::String(text)) => Some(Value::Text(text.clone())),
            (Kind::Enumeration(name), Json::String(member)) => {
                let members = self.service.data.model.enumerations.get(name)?;
                let is_known = members.contains(member);
                is_known.then(|| Value::Text(member.clone()))
            }
            (Kind::Flag, Json::Bool(flag)) => Some(Value::Flag(*flag)),
            (Kind::Integer, Json::Number(_)) => decimal(json)
                .filter(|number| number.fract().is_zero())
                .map(Value::Number),
            (Kind::Decimal | Kind::Long | Kind::Double, Json::String(_)) if is_v2 || self.decimals_as_text => {
                decimal(json).map(Value::Number)
            }
            (Kind::Decimal | Kind::Long | Kind::Double, Json::Number(_)) if !is_v2 => decimal(json).map(Value::Number),
            (Kind::DateTime, Json::String(text)) => milliseconds(text)
                .map(|moment| moment.naive_utc())
                .or_else(|| date_time(text))
                .map(Value::DateTime),
            (Kind::Instant, Json::String(text)) if is_v2 => milliseconds(text)
                .or_else(|| instant(text))
                .or_else(|| date_time(text).map(|moment| moment.and_utc()))
                .map(Value::Instant),
            (Kind::Instant | Kind::Noon | Kind::Moment, Json::String(text)) => instant(text).map(Value::Instant),
            (Kind::Date, Json::String(text)) => text.parse().ok().map(Value::Date),
            (Kind::Time, Json::String(text)) => duration(text).map(Value::Time),
            (Kind::TimeOfDay, Json::String(text)) => text.parse().ok().map(Value::Time),
            _ => None,
        }
    }
}

fn decimal(json: &Json) -> Option<Decimal> {
    let text = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
}

/// Reads `/Date(1490000000000)/`, with or without a zone that counts minutes.
fn milliseconds(text: &str) -> Option<DateTime<Utc>> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let digits = match inner.rfind(['+', '-']).filter(|place| *place > 0) {
        Some(place) => inner.get(..place)?,
        None => inner,
    };
    DateTime::from_timestamp_millis(digits.parse().ok()?)
}

/// Writes values in the form in which they are kept.
pub(crate) fn kept(values: &[(String, Value)]) -> Map<String, Json> {
    values.iter().map(|(name, value)| (name.clone(), keep(value))).collect()
}

/// Writes one value in the form in which it is kept.
pub(crate) fn keep(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => Json::String(text.clone()),
        Value::Flag(flag) => Json::Bool(*flag),
        Value::Number(number) => Json::String(number.to_string()),
        Value::Date(date) => Json::String(date.to_string()),
        Value::DateTime(moment) => Json::String(moment.format("%Y-%m-%dT%H:%M:%S").to_string()),
        Value::Instant(instant) => Json::String(instant.to_rfc3339()),
        Value::Time(time) => Json::String(time.to_string()),
    }
}

/// Reads a value from the form in which it is kept.
pub(crate) fn restore(kind: &Kind, json: &Json) -> Value {
    let text = json.as_str().unwrap_or_default();
    let found = match kind {
        _ if json.is_null() => None,
        Kind::Text { .. } | Kind::Guid | Kind::Enumeration(_) => Some(Value::Text(text.to_owned())),
        Kind::Flag => json.as_bool().map(Value::Flag),
        Kind::Integer | Kind::Long | Kind::Decimal | Kind::Double => decimal(json).map(Value::Number),
        Kind::DateTime => moment(text).map(Value::DateTime),
        Kind::Date => moment(text).map(|moment| Value::Date(moment.date())),
        Kind::Instant | Kind::Noon | Kind::Moment => instant(text)
            .or_else(|| moment(text).map(|moment| moment.and_utc()))
            .map(Value::Instant),
        Kind::Time | Kind::TimeOfDay => text.parse().ok().map(Value::Time),
    };
    found.map_or(Value::Null, |value| kind.store(value))
}

fn moment(text: &str) -> Option<NaiveDateTime> {
    let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0);
    date_time(text)
        .or_else(|| instant(text).map(|instant| instant.naive_utc()))
        .or_else(day)
}
