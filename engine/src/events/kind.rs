//! The closed set of kinds of events. The reference in the documentation is written from these.

macro_rules! kinds {
    ($($name:ident, $text:literal, $about:literal;)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $(#[doc = $about] $name,)*
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the text that the API and webhooks carry.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Returns what the kind means.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$name => $about,)*
                }
            }
        }
    };
}

kinds! {
    Created, "connection.created", "A connection was added.";
    Activated, "connection.activated", "A connection worked for the first time; its credits are reserved.";
    ReauthRequired, "connection.reauth_required", "The system refused the credentials; nothing is sent until somebody signs in again at `reconnectUrl`.";
    Reauthorized, "connection.reauthorized", "New credentials brought the connection back.";
    TokenRotated, "connection.token_rotated", "The connection has a new API token; the older ones end at `oldTokensEndAt`.";
    Degraded, "connection.degraded", "The connection works in part.";
    Unreachable, "connection.unreachable", "The system does not answer.";
    Recovered, "connection.recovered", "The connection works again without anybody's doing.";
    CircuitOpened, "connection.circuit_opened", "Too many calls failed; calls are held back for a while.";
    CircuitClosed, "connection.circuit_closed", "Calls go through again.";
    RateLimited, "connection.rate_limited", "The system asked for fewer calls; none is sent before `until`.";
    CredentialsExpiring, "connection.credentials_expiring", "The credentials end soon and cannot be renewed by the server.";
    Paused, "connection.paused", "The organization paused the connection.";
    Resumed, "connection.resumed", "The organization resumed the connection.";
    Disabled, "connection.disabled", "The operator of the server switched the connection off.";
    Enabled, "connection.enabled", "The operator of the server switched the connection on again.";
    MappingChanged, "connection.mapping_changed", "A mapping was saved for the connection, or, without `connectionId`, for all connections of a connector or of a customer; the next query uses it.";
    SchemaChanged, "connection.schema_changed", "Fields of the system that mappings read are gone or have another type; `changes` tells which, and what they affect.";
    Disconnected, "connection.disconnected", "The connection was removed; its credentials are gone and its credits given back.";
    WriteSucceeded, "write.succeeded", "A write was carried out by the system; told of writes that nobody waited for or whose outcome was unknown.";
    WriteFailed, "write.failed", "A write was not carried out; told of writes that nobody waited for or whose outcome was unknown.";
    WriteInDoubt, "write.in_doubt", "It is not known whether the system carried a write out.";
    CreditsReserved, "credits.reserved", "Credits were reserved for a connection.";
    CreditsReleased, "credits.released", "The credits of a connection were given back.";
    CreditsLow, "credits.low", "Fewer credits are available than the warning level.";
    CreditsExhausted, "credits.exhausted", "Not even the cheapest connector can be connected with the credits that are left.";
    WebhookDisabled, "webhook.disabled", "A webhook endpoint failed for days and was switched off.";
}

impl std::str::FromStr for EventKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == text);
        found.copied().ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// A text that is no kind of event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no type of event")]
pub struct UnknownKind(pub String);
