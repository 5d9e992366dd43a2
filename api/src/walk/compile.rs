//! Compiles a selection set against the unified model: fragments, directives and aliases are resolved once.

use async_graphql::{
    Positioned, ServerError, ServerResult, Value,
    context::QueryEnv,
    parser::types::{Directive, Field as AstField, Selection as AstSelection, SelectionSet},
};
use indexmap::IndexMap;
use lineshaft_schema::{Catalogue, FieldDef, FieldType, Projection, TypeDef};

use super::selection::{Computed, CustomPart, Field, FieldKind, KeyPart, Selection};

type Groups<'a> = IndexMap<&'a str, Vec<&'a Positioned<AstField>>>;

/// Compiles selections of one operation.
#[derive(Clone, Copy)]
pub(crate) struct Compiler<'a> {
    /// The operation with its fragments and variables.
    pub(crate) query: &'a QueryEnv,
    /// The unified model.
    pub(crate) catalogue: &'a Catalogue,
}

/// Returns the name of a field in the answer.
pub(crate) fn response_key(field: &AstField) -> &str {
    field.alias.as_ref().unwrap_or(&field.name).node.as_str()
}

/// Collects the fields of selection sets for a type, by their names in the answer.
pub(crate) fn fields_of<'a>(
    query: &'a QueryEnv,
    sets: &[&'a Positioned<SelectionSet>],
    applies: &impl Fn(&str) -> bool,
) -> ServerResult<Groups<'a>> {
    let mut groups = Groups::new();
    for set in sets {
        collect(query, set, applies, &mut groups)?;
    }
    Ok(groups)
}

fn collect<'a>(
    query: &'a QueryEnv,
    set: &'a Positioned<SelectionSet>,
    applies: &impl Fn(&str) -> bool,
    groups: &mut Groups<'a>,
) -> ServerResult<()> {
    for selection in &set.node.items {
        match &selection.node {
            AstSelection::Field(field) => {
                if included(query, &field.node.directives)? {
                    groups.entry(response_key(&field.node)).or_default().push(field);
                }
            }
            AstSelection::InlineFragment(fragment) => {
                let condition = fragment
                    .node
                    .type_condition
                    .as_ref()
                    .map(|condition| condition.node.on.node.as_str());
                if condition.is_none_or(applies) && included(query, &fragment.node.directives)? {
                    collect(query, &fragment.node.selection_set, applies, groups)?;
                }
            }
            AstSelection::FragmentSpread(spread) => {
                if !included(query, &spread.node.directives)? {
                    continue;
                }
                let Some(fragment) = query.fragments.get(&spread.node.fragment_name.node) else {
                    continue;
                };
                if applies(fragment.node.type_condition.node.on.node.as_str()) {
                    collect(query, &fragment.node.selection_set, applies, groups)?;
                }
            }
        }
    }
    Ok(())
}

fn included(query: &QueryEnv, directives: &[Positioned<Directive>]) -> ServerResult<bool> {
    for directive in directives {
        let wanted = match directive.node.name.node.as_str() {
            "include" => true,
            "skip" => false,
            _ => continue,
        };
        let Some(condition) = directive.node.get_argument("if") else {
            continue;
        };
        if resolve(query, condition)? != Value::Boolean(wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Replaces variables by their values.
pub(crate) fn resolve(query: &QueryEnv, value: &Positioned<async_graphql_value::Value>) -> ServerResult<Value> {
    value.node.clone().into_const_with(|name| {
        let definition = query
            .operation
            .node
            .variable_definitions
            .iter()
            .find(|definition| definition.node.name.node == name);
        let given = query.variables.get(&name).cloned();
        given
            .or_else(|| definition.and_then(|definition| definition.node.default_value().cloned()))
            .or_else(|| definition.map(|_| Value::Null))
            .ok_or_else(|| ServerError::new(format!("variable `{name}` is not defined"), Some(value.pos)))
    })
}

/// Returns a value as the client gave it: what stands in a variable that was left out is left out, also within inputs.
pub(crate) fn given(query: &QueryEnv, value: &async_graphql_value::Value) -> Option<Value> {
    use async_graphql_value::Value as Written;
    match value {
        Written::Variable(name) => {
            let definitions = &query.operation.node.variable_definitions;
            let definition = definitions.iter().find(|definition| definition.node.name.node == *name);
            let value = query.variables.get(name).cloned();
            // `default_value()` of the parser tells null where no default is written.
            value.or_else(|| Some(definition?.node.default_value.as_ref()?.node.clone()))
        }
        Written::List(values) => {
            let values = values.iter().map(|value| given(query, value).unwrap_or_default());
            Some(Value::List(values.collect()))
        }
        Written::Object(members) => {
            let members = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), given(query, value)?)));
            Some(Value::Object(members.collect()))
        }
        other => other.clone().into_const(),
    }
}

/// Returns the value of an argument, if it was given.
pub(crate) fn argument(query: &QueryEnv, field: &AstField, name: &str) -> ServerResult<Option<Value>> {
    match field.get_argument(name) {
        Some(value) => resolve(query, value).map(Some),
        None => Ok(None),
    }
}

impl<'a> Compiler<'a> {
    /// Compiles selection sets of one type.
    pub(crate) fn compile(
        self,
        def: &'a TypeDef,
        sets: &[&'a Positioned<SelectionSet>],
    ) -> ServerResult<Selection<'a>> {
        let applies = |name: &str| name == def.name || def.interfaces.iter().any(|interface| interface == name);
        let groups = fields_of(self.query, sets, &applies)?;
        let mut selection = Selection {
            kind: def.index,
            fields: Vec::with_capacity(groups.len()),
            projection: Projection::default(),
        };
        for (key, nodes) in groups {
            let Some(first) = nodes.first() else { continue };
            let sets: Vec<_> = nodes.iter().map(|node| &node.node.selection_set).collect();
            let name = first.node.name.node.as_str();
            if name == "__typename" {
                selection.fields.push(Field::new(key, true, FieldKind::Typename));
                continue;
            }
            let field = def.field(name).ok_or_else(|| unknown(def, name, first))?;
            let kind = self.field(def, field, &first.node, &sets)?;
            self.project(&mut selection.projection, def, &kind);
            selection.fields.push(Field::new(key, field.required, kind));
        }
        Ok(selection)
    }

    fn field(
        self,
        def: &'a TypeDef,
        field: &'a FieldDef,
        node: &'a AstField,
        sets: &[&'a Positioned<SelectionSet>],
    ) -> ServerResult<FieldKind<'a>> {
        if let Some(computed) = self.computed(def, field, node, sets)? {
            return Ok(FieldKind::Computed(computed));
        }
        let slot = field.index;
        Ok(match field.kind {
            FieldType::Platform => FieldKind::Platform(sets.to_vec()),
            FieldType::Reference(kind) | FieldType::Object(kind) => {
                let inner = self
                    .catalogue
                    .type_at(kind)
                    .ok_or_else(|| ServerError::new("unknown type", None))?;
                let back = field
                    .reverse
                    .as_deref()
                    .and_then(|name| inner.field(name))
                    .map(|back| back.index);
                let inner = self.compile(inner, sets)?;
                match (field.kind, back) {
                    (_, Some(by)) => FieldKind::Reverse { slot, by, inner },
                    (FieldType::Reference(_), None) => FieldKind::Reference { slot, inner },
                    _ => FieldKind::Embedded { slot, inner },
                }
            }
            kind => FieldKind::Leaf { slot, kind },
        })
    }

    fn computed(
        self,
        def: &'a TypeDef,
        field: &'a FieldDef,
        node: &'a AstField,
        sets: &[&'a Positioned<SelectionSet>],
    ) -> ServerResult<Option<Computed<'a>>> {
        if !field.computed {
            return Ok(None);
        }
        Ok(Some(match field.name.as_str() {
            "id" => Computed::Id,
            "connectionId" => Computed::ConnectionId,
            "remoteId" => Computed::RemoteId { slot: field.index },
            "fetchedAt" => Computed::FetchedAt,
            "raw" => Computed::Raw,
            "remoteKeys" => Computed::RemoteKeys(self.parts(sets, |name| match name {
                "name" => Some(KeyPart::Name),
                "value" => Some(KeyPart::Value),
                "__typename" => Some(KeyPart::Typename),
                _ => None,
            })?),
            "customFields" => {
                let keys: Option<Vec<String>> = match argument(self.query, node, "keys")? {
                    Some(Value::List(keys)) => Some(keys.into_iter().filter_map(text).collect()),
                    Some(Value::String(key)) => Some(vec![key]),
                    _ => None,
                };
                let fields = self.parts(sets, |name| match name {
                    "key" => Some(CustomPart::Key),
                    "label" => Some(CustomPart::Label),
                    "type" => Some(CustomPart::Type),
                    "description" => Some(CustomPart::Description),
                    "value" => Some(CustomPart::Value),
                    "remotePath" => Some(CustomPart::RemotePath),
                    "__typename" => Some(CustomPart::Typename),
                    _ => None,
                })?;
                let wanted = |field: &&FieldDef| keys.as_ref().is_none_or(|keys| keys.contains(&field.name));
                Computed::CustomFields {
                    declared: def.custom_fields().filter(wanted).collect(),
                    keys,
                    fields,
                }
            }
            _ => return Ok(None),
        }))
    }

    fn parts<P>(
        self,
        sets: &[&'a Positioned<SelectionSet>],
        part: impl Fn(&str) -> Option<P>,
    ) -> ServerResult<Vec<(&'a str, P)>> {
        let groups = fields_of(self.query, sets, &|_| true)?;
        let named = groups
            .into_iter()
            .filter_map(|(key, nodes)| Some((key, nodes.first()?.node.name.node.as_str())));
        Ok(named.filter_map(|(key, name)| Some((key, part(name)?))).collect())
    }

    fn project(self, projection: &mut Projection, def: &TypeDef, kind: &FieldKind<'_>) {
        match kind {
            FieldKind::Computed(Computed::Raw) => projection.raw = true,
            FieldKind::Computed(Computed::CustomFields { keys, declared, .. }) => {
                // What is declared is mapped like any field; only for others the whole row is searched.
                projection.custom |= keys.as_ref().is_none_or(|keys| keys.len() > declared.len());
                for field in declared {
                    self.project_declared(projection, field);
                }
            }
            // The key of an entity is known; a part within a row has its own only in the row.
            FieldKind::Computed(Computed::RemoteId { slot }) if !def.is_entity() => projection.insert(*slot),
            FieldKind::Typename | FieldKind::Computed(_) | FieldKind::Platform(_) => {}
            FieldKind::Leaf { slot, .. } | FieldKind::Reference { slot, .. } => projection.insert(*slot),
            FieldKind::Embedded { slot, inner } | FieldKind::Reverse { slot, inner, .. } => {
                projection.insert_nested(*slot).merge(&inner.projection);
            }
        }
    }

    fn project_declared(self, projection: &mut Projection, field: &FieldDef) {
        let FieldType::Object(kind) = field.kind else {
            projection.insert(field.index);
            return;
        };
        if let Some(inner) = self.catalogue.type_at(kind) {
            projection.insert_nested(field.index).merge(&Projection::all(inner));
        }
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn unknown(def: &TypeDef, name: &str, field: &Positioned<AstField>) -> ServerError {
    ServerError::new(
        format!("unknown field `{name}` on type `{}`", def.name),
        Some(field.pos),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use async_graphql::{Context, EmptyMutation, EmptySubscription, Json, Object, Request, Schema, Variables};
    use serde_json::json;

    use super::*;

    struct Query;

    #[Object]
    impl Query {
        async fn given(&self, ctx: &Context<'_>, input: Option<Json<serde_json::Value>>) -> Json<serde_json::Value> {
            drop(input);
            let (_, value) = ctx.item.node.arguments.first().unwrap();
            Json(given(ctx.query_env, &value.node).map_or(json!("absent"), |value| value.into_json().unwrap()))
        }
    }

    async fn answer(text: &str, variables: serde_json::Value) -> serde_json::Value {
        let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
        let request = Request::new(text).variables(Variables::from_json(variables));
        let mut data = schema
            .execute(request)
            .await
            .into_result()
            .unwrap()
            .data
            .into_json()
            .unwrap();
        data["given"].take()
    }

    #[tokio::test]
    async fn what_stands_in_a_variable_that_was_left_out_is_left_out() {
        let text = "query ($a: JSON, $b: JSON, $c: JSON = 3) { given(input: { a: $a, b: $b, c: $c, d: [$a, 1], e: { f: $a } }) }";
        assert_eq!(
            answer(text, json!({ "b": null })).await,
            json!({ "b": null, "c": 3, "d": [null, 1], "e": {} })
        );
        assert_eq!(
            answer(text, json!({ "a": "x", "c": 4 })).await,
            json!({ "a": "x", "c": 4, "d": ["x", 1], "e": { "f": "x" } })
        );
        assert_eq!(
            answer("query ($a: JSON) { given(input: $a) }", json!({})).await,
            json!("absent")
        );
    }
}
