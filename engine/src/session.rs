//! Who asks, until when, and what was already loaded: the state of one request.

use std::{sync::Arc, time::Duration};

use lineshaft_connect::context::CallContext;
use tokio::time::Instant;

use crate::{
    connections::{Visible, visible_to},
    model::Model,
    origin::Origin,
    query::loaders::Loaders,
    tokens::Caller,
};

/// The state of one request.
pub struct Session {
    /// Who asks.
    pub caller: Caller,
    /// Which connections the caller may see.
    pub visible: Visible,
    /// When the request must be answered.
    pub deadline: Instant,
    /// The id of the request, for logs and errors.
    pub request_id: Arc<str>,
    /// The network address that the request came from.
    pub address: Option<Arc<str>>,
    /// What the records of the organization look like; it stays as it was when the request began.
    pub model: Arc<Model>,
    /// What was already loaded.
    pub loaders: Loaders,
}

impl Session {
    /// Starts a request that has so much time.
    #[must_use]
    pub fn start(caller: Caller, model: Arc<Model>, request_id: Arc<str>, time: Duration) -> Self {
        let visible = visible_to(&caller);
        Self {
            caller,
            visible,
            deadline: Instant::now() + time,
            request_id,
            address: None,
            model,
            loaders: Loaders::default(),
        }
    }

    /// Notes the network address that the request came from.
    #[must_use]
    pub fn from_address(mut self, address: Option<Arc<str>>) -> Self {
        self.address = address;
        self
    }

    /// Returns who asks and from where, for the audit log.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::caller(
            &self.caller,
            self.address.as_deref().map(str::to_owned),
            self.request_id.clone(),
        )
    }

    /// Returns when a list must have been read. Where relations follow, a third of the time that is left is kept for
    /// them: else one system that does not answer would cost the others theirs.
    pub(crate) fn list_deadline(&self, relations: bool) -> Instant {
        if !relations {
            return self.deadline;
        }
        let now = Instant::now();
        now + self.deadline.saturating_duration_since(now) * 2 / 3
    }

    /// Returns a context whose upstream calls are counted on their own.
    #[must_use]
    pub fn context(&self) -> CallContext {
        CallContext::new(self.deadline, self.request_id.clone())
    }
}
