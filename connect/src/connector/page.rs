//! Fetches pages and reads them, large ones on a thread for blocking work.

use std::sync::Arc;

use super::Connector;
use crate::{
    blueprint::{Blueprint, labels::Tables},
    context::CallContext,
    error::{Error, ErrorKind},
    request::{ListPage, ListRequest, PlannedLookUp, RequestPlan},
    transport::{Access, Response},
};

/// Larger bodies are read aside, so that other queries go on meanwhile.
pub(crate) const LARGE_BODY: usize = 512 * 1024;

/// What the answer to a request is read as.
#[derive(Clone, Copy)]
pub(super) enum Asked<'a> {
    List(&'a ListRequest),
    LookUp(&'a PlannedLookUp),
}

impl<'a> Asked<'a> {
    const fn request(self) -> &'a ListRequest {
        match self {
            Self::List(request) => request,
            Self::LookUp(look_up) => &look_up.request,
        }
    }

    /// Returns whether reading it may take long whatever its size.
    fn evaluates(self, blueprint: &Blueprint) -> bool {
        let request = self.request();
        let resource = blueprint.resource(request.kind);
        resource.is_some_and(|resource| resource.mapping().evaluates(&request.projection))
    }

    fn read(self, blueprint: &Blueprint, response: &Response, tables: &Tables) -> Result<ListPage, Error> {
        let Some(resource) = blueprint.resource(self.request().kind) else {
            return Err(Error::new(ErrorKind::Internal, "the type has no plan"));
        };
        match self {
            Self::List(request) => resource.read_page_with(request, &response.body, &response.headers, tables),
            Self::LookUp(look_up) => resource.read_look_up_with(look_up, &response.body, &response.headers, tables),
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
        let tables = match self.blueprint.resource(asked.request().kind) {
            Some(resource) => self.tables(context, resource, &asked.request().projection).await?,
            None => Arc::default(),
        };
        self.page_with(context, access, plan, asked, &tables).await
    }

    /// The same with the tables of codes at hand.
    pub(super) async fn page_with(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
        asked: Asked<'_>,
        tables: &Arc<Tables>,
    ) -> Result<ListPage, Error> {
        let (response, pass) = match self.fetch(context, access, plan).await {
            Err(error) if error.nothing_found() => return Ok(ListPage::empty()),
            fetched => fetched?,
        };
        let page = self.read(asked, response, tables).await;
        self.tell(pass, &page);
        page
    }

    /// Reads an answer.
    pub(super) async fn read(
        &self,
        asked: Asked<'_>,
        response: Arc<Response>,
        tables: &Arc<Tables>,
    ) -> Result<ListPage, Error> {
        if response.body.len() < LARGE_BODY && !asked.evaluates(&self.blueprint) {
            return asked.read(&self.blueprint, &response, tables);
        }
        let (blueprint, tables) = (Arc::clone(&self.blueprint), Arc::clone(tables));
        let reading = match asked {
            Asked::List(request) => {
                let request = request.clone();
                tokio::task::spawn_blocking(move || Asked::List(&request).read(&blueprint, &response, &tables))
            }
            Asked::LookUp(look_up) => {
                let look_up = look_up.clone();
                tokio::task::spawn_blocking(move || Asked::LookUp(&look_up).read(&blueprint, &response, &tables))
            }
        };
        reading
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "reading the answer was broken off")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use std::time::Duration;

    use lineshaft_schema::{Filter, Projection};
    use serde_json::json;

    use super::*;
    use crate::{
        blueprint::tests::definition,
        transport::testing::{Scripted, Seen, Setup, answer},
    };

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_means_nothing_found_is_the_end_of_a_list() {
        let patch = json!({
            "protocol": "json_rest",
            "errors": [{"when": {"status": 404}, "kind": "not_found", "nothing_found": true}],
            "resources": {"Vendor": {
                "remote": "vendor", "key": "id", "fields": {"name": "name"},
                "list": {
                    "request": {"path": "/rows", "query": {"offset": "{{offset}}"}},
                    "paging": {"offset": {}}, "page_size": 2, "max_page_size": 2
                }
            }}
        });
        let wire = Scripted::new(|seen: &Seen| match seen.url.contains("offset=2") {
            true => answer(404, r#"{"errors": {"base": ["nothing"]}}"#),
            false => answer(200, &json!({"rows": [{"id": 1}, {"id": 2}]}).to_string()),
        });
        let connector = Setup::with_token(wire.clone()).patch(&patch).connector();
        let context = CallContext::within(Duration::from_secs(30), "r");
        let mut request = ListRequest {
            kind: definition("Vendor").index,
            filter: Filter::always(),
            order: None,
            after: None,
            limit: 4,
            projection: Projection::default(),
            count: false,
            page: None,
        };
        let first = connector.list(&context, request.clone()).await.unwrap();
        assert_eq!(first.records.len(), 2);
        request.page = first.next;
        assert!(request.page.is_some());
        let second = connector.list(&context, request).await.unwrap();
        assert_eq!((second.records.len(), second.next), (0, None));
        assert_eq!(wire.count(), 2);
    }
}
