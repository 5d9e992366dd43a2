//! Systems that wrap every value of their JSON in an object: `{"value": 5}` for 5 and `{}` for nothing.

use serde_json::{Map, Value as Json};

use super::load::Loader;
use super::yaml::Node;

/// How values are wrapped.
#[derive(Debug)]
pub(crate) struct Wrapped {
    member: String,
    plain: Vec<String>,
}

impl Wrapped {
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Self {
        let mut fields = loader.fields(node, "wrapped");
        let member = fields.require(loader, "member");
        let member = member.map(|node| loader.text(node, "member")).unwrap_or_default();
        let plain = fields.texts(loader, "plain");
        fields.finish(loader);
        Self { member, plain }
    }

    fn is_plain(&self, name: &str) -> bool {
        self.plain.iter().any(|plain| plain == name)
    }

    /// Returns an answer with its values wrapped; the answer itself is none.
    pub(crate) fn wrapped(&self, answer: Json) -> Json {
        self.inside(answer, &|value| self.wrap(value))
    }

    /// Returns a body with plain values.
    ///
    /// # Errors
    /// Names a member that should have been wrapped.
    pub(crate) fn unwrapped(&self, body: Json) -> Result<Json, String> {
        if let Some(name) = self.bare(&body) {
            return Err(name.to_owned());
        }
        Ok(self.inside(body, &|value| self.unwrap(value)))
    }

    fn inside(&self, value: Json, change: &dyn Fn(Json) -> Json) -> Json {
        match value {
            Json::Object(members) => {
                let changed = members.into_iter().map(|(name, value)| {
                    let value = if self.is_plain(&name) { value } else { change(value) };
                    (name, value)
                });
                Json::Object(changed.collect())
            }
            Json::Array(list) => Json::Array(list.into_iter().map(change).collect()),
            other => other,
        }
    }

    fn wrap(&self, value: Json) -> Json {
        match value {
            Json::Null => Json::Object(Map::new()),
            Json::Object(members) if members.contains_key(&self.member) => Json::Object(members),
            Json::Object(_) | Json::Array(_) => self.inside(value, &|value| self.wrap(value)),
            plain => Json::Object(Map::from_iter([(self.member.clone(), plain)])),
        }
    }

    fn unwrap(&self, value: Json) -> Json {
        match value {
            Json::Object(members) if members.is_empty() => Json::Null,
            Json::Object(mut members) if members.len() == 1 && members.contains_key(&self.member) => {
                members.remove(&self.member).unwrap_or_default()
            }
            value => self.inside(value, &|value| self.unwrap(value)),
        }
    }

    /// Returns the name of a member whose value is not wrapped.
    fn bare<'j>(&self, value: &'j Json) -> Option<&'j str> {
        match value {
            Json::Object(members) => members.iter().find_map(|(name, value)| {
                let is_known = self.is_plain(name) || *name == self.member;
                match value {
                    _ if is_known => None,
                    Json::Object(_) | Json::Array(_) => self.bare(value),
                    // What stands beside the value says something about it.
                    _ if members.contains_key(&self.member) => None,
                    _ => Some(name.as_str()),
                }
            }),
            Json::Array(list) => list.iter().find_map(|element| self.bare(element)),
            _ => None,
        }
    }
}
