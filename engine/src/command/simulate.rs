//! Answers a write as if it had been carried out: it is checked, and nothing is sent that changes anything.

use std::sync::Arc;

use lineshaft_connect::{
    Error, ErrorKind,
    context::CallContext,
    write::{Act, UserError, UserErrorCode, WriteRequest},
};
use lineshaft_schema::{Catalogue, FieldType, Record, RemoteKey, TypeDef, Value};
use uuid::Uuid;

use super::{ending::Ending, target::Target};
use crate::database;

/// What the log has as the step of a simulated write.
pub(super) const STEP: &str = "simulated";
/// What the caller of a simulated write is told.
pub(super) const WARNING: &str = "simulated: nothing was sent";

/// Checks a write and tells how it would have ended, and with which record.
pub(super) async fn answer(
    catalogue: &Catalogue,
    target: &dyn Target,
    context: &CallContext,
    request: &WriteRequest,
    id: Uuid,
) -> (Ending, Option<Arc<Record>>) {
    let simulated = |ending: Ending| Ending {
        step: Some(STEP.to_owned()),
        ..ending
    };
    match target.rehearse(context, request).await {
        Err(error) => return (simulated(Ending::failed(&error)), None),
        Ok(Err(errors)) => return (simulated(Ending::refused(errors)), None),
        Ok(Ok(_)) => {}
    }
    let key = match (&request.act, &request.key) {
        (Act::Create, _) | (_, None) => new_key(id),
        (_, Some(key)) => key.clone(),
    };
    match record(catalogue, target, context, request, &key).await {
        Ok(record) => {
            let ending = Ending::done(Some(key), vec![WARNING.to_owned()]);
            (simulated(ending), record.map(Arc::new))
        }
        Err(ending) => (simulated(ending), None),
    }
}

/// Returns the key of a record that was not made.
fn new_key(id: Uuid) -> RemoteKey {
    RemoteKey::single(format!("simulated-{id}"))
}

/// Returns the record as it would be afterwards; none when it would be gone.
pub(super) async fn record(
    catalogue: &Catalogue,
    target: &dyn Target,
    context: &CallContext,
    request: &WriteRequest,
    key: &RemoteKey,
) -> Result<Option<Record>, Ending> {
    let Some(def) = catalogue.type_at(request.kind) else {
        return Ok(None);
    };
    let mut record = match request.act {
        Act::Delete | Act::SoftDelete => return Ok(None),
        Act::Create => blank(catalogue, def, key),
        Act::Update | Act::Action(_) => match target.read(context, request.kind, key).await {
            Ok(Some(present)) => Record::clone(&present),
            Ok(None) => return Err(Ending::refused(vec![not_found()])),
            Err(error) if cannot_be_read(&error) => blank(catalogue, def, key),
            Err(error) => return Err(Ending::failed(&error)),
        },
    };
    if !matches!(request.act, Act::Action(_)) {
        for (field, value) in &request.input.values {
            record.set(*field, value.clone());
        }
    }
    Ok(Some(record))
}

/// Returns a record with the least in the fields that are never null: nothing is true, and enums are unknown.
fn blank(catalogue: &Catalogue, def: &TypeDef, key: &RemoteKey) -> Record {
    let mut record = Record::new(def, key.clone(), database::now());
    for field in def.fields.values().filter(|field| field.required && !field.computed) {
        let value = match field.kind {
            FieldType::Boolean => Some(Value::Boolean(false)),
            FieldType::Enum(index) => catalogue
                .enum_at(index)
                .and_then(|known| known.value_index("UNKNOWN"))
                .map(|unknown| Value::Enum(index, unknown)),
            _ => None,
        };
        if let Some(value) = value {
            record.set(field.index, value);
        }
    }
    record
}

fn cannot_be_read(error: &Error) -> bool {
    error.kind() == ErrorKind::NotSupported
}

fn not_found() -> UserError {
    UserError {
        path: Vec::new(),
        code: UserErrorCode::NotFound,
        message: "there is no such record".to_owned(),
        remote_code: None,
        remote_message: None,
    }
}
