//! Goes on with a list whose cursor the system forgot.

use lineshaft_schema::RemoteKey;

use super::{Connector, page::Asked};
use crate::{
    blueprint::ResourcePlan,
    context::CallContext,
    error::Error,
    request::{ListPage, ListRequest, PageState},
    transport::Access,
};

impl Connector {
    /// Reads a page of a list.
    pub(super) async fn list_page(
        &self,
        context: &CallContext,
        resource: &ResourcePlan,
        request: &ListRequest,
    ) -> Result<ListPage, Error> {
        match self.planned_page(context, resource, request).await {
            Err(error) if error.cursor_expired() => match &request.page {
                Some(PageState::Held { last: Some(last), .. }) => {
                    self.go_on(context, resource, request, last, error).await
                }
                _ => Err(error),
            },
            page => page,
        }
    }

    async fn planned_page(
        &self,
        context: &CallContext,
        resource: &ResourcePlan,
        request: &ListRequest,
    ) -> Result<ListPage, Error> {
        let access = self.access(context).await?;
        let plan = |access: &Access| resource.plan_list(request, &access.variables());
        self.page(context, access, plan, Asked::List(request)).await
    }

    /// Asks for what is behind the last record, or reads the list anew and leaves out everything up to it.
    async fn go_on(
        &self,
        context: &CallContext,
        resource: &ResourcePlan,
        request: &ListRequest,
        last: &RemoteKey,
        expired: Error,
    ) -> Result<ListPage, Error> {
        if let Some(behind) = resource.go_on_behind(request, last) {
            let mut page = self.planned_page(context, resource, &behind).await?;
            if let Some(PageState::Held { from, last: read, .. }) = &mut page.next {
                *from = Some(last.clone());
                read.get_or_insert_with(|| last.clone());
            }
            // Where the caller stands in the list was settled by the pages before.
            page.sought = false;
            return Ok(page);
        }
        let mut again = ListRequest {
            page: None,
            count: false,
            ..request.clone()
        };
        loop {
            let mut page = self.planned_page(context, resource, &again).await?;
            if let Some(at) = page.records.iter().position(|record| record.key == *last) {
                page.records.drain(..=at);
                page.sought = false;
                return Ok(page);
            }
            match page.next {
                Some(next) => again.page = Some(next),
                // The last record is gone, so that nobody can tell what was read and what was not.
                None => return Err(expired),
            }
        }
    }
}
