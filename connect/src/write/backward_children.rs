//! Rows that are written with their owner: inside its row, or one by one after it.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use lineshaft_schema::{FieldIndex, RemoteKey, TypeDef, Value};
use serde_json::{Map, Value as Json};

use super::{
    Act, ChildChange, Input, NamedRow, UserError, UserErrorCode, WriteRequest,
    backward::{Backward, Changes, Given, Occasion, at, below, lay, row_of, wrong},
    compile::{ChildPlan, EmbedPlan, WayPlan, WritePlan},
    run_scope::key_json,
};
use crate::{
    blueprint::ResourcePlan,
    template::{JsonTemplate, Scope, SecretMap, Variables},
};

/// A row that is written by a write of its own.
#[derive(Clone, Debug)]
pub(super) struct LaterRow {
    pub(super) request: WriteRequest,
    /// The field that refers to the owner.
    pub(super) owner: Option<FieldIndex>,
    /// Where the row stands in the input.
    pub(super) path: Vec<String>,
}

/// Rows inside the row of their owner.
#[derive(Clone, Debug, Default)]
pub(super) struct Embedded {
    /// Where the list stands.
    pub(super) to: Vec<String>,
    /// New rows, changed rows, removed rows, as the list wants them.
    pub(super) rows: Vec<Json>,
    /// The same by key, to be laid over the present list: none for rows that are removed.
    pub(super) known: Vec<KnownRow>,
    pub(super) new: Vec<Json>,
    /// Where the key stands in a present row.
    pub(super) key: Option<Vec<String>>,
}

/// A row that is there already, and what becomes of it.
#[derive(Clone, Debug)]
pub(super) struct KnownRow {
    key: RemoteKey,
    /// None when it is removed.
    change: Option<Json>,
    /// Where it stands in the input.
    path: Vec<String>,
}

/// What becomes of the rows of a write.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) embedded: BTreeMap<String, Embedded>,
    pub(super) later: Vec<LaterRow>,
    /// Rows that must be read to know whose they are.
    pub(super) named: Vec<NamedRow>,
}

/// The record whose rows are written.
pub(super) struct Owner<'o> {
    pub(super) plan: &'o WritePlan,
    pub(super) def: &'o TypeDef,
    pub(super) request: &'o WriteRequest,
}

impl Backward<'_> {
    /// Turns the rows that belong to a record back.
    pub(super) fn children(&mut self, owner: &Owner<'_>) -> Rows {
        let mut rows = Rows::default();
        for (index, changes) in &owner.request.input.children {
            let Some(field) = owner.def.field_at(*index) else {
                continue;
            };
            if changes.is_empty() {
                continue;
            }
            let path = vec![field.name.clone()];
            let child = owner.plan.children.get(index);
            let way = child.and_then(|child| match owner.request.act {
                Act::Create => child.create.as_ref(),
                Act::Update => child.update.as_ref(),
                _ => None,
            });
            let (Some(child), Some(way)) = (child, way) else {
                let message = format!("this connection cannot write `{}` with the record", field.name);
                self.tell(&path, UserErrorCode::NotWritable, message);
                continue;
            };
            let mut counts: IndexMap<&str, usize> = IndexMap::new();
            let mut embedded = Embedded::default();
            for (at, change) in changes.iter().enumerate() {
                let word = match change {
                    ChildChange::Create(_) => "create",
                    ChildChange::Update(..) => "update",
                    ChildChange::Delete(_) => "delete",
                };
                let count = counts.entry(word).or_default();
                let here = match owner.request.act {
                    Act::Update => below(&below(&path, word), &count.to_string()),
                    _ => below(&path, &at.to_string()),
                };
                *count += 1;
                self.own_row(owner, child, change, &here, &mut rows);
                match way {
                    WayPlan::Embed(embed) => self.embed(child, embed, change, &here, &mut embedded),
                    WayPlan::Each => self.later(owner, child, change, &here, &mut rows.later),
                }
            }
            if let WayPlan::Embed(embed) = way {
                embedded.to.clone_from(&embed.to);
                rows.embedded.insert(field.name.clone(), embedded);
            }
        }
        rows
    }

    /// Turns a row back that is written by the operations of its own type.
    fn later(
        &mut self,
        owner: &Owner<'_>,
        child: &ChildPlan,
        change: &ChildChange,
        path: &[String],
        later: &mut Vec<LaterRow>,
    ) {
        let plan = self.blueprint.resource(child.kind).and_then(ResourcePlan::write_plan);
        let (act, key, input) = match change {
            ChildChange::Create(input) => (Act::Create, None, input.clone()),
            ChildChange::Update(key, input) => (Act::Update, Some(key.clone()), input.clone()),
            // Rows that the system does not remove for good are removed as it does.
            ChildChange::Delete(key) if plan.is_some_and(|plan| plan.capability.delete.is_none()) => {
                (Act::SoftDelete, Some(key.clone()), Input::default())
            }
            ChildChange::Delete(key) => (Act::Delete, Some(key.clone()), Input::default()),
        };
        let can = plan.is_some_and(|plan| plan.capability.operation(&act).is_some());
        let Some(plan) = plan.filter(|_| can) else {
            let message = format!("this connection cannot {} such rows", act.name());
            self.tell(path, UserErrorCode::NotWritable, message);
            return;
        };
        // Checked now, so that everything wrong is told before anything is sent.
        let mut unused = Changes::new();
        let sources = self.sources.len();
        match &act {
            Act::Create => self.child_fields(child, &input, Occasion::Create, path, &mut unused),
            Act::Update => self.child_fields(child, &input, Occasion::Update, path, &mut unused),
            _ => {}
        }
        self.sources.truncate(sources);
        let reference = format!("{}{}", owner.request.client_reference, later.len() + 1);
        later.push(LaterRow {
            owner: plan.owner,
            path: path.to_vec(),
            request: WriteRequest {
                kind: child.kind,
                act,
                key,
                input,
                expected_version: None,
                client_reference: reference.into(),
            },
        });
    }

    /// Turns the fields of a row back, wherever it says which can be written.
    fn child_fields(
        &mut self,
        child: &ChildPlan,
        input: &Input,
        occasion: Occasion,
        path: &[String],
        changes: &mut Changes,
    ) {
        let blueprint = self.blueprint;
        let plan = blueprint.resource(child.kind).and_then(ResourcePlan::write_plan);
        let targets = match (&child.inline, plan) {
            (Some(inline), _) => &inline.fields,
            (None, Some(plan)) => &plan.fields,
            (None, None) => return,
        };
        let catalogue = blueprint.catalogue();
        let Some(def) = catalogue.type_at(child.kind) else {
            return;
        };
        // The owner is known by the place where the row stands.
        let owner = def.owner_field(catalogue).map(|field| field.index);
        let targets: Vec<_> = targets
            .iter()
            .filter(|target| Some(target.field) != owner)
            .cloned()
            .collect();
        let given = Given {
            def,
            targets: &targets,
            values: &input.values,
            occasion,
            placed: owner,
        };
        self.fields(&given, path, changes);
        let custom = plan
            .filter(|_| child.inline.is_none())
            .and_then(|plan| plan.custom.as_ref());
        self.custom(custom, input, path, changes);
        for (index, rows) in &input.children {
            if let Some(field) = def.field_at(*index).filter(|_| !rows.is_empty()) {
                let message = format!("`{}` are not written with their owner here", field.name);
                self.tell(&below(path, &field.name), UserErrorCode::NotWritable, message);
            }
        }
    }

    fn embed(
        &mut self,
        child: &ChildPlan,
        embed: &EmbedPlan,
        change: &ChildChange,
        path: &[String],
        embedded: &mut Embedded,
    ) {
        let (template, key, input, occasion) = match change {
            ChildChange::Create(input) => (&embed.create, None, Some(input), Occasion::Create),
            ChildChange::Update(key, input) => (&embed.update, Some(key), Some(input), Occasion::Update),
            ChildChange::Delete(key) => (&embed.delete, Some(key), None, Occasion::Update),
        };
        let Some(template) = template else {
            let message = match change {
                ChildChange::Create(_) => "rows cannot be added here",
                ChildChange::Update(..) => "rows cannot be changed here",
                ChildChange::Delete(_) => "rows cannot be removed here",
            };
            self.tell(path, UserErrorCode::NotWritable, message);
            return;
        };
        let mut changes = Changes::new();
        let before = self.sources.len();
        if let Some(input) = input {
            self.child_fields(child, input, occasion, path, &mut changes);
        }
        self.nest_sources(before, &embed.to);
        let mut row = row_of(changes);
        if let (Some(row), Some(input)) = (row.as_object_mut(), input) {
            row.extend(input.raw.clone());
        }
        let resource = self.blueprint.resource(child.kind);
        let is_inline = child.inline.is_some();
        embedded.key = match (&child.inline, resource) {
            (Some(inline), _) => inline.key.clone(),
            (None, Some(resource)) => resource
                .mapping
                .key_paths()
                .last()
                .and_then(|path| Some(path.members()?.into_iter().map(str::to_owned).collect())),
            (None, None) => None,
        };
        let known = key.map(|key| match (is_inline, resource) {
            // Rows without a resource have the key of their owner and one part more.
            (true, _) | (_, None) => Some(key.parts().last().map_or(Json::Null, |part| part.as_str().into())),
            (false, Some(resource)) => key_json(&resource.parts.key, key),
        });
        if let (Some(None), Some(key)) = (&known, key) {
            self.tell(path, UserErrorCode::NotFound, format!("there is no row `{key}`"));
            return;
        }
        let known = known.flatten();
        let remote = resource.map_or("", ResourcePlan::remote);
        match render(template, &embed.settings, remote, row.clone(), known) {
            Ok(json) => {
                match (change, key) {
                    (ChildChange::Create(_), _) => embedded.new.push(json.clone()),
                    (_, Some(key)) => embedded.known.push(KnownRow {
                        key: key.clone(),
                        change: matches!(change, ChildChange::Update(..)).then(|| json.clone()),
                        path: path.to_vec(),
                    }),
                    _ => {}
                }
                embedded.rows.push(json);
            }
            Err(message) => self.tell(path, UserErrorCode::InvalidValue, message),
        }
    }
}

fn render(
    template: &JsonTemplate,
    settings: &Map<String, Json>,
    remote: &str,
    row: Json,
    key: Option<Json>,
) -> Result<Json, String> {
    let none = SecretMap::new();
    let variables = Variables {
        settings,
        credentials: &none,
        session: &none,
    };
    let mut scope = Scope::new(&variables)
        .leaving_out()
        .with("resource.remote", remote)
        .with("row", row);
    if let Some(key) = key {
        let first = if key.is_array() { None } else { Some(key.clone()) };
        scope = scope.with("key", key);
        if let Some(first) = first {
            scope = scope.with("key.0", first);
        }
    }
    template.render(&scope)
}

impl Embedded {
    /// Returns the whole list: the present rows with the changes laid over them.
    ///
    /// # Errors
    /// Tells of the first row that is not among the present ones.
    pub(super) fn whole(&self, present: Option<&Json>) -> Result<Vec<Json>, UserError> {
        let mut rows = present.and_then(Json::as_array).cloned().unwrap_or_default();
        let is = |row: &Json, key: &RemoteKey| {
            let own = self.key.as_ref().and_then(|path| at(row, path));
            let own = own.map(|own| own.as_str().map_or_else(|| own.to_string(), str::to_owned));
            own.as_deref() == key.parts().last().map(|part| part.as_str())
        };
        for KnownRow { key, change, path } in &self.known {
            let Some(found) = rows.iter().position(|row| is(row, key)) else {
                let message = format!("the record has no row `{key}`");
                return Err(wrong(path, UserErrorCode::NotFound, message));
            };
            match (change, rows.get_mut(found)) {
                (Some(Json::Object(change)), Some(Json::Object(row))) => {
                    for (name, value) in change {
                        lay(row, std::slice::from_ref(name), value.clone());
                    }
                }
                (Some(change), Some(row)) => *row = change.clone(),
                _ => rows.retain(|row| !is(row, key)),
            }
        }
        rows.extend(self.new.iter().cloned());
        Ok(rows)
    }
}

/// Puts the key of an owner into the values of a row.
pub(super) fn with_owner(request: &WriteRequest, field: Option<FieldIndex>, owner: &RemoteKey) -> WriteRequest {
    let mut request = request.clone();
    if let (Some(field), Act::Create) = (field, &request.act) {
        request.input.values.insert(field, Value::Reference(owner.clone()));
    }
    request
}
