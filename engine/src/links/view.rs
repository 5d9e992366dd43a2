//! What the hosted pages are told, in the form in which they read it. Prices are never among it, and no credential.

use chrono::{DateTime, Utc};
use lineshaft_connect::manifest::{Auth, Category, Deployment, Manifest, SettingKind};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Branding, Failure, Purpose};

/// Everything that a page shows at first.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageState {
    /// What the link is for.
    pub purpose: Purpose,
    /// `open` or `done`.
    pub status: &'static str,
    /// The organization that sent the link.
    pub organization: Named,
    /// Whose page it seems to be.
    pub branding: Branding,
    /// The customer.
    pub customer: Option<Named>,
    /// The language.
    pub locale: String,
    /// When the link stops working.
    pub expires_at: DateTime<Utc>,
    /// The page that may be told of the outcome, when there is exactly one.
    pub frame_origin: Option<String>,
    /// The pages that may show this one in a frame.
    pub frame_origins: Vec<String>,
    /// Where the customer goes back to.
    pub return_url: Option<String>,
    /// The connector, when there is no choice.
    pub connector: Option<String>,
    /// The connectors to choose from.
    pub connectors: Vec<ConnectorCard>,
    /// The connection that is brought back.
    pub connection: Option<PastConnection>,
    /// How a sign-in elsewhere went.
    pub pending: Option<Pending>,
    /// The outcome.
    pub done: Option<Done>,
}

/// What a page shows of a link that does not work any more.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sender {
    /// The organization that sent the link.
    pub organization: Named,
    /// Whose page it seems to be.
    pub branding: Branding,
    /// The language.
    pub locale: String,
    /// Where the customer goes back to.
    pub return_url: Option<String>,
}

/// Somebody's name.
#[derive(Clone, Debug, Serialize)]
pub struct Named {
    /// The name.
    pub name: String,
}

/// A connector to choose.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectorCard {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who makes the system.
    pub vendor: Option<String>,
    /// One sentence about the system.
    pub description: String,
    /// What kinds of system it is.
    pub categories: Vec<Category>,
    /// Where the system can run.
    pub deployments: Vec<Deployment>,
}

/// A connection that is brought back.
#[derive(Clone, Debug, Serialize)]
pub struct PastConnection {
    /// Its name.
    pub name: String,
    /// Why it needs it, as a code.
    pub reason: Option<String>,
    /// Why it needs it, for people.
    pub message: Option<String>,
    /// Where the system runs.
    pub deployment: crate::connections::Deployment,
    /// Its settings, to be changed if need be.
    pub settings: Map<String, Value>,
}

/// How a sign-in elsewhere went.
#[derive(Clone, Debug, Serialize)]
pub struct Pending {
    /// Why it failed.
    pub error: Option<Failure>,
}

/// The outcome of a link.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// The name of the connection.
    pub connection_name: String,
    /// Where the customer goes, with the code.
    pub redirect: Option<String>,
    /// The code, for the page that holds this one in a frame.
    pub code: Option<String>,
    /// What people should know although it works.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for Done {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Done")
            .field("connection_name", &self.connection_name)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// What a connector asks for.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectorForm {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who makes the system.
    pub vendor: Option<String>,
    /// Where its API is documented by its maker.
    pub documentation: Option<String>,
    /// Where the system can run.
    pub deployments: Vec<Deployment>,
    /// The settings, in the order of the form.
    pub settings: Vec<Setting>,
    /// The ways to sign in.
    pub ways: Vec<Way>,
    /// The entities that it reads.
    pub entities: Vec<String>,
}

/// A setting.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: SettingKind,
    /// Its label.
    pub label: String,
    /// Help below the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Whether it must be given.
    pub required: bool,
    /// Its value when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// An example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// What the whole value must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The values to choose from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// A way to sign in.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    /// Its identifier.
    pub id: String,
    /// Its label.
    pub label: String,
    /// Steps that lead to the credentials.
    pub guide: Vec<String>,
    /// `credentials`, or `sign_in` at the system's own page.
    pub kind: &'static str,
    /// What must be given here.
    pub credentials: Vec<Credential>,
}

/// A credential.
#[derive(Clone, Debug, Serialize)]
pub struct Credential {
    /// Its name.
    pub name: String,
    /// Its label.
    pub label: String,
    /// Whether it is entered hidden.
    pub secret: bool,
    /// Help below the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What the whole value must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Whether it must be given.
    pub required: bool,
}

impl ConnectorCard {
    pub(super) fn of(manifest: &Manifest) -> Self {
        Self {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            vendor: manifest.vendor.clone(),
            description: manifest.description.clone(),
            categories: manifest.categories.clone(),
            deployments: manifest.deployments.clone(),
        }
    }
}

impl ConnectorForm {
    /// Describes the form of a connector, without what the operator's application gives.
    pub(super) fn of(
        manifest: &Manifest,
        entities: Vec<String>,
        application: &lineshaft_connect::template::SecretMap,
    ) -> Self {
        let settings = manifest.settings.iter().map(|(name, field)| Setting {
            name: name.clone(),
            kind: field.kind,
            label: field.label.clone(),
            help: field.help.clone(),
            required: field.required && field.default.is_none(),
            default: field.default.clone(),
            example: field.example.clone(),
            pattern: field.pattern.clone(),
            choices: field.choices.clone(),
        });
        let way = |way: &Auth| Way {
            id: way.id.clone(),
            label: way.label.clone(),
            guide: way.guide.clone(),
            kind: if way.has_page() { "sign_in" } else { "credentials" },
            credentials: way
                .entered()
                .filter(|(name, field)| !(field.application && application.contains(name)))
                .map(|(name, field)| Credential {
                    name: name.clone(),
                    label: field.label.clone(),
                    secret: field.secret,
                    help: field.help.clone(),
                    pattern: field.pattern.clone(),
                    required: true,
                })
                .collect(),
        };
        Self {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            vendor: manifest.vendor.clone(),
            documentation: manifest.documentation.clone(),
            deployments: manifest.deployments.clone(),
            settings: settings.collect(),
            ways: manifest.auth.iter().map(way).collect(),
            entities,
        }
    }
}
