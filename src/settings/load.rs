//! Reads the settings: the compiled-in defaults, then a file, then the environment. Every unknown key is told at once,
//! with the key that was probably meant.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use config::{Config, File, FileFormat, Source as _, Value, ValueKind};
use lineshaft_connect::manifest::suggest;

use super::Settings;

/// The documented defaults.
const DEFAULTS: &str = include_str!("../../config/default.toml");
/// The file that is read when none is named.
const USUAL_FILE: &str = "lineshaft.toml";
const PREFIX: &str = "LINESHAFT_";
/// Variables of ours that are no settings.
const NO_SETTINGS: [&str; 1] = ["LINESHAFT_CONFIG"];

/// Where settings come from besides the defaults.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// A file that must be there.
    pub file: Option<PathBuf>,
    /// A folder that may have a `lineshaft.toml`, which counts when no file is named.
    pub folder: Option<PathBuf>,
    /// Environment variables.
    pub variables: Vec<(String, String)>,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is missing or cannot be read.
    #[error("`{path}` cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not TOML, or a value has the wrong type.
    #[error("{0}")]
    Malformed(String),
    /// Keys that no setting has.
    #[error("{}", Lines(.0))]
    Unknown(Vec<String>),
    /// A value that is out of bounds.
    #[error("the setting `{key}` cannot be used: {problem}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
}

struct Lines<'a>(&'a [String]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl Error {
    pub(super) fn invalid(key: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid {
            key,
            problem: problem.into(),
        }
    }
}

impl Source {
    /// Returns the sources of this process: its environment, and `lineshaft.toml` in its folder unless a file is named.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        // A variable that is not Unicode cannot be one of ours.
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self {
            file,
            folder: Some(PathBuf::from(".")),
            variables: variables.collect(),
        }
    }

    fn file(&self) -> Option<PathBuf> {
        let usual = || {
            self.folder
                .as_ref()
                .map(|folder| folder.join(USUAL_FILE))
                .filter(|path| path.is_file())
        };
        self.file.clone().or_else(usual)
    }
}

impl Settings {
    /// Loads the settings.
    ///
    /// # Errors
    /// Returns what is wrong, by key and place.
    pub fn load(source: &Source) -> Result<Self, Error> {
        let known = known_keys()?;
        let mut layers = Config::builder().add_source(defaults());
        if let Some(path) = source.file() {
            let file = read_file(&path)?;
            let problems = unknown_in_file(&known, &file, &path);
            if !problems.is_empty() {
                return Err(Error::Unknown(problems));
            }
            layers = layers.add_source(file);
        }
        let (overrides, problems) = from_variables(&known, &source.variables);
        if !problems.is_empty() {
            return Err(Error::Unknown(problems));
        }
        for (key, value) in overrides {
            layers = layers.set_override(key, value).map_err(malformed)?;
        }
        let settings: Self = layers
            .build()
            .map_err(malformed)?
            .try_deserialize()
            .map_err(malformed)?;
        settings.check()?;
        Ok(settings)
    }

    /// Checks what the types do not tell.
    fn check(&self) -> Result<(), Error> {
        let query = &self.query;
        if query.max_page_size == 0 || query.default_page_size == 0 || query.default_page_size > query.max_page_size {
            let problem = format!("it must be between 1 and query.max_page_size ({})", query.max_page_size);
            return Err(Error::invalid("query.default_page_size", problem));
        }
        if query.timeout_ms >= self.graphql.query_timeout_ms {
            let problem = format!(
                "it must be below graphql.query_timeout_ms ({})",
                self.graphql.query_timeout_ms
            );
            return Err(Error::invalid("query.timeout_ms", problem));
        }
        let longest = lineshaft_engine::links::LONGEST.as_secs();
        for (key, seconds) in [
            ("links.ttl_s", self.links.ttl_s),
            ("links.code_ttl_s", self.links.code_ttl_s),
        ] {
            if !(1..=longest).contains(&seconds) {
                return Err(Error::invalid(key, format!("{seconds} is not between 1 and {longest}")));
            }
        }
        if !(1..=1000).contains(&self.links.tries) {
            return Err(Error::invalid("links.tries", "it must be between 1 and 1000"));
        }
        if let Some((connector, _)) = self
            .oauth
            .iter()
            .find(|(_, application)| application.client_id.is_empty())
        {
            return Err(Error::invalid(
                "oauth",
                format!("`client_id` of `{connector}` is empty"),
            ));
        }
        let url = &self.server.public_url;
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(Error::invalid(
                "server.public_url",
                format!("`{url}` does not begin with https:// or http://"),
            ));
        }
        for (key, share) in [
            ("upstream.retry.budget", self.upstream.retry.budget),
            (
                "upstream.breaker.share_of_faults",
                self.upstream.breaker.share_of_faults,
            ),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::invalid(key, format!("{share} is not between 0 and 1")));
            }
        }
        if !(0.0..=1.0).contains(&self.webhooks.jitter) {
            let problem = format!("{} is not between 0 and 1", self.webhooks.jitter);
            return Err(Error::invalid("webhooks.jitter", problem));
        }
        if !self.webhooks.schedule_scale.is_finite() || self.webhooks.schedule_scale < 0.0 {
            let problem = format!("{} is no factor", self.webhooks.schedule_scale);
            return Err(Error::invalid("webhooks.schedule_scale", problem));
        }
        if self.events.poll_ms == 0 {
            return Err(Error::invalid("events.poll_ms", "it must be at least 1"));
        }
        for (key, share) in [
            ("health.jitter", self.health.jitter),
            ("health.degraded_share", self.health.degraded_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::invalid(key, format!("{share} is not between 0 and 1")));
            }
        }
        let health = &self.health;
        for (key, seconds) in [
            ("health.check_every_s", health.check_every_s),
            ("health.idle_check_every_s", health.idle_check_every_s),
            ("health.unreachable_check_every_s", health.unreachable_check_every_s),
        ] {
            if seconds == 0 {
                return Err(Error::invalid(key, "it must be at least 1"));
            }
        }
        for (key, number) in [
            ("health.parallel", health.parallel),
            ("webhooks.concurrency", self.webhooks.concurrency),
            ("server.max_connections", self.server.max_connections),
            ("upstream.max_in_flight", self.upstream.max_in_flight),
            ("graphql.operations", self.graphql.operations),
            ("graphql.operations_per_caller", self.graphql.operations_per_caller),
        ] {
            if number == 0 {
                return Err(Error::invalid(key, "it must be at least 1"));
            }
        }
        self.check_writes()?;
        self.upstream.networks().map(drop)
    }

    fn check_writes(&self) -> Result<(), Error> {
        let writes = &self.writes;
        for (key, number) in [
            ("writes.timeout_ms", writes.timeout_ms),
            ("writes.key_days", writes.key_days.into()),
            (
                "writes.batch_width",
                u64::try_from(writes.batch_width).unwrap_or(u64::MAX),
            ),
            ("writes.workers", u64::try_from(writes.workers).unwrap_or(u64::MAX)),
            (
                "writes.sync_per_connection",
                u64::try_from(writes.sync_per_connection).unwrap_or(u64::MAX),
            ),
            ("writes.queued_per_connection", writes.queued_per_connection),
        ] {
            if number == 0 {
                return Err(Error::invalid(key, "it must be at least 1"));
            }
        }
        // A request that has left is waited for beyond the time of its write, and what it began may be taken back.
        let least = self.upstream.attempt_timeout_ms.saturating_mul(4);
        if writes.slack_ms < least {
            let problem = format!("it must be at least four times upstream.attempt_timeout_ms ({least})");
            return Err(Error::invalid("writes.slack_ms", problem));
        }
        if writes.settle_after_ms < self.upstream.attempt_timeout_ms {
            let problem = format!(
                "it must be at least upstream.attempt_timeout_ms ({})",
                self.upstream.attempt_timeout_ms
            );
            return Err(Error::invalid("writes.settle_after_ms", problem));
        }
        Ok(())
    }
}

fn defaults() -> File<config::FileSourceString, FileFormat> {
    File::from_str(DEFAULTS, FileFormat::Toml)
}

fn malformed(error: config::ConfigError) -> Error {
    Error::Malformed(error.to_string())
}

fn read_file(path: &Path) -> Result<File<config::FileSourceString, FileFormat>, Error> {
    let unreadable = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let file = File::from_str(&text, FileFormat::Toml);
    // The text is parsed here to tell the name of the file with a fault in it.
    file.collect()
        .map_err(|error| Error::Malformed(format!("{} is not TOML: {error}", path.display())))?;
    Ok(file)
}

/// Every key of the defaults with whether it is a list. Sections end with a dot.
fn known_keys() -> Result<BTreeMap<String, Kind>, Error> {
    let mut known = BTreeMap::new();
    flatten("", defaults().collect().map_err(malformed)?, &mut |path, kind| {
        known.insert(path.to_owned(), kind);
    });
    Ok(known)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Section,
    List,
    Single,
}

fn flatten(prefix: &str, table: config::Map<String, Value>, each: &mut impl FnMut(&str, Kind)) {
    for (name, value) in table {
        let path = format!("{prefix}{name}");
        match value.kind {
            ValueKind::Table(inner) => {
                each(&path, Kind::Section);
                flatten(&format!("{path}."), inner, each);
            }
            ValueKind::Array(_) => each(&path, Kind::List),
            _ => each(&path, Kind::Single),
        }
    }
}

fn unknown_in_file(
    known: &BTreeMap<String, Kind>,
    file: &File<config::FileSourceString, FileFormat>,
    path: &Path,
) -> Vec<String> {
    let mut problems: Vec<String> = Vec::new();
    let mut unknown_sections: Vec<String> = Vec::new();
    let Ok(table) = file.collect() else { return problems };
    flatten("", table, &mut |key, kind| {
        if unknown_sections
            .iter()
            .any(|section| key.starts_with(&format!("{section}.")))
        {
            return;
        }
        match known.get(key) {
            None if is_of_application(key, kind) => {}
            Some(Kind::Section) if kind != Kind::Section => {
                problems.push(format!("{}: `{key}` is a section, not a setting", path.display()));
            }
            Some(Kind::Single | Kind::List) if kind == Kind::Section => {
                problems.push(format!("{}: `{key}` is a setting, not a section", path.display()));
            }
            Some(_) => {}
            None => {
                let what = if kind == Kind::Section { "section" } else { "setting" };
                problems.push(format!("{}: {}", path.display(), unknown(known, what, key)));
                if kind == Kind::Section {
                    unknown_sections.push(key.to_owned());
                }
            }
        }
    });
    problems.sort();
    problems
}

/// The names of the sections below `oauth` are those of connectors.
fn is_of_application(key: &str, kind: Kind) -> bool {
    let mut parts = key.split('.');
    if parts.next() != Some("oauth") || parts.next().is_none_or(str::is_empty) {
        return false;
    }
    match (parts.next(), parts.next()) {
        (None, None) => kind == Kind::Section,
        (Some("client_id" | "client_secret"), None) => kind == Kind::Single,
        _ => false,
    }
}

/// Tells that a key is unknown, with the one that was probably meant: by its spelling, else by its last name.
fn unknown(known: &BTreeMap<String, Kind>, what: &str, key: &str) -> String {
    let alike = known
        .iter()
        .filter(|(_, kind)| (**kind == Kind::Section) == (what == "section"));
    let alike: Vec<&str> = alike.map(|(key, _)| key.as_str()).collect();
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let elsewhere = || alike.iter().copied().find(|other| last(other) == last(key));
    match suggest::closest(key, alike.iter().copied()).or_else(elsewhere) {
        Some(near) => format!("unknown {what} `{key}`, did you mean `{near}`?"),
        None => format!("unknown {what} `{key}`"),
    }
}

type Overrides = Vec<(String, Value)>;

fn from_variables(known: &BTreeMap<String, Kind>, variables: &[(String, String)]) -> (Overrides, Vec<String>) {
    let (mut overrides, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in variables {
        let Some(rest) = name
            .strip_prefix(PREFIX)
            .filter(|_| !NO_SETTINGS.contains(&name.as_str()))
        else {
            continue;
        };
        let mut parts: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
        if let [first, connector, _] = parts.as_mut_slice()
            && first == "oauth"
        {
            // Identifiers of connectors have hyphens, which variables cannot have.
            *connector = connector.replace('_', "-");
        }
        let key = parts.join(".");
        let kind = match known.get(&key) {
            Some(Kind::List) => ValueKind::from(split_list(text)),
            Some(Kind::Single) => ValueKind::from(text.as_str()),
            None if is_of_application(&key, Kind::Single) => ValueKind::from(text.as_str()),
            Some(Kind::Section) | None => {
                problems.push(unknown_variable(known, name));
                continue;
            }
        };
        overrides.push((key, Value::new(Some(&format!("the environment variable {name}")), kind)));
    }
    problems.sort();
    (overrides, problems)
}

fn split_list(text: &str) -> Vec<Value> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Value::new(None, ValueKind::from(part))).collect()
}

fn unknown_variable(known: &BTreeMap<String, Kind>, name: &str) -> String {
    let variable = |key: &String| format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"));
    let names: Vec<String> = known
        .iter()
        .filter(|(_, kind)| **kind != Kind::Section)
        .map(|(key, _)| variable(key))
        .collect();
    suggest::unknown("environment variable", name, names.iter().map(String::as_str))
}
