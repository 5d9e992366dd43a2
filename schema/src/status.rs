//! The status of a connection as everyone sees it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// Where a connection stands in its life.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum ConnectionStatus { $($(#[$doc])* $name),* }

        impl ConnectionStatus {
            /// Every status, in the order of a connection's life.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the name that the API and the database use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }

        impl FromStr for ConnectionStatus {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$name),)*
                    other => Err(format!("unknown connection status `{other}`")),
                }
            }
        }
    };
}

statuses! {
    /// Being set up; credentials have not been probed yet.
    Pending = "PENDING",
    /// Working.
    Active = "ACTIVE",
    /// Working in part: some entities fail, or many calls do.
    Degraded = "DEGRADED",
    /// The system does not answer.
    Unreachable = "UNREACHABLE",
    /// The system refused the credentials; somebody must sign in again.
    ReauthRequired = "REAUTH_REQUIRED",
    /// Paused by its owner.
    Paused = "PAUSED",
    /// Disabled by the operator.
    Disabled = "DISABLED",
    /// Disconnected; its credentials are gone.
    Disconnected = "DISCONNECTED",
}

impl ConnectionStatus {
    /// Returns whether calls may be sent to the system.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Pending | Self::Active | Self::Degraded | Self::Unreachable)
    }
}

impl fmt::Display for ConnectionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
