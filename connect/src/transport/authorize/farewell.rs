//! Keeps sessions from ending while they are used, and gives up those that are no longer needed. Neither can fail an
//! operation: what goes wrong is written to the log.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tracing::Instrument as _;

use super::{Access, Authorizer};
use crate::{
    blueprint::{Call, SignIn},
    context::CallContext,
    request::RequestPlan,
};

/// How long giving a session up may take.
const TIME: Duration = Duration::from_secs(5);

/// A session that is to be given up.
#[derive(Debug)]
pub struct Farewell {
    authorizer: Arc<Authorizer>,
    access: Arc<Access>,
}

impl Farewell {
    /// Tells the system that the session is no longer needed. Tried once, for a few seconds at most.
    pub async fn send(self) {
        self.authorizer.log_out(&self.access).await;
    }
}

impl Authorizer {
    /// Returns the stored session, to be given up once the connection is gone; nothing when the system wants no such word
    /// or there is no session.
    pub(crate) async fn farewell(self: &Arc<Self>) -> Option<Farewell> {
        let blueprint = &self.parts.blueprint;
        if !blueprint.sign_ins().iter().any(|way| way.logout().is_some()) {
            return None;
        }
        let credentials = self.parts.store.load().await.ok()?;
        let way = self
            .way_for(&credentials.values)
            .ok()
            .filter(|way| way.logout().is_some())?;
        let stored = self.parts.store.load_session().await.ok()??;
        if self.was_refused(&stored) {
            return None;
        }
        let access = self.finish(way, &credentials, Some(&stored), self.parts.clock.now());
        Some(Farewell {
            authorizer: Arc::clone(self),
            access: access.ok()?,
        })
    }

    /// Forgets the present session and gives it up aside, if it is that of credentials that were replaced since. One of the
    /// new ones, which somebody may have opened meanwhile, stays.
    pub(crate) fn leave(self: &Arc<Self>) {
        let Some(access) = self.current() else { return };
        self.forget();
        let is_counted = self
            .way_for(access.variables().credentials)
            .is_ok_and(|way| way.logout().is_some());
        if is_counted && !access.has_ended() {
            let authorizer = Arc::clone(self);
            let task = async move {
                let stored = authorizer.parts.store.load().await;
                if stored.is_ok_and(|stored| access.credentials_version() < stored.version) {
                    let context = CallContext::new(Instant::now() + TIME, "logout");
                    authorizer.give_up(&context, access);
                }
            };
            tokio::spawn(task.in_current_span());
        }
    }

    /// Gives a session up aside, once the requests that still use it have had their time.
    pub(super) fn give_up(self: &Arc<Self>, context: &CallContext, access: Arc<Access>) {
        let (authorizer, wait) = (Arc::clone(self), self.parts.line.attempt_time());
        tracing::debug!(request_id = context.request_id(), "a session is given up");
        let task = async move {
            sleep(wait).await;
            authorizer.log_out(&access).await;
        };
        tokio::spawn(task.in_current_span());
    }

    async fn log_out(&self, access: &Access) {
        let Some(plan) = self.planned_with(access, SignIn::logout) else {
            return;
        };
        let context = CallContext::new(Instant::now() + TIME, "logout");
        if let Err(error) = self.parts.line.exchange(&context, &plan, access).await {
            tracing::debug!(error.kind = error.kind().code(), "a session could not be given up");
        }
    }

    /// Sends what keeps a session from ending, aside, when it is time.
    pub(super) fn keep_alive(self: &Arc<Self>, context: &CallContext, access: &Arc<Access>) {
        if !access.take_turn_to_keep_alive() {
            return;
        }
        let (authorizer, access) = (Arc::clone(self), Arc::clone(access));
        let context = CallContext::new(Instant::now() + self.parts.line.attempt_time(), context.request_id());
        let task = async move {
            let Some(plan) = authorizer.planned_with(&access, SignIn::keep_alive) else {
                return;
            };
            // When the session has ended, the next request signs in again.
            if let Err(error) = authorizer.parts.line.exchange(&context, &plan, &access).await {
                tracing::debug!(error.kind = error.kind().code(), "a session could not be kept alive");
            }
        };
        tokio::spawn(task.in_current_span());
    }

    /// Plans one of the requests that go with the session of an access.
    fn planned_with(&self, access: &Access, call: impl Fn(&SignIn) -> Option<&Call>) -> Option<RequestPlan> {
        let variables = access.variables();
        let call = call(self.way_for(variables.credentials).ok()?)?;
        match self.parts.blueprint.plan_call(call, &variables) {
            Ok(plan) => Some(plan),
            Err(error) => {
                tracing::warn!(%error, "the request for a session cannot be made");
                None
            }
        }
    }
}
