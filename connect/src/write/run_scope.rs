//! The variables of the requests of a write.

use chrono::SecondsFormat;
use lineshaft_schema::{RemoteKey, Value};
use serde_json::{Map, Value as Json};

use super::{Act, run::Run};
use crate::{
    blueprint::{Call, KeyPart, ResourcePlan, key_rows},
    dialect::{Comparison, Constant, Expression},
    error::Error,
    request::{RequestBody, RequestPlan, complete_headers},
    template::{Scope, Variables},
};

/// What a step is sent for, and its place among the others, counted from 1.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) value: Json,
    pub(super) index: usize,
}

impl Run {
    /// Returns the variables of the write, without those of the connection.
    pub(super) fn values(&self, item: Option<Item>) -> Vec<(&'static str, Json)> {
        let mut own = vec![("row", self.row.clone()), ("kept", Json::Object(self.kept.clone()))];
        let rows = self.rows.embedded.iter();
        let children: Map<String, Json> = rows
            .map(|(name, rows)| (name.clone(), Json::Array(rows.rows.clone())))
            .collect();
        own.push(("children", Json::Object(children)));
        own.push(("now", self.now.to_rfc3339_opts(SecondsFormat::Secs, true).into()));
        own.push(("today", self.now.date_naive().to_string().into()));
        own.push(("client_reference", self.request.client_reference.as_str().into()));
        if let Some(resource) = self.resource() {
            own.push(("resource.remote", resource.remote().into()));
            if let Some(key) = &self.key {
                push_key(&mut own, ["key", "key.0"], key_json(&resource.parts.key, key));
            }
        }
        if let Some(owner) = self.owner() {
            let parts = self.owner_parts();
            push_key(&mut own, ["owner", "owner.0"], key_json(parts, owner));
        }
        if let Some(version) = &self.request.expected_version {
            own.push(("version", version.as_str().into()));
        }
        if let Some((row, record)) = &self.current {
            own.push(("current", row.clone()));
            let version = self.definition().and_then(|def| def.field("version"));
            if let Some(Value::Text(text)) = version.map(|field| record.get(field.index)) {
                own.push(("current_version", text.as_str().into()));
            }
        }
        if let Some(item) = item {
            own.push(("item", item.value));
            own.push(("item_index", item.index.into()));
        }
        own
    }

    /// Returns the key of the record that a part belongs to.
    fn owner(&self) -> Option<&RemoteKey> {
        let field = self.writes()?.owner?;
        let given = match self.request.act {
            Act::Create => self.request.input.values.get(&field),
            _ => None,
        };
        match given.or_else(|| self.current.as_ref().map(|(_, record)| record.get(field))) {
            Some(Value::Reference(key)) if !key.parts().is_empty() => Some(key),
            _ => None,
        }
    }

    fn owner_parts(&self) -> &[KeyPart] {
        let catalogue = self.blueprint.catalogue();
        let owner = self.definition().and_then(|def| match &def.shape {
            lineshaft_schema::catalogue::Shape::Part { of } => catalogue.type_named(of),
            _ => None,
        });
        let resource = owner.and_then(|def| self.blueprint.resource(def.index));
        resource.map_or(&[], |resource| resource.parts.key.as_slice())
    }

    /// Plans a request with the variables of the write. In its path and its query texts stand in quotes.
    pub(super) fn plan_call(
        &self,
        call: &Call,
        resource: &ResourcePlan,
        item: Option<Item>,
        variables: &Variables<'_>,
        shows: bool,
    ) -> Result<RequestPlan, Error> {
        let mut scope = Scope::new(variables);
        scope = if shows {
            scope.showing(&self.never_kept)
        } else {
            scope.leaving_out()
        };
        for (name, value) in self.values(item) {
            scope = scope.with(name, value);
        }
        let language = &resource.parts.language;
        let mut path = scope.clone().with_texts(&|text| language.escape_quoted(text));
        if let Some(predicate) = self.key.as_ref().and_then(|key| predicate(resource, key)) {
            path = path.with("resource.at", predicate);
        }
        call.check_query(&scope, &|text| language.takes(text))?;
        let query = scope.clone().with_texts(&|text| language.escape_in_query(text));
        let mut plan = call.plan_quoted(&resource.parts.base, &scope, &path, &query, Vec::new())?;
        if let (Some(wrapping), RequestBody::Json(text)) = (self.blueprint.reading().wrapping(), &mut plan.body) {
            *text = wrapping.write(std::mem::take(text));
        }
        complete_headers(&mut plan);
        Ok(plan)
    }
}

/// Writes a key as `OData` addresses rows: `(Company='A',Number=7)`.
fn predicate(resource: &ResourcePlan, key: &RemoteKey) -> Option<String> {
    let parts = &resource.parts;
    let rows = key_rows(&parts.key, None, key)?;
    let named = parts.key.iter().zip(rows.first()?).map(|(part, constant)| {
        let equal = Expression::compare(&part.name, Comparison::Eq, constant.clone());
        let written = parts.language.write(&equal)?.condition;
        let (name, value) = written.as_str()?.split_once(" eq ")?;
        Some(format!("{name}={value}"))
    });
    Some(format!("({})", named.collect::<Option<Vec<_>>>()?.join(",")))
}

fn push_key(own: &mut Vec<(&'static str, Json)>, names: [&'static str; 2], key: Option<Json>) {
    let [name, first] = names;
    let Some(key) = key else { return };
    if !key.is_array() {
        own.push((first, key.clone()));
    }
    own.push((name, key));
}

/// Returns a key as JSON: its only part, or all of them; numbers as numbers. Nothing for a key that no record can have:
/// it could stand for something else where numbers stand without quotes.
pub(super) fn key_json(parts: &[KeyPart], key: &RemoteKey) -> Option<Json> {
    let mut written: Vec<Json> = match key_rows(parts, None, key) {
        Some(rows) => rows.first()?.iter().map(Constant::json).collect(),
        // The type is not mapped, so that nothing is known of its keys.
        None if parts.is_empty() => key.parts().iter().map(|part| part.as_str().into()).collect(),
        None => return None,
    };
    let last = written.pop()?;
    if written.is_empty() {
        return Some(last);
    }
    written.push(last);
    Some(Json::Array(written))
}
