//! Discovery: how the objects of a system that the unified model does not know are found, described and read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Manifest,
    errors::BodyTest,
    http::Request,
    resource::Resource,
    write::{Describe, Write},
};

/// How a system tells what it has besides what the mappings name.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// How the tables, models, entity sets or objects of the system are listed; they must be named by hand when it is
    /// left out.
    #[serde(default)]
    pub objects: Option<DiscoverObjects>,
    /// How the fields of any object are described, with the variables `resource.remote` and, where the list of objects
    /// tells one, `resource.described_as`. Where it is left out they are told by sampling the object's rows.
    #[serde(default)]
    pub describe: Option<Describe>,
    /// How any object is read: members of a mapping file (`key`, `literals`, `seek`, `list`, `custom_fields`, …) besides
    /// `remote` and `fields`. Entities of an organization's own need it. Without `key` each of them names its own.
    #[serde(default)]
    pub resource: Option<Map<String, Value>>,
    /// Names of objects that are never listed, described, looked at, or read and written as entities of an
    /// organization's own, whatever the case of letters; `*` is any text. What the connector itself maps stays mapped.
    #[serde(default)]
    pub except: Vec<String>,
    /// How any object is written: the `write` section of a mapping file without `fields`.
    #[serde(default)]
    pub write: Option<Map<String, Value>>,
}

/// How the objects of a system are listed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverObjects {
    /// The request, with the variable `search` where the system can search.
    pub request: Request,
    /// What the answer is.
    pub form: ObjectsForm,
    /// A template that goes before each name, such as the service that an entity set belongs to.
    #[serde(default)]
    pub prefix: Option<String>,
}

/// What a list of objects is written in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ObjectsForm {
    /// The metadata document of `OData`: its entity sets.
    OdataMetadata {},
    /// A list with one entry for each object; paths in an entry.
    Items {
        /// Where the entries stand in the answer.
        items: String,
        /// The name of the object.
        name: String,
        /// A label.
        #[serde(default)]
        label: Option<String>,
        /// The name under which the object is described, where that is another: `resource.described_as`.
        #[serde(default)]
        described_as: Option<String>,
        /// Tests that an entry must pass.
        #[serde(default)]
        only: Vec<BodyTest>,
    },
}

impl Discovery {
    fn excepts(&self, remote: &str) -> bool {
        // Names stand in addresses, where servers may cut their parts off.
        let remote = remote.trim().to_lowercase();
        let parts = remote.split('/').map(|part| {
            let part = part.split(';').next().unwrap_or_default();
            part.trim().trim_end_matches([' ', '.'])
        });
        let cut = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        // What is excepted is so below another object too: `suppliers/1/payments`.
        let ends = cut.match_indices('/').filter_map(|(at, _)| cut.get(at + 1..));
        let names: Vec<&str> = [remote.as_str(), &cut].into_iter().chain(ends).collect();
        self.except.iter().any(|pattern| {
            let pattern = pattern.to_lowercase();
            names.iter().any(|name| fits(&pattern, name))
        })
    }

    /// Returns how an object is read, with no fields mapped yet.
    pub(crate) fn object_resource(&self, remote: &str) -> Option<Result<Resource, String>> {
        let mut written = self.resource.clone()?;
        written.insert("remote".to_owned(), json!(remote));
        written.entry("key").or_insert_with(|| json!([]));
        written.insert("fields".to_owned(), json!({}));
        Some(serde_json::from_value(Value::Object(written)).map_err(|error| error.to_string()))
    }

    /// Returns how objects are written, with no fields yet.
    pub(crate) fn object_write(&self) -> Option<Result<Write, String>> {
        let written = Value::Object(self.write.clone()?);
        Some(serde_json::from_value(written).map_err(|error| error.to_string()))
    }
}

/// Returns whether a pattern stands for a whole name; `*` is any text.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(first) else {
        return false;
    };
    let (between, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for text in between.split('*') {
        match name.split_once(text) {
            Some((_, behind)) => name = behind,
            None => return false,
        }
    }
    name.ends_with(last)
}

impl Manifest {
    /// Returns whether an object may be listed, described, looked at, and read by an entity of an organization's own.
    #[must_use]
    pub fn may_map(&self, remote: &str) -> bool {
        let discovery = self.discovery.as_ref();
        !discovery.is_some_and(|discovery| discovery.excepts(remote))
    }

    /// Returns how an object that no mapping names is read: what `discovery.resource` says, with this name and without
    /// fields. The key is empty where it differs from object to object. None when the connector cannot read such
    /// objects.
    #[must_use]
    pub fn object_resource(&self, remote: &str) -> Option<Resource> {
        self.discovery.as_ref()?.object_resource(remote)?.ok()
    }

    /// Returns how an object that no mapping names is written, without fields. None when the connector cannot write such
    /// objects.
    #[must_use]
    pub fn object_write(&self) -> Option<Write> {
        self.discovery.as_ref()?.object_write()?.ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn excepted_names_are_found_however_they_are_written() {
        let discovery: Discovery =
            serde_json::from_value(json!({"except": ["res.users*", "*apikeys*", "*/$*", "a*b*c", "ir.cron"]})).unwrap();
        for name in [
            "res.users",
            "res.users.log",
            "RES.Users",
            " res.users ",
            "res.users;x",
            "ApiKeys/1",
            "x/apikeys",
            "svc/$batch",
            "a1b2c",
            "abc",
            "ir.cron.",
            "ir.cron ;x/",
            "partners/1/res.users",
            "a/b/ir.cron/",
        ] {
            assert!(discovery.excepts(name), "{name}");
        }
        for name in ["res.partner", "ir.cron.trigger", "a1c", "users", "svc/batch", ""] {
            assert!(!discovery.excepts(name), "{name}");
        }
    }
}
