//! Turns a manifest into a blueprint and collects everything that is wrong with it on the way.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use lineshaft_schema::{Catalogue, Projection, TypeDef, TypeIndex};

use super::{
    Blueprint, Problem,
    anti_forgery::AntiForgery,
    batch::BatchPlan,
    call::{Base, Known, check_headers, escape_pointer},
    check,
    compile_extras::{check_labels, custom_select},
    compile_fields::compile_fields,
    discovery::DiscoveryPlan,
    filters::KeyPart,
    labelled,
    labels::{self, JoinPlan},
    names::{can_stand, filter_name, is_safe_name},
    preset::{Preset, lay_get_many, lay_list, preset},
    probe::ProbePlan,
    raw::RawPlan,
    resource::{ListPlan, PagingPlan, Parts, ResourcePlan},
    sign_in::SignIn,
};
use crate::{
    capability::Capability,
    classify::Classifier,
    dialect::{Language, LiteralKind, Own},
    manifest::{ListOperation, Manifest, Protocol, Resource, Select, Strategy},
    mapping::CompiledMapping,
    path::Path,
    request::selected_name,
    write,
    xml::Reading,
};

/// Compiles a manifest.
pub(super) fn compile(mut manifest: Manifest, catalogue: Arc<Catalogue>) -> Result<Blueprint, Vec<Problem>> {
    let mut problems = Vec::new();
    labelled::spell_out(&mut manifest, &mut problems);
    check::check(&manifest, &mut problems);
    let known = Known {
        connection: check::connection_variables(&manifest),
        ..Known::default()
    };
    let reading = Reading::compile(&manifest, &mut problems);
    let base = compile_base(&manifest, &known, &reading, &mut problems);
    let classifier = Classifier::compile(&manifest, &mut problems);
    let anti_forgery = manifest.http.anti_forgery.as_ref();
    let anti_forgery = anti_forgery.and_then(|written| AntiForgery::compile(written, &known, &mut problems));
    let auth = manifest.auth.iter().enumerate();
    let sign_ins: Vec<SignIn> = auth
        .filter_map(|(at, auth)| SignIn::compile(auth, &known, &format!("/auth/{at}"), &mut problems))
        .collect();
    let probe = ProbePlan::compile(&manifest, &known, &mut problems);
    let Some(base) = base.map(Arc::new) else {
        return Err(problems);
    };
    let discovery = DiscoveryPlan::compile(&manifest, &catalogue, &known, &base, &mut problems);
    let raw = manifest.raw.as_ref();
    let raw = raw.and_then(|raw| RawPlan::compile(raw, &known, &mut problems));
    let batch = BatchPlan::compile(&manifest, &known, &mut problems);
    let labels = labels::compile(&manifest, &catalogue, &known, &mut problems);
    let compiler = Compiler {
        manifest: &manifest,
        catalogue: &catalogue,
        known: &known,
        base: &base,
        keys: key_parts(&manifest),
        own: own_language(&manifest, &mut problems),
    };
    let mut resources = BTreeMap::new();
    for (name, resource) in &manifest.resources {
        if let Some((kind, plan)) = compiler.resource(name, resource, &mut problems) {
            resources.insert(kind, Arc::new(plan));
        }
    }
    match probe {
        Some(probe) if problems.is_empty() => Ok(Blueprint {
            base,
            reading: Arc::new(reading),
            classifier: Arc::new(classifier),
            anti_forgery: anti_forgery.map(Arc::new),
            sign_ins: sign_ins.into(),
            probe: Arc::new(probe),
            discovery: Arc::new(discovery),
            raw: raw.map(Arc::new),
            batch: batch.map(Arc::new),
            labels: Arc::new(labels),
            parts: Arc::new(write::within::parts(&catalogue, &resources)),
            resources: Arc::new(resources),
            manifest: Arc::new(manifest),
            catalogue,
            settings: None,
        }),
        _ => Err(problems),
    }
}

/// Compiles one resource on its own, without writes.
pub(super) fn compile_alone(
    manifest: &Manifest,
    catalogue: &Arc<Catalogue>,
    base: &Arc<Base>,
    name: &str,
    resource: &Resource,
    problems: &mut Vec<Problem>,
) -> Option<ResourcePlan> {
    let known = Known {
        connection: check::connection_variables(manifest),
        ..Known::default()
    };
    let mut resource = Resource {
        write: None,
        ..resource.clone()
    };
    labelled::spell_out_resource(&mut resource, &manifest.labels, name, problems);
    let mut keys = key_parts(manifest);
    keys.insert(name.to_owned(), own_key(manifest, &resource));
    let compiler = Compiler {
        manifest,
        catalogue,
        known: &known,
        base,
        keys,
        own: own_language(manifest, &mut Vec::new()),
    };
    compiler.resource(name, &resource, problems).map(|(_, plan)| plan)
}

/// Compiles some resources of a changed manifest anew; everything else is shared with the blueprint of the manifest as
/// it was. Only resources may differ.
pub(super) fn recompile(
    base: &Blueprint,
    mut manifest: Manifest,
    catalogue: Arc<Catalogue>,
    touched: &BTreeSet<String>,
) -> Result<Blueprint, Vec<Problem>> {
    let mut problems = Vec::new();
    labelled::spell_out(&mut manifest, &mut problems);
    let known = Known {
        connection: check::connection_variables(&manifest),
        ..Known::default()
    };
    let compiler = Compiler {
        manifest: &manifest,
        catalogue: &catalogue,
        known: &known,
        base: &base.base,
        keys: key_parts(&manifest),
        own: own_language(&manifest, &mut Vec::new()),
    };
    let mut resources = BTreeMap::clone(&base.resources);
    for name in touched {
        let Some(resource) = manifest.resources.get(name) else {
            continue;
        };
        let Some((kind, plan)) = compiler.resource(name, resource, &mut problems) else {
            continue;
        };
        let bound = match &base.settings {
            Some(settings) => plan.with_settings(settings).map_err(|message| {
                let field = plan.mapping().unbound(settings);
                let below = field.map(|field| format!("/fields/{field}")).unwrap_or_default();
                Problem::new(format!("/resources/{}{below}", escape_pointer(name)), message)
            }),
            None => Ok(plan),
        };
        match bound {
            Ok(plan) => {
                resources.insert(kind, Arc::new(plan));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Blueprint {
        parts: Arc::new(write::within::parts(&catalogue, &resources)),
        resources: Arc::new(resources),
        manifest: Arc::new(manifest),
        catalogue,
        ..base.clone()
    })
}

fn compile_base(manifest: &Manifest, known: &Known, reading: &Reading, problems: &mut Vec<Problem>) -> Option<Base> {
    check_headers(&manifest.http.headers, "/http/headers", problems);
    Some(Base {
        url: known.text(&manifest.http.base_url, "/http/base_url", problems)?,
        headers: known.texts(&manifest.http.headers, "/http/headers", problems),
        query: known.texts(&manifest.http.query, "/http/query", problems),
        accept: reading.accept(),
        is_database: manifest.protocol == Protocol::Sql,
    })
}

/// Returns the parts of the keys of all resources; references to them are written alike.
fn key_parts(manifest: &Manifest) -> HashMap<String, Vec<KeyPart>> {
    manifest
        .resources
        .iter()
        .map(|(name, resource)| (name.clone(), own_key(manifest, resource)))
        .collect()
}

fn own_key(manifest: &Manifest, resource: &Resource) -> Vec<KeyPart> {
    let written = resource.language.as_ref();
    let written = written.or_else(|| manifest.language.as_ref().filter(|_| resource.dialect.is_none()));
    let language = match written {
        // What is wrong with the language is told where it is compiled for use.
        Some(written) => Language::described(Own::compile(written, "", &mut Vec::new())),
        None => Language::of(resource.dialect.unwrap_or(preset(manifest.protocol).dialect), false),
    };
    let part = |text: &String| {
        let numeric = resource
            .seek
            .as_ref()
            .is_some_and(|seek| seek.numeric && seek.by.as_ref().is_none_or(|by| by == text));
        let kind = resource.literals.get(text).map(|word| LiteralKind::named(word));
        let name = Path::parse(text)
            .map(|path| filter_name(&path, &language))
            .ok()
            .flatten();
        KeyPart {
            name: name.unwrap_or_else(|| text.clone()),
            kind: kind.or(numeric.then_some(LiteralKind::Number)),
        }
    };
    resource.key.as_slice().iter().map(part).collect()
}

pub(super) struct Compiler<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) catalogue: &'a Arc<Catalogue>,
    pub(super) known: &'a Known,
    base: &'a Arc<Base>,
    /// Parts of the keys by type.
    pub(super) keys: HashMap<String, Vec<KeyPart>>,
    /// The language that the manifest describes for all resources.
    own: Option<Arc<Own>>,
}

fn own_language(manifest: &Manifest, problems: &mut Vec<Problem>) -> Option<Arc<Own>> {
    let written = manifest.language.as_ref()?;
    Some(Own::compile(written, "/language", problems))
}

impl Compiler<'_> {
    fn resource(
        &self,
        name: &str,
        resource: &Resource,
        problems: &mut Vec<Problem>,
    ) -> Option<(TypeIndex, ResourcePlan)> {
        let pointer = format!("/resources/{}", escape_pointer(name));
        let def = self.type_of(name, &pointer, problems)?;
        let Preset {
            dialect,
            list,
            get_many,
        } = preset(self.manifest.protocol);
        let list = lay_list(lay_list(list, self.manifest.list.as_ref()), resource.list.as_deref());
        let get_many = lay_get_many(
            lay_get_many(get_many, self.manifest.get_many.as_ref()),
            resource.get_many.as_ref(),
        );
        let language = match (&resource.language, resource.dialect, &self.own) {
            (Some(written), dialect, _) => {
                let pointer = format!("{pointer}/language");
                if dialect.is_some() {
                    problems.push(Problem::new(pointer.clone(), "give `dialect` or `language`, not both"));
                }
                Language::described(Own::compile(written, &pointer, problems))
            }
            (None, None, Some(own)) => Language::described(Arc::clone(own)),
            (None, own, _) => Language::of(own.unwrap_or(dialect), get_many.via == Some(Strategy::In)),
        };
        let before = problems.len();
        let mut mapping = CompiledMapping::compile(def, self.catalogue, resource, problems);
        mapping.normalize_references(&|target| {
            let target = self
                .catalogue
                .type_at(target)
                .and_then(|def| self.manifest.resources.get(&def.name));
            let parts = target.map(|target| {
                target
                    .key
                    .as_slice()
                    .iter()
                    .map(|path| target.normalize.get(path).copied())
            });
            parts.map(Iterator::collect).unwrap_or_default()
        });
        for problem in problems
            .iter_mut()
            .skip(before)
            .filter(|problem| !problem.pointer.starts_with("/resources/"))
        {
            problem.pointer = format!("{pointer}{}", problem.pointer);
        }
        let key = self.keys.get(name).cloned().unwrap_or_default();
        self.check_key(resource, &key, &language, &pointer, problems);
        let max_keys = usize::try_from(get_many.max_keys.unwrap_or(50)).unwrap_or(50).max(1);
        let mut fields = compile_fields(self, def, resource, &mapping, &language, &pointer, problems);
        fields.part_sorts(def, resource, list.sorts_missing, &language, &pointer, problems);
        let narrow;
        // An entity of an organization's own is described by its overlay.
        let filled = match def.label {
            Some(_) => {
                narrow = self.known.without_secrets();
                &narrow
            }
            None => self.known,
        };
        let list_plan = self.list(&list, filled, &pointer, problems);
        self.check_columns(resource, &list, def, &mapping, &language, &pointer, problems);
        let children = self.children(def, resource, &list, &pointer, problems);
        // What has the parent's key in its own cannot be asked for by it.
        let by_parent = |text: &String| children.values().any(|plan| plan.parent_as == *text);
        let is_keyed_by_parent = resource.key.as_slice().iter().any(by_parent);
        let get_many_plan = self
            .get_many(&get_many, &list, &key, &language, &pointer, problems)
            .filter(|_| !is_keyed_by_parent);
        let scope = self.scope(resource, &language, filled, &pointer, problems);
        let seek = self.seek(resource, &key, &language, &pointer, problems);
        let joins = JoinPlan::compile(resource, &self.manifest.labels, &pointer, problems);
        check_labels(&mapping, &joins, &pointer, problems);
        let list = list_plan?;
        if !list.lacks.is_empty() && get_many.via != Some(Strategy::Each) {
            problems.push(Problem::new(
                format!("{pointer}/list/lacks"),
                "what rows lack is read record by record, by `get_many` with `via: each`",
            ));
        }
        if !resource.scope.rows.is_empty() && list.count.is_some() {
            problems.push(Problem::new(
                format!("{pointer}/scope/rows"),
                "the system would count rows that are left out here",
            ));
        }
        self.check_use(
            resource,
            &list,
            fields.uses_where(),
            &fields.sorts,
            &language,
            &pointer,
            problems,
        );
        let capability = Capability {
            kind: def.index,
            remote: resource.remote.clone(),
            list: !resource.children_only,
            get_many: get_many_plan.as_ref().map(|plan| match plan.via {
                Strategy::List => plan.kept.most,
                _ => max_keys,
            }),
            children: children
                .keys()
                .copied()
                .chain(fields.children(def, &language))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            changes: fields.tells_changes(def),
            fields: fields.capabilities(def, &mapping, &language),
            page_size: list.page_size,
            max_page_size: list.max_page_size,
            count: list.count.is_some(),
            seek: seek.is_some() || matches!(list.paging, PagingPlan::Keyset | PagingPlan::StartKey { .. }),
        };
        let context = write::compile::Context {
            manifest: self.manifest,
            catalogue: self.catalogue,
            known: self.known,
            keys: &self.keys,
        };
        let write = write::compile::compile(&context, def, resource, &mapping, &capability, &pointer, problems);
        let parts = Parts {
            base: Arc::clone(self.base),
            type_name: name.to_owned(),
            capability,
            language,
            key,
            scope,
            list,
            get_many: get_many_plan,
            children,
            seek,
            filters: fields.rules,
            sorts: fields.sorts,
            in_parts: fields.in_parts,
            custom: custom_select(resource),
            batches: get_many.batch != Some(false),
            joins,
            labelled: labelled::compile(def, resource, &self.manifest.labels, &pointer, problems),
            children_only: resource.children_only,
            max_keys,
            max_url_bytes: self.manifest.limits.max_url_bytes.unwrap_or(4_000),
        };
        Some((
            def.index,
            ResourcePlan {
                mapping,
                parts: Arc::new(parts),
                write: write.map(Arc::new),
            },
        ))
    }

    fn type_of(&self, name: &str, pointer: &str, problems: &mut Vec<Problem>) -> Option<&TypeDef> {
        match self.catalogue.type_named(name) {
            Some(def) if def.has_rows() => Some(def),
            Some(_) => {
                problems.push(Problem::new(
                    pointer,
                    format!("`{name}` has no rows of its own; it is mapped inside other types"),
                ));
                None
            }
            None => {
                let names: Vec<&str> = self
                    .catalogue
                    .types
                    .values()
                    .filter(|def| def.has_rows())
                    .map(|def| def.name.as_str())
                    .collect();
                let problem = Problem::new(pointer, format!("the unified model has no type `{name}`"));
                problems.push(problem.with_help(format!("there are: {}", names.join(", "))));
                None
            }
        }
    }

    fn check_key(
        &self,
        resource: &Resource,
        key: &[KeyPart],
        language: &Language,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) {
        if key.is_empty() {
            problems.push(Problem::new(format!("{pointer}/key"), "needs at least one path"));
        }
        for (part, text) in key.iter().zip(resource.key.as_slice()) {
            if !can_stand(&part.name, language) {
                problems.push(Problem::new(
                    format!("{pointer}/key"),
                    format!("`{text}` is not the name of a field"),
                ));
            }
        }
        let words = [
            "string",
            "number",
            "boolean",
            "date",
            "datetime",
            "datetimeoffset",
            "guid",
        ];
        for (path, word) in &resource.literals {
            let pointer = format!("{pointer}/literals/{}", escape_pointer(path));
            if !resource.key.as_slice().contains(path) {
                problems.push(Problem::new(
                    pointer.clone(),
                    format!("`{path}` is not a part of the key"),
                ));
            }
            let is_enum = word.contains('.') && is_safe_name(word);
            if !is_enum && !words.contains(&word.as_str()) {
                let problem = Problem::new(pointer, format!("`{word}` is not a type of literals"));
                problems.push(problem.with_help(format!(
                    "there are: {}; or the full name of an enum type",
                    words.join(", ")
                )));
            }
        }
        if resource.remote.trim().is_empty() {
            problems.push(Problem::new(format!("{pointer}/remote"), "must not be empty"));
        }
    }

    /// Reports names that cannot be selected as they are.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the resource that is compared with the others"
    )]
    fn check_columns(
        &self,
        resource: &Resource,
        list: &ListOperation,
        def: &TypeDef,
        mapping: &CompiledMapping,
        language: &Language,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) {
        let is_needed = language.own().is_some_and(Own::is_text) || !list.columns.is_empty();
        if !is_needed || matches!(list.select, None | Some(Select::None)) {
            return;
        }
        let names = mapping.selects(&Projection::all(def));
        let custom = custom_select(resource).names;
        let names = names.iter().map(selected_name);
        for name in names.chain(custom.iter().map(String::as_str)) {
            let is_plain = can_stand(name, language);
            if !is_plain && !list.columns.contains_key(name) {
                problems.push(
                    Problem::new(
                        format!("{pointer}/fields"),
                        format!("`{name}` is not a name that can be selected"),
                    )
                    .with_help("give what is selected under `columns` of the list"),
                );
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the resource that is compared with the others"
    )]
    fn check_use(
        &self,
        resource: &Resource,
        list: &ListPlan,
        filtered: bool,
        sorts: &BTreeMap<lineshaft_schema::FieldIndex, String>,
        language: &Language,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) {
        let scoped = resource.scope.always.is_some() || resource.scope.list.is_some();
        if !language.is_parameters() && (filtered || scoped) && !list.call.uses("where") {
            problems.push(Problem::new(
                format!("{pointer}/list/request"),
                "conditions are possible, but the request does not use `{{where}}`",
            ));
        }
        if language.own().is_some_and(Own::has_parameters) && list.call.uses("where") && !list.call.uses("where_values")
        {
            problems.push(Problem::new(
                format!("{pointer}/list/request"),
                "values stand beside the conditions, but the request does not use `{{where_values}}`",
            ));
        }
        let binds = language
            .own()
            .is_some_and(|own| own.quotes_names() && own.has_parameters());
        if list.call.is_statement() && !binds {
            let problem = Problem::new(
                format!("{pointer}/list/request"),
                "a statement needs a language that quotes names and binds values",
            );
            problems.push(problem.with_help("give `identifier` and `parameters` in `language`"));
        }
        let sorts_by_form = list.call.uses("order");
        if sorts_by_form && !sorts.is_empty() && language.own().is_some_and(|own| !own.sorts()) {
            problems.push(Problem::new(
                format!("{pointer}/list/request"),
                "the request uses `{{order}}`, but the language has no `order`",
            ));
        }
        if !sorts.is_empty() && !sorts_by_form && !list.call.uses("order_name") {
            problems.push(Problem::new(
                format!("{pointer}/list/request"),
                "sorting is possible, but the request does not use `{{order}}`",
            ));
        }
    }
}
