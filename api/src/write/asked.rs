//! Reads what a mutation asks for: its arguments become a command of the engine, or the caller is told what is wrong.

use async_graphql::{Name, ServerError, ServerResult, Value as GraphValue};
use indexmap::IndexMap;
use lineshaft_connect::write::{Act, Input, UserError};
use lineshaft_engine::command::{Mode, WriteCommand};
use lineshaft_schema::{ConnectionId, GlobalId, RemoteKey, Value};

use super::{
    input::Reader,
    offer::{Occasion, Offer, Verb},
};
use crate::{
    arguments::connection_id,
    error::coded,
    root::Root,
    transport::{Code, IdempotencyKey},
    walk::given,
};

/// The arguments of a mutation, or the members of one operation of a batch.
pub(super) type Members = IndexMap<Name, GraphValue>;

/// What a mutation asks for.
pub(super) struct Asked<'a> {
    /// What it does.
    pub(super) offer: Offer<'a>,
    /// The command, as far as it could be read.
    pub(super) command: WriteCommand,
    /// For a new part, the key of its owner.
    pub(super) owner: Option<RemoteKey>,
    /// What the caller can mend; with any, nothing is carried out.
    pub(super) problems: Vec<UserError>,
}

/// How writes are carried out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Whether they are only checked.
    pub(super) dry_run: bool,
    /// Whether the caller waits.
    pub(super) mode: Mode,
}

impl Manner {
    /// Reads it from the arguments of a mutation.
    pub(super) fn read(members: &Members) -> Self {
        let queued = matches!(members.get("mode"), Some(value) if word(value) == Some("ASYNC"));
        Self {
            dry_run: members.get("dryRun") == Some(&GraphValue::Boolean(true)),
            mode: if queued { Mode::Async } else { Mode::Sync },
        }
    }
}

impl<'a> Root<'a> {
    /// Returns the arguments of the field as the client gave them.
    pub(super) fn given(&self) -> Members {
        let query = self.ctx.query_env;
        let arguments = self.ctx.item.node.arguments.iter();
        arguments
            .filter_map(|(name, value)| Some((name.node.clone(), given(query, &value.node)?)))
            .collect()
    }

    /// Returns the key of the header `Idempotency-Key`, which stands for the only mutation of a document.
    pub(super) fn header_key(&self) -> ServerResult<Option<String>> {
        let refused = |message: &str| coded("INVALID_IDEMPOTENCY_KEY", message, Some(self.ctx.item.pos));
        match self.ctx.data_opt::<IdempotencyKey>() {
            None => Ok(None),
            Some(IdempotencyKey::Unusable(why)) => Err(refused(why)),
            Some(IdempotencyKey::Given(_)) if self.fields > 1 => Err(refused(
                "the header `Idempotency-Key` stands for one mutation; give each of several the argument `idempotencyKey`",
            )),
            Some(IdempotencyKey::Given(key)) => Ok(Some(key.to_string())),
        }
    }

    /// Reads what one mutation asks for.
    pub(super) fn asked(&self, offer: Offer<'a>, mut members: Members, mode: Mode) -> ServerResult<Asked<'a>> {
        let at = self.ctx.item.pos;
        let target = self.target(&offer, &members)?;
        let connection = target.connection;
        let mut reader = Reader::new(&self.session.model.catalogue, connection, at);
        let value = members.swap_remove("input").filter(|value| *value != GraphValue::Null);
        let mut act = offer.verb.act();
        let mut input = match (offer.verb, value) {
            (Verb::Create(_), Some(value)) => reader.input(offer.def, Occasion::Create, value)?,
            (Verb::Update, Some(value)) => reader.input(offer.def, Occasion::Update, value)?,
            (Verb::Action(_, told), value) => {
                let value = value.unwrap_or_else(|| GraphValue::Object(IndexMap::default()));
                reader.input(told, Occasion::Told, value)?
            }
            (Verb::Delete, Some(GraphValue::Object(members))) => {
                if members.get("mode").and_then(word) == Some("SYSTEM_DEFAULT") {
                    act = Act::SoftDelete;
                }
                Input::default()
            }
            (Verb::Delete, None) => Input::default(),
            (Verb::Create(_) | Verb::Update, None) | (Verb::Delete, Some(_)) => {
                return Err(self.misused("`input` is needed, as an object"));
            }
        };
        if let (Some(owner), Verb::Create(Some(field))) = (&target.owner, offer.verb) {
            input.values.insert(field.index, Value::Reference(owner.clone()));
        }
        Ok(Asked {
            command: WriteCommand {
                connection_id: connection.0,
                kind: offer.def.index,
                act,
                key: target.key,
                input,
                expected_version: text(&mut members, "expectedVersion").map(Into::into),
                idempotency_key: text(&mut members, "idempotencyKey"),
                mode,
            },
            owner: target.owner,
            problems: reader.problems,
            offer,
        })
    }

    fn target(&self, offer: &Offer<'_>, members: &Members) -> ServerResult<Target> {
        let of = |connection, key, owner| Target { connection, key, owner };
        match offer.verb {
            Verb::Create(Some(owner)) => {
                let id = self.target_id(members, &owner.name, &owner.type_name)?;
                Ok(of(id.connection, None, Some(id.key)))
            }
            Verb::Create(None) => match members.get("connectionId") {
                Some(GraphValue::String(text)) => Ok(of(connection_id(text, self.ctx.item.pos)?, None, None)),
                _ => match self.session.visible.connection_id() {
                    Some(only) => Ok(of(ConnectionId(only), None, None)),
                    None => Err(self.misused("`connectionId` is needed with the key of an organization")),
                },
            },
            Verb::Update | Verb::Delete | Verb::Action(..) => {
                let id = self.target_id(members, "id", &offer.def.name)?;
                Ok(of(id.connection, Some(id.key), None))
            }
        }
    }

    fn target_id(&self, members: &Members, name: &str, kind: &str) -> ServerResult<GlobalId> {
        let invalid = |message: String| coded("INVALID_ID", message, Some(self.ctx.item.pos));
        let Some(GraphValue::String(text)) = members.get(name) else {
            return Err(self.misused(&format!("`{name}` is needed")));
        };
        let id: GlobalId = text
            .parse()
            .map_err(|error: lineshaft_schema::key::InvalidId| invalid(error.to_string()))?;
        if *id.kind != *kind {
            return Err(invalid(format!(
                "`{name}` is of a record of the type {}, not {kind}",
                id.kind
            )));
        }
        Ok(id)
    }

    pub(super) fn misused(&self, message: &str) -> ServerError {
        coded(Code::BadUserInput.name(), message, Some(self.ctx.item.pos))
    }
}

/// Where a write goes.
struct Target {
    connection: ConnectionId,
    key: Option<RemoteKey>,
    owner: Option<RemoteKey>,
}

fn text(members: &mut Members, name: &str) -> Option<String> {
    match members.swap_remove(name) {
        Some(GraphValue::String(text)) => Some(text),
        _ => None,
    }
}

fn word(value: &GraphValue) -> Option<&str> {
    match value {
        GraphValue::String(text) => Some(text),
        GraphValue::Enum(name) => Some(name),
        _ => None,
    }
}
