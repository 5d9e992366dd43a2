//! The variables of the requests of a write.

use chrono::SecondsFormat;
use lineshaft_schema::{RemoteKey, Value};
use serde_json::{Map, Value as Json};

use super::{Act, run::Run};
use crate::{
    blueprint::{KeyPart, ResourcePlan, key_rows},
    dialect::Constant,
    manifest::Dialect,
    template::{Scope, Variables},
};

impl Run {
    /// Returns the variables of the write, without those of the connection.
    pub(super) fn values(&self, item: Option<Json>) -> Vec<(&'static str, Json)> {
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
            own.push(("item", item));
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

    /// Returns the scopes of a request: one for everything, and one for its path, where texts stand in quotes.
    pub(super) fn scopes<'v>(
        &self,
        resource: &ResourcePlan,
        item: Option<Json>,
        variables: &'v Variables<'v>,
        shows: bool,
    ) -> (Scope<'v>, Scope<'v>) {
        let mut scope = Scope::new(variables);
        scope = if shows { scope.showing() } else { scope.leaving_out() };
        for (name, value) in self.values(item) {
            scope = scope.with(name, value);
        }
        let language = resource.parts.language;
        let path = match language.dialect {
            Dialect::OdataV2 | Dialect::OdataV4 => scope.clone().with_texts(&|text| language.escape_quoted(text)),
            _ => scope.clone(),
        };
        (scope, path)
    }
}

fn push_key(own: &mut Vec<(&'static str, Json)>, names: [&'static str; 2], key: Json) {
    let [name, first] = names;
    if !key.is_array() {
        own.push((first, key.clone()));
    }
    own.push((name, key));
}

/// Returns a key as JSON: its only part, or all of them; numbers as numbers.
pub(super) fn key_json(parts: &[KeyPart], key: &RemoteKey) -> Json {
    let rows = key_rows(parts, None, key);
    let constants = rows.as_ref().and_then(|rows| rows.first());
    let mut written: Vec<Json> = match constants {
        Some(constants) => constants.iter().map(Constant::json).collect(),
        None => key.parts().iter().map(|part| part.as_str().into()).collect(),
    };
    match (written.pop(), written.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            written.push(last);
            Json::Array(written)
        }
        (None, _) => Json::Null,
    }
}
