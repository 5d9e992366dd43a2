//! Sorted lists of systems that put rows without a value first: those with a value are read, then the others, as if they
//! came last. Neither part is read for the sake of the other.

use lineshaft_schema::{Condition, Filter, Operand, Operator, Position, value::Scalar};

use super::Connector;
use crate::{
    blueprint::ResourcePlan,
    context::CallContext,
    error::Error,
    request::{ListPage, ListRequest, PageState},
};

impl Connector {
    /// Reads one page of a list in the order that was asked for.
    pub(super) async fn sorted_page(
        &self,
        context: &CallContext,
        resource: &ResourcePlan,
        request: &ListRequest,
    ) -> Result<ListPage, Error> {
        let Some(order) = request
            .order
            .filter(|order| resource.parts.in_parts.contains(&order.field))
        else {
            return self.list_page(context, resource, request).await;
        };
        let (missing, inner) = match &request.page {
            Some(PageState::Missing(inner)) => (true, inner.as_deref().cloned()),
            Some(page) => (false, Some(page.clone())),
            None => (request.after.as_ref().is_some_and(had_no_value), None),
        };
        let part = Filter::Field(Condition {
            field: order.field,
            operator: Operator::IsNull,
            operand: Operand::Flag(missing),
        });
        // Of rows without a value the keys are the order, and only one of them can be gone on behind.
        let behind = |after: &Position| Position {
            order: None,
            ..after.clone()
        };
        let after = request.after.as_ref();
        let asked = ListRequest {
            filter: Filter::All(vec![request.filter.clone(), part]),
            order: request.order.filter(|_| !missing),
            after: match missing {
                true => after.filter(|after| had_no_value(after)).map(behind),
                false => after.cloned(),
            },
            page: inner,
            // A part's number of records is not that of the list.
            count: false,
            ..request.clone()
        };
        let page = self.list_page(context, resource, &asked).await?;
        Ok(ListPage {
            next: match (missing, page.next) {
                (true, next) => next.map(|next| PageState::Missing(Some(Box::new(next)))),
                (false, None) => Some(PageState::Missing(None)),
                (false, next) => next,
            },
            total: None,
            ..page
        })
    }
}

/// Returns whether the last record given is one without a value.
fn had_no_value(after: &Position) -> bool {
    let value = after.order.clone().map(Scalar::into_value);
    after.key.is_some() && value.is_none_or(|value| value.is_null())
}
