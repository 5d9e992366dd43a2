//! Specs: rows and whole answers of a system and what the API must show of them, in `specs/*.yaml`.

mod compared;

use std::path::Path as FilePath;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{
    exchange::{Answer, Outcome, Question, SentRequest, Wanted},
    load::{File, ManifestProblem, read_documents, read_yaml, sort, stem, typed},
    shape,
    yaml::Node,
};
use crate::{blueprint::Problem, json};

/// Returns the JSON Schema of the files in `specs/`, for editors.
#[must_use]
pub fn spec_schema() -> Json {
    shape::spec_words().clone()
}

/// A spec as it is written: of a `row`, or of an `answer` and the request that it answers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSpec {
    /// The unified type; a refusal that is the same for all types has none.
    #[serde(rename = "type", default)]
    kind: Option<String>,
    /// What it shows, in a sentence.
    about: String,
    /// The row as the system sends it, as YAML or as JSON text.
    #[serde(default)]
    row: Option<Json>,
    /// What was wanted of the system, where it shows an answer.
    #[serde(default)]
    of: Wanted,
    /// What was asked.
    #[serde(default)]
    asked: Question,
    /// What is sent for it.
    #[serde(default)]
    request: Option<SentRequest>,
    /// What comes back.
    #[serde(default)]
    answer: Option<Answer>,
    /// Where the row or the answer comes from; without it they count as recalled.
    #[serde(default)]
    source: Option<Source>,
    /// Settings of the connection.
    #[serde(default)]
    settings: Map<String, Json>,
    /// What the login gave, where a request holds more of it than text.
    #[serde(default)]
    session: IndexMap<String, String>,
    /// Of a row: unified fields and their values as the API shows them, references as the text of the key. Of an answer:
    /// `records`, `next`, `count`, `account`, `session`, `key`, or `error`.
    #[serde(default)]
    expect: Option<IndexMap<String, Json>>,
}

/// Where the row or the answer of a spec comes from.
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

/// What kind of source the row or the answer of a spec has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// It was read from a real server.
    Server,
    /// It has the shape of a recorded answer of a real server.
    Capture,
    /// It follows what the maker of the system has published.
    Documentation,
    /// Somebody remembers it; nobody has looked it up.
    Recalled,
}

/// What a system sends and what the API must show of it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The file that it stands in.
    pub file: String,
    /// The unified type; none for what is the same for all types.
    pub kind: Option<String>,
    /// What it shows, in a sentence.
    pub about: String,
    /// Where it comes from.
    pub source: Option<Source>,
    /// Settings of the connection.
    pub settings: Map<String, Json>,
    /// What it shows.
    pub shows: Shows,
    places: File,
}

/// What a spec shows.
#[derive(Clone, Debug)]
pub enum Shows {
    /// A row.
    Row {
        /// The raw row.
        row: json::Value<'static>,
        /// Unified fields and their values as the API shows them.
        expect: IndexMap<String, Json>,
    },
    /// A request and its answer, or one of both.
    Exchange(Box<Exchange>),
}

/// A request and its answer, or one of both.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was wanted.
    pub of: Wanted,
    /// What was asked.
    pub asked: Question,
    /// What the login gave.
    pub session: IndexMap<String, String>,
    /// What is sent.
    pub request: Option<SentRequest>,
    /// What comes back; of its body only whether there is one.
    pub answer: Option<Answer>,
    /// The body of the answer, numbers digit for digit.
    pub body: String,
    /// What the answer must become.
    pub expect: Outcome,
}

impl Spec {
    /// Returns a difference at the place that a JSON pointer into the spec leads to.
    #[must_use]
    pub fn problem(&self, pointer: &str, message: String) -> ManifestProblem {
        let place = self.places.root.locate(pointer);
        self.places
            .problem(pointer, place, message, Some(format!("about: {}", self.about)))
    }

    /// Returns whether it shows rows, rather than a refusal or a number.
    #[must_use]
    pub fn shows_rows(&self) -> bool {
        match &self.shows {
            Shows::Row { .. } => true,
            Shows::Exchange(exchange) => exchange.expect.records.as_ref().is_some_and(|list| !list.is_empty()),
        }
    }
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
    let schema = shape::spec_words();
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
                        schema,
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
    let shows = if file.root.get("row").is_some() {
        shown_row(&file, &written).map_err(|problem| wrong(&problem.pointer, problem.message))?
    } else {
        Shows::Exchange(Box::new(shown_exchange(&file, &written)?))
    };
    Ok(Spec {
        file: file.name.clone(),
        kind: written.kind,
        about: written.about,
        source: written.source,
        settings: written.settings,
        shows,
        places: file,
    })
}

fn shown_row(file: &File, written: &WrittenSpec) -> Result<Shows, Problem> {
    if let Some(other) = ["of", "asked", "request", "answer", "session"]
        .into_iter()
        .find(|name| file.root.get(name).is_some())
    {
        let message = format!("`{other}` belongs to an answer, and a spec shows a row or an answer");
        return Err(Problem::new(format!("/{other}"), message));
    }
    if written.kind.is_none() {
        return Err(Problem::new("", "`type` is missing: a row is one of a type"));
    }
    let Some(expect) = &written.expect else {
        return Err(Problem::new("", "`expect` is missing: the fields that the row becomes"));
    };
    let row = match &written.row {
        Some(Json::String(text)) => text.clone(),
        _ => file.root.get("row").map(Node::to_json_text).unwrap_or_default(),
    };
    let row = json::parse_text(&row);
    let row = row.map_err(|message| Problem::new("/row", message.replace("the answer", "the row")))?;
    Ok(Shows::Row {
        row: row.into_owned(),
        expect: expect.clone(),
    })
}

fn shown_exchange(file: &File, written: &WrittenSpec) -> Result<Exchange, Vec<ManifestProblem>> {
    let wrong = |pointer: &str, message: &str| {
        let place = file.root.locate(pointer);
        Err(vec![file.problem(pointer, place, message.to_owned(), None)])
    };
    if written.answer.is_none() && written.request.is_none() {
        return wrong("", "a spec shows a `row`, an `answer` or a `request`");
    }
    let expect = written
        .expect
        .as_ref()
        .map(|expect| expect.clone().into_iter().collect());
    let expect = Json::Object(expect.unwrap_or_default());
    match (&written.answer, &written.expect) {
        (None, Some(_)) => return wrong("/expect", "there is no `answer` that this could come of"),
        (Some(_), None) => return wrong("", "`expect` is missing: what the answer becomes"),
        _ => {}
    }
    let mut findings = shape::check(shape::outcome_words(), &expect);
    if !findings.is_empty() {
        for finding in &mut findings {
            finding.pointer.insert_str(0, "/expect");
        }
        return Err(findings.into_iter().map(|finding| file.finding(finding)).collect());
    }
    let is_of_type = written.kind.is_some();
    let unused = compared::check(&written.of, is_of_type, &file.root.to_json());
    if !unused.is_empty() {
        let told = unused.into_iter().map(|problem| {
            let place = file.root.locate(&problem.pointer);
            file.problem(&problem.pointer, place, problem.message, None)
        });
        return Err(told.collect());
    }
    let expect: Outcome = match typed(&expect, "/expect") {
        Ok(expect) => expect,
        Err(problem) => return wrong(&problem.pointer, &problem.message),
    };
    let names_type = matches!(written.of, Wanted::Probe | Wanted::SignIn) || written.kind.is_some();
    let only_judged = written.request.is_none() && expect.error.is_some();
    if !names_type && !only_judged {
        return wrong("", "`type` is missing: what is read or written is of a type");
    }
    let body = match written.answer.as_ref().map(|answer| &answer.body) {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(_) => {
            let body = file.root.get("answer").and_then(|answer| answer.get("body"));
            body.map(Node::to_json_text).unwrap_or_default()
        }
    };
    Ok(Exchange {
        of: written.of.clone(),
        asked: written.asked.clone(),
        session: written.session.clone(),
        request: written.request.clone(),
        answer: written.answer.clone(),
        body,
        expect,
    })
}
