//! How the objects of a system are listed, described and sampled, also those that no mapping names.

use std::sync::Arc;

use lineshaft_schema::{
    Catalogue, TypeIndex,
    extend::{AddedEntity, Additions},
};
use serde_json::{Map, Value};

use super::{
    Blueprint, Problem, ResourcePlan,
    call::{Base, Call, Known},
    compile::compile_alone,
};
use crate::{
    classify::{BodyCheck, parse_path},
    describe::{DescribePlan, MOST_OBJECTS, RemoteObject, odata_sets},
    error::{Error, ErrorKind},
    json,
    manifest::{CustomFields, DiscoverObjects, Manifest, ObjectsForm, OneOrMany, Resource, Select},
    path::Path,
    request::{RequestPlan, complete_headers},
    template::{Scope, TextTemplate, Variables},
};

/// The type of an object whose rows are only looked at.
const SAMPLED: &str = "SampledObject";

/// Most names that are asked for where a system cannot be asked for everything.
const MOST_NAMES: usize = 500;

/// How a system tells what it has.
#[derive(Debug, Default)]
pub(crate) struct DiscoveryPlan {
    objects: Option<ObjectsPlan>,
    describe: Option<DescribePlan>,
    /// The model with a type for objects that are only looked at, where they can be read.
    sampled: Option<Arc<Catalogue>>,
}

#[derive(Debug)]
struct ObjectsPlan {
    call: Call,
    form: FormPlan,
    prefix: Option<TextTemplate>,
}

#[derive(Debug)]
enum FormPlan {
    Metadata,
    Items {
        items: Path,
        name: Path,
        label: Option<Path>,
        described_as: Option<Path>,
        only: Vec<BodyCheck>,
    },
}

impl DiscoveryPlan {
    pub(super) fn compile(
        manifest: &Manifest,
        catalogue: &Arc<Catalogue>,
        known: &Known,
        base: &Arc<Base>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let Some(discovery) = &manifest.discovery else {
            return Self::default();
        };
        let objects = discovery.objects.as_ref();
        let describe = discovery.describe.as_ref();
        let sampled = match discovery.object_resource("object") {
            Some(Ok(resource)) => {
                let model = Arc::new(with_sampled(catalogue));
                let before = problems.len();
                let _plan = object_plan(manifest, &model, base, resource, &[], problems);
                for problem in problems.iter_mut().skip(before) {
                    let own = problem
                        .pointer
                        .strip_prefix("/resources/SampledObject")
                        .map(str::to_owned);
                    problem.pointer = format!("/discovery/resource{}", own.unwrap_or_default());
                }
                Some(model)
            }
            Some(Err(message)) => {
                problems.push(Problem::new("/discovery/resource", message));
                None
            }
            None => None,
        };
        if let Some(Err(message)) = discovery.object_write() {
            problems.push(Problem::new("/discovery/write", message));
        }
        Self {
            objects: objects.and_then(|objects| ObjectsPlan::compile(objects, known, problems)),
            describe: describe
                .and_then(|describe| DescribePlan::compile_any(describe, known, "/discovery/describe", problems)),
            sampled,
        }
    }

    /// Returns how any object is described.
    pub(crate) fn describe(&self) -> Option<&DescribePlan> {
        self.describe.as_ref()
    }

    /// Returns whether objects can be listed.
    pub(crate) fn lists(&self) -> bool {
        self.objects.is_some()
    }

    /// Returns whether the system itself looks for objects.
    pub(crate) fn searches(&self) -> bool {
        self.objects.as_ref().is_some_and(|objects| objects.call.uses("search"))
    }
}

impl ObjectsPlan {
    fn compile(objects: &DiscoverObjects, known: &Known, problems: &mut Vec<Problem>) -> Option<Self> {
        let pointer = "/discovery/objects";
        let prefix = objects.prefix.as_ref();
        let prefix = prefix.and_then(|text| known.text(text, &format!("{pointer}/prefix"), problems));
        let form = match &objects.form {
            ObjectsForm::OdataMetadata {} => FormPlan::Metadata,
            ObjectsForm::Items {
                items,
                name,
                label,
                described_as,
                only,
            } => {
                let mut path = |text: &str, name: &str| {
                    let pointer = format!("{pointer}/form/items/{name}");
                    parse_path(text, &pointer, problems)
                };
                let items = path(items, "items");
                let name = path(name, "name");
                let label = label.as_ref().and_then(|text| path(text, "label"));
                let described_as = described_as.as_ref().and_then(|text| path(text, "described_as"));
                FormPlan::Items {
                    items: items?,
                    name: name?,
                    label,
                    described_as,
                    only: BodyCheck::compile(only, &format!("{pointer}/form/items/only"), problems),
                }
            }
        };
        let known = known.with(&["search"]);
        let call = Call::compile(&objects.request, true, &known, &format!("{pointer}/request"), problems);
        Some(Self {
            call: call?,
            form,
            prefix,
        })
    }

    fn read(&self, body: &[u8]) -> Result<Vec<RemoteObject>, Error> {
        let malformed = |message: &str| Error::new(ErrorKind::MalformedResponse, message);
        let FormPlan::Items {
            items,
            name,
            label,
            described_as,
            only,
        } = &self.form
        else {
            let text = std::str::from_utf8(body).map_err(|_| malformed("the metadata is not UTF-8 text"))?;
            return Ok(odata_sets(text));
        };
        let body = json::parse(body)?;
        let entries = items.first(&body).and_then(|entries| entries.elements());
        let entries = entries.ok_or_else(|| malformed("the answer has no list of objects"))?;
        let text = |path: &Path, entry: &json::Value<'_>| {
            let text = path.first(entry).and_then(json::scalar_text)?.trim();
            (!text.is_empty() && text != "false").then(|| text.to_owned())
        };
        let passing = entries.iter().filter(|entry| only.iter().all(|test| test.holds(entry)));
        let objects = passing.filter_map(|entry| {
            Some(RemoteObject {
                name: text(name, entry)?,
                label: label.as_ref().and_then(|path| text(path, entry)),
                described_as: described_as.as_ref().and_then(|path| text(path, entry)),
            })
        });
        Ok(objects.take(MOST_OBJECTS).collect())
    }
}

impl Blueprint {
    /// Returns how the system tells what it has.
    pub(crate) fn discovery(&self) -> &DiscoveryPlan {
        &self.discovery
    }

    /// Returns what is asked how to describe objects.
    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    /// Returns whether an object may be listed, described and looked at by its name.
    #[must_use]
    pub fn may_ask_for(&self, remote: &str) -> bool {
        self.manifest.may_map(remote)
    }

    /// Plans the list of objects; none when the system does not tell.
    pub(crate) fn plan_objects(&self, search: &str, variables: &Variables<'_>) -> Option<Result<RequestPlan, Error>> {
        let objects = self.discovery.objects.as_ref()?;
        let scope = Scope::new(variables).with("search", search);
        let plan = objects.call.plan(&self.base, &scope, &scope, Vec::new());
        Some(plan.map(|mut plan| {
            if !matches!(objects.form, FormPlan::Metadata) {
                complete_headers(&mut plan);
            }
            plan
        }))
    }

    /// Reads the list of objects.
    pub(crate) fn read_objects(&self, body: &[u8], variables: &Variables<'_>) -> Result<Vec<RemoteObject>, Error> {
        let Some(objects) = &self.discovery.objects else {
            return Ok(Vec::new());
        };
        let mut found = objects.read(body)?;
        if let Some(prefix) = &objects.prefix {
            let prefix = prefix.render(&Scope::new(variables)).map_err(super::unusable)?;
            for object in &mut found {
                object.name.insert_str(0, &prefix);
            }
        }
        found.retain(|object| self.may_ask_for(&object.name));
        Ok(found)
    }

    /// Returns whether a system must be told the names of the fields that are to be read, for a type or for any object.
    pub(crate) fn needs_names(&self, kind: Option<TypeIndex>) -> bool {
        let own = kind.and_then(|kind| self.resource(kind));
        let way = match own {
            Some(resource) => Some(resource.parts.list.select),
            None => {
                let resource = self.manifest.object_resource("object");
                let own = resource.and_then(|resource| resource.list?.select);
                own.or_else(|| self.manifest.list.as_ref()?.select)
            }
        };
        way == Some(Select::NamesOnly)
    }

    /// Compiles how an object is read whose rows are only looked at; `names` are asked for where the system must be told.
    pub(crate) fn sampled_object(
        &self,
        remote: &str,
        names: &[String],
        settings: &Map<String, Value>,
    ) -> Result<ResourcePlan, Error> {
        let refused = |message: &str| Error::new(ErrorKind::NotSupported, message.to_owned());
        let model = self.discovery.sampled.as_ref();
        let model = model.ok_or_else(|| refused("the connector cannot read objects that it has no mapping of"))?;
        let resource = self.manifest.object_resource(remote);
        let resource =
            resource.ok_or_else(|| refused("the connector cannot read objects that it has no mapping of"))?;
        let mut problems = Vec::new();
        let plan = object_plan(&self.manifest, model, &self.base, resource, names, &mut problems);
        bound(plan, &problems, settings)
    }

    /// Compiles how a type is read, with more names that are asked for.
    pub(crate) fn widened(
        &self,
        resource: &ResourcePlan,
        names: &[String],
        settings: &Map<String, Value>,
    ) -> Result<ResourcePlan, Error> {
        let name = resource.type_name();
        let written = self.manifest.resources.get(name);
        let mut written = written.map(|written| Resource::clone(written)).ok_or_else(|| {
            let message = format!("{name} has no mapping");
            Error::new(ErrorKind::Internal, message)
        })?;
        select_names(&mut written, names);
        let mut problems = Vec::new();
        let plan = compile_alone(
            &self.manifest,
            &self.catalogue,
            &self.base,
            name,
            &written,
            &mut problems,
        );
        bound(plan, &problems, settings)
    }
}

fn bound(
    plan: Option<ResourcePlan>,
    problems: &[Problem],
    settings: &Map<String, Value>,
) -> Result<ResourcePlan, Error> {
    if let Some(problem) = problems.first() {
        let message = format!("the object cannot be read: {}", problem.message);
        return Err(Error::new(ErrorKind::NotSupported, message));
    }
    let plan = plan.ok_or_else(|| Error::new(ErrorKind::Internal, "the object has no plan"))?;
    let invalid = |message| Error::new(ErrorKind::InvalidSettings, message);
    plan.with_settings(settings).map_err(invalid)
}

/// Returns the model with one more type.
fn with_sampled(catalogue: &Catalogue) -> Catalogue {
    let additions = Additions {
        entities: vec![AddedEntity {
            name: SAMPLED.to_owned(),
            plural: "sampledObjects".to_owned(),
            label: "Sampled object".to_owned(),
            description: "An object that is only looked at.".to_owned(),
        }],
        fields: Vec::new(),
    };
    catalogue.extended(&additions).0
}

fn object_plan(
    manifest: &Manifest,
    model: &Arc<Catalogue>,
    base: &Arc<Base>,
    mut resource: Resource,
    names: &[String],
    problems: &mut Vec<Problem>,
) -> Option<ResourcePlan> {
    // Rows are looked at without their key, which may not be known yet; then they come in any order.
    let has_key = !resource.key.as_slice().is_empty();
    if !has_key {
        resource.key = OneOrMany::One("id".to_owned());
        resource.seek = None;
    }
    select_names(&mut resource, names);
    let mut plan = compile_alone(manifest, model, base, SAMPLED, &resource, problems)?;
    if !has_key {
        let parts = Arc::get_mut(&mut plan.parts)?;
        parts.key = Vec::new();
        parts.seek = None;
    }
    Some(plan)
}

fn select_names(resource: &mut Resource, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let custom = resource.custom_fields.get_or_insert_with(|| CustomFields {
        pattern: None,
        select: Vec::new(),
        rows: None,
        object: None,
    });
    custom.select.extend(names.iter().take(MOST_NAMES).cloned());
}
