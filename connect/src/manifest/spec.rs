//! Specs: raw rows of a system and what the API must show of them, in `specs/*.yaml`.

use std::path::Path as FilePath;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{
    load::{File, ManifestProblem, read_documents, read_yaml, sort, stem, typed},
    shape,
    yaml::Node,
};
use crate::json;

/// Returns the JSON Schema of the files in `specs/`, for editors.
#[must_use]
pub fn spec_schema() -> Json {
    shape::schema_of::<WrittenSpec>()
}

/// A spec as it is written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenSpec {
    /// The unified type.
    #[serde(rename = "type")]
    kind: String,
    /// What it shows, in a sentence.
    about: String,
    /// The row as the system sends it, as YAML or as JSON text.
    row: Json,
    /// Where the row comes from; without it the row counts as recalled.
    #[serde(default)]
    source: Option<Source>,
    /// Settings of the connection.
    #[serde(default)]
    settings: Map<String, Json>,
    /// Unified fields and their values as the API shows them; references as the text of the key.
    expect: IndexMap<String, Json>,
}

/// Where the row of a spec comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What kind of source it is.
    pub kind: SourceKind,
    /// Which server, recorded answer or document it is, so that others find it.
    pub of: String,
    /// The version of the system that it tells of.
    #[serde(default)]
    pub version: Option<String>,
}

/// What kind of source the row of a spec has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// The row was read from a real server.
    Server,
    /// The row has the shape of a recorded answer of a real server.
    Capture,
    /// The row follows what the maker of the system has published.
    Documentation,
    /// Somebody remembers it; nobody has looked it up.
    Recalled,
}

/// A row of a system and what the API must show of it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The file that it stands in.
    pub file: String,
    /// The unified type.
    pub kind: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// The raw row.
    pub row: json::Value<'static>,
    /// Where the row comes from.
    pub source: Option<Source>,
    /// Settings of the connection.
    pub settings: Map<String, Json>,
    /// Unified fields and their values as the API shows them.
    pub expect: IndexMap<String, Json>,
}

/// Loads the specs of a connector's folder; a file may hold several documents.
///
/// # Errors
/// Returns every problem of the files, each with its place.
pub fn specs(folder: &FilePath) -> Result<Vec<Spec>, Vec<ManifestProblem>> {
    let files = read_yaml(folder, "specs")?;
    specs_of_files(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

/// Loads the specs among a connector's files, named by their paths from the connector's folder.
///
/// # Errors
/// Returns every problem of the files, each with its place.
pub fn specs_of_files<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Spec>, Vec<ManifestProblem>> {
    let schema = spec_schema();
    let mut problems = Vec::new();
    let mut specs = Vec::new();
    for (path, text) in files
        .into_iter()
        .filter(|(path, _)| path.starts_with("specs/") && stem(path).is_some())
    {
        match read_documents(path, text) {
            Err(wrong) => problems.extend(wrong),
            Ok(documents) => {
                for root in documents {
                    match spec(
                        &schema,
                        File {
                            name: path.to_owned(),
                            root,
                        },
                    ) {
                        Ok(spec) => specs.push(spec),
                        Err(wrong) => problems.extend(wrong),
                    }
                }
            }
        }
    }
    if problems.is_empty() {
        return Ok(specs);
    }
    sort(&mut problems);
    Err(problems)
}

fn spec(schema: &Json, file: File) -> Result<Spec, Vec<ManifestProblem>> {
    let value = file.root.to_json();
    let findings = shape::check(schema, &value);
    if !findings.is_empty() {
        return Err(findings.into_iter().map(|finding| file.finding(finding)).collect());
    }
    let wrong = |pointer: &str, message: String| vec![file.problem(pointer, file.root.locate(pointer), message, None)];
    let written: WrittenSpec = typed(&value, "").map_err(|problem| wrong(&problem.pointer, problem.message))?;
    let row = match &written.row {
        Json::String(text) => text.clone(),
        _ => file.root.get("row").map(Node::to_json_text).unwrap_or_default(),
    };
    let row = json::parse_text(&row).map_err(|message| wrong("/row", message.replace("the answer", "the row")))?;
    Ok(Spec {
        file: file.name.clone(),
        kind: written.kind,
        about: written.about,
        row: row.into_owned(),
        source: written.source,
        settings: written.settings,
        expect: written.expect,
    })
}
