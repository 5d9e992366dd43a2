//! Compiles what a manifest says about filters and sorts of fields, and derives what may be told to clients.

use std::collections::{BTreeMap, BTreeSet};

use lineshaft_schema::{Catalogue, FieldDef, FieldIndex, FieldType, Operator, TypeDef};

use super::{
    Problem,
    call::escape_pointer,
    compile::Compiler,
    filters::{FilterRule, KeyPart, Names, Parameter},
    names::{can_stand, filter_name, is_safe_name},
};
use crate::{
    capability::{FieldCapability, Precision},
    codec::Literal,
    dialect::{Constant, Language, LiteralKind},
    manifest::{FieldFilter, FieldMapping, FullFilter, FullMapping, FullSort, MissingRows, Resource, SortBy},
    mapping::{CompiledField, CompiledMapping},
};

/// The interface field that tells when a record was last changed.
const CHANGED: &str = "updatedAt";

/// Filters and sorts of one resource.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) rules: BTreeMap<FieldIndex, FilterRule>,
    pub(super) sorts: BTreeMap<FieldIndex, String>,
    /// Sorts that are read in two parts, since the system puts rows without a value first.
    pub(super) in_parts: BTreeSet<FieldIndex>,
}

impl Fields {
    /// Returns whether there are conditions to be written.
    pub(super) fn uses_where(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Returns how well each operator of a field is applied, those that follow from others included.
    fn operators(rule: &FilterRule, language: &Language) -> BTreeMap<Operator, Precision> {
        let mut operators = rule.operators.clone();
        let parameters = language.is_parameters();
        if let Some(precision) = rule.operators.get(&Operator::In) {
            operators.entry(Operator::Eq).or_insert(*precision);
        }
        if let Some(precision) = rule.operators.get(&Operator::Eq)
            && !parameters
            && language.has_in()
        {
            operators.entry(Operator::In).or_insert(*precision);
        }
        operators
    }

    /// Finds the sorts that put rows without a value first. Where the system cannot be asked for these rows it does not
    /// sort by the field.
    pub(super) fn part_sorts(
        &mut self,
        def: &TypeDef,
        resource: &Resource,
        all: Option<MissingRows>,
        language: &Language,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) {
        let written = |field: &FieldIndex| {
            let name = &def.field_at(*field)?.name;
            match resource.fields.get(name.as_str())? {
                FieldMapping::Full(full) => Some((name, full.sort.as_ref()?)),
                FieldMapping::Path(_) => None,
            }
        };
        let fields: Vec<FieldIndex> = self.sorts.keys().copied().collect();
        for field in fields {
            let own = match written(&field) {
                Some((name, SortBy::Full(full))) => Some((name, full.missing)),
                _ => None,
            };
            let rule = self.rules.get(&field);
            let puts_first = own.map(|(_, missing)| missing).or(all) == Some(MissingRows::First);
            if !puts_first || rule.is_some_and(FilterRule::never_null) {
                continue;
            }
            let has_default = def
                .field_at(field)
                .is_some_and(|field| has_default(resource, &field.name));
            let is_asked = rule
                .is_some_and(|rule| Self::operators(rule, language).get(&Operator::IsNull) == Some(&Precision::Exact));
            if is_asked && !has_default {
                self.in_parts.insert(field);
                continue;
            }
            self.sorts.remove(&field);
            if let Some((name, _)) = own {
                // A row that shows a default would belong to neither part.
                let message = match has_default {
                    true => "rows without a value have the field's `default` and cannot be told apart",
                    false => "rows without a value can be told apart only with `isNull` among the exact filters",
                };
                let pointer = format!("{pointer}/fields/{}/sort/missing", escape_pointer(name));
                problems.push(Problem::new(pointer, message));
            }
        }
    }

    /// Returns the reference fields by which children of many parents can be asked for.
    pub(super) fn children(&self, def: &TypeDef, language: &Language) -> Vec<FieldIndex> {
        let is_reference = |field: &FieldIndex| {
            def.field_at(*field)
                .is_some_and(|field| matches!(field.kind, FieldType::Reference(_)))
        };
        let asks = |rule: &FilterRule| Self::operators(rule, language).contains_key(&Operator::Eq);
        self.rules
            .iter()
            .filter(|(field, rule)| is_reference(field) && asks(rule))
            .map(|(field, _)| *field)
            .collect()
    }

    /// Returns whether records changed since a moment can be asked for.
    pub(super) fn tells_changes(&self, def: &TypeDef) -> bool {
        let rule = def.field(CHANGED).and_then(|field| self.rules.get(&field.index));
        rule.is_some_and(|rule| {
            rule.operators.contains_key(&Operator::Gte) || rule.operators.contains_key(&Operator::Gt)
        })
    }

    /// Returns what may be told of each mapped field.
    pub(super) fn capabilities(
        &self,
        def: &TypeDef,
        mapping: &CompiledMapping,
        language: &Language,
    ) -> BTreeMap<FieldIndex, FieldCapability> {
        let capability = |field: &FieldDef| {
            let compiled = mapping.field(field.index)?;
            let capability = FieldCapability {
                source: compiled.describe(),
                filters: self
                    .rules
                    .get(&field.index)
                    .map(|rule| Self::operators(rule, language))
                    .unwrap_or_default(),
                sortable: self.sorts.contains_key(&field.index),
            };
            Some((field.index, capability))
        };
        def.fields.values().filter_map(capability).collect()
    }
}

fn has_default(resource: &Resource, name: &str) -> bool {
    match resource.fields.get(name) {
        Some(FieldMapping::Full(full)) => full.default.is_some(),
        _ => false,
    }
}

/// Compiles the filters and sorts of all fields of a resource.
pub(super) fn compile_fields(
    compiler: &Compiler<'_>,
    def: &TypeDef,
    resource: &Resource,
    mapping: &CompiledMapping,
    language: &Language,
    pointer: &str,
    problems: &mut Vec<Problem>,
) -> Fields {
    let mut fields = Fields::default();
    for (name, written) in &resource.fields {
        // Unknown fields and mappings that could not be compiled have been reported with the mapping.
        let (FieldMapping::Full(full), Some(field)) = (written, def.field(name)) else {
            continue;
        };
        let Some(compiled) = mapping.field(field.index) else {
            continue;
        };
        let pointer = format!("{pointer}/fields/{}", escape_pointer(name));
        let place = Place {
            compiler,
            field,
            full,
            compiled,
            language,
            pointer: &pointer,
        };
        if let Some(filter) = &full.filter
            && let Some(rule) = place.rule(filter, problems)
        {
            fields.rules.insert(field.index, rule);
        }
        if let Some(name) = full.sort.as_ref().and_then(|sort| place.sort(sort, problems)) {
            fields.sorts.insert(field.index, name);
        }
    }
    fields
}

struct Place<'a> {
    compiler: &'a Compiler<'a>,
    field: &'a FieldDef,
    full: &'a FullMapping,
    compiled: &'a CompiledField,
    language: &'a Language,
    pointer: &'a str,
}

impl Place<'_> {
    fn sort(&self, sort: &SortBy, problems: &mut Vec<Problem>) -> Option<String> {
        let pointer = format!("{}/sort", self.pointer);
        let name = match sort {
            SortBy::Own(false) => return None,
            SortBy::Own(true) | SortBy::Full(FullSort { by: None, .. }) => {
                self.own_names().and_then(|names| names.into_iter().next())
            }
            SortBy::Name(name) | SortBy::Full(FullSort { by: Some(name), .. }) => {
                Some(name.clone()).filter(|name| can_stand(name, self.language))
            }
        };
        if !self.field.sortable() {
            problems.push(Problem::new(
                pointer,
                format!("lists cannot be sorted by `{}`", self.field.name),
            ));
            return None;
        }
        if name.is_none() {
            problems.push(
                Problem::new(pointer, "the name of the source field does not follow from the path")
                    .with_help("give the name"),
            );
        }
        name
    }

    /// Returns the names that follow from the paths.
    fn own_names(&self) -> Option<Vec<String>> {
        let keys = self.compiled.key_paths();
        let paths = if keys.is_empty() { self.compiled.paths() } else { keys };
        // Several paths of which the first with a value counts do not tell which of them a filter means.
        let unclear = keys.is_empty() && paths.len() != 1;
        if unclear {
            return None;
        }
        paths.iter().map(|path| filter_name(path, self.language)).collect()
    }

    fn rule(&self, filter: &FieldFilter, problems: &mut Vec<Problem>) -> Option<FilterRule> {
        let short;
        let filter = match filter {
            FieldFilter::Full(filter) => filter.as_ref(),
            FieldFilter::Operators(exact) => {
                short = FullFilter {
                    exact: exact.clone(),
                    ..FullFilter::default()
                };
                &short
            }
        };
        let pointer = format!("{}/filter", self.pointer);
        if !self.field.filterable || self.field.list {
            problems.push(Problem::new(
                pointer,
                format!("`{}` cannot be filtered by", self.field.name),
            ));
            return None;
        }
        let operators = self.operators(filter, &pointer, problems);
        self.check_forms(filter, &operators, &pointer, problems);
        let names = self.names(filter, &pointer, problems)?;
        if let Some(word) = filter.literal.as_deref().filter(|word| !is_safe_name(word)) {
            problems.push(Problem::new(
                format!("{pointer}/literal"),
                format!("`{word}` is not a type of literals"),
            ));
            return None;
        }
        let kind = filter.literal.as_deref().map(LiteralKind::named);
        let (empty, empty_texts) = self.empties(kind.as_ref());
        let parameters = self.parameters(filter, &pointer, problems);
        if matches!(&names, Names::Any(names) if names.len() > 1) && !self.language.has_or() {
            problems.push(Problem::new(
                format!("{pointer}/by"),
                "several names need a dialect with `or`",
            ));
        }
        if self.compiled.codec().is_none() && !matches!(self.field.kind, FieldType::Reference(_)) {
            let problem = Problem::new(pointer, "values of this field cannot be written for the system");
            problems.push(problem.with_help("only fields with a path can be filtered by the system"));
            return None;
        }
        Some(FilterRule {
            names,
            operators,
            parameters,
            empty,
            empty_texts,
            wildcard: filter.wildcard.clone().filter(|sign| !sign.is_empty()),
            never_null: filter.never_null || self.field.required,
        })
    }

    fn operators(
        &self,
        filter: &FullFilter,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<Operator, Precision> {
        let mut operators = BTreeMap::new();
        let exact = filter.exact.iter().map(|name| (name, Precision::Exact));
        let coarse = filter.coarse.iter().map(|name| (name, Precision::Coarse));
        let parameters = filter.parameters.iter().map(|(name, parameter)| {
            (
                name,
                if parameter.coarse {
                    Precision::Coarse
                } else {
                    Precision::Exact
                },
            )
        });
        for (name, precision) in exact.chain(coarse).chain(parameters) {
            match Operator::named(name) {
                None => {
                    let names: Vec<&str> = Operator::ALL.iter().map(|operator| operator.name()).collect();
                    let problem = Problem::new(pointer, format!("there is no operator `{name}`"));
                    problems.push(problem.with_help(format!("there are: {}", names.join(", "))));
                }
                Some(operator) if !fits(self.field, operator, self.compiler.catalogue) => {
                    problems.push(Problem::new(
                        pointer,
                        format!("`{name}` makes no sense for `{}`", self.field.type_text),
                    ));
                }
                Some(operator) => {
                    if operators.insert(operator, precision).is_some() {
                        problems.push(Problem::new(pointer, format!("`{name}` is listed twice")));
                    }
                }
            }
        }
        let by_parameter = self.language.is_parameters();
        if by_parameter && !(filter.exact.is_empty() && filter.coarse.is_empty()) {
            let problem = Problem::new(
                pointer,
                "in the dialect of parameters each operator needs its parameter",
            );
            problems.push(problem.with_help("list them under `parameters`"));
        }
        if !by_parameter && !filter.parameters.is_empty() {
            problems.push(Problem::new(
                format!("{pointer}/parameters"),
                "belongs to the dialect `parameters`",
            ));
        }
        operators
    }

    /// Reports operators for which the described language has no form.
    fn check_forms(
        &self,
        filter: &FullFilter,
        operators: &BTreeMap<Operator, Precision>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) {
        let by_pattern = filter.wildcard.as_ref().is_some_and(|sign| !sign.is_empty());
        for operator in operators
            .keys()
            .filter(|operator| !self.language.has(**operator, by_pattern))
        {
            let problem = Problem::new(pointer, format!("the language has no form for `{}`", operator.name()));
            problems.push(problem.with_help(match operator {
                Operator::IsNull => "give `missing` and `present`",
                Operator::In => "give `in` or `or`",
                _ => "give it under `compare`",
            }));
        }
    }

    fn names(&self, filter: &FullFilter, pointer: &str, problems: &mut Vec<Problem>) -> Option<Names> {
        let kind = filter.literal.as_deref().map(LiteralKind::named);
        let keys = self.compiled.key_paths();
        let target = match self.field.kind {
            FieldType::Reference(target) => self.compiler.catalogue.type_at(target).map(|def| def.name.as_str()),
            _ => None,
        };
        let target = target.and_then(|name| self.compiler.keys.get(name));
        let names = match &filter.by {
            Some(by) => by.as_slice().to_vec(),
            None => match self.own_names() {
                Some(names) => names,
                // The names of parameters say everything there is to say.
                None if self.language.is_parameters() => vec![String::from("_")],
                None => {
                    problems.push(
                        Problem::new(pointer, "the name of the source field does not follow from the path")
                            .with_help("give `by`"),
                    );
                    return None;
                }
            },
        };
        for name in names.iter().filter(|name| !can_stand(name, self.language)) {
            problems.push(Problem::new(
                format!("{pointer}/by"),
                format!("`{name}` is not the name of a field"),
            ));
        }
        let part = |(at, name): (usize, &String)| {
            let inherited = || {
                target
                    .filter(|parts| parts.len() == keys.len().max(1))?
                    .get(at)?
                    .kind
                    .clone()
            };
            KeyPart {
                name: name.clone(),
                kind: kind.clone().or_else(inherited),
            }
        };
        if keys.len() > 1 {
            if names.len() != keys.len() {
                problems.push(Problem::new(
                    format!("{pointer}/by"),
                    format!("the key has {} parts, but here are {}", keys.len(), names.len()),
                ));
                return None;
            }
            return Some(Names::Parts(names.iter().enumerate().map(part).collect()));
        }
        Some(Names::Any(names.iter().map(|name| part((0, name))).collect()))
    }

    /// Returns the constants that mean "nothing" besides null.
    fn empties(&self, kind: Option<&LiteralKind>) -> (Vec<Constant>, Vec<String>) {
        let mut constants = Vec::new();
        let mut texts = Vec::new();
        for value in &self.full.empty {
            let literal = match value {
                serde_json::Value::String(text) => Literal::Text(text.clone()),
                serde_json::Value::Number(number) => Literal::Number(number.to_string()),
                // Here `false` is how null is written.
                serde_json::Value::Bool(false) if self.language.writes_null_as_false() => continue,
                serde_json::Value::Bool(flag) => Literal::Boolean(*flag),
                _ => continue,
            };
            if let Literal::Text(text) | Literal::Number(text) = &literal {
                texts.push(text.clone());
            }
            constants.extend(Constant::of(literal, kind));
        }
        let knows_empty_text = self.language.tells_empty();
        let is_text = self.field.kind == FieldType::Text && matches!(kind, None | Some(LiteralKind::String));
        if knows_empty_text && is_text && !constants.contains(&Constant::Text(String::new())) {
            constants.push(Constant::Text(String::new()));
        }
        (constants, texts)
    }

    fn parameters(
        &self,
        filter: &FullFilter,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<Operator, Parameter> {
        let mut parameters = BTreeMap::new();
        for (operator, written) in &filter.parameters {
            let template = written.value.as_deref().unwrap_or("{{value}}");
            let Some((before, after)) = template
                .split_once("{{value}}")
                .filter(|(_, after)| !after.contains("{{"))
            else {
                let pointer = format!("{pointer}/parameters/{}/value", escape_pointer(operator));
                problems.push(Problem::new(pointer, "does not have `{{value}}` exactly once"));
                continue;
            };
            if let Some(operator) = Operator::named(operator) {
                let parameter = Parameter {
                    name: written.name.clone(),
                    separator: written.separator.clone().filter(|separator| !separator.is_empty()),
                    before: before.to_owned(),
                    add: written.add,
                    after: after.to_owned(),
                };
                parameters.insert(operator, parameter);
            }
        }
        parameters
    }
}

/// Returns whether an operator makes sense for the type of a field.
fn fits(field: &FieldDef, operator: Operator, catalogue: &Catalogue) -> bool {
    use Operator::{Eq, Gt, Gte, In, IsNull, Lt, Lte, Ne};
    let kind = match field.kind {
        // Of an embedded amount its number is meant.
        FieldType::Object(index) => {
            let first = catalogue.type_at(index).and_then(|def| def.fields.values().next());
            first.map_or(FieldType::Json, |field| field.kind)
        }
        kind => kind,
    };
    match kind {
        FieldType::Text => true,
        FieldType::Integer | FieldType::Decimal | FieldType::Date | FieldType::DateTime => {
            matches!(operator, Eq | Ne | In | Gt | Gte | Lt | Lte | IsNull)
        }
        FieldType::Boolean | FieldType::Enum(_) | FieldType::Reference(_) => matches!(operator, Eq | Ne | In | IsNull),
        FieldType::Id | FieldType::Json | FieldType::Object(_) | FieldType::Platform => false,
    }
}
