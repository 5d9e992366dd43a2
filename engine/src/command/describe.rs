//! Tells what can be written to a connection, asking the system where it can tell.

use lineshaft_connect::{context::CallContext, write::Act};
use lineshaft_schema::TypeIndex;
use uuid::Uuid;

use super::{WriteError, WriteSchema, schema::Description, stored::input_type};
use crate::{Engine, Session};

impl Engine {
    /// Returns what can be written with an operation. Where the system cannot be asked now, what the connector knows.
    ///
    /// # Errors
    /// When there is no such connection for the caller, its connector is not there, or the model has no such operation.
    pub async fn write_schema(
        &self,
        session: &Session,
        connection_id: Uuid,
        kind: TypeIndex,
        act: &Act,
    ) -> Result<WriteSchema, WriteError> {
        let connection = self.connections.get(session.visible, connection_id).await?;
        let def = input_type(&session.model.catalogue, kind, act).ok_or(WriteError::Unknown)?;
        let target = self.target(&connection, &session.model)?;
        let refused = self.refusal(&connection);
        let capability = target.capability(kind);
        let mut schema = WriteSchema::new(connection, kind, act, def, capability);
        let of_type = |kind: TypeIndex| {
            let def = session.model.catalogue.type_at(kind)?;
            let fields = target.capability(kind).map(|capability| capability.fields.clone());
            Some((def.clone(), fields.unwrap_or_default()))
        };
        schema.add_children(capability.and_then(|capability| capability.operation(act)), &of_type);
        if !schema.supported || !capability.is_some_and(|capability| capability.described) {
            return Ok(schema);
        }
        if let Some(refused) = refused {
            schema.description = Description::Failed(refused.code);
            return Ok(schema);
        }
        let context = CallContext::new(session.deadline, session.request_id.clone());
        match target.describe(&context, kind).await {
            Ok(Some(described)) => {
                schema.lay_over(described.iter(), &|field, value| target.meaning(kind, field, value))
            }
            Ok(None) => {}
            Err(error) => schema.description = Description::Failed(error.kind().code()),
        }
        Ok(schema)
    }
}
