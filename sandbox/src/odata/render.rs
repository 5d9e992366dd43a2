//! Writes rows, values, links and pages as the JSON of each flavour.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveTime, SecondsFormat, Timelike as _, Utc};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use serde_json::{Map, Number, Value as Json, json};

use super::{
    Flavour, Service,
    answer::{Request, sort},
    data::{Row, value},
    evaluate::holds,
    model::{Entity, Kind},
    query::Query,
    value::Value,
};

/// What rendering needs to know.
pub(crate) struct Render<'a> {
    /// The service.
    pub(crate) service: &'a Service,
    /// The request that is answered.
    pub(crate) request: &'a Request,
}

impl Render<'_> {
    /// Writes a page of rows.
    pub(crate) fn page(&self, entity: &Entity, rows: Vec<Json>, total: Option<usize>, next: Option<String>) -> Json {
        if self.service.flavour.is_v2() {
            let mut page = Map::new();
            if let Some(total) = total {
                page.insert("__count".to_owned(), json!(total.to_string()));
            }
            page.insert("results".to_owned(), Json::Array(rows));
            if let Some(next) = next {
                page.insert("__next".to_owned(), json!(next));
            }
            return json!({"d": page});
        }
        let mut page = Map::new();
        page.insert("@odata.context".to_owned(), json!(self.context(&entity.set, false)));
        if let Some(total) = total {
            page.insert("@odata.count".to_owned(), json!(total));
        }
        page.insert("value".to_owned(), Json::Array(rows));
        if let Some(next) = next {
            page.insert("@odata.nextLink".to_owned(), json!(next));
        }
        Json::Object(page)
    }

    /// Writes one row with its marks, its selected properties and its expanded navigations.
    pub(crate) fn row(&self, entity: &Entity, row: &Row, query: &Query) -> Json {
        let mut shown = Map::new();
        self.marks(entity, row, &mut shown);
        for (name, property) in &entity.properties {
            if query.select.as_ref().is_none_or(|select| select.contains(name)) {
                shown.insert(name.clone(), self.value(&property.kind, value(entity, row, name)));
            }
        }
        if self.service.flavour == Flavour::SapV4 && query.select.is_none() {
            shown.insert("SAP__Messages".to_owned(), json!([]));
        }
        for name in entity.navigations.keys() {
            match query.expand.iter().find(|(expanded, _)| expanded == name) {
                Some((_, inner)) => {
                    shown.insert(name.clone(), self.expanded(entity, row, name, inner));
                }
                None if self.service.flavour.is_v2() && query.select.is_none() => {
                    let uri = format!("{}/{name}", self.address(entity, row));
                    shown.insert(name.clone(), json!({"__deferred": {"uri": uri}}));
                }
                None => {}
            }
        }
        Json::Object(shown)
    }

    fn expanded(&self, entity: &Entity, row: &Row, name: &str, query: &Query) -> Json {
        let Some(link) = entity.navigations.get(name) else {
            return Json::Null;
        };
        let Some(target) = self.service.data.model.sets.get(&link.target) else {
            return Json::Null;
        };
        let mut rows = self.service.data.related(entity, row, link);
        if let Some(filter) = &query.filter {
            rows.retain(|row| holds(self.service, target, row, filter));
        }
        sort(self.service, target, &mut rows, &query.order);
        let rows = rows.into_iter().skip(query.skip).take(query.top.unwrap_or(usize::MAX));
        let mut shown = rows.map(|row| self.row(target, row, query));
        if !link.many {
            return shown.next().unwrap_or(Json::Null);
        }
        let shown: Vec<Json> = shown.collect();
        if self.service.flavour.is_v2() {
            json!({"results": shown})
        } else {
            json!(shown)
        }
    }

    fn marks(&self, entity: &Entity, row: &Row, shown: &mut Map<String, Json>) {
        let etag = self.etag(entity, row);
        if !self.service.flavour.is_v2() {
            shown.insert("@odata.etag".to_owned(), json!(etag));
            return;
        }
        let address = self.address(entity, row);
        shown.insert(
            "__metadata".to_owned(),
            json!({
                "id": address,
                "uri": address,
                "type": format!("{}.{}", self.service.namespace, entity.type_name),
                "etag": etag,
            }),
        );
    }

    /// Returns the mark of a row's version: it changes when the row does.
    pub(crate) fn etag(&self, entity: &Entity, row: &Row) -> String {
        let stamp = ["LastChangeDateTime", "ETag"]
            .into_iter()
            .find_map(|name| row.get(name));
        match (self.service.flavour, stamp) {
            (Flavour::SapV2, Some(Value::Instant(instant))) => {
                let text = instant.to_rfc3339_opts(SecondsFormat::Secs, true).replace(':', "%3A");
                format!("W/\"datetimeoffset'{text}'\"")
            }
            (Flavour::SapV2, Some(Value::Text(text))) => format!("W/\"'{text}'\""),
            (Flavour::SapV2 | Flavour::Standard(_), _) if self.service.flavour.is_v2() => {
                format!("W/\"'{:016X}'\"", fingerprint(entity, row))
            }
            (Flavour::SapV2 | Flavour::SapV4, _) => format!("W/\"SADL-0{:020}\"", fingerprint(entity, row)),
            (Flavour::Dynamics | Flavour::Standard(_), _) => {
                let mark = fingerprint(entity, row);
                let text = STANDARD.encode(format!("'{},{}'", mark >> 32, mark & 0xffff_ffff));
                format!("W/\"{text}\"")
            }
        }
    }

    /// Returns the absolute address of a row.
    pub(crate) fn address(&self, entity: &Entity, row: &Row) -> String {
        let literals = entity.key.iter().filter_map(|name| {
            let kind = &entity.properties.get(name)?.kind;
            Some((name, self.literal(kind, value(entity, row, name))))
        });
        let key = match entity.key.len() {
            1 => literals.map(|(_, literal)| literal).collect(),
            _ => literals
                .map(|(name, literal)| format!("{name}={literal}"))
                .collect::<Vec<_>>()
                .join(","),
        };
        format!("{}{}({key})", self.request.root, entity.set)
    }

    fn literal(&self, kind: &Kind, value: &Value) -> String {
        match value {
            Value::Text(text) => {
                let text = text.replace('\'', "''");
                let text = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
                let text = text
                    .to_string()
                    .replace("%27", "'")
                    .replace("%2D", "-")
                    .replace("%5F", "_");
                format!("'{text}'")
            }
            Value::DateTime(moment) => format!("datetime'{}'", moment.format("%Y-%m-%dT%H%%3A%M%%3A%S")),
            value => self
                .value(kind, value)
                .as_str()
                .map_or_else(|| self.value(kind, value).to_string(), str::to_owned),
        }
    }

    /// Writes one value.
    pub(crate) fn value(&self, kind: &Kind, value: &Value) -> Json {
        let flavour = self.service.flavour;
        match value {
            Value::Null => Json::Null,
            Value::Text(text) => json!(text),
            Value::Flag(flag) => json!(flag),
            Value::Number(decimal) => self.number(kind, *decimal),
            Value::Date(date) => json!(date.to_string()),
            Value::DateTime(moment) => json!(format!("/Date({})/", moment.and_utc().timestamp_millis())),
            Value::Instant(instant) if flavour.is_v2() => {
                json!(format!("/Date({}+0000)/", instant.timestamp_millis()))
            }
            Value::Instant(instant) => json!(timestamp(instant)),
            Value::Time(time) if flavour.is_v2() => json!(duration(*time)),
            Value::Time(time) => json!(time.format("%H:%M:%S").to_string()),
        }
    }

    fn number(&self, kind: &Kind, decimal: Decimal) -> Json {
        let as_text = match (self.service.flavour, kind) {
            (flavour, Kind::Integer) if flavour.is_v2() => false,
            (flavour, _) if flavour.is_v2() => true,
            _ => self.request.decimals_as_text && matches!(kind, Kind::Decimal | Kind::Long),
        };
        let decimal = decimal.normalize();
        if as_text {
            return json!(decimal.to_string());
        }
        match (decimal.is_integer(), decimal.to_i64()) {
            (true, Some(whole)) => json!(whole),
            _ => decimal
                .to_f64()
                .and_then(Number::from_f64)
                .map_or(Json::Null, Json::Number),
        }
    }

    /// Returns the context address of version 4.
    pub(crate) fn context(&self, set: &str, one: bool) -> String {
        let root = match self.service.flavour {
            Flavour::Dynamics | Flavour::Standard(_) => self.request.root.as_str(),
            _ if self.request.path.contains('/') || self.request.path.contains('(') => "../",
            _ => "",
        };
        let suffix = if one { "/$entity" } else { "" };
        format!("{root}$metadata#{set}{suffix}")
    }

    /// Returns the link to the next page: absolute, but relative to the root in RAP services.
    pub(crate) fn next_link(&self, token: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.request.options {
            if !matches!(name.as_str(), "$skip" | "$top" | "$skiptoken") {
                query.append_pair(name, value);
            }
        }
        query.append_pair("$skiptoken", token);
        let query = query.finish().replace('+', "%20");
        let path = self.request.path.trim_matches('/');
        match self.service.flavour {
            Flavour::SapV4 => format!("{path}?{query}"),
            _ => format!("{}{path}?{query}", self.request.root),
        }
    }
}

fn timestamp(instant: &DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn duration(time: NaiveTime) -> String {
    format!("PT{:02}H{:02}M{:02}S", time.hour(), time.minute(), time.second())
}

/// Hashes the stored values of a row and how often it was written (FNV-1a).
fn fingerprint(entity: &Entity, row: &Row) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ u64::from(row.revision).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for (name, _) in &entity.properties {
        let Some(value) = row.get(name) else { continue };
        for byte in name.bytes().chain(value.index_key(false).bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}
