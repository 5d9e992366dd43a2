//! Settings, credentials and the ways to sign in.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Assertion, Request, Signed};

/// A setting that a connection must be given.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingField {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: SettingKind,
    /// Label on forms.
    pub label: String,
    /// Help below the field: where to find the value.
    #[serde(default)]
    pub help: Option<String>,
    /// Whether it must be given; a field with a default never must.
    #[serde(default)]
    pub required: bool,
    /// Value when none is given.
    #[serde(default)]
    pub default: Option<String>,
    /// Example shown in the empty field.
    #[serde(default)]
    pub example: Option<String>,
    /// Regular expression that the whole value must match.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The values to choose from, for `choice`.
    #[serde(default)]
    pub choices: Vec<String>,
}

/// The type of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingKind {
    /// A web address without trailing slash.
    Url,
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// One of `choices`.
    Choice,
    /// The name of a time zone, such as `Europe/Berlin`.
    TimeZone,
}

/// A credential that a connection must be given.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialField {
    /// Label on forms.
    pub label: String,
    /// Whether it is secret: entered hidden, never shown again. True unless said otherwise.
    #[serde(default = "yes")]
    pub secret: bool,
    /// Help below the field: where to find the value.
    #[serde(default)]
    pub help: Option<String>,
    /// Regular expression that the whole value must match.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Whether it identifies the application rather than the customer. The operator may give it once for all customers,
    /// who are then not asked for it.
    #[serde(default)]
    pub application: bool,
}

const fn yes() -> bool {
    true
}

/// One way to sign in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Identifier of the way within the connector.
    pub id: String,
    /// Label on forms.
    pub label: String,
    /// Steps that lead a person to the credentials.
    #[serde(default)]
    pub guide: Vec<String>,
    /// What must be given.
    pub credentials: IndexMap<String, CredentialField>,
    /// How requests are authorized.
    pub kind: AuthKind,
}

impl Auth {
    /// Returns whether a person signs in at the system's own page, instead of giving credentials.
    #[must_use]
    pub fn has_page(&self) -> bool {
        matches!(
            self.kind,
            AuthKind::Oauth2 {
                grant: Grant::AuthorizationCode,
                ..
            }
        )
    }

    /// Returns whether its sessions are given up by a request.
    #[must_use]
    pub const fn has_logout(&self) -> bool {
        matches!(self.kind, AuthKind::Session { logout: Some(_), .. })
    }

    /// Iterates over the credentials that a person gives; the others come from signing in at the system's own page.
    pub fn entered(&self) -> impl Iterator<Item = (&String, &CredentialField)> {
        let by_page = self.has_page();
        self.credentials
            .iter()
            .filter(move |(name, _)| !(by_page && name.as_str() == REFRESH_TOKEN))
    }
}

/// The credential that holds a refresh token.
pub const REFRESH_TOKEN: &str = "refresh_token";

/// How requests are authorized.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthKind {
    /// HTTP Basic.
    Basic {
        /// Template of the user name.
        username: String,
        /// Template of the password.
        password: String,
    },
    /// Fixed headers, such as API keys and bearer tokens.
    Headers {
        /// Header names with templates of their values.
        headers: IndexMap<String, String>,
    },
    /// `OAuth` 1.0a with credentials that were given once: each attempt is signed by HMAC-SHA256, with a time and a nonce of
    /// its own. Parameters of the address and of forms are signed too.
    Oauth1 {
        /// Template of the application's key.
        consumer_key: String,
        /// Template of the application's secret.
        consumer_secret: String,
        /// Template of the token's identifier.
        token: String,
        /// Template of the token's secret.
        token_secret: String,
        /// Template of the realm that the header names; it is not signed.
        #[serde(default)]
        realm: Option<String>,
    },
    /// A signature over each request.
    Signed(Signed),
    /// `OAuth` 2 with a token endpoint.
    Oauth2 {
        /// The grant.
        grant: Grant,
        /// Template of the address of the token endpoint.
        token_url: String,
        /// Template of the client's identifier. A client that proves itself by an assertion may do without.
        #[serde(default)]
        client_id: Option<String>,
        /// Template of the client's secret; public clients have none.
        #[serde(default)]
        client_secret: Option<String>,
        /// How the client proves itself.
        #[serde(default)]
        client_auth: ClientAuth,
        /// Template of the user name, for `password`.
        #[serde(default)]
        username: Option<String>,
        /// Template of the password, for `password`.
        #[serde(default)]
        password: Option<String>,
        /// What is signed with a private key, for `jwt_bearer` and `client_auth: jwt`.
        #[serde(default)]
        assertion: Option<Box<Assertion>>,
        /// Scopes that are asked for.
        #[serde(default)]
        scopes: Vec<String>,
        /// More form fields, as templates.
        #[serde(default)]
        parameters: IndexMap<String, String>,
        /// Template of the address of the page where a person signs in, for `authorization_code`.
        #[serde(default)]
        authorize_url: Option<String>,
        /// More parameters of that page, as templates.
        #[serde(default)]
        authorize_parameters: IndexMap<String, String>,
        /// Whether the page is given the hash of a secret (PKCE) by which the code is bound to this sign-in. True unless
        /// said otherwise.
        #[serde(default = "yes")]
        pkce: bool,
    },
    /// A login request whose answer carries a session.
    Session {
        /// The login.
        login: Box<Request>,
        /// What to keep of the answer: names and paths in the body; `cookie:NAME` and `header:NAME` are possible.
        #[serde(default)]
        keep: IndexMap<String, String>,
        /// Whether all cookies that the login sets are sent with every request, those that later answers renew in their
        /// place. They go to the host of the login only.
        #[serde(default)]
        cookies: bool,
        /// Paths of the login's answer that must have these JSON values for the login to count as refused.
        #[serde(default)]
        refused_when: Vec<super::BodyTest>,
        /// Seconds that a session lasts unless the system ends it earlier.
        #[serde(default)]
        lifetime_s: Option<u64>,
        /// Headers to send with every request; templates may use `session.<name>`.
        #[serde(default)]
        headers: IndexMap<String, String>,
        /// How a session is kept from ending while the connection is used.
        #[serde(default)]
        keep_alive: Option<Box<KeepAlive>>,
        /// How a session is given up, for systems that count sessions.
        #[serde(default)]
        logout: Option<Box<Logout>>,
    },
}

/// How a session is kept from ending. Nothing is sent while the connection is not used.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepAlive {
    /// The request.
    pub request: Request,
    /// Seconds after which it is sent again, with the next use of the connection.
    pub every_s: u64,
}

/// How a session is given up: when another one replaces it, and when the connection is disconnected. It is tried once;
/// how it ends does not matter.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logout {
    /// The request.
    pub request: Request,
}

/// An `OAuth` 2 grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// The client's own credentials.
    ClientCredentials,
    /// A refresh token, in the credential `refresh_token`; a new one replaces it.
    RefreshToken,
    /// A person signs in at the system's own page, which gives the credential `refresh_token`; from then on as
    /// `refresh_token`.
    AuthorizationCode,
    /// The name and password of a service account.
    Password,
    /// An assertion that is signed with a private key.
    JwtBearer,
}

/// How an `OAuth` 2 client proves itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// Identifier and secret in the form body.
    #[default]
    Body,
    /// HTTP Basic, identifier and secret encoded as in forms, as the standard says.
    Basic,
    /// HTTP Basic, identifier and secret as they are, for systems that do not decode them.
    BasicPlain,
    /// An assertion that is signed with a private key, in the form body.
    Jwt,
}
