//! The mutation root: writes to systems beside what can be changed of the platform.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, InputType, ObjectType, OutputType, Positioned, ServerError,
    ServerResult, Value,
    parser::types::Field as AstField,
    registry::{MetaType, MetaTypeId, Registry},
    resolver_utils::resolve_container,
};
use lineshaft_engine::{
    Engine, Session,
    command::{WriteError, WriteResult},
    query::SourceError,
};
use uuid::Uuid;

use super::{
    asked::{Asked, Manner},
    batch::WriteBatchPayload,
    offer::{Offer, offer},
    payload, register,
};
use crate::{
    building,
    error::{coded, of_connection},
    platform::{PlatformMutation, access, writes as told},
    register::object,
    root::Root,
    transport::Begun,
};

/// The mutation root.
pub struct Mutation;

impl OutputType for Mutation {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("Mutation")
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            PlatformMutation::create_type_info(registry);
            <told::UserError as OutputType>::create_type_info(registry);
            <told::WriteOutcome as OutputType>::create_type_info(registry);
            <told::WriteOperation as OutputType>::create_type_info(registry);
            <told::WriteRequest as OutputType>::create_type_info(registry);
            <told::WriteMode as InputType>::create_type_info(registry);
            <told::DeleteMode as InputType>::create_type_info(registry);
            <WriteBatchPayload as OutputType>::create_type_info(registry);
            let mut fields = match registry.types.remove(&*PlatformMutation::type_name()) {
                Some(MetaType::Object { fields, .. }) => fields,
                _ => Default::default(),
            };
            if let Some(catalogue) = building::catalogue() {
                let mut all = register::mutations(&catalogue, registry);
                all.append(&mut fields);
                fields = all;
            }
            object(
                "Mutation",
                "Everything that can be changed: records of the systems, and the platform.",
                fields,
                Some(std::any::type_name::<Self>()),
            )
        })
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _field: &Positioned<AstField>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl ObjectType for Mutation {}

impl ContainerType for Mutation {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let name = ctx.item.node.name.node.as_str();
        let engine = ctx
            .data::<Arc<Engine>>()
            .map_err(|error| error.into_server_error(ctx.item.pos))?;
        let session = ctx
            .data::<Session>()
            .map_err(|error| error.into_server_error(ctx.item.pos))?;
        let offer = offer(&session.model.catalogue, name);
        if offer.is_none() && name != "writeBatch" {
            return PlatformMutation::default().resolve_field(ctx).await;
        }
        let root = Root::of(ctx, engine, "Mutation")?;
        // The executor comes by once for each time that the document names the field; it is one field all the same, and
        // what all of them select is answered the first time.
        if ctx.data_opt::<Begun>().is_some_and(|begun| !begun.first(root.key)) {
            return Ok(Some(Value::Null));
        }
        let answered = match offer {
            Some(offer) => Box::pin(root.write_one(offer)).await,
            None => Box::pin(root.write_batch()).await,
        };
        // A write that was refused takes nothing away from the others of the document, which may have been carried out.
        Ok(Some(answered.unwrap_or_else(|error| {
            ctx.add_error(ctx.set_error_path(error));
            Value::Null
        })))
    }
}

impl<'a> Root<'a> {
    async fn write_one(&self, offer: Offer<'a>) -> ServerResult<Value> {
        self.may_write()?;
        let members = self.given();
        let manner = Manner::read(&members);
        let mut asked = self.asked(offer, members, manner.mode)?;
        let header = self.header_key()?;
        asked.command.idempotency_key = asked.command.idempotency_key.take().or(header);
        let result = self.carry_out(&mut asked, manner).await?;
        self.payload(&asked, result).await
    }

    async fn carry_out(&self, asked: &mut Asked<'a>, manner: Manner) -> ServerResult<WriteResult> {
        if !asked.problems.is_empty() {
            let problems = std::mem::take(&mut asked.problems);
            return Ok(payload::refused(problems, manner.dry_run));
        }
        let origin = self.session.origin();
        let command = asked.command.clone();
        let connection = command.connection_id;
        let written = if manner.dry_run {
            self.engine.dry_run(self.session, command).await
        } else {
            self.engine.write(self.session, command, &origin).await
        };
        match written {
            Ok(result) => Ok(result),
            Err(error) => Err(self.refusal(connection, &error).await),
        }
    }

    /// Refuses tokens that may only read.
    pub(super) fn may_write(&self) -> ServerResult<()> {
        access::may_write(self.session).map_err(|message| coded("FORBIDDEN", message, Some(self.ctx.item.pos)))
    }

    /// Returns what a caller is told of a write that was not accepted.
    pub(super) async fn refusal(&self, connection: Uuid, error: &WriteError) -> ServerError {
        let at = Some(self.ctx.item.pos);
        if error.is_internal() {
            let hidden = access::internal(error);
            return coded("INTERNAL", hidden.message, at);
        }
        let connection = self.engine.connections.get(self.session.visible, connection).await.ok();
        let cause = match error {
            WriteError::Unusable(cause) => SourceError::clone(cause),
            WriteError::ConnectionUnknown(_) | WriteError::InvalidKey | WriteError::BatchTooLarge { .. } => {
                return coded(error.code(), error.to_string(), at);
            }
            other => SourceError::new(other.code(), other.to_string()),
        };
        let mut told = of_connection(connection.as_ref(), &cause, Vec::new());
        told.locations = at.into_iter().collect();
        let extensions = told.extensions.get_or_insert_default();
        match error {
            WriteError::NotSupported { alternative, .. } => {
                extensions.set("alternative", alternative.clone());
            }
            WriteError::InProgress { id, has_key } => {
                extensions.set("writeId", id.to_string());
                // Without a key the same request would be another write.
                extensions.set("retryable", *has_key);
                if *has_key {
                    extensions.set("retryAfterSeconds", 1);
                }
            }
            WriteError::TooMany { .. } => {
                extensions.set("retryable", true);
                extensions.set("retryAfterSeconds", 1);
            }
            WriteError::TooLate => extensions.set("retryable", true),
            WriteError::KeyReused { id } => extensions.set("writeId", id.to_string()),
            _ => {}
        }
        told
    }
}
