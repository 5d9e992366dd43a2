//! Claims a write: its row with its key is there before anything is sent, and of many with one key one is first.

use std::{sync::Arc, time::Duration};

use lineshaft_connect::write::Act;
use lineshaft_entities::{
    api_token, audit_entry,
    write_operation::{ActiveModel, Column, Entity, Mode, Model, State},
};
use lineshaft_schema::{Catalogue, Value};
use sea_orm::{
    ActiveEnum as _, ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, SqlErr, TryInsertResult, sea_query::OnConflict,
};
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout_at};
use uuid::Uuid;

use super::{WriteCommand, WriteError, Writer, ending::Ending, stored::fingerprint};
use crate::{
    connections::Visible,
    database,
    origin::{Actor, Origin},
};

/// How often a key is claimed again that was set free between the attempt and the look at who has it.
const TRIES: usize = 4;
/// How often it is looked whether a record is free that another process writes.
const LOOK: Duration = Duration::from_millis(100);
/// Most characters of a key.
const LONGEST_KEY: usize = 255;

/// A write to claim.
pub(super) struct Claim {
    /// The identifier of its row.
    pub(super) id: Uuid,
    pub(super) visible: Visible,
    pub(super) origin: Origin,
    pub(super) command: WriteCommand,
    pub(super) key: Option<ScopedKey>,
    pub(super) batch_id: Option<Uuid>,
    /// The model whose fields the input names.
    pub(super) catalogue: Arc<Catalogue>,
}

/// What became of a claim.
pub(super) enum Claimed {
    /// It is the first with its key.
    Mine(Box<Model>),
    /// A write with this key and input exists.
    Known(Box<Model>),
    /// Another write of the record was under way all the time; nothing was sent.
    Locked(Box<Model>),
}

/// A caller's key with whose it is: keys of an organization and of each of its connections are worlds apart, and so are
/// keys that were given and those that were derived from the key of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScopedKey(String);

impl ScopedKey {
    /// Takes a key that a caller gave for one write, or for a batch that this is one write of.
    pub(super) fn new(visible: Visible, key: &str, place: Option<usize>) -> Result<Self, WriteError> {
        let fits = (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !fits {
            return Err(WriteError::InvalidKey);
        }
        let place = place.map_or_else(String::new, |place| place.to_string());
        Ok(Self(match visible.connection_id() {
            None => format!("o:{place}:{key}"),
            Some(id) => format!("c{}:{place}:{key}", id.simple()),
        }))
    }

    /// Returns the key as the caller gave it.
    pub(super) fn shown(stored: &str) -> &str {
        stored.splitn(3, ':').nth(2).unwrap_or(stored)
    }
}

impl Writer {
    /// Writes the row of a write, unless one with its key exists. While another write of the same record is under way it
    /// waits, until then at most.
    pub(super) async fn claim(&self, claim: &Claim, until: Instant) -> Result<Claimed, WriteError> {
        let organization_id = claim.visible.organization_id();
        let fingerprint = fingerprint(organization_id, &claim.catalogue, &claim.command)?;
        let mut row = self.new_row(claim, fingerprint).await?;
        if let Some(claimed) = self.try_to_claim(claim, &row).await? {
            return Ok(claimed);
        }
        let Some(lane) = row.lane.clone() else {
            return Err(DbErr::RecordNotInserted.into());
        };
        let place = self.lanes.join(row.connection_id, &lane);
        let Ok(_turn) = timeout_at(until, place.turn.lock()).await else {
            return self.locked(row).await;
        };
        // Only the waits end with the time: an insert that broke off might have written its row.
        while Instant::now() < until {
            row.owned_until = Some(self.owned_until(database::now()));
            if let Some(claimed) = self.try_to_claim(claim, &row).await? {
                return Ok(claimed);
            }
            tokio::select! {
                () = place.freed.notified() => {}
                () = sleep_until(until.min(Instant::now() + LOOK)) => {}
            }
        }
        self.locked(row).await
    }

    /// Writes the row. None when another write of its record is under way.
    async fn try_to_claim(&self, claim: &Claim, row: &Model) -> Result<Option<Claimed>, WriteError> {
        for _ in 0..TRIES {
            let inserted = Entity::insert(row.clone().into_active_model().reset_all())
                .on_conflict(OnConflict::new().do_nothing().to_owned())
                .try_insert()
                .exec_without_returning(self.database())
                .await?;
            if matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0) {
                return Ok(Some(Claimed::Mine(Box::new(row.clone()))));
            }
            if let Some(key) = &claim.key
                && let Some(known) = self.with_key(row.organization_id, key).await?
            {
                if known.fingerprint != row.fingerprint {
                    return Err(WriteError::KeyReused { id: known.id });
                }
                return Ok(Some(Claimed::Known(Box::new(known))));
            }
            if row.lane.is_some() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Writes down that a write was not begun, because another one of its record went on for too long.
    async fn locked(&self, row: Model) -> Result<Claimed, WriteError> {
        let ending = Ending::locked();
        let (code, message) = ending.error.unzip();
        let row = Model {
            state: ending.state,
            idempotency_key: None,
            user_errors: json!(ending.user_errors),
            error_code: code,
            error_message: message,
            key_id: None,
            nonce: None,
            ciphertext: None,
            owner: None,
            owned_until: None,
            finished_at: Some(database::now()),
            ..row
        };
        let insert = Entity::insert(row.clone().into_active_model().reset_all());
        insert.exec_without_returning(self.database()).await?;
        Ok(Claimed::Locked(Box::new(row)))
    }

    /// Returns the write that has a key now, if its input is the same.
    pub(super) async fn known(
        &self,
        visible: Visible,
        catalogue: &Catalogue,
        command: &WriteCommand,
        key: &ScopedKey,
    ) -> Result<Option<Model>, WriteError> {
        let Some(known) = self.with_key(visible.organization_id(), key).await? else {
            return Ok(None);
        };
        let fingerprint = fingerprint(visible.organization_id(), catalogue, command)?;
        Ok(Some(known).filter(|known| known.fingerprint == fingerprint))
    }

    async fn with_key(&self, organization_id: Uuid, key: &ScopedKey) -> Result<Option<Model>, DbErr> {
        Entity::for_organization(organization_id)
            .filter(Column::IdempotencyKey.eq(key.0.as_str()))
            .one(self.database())
            .await
    }

    async fn new_row(&self, claim: &Claim, fingerprint: Vec<u8>) -> Result<Model, WriteError> {
        let (command, organization_id) = (&claim.command, claim.visible.organization_id());
        let def = claim.catalogue.type_at(command.kind).ok_or(WriteError::Unknown)?;
        let now = database::now();
        let id = claim.id;
        let sealed = self.seal(organization_id, id, &claim.catalogue, command)?;
        let (actor_kind, actor_id) = actor(&claim.origin);
        let waits = command.mode == Mode::Sync;
        Ok(Model {
            id,
            organization_id,
            connection_id: command.connection_id,
            batch_id: claim.batch_id,
            actor_kind,
            actor_id,
            actor_name: self.actor_name(organization_id, &claim.origin).await?,
            request_id: claim.origin.request_id.as_deref().map(str::to_owned),
            entity: def.name.clone(),
            operation: command.act.name().to_owned(),
            mode: command.mode,
            idempotency_key: claim.key.as_ref().map(|key| key.0.clone()),
            fingerprint,
            client_reference: client_reference(),
            record_key: command.key.as_ref().map(ToString::to_string),
            lane: lane(&claim.catalogue, command),
            state: if waits { State::Running } else { State::Queued },
            step: None,
            key_id: Some(sealed.key_id),
            nonce: Some(sealed.nonce),
            ciphertext: Some(sealed.ciphertext),
            requests: json!([]),
            user_errors: json!([]),
            warnings: json!([]),
            error_code: None,
            error_message: None,
            settled_by: None,
            look_ups: 0,
            due_at: (!waits).then_some(now),
            owner: waits.then_some(self.owner),
            owned_until: waits.then(|| self.owned_until(now)),
            created_at: now,
            sent_at: None,
            last_sent_at: None,
            none_found_at: None,
            finished_at: None,
        })
    }

    /// Returns the name of the token that something is done with.
    pub(super) async fn actor_name(&self, organization_id: Uuid, origin: &Origin) -> Result<Option<String>, DbErr> {
        let Actor::Token(id) = origin.actor else {
            return Ok(None);
        };
        if let Some(known) = self.names.get(&(organization_id, id)) {
            return Ok(known);
        }
        let token = api_token::Entity::for_organization(organization_id)
            .filter(api_token::Column::Id.eq(id))
            .one(self.database())
            .await?;
        let name = token.map(|token| token.name);
        self.names.insert((organization_id, id), name.clone());
        Ok(name)
    }

    /// Takes a queued write over for this process, if no other was quicker and none of the same record is under way.
    pub(super) async fn take_queued(&self, id: Uuid) -> Result<Option<Model>, DbErr> {
        let taken = Entity::update_of_all()
            .set(ActiveModel {
                state: sea_orm::Set(State::Running),
                owner: sea_orm::Set(Some(self.owner)),
                owned_until: sea_orm::Set(Some(self.owned_until(database::now()))),
                due_at: sea_orm::Set(None),
                ..Default::default()
            })
            .filter(Column::Id.eq(id))
            .filter(Column::State.eq(State::Queued))
            .exec_with_returning(self.database())
            .await;
        match taken {
            Ok(taken) => Ok(taken.into_iter().next()),
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn actor(origin: &Origin) -> (String, Option<Uuid>) {
    use audit_entry::ActorKind;
    let (kind, id) = match origin.actor {
        Actor::Token(id) => (ActorKind::Token, Some(id)),
        Actor::Page(id) => (ActorKind::Page, Some(id)),
        Actor::Operator => (ActorKind::Operator, None),
        Actor::Server => (ActorKind::Server, None),
    };
    (kind.to_value(), id)
}

/// Returns a new mark: letters and digits, at random from the first on, because systems cut it.
pub(super) fn client_reference() -> String {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut random = Uuid::new_v4().as_u128() ^ Uuid::new_v4().as_u128().rotate_left(64);
    let mut mark = String::from("LS");
    for _ in 0..18 {
        let digit = usize::try_from(random % 36).unwrap_or_default();
        random /= 36;
        mark.push(DIGITS.get(digit).copied().map_or('0', char::from));
    }
    mark
}

/// Returns what is not to be written twice at once: the record, or for parts the record that they belong to. None for
/// new records, which stand in nobody's way.
pub(super) fn lane(catalogue: &Catalogue, command: &WriteCommand) -> Option<String> {
    let def = catalogue.type_at(command.kind)?;
    let owner = def.owner_field(catalogue).and_then(|field| {
        let Some(Value::Reference(key)) = command.input.values.get(&field.index) else {
            return None;
        };
        Some(format!("{}:{key}", field.type_name))
    });
    let own = || {
        let key = command.key.as_ref().filter(|_| command.act != Act::Create)?;
        Some(format!("{}:{key}", def.name))
    };
    owner.or_else(own)
}
