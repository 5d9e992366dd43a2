//! One write under way: which request follows, what the answers mean, what is done at the end. Pure; no IO.

use std::{collections::VecDeque, sync::Arc};

use chrono::{DateTime, Utc};
use lineshaft_schema::{FieldIndex, Projection, Record, RemoteKey, TypeDef, Value};
use serde_json::{Map, Value as Json};

use super::{
    Act, UserError, UserErrorCode, WriteRequest,
    backward::{Backward, Changes, Given, Occasion, Source, at, lay, wrong},
    backward_children::{LaterRow, Owner, Rows, with_owner},
    compile::WritePlan,
    compile_steps::{OperationPlan, StepPlan},
    run_scope::Item,
};
use crate::{
    blueprint::{Blueprint, ResourcePlan, key_rows},
    codec::shown,
    error::{Error, ErrorKind},
    manifest::Sends,
    request::RequestPlan,
    template::{Variables, find_in},
};

/// What comes next in a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The record is read freshly, with [`Run::projection`], and handed to [`Run::read`].
    Read,
    /// A request is sent: [`Run::request`], then [`Run::answered`].
    Send {
        /// Name of the step; empty when there is only one.
        step: String,
        /// Whether it changes something.
        changes: bool,
    },
    /// A row that belongs to the record is written by a write of its own, then [`Run::wrote`]. With the place of the row
    /// in the input, which is put before the paths of its errors.
    Write(Box<WriteRequest>, Vec<String>),
    /// Everything is done.
    Done {
        /// The record; none when it is gone.
        key: Option<RemoteKey>,
        /// What the system remarked.
        warnings: Vec<String>,
    },
}

/// One write under way.
#[derive(Clone, Debug)]
pub struct Run {
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) request: WriteRequest,
    pub(super) now: DateTime<Utc>,
    pub(super) operation: OperationPlan,
    /// What the fields say, by place in the row.
    changes: Changes,
    pub(super) rows: Rows,
    pub(super) later: VecDeque<LaterRow>,
    /// Where everything came from, for refusals.
    pub(super) sources: Vec<Source>,
    pub(super) row: Json,
    pub(super) current: Option<(Json, Arc<Record>)>,
    reads: bool,
    rehearses: bool,
    /// Whether there is nothing to send for the record itself.
    pub(super) idle: bool,
    pub(super) at: usize,
    pub(super) item: usize,
    pub(super) kept: Map<String, Json>,
    /// In dry runs, what steps would have kept that are not sent.
    pub(super) never_kept: Vec<String>,
    pub(super) key: Option<RemoteKey>,
    pub(super) warnings: Vec<String>,
}

impl Run {
    /// Checks and maps a write. Nothing is sent yet.
    ///
    /// # Errors
    /// Returns everything that is wrong with it.
    pub fn start(
        blueprint: &Arc<Blueprint>,
        request: &WriteRequest,
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<UserError>> {
        Self::prepare(blueprint, request, now, false)
    }

    /// Checks and maps a write; `shows_owner` says that the owner of the row is not there yet.
    pub(super) fn prepare(
        blueprint: &Arc<Blueprint>,
        request: &WriteRequest,
        now: DateTime<Utc>,
        shows_owner: bool,
    ) -> Result<Self, Vec<UserError>> {
        let resource = blueprint.resource(request.kind);
        let plan = resource.and_then(ResourcePlan::write_plan);
        let def = blueprint.catalogue().type_at(request.kind);
        let operation = plan.and_then(|plan| plan.operation(&request.act));
        let (Some(resource), Some(plan), Some(def), Some(operation)) = (resource, plan, def, operation) else {
            return Err(vec![unsupported(plan, def, &request.act)]);
        };
        let mut errors = Vec::new();
        let length = resource.parts.key.len();
        match &request.key {
            Some(_) if request.act == Act::Create => {
                errors.push(wrong(&[], UserErrorCode::InvalidValue, "a new record has no key yet"));
            }
            None if request.act != Act::Create => {
                errors.push(wrong(&[], UserErrorCode::NotFound, "no record is named"));
            }
            Some(key) if key.parts().len() != length || key_rows(&resource.parts.key, None, key).is_none() => {
                errors.push(wrong(
                    &[],
                    UserErrorCode::NotFound,
                    format!("there is no record `{key}`"),
                ));
            }
            _ => {}
        }
        let has_version = def
            .field("version")
            .is_some_and(|field| resource.mapping.field(field.index).is_some());
        if request.expected_version.is_some() && (!has_version || request.act == Act::Create) {
            let path = ["expectedVersion".to_owned()];
            let message = "such records have no version in this connection";
            errors.push(wrong(&path, UserErrorCode::InvalidValue, message));
        }
        let mut backward = Backward {
            blueprint: blueprint.as_ref(),
            now,
            shows_owner,
            errors,
            sources: Vec::new(),
        };
        let mut changes = Changes::new();
        let marked;
        let mut request = request;
        if let Some((field, mark)) = resource.mark(request) {
            let mut with_mark = request.clone();
            with_mark.input.values.insert(field, Value::Text(mark));
            marked = with_mark;
            request = &marked;
        }
        plan.map_input(&mut backward, def, request, &operation, &mut changes);
        let rows = backward.children(&Owner { plan, def, request });
        let Backward {
            mut errors, sources, ..
        } = backward;
        let raw = &request.input.raw;
        let embeds = !rows.embedded.is_empty();
        let is_update = request.act == Act::Update;
        let idle = is_update && changes.is_empty() && raw.is_empty() && !embeds;
        if idle && rows.later.is_empty() && errors.is_empty() {
            errors.push(wrong(
                &[],
                UserErrorCode::Required,
                "nothing is given that could be changed",
            ));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let is_bounded = request.act != Act::Create && resource.is_scoped();
        let compares = request.expected_version.is_some() && (!operation.native_lock || idle);
        let mut run = Self {
            blueprint: Arc::clone(blueprint),
            request: request.clone(),
            now,
            reads: is_bounded || compares || (operation.reads_first && !idle),
            later: rows.later.iter().cloned().collect(),
            operation,
            changes,
            rows,
            sources,
            row: Json::Null,
            current: None,
            rehearses: false,
            idle,
            at: 0,
            item: 0,
            kept: Map::new(),
            never_kept: Vec::new(),
            key: request.key.clone(),
            warnings: Vec::new(),
        };
        // Where the whole record is sent, the row is put together once it was read.
        if !(run.reads && run.operation.sends == Sends::Whole) {
            run.build_row().map_err(|error| vec![error])?;
        }
        Ok(run)
    }

    /// Makes it a dry run: the record is read first whatever the requests need, and its status is checked against those
    /// in which the system allows it. After [`Next::Read`] was dealt with, [`Run::dry`] gives the requests.
    pub fn rehearse(&mut self) {
        self.rehearses = true;
        self.reads |= self.request.act != Act::Create;
    }

    /// Returns what comes next; the same until it was dealt with.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "it never ends by itself: the same until it was dealt with"
    )]
    pub fn next(&mut self) -> Next {
        if self.reads && self.current.is_none() {
            return Next::Read;
        }
        if let Some(step) = self.step() {
            return Next::Send {
                step: step.name.clone(),
                changes: step.call.changes(),
            };
        }
        if let Some(row) = self.later.front() {
            let owner = self.key.clone().unwrap_or_default();
            return Next::Write(Box::new(with_owner(&row.request, row.owner, &owner)), row.path.clone());
        }
        let is_gone = matches!(self.request.act, Act::Delete)
            || (self.request.act == Act::SoftDelete && self.writes().is_some_and(|plan| plan.soft_delete.is_none()));
        Next::Done {
            key: self.key.clone().filter(|_| !is_gone),
            warnings: self.warnings.clone(),
        }
    }

    /// Returns what [`Next::Read`] reads: the raw row and the fields that are compared.
    #[must_use]
    pub fn projection(&self) -> Projection {
        let mut projection = Projection::default();
        projection.raw = true;
        let def = self.definition();
        for name in ["version", "status"] {
            if let Some(field) = def.and_then(|def| def.field(name)) {
                projection.insert(field.index);
            }
        }
        if let Some(owner) = self.writes().and_then(|plan| plan.owner) {
            projection.insert(owner);
        }
        projection
    }

    /// Plans the request of [`Next::Send`]; it may be planned again with another session.
    ///
    /// # Errors
    /// Names the variable that has no value.
    pub fn request(&self, variables: &Variables<'_>) -> Result<RequestPlan, Error> {
        let nothing = || Error::new(ErrorKind::Internal, "nothing is to be sent");
        let step = self.operation.steps.get(self.at).ok_or_else(nothing)?;
        let item = self.items(step).and_then(|items| items.into_iter().nth(self.item));
        let item = item.map(|value| Item {
            value,
            index: self.item + 1,
        });
        self.plan(step, item, variables, false)
    }

    pub(super) fn plan(
        &self,
        step: &StepPlan,
        item: Option<Item>,
        variables: &Variables<'_>,
        shows: bool,
    ) -> Result<RequestPlan, Error> {
        let resource = self
            .resource()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the type is not mapped"))?;
        let expects = self.request.expected_version.is_some();
        let call = step.versioned.as_ref().filter(|_| expects).unwrap_or(&step.call);
        self.plan_call(call, resource, item, variables, shows)
    }

    /// Takes the record as it was read for [`Next::Read`]; none when there is no such record.
    ///
    /// # Errors
    /// Returns that it does not exist, has another version than was expected, or (in dry runs) does not allow the write.
    pub fn read(&mut self, row: Option<(Json, Arc<Record>)>) -> Result<(), UserError> {
        let Some((row, record)) = row else {
            let key = self.key.as_ref().map(ToString::to_string).unwrap_or_default();
            return Err(wrong(
                &[],
                UserErrorCode::NotFound,
                format!("there is no record `{key}`"),
            ));
        };
        let def = self.definition();
        let value = |name: &str| {
            let field = def.and_then(|def| def.field(name));
            field.map_or(&Value::Null, |field| record.get(field.index))
        };
        if let Some(expected) = &self.request.expected_version
            && *value("version") != Value::Text(expected.clone())
        {
            let message = "the record was changed meanwhile: it has another version than was expected";
            return Err(wrong(&[], UserErrorCode::VersionConflict, message));
        }
        let status = value("status");
        if self.rehearses && !self.operation.allowed_in.is_empty() && !self.operation.allowed_in.contains(status) {
            let text = |value: &Value| match shown(value, self.blueprint.catalogue()) {
                Json::String(text) => text,
                other => other.to_string(),
            };
            let allowed: Vec<String> = self.operation.allowed_in.iter().map(text).collect();
            let message = format!("the status is {}; it must be {}", text(status), allowed.join(" or "));
            return Err(wrong(&[], UserErrorCode::StatusForbids, message));
        }
        self.current = Some((row, record));
        self.build_row()
    }

    /// Takes note that the row of [`Next::Write`] was written.
    pub fn wrote(&mut self) {
        self.later.pop_front();
    }

    /// Returns the write as it stands at each element that the next step is still to be sent for, where none of these
    /// requests waits for the answer to another; nothing where they are sent one after the other.
    pub(crate) fn elements_left(&self) -> Vec<Self> {
        let Some(step) = self.operation.steps.get(self.at).filter(|step| step.call.changes()) else {
            return Vec::new();
        };
        let keeps = !step.keep.is_empty();
        let is_kept = |name: &Option<String>| name.as_ref().is_some_and(|name| name.starts_with("kept."));
        let waits = keeps && (step.call.uses_below("kept") || is_kept(&step.when) || is_kept(&step.unless));
        if waits || self.key.is_none() {
            return Vec::new();
        }
        let count = self.items(step).map_or(0, |items| items.len());
        let at = |item| Self { item, ..self.clone() };
        (self.item..count).map(at).collect()
    }

    /// Returns the rows that are still to be written by writes of their own, each with its place in the input.
    pub(crate) fn rows_left(&self) -> Vec<(WriteRequest, Vec<String>)> {
        let owner = self.key.clone().unwrap_or_default();
        let rows = self.later.iter();
        rows.map(|row| (with_owner(&row.request, row.owner, &owner), row.path.clone()))
            .collect()
    }

    /// Takes note that all those rows were written.
    pub(crate) fn wrote_all(&mut self) {
        self.later.clear();
    }

    /// Returns the key of the record, as soon as it is known.
    #[must_use]
    pub fn key(&self) -> Option<&RemoteKey> {
        self.key.as_ref()
    }

    /// Moves to the next step that is to be sent, and returns it.
    fn step(&mut self) -> Option<StepPlan> {
        if self.idle {
            return None;
        }
        while let Some(step) = self.operation.steps.get(self.at) {
            let own = self.values(None);
            let is_wanted = step
                .when
                .as_ref()
                .is_none_or(|name| find_in(&own, name).is_some_and(has_value));
            let is_unwanted = step
                .unless
                .as_ref()
                .is_some_and(|name| find_in(&own, name).is_some_and(has_value));
            let has_item = self.items(step).is_none_or(|items| self.item < items.len());
            if is_wanted && !is_unwanted && has_item {
                return Some(step.clone());
            }
            self.at += 1;
            self.item = 0;
        }
        None
    }

    /// Returns what a step is sent for; none when it is sent once.
    pub(super) fn items(&self, step: &StepPlan) -> Option<Vec<Json>> {
        let name = step.for_each.as_ref()?;
        let own = self.values(None);
        Some(match find_in(&own, name) {
            Some(Json::Array(list)) => list.clone(),
            Some(Json::Null) | None => Vec::new(),
            Some(one) => vec![one.clone()],
        })
    }

    /// Puts the row together that is sent.
    fn build_row(&mut self) -> Result<(), UserError> {
        let whole = self.operation.sends == Sends::Whole;
        let mut row = match (&self.current, whole) {
            (Some((Json::Object(current), _)), true) => current.clone(),
            _ => Map::new(),
        };
        for (to, json) in &self.changes {
            lay(&mut row, to, json.clone());
        }
        let current = self.current.as_ref().map(|(row, _)| row);
        for (name, embedded) in &self.rows.embedded {
            if self.operation.places_children.contains(name) {
                continue;
            }
            let present = current.and_then(|row| at(row, &embedded.to));
            let list = if whole {
                embedded.whole(present)?
            } else {
                embedded.rows.clone()
            };
            lay(&mut row, &embedded.to, Json::Array(list));
        }
        row.extend(self.request.input.raw.clone());
        self.row = Json::Object(row);
        Ok(())
    }

    pub(crate) fn resource(&self) -> Option<&ResourcePlan> {
        self.blueprint.resource(self.request.kind)
    }

    pub(super) fn definition(&self) -> Option<&TypeDef> {
        self.blueprint.catalogue().type_at(self.request.kind)
    }

    pub(super) fn writes(&self) -> Option<&WritePlan> {
        self.resource().and_then(ResourcePlan::write_plan)
    }
}

impl WritePlan {
    /// Returns the operation of an act.
    fn operation(&self, act: &Act) -> Option<OperationPlan> {
        match act {
            Act::Create => self.create.clone(),
            Act::Update => self.update.clone(),
            Act::Delete => self.delete.clone(),
            Act::SoftDelete => self.soft_delete.clone().or_else(|| self.delete.clone()),
            Act::Action(name) => self.actions.get(name).map(|action| action.operation.clone()),
        }
    }

    fn map_input(
        &self,
        backward: &mut Backward<'_>,
        def: &TypeDef,
        request: &WriteRequest,
        operation: &OperationPlan,
        changes: &mut Changes,
    ) {
        let catalogue = backward.blueprint.catalogue();
        let placed: Option<FieldIndex> = self.owner.filter(|_| operation.uses_owner);
        let (def, targets, occasion, placed) = match &request.act {
            Act::Create => (def, self.fields.as_slice(), Occasion::Create, placed),
            Act::Update => (def, self.fields.as_slice(), Occasion::Update, placed),
            Act::Delete | Act::SoftDelete => (def, [].as_slice(), Occasion::Action, None),
            Act::Action(name) => match self.actions.get(name) {
                Some(action) => (
                    catalogue.type_at(action.kind).unwrap_or(def),
                    action.fields.as_slice(),
                    Occasion::Action,
                    None,
                ),
                None => return,
            },
        };
        let given = Given {
            def,
            targets,
            values: &request.input.values,
            occasion,
            placed,
        };
        backward.fields(&given, &[], changes);
        backward.custom(self.custom.as_ref(), &request.input, &[], changes);
    }
}

/// Tells what serves instead of an operation that is not there.
fn unsupported(plan: Option<&WritePlan>, def: Option<&TypeDef>, act: &Act) -> UserError {
    let name = def.map_or("such records", |def| def.name.as_str());
    let mut message = format!("this connection cannot {} {name}", act.name());
    if let Some(plan) = plan {
        let capability = &plan.capability;
        if *act == Act::Delete && capability.soft_delete.is_some() {
            message.push_str("; the mode SYSTEM_DEFAULT removes it as the system does");
        } else if let Some(instead) = capability.instead.get(act.name()) {
            message.push_str(&match capability.actions.contains_key(instead) {
                true => format!("; `{instead}` serves instead"),
                false => format!("; {instead}"),
            });
        }
    }
    wrong(&[], UserErrorCode::OperationNotSupported, message)
}

/// Returns whether a variable says something.
pub(super) fn has_value(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(value) => *value,
        Json::String(text) => !text.is_empty(),
        Json::Array(list) => !list.is_empty(),
        Json::Object(members) => !members.is_empty(),
        Json::Number(_) => true,
    }
}
