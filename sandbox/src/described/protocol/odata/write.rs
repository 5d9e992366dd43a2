//! Writes to an OData service: what a request wants to be done to the rows of tables, and how what was done is told.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::super::super::columns::number_value;
use super::super::super::form::Failure;
use super::super::super::request::Request;
use super::super::super::rows::Rows;
use super::super::batch::PartAnswer;
use super::{Place, Service};
use crate::odata::{self, Draft, Problem, Purpose, check_version, read_body, show, target, value};

/// What a request wants.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// A row, perhaps with rows below it.
    Create(Write),
    /// Other values of a row, perhaps with new rows below it.
    Update(Write),
    /// A row is not to be there any more.
    Delete(Write),
}

/// A write of one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Write {
    /// The set of the row.
    pub(crate) set: String,
    /// Its table.
    pub(crate) table: usize,
    /// Its key, unless it is a new one: the values of the members of the key.
    pub(crate) key: Vec<(String, Json)>,
    /// The values that were sent.
    pub(crate) values: Map<String, Json>,
    /// New rows below it, by navigation.
    pub(crate) children: Vec<(String, Vec<Write>)>,
}

impl Service {
    /// Reads what a request other than a read wants.
    pub(crate) fn wanted(
        &self,
        rows: &Arc<Rows>,
        request: &Request,
        place: &Place,
    ) -> Result<Result<Wanted, PartAnswer>, Failure> {
        let service = self.built(rows)?;
        Ok(self
            .read_write(&service, request, place)
            .map_err(|problem| self.refused(&problem)))
    }

    fn read_write(&self, service: &odata::Service, request: &Request, place: &Place) -> Result<Wanted, Problem> {
        let asked = self.asked(request, place);
        let target = target(service, &asked)?;
        let set = target.entity.set.clone();
        let table = self.sets.get(&set).map(|set| set.table).ok_or_else(Problem::method)?;
        let refuses = target.entity.refuses;
        let tunnelled = request.header("x-http-method").filter(|_| request.method == "POST");
        let verb = tunnelled.unwrap_or(&request.method).to_uppercase();
        let read = |purpose| {
            let kind = request.header("content-type").unwrap_or_default().to_lowercase();
            match kind.starts_with("application/json") {
                true => read_body(
                    service,
                    target.entity,
                    request.text.as_bytes(),
                    purpose,
                    kind.contains("ieee754compatible=true"),
                ),
                false => Err(Problem::media_type()),
            }
        };
        match (verb.as_str(), target.row) {
            ("POST", None) if !refuses.create || target.is_below => {
                let mut draft = read(Purpose::Create)?;
                for (name, value) in &target.given {
                    draft.set(name, value.clone());
                }
                Ok(Wanted::Create(self.write(&set, table, Vec::new(), &draft)?))
            }
            ("PATCH" | "MERGE" | "PUT", Some(row)) if !refuses.update => {
                check_version(service, &asked, &target, request.header("if-match"), self.needs_version)?;
                let draft = read(Purpose::Change)?;
                let key = key(target.entity, row);
                Ok(Wanted::Update(self.write(&set, table, key, &draft)?))
            }
            ("DELETE", Some(row)) if !refuses.delete => {
                check_version(service, &asked, &target, request.header("if-match"), self.needs_version)?;
                let key = key(target.entity, row);
                Ok(Wanted::Delete(self.write(&set, table, key, &Draft::default())?))
            }
            _ => Err(Problem::method()),
        }
    }

    fn write(&self, set: &str, table: usize, key: Vec<(String, Json)>, draft: &Draft) -> Result<Write, Problem> {
        let values = draft.values.iter().map(|(name, value)| (name.clone(), json_of(value)));
        let mut children = Vec::new();
        for (name, drafts) in &draft.children {
            let links = self.sets.get(set).map(|set| &set.navigations);
            let link = links.and_then(|links| links.iter().find(|(known, _)| known == name));
            let below = link.and_then(|(_, link)| Some((link.set.as_str(), self.sets.get(&link.set)?.table)));
            let (below, table) = below.ok_or_else(Problem::method)?;
            let writes = drafts.iter().map(|draft| self.write(below, table, Vec::new(), draft));
            children.push((name.clone(), writes.collect::<Result<_, _>>()?));
        }
        Ok(Write {
            set: set.to_owned(),
            table,
            key,
            values: values.collect(),
            children,
        })
    }

    /// Returns the values that rows below a row have because of it.
    pub(crate) fn given(&self, set: &str, navigation: &str, row: &Map<String, Json>) -> Map<String, Json> {
        let links = self.sets.get(set).map(|set| &set.navigations);
        let link = links.and_then(|links| links.iter().find(|(known, _)| known == navigation));
        let pairs = link.map_or(&[][..], |(_, link)| link.on.as_slice());
        let given = pairs
            .iter()
            .map(|(own, other)| (other.clone(), row.get(own).cloned().unwrap_or_default()));
        given.collect()
    }

    /// Tells that a row was made, and shows it with the rows below it that were sent.
    pub(crate) fn created(
        &self,
        rows: &Arc<Rows>,
        request: &Request,
        place: &Place,
        write: &Write,
        row: &Map<String, Json>,
    ) -> Result<PartAnswer, Failure> {
        let service = self.built(rows)?;
        let asked = self.asked(request, place);
        let Some(entity) = service.data.model.sets.get(&write.set) else {
            return Ok(self.refused(&Problem::no_row(&write.set)));
        };
        let key: Vec<odata::Value> = entity
            .key
            .iter()
            .filter_map(|name| {
                let kind = &entity.properties.get(name)?.kind;
                let value = row.get(name).cloned().unwrap_or_default();
                Some(odata::restore(kind, &value))
            })
            .collect();
        let draft = Draft {
            values: Vec::new(),
            children: write
                .children
                .iter()
                .map(|(name, rows)| (name.clone(), vec![Draft::default(); rows.len()]))
                .collect(),
        };
        Ok(match show(&service, &asked, &write.set, &key, &draft) {
            Some(made) => {
                let mut answer = self.answered(201, self.json_kind(), made.document.to_string());
                answer.headers.push(("location".to_owned(), made.address));
                answer.headers.push(("etag".to_owned(), made.etag));
                answer
            }
            None => self.refused(&Problem::no_row(&write.set)),
        })
    }

    /// Tells that a row was changed, or that it is gone.
    pub(crate) fn done(&self) -> PartAnswer {
        let mut answer = self.answered(204, "", String::new());
        answer.headers.retain(|(name, _)| name != "content-type");
        answer
    }
}

fn key(entity: &odata::Entity, row: &odata::Row) -> Vec<(String, Json)> {
    let names = entity.key.iter();
    names
        .map(|name| (name.clone(), json_of(value(entity, row, name))))
        .collect()
}

/// Writes a value in the form that rows of tables have.
fn json_of(value: &odata::Value) -> Json {
    match value {
        odata::Value::Null => Json::Null,
        odata::Value::Text(text) => json!(text),
        odata::Value::Flag(flag) => json!(flag),
        odata::Value::Number(number) => number_value(Decimal::normalize(number)),
        odata::Value::Date(date) => json!(date.to_string()),
        odata::Value::DateTime(moment) => json!(moment.format("%Y-%m-%dT%H:%M:%S").to_string()),
        odata::Value::Instant(instant) => json!(instant.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        odata::Value::Time(time) => json!(time.to_string()),
    }
}
