//! Sends what a connector plans past its breaker, which is told how each request went.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use super::Connector;
use crate::{
    context::CallContext,
    error::Error,
    layers::breaker::{Pass, State},
    request::RequestPlan,
    transport::{Access, Departure, Response},
};

impl Connector {
    /// Returns the present sign-in. Signing in counts for the breaker when it fails.
    pub(super) async fn access(&self, context: &CallContext) -> Result<Arc<Access>, Error> {
        if let Some(access) = self.transport.authorizer().present(context) {
            return Ok(access);
        }
        let pass = self.breaker.admit()?;
        let result = self.transport.access(context).await;
        if result.is_err() {
            self.tell(pass, &result);
        }
        result
    }

    /// Sends one planned request past the breaker. The pass is told how reading the answer went.
    pub(super) async fn fetch(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
    ) -> Result<(Arc<Response>, Pass<'_>), Error> {
        self.fetch_noted(context, access, plan, None).await
    }

    /// The same, telling of requests that change something before they leave.
    pub(super) async fn fetch_noted(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
        departure: Option<&dyn Departure>,
    ) -> Result<(Arc<Response>, Pass<'_>), Error> {
        let pass = self.breaker.admit()?;
        match self.transport.send(context, access, plan, departure).await {
            Ok(response) => Ok((response, pass)),
            Err(error) => {
                let result = Err(error);
                self.tell(pass, &result);
                result.map(|never: std::convert::Infallible| match never {})
            }
        }
    }

    /// Sends an envelope of so many requests past the breaker.
    pub(super) async fn fetch_batch(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
        parts: usize,
    ) -> Result<(Arc<Response>, Pass<'_>), Error> {
        let pass = self.breaker.admit()?;
        match self.transport.send_batch(context, access, plan, parts).await {
            Ok(response) => Ok((response, pass)),
            Err(error) => {
                let result = Err(error);
                self.tell(pass, &result);
                result.map(|never: std::convert::Infallible| match never {})
            }
        }
    }

    /// Sends an envelope of so many requests that change something past the breaker, telling of them before it leaves.
    pub(super) async fn fetch_changes(
        &self,
        context: &CallContext,
        access: Arc<Access>,
        plan: impl Fn(&Access) -> Result<RequestPlan, Error> + Sync,
        departure: &dyn Departure,
        parts: usize,
    ) -> Result<(Arc<Response>, Pass<'_>), Error> {
        let pass = self.breaker.admit()?;
        match self
            .transport
            .send_changes(context, access, plan, departure, parts)
            .await
        {
            Ok(response) => Ok((response, pass)),
            Err(error) => {
                let result = Err(error);
                self.tell(pass, &result);
                result.map(|never: std::convert::Infallible| match never {})
            }
        }
    }

    pub(super) fn tell<T>(&self, pass: Pass<'_>, result: &Result<T, Error>) {
        pass.tell(result);
        if self.shown.open.load(Ordering::SeqCst) == self.breaker.is_closed() {
            self.tell_circuit();
        }
    }

    /// Tells the observer and the metrics that the breaker opened or closed, each change once and in order.
    fn tell_circuit(&self) {
        let _telling = self.shown.telling.lock().unwrap_or_else(PoisonError::into_inner);
        let open = !self.breaker.is_closed();
        if self.shown.open.swap(open, Ordering::SeqCst) == open {
            return;
        }
        self.meter.breaker(open);
        let state = if open { State::Open } else { State::Closed };
        self.observer.circuit(self.id, state);
    }
}
