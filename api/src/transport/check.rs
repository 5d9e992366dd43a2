//! Checks one operation before it is executed: the same for every transport.

use std::sync::Arc;

use async_graphql::{
    Executor,
    parser::types::{OperationDefinition, OperationType, Selection},
};
use http::Method;

use super::{
    Begun, Code, Document, Endpoint, EventIdSlot, IdempotencyKey, Operation, Prepare, Prepared, Refusal, RequestId,
    order, variables,
};

/// An operation that passed all checks.
pub(super) struct Checked {
    pub(super) request: async_graphql::Request,
    pub(super) kind: OperationType,
    /// What was asked for, by which the answer is ordered.
    pub(super) asked: AskedFor,
    /// Where the operation marks its events.
    pub(super) slot: EventIdSlot,
}

/// What an operation asks for.
#[derive(Clone)]
pub(super) struct AskedFor {
    document: Arc<Document>,
    operation: Option<String>,
}

impl AskedFor {
    /// Puts the members of an answer into the order of the document.
    pub(super) fn arrange(&self, response: &mut async_graphql::Response) {
        if let Ok(operation) = self.document.operation(self.operation.as_deref()) {
            order::arrange(
                &mut response.data,
                &operation.selection_set.node,
                self.document.parsed(),
            );
        }
    }
}

impl Checked {
    pub(super) fn is_subscription(&self) -> bool {
        self.kind == OperationType::Subscription
    }

    pub(super) fn mutates(&self) -> bool {
        self.kind == OperationType::Mutation
    }

    /// Hands the header `Idempotency-Key` on to resolvers.
    pub(super) fn with_key(mut self, key: Option<IdempotencyKey>) -> Self {
        if let Some(key) = key {
            self.request.data.insert(key);
        }
        self
    }

    /// Refuses what has more than one result.
    pub(super) fn single(self) -> Result<Self, Refusal> {
        if self.is_subscription() {
            let message = "a subscription needs a WebSocket, or `Accept: text/event-stream`";
            return Err(Refusal::new(Code::OperationNotSupported, message));
        }
        Ok(self)
    }
}

impl<E: Executor, P: Prepare> Endpoint<E, P> {
    pub(super) async fn check(
        &self,
        operation: Operation,
        method: &Method,
        prepared: &Prepared,
        id: &RequestId,
    ) -> Result<Checked, Refusal> {
        if operation.variables.len() > self.settings.limits.variables {
            let message = format!(
                "the request has {} variables; at most {} are allowed",
                operation.variables.len(),
                self.settings.limits.variables
            );
            return Err(Refusal::new(Code::QueryTooManyVariables, message));
        }
        let text = self.persisted.find(&operation).await?;
        let document = self.documents.load(&text.text).await?;
        if document.shape().introspects && !self.settings.introspection {
            return Err(Refusal::new(
                Code::IntrospectionDisabled,
                "introspection is switched off",
            ));
        }
        let chosen = document.operation(operation.operation_name.as_deref())?;
        match chosen.ty {
            OperationType::Mutation if method == Method::GET => {
                return Err(Refusal::new(Code::MethodNotAllowed, "a mutation needs POST").allow("POST"));
            }
            OperationType::Subscription => check_subscription(chosen)?,
            OperationType::Query | OperationType::Mutation => {}
        }
        variables::check(chosen, &operation.variables)?;
        self.persisted.keep(&text).await;
        let mut request = async_graphql::Request::new(&*text.text);
        request.set_parsed_query(document.parsed().clone());
        request.operation_name = operation.operation_name;
        request.variables = operation.variables;
        request.extensions = operation.extensions;
        let slot = EventIdSlot::default();
        let asked = AskedFor {
            operation: request.operation_name.clone(),
            document: Arc::clone(&document),
        };
        request.data.insert(id.clone());
        request.data.insert(slot.clone());
        if chosen.ty == OperationType::Mutation {
            request.data.insert(Begun::default());
        }
        prepared.insert_into(&mut request.data).await?;
        Ok(Checked {
            request,
            kind: chosen.ty,
            asked,
            slot,
        })
    }
}

/// The engine takes the streams of several fields, and passes over fragments, without a word.
fn check_subscription(operation: &OperationDefinition) -> Result<(), Refusal> {
    let set = &operation.selection_set;
    match set.node.items.as_slice() {
        [single] if matches!(single.node, Selection::Field(_)) => Ok(()),
        _ => {
            let message = "a subscription selects exactly one field at its root, outside of fragments";
            Err(Refusal::new(Code::GraphqlValidationFailed, message).at(set.pos))
        }
    }
}
