//! Writes parts that stand only inside the rows of their owners, and finds the new one among them.

use std::collections::BTreeMap;

use lineshaft_schema::{FieldType, Projection, Record, RemoteKey, TypeIndex, Value};

use super::{Connector, write_run::Writer};
use crate::{
    blueprint::ResourcePlan,
    context::CallContext,
    error::{Error, Reach},
    layers::capability,
    request::LookUp,
    write::{Act, NamedRow, Reply, Run, UserError, UserErrorCode, Within, WriteRequest},
};

impl Connector {
    /// Writes a part as a change of its owner.
    pub(super) async fn write_part(
        &self,
        context: &CallContext,
        writer: &mut Writer<'_>,
        request: &WriteRequest,
        within: &Within<'_>,
    ) -> Reply {
        let _changing = self.changing(request.kind);
        // Everything wrong is told before anything is asked.
        if let Err(errors) = Run::start(&self.blueprint, &within.request, self.clock.now()) {
            return Reply::Refused(within.told(errors));
        }
        let before = match self.keys_within(context, within).await {
            Ok(Some(keys)) => keys,
            Ok(None) => return missing(&within.owner),
            Err(error) => return Reply::Failed(error.with_reach(Reach::NotSent)),
        };
        // Most systems take a changed row that they do not know for a new one.
        if let Some(key) = request.key.as_ref().filter(|key| !before.contains(key)) {
            return missing(key);
        }
        match writer.write(&within.request, Vec::new()).await {
            Reply::Done {
                mut warnings, refused, ..
            } => {
                let key = match request.act {
                    Act::Create => {
                        let after = self.keys_within(context, within).await.ok().flatten();
                        let mut new = after.unwrap_or_default();
                        new.retain(|key| !before.contains(key));
                        let only = new.pop().filter(|_| new.is_empty());
                        if only.is_none() {
                            warnings.push("the new row cannot be told from the others of its owner".to_owned());
                        }
                        only
                    }
                    Act::Update => request.key.clone(),
                    Act::Delete | Act::SoftDelete | Act::Action(_) => None,
                };
                Reply::Done {
                    key,
                    warnings,
                    refused: within.told(refused),
                }
            }
            Reply::Refused(errors) => Reply::Refused(within.told(errors)),
            Reply::InDoubt { error, .. } => Reply::InDoubt {
                error,
                key: request.key.clone(),
            },
            Reply::Failed(error) => Reply::Failed(error),
        }
    }

    /// Tells when the record that a new part is to belong to is not one of those that the connection shows.
    pub(super) async fn missing_owner(
        &self,
        context: &CallContext,
        request: &WriteRequest,
    ) -> Result<Option<UserError>, Error> {
        let catalogue = self.blueprint.catalogue();
        let def = catalogue.type_at(request.kind).filter(|_| request.act == Act::Create);
        let Some(field) = def.and_then(|def| def.owner_field(catalogue)) else {
            return Ok(None);
        };
        let (FieldType::Reference(kind), Some(Value::Reference(key))) =
            (&field.kind, request.input.values.get(&field.index))
        else {
            return Ok(None);
        };
        if !self.blueprint.resource(*kind).is_some_and(ResourcePlan::is_scoped) {
            return Ok(None);
        }
        let found = self.read_fresh(context, *kind, key, &Projection::default()).await?;
        Ok(found.is_none().then(|| UserError {
            path: vec![field.name.clone()],
            code: UserErrorCode::UnknownReference,
            message: format!("there is no record `{key}`"),
            remote_code: None,
            remote_message: None,
        }))
    }

    /// Reads the rows that are changed with their owner and whose keys do not tell whose they are, and tells which of them
    /// belong to another record.
    pub(super) async fn foreign_rows(&self, context: &CallContext, run: &Run) -> Result<Vec<UserError>, Error> {
        let mut kinds: BTreeMap<TypeIndex, Vec<&NamedRow>> = BTreeMap::new();
        for row in run.named_rows() {
            kinds.entry(row.kind).or_default().push(row);
        }
        let mut errors = Vec::new();
        for (kind, rows) in kinds {
            let resource = capability::require(&self.blueprint, kind, "look up", |_| true)?;
            if resource.capability().get_many.is_none() {
                continue;
            }
            self.transport.forget_reads();
            let mut projection = Projection::default();
            rows.iter().for_each(|row| projection.insert(row.owner));
            let mut keys: Vec<RemoteKey> = Vec::new();
            for row in &rows {
                if !keys.contains(&row.key) {
                    keys.push(row.key.clone());
                }
            }
            let (chunks, _) = self
                .look_up(context, resource, LookUp::Key, &keys, &projection, usize::MAX)
                .await?;
            let found: Vec<Record> = chunks.into_iter().flatten().collect();
            errors.extend(rows.into_iter().filter_map(|row| {
                let found = found.iter().find(|record| record.key == row.key);
                run.judge_row(row, found)
            }));
        }
        Ok(errors)
    }

    /// Reads the keys of the rows as they are now; none when there is no such owner.
    async fn keys_within(&self, context: &CallContext, within: &Within<'_>) -> Result<Option<Vec<RemoteKey>>, Error> {
        let (list, own) = within.rows();
        let mut projection = Projection::default();
        let rows = projection.insert_nested(list);
        if let Some(own) = own {
            rows.insert(own);
        }
        let found = self
            .read_fresh(context, within.request.kind, &within.owner, &projection)
            .await?;
        Ok(found.map(|(_, record)| within.keys(&record)))
    }
}

fn missing(key: &RemoteKey) -> Reply {
    Reply::Refused(vec![UserError {
        path: Vec::new(),
        code: UserErrorCode::NotFound,
        message: format!("there is no record `{key}`"),
        remote_code: None,
        remote_message: None,
    }])
}
