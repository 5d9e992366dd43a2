//! Keeps the anti-forgery mark of a connection: fetched when it is first needed, once for all who wait for it, anew for
//! each sign-in, and anew when the system no longer takes it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use http::HeaderMap;
use tokio::{sync::Semaphore, time::timeout_at};

use super::{Access, Line, Response};
use crate::{
    blueprint::AntiForgery,
    context::CallContext,
    error::{Error, ErrorKind, Reach},
};

/// A mark with the sign-in that it belongs to.
pub(crate) struct Mark {
    of: Weak<Access>,
    headers: HeaderMap,
}

impl Mark {
    /// Returns the headers of requests that carry it, those of the sign-in included.
    pub(crate) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn serves(&self, access: &Arc<Access>) -> bool {
        self.of.ptr_eq(&Arc::downgrade(access))
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mark").finish_non_exhaustive()
    }
}

/// The mark of one connection.
#[derive(Debug)]
pub(crate) struct Marks {
    current: Mutex<Option<Arc<Mark>>>,
    /// The right to fetch one.
    fetching: Semaphore,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            current: Mutex::default(),
            fetching: Semaphore::new(1),
        }
    }
}

impl Marks {
    /// Returns the mark for a sign-in, another than the one that the system refused; none when the system wants none.
    /// What fails on the way to it says nothing about the request that wants it, which was not sent.
    pub(crate) async fn find(
        &self,
        context: &CallContext,
        line: &Line,
        access: &Arc<Access>,
        refused: Option<&Arc<Mark>>,
    ) -> Result<Option<Arc<Mark>>, Error> {
        let Some(wanted) = line.blueprint().anti_forgery() else {
            return Ok(None);
        };
        let not_sent = |error: Error| error.with_reach(Reach::NotSent);
        let mark = self.wait(context, line, access, refused, wanted).await;
        mark.map(Some).map_err(not_sent)
    }

    async fn wait(
        &self,
        context: &CallContext,
        line: &Line,
        access: &Arc<Access>,
        refused: Option<&Arc<Mark>>,
        wanted: &AntiForgery,
    ) -> Result<Arc<Mark>, Error> {
        if let Some(mark) = self.serving(access, refused) {
            return Ok(mark);
        }
        let late = |_| Error::new(ErrorKind::DeadlineExceeded, "the anti-forgery mark took all the time");
        let _alone = timeout_at(context.deadline(), self.fetching.acquire())
            .await
            .map_err(late)?
            .map_err(|_| Error::new(ErrorKind::Internal, "the connection is closed"))?;
        if let Some(mark) = self.serving(access, refused) {
            return Ok(mark);
        }
        let mark = Arc::new(fetch(context, line, access, wanted).await?);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&mark));
        Ok(mark)
    }

    fn serving(&self, access: &Arc<Access>, refused: Option<&Arc<Mark>>) -> Option<Arc<Mark>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        current.filter(|mark| mark.serves(access) && refused.is_none_or(|refused| !Arc::ptr_eq(refused, mark)))
    }
}

async fn fetch(context: &CallContext, line: &Line, access: &Arc<Access>, wanted: &AntiForgery) -> Result<Mark, Error> {
    let plan = line.blueprint().plan_anti_forgery(wanted, &access.variables())?;
    // An answer to HEAD has no body, so a mark is proof enough that all is well.
    let has_mark = |response: &Response| response.status.is_success() && response.headers.contains_key(wanted.header());
    let classify = |response: &Response| {
        if has_mark(response) {
            None
        } else {
            line.classify(response)
        }
    };
    let response = line.exchange_as(context, &plan, access, &classify).await?;
    let headers = wanted.marked(access.headers(), &response.headers).ok_or_else(|| {
        let message = "the answer has no anti-forgery mark";
        Error::new(ErrorKind::MalformedResponse, message).with_status(response.status.as_u16())
    })?;
    Ok(Mark {
        of: Arc::downgrade(access),
        headers,
    })
}
