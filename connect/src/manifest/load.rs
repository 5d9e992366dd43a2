//! Connector folders: read, checked against the grammar, every problem told at once with its place.

use std::{fmt, path::Path as FilePath, sync::LazyLock};

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::{
    Manifest, Resource, shape,
    shape::Finding,
    trust,
    yaml::{self, Node, Place},
};
use crate::blueprint::Problem;

pub use super::spec::{Exchange, Shows, Source, SourceKind, Spec, spec_schema, specs, specs_of_files};

/// The version of the manifest language that this build reads.
pub const VERSION: u32 = 1;

/// One thing that is wrong with a connector's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestProblem {
    /// The file, from the connector's folder.
    pub file: String,
    /// The line, from 1; 0 when the file itself is the problem.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The names on the way to the place, joined by dots.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// How to put it right, when that is known.
    pub help: Option<String>,
}

impl fmt::Display for ManifestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// Where everything in a manifest stands.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    manifest: Option<File>,
    mappings: IndexMap<String, File>,
}

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) root: Node,
}

impl File {
    pub(super) fn problem(
        &self,
        pointer: &str,
        place: Place,
        message: String,
        help: Option<String>,
    ) -> ManifestProblem {
        ManifestProblem {
            file: self.name.clone(),
            line: place.line,
            column: place.column,
            path: dotted(pointer),
            message,
            help,
        }
    }

    pub(super) fn finding(&self, finding: Finding) -> ManifestProblem {
        let Finding {
            pointer,
            message,
            help,
            on_name,
        } = finding;
        let place = if on_name {
            self.root.locate_name(&pointer)
        } else {
            self.root.locate(&pointer)
        };
        self.problem(&pointer, place, message, help)
    }
}

impl Sources {
    /// Finds the places of problems that pointers into the whole manifest name, in the order of the files.
    #[must_use]
    pub fn locate(&self, problems: &[Problem]) -> Vec<ManifestProblem> {
        let mut located: Vec<_> = problems
            .iter()
            .map(|problem| {
                let finding = |pointer: &str| Finding {
                    pointer: pointer.to_owned(),
                    message: problem.message.clone(),
                    help: problem.help.clone(),
                    on_name: false,
                };
                match (self.mapping_of(&problem.pointer), &self.manifest) {
                    (Some((file, rest)), _) => file.finding(finding(rest)),
                    (None, Some(file)) => file.finding(finding(&problem.pointer)),
                    (None, None) => without_place("manifest.yaml", problem.to_string()),
                }
            })
            .collect();
        sort(&mut located);
        located
    }

    /// Finds the mapping file that a pointer leads into, and the rest of the pointer.
    fn mapping_of<'p>(&self, pointer: &'p str) -> Option<(&File, &'p str)> {
        let below = pointer.strip_prefix("/resources/")?;
        let (name, rest) = below.find('/').map_or((below, ""), |at| below.split_at(at));
        let name = name.replace("~1", "/").replace("~0", "~");
        self.mappings.get(&name).map(|file| (file, rest))
    }
}

/// Escapes a name for a JSON pointer.
#[must_use]
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Writes a JSON pointer as names joined by dots.
fn dotted(pointer: &str) -> String {
    let names = pointer
        .split('/')
        .skip(1)
        .map(|name| name.replace("~1", "/").replace("~0", "~"));
    names.collect::<Vec<_>>().join(".")
}

fn without_place(file: &str, message: String) -> ManifestProblem {
    ManifestProblem {
        file: file.to_owned(),
        line: 0,
        column: 0,
        path: String::new(),
        message,
        help: None,
    }
}

pub(super) fn sort(problems: &mut [ManifestProblem]) {
    // The manifest comes first, then the mappings by name.
    problems.sort_by(|a, b| {
        let rank = |problem: &ManifestProblem| {
            (
                problem.file.contains('/'),
                problem.file.clone(),
                problem.line,
                problem.column,
            )
        };
        rank(a).cmp(&rank(b))
    });
}

/// Returns the JSON Schema of `manifest.yaml`, for editors.
#[must_use]
pub fn manifest_schema() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(shape::schema_of::<Manifest>);
    &SCHEMA
}

/// Returns the JSON Schema of the files in `mappings/`, for editors.
#[must_use]
pub fn mapping_schema() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(shape::schema_of::<Resource>);
    &SCHEMA
}

/// Returns the JSON Schema of overlays, for editors; the words of a field mapping are those of
/// [`field_mapping_schema`].
#[must_use]
pub fn overlay_schema() -> Json {
    shape::overlay_words().clone()
}

/// Returns the JSON Schema of the long form of a field mapping.
#[must_use]
pub fn field_mapping_schema() -> Json {
    shape::mapping_words().clone()
}

/// Returns the JSON Schema of what is said of writing a field.
#[must_use]
pub fn write_field_schema() -> Json {
    shape::write_words().clone()
}

/// Loads a connector from its folder, whose name must be the connector's id.
///
/// # Errors
/// Returns every problem of the files, each with its place.
pub fn load_folder(folder: &FilePath) -> Result<(Manifest, Sources), Vec<ManifestProblem>> {
    let mut files = read_yaml(folder, "")?;
    files.extend(read_yaml(folder, "mappings")?);
    let (manifest, sources) = load_files(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
    let name = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    if manifest.id != name {
        let problem = Problem::new(
            "/id",
            format!("the id is `{}`, but the folder is named `{name}`", manifest.id),
        );
        return Err(sources.locate(&[problem]));
    }
    Ok((manifest, sources))
}

/// Reads the files of a connector's folder that tell where its facts come from: the specs, and what a test against a real
/// server has written.
///
/// # Errors
/// When a file cannot be read.
pub fn evidence(folder: &FilePath) -> Result<Vec<(String, String)>, Vec<ManifestProblem>> {
    let mut files = read_yaml(folder, "specs")?;
    files.extend(
        read_yaml(folder, "")?
            .into_iter()
            .filter(|(path, _)| path == trust::VERIFIED),
    );
    Ok(files)
}

/// Reads the YAML files that stand directly in a folder of the connector; a folder that is not there has none.
pub(super) fn read_yaml(folder: &FilePath, below: &str) -> Result<Vec<(String, String)>, Vec<ManifestProblem>> {
    let unreadable = |name: &str, error: &std::io::Error| vec![without_place(name, format!("cannot be read: {error}"))];
    let entries = match std::fs::read_dir(folder.join(below)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !below.is_empty() => return Ok(Vec::new()),
        Err(error) => {
            return Err(unreadable(
                if below.is_empty() { "manifest.yaml" } else { below },
                &error,
            ));
        }
    };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        if stem(&path).is_some() {
            let text = std::fs::read_to_string(entry.path()).map_err(|error| unreadable(&path, &error))?;
            files.push((path, text));
        }
    }
    files.sort();
    Ok(files)
}

/// Returns the name of a YAML file without folder and ending.
pub(super) fn stem(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"))
}

/// Loads a connector from its files, named by their paths from the connector's folder. Others than the manifest and the
/// mappings are passed over.
///
/// # Errors
/// Returns every problem of the files, each with its place.
pub fn load_files<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(Manifest, Sources), Vec<ManifestProblem>> {
    let mut problems = Vec::new();
    let mut sources = Sources::default();
    for (path, text) in files {
        let Some(stem) = stem(path) else { continue };
        let is_mapping = path.strip_prefix("mappings/").is_some_and(|rest| !rest.contains('/'));
        let is_manifest = stem == "manifest" && !path.contains('/');
        if !is_mapping && !is_manifest {
            continue;
        }
        match read_file(path, text) {
            Ok(file) if is_mapping => {
                sources.mappings.insert(stem.to_owned(), file);
            }
            Ok(file) => sources.manifest = Some(file),
            Err(wrong) => problems.extend(wrong),
        }
    }
    let mut whole = Json::Null;
    match &sources.manifest {
        Some(file) => {
            whole = file.root.to_json();
            problems.extend(
                shape::check(manifest_schema(), &whole)
                    .into_iter()
                    .map(|finding| file.finding(finding)),
            );
        }
        None if problems.iter().all(|problem| problem.file.contains('/')) => {
            problems.push(without_place("manifest.yaml", "there is no manifest".to_owned()));
        }
        None => {}
    }
    problems.extend(check_mappings(&sources, &mut whole));
    if problems.is_empty() {
        match finish(whole, &sources) {
            Ok(manifest) => return Ok((manifest, sources)),
            Err(wrong) => problems = wrong,
        }
    }
    sort(&mut problems);
    Err(problems)
}

/// Checks the mapping files and lays them into the whole manifest.
fn check_mappings(sources: &Sources, whole: &mut Json) -> Vec<ManifestProblem> {
    let schema = mapping_schema();
    let mut problems = Vec::new();
    for (name, file) in &sources.mappings {
        let mapping = file.root.to_json();
        problems.extend(
            shape::check(schema, &mapping)
                .into_iter()
                .map(|finding| file.finding(finding)),
        );
        let Some(whole) = whole.as_object_mut() else { continue };
        let resources = whole.entry("resources").or_insert_with(|| Json::Object(Map::new()));
        let Some(resources) = resources.as_object_mut() else {
            continue;
        };
        if resources.insert(name.clone(), mapping).is_some() {
            let message = format!("`{name}` is mapped in the manifest and in {}", file.name);
            problems.push(file.problem("", file.root.place, message, None));
        }
    }
    problems
}

fn read_file(path: &str, text: &str) -> Result<File, Vec<ManifestProblem>> {
    let mut documents = read_documents(path, text)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(root), true) => Ok(File {
            name: path.to_owned(),
            root,
        }),
        (None, _) => Err(vec![without_place(path, "the file is empty".to_owned())]),
        _ => Err(vec![without_place(
            path,
            "the file holds more than one document".to_owned(),
        )]),
    }
}

pub(super) fn read_documents(path: &str, text: &str) -> Result<Vec<Node>, Vec<ManifestProblem>> {
    yaml::parse(text).map_err(|problems| {
        problems
            .into_iter()
            .map(|problem| ManifestProblem {
                line: problem.place.line,
                column: problem.place.column,
                ..without_place(path, problem.message)
            })
            .collect()
    })
}

/// Turns the whole manifest into its type and checks what the grammar cannot say, each variant included.
fn finish(whole: Json, sources: &Sources) -> Result<Manifest, Vec<ManifestProblem>> {
    let manifest: Manifest = typed(&whole, "").map_err(|problem| sources.locate(&[problem]))?;
    let mut problems = Vec::new();
    if manifest.manifest != VERSION {
        let message = format!("this build reads version {VERSION} of the manifest language");
        problems.push(Problem::new("/manifest", message));
    }
    problems.extend(trust::misnamed(&manifest));
    let schema = manifest_schema();
    for (at, variant) in manifest.variants.iter().enumerate() {
        let base = format!("/variants/{at}");
        for name in variant
            .when
            .keys()
            .filter(|name| !manifest.settings.contains_key(*name))
        {
            let message = super::suggest::unknown("setting", name, manifest.settings.keys().map(String::as_str));
            problems.push(Problem::new(format!("{base}/when/{}", escape(name)), message));
        }
        let mut patched = whole.clone();
        merge(&mut patched, &variant.patch);
        let findings = shape::check(schema, &patched);
        problems.extend(findings.iter().map(|finding| Problem {
            pointer: format!("{base}/patch{}", finding.pointer),
            message: finding.message.clone(),
            help: finding.help.clone(),
        }));
        if findings.is_empty() {
            problems.extend(typed::<Manifest>(&patched, &format!("{base}/patch")).err());
        }
    }
    if problems.is_empty() {
        Ok(manifest)
    } else {
        Err(sources.locate(&problems))
    }
}

/// Reads a type from JSON; the schema has been checked before, so that this finds only what it cannot say.
pub(super) fn typed<T: DeserializeOwned>(value: &Json, base: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut pointer = base.to_owned();
        for segment in error.path() {
            match segment {
                serde_path_to_error::Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
                serde_path_to_error::Segment::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
                serde_path_to_error::Segment::Enum { variant } => pointer.push_str(&format!("/{variant}")),
                serde_path_to_error::Segment::Unknown => {}
            }
        }
        Problem::new(pointer, error.inner().to_string())
    })
}

/// Lays a JSON merge patch over a value: tables are merged, null removes, everything else replaces.
pub(crate) fn merge(value: &mut Json, patch: &Json) {
    let Json::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Json::Object(Map::new());
    }
    let Some(members) = value.as_object_mut() else { return };
    for (name, patch) in patch {
        if patch.is_null() {
            members.shift_remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Json::Null), patch);
        }
    }
}

impl Manifest {
    /// Returns the manifest with the changes of every variant that a connection's settings select, in order. A setting
    /// that was not given counts with its default.
    ///
    /// # Errors
    /// Tells which variants do not go together.
    pub fn for_settings(&self, settings: &Map<String, Json>) -> Result<Self, Problem> {
        let text = |name: &str| match settings.get(name) {
            Some(Json::String(text)) => Some(text.clone()),
            Some(Json::Null) | None => self.settings.get(name).and_then(|field| field.default.clone()),
            Some(other) => Some(other.to_string()),
        };
        let selected = self.variants.iter().filter(|variant| {
            variant
                .when
                .iter()
                .all(|(name, wanted)| text(name).as_ref() == Some(wanted))
        });
        self.patched(selected.map(|variant| &variant.patch))
    }

    /// Returns the manifest of each variant by itself, for checks of what connections may get.
    ///
    /// # Errors
    /// Tells which variant does not fit.
    pub fn each_variant(&self) -> Result<Vec<Self>, Problem> {
        self.variants
            .iter()
            .map(|variant| self.patched([&variant.patch]))
            .collect()
    }

    fn patched<'a>(&'a self, patches: impl IntoIterator<Item = &'a Json>) -> Result<Self, Problem> {
        let mut patches = patches.into_iter().peekable();
        if patches.peek().is_none() {
            return Ok(self.clone());
        }
        let mut whole = serde_json::to_value(self).map_err(|error| Problem::new("", error.to_string()))?;
        patches.for_each(|patch| merge(&mut whole, patch));
        typed(&whole, "")
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
