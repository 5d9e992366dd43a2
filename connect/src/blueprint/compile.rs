//! Turns a manifest into a blueprint and collects everything that is wrong with it on the way.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use lineshaft_schema::{Catalogue, TypeDef, TypeIndex};

use super::{
    Blueprint, Problem, ProbePlan,
    call::{Base, Call, Known, check_headers, escape_pointer},
    check,
    compile_fields::compile_fields,
    filters::KeyPart,
    preset::{Preset, lay_get_many, lay_list, lay_request, preset},
    resource::{CountPlan, CustomSelect, GetManyPlan, ListPlan, PagingPlan, Parts, ResourcePlan, ScopePlan, SeekPlan},
    sign_in::SignIn,
};
use crate::{
    capability::Capability,
    classify::{Classifier, parse_path},
    dialect::{Language, LiteralKind},
    manifest::{Dialect, GetMany, ListOperation, Manifest, Paging, Resource, Select, Strategy},
    mapping::CompiledMapping,
    path::Path,
};

const LIST_VARIABLES: &[&str] =
    &["resource.remote", "select", "expand", "where", "order", "limit", "offset", "page", "cursor"];
const KEYS_VARIABLES: &[&str] =
    &["resource.remote", "select", "expand", "where", "order", "limit", "offset", "page", "cursor", "keys"];
const KEY_VARIABLES: &[&str] = &["resource.remote", "select", "expand", "key"];

/// Compiles a manifest.
pub(super) fn compile(manifest: Manifest, catalogue: Arc<Catalogue>) -> Result<Blueprint, Vec<Problem>> {
    let mut problems = Vec::new();
    check::check(&manifest, &mut problems);
    let known = Known { connection: check::connection_variables(&manifest), own: &[] };
    let base = compile_base(&manifest, &known, &mut problems);
    let classifier = Classifier::compile(&manifest, &mut problems);
    let auth = manifest.auth.iter().enumerate();
    let sign_ins: Vec<SignIn> =
        auth.filter_map(|(at, auth)| SignIn::compile(auth, &known, &format!("/auth/{at}"), &mut problems)).collect();
    let probe = Call::compile(&manifest.probe.request, true, &known, "/probe/request", &mut problems);
    let identity = manifest.probe.identity.iter().enumerate();
    let identity: Vec<Path> =
        identity.filter_map(|(at, path)| parse_path(path, &format!("/probe/identity/{at}"), &mut problems)).collect();
    let Some(base) = base.map(Arc::new) else {
        return Err(problems);
    };
    let compiler = Compiler { manifest: &manifest, catalogue: &catalogue, known: &known, base: &base, keys: key_parts(&manifest) };
    let mut resources = BTreeMap::new();
    for (name, resource) in &manifest.resources {
        if let Some((kind, plan)) = compiler.resource(name, resource, &mut problems) {
            resources.insert(kind, plan);
        }
    }
    match probe {
        Some(call) if problems.is_empty() => Ok(Blueprint {
            base,
            classifier: Arc::new(classifier),
            sign_ins: sign_ins.into(),
            probe: Arc::new(ProbePlan { call, identity }),
            resources: Arc::new(resources),
            manifest: Arc::new(manifest),
            catalogue,
        }),
        _ => Err(problems),
    }
}

fn compile_base(manifest: &Manifest, known: &Known, problems: &mut Vec<Problem>) -> Option<Base> {
    check_headers(&manifest.http.headers, "/http/headers", problems);
    Some(Base {
        url: known.text(&manifest.http.base_url, "/http/base_url", problems)?,
        headers: known.texts(&manifest.http.headers, "/http/headers", problems),
        query: known.texts(&manifest.http.query, "/http/query", problems),
    })
}

/// Returns the parts of the keys of all resources; references to them are written alike.
fn key_parts(manifest: &Manifest) -> HashMap<String, Vec<KeyPart>> {
    let parts = |resource: &Resource| {
        let dialect = resource.dialect.unwrap_or(preset(manifest.protocol).dialect);
        let part = |text: &String| {
            let numeric = resource.seek.as_ref().is_some_and(|seek| seek.numeric && seek.by.as_ref().is_none_or(|by| by == text));
            let kind = resource.literals.get(text).map(|word| LiteralKind::named(word));
            let name = Path::parse(text).map(|path| filter_name(&path, dialect)).ok().flatten();
            KeyPart { name: name.unwrap_or_else(|| text.clone()), kind: kind.or(numeric.then_some(LiteralKind::Number)) }
        };
        resource.key.as_slice().iter().map(part).collect()
    };
    manifest.resources.iter().map(|(name, resource)| (name.clone(), parts(resource))).collect()
}

/// Returns the name that a path has in filters; nothing when that does not follow from the path.
pub(super) fn filter_name(path: &Path, dialect: Dialect) -> Option<String> {
    if path.levels_up() > 0 || path.text().contains('[') {
        return None;
    }
    let joint = if matches!(dialect, Dialect::OdataV2 | Dialect::OdataV4) { "/" } else { "." };
    let names: Vec<&str> =
        path.names().take_while(|name| name.parse::<usize>().is_err()).map(|name| name.strip_suffix('.').unwrap_or(name)).collect();
    (!names.is_empty() && names.iter().all(|name| is_safe_name(name))).then(|| names.join(joint))
}

/// Names go into filters as they are, so they must not look like anything else.
pub(super) fn is_safe_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '.' | '/' | '-' | '$' | '@' | ':'))
}

pub(super) struct Compiler<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) catalogue: &'a Arc<Catalogue>,
    known: &'a Known,
    base: &'a Arc<Base>,
    /// Parts of the keys by type.
    pub(super) keys: HashMap<String, Vec<KeyPart>>,
}

impl Compiler<'_> {
    fn resource(&self, name: &str, resource: &Resource, problems: &mut Vec<Problem>) -> Option<(TypeIndex, ResourcePlan)> {
        let pointer = format!("/resources/{}", escape_pointer(name));
        let def = self.type_of(name, &pointer, problems)?;
        let Preset { dialect, list, get_many } = preset(self.manifest.protocol);
        let dialect = resource.dialect.unwrap_or(dialect);
        let list = lay_list(lay_list(list, self.manifest.list.as_ref()), resource.list.as_ref());
        let get_many = lay_get_many(lay_get_many(get_many, self.manifest.get_many.as_ref()), resource.get_many.as_ref());
        let language = Language { dialect, in_lists: get_many.via == Some(Strategy::In) };
        let before = problems.len();
        let mapping = CompiledMapping::compile(def, self.catalogue, resource, problems);
        for problem in problems.iter_mut().skip(before).filter(|problem| !problem.pointer.starts_with("/resources/")) {
            problem.pointer = format!("{pointer}{}", problem.pointer);
        }
        let key = self.keys.get(name).cloned().unwrap_or_default();
        self.check_key(resource, &key, &pointer, problems);
        let max_keys = usize::try_from(get_many.max_keys.unwrap_or(50)).unwrap_or(50).max(1);
        let fields = compile_fields(self, def, resource, &mapping, language, &pointer, problems);
        let list_plan = self.list(&list, &pointer, problems);
        let get_many_plan = self.get_many(&get_many, &list, language, &pointer, problems);
        let scope = self.scope(resource, dialect, &pointer, problems);
        let seek = self.seek(resource, &key, language, &pointer, problems);
        let list = list_plan?;
        self.check_use(resource, &list, fields.uses_where(), &fields.sorts, language, &pointer, problems);
        let capability = Capability {
            kind: def.index,
            remote: resource.remote.clone(),
            list: !resource.children_only,
            get_many: get_many_plan.as_ref().map(|_| max_keys),
            children: fields.children(def, language),
            changes: fields.tells_changes(def),
            fields: fields.capabilities(def, &mapping, language),
            page_size: list.page_size,
            max_page_size: list.max_page_size,
            count: list.count.is_some(),
            seek: seek.is_some() || matches!(list.paging, PagingPlan::Keyset),
        };
        let parts = Parts {
            base: Arc::clone(self.base),
            type_name: name.to_owned(),
            capability,
            language,
            key,
            scope,
            list,
            get_many: get_many_plan,
            seek,
            filters: fields.rules,
            sorts: fields.sorts,
            custom: custom_select(resource),
            children_only: resource.children_only,
            max_keys,
            max_url_bytes: self.manifest.limits.max_url_bytes.unwrap_or(4_000),
        };
        Some((def.index, ResourcePlan { mapping, parts: Arc::new(parts) }))
    }

    fn type_of(&self, name: &str, pointer: &str, problems: &mut Vec<Problem>) -> Option<&TypeDef> {
        match self.catalogue.type_named(name) {
            Some(def) if def.has_rows() => Some(def),
            Some(_) => {
                problems.push(Problem::new(pointer, format!("`{name}` has no rows of its own; it is mapped inside other types")));
                None
            }
            None => {
                let names: Vec<&str> = self.catalogue.types.values().filter(|def| def.has_rows()).map(|def| def.name.as_str()).collect();
                let problem = Problem::new(pointer, format!("the unified model has no type `{name}`"));
                problems.push(problem.with_help(format!("there are: {}", names.join(", "))));
                None
            }
        }
    }

    fn check_key(&self, resource: &Resource, key: &[KeyPart], pointer: &str, problems: &mut Vec<Problem>) {
        if key.is_empty() {
            problems.push(Problem::new(format!("{pointer}/key"), "needs at least one path"));
        }
        for (part, text) in key.iter().zip(resource.key.as_slice()) {
            if !is_safe_name(&part.name) {
                problems.push(Problem::new(format!("{pointer}/key"), format!("`{text}` is not the name of a field")));
            }
        }
        let words = ["string", "number", "boolean", "date", "datetime", "datetimeoffset", "guid"];
        for (path, word) in &resource.literals {
            let pointer = format!("{pointer}/literals/{}", escape_pointer(path));
            if !resource.key.as_slice().contains(path) {
                problems.push(Problem::new(pointer.clone(), format!("`{path}` is not a part of the key")));
            }
            if !words.contains(&word.as_str()) && !word.contains('.') {
                let problem = Problem::new(pointer, format!("`{word}` is not a type of literals"));
                problems.push(problem.with_help(format!("there are: {}; or the full name of an enum type", words.join(", "))));
            }
        }
        if resource.remote.trim().is_empty() {
            problems.push(Problem::new(format!("{pointer}/remote"), "must not be empty"));
        }
    }

    fn list(&self, list: &ListOperation, pointer: &str, problems: &mut Vec<Problem>) -> Option<ListPlan> {
        let pointer = format!("{pointer}/list");
        let Some(request) = &list.request else {
            problems.push(Problem::new(pointer, "there is no request to list records with"));
            return None;
        };
        let known = self.known.with(LIST_VARIABLES);
        let call = Call::compile(request, true, &known, &format!("{pointer}/request"), problems);
        let count = match &list.count {
            Some(count) => {
                let pointer = format!("{pointer}/count");
                if count.path.is_none() && count.header.is_none() {
                    problems.push(Problem::new(pointer.clone(), "says neither a path nor a header of the number"));
                }
                let own = count.request.as_ref();
                Some(CountPlan {
                    path: count.path.as_ref().and_then(|path| parse_path(path, &format!("{pointer}/path"), problems)),
                    header: count.header.clone(),
                    query: known.texts(&count.query, &format!("{pointer}/query"), problems),
                    call: own.and_then(|request| Call::compile(request, true, &known, &format!("{pointer}/request"), problems)),
                })
            }
            None => None,
        };
        let page_size = list.page_size.unwrap_or(100);
        let max_page_size = list.max_page_size.unwrap_or(page_size);
        if page_size == 0 || max_page_size < page_size {
            problems.push(Problem::new(format!("{pointer}/page_size"), "must be at least 1 and at most `max_page_size`"));
        }
        let paging = paging(list.paging.as_ref(), &pointer, problems);
        let records = parse_path(list.records.as_deref().unwrap_or_default(), &format!("{pointer}/records"), problems);
        let call = call?;
        if let Some((paging, variable)) = needed_variable(&paging)
            && !call.uses(variable)
        {
            let problem = Problem::new(format!("{pointer}/paging"), format!("`{paging}` needs `{{{{{variable}}}}}` in the request"));
            problems.push(problem);
        }
        Some(ListPlan {
            call,
            records: records?,
            paging,
            page_size,
            max_page_size,
            count,
            select: list.select.unwrap_or(Select::None),
            order_separator: list.order_separator.clone().unwrap_or_else(|| ",".to_owned()),
        })
    }

    fn get_many(
        &self,
        get_many: &GetMany,
        list: &ListOperation,
        language: Language,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<GetManyPlan> {
        let via = get_many.via?;
        let pointer = format!("{pointer}/get_many");
        if get_many.max_keys == Some(0) {
            problems.push(Problem::new(format!("{pointer}/max_keys"), "must be at least 1"));
        }
        let record = parse_path(get_many.record.as_deref().unwrap_or_default(), &format!("{pointer}/record"), problems)?;
        let request_pointer = format!("{pointer}/request");
        let by_parameter = language.dialect == Dialect::Parameters;
        let call = match (via, &get_many.request) {
            (Strategy::Each, Some(request)) => {
                let known = self.known.with(KEY_VARIABLES);
                let call = Call::compile(request, true, &known, &request_pointer, problems)?;
                let uses_part = (0..8_u8).any(|at| call.uses(&format!("key.{at}")));
                if !call.uses("key") && !uses_part {
                    problems.push(Problem::new(request_pointer, "does not use `{{key}}`"));
                }
                Some(call)
            }
            (Strategy::In, Some(_)) if by_parameter => {
                let known = self.known.with(KEYS_VARIABLES);
                let request = lay_request(list.request.clone(), get_many.request.as_ref())?;
                let call = Call::compile(&request, true, &known, &request_pointer, problems)?;
                if !call.uses("keys") {
                    problems.push(Problem::new(request_pointer, "does not use `{{keys}}`"));
                }
                Some(call)
            }
            (Strategy::Each, None) => {
                problems.push(Problem::new(pointer, "`each` needs a request"));
                return None;
            }
            (Strategy::In | Strategy::OrChain, _) if by_parameter => {
                problems.push(Problem::new(pointer, "with query parameters, keys are fetched `in` a request with `{{keys}}`, or `each`"));
                return None;
            }
            (Strategy::OrChain, _) if !language.has_or() => {
                problems.push(Problem::new(format!("{pointer}/via"), "the dialect has no `or`; use `in`"));
                return None;
            }
            (Strategy::In | Strategy::OrChain, Some(_)) => {
                let problem = Problem::new(request_pointer, "has no effect: keys are fetched with the request of the list");
                problems.push(problem);
                None
            }
            (Strategy::In | Strategy::OrChain, None) => None,
        };
        Some(GetManyPlan { via, call, record })
    }

    fn scope(&self, resource: &Resource, dialect: Dialect, pointer: &str, problems: &mut Vec<Problem>) -> ScopePlan {
        let pointer = format!("{pointer}/scope");
        let mut condition = |value: &Option<serde_json::Value>, key: &str| {
            let value = value.as_ref()?;
            let pointer = format!("{pointer}/{key}");
            let fits = match dialect {
                Dialect::Parameters => {
                    let problem = Problem::new(pointer, "there are no conditions in the dialect of parameters");
                    problems.push(problem.with_help("use `query` or `list_query`"));
                    return None;
                }
                Dialect::DomainPrefix | Dialect::DomainNested => value.is_array(),
                _ => value.is_string(),
            };
            if !fits {
                problems.push(Problem::new(pointer, "is not written in the language of the resource's filters"));
                return None;
            }
            self.known.json(value, &pointer, problems)
        };
        let (always, list) = (condition(&resource.scope.always, "always"), condition(&resource.scope.list, "list"));
        ScopePlan {
            always,
            list,
            query: self.known.texts(&resource.scope.query, &format!("{pointer}/query"), problems),
            list_query: self.known.texts(&resource.scope.list_query, &format!("{pointer}/list_query"), problems),
        }
    }

    fn seek(&self, resource: &Resource, key: &[KeyPart], language: Language, pointer: &str, problems: &mut Vec<Problem>) -> Option<SeekPlan> {
        let seek = resource.seek.as_ref()?;
        let pointer = format!("{pointer}/seek");
        match (&seek.by, &seek.parameter) {
            (Some(_), Some(_)) => problems.push(Problem::new(pointer, "give `by` or `parameter`, not both")),
            (None, Some(parameter)) => return Some(SeekPlan::Parameter(parameter.clone())),
            (Some(_), None) if language.dialect == Dialect::Parameters => {
                problems.push(Problem::new(format!("{pointer}/by"), "needs a dialect with comparisons; use `parameter`"));
            }
            (Some(by), None) => {
                if !is_safe_name(by) {
                    problems.push(Problem::new(format!("{pointer}/by"), format!("`{by}` is not the name of a field")));
                }
                let named = key.iter().position(|part| part.name == *by);
                let part = named.unwrap_or(key.len().saturating_sub(1));
                let known = named.and_then(|at| key.get(at)).and_then(|part| part.kind.clone());
                let kind = known.or(seek.numeric.then_some(LiteralKind::Number));
                return Some(SeekPlan::By { name: by.clone(), kind, part });
            }
            (None, None) if language.has_or() || (key.len() == 1 && language.dialect != Dialect::Parameters) => return Some(SeekPlan::Key),
            (None, None) => problems.push(Problem::new(pointer, "needs `by` or `parameter` in this dialect")),
        }
        None
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of the resource that is compared with the others")]
    fn check_use(
        &self,
        resource: &Resource,
        list: &ListPlan,
        filtered: bool,
        sorts: &BTreeMap<lineshaft_schema::FieldIndex, String>,
        language: Language,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) {
        let scoped = resource.scope.always.is_some() || resource.scope.list.is_some();
        if language.dialect != Dialect::Parameters && (filtered || scoped) && !list.call.uses("where") {
            problems.push(Problem::new(format!("{pointer}/list/request"), "conditions are possible, but the request does not use `{{where}}`"));
        }
        if !sorts.is_empty() && !list.call.uses("order") {
            problems.push(Problem::new(format!("{pointer}/list/request"), "sorting is possible, but the request does not use `{{order}}`"));
        }
    }
}

fn paging(paging: Option<&Paging>, pointer: &str, problems: &mut Vec<Problem>) -> PagingPlan {
    let pointer = format!("{pointer}/paging");
    match paging {
        None | Some(Paging::None) => PagingPlan::None,
        Some(Paging::Offset { first, more }) => PagingPlan::Offset {
            first: *first,
            more: more.as_ref().and_then(|path| parse_path(path, &format!("{pointer}/offset/more"), problems)),
        },
        Some(Paging::Page { first }) => PagingPlan::Page { first: *first },
        Some(Paging::Cursor { next }) => match parse_path(next, &format!("{pointer}/cursor/next"), problems) {
            Some(next) => PagingPlan::Cursor { next },
            None => PagingPlan::None,
        },
        Some(Paging::Link { body, header }) => {
            if body.is_none() == header.is_none() {
                problems.push(Problem::new(format!("{pointer}/link"), "give `body` or `header`"));
            }
            PagingPlan::Link {
                body: body.as_ref().and_then(|path| parse_path(path, &format!("{pointer}/link/body"), problems)),
                header: header.clone(),
            }
        }
        Some(Paging::Keyset) => PagingPlan::Keyset,
    }
}

const fn needed_variable(paging: &PagingPlan) -> Option<(&'static str, &'static str)> {
    match paging {
        PagingPlan::Offset { .. } => Some(("offset", "offset")),
        PagingPlan::Page { .. } => Some(("page", "page")),
        PagingPlan::Cursor { .. } => Some(("cursor", "cursor")),
        PagingPlan::Keyset => Some(("keyset", "cursor")),
        PagingPlan::None | PagingPlan::Link { .. } => None,
    }
}

fn custom_select(resource: &Resource) -> CustomSelect {
    let Some(custom) = &resource.custom_fields else {
        return CustomSelect::default();
    };
    let mut names = custom.select.clone();
    if let Some(rows) = &custom.rows
        && let Ok(path) = Path::parse(&rows.path)
        && !path.root().is_empty()
    {
        names.push(path.root().to_owned());
    }
    CustomSelect { everything: custom.pattern.is_some() && custom.select.is_empty(), names }
}
