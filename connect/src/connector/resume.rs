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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };

    use lineshaft_schema::{Filter, Projection};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        blueprint::tests::definition,
        transport::testing::{Act, Scripted, Seen, Setup, answer},
    };

    /// Nine vendors, three a page; the cursor behind the first page is forgotten once.
    fn play(seen: &Seen, forgotten: &AtomicBool) -> Act {
        let asked = url::Url::parse(&seen.url).unwrap();
        let parameter = |name: &str| {
            let mut pairs = asked.query_pairs();
            pairs
                .find(|(known, _)| known == name)
                .and_then(|(_, value)| value.parse::<u32>().ok())
        };
        let first = match (parameter("cursor"), parameter("after")) {
            (Some(3), _) if !forgotten.swap(true, Ordering::SeqCst) => return answer(410, "{}"),
            (Some(cursor), _) => cursor,
            (None, Some(after)) => after + 1,
            (None, None) => 0,
        };
        let rows: Vec<Value> = (first..9).take(3).map(|id| json!({"id": id})).collect();
        let next = (first + 3 < 9).then(|| (first + 3).to_string());
        answer(200, &json!({"rows": rows, "next": next}).to_string())
    }

    async fn read(seek: bool) -> (Vec<String>, usize) {
        let mut vendor = json!({
            "remote": "vendor", "key": "id", "fields": {"name": "name"},
            "list": {
                "request": {"path": "/rows", "query": {"cursor": "{{cursor}}"}},
                "paging": {"server_cursor": {"next": "next"}}, "page_size": 3, "max_page_size": 3
            }
        });
        if seek {
            vendor["seek"] = json!({"parameter": "after"});
        }
        let patch = json!({
            "protocol": "json_rest",
            "errors": [{"when": {"status": 410}, "kind": "invalid_request", "cursor_expired": true}],
            "resources": {"Vendor": vendor}
        });
        let forgotten = AtomicBool::new(false);
        let wire = Scripted::new(move |seen: &Seen| play(seen, &forgotten));
        let connector = Setup::with_token(wire.clone()).patch(&patch).connector();
        let context = CallContext::within(Duration::from_secs(30), "r");
        let mut request = ListRequest {
            kind: definition("Vendor").index,
            filter: Filter::always(),
            order: None,
            after: None,
            limit: 3,
            projection: Projection::default(),
            count: false,
            page: None,
        };
        let mut found = Vec::new();
        loop {
            let page = connector.list(&context, request.clone()).await.unwrap();
            found.extend(page.records.iter().map(|record| record.key.to_string()));
            match page.next {
                Some(next) => request.page = Some(next),
                None => return (found, wire.count()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_goes_on_behind_the_last_record() {
        let (found, calls) = read(true).await;
        assert_eq!(found, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
        assert_eq!(calls, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_begins_anew_gives_nothing_twice() {
        let (found, calls) = read(false).await;
        assert_eq!(found, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
        assert_eq!(calls, 5);
    }
}
