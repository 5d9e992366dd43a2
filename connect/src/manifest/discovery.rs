//! Discovery: how the objects of a system that the unified model does not know are found, described and read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{field::Test, http::Request, write::Describe};

/// How a system tells what it has besides what the mappings name.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// How the tables, models, entity sets or objects of the system are listed; they must be named by hand when it is
    /// left out.
    #[serde(default)]
    pub objects: Option<DiscoverObjects>,
    /// How the fields of any object are described, with the variable `resource.remote`; where it is left out they are
    /// told by sampling its rows.
    #[serde(default)]
    pub describe: Option<Describe>,
    /// How any object is read: members of a mapping file (`key`, `literals`, `seek`, `list`, `custom_fields`, …) besides
    /// `remote` and `fields`. Entities of an organization's own need it.
    #[serde(default)]
    pub resource: Option<Map<String, Value>>,
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
        /// Tests that an entry must pass.
        #[serde(default)]
        only: Vec<Test>,
    },
}
