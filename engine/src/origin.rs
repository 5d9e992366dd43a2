//! Who does something and from where, for the audit log.

use std::sync::Arc;

use uuid::Uuid;

use crate::tokens::Caller;

/// Who does something and from where.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Who does it.
    pub actor: Actor,
    /// The network address that the request came from.
    pub address: Option<String>,
    /// The id of the request.
    pub request_id: Option<Arc<str>>,
}

/// A party that does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody with this API token.
    Token(Uuid),
    /// The customer on the hosted page of this link.
    Page(Uuid),
    /// The operator of the server, by the command line.
    Operator,
    /// The server itself.
    Server,
}

impl Origin {
    /// The operator of the server at its command line.
    #[must_use]
    pub const fn operator() -> Self {
        Self {
            actor: Actor::Operator,
            address: None,
            request_id: None,
        }
    }

    /// The server itself.
    #[must_use]
    pub const fn server() -> Self {
        Self {
            actor: Actor::Server,
            address: None,
            request_id: None,
        }
    }

    /// A caller of the API.
    #[must_use]
    pub fn caller(caller: &Caller, address: Option<String>, request_id: Arc<str>) -> Self {
        Self {
            actor: Actor::Token(caller.token_id),
            address,
            request_id: Some(request_id),
        }
    }
}
