//! Which members of rows a request asks for.

use serde_json::{Map, Value as Json};

use super::{From, Look, Stop};
use crate::described::load::Loader;
use crate::described::table::Unknown;
use crate::described::yaml::Node;

/// How members are asked for.
#[derive(Debug)]
pub(crate) struct Select {
    fields: From,
    separator: String,
    always: Vec<String>,
    unknown: Unknown,
}

impl Select {
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Option<Self> {
        let mut fields = loader.fields(node, "select");
        let from = fields
            .require(loader, "fields")
            .and_then(|node| From::read(loader, node));
        let separator = fields.text(loader, "separator").unwrap_or_else(|| ",".to_owned());
        let always = fields.texts(loader, "always");
        let unknown = fields
            .word(
                loader,
                "unknown",
                &[("refuse", Unknown::Refuse), ("ignore", Unknown::Ignore)],
            )
            .unwrap_or(Unknown::Ignore);
        fields.finish(loader);
        Some(Self {
            fields: from?,
            separator,
            always,
            unknown,
        })
    }

    pub(crate) fn parameter(&self) -> Option<&str> {
        self.fields.parameter()
    }

    /// Returns the members that are asked for; none when all are.
    pub(crate) fn fields(&self, look: &Look<'_>) -> Result<Option<Vec<String>>, Stop> {
        let mut names = Vec::new();
        for value in self.fields.values(look.request, look.scope)? {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            names.extend(
                text.split(&self.separator)
                    .map(|name| name.trim().to_owned())
                    .filter(|name| !name.is_empty()),
            );
        }
        if names.is_empty() || names.iter().any(|name| name == "*") {
            return Ok(None);
        }
        if self.unknown == Unknown::Refuse {
            for name in &names {
                look.has(name, Unknown::Refuse)?;
            }
        }
        names.extend(self.always.iter().cloned());
        Ok(Some(names))
    }
}

/// Returns the members with these names, in the order of the row; `a.b` and `a/b` are members of members.
pub(crate) fn only(row: &Map<String, Json>, names: &[String]) -> Map<String, Json> {
    let mut chosen = Map::new();
    for (name, value) in row {
        if names.contains(name) {
            chosen.insert(name.clone(), value.clone());
            continue;
        }
        let inner: Vec<String> = names
            .iter()
            .filter_map(|wanted| wanted.strip_prefix(name.as_str())?.strip_prefix(['.', '/']))
            .map(str::to_owned)
            .collect();
        if !inner.is_empty() {
            chosen.insert(name.clone(), inside(value, &inner));
        }
    }
    chosen
}

fn inside(value: &Json, names: &[String]) -> Json {
    match value {
        Json::Object(map) => Json::Object(only(map, names)),
        Json::Array(elements) => elements.iter().map(|element| inside(element, names)).collect(),
        other => other.clone(),
    }
}
