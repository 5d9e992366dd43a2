//! Values that a system can take: enums from what is allowed, codes and references from records that it has, fresh texts,
//! plausible numbers, dates to come. And the comparison of what was given with what is read.

use lineshaft_sandbox::System;
use lineshaft_schema::{Catalogue, FieldDef, FieldType, TypeDef};
use serde_json::{Map, Value, json};

use super::{
    form::{Children, Field},
    model::type_named,
    pool::Pool,
    rules::fitting,
};

/// Makes values for one connection.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    pub catalogue: &'a Catalogue,
    pub pool: &'a Pool,
    pub system: System,
    /// Tells values of one write from those of another.
    pub round: usize,
}

/// Fields whose text is a code of the system: good values are those that its records have.
const CODES: [&str; 35] = [
    "type",
    "typeCode",
    "companyCode",
    "purchasingGroup",
    "category",
    "currency",
    "country",
    "paymentTerms",
    "paymentMethod",
    "incoterms",
    "shippingMethod",
    "taxCode",
    "glAccount",
    "expenseAccount",
    "team",
    "craft",
    "jobPlanCode",
    "priorityCode",
    "baseUomCode",
    "purchaseUomCode",
    "uomCode",
    "workCenter",
    "owner",
    "code",
    "region",
    "postalCode",
    "bin",
    "lot",
    "readBy",
    "taskRemoteId",
    "remoteId",
    "manufacturer",
    "problemCode",
    "causeCode",
    "remedyCode",
];

/// A line without these is refused by most systems, though each leaves out another one.
const USUAL: [&str; 3] = ["item", "quantity", "unitPrice"];

impl<'a> Values<'a> {
    /// Chooses a record whose codes and references go together: one that has many of these fields.
    pub fn donor(&self, kind: &str, fields: &[Field]) -> Option<&'a Value> {
        self.fullest(self.pool.all(kind).iter(), fields)
    }

    fn fullest(&self, records: impl Iterator<Item = &'a Value>, fields: &[Field]) -> Option<&'a Value> {
        let has = |record: &Value| fields.iter().filter(|field| !is_empty(&record[&field.name])).count();
        let mut records: Vec<_> = records.filter(|record| record["isDeleted"] != true).collect();
        records.sort_by_key(|record| std::cmp::Reverse(has(record)));
        records.truncate(5);
        (!records.is_empty()).then(|| records[self.round % records.len()])
    }

    /// Makes an input of these fields, as far as the system's records show good values. The others are told by name.
    pub fn input(&self, kind: &str, fields: &[Field], only_required: bool) -> (Map<String, Value>, Vec<String>) {
        self.input_like(kind, fields, only_required, self.donor(kind, fields))
    }

    fn input_like(
        &self,
        kind: &str,
        fields: &[Field],
        only_required: bool,
        donor: Option<&Value>,
    ) -> (Map<String, Value>, Vec<String>) {
        let def = type_named(self.catalogue, kind);
        let (mut input, mut left_out) = (Map::new(), Vec::new());
        let is_needed = |field: &Field| field.required || (!def.is_entity() && USUAL.contains(&field.name.as_str()));
        for field in fields.iter().filter(|field| !only_required || is_needed(field)) {
            match self.field(def, field, donor) {
                Some(value) => {
                    input.insert(field.name.clone(), value);
                }
                None => left_out.push(field.name.clone()),
            }
        }
        (input, left_out)
    }

    /// Makes one row of a list that is written with its owner, like a row of a record that is like the owner.
    pub fn row(
        &self,
        children: &Children,
        owner: &TypeDef,
        donor: Option<&Value>,
        only_required: bool,
    ) -> Map<String, Value> {
        let list = owner.field(&children.field).unwrap();
        let rows = self.pool.all(&list.type_name);
        let of_donor = rows
            .iter()
            .filter(|row| donor.is_some_and(|donor| row["owner"] == donor["id"]));
        let row = self
            .fullest(of_donor, &children.fields)
            .or_else(|| self.fullest(rows.iter(), &children.fields));
        let fields = children
            .fields
            .iter()
            .filter(|field| !only_required || field.required || USUAL.contains(&field.name.as_str()));
        let fields: Vec<Field> = fields.cloned().collect();
        self.input_like(&list.type_name, &fields, false, row).0
    }

    /// Makes a value for a field that differs from the one it has, if there is one.
    pub fn other(&self, def: &TypeDef, field: &Field, current: &Value) -> Option<Value> {
        let mut last = None;
        for round in 0..8 {
            let values = Values {
                round: self.round + round,
                ..*self
            };
            let value = values.field(def, field, values.donor(&def.name, std::slice::from_ref(field)));
            if value
                .as_ref()
                .is_some_and(|value| difference(value, current, "").is_some())
            {
                return value;
            }
            last = value.or(last);
        }
        last
    }

    /// Makes a value for one field of a type.
    pub fn field(&self, def: &TypeDef, field: &Field, donor: Option<&Value>) -> Option<Value> {
        let known = def
            .field(&field.name)
            .unwrap_or_else(|| panic!("{} has no {}", def.name, field.name));
        let mut seen = self.pool.values(&def.name, &known.name);
        let turn = self.round % seen.len().max(1);
        seen.rotate_left(turn);
        let own = donor.map(|donor| &donor[&known.name]).filter(|value| !is_empty(value));
        let fits = |value: &&Value| {
            let text = value.as_str().map_or(0, |text| text.chars().count());
            field.max_length.is_none_or(|most| text <= most)
        };
        // Where records leave it empty, those that belong to them may have it.
        let of_lines = self.pool.values("PurchaseOrderLine", &known.name);
        let is_reference = matches!(known.kind, FieldType::Reference(_));
        let of_lines = of_lines.into_iter().filter(|_| is_reference);
        let seen: Vec<&Value> = own.into_iter().chain(seen).chain(of_lines).filter(fits).collect();
        if !field.allowed.is_empty() && !known.list {
            // They are told as texts.
            let told = |value: &Value| {
                value
                    .as_str()
                    .map_or_else(|| json!(value.to_string()), |text| json!(text))
            };
            let allowed = seen.iter().find(|value| field.allowed.contains(&told(value)));
            let text = allowed.map_or_else(|| self.pick(&field.allowed).clone(), |value| told(value));
            return Some(match known.kind {
                FieldType::Boolean | FieldType::Integer => serde_json::from_str(text.as_str()?).unwrap(),
                _ => text,
            });
        }
        if (def.name.as_str(), known.name.as_str()) == ("MeterReading", "value") {
            return Some(self.next_reading());
        }
        let value = self.value(known, field, &seen)?;
        Some(fitting(self.system, &def.name, &field.name, value))
    }

    /// A value that no meter has reached yet: counters only go up.
    fn next_reading(&self) -> Value {
        let reached = self.pool.values("Meter", "lastReading").into_iter();
        let reached = reached.filter_map(|value| value.as_str()?.parse::<f64>().ok());
        json!(format!("{:.0}", reached.fold(0.0, f64::max) + 1.0) + &format!("{:03}", self.round))
    }

    /// Makes a value; `seen` are those that records have, the best first.
    fn value(&self, known: &FieldDef, field: &Field, seen: &[&Value]) -> Option<Value> {
        let value = match known.kind {
            FieldType::Enum(index) => {
                let all = self.catalogue.enum_at(index).unwrap();
                let named: Vec<_> = all.values.keys().filter(|name| *name != "UNKNOWN").collect();
                let known = seen.iter().find(|value| **value != "UNKNOWN");
                known.map_or_else(|| json!(self.pick(&named)), |value| (*value).clone())
            }
            FieldType::Reference(index) => {
                let target = &self.catalogue.type_at(index).unwrap().name;
                let seen = seen.iter().map(|value| value["id"].clone());
                let all = self.pool.ids(target).into_iter().map(Value::from);
                seen.chain(all).next()?
            }
            FieldType::Object(index) => self.object(self.catalogue.type_at(index).unwrap(), field, seen)?,
            FieldType::Text | FieldType::Id => self.text(known, field, seen)?,
            FieldType::Integer if ["lineNumber", "sequence"].contains(&known.name.as_str()) => {
                json!(1_000 + 10 * self.round)
            }
            FieldType::Integer => json!(10 + self.small()),
            FieldType::Boolean => json!(self.round.is_multiple_of(2)),
            FieldType::Decimal => json!(format!("{}.5", 2 + self.small())),
            FieldType::Date => json!(format!("2026-12-{:02}", 1 + self.round % 28)),
            FieldType::DateTime => json!(self.moment(&known.name)),
            FieldType::Json => json!(format!("{}", 3 + self.small())),
            FieldType::Platform => return None,
        };
        let wraps = known.list && !matches!(value, Value::Array(_));
        Some(if wraps { json!([value]) } else { value })
    }

    /// A number that stays small enough for shares and hours.
    fn small(&self) -> usize {
        self.round % 7
    }

    /// Ends come after beginnings, and what was read or reported lies in the past.
    fn moment(&self, name: &str) -> String {
        let lower = name.to_lowercase();
        // A meter is read later than the last time, and not in the time to come; this is what the systems' clocks show.
        if lower == "readat" {
            return "2026-11-20T12:00:00Z".to_owned();
        }
        let is_late = lower.contains("end") || lower.contains("finished");
        // Some systems keep the day alone on which something is due.
        let hour = match () {
            () if lower.contains("due") => 0,
            () if is_late => 15,
            () => 9,
        };
        let is_past = [
            "reported",
            "received",
            "read",
            "actual",
            "installed",
            "commissioned",
            "started",
            "finished",
        ];
        let month = if is_past.iter().any(|word| lower.contains(word)) {
            10
        } else {
            12
        };
        let day = 1 + self.round % 27 + usize::from(hour == 0);
        format!("2026-{month}-{day:02}T{hour:02}:00:00Z")
    }

    fn text(&self, known: &FieldDef, field: &Field, seen: &[&Value]) -> Option<Value> {
        let name = known.name.as_str();
        if CODES.contains(&name) || ["CurrencyCode", "CountryCode"].contains(&known.type_name.as_str()) {
            // Regions are written by their codes only.
            let fits = |text: &str| name != "region" || text.len() <= 3;
            let seen = seen.iter().find(|value| value.as_str().is_some_and(fits));
            return seen.map(|value| (*value).clone());
        }
        let fresh = match known.type_name.as_str() {
            "Duration" => format!("PT{}H", 2 + self.small()),
            "URL" => format!("https://www{}.example.com", self.round),
            _ if name.contains("mail") => format!("orders{}@example.com", self.round),
            _ if name.contains("hone") => format!("+49 381 12345{:02}", self.round % 100),
            "ID" => return None,
            _ => format!("{} {name}", fresh_word(self.round)),
        };
        let most = field.max_length.unwrap_or(usize::MAX);
        Some(json!(fresh.chars().take(most).collect::<String>().trim_end()))
    }

    fn object(&self, def: &TypeDef, field: &Field, seen: &[&Value]) -> Option<Value> {
        let mut members = Map::new();
        let seen: Vec<&Value> = seen
            .iter()
            .map(|value| if value.is_array() { &value[0] } else { *value })
            .collect();
        let parts = def.fields.values();
        for part in parts.filter(|part| field.parts.is_empty() || field.parts.contains(&part.name)) {
            let shown = seen
                .iter()
                .map(|value| &value[&part.name])
                .filter(|value| !is_empty(value));
            let shown: Vec<&Value> = shown.collect();
            let own = Field {
                name: part.name.clone(),
                parts: Vec::new(),
                required: part.required,
                allowed: Vec::new(),
                max_length: None,
            };
            let value = match (def.name.as_str(), part.name.as_str()) {
                ("Money", "amount") => Some(json!(format!("{}.50", 12 + self.small()))),
                ("Quantity", "value") => Some(json!(format!("{}", 4 + self.small()))),
                ("Dimension", _) => shown.first().map(|value| (*value).clone()),
                _ if matches!(part.kind, FieldType::Enum(_)) => shown.first().map(|value| (*value).clone()),
                _ => self.value(part, &own, &shown),
            };
            match value {
                Some(value) => {
                    members.insert(part.name.clone(), value);
                }
                None if part.required => return None,
                None => {}
            }
        }
        (!members.is_empty()).then_some(Value::Object(members))
    }

    fn pick<'v, T>(&self, values: &'v [T]) -> &'v T {
        &values[self.round % values.len()]
    }
}

/// Tells whether there is nothing in a value.
pub fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// Returns a word that no record has.
pub fn fresh_word(round: usize) -> String {
    format!("T{}", 4711 + round)
}

/// Tells where what is read differs from what was given; members that were not given are not looked at.
pub fn difference(given: &Value, read: &Value, path: &str) -> Option<String> {
    let differs = || Some(format!("{path}: given {given}, read {read}"));
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => given.iter().find_map(|(name, value)| {
            difference(value, read.get(name).unwrap_or(&Value::Null), &format!("{path}.{name}"))
        }),
        (Value::Array(given), Value::Array(read)) if given.len() == read.len() => given
            .iter()
            .zip(read)
            .enumerate()
            .find_map(|(at, (given, read))| difference(given, read, &format!("{path}.{at}"))),
        // References are given by id and read as records.
        (Value::String(id), Value::Object(record)) if record.get("id").is_some() => {
            difference(&json!(id), &record["id"], path)
        }
        (Value::String(a), Value::String(b)) => (!same_text(a, b)).then(differs).flatten(),
        (Value::String(a), Value::Number(b)) | (Value::Number(b), Value::String(a)) => {
            (!same_text(a, &b.to_string())).then(differs).flatten()
        }
        (a, b) => (a != b).then(differs).flatten(),
    }
}

/// Numbers are equal whatever zeros they end with, and moments whatever their fractions are.
fn same_text(a: &str, b: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let moment = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    a == b
        || number(a).zip(number(b)).is_some_and(|(a, b)| (a - b).abs() < 1e-9)
        || moment(a).zip(moment(b)).is_some_and(|(a, b)| a == b)
}
