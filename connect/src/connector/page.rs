//! Fetches pages and reads them, large ones on a thread for blocking work.

use std::sync::Arc;

use super::Connector;
use crate::{
    blueprint::Blueprint,
    context::CallContext,
    error::{Error, ErrorKind},
    request::{ListPage, ListRequest, PlannedLookUp, RequestPlan},
    transport::{Access, Response},
};

/// Larger bodies are read aside, so that other queries go on meanwhile.
pub(super) const LARGE_BODY: usize = 512 * 1024;

/// What the answer to a request is read as.
#[derive(Clone, Copy)]
pub(super) enum Asked<'a> {
    List(&'a ListRequest),
    LookUp(&'a PlannedLookUp),
}

impl Asked<'_> {
    /// Returns whether reading it may take long whatever its size.
    fn evaluates(self, blueprint: &Blueprint) -> bool {
        let request = match self {
            Self::List(request) => request,
            Self::LookUp(look_up) => &look_up.request,
        };
        let resource = blueprint.resource(request.kind);
        resource.is_some_and(|resource| resource.mapping().evaluates(&request.projection))
    }

    fn read(self, blueprint: &Blueprint, response: &Response) -> Result<ListPage, Error> {
        let kind = match self {
            Self::List(request) => request.kind,
            Self::LookUp(look_up) => look_up.request.kind,
        };
        let Some(resource) = blueprint.resource(kind) else {
            return Err(Error::new(ErrorKind::Internal, "the type has no plan"));
        };
        match self {
            Self::List(request) => resource.read_page(request, &response.body, &response.headers),
            Self::LookUp(look_up) => resource.read_look_up(look_up, &response.body, &response.headers),
        }
    }
}

impl Connector {
    /// Fetches and reads one page.
    pub(super) async fn page(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
        asked: Asked<'_>,
    ) -> Result<ListPage, Error> {
        let (response, pass) = self.fetch(context, access, plan).await?;
        let page = if response.body.len() < LARGE_BODY && !asked.evaluates(&self.blueprint) {
            asked.read(&self.blueprint, &response)
        } else {
            self.read_aside(asked, response).await
        };
        self.tell(pass, &page);
        page
    }

    async fn read_aside(&self, asked: Asked<'_>, response: Arc<Response>) -> Result<ListPage, Error> {
        let blueprint = Arc::clone(&self.blueprint);
        let reading = match asked {
            Asked::List(request) => {
                let request = request.clone();
                tokio::task::spawn_blocking(move || Asked::List(&request).read(&blueprint, &response))
            }
            Asked::LookUp(look_up) => {
                let look_up = look_up.clone();
                tokio::task::spawn_blocking(move || Asked::LookUp(&look_up).read(&blueprint, &response))
            }
        };
        reading
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "reading the answer was broken off")))
    }
}
