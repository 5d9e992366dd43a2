//! Why a connection is in its state.

macro_rules! reasons {
    ($($name:ident, $text:literal, $about:literal;)*) => {
        /// Why a connection is in its state.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $(#[doc = $about] $name,)*
        }

        impl Reason {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the text that is stored and told.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Returns the reason with a text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
            }

            /// Returns what it means.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$name => $about,)*
                }
            }
        }
    };
}

reasons! {
    InvalidCredentials, "INVALID_CREDENTIALS", "The system refused the credentials.";
    Expired, "EXPIRED", "The credentials have ended.";
    Revoked, "REVOKED", "The credentials were withdrawn at the system.";
    MissingScope, "MISSING_SCOPE", "The credentials do not allow what the connector needs.";
    AccountMismatch, "ACCOUNT_MISMATCH", "The new credentials open another account.";
    Network, "NETWORK", "The system cannot be reached.";
    Tls, "TLS", "No safe channel to the system can be made.";
    Timeout, "TIMEOUT", "The system does not answer in time.";
    Remote5xx, "REMOTE_5XX", "The system answers that it is down, overloaded or in maintenance.";
    MalformedResponse, "MALFORMED_RESPONSE", "The system answers with something else than its API promises.";
    CircuitOpen, "CIRCUIT_OPEN", "Too many calls failed in a row.";
    RateLimited, "RATE_LIMITED", "The system asks for fewer calls.";
    PermissionDenied, "PERMISSION_DENIED", "The account may not read some of the entities.";
    InvalidSettings, "INVALID_SETTINGS", "The settings do not fit the connector.";
    CreditsExhausted, "CREDITS_EXHAUSTED", "The organization has too few credits for the connection.";
    Manual, "MANUAL", "Somebody asked for it.";
    Deleted, "DELETED", "The connection was deleted; only its id is left.";
}
