//! Checks how the records of a type are written and compiles it: operations, their requests, rows that come with them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use indexmap::IndexMap;
use lineshaft_schema::{Catalogue, FieldDef, FieldIndex, FieldType, TypeDef, TypeIndex, Value};
use regex::Regex;
use serde_json::Map;

use super::{
    WriteCapability,
    compile_fields::Target,
    compile_steps::{OperationPlan, lay_operation},
};
use crate::{
    blueprint::{Call, KeyPart, Known, Problem, escape_pointer},
    capability::Capability,
    classify::parse_path,
    describe::DescribePlan,
    manifest::{self, Manifest, Resource, WriteOperation, suggest},
    mapping::{CompiledMapping, Custom},
    template::{JsonTemplate, is_within},
};

/// How the records of a type are written.
#[derive(Clone, Debug)]
pub(crate) struct WritePlan {
    pub(crate) capability: WriteCapability,
    pub(super) fields: Vec<Target>,
    pub(super) custom: Option<CustomTarget>,
    pub(super) reference: Option<Reference>,
    pub(super) children: BTreeMap<FieldIndex, ChildPlan>,
    pub(super) create: Option<OperationPlan>,
    pub(super) update: Option<OperationPlan>,
    pub(super) delete: Option<OperationPlan>,
    pub(super) soft_delete: Option<OperationPlan>,
    pub(super) actions: IndexMap<String, ActionPlan>,
    pub(crate) describe: Option<DescribePlan>,
    /// The field of the owner, for parts.
    pub(super) owner: Option<FieldIndex>,
}

/// What is told for an action, and its requests.
#[derive(Clone, Debug)]
pub(super) struct ActionPlan {
    pub(super) kind: TypeIndex,
    pub(super) fields: Vec<Target>,
    pub(super) operation: OperationPlan,
}

/// The field that carries our mark.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) field: FieldIndex,
    pub(super) most: Option<usize>,
}

/// Where customer-specific fields are written.
#[derive(Clone, Debug)]
pub(super) struct CustomTarget {
    pub(super) pattern: Option<Regex>,
    /// A list of rows, and where the key and the value stand in one.
    pub(super) rows: Option<(Vec<String>, Vec<String>, Vec<String>)>,
    /// The object whose members they are.
    pub(super) object: Option<Vec<String>>,
}

/// Rows that are written with their owner.
#[derive(Clone, Debug)]
pub(super) struct ChildPlan {
    pub(super) kind: TypeIndex,
    /// Fields of rows that have no resource of their own; none when they have one.
    pub(super) inline: Option<InlinePlan>,
    pub(super) create: Option<WayPlan>,
    pub(super) update: Option<WayPlan>,
}

/// Rows that stand only inside the rows of their owner.
#[derive(Clone, Debug)]
pub(super) struct InlinePlan {
    pub(super) fields: Vec<Target>,
    /// Where the key of a row stands in it.
    pub(super) key: Option<Vec<String>>,
}

/// A way to write rows with their owner.
#[derive(Clone, Debug)]
pub(super) enum WayPlan {
    Embed(Box<EmbedPlan>),
    Each,
}

/// Rows inside the row of their owner.
#[derive(Clone, Debug)]
pub(super) struct EmbedPlan {
    pub(super) to: Vec<String>,
    pub(super) create: Option<JsonTemplate>,
    pub(super) update: Option<JsonTemplate>,
    pub(super) delete: Option<JsonTemplate>,
    /// The settings of the connection, which the templates may use.
    pub(super) settings: Map<String, serde_json::Value>,
}

/// What the compilation of all types knows.
pub(crate) struct Context<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) catalogue: &'a Arc<Catalogue>,
    pub(crate) known: &'a Known,
    pub(crate) keys: &'a HashMap<String, Vec<KeyPart>>,
}

/// One type whose writes are compiled.
pub(super) struct Place<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) def: &'a TypeDef,
    pub(super) resource: &'a Resource,
    pub(super) mapping: &'a CompiledMapping,
    pub(super) write: &'a manifest::Write,
}

/// Compiles how a type is written; `capability` is what is known of reading it.
pub(crate) fn compile(
    context: &Context<'_>,
    def: &TypeDef,
    resource: &Resource,
    mapping: &CompiledMapping,
    capability: &Capability,
    pointer: &str,
    problems: &mut Vec<Problem>,
) -> Option<WritePlan> {
    let write = resource.write.as_ref()?;
    let pointer = format!("{pointer}/write");
    if !def.is_writable() {
        let message = format!("records of {} are never written", def.name);
        problems.push(Problem::new(pointer, message));
        return None;
    }
    let place = Place {
        context,
        def,
        resource,
        mapping,
        write,
    };
    Some(place.plan(capability, &pointer, problems))
}

impl Place<'_> {
    fn plan(&self, capability: &Capability, pointer: &str, problems: &mut Vec<Problem>) -> WritePlan {
        let owner = self.def.owner_field(self.context.catalogue).map(|field| field.index);
        let (inline, own): (Vec<_>, Vec<_>) = self.write.fields.iter().partition(|(name, _)| self.is_child_list(name));
        let read = |field: FieldIndex| self.mapping.field(field);
        let fields = self.targets(
            self.def,
            own.into_iter(),
            &read,
            true,
            &format!("{pointer}/fields"),
            problems,
        );
        let custom = self.custom(pointer, problems);
        let inline: IndexMap<&String, &manifest::WriteField> = inline.into_iter().collect();
        let children = self.children(&inline, pointer, problems);
        for name in inline.keys().filter(|name| !self.write.children.contains_key(**name)) {
            problems.push(
                Problem::new(
                    format!("{pointer}/fields/{}", escape_pointer(name)),
                    format!("nothing says how `{name}` are written with their owner"),
                )
                .with_help("say it under `children`"),
            );
        }
        let reference = self.client_reference(&fields, capability, pointer, problems);
        let defaults = self.context.manifest.write.as_ref();
        let mut operation = |name: &str, lower: Option<&WriteOperation>, own: Option<&WriteOperation>| {
            let mut merged = lay_operation(lower, own?);
            // What all types share does not fit those without a mark of a version.
            if own.is_some_and(|own| own.versioned.is_none()) && !self.has_native_version() {
                merged.versioned = None;
            }
            self.operation(name, &merged, &format!("{pointer}/{name}"), problems)
        };
        let create = operation(
            "create",
            defaults.and_then(|all| all.create.as_ref()),
            self.write.create.as_deref(),
        );
        let update = operation(
            "update",
            defaults.and_then(|all| all.update.as_ref()),
            self.write.update.as_deref(),
        );
        let delete = operation(
            "delete",
            defaults.and_then(|all| all.delete.as_ref()),
            self.write.delete.as_deref(),
        );
        let soft_delete = operation(
            "soft_delete",
            defaults.and_then(|all| all.soft_delete.as_ref()),
            self.write.soft_delete.as_deref(),
        );
        let actions = self.actions(pointer, problems);
        self.check_instead(&actions, pointer, problems);
        let describe = self.describe(pointer, problems);
        let mut plan = WritePlan {
            capability: WriteCapability::default(),
            fields,
            custom,
            reference,
            children,
            create,
            update,
            delete,
            soft_delete,
            actions,
            describe,
            owner,
        };
        self.check_create(&plan, pointer, problems);
        plan.capability = self.capability(&plan);
        plan
    }

    /// Returns whether a field shows rows of their own that belong to the record.
    fn is_child_list(&self, name: &str) -> bool {
        self.def.field(name).is_some_and(|field| child_kind(field).is_some())
    }

    fn custom(&self, pointer: &str, problems: &mut Vec<Problem>) -> Option<CustomTarget> {
        if !self.write.custom {
            return None;
        }
        let members = |path: &crate::path::Path| path.members().map(owned);
        let target = self.mapping.custom().map(|custom: &Custom| CustomTarget {
            pattern: custom.pattern.clone(),
            object: custom.object.as_ref().and_then(members),
            rows: custom
                .rows
                .as_ref()
                .and_then(|rows| Some((members(&rows.path)?, members(&rows.key)?, members(&rows.value)?))),
        });
        let target =
            target.filter(|target| target.pattern.is_some() || target.rows.is_some() || target.object.is_some());
        if target.is_none() {
            problems.push(Problem::new(
                format!("{pointer}/custom"),
                "`custom_fields` does not say where customer-specific fields stand",
            ));
        }
        target
    }

    fn client_reference(
        &self,
        fields: &[Target],
        capability: &Capability,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Reference> {
        let written = self.write.client_reference.as_ref()?;
        let pointer = format!("{pointer}/client_reference");
        let name = &written.field;
        let Some(field) = self.def.field(name) else {
            let known = self.def.fields.keys().map(String::as_str);
            problems.push(Problem::new(
                format!("{pointer}/field"),
                suggest::unknown(&format!("field of {}", self.def.name), name, known),
            ));
            return None;
        };
        let target = fields.iter().find(|target| target.field == field.index);
        if field.kind != FieldType::Text || field.list || !target.is_some_and(Target::on_create) {
            problems.push(Problem::new(
                format!("{pointer}/field"),
                format!("`{name}` cannot be written on new records as text"),
            ));
        }
        use lineshaft_schema::Operator::{Eq, In};
        if capability.filter(field.index, Eq).is_none() && capability.filter(field.index, In).is_none() {
            problems.push(Problem::new(
                format!("{pointer}/field"),
                format!("the system does not filter by `{name}`, so that no record is found by it"),
            ));
        }
        let most = match (written.max_length, target.and_then(|target| target.max_length)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if most.is_some_and(|most| most < 12) {
            problems.push(Problem::new(
                format!("{pointer}/max_length"),
                "a mark needs at least 12 characters",
            ));
        }
        Some(Reference {
            field: field.index,
            most,
        })
    }

    fn actions(&self, pointer: &str, problems: &mut Vec<Problem>) -> IndexMap<String, ActionPlan> {
        let mut plans = IndexMap::new();
        for (name, action) in &self.write.actions {
            let here = format!("{pointer}/actions/{}", escape_pointer(name));
            let Some(def) = self.context.catalogue.action(&self.def.name, name) else {
                let known = self.context.catalogue.actions_of(&self.def.name).map(|(name, _)| name);
                let message = suggest::unknown(&format!("action of {}", self.def.name), name, known);
                problems.push(Problem::new(here, message));
                continue;
            };
            let fields = self.targets(
                def,
                action.fields.iter(),
                &|_| None,
                false,
                &format!("{here}/fields"),
                problems,
            );
            let operation = WriteOperation {
                request: action.request.clone(),
                versioned: action.versioned.clone(),
                steps: action.steps.clone(),
                allowed_in: action.allowed_in.clone(),
                ..WriteOperation::default()
            };
            let leads_to = self.statuses(&action.leads_to, &format!("{here}/leads_to"), problems);
            if leads_to
                .iter()
                .any(|status| action.allowed_in.iter().any(|name| self.is_status(status, name)))
            {
                problems.push(
                    Problem::new(
                        format!("{here}/leads_to"),
                        "a status in which the action is allowed does not tell that it was done",
                    )
                    .with_help("leave it out of one of them; without `leads_to` people settle an unknown outcome"),
                );
            }
            if let Some(mut operation) = self.operation(name, &operation, &here, problems) {
                operation.leads_to = leads_to;
                let kind = def.index;
                plans.insert(
                    name.clone(),
                    ActionPlan {
                        kind,
                        fields,
                        operation,
                    },
                );
            }
        }
        plans
    }

    /// Reads names of values of `status`.
    pub(super) fn statuses(&self, names: &[String], pointer: &str, problems: &mut Vec<Problem>) -> Vec<Value> {
        if names.is_empty() {
            return Vec::new();
        }
        let field = self.def.field("status");
        let def = field.and_then(|field| match field.kind {
            FieldType::Enum(index) => Some((index, self.context.catalogue.enum_at(index)?)),
            _ => None,
        });
        let Some((index, def)) = def else {
            problems.push(Problem::new(pointer, format!("{} has no status", self.def.name)));
            return Vec::new();
        };
        if field.and_then(|field| self.mapping.field(field.index)).is_none() {
            problems.push(Problem::new(
                pointer,
                "`status` is not mapped, so that nobody can tell it",
            ));
        }
        let mut values = Vec::new();
        for (at, name) in names.iter().enumerate() {
            match def.value_index(name) {
                Some(value) => values.push(Value::Enum(index, value)),
                None => problems.push(Problem::new(
                    format!("{pointer}/{at}"),
                    suggest::unknown(
                        &format!("value of {}", def.name),
                        name,
                        def.values.keys().map(String::as_str),
                    ),
                )),
            }
        }
        values
    }

    fn is_status(&self, status: &Value, name: &str) -> bool {
        let Value::Enum(index, value) = status else {
            return false;
        };
        let def = self.context.catalogue.enum_at(*index);
        def.and_then(|def| def.value_index(name)) == Some(*value)
    }

    /// Checks that a new record can be found and taken back.
    fn check_create(&self, plan: &WritePlan, pointer: &str, problems: &mut Vec<Problem>) {
        let Some(create) = &plan.create else { return };
        let pointer = format!("{pointer}/create");
        let mut changing = create.steps.iter().filter(|step| step.call.changes());
        let first = changing.next();
        let each = plan
            .children
            .values()
            .any(|child| matches!(child.create, Some(WayPlan::Each)));
        let goes_on = each || changing.next().is_some() || first.is_some_and(|step| step.for_each.is_some());
        let delete = plan.delete.as_ref();
        let removes = delete.is_some_and(|delete| delete.steps.len() == 1 && !delete.reads_first);
        if goes_on && create.undo.is_none() && !removes {
            problems.push(
                Problem::new(
                    pointer.clone(),
                    "what was begun could not be taken back when a later part fails",
                )
                .with_help("give `undo`, or a `delete` of one request"),
            );
        }
        let place = plan.reference.as_ref().and_then(|reference| {
            let target = plan.fields.iter().find(|target| target.field == reference.field)?;
            target.places().pop()
        });
        let carries = |call: &Call| {
            let mut names = call.variables();
            place.as_deref().is_none_or(|place| {
                let leads_there = |name: &str| name.strip_prefix("row.").is_some_and(|name| is_within(place, name));
                names.any(|name| name == "row" || name == "client_reference" || leads_there(name))
            })
        };
        if plan.reference.is_some() && first.is_some_and(|step| !carries(&step.call)) {
            problems.push(Problem::new(
                pointer,
                "the first request that changes something does not carry the mark of `client_reference`",
            ));
        }
    }

    fn check_instead(&self, actions: &IndexMap<String, ActionPlan>, pointer: &str, problems: &mut Vec<Problem>) {
        let own = [
            ("create", self.write.create.is_some()),
            ("update", self.write.update.is_some()),
            ("delete", self.write.delete.is_some()),
        ];
        for name in self.write.instead.keys() {
            let here = format!("{pointer}/instead/{}", escape_pointer(name));
            let is_there = match own.iter().find(|(own, _)| own == name) {
                Some((_, is_there)) => *is_there,
                None if self.context.catalogue.action(&self.def.name, name).is_some() => actions.contains_key(name),
                None => {
                    let all = self.context.catalogue.actions_of(&self.def.name).map(|(name, _)| name);
                    let known = own.iter().map(|(name, _)| *name).chain(all);
                    problems.push(Problem::new(here, suggest::unknown("operation", name, known)));
                    continue;
                }
            };
            if is_there {
                problems.push(Problem::new(here, format!("`{name}` is there, nothing serves instead")));
            }
        }
    }

    fn describe(&self, pointer: &str, problems: &mut Vec<Problem>) -> Option<DescribePlan> {
        let defaults = self.context.manifest.write.as_ref();
        let describe = self
            .write
            .describe
            .as_ref()
            .or(defaults.and_then(|all| all.describe.as_ref()))?;
        DescribePlan::compile(describe, self.context.known, &format!("{pointer}/describe"), problems)
    }
}

impl WritePlan {
    /// Returns whether settings are filled into its codecs or its templates of rows.
    pub(crate) fn takes_settings(&self) -> bool {
        let ways = |child: &ChildPlan| {
            let mut ways = [&child.create, &child.update].into_iter().flatten();
            ways.any(|way| matches!(way, WayPlan::Embed(_)))
        };
        let inline = self.children.values().filter_map(|child| child.inline.as_ref());
        let mut fields = self
            .fields
            .iter()
            .chain(self.actions.values().flat_map(|action| &action.fields))
            .chain(inline.flat_map(|inline| &inline.fields));
        self.children.values().any(ways) || fields.any(Target::takes_settings)
    }

    /// Fills settings into codecs, such as the zone of date-times without one.
    pub(crate) fn with_settings(&self, settings: &Map<String, serde_json::Value>) -> Result<Self, String> {
        let mut bound = self.clone();
        let ways = bound
            .children
            .values_mut()
            .flat_map(|child| [&mut child.create, &mut child.update]);
        for way in ways.flatten() {
            if let WayPlan::Embed(embed) = way {
                embed.settings.clone_from(settings);
            }
        }
        let inline = bound.children.values_mut().filter_map(|child| child.inline.as_mut());
        let fields = bound
            .fields
            .iter_mut()
            .chain(bound.actions.values_mut().flat_map(|action| &mut action.fields))
            .chain(inline.flat_map(|inline| &mut inline.fields));
        for target in fields {
            target.bind(settings)?;
        }
        Ok(bound)
    }
}

/// Returns the type of the rows that a writable list shows; none when the field is no such list.
pub(super) fn child_kind(field: &FieldDef) -> Option<TypeIndex> {
    let kind = match field.kind {
        FieldType::Object(kind) | FieldType::Reference(kind) => kind,
        _ => return None,
    };
    let is_written = field.list && field.reverse.is_some() && field.writable.on_create();
    is_written.then_some(kind)
}

/// Parses a path to write to.
pub(super) fn path_to(text: &str, pointer: &str, problems: &mut Vec<Problem>) -> Option<Vec<String>> {
    let path = parse_path(text, pointer, problems)?;
    let members = path.members().map(owned);
    if members.is_none() {
        problems.push(Problem::new(
            pointer,
            format!("`{text}` is not a place to write to: names joined by dots"),
        ));
    }
    members
}

pub(super) fn owned(members: Vec<&str>) -> Vec<String> {
    members.into_iter().map(str::to_owned).collect()
}
