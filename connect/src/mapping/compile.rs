//! Checks the mapping of a resource against its unified type and compiles it, telling every problem at once.

use std::sync::Arc;

use lineshaft_schema::{Catalogue, FieldDef, FieldIndex, FieldType, TypeDef, TypeIndex, Value};
use regex::{Regex, RegexBuilder};

use super::{
    CompiledField, CompiledMapping,
    compute::Computation,
    custom::{Custom, CustomRows, OwnField},
    expression::Expression,
    fallback_of,
    field::{ObjectMapping, Source},
    test::Condition,
};
use crate::{
    blueprint::Problem,
    codec::{CompiledCodec, constant},
    manifest::{self, FieldMapping, FullMapping, Mapping, OneOrMany, load::escape, suggest},
    path::Path,
};

/// Most bytes of the pattern of names of customer-specific fields.
const MOST_OF_PATTERN: usize = 200;

impl CompiledMapping {
    /// Checks the mapping of a resource against its unified type and compiles it. Problems are told with pointers
    /// below `/resources/<type>`; fields with problems are left out.
    ///
    /// Which operators and sorts a dialect knows is not checked here.
    pub fn compile(
        def: &TypeDef,
        catalogue: &Arc<Catalogue>,
        resource: &manifest::Resource,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let base = format!("/resources/{}", escape(&def.name));
        let mut compiler = Compiler { catalogue, problems };
        let mut fields: Vec<Option<Arc<CompiledField>>> = vec![None; def.fields.len()];
        let compiled = compiler.fields(def, &resource.fields, &format!("{base}/fields"), 0);
        for field in compiled {
            if let Some(slot) = fields.get_mut(usize::from(field.index.0)) {
                *slot = Some(Arc::new(field));
            }
        }
        let (key, normalize) = compiler.key(resource, &base);
        let keeps = compiler.tests(&resource.scope.rows, &format!("{base}/scope/rows"), 0);
        let custom = resource
            .custom_fields
            .as_ref()
            .map(|custom| compiler.custom(custom, &format!("{base}/custom_fields")));
        let own = OwnField::of(def, &fields);
        Self {
            catalogue: Arc::clone(catalogue),
            kind: def.index,
            own,
            key,
            normalize,
            fields,
            fallbacks: fallbacks(def, catalogue),
            custom,
            keeps,
        }
    }
}

fn fallbacks(def: &TypeDef, catalogue: &Catalogue) -> Vec<Value> {
    def.fields.values().map(|field| fallback_of(field, catalogue)).collect()
}

/// Compiles the pattern of names of customer-specific fields; small ones suffice, and overlays may bring many.
fn pattern_of(text: &str) -> Result<Regex, String> {
    if text.len() > MOST_OF_PATTERN {
        return Err(format!("a pattern has at most {MOST_OF_PATTERN} bytes"));
    }
    let built = RegexBuilder::new(text)
        .size_limit(64 * 1024)
        .dfa_size_limit(256 * 1024)
        .nest_limit(50)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("`{text}` is too large a pattern"),
        _ => format!("`{text}` is not a regular expression"),
    })
}

struct Compiler<'a> {
    catalogue: &'a Arc<Catalogue>,
    problems: &'a mut Vec<Problem>,
}

impl Compiler<'_> {
    fn tell(&mut self, pointer: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(pointer, message));
    }

    fn keep<T>(&mut self, pointer: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.tell(pointer, message)).ok()
    }

    /// Parses a path that may start so many rows further out.
    fn path(&mut self, pointer: &str, text: &str, depth: u8) -> Option<Path> {
        let path = Path::parse(text).map_err(|problem| format!("`{text}` is not a path: {problem}"));
        let path = self.keep(pointer, path)?;
        if path.levels_up() > depth {
            self.tell(pointer, format!("`{text}` starts further out than there are rows"));
            return None;
        }
        Some(path)
    }

    fn paths(&mut self, pointer: &str, texts: &OneOrMany<String>, depth: u8) -> Option<Vec<Path>> {
        if let OneOrMany::One(text) = texts {
            return self.path(pointer, text, depth).map(|path| vec![path]);
        }
        let texts = texts.as_slice();
        if texts.is_empty() {
            self.tell(pointer, "the list of paths is empty");
            return None;
        }
        let paths: Vec<Path> = (0..)
            .zip(texts)
            .filter_map(|(at, text): (usize, _)| self.path(&format!("{pointer}/{at}"), text, depth))
            .collect();
        (paths.len() == texts.len()).then_some(paths)
    }

    fn key(&mut self, resource: &manifest::Resource, base: &str) -> (Vec<Path>, Vec<Option<manifest::Normalization>>) {
        let texts = resource.key.as_slice();
        let key = self.paths(&format!("{base}/key"), &resource.key, 0).unwrap_or_default();
        for path in resource.normalize.keys().filter(|path| !texts.contains(path)) {
            self.tell(
                &format!("{base}/normalize/{}", escape(path)),
                format!("`{path}` is not a part of the key"),
            );
        }
        let normalize = texts.iter().map(|path| resource.normalize.get(path).copied()).collect();
        (key, normalize)
    }

    fn custom(&mut self, custom: &manifest::CustomFields, base: &str) -> Custom {
        let pattern = custom
            .pattern
            .as_ref()
            .and_then(|pattern| self.keep(&format!("{base}/pattern"), pattern_of(pattern)));
        let rows = custom.rows.as_ref().and_then(|rows| {
            let mut path = |name: &str, text: &str| self.path(&format!("{base}/rows/{name}"), text, 0);
            let (list, key, value) = (
                path("path", &rows.path),
                path("key", &rows.key),
                path("value", &rows.value),
            );
            let label = rows.label.as_ref().and_then(|label| path("label", label));
            Some(CustomRows {
                path: list?,
                key: key?,
                value: value?,
                label,
            })
        });
        let object = custom.object.as_ref().and_then(|text| {
            let path = self.path(&format!("{base}/object"), text, 0)?;
            let found = path.members().is_some().then_some(path);
            self.keep(
                &format!("{base}/object"),
                found.ok_or_else(|| format!("`{text}` does not lead to a member")),
            )
        });
        Custom {
            pattern,
            select: custom.select.clone(),
            rows,
            object,
        }
    }

    fn fields(&mut self, def: &TypeDef, mapping: &Mapping, base: &str, depth: u8) -> Vec<CompiledField> {
        let mut compiled = Vec::new();
        for (name, mapping) in mapping {
            let pointer = format!("{base}/{}", escape(name));
            let Some(field) = def.field(name) else {
                let known = def
                    .fields
                    .values()
                    .filter(|field| !field.computed)
                    .map(|field| field.name.as_str());
                self.tell(
                    &pointer,
                    suggest::unknown(&format!("field of {}", def.name), name, known),
                );
                continue;
            };
            // Elements of a part's list have no rows of their own, so that only the list knows their keys.
            let is_own_key = depth > 0 && def.has_rows() && field.kind == FieldType::Text && !field.list;
            if (field.computed && !is_own_key) || field.kind == FieldType::Platform {
                self.tell(
                    &pointer,
                    format!("`{name}` is filled by the server and cannot be mapped"),
                );
                continue;
            }
            compiled.extend(self.field(field, mapping, &pointer, depth));
        }
        compiled
    }

    fn field(&mut self, field: &FieldDef, mapping: &FieldMapping, pointer: &str, depth: u8) -> Option<CompiledField> {
        let short;
        let (full, inner) = match mapping {
            FieldMapping::Path(path) => {
                short = FullMapping {
                    path: Some(OneOrMany::One(path.clone())),
                    ..FullMapping::default()
                };
                (&short, None)
            }
            FieldMapping::Full(full) => (full.as_ref(), Some(())),
        };
        // The short form has no inner places of its own.
        let at = |name: &str| {
            if inner.is_some() {
                format!("{pointer}/{name}")
            } else {
                pointer.to_owned()
            }
        };
        let word = self.only_source(full, pointer)?;
        self.check_additions(full, word, pointer);
        let source = self.source(field, full, word, &at, depth)?;
        Some(CompiledField {
            index: field.index,
            name: field.name.as_str().into(),
            computed: field.computed,
            whole: field.kind == FieldType::Integer,
            fallback: fallback_of(field, self.catalogue),
            target: match field.kind {
                FieldType::Reference(target) => Some(target),
                _ => None,
            },
            normalize: Vec::new(),
            source,
            select: full.select.as_ref().map(|names| names.as_slice().to_vec()),
            expand: full
                .expand
                .as_ref()
                .map(|names| names.as_slice().to_vec())
                .unwrap_or_default(),
            filter: full.filter.clone(),
            sort: full.sort.clone(),
        })
    }

    /// Returns the one key of the mapping that gives the value.
    fn only_source(&mut self, full: &FullMapping, pointer: &str) -> Option<&'static str> {
        let given = [
            ("path", full.path.is_some() && full.each.is_none()),
            ("constant", full.constant.is_some()),
            ("cases", full.cases.is_some()),
            ("compute", full.compute.is_some()),
            ("keys", full.keys.is_some()),
            ("object", full.object.is_some()),
            ("list", full.list.is_some()),
            ("each", full.each.is_some()),
            ("lists", full.lists.is_some()),
            ("digest", full.digest),
            ("expression", full.expression.is_some()),
        ];
        let words: Vec<&'static str> = given
            .iter()
            .filter(|(_, given)| *given)
            .map(|(word, _)| *word)
            .collect();
        match words.as_slice() {
            [word] => Some(word),
            [] => {
                let all = given.map(|(word, _)| format!("`{word}`")).join(", ");
                self.problems
                    .push(Problem::new(pointer, "nothing gives the value").with_help(format!("give one of {all}")));
                None
            }
            several => {
                let several = several
                    .iter()
                    .map(|word| format!("`{word}`"))
                    .collect::<Vec<_>>()
                    .join(" and ");
                self.tell(pointer, format!("{several} exclude each other"));
                None
            }
        }
    }

    fn check_additions(&mut self, full: &FullMapping, word: &str, pointer: &str) {
        let reads = matches!(word, "path" | "keys" | "expression");
        let additions = [
            ("as", full.codec.is_some(), reads || word == "cases"),
            ("empty", !full.empty.is_empty(), reads),
            (
                "default",
                full.default.is_some(),
                matches!(word, "path" | "cases" | "compute" | "expression"),
            ),
        ];
        for (name, given, fits) in additions {
            if given && !fits {
                self.tell(
                    &format!("{pointer}/{name}"),
                    format!("`{name}` has no meaning beside `{word}`"),
                );
            }
        }
        if word == "each" && full.path.is_none() {
            self.problems
                .push(Problem::new(pointer, "`each` needs the `path` of the list"));
        }
    }

    fn source(
        &mut self,
        field: &FieldDef,
        full: &FullMapping,
        word: &str,
        at: &dyn Fn(&str) -> String,
        depth: u8,
    ) -> Option<Source> {
        let object = match field.kind {
            FieldType::Object(index) => Some(index),
            FieldType::Reference(_) if field.list => {
                let back = field.reverse.as_deref().unwrap_or_default();
                let message = format!(
                    "the list is found by {}.{back}, map that field instead",
                    field.type_name
                );
                self.tell(&at(word), message);
                return None;
            }
            _ => None,
        };
        let fits = match word {
            "object" => object.is_some() && !field.list,
            "list" | "each" | "lists" => object.is_some() && field.list,
            "keys" => matches!(field.kind, FieldType::Reference(_)),
            "digest" => depth == 0 && field.kind == FieldType::Text && !field.list,
            "compute" => matches!(field.kind, FieldType::Decimal | FieldType::Integer) && !field.list,
            _ => object.is_none(),
        };
        if !fits {
            let help = match (object.is_some(), field.list) {
                (true, false) => "use `object`",
                (true, true) => "use `list`, `each` or `lists`",
                (false, _) => "use `path`",
            };
            self.problems
                .push(Problem::new(at(word), format!("`{word}` does not give {}", field.type_text)).with_help(help));
            return None;
        }
        match word {
            "path" => self.read(field, full, at, depth),
            "keys" => self.keys(field, full, at, depth),
            "constant" => {
                let value = constant(field, full.constant.as_ref()?, self.catalogue);
                self.keep(&at("constant"), value).map(Source::Constant)
            }
            "cases" => self.cases(field, full, at, depth),
            "digest" => Some(Source::Digest),
            "expression" => {
                let expression = Expression::parse(full.expression.as_ref()?);
                let expression = self.keep(&at("expression"), expression);
                let codec = self.codec(field, full, at);
                let expression = expression?;
                if depth > 0 && expression.members().is_none() {
                    self.tell(
                        &at("expression"),
                        "name the members of the row that are needed, such as `row.name`",
                    );
                    return None;
                }
                Some(Source::Expression(Box::new(expression), codec?))
            }
            "compute" => {
                let base = at("compute");
                let compute = full.compute.as_ref()?;
                let computed = Computation::compile(compute, |name, text, inside| {
                    self.path(&format!("{base}/{name}"), text, if inside { depth + 1 } else { depth })
                });
                let computation = self.keep(&base, computed)??;
                Some(Source::Computed(Box::new(computation), self.default(field, full, at)?))
            }
            "object" => Some(Source::Object(self.object(
                object?,
                full.object.as_ref()?,
                &at("object"),
                depth,
            )?)),
            "list" => {
                let base = at("list");
                let mappings = full.list.iter().flatten().enumerate();
                let objects = mappings
                    .filter_map(|(place, mapping)| self.object(object?, mapping, &format!("{base}/{place}"), depth));
                Some(Source::List(objects.collect()))
            }
            "lists" => {
                let base = at("lists");
                let (mut paths, mut objects) = (Vec::new(), Vec::new());
                for (place, list) in full.lists.iter().flatten().enumerate() {
                    let path = self.path(&format!("{base}/{place}/path"), &list.path, depth);
                    let pointer = format!("{base}/{place}/each");
                    let object = self.object(object?, &list.each, &pointer, depth.saturating_add(1));
                    if let (Some(path), Some(object)) = (path, object) {
                        paths.push(path);
                        objects.push(object);
                    }
                }
                Some(Source::Lists(paths, objects))
            }
            _ => {
                let paths = self.paths(&at("path"), full.path.as_ref()?, depth);
                let object = self.object(object?, full.each.as_ref()?, &at("each"), depth.saturating_add(1));
                Some(Source::Each(paths?, object?))
            }
        }
    }

    fn read(&mut self, field: &FieldDef, full: &FullMapping, at: &dyn Fn(&str) -> String, depth: u8) -> Option<Source> {
        let paths = self.paths(&at("path"), full.path.as_ref()?, depth);
        let codec = self.codec(field, full, at);
        Some(Source::Paths(paths?, codec?))
    }

    fn keys(&mut self, field: &FieldDef, full: &FullMapping, at: &dyn Fn(&str) -> String, depth: u8) -> Option<Source> {
        let paths = self.paths(&at("keys"), &OneOrMany::Many(full.keys.clone()?), depth);
        let codec = self.codec(field, full, at);
        Some(Source::Keys(paths?, codec?))
    }

    fn codec(
        &mut self,
        field: &FieldDef,
        full: &FullMapping,
        at: &dyn Fn(&str) -> String,
    ) -> Option<Box<CompiledCodec>> {
        let codec = CompiledCodec::for_field(
            field,
            full.codec.as_ref(),
            self.catalogue,
            &full.empty,
            full.default.as_ref(),
        );
        let place = match (&codec, &full.codec) {
            (Err(problem), _) if problem.starts_with("the default") => at("default"),
            (_, Some(_)) => at("as"),
            _ => at("path"),
        };
        self.keep(&place, codec).map(Box::new)
    }

    fn default(&mut self, field: &FieldDef, full: &FullMapping, at: &dyn Fn(&str) -> String) -> Option<Value> {
        match &full.default {
            Some(value) => self.keep(&at("default"), constant(field, value, self.catalogue)),
            None => Some(Value::Null),
        }
    }

    fn cases(
        &mut self,
        field: &FieldDef,
        full: &FullMapping,
        at: &dyn Fn(&str) -> String,
        depth: u8,
    ) -> Option<Source> {
        let base = at("cases");
        let mut compiled = Vec::new();
        for (place, case) in full.cases.iter().flatten().enumerate() {
            let here = format!("{base}/{place}");
            if case.when.is_empty() {
                self.tell(
                    &format!("{here}/when"),
                    "the case has no test; what holds otherwise is the `default`",
                );
            }
            let tests = self.tests(&case.when, &format!("{here}/when"), depth);
            let value = self.keep(&format!("{here}/value"), constant(field, &case.value, self.catalogue));
            compiled.extend(value.map(|value| (tests, value)));
        }
        let default = self.default(field, full, at)?;
        let codec = match &full.codec {
            Some(_) => Some(self.codec(field, full, at)?),
            None => None,
        };
        Some(Source::Cases(compiled, default, codec))
    }

    fn tests(&mut self, tests: &[manifest::Test], base: &str, depth: u8) -> Vec<Condition> {
        let mut compiled = Vec::new();
        for (at, test) in tests.iter().enumerate() {
            let place = format!("{base}/{at}");
            let condition = Condition::compile(test, |name, text| self.path(&format!("{place}/{name}"), text, depth));
            compiled.extend(self.keep(&place, condition).flatten());
        }
        compiled
    }

    fn object(&mut self, kind: TypeIndex, mapping: &Mapping, pointer: &str, depth: u8) -> Option<ObjectMapping> {
        let catalogue = Arc::clone(self.catalogue);
        let def = catalogue.type_at(kind)?;
        let fields = self.fields(def, mapping, pointer, depth);
        let required: Vec<FieldIndex> = def
            .fields
            .values()
            .filter(|field| field.required && !field.computed && fallback_of(field, &catalogue).is_null())
            .map(|field| field.index)
            .collect();
        let is_part = def.has_rows();
        if !is_part {
            let is_mapped = |name: &str| mapping.contains_key(name);
            let missing = def
                .fields
                .values()
                .filter(|field| required.contains(&field.index) && !is_mapped(&field.name));
            for field in missing {
                self.tell(
                    pointer,
                    format!(
                        "`{}` is missing: without it the {} is always null",
                        field.name, def.name
                    ),
                );
            }
        }
        Some(ObjectMapping {
            kind,
            is_part,
            fields,
            fallbacks: fallbacks(def, &catalogue),
            required,
        })
    }
}
